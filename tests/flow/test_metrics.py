"""/metrics of a broker: what it says is what has happened, and asking for it does no harm."""
import re
import socket
import ssl
import time

import pytest
from device_cases import World
from harness.certs import openssl
from harness.homes import name
from harness.metrics import Metrics, get, port_of, scrape
from harness.mqtt import Client, tls_context
from harness.process import ROOT, Process, wait_until
from harness.raw_tls import connected, ended

DOMAIN = "metrics.example.com"


def test_every_metric_is_documented_with_its_type_and_nothing_else_is(shared):
    page = scrape(shared)
    documented = dict(re.findall(r"^\| `(\w+)(?:\{[^`]*\})?` \| (\w+) \|", (ROOT / "docs/metrics.md").read_text(), re.M))
    assert documented == page.types


def test_every_reason_of_a_refusal_is_there_from_the_start(open_stack):
    stack = open_stack()
    reasons = scrape(stack).all("refusals_total", "reason")
    source = (ROOT / "broker" / "refusal.h").read_text()
    assert set(reasons) == set(re.findall(r'^ +X\(\w+, +"(\w+)"', source, re.M)) and len(reasons) > 30
    assert not any(reasons.values())
    assert scrape(stack)("handshakes_total", result="full") == 0


def test_clients_and_messages_are_counted(open_stack):
    stack = open_stack()
    clients = [stack.client(name(), tls=False) for _ in range(3)]
    for c in clients:
        c.subscribe("t", 1)
    clients[0].publish("t", "x", 1)
    for c in clients:
        assert c.message()[1] == b"x"
    refused = stack.client(name(), tls=False, login=(stack.key_id, "wrong", stack.instance))
    assert refused.code == 4
    clients.pop().close()
    wait_until(lambda: scrape(stack)["connections"] == 2, what="the connections to be counted")
    wait_until(lambda: scrape(stack)["sessions"] == 2, what="the sessions to be counted")
    page = scrape(stack)
    assert (page["accepted_total"], page["connects_total"], page["connects_refused_total"]) == (4, 3, 1)
    assert (page["messages_received_total"], page["messages_sent_total"]) == (1, 3)
    assert page["subscriptions"] == 2 and page.refused("bad_login") == 1
    assert page("messages_dropped_total", reason="session_limit") == 0
    for c in clients:
        c.close()


def not_after(path):
    text = openssl("x509", "-in", path, "-noout", "-enddate").decode()
    return ssl.cert_time_to_seconds(text.strip().split("=")[1])


def test_handshakes_the_snapshot_and_certificates(open_stack, authority):
    stack = open_stack()
    before = scrape(stack)
    short, long = authority.issue(DOMAIN, days=5), authority.issue("other." + DOMAIN, days=50)
    ids = [stack.upload(short), stack.upload(long)]
    assert stack.set_sni(ids[1], f"{DOMAIN}#{ids[0]}").status == 200
    wait_until(lambda: scrape(stack)["snapshot_revision"] == stack.revision(), what="the revision")
    page = scrape(stack)
    assert page["snapshot_revision"] > before["snapshot_revision"] and page["reloads_total"] > before["reloads_total"]
    assert page["snapshot_age_seconds"] < 30 and page["snapshot_checked_age_seconds"] < 30
    assert abs(page["snapshot_loaded_timestamp_seconds"] - time.time()) < 30
    assert page["domains"] == 1 and page["server_certificates"] == 2
    ends = page.all("server_certificate_expiry_timestamp_seconds", "certificate")
    assert ends == {ids[0].split("-")[0]: not_after(short.crt_path), ids[1].split("-")[0]: not_after(long.crt_path)}
    assert page["server_certificate_first_expiry_timestamp_seconds"] == not_after(short.crt_path)
    assert page["server_certificates_expired"] == 0
    assert page("authentication_mode", mode="one-way") == 1 and page("authentication_mode", mode="mutual") == 0

    context = tls_context(version=ssl.TLSVersion.TLSv1_2)  # whose session is there right after the handshake
    for session in (None, "saved"):
        with context.wrap_socket(connected(stack.tls_port), server_hostname=DOMAIN, session=session and saved) as s:
            assert s.session_reused == (session is not None)
            saved = s.session
    with connected(stack.tls_port) as s:
        s.sendall(b"no TLS at all, for sure")
        assert ended(s, 5)
    wait_until(lambda: scrape(stack)("handshakes_total", result="failed") == 1, what="the failure")
    assert scrape(stack).all("handshakes_total", "result") == {"full": 1, "resumed": 1, "failed": 1}


