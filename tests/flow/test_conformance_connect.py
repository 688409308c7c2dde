"""CONNECT and CONNACK (§3.1, §3.2): what is refused and how, and what the broker says of itself."""
import string

import pytest
from harness import homes, packets
from harness.mqtt import packet, text
from harness.packets import V5, V31, V311, VERSIONS

MALFORMED, PROTOCOL_ERROR = 0x81, 0x82


@pytest.fixture(scope="module")
def workers():
    return 2


def refused(c, *reasons):
    """The connection ends; 5.0 may say why in a CONNACK, 3.1.1 must not for a packet that is not well formed."""
    c.sock.settimeout(10)
    try:
        got = c.next()
    except (EOFError, ConnectionError):
        return
    assert c.version == V5, f"{c}: {got}"
    assert got.kind == "CONNACK" and got.reason in reasons and not got.session_present, got
    c.gone()


# ---- before everything else ----

@pytest.mark.parametrize("raw", [packets.PINGREQ, packets.publish("a", b"", V311), packets.subscribe(1, [("a", 0)]),
                                 packet(0xE0), packet(0xF0), packet(0x20, b"\0\0"), b"GET / HTTP/1.1\r\n\r\n"],
                         ids=["PINGREQ", "PUBLISH", "SUBSCRIBE", "DISCONNECT", "AUTH", "CONNACK", "HTTP"])
def test_a_first_packet_that_is_no_connect_ends_the_connection_without_a_word(mqtt, raw):
    """Not with DISCONNECT either: there was no CONNACK yet (5.0)."""
    c = mqtt.raw()
    c.send(raw)
    c.gone()


def test_a_second_connect_ends_the_connection(mqtt, version):
    c = mqtt(version=version)
    c.send(c.connect_packet())
    c.ends(PROTOCOL_ERROR)


@pytest.mark.parametrize("name", ["MQTU", "mqtt", "MQT", "", "MQTTT", "MQIsdp\0"])
def test_another_protocol_name_is_not_spoken(mqtt, version, name):
    c = mqtt.raw(version=version)
    raw = c.connect_packet(name=name or "MQTT")
    c.send(raw if name else packet(0x10, b"\0\0" + raw[8:]))
    refused(c, 0x84)


@pytest.mark.parametrize("level", [0, 1, 2, 6, 0x7F, 0xFF])
def test_a_level_that_is_not_spoken_is_answered_in_the_client_s_words(mqtt, level):
    c = mqtt.raw(version=V5 if level > 5 else V311)
    c.send(c.connect_packet(level=level))
    first, body = c.receive()
    assert (first, body) in ((0x20, b"\0\1"), (0x20, b"\0\x84\0")) and (level > 5 or body == b"\0\1")
    c.gone()


@pytest.mark.parametrize("of", [V31, V311, V5], ids=VERSIONS.get)
def test_each_version_is_spoken(mqtt, of, topic):
    receiver, sender = mqtt(version=of), mqtt(version=of)
    receiver.subscribe((topic, 2))
    for qos in (0, 1, 2):
        sender.publish(topic, b"x", qos)
        receiver.message(topic=topic, payload=b"x", qos=qos)
    receiver.silent()


def test_versions_hear_each_other(mqtt, topic):
    receivers = [mqtt(version=v) for v in (V31, V311, V5)]
    for r in receivers:
        r.subscribe((topic, 2))
    for of in (V31, V311, V5):
        mqtt(version=of).publish(topic, VERSIONS[of], 2)
        for r in receivers:
            r.message(topic=topic, payload=VERSIONS[of].encode(), qos=2)


# ---- flags and payload ----

WRONG_FLAGS = {"the reserved bit": 0x03, "Will QoS without a will": 0x0A, "Will QoS 2 without a will": 0x12,
               "Will Retain without a will": 0x22, "Will QoS 3": 0x1E}


@pytest.mark.parametrize("bits", WRONG_FLAGS.values(), ids=WRONG_FLAGS)
def test_flags_that_must_not_be_end_the_connection(mqtt, version, bits):
    c = mqtt.raw(version=version)
    will = {"topic": "w", "payload": b"w"} if bits & 4 else None
    c.send(c.connect_packet(bits=bits | 0xC0, will=will))
    refused(c, MALFORMED, PROTOCOL_ERROR)


