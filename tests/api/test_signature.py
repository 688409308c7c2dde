"""Who says so? Both signature schemes as clients write them, and everything that must not pass."""
import hashlib
import re
import time
import uuid

import pytest
from harness.api import ONSMQTT, Api, canonical, percent, stamp
from harness.expect import answered, contents, refused

WAYS = [(scheme, method, where) for scheme in ("v1", "v3")
        for method, where in (("GET", "query"), ("POST", "query"), ("POST", "body"))]
VALUES = ["plain", "", " ", "a+b&c=d%e/f?g#h*i~j'k", "(1)*~!'", "%41%zz", "line\nfeed\r\nand\ttab", "设备 Ünïcödé 🔑",
          "\x7f\u0301", "-----BEGIN X-----\nAB+/=\n-----END X-----\n"]


class Rewritten(Api):
    """Sends the same request in another wire form: the signature is over the decoded values."""

    def __init__(self, api, rewrite, body=True):
        super().__init__(api.port, api.key_id, api.secret)
        self.rewrite, self.body = rewrite, body

    def send(self, method, target, headers=None, body=None, keep=None):
        head, question, query = target.partition("?")
        if self.body and isinstance(body, str):
            body = self.rewrite(body)
        return super().send(method, head + question + self.rewrite(query), headers, body, keep)


class Chunked(Api):
    """Sends its bodies in chunks of seven bytes, as the official SDKs send theirs."""

    def __init__(self, api):
        super().__init__(api.port, api.key_id, api.secret)

    def send(self, method, target, headers=None, body=None, keep=None):
        raw = (body or "").encode()
        return super().send(method, target, headers, iter([raw[n:n + 7] for n in range(0, len(raw), 7)]), keep)


def spaces_as_plus(text):
    return text.replace("%20", "+")


def raw_marks(text):
    for code, mark in (("%2A", "*"), ("%27", "'"), ("%28", "("), ("%29", ")"), ("%21", "!"), ("%2F", "/"), ("%3A", ":")):
        text = text.replace(code, mark)
    return text


def lower_hex(text):
    return re.sub(r"%[0-9A-F]{2}", lambda m: m.group(0).lower(), text)


def tilde_encoded(text):
    return text.replace("~", "%7E")


def reversed_order(text):
    return "&".join(reversed(text.split("&")))


def needlessly_encoded(text):
    return re.sub(r"%..|[a-m]", lambda m: m.group(0) if m.group(0)[0] == "%" else "%%%02X" % ord(m.group(0)), text)


@pytest.fixture(scope="module")
def other_key(shared):
    key_id, secret = "LTAIother", "other" + uuid.uuid4().hex
    shared.add_access_key(key_id, secret)
    return Api(shared.api.port, key_id, secret)


@pytest.fixture
def untouched(shared):
    """The test must leave the database as it was, the memory of nonces included."""
    before = contents(shared)
    yield
    assert contents(shared) == before


def create(api, name, scheme="v3", **kwargs):
    """A call whose effect can be seen in the database."""
    return getattr(api, scheme)("CreateInstance", {"MqttInstanceId": "sig-" + uuid.uuid4().hex[:12], "InstanceName": name},
                                **kwargs)


def stored_name(stack, reply):
    rows = stack.sql("SELECT encode(convert_to(name, 'UTF8'), 'hex') FROM instance WHERE mqtt_instance_id = "
                     f"'{reply.json['MqttInstanceId']}'")
    return bytes.fromhex(rows[0][0]).decode()


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("scheme, method, where", WAYS)
def test_every_value_arrives_as_it_was_signed(shared, scheme, method, where, value):
    name = f"v=[{value}]"
    reply = create(shared.api, name, scheme, method=method, where=where)
    assert answered(reply, "CreateInstance")["InstanceName"] == name
    assert stored_name(shared, reply) == name


@pytest.mark.parametrize("rewrite", [spaces_as_plus, raw_marks, lower_hex, tilde_encoded, reversed_order,
                                     needlessly_encoded])
