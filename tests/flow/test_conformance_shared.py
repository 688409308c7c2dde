"""Shared subscriptions (§4.8.2), with members on one worker and on several."""
import time

import pytest
from harness import homes, packets
from harness.packets import V5, V311
from harness.process import wait_until

MALFORMED, PROTOCOL_ERROR, FILTER_INVALID = 0x81, 0x82, 0x8F
NO_LOCAL = 4


@pytest.fixture
def group():
    return "g" + homes.name().replace("@", "")


def received(members, count, timeout=10):
    """What each member got, once all together got so many: everything is acknowledged."""
    got = [[] for _ in members]

    def look():
        for c, mine in zip(members, got):
            c.ping()
            while c.kept:
                mine.append(c.message())
        return sum(map(len, got)) >= count

    wait_until(look, timeout, f"{count} messages")
    time.sleep(0.2)
    look()
    return got


# ---- refused ----

@pytest.mark.parametrize("wrong", ["$share/g", "$share/", "$share//a", "$share/g/", "$share/g+/a", "$share/#/a", "$share/+/a",
                                   "$share/g/a#"])
def test_a_shared_filter_that_is_none_is_refused(mqtt, wrong):
    c = mqtt()
    c.send(packets.subscribe(7, [(wrong, 0)]))
    got = c.next()
    if got.kind == "SUBACK":
        assert got.reasons == [FILTER_INVALID]
        c.silent()
    else:
        assert got.kind == "DISCONNECT" and got.reason in (MALFORMED, PROTOCOL_ERROR, FILTER_INVALID), got
        c.gone()


def test_no_local_on_a_shared_subscription_ends_the_connection(mqtt, group):
    c = mqtt()
    c.send(packets.subscribe(7, [(f"$share/{group}/a", NO_LOCAL)]))
    c.ends(PROTOCOL_ERROR)


def test_nobody_publishes_to_a_shared_name(mqtt, group, topic):
    """`$share/…` is a filter's; as a topic name it is no member's."""
    member, sender = mqtt.near(), mqtt.far()
    member.subscribe((f"$share/{group}/{topic}", 1))
    sender.publish(f"$share/{group}/{topic}", b"x", 1, reason=(0, 0x10, 0x87, 0x90))
    member.nothing_from(sender)


# ---- shared out ----

@pytest.mark.parametrize("qos", [0, 1, 2])
def test_each_message_goes_to_one_member_and_every_member_has_its_share(mqtt, version, qos, group, topic):
    members = [m(version) for m in (mqtt.near, mqtt.far, mqtt.near, mqtt.far)]
    for c in members:
        c.subscribe((f"$share/{group}/{topic}", qos))
    sender = mqtt.far(version)
    for n in range(80):
        sender.publish(topic, f"{n}", qos)
    got = received(members, 80)
    assert sorted(int(g.payload) for mine in got for g in mine) == list(range(80))
    for mine in got:
        assert len(mine) >= 8, f"{[len(m) for m in got]}: somebody has next to nothing"
        assert all(g.qos == qos for g in mine)
        assert [int(g.payload) for g in mine] == sorted(int(g.payload) for g in mine)


def test_groups_and_plain_subscriptions_each_get_every_message(mqtt, version, group, topic):
    groups = [[mqtt.near(version), mqtt.far(version)] for _ in range(2)]
    for n, members in enumerate(groups):
        for c in members:
            c.subscribe((f"$share/{group}{n}/{topic}", 1))
    plain = mqtt.near(version)
    plain.subscribe((topic, 1))
    both = mqtt.far(version)
    both.subscribe((topic, 1), (f"$share/{group}both/{topic}", 1))
    sender = mqtt.far(version)
    for n in range(20):
        sender.publish(topic, f"{n}", 1)
    for members in groups:
        assert sorted(int(g.payload) for mine in received(members, 20) for g in mine) == list(range(20))
    assert [int(plain.message().payload) for _ in range(20)] == list(range(20))
    assert sorted(int(g.payload) for g in received([both], 40)[0]) == sorted(2 * list(range(20)))


def test_one_group_name_with_two_filters_is_two_subscriptions(mqtt, group, topic):
    a, b, sender = mqtt.near(), mqtt.far(), mqtt.far()
    a.subscribe((f"$share/{group}/{topic}/a", 1))
    b.subscribe((f"$share/{group}/{topic}/#", 1))
    for n in range(4):
        sender.publish(f"{topic}/a", f"{n}", 1)
    assert [len(mine) for mine in received([a, b], 8)] == [4, 4]