def test_a_password_needs_no_user_name_in_5_0_only(mqtt, version):
    c = mqtt.raw(version=version, login=None)
    c.send(c.connect_packet(pw="secret"))
    refused(c, 0x86, 0x87)


def payload_cases():
    fields = [("client", text("c")), ("will topic", text("w")), ("will payload", text("x")), ("user name", text("u")),
              ("password", text("p"))]
    for bits, count in ((0x02, 0), (0x06, 1), (0x06, 2), (0x82, 1), (0xC2, 2)):
        needed = fields[:1] + (fields[1:3] if bits & 4 else []) + ([fields[3]] if bits & 0x80 else []) + \
            ([fields[4]] if bits & 0x40 else [])
        yield pytest.param(bits, needed[:count], id=f"flags {bits:#04x} and {count} of {len(needed)} fields")
    yield pytest.param(0x02, fields[:1] + fields[3:4], id="a user name without its flag")
    yield pytest.param(0x82, fields[:1] + fields[3:5], id="a password without its flag")
    yield pytest.param(0x02, fields[:3], id="a will without its flag")


@pytest.mark.parametrize("bits, fields", payload_cases())
def test_fields_that_the_flags_do_not_say_end_the_connection(mqtt, version, bits, fields):
    c = mqtt.raw(version=version)
    body = text("MQTT") + bytes([version, bits]) + b"\0\x3c" + (b"\0" if version == V5 else b"")
    for name, raw in fields:
        body += (b"\0" if version == V5 and name == "will topic" else b"") + raw
    c.send(packet(0x10, body))
    refused(c, MALFORMED, PROTOCOL_ERROR)


BAD = {"U+0000": b"a\0", "a surrogate": b"\xed\xa0\x80", "no UTF-8": b"\xff"}


@pytest.mark.parametrize("field", ["client identifier", "user name", "will topic"])
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_field_that_is_not_utf_8_ends_the_connection(mqtt, version, field, bad):
    c = mqtt.raw(version=version)
    own = {"user": bad, "pw": "x"} if field == "user name" else {"will": {"topic": bad}} if field == "will topic" else {}
    raw = packets.connect(bad if field == "client identifier" else c.client_id, version, **{**c.credentials(), **own})
    c.send(raw)
    refused(c, MALFORMED, PROTOCOL_ERROR, 0x85, 0x90)


@pytest.mark.parametrize("topic", ["a/#", "+", ""])
def test_a_will_topic_that_is_no_topic_name_is_refused(mqtt, version, topic):
    c = mqtt.raw(version=version)
    c.send(c.connect_packet(will={"topic": topic}))
    refused(c, MALFORMED, PROTOCOL_ERROR, 0x90)


# ---- who ----

def test_client_identifiers_of_1_to_23_letters_and_digits_are_taken(mqtt, version):
    for size in (1, 22, 23):
        for of in (string.digits, string.ascii_lowercase, string.ascii_uppercase):
            assert mqtt((of * 2)[:size], version).connack.reason == 0


@pytest.mark.parametrize("of", [V31, V311], ids=VERSIONS.get)
def test_an_empty_client_identifier_without_a_clean_session_is_refused(mqtt, of):
    c = mqtt.raw("", of)
    assert c.connect(reason=2, clean=False).session_present == 0


def test_an_empty_client_identifier_is_refused_in_3_1(mqtt):
    mqtt.raw("", V31).connect(reason=2)


def test_a_client_identifier_over_the_limit_is_refused(mqtt, version):
    mqtt.raw("c" * 60000, version).connect(reason=0x85 if version == V5 else 2)


def test_clients_without_an_identifier_are_kept_apart(mqtt, version, topic):
    first, second = mqtt("", version), mqtt("", version)
    for c in (first, second):
        c.subscribe(topic)
    mqtt(version=version).publish(topic, b"both")
    for c in (first, second):
        c.message(payload=b"both")
        c.silent()


def test_a_client_without_an_identifier_is_told_its_own_and_can_come_back_with_it(mqtt):
    first, second = (mqtt("", properties={"session_expiry": 60}) for _ in range(2))
    given = [c.announced("assigned_client_id", "") for c in (first, second)]
    assert all(given) and given[0] != given[1]
    first.leave()
    again = mqtt(given[0], clean=False, properties={"session_expiry": 60})
    assert again.present == 1 and "assigned_client_id" not in again.connack.properties
    assert mqtt("", clean=False).present == 0


