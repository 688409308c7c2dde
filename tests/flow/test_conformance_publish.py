"""PUBLISH and its acknowledgements (§3.3 to §3.7, §4.3, §4.5, §4.6), on one worker and between workers."""
import itertools

import pytest
from harness import packets
from harness.mqtt import packet, text
from harness.packets import V5, V31, V311

MALFORMED, PROTOCOL_ERROR, NOT_FOUND, NO_SUBSCRIBERS = 0x81, 0x82, 0x92, 0x10


# ---- what is refused ----

@pytest.mark.parametrize("first", [0x36, 0x37, 0x3E], ids=hex)
def test_qos_3_ends_the_connection(mqtt, version, first):
    c = mqtt(version=version)
    c.send(packet(first, text("a") + b"\0\7" + (b"\0" if version == V5 else b"") + b"x"))
    c.ends(MALFORMED, PROTOCOL_ERROR)


def test_dup_with_qos_0_ends_the_connection(mqtt, version):
    c = mqtt(version=version)
    c.send_publish("a", b"x", dup=True)
    c.ends(MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("name", ["a/+", "#", "a#", "+", ""])
def test_a_topic_name_with_a_wildcard_or_of_nothing_ends_the_connection(mqtt, version, name):
    c = mqtt(version=version)
    c.send_publish(name, b"x", qos=1)
    c.ends(MALFORMED, PROTOCOL_ERROR, 0x90)


def test_the_longest_topic_name_arrives(mqtt, version):
    """65,535 bytes (§4.7.3); unless this broker has a limit of its own, which it then says."""
    receiver, sender = mqtt(version=version), mqtt(version=version)
    name = "l" * 65535
    receiver.subscribe((name, 1))
    sender.publish(name, b"x", 1)
    receiver.message(topic=name, payload=b"x")


# ---- quality of service ----

@pytest.mark.parametrize("of", [V31, V311, V5], ids=packets.VERSIONS.get)
@pytest.mark.parametrize("granted, published", itertools.product((0, 1, 2), repeat=2))
def test_the_lower_quality_is_delivered_by_its_own_exchange(mqtt, of, granted, published, topic):
    receiver, sender = mqtt.near(of), mqtt.far(of)
    receiver.subscribe((topic, granted))
    for n in range(3):
        sender.publish(topic, f"{n}", published)
    for n in range(3):
        receiver.message(topic=topic, payload=b"%d" % n, qos=min(granted, published), dup=0, retain=0)
    receiver.silent()
    sender.silent()


def test_each_exchange_keeps_its_packet_identifier(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 2))
    for pid in (1, 0x1234, 0xFFFF):
        sender.publish(topic, b"1", 1, pid=pid)  # publish() and message() hold identifiers against each other
        sender.publish(topic, b"2", 2, pid=pid)
        receiver.message(payload=b"1")
        receiver.message(payload=b"2")


def test_identifiers_of_messages_on_the_way_are_unused_ones(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 2))
    for n in range(15):
        sender.publish(topic, f"{n}", 1 + n % 2)
    got = [receiver.message(acknowledge=False) for _ in range(15)]
    assert len({g.pid for g in got}) == 15 and [int(g.payload) for g in got] == list(range(15))
    for g in got[::-1]:  # acknowledged in another order
        receiver.acknowledge("PUBACK" if g.qos == 1 else "PUBREC", g.pid)
        if g.qos == 2:
            receiver.expect("PUBREL", pid=g.pid, reason=0)
            receiver.acknowledge("PUBCOMP", g.pid)
    sender.publish(topic, b"next", 1)
    receiver.message(payload=b"next")


def test_acknowledgements_come_in_the_order_of_the_messages(mqtt, version, topic):
    sender, receiver = mqtt.far(version), mqtt.near(version)
    receiver.subscribe(topic)
    for kind, qos in (("PUBACK", 1), ("PUBREC", 2)):
        pids = [sender.pid() for _ in range(15)]
        sender.send(b"".join(packets.publish(topic, b"x", version, qos=qos, pid=pid) for pid in pids))
        assert [sender.expect(kind).pid for _ in pids] == pids
        if qos == 2:
            sender.send(b"".join(packets.acknowledgement("PUBREL", pid, version) for pid in pids))
            assert [sender.expect("PUBCOMP").pid for _ in pids] == pids


def test_pubrels_come_in_the_order_of_the_pubrecs(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 2))
    for n in range(8):
        sender.publish(topic, f"{n}", 2)
    pids = [receiver.message(acknowledge=False).pid for _ in range(8)]
    for pid in pids:
        receiver.acknowledge("PUBREC", pid)
    assert [receiver.expect("PUBREL").pid for _ in pids] == pids
    for pid in pids:
        receiver.acknowledge("PUBCOMP", pid)
    receiver.silent()


def test_a_qos_2_message_sent_twice_is_delivered_once(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 2))
    for dup in (False, True, True):
        sender.send_publish(topic, b"once", qos=2, pid=9, dup=dup)
        sender.expect("PUBREC", pid=9)
    for known in (True, False):
        sender.acknowledge("PUBREL", 9)
        sender.expect("PUBCOMP", pid=9, reason=0 if known or version != V5 else NOT_FOUND)
    receiver.message(payload=b"once", qos=2)
    sender.publish(topic, b"again", 2, pid=9, dup=True)  # after PUBCOMP the identifier is a new message's
    receiver.message(payload=b"again", dup=0)
    receiver.nothing_from(sender)


def test_a_qos_1_message_sent_twice_is_a_new_message(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 1))
    for dup in (False, True):
        sender.publish(topic, b"x", 1, pid=9, dup=dup)
        receiver.message(payload=b"x", dup=0)  # DUP is not handed on


