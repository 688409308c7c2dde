"""The mode Custom: identities, permissions and the black list, as clients of 3.1.1 and 5.0 meet them."""
import time

import pytest
from harness.logins import (BAD_LOGIN, BANNED, NOT_AUTHORIZED, blacken, call, client_id, forbid, identity, no_identity, peer, permit,
                            signed)
from harness.mqtt import password
from harness.packets import V5, V311
from harness.process import wait_until

BOTH = pytest.mark.parametrize("version", [V311, V5])
DENIED = 0x87


def refusals(stack, name):
    return stack.status()["refused"][name]


@pytest.fixture
def user(stack):
    identity(stack, "pump", "horseless-5511")
    return stack


def pump(stack, **opening):
    return peer(stack, "pump", "horseless-5511", **opening)


# ---- refusals at CONNECT ----

@BOTH
def test_who_is_not_known_and_who_has_the_wrong_password_get_the_same_answer(user, version):
    name = client_id()
    identity(user, "valve", "s1gned-secret", mode="SIGNED")
    identity(user, "pump", "only-of-this-one", name=name)
    for login, pw in [("nobody", "horseless-5511"), ("pump", "horseless-5512"), ("pump", ""), ("Pump", "horseless-5511"),
                      ("pump", password("horseless-5511", name)),  # ORIGIN sends the secret, SIGNED what it makes of the ID
                      ("valve", "s1gned-secret"), ("valve", password("s1gned-secret", name + "x")),
                      ("pump|x|y", "horseless-5511"), ("", "horseless-5511"), ("Custom|pump|" + user.instance, "horseless-5511")]:
        peer(user, login, pw, name, version, reason=BAD_LOGIN[version])
    # the identity of the client ID comes before that of the user name, also when only the latter's password is right
    peer(user, "pump", "horseless-5511", name, version, reason=BAD_LOGIN[version])
    assert refusals(user, "bad_login") == 11


@BOTH
def test_a_client_id_on_the_black_list_is_refused_in_every_mode(user, version):
    name = client_id()
    blacken(user, name)
    signed(user, name, version=version, reason=BANNED[version])
    pump(user, name=name, version=version, reason=BANNED[version])
    pump(user, name=name + "1", version=version)
    blacken(user, name, "DeleteCustomAuthConnectBlack")
    pump(user, name=name, version=version)
    assert refusals(user, "black_listed") == 2


@BOTH
def test_a_will_needs_the_right_to_publish_it(user, version):
    permit(user, "pump", "pumps/+/state", "PUB")
    permit(user, "pump", "pumps/orders", "SUB")
    for topic in ["pumps/orders", "valves/1/state", "pumps/1/state/x", "$SYS/uploadToken", "$SYS/x"]:
        pump(user, version=version, will={"topic": topic, "payload": b"gone"}, reason=NOT_AUTHORIZED[version])
    signed(user, version=version, will={"topic": "$SYS/x"}, reason=NOT_AUTHORIZED[version])
    watcher = signed(user)
    watcher.subscribe("pumps/#")
    pump(user, version=version, will={"topic": "pumps/1/state", "payload": b"gone"}).cut()
    watcher.message(topic="pumps/1/state", payload=b"gone")


# ---- refusals of what it then does ----

@BOTH
def test_nothing_is_allowed_that_no_permission_allows(user, version):
    watcher = signed(user)
    watcher.subscribe("#")
    p = pump(user, version=version)
    refused = 0x87 if version == V5 else 0x80
    assert p.subscribe("pumps", "#", "$share/g/pumps", "$SYS/#", granted=False) == [refused] * 4
    if version == V5:
        p.publish("pumps", b"x", 1, reason=DENIED)
        p.publish("pumps", b"x", 2, reason=DENIED)
        p.publish("pumps", b"x", 0)
        p.publish("pumps", b"x", 1, reason=DENIED, retain=True)
        p.ping()
    else:
        p.send_publish("pumps", b"x", qos=1)
        p.gone()
    watcher.nothing_from(signed(user))


