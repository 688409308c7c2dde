"""CreateParentTopic, DeleteParentTopic, ListParentTopic. What the preset strict makes of them: tests/flow."""
import threading
import time

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key

BUT = ("broker_node", "request_nonce")
CREATE, DELETE, LIST = "CreateParentTopic", "DeleteParentTopic", "ListParentTopic"


def call(stack, operation, topic=None, instance=None, api=None):
    params = {"MqttInstanceId": instance or stack.instance, **({} if topic is None else {"Topic": topic})}
    return (api or stack.api).v3(operation, params)


def create(stack, topic, instance=None):
    return answered(call(stack, CREATE, topic, instance), CREATE)


def names(stack, instance=None):
    return [row["Topic"] for row in answered(call(stack, LIST, None, instance), LIST)["Topics"]]


@pytest.fixture
def instance(shared):
    """One that nobody serves, with room for topics."""
    return answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]


# ---- refusals ----

@pytest.mark.parametrize("topic", ["ab", "a" * 65, "a/b", "a b", "abc#", "+abc", "$SYS", "a.b.c", "設備設備", "abc\n", "abc|"])
def test_a_name_is_3_to_64_letters_digits_hyphens_and_underscores(shared, instance, topic):
    before = contents(shared, BUT)
    for operation in (CREATE, DELETE):
        assert "Topic" in refused(call(shared, operation, topic, instance), "InvalidTopic")
        refused(call(shared, operation, "", instance), "MissingTopic")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("operation", [CREATE, DELETE, LIST])
