"""The preset `strict`, which does as the cloud does: client IDs and topics by the product's rules, groups and parent topics that
exist, its limits; and connections that end where others are only told no. The table: docs/strict.md."""
import json
import time

import pytest
from harness import packets
from harness.logins import BAD_CLIENT_ID, NOT_AUTHORIZED, call, identity, peer, permit, signed, token, with_token
from harness.mqtt import password
from harness.packets import V5, V31, V311
from harness.stack import Stack

BOTH = pytest.mark.parametrize("version", [V311, V5])
NAMES = (f"GID_strict@@@{n}" for n in range(10**6))


def make_group(stack, name="GID_strict"):
    call(stack, "CreateGroupId", GroupId=name)


def parent(stack, topic, operation="CreateParentTopic"):
    reply = stack.api.v3(operation, {"MqttInstanceId": stack.instance, "Topic": topic})
    assert reply.status == 200, reply
    stack.applied(reply)


@pytest.fixture(scope="module")
def empty(cluster):
    """Neither groups nor parent topics."""
    s = Stack(cluster, env={"SIGNET_PRESET": "strict"})
    yield s
    s.close()


@pytest.fixture
def strict(open_stack):
    s = open_stack(env={"SIGNET_PRESET": "strict"})
    make_group(s)
    parent(s, "Pumps")
    return s


def client(stack, **opening):
    return signed(stack, next(NAMES), **opening)


def within_a_second(began):
    assert time.monotonic() - began < 10  # on a machine that may stall


# ---- CONNECT ----

@BOTH
@pytest.mark.parametrize("name", ["", "pump", "GID_strict", "GID_strict@@@", "@@@1", "GID_strict@@1", "GID_strict@@@" + "1" * 52])
def test_a_client_id_is_group_and_device(empty, version, name):
    peer(empty, f"Signature|{empty.key_id}|{empty.instance}", password(empty.secret, name), name, version,
         reason=BAD_CLIENT_ID[version])


@BOTH
def test_a_group_that_does_not_exist_lets_nobody_in(strict, version):
    for name in ["GID_other@@@1", "GID_strict1@@@1", "gid_strict@@@1", "GID_stric@@@t"]:
        signed(strict, name, version=version, reason=NOT_AUTHORIZED[version])
    signed(strict, "GID_strict@@@" + "1" * 51, version=version)
    p = client(strict, version=version)
    began = time.monotonic()
    call(strict, "DeleteGroupId", GroupId="GID_strict")
    p.ends(0x87)
    within_a_second(began)
    signed(strict, next(NAMES), version=version, reason=NOT_AUTHORIZED[version])
    make_group(strict)
    client(strict, version=version)


@BOTH
def test_there_are_no_wills(strict, version):
    client(strict, version=version, will={"topic": "Pumps/1"}, reason=NOT_AUTHORIZED[version])


# ---- topics ----

@BOTH
@pytest.mark.parametrize("topic, reason", [
    ("Valves/1", 0x87), ("Pump", 0x87), ("Pumps1/x", 0x87),
    ("Pumps/ä", 0x90), ("Pumps/a b", 0x90), ("Pumps/@@@", 0x90), ("Pumps/.", 0x90), ("Pumps/" + "x" * 59, 0x90), ("Pu", 0x90),
    ("/Pumps", 0x87), ("p2p/Pumps/x", 0x87), ("$SYS/uploadToken", 0x87), ("Valves/p2p/GID_strict@@@1", 0x87)])
def test_a_publish_elsewhere_ends_the_connection(module_strict, version, topic, reason):
    watcher = client(module_strict)
    watcher.subscribe("Pumps/#")
    p = client(module_strict, version=version)
    p.send_publish(topic, b"x", qos=1)
    p.ends(reason)
    watcher.silent()


@BOTH
@pytest.mark.parametrize("wanted, reason", [
    ("Valves/#", 0x87), ("#", 0x8F), ("+/1", 0x87), ("+/x/y", 0x87), ("Pumps/ä", 0x8F), ("Pumps/" + "x" * 59, 0x8F), ("$SYS/#", 0x8F),
    ("$share/g/Pumps/1", 0x9E), ("$share/g/Valves/1", 0x9E)])
