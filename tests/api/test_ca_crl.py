"""UploadCaCrl, GetCaCrl, DeleteCaCrl. What brokers make of a list: tests/flow."""
import json
import time
import uuid

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from harness.ca import Ca, registered
from harness.certs import openssl
from harness.crls import DER, crl, long_crl, unknown
from harness.expect import answered, contents, refused

BUT = ("broker_node", "request_nonce")
UPLOAD, GET, DELETE = "UploadCaCrl", "GetCaCrl", "DeleteCaCrl"
POINT = {name: False for name in ("only_contains_user_certs", "only_contains_ca_certs", "only_contains_attribute_certs",
                                  "indirect_crl")}


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return tmp_path_factory.mktemp("crl")


@pytest.fixture(scope="module")
def other(pki):
    """Registered nowhere."""
    return Ca(pki, "Another CA")


@pytest.fixture
def ca(shared, pki):
    made = Ca(pki)
    registered(shared, made)
    return made


def call(stack, operation, ca, **params):
    return stack.api.v3(operation, {"MqttInstanceId": stack.instance, "CaSn": ca.sn, **params})


def upload(stack, ca, content):
    return answered(call(stack, UPLOAD, ca, CrlContent=content), UPLOAD)


def get(stack, ca):
    return answered(call(stack, GET, ca), GET)


def revision_of(stack):
    return int(stack.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{stack.instance}'")[0][0])


def point(**limits):
    return x509.IssuingDistributionPoint(**{"full_name": None, "relative_name": None, "only_some_reasons": None, **POINT, **limits})


NAME = [x509.UniformResourceIdentifier("http://ca.example.com/all.crl")]


# ---- refusals ----

def test_every_parameter_is_mandatory(shared, ca):
    before = contents(shared, BUT)
    good = {"MqttInstanceId": shared.instance, "CaSn": ca.sn, "CrlContent": crl(ca)}
    for operation, names in ((UPLOAD, good), (GET, list(good)[:2]), (DELETE, list(good)[:2])):
        for name in names:
            for params in ({n: good[n] for n in names if n != name}, {**{n: good[n] for n in names}, name: ""}):
                assert name in refused(shared.api.v3(operation, params), f"Missing{name}")
    assert contents(shared, BUT) == before


def test_the_ca_must_be_there(shared, ca, other):
    before = contents(shared, BUT)
    for operation, more in ((UPLOAD, {"CrlContent": crl(other)}), (GET, {}), (DELETE, {})):
        refused(call(shared, operation, other, **more), "FindCaBySnError")
        refused(call(shared, operation, ca, **{**more, "CaSn": "8" * 128}), "FindCaBySnError")
        assert "CaSn" in refused(call(shared, operation, ca, **{**more, "CaSn": "xyz"}), "InvalidCaSn")
    assert contents(shared, BUT) == before


def test_a_ca_of_another_instance_is_not_there(shared, ca):
    instance = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    refused(shared.api.v3(UPLOAD, {"MqttInstanceId": instance, "CaSn": ca.sn, "CrlContent": crl(ca)}), "FindCaBySnError")


def test_a_ca_without_a_list_says_so(shared, ca):
    before = contents(shared, BUT)
    for operation in (GET, DELETE):
        refused(call(shared, operation, ca), "CaCrlNotFound")
    assert contents(shared, BUT) == before


WRONG = {
    "no list": (lambda ca, other: "no list", "neither PEM nor base64"),
    "a certificate": (lambda ca, other: ca.crt, "not of the kind X509 CRL"),
    "two lists": (lambda ca, other: crl(ca) + crl(ca), "several PEM blocks"),
    "a list cut off": (lambda ca, other: crl(ca, form=DER)[:200], "no certificate revocation list"),
    "another issuer": (lambda ca, other: crl(ca, issuer=other), "its issuer is not the subject of the CA certificate"),
    "another CA's list": (lambda ca, other: crl(other), "its issuer is not the subject of the CA certificate"),
    "another key": (lambda ca, other: crl(ca, signer=other), "not signed with the private key of the CA certificate"),
    "SHA-1": (lambda ca, other: crl(ca, digest=hashes.SHA1()), "signed with SHA1"),
    "an unknown critical extension": (lambda ca, other: crl(ca, extensions=[(unknown(), True)]), "1.2.3.4.5"),
    "one of an entry": (lambda ca, other: crl(ca, entry_extensions=[(unknown(), True)]), "entry 1"),
    "a delta": (lambda ca, other: crl(ca, extensions=[(x509.DeltaCRLIndicator(3), True)]), "deltaCRLIndicator"),
    "certificates of users": (lambda ca, other: crl(ca, extensions=[(point(only_contains_user_certs=True), True)]),
                              "onlyContainsUserCerts"),
    "certificates of CAs": (lambda ca, other: crl(ca, extensions=[(point(only_contains_ca_certs=True), True)]),
                            "onlyContainsCACerts"),
    "an indirect list": (lambda ca, other: crl(ca, extensions=[(point(indirect_crl=True), True)]), "indirectCRL"),
    "some reasons": (lambda ca, other: crl(ca, extensions=[(point(full_name=NAME, only_some_reasons=frozenset(
        [x509.ReasonFlags.key_compromise])), True)]), "onlySomeReasons"),
    "certificates of another CA": (lambda ca, other: crl(ca, entry_extensions=[(x509.CertificateIssuer(
        [x509.DNSName("x")]), True)]), "certificateIssuer"),
    "not yet": (lambda ca, other: crl(ca, begin=400), "thisUpdate"),
    "over": (lambda ca, other: crl(ca, begin=-600, end=-1), "nextUpdate"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_list_is_refused_and_said_why(shared, ca, other, kind):
    before = contents(shared, BUT)
    make, words = WRONG[kind]
    message = refused(call(shared, UPLOAD, ca, CrlContent=make(ca, other)), "InvalidCrlContent")
    assert message.startswith("Specified parameter CrlContent is not valid: ") and words in message
    assert contents(shared, BUT) == before


def test_an_older_list_never_takes_the_place_of_a_newer_one(shared, ca):
    upload(shared, ca, crl(ca, number=26, begin=-60))
    before = contents(shared, BUT)
    assert "lower than 1a" in refused(call(shared, UPLOAD, ca, CrlContent=crl(ca, (1,), number=25, begin=-1)), "InvalidCrlContent")
    assert "thisUpdate" in refused(call(shared, UPLOAD, ca, CrlContent=crl(ca, (1,), number=27, begin=-900)), "InvalidCrlContent")
    assert "thisUpdate" in refused(call(shared, UPLOAD, ca, CrlContent=crl(ca, (1,), number=None, begin=-900)), "InvalidCrlContent")
    assert contents(shared, BUT) == before
    answered(call(shared, DELETE, ca), DELETE)  # who means it says so
    assert upload(shared, ca, crl(ca, (1,), number=25, begin=-900))["CrlNumber"] == "19"


def test_the_standard_edition_does_not_have_it(shared):
    instance = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "Edition": "standard"}), "CreateInstance")
    for operation, more in ((UPLOAD, {"CrlContent": "x"}), (GET, {}), (DELETE, {})):
        assert "standard" in refused(shared.api.v3(operation, {"MqttInstanceId": instance, "CaSn": "01", **more}), "InvalidParameter")