def test_the_instance_must_be_there_and_ones_own(shared, operation):
    key_id = f"LTAI{operation}"
    shared.add_access_key(key_id, "t" * 30, 2)
    theirs = answered(Api(shared.api.port, key_id, "t" * 30).v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    topic = None if operation == LIST else "pumps"
    refused(call(shared, operation, topic, "mqtt-cn-nowhere"), "MqttInstanceNotFound")
    refused(call(shared, operation, topic, theirs), "MqttOwnerCheckError", 403)
    refused(shared.api.v3(operation, {"Topic": "pumps"}), "MissingMqttInstanceId")


def test_who_may_only_read_only_lists(shared, instance):
    reader = make_key(shared.api, f"read@{instance}")
    create(shared, "pumps", instance)
    refused(call(shared, CREATE, "valves", instance, reader), "Forbidden.RAM", 403)
    refused(call(shared, DELETE, "pumps", instance, reader), "Forbidden.RAM", 403)
    assert len(answered(call(shared, LIST, None, instance, reader), LIST)["Topics"]) == 1


def test_there_is_one_of_a_name_whatever_its_letter_case(shared, instance):
    create(shared, "Pumps-1", instance)
    before = contents(shared, BUT)
    for name in ("Pumps-1", "pumps-1", "PUMPS-1"):
        refused(call(shared, CREATE, name, instance), "ParentTopicAlreadyExists")
    assert contents(shared, BUT) == before
    create(shared, "Pumps_1", instance)


def test_what_is_not_there_cannot_be_deleted(shared, instance):
    create(shared, "pumps", instance)
    other = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    before = contents(shared, BUT)
    refused(call(shared, DELETE, "valves", instance), "ParentTopicNotFound")
    refused(call(shared, DELETE, "pump", instance), "ParentTopicNotFound")
    refused(call(shared, DELETE, "pumps", other), "ParentTopicNotFound")
    assert contents(shared, BUT) == before


def test_an_instance_has_25(shared, instance):
    for n in range(25):
        create(shared, f"topic-{n:02}", instance)
    before = contents(shared, BUT)
    assert "25" in refused(call(shared, CREATE, "one-more", instance), "InsufficientQuota")
    refused(call(shared, CREATE, "TOPIC-07", instance), "ParentTopicAlreadyExists")
    assert contents(shared, BUT) == before
    answered(call(shared, DELETE, "topic-07", instance), DELETE)
    create(shared, "one-more", instance)
    assert len(names(shared, instance)) == 25


# ---- what goes right ----

@pytest.mark.parametrize("topic", ["abc", "a" * 64, "A-b_9", "---", "000"])
def test_names_at_the_limits_are_taken(shared, instance, topic):
    assert create(shared, topic, instance)["Topic"] == topic
    assert names(shared, instance) == [topic]


def test_a_topic_is_made_listed_and_deleted(shared):
    began, revision = int(time.time() * 1000) - 1000, shared.revision()
    made = call(shared, CREATE, "Valves")
    assert answered(made, CREATE)["Revision"] == shared.revision() == revision + 1
    shared.rolled_out(made)
    listed = answered(call(shared, LIST), LIST)
    row = next(t for t in listed["Topics"] if t["Topic"] == "Valves")
    assert listed["MqttInstanceId"] == shared.instance and began <= row["CreateTime"] <= began + 60000
    gone = call(shared, DELETE, "vALVES")
    assert answered(gone, DELETE)["Topic"] == "Valves", "as it was made"
    shared.rolled_out(gone)
    assert gone.json["Revision"] == revision + 2
    assert "Valves" not in names(shared)


def test_topics_are_listed_by_name(shared, instance):
    assert names(shared, instance) == []
    for topic in ("pumps", "Valves", "a-1", "a_1", "000"):
        create(shared, topic, instance)
    assert names(shared, instance) == sorted(["pumps", "Valves", "a-1", "a_1", "000"])


def test_a_change_is_in_the_history_and_in_the_audit_trail(shared, instance):
    create(shared, "pumps", instance)
    answered(call(shared, DELETE, "PUMPS", instance), DELETE)
    history = answered(shared.api.v3("ListConfigRevisions", {"MqttInstanceId": instance}), "ListConfigRevisions")["Revisions"]
    assert [(h["Action"], h["Summary"]) for h in history] == [
        (DELETE, "parent topic pumps deleted"), (CREATE, "parent topic pumps made")]
    assert shared.sql("SELECT action, resource, before, after FROM audit_event WHERE resource LIKE 'parent-topic:%' AND "
                      f"mqtt_instance_id = '{instance}' ORDER BY id") == [
        [CREATE, "parent-topic:pumps", "", '{"Topic": "pumps"}'], [DELETE, "parent-topic:pumps", '{"Topic": "pumps"}', ""]]


def test_a_deleted_topic_leaves_a_mark_until_no_broker_needs_it(shared, instance):
    marks = f"SELECT revision, kind, key FROM login_removal WHERE mqtt_instance_id = '{instance}'"
    create(shared, "Pumps", instance)
    answered(call(shared, DELETE, "pumps", instance), DELETE)
    assert shared.sql(marks) == [["2", "parent_topic", "Pumps"]]
    shared.sql(f"UPDATE instance SET revision = 1000 WHERE mqtt_instance_id = '{instance}'")
    create(shared, "valves", instance)
    assert shared.sql(marks) == [["2", "parent_topic", "Pumps"]]
    create(shared, "drains", instance)
    assert shared.sql(marks) == []
    assert shared.sql(f"SELECT marks_from, revision FROM instance WHERE mqtt_instance_id = '{instance}'") == [["2", "1002"]]


def test_a_deleted_instance_takes_its_topics_along(shared, instance):
    create(shared, "pumps", instance)
    create(shared, "valves", instance)
    answered(call(shared, DELETE, "pumps", instance), DELETE)
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance, "Force": "true"}), "DeleteInstance")
    for table in ("parent_topic", "login_removal"):
        assert shared.sql(f"SELECT count(*) FROM {table} WHERE mqtt_instance_id = '{instance}'") == [["0"]]


def test_of_those_who_come_at_once_one_gets_the_last_place(shared, instance):
    for n in range(24):
        create(shared, f"topic-{n:02}", instance)
    second = shared._process("api2", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
    apis, replies = (shared.api, Api(port, shared.key_id, shared.secret)), []
    hands = [threading.Thread(target=lambda n=n: replies.append(call(shared, CREATE, f"late-{n}", instance, apis[n % 2])))
             for n in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(r.code or "done" for r in replies) == ["InsufficientQuota"] * 7 + ["done"]
    assert len(names(shared, instance)) == 25
