"""SendMessage: what it refuses, and who hears a message; and the control operation `publish`."""
import base64
import re
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
OPERATION = "SendMessage"
KIB_64 = 64 * 1024


def send(stack, api=None, instance=None, **params):
    params = {"MqttTopic": "a/b", "Payload": "on", **params}
    return (api or stack.api).v3(OPERATION, {"InstanceId": instance or stack.instance,
                                             **{n: v for n, v in params.items() if v is not None}})


def sent(stack, topic, payload, instance=None):
    """The message's ID."""
    return answered(send(stack, instance=instance, MqttTopic=topic, Payload=payload), OPERATION)["MsgId"]


def fresh():
    return "t/" + uuid.uuid4().hex


@pytest.fixture
def play(played, instance):
    """play(answer to publish) → a broker of the instance"""
    return lambda answer: played(instance, {"publish": answer})


@pytest.fixture
def everything(shared):
    """A client that hears all there is, so that a test can tell that nothing was sent."""
    c = shared.client(homes.name(), tls=False)
    c.subscribe("#", 1)
    yield c
    c.close()


def heard_nothing(stack, c):
    mark = fresh()
    sent(stack, mark, "mark")
    return c.message()[0] == mark


# ---- refusals: nothing is sent ----

@pytest.mark.parametrize("params, code, name", [
    ({"MqttTopic": None}, "MissingMqttTopic", "MqttTopic"), ({"MqttTopic": ""}, "MissingMqttTopic", "MqttTopic"),
    ({"Payload": None}, "MissingPayload", "Payload"), ({"Payload": ""}, "MissingPayload", "Payload"),
    ({"InstanceId": ""}, "MissingInstanceId", "InstanceId"),
    ({"InstanceId": "a/b"}, "ParameterCheckFailed", "InstanceId"),
    *(({"MqttTopic": t}, "ParameterCheckFailed", "MqttTopic") for t in (
        "t" * 513, "a/+", "#", "a/#", "+", "$SYS/broker", "$share/g/a", "a\x01", "a\x1f", "\x7f", "a\u0085", "a/" * 256)),
    ({"Payload": "p" * (KIB_64 + 1)}, "ParameterCheckFailed", "Payload"),
    ({"Payload": "\u00fc" * (KIB_64 // 2) + "p"}, "ParameterCheckFailed", "Payload")],
    ids=lambda v: str(v)[:30].encode("unicode_escape").decode())
def test_wrong_parameters_are_named(shared, everything, params, code, name):
    assert name in refused(send(shared, **params), code)
    assert heard_nothing(shared, everything)


def test_an_instance_that_is_not_his_hears_nothing(shared, everything):
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    shared.add_access_key(key_id, secret, 2)
    refused(send(shared, Api(shared.api.port, key_id, secret)), "InstancePermissionCheckFailed")
    refused(send(shared, instance="mqtt-cn-never-was"), "InstancePermissionCheckFailed")
    assert heard_nothing(shared, everything)


@pytest.mark.parametrize("grant", ["read", "mq:CloseConnection"])
def test_a_key_without_the_grant_sends_nothing(shared, everything, grant):
    reply = send(shared, make_key(shared.api, f"{grant}@{shared.instance}"))
    refused(reply, "PermissionCheckFailed")
    assert reply.json["AccessDeniedDetail"]["AuthAction"] == "mq:SendMessage"
    assert heard_nothing(shared, everything)


def test_without_a_broker_a_message_is_not_sent(shared, instance):
    assert "has not answered" in refused(send(shared, instance=instance), "SendMessageFailed", 417)


@pytest.mark.parametrize("answer", [{"ok": False, "error": "unknown op"}, b"no JSON\n", b"[]\n", {}, {"ok": "true"},
                                    {"ok": False, "error": "too much is on its way", "code": 7}], ids=lambda a: str(a)[:40])
def test_a_broker_that_does_not_take_it_is_told_of(shared, instance, play, answer):
    play(answer)
    refused(send(shared, instance=instance), "SendMessageFailed", 417)


def test_a_topic_that_the_broker_forbids_is_a_matter_of_permission(shared, instance, play):
    play({"ok": False, "error": "nobody may publish to this topic", "code": "topic"})
    reply = send(shared, instance=instance)
    assert "MqttTopic" in refused(reply, "PermissionCheckFailed") and "AccessDeniedDetail" not in reply.json


def test_a_broker_that_stops_talking_is_waited_for_once_and_not_long(shared, instance, play):
    play(lambda request: time.sleep(20) or b"\n")
    began = time.monotonic()
    refused(send(shared, instance=instance), "SendMessageFailed", 417)
    assert 1.5 < time.monotonic() - began < 12


# ---- what is asked of a broker ----

def test_a_broker_gets_the_message_as_it_was_given(shared, instance, play):
    broker = play({"ok": True})
    text = "{\"a\":\"\u00fc\\u0000 \U0001f600\"}\r\n\t\x01 %s"
    sent(shared, "\u00fc/+1".replace("+", ""), text, instance)
    assert broker.asked == [{"op": "publish", "topic": "\u00fc/1", "payload": text, "qos": 1}]


# ---- with a real broker ----

@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_subscriber_hears_it_with_qos_1_at_most(shared, client, granted):
    c, topic = client(), fresh()
    c.subscribe(topic, granted)
    sent(shared, topic, "on")
    assert c.message() == (topic, b"on", min(granted, 1), False)


def test_every_subscriber_on_every_worker_hears_it_once(shared, client):
    topic = fresh()
    ours = [client(homes.name_at(n % 2)) for n in range(6)]
    for n, c in enumerate(ours):
        c.subscribe((topic, "t/+", "t/#")[n % 3], 1)
    sent(shared, topic, "first")
    sent(shared, topic, "second")
    for c in ours:
        assert [c.message()[:2] for _ in range(2)] == [(topic, b"first"), (topic, b"second")]


def test_messages_of_one_topic_keep_their_order(shared, client):
    topic = fresh()
    ours = [client(homes.name_at(n)) for n in (0, 1)]
    for c in ours:
        c.subscribe(topic, 1)
    ids = [sent(shared, topic, f"m{n}") for n in range(100)]
    for c in ours:
        assert [c.message()[1] for _ in range(100)] == [b"m%d" % n for n in range(100)]
    assert len(set(ids)) == 100 and all(re.fullmatch("[0-9A-F]{32}", i) for i in ids)


@pytest.mark.parametrize("worker", [0, 1])
def test_a_p2p_message_reaches_its_client_without_a_subscription(shared, client, everything, worker):
    c, other = client(homes.name_at(worker)), client()
    topic = f"t/p2p/{c.client_id}"
    sent(shared, topic, "for you")
    assert c.message() == (topic, b"for you", 1, False)
    mark = fresh()
    other.subscribe(mark, 0)
    sent(shared, mark, "mark")
    assert other.message()[0] == mark


@pytest.mark.parametrize("worker", [0, 1])
def test_a_kept_session_gets_it_when_its_client_comes_back(shared, worker):
    client_id, topic = homes.name_at(worker), fresh()
    c = shared.client(client_id, tls=False, clean=False)
    c.subscribe(topic, 1)
    c.close()
    wait_until(lambda: shared.control({"op": "online", "clientIds": [client_id]})["online"] == [False], what="it to be gone")
    sent(shared, topic, "later")
    again = shared.client(client_id, tls=False, clean=False)
    assert again.message()[:3] == (topic, b"later", 1)
    again.close()


@pytest.mark.parametrize("text", ["p" * KIB_64, "\U0001f600" * (KIB_64 // 4), "\x01\x1f\x7f", "null", " ", "\u00fc\u4e2d\U0001f600"],
                         ids=["64 KiB", "64 KiB of emoji", "control", "null", "blank", "utf-8"])
def test_a_payload_is_sent_as_it_is(shared, client, text):
    c, topic = client(), fresh()
    c.subscribe(topic, 1)
    sent(shared, topic, text)
    assert c.message()[1] == text.encode()


def test_a_message_changes_nothing_that_is_kept(shared):
    before = contents(shared, (*BUT, "request_nonce")), shared.sql("SELECT count(*) FROM audit_event")
    sent(shared, fresh(), "on")
    assert (contents(shared, (*BUT, "request_nonce")), shared.sql("SELECT count(*) FROM audit_event")) == before


def test_the_clients_of_the_instance_hear_it_and_no_others(shared, instance, everything):
    env = {**shared.broker_env, "SIGNET_INSTANCE": instance, "SIGNET_MQTTS_LISTEN": "127.0.0.1:0",
           "SIGNET_MQTT_LISTEN": "127.0.0.1:0"}
    second = shared._process("broker-two", "signet-broker", env).start()
    port = int(second.logged(r"listener=mqtt port=(\d+)").group(1))
    wait_until(lambda: "revision=" in second.text(), what="the second broker to load")
    there = Client(port, homes.name(), (shared.key_id, shared.secret, instance), tls=False)
    assert there.code == 0
    there.subscribe("#", 1)
    sent(shared, "for/there", "x", instance)
    assert there.message()[0] == "for/there" and heard_nothing(shared, everything)
    there.close()


# ---- the control operation ----

TOPIC = "topic must be a topic name that does not begin with '$'"
PAYLOAD = "payload must be a text, or payloadBase64 the base64 of bytes; 65536 bytes at most"


@pytest.mark.parametrize("change, error", [
    *(({"topic": t}, TOPIC) for t in (None, "", 7, "a/+", "#", "$SYS/x", "t" * 65536, "/".join("a" * 257))),
    *((c, PAYLOAD) for c in ({"payload": None}, {"payload": 7}, {"payload": "x", "payloadBase64": "eA=="}, {"payload": "p" * 65537},
                             {"payload": None, "payloadBase64": "?"}, {"payload": None, "payloadBase64": "eA="},
                             {"payload": None, "payloadBase64": base64.b64encode(bytes(65537)).decode()})),
    *(({"qos": q}, "qos must be 0 or 1") for q in (2, -1, "1", 1.0, True)),
    ({"retain": 1}, "retain must be true or false"), ({"retain": "true"}, "retain must be true or false")],
    ids=lambda v: str(v)[:40])
def test_publish_refuses_what_makes_no_sense(shared, everything, change, error):
    request = {"op": "publish", "topic": "a/b", "payload": "x", **change}
    got = shared.control({n: v for n, v in request.items() if v is not None})
    assert got == {"ok": False, "error": error}
    assert heard_nothing(shared, everything)


@pytest.mark.parametrize("payload, wanted", [({"payload": ""}, b""), ({"payloadBase64": ""}, b""), ({"payload": "text"}, b"text"),
                                             ({"payloadBase64": base64.b64encode(bytes(range(256)) * 256).decode()},
                                              bytes(range(256)) * 256)], ids=["", "base64 of nothing", "text", "64 KiB of bytes"])
@pytest.mark.parametrize("qos", [None, 0, 1])
def test_publish_sends_text_or_bytes(shared, client, payload, wanted, qos):
    c, topic = client(), fresh()
    c.subscribe(topic, 2)
    more = {} if qos is None else {"qos": qos}
    assert shared.control({"op": "publish", "topic": topic, **payload, **more}) == {"ok": True}
    assert c.message() == (topic, wanted, qos or 0, False)


def test_publish_may_leave_a_message_behind(shared, client):
    topic = fresh()
    assert shared.control({"op": "publish", "topic": topic, "payload": "kept", "qos": 1, "retain": True}) == {"ok": True}
    late = client()
    late.subscribe(topic, 1)
    assert late.message()[:3] == (topic, b"kept", 1)
    assert shared.control({"op": "publish", "topic": topic, "payload": "", "retain": True}) == {"ok": True}
    later = client()
    later.subscribe(topic, 1)
    sent(shared, topic, "mark")
    assert later.message()[1] == b"mark"
