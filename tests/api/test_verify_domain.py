"""VerifyDomain: a handshake with the broker on this machine, held against what is configured."""
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from harness.certs import fingerprint
from harness.expect import answered, contents, refused
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")
OPERATION = "VerifyDomain"


def ask(stack, domain="a.example.com", instance=None):
    return stack.api.v3(OPERATION, {"MqttInstanceId": instance or stack.instance, "Domain": domain})


def told(stack, domain="a.example.com"):
    return answered(ask(stack, domain), OPERATION)


@pytest.fixture
def play(played, instance):
    """play(listeners) → a broker of the instance that says it has them"""
    return lambda *listeners: played(instance, {"status": {"ok": True, "applied": 9, "listeners": list(listeners)}})


@pytest.fixture
def silent():
    """A port where somebody listens and says nothing."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(16)
        yield s.getsockname()[1]


def listener(port, **others):
    return {"name": "mqtts", "address": "127.0.0.1", "port": port, "tls": True, "proxy": False, **others}


# ---- refusals ----

def test_instance_and_domain_are_mandatory(shared):
    refused(shared.api.v3(OPERATION, {"Domain": "a.example.com"}), "MissingMqttInstanceId")
    refused(shared.api.v3(OPERATION, {"MqttInstanceId": shared.instance}), "MissingDomain")
    refused(ask(shared, instance="mqtt-cn-nowhere"), "MqttInstanceNotFound")


@pytest.mark.parametrize("domain", ["example", "127.0.0.1", "a..example.com", "-a.example.com", "*.com", "*", "a.*.example.com",
                                    "a b.example.com", "a.example.com;rm", "$(id).example.com", "a" * 64 + ".example.com",
                                    "x" * 256, "*." + ".".join(["a" * 60] * 4) + ".com"])
def test_what_is_no_domain_is_refused_and_nobody_is_asked(shared, instance, play, domain):
    broker = play(listener(1))
    assert "Domain" in refused(ask(shared, domain, instance), "InvalidDomain")
    assert broker.asked == []


def test_without_a_broker_there_is_nothing_to_verify(shared, instance):
    before = contents(shared, BUT)
    assert "no broker listens here" in refused(ask(shared, instance=instance), "NoBrokerAnswered")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("listeners", [[], [{"name": "mqtt", "address": "127.0.0.1", "port": 1, "tls": False}],
                                       [listener(1, proxy=True)], [listener(0)], [listener(65536)], [listener("1")],
                                       [listener(1, address=None)], [listener(1, address="1" * 64)], [7]], ids=str)
def test_a_broker_without_a_listener_for_it_is_not_asked(shared, instance, play, listeners):
    play(*listeners)
    assert "no listener with TLS" in refused(ask(shared, instance=instance), "NoBrokerAnswered")


def test_where_nobody_listens_is_said(shared, instance, play, silent):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        play(listener(s.getsockname()[1]))
        assert "nobody listens" in refused(ask(shared, instance=instance), "NoBrokerAnswered")


def test_a_listener_that_says_nothing_is_left_after_five_seconds(shared, instance, play, silent):
    play(listener(silent))
    began = time.monotonic()
    assert "in time" in refused(ask(shared, instance=instance), "NoBrokerAnswered")
    assert 4 < time.monotonic() - began < 8


def test_one_that_dribbles_is_left_after_five_seconds_too(shared, instance, play):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)

        def dribble():  # a record of TLS that never ends
            with s.accept()[0] as c:
                c.sendall(b"\x16\x03\x03\x40\x00")
                try:
                    for _ in range(200):
                        c.sendall(b"\x02")
                        time.sleep(0.1)
                except OSError:
                    pass

        thread = threading.Thread(target=dribble)
        thread.start()
        play(listener(s.getsockname()[1]))
        began = time.monotonic()
        refused(ask(shared, instance=instance), "NoBrokerAnswered")
        assert time.monotonic() - began < 8
        thread.join()


def test_a_listener_that_speaks_no_tls_has_refused_the_handshake(shared, instance, play):
    play(listener(shared.tcp_port))
    got = answered(ask(shared, instance=instance), OPERATION)
    assert (got["Matches"], got["Chain"], got["ServedSha256"]) == (False, [], "") and "refused the handshake" in got["Reason"]


def test_a_hung_broker_is_not_waited_for(stack):
    stack.broker.popen.send_signal(signal.SIGSTOP)
    try:
        refused(ask(stack), "NoBrokerAnswered")
        began = time.monotonic()
        for _ in range(5):
            refused(ask(stack), "NoBrokerAnswered")
        assert time.monotonic() - began < 2
    finally:
        stack.broker.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: ask(stack).status == 200, what="the broker to be asked again")


# ---- what is served ----

def test_a_name_that_nothing_is_configured_for_is_refused_by_the_broker(stack):
    got = told(stack)
    assert (got["Matches"], got["Chain"], got["ConfiguredBy"], got["ConfiguredCertificate"]) == (False, [], "none", "")
    assert "no certificate is configured for this name" in got["Reason"] and "refused the handshake" in got["Reason"]


@pytest.fixture(scope="module")
def world(cluster, authority):
    """A stack with a domain, a wildcard and a default certificate: (stack, {entry: (certificate, identifier)})."""
    from conftest import Opener  # pylint: disable=import-outside-toplevel
    opener = Opener(cluster)
    try:
        stack = opener()
        made = {name: authority.issue(name) for name in ("a.example.com", "*.example.com", "default.example.net")}
        there = {name: (c, stack.upload(c)) for name, c in made.items()}
        config = ";".join(f"{n}#{there[n][1]}" for n in ("a.example.com", "*.example.com"))
        assert stack.set_sni(there["default.example.net"][1], config).status == 200
        yield stack, there
    finally:
        opener.close()


@pytest.mark.parametrize("domain, server_name, entry, rule, name_matches", [
    ("a.example.com", "a.example.com", "a.example.com", "exact", True),
    ("A.EXAMPLE.com.", "a.example.com", "a.example.com", "exact", True),
    ("b.example.com", "b.example.com", "*.example.com", "wildcard", True),
    ("*.example.com", "signet-verify.example.com", "*.example.com", "wildcard", True),
    ("c.b.example.com", "c.b.example.com", "default.example.net", "default", False),
    ("bücher.example.net", "xn--bcher-kva.example.net", "default.example.net", "default", False),
])
def test_each_entry_is_served_as_configured(world, domain, server_name, entry, rule, name_matches):
    stack, there = world
    certificate, identifier = there[entry]
    got = told(stack, domain)
    assert got == {**got, "MqttInstanceId": stack.instance, "Domain": domain, "ServerName": server_name, "Matches": True,
                   "Reason": "", "ServedSha256": certificate.sha256, "ConfiguredSha256": certificate.sha256,
                   "ConfiguredCertificate": identifier, "ConfiguredBy": rule, "NameMatches": name_matches,
                   "ClientCertificateAsked": False, "Protocol": "TLSv1.3", "Revision": stack.revision(),
                   "ServedRevision": stack.revision()}
    assert got["Cipher"].startswith("TLS_")


def test_the_chain_is_told_as_it_was_presented(world, authority):
    stack, there = world
    leaf, ca = told(stack)["Chain"]
    assert (leaf["Subject"], leaf["Issuer"], ca["Subject"]) == ("CN = a.example.com", "CN = Test CA", "CN = Test CA")
    assert leaf["Pem"] == there["a.example.com"][0].crt and ca["Pem"] == authority.crt
    assert (leaf["Sha256"], ca["Sha256"]) == (there["a.example.com"][0].sha256, fingerprint(authority.crt))
    assert re.fullmatch("[0-9a-f]+", leaf["SerialNumber"]) and leaf["NotBefore"] < time.time() * 1000 < leaf["NotAfter"]


def test_the_command_shows_the_same(world):
    stack, there = world
    got = told(stack, "*.example.com")
    assert got["Command"] == (f"openssl s_client -connect 127.0.0.1:{stack.tls_port} -servername signet-verify.example.com "
                              "-showcerts </dev/null")
    shown = subprocess.run(got["Command"], shell=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                           text=True).stdout
    assert [fingerprint(pem) for pem in re.findall(r"-----BEGIN.*?-----END CERTIFICATE-----", shown, re.S)][:2] == \
        [c["Sha256"] for c in got["Chain"]]
    assert there["*.example.com"][0].sha256 == got["Chain"][0]["Sha256"]


def test_sixteen_at_once_are_all_answered(world):
    stack, _ = world
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(told(stack)["Matches"])) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert replies == [True] * 16


def test_a_broker_that_serves_something_else_is_found_out(world, play, shared, instance, authority):
    stack, _ = world
    other = authority.issue("a.example.com")
    configured = shared.upload(other)
    answered(shared.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": configured, "SniConfig": ""}),
             "SetSniConfig")
    broker = play(listener(stack.tls_port))
    got = answered(ask(shared, instance=instance), OPERATION)
    assert (got["Matches"], got["ConfiguredSha256"], got["ConfiguredCertificate"]) == (False, other.sha256, configured)
    assert got["ServedSha256"] != other.sha256
    assert got["Reason"] == "the broker serves another certificate than the configured one"
    broker.answers["status"]["applied"] = 0
    got = answered(ask(shared, instance=instance), OPERATION)
    assert got["Reason"] == "the broker does not serve the newest configuration yet"


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_in_the_mode_mutual_the_broker_presents_its_chain_before_it_ends(open_stack, authority, tmp_path, version):
    conf = tmp_path / "openssl.cnf"  # of both: the broker speaks no later one
    conf.write_text(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nMaxProtocol = {version}\n")
    stack = open_stack(env={"OPENSSL_CONF": conf})
    certificate = authority.issue("a.example.com")
    identifier = stack.upload(certificate)
    answered(stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "mutual",
                                                    "ServerCertificate": identifier}), "SetAuthenticationMode")
    got = told(stack)
    assert (got["Matches"], got["ServedSha256"], got["ClientCertificateAsked"], got["ConfiguredBy"], got["Protocol"]) == (
        True, certificate.sha256, True, "default", version)
    assert [c["Sha256"] for c in got["Chain"]] == [certificate.sha256, fingerprint(authority.crt)]
