"""CA certificates: codes, registration, the four operations on what is registered, and every way in which they refuse."""
import json
import re
import secrets
import subprocess
import threading
import time
import xml.etree.ElementTree as ElementTree

import pytest
from harness.api import Api
from harness.ca import Ca, register, register_code, registered
from harness.certs import openssl
from harness.devices import differences
from harness.expect import answered, contents, refused
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")  # what calls write that are well signed
NOBODY = "mqtt-cn-nobody"
# What the vendor's SDK reads of a CA; all strings.
ROW = {"CaContent", "CaName", "RegistrationCode", "Sn", "Status", "ValidBegin", "ValidEnd", "VerificationContent"}
ONE_CA = ["GetCaCertificate", "ActiveCaCertificate", "InactivateCaCertificate", "DeleteCaCertificate"]
OPERATIONS = {
    "GetRegisterCode": {}, "RegisterCaCertificate": {"CaName": "x", "CaContent": "x", "VerificationContent": "x"},
    "ListCaCertificate": {"PageNo": "1", "PageSize": "10"}, **{name: {"Sn": "01"} for name in ONE_CA}}
DENIED = {"GetRegisterCode": ("PermissionCheckFailed", 403), "RegisterCaCertificate": ("InstancePermissionCheckFailed", 400)}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return tmp_path_factory.mktemp("ca")


@pytest.fixture(scope="module")
def ca(pki):
    """One that nobody registers."""
    return Ca(pki)


@pytest.fixture
def unchanged(shared):
    before = contents(shared, BUT)
    yield
    assert contents(shared, BUT) == before


def call(stack, operation, instance=None, api=None, **params):
    return (api or stack.api).v3(operation, {"MqttInstanceId": instance or stack.instance, **params})


def get(stack, sn, instance=None):
    return answered(call(stack, "GetCaCertificate", instance, Sn=sn), "GetCaCertificate")["Data"]


def done(stack, operation, sn):
    """A change that went well, and that the broker serves."""
    reply = call(stack, operation, Sn=sn)
    assert answered(reply, operation)["Sn"] == sn
    stack.rolled_out(reply)


def listed(stack, page=1, size=100, instance=None):
    return answered(call(stack, "ListCaCertificate", instance, PageNo=str(page), PageSize=str(size)), "ListCaCertificate")["Data"]


def history(stack):
    """The newest row: revision, action, summary."""
    revision, action, summary = stack.sql(f"SELECT revision, action, summary FROM config_revision WHERE mqtt_instance_id = "
                                          f"'{stack.instance}' ORDER BY revision DESC LIMIT 1")[0]
    return int(revision), action, summary


def last_event(stack):
    action, resource, instance, before, after = stack.sql(
        "SELECT action, resource, mqtt_instance_id, coalesce(before::text, 'null'), coalesce(after::text, 'null')"
        " FROM audit_event ORDER BY id DESC LIMIT 1")[0]
    return action, resource, instance, json.loads(before), json.loads(after)


def new_key(stack, account=1, grants=None):
    """An access key of an account; `grants`: {instance: action} instead of everything."""
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    stack.add_access_key(key_id, secret)
    stack.sql(f"UPDATE access_key SET account_id = {account} WHERE access_key_id = '{key_id}'")
    if grants is not None:
        stack.sql(f"DELETE FROM access_grant WHERE access_key_id = '{key_id}'")
        for instance, action in grants.items():
            stack.sql(f"INSERT INTO access_grant VALUES ('{key_id}', '{instance}', '{action}')")
    return Api(stack.api.port, key_id, secret)


def new_instance(stack, api=None, **params):
    return answered((api or stack.api).v3("CreateInstance", params), "CreateInstance")["MqttInstanceId"]


# ---- what each of the seven refuses ----

@pytest.mark.parametrize("operation", OPERATIONS)
class TestEachOperation:
    def test_refuses_without_an_instance(self, shared, unchanged, operation):
        refused(shared.api.v3(operation, OPERATIONS[operation]), "MissingMqttInstanceId")

    def test_refuses_what_is_no_id_of_an_instance(self, shared, unchanged, operation):
        message = refused(call(shared, operation, "a b", **OPERATIONS[operation]), "ParameterFieldCheckFailed")
        assert "MqttInstanceId" in message

    def test_refuses_an_unknown_instance(self, shared, unchanged, operation):
        refused(call(shared, operation, NOBODY, **OPERATIONS[operation]), "MqttInstanceNotFound")

    def test_refuses_an_instance_of_another_account(self, shared, operation):
        stranger = new_key(shared, account=2)
        before = contents(shared, BUT)
        refused(call(shared, operation, api=stranger, **OPERATIONS[operation]), "MqttOwnerCheckError", 403)
        assert contents(shared, BUT) == before

    def test_refuses_a_key_that_may_only_do_it_elsewhere(self, shared, operation):
        other = new_key(shared, grants={NOBODY: "admin"})
        before = contents(shared, BUT)
        refused(call(shared, operation, api=other, **OPERATIONS[operation]), *DENIED.get(operation, ("Forbidden.RAM", 403)))
        assert contents(shared, BUT) == before

    def test_refuses_an_instance_of_the_standard_edition(self, shared, operation):
        instance = new_instance(shared, Edition="standard")
        before = contents(shared, BUT)
        assert "edition" in refused(call(shared, operation, instance, **OPERATIONS[operation]), "InvalidParameter")
        assert contents(shared, BUT) == before

    def test_names_each_parameter_that_is_missing(self, shared, unchanged, operation):
        for name in OPERATIONS[operation]:
            params = {k: v for k, v in OPERATIONS[operation].items() if k != name}
            refused(call(shared, operation, **params), f"Missing{name}")


