"""Server certificates: upload, detail, list, deletion, in the words of CAS."""
import datetime
import json
import re
import time
import uuid

import pytest
from harness.api import CAS
from harness.certs import Authority, openssl
from harness.expect import answered, contents, refused
from harness.process import wait_until

# Name and JSON type of what the vendor's SDK reads, from its model of the answer.
DETAIL = {
    "Id": int, "Name": str, "CertIdentifier": str, "InstanceId": str, "Common": str, "Sans": str, "Issuer": str,
    "Algorithm": str, "StartDate": str, "EndDate": str, "NotBefore": int, "NotAfter": int, "Expired": bool, "BuyInAliyun": bool,
    "Fingerprint": str, "Sha2": str, "CertSha2": str, "SerialNo": str, "OrgName": str, "Country": str, "Province": str,
    "City": str, "OrderId": int, "ResourceGroupId": str, "Tags": list, "CertChain": list, "Cert": str, "Key": str,
    "EncryptCert": str, "EncryptPrivateKey": str, "SignCert": str, "SignPrivateKey": str}
CHAIN_ROW = {"CommonName": str, "IssuerCommonName": str, "NotBefore": int, "NotAfter": int, "RemainDay": int}
ORDER_ROW = {
    "CertificateId": int, "Name": str, "CommonName": str, "Domain": str, "Sans": str, "Issuer": str, "Algorithm": str,
    "StartDate": str, "EndDate": str, "Expired": bool, "Fingerprint": str, "Sha2": str, "SerialNo": str, "OrgName": str,
    "City": str, "Province": str, "Country": str, "InstanceId": str, "ResourceGroupId": str, "Upload": bool, "OrderId": int}
# … and of the newer pair; CertificateId is a text in the list.
NEWER = {
    "Algorithm": str, "CertIdentifier": str, "CertificateName": str, "CertificateSource": str, "CertificateStatus": str,
    "CommonName": str, "Domain": str, "ExistPrivateKey": bool, "FingerPrint": str, "InstanceId": str, "Issuer": str,
    "KeySize": int, "NotAfter": int, "NotBefore": int, "Serial": str, "SubjectAlternativeNames": list, "UsingProductList": list}
NEWER_ROW = {**NEWER, "CertificateId": str}
NEWER_DETAIL = {**NEWER, "CertificateId": int, "CertificateChainList": list, "CompanyId": int, "ContactId": int, "Csr": str,
                "Tags": list}
NEWER_CHAIN_ROW = {"Issuer": str, "NotAfter": int, "NotBefore": int, "RemainDay": int, "Subject": str}


def has_types(row, types):
    for name, kind in types.items():
        assert name in row, f"{name} is missing in {row}"
        assert type(row[name]) is kind, f"{name}: {row[name]!r} is no {kind.__name__}"


def name():
    return "c-" + uuid.uuid4().hex[:12]


def upload(stack, **params):
    return stack.api.v3("UploadUserCertificate", {"Name": name(), **params}, version=CAS)


def uploaded(stack, **params):
    return answered(upload(stack, **params), "UploadUserCertificate")["CertId"]


def detail(stack, cert_id, **params):
    return answered(stack.api.v3("GetUserCertificateDetail", {"CertId": str(cert_id), **params}, version=CAS),
                    "GetUserCertificateDetail")


def listed(stack, **params):
    return answered(stack.api.v3("ListUserCertificateOrder", {"OrderType": "UPLOAD", **params}, version=CAS),
                    "ListUserCertificateOrder")


def newer_detail(stack, cert_id):
    return answered(stack.api.v3("GetCertificateDetail", {"CertificateId": str(cert_id)}, version=CAS), "GetCertificateDetail")


def newer_list(stack, **params):
    got = answered(stack.api.v3("ListCertificates", params, version=CAS), "ListCertificates")
    for row in got["CertificateList"]:
        has_types(row, NEWER_ROW)
    return got


@pytest.fixture
def untouched(shared):
    but = ("broker_node", "request_nonce")  # these calls are well signed
    before = contents(shared, but)
    yield
    assert contents(shared, but) == before


@pytest.fixture(scope="module")
def good(authority):
    return authority.issue("good.example.com", sans=["good.example.com", "*.good.example.com"])