# ---- what it does ----

def test_a_list_is_kept_as_it_came_and_brokers_are_told(shared, ca):
    text, now = crl(ca), time.time() * 1000
    reply = call(shared, UPLOAD, ca, CrlContent=text)
    got = answered(reply, UPLOAD)
    shared.rolled_out(reply)
    assert (got["CaSn"], got["Entries"], got["CrlNumber"], got["Revision"]) == (ca.sn, 3, "1a", revision_of(shared))
    assert abs(got["ThisUpdate"] - now + 60_000) < 10_000 and abs(got["NextUpdate"] - now - 86400_000) < 10_000
    kept = get(shared, ca)
    assert {**kept, "RequestId": "", "CrlContent": "", "Revision": got["Revision"]} == {**got, "RequestId": "", "CrlContent": ""}
    assert kept["CrlContent"] == text
    assert shared.sql(f"SELECT revision FROM ca_certificate WHERE sn = '{ca.sn}'") == [[str(got["Revision"])]]


def test_openssl_makes_one_and_reads_what_comes_back(shared, pki, ca):
    folder = pki / f"openssl-{ca.sn}"
    folder.mkdir()
    (folder / "index.txt").write_text("R\t330101000000Z\t250101000000Z,keyCompromise\t0A1B2C\tunknown\t/CN=pump\n")
    (folder / "crlnumber").write_text("02\n")
    (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={folder}/index.txt\ncrlnumber={folder}/crlnumber\n"
                                   "default_md=sha256\ndefault_crl_days=30\n")
    made = openssl("ca", "-gencrl", "-config", folder / "ca.cnf", "-keyfile", ca.key_path, "-cert", ca.crt_path).decode()
    got = upload(shared, ca, made)
    assert (got["Entries"], got["CrlNumber"]) == (1, "02")
    read = openssl("crl", "-noout", "-text", input=get(shared, ca)["CrlContent"].encode()).decode()
    assert "Serial Number: 0A1B2C" in read and "Key Compromise" in read


def test_the_form_and_the_case_do_not_matter(shared, ca):
    first = crl(ca)
    got = upload(shared, ca, first)
    der = "".join(first.split("\n")[1:-2])
    for content, sn in ((der, ca.sn), ("-- of the CA --\n" + first.replace("\n", "\r\n"), ca.sn.upper()), (first, "00:" + ca.sn)):
        again = answered(call(shared, UPLOAD, ca, CrlContent=content, CaSn=sn), UPLOAD)
        assert (again["CaSn"], again["Revision"]) == (ca.sn, got["Revision"])


