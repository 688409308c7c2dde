"""Clients that nobody here wrote, all asked in the same words. Paho C, MQTT.js and Paho Python run in programs of tests/clients/
that take one JSON object a line (`op`: connect, subscribe, publish, disconnect, forget; names of properties as MQTT.js has them,
payloads in hex) and answer each by its `id`; what arrives comes as an `event`. mosquitto_sub and mosquitto_pub are processes, one a
subscriber and one a publication. Host names resolve through libnss_wrapper."""
import contextlib
import itertools
import json
import os
import queue
import re
import subprocess
import threading
from pathlib import Path

from . import homes
from .mqtt import password
from .process import ROOT, build_dir, wait_until

V31, V311, V5 = 3, 4, 5
VERSIONS = {V31: "3.1", V311: "3.1.1", V5: "5.0"}
SCHEMES = {"tcp": "tcp", "tls": "ssl", "ws": "ws", "wss": "wss"}  # what Paho C calls them; the others' programs translate
LISTENERS = {"tcp": "mqtt", "tls": "mqtts", "ws": "ws", "wss": "wss"}
SECURE = ("tls", "wss")
MODULES = Path(os.environ.get("SIGNET_CLIENT_MODULES", build_dir("clients")))
PROGRAMS = ROOT / "tests" / "clients"
WAIT_S, REFUSED = 15, 0x80
_numbers = itertools.count(1)


class Place:
    """Where clients connect to: a stack with its listeners, the CA that its certificates are from, the names of its hosts."""

    def __init__(self, stack, ca, domain, folder, others=()):
        self.stack, self.ca, self.domain, self.folder = stack, str(ca), domain, Path(folder)
        self.hosts = self.folder / "hosts"
        self.hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in (domain, *others)))
        self.env = {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(self.hosts)}
        self.ports = {each["name"]: each["port"] for each in stack.status()["listeners"]}
        self.drivers = {}

    def driver(self, client):
        if client not in self.drivers:
            self.drivers[client] = Driver(client, self)
        return self.drivers[client]

    def close(self):
        for d in self.drivers.values():
            d.close()