@pytest.mark.parametrize("operation", ONE_CA)
class TestOneCa:
    @pytest.mark.parametrize("sn", ["0x12", "-1", "ä", "1 2", "'; --", ":12", "1" * 129])
    def test_refuses_what_is_no_serial_number(self, shared, unchanged, operation, sn):
        message = refused(call(shared, operation, Sn=sn), "ParameterFieldCheckFailed")
        assert "Sn" in message

    @pytest.mark.parametrize("sn", ["0", "00", "1234567890", "f" * 128, "0:::"])
    def test_does_not_find_what_is_not_registered(self, shared, unchanged, operation, sn):
        refused(call(shared, operation, Sn=sn), "FindCaBySnError")

    def test_does_not_find_what_another_instance_has(self, shared, pki, operation):
        elsewhere = new_instance(shared)
        sn = registered(shared, Ca(pki), elsewhere)
        before = contents(shared, BUT)
        refused(call(shared, operation, Sn=sn), "FindCaBySnError")
        assert contents(shared, BUT) == before


def test_a_key_that_may_read_can_look_and_not_change(shared, pki):
    sn, reader = registered(shared, Ca(pki)), new_key(shared, grants={"*": "read"})
    before = contents(shared, BUT)
    answered(call(shared, "GetCaCertificate", api=reader, Sn=sn), "GetCaCertificate")
    answered(call(shared, "ListCaCertificate", api=reader, PageNo="1", PageSize="1"), "ListCaCertificate")
    for operation in ("ActiveCaCertificate", "InactivateCaCertificate", "DeleteCaCertificate"):
        refused(call(shared, operation, api=reader, Sn=sn), "Forbidden.RAM", 403)
    refused(call(shared, "GetRegisterCode", api=reader), "PermissionCheckFailed", 403)
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("page, size, name", [
    ("0", "1", "PageNo"), ("-1", "1", "PageNo"), ("one", "1", "PageNo"), ("01", "1", "PageNo"), ("1" * 10, "1", "PageNo"),
    ("1", "0", "PageSize"), ("1", "101", "PageSize"), ("1", "1.5", "PageSize"), ("1", "1000", "PageSize")])
def test_a_page_is_a_number_and_a_size_at_most_100(shared, unchanged, page, size, name):
    message = refused(call(shared, "ListCaCertificate", PageNo=page, PageSize=size), "ParameterFieldCheckFailed")
    assert name in message


# ---- codes ----

def test_every_code_is_new_and_ends_with_the_account(shared):
    before = shared.revision()
    codes = {register_code(shared) for _ in range(5)}
    assert len(codes) == 5 and shared.revision() == before
    for code in codes:
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}0000000000000001", code)


def test_an_account_has_its_own_number_in_the_code(shared):
    api = new_key(shared, account=4711)
    instance = new_instance(shared, api)
    assert register_code(shared, instance, api).endswith("0000000000004711")


def test_the_oldest_of_10000_codes_goes(stack, pki):
    ca, old = Ca(pki), register_code(stack)
    stack.sql(f"INSERT INTO registration_code (mqtt_instance_id, code, ordinal) SELECT '{stack.instance}', 'x' || n, n FROM "
              "generate_series(2, 9999) n")
    before_last = ca.verification(register_code(stack))
    assert stack.sql("SELECT count(*), min(ordinal), max(ordinal) FROM registration_code") == [["10000", "1", "10000"]]
    register_code(stack)
    assert stack.sql("SELECT count(*), min(ordinal), max(ordinal) FROM registration_code") == [["10000", "2", "10001"]]
    refused(register(stack, ca, ca.verification(old)), "RegisterCodeError")
    answered(register(stack, ca, before_last), "RegisterCaCertificate")


