"""CreateInstance, DescribeInstance, ListInstances, DeleteInstance, and what the editions may do."""
import json
import threading
import time
import uuid

import pytest
from harness.api import CAS
from harness.expect import answered, contents, refused
from harness.process import wait_until
from harness.registry import add_ca, add_devices

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
                   "AuthenticationMode": "one-way", "LoginRequired": False, "DefaultCertificate": "", "Revision": 0, "DomainCount": 0,
                   "CaCertificateCount": 0, "DeviceCount": 0, "Brokers": []}
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
    for operation, more in (("DescribeInstance", {}), ("GetSniConfig", {}), ("DeleteInstance", {"Force": "true"}),
                            ("SetSniConfig", {"DefaultCertificate": "1"}), ("SetAuthenticationMode", {"Mode": "one-way"})):
        refused(stack.api.v3(operation, {"MqttInstanceId": "mqtt-cn-theirs", **more}), "MqttOwnerCheckError", 403)


def test_certificates_of_another_account_are_not_seen(stack, authority):
    cert = stack.upload(authority.issue("theirs.example.com"))
    number = cert.split("-")[0]
    stack.sql(f"UPDATE server_certificate SET account_id = 2 WHERE id = {number}")
    for operation in ("GetUserCertificateDetail", "DeleteUserCertificate"):
        refused(stack.api.v3(operation, {"CertId": number}, version=CAS), "NotFound")
    refused(stack.api.v3("GetCertificateDetail", {"CertificateId": number}, version=CAS), "NotFound")
    assert answered(stack.api.v3("ListCertificates", version=CAS), "ListCertificates")["TotalCount"] == 0
    assert "does not exist" in refused(stack.set_sni(cert, ""), "InvalidDefaultCertificate")
    assert "does not exist" in refused(stack.set_sni(cert, f"a.example.com#{cert}"), "InvalidSniConfig")
    listed = stack.api.v3("ListUserCertificateOrder", {"OrderType": "CERT"}, version=CAS)
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
    stack.rolled_out(stack.set_sni(cert, f"rollout.example.com#{cert}"))
    got = describe(stack, stack.instance)
    assert got["Revision"] == 1 and got["DomainCount"] == 1
    wait_until(lambda: describe(stack, stack.instance)["Brokers"][0]["AppliedRevision"] == 1, what="the broker to report")
    broker, = describe(stack, stack.instance)["Brokers"]
    assert abs(broker["SeenAt"] / 1000 - time.time()) < 60 and broker["StartedAt"] <= broker["SeenAt"] + 1000
    stack.broker.stop()
    stack.broker.expected_dead = True
    assert describe(stack, stack.instance)["Brokers"] == []


# ---- limits and the trail ----

def trail(stack, action):
    """What the audit trail says: instance, resource, before, after; newest last."""
    rows = stack.sql("SELECT mqtt_instance_id, resource, coalesce(before::text, 'null'), coalesce(after::text, 'null') "
                     f"FROM audit_event WHERE action = '{action}' ORDER BY id")
    return [(i, resource, json.loads(before), json.loads(after)) for i, resource, before, after in rows]


def test_an_account_has_so_many_instances_and_no_more(stack):
    stack.sql("INSERT INTO instance (mqtt_instance_id, name) SELECT 'mqtt-cn-n' || g, 'n' FROM generate_series(1, 998) g")
    stack.sql("INSERT INTO instance (mqtt_instance_id, name, account_id) VALUES ('mqtt-cn-theirs', 'n', 2)")
    assert stack.api.v3("CreateInstance", {"MqttInstanceId": "mqtt-cn-last"}).status == 200
    before = contents(stack, ("broker_node", "request_nonce"))
    message = refused(stack.api.v3("CreateInstance"), "InsufficientQuota")
    assert "1000 instances" in message
    assert contents(stack, ("broker_node", "request_nonce")) == before
    assert stack.api.v3("DeleteInstance", {"MqttInstanceId": "mqtt-cn-last"}).status == 200
    assert stack.api.v3("CreateInstance").status == 200