@pytest.mark.parametrize("key, algorithm", [("ec", "ECC"), ("rsa:2048", "RSA"), ("rsa:4096", "RSA")])
def test_rsa_and_ec_are_stored(shared, authority, key, algorithm):
    c = authority.issue("kinds.example.com", key=key)
    got = detail(shared, uploaded(shared, Cert=c.chain, Key=c.key))
    assert got["Algorithm"] == algorithm and got["Sha2"] == c.sha256.upper()


@pytest.mark.parametrize("form", ["pkcs1", "sec1", "with parameters", "text around", "crlf", "no last line feed"])
def test_every_common_form_of_a_key_is_read(shared, authority, tmp_path, form):
    c = authority.issue("forms.example.com", key="rsa:2048" if form == "pkcs1" else "ec")
    key = {
        "pkcs1": lambda: openssl("rsa", "-in", c.key_path, "-traditional").decode(),
        "sec1": lambda: openssl("ec", "-in", c.key_path).decode(),
        "with parameters": lambda: (openssl("ecparam", "-name", "prime256v1") + openssl("ec", "-in", c.key_path)).decode(),
        "text around": lambda: "Bag Attributes\n\n" + c.key + "\nthe end\n",
        "crlf": lambda: c.key.replace("\n", "\r\n"),
        "no last line feed": c.key.strip,
    }[form]()
    uploaded(shared, Cert=c.chain.replace("\n", "\r\n") if form == "crlf" else c.chain, Key=key)


def test_the_detail_says_what_the_certificate_says(shared, tmp_path):
    ca = Authority(tmp_path / "ca", "Détail CA")
    key, crt = tmp_path / "k.pem", tmp_path / "c.pem"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", tmp_path / "csr", "-utf8", "-subj",
            "/C=CN/ST=浙江/L=Hangzhou/O=Åcme & Co/CN=main.example.com")
    (tmp_path / "ext").write_text("subjectAltName=DNS:main.example.com,DNS:*.main.example.com,IP:192.0.2.7,email:a@b.c\n")
    openssl("x509", "-req", "-in", tmp_path / "csr", "-CA", ca.crt_path, "-CAkey", ca.folder / "ca.key", "-set_serial",
            "0x0a0b0c", "-days", "90", "-sha256", "-extfile", tmp_path / "ext", "-out", crt)
    chain = crt.read_text() + ca.crt
    cert_id = uploaded(shared, Name="detail_1", Cert=chain, Key=key.read_text(),
                       **{"Tags.1.Key": "键", "Tags.1.Value": "a&b", "Tags.2.Key": "two"})
    got = detail(shared, cert_id)
    has_types(got, DETAIL)
    sha1 = openssl("x509", "-in", crt, "-noout", "-fingerprint", "-sha1").decode().split("=")[1].strip().replace(":", "")
    sha256 = openssl("x509", "-in", crt, "-noout", "-fingerprint", "-sha256").decode().split("=")[1].strip().replace(":", "")
    end = datetime.datetime.fromtimestamp(got["NotAfter"] / 1000, datetime.timezone.utc).date()
    assert got == {**got, "Id": cert_id, "Name": "detail_1", "CertIdentifier": f"{cert_id}-cn-hangzhou", "Common":
                   "main.example.com", "Sans": "main.example.com,*.main.example.com,192.0.2.7", "Issuer": "Détail CA",
                   "Algorithm": "RSA", "Expired": False, "BuyInAliyun": False, "Fingerprint": sha1,
                   "Sha2": sha256, "CertSha2": sha256, "SerialNo": "0a0b0c", "OrgName": "Åcme & Co", "Country": "CN",
                   "Province": "浙江", "City": "Hangzhou", "EndDate": str(end),
                   "Tags": [{"TagKey": "键", "TagValue": "a&b"}, {"TagKey": "two", "TagValue": ""}]}
    assert re.fullmatch(r"cas-upload-[0-9a-z]{6,}", got["InstanceId"])
    assert got["NotAfter"] - got["NotBefore"] == 90 * 86400 * 1000 and abs(got["NotBefore"] / 1000 - time.time()) < 3600
    assert got["Cert"].replace("\n", "") == chain.replace("\n", "")
    for row in got["CertChain"]:
        has_types(row, CHAIN_ROW)
    assert [(r["CommonName"], r["IssuerCommonName"]) for r in got["CertChain"]] == [
        ("main.example.com", "Détail CA"), ("Détail CA", "Détail CA")]
    assert got["CertChain"][0]["RemainDay"] in (89, 90)


