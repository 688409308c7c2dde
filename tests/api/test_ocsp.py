"""OCSP responses that the API fetches for server certificates: what is refused, what is kept, and that nobody waits for it."""
import base64
import signal
import time

import pytest
from harness import process
from harness.api import CAS
from harness.certs import Authority, openssl
from harness.ocsp import Index, Oddity, Responder, naming, respond

PRIVATE = {"SIGNET_OCSP_PRIVATE": "on"}


def wait_until(fact, timeout=120.0, what="fact"):
    """Who fetches pauses 20 times as long as a look took: on a machine that stalls for three seconds, a minute."""
    return process.wait_until(fact, timeout, what)


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ocsp-ca"), "OCSP CA")


@pytest.fixture
def responder(ca, tmp_path):
    r = Responder(tmp_path / "responder", ca)
    yield r
    r.close()


@pytest.fixture
def oddity():
    o = Oddity()
    yield o
    o.close()


def use(stack, *certificates, default=None):
    """Uploads them and puts them into use, each for a domain; their IDs."""
    ids = [stack.upload(c) for c in certificates]
    first = default or stack.upload(Authority(stack.home / "plain", "Plain CA").issue("default.example.com"))
    reply = stack.set_sni(first, ";".join(f"d{n}.example.com#{i}" for n, i in enumerate(ids)))
    assert reply.status == 200, reply
    return [int(i.split("-")[0]) for i in ids]


FIELDS = ("response", "failures", "error", "next", "again")


def row(stack, cert_id):
    """The row of a certificate: response as bytes, next_update and try_at in seconds from now; {} when there is none."""
    now = "clock_timestamp()"  # now() is when our transaction began, which may be before the row's
    rows = stack.sql("SELECT replace(coalesce(encode(response, 'base64'), ''), E'\\n', ''), failures, error, "
                     f"extract(epoch FROM next_update - {now}), extract(epoch FROM try_at - {now}) "
                     f"FROM ocsp_response WHERE certificate_id = {cert_id}")
    if not rows:
        return {}
    got = dict(zip(FIELDS, rows[0]))
    return {"response": base64.b64decode(got["response"]), "failures": int(got["failures"]), "error": got["error"],
            "next": float(got["next"] or 0), "again": float(got["again"])}


def failed(stack, cert_id, times=1):
    got = wait_until(lambda: (r := row(stack, cert_id)) and r["failures"] >= times and r, what="a failure")
    assert got["failures"] == times
    return got


def fetched(stack, cert_id):
    return wait_until(lambda: (r := row(stack, cert_id)) and r["response"] and r, what="a response")


def again(stack, cert_id):
    """As if its time had come."""
    stack.sql(f"UPDATE ocsp_response SET try_at = now() WHERE certificate_id = {cert_id}; NOTIFY signet_instance")


def verified(ca, certificate, der, tmp_path):
    """What the openssl command makes of a stored response."""
    (tmp_path / "stored.der").write_bytes(der)
    return openssl("ocsp", "-respin", tmp_path / "stored.der", "-issuer", ca.crt_path, "-cert", certificate.crt_path, "-CAfile",
                   ca.crt_path, "-no_nonce").decode()


# ---- what is refused ----

def test_private_addresses_are_not_asked_unless_that_is_wanted(open_stack, ca, oddity):
    """By number or by name, in IPv4 and IPv6."""
    s = open_stack()
    urls = [oddity.url("/", host) for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "0x7f.1")]
    urls += ["http://10.255.255.1/", "http://169.254.169.254/latest/meta-data", "https://192.168.255.1/", "http://[fd00::1]/"]
    ids = use(s, *(ca.issue(f"d{n}.example.com", usage=naming(url)) for n, url in enumerate(urls)))
    for cert_id in ids:
        got = failed(s, cert_id)
        assert got["error"] == "the responder's address is not a public one, and SIGNET_OCSP_PRIVATE is off"
        assert got["response"] == b"" and 50 < got["again"] <= 60
    assert oddity.requests == []