def test_making_and_deleting_is_in_the_audit_trail(shared):
    instance = new_id()
    shared.api.v3("CreateInstance", {"MqttInstanceId": instance, "InstanceName": "trail", "Edition": "professional"})
    assert trail(shared, "CreateInstance")[-1] == (
        instance, "instance", None, {"InstanceName": "trail", "Edition": "professional"})
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance}), "DeleteInstance")
    assert trail(shared, "DeleteInstance")[-1] == (
        instance, "instance", {"InstanceName": "trail", "Edition": "professional", "AuthenticationMode": "one-way",
                               "LoginRequired": False, "DefaultCertificate": "", "Revision": 0, "DomainCount": 0, "CaCertificateCount": 0,
                               "DeviceCount": 0, "LostGrants": []}, None)
    assert trail(shared, "CreateInstance")[-1][0] == instance  # the trail outlives it


def test_what_keys_lose_with_an_instance_is_in_its_trail_and_other_accounts_keep_theirs(shared):
    instance = new_id()
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    key = answered(shared.api.v3("CreateAccessKey", {"Grants.1.Action": "write", "Grants.1.MqttInstanceId": instance}),
                   "CreateAccessKey")["AccessKey"]["AccessKeyId"]
    shared.sql("INSERT INTO access_key (access_key_id, account_id, secret_sealed) VALUES ('of-account-9', 9, '')")
    shared.sql(f"INSERT INTO access_grant VALUES ('of-account-9', '{instance}', 'read')")
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance}), "DeleteInstance")
    assert trail(shared, "DeleteInstance")[-1][2]["LostGrants"] == [{"AccessKeyId": key, "Action": "write"}]
    assert shared.sql(f"SELECT access_key_id FROM access_grant WHERE mqtt_instance_id = '{instance}'") == [["of-account-9"]]
    shared.sql("DELETE FROM access_key WHERE access_key_id = 'of-account-9'")


def test_the_trail_of_a_deleted_instance_can_be_read(shared):
    instance = new_id()
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance}), "DeleteInstance")
    events = answered(shared.api.v3("ListAuditEvents", {"MqttInstanceId": instance}), "ListAuditEvents")["Events"]
    assert [e["Action"] for e in events] == ["DeleteInstance", "CreateInstance"]


# ---- DeleteInstance ----

def delete(stack, instance, **params):
    return stack.api.v3("DeleteInstance", {"MqttInstanceId": instance, **params})


def left_of(stack, instance):
    """Tables that still have a row of the instance, but for the trail."""
    tables = stack.sql("SELECT table_name FROM information_schema.columns WHERE column_name = 'mqtt_instance_id' AND "
                       "table_schema = 'public' AND table_name <> 'audit_event' ORDER BY 1")
    assert len(tables) >= 10
    return [t for t, in tables if stack.sql(f"SELECT 1 FROM {t} WHERE mqtt_instance_id = '{instance}' LIMIT 1")]


def used_instance(stack, authority, instance=None):
    """An instance with something of everything, one domain of it on an encrypted key; (instance, its certificate)."""
    instance = instance or new_id()
    stack.api.v3("CreateInstance", {"MqttInstanceId": instance})
    cert = stack.upload(authority.issue("used.example.com", password="secret 1"))
    reply = stack.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": cert,
                                          "SniConfig": f"used.example.com#{cert}#secret 1"})
    assert reply.status == 200, reply
    add_devices(stack, add_ca(stack, "0a", instance=instance), 2500)
    add_ca(stack, "0b", instance=instance, active=False)
    stack.sql(f"INSERT INTO access_key (access_key_id, secret_sealed) VALUES ('K-{instance}', ''); "
              f"INSERT INTO access_grant VALUES ('K-{instance}', '{instance}', 'read'), ('K-{instance}', '*', 'read')")
    stack.sql(f"INSERT INTO registration_code (mqtt_instance_id, code, ordinal) VALUES ('{instance}', 'abc', 1); "
              f"INSERT INTO device_removal VALUES ('{instance}', 1, sha256('x'))")
    stack.sql(f"INSERT INTO broker_node VALUES ('{instance}', 'gone', 1, '[]', now(), now() - interval '1 minute')")
    return instance, cert


def serving_key_is_there(stack, cert):
    return stack.sql("SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = "
                     + cert.split("-")[0]) == [["t"]]


def test_what_is_not_there_cannot_be_deleted(shared):
    refused(delete(shared, "mqtt-cn-nobody"), "MqttInstanceNotFound")
    refused(shared.api.v3("DeleteInstance"), "MissingMqttInstanceId")
    refused(delete(shared, "a b"), "InvalidMqttInstanceId")
    assert "Force" in refused(delete(shared, shared.instance, Force="yes"), "InvalidForce")