@pytest.mark.parametrize("scheme, where", [("v1", "query"), ("v1", "body"), ("v3", "query")])
def test_the_wire_form_is_free(shared, rewrite, scheme, where):
    name = "my ca's (1)*~ + & = /?#"
    reply = create(Rewritten(shared.api, rewrite, body=scheme == "v1"), name, scheme, where=where)
    assert reply.status == 200 and stored_name(shared, reply) == name, reply


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_a_chunked_body_is_signed_like_any_other(shared, scheme):
    reply = create(Chunked(shared.api), "in small pieces", scheme)
    assert reply.status == 200 and stored_name(shared, reply) == "in small pieces", reply


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_an_empty_chunked_body_is_no_body(shared, scheme):
    reply = create(Chunked(shared.api), "in the query", scheme, where="query")
    assert reply.status == 200, reply


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_unknown_parameters_are_signed_and_ignored(shared, scheme):
    params = {"A": "1", "A.1": "2", "A1": "3", "a": "4", "Z\u00e9": "5", "Empty": "", "RegionId": "cn-hangzhou"}
    answered(getattr(shared.api, scheme)("ListInstances", params), "ListInstances")


def test_v3_takes_any_header_into_the_signature(shared):
    reply = shared.api.v3("ListInstances", user_agent="Python/3 (x; y)", accept="application/json", x_acs_retry_attempts="1",
                          x_acs_credentials_provider="static_ak", x_sdk_client="  spaces around \t ")
    assert reply.status == 200, reply


