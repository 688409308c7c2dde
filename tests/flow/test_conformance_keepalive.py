"""Keep Alive (§3.1.2.10, §3.2.2.3.14, §3.12)."""
import time

import pytest
from harness import packets
from harness.expect import answered
from harness.packets import V5

TIMEOUT = 0x8D


@pytest.fixture(scope="module")
def workers():
    return 2


@pytest.mark.parametrize("seconds", [1, 3])
def test_a_silent_client_is_ended_after_one_and_a_half_times_its_keep_alive(mqtt, version, seconds):
    began = time.monotonic()
    c = mqtt(version=version, keep_alive=seconds)
    c.ends(TIMEOUT, timeout=20)
    assert 1.5 * seconds - 0.1 <= time.monotonic() - began <= 1.5 * seconds + 10


@pytest.mark.parametrize("said", ["PINGREQ", "PUBLISH", "SUBSCRIBE", "PUBREC"])
def test_any_packet_of_the_client_keeps_it_alive(mqtt, version, said, topic):
    c = mqtt(version=version, keep_alive=3)
    until = time.monotonic() + 6
    while time.monotonic() < until:
        time.sleep(1.5)
        c.send({"PINGREQ": packets.PINGREQ, "PUBLISH": packets.publish(topic, b"x", version),
                "SUBSCRIBE": packets.subscribe(3, [(topic, 0)], version),
                "PUBREC": packets.acknowledgement("PUBREC", 9, version)}[said])
    c.sock.settimeout(5)
    c.send(packets.PINGREQ)
    while c.next().kind != "PINGRESP":
        pass


def test_what_the_broker_sends_does_not_keep_a_client_alive(mqtt, version, topic):
    c, sender = mqtt(version=version, keep_alive=1), mqtt(version=version)
    c.subscribe(topic)
    began = time.monotonic()
    while time.monotonic() - began < 2.5:
        sender.publish(topic, b"x", 1)
        time.sleep(0.2)
    while (got := c.next()).kind == "PUBLISH":
        if c.version != V5 and not c.buffer:
            break
    assert got.kind in ("DISCONNECT", "PUBLISH") and c.closed(10)


def test_half_a_packet_does_not_keep_a_client_alive(mqtt, version):
    c = mqtt(version=version, keep_alive=1)
    began = time.monotonic()
    for byte in packets.publish("a", bytes(20), version)[:5]:
        c.send(bytes([byte]))
        time.sleep(0.2)
    c.ends(TIMEOUT)
    assert time.monotonic() - began < 12


def test_without_a_keep_alive_a_silent_client_stays(mqtt, version):
    c = mqtt(version=version, keep_alive=0)
    time.sleep(3)
    c.ping()


def test_the_longest_keep_alive_is_kept_or_cut_by_the_broker(mqtt):
    c = mqtt(keep_alive=65535)
    assert c.announced("server_keep_alive", 65535) <= 65535
    c.ping()


def test_a_server_keep_alive_replaces_the_client_s(open_stack, clients_of):
    """The preset `strict` has at most 8 minutes, and clients that want none get that."""
    stack = open_stack(env={"SIGNET_PRESET": "strict"})
    answered(stack.api.v3("CreateGroupId", {"InstanceId": stack.instance, "GroupId": "GID_s01"}), "CreateGroupId")
    mqtt = clients_of(stack)
    for wanted in (0, 481, 65535):
        assert mqtt(keep_alive=wanted).announced("server_keep_alive", None) == 480
    assert "server_keep_alive" not in mqtt(keep_alive=100).connack.properties


def test_every_ping_is_answered(mqtt, version):
    c = mqtt(version=version)
    c.send(packets.PINGREQ * 100)
    for _ in range(100):
        c.expect("PINGRESP")
