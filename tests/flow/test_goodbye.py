"""A client that is ended is told why, also while it goes on sending: its socket is not reset before it can have read that."""
import time

import pytest
from harness import packets
from harness.packets import V5, V31

MORE = 512 * 1024


@pytest.fixture(scope="module")
def workers():
    return 2


def send_much(c):
    try:
        c.send(b"\xc0\0" * (MORE // 2))
    except OSError:
        pass  # it is closed at last: fine


def test_a_disconnect_comes_to_who_is_still_sending(mqtt):
    for _ in range(10):
        c = mqtt(version=V5)
        c.send(packets.publish("a/+", b"x", qos=1, pid=3))
        send_much(c)
        time.sleep(0.05)  # the reset would have come
        c.ends(0x81, 0x82, 0x90)


def test_a_refusal_comes_to_who_is_still_sending(mqtt, version):
    for _ in range(10):
        c = mqtt.raw(version=version)
        c.send(c.connect_packet(pw="wrong"))
        send_much(c)
        time.sleep(0.05)
        assert c.expect("CONNACK", session_present=0).reason in (4, 5, 0x86, 0x87)


def test_one_that_never_closes_is_closed_after_a_while(mqtt):
    c = mqtt(version=V5)
    c.send(packets.publish("a/+", b"x", qos=1, pid=3))
    c.expect("DISCONNECT")
    c.gone()
    end = time.monotonic() + 10
    with pytest.raises(OSError):
        while time.monotonic() < end:
            c.send(b"\xc0\0")
            time.sleep(0.1)
    assert time.monotonic() < end


def test_mqtt_3_1_may_set_dup_in_what_it_sends_again(mqtt):
    c = mqtt(version=V31)
    c.send(b"\x8a" + packets.subscribe(7, [("a", 1)], version=V31)[1:])
    c.expect("SUBACK", pid=7)
    c.send(b"\x6a\x02\x00\x09")
    c.expect("PUBCOMP", pid=9)
    c.send(b"\xaa" + packets.unsubscribe(8, ["a"], version=V31)[1:])
    c.expect("UNSUBACK", pid=8)
