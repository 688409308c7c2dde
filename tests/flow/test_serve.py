"""Each domain answers with its own certificate, and messages go through."""
import re
import ssl
import subprocess

import pytest
from harness.mqtt import Client, served, tls_context

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def domains(shared, authority):
    """alpha (default), beta, a wildcard, an IDN: name → certificate."""
    made = {
        "alpha.example.com": authority.issue("alpha.example.com"),
        "beta.example.com": authority.issue("beta.example.com", key="rsa:2048"),
        "*.wild.example.com": authority.issue("*.wild.example.com"),
        "exact.wild.example.com": authority.issue("exact.wild.example.com"),
        "Bücher.example.com": authority.issue("xn--bcher-kva.example.com"),
    }
    ids = {name: shared.upload(c) for name, c in made.items()}
    config = " ;\n".join(f"  {name}#{i}" for name, i in ids.items()) + ";"
    reply = shared.set_sni(ids["alpha.example.com"], config)
    assert reply.status == 200 and reply.json["Success"] == "true", reply
    shared.applied(reply)
    return made


MATRIX = [
    ("alpha.example.com", "alpha.example.com"),
    ("beta.example.com", "beta.example.com"),
    ("BETA.Example.COM", "beta.example.com"),
    ("beta.example.com.", "beta.example.com"),
    ("nobody.example.org", "alpha.example.com"),
    ("one.wild.example.com", "*.wild.example.com"),
    ("exact.wild.example.com", "exact.wild.example.com"),
    ("two.one.wild.example.com", "alpha.example.com"),
    ("wild.example.com", "alpha.example.com"),
    ("xn--bcher-kva.example.com", "Bücher.example.com"),
    ("127.0.0.1", "alpha.example.com"),
    ("-", "alpha.example.com"),
    (None, "alpha.example.com"),
]


def s_client(port, name, *more):
    sni = ["-noservername"] if name is None else ["-servername", name]
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *sni, "-showcerts", *more],
                          input="", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    return done.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("name, expected", MATRIX)
def test_openssl_s_client_sees_the_certificate_of_the_domain(shared, domains, name, expected, version):
    out = s_client(shared.tls_port, name, version)
    common_name = domains[expected].crt_path.read_text()
    assert common_name.strip().splitlines()[1] in out, f"{name} should get {expected}:\n{out[:1500]}"
    assert re.search(r"^issuer=CN = Test CA$", out, re.M)
    assert out.count("BEGIN CERTIFICATE") >= 2  # the chain is sent


def test_tls_1_1_is_refused(shared, domains):
    out = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{shared.tls_port}", "-tls1_1", "-cipher",
                          "ALL:@SECLEVEL=0"], input="", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=30, check=False).stdout
    assert "BEGIN CERTIFICATE" not in out


@pytest.mark.parametrize("domain", ["alpha.example.com", "beta.example.com"])
@pytest.mark.parametrize("qos", [0, 1])
def test_mosquitto_clients_exchange_messages_through_each_domain(shared, domains, authority, tmp_path, domain, qos):
    """Debian's mosquitto_pub and mosquitto_sub, certificate and host name checked, Signature user name."""
    from harness.mosquitto import Mosquitto

    m = Mosquitto(shared, authority.crt_path, tmp_path)
    with m.subscribe(domain, f"room/{qos}/+/state", qos, count=3) as sub:
        for n in range(3):
            m.publish(domain, f"room/{qos}/{n}/state", f"hello {n}", qos)
        assert sub.lines() == [f"room/{qos}/{n}/state hello {n}" for n in range(3)]


def test_a_p2p_message_reaches_a_client_that_subscribed_to_nothing(shared, domains):
    receiver = shared.client("GID_test@@@receiver", sni="alpha.example.com")
    sender = shared.client("GID_test@@@sender", sni="beta.example.com")
    for qos in (0, 1):
        sender.publish("parent/p2p/GID_test@@@receiver", f"just you {qos}", qos)
        assert receiver.message() == ("parent/p2p/GID_test@@@receiver", f"just you {qos}".encode(), qos, False)
    sender.publish("parent/p2p/GID_test@@@sender", "to myself", 1, wait=False)
    assert sender.message()[:2] == ("parent/p2p/GID_test@@@sender", b"to myself")
    receiver.close()
    sender.close()


def test_the_name_is_acknowledged_and_no_client_certificate_is_asked_for(shared, domains):
    out = s_client(shared.tls_port, "alpha.example.com", "-tls1_2", "-tlsextdebug")
    assert 'TLS server extension "server name" (id=0)' in out
    assert "No client certificate CA names sent" in out


def test_a_broker_without_configuration_refuses_with_unrecognized_name(open_stack):
    s = open_stack()
    with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
        served(s.tls_port, "alpha.example.com")


@pytest.mark.parametrize("version", VERSIONS)
def test_signature_login_is_proven(shared, domains, version):
    key_id, secret, instance = shared.login()
    wrong = {
        "wrong secret": (key_id, secret + "x", instance),
        "unknown access key": ("LTAInobody", secret, instance),
        "another instance": (key_id, secret, "mqtt-cn-other"),
        "empty instance": (key_id, secret, ""),
    }
    for what, login in wrong.items():
        c = shared.client("GID_a@@@1", login=login, sni="alpha.example.com", version=version)
        assert c.code == 4, what
        assert c.closed()
    c = shared.client("GID_a@@@1", login=None, sni="alpha.example.com", version=version)
    assert c.code == 5 and c.closed()
    c = shared.client("GID_a@@@1", sni="alpha.example.com", version=version)
    assert c.code == 0
    c.close()


def test_a_login_for_one_client_id_is_no_login_for_another(shared, domains):
    from harness.mqtt import connect_packet, password

    key_id, secret, instance = shared.login()
    c = Client(shared.tcp_port, "GID_a@@@2", tls=False, connect=False)
    c.send(connect_packet("GID_a@@@2", f"Signature|{key_id}|{instance}", password(secret, "GID_a@@@1")))
    assert c.receive() == (0x20, b"\0\4")


def test_certificate_chain_verifies_for_a_strict_client(shared, domains, authority):
    import socket

    context = tls_context(authority.crt)
    context.check_hostname = True
    with socket.create_connection(("127.0.0.1", shared.tls_port), timeout=10) as raw:
        with context.wrap_socket(raw, server_hostname="beta.example.com") as s:
            assert s.version() == "TLSv1.3"
