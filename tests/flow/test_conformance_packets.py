"""Malformed packets of MQTT 3.1.1 and 5.0: each ends its connection, with the reason in 5.0, and harms nobody else."""
import pytest
from harness import packets
from harness.mqtt import packet, text
from harness.packets import V5, VERSIONS

MALFORMED, PROTOCOL_ERROR, TOO_LARGE = 0x81, 0x82, 0x95


@pytest.fixture(scope="module")
def workers():
    return 2


def p5(version):
    """No properties, where there may be some."""
    return b"\0" if version == V5 else b""


PID = b"\0\7"
# name: (first byte as it must be, body without properties, where properties go)
WHOLE = {"PUBACK": (0x40, PID), "PUBREC": (0x50, PID), "PUBREL": (0x62, PID), "PUBCOMP": (0x70, PID), "PINGREQ": (0xC0, b""),
         "DISCONNECT": (0xE0, b"")}


def whole(kind, version):
    if kind == "SUBSCRIBE":
        return 0x82, PID + p5(version) + text("a") + b"\0"
    if kind == "UNSUBSCRIBE":
        return 0xA2, PID + p5(version) + text("a")
    return WHOLE[kind]


@pytest.mark.parametrize("bit", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [*WHOLE, "SUBSCRIBE", "UNSUBSCRIBE"])
def test_a_wrong_reserved_bit_ends_the_connection(mqtt, version, kind, bit):
    c = mqtt(version=version)
    first, body = whole(kind, version)
    c.send(packet(first ^ bit, body))
    c.ends(MALFORMED)


def test_wrong_reserved_bits_of_auth_end_the_connection(mqtt):
    c = mqtt()
    c.send(packet(0xF2, b""))
    c.ends(MALFORMED)


@pytest.mark.parametrize("first", [0x00, 0x20, 0x90, 0xB0, 0xD0], ids=["0", "CONNACK", "SUBACK", "UNSUBACK", "PINGRESP"])
def test_a_packet_that_only_servers_send_ends_the_connection(mqtt, version, first):
    c = mqtt(version=version)
    c.send(packet(first, PID + b"\0\0" if first in (0x90, 0xB0) else b"\0\0" if first == 0x20 else b""))
    c.ends(MALFORMED, PROTOCOL_ERROR)


def test_packet_type_15_is_no_packet_of_3_1_1(mqtt):
    c = mqtt(version=packets.V311)
    c.send(packet(0xF0))
    c.ends()


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff\x01", b"\x80\x80\x80\x80\x00"])
def test_a_remaining_length_of_five_bytes_ends_the_connection(mqtt, version, length):
    c = mqtt(version=version)
    c.send(b"\xc0" + length)
    c.ends(MALFORMED)


@pytest.mark.parametrize("number", [b"\x80\x00", b"\x80\x80\x00", b"\x80\x80\x80\x00", b"\x80\x80\x80\x80\x01"])
def test_a_property_length_that_is_too_long_a_number_ends_the_connection(mqtt, number):
    c = mqtt()
    c.send(packet(0x82, PID + number + text("a") + b"\0"))
    c.ends(MALFORMED)


SHORT = [("PINGREQ with a body", 0xC0, lambda v: b"\0"), ("SUBSCRIBE without a filter", 0x82, lambda v: PID + p5(v)),
         ("SUBSCRIBE without options", 0x82, lambda v: PID + p5(v) + text("a")),
         ("SUBSCRIBE cut in its filter", 0x82, lambda v: PID + p5(v) + b"\0\5abc"),
         ("SUBSCRIBE with a byte too many", 0x82, lambda v: PID + p5(v) + text("a") + b"\0\0"),
         ("SUBSCRIBE of one byte", 0x82, lambda v: b"\0"), ("SUBSCRIBE of nothing", 0x82, lambda v: b""),
         ("UNSUBSCRIBE without a filter", 0xA2, lambda v: PID + p5(v)),
         ("UNSUBSCRIBE cut in its filter", 0xA2, lambda v: PID + p5(v) + b"\0\5abc"),
         ("UNSUBSCRIBE of nothing", 0xA2, lambda v: b""), ("PUBLISH of nothing", 0x30, lambda v: b""),
         ("PUBLISH cut in its topic", 0x30, lambda v: b"\0\5abc"),
         ("PUBLISH of QoS 1 without an identifier", 0x32, lambda v: text("a")),
         ("PUBACK of nothing", 0x40, lambda v: b""), ("PUBACK of one byte", 0x40, lambda v: b"\0"),
         ("PUBREL of one byte", 0x62, lambda v: b"\0"), ("PUBREC of nothing", 0x50, lambda v: b""),
         ("PUBCOMP of nothing", 0x70, lambda v: b"")]
SHORT_5 = [("PUBLISH without properties", 0x30, lambda v: text("a")), ("SUBSCRIBE without properties", 0x82, lambda v: PID),
           ("properties longer than the packet", 0x82, lambda v: PID + b"\x20" + text("a") + b"\0"),
           ("PUBACK with bytes behind", 0x40, lambda v: PID + b"\0\0\0"),
           ("a property cut short", 0x30, lambda v: text("a") + b"\2\x02\0"),
           ("a pair with one half", 0x30, lambda v: text("a") + b"\5\x26\0\2ab")]