def test_codes_that_are_asked_for_together_are_all_there(stack):
    codes = together(16, lambda _: register_code(stack))
    assert len(set(codes)) == 16
    assert stack.sql("SELECT count(*), max(ordinal) FROM registration_code") == [["16", "16"]]


# ---- registration refused ----

def refuses(stack, ca, verification, code, status, *words, **params):
    before = contents(stack, BUT)
    message = refused(register(stack, ca, verification, **params), code, status)
    for word in words:
        assert word in message, message
    assert contents(stack, BUT) == before
    return message


def test_a_name_that_is_no_code_is_refused(shared, ca):
    for name in ("device", "13274673-8f90-4630-bea1-9cccb25756ad0000000000000001"):
        refuses(shared, ca, ca.verification(name), "RegisterCodeError", 400)
    code = register_code(shared)
    refuses(shared, ca, ca.verification(code, subject=f"/CN={code}/CN=x"), "RegisterCodeError", 400, "exactly one")
    refuses(shared, ca, ca.verification(code, subject="/O=none"), "RegisterCodeError", 400, "exactly one")
    refuses(shared, ca, ca.verification(code, subject=f"/CN={code.upper()}"), "RegisterCodeError", 400)


def test_a_code_of_another_instance_is_refused(shared, ca):
    elsewhere = new_instance(shared)
    refuses(shared, ca, ca.verification(register_code(shared, elsewhere)), "RegisterCodeError", 400)


def test_a_code_is_used_once(shared, pki):
    first, second = Ca(pki), Ca(pki)
    code = register_code(shared)
    answered(register(shared, first, first.verification(code)), "RegisterCaCertificate")
    refuses(shared, second, second.verification(code), "RegisterCodeUsed", 401)
    refuses(shared, first, first.verification(code), "RegisterCodeUsed", 401)


def test_a_refused_registration_leaves_the_code_unused(shared, pki):
    ca = Ca(pki)
    registered(shared, ca)
    other, code = Ca(pki, serial=ca.serial), register_code(shared)
    refuses(shared, other, other.verification(code), "SnNotUnique", 401, "this instance")
    third = Ca(pki)
    answered(register(shared, third, third.verification(code)), "RegisterCaCertificate")


BAD_CA = {
    "CA:FALSE": ("BasicConstraints", {"extensions": "basicConstraints=CA:FALSE"}),
    "no BasicConstraints": ("BasicConstraints", {"extensions": "subjectKeyIdentifier=hash"}),
    "RSA 1024": ("1024 bits", {"key": "rsa:1024"}),
    "P-224": ("224 bits", {"key": "secp224r1"}),
    "no keyCertSign": ("keyCertSign", {"extensions": "basicConstraints=CA:TRUE\nkeyUsage=digitalSignature"}),
    "negative serial": ("negative", {"serial": -5}),
    "long serial": ("128 digits", {"serial": 1 << 513}),
    "expired": ("expired", {"days": -1}),
}


@pytest.mark.parametrize("what", BAD_CA)
def test_a_bad_ca_is_refused(shared, pki, what):
    word, options = BAD_CA[what]
    bad = Ca(pki, **options)
    refuses(shared, bad, bad.verification(register_code(shared)), "CertificateContentError", 401, "CaContent: ", word)


def test_a_bad_verification_certificate_is_refused(shared, pki, ca):
    code, namesake = register_code(shared), Ca(pki)  # another key, the same name
    stranger = Ca(pki, name="Another CA")
    for verification, word in ((namesake.verification(code), "not signed with the private key"),
                               (stranger.verification(code), "its issuer is not the subject"),
                               (ca.verification(code, digest="sha1"), "SHA-1"), (ca.verification(code, days=-1), "expired"),
                               (ca.crt, "the CA certificate itself")):
        refuses(shared, ca, verification, "CertificateContentError", 401, "VerificationContent: ", word)


def test_each_text_is_exactly_one_certificate(shared, ca):
    good, key = ca.verification(register_code(shared)), ca.key_path.read_text()
    broken = ca.crt.replace("-----END", "AAAA\n-----END")
    for text in ("x", "-----BEGIN CERTIFICATE-----\n", ca.crt + ca.crt, ca.crt + key, key, broken, ca.crt[:300],
                 ca.crt + "-----BEGIN CERTIFICATE-----", (ca.folder / "CA.csr").read_text(), ca.crt.replace("M", "!", 3)):
        message = refuses(shared, ca, good, "CertificateContentError", 401, "CaContent: ", CaContent=text)
        assert "MIG" not in message and key.splitlines()[1] not in message
        refuses(shared, ca, text, "CertificateContentError", 401, "VerificationContent: ")


def test_content_is_said_before_codes(shared, pki):
    bad = Ca(pki, days=-1)
    refuses(shared, bad, bad.verification("no code"), "CertificateContentError", 401)


