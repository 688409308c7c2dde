"""Listeners behind a balancer: the PROXY protocol, versions 1 and 2, as exact bytes and from a real HAProxy with the configuration of
docs/listeners.md."""
import re
import socket
import ssl
import subprocess
import time

import pytest
from device_cases import World
from harness.homes import name
from harness.metrics import scrape
from harness.mqtt import Client, connect_packet, tls_context
from harness.process import ROOT, wait_until
from harness.proxy import LOCAL, UNKNOWN, UNSPECIFIED, Behind, v1, v2
from harness.raw_tls import client_hello, connected, ended
from harness.stack import Stack
from harness.websocket import WsClient

DOMAIN = "behind.example.com"
KINDS = ["mqtt", "mqtts", "ws", "wss"]
LISTEN = {"SIGNET_WS_LISTEN": "127.0.0.1:0", "SIGNET_WSS_LISTEN": "127.0.0.1:0"}
ALL = {**LISTEN, "SIGNET_PROXY_PROTOCOL": ",".join(KINDS), "SIGNET_PROXY_FROM": "10.0.0.0/8, 127.0.0.1"}


def port(stack, listener):
    return next(each["port"] for each in stack.status()["listeners"] if each["name"] == listener)


def serve(stack, authority):
    cert = stack.upload(authority.issue(DOMAIN))
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    return stack


@pytest.fixture(scope="module")
def proxied(cluster, authority):
    stack = Stack(cluster, env=ALL)
    try:
        yield serve(stack, authority)
    finally:
        stack.close()


def behind(stack, header, client_id=None, kind="mqtt", login=True, **kwargs):
    return Behind(port(stack, kind), header, client_id or name(), stack.login() if login else None, kind, sni=DOMAIN, **kwargs)


def row(stack, client_id):
    return stack.control({"op": "sessions", "clientId": client_id})["sessions"][0]


# ---- refusals ----

@pytest.mark.parametrize("env, told", [
    ({"SIGNET_PROXY_PROTOCOL": "mqtt"}, "SIGNET_PROXY_FROM"),
    ({"SIGNET_PROXY_PROTOCOL": "mqtt, amqp", "SIGNET_PROXY_FROM": "127.0.0.1"}, "amqp is none of the listeners"),
    ({"SIGNET_PROXY_PROTOCOL": "ws", "SIGNET_PROXY_FROM": "127.0.0.1"}, "ws is none of the listeners that are on"),
    ({"SIGNET_PROXY_PROTOCOL": "mqtt", "SIGNET_PROXY_FROM": "127.0.0.1/33"}, "127.0.0.1"),
    ({"SIGNET_PROXY_PROTOCOL": "mqtt", "SIGNET_PROXY_FROM": "balancer.example.com"}, "balancer.example.com"),
    ({"SIGNET_PROXY_FROM": "10.0.0.0/8x"}, "SIGNET_PROXY_FROM")])
def test_settings_that_cannot_be_end_the_start(stack, env, told):
    stack.broker.stop()
    stack.broker.env = {**stack.broker.env, **env}
    stack.broker.start()
    assert stack.broker.popen.wait(20) == 1
    assert "cannot start" in stack.broker.text() and told in stack.broker.text()
    stack.broker.popen = None


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_no_balancer_is_closed_at_once(proxied, kind):
    before = scrape(proxied).refused("proxy_from")
    with connected(port(proxied, kind), "127.0.0.2") as s:
        assert ended(s, 5)
    wait_until(lambda: scrape(proxied).refused("proxy_from") == before + 1, what="it to be counted")


NO_HEADER = {
    "a CONNECT": connect_packet("GID@@@x"), "a ClientHello": client_hello(DOMAIN), "HTTP": b"GET /mqtt HTTP/1.1\r\n\r\n",
    "a wrong line": b"PROXY TCP4 1.2.3 4.5.6.7 1 2\r\n", "too long a line": b"PROXY UNKNOWN " + b"x" * 100,
    "another version": v2("192.0.2.1")[:12] + b"\x31" + v2("192.0.2.1")[13:], "UDP": v2("192.0.2.1", family=0x12),
    "too long a header": v2("192.0.2.1", tlvs=bytes(600)),
}


