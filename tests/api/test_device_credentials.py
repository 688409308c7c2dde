"""RegisterDeviceCredential, GetDeviceCredential, RefreshDeviceCredential, UnRegisterDeviceCredential,
ListDeviceCredentialClientId. What brokers make of credentials: tests/flow."""
import re
import threading
import time

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.tokens import unsealed

BUT = ("broker_node", "request_nonce")
REGISTER, GET, REFRESH, UNREGISTER, LIST = ("RegisterDeviceCredential", "GetDeviceCredential", "RefreshDeviceCredential",
                                            "UnRegisterDeviceCredential", "ListDeviceCredentialClientId")
OF_A_CLIENT = (REGISTER, GET, REFRESH, UNREGISTER)
WRONG, NO_GRANT = "ParameterCheckFailed", "PermissionCheckFailed"
CLIENT = "GID_pumps@@@pump-1"
FORM = re.compile(r"DC\.[A-Za-z0-9]{22}")


def call(stack, operation, client=CLIENT, instance=None, api=None):
    return (api or stack.api).v3(operation, {"InstanceId": instance or stack.instance, "ClientId": client})


def credential(stack, operation, client=CLIENT, instance=None):
    return answered(call(stack, operation, client, instance), operation)["DeviceCredential"]


def unregister(stack, client=CLIENT, instance=None):
    return answered(call(stack, UNREGISTER, client, instance), UNREGISTER)


def page(stack, group="GID_pumps", instance=None, size=100, **more):
    reply = stack.api.v3(LIST, {"InstanceId": instance or stack.instance, "GroupId": group, "PageSize": str(size), **more})
    return answered(reply, LIST)["DeviceCredentialClientIdList"]


def count(stack, instance):
    return [int(n) for n in stack.sql(f"SELECT device_credentials, (SELECT count(*) FROM device_credential WHERE mqtt_instance_id = "
                                      f"'{instance}') FROM instance WHERE mqtt_instance_id = '{instance}'")[0]]


@pytest.fixture
def instance(shared):
    return answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]


# ---- refusals ----

@pytest.mark.parametrize("client", ["GID_pumps", "GID_pumps@@@", "@@@pump", "pumps@@@pump", "GID_ab@@@p", "GID_pumps@@pump",
                                    "GID_pumps@@@" + "p" * 53, "GID_pumps@@@a b", "GID_pumps@@@設備", "GID_pumps@@@a\n", "GID_p@ps@@@p",
                                    "gid_pumps@@@p", "GID_" + "a" * 61 + "@@@p"])
def test_a_client_id_is_group_and_device_of_64_characters(shared, client):
    before = contents(shared, BUT)
    for operation in OF_A_CLIENT:
        assert "ClientId" in refused(call(shared, operation, client), WRONG)
        refused(call(shared, operation, ""), "MissingClientId")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("operation", [*OF_A_CLIENT, LIST])