@pytest.mark.parametrize("params, name", [
    ({"CaName": "x" * 129}, "CaName"), ({"CaContent": "x" * 65537}, "CaContent"),
    ({"VerificationContent": "x" * 65537}, "VerificationContent"), ({"DryRun": "perhaps"}, "DryRun")])
def test_parameters_that_do_not_fit_are_named(shared, ca, params, name):
    refuses(shared, ca, "x", "ParameterFieldCheckFailed", 400, name, **params)


def test_an_instance_has_as_many_as_it_may(open_stack, pki):
    stack = open_stack(env={"SIGNET_CA_CERTIFICATES": 2})
    first = registered(stack, Ca(pki))
    registered(stack, Ca(pki))
    third = Ca(pki)
    verification = third.verification(register_code(stack))
    refuses(stack, third, verification, "CaNumExceed", 401, "2")
    done(stack, "InactivateCaCertificate", first)
    refuses(stack, third, verification, "CaNumExceed", 401)
    done(stack, "DeleteCaCertificate", first)
    answered(register(stack, third, verification), "RegisterCaCertificate")


class Session:
    """A psql that stays, for locks."""

    def __init__(self, stack, statement):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-d", stack.cluster.url(stack.database, "signet_owner")],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write(f"BEGIN; {statement}; SELECT 'locked';\n")
        self.psql.stdin.flush()
        assert self.psql.stdout.readline() == "locked\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.psql.communicate("ROLLBACK;\n")


def test_what_cannot_be_counted_is_said_soon(shared, ca):
    verification = ca.verification(register_code(shared))
    with Session(shared, "LOCK TABLE ca_certificate IN ACCESS EXCLUSIVE MODE"):
        began = time.monotonic()
        reply = register(shared, ca, verification)
        dry = register(shared, ca, verification, DryRun="true")
        assert time.monotonic() - began < 10
    refused(reply, "GetCaNumError", 401)
    assert [p["Code"] for p in answered(dry, "RegisterCaCertificate")["Check"]["Problems"]] == ["GetCaNumError"]
    assert answered(register(shared, ca, verification, DryRun="true"), "RegisterCaCertificate")["Check"]["Problems"] == []


# ---- registered ----

@pytest.mark.parametrize("key, verification_key", [("rsa:2048", "rsa:2048"), ("prime256v1", "rsa:2048"), ("secp384r1", "secp521r1")])
def test_the_recipe_of_the_vendor_passes(shared, pki, key, verification_key):
    ca, revision = Ca(pki, key=key), shared.revision()
    code = register_code(shared)
    verification = ca.verification(code, key=verification_key)
    assert "Version: 1" in openssl("x509", "-noout", "-text", input=verification.encode()).decode()
    assert "Key Usage" not in openssl("x509", "-in", ca.crt_path, "-noout", "-text").decode()
    reply = register(shared, ca, verification, CaName="工厂 <1> & Co")
    assert answered(reply, "RegisterCaCertificate")["Sn"] == ca.sn
    shared.rolled_out(reply)
    got = get(shared, ca.sn)
    assert set(got) == ROW
    assert (got["CaContent"], got["VerificationContent"]) == (ca.crt, verification)
    assert (got["CaName"], got["RegistrationCode"], got["Sn"], got["Status"]) == ("工厂 <1> & Co", code, ca.sn, "1")
    assert int(got["ValidEnd"]) - int(got["ValidBegin"]) == 3650 * 86400 * 1000
    assert abs(int(got["ValidBegin"]) / 1000 - time.time()) < 600
    assert shared.revision() == revision + 1
    assert history(shared) == (revision + 1, "RegisterCaCertificate", f"CA certificate {ca.sn} registered")


@pytest.mark.parametrize("version", ["v1", "v3"])
@pytest.mark.parametrize("form", ["crlf", "text around", "no last line feed"])
def test_every_common_form_of_pem_is_read(shared, pki, form, version):
    ca = Ca(pki)
    verification = ca.verification(register_code(shared), extensions="basicConstraints=CA:FALSE" if version == "v3" else None)
    change = {"crlf": lambda pem: pem.replace("\n", "\r\n"), "no last line feed": str.strip,
              "text around": lambda pem: openssl("x509", "-text", input=pem.encode()).decode() + "\nthe end\n"}[form]
    assert answered(register(shared, ca, change(verification), CaContent=change(ca.crt)), "RegisterCaCertificate")["Sn"] == ca.sn
    assert get(shared, ca.sn)["CaContent"] == ca.crt


def test_an_intermediate_ca_may_be_registered(shared, pki):
    root = Ca(pki, name="Root")
    middle = Ca(pki, name="Intermediate", parent=root)
    registered(shared, middle)
    assert get(shared, middle.sn)["CaContent"] == middle.crt


