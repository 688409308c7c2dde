"""CreateInstance, DescribeInstance, ListInstances, and what the editions may do."""
import time
import uuid

import pytest
from harness.expect import answered, contents, refused
from harness.process import wait_until

# Name and JSON type of what the vendor's SDK reads of a ListInstances row.
ROW = {"InstanceId": str, "InstanceName": str, "InstanceStatus": int, "InstanceType": int, "CreateTime": int, "ExpireTime": int,
       "KernelVersion": str, "OrderId": str, "RegionId": str, "Specific": str, "MqttTags": list}


def new_id():
    return "mqtt-cn-" + uuid.uuid4().hex[:11]


def describe(stack, instance):
    return answered(stack.api.v3("DescribeInstance", {"MqttInstanceId": instance}), "DescribeInstance")


def test_an_instance_is_as_it_was_asked_for(shared):
    instance = new_id()
    made = answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "InstanceName": "Küche <1>",
                                                     "Edition": "professional"}), "CreateInstance")
    assert (made["MqttInstanceId"], made["InstanceName"], made["Edition"]) == (instance, "Küche <1>", "professional")
    got = describe(shared, instance)
    assert got == {**got, "MqttInstanceId": instance, "InstanceName": "Küche <1>", "Edition": "professional",
                   "AuthenticationMode": "one-way", "DefaultCertificate": "", "Revision": 0, "DomainCount": 0, "Brokers": []}
    assert abs(got["CreateTime"] / 1000 - time.time()) < 60


def test_what_is_not_given_is_chosen(shared):
    made = [answered(shared.api.v1("CreateInstance"), "CreateInstance") for _ in range(20)]
    assert len({m["MqttInstanceId"] for m in made}) == 20
    for m in made:
        assert m["MqttInstanceId"].startswith("mqtt-cn-") and len(m["MqttInstanceId"]) == 19
        assert m["InstanceName"] == m["MqttInstanceId"] and m["Edition"] == "platinum"


def test_an_id_is_taken_once(shared):
    instance = new_id()
    shared.api.v3("CreateInstance", {"MqttInstanceId": instance})
    before = contents(shared, ("broker_node", "request_nonce"))
    refused(shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "Edition": "standard"}), "InstanceAlreadyExists")
    assert contents(shared, ("broker_node", "request_nonce")) == before


@pytest.mark.parametrize("params, code", [
    ({"MqttInstanceId": "a b"}, "InvalidMqttInstanceId"), ({"MqttInstanceId": "x" * 65}, "InvalidMqttInstanceId"),
    ({"MqttInstanceId": "../../etc"}, "InvalidMqttInstanceId"), ({"MqttInstanceId": "ümlaut"}, "InvalidMqttInstanceId"),
    ({"MqttInstanceId": "line\nfeed"}, "InvalidMqttInstanceId"), ({"MqttInstanceId": "a'; --"}, "InvalidMqttInstanceId"),
    ({"InstanceName": "ab"}, "InvalidInstanceName"), ({"InstanceName": "x" * 65}, "InvalidInstanceName"),
    ({"Edition": "gold"}, "InvalidEdition"), ({"Edition": "Platinum"}, "InvalidEdition")])
def test_bad_parameters_are_named(shared, params, code):
    before = contents(shared, ("broker_node", "request_nonce"))
    message = refused(shared.api.v3("CreateInstance", params), code)
    assert next(iter(params)) in message
    assert contents(shared, ("broker_node", "request_nonce")) == before


def test_every_wrong_parameter_is_said_at_once(shared):
    reply = shared.api.v3("CreateInstance", {"MqttInstanceId": "a b", "InstanceName": "x", "Edition": "gold"})
    assert all(name in reply.message for name in ("MqttInstanceId", "InstanceName", "Edition"))


def test_the_longest_names_are_good(shared):
    for name in ("ü" * 64, "abc"):
        instance = uuid.uuid4().hex + uuid.uuid4().hex
        made = answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "InstanceName": name}), "CreateInstance")
        assert made["InstanceName"] == name


def test_unknown_instances_are_not_found(shared):
    refused(shared.api.v3("DescribeInstance", {"MqttInstanceId": "mqtt-cn-nobody"}), "MqttInstanceNotFound")
    refused(shared.api.v3("DescribeInstance"), "MissingMqttInstanceId")
    refused(shared.api.v3("DescribeInstance", {"MqttInstanceId": ""}), "MissingMqttInstanceId")