class Driver:
    """One process of a library, with any number of clients in it."""

    def __init__(self, client, place):
        self.waiting, self.queues, self.lock = {}, {}, threading.Lock()
        self.errors = open(place.folder / f"{client}-{next(_numbers)}.log", "w+b")
        command = COMMANDS[client]()
        assert Path(command[-1]).exists(), f"{command[-1]} is missing; scripts/test flow makes it"
        self.popen = subprocess.Popen([str(part) for part in command], env=place.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=self.errors, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.popen.stdout:
            told = json.loads(line)
            if "event" in told:
                self.events(told["link"]).put(told)
            else:
                self.waiting.pop(told["id"]).put(told)
        for waiting in list(self.waiting.values()):
            waiting.put({"error": "the program has ended", "reason": -1})

    def events(self, link):
        with self.lock:
            return self.queues.setdefault(link, queue.Queue())

    def ask(self, op, link, **more):
        """Returns at once; the outcome comes into the queue."""
        number, outcome = next(_numbers), queue.Queue()
        self.waiting[number] = outcome
        try:
            self.popen.stdin.write(json.dumps({"id": number, "op": op, "link": link, **more}) + "\n")
            self.popen.stdin.flush()
        except BrokenPipeError:
            outcome.put({"error": "the program has ended", "reason": -1})
        return outcome

    def said(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")[-3000:]

    def call(self, op, link, **more):
        try:
            return self.ask(op, link, **more).get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError(f"no answer to {op} {str(more)[:300]}: {self.said()}") from None

    def close(self):
        self.popen.kill()
        self.popen.wait()
        with contextlib.suppress(OSError):
            self.popen.stdin.close()
        self.errors.close()


COMMANDS = {
    "paho-c": lambda: [build_dir() / "client_paho_c"],
    "mqttjs": lambda: ["node", PROGRAMS / "mqttjs.mjs", MODULES],
    "paho-python": lambda: ["/usr/bin/python3", PROGRAMS / "python_paho.py"],
}
# MQTTAsync takes two seconds for a connection while there is another in its process.
ALONE = ("paho-c",)


REASONS = {"Not authorized": 0x87}  # as mosquitto_pub has them


class Refused(Exception):
    """CONNECT was; `reason` is the code of CONNACK, -1 when there was none."""

    def __init__(self, reason, why):
        super().__init__(f"{reason}: {why}")
        self.reason = reason


class Message:
    def __init__(self, told):
        self.topic, self.payload, self.qos = told["topic"], bytes.fromhex(told["payload"]), told["qos"]
        self.retain, self.properties = told["retain"], told.get("properties", {})

    def __repr__(self):
        return f"<{self.topic} {self.payload[:60]!r} ({len(self.payload)}) qos {self.qos} {self.properties}>"


class Member:
    """What a client that is connected can do. `granted`: of its subscriptions, in their order."""

    def message(self, timeout=WAIT_S, **expected):
        got = self.event("message", timeout)
        wrong = {k: v for k, v in expected.items() if getattr(got, k) != v}
        assert not wrong, f"expected {str(expected)[:300]}, got {got}"
        return got

    def messages(self, count, **expected):
        return [self.message(**expected) for _ in range(count)]

    def waiting(self):
        """What has come and was not asked for."""
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                told = self.queue.get_nowait()
                if told["event"] == "message":
                    found.append(Message(told))
        return found

    def event(self, kind, timeout=WAIT_S):
        while True:
            try:
                told = self.queue.get(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"{self.who}: waited {timeout} s in vain for {kind}") from None
            if told["event"] == kind:
                return Message(told) if kind == "message" else told
            assert kind != "message", f"{self.who}: expected a message, got {told}"


class Linked(Member):
    """A client in a driver."""

    def __init__(self, driver, party, own, client_id, opening, filters):
        self.driver, self.own, self.who = driver, own, f"{party} {client_id}"
        self.link, self.version = f"link-{next(_numbers)}", party.version
        self.queue = driver.events(self.link)
        self.connack = driver.call("connect", self.link, version=party.version, clientId=client_id, **opening)
        if self.connack.get("error") or self.connack["reason"] != 0:
            self.forget()
            raise Refused(self.connack["reason"], self.connack)
        self.present, self.granted = self.connack["present"], []
        for topic, qos, *more in filters:
            self.granted.append(self.subscribe(topic, qos, *more))

    def subscribe(self, topic, qos=0, identifier=None):
        more = {"properties": {"subscriptionIdentifier": identifier}} if identifier is not None else {}
        return self.driver.call("subscribe", self.link, topic=topic, qos=qos, **more)["reason"]

    def publish(self, topic, *payloads, qos=0, retain=False, properties=None):
        """All are sent at once. The reasons, in their order."""
        more = {"properties": properties} if properties else {}
        asked = [self.driver.ask("publish", self.link, topic=topic, payload=p.hex(), qos=qos, retain=retain, **more) for p in payloads]
        told = [outcome.get(timeout=WAIT_S) for outcome in asked]
        assert not [t for t in told if t.get("error") and t["reason"] < REFUSED], f"{self.who}: {told} {self.driver.said()}"
        return [t["reason"] for t in told]

    def leave(self):
        """DISCONNECT."""
        told = self.driver.call("disconnect", self.link)
        assert not told.get("error"), told
        self.forget()

    def kill(self):
        """With kill -9: nothing is said."""
        assert self.own, "others are in this process too"
        self.driver.close()

    def forget(self):
        if self.driver.popen.poll() is None:
            self.driver.call("forget", self.link)
        if self.own:
            self.driver.close()


class MosquittoSub(Member):
    """mosquitto_sub: -d says what happened, -F prints a message in a line."""
    FORMAT = "message\t%q\t%r\t%t\t%x"
    FORMAT_5 = FORMAT + "\t%E\t%R\t%D\t%C\t%F\t%S\t%P"
    NAMES_5 = {"messageExpiryInterval": int, "responseTopic": str, "correlationData": str, "contentType": str,
               "payloadFormatIndicator": int, "subscriptionIdentifier": lambda text: [int(text)],
               "userProperties": lambda text: [pair.split(":", 1) for pair in text.split(" ")]}

    def __init__(self, party, client_id, opening, filters):
        self.who, self.version, self.queue, self.present = f"{party} {client_id}", party.version, queue.Queue(), None
        self.debug, self.done = [], threading.Event()
        # without a topic it does not run; of one filter the QoS is that of all
        topics = [part for topic, *_ in filters or [("unused/" + client_id.replace("@", ""), 0)] for part in ("-t", topic)]
        more = ["-q", str(filters[0][1])] if filters else []
        if filters and len(filters[0]) > 2 and filters[0][2] is not None:
            more += ["-D", "subscribe", "subscription-identifier", str(filters[0][2])]
        line = self.FORMAT_5 if party.version == V5 else self.FORMAT
        self.popen = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *party.arguments(client_id, opening), *topics, *more, "-d",
                                       "-F", line], env=party.place.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)
        threading.Thread(target=self._read, daemon=True).start()
        subscribed = wait_until(lambda: self._find(r"Subscribed \(mid: \d+\): ([\d, ]+)") or self.done.is_set(), WAIT_S, "SUBACK")
        if subscribed is True and not self._find("received SUBACK"):
            self.popen.wait()
            refused = self._find(r"received CONNACK \((\d+)\)")
            raise Refused(int(refused.group(1)) if refused else -1, "\n".join(self.debug))
        self.granted = [int(code) for code in (subscribed or self._find(r"Subscribed \(mid: \d+\): ([\d, ]+)")).group(1).split(",")]

    def _find(self, pattern):
        return re.search(pattern, "\n".join(list(self.debug)))

    def _read(self):
        for line in self.popen.stdout:
            if line.startswith("message\t"):
                self.queue.put(self._message(line.rstrip("\n").split("\t")[1:]))
            else:
                self.debug.append(line.rstrip("\n"))
                ended = re.search(r"received DISCONNECT \((\d+)\)", line, re.I)
                if ended:
                    self.queue.put({"event": "disconnect", "reason": int(ended.group(1))})
        self.done.set()
        self.queue.put({"event": "closed"})

    def _message(self, fields):
        qos, retain, topic, payload, *rest = fields
        found = {name: read(text) for (name, read), text in zip(self.NAMES_5.items(), rest) if text}
        return {"event": "message", "topic": topic, "payload": payload, "qos": int(qos), "retain": retain == "1", "properties": found}

    def leave(self):
        self.popen.terminate()
        self.popen.wait(WAIT_S)

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    forget = kill


