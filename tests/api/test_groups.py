"""CreateGroupId, DeleteGroupId, ListGroupId. What the preset strict makes of groups: tests/flow."""
import json
import subprocess
import threading
import time

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key

BUT = ("broker_node", "request_nonce")
CREATE, DELETE, LIST = "CreateGroupId", "DeleteGroupId", "ListGroupId"
WRONG, NO_GRANT = "ParameterCheckFailed", "PermissionCheckFailed"


def call(stack, operation, group=None, instance=None, api=None, **more):
    params = {"InstanceId": instance or stack.instance, **({} if group is None else {"GroupId": group}), **more}
    return (api or stack.api).v3(operation, params)


def create(stack, group, instance=None, **tags):
    reply = call(stack, CREATE, group, instance, **tags)
    assert set(answered(reply, CREATE)) == {"RequestId"}
    return reply


def rows(stack, instance=None, **tags):
    return answered(call(stack, LIST, None, instance, **tags), LIST)["Data"]


def names(stack, instance=None, **tags):
    return [row["GroupId"] for row in rows(stack, instance, **tags)]


def items(*tags):
    """Tag.1.Key, Tag.1.Value, … of (key, value); None is no value."""
    found = {}
    for n, (key, value) in enumerate(tags, 1):
        found[f"Tag.{n}.Key"] = key
        if value is not None:
            found[f"Tag.{n}.Value"] = value
    return found


def text(*tags):
    """The same as older SDKs send it."""
    return {"Tags": json.dumps([{"key": k, **({} if v is None else {"value": v})} for k, v in tags])}


@pytest.fixture
def instance(shared):
    return answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]


# ---- refusals ----

@pytest.mark.parametrize("group", ["GID_ab", "GID_" + "a" * 61, "GIDabcd", "gid_abc", "XGID_abc", "GID.abc", "GID_a b", "GID_a@@b",
                                   "GID_a/b", "GID_設備設備", "GID_abc\n", "GID-"])
def test_an_id_begins_with_gid_and_has_7_to_64_characters(shared, group):
    before = contents(shared, BUT)
    for operation in (CREATE, DELETE):
        assert "GroupId" in refused(call(shared, operation, group), WRONG)
        refused(call(shared, operation, ""), "MissingGroupId")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("operation", [CREATE, DELETE, LIST])
