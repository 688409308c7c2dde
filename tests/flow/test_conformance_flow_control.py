"""Receive Maximum, Maximum Packet Size and topic aliases in both directions (§3.1.2.11, §3.3.2.3.4, §4.9)."""
import pytest
from harness import packets

PROTOCOL_ERROR, TOO_MANY, BAD_ALIAS, TOO_LARGE = 0x82, 0x93, 0x94, 0x95


# ---- to the client ----

@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_messages_are_on_the_way_than_the_client_takes(mqtt, most, topic):
    """What is waiting comes with each acknowledgement; packets of other kinds wait for nothing."""
    receiver, sender = mqtt.near(properties={"receive_max": most}), mqtt.far()
    receiver.subscribe((topic, 2))
    for n in range(12):
        sender.publish(topic, f"{n}", 1 + n % 2)
    got = []
    for n in range(12):
        while len(got) < min(n + most, 12):
            got.append(receiver.message(acknowledge=False))
        receiver.silent()  # PINGRESP comes, PUBLISH does not
        receiver.subscribe((f"{topic}/other", 0))
        first = got[n]
        assert int(first.payload) == n
        receiver.acknowledge("PUBACK" if first.qos == 1 else "PUBREC", first.pid)
        if first.qos == 2:
            receiver.expect("PUBREL", pid=first.pid)
            receiver.silent()  # the exchange is not over yet: nothing new
            receiver.acknowledge("PUBCOMP", first.pid)
    receiver.silent()


def test_a_refusal_makes_room_like_an_acknowledgement(mqtt, topic):
    receiver, sender = mqtt.near(properties={"receive_max": 1}), mqtt.far()
    receiver.subscribe((topic, 2))
    for n in range(3):
        sender.publish(topic, f"{n}", 2)
    for n in range(3):
        got = receiver.message(acknowledge=False, payload=b"%d" % n)
        receiver.acknowledge("PUBREC", got.pid, 0x80)
    receiver.silent()


def test_the_window_holds_for_what_is_sent_again(mqtt, topic):
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 1))
    for n in range(6):
        sender.publish(topic, f"{n}", 1)
    for n in range(6):
        who.message(acknowledge=False)
    who.cut()
    back = mqtt(who.client_id, clean=False, properties={**kept, "receive_max": 2})
    got = [back.message(acknowledge=False) for _ in range(2)]
    back.silent()
    for n in range(2, 6):
        back.acknowledge("PUBACK", got[n - 2].pid)
        got.append(back.message(acknowledge=False))
        back.silent()
    assert [int(g.payload) for g in got] == list(range(6))


def test_messages_of_qos_0_need_no_room(mqtt, topic):
    receiver, sender = mqtt.near(properties={"receive_max": 1}), mqtt.far()
    receiver.subscribe((f"{topic}/1", 1), (f"{topic}/0", 0))
    for _ in range(2):
        sender.publish(f"{topic}/1", b"x", 1)
    receiver.message(acknowledge=False)
    sender.publish(f"{topic}/0", b"through", 0)
    receiver.message(topic=f"{topic}/0", payload=b"through")


# ---- from the client ----

def test_more_messages_than_announced_end_the_connection(mqtt, topic):
    """QoS 2 messages that have not been released count (§4.9); those of QoS 1 are answered at once."""
    c = mqtt()
    most = c.announced("receive_max", 65535)
    assert 0 < most < 65535, "65,535 messages on the way are allowed: there is nothing to exceed"
    pids = range(1, most + 1)
    c.send(b"".join(packets.publish(topic, b"x", qos=2, pid=pid) for pid in pids))
    for pid in pids:
        c.expect("PUBREC", pid=pid)
    c.silent()
    c.send(packets.publish(topic, b"x", qos=2, pid=most + 1))
    c.ends(TOO_MANY)


def test_what_is_released_makes_room(mqtt, topic):
    c = mqtt()
    for _ in range(3):
        for pid in range(1, min(c.announced("receive_max", 65535), 500) + 1):
            c.publish(topic, b"x", 2, pid=pid)


# ---- sizes ----

@pytest.mark.parametrize("qos", [0, 1, 2])
def test_what_is_too_large_for_a_client_is_dropped_as_if_it_were_delivered(mqtt, qos, topic):
    small, large, sender = mqtt.near(properties={"packet_max": 100}), mqtt.near(), mqtt.far()
    for c in (small, large):
        c.subscribe((topic, qos))
    head = len(packets.publish(topic, b"", qos=qos, pid=1 if qos else None))
    for size in (101 - head, 100 - head, 5000):
        sender.publish(topic, bytes(size), qos)
    assert [len(large.message().payload) for _ in range(3)] == [101 - head, 100 - head, 5000]
    small.message(payload=bytes(100 - head), qos=qos)
    small.nothing_from(sender)


def test_what_waits_and_is_too_large_for_the_new_connection_is_dropped(mqtt, topic):
    kept = {"session_expiry": 60}
    who, sender = mqtt.near(properties=kept), mqtt.far()
    who.subscribe((topic, 1))
    who.leave()
    for payload in (bytes(500), b"small"):
        sender.publish(topic, payload, 1)
    back = mqtt(who.client_id, clean=False, properties={**kept, "packet_max": 100})
    back.message(payload=b"small")
    back.silent()