def test_the_list_has_what_the_sdk_reads(stack):
    others = {edition: new_id() for edition in ("professional", "standard")}
    for edition, instance in others.items():
        stack.api.v3("CreateInstance", {"MqttInstanceId": instance, "Edition": edition})
    got = answered(stack.api.v3("ListInstances", method="GET"), "ListInstances")
    assert (got["Code"], got["Success"]) == ("200", "true") and isinstance(got["Message"], str)
    assert {row["InstanceId"] for row in got["Instances"]} == {stack.instance, *others.values()}
    for row in got["Instances"]:
        for name, kind in ROW.items():
            assert type(row[name]) is kind, f"{name}: {row[name]!r}"
    platinum = next(row for row in got["Instances"] if row["InstanceId"] == stack.instance)
    assert (platinum["InstanceStatus"], platinum["InstanceType"], platinum["Specific"]) == (5, 4, "mqtt.p2.1xlarge")
    assert len({row["InstanceType"] for row in got["Instances"]}) == 3


def test_tags_filter_and_must_be_json(shared):
    def rows(tags):
        return answered(shared.api.v3("ListInstances", {"Tags": tags}), "ListInstances")["Instances"]

    assert rows("[]") and rows("") and rows('[{"key":"a","value":"b"}]') == []
    for bad in ("{", "{}", "1", "null", '"x"', "[" * 10000):
        refused(shared.api.v3("ListInstances", {"Tags": bad}), "InvalidParameter")


def test_instances_of_another_account_are_not_seen(stack):
    stack.sql("INSERT INTO instance (mqtt_instance_id, account_id, name) VALUES ('mqtt-cn-theirs', 2, 'theirs')")
    got = answered(stack.api.v3("ListInstances"), "ListInstances")
    assert [row["InstanceId"] for row in got["Instances"]] == [stack.instance]
    for operation in ("DescribeInstance", "GetSniConfig"):
        refused(stack.api.v3(operation, {"MqttInstanceId": "mqtt-cn-theirs"}), "MqttInstanceNotFound")
    reply = stack.api.v3("SetSniConfig", {"MqttInstanceId": "mqtt-cn-theirs", "DefaultCertificate": "1"})
    refused(reply, "MqttInstanceNotFound")


def test_certificates_of_another_account_are_not_seen(stack, authority):
    cert = stack.upload(authority.issue("theirs.example.com"))
    number = cert.split("-")[0]
    stack.sql(f"UPDATE server_certificate SET account_id = 2 WHERE id = {number}")
    for operation in ("GetUserCertificateDetail", "DeleteUserCertificate"):
        refused(stack.api.v3(operation, {"CertId": number}, version="2020-04-07"), "NotFound")
    assert "does not exist" in refused(stack.set_sni(cert, ""), "InvalidDefaultCertificate")
    assert "does not exist" in refused(stack.set_sni(cert, f"a.example.com#{cert}"), "InvalidSniConfig")
    listed = stack.api.v3("ListUserCertificateOrder", {"OrderType": "CERT"}, version="2020-04-07")
    assert listed.json["CertificateOrderList"] == [] and listed.json["TotalCount"] == 0


def test_only_two_editions_have_multi_domain_certificates(shared, authority):
    cert = shared.upload(authority.issue("edition.example.com"))
    for edition, status in (("platinum", 200), ("professional", 200), ("standard", 400)):
        instance = new_id()
        shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "Edition": edition})
        reply = shared.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": cert})
        assert reply.status == status, reply
        if status == 400:
            assert "standard" in refused(reply, "InvalidParameter")
        else:  # nobody serves it, so nobody has to be waited for
            assert answered(reply, "SetSniConfig")["Success"] == "true"
            assert describe(shared, instance)["DefaultCertificate"] == cert


def test_the_brokers_of_an_instance_are_listed(stack, authority):
    cert = stack.upload(authority.issue("rollout.example.com"))
    assert stack.set_sni(cert, f"rollout.example.com#{cert}").headers["x-signet-rollout"] == "applied"
    got = describe(stack, stack.instance)
    assert got["Revision"] == 1 and got["DomainCount"] == 1
    wait_until(lambda: describe(stack, stack.instance)["Brokers"][0]["AppliedRevision"] == 1, what="the broker to report")
    broker, = describe(stack, stack.instance)["Brokers"]
    assert abs(broker["SeenAt"] / 1000 - time.time()) < 60 and broker["StartedAt"] <= broker["SeenAt"] + 1000
    stack.broker.stop()
    stack.broker.expected_dead = True
    assert describe(stack, stack.instance)["Brokers"] == []