def test_a_response_that_somebody_else_has_signed_is_refused(open_stack, ca, tmp_path):
    """Also the certificate itself, which the CA has signed, but not for that."""
    s = open_stack(env=PRIVATE)
    other, itself = Authority(tmp_path / "other", "OCSP CA"), ca.issue("signer.example.com")
    signers = [(other.crt_path, other.folder / "ca.key"), (itself.crt_path, itself.key_path)]
    responders = [Responder(tmp_path / str(n), ca, signer) for n, signer in enumerate(signers)]
    try:
        certificates = [ca.issue(f"d{n}.example.com", usage=naming(r.url)) for n, r in enumerate(responders)]
        for r, c in zip(responders, certificates):
            r.add(c)
        for cert_id in use(s, *certificates):
            got = failed(s, cert_id)
            assert "not signed by the certificate's issuer" in got["error"] and got["response"] == b""
    finally:
        for r in responders:
            r.close()


def test_answers_that_are_none_are_refused(open_stack, ca, oddity, responder, tmp_path):
    s = open_stack(env=PRIVATE)
    index = Index(tmp_path / "index.txt")
    odd = {
        "/status": (lambda body: (503, (), b"later"), "HTTP status 503"),
        "/redirect": (lambda body: (302, [("location", responder.url)], b""), "HTTP status 302"),
        "/post": (lambda body: (307, [("location", responder.url)], b""), "HTTP status 307"),
        "/garbage": (lambda body: (200, (), b"<html>"), "no OCSP response"),
        "/empty": (lambda body: (200, (), b""), "empty"),
        "/large": (lambda body: (200, (), b"0" * (64 * 1024 + 1)), "larger than allowed"),
        "/headers": (lambda body: (200, [(f"x-{n}", "y" * 1000) for n in range(20)], b""), "headers are larger"),
        "/unknown": (lambda body: (200, (), respond(ca, index, body)), "does not know the certificate"),
        "/endless": (lambda body: (200, (), respond(ca, index, body, minutes=None)), "when it ends"),
    }
    certificates = {path: ca.issue(f"{path[1:]}.example.com", usage=naming(oddity.url(path))) for path in odd}
    odd["/name"] = odd["/status"][0], "Login denied"
    certificates["/name"] = ca.issue("name.example.com", usage=naming(f"http://user:password@127.0.0.1:{oddity.port}/name"))
    index.add(certificates["/endless"])
    responder.add(certificates["/redirect"])
    responder.add(certificates["/post"])
    oddity.answers.update({path: answer for path, (answer, _) in odd.items()})
    for (path, (_, why)), cert_id in zip(odd.items(), use(s, *(certificates[path] for path in odd))):
        got = failed(s, cert_id)
        assert why in got["error"], (path, got["error"])
        assert got["response"] == b""
    assert "/name" not in [path for path, _, _ in oddity.requests]


def test_a_response_older_than_the_one_that_is_there_is_refused(open_stack, ca, oddity, tmp_path):
    """Who is between us and the responder cannot take a revocation back."""
    s, index = open_stack(env=PRIVATE), Index(tmp_path / "index.txt")
    c = ca.issue("replay.example.com", usage=naming(oddity.url("/")))
    index.add(c)
    old = []

    def remember(body):
        old.append(respond(ca, index, body))
        return 200, (), old[-1]

    oddity.answers["/"] = remember
    [cert_id] = use(s, c)
    fetched(s, cert_id)
    index.add(c, revoked=True)
    time.sleep(1.1)  # thisUpdate counts in seconds
    again(s, cert_id)
    newest = wait_until(lambda: (r := row(s, cert_id))["error"] and r, what="the revocation")
    assert "revoked at 2020-01-01T00:00:00Z" in newest["error"] and newest["response"] == old[1]
    oddity.answers["/"] = lambda body: (200, (), old[0])
    again(s, cert_id)
    got = failed(s, cert_id)
    assert "older than the one that is there" in got["error"] and got["response"] == old[1]


# ---- what goes right ----