def test_the_instance_must_be_there_and_ones_own(shared, operation):
    key_id = f"LTAI{operation}"
    shared.add_access_key(key_id, "t" * 30, 2)
    theirs = answered(Api(shared.api.port, key_id, "t" * 30).v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    group = None if operation == LIST else "GID_pumps"
    refused(call(shared, operation, group, "mqtt-cn-nowhere"), "InstanceNotFound")
    refused(call(shared, operation, group, theirs), "InstancePermissionCheckFailed")
    refused(call(shared, operation, group, "a/b"), WRONG)
    refused(shared.api.v3(operation, {"GroupId": "GID_pumps", "MqttInstanceId": shared.instance}), "MissingInstanceId")


def test_who_may_only_read_only_lists(shared, instance):
    reader = make_key(shared.api, f"read@{instance}")
    create(shared, "GID_pumps", instance)
    refused(call(shared, CREATE, "GID_valves", instance, reader), NO_GRANT)
    refused(call(shared, DELETE, "GID_pumps", instance, reader), NO_GRANT)
    assert len(answered(call(shared, LIST, None, instance, reader), LIST)["Data"]) == 1


def test_there_is_one_of_an_id(shared, instance):
    create(shared, "GID_pumps", instance)
    before = contents(shared, BUT)
    refused(call(shared, CREATE, "GID_pumps", instance), "GroupIdAlreadyExsited")
    refused(call(shared, CREATE, "GID_pumps", instance, **items(("a", "b"))), "GroupIdAlreadyExsited")
    assert contents(shared, BUT) == before
    create(shared, "GID_Pumps", instance)  # letter case matters in client IDs


def test_what_is_not_there_cannot_be_deleted(shared, instance):
    create(shared, "GID_pumps", instance)
    before = contents(shared, BUT)
    for group, where in (("GID_valves", instance), ("GID_PUMPS", instance), ("GID_pumps", shared.instance)):
        assert "GroupId" in refused(call(shared, DELETE, group, where), WRONG)
    assert contents(shared, BUT) == before


def test_an_instance_has_ten_thousand(shared, instance):
    shared.sql("INSERT INTO mqtt_group (mqtt_instance_id, group_id, revision) SELECT '" + instance + "', 'GID_' || "
               "to_char(n, 'FM00000'), 0 FROM generate_series(1, 9999) n")
    create(shared, "GID_last", instance)
    before = contents(shared, BUT)
    assert "10000" in refused(call(shared, CREATE, "GID_one-more", instance), "InsufficientQuota")
    refused(call(shared, CREATE, "GID_last", instance), "GroupIdAlreadyExsited")
    assert contents(shared, BUT) == before
    assert len(rows(shared, instance)) == 10000
    answered(call(shared, DELETE, "GID_last", instance), DELETE)
    create(shared, "GID_one-more", instance)


WRONG_TEXTS = ["x", "{}", '"a"', "[1]", "[[]]", "[null]", '[{"value":"v"}]', '[{"key":1}]', '[{"key":"k","value":1}]', "[",
               '[{"key":"k","key":"k"}]', '[{"key":""}]', '[{"key":"k\\u0000"}]', '[{"key":"\\ud800"}]', '[{"key":"k"}]x',
               '[{"key":"k"},{"key":"k","value":"other"}]', json.dumps([{"key": "k" * 129}]),
               json.dumps([{"key": "k", "value": "v" * 129}]), json.dumps([{"key": f"k{n}"} for n in range(21)])]


@pytest.mark.parametrize("wrong", WRONG_TEXTS)
def test_tags_are_a_list_of_keys_and_values(shared, wrong):
    before = contents(shared, BUT)
    assert "Tags" in refused(call(shared, CREATE, "GID_wrong", Tags=wrong), WRONG)
    assert "Tags" in refused(call(shared, LIST, Tags=wrong), WRONG)
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("wrong", [{"Tag.1.Value": "v"}, {"Tag.1.Key": ""}, {"Tag.2.Key": "k"}, {"Tag.1.Key": "k" * 129},
                                   {"Tag.1.Key": "k", "Tag.1.Value": "v" * 129}, {"Tag.21.Key": "k"}, {"Tag": "k"}, {"Tag.1": "k"},
                                   {"Tag.1.Key": "k", "Tag.2.Key": "k"},
                                   {"Tag.1.Key": "k", "Tags": '[{"key":"k","value":"v"}]'}])
def test_the_list_of_tags_has_a_key_in_each_item_once(shared, wrong):
    before = contents(shared, BUT)
    assert "Tag" in refused(call(shared, CREATE, "GID_wrong", **wrong), WRONG)
    assert "Tag" in refused(call(shared, LIST, **wrong), WRONG)
    assert contents(shared, BUT) == before


def test_twenty_tags_are_the_most_however_they_are_sent(shared, instance):
    tags = [(f"k{n:02}", f"v{n}") for n in range(21)]
    refused(call(shared, CREATE, "GID_wrong", instance, **text(*tags[:10]), **items(*tags[10:])), WRONG)
    create(shared, "GID_twenty", instance, **text(*tags[:10]), **items(*tags[10:20]))
    assert [(t["TagKey"], t["TagValue"]) for t in rows(shared, instance)[0]["Tags"]] == tags[:20]


def test_a_change_that_waits_too_long_fails_as_the_product_fails(shared, instance):
    """Before an SDK has given up, which is after ten seconds."""
    create(shared, "GID_held", instance)
    url = shared.cluster.url(shared.database, "signet_owner")
    with subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as psql:
        psql.stdin.write("BEGIN; LOCK TABLE mqtt_group IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
        psql.stdin.flush()
        assert psql.stdout.readline() == "locked\n"
        replies, began = {}, time.monotonic()
        hands = [threading.Thread(target=lambda o=o, g=g: replies.update({o: call(shared, o, g, instance)}))
                 for o, g in ((CREATE, "GID_new"), (DELETE, "GID_held"))]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        assert time.monotonic() - began < 15, "one waits for the other's lock of the instance as well"
        psql.communicate("ROLLBACK;\n")
    refused(replies[CREATE], "CreateGroupIdError", 417)
    refused(replies[DELETE], "DeleteGroupIdError", 417)
    assert names(shared, instance) == ["GID_held"]


# ---- what goes right ----

@pytest.mark.parametrize("group", ["GID_abc", "GID-abc", "GID_" + "a" * 60, "GID---_", "GID_0-9_Zz"])
def test_ids_at_the_limits_are_taken(shared, instance, group):
    create(shared, group, instance)
    assert names(shared, instance) == [group]


def test_a_group_is_made_listed_and_deleted(shared):
    began, revision = int(time.time() * 1000) - 1000, shared.revision()
    shared.rolled_out(create(shared, "GID_valves"))
    row = next(r for r in rows(shared) if r["GroupId"] == "GID_valves")
    assert began <= row["CreateTime"] == row["UpdateTime"] <= began + 60000
    assert (row["InstanceId"], row["IndependentNaming"], row["Tags"]) == (shared.instance, True, [])
    gone = call(shared, DELETE, "GID_valves")
    assert set(answered(gone, DELETE)) == {"RequestId"}
    shared.rolled_out(gone)
    assert "GID_valves" not in names(shared) and shared.revision() == revision + 2


def test_groups_are_an_instances_own_and_listed_by_id(shared, instance):
    other = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    made = ["GID_b-1", "GID_a_1", "GID-z-1", "GID_B-1"]
    for group in made:
        create(shared, group, instance)
    create(shared, "GID_b-1", other)
    assert names(shared, instance) == sorted(made) and names(shared, other) == ["GID_b-1"]


def test_tags_come_back_as_they_were_sent_either_way(shared, instance):
    odd = [("key", "a+b%20&=;/?#"), ("设备", "ünï 🔑"), ("<b>", '"\'\\'), ("empty", ""), (" blank ", " "), ("none", None)]
    create(shared, "GID_text", instance, **text(*odd))
    create(shared, "GID_items", instance, **items(*odd))
    create(shared, "GID_capitals", instance, Tags=json.dumps([{"Key": k, "Value": v or ""} for k, v in odd]))
    wanted = sorted((k, v or "") for k, v in odd)
    for row in rows(shared, instance):
        assert [(t["TagKey"], t["TagValue"]) for t in row["Tags"]] == wanted, row["GroupId"]


def test_a_list_is_of_the_groups_that_have_every_tag(shared, instance):
    create(shared, "GID_none", instance)
    create(shared, "GID_north", instance, **items(("site", "north"), ("kind", "pump")))
    create(shared, "GID_south", instance, **items(("site", "south"), ("kind", "pump")))
    create(shared, "GID_empty", instance, **items(("site", "")))
    for asked, wanted in (((), ["GID_empty", "GID_none", "GID_north", "GID_south"]),
                          ((("site", "north"),), ["GID_north"]), ((("kind", "pump"),), ["GID_north", "GID_south"]),
                          ((("site", "south"), ("kind", "pump")), ["GID_south"]), ((("site", "north"), ("kind", "valve")), []),
                          ((("site", None),), ["GID_empty", "GID_north", "GID_south"]), ((("site", ""),), ["GID_empty"]),
                          ((("site", None), ("kind", None)), ["GID_north", "GID_south"]), ((("other", None),), []),
                          ((("site", "null"),), []), ((("Site", "north"),), [])):
        assert names(shared, instance, **items(*asked)) == wanted, asked
        assert names(shared, instance, **text(*asked)) == wanted, asked
    assert names(shared, instance, **text(("site", "north")), **items(("kind", "pump"))) == ["GID_north"]
    assert len(names(shared, instance, Tags="[]")) == 4


def test_a_change_is_in_the_history_and_in_the_audit_trail(shared, instance):
    create(shared, "GID_pumps", instance, **items(("site", "north")))
    answered(call(shared, DELETE, "GID_pumps", instance), DELETE)
    history = answered(shared.api.v3("ListConfigRevisions", {"MqttInstanceId": instance}), "ListConfigRevisions")["Revisions"]
    assert [(h["Action"], h["Summary"]) for h in history] == [
        (DELETE, "group GID_pumps deleted"), (CREATE, "group GID_pumps made")]
    value = '{"Tags": {"site": "north"}}'
    assert shared.sql("SELECT action, resource, before, after FROM audit_event WHERE resource LIKE 'group:%' AND "
                      f"mqtt_instance_id = '{instance}' ORDER BY id") == [
        [CREATE, "group:GID_pumps", "", value], [DELETE, "group:GID_pumps", value, ""]]


def test_a_deleted_group_leaves_a_mark_and_may_come_back(shared, instance):
    marks = f"SELECT revision, kind, key FROM login_removal WHERE mqtt_instance_id = '{instance}'"
    create(shared, "GID_pumps", instance)
    answered(call(shared, DELETE, "GID_pumps", instance), DELETE)
    create(shared, "GID_pumps", instance)
    assert shared.sql(marks) == [["2", "mqtt_group", "GID_pumps"]]
    assert shared.sql(f"SELECT revision FROM mqtt_group WHERE mqtt_instance_id = '{instance}'") == [["3"]]


def test_a_deleted_instance_takes_its_groups_along(shared, instance):
    create(shared, "GID_pumps", instance)
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance, "Force": "true"}), "DeleteInstance")
    assert shared.sql(f"SELECT count(*) FROM mqtt_group WHERE mqtt_instance_id = '{instance}'") == [["0"]]


def test_of_those_who_come_at_once_one_makes_the_group(shared, instance):
    second = shared._process("api2", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
    apis, replies = (shared.api, Api(port, shared.key_id, shared.secret)), []
    hands = [threading.Thread(target=lambda n=n: replies.append(call(shared, CREATE, "GID_race", instance, apis[n % 2])))
             for n in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(r.code or "" for r in replies) == [""] + ["GroupIdAlreadyExsited"] * 7
    assert shared.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{instance}'") == [["1"]]
