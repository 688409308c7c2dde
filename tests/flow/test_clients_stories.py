"""Real clients through what every version of MQTT has. Sender and receiver are the same client over the same transport."""
import os

import pytest
from client_cells import DOMAIN, SECOND, UNKNOWN, party, place, told  # noqa: F401  fixtures
from harness.certs import Authority
from harness.homes import name
from harness.process import wait_until
from harness.real_clients import V5, V311, Refused

LARGE = 256 * 1024
KEPT = {"sessionExpiryInterval": 600}


def refusal(party, **opening):
    with pytest.raises(Refused) as refused:
        party.join("refused", **opening)
    return refused.value.reason


def numbered(count):
    return [f"message {n}".encode() for n in range(count)]


# ---- refused ----

@told
def test_who_signs_wrongly_is_refused_and_hears_why(place, party):
    key_id, secret, instance = place.stack.login()
    bad_login = 0x86 if party.version == V5 else 4
    assert refusal(party, login=(key_id, "wrong", instance)) == bad_login
    assert refusal(party, username="somebody", pw="something") in (bad_login, bad_login + 1)
    member = party.join("welcome")
    assert member.granted == [0]
    member.leave()


@told
def test_the_certificate_of_the_name_is_served_and_checked(party, tmp_path):
    stranger = Authority(tmp_path / "stranger", "Another CA")
    assert refusal(party, ca=stranger.crt_path) == -1, "the CA is another"
    assert refusal(party, domain=UNKNOWN) == -1, "the default certificate has another name"
    for domain in (DOMAIN, SECOND):
        assert party.join("welcome", domain=domain).granted == [0]


# ---- messages ----

@told
def test_messages_come_once_in_their_order_with_their_quality(party, topic):
    for qos in (0, 1, 2):
        to = party.join((f"{topic}/{qos}/+", qos))
        assert to.granted == [qos]
        party.publish(f"{topic}/{qos}/a", *numbered(20), qos=qos)
        party.publish(f"{topic}/{qos}/b", b"last", qos=qos)
        got = to.messages(21, qos=qos, retain=False)
        assert [m.payload for m in got] == [*numbered(20), b"last"]
        assert [m.topic for m in got] == [f"{topic}/{qos}/a"] * 20 + [f"{topic}/{qos}/b"]
        to.leave()


@told
def test_a_subscription_lowers_the_quality_and_never_raises_it(party, topic):
    for asked in (0, 1, 2):
        to = party.join((f"{topic}/{asked}", asked))
        for sent in (0, 1, 2):
            party.publish(f"{topic}/{asked}", f"{sent}", qos=sent)
            to.message(payload=b"%d" % sent, qos=min(asked, sent))
        to.leave()


@told
def test_a_retained_message_waits_for_later_subscribers_until_it_is_cleared(party, topic):
    early = party.join((topic, 1))
    party.publish(topic, b"first", qos=1, retain=True)
    party.publish(topic, b"second", qos=1, retain=True)
    early.message(payload=b"first", retain=False)
    early.message(payload=b"second", retain=False)
    late = party.join((topic, 1))
    late.message(payload=b"second", retain=True, qos=1)
    party.publish(topic, b"", qos=1, retain=True)
    early.message(payload=b"", retain=False)
    later = party.join((topic, 1))
    party.publish(topic, b"not retained", qos=1)
    later.message(payload=b"not retained", retain=False)


@told
def test_the_will_of_a_killed_client_comes_and_of_one_that_leaves_does_not(party, topic):
    watcher = party.join((topic, 1))
    leaves = name()
    party.visit(client_id=leaves, will={"topic": topic, "payload": b"left", "qos": 1})
    party.gone(leaves)
    dies = party.join(own=True, will={"topic": topic, "payload": b"killed", "qos": 1})
    dies.kill()
    watcher.message(payload=b"killed", qos=1, retain=False)
    keeps = party.join(own=True, will={"topic": topic, "payload": b"kept", "qos": 1, "retain": True})
    keeps.kill()
    watcher.message(payload=b"kept", retain=False)
    party.join((topic, 1)).message(payload=b"kept", retain=True)
    party.publish(topic, b"", qos=1, retain=True)


@told
def test_three_members_share_and_each_message_goes_to_one(party, topic):
    members = [party.join((f"$share/g/{topic}", 1)) for _ in range(3)]
    party.publish(topic, *numbered(60), qos=1)
    got = [[] for _ in members]

    def look():
        for mine, member in zip(got, members):
            mine += member.waiting()
        return sum(map(len, got)) >= 60

    wait_until(look, what="60 messages")
    assert sorted(m.payload for mine in got for m in mine) == sorted(numbered(60))
    assert min(map(len, got)) >= 10, [len(mine) for mine in got]
    for member in members:
        member.leave()
        assert member.waiting() == []


@told
def test_256_kib_arrive_to_the_byte(party, topic):
    to = party.join((topic, 2))
    for qos in (0, 1, 2):
        large = os.urandom(LARGE)
        party.publish(topic, large, qos=qos)
        assert to.message(qos=qos).payload == large
    # both ways at once
    party.publish(topic, b"small", qos=2)
    to.message(payload=b"small")


@told
def test_a_session_is_kept_and_what_came_meanwhile_comes_in_order(party, topic):
    kept = {"clean": False, "properties": KEPT}
    first = party.join((topic, 2), **kept)
    assert first.present in (False, None)
    party.publish(topic, b"there", qos=2)
    first.message(payload=b"there")
    first.leave()
    party.gone(first.client_id)
    for qos in (1, 2):
        party.publish(topic, *(b"away %d %d" % (qos, n) for n in range(15)), qos=qos)
    # mosquitto_sub always subscribes
    again = party.join(*([(topic, 2)] if party.client == "mosquitto" else []), client_id=first.client_id, **kept)
    # MQTT 3.1 has no bit for it, mosquitto_sub does not show it
    assert again.present is {V311: True, V5: True}.get(party.version, again.present) or party.client == "mosquitto"
    got = again.messages(30)
    assert [m.payload for m in got] == [b"away %d %d" % (qos, n) for qos in (1, 2) for n in range(15)]
    assert [m.qos for m in got] == [1] * 15 + [2] * 15
    party.publish(topic, b"back", qos=1)
    again.message(payload=b"back")
    again.leave()
    party.gone(again.client_id)
    party.publish(topic, b"not for the next", qos=1)
    fresh = party.join((topic, 1), client_id=first.client_id, properties={"sessionExpiryInterval": 0})
    assert fresh.present in (False, None)
    party.publish(topic, b"for the next", qos=1)
    fresh.message(payload=b"for the next")
