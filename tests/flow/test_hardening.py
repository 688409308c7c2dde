"""What must not keep real devices out: clients that are slow, silent, many, or speak no TLS. Each refusal is counted under its
reason."""
import contextlib
import random
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from device_cases import World
from harness.homes import name
from harness.metrics import scrape
from harness.mqtt import Client, connect_packet, password, tls_context
from harness.odd_certs import build, make_key
from harness.process import wait_until
from harness.raw_tls import OpenSsl, RawClient, client_hello, connected, ended, room_for_descriptors

DOMAIN = "hard.example.com"
HALF_OPEN = IDLE = 2000


def serve(stack, authority, mode="one-way"):
    cert = stack.upload(authority.issue(DOMAIN))
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    if mode == "mutual":
        assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": mode}).status == 200
        wait_until(lambda: stack.status()["mode"] == mode, what="the mode to be served")
    return stack


@pytest.fixture(scope="module")
def one_way(shared, authority):
    return serve(shared, authority)


@pytest.fixture
def mutual(open_stack, authority, tmp_path):
    """mutual(**env) → a World with a stack in the mode mutual."""
    return lambda workers=2, **env: World(serve(open_stack(workers=workers, env=env), authority, "mutual"), tmp_path)


def context_of(world, cert, *chain, version=None):
    presented = world.present(cert, *chain)
    context = tls_context(version=version)
    context.load_cert_chain(presented.cert, presented.key)
    return context


def device(world, context, client_id=None):
    c = Client(world.stack.tls_port, client_id or name(), sni=DOMAIN, context=context)
    assert c.code == 0
    return c


def login_packet(stack, client_id):
    key_id, secret, instance = stack.login()
    return connect_packet(client_id, f"Signature|{key_id}|{instance}", password(secret, client_id))


def connections(stack):
    return stack.status()["counters"]["connections"]


def refused(stack, reason, count, timeout=20):
    """Waits until so many are counted under the reason, in /metrics and in `status`; no more are."""
    wait_until(lambda: scrape(stack).refused(reason) >= count, timeout, f"{count} refusals of {reason}")
    assert scrape(stack).refused(reason) == stack.status()["refused"][reason] == count


def seconds_of(function):
    began = time.monotonic()
    function()
    return time.monotonic() - began


# ---- slow and silent ones ----

def at_once(count, function):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: function(), range(count)))


