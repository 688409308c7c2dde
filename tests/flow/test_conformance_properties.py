"""What a PUBLISH of 5.0 carries, and what happens to it on its way (§3.3.2.3)."""
import time

import pytest
from harness import packets
from harness.packets import V5, V311

MALFORMED, PROTOCOL_ERROR, NOT_UTF_8 = 0x81, 0x82, 0x99
FULL = {"payload_format": 1, "content_type": "text/ünicode", "response_topic": "answers/to/me",
        "correlation": bytes(range(256)),
        "user": [("b", "2"), ("a", "1"), ("b", "2"), ("", ""), ("a", "0"), ("ü", "\U0001f600")]}


# ---- handed on ----

@pytest.mark.parametrize("qos", [0, 1, 2])
def test_properties_arrive_unaltered_and_user_properties_in_their_order(mqtt, qos, topic):
    receivers, sender = [mqtt.near(), mqtt.far()], mqtt.far()
    for r in receivers:
        r.subscribe((topic, qos))
    sender.publish(topic, "ünicode", qos, properties=FULL)
    sender.publish(topic, b"\xff", qos, properties={"payload_format": 0})
    sender.publish(topic, b"\xff", qos)
    for r in receivers:
        assert r.message(payload="ünicode".encode()).properties == FULL
        assert r.message(payload=b"\xff").properties in ({"payload_format": 0}, {})
        assert r.message(payload=b"\xff").properties == {}


def test_properties_stay_behind_for_older_versions(mqtt, topic):
    receiver, sender = mqtt.near(V311), mqtt.far()
    receiver.subscribe((topic, 1))
    sender.publish(topic, b"x", 1, properties={**FULL, "message_expiry": 100, "topic_alias": 1})
    receiver.message(topic=topic, payload=b"x")
    receiver.silent()


def test_properties_are_kept_with_what_waits(mqtt, topic):
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 2))
    who.leave()
    for qos in (1, 2):
        sender.publish(topic, b"x", qos, properties=FULL)
    back = mqtt(who.client_id, clean=False, properties=kept)
    for qos in (1, 2):
        assert back.message(qos=qos).properties == FULL


def test_an_answer_finds_its_way_by_response_topic_and_correlation(mqtt, topic):
    asker, answerer = mqtt.near(properties={"request_response": 1}), mqtt.far()
    asker.subscribe((f"{topic}/answers", 1))
    answerer.subscribe((f"{topic}/questions", 1))
    asker.publish(f"{topic}/questions", b"?", 1, properties={"response_topic": f"{topic}/answers", "correlation": b"\0\1"})
    asked = answerer.message().properties
    answerer.publish(asked["response_topic"], b"!", 1, properties={"correlation": asked["correlation"]})
    assert asker.message(topic=f"{topic}/answers", payload=b"!").properties == {"correlation": b"\0\1"}


# ---- refused ----

TWICE = [("payload_format", 1), ("message_expiry", 9), ("content_type", "c"), ("response_topic", "r"), ("correlation", b"c"),
         ("topic_alias", 1)]


@pytest.mark.parametrize("name, value", TWICE, ids=[name for name, _ in TWICE])
def test_a_property_of_publish_twice_ends_the_connection(mqtt, name, value, topic):
    c = mqtt()
    c.send_publish(topic, b"x", properties=[(name, value), (name, value)])
    c.ends(PROTOCOL_ERROR, MALFORMED)


SAMPLE = {"byte": 1, "two": 1, "four": 1, "variable": 1, "text": "t", "binary": b"b", "pair": ("k", "v")}
FOREIGN = sorted(n for n, row in packets.PROPERTIES.items() if "PUBLISH" not in row[2].split())


