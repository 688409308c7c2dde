"""OCSP stapling from the responder to the client: the API fetches, the broker staples, nobody's handshake waits."""
import subprocess
import time

import pytest
from harness.certs import Authority
from harness.mqtt import served
from harness.ocsp import Responder, naming
from harness.process import wait_until

DOMAIN, OTHER = "staple.example.com", "plain.example.com"


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path / "ca", "Staple CA")


@pytest.fixture
def responder(ca, tmp_path):
    r = Responder(tmp_path / "responder", ca)
    yield r
    r.close()


def s_client(stack, sni, version, *more):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{stack.tls_port}", "-servername", sni, version, *more],
                          input="", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
    return done.stdout


def configured(open_stack, ca, responder):
    stack = open_stack(env={"SIGNET_OCSP_PRIVATE": "on"})
    certificate = ca.issue(DOMAIN, usage=naming(responder.url))
    responder.add(certificate)
    ids = stack.upload(certificate), stack.upload(ca.issue(OTHER))
    assert stack.set_sni(ids[1], f"{DOMAIN}#{ids[0]};{OTHER}#{ids[1]}").status == 200
    return stack, certificate


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_client_that_asks_gets_the_response_of_its_certificate(open_stack, ca, responder, version):
    stack, certificate = configured(open_stack, ca, responder)
    wait_until(lambda: stack.status().get("staples") == 1, what="the broker to have the response")
    out = s_client(stack, DOMAIN, version, "-status", "-CAfile", str(ca.crt_path), "-verify_return_error")
    assert "OCSP Response Status: successful" in out and "Cert Status: good" in out, out
    assert "OCSP response: no response sent" in s_client(stack, OTHER, version, "-status")
    assert "OCSP Response Status" not in s_client(stack, DOMAIN, version)
    responder.close()  # what is stapled is the broker's own
    stack.api_process.stop()
    assert "Cert Status: good" in s_client(stack, DOMAIN, version, "-status")
    assert served(stack.tls_port, DOMAIN) == certificate.sha256
    stack.start_api()


def test_a_responder_that_is_silent_delays_no_handshake(open_stack, ca, responder):
    stack, certificate = configured(open_stack, ca, responder)
    responder.close()
    for _ in range(5):
        began = time.monotonic()
        assert served(stack.tls_port, DOMAIN) == certificate.sha256
        assert time.monotonic() - began < 5
    assert "OCSP response: no response sent" in s_client(stack, DOMAIN, "-tls1_3", "-status") or stack.status()["staples"] == 1
