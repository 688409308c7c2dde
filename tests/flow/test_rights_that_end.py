"""Rights that end while something of their owner is still to come: retained messages, waiting ones, wills."""
import pytest
from harness.logins import (NOT_AUTHORIZED, blacken, call, client_id, forbid, identity, no_identity, peer, permit, signed, token,
                            upload, with_token)
from harness.packets import V5
from harness.tokens import made, token_key

SECRET = "horseless-5511"
HOARD = 1100  # more than may wait before the broker stops to show what is retained


@pytest.fixture
def stack(open_stack):
    return open_stack(workers=2)


def retained_after(stack, p):
    """What comes of secret/# while p takes everything that waits for it."""
    signed(stack).publish("secret/plan", b"made afterwards", 1, retain=True)
    topics = {p.message().topic for _ in range(HOARD)}
    p.silent()
    return {t for t in topics if t.startswith("secret")}


def test_no_retained_message_comes_after_unsubscribe(stack):
    p = signed(stack, properties={"receive_max": 1})
    p.subscribe(("own/q", 1))
    for _ in range(HOARD):
        p.publish("own/q", b"x", 1)
    p.subscribe(("secret/#", 1))
    p.unsubscribe("secret/#")
    assert retained_after(stack, p) == set()


def test_no_retained_message_comes_when_the_right_to_it_is_gone(stack):
    identity(stack, "pump", SECRET)
    permit(stack, "pump", "own/#")
    permit(stack, "pump", "secret/#", "SUB")
    p = peer(stack, "pump", SECRET, properties={"receive_max": 1})
    p.subscribe(("own/q", 1))
    for _ in range(HOARD):
        p.publish("own/q", b"x", 1)
    p.subscribe(("secret/#", 1))
    p.unsubscribe("secret/#")
    forbid(stack, "pump", "secret/#")
    assert retained_after(stack, p) == set()


def test_a_subscription_ends_with_the_token_that_allowed_it_though_another_is_uploaded(stack):
    token(stack, ["first"])
    key = token_key(stack)

    def of(topics, actions):
        return made(key, stack.instance, topics, ends_in=3600, actions=actions, access_key=stack.key_id)
    p = with_token(stack, f"R|{of(['secret/#'], 1)}|W|{of(['w/#'], 2)}")
    p.subscribe(("secret/#", 1))
    p.publish("$SYS/uploadToken", upload(of(["harmless"], 1), "R"), 1)
    p.ends(NOT_AUTHORIZED[V5])


def test_who_may_not_see_the_messages_of_a_session_does_not_resume_it(stack):
    """They came by a subscription that is no more."""
    identity(stack, "pump", SECRET)
    permit(stack, "pump", "secret/#", "SUB")
    identity(stack, "valve", SECRET)
    name, kept = client_id(), {"session_expiry": 600, "receive_max": 1}
    p = peer(stack, "pump", SECRET, name, clean=False, properties=kept)
    p.subscribe(("secret/#", 1))
    sender = signed(stack)
    for n in range(5):
        sender.publish("secret/plan", b"%d" % n, 1)
    p.unsubscribe("secret/#")
    p.cut()
    other = peer(stack, "valve", SECRET, name, clean=False, properties=kept)
    assert not other.present
    other.silent()


def lost(connect):
    connect({"topic": "pumps/1", "payload": b"will", "retain": True, "properties": {"will_delay": 5}}).cut()


KEPT = {"properties": {"session_expiry": 60}}


def without_identity(stack):
    identity(stack, "pump", SECRET)
    permit(stack, "pump", "pumps/#", "PUB")
    lost(lambda will: peer(stack, "pump", SECRET, will=will, **KEPT))
    no_identity(stack, "pump")


def without_permission(stack):
    identity(stack, "pump", SECRET)
    permit(stack, "pump", "pumps/#", "PUB")
    lost(lambda will: peer(stack, "pump", SECRET, will=will, **KEPT))
    forbid(stack, "pump", "pumps/#")


def on_the_black_list(stack):
    name = client_id()
    lost(lambda will: signed(stack, name, will=will, **KEPT))
    blacken(stack, name)


def without_token(stack):
    t = token(stack, ["pumps/#"])
    lost(lambda will: with_token(stack, "RW|" + t, will=will, **KEPT))
    call(stack, "RevokeToken", Token=t)


@pytest.mark.parametrize("loses", [without_identity, without_permission, on_the_black_list, without_token])
def test_a_delayed_will_of_one_who_has_lost_the_right_is_not_published(stack, loses):
    """One of somebody else, which is due later, is: so the other's time has come."""
    witness = signed(stack)
    witness.subscribe(("pumps/#", 1))
    loses(stack)
    signed(stack, will={"topic": "pumps/last", "payload": b"will", "properties": {"will_delay": 7}}, **KEPT).cut()
    assert witness.message().topic == "pumps/last"
    witness.silent()


@pytest.mark.parametrize("keeps", [without_identity, without_permission, on_the_black_list, without_token])
def test_a_delayed_will_of_one_who_has_lost_nothing_is(stack, keeps, monkeypatch):
    for change in ("no_identity", "forbid", "blacken"):
        monkeypatch.setitem(globals(), change, lambda *_: None)
    monkeypatch.setitem(globals(), "call", lambda *_, **__: None)
    witness = signed(stack)
    witness.subscribe(("pumps/#", 1))
    keeps(stack)
    assert witness.message().topic == "pumps/1"
