"""Session state (§3.1.2.4, §3.1.2.11.2, §4.1, §4.4): kept as long as it must be, and no longer."""
import time

import pytest
from harness import packets
from harness.packets import V5, V31, V311

PROTOCOL_ERROR = 0x82
EVER = 0xFFFFFFFF


def kept(version, expiry=300):
    """Opening of a session that outlives its connection."""
    return {"clean": False, **({"properties": {"session_expiry": expiry}} if version == V5 else {})}


def comes_back(mqtt, who, version, present=1):
    c = mqtt(who.client_id, version, **kept(version))
    assert c.present == present, f"{who}: session present is {c.present}"
    return c


# ---- what is kept ----

def test_a_kept_session_has_its_subscriptions_and_the_messages_since(mqtt, version, topic):
    who, sender = mqtt.near(version, **kept(version)), mqtt.far(version)
    assert who.present == 0
    who.subscribe((f"{topic}/#", 2))
    who.leave()
    for n in range(61):
        sender.publish(f"{topic}/{n % 3}", f"{n}", (1, 2, 0)[n % 3])
    back = comes_back(mqtt, who, version)
    expected = [n for n in range(61) if n % 3 != 2]  # QoS 0 may be dropped, and is
    got = [back.message() for _ in expected]
    assert [(int(g.payload), g.qos, g.dup) for g in got] == [(n, (1, 2)[n % 3], 0) for n in expected]
    sender.publish(f"{topic}/0", b"live", 1)
    back.message(payload=b"live")


def test_a_session_lives_while_its_connection_does(mqtt, topic):
    c, sender = mqtt.near(properties={"session_expiry": 1}), mqtt.far()
    c.subscribe((topic, 1))
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        c.ping()
        time.sleep(0.25)
    sender.publish(topic, b"still", 1)
    c.message(payload=b"still")
    taken = mqtt(c.client_id, clean=False)
    assert taken.present == 1


def test_subscriptions_of_a_kept_session_keep_their_options(mqtt, topic):
    who, sender = mqtt.near(**kept(V5)), mqtt.far()
    who.subscribe((f"{topic}/a", 1 | 8), properties={"subscription_id": 77})
    who.subscribe((f"{topic}/b", 1 | 4))
    who.leave()
    back = comes_back(mqtt, who, V5)
    sender.publish(f"{topic}/a", b"x", 1, retain=True)
    got = back.message(payload=b"x", retain=1)
    assert got.properties == {"subscription_id": [77]}
    back.publish(f"{topic}/b", b"mine", 1)
    back.nothing_from(back)
    sender.publish(f"{topic}/a", b"", 1, retain=True)


# ---- what is not ----

def test_a_clean_start_drops_what_was_kept(mqtt, version, topic):
    who, sender = mqtt.near(version, **kept(version)), mqtt.far(version)
    who.subscribe((topic, 1))
    who.leave()
    sender.publish(topic, b"kept", 1)
    clean = mqtt(who.client_id, version, clean=True)
    assert clean.present == 0
    sender.publish(topic, b"not subscribed", 1)
    clean.nothing_from(sender)
    clean.leave()
    assert comes_back(mqtt, who, version, present=0).present == 0


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_session_without_an_expiry_ends_with_its_connection(mqtt, version, goodbye):
    c = mqtt.near(version) if version != V5 else mqtt.near(clean=False, properties={"session_expiry": 0})
    if goodbye:
        c.leave()
    else:
        c.cut()
    comes_back(mqtt, c, version, present=0)


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_session_ends_after_its_expiry_and_not_before(mqtt, goodbye, topic):
    early, late, sender = mqtt.near(properties={"session_expiry": 1}), mqtt.near(properties={"session_expiry": 30}), mqtt.far()
    for c in (early, late):
        c.subscribe((topic, 1))
        if goodbye:
            c.leave()
        else:
            c.cut()
    time.sleep(2.5)
    sender.publish(topic, b"x", 1)
    comes_back(mqtt, early, V5, present=0).silent()
    comes_back(mqtt, late, V5).message(payload=b"x")


