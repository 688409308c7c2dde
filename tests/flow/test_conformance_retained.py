"""Retained messages (§3.3.1.3, §3.8.3.1), on one worker and between workers."""
import pytest
from harness.packets import V5

AS_PUBLISHED, IF_NEW, NEVER = 8, 0x10, 0x20


@pytest.fixture
def keep(mqtt, version):
    """keep(topic, payload, qos): a retained message, removed at the end."""
    sender, topics = mqtt.far(version), set()

    def make(topic, payload=b"kept", qos=1, **more):
        topics.add(topic)
        sender.publish(topic, payload, qos, retain=True, **more)

    make.sender = sender
    yield make
    for t in topics:
        sender.publish(t, b"", 1, retain=True)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("granted", [0, 1, 2])
def test_a_new_subscription_gets_the_last_retained_message(mqtt, version, keep, qos, granted, topic):
    witness = mqtt.near(version)  # what has come to it is on its way to nobody else of that worker
    witness.subscribe((topic, 0))
    for payload in (b"first", b"last"):
        keep(topic, payload, qos)
        witness.message(topic=topic, payload=payload)
    late = mqtt.near(version)
    late.subscribe((topic, granted))
    late.message(topic=topic, payload=b"last", retain=1, qos=min(qos, granted), dup=0)
    late.silent()


def test_a_subscription_that_was_there_gets_it_as_any_other_message(mqtt, version, keep, topic):
    early = mqtt.near(version)
    early.subscribe((topic, 1))
    keep(topic)
    early.message(payload=b"kept", retain=0)
    early.silent()


def test_a_wildcard_gets_all_that_it_matches_and_no_dollar_topics(mqtt, version, keep, topic):
    names = {f"{topic}/{n}/{m}" for n in range(3) for m in range(3)}
    for name in names:
        keep(name)
    late = mqtt.near(version)
    late.subscribe((f"{topic}/+/1", 1))
    assert {late.message(retain=1).topic for _ in range(3)} == {f"{topic}/{n}/1" for n in range(3)}
    late.subscribe((f"{topic}/#", 1))
    assert {late.message(retain=1).topic for _ in range(9)} == names
    late.silent()
    for wanted in ("#", "+/+"):
        late.subscribe((wanted, 0))
        late.ping()
        while late.kept:
            assert not late.message().topic.startswith("$")


def test_an_empty_message_removes_it_and_is_not_kept(mqtt, version, keep, topic):
    early = mqtt.near(version)
    keep(topic)
    early.subscribe((topic, 1))
    early.message(payload=b"kept", retain=1)
    keep(topic, b"")
    early.message(payload=b"", retain=0)
    late = mqtt.near(version)
    late.subscribe((topic, 1))
    late.silent()


def test_a_message_that_is_not_retained_leaves_it_alone(mqtt, version, keep, topic):
    keep(topic)
    for payload in (b"other", b""):
        keep.sender.publish(topic, payload, 1)
    late = mqtt.near(version)
    late.subscribe((topic, 1))
    late.message(payload=b"kept", retain=1)
    late.silent()


def test_it_is_no_part_of_a_session(mqtt, version, keep, topic):
    c = mqtt.far(version)
    c.publish(topic, b"outlives", 1, retain=True)
    c.leave()
    mqtt(c.client_id, version, clean=True)
    late = mqtt.near(version)
    late.subscribe((topic, 1))
    late.message(payload=b"outlives", retain=1)
    keep(topic, b"")


def test_the_same_subscription_again_gets_it_again(mqtt, version, keep, topic):
    keep(topic)
    c = mqtt.near(version)
    for _ in range(3):
        c.subscribe((topic, 1))
        c.message(payload=b"kept", retain=1)
    c.silent()


def test_a_kept_session_gets_it_at_subscribe_and_not_at_its_return(mqtt, version, keep, topic):
    opening = {"clean": False, **({"properties": {"session_expiry": 60}} if version == V5 else {})}
    who = mqtt.near(version, **opening)
    who.subscribe((topic, 1))
    keep(topic, b"while there")
    who.message(payload=b"while there", retain=0)
    who.leave()
    mqtt(who.client_id, version, **opening).silent()


# ---- options of 5.0 ----

@pytest.mark.parametrize("version", [V5], ids=["5.0"])
@pytest.mark.parametrize("option, first, again", [(0, True, True), (IF_NEW, True, False), (NEVER, False, False)],
                         ids=["always", "if new", "never"])
def test_retain_handling_says_when_it_comes(mqtt, keep, option, first, again, topic):
    keep(topic)
    c = mqtt.near()
    for comes in (first, again):
        c.subscribe((topic, 1 | option))
        if comes:
            c.message(payload=b"kept", retain=1)
        c.silent()
    c.unsubscribe(topic)
    c.subscribe((topic, 1 | option))
    if first:
        c.message(payload=b"kept", retain=1)
    c.silent()


@pytest.mark.parametrize("version", [V5], ids=["5.0"])
@pytest.mark.parametrize("option", [0, AS_PUBLISHED], ids=["not as published", "as published"])
def test_retain_as_published_keeps_the_bit(mqtt, keep, option, topic):
    c = mqtt.near()
    c.subscribe((topic, 1 | option))
    keep(topic, b"retained")
    keep.sender.publish(topic, b"plain", 1)
    c.message(payload=b"retained", retain=1 if option else 0)
    c.message(payload=b"plain", retain=0)
    c.subscribe((topic, 1 | option))
    c.message(payload=b"retained", retain=1)  # because of the new subscription it is set in any case


@pytest.mark.parametrize("version", [V5], ids=["5.0"])
def test_it_carries_its_properties_and_the_subscription_s_identifier(mqtt, keep, topic):
    given = {"payload_format": 1, "content_type": "c", "response_topic": "r", "correlation": b"\0",
             "user": [("a", "1"), ("a", "1")]}
    keep(topic, b"kept", properties=given)
    c = mqtt.near()
    c.subscribe((topic, 1), properties={"subscription_id": 9})
    assert c.message(payload=b"kept", retain=1).properties == {**given, "subscription_id": [9]}


@pytest.mark.parametrize("version", [V5], ids=["5.0"])
def test_a_shared_subscription_gets_none_at_its_start(mqtt, keep, topic):
    keep(topic)
    c = mqtt.near()
    c.subscribe((f"$share/g/{topic}", 1))
    c.silent()
    keep.sender.publish(topic, b"live", 1)
    c.message(payload=b"live", retain=0)