def test_a_wrong_password_is_refused_and_nothing_behind_it_is_heard(mqtt, version, topic):
    witness = mqtt(version=version)
    witness.subscribe(topic)
    c = mqtt.raw(version=version)
    c.send(c.connect_packet(pw="wrong") + packets.publish(topic, b"no", version) + packets.PINGREQ)
    assert c.expect("CONNACK", session_present=0).reason in ((0x86, 0x87) if version == V5 else (4, 5))
    c.gone()
    witness.nothing_from(mqtt(version=version))


def test_what_comes_right_behind_connect_is_heard(mqtt, version, topic):
    """A client need not wait for its CONNACK, which is the first packet all the same."""
    c = mqtt.raw(version=version)
    c.send(c.connect_packet() + packets.subscribe(5, [(topic, 1)], version) +
           packets.publish(topic, b"early", version, qos=1, pid=6) + packets.PINGREQ)
    c.expect("CONNACK", reason=0, session_present=0)
    c.expect("SUBACK", pid=5, reasons=[1])
    got = [c.next() for _ in range(3)]
    assert sorted(g.kind for g in got) == ["PINGRESP", "PUBACK", "PUBLISH"]
    c.acknowledge("PUBACK", next(g for g in got if g.kind == "PUBLISH").pid)
    c.silent()  # and no second CONNACK


@pytest.mark.parametrize("clean", [True, False])
def test_a_second_connection_ends_the_first(mqtt, version, clean):
    old = mqtt(version=version, clean=clean)
    new = mqtt(old.client_id, version, clean=clean)
    old.ends(0x8E)
    new.silent()


def test_a_take_over_between_workers_and_versions_ends_the_first(mqtt):
    for old_version, new_version in ((V311, V5), (V5, V311), (V31, V5)):
        old = mqtt(version=old_version)
        new = mqtt(old.client_id, new_version)
        old.ends(0x8E)
        new.silent()


# ---- authentication exchange ----

@pytest.mark.parametrize("properties", [{"auth_method": "SCRAM-SHA-256"}, {"auth_method": "x", "auth_data": b"y"},
                                        {"auth_method": ""}])
def test_an_authentication_method_is_refused(mqtt, properties):
    c = mqtt.raw()
    c.send(c.connect_packet(properties=properties))
    c.expect("CONNACK", reason=0x8C, session_present=0)
    c.gone()


def test_authentication_data_without_a_method_is_a_protocol_error(mqtt):
    c = mqtt.raw()
    c.send(c.connect_packet(properties={"auth_data": b"x"}))
    refused(c, PROTOCOL_ERROR)


@pytest.mark.parametrize("reason", [None, 0x18, 0x19])
def test_auth_of_a_client_without_a_method_ends_the_connection(mqtt, reason):
    c = mqtt()
    c.send(packets.auth(reason, {"auth_method": "x"} if reason is not None else None))
    c.ends(PROTOCOL_ERROR, MALFORMED)


# ---- properties of CONNECT ----

TWICE = [("session_expiry", 5), ("receive_max", 5), ("packet_max", 500), ("topic_alias_max", 5), ("request_response", 1),
         ("request_problem", 1), ("auth_method", "m"), ("auth_data", b"d")]


@pytest.mark.parametrize("name, value", TWICE, ids=[name for name, _ in TWICE])
def test_a_property_of_connect_twice_is_a_protocol_error(mqtt, name, value):
    c = mqtt.raw()
    c.send(c.connect_packet(properties=[(name, value), (name, value)]))
    refused(c, PROTOCOL_ERROR, MALFORMED)


@pytest.mark.parametrize("name, value", [("receive_max", 0), ("packet_max", 0), ("request_response", 2),
                                         ("request_problem", 2)])
def test_a_value_that_a_property_of_connect_must_not_have_is_a_protocol_error(mqtt, name, value):
    c = mqtt.raw()
    c.send(c.connect_packet(properties={name: value}))
    refused(c, PROTOCOL_ERROR, MALFORMED)


