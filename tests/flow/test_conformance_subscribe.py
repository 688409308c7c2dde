"""SUBSCRIBE, UNSUBSCRIBE and topic filters (§3.8 to §3.11, §4.7), on one worker and between workers."""
import pytest
from harness import packets
from harness.packets import V5

MALFORMED, PROTOCOL_ERROR, FILTER_INVALID, NONE_EXISTED = 0x81, 0x82, 0x8F, 0x11
NO_LOCAL = 4


def refused_filter(c, refused):
    """A wrong filter: the connection ends, or (5.0) the SUBACK says so."""
    if c.version != V5:
        return c.ends()
    got = c.next()
    if got.kind == "SUBACK":
        assert got.reasons == [FILTER_INVALID], f"{refused}: {got}"
        return c.silent()
    assert got.kind == "DISCONNECT" and got.reason in (MALFORMED, PROTOCOL_ERROR, FILTER_INVALID), f"{refused}: {got}"
    return c.gone()


@pytest.mark.parametrize("wrong", ["", "a#", "a/b#", "#/a", "a/#/b", "a+", "+a", "a/+b/c", "a/b+", "##", "++"])
def test_a_filter_with_a_wildcard_in_the_wrong_place_is_refused(mqtt, version, wrong):
    c = mqtt(version=version)
    c.send(packets.subscribe(7, [(wrong, 0)], version))
    refused_filter(c, wrong)


