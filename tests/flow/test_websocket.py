"""MQTT over WebSocket: every refusal of the request and of a frame, then everything that is right, over ws and wss."""
import json
import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from device_cases import World
from harness.homes import name, name_at
from harness.metrics import scrape
from harness.mqtt import connect_packet, packet, text, tls_context
from harness.process import ROOT, build_dir, wait_until
from harness.raw_tls import connected, ended
from harness.stack import Stack
from harness.websocket import BINARY, CLOSE, CONTINUATION, PING, TEXT, Answer, WebSocket, WsClient, frame, request

DOMAIN = "web.example.com"
MODULES = Path(os.environ.get("SIGNET_CLIENT_MODULES", build_dir("clients"))) / "node_modules"
LISTEN = {"SIGNET_WS_LISTEN": "127.0.0.1:0", "SIGNET_WSS_LISTEN": "127.0.0.1:0"}
PACKET_MAX = 600000


def port(stack, listener):
    return next(each["port"] for each in stack.status()["listeners"] if each["name"] == listener)


def serve(stack, authority):
    cert = stack.upload(authority.issue(DOMAIN))
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    return stack


@pytest.fixture(scope="module")
def web(cluster, authority):
    stack = Stack(cluster, env={**LISTEN, "SIGNET_PACKET_MAX": PACKET_MAX, "SIGNET_CONNECT_SECONDS": 5})
    try:
        yield serve(stack, authority)
    finally:
        stack.close()


@pytest.fixture(params=["ws", "wss"])
def join(request, web):
    """join(client ID, …) → a client that has logged in, over ws and over wss."""
    made = []

    def make(client_id=None, **kwargs):
        tls = {"tls": True, "sni": DOMAIN} if request.param == "wss" else {}
        c = WsClient(port(web, request.param), client_id or name(), kwargs.pop("login", web.login()), **tls, **kwargs)
        made.append(c)
        return c

    yield make
    for c in made:
        c.close()


# ---- requests that are refused ----