@pytest.mark.parametrize("what", NO_HEADER)
@pytest.mark.parametrize("kind", ["mqtt", "wss"])
def test_what_is_no_header_ends_it(proxied, kind, what):
    before = scrape(proxied).refused("proxy_header")
    with connected(port(proxied, kind)) as s:
        s.sendall(NO_HEADER[what])
        assert ended(s, 5)
    wait_until(lambda: scrape(proxied).refused("proxy_header") == before + 1, what="it to be counted")


def test_a_header_that_does_not_end_has_the_time_of_a_handshake(open_stack):
    stack = open_stack(env={**ALL, "SIGNET_HANDSHAKE_SECONDS": 2})
    for beginning in (b"", v1("192.0.2.1")[:-1], v2("192.0.2.1")[:20]):
        with connected(port(stack, "mqtts")) as s:
            s.sendall(beginning)
            began = time.monotonic()
            assert ended(s, 20) and 1.0 < time.monotonic() - began < 20
    with connected(port(stack, "mqtt")) as s:
        began = time.monotonic()
        for byte in b"PROXY UNKNOWN " + b"x" * 80:
            try:
                s.sendall(bytes([byte]))
            except OSError:
                break
            if ended(s, 0.05):
                break
        assert 1.0 < time.monotonic() - began < 15, "a byte now and then does not prolong it"
    wait_until(lambda: scrape(stack).refused("proxy_timeout") == 4, what="all to be counted")


def test_a_listener_that_does_not_expect_a_header_takes_none(open_stack):
    stack = open_stack(env={"SIGNET_PROXY_FROM": "127.0.0.1"})
    with connected(stack.tcp_port) as s:
        s.sendall(v2("192.0.2.1") + connect_packet("GID@@@x"))
        assert ended(s, 15)
    with connected(stack.tls_port) as s:
        s.sendall(v1("192.0.2.1"))
        assert ended(s, 5)
    plain = stack.client(name(), tls=False)
    assert plain.code == 0
    plain.close()


# ---- who the client is ----

@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("header, source", [
    (v1("203.0.113.7"), "203.0.113.7"), (v1("2001:db8::7"), "2001:db8::7"), (v2("203.0.113.8"), "203.0.113.8"),
    (v2("2001:db8::8", tlvs=b"\x01\x00\x02h2" + bytes(300)), "2001:db8::8")], ids=["v1-4", "v1-6", "v2-4", "v2-6"])
def test_the_client_is_who_the_header_says(proxied, kind, header, source):
    c = behind(proxied, header, client_id := name(), kind)
    assert c.code == 0
    assert source in row(proxied, client_id)["address"] and "4711" in row(proxied, client_id)["address"]
    c.ping()
    c.close()
    proxied.broker.logged(rf"conn={re.escape(source)}:4711 listener={kind} .*client={client_id} ")


def test_a_header_in_single_bytes_is_one(proxied):
    for header in (v1("203.0.113.9"), v2("203.0.113.9", tlvs=bytes(50))):
        with connected(port(proxied, "mqtts")) as raw:
            for byte in header:
                raw.sendall(bytes([byte]))
            with tls_context().wrap_socket(raw, server_hostname=DOMAIN) as s:
                assert s.version()


@pytest.mark.parametrize("header", [v1("203.0.113.7"), v2("203.0.113.7"), LOCAL, UNKNOWN], ids=["v1", "v2", "LOCAL", "UNKNOWN"])
def test_what_stands_behind_the_header_in_the_same_packet_is_the_clients(proxied, header):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context().wrap_bio(incoming, outgoing, server_hostname=DOMAIN)
    with connected(port(proxied, "mqtts")) as s:
        s_header = header
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                s.sendall(s_header + outgoing.read())
                s_header = b""
                incoming.write(s.recv(65536))
        assert tls.version() == "TLSv1.3"
    with connected(port(proxied, "mqtt")) as s:
        s.sendall(header + connect_packet("GID@@@nobody"))
        assert s.recv(10) == b"\x20\x02\x00\x05"


@pytest.mark.parametrize("header", [LOCAL, UNSPECIFIED, UNKNOWN, v2(family=0x31, tlvs=bytes(216)), v2("192.0.2.1", command=0)],
                         ids=["LOCAL", "UNSPEC", "UNKNOWN", "UNIX", "LOCAL with an address"])