def test_a_response_is_fetched_stored_and_refreshed(open_stack, ca, responder, tmp_path):
    """Asked directly: a proxy of the environment is not for this."""
    s = open_stack(env={**PRIVATE, "http_proxy": "http://127.0.0.1:9/", "all_proxy": "http://127.0.0.1:9/"})
    c = ca.issue("good.example.com", usage=naming(responder.url))
    responder.add(c)
    [cert_id] = use(s, c)
    got = fetched(s, cert_id)
    assert f"{c.crt_path}: good" in verified(ca, c, got["response"], tmp_path)
    assert got["failures"] == 0 and got["error"] == ""
    assert 3500 < got["next"] <= 3600 and 1700 < got["again"] <= 1800  # half of what it has left
    responder.add(c, revoked=True)
    again(s, cert_id)
    got = wait_until(lambda: (r := row(s, cert_id))["error"] and r, what="the revocation")
    assert "revoked at 2020-01-01T00:00:00Z" in got["error"] and got["failures"] == 0
    assert f"{c.crt_path}: revoked" in verified(ca, c, got["response"], tmp_path)


def test_a_responder_that_the_issuer_has_certified_is_believed(open_stack, ca, tmp_path):
    s, delegate = open_stack(env=PRIVATE), ca.issue("responder", usage="OCSPSigning")
    r = Responder(tmp_path / "r", ca, (delegate.crt_path, delegate.key_path))
    try:
        c = ca.issue("delegated.example.com", usage=naming(r.url))
        r.add(c)
        [cert_id] = use(s, c)
        assert f"{c.crt_path}: good" in verified(ca, c, fetched(s, cert_id)["response"], tmp_path)
    finally:
        r.close()


def test_a_responder_that_is_away_is_asked_less_and_less_and_disturbs_nobody(open_stack, ca, responder):
    s = open_stack(env=PRIVATE)
    c = ca.issue("away.example.com", usage=naming(responder.url))
    responder.add(c)
    responder.close()
    [cert_id] = use(s, c)
    for times, wait in ((1, 60), (2, 120), (3, 240)):
        got = failed(s, cert_id, times)
        assert got["response"] == b"" and "connect" in got["error"].lower()
        assert wait - 10 < got["again"] <= wait
        again(s, cert_id)
    failed(s, cert_id, 4)
    s.sql(f"UPDATE ocsp_response SET failures = 1000 WHERE certificate_id = {cert_id}")
    again(s, cert_id)
    assert 3500 < failed(s, cert_id, 1001)["again"] <= 3600
    assert s.served("d0.example.com") == c.sha256
    responder.start()
    again(s, cert_id)
    assert fetched(s, cert_id)["failures"] == 0
    assert s.served("d0.example.com") == c.sha256


def test_what_is_there_stays_while_the_responder_is_away_and_goes_when_it_has_ended(open_stack, ca, responder):
    s = open_stack(env=PRIVATE)
    c = ca.issue("ends.example.com", usage=naming(responder.url))
    responder.add(c)
    [cert_id] = use(s, c)
    der = fetched(s, cert_id)["response"]
    responder.close()
    again(s, cert_id)
    assert failed(s, cert_id)["response"] == der
    s.sql("UPDATE ocsp_response SET next_update = now() - interval '1 second'; NOTIFY signet_instance")
    wait_until(lambda: s.sql("SELECT 1 FROM ocsp_response WHERE response IS NULL AND next_update IS NULL AND this_update IS NULL"),
               what="the response to be gone")


def test_only_what_is_in_use_has_a_row(open_stack, ca, authority, oddity):
    """A domain's, or the default; with a responder and the issuer; as long as it is used."""
    s = open_stack(env=PRIVATE)
    oddity.answers["/"] = lambda body: (404, (), b"")
    asked = [ca.issue(f"a{n}.example.com", usage=naming(oddity.url("/"))) for n in range(4)]
    unused = s.upload(asked[3])
    alone = ca.issue("alone.example.com", usage=naming(oddity.url("/")))
    alone.chain = alone.crt
    unusable = ca.issue("ftp.example.com", usage=naming("ftp://127.0.0.1/"))
    default = s.upload(asked[0])
    ids = use(s, asked[1], asked[2], alone, authority.issue("none.example.com"), unusable, default=default)
    wanted = {int(default.split("-")[0]), ids[0], ids[1], ids[4]}

    def there():
        return {int(r[0]) for r in s.sql("SELECT certificate_id FROM ocsp_response WHERE failures > 0")}
    wait_until(lambda: there() == wanted, what="the rows")
    assert "names no responder that is reached by http or https" in row(s, ids[4])["error"]
    assert s.set_sni(unused, f"d0.example.com#{ids[0]}-cn-hangzhou").status == 200
    wait_until(lambda: there() == {int(unused.split("-")[0]), ids[0]}, what="the rows of what is used now")
    assert s.api.v3("DeleteUserCertificate", {"CertId": default.split("-")[0]}, version=CAS).status == 200
    s.sql(f"UPDATE server_certificate SET not_after = now() WHERE id = {ids[0]}; NOTIFY signet_instance")
    wait_until(lambda: there() == {int(unused.split("-")[0])}, what="the row of the expired certificate to go")