@pytest.mark.parametrize("filter_", [{}, {"CertFilter": "false"}, {"CertFilter": "true"}])
def test_the_private_key_is_never_returned(shared, good, filter_):
    cert_id = uploaded(shared, Cert=good.chain, Key=good.key)
    reply = shared.api.v3("GetUserCertificateDetail", {"CertId": str(cert_id), **filter_}, version=CAS)
    assert reply.status == 200 and b"PRIVATE" not in reply.body
    assert reply.json.get("Key", "") == "" and ("Cert" in reply.json) == (filter_.get("CertFilter") != "true")


def test_a_list_row_has_what_the_sdk_reads(shared, good):
    cert_id = uploaded(shared, Cert=good.chain, Key=good.key)
    row = next(r for r in listed(shared)["CertificateOrderList"] if r["CertificateId"] == cert_id)
    has_types(row, ORDER_ROW)
    full = detail(shared, cert_id)
    for same in set(ORDER_ROW) & set(full):
        assert row[same] == full[same], same
    assert row["CommonName"] == row["Domain"] == full["Common"] and row["Upload"] is True


def test_pages_are_newest_first_and_complete(stack, good):
    ids = [uploaded(stack, Name=f"page-{n}", Cert=good.chain, Key=good.key) for n in range(7)]
    seen = []
    for page in (1, 2, 3, 4):
        got = listed(stack, CurrentPage=str(page), ShowSize="3")
        assert (got["CurrentPage"], got["ShowSize"], got["TotalCount"]) == (page, 3, 7)
        seen += [r["CertificateId"] for r in got["CertificateOrderList"]]
    assert seen == list(reversed(ids))
    assert listed(stack)["ShowSize"] == 50
    assert listed(stack, CurrentPage="1000000", ShowSize="1000")["CertificateOrderList"] == []
    for wrong in ({"CurrentPage": "0"}, {"ShowSize": "0"}, {"ShowSize": "1001"}, {"CurrentPage": "one"}, {"Status": "NEW"},
                  {"OrderType": "ALL"}):
        refused(stack.api.v3("ListUserCertificateOrder", wrong, version=CAS), f"Invalid{next(iter(wrong))}")


def test_keyword_status_and_order_type_select(stack, authority, good):
    soon = authority.issue("soon.example.com", days=5)
    late = authority.issue("late.example.net", days=200)
    ids = {"soon": uploaded(stack, Name="First-Name", Cert=soon.chain, Key=soon.key),
           "late": uploaded(stack, Name="100%_sure", Cert=late.chain, Key=late.key)}

    def names(**params):
        got = listed(stack, **params)
        assert got["TotalCount"] == len(got["CertificateOrderList"])
        return {n for n, i in ids.items() if i in [r["CertificateId"] for r in got["CertificateOrderList"]]}

    assert names() == {"soon", "late"}
    assert names(Keyword="first") == names(Keyword="SOON.example") == {"soon"}
    assert names(Keyword="example.net") == names(Keyword="%_") == {"late"}
    assert names(Keyword="_") == {"late"} and names(Keyword="'; DROP TABLE x") == names(Keyword="\\") == set()
    assert names(Keyword=detail(stack, ids["soon"])["InstanceId"]) == {"soon"}
    assert names(Status="ISSUED") == {"late"} and names(Status="WILLEXPIRED") == {"soon"} and names(Status="EXPIRED") == set()
    assert names(OrderType="CERT") == {"soon", "late"} and names(OrderType="BUY") == names(OrderType="CPACK") == set()


# ---- ListCertificates, GetCertificateDetail ----