def test_disconnect_can_end_a_session_now_or_keep_it_longer(mqtt):
    ended, longer = mqtt.near(properties={"session_expiry": 300}), mqtt.near(properties={"session_expiry": 1})
    ended.leave(0, {"session_expiry": 0})
    longer.leave(0, {"session_expiry": EVER})
    comes_back(mqtt, ended, V5, present=0)
    time.sleep(2.5)
    comes_back(mqtt, longer, V5)


def test_disconnect_cannot_bring_a_session_to_life(mqtt):
    c = mqtt.near(properties={"session_expiry": 0})
    c.send(packets.disconnect(0, {"session_expiry": 10}))
    c.ends(PROTOCOL_ERROR)
    comes_back(mqtt, c, V5, present=0)


def test_a_session_without_end_is_that_of_3_1_1_without_clean_session(mqtt, topic):
    """The versions share sessions: what 3.1.1 left, 5.0 finds, and the other way."""
    for first, second in ((V311, V5), (V5, V311), (V31, V5)):
        who, sender = mqtt.near(first, **kept(first, EVER)), mqtt.far()
        who.subscribe((topic, 1))
        who.leave()
        sender.publish(topic, b"x", 1, properties={"user": [("k", "v")]})
        back = comes_back(mqtt, who, second)
        got = back.message(payload=b"x")
        assert got.properties == ({"user": [("k", "v")]} if second == V5 else {})
        mqtt(who.client_id, V311).leave()


def test_the_broker_says_so_when_it_cuts_the_expiry(mqtt):
    c = mqtt.near(properties={"session_expiry": 1000})
    assert c.announced("session_expiry", 1000) <= 1000


# ---- sent again ----

@pytest.mark.parametrize("qos", [1, 2])
def test_what_was_not_acknowledged_is_sent_again_once_connected_again(mqtt, version, qos, topic):
    """With DUP, under the same identifiers, in the same order, before anything new, and at no other time."""
    who, sender = mqtt.near(version, **kept(version)), mqtt.far(version)
    who.subscribe((topic, qos))
    for n in range(10):
        sender.publish(topic, f"{n}", qos)
    got = [who.message(acknowledge=n < 3, payload=b"%d" % n, dup=0) for n in range(10)]
    time.sleep(1)
    who.silent()  # nothing twice on one connection
    who.cut()
    sender.publish(topic, b"10", qos)
    back = comes_back(mqtt, who, version)
    for g in got[3:]:
        back.message(acknowledge=False, pid=g.pid, payload=g.payload, dup=1)
    new = back.message(acknowledge=False, payload=b"10", dup=0)
    assert new.pid not in {g.pid for g in got[3:]}
    for g in [*got[3:], new]:
        back.acknowledge("PUBACK" if qos == 1 else "PUBREC", g.pid)
        if qos == 2:
            back.expect("PUBREL", pid=g.pid, reason=0)
            back.acknowledge("PUBCOMP", g.pid)
    back.ping()  # the last one has arrived
    back.cut()
    comes_back(mqtt, who, version).silent()


def test_a_released_message_is_released_again_and_not_sent_again(mqtt, version, topic):
    who, sender = mqtt.near(version, **kept(version)), mqtt.far(version)
    who.subscribe((topic, 2))
    for n in range(3):
        sender.publish(topic, f"{n}", 2)
    pids = [who.message(acknowledge=False).pid for _ in range(3)]
    for pid in pids[:2]:
        who.acknowledge("PUBREC", pid)
        who.expect("PUBREL", pid=pid)
    who.cut()
    back = comes_back(mqtt, who, version)
    again = [back.next() for _ in range(3)]
    assert sorted((g.kind, g.pid) for g in again) == [("PUBLISH", pids[2]), *(("PUBREL", pid) for pid in pids[:2])]
    for pid in pids[:2]:
        back.acknowledge("PUBCOMP", pid)
    back.acknowledge("PUBREC", pids[2])
    back.expect("PUBREL", pid=pids[2])
    back.acknowledge("PUBCOMP", pids[2])
    back.silent()


