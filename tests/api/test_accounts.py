"""Two accounts on one Signet: neither sees, uses or takes away what is the other's, nor can it tell that it is there."""
import secrets

import pytest
from harness.api import CAS, Api
from harness.expect import answered, contents, refused

BUT = ("broker_node", "request_nonce")


class Two:
    """`ours` and `theirs` with a certificate and an instance each."""

    def __init__(self, stack, authority):
        key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
        stack.add_access_key(key_id, secret, 2)
        self.stack, self.ours, self.theirs = stack, stack.api, Api(stack.api.port, key_id, secret)
        self.authority, self.our_instance = authority, stack.instance
        self.their_instance = answered(self.theirs.v3("CreateInstance", {"InstanceName": "theirs"}),
                                       "CreateInstance")["MqttInstanceId"]
        self.plain, self.locked = authority.issue("two.example.com"), authority.issue("two.example.com", password="pw")
        self.our_cert, self.their_cert = self.upload(self.ours), self.upload(self.theirs)
        self.our_locked = self.upload(self.ours, self.locked)

    def upload(self, api, cert=None, name=None):
        cert = cert or self.plain
        reply = api.v3("UploadUserCertificate", {"Name": name or "n-" + secrets.token_hex(6), "Cert": cert.chain,
                                                 "Key": cert.key}, version=CAS)
        return str(answered(reply, "UploadUserCertificate")["CertId"])


@pytest.fixture(scope="module")
def two(shared, authority):
    return Two(shared, authority)


@pytest.fixture
def unharmed(two):
    before = contents(two.stack, BUT)
    yield
    assert contents(two.stack, BUT) == before


@pytest.mark.parametrize("operation", ["GetUserCertificateDetail", "DeleteUserCertificate"])
def test_a_certificate_of_another_account_is_not_found(two, unharmed, operation):
    theirs = refused(two.theirs.v3(operation, {"CertId": two.our_cert}, version=CAS), "NotFound")
    assert theirs == refused(two.theirs.v3(operation, {"CertId": "99999999"}, version=CAS), "NotFound")


def test_lists_hold_what_is_ones_own(two):
    listed = answered(two.theirs.v3("ListUserCertificateOrder", {"OrderType": "CERT"}, version=CAS),
                      "ListUserCertificateOrder")
    assert [row["CertificateId"] for row in listed["CertificateOrderList"]] == [int(two.their_cert)]
    assert listed["TotalCount"] == 1
    instances = answered(two.theirs.v3("ListInstances"), "ListInstances")["Instances"]
    assert [row["InstanceId"] for row in instances] == [two.their_instance]


@pytest.mark.parametrize("operation, params", [
    ("DescribeInstance", {}), ("GetSniConfig", {}), ("SetSniConfig", {"DefaultCertificate": "own", "SniConfig": ""})])
def test_an_instance_of_another_account_is_refused_and_one_that_is_not_there_not_found(two, unharmed, operation, params):
    params = {k: v.replace("own", two.their_cert) for k, v in params.items()}
    refused(two.theirs.v3(operation, {"MqttInstanceId": two.our_instance, **params}), "MqttOwnerCheckError", 403)
    refused(two.theirs.v3(operation, {"MqttInstanceId": "mqtt-cn-never-was", **params}), "MqttInstanceNotFound")


def test_the_trail_holds_what_is_ones_own(two):
    ours = {event["AccessKeyId"] for event in answered(two.ours.v3("ListAuditEvents"), "ListAuditEvents")["Events"]}
    theirs = {event["AccessKeyId"] for event in answered(two.theirs.v3("ListAuditEvents"), "ListAuditEvents")["Events"]}
    assert two.ours.key_id in ours and two.theirs.key_id in theirs
    assert ours & theirs <= {"-"}  # the operator, who gave both their keys


@pytest.mark.parametrize("default, config", [
    ("{ours}", ""), ("{own}", "a.example.com#{ours}"), ("{own}", "a.example.com#{locked}#pw"),
    ("{own}", "a.example.com#{locked}#wrong"), ("{locked}", "a.example.com#{locked}#pw")])
def test_a_certificate_of_another_account_cannot_be_mapped_or_told_from_one_that_is_not_there(two, unharmed, default, config):
    def message(ours, locked):
        reply = two.theirs.v3("SetSniConfig", {
            "MqttInstanceId": two.their_instance, "DefaultCertificate": default.format(own=two.their_cert, ours=ours, locked=locked),
            "SniConfig": config.format(ours=ours, locked=locked)})
        assert reply.status == 400, reply
        return reply.code, reply.message.replace(ours, "ID").replace(locked, "ID")

    assert message(two.our_cert, two.our_locked) == message("99999998", "99999999")


def test_each_account_has_its_own_names_of_certificates(two):
    ids = {two.upload(api, name="the-same-name") for api in (two.ours, two.theirs)}
    assert len(ids) == 2
    for api, cert in zip((two.ours, two.theirs), sorted(ids, key=int)):
        answered(api.v3("DeleteUserCertificate", {"CertId": cert}, version=CAS), "DeleteUserCertificate")


def test_an_instance_id_is_taken_for_all(two, unharmed):
    refused(two.theirs.v3("CreateInstance", {"MqttInstanceId": two.our_instance}), "InstanceAlreadyExists")