def test_the_newer_detail_says_what_the_older_one_does(shared, authority):
    for key, algorithm, bits in (("ec", "ECC", 256), ("rsa:3072", "RSA", 3072)):
        c = authority.issue("newer.example.com", sans=["newer.example.com", "*.newer.example.com"], key=key)
        cert_id = uploaded(shared, Cert=c.chain, Key=c.key, **{"Tags.1.Key": "team", "Tags.1.Value": "a"})
        got, old = newer_detail(shared, cert_id), detail(shared, cert_id)
        has_types(got, NEWER_DETAIL)
        assert got == {**got, "Algorithm": algorithm, "CertIdentifier": f"{cert_id}-cn-hangzhou", "CertificateId": cert_id,
                       "CertificateName": old["Name"], "CertificateSource": "UPLOAD", "CertificateStatus": "willExpire",
                       "CommonName": "newer.example.com", "Domain": "newer.example.com,*.newer.example.com",
                       "ExistPrivateKey": True, "FingerPrint": old["Fingerprint"], "InstanceId": old["InstanceId"],
                       "Issuer": "Test CA", "KeySize": bits, "NotAfter": old["NotAfter"], "NotBefore": old["NotBefore"],
                       "Serial": old["SerialNo"], "SubjectAlternativeNames": ["newer.example.com", "*.newer.example.com"],
                       "UsingProductList": [], "CompanyId": 0, "ContactId": 0, "Csr": "",
                       "Tags": [{"TagKey": "team", "TagValue": "a"}]}
        for row in got["CertificateChainList"]:
            has_types(row, NEWER_CHAIN_ROW)
        assert [(r["Subject"], r["Issuer"]) for r in got["CertificateChainList"]] == [
            ("newer.example.com", "Test CA"), ("Test CA", "Test CA")]
        for now, was in zip(got["CertificateChainList"], old["CertChain"], strict=True):  # a day may end between the two
            assert was["RemainDay"] - 1 <= now["RemainDay"] <= was["RemainDay"] + 1
        row = next(r for r in newer_list(shared)["CertificateList"] if r["CertificateId"] == str(cert_id))
        assert {**row, "CertificateId": cert_id} == {name: got[name] for name in row}
        assert b"PRIVATE" not in shared.api.v3("GetCertificateDetail", {"CertificateId": str(cert_id)}, version=CAS).body


def test_the_newer_detail_refuses_what_is_not_there(shared):
    ask = shared.api.v3
    refused(ask("GetCertificateDetail", {"CertificateId": "1"}, version=CAS), "NotFound")
    refused(ask("GetCertificateDetail", {}, version=CAS), "MissingCertificateId")
    refused(ask("GetCertificateDetail", {"CertId": "1"}, version=CAS), "MissingCertificateId")
    for bad in ("0", "x", "1-cn-hangzhou", "99999999999999999999"):
        assert "CertificateId" in refused(ask("GetCertificateDetail", {"CertificateId": bad}, version=CAS), "InvalidCertificateId")


@pytest.mark.parametrize("params", [
    {"CertificateSource": "BOUGHT"}, {"CertificateStatus": "ISSUED"}, {"CurrentPage": "0"}, {"ShowSize": "1001"},
    {"ShowSize": "ten"}, {"InstanceId": "x" * 65}, {"Keyword": "x" * 257}, {"ResourceGroupId": "x" * 65}])
def test_the_newer_list_names_wrong_parameters(shared, params):
    name = next(iter(params))
    assert name in refused(shared.api.v3("ListCertificates", params, version=CAS), f"Invalid{name}")


def test_the_newer_list_is_filtered_and_paged(stack, authority):
    """Unlike the older one it also has those that have expired."""
    ids = {}
    for what, days in (("soon", 29), ("late", 200), ("over", 0)):
        c = authority.issue(f"{what}.example.com", days=days)
        ids[what] = str(uploaded(stack, Name=f"{what}-name", Cert=c.chain, Key=c.key))
    wait_until(lambda: newer_detail(stack, ids["over"])["CertificateStatus"] == "expired", what="a second to pass")

    def found(**params):
        got = newer_list(stack, **params)
        assert got["TotalCount"] == len(got["CertificateList"])
        return [what for row in got["CertificateList"] for what, i in ids.items() if i == row["CertificateId"]]

    assert found() == ["over", "late", "soon"]  # the newest first
    assert found(CertificateSource="UPLOAD", ResourceGroupId="rg-x", Keyword="", CertificateStatus="") == ["over", "late", "soon"]
    assert found(CertificateSource="BUY") == found(CertificateSource="TEST") == found(CertificateStatus="revoked") == []
    for status, what in (("issued", "late"), ("willExpire", "soon"), ("expired", "over")):
        assert found(CertificateStatus=status) == [what]
        assert newer_detail(stack, ids[what])["CertificateStatus"] == status
    assert found(Keyword="LATE.ex") == found(Keyword="late-n") == ["late"] and found(Keyword="%") == []
    resource = newer_detail(stack, ids["soon"])["InstanceId"]
    assert found(InstanceId=resource) == found(Keyword=resource) == ["soon"]
    assert found(InstanceId=resource, Keyword="late") == found(InstanceId="cas-upload-zzzzzz") == found(InstanceId="soon") == []
    pages = [newer_list(stack, CurrentPage=str(n), ShowSize="2") for n in (1, 2, 3)]
    assert [(p["CurrentPage"], p["ShowSize"], p["TotalCount"], len(p["CertificateList"])) for p in pages] == [
        (1, 2, 3, 2), (2, 2, 3, 1), (3, 2, 3, 0)]
    assert newer_list(stack)["ShowSize"] == 50


