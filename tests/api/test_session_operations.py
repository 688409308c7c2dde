"""QuerySessionByClientId, BatchQuerySessionByClientIds, CloseConnection: with brokers that a test plays, and with a real one."""
import secrets
import time
import uuid

import pytest
from harness import homes
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.mqtt import Client
from harness.process import wait_until

BUT = ("broker_node", "access_key", "access_grant", "audit_event")
ONE, BATCH, CLOSE = "QuerySessionByClientId", "BatchQuerySessionByClientIds", "CloseConnection"
RIGHT = {ONE: {"ClientId": "GID_a@@@1"}, BATCH: {"ClientIdList.1": "GID_a@@@1"}, CLOSE: {"ClientId": "GID_a@@@1"}}
DONE = {"Code": 200, "Message": "operation success.", "Success": True}


def send(stack, operation, api=None, instance=None, **params):
    params = {**RIGHT[operation], **params}
    return (api or stack.api).v3(operation, {"InstanceId": instance or stack.instance,
                                             **{n: v for n, v in params.items() if v is not None}})


def online(stack, client_id):
    return answered(send(stack, ONE, ClientId=client_id), ONE)["OnlineStatus"]


def batch(stack, *client_ids, instance=None):
    params = {f"ClientIdList.{n}": c for n, c in enumerate(client_ids, 1)}
    return answered(send(stack, BATCH, instance=instance, **{"ClientIdList.1": None, **params}), BATCH)["OnlineStatusList"]


@pytest.fixture
def play(played, instance):
    """play({op: answer}) → a broker of the instance"""
    return lambda answers: played(instance, answers)


# ---- refusals ----

@pytest.mark.parametrize("operation, params, name", [
    (ONE, {"ClientId": "c" * 257}, "ClientId"), (CLOSE, {"ClientId": "c" * 257}, "ClientId"),
    (ONE, {"InstanceId": "a/b"}, "InstanceId"), (BATCH, {"InstanceId": "x" * 65}, "InstanceId"),
    (BATCH, {"ClientIdList.1": "c" * 257}, "ClientIdList"), (BATCH, {"ClientIdList.11": "c"}, "ClientIdList"),
    (BATCH, {"ClientIdList.0": "c"}, "ClientIdList"), (BATCH, {"ClientIdList.1.Id": "c"}, "ClientIdList"),
    (BATCH, {"ClientIdList": "c"}, "ClientIdList"), (BATCH, {"ClientIdList.1": ""}, "ClientIdList")])
def test_wrong_parameters_are_refused(shared, operation, params, name):
    assert name in refused(send(shared, operation, **params), "ParameterCheckFailed")


@pytest.mark.parametrize("operation, params, name", [(ONE, {"ClientId": ""}, "ClientId"), (CLOSE, {"ClientId": None}, "ClientId"),
                                                     (BATCH, {"ClientIdList.1": None}, "ClientIdList"),
                                                     (CLOSE, {"InstanceId": ""}, "InstanceId")])
def test_what_is_mandatory_is_asked_for(shared, operation, params, name):
    refused(send(shared, operation, **params), "Missing" + name)


@pytest.mark.parametrize("operation", RIGHT)
def test_an_instance_that_is_not_his_is_nobodys_business(shared, operation):
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    shared.add_access_key(key_id, secret, 2)
    stranger = Api(shared.api.port, key_id, secret)
    for who, instance in ((stranger, shared.instance), (shared.api, "mqtt-cn-never-was")):
        refused(send(shared, operation, who, instance), "InstancePermissionCheckFailed")


@pytest.mark.parametrize("operation, grant", [(ONE, "mq:CloseConnection"), (BATCH, "mq:QuerySession*"), (CLOSE, "read")])
def test_a_key_without_the_grant_is_refused_and_cuts_nobody(shared, client, operation, grant):
    c = client()
    reply = send(shared, operation, make_key(shared.api, f"{grant}@{shared.instance}"),
                 **{name: c.client_id for name in RIGHT[operation]})
    refused(reply, "PermissionCheckFailed")
    assert reply.json["AccessDeniedDetail"]["AuthAction"] == "mq:" + operation
    c.ping()