def test_devices_and_cas(open_stack, authority, tmp_path):
    stack = open_stack()
    cert = stack.upload(authority.issue(DOMAIN))
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    world = World(stack, tmp_path)
    world.call("SetAuthenticationMode", Mode="mutual")
    soon, later, gone = (world.ca(n, end=86400 * days) for n, days in (("soon", 3), ("later", 30), ("gone", 1)))
    world.call("InactivateCaCertificate", Sn=gone.sn)
    clients, certs = [], [soon.device(), soon.device(), later.device()]
    for cert in certs:
        presented = world.present(cert)
        context = tls_context()
        context.load_cert_chain(presented.cert, presented.key)
        clients.append(Client(stack.tls_port, name(), sni=DOMAIN, context=context))
        assert clients[-1].code == 0
    page = scrape(stack)
    assert page("authentication_mode", mode="mutual") == 1
    assert page.all("ca_certificates", "state") == {"active": 2, "inactive": 1}
    ends = page.all("ca_certificate_expiry_timestamp_seconds", "ca_sn")
    assert set(ends) == {soon.sn, later.sn} and ends[soon.sn] < ends[later.sn]
    assert page["ca_certificate_first_expiry_timestamp_seconds"] == ends[soon.sn]
    assert page["device_connections"] == 3 and page["devices_known"] == 3
    assert page("registrations_total", result="registered") == 3 and page["registrations_waiting"] == 0
    assert page["registry_database_up"] == 1 and page["inactive_devices"] == 0
    clients.pop().close()
    wait_until(lambda: scrape(stack)["device_connections"] == 2, what="the device to be gone")
    world.call("InactivateDeviceCertificate", CaSn=soon.sn, DeviceSn=certs[0].sn)
    wait_until(lambda: scrape(stack)["inactive_devices"] == 1, what="the inactive device")
    wait_until(lambda: scrape(stack)["device_connections"] == 1, what="it to be cut off")
    assert scrape(stack).refused("device_inactive") == 1
    for c in clients:
        c.close(disconnect=False)


def test_the_process(shared):
    page = scrape(shared)
    assert abs(page["process_start_time_seconds"] - time.time()) < 3600
    assert 10 < page["process_open_fds"] < page["process_max_fds"]
    assert page["process_resident_memory_bytes"] > 1e6 and page["process_cpu_seconds_total"] > 0
    before, held = page["process_open_fds"], [connected(shared.tcp_port) for _ in range(20)]
    wait_until(lambda: scrape(shared)["process_open_fds"] >= before + 20, what="the descriptors")
    for s in held:
        s.close()


def test_a_database_that_is_away_is_seen(cluster, open_stack):
    stack = open_stack()
    wait_until(lambda: scrape(stack)["database_up"] == 1, what="the database to be there")
    cluster.sql("postgres", f'ALTER DATABASE "{stack.database}" ALLOW_CONNECTIONS false')
    cluster.sql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{stack.database}'")
    wait_until(lambda: scrape(stack)["database_up"] == 0, what="the database to be missed")
    age = scrape(stack)["snapshot_checked_age_seconds"]
    wait_until(lambda: scrape(stack)["snapshot_checked_age_seconds"] > age + 1, what="the age to grow")
    cluster.sql("postgres", f'ALTER DATABASE "{stack.database}" ALLOW_CONNECTIONS true')
    wait_until(lambda: scrape(stack)["database_up"] == 1, what="the database to be back")
    wait_until(lambda: scrape(stack)["snapshot_checked_age_seconds"] < age + 1, what="the age to begin anew")