def test_who_uses_a_certificate_is_seen(stack, good):
    default, mapped, free = [stack.upload(good) for _ in range(3)]
    assert stack.set_sni(default, f"use.example.com#{mapped}").status == 200
    using = {row["CertIdentifier"]: row["UsingProductList"] for row in newer_list(stack)["CertificateList"]}
    assert using == {default: ["mqtt"], mapped: ["mqtt"], free: []}
    assert newer_detail(stack, mapped.split("-")[0])["UsingProductList"] == ["mqtt"]


# ---- the trail ----

def test_upload_and_deletion_are_in_the_audit_trail_without_the_key(shared, authority):
    c = authority.issue("trail.example.com", password="secret 1")
    cert_id = uploaded(shared, Name="trail-1", Cert=c.chain, Key=c.key)
    refused(upload(shared, Name="trail-1", Cert=c.chain, Key=c.key), "NameRepeat")
    said = {"Name": "trail-1", "CommonName": "trail.example.com", "Sha256": c.sha256.upper(), "KeyEncrypted": True,
            "NotAfter": detail(shared, cert_id)["NotAfter"]}
    answered(shared.api.v3("DeleteUserCertificate", {"CertId": str(cert_id)}, version=CAS), "DeleteUserCertificate")
    rows = shared.sql("SELECT action, mqtt_instance_id, coalesce(before::text, 'null'), coalesce(after::text, 'null') FROM "
                      f"audit_event WHERE resource = 'server-certificate:{cert_id}' ORDER BY id")
    assert [(action, instance, json.loads(before), json.loads(after)) for action, instance, before, after in rows] == [
        ("UploadUserCertificate", "", None, said), ("DeleteUserCertificate", "", said, None)]
    assert shared.sql("SELECT count(*) FROM audit_event WHERE concat(before, after) ~* 'PRIVATE|secret 1'") == [["0"]]


# ---- refusals ----

def test_an_rsa_key_that_makes_every_handshake_dear_is_refused(shared, authority, untouched, tmp_path):
    """A number of 9,216 bits will do: the key is looked at before anything is worked out with it."""
    (tmp_path / "asn1").write_text(
        "asn1=SEQUENCE:spki\n[spki]\nalg=SEQUENCE:alg\nkey=BITWRAP,SEQUENCE:rsa\n[alg]\noid=OID:rsaEncryption\nnull=NULL\n"
        f"[rsa]\nn=INTEGER:0x{'f' * 2304}\ne=INTEGER:65537\n")
    openssl("asn1parse", "-genconf", tmp_path / "asn1", "-noout", "-out", tmp_path / "key.der")
    openssl("x509", "-new", "-force_pubkey", tmp_path / "key.der", "-subj", "/CN=dear.example.com", "-CA", authority.crt_path,
            "-CAkey", authority.folder / "ca.key", "-days", "20", "-out", tmp_path / "dear.crt")
    dear = (tmp_path / "dear.crt").read_text()
    for chain in (dear, dear + authority.crt):
        message = refused(upload(shared, Cert=chain, Key=authority.issue("any.example.com").key), "InvalidParameter")
        assert "9216 bits" in message and "8192" in message