@pytest.mark.parametrize("operation", RIGHT)
def test_without_a_broker_another_try_is_asked_for(shared, instance, operation):
    before = contents(shared, (*BUT, "request_nonce"))
    assert "has not answered" in refused(send(shared, operation, instance=instance), "SystemOverFlow", 403)
    assert contents(shared, (*BUT, "request_nonce")) == before


@pytest.mark.parametrize("answer", [{"ok": False, "error": "unknown op"}, b"no JSON\n", b"[]\n", {"ok": True}, {},
                                    {"ok": True, "online": [], "disconnected": "1"}, {"ok": True, "online": [1]},
                                    {"ok": True, "online": [True, False], "disconnected": 1.5}, {"ok": True, "online": {"0": True}}],
                         ids=lambda a: str(a)[:40])
@pytest.mark.parametrize("operation", RIGHT)
def test_a_broker_that_makes_no_sense_has_not_answered(shared, instance, play, operation, answer):
    play({"online": answer, "disconnect": answer})
    refused(send(shared, operation, instance=instance), "SystemOverFlow", 403)


def test_a_broker_that_stops_talking_is_waited_for_once_and_not_long(shared, instance, play):
    play({"online": lambda request: time.sleep(20) or b"\n"})
    began = time.monotonic()
    refused(send(shared, ONE, instance=instance), "SystemOverFlow", 403)
    assert 1.5 < time.monotonic() - began < 12
    began = time.monotonic()
    for _ in range(5):
        refused(send(shared, BATCH, instance=instance), "SystemOverFlow", 403)
    assert time.monotonic() - began < 8  # two seconds each would be 10 s


def test_who_is_not_connected_cannot_be_cut(shared, client):
    before = shared.sql("SELECT count(*) FROM audit_event")
    for client_id in (homes.name(), "c" * 256, "\U0001f600" * 256):
        assert "no such client is connected" in refused(send(shared, CLOSE, ClientId=client_id), "ParameterCheckFailed")
    assert shared.sql("SELECT count(*) FROM audit_event") == before


# ---- what is asked ----

def test_a_broker_is_asked_once_however_many_clients_there_are(shared, instance, play):
    broker = play({"online": {"ok": True, "online": [True, False, True]}})
    assert batch(shared, "a", "b", "a", instance=instance) == [
        {"ClientId": "a", "OnlineStatus": True}, {"ClientId": "b", "OnlineStatus": False}, {"ClientId": "a", "OnlineStatus": True}]
    assert broker.asked == [{"op": "online", "clientIds": ["a", "b", "a"]}]


# ---- with a real broker ----

def test_a_client_is_online_while_it_is_connected(shared, client):
    ours = [client(homes.name_at(worker)) for worker in (0, 1)]
    for c in ours:
        assert online(shared, c.client_id) is True
        assert online(shared, c.client_id.lower()) is False and online(shared, c.client_id + "0") is False
    ours[0].close()
    wait_until(lambda: not online(shared, ours[0].client_id), what="the broker to see the end")
    assert online(shared, ours[1].client_id) is True


def test_a_session_that_waits_for_its_client_is_not_online(shared):
    c = shared.client(homes.name(), tls=False, clean=False)
    c.subscribe("a/b", 1)
    c.close()
    wait_until(lambda: not online(shared, c.client_id), what="the broker to see the end")


def test_ten_clients_are_told_in_the_order_of_the_question(shared, client):
    there = [client(homes.name_at(n % 2)).client_id for n in range(5)] + [client("\u00fc/\U0001f600 '\"").client_id]
    asked = [x for c in there[:4] for x in (c, homes.name())] + there[4:]
    assert len(asked) == 10
    assert batch(shared, *asked) == [{"ClientId": c, "OnlineStatus": c in there} for c in asked]