def test_a_certificate_with_a_row_can_be_deleted_at_once(open_stack, ca, oddity):
    s = open_stack(env=PRIVATE)
    oddity.answers["/"] = oddity.hang
    plain = s.upload(Authority(s.home / "p", "P").issue("p.example.com"))
    [cert_id] = use(s, ca.issue("gone.example.com", usage=naming(oddity.url("/"))), default=plain)
    wait_until(lambda: oddity.requests, what="the responder to be asked")
    assert s.set_sni(plain, "").status == 200
    began = time.monotonic()
    assert s.api.v3("DeleteUserCertificate", {"CertId": str(cert_id)}, version=CAS).status == 200
    assert time.monotonic() - began < 8  # the responder has not answered yet, and is waited for 10 s
    assert row(s, cert_id) == {}
    oddity.released.set()


def test_a_certificate_that_names_two_responders_gets_by_when_one_is_away(open_stack, ca, responder):
    s = open_stack(env=PRIVATE)
    c = ca.issue("two.example.com", usage=naming("http://127.0.0.1:9/", responder.url))
    responder.add(c)
    [cert_id] = use(s, c)
    failed(s, cert_id)
    again(s, cert_id)
    assert fetched(s, cert_id)["failures"] == 0


def test_two_processes_ask_once(open_stack, ca, oddity, tmp_path):
    s, index = open_stack(env=PRIVATE), Index(tmp_path / "index.txt")
    p = s._process("api-2", "signet-api", {**s.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    p.logged(r"listening=[^ ]*:(\d+)")
    certificates = [ca.issue(f"d{n}.example.com", usage=naming(oddity.url(f"/{n}"))) for n in range(12)]
    for n, c in enumerate(certificates):
        index.add(c)
        oddity.answers[f"/{n}"] = lambda body: (200, (), respond(ca, index, body))
    for cert_id in use(s, *certificates):
        fetched(s, cert_id)
    assert sorted(path for path, _, _ in oddity.requests) == sorted(f"/{n}" for n in range(12))
    assert {headers["Content-Type"] for _, _, headers in oddity.requests} == {"application/ocsp-request"}


# ---- it disturbs nobody ----

def test_stopping_is_prompt_while_responders_are_silent(open_stack, ca, oddity):
    s = open_stack(env=PRIVATE)
    oddity.answers["/"] = oddity.hang
    use(s, *(ca.issue(f"h{n}.example.com", usage=naming(oddity.url("/"))) for n in range(3)))
    wait_until(lambda: len(oddity.requests) == 3, what="the responder to be asked")
    began = time.monotonic()
    reply = s.api.v3("ListInstances")
    assert reply.status == 200 and s.served("d0.example.com") and time.monotonic() - began < 8  # 10 s are a responder's
    began = time.monotonic()
    s.api_process.expected_dead = True
    s.api_process.popen.send_signal(signal.SIGTERM)
    assert s.api_process.popen.wait(20) == 0
    assert time.monotonic() - began < 8


def test_a_lost_database_connection_is_made_again(open_stack, ca, responder):
    s = open_stack(env=PRIVATE)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = "
    assert wait_until(lambda: s.sql(ended + "'signet-api-ocsp'"), what="the connection") == [["t"]]
    c = ca.issue("back.example.com", usage=naming(responder.url))
    responder.add(c)
    [cert_id] = use(s, c)
    fetched(s, cert_id)


def test_switched_off_nobody_is_asked(open_stack, ca, oddity):
    s = open_stack(env={**PRIVATE, "SIGNET_OCSP": "off"})
    use(s, ca.issue("off.example.com", usage=naming(oddity.url("/"))))
    assert s.sql("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'signet-api-ocsp'") == []
    assert s.sql("SELECT 1 FROM ocsp_response") == [] and oddity.requests == []