@pytest.mark.parametrize("serial", [0, 0x7F, 0x80, 0x0F00, 0x7269004887AB12, 0xF26900BA87CC, (1 << 511) - 1])
def test_a_serial_number_is_found_however_it_is_written(shared, pki, serial):
    ca = Ca(pki, serial=serial)
    sn = registered(shared, ca)
    assert sn == serial.to_bytes(serial.bit_length() // 8 + 1, "big").hex()
    pairs = ":".join(re.findall("..", sn))
    ways = {sn, sn.upper(), f"{serial:x}"} | ({"000" + sn, pairs, pairs.upper()} if len(sn) < 40 else set())
    for way in ways:
        assert get(shared, way)["Sn"] == sn, way
    done(shared, "DeleteCaCertificate", sn)


def test_the_trail_and_the_history_tell_every_change(shared, pki):
    ca = Ca(pki)
    sn = registered(shared, ca)
    value = {"CaName": "mqtt_ca", "Sha256": ca.sha256, "RegistrationCode": get(shared, sn)["RegistrationCode"]}
    on, off, resource = {**value, "Status": "1"}, {**value, "Status": "0"}, f"ca-certificate:{sn}"
    assert last_event(shared) == ("RegisterCaCertificate", resource, shared.instance, None, on)
    done(shared, "InactivateCaCertificate", sn)
    assert last_event(shared) == ("InactivateCaCertificate", resource, shared.instance, on, off)
    assert history(shared)[1:] == ("InactivateCaCertificate", f"CA certificate {sn} made inactive")
    done(shared, "ActiveCaCertificate", sn)
    assert last_event(shared) == ("ActiveCaCertificate", resource, shared.instance, off, on)
    assert history(shared)[1:] == ("ActiveCaCertificate", f"CA certificate {sn} made active")
    done(shared, "DeleteCaCertificate", sn)
    assert last_event(shared) == ("DeleteCaCertificate", resource, shared.instance, {**on, "DeviceCertificates": 0}, None)
    assert history(shared)[1:] == ("DeleteCaCertificate", f"CA certificate {sn} deleted")
    revisions = shared.sql(f"SELECT count(*), max(revision) FROM config_revision WHERE mqtt_instance_id = '{shared.instance}'")
    assert revisions == [[str(shared.revision())] * 2]


# ---- listed ----

def test_pages_are_in_the_order_of_registration_and_complete(stack, pki):
    sns = [registered(stack, Ca(pki)) for _ in range(7)]
    done(stack, "InactivateCaCertificate", sns[2])
    done(stack, "DeleteCaCertificate", sns[4])
    seen = []
    for page in (1, 2, 3):
        got = listed(stack, page, 3)
        assert (got["PageNo"], got["PageSize"], got["Total"]) == (page, 3, 6)
        seen += got["CaCertificateVOS"]
    assert [row["Sn"] for row in seen] == sns[:4] + sns[5:]
    assert [row["Status"] for row in seen] == ["1", "1", "0", "1", "1", "1"]
    for row in seen:
        assert row == get(stack, row["Sn"])
    for beyond in (3, 4, 1000, 999999999):
        got = listed(stack, beyond, 3)
        assert (got["CaCertificateVOS"], got["PageNo"], got["Total"]) == ([], beyond, 6)


def test_an_instance_without_any_has_an_empty_page(shared):
    assert listed(shared, instance=new_instance(shared)) == {"CaCertificateVOS": [], "PageNo": 1, "PageSize": 100, "Total": 0}


def test_the_list_can_be_had_as_xml(shared, pki):
    instance = new_instance(shared)
    sns = [registered(shared, Ca(pki), instance) for _ in range(2)]
    reply = shared.api.v1("ListCaCertificate", {"MqttInstanceId": instance, "PageNo": "1", "PageSize": "10"}, Format="XML")
    root = ElementTree.fromstring(reply.body)
    assert reply.headers["content-type"] == "text/xml;charset=utf-8" and root.tag == "ListCaCertificateResponse"
    rows = root.findall("Data/CaCertificateVOS/CaCertificateVOS")
    assert [row.findtext("Sn") for row in rows] == sns and root.findtext("Data/Total") == "2"
    for row, json_row in zip(rows, listed(shared, instance=instance)["CaCertificateVOS"]):
        assert {member.tag: member.text for member in row} == json_row


# ---- active, inactive ----

def test_a_state_that_is_there_already_is_no_change(shared, pki):
    sn = registered(shared, Ca(pki))
    for operation, status in (("ActiveCaCertificate", "1"), ("InactivateCaCertificate", "0")):
        if status == "0":
            done(shared, operation, sn)
        before = contents(shared, BUT)
        done(shared, operation, sn)
        assert contents(shared, BUT) == before and get(shared, sn)["Status"] == status


def test_the_changed_row_carries_the_revision(shared, pki):
    sn = registered(shared, Ca(pki))
    for operation in ("InactivateCaCertificate", "ActiveCaCertificate", "DeleteCaCertificate"):
        done(shared, operation, sn)
        assert shared.sql(f"SELECT revision, removed FROM ca_certificate WHERE sn = '{sn}'") == [
            [str(shared.revision()), "t" if operation == "DeleteCaCertificate" else "f"]]


# ---- deleted ----

def put_devices(stack, ca, first, count):
    """Devices of a CA as brokers register them; their certificates are 700 bytes of nothing."""
    stack.sql(f"SELECT count(*) FROM device_register('{stack.instance}', (SELECT id FROM ca_certificate WHERE sn = '{ca.sn}' AND "
              f"NOT removed), (SELECT array_agg(lpad(to_hex(n), 8, '0')) FROM generate_series({first}, {first + count - 1}) n), "
              f"(SELECT array_agg(sha256(('{ca.sn}' || n)::bytea)) FROM generate_series({first}, {first + count - 1}) n), "
              f"(SELECT array_agg(decode(repeat('ab', 700), 'hex')) FROM generate_series(1, {count})), "
              f"array_fill('device'::text, ARRAY[{count}]), array_fill(now(), ARRAY[{count}]), "
              f"array_fill(now() + interval '1 year', ARRAY[{count}]))")


def test_a_deleted_ca_takes_its_devices_along(stack, pki):
    ca, other = Ca(pki), Ca(pki)
    registered(stack, ca)
    registered(stack, other)
    put_devices(stack, ca, 1, 2500)
    put_devices(stack, other, 1, 1500)
    put_devices(stack, ca, 5001, 1)
    assert differences(stack) == []
    done(stack, "DeleteCaCertificate", ca.sn)
    assert differences(stack) == []
    assert last_event(stack)[3]["DeviceCertificates"] == 2501
    refused(call(stack, "GetCaCertificate", Sn=ca.sn), "FindCaBySnError")
    assert [row["Sn"] for row in listed(stack)["CaCertificateVOS"]] == [other.sn]
    assert stack.sql("SELECT c.sn, count(*) FROM device_certificate d JOIN ca_certificate c ON c.id = d.ca_id GROUP BY 1") == [
        [other.sn, "1500"]]
    gone = stack.sql(f"SELECT id FROM ca_certificate WHERE sn = '{ca.sn}'")[0][0]
    for table in ("device_block", "device_counter"):
        assert stack.sql(f"SELECT count(*) FROM {table} WHERE ca_id = {gone}") == [["0"]], table
    assert stack.sql("SELECT count(*) FROM device_removal") == [["0"]]


def test_devices_are_deleted_by_their_index(stack, pki):
    ca = Ca(pki)
    registered(stack, ca)
    put_devices(stack, ca, 1, 20000)
    plan = "\n".join(row[0] for row in stack.sql(
        "ANALYZE device_certificate; EXPLAIN DELETE FROM device_certificate WHERE ca_id = 1 AND ca_ordinal >= 1 AND "
        "ca_ordinal < 50"))
    assert "device_certificate_ca_ordinal" in plan and "Seq Scan" not in plan
    done(stack, "DeleteCaCertificate", ca.sn)
    assert stack.sql("SELECT count(*) FROM device_certificate") == [["0"]]


def test_a_deleted_ca_may_be_registered_again_with_a_new_code(shared, pki):
    ca = Ca(pki)
    registered(shared, ca)
    done(shared, "InactivateCaCertificate", ca.sn)
    old = get(shared, ca.sn)["RegistrationCode"]
    done(shared, "DeleteCaCertificate", ca.sn)
    for operation in ONE_CA:
        refused(call(shared, operation, Sn=ca.sn), "FindCaBySnError")
    refuses(shared, ca, ca.verification(old), "RegisterCodeUsed", 401)
    registered(shared, ca)
    assert get(shared, ca.sn)["Status"] == "1"
    assert shared.sql(f"SELECT removed FROM ca_certificate WHERE sn = '{ca.sn}' ORDER BY id") == [["t"], ["f"]]


# ---- one CA on several instances ----

def test_a_ca_is_on_one_instance_of_an_account(shared, pki):
    ca, second = Ca(pki), new_instance(shared)
    registered(shared, ca)
    verification = ca.verification(register_code(shared, second))
    before = contents(shared, BUT)
    message = refused(register(shared, ca, verification, second), "SnNotUnique", 401)
    assert "another instance" in message and shared.instance not in message
    assert contents(shared, BUT) == before
    done(shared, "DeleteCaCertificate", ca.sn)
    answered(register(shared, ca, verification, second), "RegisterCaCertificate")


def test_another_account_may_have_the_same_ca(shared, pki):
    ca, api = Ca(pki), new_key(shared, account=2)
    theirs = new_instance(shared, api)
    registered(shared, ca)
    registered(shared, ca, theirs, api)
    assert get(shared, ca.sn)["RegistrationCode"].endswith("0001")
    refused(call(shared, "GetCaCertificate", theirs, Sn=ca.sn), "MqttOwnerCheckError", 403)


def test_a_ca_may_be_on_every_instance_when_the_operator_says_so(open_stack, pki):
    stack = open_stack(env={"SIGNET_CA_SN_UNIQUE": "instance"})
    ca, second = Ca(pki), new_instance(stack)
    registered(stack, ca)
    registered(stack, ca, second)
    refuses(stack, ca, ca.verification(register_code(stack)), "SnNotUnique", 401, "this instance")


# ---- DryRun ----

def dry(stack, ca, verification, **params):
    before = contents(stack, BUT)
    got = answered(register(stack, ca, verification, DryRun="true", **params), "RegisterCaCertificate")
    assert contents(stack, BUT) == before and got["DryRun"] is True
    return got["Sn"], got["Check"]


def test_a_dry_run_finds_nothing_and_changes_nothing(shared, pki):
    ca = Ca(pki, name="Fabrik Übersee", extensions="basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign")
    verification = ca.verification(register_code(shared))
    for _ in range(2):
        sn, check = dry(shared, ca, verification)
        assert (sn, check["Sn"], check["Problems"], check["Warnings"]) == (ca.sn, ca.sn, [], [])
        assert (check["Subject"], check["KeyAlgorithm"], check["KeyBits"], check["SelfSigned"]) == (
            "CN=Fabrik Übersee", "ECC", 256, True)
        assert int(check["ValidEnd"]) - int(check["ValidBegin"]) == 3650 * 86400 * 1000
    answered(register(shared, ca, verification, DryRun="false"), "RegisterCaCertificate")
    assert get(shared, ca.sn)["ValidEnd"] == check["ValidEnd"]


def test_a_dry_run_says_all_that_is_wrong(shared, pki):
    ca = Ca(pki)
    registered(shared, ca)
    used = get(shared, ca.sn)["RegistrationCode"]
    bad = Ca(pki, serial=ca.serial, key="rsa:1024", days=-1, extensions="basicConstraints=CA:FALSE")
    sn, check = dry(shared, bad, bad.verification(used, digest="sha1"))
    assert sn == ca.sn and (check["KeyAlgorithm"], check["KeyBits"]) == ("RSA", 1024)
    found = [(p["Code"], p["Message"]) for p in check["Problems"]]
    assert [code for code, _ in found] == ["CertificateContentError"] * 4 + ["RegisterCodeUsed", "SnNotUnique"]
    for (_, message), word in zip(found, ("BasicConstraints with", "1024 bits", "CaContent: it expired", "SHA-1", "used", ca.sn)):
        assert word in message
    assert found[0][1] == refused(register(shared, bad, bad.verification(used, digest="sha1")), "CertificateContentError", 401)


def test_a_dry_run_of_nothing_is_an_answer_too(shared, ca):
    sn, check = dry(shared, ca, "y", CaContent="x")
    assert sn == "" and set(check) == {"Problems", "Warnings"}
    assert [p["Code"] for p in check["Problems"]] == ["CertificateContentError"] * 2


def test_a_dry_run_warns(shared, pki):
    ca = Ca(pki, days=20, parent=Ca(pki, name="Root"))
    _, check = dry(shared, ca, ca.verification(register_code(shared)))
    assert check["Problems"] == [] and check["SelfSigned"] is False
    for word in ("expires in", "not self-signed", "keyUsage"):
        assert any(word in warning for warning in check["Warnings"]), word


def test_a_dry_run_needs_the_same_grant(shared, ca):
    reader = new_key(shared, grants={"*": "read"})
    refused(register(shared, ca, ca.verification("x"), api=reader, DryRun="true"), "InstancePermissionCheckFailed")


# ---- at the same time ----

def together(count, what):
    """what(0) … what(count - 1), all begun at once; their results."""
    gate, results = threading.Barrier(count), [None] * count

    def run(n):
        gate.wait()
        results[n] = what(n)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


def test_one_code_registers_one_of_many(stack, pki):
    cas, code = [Ca(pki) for _ in range(8)], register_code(stack)
    verifications = [ca.verification(code) for ca in cas]
    replies = together(8, lambda n: register(stack, cas[n], verifications[n]))
    assert sorted(reply.code or "" for reply in replies) == [""] + ["RegisterCodeUsed"] * 7
    assert listed(stack)["Total"] == 1 and stack.revision() == 1


def test_one_ca_is_registered_once_on_two_instances(stack, pki):
    ca, instances = Ca(pki), [stack.instance, new_instance(stack)]
    verifications = [ca.verification(register_code(stack, instances[n % 2])) for n in range(8)]
    replies = together(8, lambda n: register(stack, ca, verifications[n], instances[n % 2]))
    assert sorted(reply.code or "" for reply in replies) == [""] + ["SnNotUnique"] * 7
    assert stack.sql("SELECT count(*) FROM ca_certificate") == [["1"]]


def test_the_limit_holds_when_many_come_at_once(open_stack, pki):
    stack = open_stack(env={"SIGNET_CA_CERTIFICATES": 3})
    cas = [Ca(pki) for _ in range(8)]
    verifications = [ca.verification(register_code(stack)) for ca in cas]
    replies = together(8, lambda n: register(stack, cas[n], verifications[n]))
    assert sorted(reply.code or "" for reply in replies) == [""] * 3 + ["CaNumExceed"] * 5
    assert listed(stack)["Total"] == 3


def test_changes_of_one_ca_are_one_line_of_revisions(stack, pki):
    sn = registered(stack, Ca(pki))

    def change(n):
        return call(stack, ("ActiveCaCertificate", "InactivateCaCertificate", "DeleteCaCertificate")[2 if n == 17 else n % 2], Sn=sn)

    codes = {reply.code for reply in together(24, change)}
    assert codes <= {None, "FindCaBySnError"}
    refused(call(stack, "GetCaCertificate", Sn=sn), "FindCaBySnError")
    states = stack.sql("SELECT before->>'Status', after->>'Status' FROM audit_event WHERE resource LIKE 'ca-certificate:%' ORDER BY id")
    for (_, after), (before, _) in zip(states, states[1:]):
        assert after == before
    assert len(states) == stack.revision()
    assert stack.sql("SELECT count(*), max(revision) FROM config_revision") == [[str(stack.revision())] * 2]
    wait_until(lambda: stack.status()["applied"] == stack.revision(), what="the broker to serve the last")


def devices(stack, ca):
    return int(stack.sql(f"SELECT count(*) FROM device_certificate d JOIN ca_certificate c ON c.id = d.ca_id WHERE c.sn = '{ca.sn}' "
                         "AND NOT c.removed")[0][0])


class Registering:
    """Three brokers' worth of device registrations of CAs, without a pause, until the end."""

    def __init__(self, stack, cas):
        self.stack, self.cas, self.stop, self.problems = stack, cas, threading.Event(), []
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(3)]

    def run(self, n):
        psql = subprocess.Popen(["psql", "-XqAt", "-d", self.stack.cluster.url(self.stack.database, "signet_broker")],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        turn = 0
        while not self.stop.is_set() and turn < 20000:
            turn += 1
            psql.stdin.write(
                f"SELECT count(*) FROM device_register('{self.stack.instance}', (SELECT max(id) FROM ca_certificate WHERE sn = "
                f"'{self.cas[turn % len(self.cas)].sn}'), ARRAY['{n:02x}{turn:06x}'], ARRAY[sha256('{n}-{turn}')], "
                "ARRAY['\\xab'::bytea], ARRAY['d'], ARRAY[now()], ARRAY[now()]);\n")
            if turn % 20 == 0:
                psql.stdin.flush()
        _, errors = psql.communicate()
        self.problems += [errors] if errors else []

    def __enter__(self):
        for t in self.threads:
            t.start()
        wait_until(lambda: int(self.stack.sql("SELECT count(*) FROM device_certificate")[0][0]) > 100, what="devices")
        return self

    def __exit__(self, *_):
        self.stop.set()
        for t in self.threads:
            t.join()


def test_a_ca_is_made_inactive_and_deleted_while_its_devices_register(stack, pki):
    cas = [Ca(pki) for _ in range(3)]
    for ca in cas:
        registered(stack, ca)
    with Registering(stack, cas) as storm:
        for _ in range(3):
            for ca in cas[:2]:
                began = time.monotonic()
                done(stack, "InactivateCaCertificate", ca.sn)
                assert time.monotonic() - began < 10
                seen, others = devices(stack, ca), devices(stack, cas[2])
                wait_until(lambda: devices(stack, cas[2]) > others + 50, what="devices of another CA")
                assert devices(stack, ca) == seen, "a device was registered for an inactive CA"
                done(stack, "ActiveCaCertificate", ca.sn)
                done(stack, "DeleteCaCertificate", ca.sn)
                registered(stack, ca)
    assert storm.problems == []
    assert stack.sql("SELECT count(*) FROM device_certificate d JOIN ca_certificate c ON c.id = d.ca_id WHERE c.removed") == [["0"]]
    assert differences(stack) == []
    assert "deadlock" not in (stack.cluster.folder / "log" / "postgres.log").read_text()