def test_the_same_list_again_is_no_revision(shared, ca):
    text = crl(ca)
    revision = upload(shared, ca, text)["Revision"]
    before = contents(shared, BUT)
    reply = call(shared, UPLOAD, ca, CrlContent=text)
    assert answered(reply, UPLOAD)["Revision"] == revision
    shared.rolled_out(reply)
    assert contents(shared, BUT) == before


def test_a_list_without_number_or_end_is_one(shared, ca):
    assert upload(shared, ca, crl(ca, (), number=None))["Entries"] == 0
    assert get(shared, ca)["CrlNumber"] == ""


def test_where_it_is_published_limits_nothing(shared, ca):
    assert upload(shared, ca, crl(ca, extensions=[(point(full_name=NAME), True)]))["Entries"] == 3


def test_history_and_trail_say_what_was_and_what_is(shared, ca):
    upload(shared, ca, crl(ca, number=1))
    upload(shared, ca, crl(ca, (7,), number=2))
    answered(call(shared, DELETE, ca), DELETE)
    rows = shared.sql("SELECT action, resource, coalesce(before::text, 'null'), coalesce(after::text, 'null') FROM audit_event"
                      " WHERE action IN ('UploadCaCrl', 'DeleteCaCrl') ORDER BY id DESC LIMIT 3")
    events = [(action, resource, json.loads(before), json.loads(after)) for action, resource, before, after in reversed(rows)]
    assert [(a, r) for a, r, _, _ in events] == [(o, f"ca-certificate:{ca.sn}/revocation-list") for o in (UPLOAD, UPLOAD, DELETE)]
    one, two = events[0][3], events[1][3]
    assert (one["Entries"], one["CrlNumber"], two["Entries"], two["CrlNumber"]) == (3, "01", 1, "02")
    assert len(one["Sha256"]) == 64 and one["Sha256"] != two["Sha256"] and two["NextUpdate"] > two["ThisUpdate"]
    assert [(b, a) for _, _, b, a in events] == [(None, one), (one, two), (two, None)]
    summaries = shared.sql("SELECT action, summary FROM config_revision ORDER BY revision DESC LIMIT 3")
    assert list(reversed(summaries)) == [
        [UPLOAD, f"CA certificate {ca.sn}: revocation list with 3 entries, number 01"],
        [UPLOAD, f"CA certificate {ca.sn}: revocation list with 1 entries, number 02"],
        [DELETE, f"CA certificate {ca.sn}: revocation list removed"]]


def test_deleting_it_is_a_revision_of_its_ca(shared, ca):
    upload(shared, ca, crl(ca))
    got = answered(call(shared, DELETE, ca), DELETE)
    assert (got["CaSn"], got["Revision"]) == (ca.sn, revision_of(shared))
    assert shared.sql(f"SELECT revision FROM ca_certificate WHERE sn = '{ca.sn}'") == [[str(got["Revision"])]]
    refused(call(shared, GET, ca), "CaCrlNotFound")


def test_it_goes_with_its_ca(shared, ca):
    upload(shared, ca, crl(ca))
    mark = shared.sql(f"SELECT id FROM ca_certificate WHERE sn = '{ca.sn}'")[0][0]
    answered(shared.api.v3("DeleteCaCertificate", {"MqttInstanceId": shared.instance, "Sn": ca.sn}), "DeleteCaCertificate")
    assert shared.sql(f"SELECT count(*) FROM ca_crl WHERE ca_id = {mark}") == [["0"]]
    refused(call(shared, GET, ca), "FindCaBySnError")
    registered(shared, ca)
    refused(call(shared, GET, ca), "CaCrlNotFound")


def test_it_goes_with_its_instance(shared, pki):
    instance, ca = "mqtt-cn-" + uuid.uuid4().hex[:11], Ca(pki)
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    registered(shared, ca, instance)
    answered(shared.api.v3(UPLOAD, {"MqttInstanceId": instance, "CaSn": ca.sn, "CrlContent": crl(ca)}), UPLOAD)
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance, "Force": "true"}), "DeleteInstance")
    assert shared.sql("SELECT count(*) FROM ca_crl l LEFT JOIN ca_certificate c ON c.id = l.ca_id WHERE c.id IS NULL") == [["0"]]


def test_a_list_of_a_quarter_of_a_million_is_taken_and_given_back(shared, ca):
    content = long_crl(ca, 250_000)
    reply = shared.api.basic(UPLOAD, {"MqttInstanceId": shared.instance, "CaSn": ca.sn, "CrlContent": content}, as_json=True)
    assert answered(reply, UPLOAD)["Entries"] == 250_000
    lines = get(shared, ca)["CrlContent"].split("\n")
    assert lines[0] == "-----BEGIN X509 CRL-----" and "".join(lines[1:-2]) == content


def test_a_list_that_has_ended_since_stays_what_it_is(shared, ca):
    """It goes on denying what it lists; nobody has to delete it for the others."""
    upload(shared, ca, crl(ca))
    shared.sql("UPDATE ca_crl SET next_update = now() - interval '1 day'")
    got = get(shared, ca)
    assert got["NextUpdate"] < time.time() * 1000 and got["Entries"] == 3
