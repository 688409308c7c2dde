"""An instance in the mode mutual, served by a broker that does not verify device certificates yet: no TLS client gets in,
whoever it is and whenever it came, and operators can see why."""
import re
import ssl
import subprocess
import threading
import time

import pytest
from harness.expect import answered
from harness.mqtt import Client, served
from harness.process import wait_until

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
DOMAIN = "mode.example.com"


@pytest.fixture
def serving(stack, authority):
    """A domain that is served one-way; its certificate."""
    certificate = authority.issue(DOMAIN)
    cert = stack.upload(certificate)
    assert stack.set_sni(cert, f"{DOMAIN}#{cert}").headers["x-signet-rollout"] == "applied"
    assert stack.served(DOMAIN) == certificate.sha256
    return certificate


def set_mode(stack, mode):
    reply = stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": mode})
    assert answered(reply, "SetAuthenticationMode")["Mode"] == mode and reply.headers["x-signet-rollout"] == "applied"


def refused(stack, sni, version=None):
    with pytest.raises(ssl.SSLError, match="(?i)handshake.failure"):
        served(stack.tls_port, sni, version)
    return True


def connections(stack):
    return stack.status()["counters"]["connections"]


def s_client(stack, *more, **kwargs):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{stack.tls_port}", "-servername", DOMAIN, *more],
                          input="", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False, **kwargs)
    return done.stdout


def test_every_handshake_is_refused_and_then_served_again(stack, serving):
    for _ in range(2):
        set_mode(stack, "mutual")
        for version in VERSIONS:
            for sni in (DOMAIN, "nobody.example.org", None):
                assert refused(stack, sni, version)
        assert "does not verify device certificates" in stack.broker.text()
        set_mode(stack, "one-way")
        for version in VERSIONS:
            assert served(stack.tls_port, DOMAIN, version) == serving.sha256
    c = stack.client("back", sni=DOMAIN)
    assert c.code == 0
    c.close()


def test_not_even_a_client_certificate_or_an_old_session_gets_in(stack, serving, authority, tmp_path):
    device = authority.issue("device 1", usage="clientAuth")
    for version in ("-tls1_2", "-tls1_3"):
        saved = tmp_path / version
        s_client(stack, version, "-sess_out", str(saved))
        old = ["-sess_in", str(saved)] if saved.exists() else []
        set_mode(stack, "mutual")
        for more in (old, ["-cert", str(device.crt_path), "-key", str(device.key_path)]):
            out = s_client(stack, version, *more)
            assert re.search("alert handshake failure", out) and "BEGIN CERTIFICATE" not in out, out[:1500]
        set_mode(stack, "one-way")


def test_live_connections_over_tls_end_within_a_second_and_others_stay(stack, serving):
    over_tls = [stack.client(f"tls-{n}", sni=DOMAIN, version=v) for n, v in enumerate(VERSIONS * 3)]
    silent = Client(stack.tls_port, "silent", connect=False, sni=DOMAIN)  # shaken, but no CONNECT yet
    plain = stack.client("plain", tls=False)
    plain.subscribe("room/state")
    assert all(c.code == 0 for c in over_tls)
    began = time.monotonic()
    set_mode(stack, "mutual")
    for c in [*over_tls, silent]:
        assert c.closed(timeout=5)
    assert time.monotonic() - began < 1
    plain.publish("room/state", "still here", 1, wait=False)
    assert plain.message()[:2] == ("room/state", b"still here")
    another = stack.client("another", tls=False)
    assert another.code == 0
    wait_until(lambda: connections(stack) == 2, what="only plain connections to be left")


def test_a_broker_that_starts_in_the_mode_refuses_from_the_first_handshake(stack, serving):
    set_mode(stack, "mutual")
    stack.broker.stop()
    stack.start_broker()
    assert refused(stack, DOMAIN)
    assert stack.client("plain", tls=False).code == 0
    set_mode(stack, "one-way")
    assert stack.served(DOMAIN) == serving.sha256


def test_operators_see_why(stack, serving):
    set_mode(stack, "mutual")
    status = stack.status()
    assert status["mode"] == "mutual"
    row, = status["rejected"]
    assert row["mode"] == "mutual" and "does not verify device certificates" in row["error"]
    described = lambda: answered(stack.api.v3("DescribeInstance", {"MqttInstanceId": stack.instance}), "DescribeInstance")  # noqa: E731
    wait_until(lambda: described()["Brokers"][0]["Rejected"] == [row], what="the broker to report")
    set_mode(stack, "one-way")
    assert stack.status()["rejected"] == [] and stack.status()["mode"] == "one-way"


def test_nobody_slips_through_while_the_mode_changes(stack, serving):
    """Clients come all the time; after each switch to mutual none of them is left, on whatever worker it was."""
    stop, held, wrong = threading.Event(), [], []

    def come():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                c = stack.client(f"{threading.get_ident()}-{n}", sni=DOMAIN, timeout=5)
                if c.code == 0:
                    held.append(c)
                else:
                    c.close()
            except (OSError, EOFError):  # refused, or cut off while it came in
                pass

    threads = [threading.Thread(target=come) for _ in range(4)]
    for t in threads:
        t.start()
    try:
        for _ in range(15):
            wait_until(lambda: len(held) >= 5, what="clients to come in")
            set_mode(stack, "mutual")
            wait_until(lambda: connections(stack) == 0, timeout=5, what="all TLS connections to be gone")
            for c in held:
                if not c.closed(timeout=1):
                    wrong.append(c.client_id)
                c.close(disconnect=False)
            held.clear()
            set_mode(stack, "one-way")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert wrong == []
    for c in held:
        c.close()