def test_the_instance_must_be_there_and_ones_own(shared, operation):
    key_id = f"LTAI{operation}"
    shared.add_access_key(key_id, "t" * 30, 2)
    theirs = answered(Api(shared.api.port, key_id, "t" * 30).v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    more = {"GroupId": "GID_pumps", "PageSize": "10"} if operation == LIST else {"ClientId": CLIENT}
    before = contents(shared, BUT)
    for name in ("mqtt-cn-nowhere", theirs):
        refused(shared.api.v3(operation, {"InstanceId": name, **more}), "InstancePermissionCheckFailed")
    refused(shared.api.v3(operation, {"MqttInstanceId": shared.instance, **more}), "MissingInstanceId")
    assert contents(shared, BUT) == before


def test_who_may_only_read_sees_no_secret_and_changes_nothing(shared, instance):
    credential(shared, REGISTER, instance=instance)
    reader = make_key(shared.api, f"read@{instance}")
    before = contents(shared, BUT)
    for operation in OF_A_CLIENT:
        refused(call(shared, operation, instance=instance, api=reader), NO_GRANT)
    reply = reader.v3(LIST, {"InstanceId": instance, "GroupId": "GID_pumps", "PageSize": "10"})
    assert answered(reply, LIST)["DeviceCredentialClientIdList"]["ClientIdList"] == [CLIENT]
    assert contents(shared, BUT) == before


def test_what_was_never_registered_is_not_there(shared, instance):
    credential(shared, REGISTER, "GID_pumps@@@other", instance)
    before = contents(shared, BUT)
    for operation in (GET, REFRESH, UNREGISTER):
        for client in (CLIENT, "GID_pumps@@@Other", "GID_pumps@@@othe"):
            assert "ClientId" in refused(call(shared, operation, client, instance), WRONG)
        refused(call(shared, operation, "GID_pumps@@@other"), WRONG)  # of another instance
    assert contents(shared, BUT) == before


def test_what_was_unregistered_is_not_there_either(shared, instance):
    credential(shared, REGISTER, instance=instance)
    unregister(shared, instance=instance)
    before = contents(shared, BUT)
    for operation in (GET, REFRESH, UNREGISTER):
        refused(call(shared, operation, instance=instance), WRONG)
    assert contents(shared, BUT) == before


def test_an_instance_has_a_million(shared, instance):
    credential(shared, REGISTER, "GID_pumps@@@first", instance)
    shared.sql(f"UPDATE instance SET device_credentials = 999999 WHERE mqtt_instance_id = '{instance}'")
    credential(shared, REGISTER, "GID_pumps@@@last", instance)
    before = contents(shared, BUT)
    assert "1000000" in refused(call(shared, REGISTER, instance=instance), "InsufficientQuota")
    assert contents(shared, BUT) == before
    credential(shared, REGISTER, "GID_pumps@@@first", instance)  # is there already
    unregister(shared, "GID_pumps@@@last", instance)
    credential(shared, REGISTER, CLIENT, instance)


@pytest.mark.parametrize("name, value", [("PageSize", "0"), ("PageSize", "101"), ("PageSize", "x"), ("PageSize", "-1"), ("PageNo", "0"),
                                         ("PageNo", "01"), ("PageNo", "1" * 10), ("GroupId", "pumps"), ("GroupId", CLIENT),
                                         ("NextToken", "x"), ("NextToken", "MQ=="), ("NextToken", "MR9h="), ("NextToken", "Mh9h"),
                                         ("NextToken", "MR9hH2I="), ("NextToken", "A" * 4097)])
def test_a_page_is_asked_for_rightly(shared, name, value):
    good = {"InstanceId": shared.instance, "GroupId": "GID_pumps", "PageSize": "10"}
    assert name in refused(shared.api.v3(LIST, {**good, name: value}), WRONG)


@pytest.mark.parametrize("name", ["InstanceId", "GroupId", "PageSize"])
def test_what_a_page_needs(shared, name):
    good = {"InstanceId": shared.instance, "GroupId": "GID_pumps", "PageSize": "10"}
    refused(shared.api.v3(LIST, {n: v for n, v in good.items() if n != name}), f"Missing{name}")


# ---- what goes right ----

@pytest.mark.parametrize("client", ["GID_abc@@@p", "GID-abc@@@" + "p" * 54, "GID_" + "a" * 56 + "@@@p", "GID_pumps@@@a/b:c.d#+|@",
                                    "GID_pumps@@@a@@@b"])
def test_client_ids_at_the_limits_are_taken(shared, instance, client):
    assert credential(shared, REGISTER, client, instance)["ClientId"] == client
    assert credential(shared, GET, client, instance)["ClientId"] == client
    assert page(shared, client.split("@@@")[0], instance)["ClientIdList"] == [client]


def test_a_credential_is_registered_and_read(shared, instance):
    began = int(time.time() * 1000) - 1000
    made = credential(shared, REGISTER, instance=instance)
    assert (made["ClientId"], made["InstanceId"]) == (CLIENT, instance)
    assert FORM.fullmatch(made["DeviceAccessKeyId"]) and FORM.fullmatch(made["DeviceAccessKeySecret"])
    assert made["DeviceAccessKeyId"] != made["DeviceAccessKeySecret"]
    assert began <= made["CreateTime"] == made["UpdateTime"] <= began + 60000
    before = contents(shared, BUT)
    assert credential(shared, GET, instance=instance) == made
    assert contents(shared, BUT) == before


def test_the_newest_counts(shared, instance):
    first = credential(shared, REGISTER, instance=instance)
    second = credential(shared, REGISTER, instance=instance)
    assert not {first["DeviceAccessKeyId"], first["DeviceAccessKeySecret"]} & set(map(str, second.values()))
    assert second["CreateTime"] == second["UpdateTime"] > first["UpdateTime"]
    assert credential(shared, GET, instance=instance) == second
    assert count(shared, instance) == [1, 1] and page(shared, instance=instance)["Total"] == "1"


def test_a_refreshed_one_has_another_key_and_secret_and_its_first_time(shared, instance):
    first = credential(shared, REGISTER, instance=instance)
    second = credential(shared, REFRESH, instance=instance)
    assert not {first["DeviceAccessKeyId"], first["DeviceAccessKeySecret"]} & set(map(str, second.values()))
    assert second["CreateTime"] == first["CreateTime"] and second["UpdateTime"] > first["UpdateTime"]
    assert credential(shared, GET, instance=instance) == second
    assert count(shared, instance) == [1, 1]


def test_each_client_and_each_instance_has_its_own(shared, instance):
    made = [credential(shared, REGISTER, f"GID_pumps@@@pump-{n}", instance) for n in range(5)]
    made.append(credential(shared, REGISTER, "GID_pumps@@@pump-0"))
    assert len({c["DeviceAccessKeyId"] for c in made} | {c["DeviceAccessKeySecret"] for c in made}) == 12
    assert credential(shared, GET, "GID_pumps@@@pump-0", instance) == made[0]
    unregister(shared, "GID_pumps@@@pump-0")
    assert credential(shared, GET, "GID_pumps@@@pump-0", instance) == made[0]
    assert count(shared, instance) == [5, 5]


def test_a_change_is_answered_when_brokers_have_it(shared):
    revision = shared.revision()
    for n, operation in enumerate((REGISTER, REGISTER, REFRESH, UNREGISTER), 1):
        reply = call(shared, operation)
        answered(reply, operation)
        shared.rolled_out(reply)
        assert shared.revision() == revision + n
    assert "x-signet-rollout" not in call(shared, GET).headers


def test_the_secret_is_sealed_in_its_place(shared, instance):
    made = credential(shared, REGISTER, instance=instance)
    row = f"WHERE mqtt_instance_id = '{instance}' AND client_id = '{CLIENT}'"
    sealed = bytes.fromhex(shared.sql(f"SELECT encode(secret_sealed, 'hex') FROM device_credential {row}")[0][0])
    assert made["DeviceAccessKeySecret"].encode() not in sealed
    assert unsealed(shared, f"device_credential.secret:{instance}/{CLIENT}", sealed).decode() == made["DeviceAccessKeySecret"]


def test_a_secret_from_another_row_is_not_opened(open_stack):
    s = open_stack(workers=1)
    for n in (1, 2):
        credential(s, REGISTER, f"GID_pumps@@@pump-{n}")
    s.sql("UPDATE device_credential a SET secret_sealed = b.secret_sealed FROM device_credential b "
          "WHERE a.client_id LIKE '%pump-1' AND b.client_id LIKE '%pump-2'")
    refused(call(s, GET, "GID_pumps@@@pump-1"), "InternalError", 500)
    credential(s, REFRESH, "GID_pumps@@@pump-1")
    credential(s, GET, "GID_pumps@@@pump-1")


def test_no_secret_is_written_down(shared, instance):
    made = [credential(shared, o, instance=instance)["DeviceAccessKeySecret"] for o in (REGISTER, REGISTER, REFRESH, GET)]
    unregister(shared, instance=instance)
    events = shared.sql("SELECT action, resource, before->>'DeviceAccessKeyId', after->>'DeviceAccessKeyId', to_jsonb(e)::text "
                        f"FROM audit_event e WHERE mqtt_instance_id = '{instance}' AND resource <> 'instance' ORDER BY id")
    assert [e[:2] for e in events] == [[o, f"device-credential:{CLIENT}"] for o in (REGISTER, REGISTER, REFRESH, UNREGISTER)]
    assert events[0][2] == "" and events[-1][3] == "" and [e[3] for e in events[:3]] == [e[2] for e in events[1:]]
    text = shared.api_process.text() + "".join(e[4] for e in events) + \
        str(shared.sql(f"SELECT * FROM config_revision WHERE mqtt_instance_id = '{instance}'"))
    assert not [secret for secret in made if secret in text]


def test_a_change_is_in_the_history(shared, instance):
    for operation in (REGISTER, REGISTER, REFRESH, UNREGISTER):
        answered(call(shared, operation, instance=instance), operation)
    history = answered(shared.api.v3("ListConfigRevisions", {"MqttInstanceId": instance}), "ListConfigRevisions")["Revisions"]
    assert [(h["Action"], h["Summary"]) for h in reversed(history)] == [
        (o, f"device credential of {CLIENT} {what}") for o, what in
        ((REGISTER, "registered"), (REGISTER, "registered anew"), (REFRESH, "refreshed"), (UNREGISTER, "unregistered"))]


def test_an_unregistered_one_leaves_a_mark_and_may_come_back(shared, instance):
    marks = f"SELECT revision, kind, key FROM login_removal WHERE mqtt_instance_id = '{instance}'"
    credential(shared, REGISTER, instance=instance)
    unregister(shared, instance=instance)
    assert shared.sql(marks) == [["2", "device_credential", CLIENT]] and count(shared, instance) == [0, 0]
    credential(shared, REGISTER, instance=instance)
    assert shared.sql(f"SELECT revision FROM device_credential WHERE mqtt_instance_id = '{instance}'") == [["3"]]
    shared.sql(f"UPDATE instance SET revision = 1001 WHERE mqtt_instance_id = '{instance}'")
    credential(shared, REFRESH, instance=instance)
    assert shared.sql(marks) == []


def test_a_deleted_instance_takes_its_credentials_along(shared, instance):
    credential(shared, REGISTER, instance=instance)
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance, "Force": "true"}), "DeleteInstance")
    assert shared.sql(f"SELECT count(*) FROM device_credential WHERE mqtt_instance_id = '{instance}'") == [["0"]]