def test_without_an_address_it_is_the_balancers(proxied, header):
    c = behind(proxied, header, client_id := name())
    assert c.code == 0 and "127.0.0.1" in row(proxied, client_id)["address"]
    c.close()


def test_health_checks_leave_no_trace(proxied):
    def counts():
        s = proxied.status()
        return s["refused"], s["counters"]["handshakes_failed"], proxied.broker.text().count(" conn=")
    wait_until(lambda: proxied.status()["counters"]["connections"] == 0, what="earlier clients to be gone")
    before = counts()
    for kind in KINDS:
        for header in (b"", LOCAL, UNKNOWN):
            for reset in (False, True):
                s = connected(port(proxied, kind))
                s.sendall(header)
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                s.close()
    wait_until(lambda: proxied.status()["counters"]["connections"] == 0, what="them to be gone")
    assert counts() == before


def test_who_comes_by_a_balancer_on_this_machine_is_not_on_this_machine(open_stack, authority):
    """In the mode mutual, without TLS: what counts is where the client is."""
    stack = serve(open_stack(env={**ALL, "SIGNET_PROXY_PROTOCOL": "mqtt,ws"}), authority)
    assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual"}).status == 200
    wait_until(lambda: stack.status()["mode"] == "mutual", what="the mode to be served")
    for kind in ("mqtt", "ws"):
        for header, code in [(v2("203.0.113.7"), 5), (v1("2001:db8::1"), 5), (v1("::ffff:127.0.0.1"), 5), (UNKNOWN, 5),
                             (UNSPECIFIED, 5), (v1("127.0.0.1"), 0), (v2("::1"), 0), (LOCAL, 0)]:
            c = behind(stack, header, kind=kind)
            assert c.code == code, (kind, header)
            c.close()


def test_a_snapshot_that_comes_while_the_header_does_harms_nobody(open_stack, authority):
    stack = serve(open_stack(env={**ALL, "SIGNET_PROXY_PROTOCOL": "mqtt"}), authority)
    s = connected(port(stack, "mqtt"))
    s.sendall(v1("127.0.0.1")[:10])
    wait_until(lambda: stack.status()["counters"]["connections"] == 1, what="it to be there")
    assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual"}).status == 200
    wait_until(lambda: stack.status()["mode"] == "mutual", what="the mode to be served")
    s.sendall(v1("127.0.0.1")[10:] + connect_packet("GID@@@late", "x", "y"))
    assert s.recv(4)[:3] == b"\x20\x02\x00", "it is still there, and its login is judged"
    s.close()


def test_each_client_counts_with_its_own_address(open_stack):
    stack = open_stack(env={**ALL, "SIGNET_CONNECTIONS_PER_ADDRESS": 2})
    ours = [behind(stack, v2("203.0.113.7", port=n)) for n in (1, 2)]
    others = [behind(stack, v1(f"203.0.113.{n}")) for n in range(20, 30)]
    with pytest.raises((EOFError, OSError)):
        behind(stack, v1("203.0.113.7"))
    wait_until(lambda: scrape(stack).refused("address_full") == 1, what="it to be counted")
    sixes = [behind(stack, v2(f"2001:db8:0:1::{n}")) for n in (1, 2)]
    with pytest.raises((EOFError, OSError)):
        behind(stack, v2("2001:db8:0:1:ffff::1"))
    ours.pop().close()
    wait_until(lambda: stack.status()["counters"]["connections"] == 13, what="it to be gone")
    ours.append(behind(stack, v1("203.0.113.7")))
    assert all(c.code == 0 for c in ours + others + sixes)
    for c in ours + others + sixes:
        c.ping()
        c.close()


def test_before_its_header_a_connection_counts_in_the_total(open_stack):
    stack = open_stack(env={**ALL, "SIGNET_CONNECTIONS_MAX": 5})
    crowd = [connected(port(stack, "mqtt")) for _ in range(5)]
    wait_until(lambda: stack.status()["counters"]["connections"] == 5, what="the crowd to be there")
    with connected(port(stack, "mqtts")) as s:
        assert ended(s, 5)
    wait_until(lambda: scrape(stack).refused("connections_full") == 1, what="it to be counted")
    for s in crowd:
        s.close()
    wait_until(lambda: stack.status()["counters"]["connections"] == 0, what="the crowd to be gone")
    assert behind(stack, v2("203.0.113.7")).code == 0


