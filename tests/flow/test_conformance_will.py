"""Wills (§3.1.2.5, §3.1.3.2, §3.14.4): published when they must be, and only then."""
import time

import pytest
from harness import packets
from harness.packets import V5, V311

WITH_WILL = 0x04


def a_will(topic, **more):
    return {"topic": topic, "payload": b"gone", **more}


def witness_of(mqtt, version, topic, options=2):
    w = mqtt.near(version)
    w.subscribe((topic, options))
    return w


# ---- published ----

@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_client_that_is_lost_has_its_will_published(mqtt, version, qos, topic):
    witness = witness_of(mqtt, version, topic)
    mqtt.far(version, will=a_will(topic, qos=qos)).cut()
    witness.message(topic=topic, payload=b"gone", qos=qos, retain=0, dup=0, properties={})
    witness.silent()


ENDS = {"a malformed packet": packets.publish("a/#", b"", V311, qos=1, pid=1),
        "a second CONNECT": packets.connect("x", V311), "a reserved bit": b"\xc1\0"}


@pytest.mark.parametrize("bad", ENDS.values(), ids=ENDS)
def test_a_client_that_is_thrown_out_has_its_will_published(mqtt, version, bad, topic):
    witness = witness_of(mqtt, version, topic)
    mqtt.far(version, will=a_will(topic)).send(bad)
    witness.message(payload=b"gone")
    witness.silent()


def test_a_client_whose_keep_alive_is_over_has_its_will_published(mqtt, version, topic):
    witness = witness_of(mqtt, version, topic)
    c = mqtt.far(version, keep_alive=1, will=a_will(topic))
    witness.message(payload=b"gone")
    assert c.closed()


@pytest.mark.parametrize("clean", [True, False])
def test_a_client_that_is_taken_over_has_its_will_published(mqtt, version, clean, topic):
    witness = witness_of(mqtt, version, topic)
    old = mqtt.far(version, clean=clean, will=a_will(topic))
    mqtt(old.client_id, version, clean=clean)
    witness.message(payload=b"gone")
    witness.silent()


def test_an_empty_will_is_a_message_too(mqtt, version, topic):
    witness = witness_of(mqtt, version, topic)
    mqtt.far(version, will={"topic": topic}).cut()
    witness.message(topic=topic, payload=b"")


def test_disconnect_with_will_publishes_it(mqtt, topic):
    witness = witness_of(mqtt, V5, topic)
    mqtt.far(will=a_will(topic)).leave(WITH_WILL)
    witness.message(payload=b"gone")


@pytest.mark.parametrize("reason", [0x80, 0x81, 0x98])
def test_disconnect_with_any_reason_but_0_publishes_it(mqtt, reason, topic):
    witness = witness_of(mqtt, V5, topic)
    mqtt.far(will=a_will(topic)).leave(reason)
    witness.message(payload=b"gone")


def test_a_will_carries_its_properties(mqtt, topic):
    given = {"payload_format": 1, "content_type": "c", "response_topic": "r", "correlation": b"\0",
             "user": [("z", "1"), ("a", "2"), ("z", "1")]}
    witness, old = witness_of(mqtt, V5, topic), witness_of(mqtt, V311, topic)
    mqtt.far(will=a_will(topic, qos=1, properties={**given, "message_expiry": 50, "will_delay": 0})).cut()
    got = witness.message(payload=b"gone").properties
    assert got.pop("message_expiry") in range(40, 51) and got == given
    old.message(payload=b"gone")


@pytest.mark.parametrize("retain", [False, True])
def test_a_will_is_retained_when_it_says_so(mqtt, version, retain, topic):
    witness = witness_of(mqtt, version, topic)
    mqtt.far(version, will=a_will(topic, retain=retain)).cut()
    witness.message(payload=b"gone", retain=0)
    late = mqtt.near(version)
    late.subscribe((topic, 0))
    if retain:
        late.message(payload=b"gone", retain=1)
        late.publish(topic, b"", 1, retain=True)
    else:
        late.silent()


# ---- not published ----