class MosquittoPub:
    """A mosquitto_pub for each publication, or for several to the same topic."""
    OPTIONS = {"messageExpiryInterval": "message-expiry-interval", "responseTopic": "response-topic",
               "correlationData": "correlation-data", "contentType": "content-type",
               "payloadFormatIndicator": "payload-format-indicator", "topicAlias": "topic-alias"}

    def __init__(self, party):
        self.party = party

    def publish(self, topic, *payloads, qos=0, retain=False, properties=None):
        p = self.party
        more = [] if len(payloads) > 1 else ["-n"] if payloads == (b"",) else ["-s"]
        for name, value in (properties or {}).items():
            values = value if name == "userProperties" else [(value,)]
            for each in values:
                more += ["-D", "publish", self.OPTIONS.get(name, "user-property"), *map(str, each)]
        body = b"".join(line + b"\n" for line in payloads) if len(payloads) > 1 else payloads[0]
        return p.run_pub(*(["-l"] if len(payloads) > 1 else []), "-t", topic, "-q", str(qos), *(["-r"] if retain else []), *more,
                         body=body)

    def leave(self):
        pass


class Party:
    """A client, version and transport at a place. Everybody who joins is of that kind."""

    def __init__(self, place, client, version, transport):
        self.place, self.client, self.version, self.transport, self.members, self._sender = place, client, version, transport, [], None

    def __repr__(self):
        return f"{self.client} {VERSIONS[self.version]} {self.transport}"

    # ---- CONNECT ----
    def opening(self, client_id, *, clean=True, will=None, properties=None, login=None, domain=None, ca=None, certificate=None,
                keep_alive=60, tls12=False, username=None, pw=None, **_):
        """The members of `connect`."""
        key_id, secret, instance = login or self.place.stack.login()
        path = "/mqtt" if self.transport in ("ws", "wss") else ""
        made = {"url": f"{SCHEMES[self.transport]}://{domain or self.place.domain}:{self.place.ports[LISTENERS[self.transport]]}{path}",
                "username": username or f"Signature|{key_id}|{instance}", "password": pw or password(secret, client_id),
                "clean": clean, "keepAlive": keep_alive}
        if self.transport in SECURE:
            made["ca"] = str(ca or self.place.ca)
            if certificate is not None:
                made["cert"], made["key"] = (str(path) for path in certificate)
            if tls12:
                made["tls12"] = True
        if will is not None:
            made["will"] = {**will, "payload": will["payload"].hex()}
        if properties and self.version == V5:
            made["properties"] = properties
        return made

    def arguments(self, client_id, opening):
        """The same for mosquitto_sub and mosquitto_pub."""
        host, port = re.fullmatch(r"\w+://(.*):(\d+)", opening["url"]).groups()
        found = ["-V", {V31: "mqttv31", V311: "mqttv311", V5: "mqttv5"}[self.version], "-h", host, "-p", port, "-i", client_id,
                 "-u", opening["username"], "-P", opening["password"], "-k", str(opening["keepAlive"])]
        for name, option in (("ca", "--cafile"), ("cert", "--cert"), ("key", "--key")):
            found += [option, opening[name]] if name in opening else []
        found += ["--tls-version", "tlsv1.2"] if "tls12" in opening else []
        found += [] if opening["clean"] else ["-c"]
        if "sessionExpiryInterval" in opening.get("properties", {}):
            found += ["-x", str(opening["properties"]["sessionExpiryInterval"])]
        will = opening.get("will")
        if will:
            found += ["--will-topic", will["topic"], "--will-payload", bytes.fromhex(will["payload"]).decode(), "--will-qos",
                      str(will["qos"]), *(["--will-retain"] if will.get("retain") else [])]
            delay = will.get("properties", {}).get("willDelayInterval")
            found += ["-D", "will", "will-delay-interval", str(delay)] if delay is not None else []
        return found

    # ---- who is there ----
    def join(self, *filters, client_id=None, own=False, **opening):
        """filters: a filter, or (filter, QoS[, subscription identifier]). own: a process of its own, which can be killed."""
        client_id = client_id or homes.name()
        filters = [f if isinstance(f, tuple) else (f, 0) for f in filters]
        asked = self.opening(client_id, **opening)
        if self.client == "mosquitto":
            member = MosquittoSub(self, client_id, asked, filters)
        else:
            own = own or self.client in ALONE
            driver = Driver(self.client, self.place) if own else self.place.driver(self.client)
            member = Linked(driver, self, own, client_id, asked, filters)
        member.client_id = client_id
        self.members.append(member)
        return member

    def visit(self, **opening):
        """Connects and leaves with DISCONNECT (mosquitto_sub of MQTT 5 asks for its will when it is ended)."""
        if self.client == "mosquitto":
            self.run_pub("-t", "visits", "-m", "hello", **opening)
        else:
            self.join(**opening).leave()

    @property
    def sender(self):
        if self._sender is None:
            self._sender = MosquittoPub(self) if self.client == "mosquitto" else self.join()
        return self._sender

    def publish(self, topic, *payloads, **more):
        return self.sender.publish(topic, *(p if isinstance(p, bytes) else str(p).encode() for p in payloads), **more)

    def run(self, program, *arguments, body=b"", client_id=None, **opening):
        """What one of mosquitto's programs prints with -d."""
        client_id = client_id or homes.name()
        done = subprocess.run([program, *self.arguments(client_id, self.opening(client_id, **opening)), "-d", *arguments], input=body,
                              env=self.place.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WAIT_S * 2, check=False)
        text = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0 and "rror" not in text, text
        return text

    def run_pub(self, *arguments, **more):
        """The reasons that it shows; of MQTT 5 only."""
        text = self.run("mosquitto_pub", *arguments, **more)
        refused = re.findall(r"Warning: Publish \d+ failed: (.*)\.", text)  # a PUBREC is shown without its code
        shown = re.findall(r"received PUB(?:ACK|COMP) \(Mid: \d+, RC:(\d+)\)", text)
        return [REASONS[why] for why in refused] or [int(code) for code in shown]

    def gone(self, client_id):
        """The broker knows that it is."""
        asked = {"op": "sessions", "clientId": client_id}
        wait_until(lambda: self.place.stack.control(asked)["total"] == 0, what=f"{client_id} to be gone")

    def close(self):
        for m in self.members:
            with contextlib.suppress(Exception):
                m.forget()