@pytest.mark.parametrize("options", [3, 0x40, 0x80, 0xC0])
def test_reserved_bits_of_the_options_end_the_connection(mqtt, version, options):
    c = mqtt(version=version)
    c.send(packets.subscribe(7, [("a", options)], version))
    c.ends(MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("options", [4, 8, 0x10, 0x20])
def test_options_of_5_0_are_reserved_bits_before(mqtt, options):
    c = mqtt(version=packets.V311)
    c.send(packets.subscribe(7, [("a", options)], packets.V311))
    c.ends()


def test_retain_handling_3_ends_the_connection(mqtt):
    c = mqtt()
    c.send(packets.subscribe(7, [("a", 0x30)]))
    c.ends(PROTOCOL_ERROR, MALFORMED)


@pytest.mark.parametrize("properties", [{"subscription_id": 0}, {"subscription_id": [1, 2]}, b"\x0b\x80\x80\x80\x80\x01",
                                        {"topic_alias": 1}, {"session_expiry": 1}, {"reason_string": "r"}, b"\x05\x01"],
                         ids=["identifier 0", "identifier twice", "identifier of five bytes", "topic alias", "session expiry",
                              "reason string", "unknown"])
def test_a_property_that_subscribe_must_not_have_ends_the_connection(mqtt, properties):
    c = mqtt()
    c.send(packets.subscribe(7, [("a", 0)], properties=properties))
    c.ends(PROTOCOL_ERROR, MALFORMED)


@pytest.mark.parametrize("properties", [{"subscription_id": 1}, {"topic_alias": 1}, {"reason_string": "r"}],
                         ids=lambda p: next(iter(p)))
def test_a_property_that_unsubscribe_must_not_have_ends_the_connection(mqtt, properties):
    c = mqtt()
    c.send(packets.unsubscribe(7, ["a"], properties=properties))
    c.ends(PROTOCOL_ERROR, MALFORMED)


# ---- answers ----

def test_every_filter_is_answered_in_its_order(mqtt, version, topic):
    c = mqtt(version=version)
    rows = [(f"{topic}/{n}", n % 3) for n in range(30)]
    c.send(packets.subscribe(0xFFFE, rows, version))
    c.expect("SUBACK", pid=0xFFFE, reasons=[n % 3 for n in range(30)])
    names = [f for f, _ in rows[:5]]
    c.send(packets.unsubscribe(0xFFFD, [*names, f"{topic}/never"], version))
    got = c.expect("UNSUBACK", pid=0xFFFD)
    if version == V5:
        assert got.reasons == [0] * 5 + [NONE_EXISTED]


def test_unsubscribing_what_was_not_subscribed_is_answered(mqtt, version, topic):
    c = mqtt(version=version)
    assert c.unsubscribe(topic) == ([NONE_EXISTED] if version == V5 else None)
    c.silent()


def test_subscriptions_over_the_limit_are_refused_one_by_one(open_stack, clients_of, version):
    mqtt = clients_of(open_stack(env={"SIGNET_SUBSCRIPTIONS_MAX": 3}))
    c = mqtt(version=version)
    over = 0x97 if version == V5 else 0x80
    assert c.subscribe(*[(f"f/{n}", 1) for n in range(5)], granted=False) == [1, 1, 1, over, over]
    assert c.subscribe(("f/1", 2)) == [2]
    c.silent()


def test_many_filters_are_as_many_subscribes(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((f"{topic}/a", 1), (f"{topic}/b", 2), (f"{topic}/a", 0))  # the later one replaces the first
    for name, qos in (("a", 0), ("b", 2)):
        sender.publish(f"{topic}/{name}", b"x", 2)
        receiver.message(topic=f"{topic}/{name}", qos=qos)
    receiver.unsubscribe(f"{topic}/a", f"{topic}/b")
    sender.publish(f"{topic}/a", b"x", 1)
    receiver.nothing_from(sender)


def test_the_same_filter_again_replaces_the_subscription(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    for qos in (0, 2, 1):
        receiver.subscribe((topic, qos))
        sender.publish(topic, b"x", 2)
        receiver.message(qos=qos)
    receiver.nothing_from(sender)


def test_replacing_a_subscription_loses_no_message(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((topic, 1))
    for n in range(60):
        sender.publish(topic, f"{n}", 1)
        if n % 10 == 5:
            receiver.subscribe((topic, 1))
    assert [int(receiver.message().payload) for _ in range(60)] == list(range(60))
    receiver.nothing_from(sender)


def test_overlapping_filters_give_the_highest_quality(mqtt, version, topic):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((f"{topic}/#", 0), (f"{topic}/+", 2), (f"{topic}/x", 1))
    for published in (2, 1, 0):
        sender.publish(f"{topic}/x", b"once", published)
        receiver.message(topic=f"{topic}/x", qos=published)
    receiver.nothing_from(sender)


def test_unsubscribing_ends_what_has_not_begun_and_nothing_else(mqtt, version, topic):
    """Filters are compared by character: `+` does not unsubscribe what it matches."""
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((f"{topic}/a", 2), (f"{topic}/+", 2))
    sender.publish(f"{topic}/b", b"begun", 2)
    got = receiver.message(acknowledge=False, payload=b"begun")
    receiver.unsubscribe(f"{topic}/+")
    sender.publish(f"{topic}/b", b"no", 1)
    receiver.acknowledge("PUBREC", got.pid)  # what has begun goes to its end
    receiver.expect("PUBREL", pid=got.pid, reason=0)
    receiver.acknowledge("PUBCOMP", got.pid)
    sender.publish(f"{topic}/a", b"still", 1)
    receiver.message(payload=b"still")
    receiver.nothing_from(sender)


# ---- matching ----

MATCHES = [("a/b", "a/b", 1), ("a/b", "A/b", 0), ("a/b", "a/b/", 0), ("a/b", "/a/b", 0), ("a/+", "a/b", 1), ("a/+", "a/", 1),
           ("a/+", "a", 0), ("a/+", "a/b/c", 0), ("+/b", "/b", 1), ("/+", "/a", 1), ("+/+", "/a", 1), ("a/+/c", "a//c", 1),
           ("a/#", "a", 1), ("a/#", "a/", 1), ("a/#", "a/b/c/d", 1), ("a/#", "ab", 0), ("#", "any/thing", 1), ("#", "/", 1),
           ("+/#", "a", 1), ("a/+/#", "a", 0), ("a/+/#", "a/b", 1), ("é", "e\u0301", 0), ("a b/ ", "a b/ ", 1), ("a", "a ", 0),
           ("//", "//", 1), ("//", "/", 0), ("\U0001f600/+", "\U0001f600/\ufffd", 1)]


@pytest.mark.parametrize("wanted, name, matches", MATCHES)
def test_filters_match_as_the_standard_says(mqtt, version, wanted, name, matches):
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((wanted, 1), ("the/last/word", 1))
    sender.publish(name, b"x", 1)
    sender.publish("the/last/word", b"last", 1)
    if matches:
        receiver.message(topic=name, payload=b"x")
    if wanted == "#":
        receiver.message(topic="the/last/word")
    else:
        receiver.message(topic="the/last/word", payload=b"last")


@pytest.mark.parametrize("wanted", ["#", "+/x", "+/+", "$test/#", "$test/x"])
def test_wildcards_at_the_start_do_not_match_dollar_topics(mqtt, version, wanted):
    """What a client publishes to a topic with `$` is no other client's business: the broker may refuse or drop it."""
    receiver, sender = mqtt.near(version), mqtt.far(version)
    receiver.subscribe((wanted, 1))
    sender.publish("$test/x", b"x", 1, reason=(0, 0x10, 0x87, 0x90))
    if wanted.startswith("$"):
        receiver.subscribe(("the/last/word", 1))
        sender.publish("the/last/word", b"last", 1)
        assert receiver.message().topic in ("$test/x", "the/last/word")
        return
    receiver.unsubscribe(wanted)
    receiver.nothing_from(sender)


# ---- options of 5.0 ----

def test_no_local_keeps_a_client_s_own_messages_from_it(mqtt, topic):
    c, other = mqtt.near(), mqtt.far()
    c.subscribe((topic, 1 | NO_LOCAL))
    other.subscribe((topic, 1))
    for qos in (0, 1, 2):
        c.publish(topic, b"mine", qos)
        other.message(payload=b"mine")
        other.publish(topic, b"yours", qos)
        other.message(payload=b"yours")
        c.message(payload=b"yours")
    c.nothing_from(c)


def test_no_local_counts_by_client_not_by_connection(mqtt, topic):
    c = mqtt.near(properties={"session_expiry": 60})
    c.subscribe((topic, 1 | NO_LOCAL))
    c.leave()
    c = mqtt(c.client_id, clean=False, properties={"session_expiry": 60})
    c.publish(topic, b"mine", 1)
    c.nothing_from(c)


def test_an_overlapping_filter_without_no_local_still_gets_the_message(mqtt, topic):
    c = mqtt.near()
    c.subscribe((f"{topic}/a", 1 | NO_LOCAL), (f"{topic}/+", 1))
    c.publish(f"{topic}/a", b"mine", 1)
    c.message(payload=b"mine")
    c.nothing_from(c)


# ---- subscription identifiers ----

@pytest.mark.parametrize("number", [1, 127, 128, 16384, 268435455])
def test_messages_carry_the_identifier_of_their_subscription(mqtt, number, topic):
    receiver, sender = mqtt.near(), mqtt.far()
    receiver.subscribe((topic, 1), properties={"subscription_id": number})
    sender.publish(topic, b"x", 1)
    assert receiver.message().properties == {"subscription_id": [number]}


def test_messages_carry_the_identifiers_of_all_their_subscriptions(mqtt, topic):
    receiver, sender = mqtt.near(), mqtt.far()
    for number, wanted in ((1, f"{topic}/#"), (2, f"{topic}/+"), (300, f"{topic}/x"), (None, "#")):
        receiver.subscribe((wanted, 1), properties={"subscription_id": number} if number else None)
    receiver.subscribe((f"{topic}/never", 1), properties={"subscription_id": 4})
    sender.publish(f"{topic}/x", b"x", 1)
    found = []
    while len(found) < 3:  # one PUBLISH with all of them, or one each
        found += receiver.message(topic=f"{topic}/x").properties.get("subscription_id", [])
    assert sorted(found) == [1, 2, 300]


def test_a_new_identifier_replaces_the_old_one_and_none_removes_it(mqtt, topic):
    receiver, sender = mqtt.near(), mqtt.far()
    for given in ({"subscription_id": 5}, {"subscription_id": 6}, None):
        receiver.subscribe((topic, 1), properties=given)
        sender.publish(topic, b"x", 1)
        assert receiver.message().properties.get("subscription_id") == ([given["subscription_id"]] if given else None)


def test_a_publish_of_a_client_must_not_have_a_subscription_identifier(mqtt, topic):
    c = mqtt()
    c.send_publish(topic, b"x", properties={"subscription_id": 1})
    c.ends(PROTOCOL_ERROR, MALFORMED)