def test_an_instance_with_a_live_broker_stays_whatever_is_said(stack):
    node = describe(stack, stack.instance)["Brokers"][0]["NodeId"]
    before = contents(stack, ("broker_node", "request_nonce"))
    for force in ("false", "true"):
        assert node in refused(delete(stack, stack.instance, Force=force), "InstanceInUse")
    stack.broker.kill()
    stack.sql("UPDATE broker_node SET seen_at = now() - interval '15 seconds'")
    assert node in refused(delete(stack, stack.instance, Force="true"), "InstanceInUse")
    assert contents(stack, ("broker_node", "request_nonce")) == before
    stack.sql("UPDATE broker_node SET seen_at = now() - interval '21 seconds'")
    answered(delete(stack, stack.instance), "DeleteInstance")
    assert left_of(stack, stack.instance) == []


def test_an_instance_in_use_is_deleted_by_force_only_and_then_wholly(shared, authority):
    instance, cert = used_instance(shared, authority)
    got = describe(shared, instance)
    assert (got["DomainCount"], got["CaCertificateCount"], got["DeviceCount"]) == (1, 2, 2500)
    before = contents(shared, ("broker_node", "request_nonce"))
    message = refused(delete(shared, instance), "InstanceInUse")
    assert "1 domains" in message and "2 CA certificates" in message and "2500 devices" in message and "Force" in message
    assert contents(shared, ("broker_node", "request_nonce")) == before
    assert serving_key_is_there(shared, cert)
    answered(delete(shared, instance, Force="true"), "DeleteInstance")
    assert left_of(shared, instance) == []
    assert shared.sql(f"SELECT mqtt_instance_id FROM access_grant WHERE access_key_id = 'K-{instance}'") == [["*"]]
    assert not serving_key_is_there(shared, cert)  # nobody needs it any more
    assert shared.api.v3("DeleteUserCertificate", {"CertId": cert.split("-")[0]}, version=CAS).status == 200
    refused(delete(shared, instance, Force="true"), "MqttInstanceNotFound")
    again = answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    assert again["MqttInstanceId"] == instance and describe(shared, instance)["Revision"] == 0


def test_only_ca_certificates_are_a_reason_too(shared):
    instance = new_id()
    shared.api.v3("CreateInstance", {"MqttInstanceId": instance})
    ca = add_ca(shared, "0c", instance=instance)
    refused(delete(shared, instance), "InstanceInUse")
    shared.sql(f"UPDATE ca_certificate SET removed = true WHERE id = {ca}")  # a mark is none
    answered(delete(shared, instance), "DeleteInstance")


@pytest.mark.parametrize("operation, params", [
    ("CreateGroupId", {"GroupId": "GID_pumps"}),
    ("RegisterDeviceCredential", {"ClientId": "GID_pumps@@@1"}),
    ("AddCustomAuthIdentity", {"IdentityType": "USER", "Username": "pump", "Secret": "x", "SignMode": "ORIGIN"}),
    ("AddCustomAuthPermission", {"IdentityType": "USER", "Identity": "pump", "Topic": "a", "PermitAction": "PUB", "Effect": "ALLOW"}),
    ("AddCustomAuthConnectBlack", {"ClientId": "GID_pumps@@@1"}),
    ("CreateParentTopic", {"Topic": "pumps"})])
def test_what_clients_sign_in_with_is_a_reason_too(shared, operation, params):
    instance = new_id()
    shared.api.v3("CreateInstance", {"MqttInstanceId": instance})
    name = "MqttInstanceId" if operation == "CreateParentTopic" else "InstanceId"
    assert shared.api.v3(operation, {name: instance, **params}).status == 200
    assert "sign in" in refused(delete(shared, instance), "InstanceInUse")
    answered(delete(shared, instance, Force="true"), "DeleteInstance")
    assert left_of(shared, instance) == []


def test_a_certificate_that_another_instance_uses_keeps_its_serving_key(shared, authority):
    first, cert = used_instance(shared, authority)
    second = new_id()
    shared.api.v3("CreateInstance", {"MqttInstanceId": second})
    assert shared.api.v3("SetSniConfig", {"MqttInstanceId": second, "DefaultCertificate": cert,
                                          "SniConfig": f"x.example.com#{cert}#secret 1"}).status == 200
    answered(delete(shared, first, Force="true"), "DeleteInstance")
    assert serving_key_is_there(shared, cert)
    answered(delete(shared, second, Force="true"), "DeleteInstance")
    assert not serving_key_is_there(shared, cert)


