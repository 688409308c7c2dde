"""The HTTP server: connections, sizes, chunks, routes; and clients that mean no good."""
import http.client
import json
import os
import random
import socket
import string
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused

MIB = 1 << 20
BODY_MAX = 17825792  # SIGNET_API_BODY_MAX


def local_port(connection):
    return connection.sock.getsockname()[1]


def test_a_hundred_requests_on_one_connection(shared):
    c = shared.api.connection()
    ports = set()
    for n in range(100):
        call = (shared.api.v1, shared.api.v3, shared.api.basic)[n % 3]
        assert call("ListInstances", method="GET" if n % 2 else "POST", keep=c).status == 200
        ports.add(local_port(c))
    assert len(ports) == 1
    c.close()


def test_errors_leave_the_connection_open(shared):
    c = shared.api.connection()
    assert shared.api.send("GET", "/healthz", keep=c).status == 200
    port = local_port(c)
    for _ in range(3):
        refused(shared.api.v1("DropInstance", keep=c), "InvalidAction.NotFound", 404)
        refused(shared.api.send("GET", "/nowhere", keep=c), "InvalidAction.NotFound", 404)
        refused(shared.api.send("DELETE", "/", keep=c), "UnsupportedHTTPMethod", 405)
        refused(Api(shared.api.port, shared.key_id, "wrong").v3("ListInstances", keep=c), "SignatureDoesNotMatch")
        refused(shared.api.send("POST", "/nowhere", body="x" * 100000, keep=c), "InvalidAction.NotFound", 404)
    assert local_port(c) == port
    c.close()


@pytest.mark.parametrize("kib", [8, 64, 200, 900])
@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_long_request_lines_are_read(shared, scheme, kib):
    for method in ("GET", "POST"):
        reply = getattr(shared.api, scheme)("ListInstances", {"Filler": "x" * (kib * 1024)}, method=method, where="query")
        answered(reply, "ListInstances")


def test_a_request_line_of_one_megabyte_ends_only_its_own_connection(shared):
    with socket.create_connection(("127.0.0.1", shared.api.port), timeout=30) as s:
        got = b""
        try:
            s.sendall(b"GET /?Filler=" + b"x" * MIB + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            got = s.recv(4096)
        except ConnectionError:
            pass  # it was told so and then cut off, before we looked
        assert not got or got.split()[1] in (b"400", b"414", b"431"), got
    answered(shared.api.v3("ListInstances"), "ListInstances")


def test_too_many_or_too_large_headers_are_refused(shared):
    many = {f"x-many-{n}": "1" for n in range(250)}
    reply = shared.api.send("GET", "/", many)
    assert reply.status in (413, 431), reply
    answered(shared.api.v3("ListInstances", **{f"x_fine_{n}": "1" for n in range(50)}), "ListInstances")


def garbage(count, seed=5):
    """Letters, digits and the marks of SniConfig, none of which JSON escapes."""
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits + "#;.*- ", k=count))


@pytest.mark.parametrize("kind", ["letters", "separators", "hashes", "mixed", "blank"])
def test_sixteen_mebibytes_reach_the_operation_and_are_answered_400(shared, kind):
    text = {"letters": "x" * (16 * MIB), "separators": ";" * (16 * MIB), "hashes": "#" * (16 * MIB),
            "blank": " " * (16 * MIB - 1) + "x", "mixed": garbage(MIB) * 16}[kind]
    before, began = contents(shared, but=("broker_node", "request_nonce")), time.monotonic()
    reply = shared.api.basic("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": "1-cn-hangzhou",
                                              "SniConfig": text}, as_json=True)
    assert "entry" in refused(reply, "InvalidSniConfig")
    assert len(reply.body) < 8192
    assert time.monotonic() - began < 20
    assert contents(shared, but=("broker_node", "request_nonce")) == before


def test_sixteen_mebibytes_are_signed_too(shared):
    text = "x" * (16 * MIB)
    for scheme in ("v1", "v3"):
        reply = getattr(shared.api, scheme)("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": "1",
                                                             "SniConfig": text})
        assert "entry 1" in refused(reply, "InvalidSniConfig")


def test_more_than_sixteen_mebibytes_are_no_sni_config(shared):
    reply = shared.api.basic("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": "1",
                                              "SniConfig": "x" * (16 * MIB + 1)}, as_json=True)
    assert "16777216" in refused(reply, "InvalidSniConfig")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413(shared, chunked):
    body = b"x" * (BODY_MAX + 1)
    sent = iter(body[n:n + 65536] for n in range(0, len(body), 65536)) if chunked else body
    reply = shared.api.send("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, sent)
    refused(reply, "RequestEntityTooLarge", 413)


def test_a_body_at_the_limit_is_read(shared):
    body = "Filler=" + "x" * (BODY_MAX - 7)
    reply = shared.api.send("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, body)
    refused(reply, "MissingAction")


def test_expect_100_is_answered_before_the_body_is_sent(shared):
    def first_line(length):
        with socket.create_connection(("127.0.0.1", shared.api.port), timeout=10) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % length)
            return s.recv(4096).split(b"\r\n")[0]

    assert first_line(10) == b"HTTP/1.1 100 Continue"
    assert first_line(BODY_MAX + 1).split()[1] == b"413"
    assert first_line(1 << 40).split()[1] == b"413"


def test_health_readiness_and_documents(shared):
    for path, text in (("/healthz", b"alive\n"), ("/readyz", b"ready\n")):
        reply = shared.api.send("GET", path)
        assert (reply.status, reply.body) == (200, text)
        head = shared.api.send("HEAD", path)
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(text)))
    for name in ("onsmqtt-2020-04-20.json", "cas-2020-04-07.json", "signet.json"):
        reply = shared.api.send("GET", "/openapi/" + name)
        assert reply.status == 200 and reply.json["openapi"].startswith("3.")
        assert shared.api.send("HEAD", "/openapi/" + name).headers["content-length"] == str(len(reply.body))
    with open(os.path.join(os.path.dirname(__file__), "../../openapi/signet.json"), encoding="utf-8") as f:
        assert shared.api.send("GET", "/openapi/signet.json").json == json.load(f)


