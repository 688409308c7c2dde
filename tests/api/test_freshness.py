"""The 15 minutes, the nonces, tokens that Signet does not know, and requests that can be read in two ways."""
import time
import uuid

import pytest
from harness.api import Api, canonical, stamp
from harness.expect import contents, refused

MINUTES = 60


def at(scheme, text):
    return {"Timestamp": text} if scheme == "v1" else {"x_acs_date": text}


def nonce(scheme, text):
    return {"SignatureNonce": text} if scheme == "v1" else {"x_acs_signature_nonce": text}


def create(api, scheme, **kwargs):
    return getattr(api, scheme)("CreateInstance", {"MqttInstanceId": "fresh-" + uuid.uuid4().hex[:12]}, **kwargs)


@pytest.fixture
def untouched(shared):
    before = contents(shared)
    yield
    assert contents(shared) == before


@pytest.mark.parametrize("scheme", ["v1", "v3"])
@pytest.mark.parametrize("minutes", [-14.8, -1, 1, 14.8])
def test_a_clock_may_be_wrong_by_less_than_fifteen_minutes(shared, scheme, minutes):
    assert create(shared.api, scheme, **at(scheme, stamp(time.time() + minutes * MINUTES))).status == 200


@pytest.mark.parametrize("scheme", ["v1", "v3"])
@pytest.mark.parametrize("minutes", [-60 * 24 * 365 * 20, -60, -15.2, 15.2, 60, 60 * 24 * 365 * 70])
def test_a_stale_or_future_time_is_refused(shared, untouched, scheme, minutes):
    refused(create(shared.api, scheme, **at(scheme, stamp(time.time() + minutes * MINUTES))), "InvalidTimeStamp.Expired")


@pytest.mark.parametrize("scheme", ["v1", "v3"])
@pytest.mark.parametrize("text", [
    "yesterday", "2026", "1767225600", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:00", "2026-01-01T00:00:00+08:00", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00.000Z",
    "2026-1-1T0:0:0Z", "-026-01-01T00:00:00Z", "2026-01-01T00:00:00Z2026-01-01T00:00:00Z"])
def test_a_malformed_time_is_refused(shared, untouched, scheme, text):
    refused(create(shared.api, scheme, **at(scheme, text)), "InvalidTimeStamp.Format")


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_a_nonce_is_good_once_for_all_operations_and_both_schemes(shared, scheme):
    text = uuid.uuid4().hex
    assert create(shared.api, scheme, **nonce(scheme, text)).status == 200
    before = contents(shared)
    refused(create(shared.api, scheme, **nonce(scheme, text)), "SignatureNonceUsed")
    refused(getattr(shared.api, scheme)("ListInstances", method="GET", **nonce(scheme, text)), "SignatureNonceUsed")
    other = "v3" if scheme == "v1" else "v1"
    refused(create(shared.api, other, **nonce(other, text)), "SignatureNonceUsed")
    assert contents(shared) == before


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_a_request_sent_twice_byte_for_byte_is_done_once(shared, scheme):
    class Twice(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            first = super().send(method, target, headers, body, keep)
            return first, super().send(method, target, headers, body, keep)

    first, second = create(Twice(shared.api.port, shared.key_id, shared.secret), scheme)
    assert first.status == 200
    refused(second, "SignatureNonceUsed")


def test_a_replay_is_refused_after_a_restart_too(stack):
    for scheme in ("v1", "v3"):
        assert create(stack.api, scheme, **nonce(scheme, "before-" + scheme)).status == 200
    stack.api_process.kill()
    stack.start_api()
    before = contents(stack)
    for scheme in ("v1", "v3"):
        refused(create(stack.api, scheme, **nonce(scheme, "before-" + scheme)), "SignatureNonceUsed")
    assert contents(stack) == before


def test_a_refused_signature_does_not_use_the_nonce_up(shared):
    text = uuid.uuid4().hex
    wrong = Api(shared.api.port, shared.key_id, "wrong")
    refused(create(wrong, "v3", **nonce("v3", text)), "SignatureDoesNotMatch")
    assert create(shared.api, "v3", **nonce("v3", text)).status == 200


def test_nonces_are_remembered_for_each_access_key_by_itself(shared):
    shared.add_access_key("LTAIsecond", "second-secret-00000000")
    text = uuid.uuid4().hex
    assert create(shared.api, "v3", **nonce("v3", text)).status == 200
    assert create(Api(shared.api.port, "LTAIsecond", "second-secret-00000000"), "v3", **nonce("v3", text)).status == 200


def test_of_a_request_sent_many_times_at_once_one_passes(shared):
    from concurrent.futures import ThreadPoolExecutor

    text = uuid.uuid4().hex
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: create(shared.api, "v3", **nonce("v3", text)), range(16)))
    assert sorted(r.status for r in replies) == [200] + [400] * 15
    assert {r.code for r in replies if r.status != 200} == {"SignatureNonceUsed"}


@pytest.mark.parametrize("text", ["x" * 256, "ünï", "'; DROP TABLE instance; --"])
def test_any_nonce_of_a_sane_length_will_do(shared, text):
    assert create(shared.api, "v1", SignatureNonce=text).status == 200