WILL_TWICE = [("payload_format", 1), ("message_expiry", 1), ("content_type", "c"), ("response_topic", "r"),
              ("correlation", b"c"), ("will_delay", 1)]


@pytest.mark.parametrize("name, value", WILL_TWICE, ids=[name for name, _ in WILL_TWICE])
def test_a_property_of_the_will_twice_is_a_protocol_error(mqtt, name, value):
    c = mqtt.raw()
    c.send(c.connect_packet(will={"topic": "w", "properties": [(name, value), (name, value)]}))
    refused(c, PROTOCOL_ERROR, MALFORMED)


CONNECT_OWN = sorted(n for n, row in packets.PROPERTIES.items() if "CONNECT" in row[2].split())
WILL_OWN = sorted(n for n, row in packets.PROPERTIES.items() if "WILL" in row[2].split())
SAMPLE = {"byte": 1, "two": 1, "four": 1, "variable": 1, "text": "t", "binary": b"b", "pair": ("k", "v")}


@pytest.mark.parametrize("place, own", [("CONNECT", CONNECT_OWN), ("WILL", WILL_OWN)])
def test_properties_of_other_packets_are_malformed(mqtt, place, own):
    for name, (_, kind, *_) in packets.PROPERTIES.items():
        if name in own:
            continue
        c = mqtt.raw()
        here = {name: SAMPLE[kind]}
        opening = {"properties": here} if place == "CONNECT" else {"will": {"topic": "w", "properties": here}}
        c.send(c.connect_packet(**opening))
        refused(c, MALFORMED, PROTOCOL_ERROR)


@pytest.mark.parametrize("identifier", [b"\0", b"\x04", b"\x2b", b"\x7f", b"\x80\x01", b"\xff\xff\xff\x7f"])
def test_an_unknown_property_is_malformed(mqtt, identifier):
    c = mqtt.raw()
    c.send(c.connect_packet(properties=identifier + b"\0\0\0\0"))
    refused(c, MALFORMED, PROTOCOL_ERROR)


def test_all_properties_of_connect_are_taken(mqtt):
    c = mqtt(properties={"session_expiry": 5, "receive_max": 3, "packet_max": 1000, "topic_alias_max": 2, "request_response": 1,
                         "request_problem": 0, "user": [("a", "1"), ("a", "1")]})
    c.silent()


# ---- CONNACK ----

def test_nothing_is_said_that_the_client_did_not_ask_for(mqtt):
    got = mqtt().connack.properties
    assert not {"response_information", "auth_method", "assigned_client_id"} & set(got)
    assert "response_information" not in mqtt(properties={"request_response": 0}).connack.properties
    for name in ("qos_max", "retain_available", "wildcards_available", "subscription_ids_available", "shared_available"):
        assert got.get(name, 1) == 1, "everything is supported"


def test_connack_leaves_out_what_does_not_fit(mqtt):
    full = mqtt().connack.properties
    c = mqtt(properties={"packet_max": 20})  # sizes are checked with each packet
    assert set(c.connack.properties) <= set(full)
    c.silent()


@pytest.mark.parametrize("most", [5, 8, 30])
def test_a_refusal_fits_what_the_client_takes(mqtt, most):
    c = mqtt.raw()
    c.send(c.connect_packet(pw="wrong", properties={"packet_max": most}))
    assert c.expect("CONNACK", session_present=0).reason in (0x86, 0x87)  # its size is checked
    c.gone()


@pytest.mark.parametrize("most", [1, 4])
def test_a_client_that_takes_no_connack_gets_none(mqtt, most):
    c = mqtt.raw()
    c.send(c.connect_packet(properties={"packet_max": most}))
    c.gone()


def test_versions_before_5_0_get_a_connack_of_two_bytes(mqtt):
    for of in (V31, V311):
        c = mqtt.raw(version=of)
        c.send(c.connect_packet())
        assert c.receive() == (0x20, b"\0\0")


def test_session_present_says_whether_there_is_one(mqtt, version):
    who = homes.name()
    kept = {"properties": {"session_expiry": 60}} if version == V5 else {}
    assert mqtt(who, version, clean=False, **kept).present == 0
    assert mqtt(who, version, clean=False, **kept).present == 1
    assert mqtt(who, version, clean=True, **kept).present == 0
    assert mqtt(homes.name(), version, clean=False).present == 0