def test_a_subscription_elsewhere_ends_the_connection(module_strict, version, wanted, reason):
    p = client(module_strict, version=version)
    p.send(packets.subscribe(1, [("Pumps/1", 0), (wanted, 0)], version))
    p.ends(reason)


@pytest.fixture(scope="module")
def module_strict(empty):
    make_group(empty)
    parent(empty, "Pumps")
    return empty


@BOTH
def test_topics_below_a_parent_of_any_case_are_fine(strict, version):
    p = client(strict, version=version)
    p.subscribe("Pumps", "pumps/+/x", "PUMPS/#", "Pumps/p2p/" + "x" * 44)
    for topic in ["pumps/1/x", "PUMPS/a-b_c/0", "Pumps/" + "x" * 58, "Pumps"]:
        p.publish(topic, b"", 1)


@BOTH
def test_a_p2p_topic_may_be_longer(strict, version):
    name = "GID_strict@@@" + "r" * 51
    receiver, sender = signed(strict, name, version=version), client(strict, version=version)
    sender.publish(f"Pumps/p2p/{name}", b"for you", 1)
    receiver.message(topic=f"Pumps/p2p/{name}", payload=b"for you")


@BOTH
def test_a_parent_topic_that_is_deleted_takes_its_clients_along(strict, version):
    parent(strict, "valves")
    subscriber, publisher, other = (client(strict, version=version) for _ in range(3))
    subscriber.subscribe("Valves/1")
    publisher.publish("Valves/1", b"", 1)
    subscriber.message(topic="Valves/1")
    other.subscribe("Pumps/1")
    began = time.monotonic()
    parent(strict, "Valves", "DeleteParentTopic")
    subscriber.ends(0x87)
    within_a_second(began)
    other.ping()
    publisher.send_publish("Valves/1", b"", qos=1)
    publisher.ends(0x87)


# ---- the modes within it ----

@BOTH
def test_who_has_no_right_is_cut_off_too(strict, version):
    identity(strict, "pump", "horseless-5511")
    permit(strict, "pump", "Pumps/1")
    for wanted in ("Pumps/2", "Pumps/#"):
        p = peer(strict, "pump", "horseless-5511", next(NAMES), version)
        p.publish("Pumps/1", b"", 1)
        p.send_publish(wanted.replace("#", "3"), b"", qos=1)
        p.ends(0x87)
    p = with_token(strict, "RW|" + token(strict, ["Pumps/1"]), next(NAMES), version=version)
    p.send_publish("Pumps/2", b"", qos=1)
    got = p.message(topic="$SYS/tokenInvalidNotice")
    assert json.loads(got.payload) == {"code": 4, "type": "W"}
    p.ends(0x87)


# ---- limits ----

@BOTH
def test_a_message_has_64_kb_and_a_client_30_subscriptions(strict, version):
    p, watcher = client(strict, version=version), client(strict)
    watcher.subscribe("Pumps/1")
    p.publish("Pumps/1", bytes(65536), 1)
    assert len(watcher.message().payload) == 65536
    p.send_publish("Pumps/1", bytes(65537), qos=1)
    p.ends(0x95)
    watcher.silent()
    p = client(strict, version=version)
    p.subscribe(*[f"Pumps/{n}" for n in range(30)])
    p.send(packets.subscribe(99, [("Pumps/31", 0)], version))
    p.ends(0x97)


def test_retained_messages_end_the_connection(strict):
    p = client(strict)
    p.send_publish("Pumps/1", b"x", qos=1, retain=True)
    p.ends(0x9A)


def test_send_message_goes_below_parent_topics_only(strict):
    p = client(strict)
    p.subscribe("Pumps/#")
    call(strict, "SendMessage", MqttTopic="Pumps/1", Payload="from the cloud")
    p.message(topic="Pumps/1", payload=b"from the cloud")
    reply = strict.api.v3("SendMessage", {"InstanceId": strict.instance, "MqttTopic": "Valves/1", "Payload": "x"})
    assert reply.status >= 400, reply


@pytest.mark.parametrize("version", [V31])
def test_the_oldest_protocol_has_the_same_rules(strict, version):
    p = client(strict, version=version)
    p.send_publish("Valves/1", b"x", qos=1)
    p.gone()