def test_other_instances_keep_everything(shared, authority):
    instance, _ = used_instance(shared, authority)
    other, _ = used_instance(shared, authority)
    tables = left_of(shared, other)
    answered(delete(shared, instance, Force="true"), "DeleteInstance")
    assert left_of(shared, other) == tables and len(tables) >= 10
    assert describe(shared, other)["DeviceCount"] == 2500


def test_everybody_at_once_is_no_deadlock(stack, authority):
    """Two instances are made, changed and deleted while their certificates are deleted and devices registered."""
    instances = [new_id(), new_id()]
    locked = authority.issue("race.example.com", password="secret 1")
    certs = [stack.upload(locked), stack.upload(locked)]
    plain = stack.upload(authority.issue("race.example.com"))
    end, wrong, done = time.monotonic() + 12, [], {}

    def worker(name, call):
        n = 0
        while time.monotonic() < end and not wrong:
            reply = call(n)
            n += 1
            if reply is not None:
                done[name, reply.code or 200] = done.get((name, reply.code or 200), 0) + 1
                if reply.status >= 500:
                    wrong.append((name, reply))

    def register(n):
        sn = uuid.uuid4().hex
        stack.sql("DO $$ DECLARE ca bigint; BEGIN SELECT min(id) INTO ca FROM ca_certificate WHERE NOT removed; PERFORM "
                  f"device_register(c.mqtt_instance_id, c.id, ARRAY['{sn}'], ARRAY[sha256('{sn}')], ARRAY['x'::bytea], "
                  "ARRAY['x'], ARRAY[now()], ARRAY[now()]) FROM ca_certificate c WHERE c.id = ca; END $$")

    def prepare(n):
        instance = instances[n % 2]
        reply = stack.api.v3("CreateInstance", {"MqttInstanceId": instance})
        if reply.status == 200:
            try:
                add_ca(stack, "0a", instance=instance)
            except AssertionError as e:  # deleted in between
                assert "foreign key" in str(e)
        return reply

    def map_both(n):
        config = ";".join(f"d{i}.example.com#{c}#secret 1" for i, c in enumerate(certs))
        return stack.api.v3("SetSniConfig", {"MqttInstanceId": instances[n % 2], "DefaultCertificate": certs[n // 2 % 2],
                                             "SniConfig": config})

    def remove(n):
        if map_both(n).status != 200:
            return None  # what is used is the harder case
        reply = stack.api.v3("DeleteUserCertificate", {"CertId": certs[n % 2].split("-")[0]}, version=CAS)
        if reply.status == 200:
            certs[n % 2] = stack.upload(locked)
        return reply

    def delete_changed(n):
        """Not before the others had their turns."""
        reply = stack.api.v3("DescribeInstance", {"MqttInstanceId": instances[n % 2]})
        return delete(stack, instances[n % 2], Force="true") if (reply.json or {}).get("Revision", 0) > 2 else None

    calls = {
        "create": prepare,
        "delete": delete_changed,
        "map": map_both,
        "unmap": lambda n: stack.api.v3("SetSniConfig", {"MqttInstanceId": instances[n % 2], "DefaultCertificate": plain}),
        "mode": lambda n: stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": instances[n % 2], "Mode": "one-way",
                                                                 "ServerCertificate": certs[n % 2]}),
        "remove": remove,
        "register": register,
    }
    threads = [threading.Thread(target=worker, args=item) for item in calls.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert wrong == []
    assert all(done.get((name, 200), 0) > 0 for name in ("create", "delete", "map", "unmap", "mode")), done
    assert done["remove", "InvalidStatus.DeleteProtection"] > 0
    assert {i for i, in stack.sql("SELECT DISTINCT mqtt_instance_id FROM config_change")} <= {
        i for i, in stack.sql("SELECT mqtt_instance_id FROM instance")}
    # a serving key is there exactly while somebody uses the certificate
    assert stack.sql("SELECT id FROM server_certificate c WHERE key_encrypted AND (serving_key_sealed IS NOT NULL) <> (EXISTS "
                     "(SELECT FROM sni_certificate s WHERE s.certificate_id = c.id) OR EXISTS (SELECT FROM instance i WHERE "
                     "i.default_certificate_id = c.id))") == []
    assert "err=ERR_" not in stack.api_process.text()