def test_a_client_that_says_goodbye_has_no_will(mqtt, version, topic):
    witness = witness_of(mqtt, version, topic)
    mqtt.far(version, will=a_will(topic)).leave()
    if version == V5:
        mqtt.far(version, will=a_will(topic)).leave(0x00)
    witness.nothing_from(mqtt.far(version))


def test_a_client_without_a_will_has_none(mqtt, version, topic):
    witness = witness_of(mqtt, version, "#", 0)
    c = mqtt.far(version)
    c.cut()
    mqtt(c.client_id, version).leave()
    witness.unsubscribe("#")
    witness.nothing_from(mqtt.far(version))


def test_a_will_goes_with_its_connection(mqtt, version, topic):
    """It was published once, or dropped: the next connection has one only if it brings one."""
    witness = witness_of(mqtt, version, topic)
    kept = {"clean": False, **({"properties": {"session_expiry": 60}} if version == V5 else {})}
    c = mqtt.far(version, will=a_will(topic), **kept)
    c.cut()
    witness.message(payload=b"gone")
    c = mqtt(c.client_id, version, **kept)
    c.cut()
    c = mqtt(c.client_id, version, will=a_will(topic), **kept)
    c.leave()
    mqtt(c.client_id, version, **kept).cut()
    mqtt(c.client_id, version).leave()
    witness.nothing_from(mqtt.far(version))


def test_a_refused_client_has_no_will(mqtt, version, topic):
    witness = witness_of(mqtt, version, topic)
    c = mqtt.raw(version=version)
    c.send(c.connect_packet(will=a_will(topic), pw="wrong"))
    assert c.next().reason != 0
    c.gone()
    witness.nothing_from(mqtt.far(version))


# ---- with a delay ----

def delayed(topic, seconds=2):
    return a_will(topic, properties={"will_delay": seconds})


def test_a_will_waits_for_its_delay(mqtt, topic):
    witness = witness_of(mqtt, V5, topic)
    began = time.monotonic()
    mqtt.far(will=delayed(topic), properties={"session_expiry": 60}).cut()
    witness.message(payload=b"gone")
    assert 1.5 < time.monotonic() - began < 15


def test_a_client_that_comes_back_in_time_has_no_will(mqtt, topic):
    witness = witness_of(mqtt, V5, topic)
    c = mqtt.far(will=delayed(topic, 5), properties={"session_expiry": 60})
    c.cut()
    mqtt(c.client_id, clean=False, properties={"session_expiry": 60})
    time.sleep(6.5)
    witness.nothing_from(mqtt.far())


def test_a_will_does_not_outwait_its_session(mqtt, topic):
    """The session's end publishes it, however it comes: by expiry, with the connection, or by a clean start (§3.1.3.2.2)."""
    witness = witness_of(mqtt, V5, topic)
    began = time.monotonic()
    mqtt.far(will=delayed(topic, 60), properties={"session_expiry": 2}).cut()
    witness.message(payload=b"gone")
    assert 1.5 < time.monotonic() - began < 15
    mqtt.far(will=delayed(topic, 60), properties={"session_expiry": 0}).cut()
    witness.message(payload=b"gone")
    c = mqtt.far(will=delayed(topic, 60), properties={"session_expiry": 60})
    c.cut()
    mqtt(c.client_id, clean=True)
    witness.message(payload=b"gone")
    witness.nothing_from(mqtt.far())


def test_a_delayed_will_takes_the_expiry_that_disconnect_gave(mqtt, topic):
    witness = witness_of(mqtt, V5, topic)
    mqtt.far(will=delayed(topic, 60), properties={"session_expiry": 60}).leave(WITH_WILL, {"session_expiry": 0})
    witness.message(payload=b"gone")


def test_a_take_over_without_a_clean_start_drops_a_delayed_will(mqtt, topic):
    witness = witness_of(mqtt, V5, topic)
    c = mqtt.far(will=delayed(topic, 1), properties={"session_expiry": 60})
    mqtt(c.client_id, clean=False, properties={"session_expiry": 60})
    time.sleep(2.5)
    witness.nothing_from(mqtt.far())