def half_open(port, hello):
    s = connected(port)
    s.sendall(hello[:len(hello) // 2])
    return s


def silent(port, context):
    """Its handshake is done, and that was all."""
    return context.wrap_socket(connected(port), server_hostname=DOMAIN)


def test_thousands_that_do_not_finish_keep_no_device_out(mutual):
    room_for_descriptors(2 * (HALF_OPEN + IDLE))
    world = mutual(SIGNET_HANDSHAKE_SECONDS=300, SIGNET_CONNECT_SECONDS=300)
    stack, ca = world.stack, world.ca()
    hello, stolen = client_hello(DOMAIN), context_of(world, ca.device())
    device(world, stolen).close()  # what an attacker's handshake costs then is that of a known device
    crowd = at_once(HALF_OPEN, lambda: half_open(stack.tls_port, hello))
    crowd += at_once(IDLE, lambda: silent(stack.tls_port, stolen))
    wait_until(lambda: connections(stack) == HALF_OPEN + IDLE, what="the crowd to be there")
    contexts = [context_of(world, ca.device(f"device {n}")) for n in range(20)]
    devices = []
    for context in contexts:  # new ones: they are registered too
        assert seconds_of(lambda c=context: devices.append(device(world, c))) < 15
    for n, d in enumerate(devices):
        d.subscribe(f"to/{n}", 1)
    for n, d in enumerate(devices):
        other = (n + 1) % len(devices)
        assert seconds_of(lambda d=d, to=other: d.publish(f"to/{to}", "hello", 1)) < 15
        assert devices[other].message()[:2] == (f"to/{other}", b"hello")
    assert connections(stack) == HALF_OPEN + IDLE + len(devices), "the crowd is still there"
    for d in devices:
        d.ping()
        d.close()
    for s in crowd:
        s.close()
    wait_until(lambda: connections(stack) == 0, what="all to be gone")


def test_who_does_not_finish_in_time_is_closed_and_counted(mutual):
    world = mutual(SIGNET_HANDSHAKE_SECONDS=2, SIGNET_CONNECT_SECONDS=2)
    stack, hello, context = world.stack, client_hello(DOMAIN), context_of(world, world.ca().device())
    d = device(world, context)
    crowd = [half_open(stack.tls_port, hello) for _ in range(30)] + [silent(stack.tls_port, context) for _ in range(20)]
    for s in crowd:
        assert ended(s, 10)
        s.close()
    refused(stack, "handshake_timeout", 30)
    refused(stack, "connect_timeout", 20)
    d.ping()
    d.close()


def trickle(s, raw, pause):
    """A byte at a time. How long it was let; None: to the end."""
    began = time.monotonic()
    for n in range(len(raw)):
        try:
            s.sendall(raw[n:n + 1])
        except OSError:
            return time.monotonic() - began
        if ended(s, pause):
            return time.monotonic() - began
    return None


def test_a_byte_now_and_then_does_not_prolong_a_handshake(open_stack, authority):
    stack = serve(open_stack(env={"SIGNET_HANDSHAKE_SECONDS": 2}), authority)
    hello = client_hello(DOMAIN)
    with connected(stack.tls_port) as s:
        lasted = trickle(s, hello, 0.05)
    assert lasted is not None and 1.0 < lasted < 20
    refused(stack, "handshake_timeout", 1)


def test_a_byte_now_and_then_does_not_prolong_the_wait_for_connect(open_stack, authority):
    stack = serve(open_stack(env={"SIGNET_CONNECT_SECONDS": 2}), authority)
    packet = login_packet(stack, name())
    with silent(stack.tls_port, tls_context()) as s:
        lasted = trickle(s, packet, 0.05)
    assert lasted is not None and 1.0 < lasted < 6
    refused(stack, "connect_timeout", 1)


def test_a_handshake_in_small_pieces_that_is_quick_enough_succeeds(one_way):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = tls_context().wrap_bio(incoming, outgoing, server_hostname=DOMAIN)
    with connected(one_way.tls_port) as s:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    s.sendall(bytes([byte]))
                incoming.write(s.recv(65536))
        tls.write(login_packet(one_way, name()))
        for byte in outgoing.read():
            s.sendall(bytes([byte]))
        while True:
            incoming.write(s.recv(65536))
            try:
                assert tls.read(4) == b"\x20\x02\x00\x00"
                break
            except ssl.SSLWantReadError:
                pass


# ---- many ----

def test_when_too_many_have_not_finished_the_one_that_has_waited_longest_goes(mutual):
    world = mutual(workers=1, SIGNET_UNFINISHED_MAX=100, SIGNET_HANDSHAKE_SECONDS=300, SIGNET_CONNECT_SECONDS=300)
    stack, hello, context = world.stack, client_hello(DOMAIN), context_of(world, world.ca().device())
    before = device(world, context)
    crowd = [half_open(stack.tls_port, hello) for _ in range(300)]
    assert seconds_of(lambda: device(world, context).close()) < 10, "who came first goes first"
    assert 201 <= scrape(stack).refused("unfinished_full") < 250
    assert all(ended(s, 5) for s in crowd[:200])
    assert not ended(crowd[-1], 0.2)
    before.ping()  # one that has come to CONNECT is not among them
    before.close()
    for s in crowd:
        s.close()


def plain(stack, source=None):
    return Client(stack.tcp_port, name(), stack.login(), tls=False, source=source)


def turned_away(port, source=None):
    with connected(port, source) as s:
        return ended(s, 5)


def test_one_address_has_so_many_connections_and_no_more(open_stack):
    stack = open_stack(env={"SIGNET_CONNECTIONS_PER_ADDRESS": 5})
    ours = [plain(stack) for _ in range(5)]
    assert turned_away(stack.tcp_port) and turned_away(stack.tls_port), "both listeners count together"
    other = plain(stack, "127.0.0.2")
    refused(stack, "address_full", 2)
    ours.pop().close()
    wait_until(lambda: connections(stack) == 5, what="it to be gone")
    time.sleep(0.5)  # its place is free at the end of that worker's turn, which nothing shows
    ours.append(plain(stack))
    assert turned_away(stack.tcp_port)
    refused(stack, "address_full", 3)
    for c in [*ours, other]:
        c.ping()
        c.close()
    wait_until(lambda: connections(stack) == 0, what="all to be gone")
    assert plain(stack).code == 0


def test_there_are_so_many_connections_in_total_and_no_more(open_stack):
    stack = open_stack(env={"SIGNET_CONNECTIONS_MAX": 5})
    all_of_them = [plain(stack, f"127.0.0.{n + 1}") for n in range(5)]
    assert turned_away(stack.tcp_port) and turned_away(stack.tls_port, "127.0.0.9")
    refused(stack, "connections_full", 2)
    for c in all_of_them:
        c.ping()
    all_of_them.pop().close()
    wait_until(lambda: connections(stack) == 4, what="it to be gone")
    time.sleep(0.5)  # as above
    assert plain(stack).code == 0
    for c in all_of_them:
        c.close()


# ---- wrong TLS ----

def records(kind, *bodies):
    return b"".join(bytes([kind, 3, 1]) + len(b).to_bytes(2, "big") + b for b in bodies)


SESSION_ID_AT = 5 + 4 + 2 + 32  # of its length, behind record, message, version and random
NO_CLIENT_HELLO = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "MQTT without TLS": connect_packet("GID@@@x"),
    "zeroes": bytes(1000),
    "noise": random.Random(1).randbytes(5000),
    "a record of noise": records(22, random.Random(2).randbytes(500)),
    "a ClientHello of noise": records(22, b"\x01\x00\x02\x00" + random.Random(3).randbytes(512)),
    "too long a record": b"\x16\x03\x01\xff\xff" + bytes(70000),
    "too long a message": records(22, b"\x01\xff\xff\xff" + bytes(1000)),
    "another message first": records(22, b"\x0b\x00\x00\x00"),
    "application bytes first": records(23, bytes(100)),
    "an alert": records(21, b"\x02\x28"),
    "a session ID longer than it may be": client_hello()[:SESSION_ID_AT] + b"\xc8" + client_hello()[SESSION_ID_AT + 1:],
    "SSL 2": b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37),
}