def test_a_key_of_another_certificate_is_refused(shared, authority, good, untouched):
    for other in (authority.issue("other.example.com"), authority.issue("other.example.com", key="rsa:2048")):
        assert "private key" in refused(upload(shared, Cert=good.chain, Key=other.key), "InvalidParameter")


BAD_CERTS = {
    "empty block": "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "not base64": "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
    "not DER": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "no block": "hello",
    "no end": "-----BEGIN CERTIFICATE-----\nMIIB\n",
    "a request": "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
}


@pytest.mark.parametrize("what", BAD_CERTS)
def test_bad_pem_is_refused(shared, good, untouched, what):
    assert "Cert" in refused(upload(shared, Cert=BAD_CERTS[what], Key=good.key), "ParseCertificateFailed")
    message = refused(upload(shared, Cert=good.chain, Key=BAD_CERTS[what].replace("CERTIFICATE", "PRIVATE KEY")),
                      "ParseCertificateFailed")
    assert "Key" in message


def test_a_cut_or_altered_certificate_is_refused(shared, good, untouched):
    lines = good.crt.splitlines()
    for bad in (lines[:3] + lines[4:], lines[:-2] + lines[-1:], lines[:2] + [lines[2][::-1]] + lines[3:]):
        assert upload(shared, Cert="\n".join(bad), Key=good.key).status == 400


def test_a_chain_out_of_order_is_refused(shared, authority, good, untouched):
    stranger = Authority(authority.folder / "stranger", "Stranger CA")
    for chain in (authority.crt + good.crt, good.crt + stranger.crt, good.crt + authority.crt + good.crt, good.crt + good.crt):
        message = refused(upload(shared, Cert=chain, Key=good.key), "ParseCertificateFailed")
        assert "order" in message and re.search(r"Certificate \d of Cert is not signed by certificate \d", message)


def test_more_than_ten_certificates_are_refused(shared, good, untouched):
    refused(upload(shared, Cert=good.crt * 11, Key=good.key), "ParseCertificateFailed")


def test_a_private_key_in_the_place_of_the_certificate_is_refused_without_quoting_it(shared, good, untouched):
    for cert in (good.key, good.crt + good.key):
        reply = upload(shared, Cert=cert, Key=good.key)
        assert "private key" in refused(reply, "ParseCertificateFailed")
        assert good.key.splitlines()[1].encode() not in reply.body


@pytest.mark.parametrize("kind", ["rsa:1024", "ed25519", "secp256k1", "sha1"])
def test_weak_or_unknown_kinds_are_refused(shared, authority, untouched, kind):
    if kind in ("ed25519", "secp256k1", "sha1"):
        stem = authority.folder / kind
        make = {"ed25519": ["-newkey", "ed25519"], "secp256k1": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
                "sha1": ["-newkey", "rsa:2048", "-sha1"]}[kind]
        openssl("req", "-x509", *make, "-nodes", "-subj", "/CN=weak.example.com", "-keyout", f"{stem}.key", "-out",
                f"{stem}.crt")
        cert, key = stem.with_suffix(".crt").read_text(), stem.with_suffix(".key").read_text()
    else:
        c = authority.issue("weak.example.com", key=kind)
        cert, key = c.chain, c.key
    refused(upload(shared, Cert=cert, Key=key), "InvalidParameter")


def test_what_is_missing_is_named(shared, good, untouched):
    refused(shared.api.v3("UploadUserCertificate", {"Cert": good.chain, "Key": good.key}, version=CAS), "MissingName")
    refused(upload(shared, Key=good.key), "MissingCert")
    refused(upload(shared, Cert=good.chain), "MissingKey")
    refused(upload(shared), "MissingCert")
    for bad in ("x" * 65, ""):
        assert upload(shared, Name=bad, Cert=good.chain, Key=good.key).code in ("InvalidName", "MissingName")


def test_sm2_is_refused_and_ignored_beside_a_certificate(shared, good):
    sm2 = {"SignCert": good.crt, "SignPrivateKey": good.key, "EncryptCert": good.crt, "EncryptPrivateKey": good.key}
    for only in (sm2, {"SignCert": good.crt}, {**sm2, "Cert": good.chain}):
        reply = upload(shared, **only)
        assert "SM2" in refused(reply, "InvalidParameter")
    uploaded(shared, Cert=good.chain, Key=good.key, **sm2)