@pytest.mark.parametrize("kind, answer", [("PUBREC", "PUBREL"), ("PUBREL", "PUBCOMP")])
def test_an_unknown_identifier_is_answered_with_not_found(mqtt, version, kind, answer):
    c = mqtt(version=version)
    c.acknowledge(kind, 0x4321)
    c.expect(answer, pid=0x4321, reason=NOT_FOUND if version == V5 else 0)
    if answer == "PUBREL":
        c.acknowledge("PUBCOMP", 0x4321)
    c.silent()


@pytest.mark.parametrize("kind", ["PUBACK", "PUBCOMP"])
def test_an_unknown_acknowledgement_is_ignored(mqtt, version, kind):
    c = mqtt(version=version)
    c.acknowledge(kind, 0x4321)
    c.silent()


@pytest.mark.parametrize("qos, said", [(1, ["PUBREC"]), (1, ["PUBCOMP"]), (2, ["PUBACK"]), (2, ["PUBCOMP"]), (2, ["PUBREC", "PUBACK"])])
def test_an_acknowledgement_of_the_wrong_kind_ends_the_connection(mqtt, version, qos, said, topic):
    receiver, sender = mqtt.near(version=version), mqtt.far(version=version)
    receiver.subscribe((topic, 2))
    sender.publish(topic, b"x", qos)
    pid = receiver.message(acknowledge=False, qos=qos).pid
    for kind in said:
        receiver.acknowledge(kind, pid)
    if said[0] == "PUBREC" and qos == 2:
        receiver.expect("PUBREL", pid=pid)
    receiver.ends(PROTOCOL_ERROR)
    sender.ping()


def test_acknowledgements_are_taken_short_and_long(mqtt, topic):
    """With neither reason nor properties, with a reason alone, with both (§3.4.2.1, §3.4.2.2.1)."""
    receiver, sender = mqtt.near(), mqtt.far()
    receiver.subscribe((topic, 2))
    said = [{}, {"reason": 0}, {"reason": 0, "properties": {}},
            {"reason": 0x10, "properties": {"reason_string": "s", "user": [("a", "b")]}}]
    for qos, words in itertools.product((1, 2), said):
        sender.publish(topic, b"x", qos)
        g = receiver.message(acknowledge=False)
        receiver.acknowledge("PUBACK" if qos == 1 else "PUBREC", g.pid, **words)
        if qos == 2:
            receiver.expect("PUBREL", pid=g.pid, reason=0)
            receiver.acknowledge("PUBCOMP", g.pid, **{**words, **({"reason": 0} if "reason" in words else {})})
    receiver.silent()


@pytest.mark.parametrize("kind, reason", [("PUBACK", 0x05), ("PUBREC", 0x92), ("PUBREL", 0x10), ("PUBCOMP", 0x80)])
def test_an_acknowledgement_with_a_code_that_is_none_of_its_own_ends_the_connection(mqtt, kind, reason):
    c = mqtt()
    c.acknowledge(kind, 7, reason)
    c.ends(PROTOCOL_ERROR, MALFORMED)


def test_a_refused_message_is_finished_and_comes_no_more(mqtt, topic):
    """PUBACK or PUBREC of 0x80 and above ends the exchange: no PUBREL, nothing sent again."""
    who = mqtt.near(properties={"session_expiry": 60})
    who.subscribe((topic, 2))
    sender = mqtt.far()
    for qos in (1, 2):
        sender.publish(topic, b"no", qos)
        g = who.message(acknowledge=False, payload=b"no")
        who.acknowledge("PUBACK" if qos == 1 else "PUBREC", g.pid, 0x83)
        who.silent()
    who.cut()
    back = mqtt(who.client_id, clean=False, properties={"session_expiry": 60})
    assert back.present == 1
    back.nothing_from(sender)


def test_a_message_for_nobody_is_accepted(mqtt, version, topic):
    """5.0 may say that nobody has subscribed, and must not when somebody has."""
    sender, receiver = mqtt.far(version), mqtt.near(version)
    for qos in (1, 2):
        assert sender.publish(topic, b"x", qos).reason in (0, NO_SUBSCRIBERS)
    receiver.subscribe((topic, 2))
    for qos in (1, 2):
        assert sender.publish(topic, b"x", qos).reason == 0
        receiver.message(qos=qos)


# ---- order ----

@pytest.mark.parametrize("qos", [0, 1, 2])
def test_messages_of_one_sender_come_in_their_order(mqtt, version, qos, topic):
    receivers = [mqtt.near(version), mqtt.far(version)]
    for r in receivers:
        r.subscribe((f"{topic}/#", qos))
    sender = mqtt.far(version)
    for n in range(100):
        sender.publish(f"{topic}/{n % 3}", f"{n}", qos)
    for r in receivers:
        assert [int(r.message(qos=qos).payload) for _ in range(100)] == list(range(100))


def test_one_message_reaches_everybody_once(mqtt, version, topic):
    receivers = [m(version) for m in (mqtt.near, mqtt.far) for _ in range(5)]
    for n, r in enumerate(receivers):
        r.subscribe((topic, n % 3))
    sender = mqtt.near(version)
    for qos in (0, 1, 2):
        sender.publish(topic, b"all", qos)
    for n, r in enumerate(receivers):
        assert [r.message(payload=b"all").qos for _ in range(3)] == [min(n % 3, qos) for qos in (0, 1, 2)]
        r.nothing_from(sender)


def test_large_and_empty_payloads_arrive_whole(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 2))
    for payload in (b"", bytes(range(256)) * 1024, b"x"):
        for qos in (0, 1, 2):
            sender.publish(topic, payload, qos)
            assert receiver.message(qos=qos).payload == payload
