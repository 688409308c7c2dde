"""Real clients through what MQTT 5 alone has. Sender and receiver are the same client over the same transport."""
import time

from client_cells import party, place, told  # noqa: F401  fixtures
from harness.homes import name

NOT_AUTHORIZED, TAKEN_OVER = 0x87, 0x8E


def kept(seconds):
    return {"clean": False, "properties": {"sessionExpiryInterval": seconds}}


@told
def test_a_session_ends_with_its_expiry(party, topic):
    for seconds, there in ((1, False), (60, True)):
        first = party.join((topic, 1), **kept(seconds))
        first.leave()
        party.gone(first.client_id)
        party.publish(topic, b"away", qos=1)
        if not there:
            time.sleep(1.5)  # what is tested is time itself
        again = party.join((topic, 1), client_id=first.client_id, **kept(0))
        assert again.present in (there, None)
        party.publish(topic, b"back", qos=1)
        assert [m.payload for m in again.messages(2 if there else 1)] == ([b"away"] if there else []) + [b"back"]
        again.leave()


@told
def test_the_will_waits_for_its_delay(party, topic):
    watcher = party.join((topic, 1))
    will = {"topic": topic, "payload": b"last", "qos": 1, "properties": {"willDelayInterval": 1}}
    dies = party.join(own=True, will=will, **kept(60))
    began = time.monotonic()
    dies.kill()
    party.gone(dies.client_id)
    watcher.message(payload=b"last", qos=1)
    assert 0.9 < time.monotonic() - began < 15
    will["properties"]["willDelayInterval"] = 5  # it has to be back in this time
    returns = party.join(own=True, will=will, **kept(60))
    returns.kill()
    party.gone(returns.client_id)
    party.join("unused", client_id=returns.client_id, **kept(60))
    time.sleep(6)  # what is tested is time itself
    party.publish(topic, b"no will", qos=1)
    watcher.message(payload=b"no will")


@told
def test_a_message_expires_and_one_that_does_not_says_how_long_it_has(party, topic):
    first = party.join((topic, 1), **kept(60))
    first.leave()
    party.gone(first.client_id)
    party.publish(topic, b"short", qos=1, properties={"messageExpiryInterval": 1})
    party.publish(topic, b"long", qos=1, properties={"messageExpiryInterval": 1000})
    time.sleep(1.5)  # what is tested is time itself
    got = party.join((topic, 1), client_id=first.client_id, **kept(0)).message(payload=b"long")
    assert 900 < got.properties["messageExpiryInterval"] < 1000


@told
def test_user_properties_and_the_kind_of_content_arrive_as_they_were_sent(party, topic):
    to = party.join((topic, 1))
    pairs = [["colour", "green"], ["colour", "blue"], ["unit", "°C"]]
    party.publish(topic, b"{}", qos=1, properties={"userProperties": pairs, "contentType": "application/json", "payloadFormatIndicator": 1})
    got = to.message(payload=b"{}").properties
    assert got["userProperties"] == pairs
    assert got["contentType"] == "application/json" and got["payloadFormatIndicator"] == 1


@told
def test_a_request_is_answered_on_its_response_topic(party, topic):
    answers = party.join((f"{topic}/answers", 1))
    serves = party.join((f"{topic}/requests", 1))
    for n in range(3):
        party.publish(f"{topic}/requests", f"question {n}", qos=1,
                      properties={"responseTopic": f"{topic}/answers", "correlationData": f"number-{n}"})
        asked = serves.message(payload=b"question %d" % n).properties
        assert asked["responseTopic"] == f"{topic}/answers"
        party.publish(asked["responseTopic"], f"answer {n}", qos=1, properties={"correlationData": asked["correlationData"]})
        assert answers.message(payload=b"answer %d" % n).properties["correlationData"] == f"number-{n}"


@told
def test_a_topic_alias_stands_for_the_topic(party, topic):
    to = party.join((topic, 1))
    if party.client == "mosquitto":  # from its second line on it leaves the topic away
        party.publish(topic, b"0", b"1", b"2", qos=1, properties={"topicAlias": 3})
    else:
        for n, name_or_none in enumerate([topic, "", ""]):
            party.publish(name_or_none, f"{n}", qos=1, properties={"topicAlias": 3})
    for n in range(3):
        assert "topicAlias" not in to.message(payload=b"%d" % n, topic=topic).properties, "an alias is one connection's"


@told
def test_a_message_says_which_subscription_it_is_for(party, topic):
    one, two = party.join((f"{topic}/+", 1, 7)), party.join((f"{topic}/a", 1, 268435455))
    party.publish(f"{topic}/a", b"x", qos=1)
    assert one.message(payload=b"x").properties["subscriptionIdentifier"] == [7]
    assert two.message(payload=b"x").properties["subscriptionIdentifier"] == [268435455]


@told
def test_reason_codes_are_shown(party, topic):
    to = party.join((topic, 1))
    for qos in (1, 2):
        assert party.publish("$SYS/mine", b"nobody may", qos=qos) == [NOT_AUTHORIZED]
        assert party.publish(topic, b"everybody may", qos=qos) == [0]
        to.message(payload=b"everybody may")


@told
def test_who_is_replaced_hears_so(party, topic):
    client_id = name()
    first = party.join((topic, 1), client_id=client_id)
    party.join((topic, 1), client_id=client_id)
    assert first.event("disconnect")["reason"] == TAKEN_OVER