@BOTH
def test_a_filter_must_be_covered_as_a_whole(user, version):
    permit(user, "pump", "pumps/+", "SUB")
    permit(user, "pump", "halls/#", "SUB")
    p = pump(user, version=version)
    no = 0x87 if version == V5 else 0x80
    for wanted, answer in [("pumps/1", 0), ("pumps/+", 0), ("pumps/#", no), ("pumps", no), ("pumps/1/x", no), ("+/1", no), ("+/+", no),
                           ("#", no), ("halls", 0), ("halls/#", 0), ("halls/+/x/#", 0), ("hall/#", no), ("+", no),
                           ("$share/g/halls/1", 0), ("$share/g/pumps/#", no), ("$share/halls/pumps/1/2", no), ("$SYS/broker/x", no)]:
        assert p.subscribe(wanted, granted=False) == [answer], wanted


@BOTH
def test_what_is_denied_is_not_seen_through_a_wildcard_either(user, version):
    permit(user, "pump", "pumps/#")
    permit(user, "pump", "pumps/secret/#", "SUB", "DENY")
    permit(user, "pump", "pumps/+/off", "PUB", "DENY")
    p = pump(user, version=version)
    no = 0x87 if version == V5 else 0x80
    for wanted, answer in [("pumps/secret", no), ("pumps/secret/x", no), ("pumps/#", no), ("pumps/+", no), ("pumps/+/x", no),
                           ("$share/g/pumps/#", no), ("pumps/open/#", 0), ("pumps/1", 0)]:
        assert p.subscribe(wanted, granted=False) == [answer], wanted
    p.publish("pumps/secret/x", b"write only", 1)
    if version == V5:
        p.publish("pumps/1/off", b"", 1, reason=DENIED)
    else:
        p.send_publish("pumps/1/off", b"", qos=1)
        p.gone()


def test_a_client_identity_denies_what_its_user_may(user):
    name, other = client_id(), client_id()
    permit(user, "pump", "pumps/#")
    permit(user, name, "pumps/2/#", "PUB", "DENY", kind="CLIENT")
    permit(user, name, "halls/1", "PUB", kind="CLIENT")
    mine, theirs = pump(user, name=name), pump(user, name=other)
    mine.publish("pumps/1", b"", 1)
    mine.publish("halls/1", b"", 1)
    mine.publish("pumps/2/x", b"", 1, reason=DENIED)
    theirs.publish("pumps/2/x", b"", 1)
    theirs.publish("halls/1", b"", 1, reason=DENIED)


def test_a_topic_alias_is_no_way_round(user):
    permit(user, "pump", "pumps/1", "PUB")
    watcher = signed(user)
    watcher.subscribe("#")
    p = pump(user)
    p.publish("valves/1", b"no", 1, reason=DENIED, properties={"topic_alias": 1})
    p.publish("", b"no", 1, reason=DENIED, properties={"topic_alias": 1})
    p.publish("pumps/1", b"yes", 1, properties={"topic_alias": 1})
    p.publish("", b"yes", 1, properties={"topic_alias": 1})
    p.publish("valves/1", b"no", 1, reason=DENIED, properties={"topic_alias": 1})
    p.publish("", b"no", 1, reason=DENIED, properties={"topic_alias": 1})
    for _ in range(2):
        watcher.message(topic="pumps/1", payload=b"yes")
    watcher.nothing_from(signed(user))


def test_what_is_retained_is_not_shown_to_who_may_not_subscribe(user):
    permit(user, "pump", "pumps/#", "SUB")
    signed(user).publish("valves/1", b"secret", 1, retain=True)
    signed(user).publish("pumps/1", b"open", 1, retain=True)
    p = pump(user)
    assert p.subscribe("valves/1", "+/1", "#", granted=False) == [DENIED] * 3
    p.silent()
    p.subscribe("pumps/+")
    p.message(topic="pumps/1", payload=b"open")