def test_v1_merges_query_and_form(shared):
    """The system parameters in the URL, those of the operation in the form, as openapi-client v2 does."""
    class Split(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            pairs = body.split("&")
            own = [p for p in pairs if p.startswith("Instance")]
            query = "&".join(p for p in pairs if p not in own)
            return super().send(method, "/?" + query, headers, "&".join(own), keep)

    reply = create(Split(shared.api.port, shared.key_id, shared.secret), "half and half", "v1")
    assert reply.status == 200 and stored_name(shared, reply) == "half and half", reply


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_signatures_are_good_at_the_path_of_the_operation_too(shared, scheme):
    class AtPath(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            return super().send(method, f"/{ONSMQTT}/ListInstances", headers, body, keep)

    api = AtPath(shared.api.port, shared.key_id, shared.secret)
    if scheme == "v1":
        answered(api.v1("ListInstances"), "ListInstances")
        refused(api.v1("CreateInstance"), "InvalidAction.NotFound", 404)
    else:  # the URI is signed, and here it is not "/"
        refused(api.v3("ListInstances"), "SignatureDoesNotMatch")


# ---- refusals; `untouched` looks at every table ----

def secret_is_wrong(api):
    return Api(api.port, api.key_id, api.secret[:-1] + ("x" if api.secret[-1] != "x" else "y"))


@pytest.mark.parametrize("scheme, method, where", WAYS)
def test_a_wrong_secret_is_refused_and_told_what_to_sign(shared, untouched, scheme, method, where):
    signed = {}
    reply = create(secret_is_wrong(shared.api), "no", scheme, method=method, where=where, change=signed.update)
    message = refused(reply, "SignatureDoesNotMatch")
    assert message.startswith("Specified signature is not matched with our calculation. server string to sign is:")
    if scheme == "v1":
        del signed["Signature"]
    expected = f"{method}&%2F&{percent(canonical(signed))}" if scheme == "v1" else None
    told = message.split(":", 1)[1]
    assert told == expected if expected else re.fullmatch(r"ACS3-HMAC-SHA256\n[0-9a-f]{64}", told), told
    assert reply.json["HostId"] == f"127.0.0.1:{shared.api.port}"


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_a_request_with_a_secret_parameter_is_not_quoted_back(shared, untouched, authority, scheme):
    key = authority.issue("quoted.example.com").key
    for params in ({"Name": "q", "Cert": "x", "Key": key}, {"Name": "q", "key": "misspelt-secret"}, {"Name": key}):
        reply = getattr(secret_is_wrong(shared.api), scheme)("UploadUserCertificate", params, version="2020-04-07")
        message = refused(reply, "SignatureDoesNotMatch")
        assert "server string to sign is:" in message
        assert "misspelt-secret" not in message and "PRIVATE" not in message
        assert not any(percent(percent(line)) in message for line in key.splitlines() if len(line) > 20)
    reply = getattr(secret_is_wrong(shared.api), scheme)(
        "SetSniConfig", {"MqttInstanceId": "x", "DefaultCertificate": "1", "SniConfig": "a.b#1#hunter2hunter2"})
    assert "hunter2" not in refused(reply, "SignatureDoesNotMatch")


@pytest.mark.parametrize("scheme", ["v1", "v3"])
def test_unknown_access_keys_are_refused(shared, untouched, scheme):
    for key_id in ("LTAInobody", "x" * 128, shared.key_id.lower() + "x"):
        refused(create(Api(shared.api.port, key_id, shared.secret), "no", scheme), "InvalidAccessKeyId.NotFound", 404)
    for key_id in ("x" * 129, "a b", "a'b", "ключ"):
        refused(create(Api(shared.api.port, key_id, shared.secret), "no", "v1"), "InvalidAccessKeyId.NotFound", 404)


@pytest.mark.parametrize("scheme", ["v1", "v3", "basic"])
def test_a_disabled_access_key_is_refused_until_it_is_enabled(shared, other_key, scheme):
    call = getattr(other_key, scheme)
    assert call("ListInstances").status == 200
    shared.sql(f"UPDATE access_key SET enabled = false WHERE access_key_id = '{other_key.key_id}'")
    try:
        before = contents(shared)
        refused(call("ListInstances"), "InvalidAccessKeyId.Inactive")
        assert contents(shared) == before
    finally:
        shared.sql(f"UPDATE access_key SET enabled = true WHERE access_key_id = '{other_key.key_id}'")
    assert call("ListInstances").status == 200


V1_CHANGES = {
    "a parameter": lambda p: p.update(InstanceName="altered"),
    "a parameter more": lambda p: p.update(Edition="standard"),
    "a parameter less": lambda p: p.pop("InstanceName"),
    "the nonce": lambda p: p.update(SignatureNonce="another"),
    "the time": lambda p: p.update(Timestamp=stamp(time.time() - 60)),
    "the signature": lambda p: p.update(Signature=("B" if p["Signature"][0] == "A" else "A") + p["Signature"][1:]),
    "the signature's length": lambda p: p.update(Signature=p["Signature"][:-1]),
    "letter case of the signature": lambda p: p.update(Signature=p["Signature"].swapcase()),
}


@pytest.mark.parametrize("what", V1_CHANGES)
def test_v1_altered_after_signing_is_refused(shared, untouched, what):
    for method in ("GET", "POST"):
        refused(create(shared.api, "signed", "v1", method=method, change=V1_CHANGES[what]), "SignatureDoesNotMatch")


def test_v1_signed_for_another_method_is_refused(shared, untouched):
    class Posted(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            return super().send("POST", target, headers, body, keep)

    refused(create(Posted(shared.api.port, shared.key_id, shared.secret), "no", "v1", method="GET"), "SignatureDoesNotMatch")


@pytest.mark.parametrize("header, value", [
    ("x-acs-signature-nonce", "another"), ("x-acs-date", "a minute ago"), ("x-acs-action", "ListInstances"),
    ("x-acs-content-sha256", hashlib.sha256(b"").hexdigest()), ("host", "onsmqtt.cn-hangzhou.aliyuncs.com"),
    ("content-type", "application/x-www-form-urlencoded; charset=utf-8")])
def test_v3_with_an_altered_signed_header_is_refused(shared, untouched, header, value):
    value = stamp(time.time() - 60) if value == "a minute ago" else value
    refused(create(shared.api, "signed", change=lambda h: h.update({header: value})), "SignatureDoesNotMatch")


@pytest.mark.parametrize("where", ["query", "body"])
def test_v3_with_an_altered_query_or_body_is_refused(shared, untouched, where):
    api = Rewritten(shared.api, lambda text: text.replace("signed", "forged"))
    refused(create(api, "signed", where=where), "SignatureDoesNotMatch")
    api = Rewritten(shared.api, lambda text: text + "&Edition=standard" if text else text)
    refused(create(api, "signed", where=where), "SignatureDoesNotMatch")


def test_v3_with_a_body_beside_the_signed_query_is_refused(shared, untouched):
    class More(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            headers["content-type"] = "application/x-www-form-urlencoded"
            return super().send(method, target, headers, "InstanceName=slipped+in", keep)

    api = More(shared.api.port, shared.key_id, shared.secret)
    refused(api.v3("CreateInstance", {"MqttInstanceId": "sig-more"}, where="query"), "SignatureDoesNotMatch")


@pytest.mark.parametrize("name", ["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce",
                                  "x-acs-content-sha256"])
def test_v3_must_sign_the_headers_that_matter(shared, untouched, name):
    def unlist(h):
        before, names, after = re.match(r"(.*SignedHeaders=)([^,]*)(,.*)", h["authorization"]).groups()
        h["authorization"] = before + ";".join(n for n in names.split(";") if n != name) + after

    refused(create(shared.api, "no", change=unlist), "IncompleteSignature")


def test_v3_needs_every_header_it_names_exactly_once(shared, untouched):
    refused(create(shared.api, "no", x_acs_extra="1", change=lambda h: h.pop("x-acs-extra")), "IncompleteSignature")
    twice = create(shared.api, "no", change=lambda h: h.update(
        {"authorization": h["authorization"].replace("SignedHeaders=", "SignedHeaders=host;")}))
    refused(twice, "IncompleteSignature")


@pytest.mark.parametrize("authorization, code", [
    ("ACS3-HMAC-SHA256 x", "IncompleteSignature"),
    ("ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00", "IncompleteSignature"),
    ("ACS3-HMAC-SHA256 Credential=KEY,Signature=00", "IncompleteSignature"),
    ("ACS3-HMAC-SHA256 Credential=KEY,SignedHeaders=host", "IncompleteSignature"),
    ("ACS3-HMAC-SHA256 Credential=KEY,SignedHeaders=;;;,Signature=00", "IncompleteSignature"),
    ("ACS3-HMAC-SM3 Credential=KEY,SignedHeaders=host,Signature=00", "InvalidSignatureMethod"),
    ("ACS3-RSA-SHA256 Credential=KEY,SignedHeaders=host,Signature=00", "InvalidSignatureMethod"),
    ("Digest username=KEY", "MissingAccessKeyId"), ("Basic !!!!", "IncompleteSignature"), ("Basic", "MissingAccessKeyId")])
def test_a_broken_authorization_is_refused(shared, untouched, authorization, code):
    text = authorization.replace("KEY", shared.key_id)
    refused(create(shared.api, "no", change=lambda h: h.update(authorization=text)), code)


@pytest.mark.parametrize("missing", ["SignatureMethod", "SignatureNonce", "Timestamp", "AccessKeyId", "Action", "Version"])
def test_v1_needs_its_system_parameters(shared, untouched, missing):
    for change in (lambda p: p.pop(missing), lambda p: p.update({missing: ""})):
        refused(create(shared.api, "no", "v1", change=change), f"Missing{missing}")


def test_v1_with_another_method_or_version_is_refused(shared, untouched):
    refused(create(shared.api, "no", "v1", SignatureMethod="HMAC-SHA256"), "InvalidSignatureMethod")
    refused(create(shared.api, "no", "v1", SignatureVersion="2.0"), "InvalidSignatureVersion")
    refused(create(shared.api, "no", "v1", Version="2019-01-01"), "InvalidVersion")
    refused(shared.api.v3("CreateInstance", version="2019-01-01"), "InvalidVersion")
    refused(shared.api.v1("DropInstance"), "InvalidAction.NotFound", 404)
    refused(shared.api.v3("UploadUserCertificate"), "InvalidAction.NotFound", 404)