def test_wildcards_work_in_shared_filters(mqtt, group, topic):
    members, sender = [mqtt.near(), mqtt.far()], mqtt.far()
    for c in members:
        c.subscribe((f"$share/{group}/{topic}/+/x", 1))
    for name in ("a/x", "b/x", "a/y", "x"):
        sender.publish(f"{topic}/{name}", name, 1)
    got = received(members, 2)
    assert sorted(g.topic for mine in got for g in mine) == [f"{topic}/a/x", f"{topic}/b/x"]


def test_each_member_has_its_own_quality_and_identifier(mqtt, group, topic):
    low, high, sender = mqtt.near(), mqtt.far(), mqtt.far()
    low.subscribe((f"$share/{group}/{topic}", 0), properties={"subscription_id": 1})
    high.subscribe((f"$share/{group}/{topic}", 1), properties={"subscription_id": 2})
    for n in range(20):
        sender.publish(topic, f"{n}", 2)
    for mine, qos, number in zip(received([low, high], 20), (0, 1), (1, 2)):
        assert mine and all(g.qos == qos and g.properties == {"subscription_id": [number]} for g in mine)


# ---- members that come and go ----

def test_who_unsubscribes_or_leaves_gets_nothing_more_and_the_others_all(mqtt, version, group, topic):
    stays, unsubscribes, leaves = mqtt.near(version), mqtt.far(version), mqtt.near(version)
    for c in (stays, unsubscribes, leaves):
        c.subscribe((f"$share/{group}/{topic}", 1))
    unsubscribes.unsubscribe(f"$share/{group}/{topic}")
    leaves.leave()
    sender = mqtt.far(version)
    time.sleep(1.5)  # the group's home may be a third worker, which nobody can ask
    for n in range(10):
        sender.publish(topic, f"{n}", 1)
    assert [int(g.payload) for g in received([stays], 10)[0]] == list(range(10))
    unsubscribes.silent()


def test_a_member_that_is_away_does_not_keep_messages_from_those_who_are_there(mqtt, group, topic):
    kept = {"session_expiry": 60}
    away, there, sender = mqtt.near(properties=kept), mqtt.far(), mqtt.far()
    for c in (away, there):
        c.subscribe((f"$share/{group}/{topic}", 1))
    away.leave()
    time.sleep(1.5)
    for n in range(10):
        sender.publish(topic, f"{n}", 1)
    assert len(received([there], 10)[0]) == 10


def test_what_was_on_the_way_to_a_member_waits_for_it_and_goes_to_nobody_else(mqtt, group, topic):
    kept = {"session_expiry": 60}
    who, other, sender = mqtt.near(properties=kept), mqtt.far(), mqtt.far()
    who.subscribe((f"$share/{group}/{topic}", 2))
    for qos in (1, 2):
        sender.publish(topic, f"{qos}", qos)
        who.message(acknowledge=False, payload=b"%d" % qos)
    other.subscribe((f"$share/{group}/{topic}", 2))
    who.cut()
    other.nothing_from(sender)
    back = mqtt(who.client_id, clean=False, properties=kept)
    for qos in (1, 2):
        back.message(payload=b"%d" % qos, dup=1)
    back.silent()


def test_what_a_member_refuses_or_takes_with_it_goes_to_nobody_else(mqtt, group, topic):
    who, other, sender = mqtt.near(), mqtt.far(), mqtt.far()
    who.subscribe((f"$share/{group}/{topic}", 1))
    sender.publish(topic, b"refused", 1)
    who.acknowledge("PUBACK", who.message(acknowledge=False).pid, 0x80)
    sender.publish(topic, b"taken along", 1)
    who.message(acknowledge=False)
    other.subscribe((f"$share/{group}/{topic}", 1))
    who.cut()  # and its session ends
    other.nothing_from(sender)
    assert mqtt(who.client_id, clean=False).present == 0


def test_a_kept_session_comes_back_as_a_member(mqtt, version, group, topic):
    opening = {"clean": False, **({"properties": {"session_expiry": 60}} if version == V5 else {})}
    who, sender = mqtt.near(version, **opening), mqtt.far(version)
    who.subscribe((f"$share/{group}/{topic}", 1))
    who.leave()
    time.sleep(1.5)
    sender.publish(topic, b"away", 1)  # nobody else is there: it waits for this one
    back = mqtt(who.client_id, version, **opening)
    assert back.present == 1
    back.message(payload=b"away")
    sender.publish(topic, b"there", 1)
    back.message(payload=b"there")


def test_members_of_both_versions_share(mqtt, group, topic):
    members, sender = [mqtt.near(V311), mqtt.far(V5)], mqtt.far(V311)
    for c in members:
        c.subscribe((f"$share/{group}/{topic}", 1))
    for n in range(20):
        sender.publish(topic, f"{n}", 1)
    got = received(members, 20)
    assert all(got) and sorted(int(g.payload) for mine in got for g in mine) == list(range(20))