def test_a_p2p_message_is_judged_by_its_whole_topic_when_it_is_sent(user):
    target, other = client_id(), client_id()
    permit(user, "pump", f"pumps/p2p/{target}", "PUB")
    receiver, stranger = pump(user, name=target), pump(user, name=other)
    sender = pump(user)
    sender.publish(f"pumps/p2p/{other}", b"no", 1, reason=DENIED)
    sender.publish(f"valves/p2p/{target}", b"no", 1, reason=DENIED)
    sender.publish(f"pumps/p2p/{target}", b"for you", 1)
    receiver.message(topic=f"pumps/p2p/{target}", payload=b"for you")
    stranger.silent()


# ---- what goes right ----

@BOTH
def test_origin_and_signed_and_both_identities_sign_in(user, version):
    name = client_id()
    identity(user, "valve", "s1gned-secret", mode="SIGNED")
    identity(user, "valve", "of-this-one", name=name, mode="ORIGIN")
    other = client_id()
    pump(user, version=version)
    peer(user, "valve", password("s1gned-secret", other), other, version)
    peer(user, "valve", "of-this-one", name, version)


@BOTH
def test_what_is_permitted_goes_from_one_to_the_other(user, version):
    permit(user, "pump", "pumps/+/state", "PUB")
    permit(user, "pump", "pumps/#", "SUB")
    receiver, sender = pump(user, version=version), pump(user, version=version)
    receiver.subscribe(("pumps/#", 1), ("$share/g/pumps/2/+", 1))
    for qos in (0, 1, 2):
        sender.publish("pumps/1/state", f"qos {qos}", qos)
        receiver.message(topic="pumps/1/state", payload=f"qos {qos}".encode())


# ---- live changes ----

def within_a_second(began):
    assert time.monotonic() - began < 10  # on a machine that may stall; the answer has said that it is applied


@BOTH
def test_a_removed_identity_ends_its_connections_and_no_other(user, version):
    name, kept = client_id(), client_id()
    identity(user, "pump", "of-this-one", name=name)
    permit(user, "pump", "pumps/#")
    mine, theirs = peer(user, "pump", "of-this-one", name, version), pump(user, name=kept, version=version)
    began = time.monotonic()
    no_identity(user, "pump", name)
    mine.ends(0x87)
    within_a_second(began)
    theirs.ping()
    began = time.monotonic()
    no_identity(user, "pump")
    theirs.ends(0x87)
    within_a_second(began)
    pump(user, version=version, reason=BAD_LOGIN[version])
    assert refusals(user, "identity_gone") == 2


@BOTH
def test_a_client_that_is_put_on_the_black_list_goes_and_leaves_no_will(user, version):
    watcher = signed(user)
    watcher.subscribe("will/#")
    name = client_id()
    p = signed(user, name, version=version, will={"topic": "will/1", "payload": b"gone"})
    other = signed(user, version=version)
    began = time.monotonic()
    blacken(user, name)
    p.ends(0x98)
    within_a_second(began)
    other.ping()
    watcher.nothing_from(signed(user))


def test_a_right_to_publish_comes_and_goes_while_connected(user):
    senders = [pump(user) for _ in range(4)]  # on both workers
    for p in senders:
        p.publish("pumps/1", b"", 1, reason=DENIED)
    permit(user, "pump", "pumps/#", "PUB")
    for p in senders:
        p.publish("pumps/1", b"", 1)
    permit(user, "pump", "pumps/1", "PUB", "DENY")
    for p in senders:
        p.publish("pumps/1", b"", 1, reason=DENIED)
        p.publish("pumps/2", b"", 1)
    call(user, "UpdateCustomAuthPermission", Identity="pump", IdentityType="USER", Topic="pumps/1", PermitAction="PUB",
         Effect="ALLOW")
    for p in senders:
        p.publish("pumps/1", b"", 1)
    forbid(user, "pump", "pumps/1")
    forbid(user, "pump", "pumps/#")
    for p in senders:
        p.publish("pumps/1", b"", 1, reason=DENIED)


