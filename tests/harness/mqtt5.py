"""An MQTT client of 3.1, 3.1.1 or 5.0 that does nothing by itself: tests say what it sends, and which packet comes next. What
the broker must never send to any client is checked in every packet."""
import collections
import itertools
import struct
import sys

from . import packets
from .mqtt import Client, password
from .packets import V5, VERSIONS

_last = itertools.count(1)


class Peer(Client):
    """login: (access key id, secret, instance) for the Signature user name, or None."""

    def __init__(self, port, client_id, version=V5, login=None, tls=False, **transport):
        super().__init__(port, client_id, None, tls, connect=False, **transport)
        self.version, self.login = version, login
        self.history, self.kept = collections.deque(maxlen=8), collections.deque()
        self.limits, self.aliases, self.connack = {}, {}, None

    def __repr__(self):
        return f"client {self.client_id!r} ({VERSIONS[self.version]})"

    # ---- CONNECT ----
    def credentials(self):
        if self.login is None:
            return {}
        return {"user": f"Signature|{self.login[0]}|{self.login[2]}", "pw": password(self.login[1], self.client_id)}

    def connect_packet(self, **opening):
        given = opening.get("properties")
        self.limits = given if isinstance(given, dict) else {}
        return packets.connect(self.client_id, self.version, **{**self.credentials(), **opening})

    def connect(self, reason=0, **opening):
        """Sends CONNECT and returns the CONNACK, whose reason is that one."""
        self.send(self.connect_packet(**opening))
        self.connack = self.expect("CONNACK", reason=reason)
        if reason:
            self.gone()
        return self.connack

    @property
    def present(self):
        return self.connack.session_present

    def announced(self, name, otherwise):
        """A property of CONNACK, or what it is when the broker does not send it."""
        return self.connack.properties.get(name, otherwise)

    # ---- one packet ----
    def next(self):
        first, body = self.receive()
        got = packets.decode(self.version, first, body)
        self.history.append(got)
        size = 1 + len(packets.variable(len(body))) + len(body)
        assert size <= (self.limits.get("packet_max") or sys.maxsize), f"{self}: {size} bytes are too large for it: {got}"
        if self.limits.get("request_problem", 1) == 0 and got.kind not in ("CONNACK", "PUBLISH", "DISCONNECT"):
            unasked = {"reason_string", "user"} & set(got.fields.get("properties", {}))
            assert not unasked, f"{self} asked for no problem information: {got}"
        if got.kind == "PUBLISH":
            self._alias(got)
        return got

    def _alias(self, got):
        """Puts the topic in, and checks what the broker may do with aliases (§3.3.2.3.4)."""
        alias = got.properties.get("topic_alias")
        if alias is None:
            return
        assert alias <= self.limits.get("topic_alias_max", 0), f"{self} has not allowed this alias: {got}"
        if not got.topic:
            assert alias in self.aliases, f"{self} has not been told this alias: {got}"
            got.fields["topic"] = self.aliases[alias]
        self.aliases[alias] = got.topic

    def expect(self, kind, keep=False, **fields):
        """The next packet, which is of that kind and has these fields. keep: PUBLISHes may come first and are kept."""
        while True:
            try:
                got = self.kept.popleft() if kind == "PUBLISH" and self.kept else self.next()
            except (EOFError, TimeoutError, ConnectionError) as e:
                raise AssertionError(f"{self}: expected {packets.Packet(kind, **fields)}, but {e}; before: "
                                     f"{list(self.history)}") from None
            if not (keep and got.kind == "PUBLISH" and kind != "PUBLISH"):
                break
            self.kept.append(got)
        wrong = {k: v for k, v in fields.items() if got.kind == kind and got.fields.get(k) != v}
        assert got.kind == kind and not wrong, f"{self}: expected {packets.Packet(kind, **fields)}, got {got}"
        return got

    def gone(self, timeout=10):
        """The broker closes without another word."""
        self.sock.settimeout(timeout)
        try:
            got = self.next()
        except (EOFError, ConnectionError):
            return
        except TimeoutError:
            raise AssertionError(f"{self}: still connected after {timeout} s; before: {list(self.history)}") from None
        raise AssertionError(f"{self}: expected the end, got {got}")

    def ends(self, *reasons, timeout=10):
        """The broker ends the connection: with DISCONNECT and one of these reasons (5.0), or without a word (before)."""
        self.sock.settimeout(timeout)
        if self.version == V5:
            got = self.expect("DISCONNECT")
            assert got.reason in reasons, f"{self}: expected DISCONNECT {[hex(r) for r in reasons]}, got {got}"
        self.gone(timeout)

    def silent(self):
        """Nothing was on its way to this client."""
        self.send(packets.PINGREQ)
        self.expect("PINGRESP")

    def ping(self):
        self.send(packets.PINGREQ)
        self.expect("PINGRESP", keep=True)

    # ---- whole exchanges; PUBLISHes that come in between are kept for message() ----
    def pid(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def subscribe(self, *filters, properties=None, granted=True):
        """filters: a filter, or (filter, options byte). Returns the reasons; granted: they are the QoS asked for."""
        rows, pid = [f if isinstance(f, tuple) else (f, 0) for f in filters], self.pid()
        self.send(packets.subscribe(pid, rows, self.version, properties))
        reasons = self.expect("SUBACK", keep=True, pid=pid).reasons
        assert not granted or reasons == [options & 3 for _, options in rows], f"{self}: {rows} granted {reasons}"
        return reasons

    def unsubscribe(self, *filters, properties=None):
        pid = self.pid()
        self.send(packets.unsubscribe(pid, filters, self.version, properties))
        return self.expect("UNSUBACK", keep=True, pid=pid).fields.get("reasons")

    def send_publish(self, topic, payload=b"", **fields):
        """Sends one PUBLISH and returns its packet identifier; waits for nothing."""
        pid = fields.pop("pid", None) or (self.pid() if fields.get("qos") else None)
        self.send(packets.publish(topic, payload, self.version, pid=pid, **fields))
        return pid

    def publish(self, topic, payload=b"", qos=0, reason=(0x00, 0x10), **fields):
        """The whole exchange; returns the PUBACK or PUBREC."""
        pid = self.send_publish(topic, payload, qos=qos, **fields)
        if qos == 0:
            return None
        got = self.expect("PUBACK" if qos == 1 else "PUBREC", keep=True, pid=pid)
        allowed = reason if isinstance(reason, tuple) else (reason,)
        assert got.reason in allowed, f"{self}: expected {[hex(r) for r in allowed]}, got {got}"
        if qos == 2 and got.reason < 0x80:
            self.acknowledge("PUBREL", pid)
            self.expect("PUBCOMP", keep=True, pid=pid, reason=0)
        return got

    def acknowledge(self, kind, pid, reason=None, properties=None):
        self.send(packets.acknowledgement(kind, pid, self.version, reason, properties))

    def message(self, acknowledge=True, **fields):
        """The next PUBLISH, acknowledged to the end."""
        got = self.expect("PUBLISH", **fields)
        if got.qos == 1 and acknowledge:
            self.acknowledge("PUBACK", got.pid)
        if got.qos == 2 and acknowledge:
            self.acknowledge("PUBREC", got.pid)
            self.expect("PUBREL", keep=True, pid=got.pid, reason=0)
            self.acknowledge("PUBCOMP", got.pid)
        return got

    def nothing_from(self, *senders):
        """No message of theirs is on its way: one more of each, which cannot overtake, is the next that comes."""
        for sender in senders:
            topic = f"last/{next(_last)}"
            self.subscribe((topic, 1))
            sender.publish(topic, b"last", 1)
            self.message(topic=topic, payload=b"last")
            self.unsubscribe(topic)

    def leave(self, reason=None, properties=None):
        """DISCONNECT, and the end."""
        self.send(packets.disconnect(reason, properties))
        self.gone()
        self.sock.close()

    def cut(self):
        """Lost in the middle: the socket is reset."""
        self.sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
        self.sock.close()