@pytest.mark.parametrize("goodbye", [True, False])
def test_a_sender_finishes_after_reconnecting_what_it_has_begun(mqtt, version, goodbye, topic):
    receiver = mqtt.near(version)
    receiver.subscribe((topic, 2))
    sender = mqtt.far(version, **kept(version))
    sender.send_publish(topic, b"x", qos=2, pid=5)
    sender.expect("PUBREC", pid=5)
    if goodbye:
        sender.leave()
    else:
        sender.cut()
    sender = comes_back(mqtt, sender, version)
    sender.send_publish(topic, b"x", qos=2, pid=5, dup=True)
    sender.expect("PUBREC", pid=5)
    sender.acknowledge("PUBREL", 5)
    sender.expect("PUBCOMP", pid=5, reason=0)
    receiver.message(payload=b"x")
    receiver.nothing_from(sender)


def test_a_new_session_knows_nothing_of_what_was_begun(mqtt, version, topic):
    receiver = mqtt.near(version)
    receiver.subscribe((topic, 2))
    sender = mqtt.far(version)
    sender.send_publish(topic, b"x", qos=2, pid=5)
    sender.expect("PUBREC", pid=5)
    sender.cut()
    sender = mqtt(sender.client_id, version)
    sender.acknowledge("PUBREL", 5)
    sender.expect("PUBCOMP", pid=5, reason=0x92 if version == V5 else 0)
    sender.publish(topic, b"y", 2, pid=5)
    got = receiver.message().payload  # whether x was delivered at PUBLISH or waited for PUBREL is the broker's choice
    if got == b"x":
        got = receiver.message().payload
    assert got == b"y"
    receiver.nothing_from(sender)


# ---- take-over ----

def test_a_session_that_is_taken_over_goes_on(mqtt, version, topic):
    old, sender = mqtt.near(version, **kept(version)), mqtt.far(version)
    old.subscribe((topic, 1))
    sender.publish(topic, b"unacknowledged", 1)
    pid = old.message(acknowledge=False).pid
    new = comes_back(mqtt, old, version)
    old.ends(0x8E)
    new.message(pid=pid, payload=b"unacknowledged", dup=1)
    sender.publish(topic, b"next", 1)
    new.message(payload=b"next", dup=0)


# ---- the end of a connection ----

@pytest.mark.parametrize("reason", [None, 0x00, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])
def test_every_disconnect_of_a_client_is_answered_by_the_end(mqtt, reason):
    c = mqtt()
    c.leave(reason, {"reason_string": "bye", "user": [("a", "b")]} if reason is not None else None)


@pytest.mark.parametrize("reason", [0x01, 0x05, 0x87, 0x8E, 0xFF])
def test_a_disconnect_with_a_code_that_no_client_may_send_ends_the_connection_too(mqtt, reason):
    c = mqtt()
    c.send(packets.disconnect(reason))
    assert c.closed()


def test_nothing_behind_disconnect_is_heard(mqtt, version, topic):
    witness, c, sender = mqtt.near(version), mqtt.far(version), mqtt.far(version)
    witness.subscribe((topic, 1))
    c.send(packets.disconnect() + packets.publish(topic, b"no", version))
    c.gone()
    witness.nothing_from(sender)


@pytest.mark.parametrize("properties", [{"topic_alias": 1}, {"session_expiry": [1, 1]}, {"reason_string": ["a", "b"]}],
                         ids=["topic alias", "session expiry twice", "reason string twice"])
def test_a_property_that_disconnect_must_not_have_ends_the_connection(mqtt, properties):
    c = mqtt(properties={"session_expiry": 10})
    c.send(packets.disconnect(0, properties))
    assert c.closed()