# ---- pages ----

@pytest.fixture(scope="module")
def crowd(shared):
    """An instance with 250 clients of one group, and others that must not be in its list."""
    name = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    clients = [f"GID_pumps@@@{'p' if n % 2 else 'P'}-{n:03}" for n in range(250)]
    others = ["GID_pumps-2@@@x", "GID_pump@@@x", "GID-pumps@@@x", "GID_PUMPS@@@x"]
    for n, client in enumerate(clients + others):
        shared.sql("INSERT INTO device_credential (mqtt_instance_id, client_id, access_key_id, secret_sealed, revision) VALUES "
                   f"('{name}', '{client}', 'DC.{n}', '', 0)")
    return name, sorted(clients)


def test_a_group_without_any_is_an_empty_page(shared, instance):
    assert page(shared, "GID_nobody", instance) == {"ClientIdList": [], "NextToken": "", "PageNo": "1", "PageSize": "100",
                                                    "Total": "0"}


@pytest.mark.parametrize("size", [1, 7, 50, 99, 100])
def test_pages_follow_each_other_by_token(shared, crowd, size):
    name, clients = crowd
    found, token, asked = [], "", 0
    while True:
        got = page(shared, instance=name, size=size, **({"NextToken": token} if token else {}))
        assert (got["Total"], got["PageSize"], got["PageNo"]) == ("250", str(size), "1")
        found, token, asked = found + got["ClientIdList"], got["NextToken"], asked + 1
        if not token:
            break
        assert len(got["ClientIdList"]) == size
    assert found == clients and asked == -(-250 // size)


def test_pages_follow_each_other_by_number(shared, crowd):
    name, clients = crowd
    pages = [page(shared, instance=name, PageNo=str(n)) for n in (1, 2, 3, 4)]
    assert [p["PageNo"] for p in pages] == ["1", "2", "3", "4"]
    assert sum((p["ClientIdList"] for p in pages), []) == clients
    assert [bool(p["NextToken"]) for p in pages] == [True, True, False, False]
    assert page(shared, instance=name, PageNo="999999999")["ClientIdList"] == []


def test_a_token_says_where_to_go_on_whatever_the_number(shared, crowd):
    name, clients = crowd
    token = page(shared, instance=name)["NextToken"]
    assert page(shared, instance=name, NextToken=token, PageNo="3")["ClientIdList"] == clients[100:200]
    assert page(shared, instance=name, NextToken="", PageNo="2")["ClientIdList"] == clients[100:200]


def test_what_is_registered_meanwhile_moves_no_page(shared, instance):
    for n in range(4):
        credential(shared, REGISTER, f"GID_pumps@@@{n}", instance)
    first = page(shared, instance=instance, size=2)
    credential(shared, REGISTER, "GID_pumps@@@00", instance)
    unregister(shared, "GID_pumps@@@1", instance)
    rest = page(shared, instance=instance, size=2, NextToken=first["NextToken"])
    assert rest["ClientIdList"] == ["GID_pumps@@@2", "GID_pumps@@@3"] and rest["NextToken"] == ""


def test_a_page_walks_the_index(shared, crowd):
    name, _ = crowd
    plan = str(shared.sql("SET enable_seqscan = off; SET enable_sort = off; EXPLAIN SELECT client_id FROM device_credential WHERE "
                          f"mqtt_instance_id = '{name}' AND split_part(client_id, '@@@', 1) COLLATE \"C\" = 'GID_pumps' AND "
                          "client_id COLLATE \"C\" > '' ORDER BY client_id COLLATE \"C\" LIMIT 101"))
    assert "device_credential_group" in plan and "Sort" not in plan, plan


# ---- two API processes ----

def test_of_those_who_come_at_once_the_last_one_counts(shared, instance):
    second = shared._process("api2", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
    apis, replies = (shared.api, Api(port, shared.key_id, shared.secret)), []
    hands = [threading.Thread(target=lambda n=n: replies.append(call(shared, REGISTER, instance=instance, api=apis[n % 2])))
             for n in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    made = [answered(r, REGISTER)["DeviceCredential"] for r in replies]
    assert len({c["DeviceAccessKeySecret"] for c in made}) == 8
    last = credential(shared, GET, instance=instance)
    assert last in made and count(shared, instance) == [1, 1]
    rows = shared.sql("SELECT after->>'DeviceAccessKeyId' FROM audit_event e JOIN config_revision r USING (mqtt_instance_id, "
                      f"request_id) WHERE mqtt_instance_id = '{instance}' ORDER BY r.revision DESC")
    assert len(rows) == 8 and rows[0] == [last["DeviceAccessKeyId"]]