def test_an_overlong_nonce_is_refused(shared, untouched):
    refused(create(shared.api, "v1", SignatureNonce="x" * 257), "InvalidSignatureNonce")
    refused(create(shared.api, "v3", x_acs_signature_nonce="x" * 257), "InvalidSignatureNonce")


def test_expired_nonces_are_forgotten(stack):
    assert create(stack.api, "v1", SignatureNonce="old").status == 200
    stack.sql("UPDATE request_nonce SET expires_at = now() - interval '1 second'")
    assert create(stack.api, "v1", SignatureNonce="old").status == 200
    stack.sql("UPDATE request_nonce SET expires_at = now() - interval '1 second'")
    for n in range(300):
        stack.api.v1("ListInstances", SignatureNonce=f"new-{n}")
    assert stack.sql("SELECT count(*) FROM request_nonce WHERE expires_at < now()") == [["0"]]


# ---- tokens and nobody ----

def test_sts_tokens_are_refused(shared, untouched):
    refused(shared.api.v1("CreateInstance", SecurityToken="sts-token/+="), "InvalidSecurityToken.Unsupported")
    refused(shared.api.v3("CreateInstance", x_acs_security_token="sts-token", x_acs_accesskey_id=shared.key_id),
            "InvalidSecurityToken.Unsupported")
    unsigned = shared.api.v3("CreateInstance", change=lambda h: h.update({"x-acs-security-token": "sts"}))
    refused(unsigned, "InvalidSecurityToken.Unsupported")


def test_bearer_tokens_are_refused(shared, untouched):
    system = {"Action": "CreateInstance", "Version": "2020-04-20"}
    target = "/?" + canonical({**system, "BearerToken": "T", "SignatureType": "BEARERTOKEN"})
    refused(shared.api.send("POST", target), "InvalidSecurityToken.Unsupported")
    headers = {"x-acs-action": "CreateInstance", "x-acs-version": "2020-04-20", "x-acs-bearer-token": "T"}
    refused(shared.api.send("POST", "/?SignatureType=BEARERTOKEN", headers), "InvalidSecurityToken.Unsupported")
    headers = {"Authorization": "Bearer T"}
    refused(shared.api.send("POST", "/2020-04-20/CreateInstance", headers), "MissingAccessKeyId")


def test_nobody_is_refused(shared, untouched):
    system = canonical({"Action": "CreateInstance", "Version": "2020-04-20", "Format": "json"})
    for method, target, headers in (
            ("GET", "/?" + system, {}), ("POST", "/?" + system, {}), ("POST", "/2020-04-20/CreateInstance", {}),
            ("POST", "/", {"x-acs-action": "CreateInstance", "x-acs-version": "2020-04-20"})):
        refused(shared.api.send(method, target, headers), "MissingAccessKeyId")
    refused(shared.api.send("GET", "/"), "MissingAction")


# ---- requests that can be read in two ways ----

@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_a_parameter_given_twice_is_refused(shared, untouched, scheme):
    class Again(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            path, _, query = target.partition("?")
            return super().send(method, f"{path}?{query}&MqttInstanceId=again", headers, body, keep)

    api = Again(shared.api.port, shared.key_id, shared.secret)
    for where in ("query", "body"):
        assert "MqttInstanceId is given more than once" in refused(create(api, scheme, where=where), "InvalidParameter")


@pytest.mark.parametrize("query, why", [
    ("%", "hex digits"), ("A=%4", "hex digits"), ("A=%zz", "hex digits"), ("=1", "empty name"), ("A=%00", "NUL"),
    ("%00=1", "NUL"), ("A=%FF", "UTF-8"), ("%C0%AF=1", "UTF-8"), ("A=%ED%A0%80", "UTF-8"),
    ("&".join(f"P{n}=" for n in range(1001)), "1000 parameters"), ("x" * 257 + "=1", "256 bytes")])
def test_malformed_parameters_are_refused(shared, untouched, query, why):
    for reply in (shared.api.send("GET", "/?" + query), shared.api.send(
            "POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, query)):
        assert reply.status == 400 and reply.code in ("InvalidParameter", "InvalidA"), reply
        assert why in refused(reply, reply.code)


def test_errors_are_xml_when_that_is_asked_for(shared, untouched):
    reply = shared.api.v1("CreateInstance", {"InstanceName": "<&>"}, Format="xml", Timestamp="never")
    assert reply.status == 400 and reply.headers["content-type"] == "text/xml;charset=utf-8"
    text = reply.body.decode()
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?><Error><RequestId>")
    for part in (f"<HostId>127.0.0.1:{shared.api.port}</HostId>", "<Code>InvalidTimeStamp.Format</Code>", "<Message>"):
        assert part in text


def test_answers_are_xml_when_that_is_asked_for(shared):
    reply = shared.api.v1("ListInstances", Format="XML")
    assert reply.status == 200 and reply.headers["content-type"] == "text/xml;charset=utf-8"
    text = reply.body.decode()
    assert "<ListInstancesResponse><RequestId>" in text and f"<InstanceId>{shared.instance}</InstanceId>" in text