def test_numbers_that_are_left_out_are_nobody(shared, client):
    c = client()
    rows = answered(send(shared, BATCH, **{"ClientIdList.1": "", "ClientIdList.3": c.client_id, "ClientIdList.10": "nobody"}), BATCH)
    assert rows["OnlineStatusList"] == [{"ClientId": c.client_id, "OnlineStatus": True},
                                        {"ClientId": "nobody", "OnlineStatus": False}]


def test_a_list_may_be_json(shared, client):
    c = client()
    reply = shared.api.basic(BATCH, {"InstanceId": shared.instance, "ClientIdList": [c.client_id, "nobody"]}, as_json=True)
    assert [r["OnlineStatus"] for r in answered(reply, BATCH)["OnlineStatusList"]] == [True, False]


def test_a_client_is_cut_and_may_come_again_at_once(shared, client):
    others = [client(homes.name_at(worker)) for worker in (0, 1)]
    for worker in (0, 1):
        c = client(homes.name_at(worker))
        reply = send(shared, CLOSE, ClientId=c.client_id)
        assert answered(reply, CLOSE) == {**DONE, "RequestId": reply.json["RequestId"]}
        assert c.closed()
        again = client(c.client_id)
        again.ping()
        assert online(shared, c.client_id) is True
    for c in others:
        c.ping()


def test_who_was_cut_finds_his_session_again(shared):
    client_id, topic = homes.name(), "kept/" + uuid.uuid4().hex
    with_session = shared.client(client_id, tls=False, clean=False)
    with_session.subscribe(topic, 1)
    answered(send(shared, CLOSE, ClientId=client_id), CLOSE)
    assert with_session.closed()
    publisher = shared.client(homes.name(), tls=False)
    publisher.publish(topic, "meanwhile", 1)
    again = shared.client(client_id, tls=False, clean=False)
    assert again.session_present == 1 and again.message()[:2] == (topic, b"meanwhile")


def test_a_cut_is_in_the_trail(shared, client):
    c = client()
    answered(send(shared, CLOSE, ClientId=c.client_id), CLOSE)
    assert shared.sql("SELECT action, resource, mqtt_instance_id, before::text, after::text FROM audit_event"
                      " ORDER BY id DESC LIMIT 1") == [
        [CLOSE, f"session:{c.client_id}", shared.instance, '{"OnlineStatus": true}', '{"OnlineStatus": false}']]


def test_the_brokers_of_two_instances_have_clients_of_their_own(shared, instance):
    env = {**shared.broker_env, "SIGNET_INSTANCE": instance, "SIGNET_MQTTS_LISTEN": "127.0.0.1:0",
           "SIGNET_MQTT_LISTEN": "127.0.0.1:0"}
    second = shared._process("broker-two", "signet-broker", env).start()
    port = int(second.logged(r"listener=mqtt port=(\d+)").group(1))
    wait_until(lambda: "revision=" in second.text(), what="the second broker to load")
    client_id = homes.name()
    here = shared.client(client_id, tls=False)
    assert (online(shared, client_id), batch(shared, client_id, instance=instance)[0]["OnlineStatus"]) == (True, False)
    there = Client(port, client_id, (shared.key_id, shared.secret, instance), tls=False)
    assert there.code == 0
    answered(send(shared, CLOSE, instance=instance, ClientId=client_id), CLOSE)
    assert there.closed()
    here.ping()


# ---- the control operation ----

@pytest.mark.parametrize("request_", [{}, {"clientIds": []}, {"clientIds": "a"}, {"clientIds": [1]}, {"clientIds": [""]},
                                      {"clientIds": ["c" * 1025]}, {"clientIds": ["c"] * 101}], ids=lambda r: str(r)[:40])
def test_online_wants_a_list_of_texts(shared, request_):
    assert shared.control({"op": "online", **request_}) == {
        "ok": False, "error": "clientIds must be a list of 1 to 100 texts of 1 to 1024 bytes"}


def test_online_tells_a_hundred(shared, client):
    there = [client(homes.name_at(n % 2)).client_id for n in range(4)]
    asked = [*there, *(homes.name() for _ in range(95)), "c" * 1024]
    assert shared.control({"op": "online", "clientIds": asked}) == {"ok": True, "online": [c in there for c in asked]}