def test_answers_stay_within_the_client_s_size(mqtt, topic):
    """Reason strings and user properties are what is left out (sizes are checked with every packet)."""
    c = mqtt(properties={"packet_max": 10})
    c.subscribe(("a", 1), ("b", 2))
    c.unsubscribe("a", "never")
    c.unsubscribe("b")
    for kind, answer in (("PUBREC", "PUBREL"), ("PUBREL", "PUBCOMP")):
        c.acknowledge(kind, 77)
        c.expect(answer, pid=77, reason=0x92)
    for qos in (1, 2):
        c.publish(topic, b"x", qos)
        c.publish(topic, b"\xff", qos, reason=0x99, properties={"payload_format": 1})
    c.send(packets.publish("a/+", b"x", qos=1, pid=3))
    c.ends(0x81, 0x82, 0x90)
    talkative = mqtt()
    talkative.send(packets.publish("a/+", b"x", qos=1, pid=3))
    assert "reason_string" in talkative.expect("DISCONNECT").properties


def test_no_problem_information_is_sent_to_who_wants_none(mqtt, topic):
    c = mqtt(properties={"request_problem": 0})  # held against every packet
    c.subscribe("a")
    c.unsubscribe("never/subscribed")
    for kind, answer in (("PUBREC", "PUBREL"), ("PUBREL", "PUBCOMP")):
        c.acknowledge(kind, 77)
        c.expect(answer, pid=77, reason=0x92)
    c.publish(topic, b"x", 1)


# ---- topic aliases from the client ----

def test_an_alias_stands_for_its_topic_until_it_stands_for_another(mqtt, topic):
    receiver, sender = mqtt.near(), mqtt.far()
    most = sender.announced("topic_alias_max", 0)
    assert most > 0, "aliases are supported"
    receiver.subscribe((f"{topic}/#", 1))
    for alias in (1, most):
        sender.publish(f"{topic}/first", b"1", 1, properties={"topic_alias": alias})
        sender.publish("", b"2", 1, properties={"topic_alias": alias})
        sender.publish(f"{topic}/second", b"3", 1, properties={"topic_alias": alias})
        sender.publish("", b"4", 0, properties={"topic_alias": alias})
        assert [receiver.message().topic for _ in range(4)] == [f"{topic}/first"] * 2 + [f"{topic}/second"] * 2


@pytest.mark.parametrize("alias", [0, "one too many", 65535])
def test_an_alias_that_was_not_announced_ends_the_connection(mqtt, alias, topic):
    c = mqtt()
    number = c.announced("topic_alias_max", 0) + 1 if alias == "one too many" else alias
    if number > 65535 or number == 65535 == c.announced("topic_alias_max", 0):
        number = 0  # there is none too many
    c.send_publish(topic, b"x", properties={"topic_alias": number})
    c.ends(BAD_ALIAS, *((PROTOCOL_ERROR, 0x81) if number == 0 else ()))


def test_an_alias_that_stands_for_nothing_ends_the_connection(mqtt):
    c = mqtt()
    c.send_publish("", b"x", properties={"topic_alias": 1})
    c.ends(PROTOCOL_ERROR, BAD_ALIAS)


def test_no_topic_and_no_alias_end_the_connection(mqtt):
    c = mqtt()
    c.send_publish("", b"x")
    c.ends(PROTOCOL_ERROR, 0x81, 0x90)


def test_aliases_end_with_their_connection(mqtt, topic):
    kept = {"session_expiry": 60}
    c = mqtt.near(properties=kept)
    c.publish(topic, b"x", 1, properties={"topic_alias": 1})
    c.cut()
    back = mqtt(c.client_id, clean=False, properties=kept)
    back.send_publish("", b"x", properties={"topic_alias": 1})
    back.ends(PROTOCOL_ERROR, BAD_ALIAS)


# ---- topic aliases to the client ----

def test_no_alias_is_sent_to_who_takes_none(mqtt, topic):
    for given in ({}, {"topic_alias_max": 0}):
        receiver, sender = mqtt.near(properties=given), mqtt.far()
        receiver.subscribe((topic, 1))
        for _ in range(5):
            sender.publish(topic, b"x", 1, properties={"topic_alias": 1})
            assert receiver.message(topic=topic).properties == {}


def test_aliases_to_a_client_are_as_many_as_it_takes(mqtt, topic):
    """The client puts the topics in, and checks that each alias is one that it was told (harness/mqtt5.py)."""
    receiver, sender = mqtt.near(properties={"topic_alias_max": 3}), mqtt.far()
    receiver.subscribe((f"{topic}/#", 1))
    for n in range(40):
        sender.publish(f"{topic}/{n % 8}", f"{n}", n % 2)
    got = [receiver.message() for _ in range(40)]
    assert [(g.topic, int(g.payload)) for g in got] == [(f"{topic}/{n % 8}", n) for n in range(40)]


def test_what_is_sent_again_has_its_topic_again(mqtt, topic):
    opening = {"session_expiry": 60, "topic_alias_max": 2}
    who, sender = mqtt.near(properties=opening), mqtt.far()
    who.subscribe((topic, 1))
    for n in range(4):
        sender.publish(topic, f"{n}", 1)
        who.message(acknowledge=False)
    who.cut()
    back = mqtt(who.client_id, clean=False, properties=opening)
    for n in range(4):
        back.message(topic=topic, payload=b"%d" % n, dup=1)