REFUSED = {
    "another method": (405, {"method": "POST"}),
    "another path": (404, {"path": "/"}),
    "a path that only begins so": (404, {"path": "/mqtt/x"}),
    "HTTP/1.0": (400, {"version": "HTTP/1.0"}),
    "no Host": (400, {"Host": None}),
    "no Upgrade": (426, {"Upgrade": None}),
    "an upgrade to something else": (426, {"Upgrade": "h2c"}),
    "no Connection": (426, {"Connection": None}),
    "a Connection that is kept alive": (426, {"Connection": "keep-alive"}),
    "no version": (426, {"Sec_WebSocket_Version": None}),
    "an old version": (426, {"Sec_WebSocket_Version": "8"}),
    "no key": (400, {"Sec_WebSocket_Key": None}),
    "a key that is too short": (400, {"Sec_WebSocket_Key": "YWJj"}),
    "no sub-protocol": (400, {"Sec_WebSocket_Protocol": None}),
    "another sub-protocol": (400, {"Sec_WebSocket_Protocol": "chat, mqttv5"}),
    "a body": (400, {"Content_Length": "5"}),
    "a folded header": (400, {"X": "a\r\n b"}),
    "a line that ends with LF": (400, {"X": "a\nY: b"}),
    "more than 8 KiB": (431, {"X": "x" * 9000}),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_wrong_request_is_answered_and_closed(web, what):
    status, wrong = REFUSED[what]
    before = scrape(web).refused("websocket")
    with connected(port(web, "ws")) as s:
        s.sendall(request(**wrong)[0])
        answer = Answer(s)
        assert answer.status == status, answer.raw
        assert int(answer.headers["content-length"]) > 5 and "close" in answer.headers["connection"]
        if status == 426:
            assert answer.headers["sec-websocket-version"] == "13" and answer.headers["upgrade"] == "websocket"
        if status == 405:
            assert answer.headers["allow"] == "GET"
        assert ended(s, 5)
    wait_until(lambda: scrape(web).refused("websocket") == before + 1, what="it to be counted")


@pytest.mark.parametrize("raw", [connect_packet("GID@@@x"), b"\x16\x03\x01\x02\x00\x01", b"\0" * 100], ids=["MQTT", "TLS", "zeroes"])
def test_what_is_no_http_ends_with_its_time(open_stack, raw):
    stack = open_stack(env={**LISTEN, "SIGNET_CONNECT_SECONDS": 2})
    with connected(port(stack, "ws")) as s:
        s.sendall(raw)
        assert ended(s, 10)
    wait_until(lambda: scrape(stack).refused("connect_timeout") == 1, what="it to be counted")


def test_a_byte_now_and_then_does_not_prolong_the_wait_for_connect(open_stack):
    stack = open_stack(env={**LISTEN, "SIGNET_CONNECT_SECONDS": 2})
    s, began = connected(port(stack, "ws")), time.monotonic()
    for byte in request()[0]:
        s.sendall(bytes([byte]))
        if ended(s, 0.05):
            break
    assert 1.0 < time.monotonic() - began < 15
    s.close()
    open_one = WebSocket(connected(port(stack, "ws")))
    began = time.monotonic()
    assert open_one.closed_with() == 1008, "an open WebSocket without a CONNECT has the same time"
    assert 1.0 < time.monotonic() - began < 15
    open_one.close()
    wait_until(lambda: scrape(stack).refused("connect_timeout") == 2, what="both to be counted")


def test_a_request_in_single_bytes_is_one(web):
    with connected(port(web, "ws")) as s:
        for byte in request()[0]:
            s.sendall(bytes([byte]))
        assert Answer(s).status == 101


def test_pages_of_other_origins_are_refused_where_origins_are_listed(open_stack):
    stack = open_stack(env={**LISTEN, "SIGNET_WS_ORIGINS": "https://console.example.com, http://localhost:3000", "SIGNET_WS_PATH": "/x/y"})
    for origin, status in [("https://console.example.com", 101), ("http://localhost:3000", 101), (None, 101), ("null", 403),
                           ("https://console.example.com.evil.org", 403), ("http://console.example.com", 403)]:
        with connected(port(stack, "ws")) as s:
            s.sendall(request("/x/y?token=1", Origin=origin)[0])
            assert Answer(s).status == status, origin
    with connected(port(stack, "ws")) as s:
        s.sendall(request("/mqtt")[0])
        assert Answer(s).status == 404


@pytest.mark.parametrize("setting, value, told", [
    ("SIGNET_WS_PATH", "mqtt", "SIGNET_WS_PATH"), ("SIGNET_WS_PATH", "/mqtt?x", "SIGNET_WS_PATH"),
    ("SIGNET_WS_ORIGINS", "console.example.com", "console.example.com is no origin"),
    ("SIGNET_WS_ORIGINS", "https://console.example.com/", "is no origin"), ("SIGNET_WS_LISTEN", "nowhere", "ws:")])
def test_settings_that_cannot_be_end_the_start(stack, setting, value, told):
    stack.broker.stop()
    stack.broker.env = {**stack.broker.env, **LISTEN, setting: value}
    stack.broker.start()
    assert stack.broker.popen.wait(20) == 1
    assert "cannot start" in stack.broker.text() and told in stack.broker.text()
    stack.broker.popen = None


# ---- frames that are refused ----

BAD_FRAMES = {
    "text": (1003, frame(TEXT, b"hello")),
    "not masked": (1002, frame(BINARY, b"x", masked=False)),
    "a reserved bit": (1002, frame(BINARY, b"x", reserved=4)),
    "a reserved opcode": (1002, frame(3, b"x")),
    "a reserved control opcode": (1002, frame(11, b"x")),
    "a continuation of nothing": (1002, frame(CONTINUATION, b"x")),
    "a message within another": (1002, frame(BINARY, b"", fin=False) + frame(BINARY, b"")),
    "a ping in pieces": (1002, frame(PING, b"x", fin=False)),
    "a ping that is too long": (1002, frame(PING, bytes(126))),
    "a length that could be shorter": (1002, b"\x82\xfe\x00\x05" + bytes(9)),
    "a close of one byte": (1002, frame(CLOSE, b"\x03")),
    "a close with a forbidden code": (1002, frame(CLOSE, b"\x03\xed")),
    "a close whose reason is no UTF-8": (1007, frame(CLOSE, b"\x03\xe8\xff")),
    "too long": (1009, frame(BINARY, length=16 * PACKET_MAX + 1)),
    "endless": (1009, b"\x82\xff\x7f" + b"\xff" * 7 + bytes(4)),
}


@pytest.mark.parametrize("what", BAD_FRAMES)
def test_a_wrong_frame_ends_it_with_its_code(web, join, what):
    code, raw = BAD_FRAMES[what]
    before = scrape(web).refused("websocket")
    logged_in = join()
    logged_in.ping()
    logged_in.ws.sock.sendall(raw)
    assert logged_in.ws.closed_with() == code
    assert scrape(web).refused("websocket") == before, "it was let in"
    early = join(connect=False)
    early.ws.sock.sendall(raw)
    assert early.ws.closed_with() == code
    wait_until(lambda: scrape(web).refused("websocket") == before + 1, what="the one before CONNECT to be counted")


def test_what_was_sent_before_a_wrong_frame_counts(join):
    to, bad = join(), join()
    to.subscribe("web/last", 1)
    publish = packet(0x32, text("web/last") + b"\x00\x01" + b"last words")
    bad.ws.sock.sendall(frame(BINARY, publish) + frame(TEXT, b"oops") + frame(BINARY, publish))
    assert bad.ws.closed_with() == 1003
    assert to.message()[:2] == ("web/last", b"last words")
    to.ping()
    assert to.messages == []


def test_a_packet_that_is_too_large_ends_it(join):
    c = join()
    c.ws.sock.sendall(frame(BINARY, b"\x30" + b"\xff\xff\xff\x7f"))
    assert c.ws.closed_with() in (1000, 1002, 1009)


def test_who_may_not_log_in_hears_it_before_the_close(join, web):
    c = join(login=(web.key_id, "wrong", web.instance))
    assert c.code in (4, 5)
    assert c.ws.closed_with() == 1008


def test_a_ping_of_websocket_is_no_sign_of_life_to_mqtt(join):
    c, began = join(keep_alive=1), time.monotonic()
    while not ended(c.ws.sock, 0.1) and time.monotonic() - began < 10:
        c.ws.send_frame(PING, b"still here")
    assert 1 < time.monotonic() - began < 9
    c = join(keep_alive=2)
    for _ in range(15):
        time.sleep(0.3)  # what is tested is time itself
        c.ping()


# ---- what is right ----

def test_both_names_of_the_sub_protocol(join):
    assert join().ws.protocol == "mqtt"
    assert join(upgrade={"Sec_WebSocket_Protocol": "mqttv3.1"}).ws.protocol == "mqttv3.1"
    assert join(upgrade={"Sec_WebSocket_Protocol": "x, mqtt, mqttv3.1", "path": "/mqtt?a=b"}).ws.protocol == "mqtt"


def test_a_connect_in_single_bytes_with_pings_between(web, join):
    c = join(connect=False)
    raw = c.opening(web.login())
    for n, byte in enumerate(raw):
        c.ws.send_frame(BINARY if n == 0 else CONTINUATION, bytes([byte]), fin=n == len(raw) - 1)
        if n % 10 == 0:
            c.ws.send_frame(PING, b"ping %d" % n)
    assert c.receive() == (0x20, b"\x00\x00")
    pings = [b"ping %d" % n for n in range(0, len(raw), 10)]
    c.ping()  # every Pong is there then
    assert c.ws.pongs[-1] == pings[-1] and set(c.ws.pongs) <= set(pings)
    c.ws.sock.sendall(b"".join(frame(BINARY, bytes([byte])) for byte in packet(0xC0) * 3))
    for _ in range(3):
        assert c.receive()[0] == 0xD0


def test_frames_that_come_in_single_bytes(web, join):
    c = join(connect=False)
    for byte in frame(BINARY, c.opening(web.login())) + frame(PING, b"x") + frame(BINARY, b"") + frame(BINARY, packet(0xC0)):
        c.ws.sock.sendall(bytes([byte]))
    assert c.receive() == (0x20, b"\x00\x00") and c.receive()[0] == 0xD0
    assert c.ws.pongs == [b"x"]


def test_many_packets_in_one_frame_and_one_packet_in_many(join):
    a, b = join(), join()
    a.subscribe("web/many", 1)
    many = b"".join(packet(0x32, text("web/many") + bytes([0, n + 1]) + b"message %d" % n) for n in range(50))
    b.send(many)
    for n in range(50):
        assert a.message()[1] == b"message %d" % n
        assert b.wait(4)[1] == bytes([0, n + 1])
    for at in range(0, len(many), 7):
        b.send(many[at:at + 7])
    for n in range(50):
        assert a.message()[1] == b"message %d" % n


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_payload_of_256_kib(join, web, qos):
    to, by = join(), join()
    plain = web.client(name(), tls=False)
    payload = os.urandom(256 * 1024)
    to.subscribe(f"web/large/{qos}", qos)
    plain.subscribe(f"web/large/{qos}", qos)
    raw = packet(0x30 | qos << 1, text(f"web/large/{qos}") + (b"\x00\x01" if qos else b"") + payload)
    by.ws.send_frame(BINARY, raw[:100], fin=False)
    by.ws.send_frame(PING, b"between")
    by.ws.send_frame(CONTINUATION, raw[100:70000], fin=False)
    by.ws.send_frame(CONTINUATION, raw[70000:])
    if qos:
        assert by.wait(3 + qos)[1] == b"\x00\x01"
    if qos == 2:
        by.send(packet(0x62, b"\x00\x01"))
        by.wait(7)
    assert to.message()[:3] == (f"web/large/{qos}", payload, qos)
    assert plain.message()[1] == payload
    assert max(to.ws.sizes) <= 16384, "no frame is larger than a record"
    plain.publish(f"web/large/{qos}", payload[::-1], qos)
    assert to.message()[1] == payload[::-1]
    plain.close()


def test_it_moves_to_the_home_of_its_client_id_with_all_it_has_said(web, join):
    """On each of the workers; CONNECT, SUBSCRIBE and a PUBLISH come in one read, with the half of another frame."""
    for n in range(20):
        c = join(name_at(n % 2), connect=False)
        subscribe = packet(0x82, b"\x00\x01" + text(f"web/move/{n}") + b"\x01")
        publish = packet(0x32, text(f"web/move/{n}") + b"\x00\x02" + b"at home")
        ping = frame(BINARY, packet(0xC0))
        c.ws.sock.sendall(frame(BINARY, c.opening(web.login())) + frame(PING, b"p") + frame(BINARY, subscribe + publish) + ping[:3])
        assert c.receive() == (0x20, b"\x00\x00") and c.receive()[0] == 0x90
        assert {c.receive()[0] & 0xF0, c.receive()[0] & 0xF0} == {0x30, 0x40}
        c.ws.sock.sendall(ping[3:])
        assert c.receive()[0] == 0xD0
        assert c.ws.pongs == [b"p"]


def test_a_close_is_answered_with_its_code(web, join):
    for payload, code in [(b"\x03\xe8", 1000), (b"\x03\xe9leaving", 1001), (b"\x0f\xa0", 4000), (b"", None)]:
        client_id = name()
        c = join(client_id)
        c.ws.send_frame(CLOSE, payload)
        assert c.ws.closed_with() == code
        web.broker.logged(rf'client={client_id} .*end="closed by the client"')


def test_all_that_came_before_a_close_is_done(web, join):
    """In one read: CONNECT, so that it moves, publishes, DISCONNECT, Close."""
    to = join()
    to.subscribe("web/before/#", 1)
    for n in range(10):
        c = join(name_at(n % 2), connect=False)
        raw = c.opening(web.login()) + b"".join(
            packet(0x32, text(f"web/before/{n}") + bytes([1, i]) + b"%d" % i) for i in range(20))
        c.ws.sock.sendall(frame(BINARY, raw) + frame(CLOSE, b"\x03\xe8"))
        assert [to.message()[1] for _ in range(20)] == [b"%d" % i for i in range(20)]
        assert c.ws.closed_with() == 1000


def test_a_disconnect_ends_with_a_normal_close(join):
    c = join()
    c.send(packet(0xE0))
    assert c.ws.closed_with() == 1000


def test_a_broker_that_stops_says_that_it_is_going_away(open_stack):
    stack = open_stack(env=LISTEN)
    c = WsClient(port(stack, "ws"), name(), stack.login())
    stack.broker.stop()
    assert c.ws.closed_with() == 1001
    c.close()
    stack.start_broker()


def test_a_session_is_the_same_over_every_listener(web, join):
    client_id = name()
    first = join(client_id, clean=False)
    first.subscribe("web/session", 1)
    first.close()
    wait_until(lambda: f"client={client_id} " in web.broker.text(), what="it to be gone")
    web.client(name(), tls=False).publish("web/session", "kept", 1)
    plain = web.client(client_id, tls=False, clean=False)
    assert plain.session_present == 1 and plain.message()[1] == b"kept"
    again = join(client_id, clean=False)
    assert again.session_present == 1 and plain.closed()


def test_a_subscriber_who_does_not_read_loses_nothing_of_qos_1(join):
    slow, by = join(), join()
    slow.subscribe("web/slow", 1)
    payloads = [os.urandom(1000) for _ in range(3000)]
    for at in range(0, len(payloads), 100):
        for payload in payloads[at:at + 100]:
            by.publish("web/slow", payload, 1, wait=False)
        for _ in range(100):
            by.wait(4)
    for payload in payloads:
        slow.ws.send_frame(PING, b"p") if payload[0] < 10 else None
        assert slow.message()[1] == payload


def test_the_session_list_names_the_listener(web):
    client_id = name()
    c = WsClient(port(web, "wss"), client_id, web.login(), tls=True, sni=DOMAIN)
    row = web.control({"op": "sessions", "clientId": client_id})["sessions"][0]
    assert row["listener"] == "wss" and row["tls"].startswith("TLSv1")
    c.close()


# ---- wss and the modes ----

def test_wss_serves_the_certificate_of_each_domain(web, authority):
    with tls_context(authority.crt).wrap_socket(connected(port(web, "wss")), server_hostname=DOMAIN) as s:
        assert ("DNS", DOMAIN) in s.getpeercert()["subjectAltName"]


@pytest.fixture
def mutual(open_stack, authority, tmp_path):
    stack = serve(open_stack(env=LISTEN), authority)
    assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual"}).status == 200
    wait_until(lambda: stack.status()["mode"] == "mutual", what="the mode to be served")
    return World(stack, tmp_path)


def test_in_the_mode_mutual_a_device_comes_over_wss_by_its_certificate(mutual):
    stack = mutual.stack
    presented = mutual.present(mutual.ca().device("web"))
    context = tls_context()
    context.load_cert_chain(presented.cert, presented.key)
    c = WsClient(port(stack, "wss"), name(), None, tls=True, sni=DOMAIN, context=context)
    assert c.code == 0
    c.ping()
    c.close()
    with pytest.raises((ssl.SSLError, OSError, EOFError)):
        WsClient(port(stack, "wss"), name(), stack.login(), tls=True, sni=DOMAIN)
    wait_until(lambda: scrape(stack).refused("no_certificate") == 1, what="it to be counted")


@pytest.mark.parametrize("who, code", [("loopback", 0), ("none", 5)])
def test_in_the_mode_mutual_ws_is_as_mqtt_is(open_stack, authority, who, code):
    """That `loopback` means the client's own address: test_proxy_protocol.py."""
    stack = serve(open_stack(env={**LISTEN, "SIGNET_MQTT_IN_MUTUAL": who}), authority)
    before = WsClient(port(stack, "ws"), name(), stack.login())
    assert stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual"}).status == 200
    wait_until(lambda: stack.status()["mode"] == "mutual", what="the mode to be served")
    after = WsClient(port(stack, "ws"), name(), stack.login())
    assert after.code == code
    if code:
        assert after.ws.closed_with() == 1008 and before.ws.closed_with() == 1008
    else:
        before.ping()
    before.close()
    after.close()


# ---- a client that nobody here wrote ----

@pytest.mark.parametrize("level", [4, 5])
@pytest.mark.parametrize("listener", ["ws", "wss"])
def test_mqtt_js_tells_its_story(web, authority, listener, level):
    assert MODULES.is_dir(), f"{MODULES} is missing; scripts/test flow installs it"
    story = {"url": f"{listener}://127.0.0.1:{port(web, listener)}/mqtt", "servername": DOMAIN, "ca": str(authority.crt_path),
             "keyId": web.key_id, "secret": web.secret, "instance": web.instance, "clientId": name(), "level": level, "size": 256 * 1024}
    done = subprocess.run(["node", ROOT / "tests" / "clients" / "websocket.mjs", MODULES.parent], input=json.dumps(story),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == {"messages": {"0": 101, "1": 101, "2": 101}, "present": [False, True]}