@pytest.mark.parametrize("what", NO_CLIENT_HELLO)
def test_what_is_no_client_hello_ends_at_once(one_way, what):
    before = scrape(one_way).refused("tls_protocol")
    with connected(one_way.tls_port) as s:
        s.sendall(NO_CLIENT_HELLO[what])
        assert ended(s, 5)
    wait_until(lambda: scrape(one_way).refused("tls_protocol") == before + 1, what="it to be counted")
    assert one_way.served(DOMAIN)


def test_who_leaves_within_the_handshake_is_counted(one_way):
    before = scrape(one_way).refused("handshake_left")
    connected(one_way.tls_port).close()
    half_open(one_way.tls_port, client_hello()).close()
    wait_until(lambda: scrape(one_way).refused("handshake_left") == before + 2, what="both to be counted")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(one_way, version):
    before = scrape(one_way).refused("tls_protocol")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = version
    with pytest.warns(DeprecationWarning):
        context.maximum_version = version
    with connected(one_way.tls_port) as s, pytest.raises(ssl.SSLError, match="alert protocol version"):
        context.wrap_socket(s, server_hostname=DOMAIN)
    wait_until(lambda: scrape(one_way).refused("tls_protocol") == before + 1, what="it to be counted")


def test_nobody_renegotiates(one_way):
    handshakes = one_way.status()["counters"]["handshakes"]
    p = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{one_way.tls_port}", "-servername", DOMAIN, "-tls1_2"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: one_way.status()["counters"]["handshakes"] == handshakes + 1, what="the first handshake")
        told = p.communicate(b"R\n", timeout=20)[0].decode()
    finally:
        p.kill()
        p.wait()
    assert "RENEGOTIATING" in told and "no renegotiation" in told, told[-1000:]
    assert one_way.status()["counters"]["handshakes"] == handshakes + 1


