"""HTTP Basic at /<version>/<Action>: curl without a signature, from the same machine or over HTTPS."""
import base64
import http.client
import ssl

import pytest
from harness.api import CAS, Api
from harness.expect import answered, contents, refused

FORMS = [{}, {"as_json": True}, {"method": "GET"}]


@pytest.mark.parametrize("form", FORMS)
def test_forms_json_and_queries_are_the_same_to_it(shared, form):
    made = answered(shared.api.basic("CreateInstance", {"InstanceName": "a+b&c=d 设备 'é'\n"}, **form), "CreateInstance")
    assert made["InstanceName"] == "a+b&c=d 设备 'é'\n"
    assert any(row["InstanceId"] == made["MqttInstanceId"] for row in
               answered(shared.api.basic("ListInstances", **form), "ListInstances")["Instances"])


def test_json_numbers_booleans_lists_and_nulls_are_read(shared, authority):
    c = authority.issue("json.example.com")
    made = answered(shared.api.basic("UploadUserCertificate", {
        "Name": "from-json", "Cert": c.chain, "Key": c.key, "SignCert": None,
        "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b"}]}, version=CAS, as_json=True), "UploadUserCertificate")
    detail = answered(shared.api.basic("GetUserCertificateDetail", {"CertId": made["CertId"], "CertFilter": True},
                                       version=CAS, as_json=True), "GetUserCertificateDetail")
    assert detail["Tags"] == [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "b", "TagValue": ""}]
    assert "Cert" not in detail


@pytest.mark.parametrize("body", ["", "null", "[]", "{", '{"A":1,"A":2}', '{"A":' * 9 + "1" + "}" * 9, '{"A":"\\u0000"}',
                                  "\xff", '{"a.b":1,"a":{"b":2}}', "[" * 100000])
def test_broken_json_is_refused(shared, body):
    token = base64.b64encode(f"{shared.key_id}:{shared.secret}".encode()).decode()
    headers = {"Authorization": "Basic " + token, "Content-Type": "application/json"}
    before = contents(shared)
    reply = shared.api.send("POST", "/2020-04-20/DescribeInstance", headers, body.encode("latin-1"))
    if body:
        assert reply.code in ("InvalidParameter", "InvalidA"), reply
    refused(reply, reply.code)
    assert contents(shared) == before


def test_wrong_credentials_are_refused(shared):
    before = contents(shared)
    for key_id, secret, code, status in (
            (shared.key_id, shared.secret + "x", "SignatureDoesNotMatch", 400),
            (shared.key_id, shared.secret[:-1], "SignatureDoesNotMatch", 400),
            (shared.key_id, "", "SignatureDoesNotMatch", 400),
            ("LTAInobody", shared.secret, "InvalidAccessKeyId.NotFound", 404),
            ("", "", "MissingAccessKeyId", 400)):
        for form in FORMS:
            message = refused(Api(shared.api.port, key_id, secret).basic("CreateInstance", **form), code, status)
            assert shared.secret not in message and (not secret or secret not in message)
    assert contents(shared) == before


@pytest.mark.parametrize("token", ["", "!", "AAAA", "====", base64.b64encode(b"nocolon").decode(), "A" * 5000])
def test_what_is_no_credential_is_refused(shared, token):
    reply = shared.api.send("POST", "/2020-04-20/ListInstances", {"Authorization": "Basic " + token})
    assert refused(reply, reply.code) and reply.code in ("IncompleteSignature", "MissingAccessKeyId")


def test_basic_is_for_the_path_of_an_operation_only(shared):
    token = base64.b64encode(f"{shared.key_id}:{shared.secret}".encode()).decode()
    reply = shared.api.send("GET", "/?Action=ListInstances&Version=2020-04-20", {"Authorization": "Basic " + token})
    refused(reply, "IncompleteSignature")


def test_other_content_types_are_refused(shared):
    token = base64.b64encode(f"{shared.key_id}:{shared.secret}".encode()).decode()
    reply = shared.api.send("POST", "/2020-04-20/CreateInstance", {"Authorization": "Basic " + token,
                                                                   "Content-Type": "text/plain"}, "InstanceName=abc")
    assert "Content-Type" in refused(reply, "InvalidParameter")


def test_versions_and_operations_of_the_path_are_checked(shared):
    refused(shared.api.basic("ListInstances", version="2019-01-01"), "InvalidVersion")
    refused(shared.api.basic("ListInstances", version=CAS), "InvalidAction.NotFound", 404)
    refused(shared.api.basic("DropInstance"), "InvalidAction.NotFound", 404)
    refused(shared.api.basic("listinstances"), "InvalidAction.NotFound", 404)


@pytest.fixture(scope="module")
def https(shared, authority):
    c = authority.issue("localhost", sans=["localhost"])
    chain = c.crt_path.with_suffix(".chain")
    chain.write_text(c.chain)
    p = shared._process("api-https", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0",
                                                    "SIGNET_API_TLS_CERT": chain, "SIGNET_API_TLS_KEY": c.key_path}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    context = ssl.create_default_context(cadata=authority.crt)
    context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
    return Api(port, shared.key_id, shared.secret, host="localhost", tls=context)


def test_https_works_with_basic_and_signatures(https):
    for form in FORMS:
        answered(https.basic("ListInstances", **form), "ListInstances")
    for scheme in ("v1", "v3"):
        answered(getattr(https, scheme)("ListInstances"), "ListInstances")
    refused(Api(https.port, https.key_id, "wrong", host="localhost", tls=https.tls).basic("ListInstances"),
            "SignatureDoesNotMatch")


def test_plain_http_to_the_https_port_is_not_answered(https):
    plain = Api(https.port, https.key_id, https.secret)
    with pytest.raises((OSError, http.client.HTTPException)):
        plain.basic("ListInstances")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_https_refuses_old_tls(https):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(OSError):
        Api(https.port, https.key_id, https.secret, host="localhost", tls=old).basic("ListInstances")