def test_a_device_certificate_counts_behind_a_balancer_too(open_stack, authority, tmp_path):
    stack = serve(open_stack(env=ALL), authority)
    assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual"}).status == 200
    wait_until(lambda: stack.status()["mode"] == "mutual", what="the mode to be served")
    world = World(stack, tmp_path)
    presented = world.present(world.ca().device("behind"))
    context = tls_context()
    context.load_cert_chain(presented.cert, presented.key)
    for kind in ("mqtts", "wss"):
        c = behind(stack, v2("203.0.113.7"), kind=kind, login=False, context=context)
        assert c.code == 0
        c.close()
    with pytest.raises((ssl.SSLError, OSError, EOFError)):
        behind(stack, v2("203.0.113.7"), kind="mqtts")


# ---- the real thing ----

def haproxy_configuration():
    """The block of docs/listeners.md."""
    return re.search(r"```haproxy\n(.*?)```", (ROOT / "docs" / "listeners.md").read_text(), re.S).group(1)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class HaProxy:
    """With that configuration, on ports of its own; `how`: what its server lines say instead of send-proxy-v2."""

    def __init__(self, stack, folder, how):
        text, self.ports = haproxy_configuration(), {}
        for kind in KINDS:
            found = re.search(rf"^listen {kind}$(.*?)(?=^listen |\Z)", text, re.S | re.M)
            self.ports[kind] = free_port()
            block = re.sub(r"bind \S+", f"bind 127.0.0.1:{self.ports[kind]}", found.group(0))
            block = re.sub(r"127\.0\.0\.1:1\d+", f"127.0.0.1:{port(stack, kind)}", block)
            assert "send-proxy-v2" in block and str(port(stack, kind)) in block
            text = text.replace(found.group(0), block.replace("send-proxy-v2", how))
        (folder / "haproxy.cfg").write_text(text)
        checked = subprocess.run(["haproxy", "-c", "-f", folder / "haproxy.cfg"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 text=True, check=False)
        assert checked.returncode == 0 and "WARNING" not in checked.stdout, checked.stdout
        with open(folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        for each in self.ports.values():
            wait_until(lambda p=each: self.listens(p), what="HAProxy to listen")

    @staticmethod
    def listens(at):
        """Without connecting: that would be a client of the broker."""
        with open("/proc/net/tcp", encoding="ascii") as f:
            return any(line.split()[1].endswith(f":{at:04X}") and line.split()[3] == "0A" for line in list(f)[1:])

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2"])
def test_behind_haproxy_with_the_configuration_of_the_guide(open_stack, authority, tmp_path, how):
    stack = serve(open_stack(env=ALL), authority)
    haproxy = HaProxy(stack, tmp_path, how)
    try:
        clients = []
        for n, kind in enumerate(KINDS):
            tls = {"tls": True, "sni": DOMAIN} if kind.endswith("s") and kind != "ws" else {"tls": False}
            make = WsClient if kind.startswith("ws") else Client
            c = make(haproxy.ports[kind], client_id := name(), stack.login(), source=f"127.0.0.{n + 10}", **tls)
            assert c.code == 0
            assert row(stack, client_id)["address"].startswith(f"127.0.0.{n + 10}"), "not HAProxy's own"
            c.subscribe("behind/haproxy", 1)
            clients.append(c)
        clients[0].publish("behind/haproxy", b"x" * 100000, 1)
        for c in clients:
            assert c.message()[1] == b"x" * 100000
        for c in clients:
            c.close()
        time.sleep(5)  # two of its health checks
        assert haproxy.process.poll() is None
        refused = stack.status()["refused"]
        assert not [reason for reason in refused if reason.startswith(("proxy", "handshake", "websocket", "tls"))], refused
        assert "DOWN" not in (tmp_path / "haproxy.log").read_text()
    finally:
        haproxy.close()