def test_a_name_is_taken_once(shared, good):
    taken = name()
    uploaded(shared, Name=taken, Cert=good.chain, Key=good.key)
    before = contents(shared, ("broker_node", "request_nonce"))
    refused(upload(shared, Name=taken, Cert=good.chain, Key=good.key), "NameRepeat")
    assert contents(shared, ("broker_node", "request_nonce")) == before


def test_an_encrypted_key_is_taken_as_it_is(shared, authority):
    c = authority.issue("locked.example.com", password="correct horse")
    got = detail(shared, uploaded(shared, Cert=c.chain, Key=c.key))
    assert got["Key"] == ""
    legacy = openssl("rsa", "-aes128", "-passout", "pass:old", "-in",
                     authority.issue("l.example.com", key="rsa:2048").key_path, "-traditional").decode()
    assert "Proc-Type: 4,ENCRYPTED" in legacy
    uploaded(shared, Cert=c.chain, Key=legacy)  # whose it is shows when SetSniConfig has the password
    row = shared.sql("SELECT count(*) FROM server_certificate WHERE key_encrypted AND serving_key_sealed IS NOT NULL")
    assert row == [["0"]]


ENCRYPTED_FORMS = {
    "PKCS#8": lambda key: openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", key, "-passout", "pass:open 1"),
    "PKCS#1": lambda key: openssl("rsa", "-aes256", "-traditional", "-in", key, "-passout", "pass:open 1"),
    "SEC1": lambda key: openssl("ec", "-aes256", "-in", key, "-passout", "pass:open 1"),
}


@pytest.mark.parametrize("form", ENCRYPTED_FORMS)
def test_every_form_of_an_encrypted_key_is_served_once_its_password_is_given(shared, authority, form):
    c = authority.issue("form.example.com", key="rsa:2048" if form == "PKCS#1" else "ec")
    key = ENCRYPTED_FORMS[form](c.key_path).decode()
    assert "ENCRYPTED" in key
    cert = f"{uploaded(shared, Cert=c.chain, Key=key)}-cn-hangzhou"
    assert "password does not open" in refused(shared.set_sni(cert, f"form.example.com#{cert}#open 2"), "InvalidSniConfig")
    shared.rolled_out(shared.set_sni(cert, f"form.example.com#{cert}#open 1"))
    assert shared.served("form.example.com") == c.sha256


def test_deletion(shared, good):
    cert_id = uploaded(shared, Cert=good.chain, Key=good.key)
    answered(shared.api.v3("DeleteUserCertificate", {"CertId": str(cert_id)}, version=CAS), "DeleteUserCertificate")
    for operation in ("DeleteUserCertificate", "GetUserCertificateDetail"):
        refused(shared.api.v3(operation, {"CertId": str(cert_id)}, version=CAS), "NotFound")
        refused(shared.api.v3(operation, {"CertId": "1"}, version=CAS), "NotFound")
        refused(shared.api.v3(operation, {}, version=CAS), "MissingCertId")
        for bad in ("0", "-1", "x", "1.5", "99999999999999999999", "1e3", " 1", "1;"):
            refused(shared.api.v3(operation, {"CertId": bad}, version=CAS), "InvalidCertId")


def test_a_certificate_in_use_is_not_deleted(stack, good):
    """Neither as a default nor as a domain's; afterwards it may go."""
    default, mapped, free = [stack.upload(good) for _ in range(3)]
    assert stack.set_sni(default, f"in-use.example.com#{mapped}").status == 200
    before = contents(stack, ("broker_node", "request_nonce"))
    for used in (default, mapped):
        reply = stack.api.v3("DeleteUserCertificate", {"CertId": used.split("-")[0]}, version=CAS)
        message = refused(reply, "InvalidStatus.DeleteProtection")
        assert stack.instance in message and ("default" if used == default else "in-use.example.com") in message
    assert contents(stack, ("broker_node", "request_nonce")) == before
    assert stack.set_sni(free, "").status == 200
    for used in (default, mapped):
        assert stack.api.v3("DeleteUserCertificate", {"CertId": used.split("-")[0]}, version=CAS).status == 200
    assert stack.served("in-use.example.com") == good.sha256