@pytest.mark.parametrize("path", ["/nowhere", "/openapi/", "/openapi/../api/main.c", "/openapi/nothing.json", "//", "/healthz/",
                                  "/2020-04-20/", "/2020-04-20/ListInstances/", "/2020-04-20", "/" + "x" * 5000, "/%00",
                                  "/openapi/%2e%2e/%2e%2e/etc/passwd"])
def test_unknown_paths_are_404(shared, path):
    refused(shared.api.send("GET", path), "InvalidAction.NotFound", 404)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW", "get", "X" * 200])
def test_unknown_methods_are_405(shared, method):
    for path in ("/", "/2020-04-20/ListInstances", "/healthz"):
        reply = shared.api.send(method, path)
        refused(reply, "UnsupportedHTTPMethod", 405)
        assert reply.headers["allow"] in ("GET, POST", "GET, HEAD")
    assert shared.api.send("HEAD", "/").status == 405


def test_answers_are_not_cached_or_sniffed(shared):
    reply = shared.api.v3("ListInstances")
    assert reply.headers["cache-control"] == "no-store" and reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("raw", ids=range(10), argvalues=[
    b"\r\n\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\n: nothing\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    random.Random(9).randbytes(4096)])
def test_nonsense_on_a_connection_harms_nobody(shared, raw):
    with socket.create_connection(("127.0.0.1", shared.api.port), timeout=1) as s:
        s.sendall(raw)
        s.shutdown(socket.SHUT_WR)
        try:
            got = s.recv(65536)
        except (ConnectionError, socket.timeout):
            got = b""  # no request yet, so nothing to answer; the idle limit ends it
        assert not got or got.split()[1][:1] in (b"4", b"5"), got
    assert shared.api.send("GET", "/healthz").status == 200


def test_sixty_four_clients_at_once(shared):
    def client(n):
        c, codes = shared.api.connection(), []
        for turn in range(6):
            call = (shared.api.v1, shared.api.v3, shared.api.basic)[(n + turn) % 3]
            codes.append(call("ListInstances", keep=c).status)
        c.close()
        return codes

    with ThreadPoolExecutor(64) as pool:
        for codes in pool.map(client, range(64)):
            assert codes == [200] * 6


def test_slow_senders_do_not_hold_others_up(shared):
    slow = [socket.create_connection(("127.0.0.1", shared.api.port), timeout=30) for _ in range(100)]
    stop = threading.Event()

    def drip():
        text = b"POST /?Filler=" + b"x" * 10000
        for n in range(len(text)):
            for s in slow:
                s.sendall(text[n:n + 1])
            if stop.wait(0.02):
                return

    dripper = threading.Thread(target=drip)
    dripper.start()
    try:
        for _ in range(20):
            began = time.monotonic()
            assert shared.api.v3("ListInstances").status == 200
            assert time.monotonic() - began < 10
    finally:
        stop.set()
        dripper.join()
        for s in slow:
            s.close()


def test_silent_connections_are_closed(open_stack):
    s = open_stack(env={"SIGNET_API_IDLE_SECONDS": 3})
    quiet = socket.create_connection(("127.0.0.1", s.api.port), timeout=20)
    half = socket.create_connection(("127.0.0.1", s.api.port), timeout=20)
    half.sendall(b"GET / HTTP/1.1\r\nHost:")
    for c in (quiet, half):
        try:
            c.recv(65536)  # an answer (408) or nothing
            assert c.recv(65536) == b""
        except ConnectionError:
            pass
        c.close()


def test_memory_stays_flat(open_stack):
    """A freed block stays in ASan's quarantine, hence the option; without a sanitizer it means nothing."""
    s = open_stack(env={"ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1"})
    wrong = Api(s.api.port, s.key_id, "wrong")

    def some(count):
        c = s.api.connection()
        for n in range(count // 5):
            s.api.v1("ListInstances", keep=c)
            s.api.v3("ListInstances", {"Filler": "x" * 60000}, where="query", keep=c)
            wrong.v3("ListInstances", keep=c)
            s.api.basic("SetSniConfig", {"MqttInstanceId": s.instance, "DefaultCertificate": "1", "SniConfig": "x" * 100000},
                        as_json=True, keep=c)
            s.api.v3("DescribeInstance", {"MqttInstanceId": s.instance}, keep=c)
        c.close()

    for _ in range(4):  # each of the server's threads gets its arena and its connection
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(some, [30] * 16))
    before = s.api_process.memory_kb()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(some, [500] * 4))
    after = s.api_process.memory_kb()
    assert after - before < 8 * 1024, f"{before} kB before, {after} kB after 2,000 requests"


def test_a_stop_lets_running_requests_end(open_stack):
    s = open_stack()
    results = []

    def call():
        try:
            results.append(s.api.v3("ListInstances").status)
        except (OSError, http.client.HTTPException):
            results.append("refused")

    threads = [threading.Thread(target=call) for _ in range(30)]
    for t in threads[:15]:
        t.start()
    s.api_process.expected_dead = True
    assert s.api_process.stop() == 0
    for t in threads[15:]:
        t.start()
    for t in threads:
        t.join()
    assert set(results) <= {200, 503, "refused"} and len(results) == 30, results  # 503: read, but too late to begin