def test_early_data_is_not_offered_and_not_used(one_way):
    client_id, early_id = name(), name()
    first = RawClient(one_way.tls_port, DOMAIN)
    first.shake()
    first.send(login_packet(one_way, client_id))
    assert first.receive(4) == b"\x20\x02\x00\x00"
    openssl, session = first.openssl, first.openssl.get1_session(first.ssl)
    assert openssl.SESSION_is_resumable(session) == 1 and openssl.SESSION_get_max_early_data(session) == 0
    assert openssl.SESSION_set_max_early_data(session, 16384) == 1  # somebody who sends some all the same
    second = RawClient(one_way.tls_port, DOMAIN, session)
    second.send_early(login_packet(one_way, early_id))
    second.shake()
    assert openssl.get_early_data_status(second.ssl) == OpenSsl.EARLY_REJECTED
    assert openssl.session_reused(second.ssl) == 1
    second.send(login_packet(one_way, client_id))
    assert second.receive(4) == b"\x20\x02\x00\x00"
    assert f"client={early_id}" not in one_way.broker.text()
    assert one_way.control({"op": "sessions", "clientId": early_id})["total"] == 0
    assert one_way.control({"op": "sessions", "clientId": client_id})["total"] == 1
    openssl.SESSION_free(session)
    first.close()
    second.close()


def chain_of(ca, count):
    """A device certificate with its issuers, `count` in all."""
    issuers = [ca]
    for n in range(count - 1):
        issuers.append(type(ca)(f"between {n}", parent=issuers[-1]))
    return [issuers[-1].device("deep"), *reversed(issuers[1:])]


def large_device(ca, size):
    key = make_key("p256")
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), bytes(size))
    certificate = build("large", key, ca.certificate.subject, ca.key, extensions=[(padding, False)])
    return type(ca.device())(certificate, key, ca)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_too_much_of_a_chain_is_refused(mutual, version):
    world = mutual()
    ca, stack = world.ca(), world.stack
    good = device(world, context_of(world, *chain_of(ca, 3), version=version))
    for count, chain in enumerate(([large_device(ca, 20000)], chain_of(ca, 10)), 1):
        context = context_of(world, *chain, version=version)
        with pytest.raises((ssl.SSLError, OSError, EOFError)):
            device(world, context)
        refused(stack, "chain_too_long", count)
    good.ping()
    good.close()


class Flood(threading.Thread):
    """Changes its keys as fast as it can, and comes again when it is cut off."""

    def __init__(self, stack, requested):
        super().__init__()
        self.stack, self.requested, self.counts, self.over = stack, requested, [], False
        self.connect()

    def connect(self):
        self.client = RawClient(self.stack.tls_port, DOMAIN)
        self.client.shake()
        self.client.send(login_packet(self.stack, name()))
        assert self.client.receive(4) == b"\x20\x02\x00\x00"

    def run(self):
        while not self.over:
            self.counts.append(0)
            while not self.over and self.client.update_key(self.requested):
                self.counts[-1] += 1
            self.client.close()
            try:
                self.connect()
            except (OSError, EOFError, AssertionError):  # end() has shut it down
                if not self.over:
                    raise

    def end(self):
        self.over = True
        with contextlib.suppress(OSError):
            self.client.sock.shutdown(socket.SHUT_RDWR)  # it may be waiting for room
        self.join()
        self.client.close()


@pytest.mark.parametrize("requested", [False, True])
def test_a_flood_of_key_updates_does_not_keep_others_waiting(open_stack, authority, requested):
    stack = serve(open_stack(workers=1), authority)
    other = stack.client(name(), sni=DOMAIN)
    floods = [Flood(stack, requested) for _ in range(2)]
    for f in floods:
        f.start()
    longest, until = 0, time.monotonic() + 4
    while time.monotonic() < until:
        longest = max(longest, seconds_of(other.ping))
        time.sleep(0.01)
    fresh = seconds_of(lambda: stack.client(name(), sni=DOMAIN).close())
    for f in floods:
        f.end()
        assert len(f.counts) > 1 and max(f.counts) > 100, "it was no flood"
    assert longest < 10 and fresh < 10, (longest, fresh)  # of a sanitized build on a busy machine; it was for ever
    assert scrape(stack).refused("key_updates") >= len(floods)
    other.close()


def test_who_changes_its_keys_now_and_then_is_served(one_way):
    c = RawClient(one_way.tls_port, DOMAIN)
    c.shake()
    c.send(login_packet(one_way, name()))
    assert c.receive(4) == b"\x20\x02\x00\x00"
    for n in range(60):
        assert c.update_key(requested=n % 2 == 0)
        c.send(b"\xc0\x00")  # PINGREQ
        assert c.receive(2) == b"\xd0\x00"
    c.close()