# ---- the server of the page ----

@pytest.mark.parametrize("method, target, status", [
    ("GET", "/healthz", 200), ("GET", "/", 404), ("GET", "/metrics/", 404), ("GET", "/metricsx", 404), ("GET", "/../metrics", 404),
    ("POST", "/metrics", 405), ("PUT", "/metrics", 405), ("HEAD", "/metrics", 405), ("DELETE", "/x", 405), ("GET", "/metrics?x=1", 200),
])
def test_what_it_answers(shared, method, target, status):
    got, headers, text = get(port_of(shared), target, method, b"a body" if method in ("POST", "PUT") else None)
    assert got == status and headers["Connection"] == "close"
    if status == 405:
        assert headers["Allow"] == "GET"
    if target == "/healthz":
        assert text == "alive\n"


def test_a_request_that_is_too_large_or_none_is_refused(shared):
    port = port_of(shared)
    status, _, _ = get(port, "/" + "x" * 100_000)
    assert status in (413, 414, 431)
    status, _, _ = get(port, headers={"X-Long": "x" * 100_000})
    assert status in (413, 431)
    for raw in (b"\x16\x03\x01\x02\x00" + bytes(300), b"GET\r\n\r\n", b"\r\n" * 50000):
        with connected(port) as s:
            try:
                s.sendall(raw)
            except OSError:
                pass
            assert ended(s, 10)
    assert scrape(shared)


def test_slow_readers_of_metrics_harm_neither_the_broker_nor_for_long_each_other(shared):
    port, device = port_of(shared), shared.client(name(), tls=False)
    slow = [connected(port) for _ in range(40)]  # more than it takes in at a time
    for n, s in enumerate(slow):
        s.sendall(b"GET /metrics HTTP/1.1\r\nX: " if n % 2 else b"G")
    began = time.monotonic()
    while time.monotonic() < began + 1:
        asked = time.monotonic()
        device.ping()
        assert time.monotonic() - asked < 5
    assert scrape(shared)["connections"] >= 1
    assert time.monotonic() - began < 20
    for s in slow:
        s.close()
    device.close()


def test_a_byte_now_and_then_does_not_hold_a_connection(shared):
    with connected(port_of(shared)) as s:
        began, over = time.monotonic(), False
        s.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        while not over and time.monotonic() < began + 15:
            try:
                s.sendall(b"x")
            except OSError:
                break
            over = ended(s, 0.5)
        assert 3 < time.monotonic() - began < 15


def test_off_when_there_is_no_address(open_stack):
    stack = open_stack(env={"SIGNET_METRICS_LISTEN": ""})
    assert stack.status()["ok"] and "listener=metrics" not in stack.broker.text()
    assert stack.client(name(), tls=False).code == 0


def test_a_port_that_is_taken_does_not_keep_the_broker_from_its_work(open_stack):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stack = open_stack(env={"SIGNET_METRICS_LISTEN": f"127.0.0.1:{taken.getsockname()[1]}"})
        assert "no metrics: SIGNET_METRICS_LISTEN: cannot listen on" in stack.broker.text()
        assert stack.client(name(), tls=False).code == 0


def test_an_address_that_is_none_is_a_reason_not_to_start(shared, tmp_path):
    env = {**shared.broker_env, "SIGNET_METRICS_LISTEN": "localhost:metrics", "SIGNET_MQTTS_LISTEN": "127.0.0.1:0",
           "SIGNET_MQTT_LISTEN": ""}
    p = Process("broker", [shared.binaries / "signet-broker"], env, tmp_path / "log").start()
    assert p.popen.wait(20) == 1 and "SIGNET_METRICS_LISTEN" in p.text()


def test_asking_all_the_time_gives_whole_pages(shared):
    texts = [get(port_of(shared))[2] for _ in range(50)]
    totals = [Metrics(t)["accepted_total"] for t in texts]
    assert totals == sorted(totals)