SHORT_311 = [("PUBACK of three bytes", 0x40, lambda v: PID + b"\0"), ("DISCONNECT with a body", 0xE0, lambda v: b"\0"),
             ("PUBREL of four bytes", 0x62, lambda v: PID + b"\0\0")]
CUT = [pytest.param(v, *row[1:], id=f"{VERSIONS[v]}: {row[0]}") for v in (packets.V311, V5)
       for row in SHORT + (SHORT_5 if v == V5 else SHORT_311)]


@pytest.mark.parametrize("of, first, body", CUT)
def test_a_body_that_is_too_short_or_too_long_ends_the_connection(mqtt, of, first, body):
    c = mqtt(version=of)
    c.send(packet(first, body(of)))
    c.ends(MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("first, body", [(0x32, lambda v: text("a") + b"\0\0" + p5(v)),
                                         (0x34, lambda v: text("a") + b"\0\0" + p5(v)),
                                         (0x82, lambda v: b"\0\0" + p5(v) + text("a") + b"\0"),
                                         (0xA2, lambda v: b"\0\0" + p5(v) + text("a"))],
                         ids=["PUBLISH QoS 1", "PUBLISH QoS 2", "SUBSCRIBE", "UNSUBSCRIBE"])
def test_packet_identifier_0_ends_the_connection(mqtt, version, first, body):
    c = mqtt(version=version)
    c.send(packet(first, body(version)))
    c.ends(MALFORMED, PROTOCOL_ERROR)


BAD_TEXTS = {"a surrogate": b"a\xed\xa0\x80", "a surrogate pair": b"\xed\xa0\xbd\xed\xb8\x80", "U+0000": b"a\0b",
             "an overlong NUL": b"\xc0\x80", "an overlong slash": b"a\xe0\x80\xaf", "a lead byte alone": b"a\xc3",
             "a trail byte alone": b"\x80a", "beyond U+10FFFF": b"\xf4\x90\x80\x80", "no UTF-8 byte": b"\xff"}


@pytest.mark.parametrize("place", ["topic name", "topic filter", "filter of UNSUBSCRIBE"])
@pytest.mark.parametrize("bad", BAD_TEXTS.values(), ids=BAD_TEXTS)
def test_a_text_that_is_not_utf_8_ends_the_connection(mqtt, version, bad, place):
    c = mqtt(version=version)
    c.send({"topic name": packets.publish(bad, b"", version), "topic filter": packets.subscribe(7, [(bad, 0)], version),
            "filter of UNSUBSCRIBE": packets.unsubscribe(7, [bad], version)}[place])
    c.ends(MALFORMED, 0x8F if "filter" in place else 0x90)


@pytest.mark.parametrize("properties", [{"content_type": b"\xff"}, {"response_topic": b"a\0"},
                                        {"user": [(b"\xed\xa0\x80", "v")]}, {"user": [("k", b"\xc0\x80")]}], ids=lambda p: next(iter(p)))
def test_a_property_that_is_not_utf_8_ends_the_connection(mqtt, properties):
    c = mqtt()
    c.send_publish("a", properties=properties)
    c.ends(MALFORMED, PROTOCOL_ERROR)


def test_a_zero_width_no_break_space_is_text_like_any_other(mqtt, version):
    receiver, sender = mqtt(version=version), mqtt(version=version)
    receiver.subscribe("\ufefft/\ufeff")
    receiver.subscribe("t/\ufeff")
    sender.publish("\ufefft/\ufeff", b"\xef\xbb\xbfx")
    receiver.message(topic="\ufefft/\ufeff", payload=b"\xef\xbb\xbfx")
    receiver.nothing_from(sender)


def test_a_packet_over_the_limit_ends_the_connection_before_it_is_whole(open_stack, clients_of, version):
    mqtt = clients_of(open_stack(env={"SIGNET_PACKET_MAX": 2000}))
    c = mqtt(version=version)
    if version == V5:
        assert c.announced("packet_max", None) == 2000
    fits = packets.publish("a", bytes(2000 - 3 - 3 - len(p5(version))), version)
    assert len(fits) == 2000
    c.send(fits)
    c.ping()
    c.send(packets.publish("a", bytes(2000), version)[:100])
    c.ends(TOO_LARGE)


def test_a_packet_in_any_pieces_is_the_same_packet(mqtt, version, topic):
    """A stream of bytes is all that the transport gives (§4.2)."""
    c = mqtt(version=version)
    c.subscribe((topic, 1))
    for byte in packets.publish(topic, b"slow", version, qos=1, pid=9):
        c.send(bytes([byte]))
    c.expect("PUBACK", keep=True, pid=9)
    c.message(topic=topic, payload=b"slow", qos=1)
    c.send(packets.PINGREQ * 50)
    for _ in range(50):
        c.expect("PINGRESP")


def test_one_bad_client_ends_nobody_else(mqtt, version, topic):
    good, bad = mqtt(version=version), mqtt(version=version)
    good.subscribe(topic)
    bad.send(packets.publish(topic, b"before", version) + packet(0x80, b"\0"))
    bad.ends(MALFORMED)
    good.message(topic=topic, payload=b"before")
    good.silent()
