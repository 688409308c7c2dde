"""One-way and mutual, switched live: what the new mode would refuse is closed within a second, the rest stays."""
import ssl
import subprocess
import threading

import pytest
from harness.crowd import Crowd, Member
from harness.device_clients import Login
from harness.expect import answered
from harness.metrics import counted
from harness.mqtt import Client, served
from harness.odd_certs import OddCa
from harness.process import wait_until

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
DOMAIN = "mode.example.com"


@pytest.fixture
def serving(stack, authority):
    """A domain that is served one-way, and a registered CA."""
    cert = stack.upload(authority.issue(DOMAIN))
    stack.applied(stack.set_sni(cert, f"{DOMAIN}#{cert}"))
    stack.ca = OddCa()
    call = lambda op, **p: answered(stack.api.v3(op, {"MqttInstanceId": stack.instance, **p}), op)  # noqa: E731
    code = call("GetRegisterCode")["RegisterCode"]
    call("RegisterCaCertificate", CaName="mode", CaContent=stack.ca.pem, VerificationContent=stack.ca.verification(code))
    return stack


def set_mode(stack, mode, **more):
    reply = stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": mode, **more})
    assert answered(reply, "SetAuthenticationMode")["Mode"] == mode
    stack.applied(reply)


def connections(stack):
    return stack.status()["counters"]["connections"]


def s_client(stack, *more):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{stack.tls_port}", "-servername", DOMAIN, *more],
                          input="", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    return done.stdout


def test_a_certificate_is_asked_for_in_the_mode_mutual_only_and_no_ca_is_named(serving):
    for version in ("-tls1_2", "-tls1_3"):
        assert "Client Certificate Types" not in s_client(serving, version)
        set_mode(serving, "mutual")
        out = s_client(serving, version)
        assert "No client certificate CA names sent" in out and "Requested Signature Algorithms" in out, out
        set_mode(serving, "one-way")


def test_to_mutual_closes_who_showed_no_certificate_and_leaves_connections_without_tls(serving):
    over_tls = [serving.client(f"tls-{n}", sni=DOMAIN, version=v) for n, v in enumerate(VERSIONS * 3)]
    silent = Client(serving.tls_port, "silent", connect=False, sni=DOMAIN)  # shaken, but no CONNECT yet
    plain = serving.client("plain", tls=False)
    plain.subscribe("room/state")
    set_mode(serving, "mutual")
    for c in [*over_tls, silent]:
        assert c.closed(timeout=10)
    plain.publish("room/state", "still here", 1, wait=False)
    assert plain.message()[:2] == ("room/state", b"still here")
    wait_until(lambda: connections(serving) == 1, what="only the plain connection to be left")
    counted(serving, mode=7)


def test_to_one_way_closes_who_came_in_by_the_certificate_alone(serving, tmp_path):
    set_mode(serving, "mutual")
    login = Login(*serving.login())
    crowd = Crowd().connect(lambda n: Member(serving.tls_port, f"m{n}", serving.ca.device().write(tmp_path), DOMAIN,
                                             login if n % 2 else None), 10)
    try:
        set_mode(serving, "one-way")
        crowd.watch(5, until=lambda: len(crowd.closed()) == 5)
        assert {m.client_id for m in crowd.closed()} == {f"m{n}" for n in range(0, 10, 2)}
        assert connections(serving) == 5
        set_mode(serving, "mutual")  # those left have both
        assert connections(serving) == 5
    finally:
        crowd.close()


def test_login_required_closes_who_has_none(serving, tmp_path):
    set_mode(serving, "mutual")
    login = Login(*serving.login())
    crowd = Crowd().connect(lambda n: Member(serving.tls_port, f"m{n}", serving.ca.device().write(tmp_path), DOMAIN,
                                             login if n % 2 else None), 6)
    try:
        set_mode(serving, "mutual", LoginRequired="true")
        crowd.watch(5, until=lambda: len(crowd.closed()) == 3)
        assert {m.client_id for m in crowd.closed()} == {"m0", "m2", "m4"}
        assert Member(serving.tls_port, "m6", serving.ca.device().write(tmp_path), DOMAIN).code == 5
    finally:
        crowd.close()


@pytest.mark.parametrize("who, let_in", [("loopback", True), ("all", True), ("none", False)])
def test_who_may_come_without_tls_in_the_mode_mutual_is_a_setting(open_stack, who, let_in):
    stack = open_stack(env={"SIGNET_MQTT_IN_MUTUAL": who})
    c = stack.client("before", tls=False)
    assert c.code == 0
    certificate = OddCa().device("default", extended=["server"])
    cert = answered(stack.api.v3("UploadUserCertificate", {"Name": "default", "Cert": certificate.pem, "Key": certificate.key_pem},
                                 version="2020-04-07"), "UploadUserCertificate")["CertId"]
    set_mode(stack, "mutual", ServerCertificate=f"{cert}-cn-hangzhou")
    assert stack.client("after", tls=False).code == (0 if let_in else 5)
    assert c.closed(timeout=1 if let_in else 10) != let_in


def test_nobody_slips_through_while_the_mode_changes(serving):
    """Clients come all the time; after each switch to mutual none of them is left, on whatever worker it was."""
    stop, held, wrong = threading.Event(), [], []

    def come():
        n = 0
        while not stop.is_set():
            n += 1
            try:
                c = serving.client(f"{threading.get_ident()}-{n}", sni=DOMAIN, timeout=5)
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
            set_mode(serving, "mutual")
            wait_until(lambda: all(c.closed(timeout=0.1) for c in list(held)), timeout=20, what="who was in to be out")
            for c in held:
                if not c.closed(timeout=1):
                    wrong.append(c.client_id)
                c.close(disconnect=False)
            held.clear()
            set_mode(serving, "one-way")
    finally:
        stop.set()
        for t in threads:
            t.join()
    assert wrong == []


def test_a_server_certificate_is_served_in_both_modes(serving, authority):
    before = served(serving.tls_port, DOMAIN)
    set_mode(serving, "mutual")
    assert "BEGIN CERTIFICATE" in s_client(serving, "-showcerts")
    set_mode(serving, "one-way")
    assert served(serving.tls_port, DOMAIN) == before