@pytest.mark.parametrize("name", FOREIGN)
def test_a_property_of_another_packet_ends_the_connection(mqtt, name, topic):
    c = mqtt()
    c.send_publish(topic, b"x", qos=1, properties={name: SAMPLE[packets.PROPERTIES[name][1]]})
    c.ends(MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("kind", packets.ACKS.split())
@pytest.mark.parametrize("properties", [{"reason_string": ["a", "b"]}, {"topic_alias": 1}, b"\x04\x01", b"\x1f\0\5a"],
                         ids=["reason string twice", "topic alias", "unknown", "cut"])
def test_a_property_that_an_acknowledgement_must_not_have_ends_the_connection(mqtt, kind, properties):
    c = mqtt()
    c.acknowledge(kind, 7, 0, properties)
    c.ends(MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("identifier", [b"\0", b"\x04", b"\x2b", b"\x7f", b"\x80\x01", b"\xff\xff\xff\x7f"])
def test_an_unknown_property_ends_the_connection(mqtt, identifier, topic):
    c = mqtt()
    c.send_publish(topic, b"x", properties=identifier + b"\1\1\1\1")
    c.ends(MALFORMED)


@pytest.mark.parametrize("value", [2, 255])
def test_a_payload_format_that_is_none_ends_the_connection(mqtt, value, topic):
    c = mqtt()
    c.send_publish(topic, b"x", properties={"payload_format": value})
    c.ends(PROTOCOL_ERROR, MALFORMED)


@pytest.mark.parametrize("name", ["a/+", "#", ""])
def test_a_response_topic_that_is_no_topic_name_ends_the_connection(mqtt, name, topic):
    c = mqtt()
    c.send_publish(topic, b"x", properties={"response_topic": name})
    c.ends(PROTOCOL_ERROR, MALFORMED, 0x90)


def test_a_payload_that_is_not_what_its_format_says_is_not_delivered(mqtt, topic):
    """The standard leaves the check to the broker (§3.3.2.3.2); this one does it, with 0x99."""
    receiver, sender = mqtt.near(), mqtt.far()
    receiver.subscribe((topic, 2))
    for qos in (1, 2):
        sender.publish(topic, b"\xff", qos, reason=NOT_UTF_8, properties={"payload_format": 1})
    c = mqtt()
    c.send_publish(topic, b"\xff", properties={"payload_format": 1})
    receiver.nothing_from(sender)


# ---- message expiry ----

def test_a_message_says_how_long_it_has_still_to_live(mqtt, topic):
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 1))
    who.leave()
    sender.publish(topic, b"x", 1, properties={"message_expiry": 100})
    sender.publish(topic, b"retained", 1, retain=True, properties={"message_expiry": 100})
    time.sleep(2.2)
    back = mqtt(who.client_id, clean=False, properties=kept)
    for payload in (b"x", b"retained"):
        assert 80 <= back.message(payload=payload).properties["message_expiry"] <= 98
    other = mqtt.near()
    other.subscribe((topic, 1))
    assert 80 <= other.message(payload=b"retained", retain=1).properties["message_expiry"] <= 98
    sender.publish(topic, b"", 1, retain=True)


def test_a_message_that_is_delivered_at_once_keeps_its_time(mqtt, topic):
    receiver, sender = mqtt.near(), mqtt.far()
    receiver.subscribe((topic, 1))
    sender.publish(topic, b"x", 1, properties={"message_expiry": 100})
    assert receiver.message().properties["message_expiry"] in range(90, 101)


def test_a_message_that_has_expired_is_not_sent_and_others_are(mqtt, topic):
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 2))
    who.leave()
    for n in range(6):
        sender.publish(topic, f"{n}", 1 + n % 2, properties={"message_expiry": 1} if n % 3 else {"message_expiry": 100})
    sender.publish(topic, b"retained", 1, retain=True, properties={"message_expiry": 1})
    time.sleep(2.2)
    back = mqtt(who.client_id, clean=False, properties=kept)
    assert [int(back.message().payload) for _ in range(2)] == [0, 3]
    back.subscribe((topic, 1))
    back.nothing_from(sender)


def test_a_message_that_was_sent_does_not_expire(mqtt, topic):
    """Its exchange goes on, on this connection and the next (§4.3.3)."""
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 2))
    for qos in (1, 2):
        sender.publish(topic, b"x", qos, properties={"message_expiry": 4})
    pids = [who.message(acknowledge=False, qos=qos).pid for qos in (1, 2)]
    time.sleep(4.5)
    who.acknowledge("PUBREC", pids[1])
    who.expect("PUBREL", pid=pids[1], reason=0)
    who.acknowledge("PUBCOMP", pids[1])
    who.acknowledge("PUBACK", pids[0])
    who.silent()


def test_a_sender_s_exchange_goes_on_when_its_message_has_expired(mqtt, topic):
    sender = mqtt.far()
    sender.send_publish(topic, b"x", qos=2, pid=3, properties={"message_expiry": 1})
    sender.expect("PUBREC", pid=3)
    time.sleep(1.5)
    sender.acknowledge("PUBREL", 3)
    sender.expect("PUBCOMP", pid=3, reason=0)


def test_expiry_in_waiting_makes_room_in_the_window(mqtt, topic):
    """A message that expires behind a full window is dropped when its turn comes, and what is behind it is not held up."""
    receiver, sender = mqtt.near(properties={"receive_max": 1}), mqtt.far()
    receiver.subscribe((topic, 1))
    for n in range(3):
        sender.publish(topic, f"{n}", 1, properties={"message_expiry": 1} if n == 1 else None)
    first = receiver.message(acknowledge=False, payload=b"0")
    time.sleep(2.2)
    receiver.acknowledge("PUBACK", first.pid)
    receiver.message(payload=b"2")
    receiver.silent()
    assert receiver.version == V5


def test_a_refused_identifier_is_free_for_a_new_message(mqtt, topic):
    """After a PUBREC of 0x80 and above (§4.3.3)."""
    receiver, sender = mqtt.near(), mqtt.far()
    receiver.subscribe((topic, 2))
    sender.publish(topic, b"\xff", 2, pid=7, reason=NOT_UTF_8, properties={"payload_format": 1})
    sender.publish(topic, b"x", 2, pid=7)
    receiver.message(payload=b"x")
    receiver.nothing_from(sender)
