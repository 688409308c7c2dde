"""What the broker says of itself in `$SYS` topics (§4.7.2), and what the preset `strict` does not have (§3.2.2.3)."""
import pytest
from harness import packets
from harness.expect import answered
from harness.packets import V311

RETAIN_NOT_SUPPORTED, SHARED_NOT_SUPPORTED = 0x9A, 0x9E


@pytest.fixture(scope="module")
def workers():
    return 2


@pytest.fixture
def reporting(open_stack, clients_of):
    return clients_of(open_stack(env={"SIGNET_SYS_SECONDS": 1}))


@pytest.fixture
def strict(open_stack, clients_of):
    """With the group of the clients and a parent topic, without which it lets nobody in."""
    s = open_stack(env={"SIGNET_PRESET": "strict"})
    answered(s.api.v3("CreateGroupId", {"InstanceId": s.instance, "GroupId": "GID_s01"}), "CreateGroupId")
    answered(s.api.v3("CreateParentTopic", {"MqttInstanceId": s.instance, "Topic": "parent"}), "CreateParentTopic")
    return clients_of(s)


def test_sys_topics_tell_of_the_broker_to_who_asks_for_them(reporting, version):
    c = reporting(version=version)
    c.subscribe(("$SYS/broker/clients/connected", 0))
    assert int(c.message(topic="$SYS/broker/clients/connected").payload) >= 0
    c.unsubscribe("$SYS/broker/clients/connected")
    c.kept.clear()  # one may have come in between
    c.subscribe(("$SYS/#", 0))
    assert len({c.message().topic for _ in range(10)}) == 10


def test_sys_topics_do_not_come_to_who_asks_for_everything(reporting, version):
    c, control = reporting(version=version), reporting(version=version)
    c.subscribe(("#", 0), ("+/broker/#", 0))
    control.subscribe(("$SYS/broker/uptime", 0))
    for _ in range(2):  # at least one report has been made meanwhile
        control.message()
    c.silent()


def test_a_client_cannot_write_sys_topics(reporting, version):
    c, sender = reporting(version=version), reporting(version=version)
    c.subscribe(("$SYS/mine", 0), ("last", 1))
    sender.publish("$SYS/mine", b"x", 1, reason=(0, 0x10, 0x87, 0x90))
    sender.publish("last", b"x", 1)
    c.message(topic="last")


def test_strict_says_what_it_does_not_have(strict):
    said = strict().connack.properties
    assert (said["retain_available"], said["shared_available"]) == (0, 0)


def test_strict_refuses_a_will(strict, version):
    """A retained one with the code that says so."""
    for retain in (False, True):
        c = strict.raw(version=version)
        c.send(c.connect_packet(will={"topic": "a", "retain": retain}))
        got = c.expect("CONNACK", session_present=0)
        assert got.reason == (RETAIN_NOT_SUPPORTED if retain else got.reason) if version != V311 else got.reason == 5
        assert got.reason >= 0x80 or version == V311
        c.gone()


def test_strict_ends_the_connection_of_who_publishes_retained_messages(strict, version):
    c = strict(version=version)
    c.send_publish("a", b"x", qos=1, retain=True)
    c.ends(RETAIN_NOT_SUPPORTED)


def test_strict_refuses_shared_subscriptions(strict):
    c = strict()
    c.send(packets.subscribe(7, [("$share/g/a", 0)]))
    got = c.next()
    if got.kind == "SUBACK":
        assert got.reasons == [SHARED_NOT_SUPPORTED]
    else:
        assert (got.kind, got.reason) == ("DISCONNECT", SHARED_NOT_SUPPORTED)