@BOTH
@pytest.mark.parametrize("wanted", ["pumps/1", "$share/g/pumps/1"])
def test_who_loses_the_right_to_a_subscription_is_cut_and_its_session_discarded(user, version, wanted):
    permit(user, "pump", "pumps/#", "SUB")
    permit(user, "pump", "halls/1", "SUB")
    name, other = client_id(), client_id()
    keeps = {"clean": False, **({"properties": {"session_expiry": 600}} if version == V5 else {})}
    p, stays = pump(user, name=name, version=version, **keeps), pump(user, name=other, version=version, **keeps)
    p.subscribe((wanted, 1), ("halls/1", 1))
    stays.subscribe(("halls/1", 1))
    permit(user, "pump", "pumps/2", "SUB", "DENY")
    p.ping()  # it has nothing to do with it
    began = time.monotonic()
    forbid(user, "pump", "pumps/#")
    p.ends(0x87)
    within_a_second(began)
    stays.ping()
    signed(user).publish("halls/1", b"for those who are there", 1)
    stays.message(payload=b"for those who are there")
    again = pump(user, name=name, version=version, **keeps)
    assert not again.present
    again.silent()
    assert refusals(user, "right_gone") == 1


def test_who_loses_the_right_to_its_will_is_cut_without_it(user):
    watcher = signed(user)
    watcher.subscribe("#")
    permit(user, "pump", "pumps/#", "PUB")
    p = pump(user, will={"topic": "pumps/1", "payload": b"gone", "properties": {"will_delay": 0}})
    permit(user, "pump", "pumps/1", "PUB", "DENY")
    p.ends(0x87)
    watcher.nothing_from(signed(user))


@BOTH
def test_a_kept_session_is_judged_anew_when_its_client_comes_back(user, version):
    permit(user, "pump", "pumps/#", "SUB")
    name = client_id()
    keeps = {"clean": False, **({"properties": {"session_expiry": 600}} if version == V5 else {})}
    p = pump(user, name=name, version=version, **keeps)
    p.subscribe(("pumps/1", 1))
    p.cut()
    wait_until(lambda: user.status()["counters"]["sessions_connected"] == 0, what="the session to be offline")
    signed(user).publish("pumps/1", b"waits", 1)
    p = pump(user, name=name, version=version, **keeps)
    assert p.present
    p.message(payload=b"waits")
    p.cut()
    wait_until(lambda: user.status()["counters"]["sessions_connected"] <= 1, what="the session to be offline")
    signed(user).publish("pumps/1", b"came while it might", 1)
    forbid(user, "pump", "pumps/#")
    p = pump(user, name=name, version=version, **keeps)
    assert not p.present
    p.silent()


def test_a_session_of_another_mode_is_not_taken_over_with_what_is_not_allowed(user):
    name = client_id()
    signed(user, name, clean=False, properties={"session_expiry": 600}).subscribe(("secret/#", 1))
    permit(user, "pump", "pumps/#")
    p = pump(user, name=name, clean=False, properties={"session_expiry": 600})
    assert not p.present
    signed(user).publish("secret/1", b"x", 1)
    p.silent()


def test_after_a_restart_everything_is_as_before(user):
    permit(user, "pump", "pumps/#", "SUB")
    name = client_id()
    p = pump(user, name=name, clean=False, properties={"session_expiry": 600})
    p.subscribe(("pumps/1", 1))
    user.broker.stop()
    user.start_broker()
    p = pump(user, name=name, clean=False, properties={"session_expiry": 600})
    assert p.present
    p.publish("pumps/1", b"", 1, reason=DENIED)
    signed(user).publish("pumps/1", b"x", 1)
    p.message(payload=b"x")
    user.broker.stop()
    forbid_offline(user)
    user.start_broker()
    assert not pump(user, name=name, clean=False, properties={"session_expiry": 600}).present


def forbid_offline(stack):
    """While no broker is there to apply it."""
    reply = stack.api.v3("DeleteCustomAuthPermission", {"InstanceId": stack.instance, "Identity": "pump", "IdentityType": "USER",
                                                        "Topic": "pumps/#"})
    assert reply.status == 200, reply
