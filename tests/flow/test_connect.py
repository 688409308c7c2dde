"""CONNECT, keep alive, limits and malformed packets: when the broker takes a connection, and when it closes one."""
import socket
import struct
import time

import pytest
from harness.mqtt import Client, connect_packet, packet, password, text, tls_context
from harness.process import wait_until


def raw(stack, tls=False):
    return Client(stack.tls_port if tls else stack.tcp_port, "-", tls=tls, connect=False)


def login(stack, client_id):
    key_id, secret, instance = stack.login()
    return f"Signature|{key_id}|{instance}", password(secret, client_id)


def connect(stack, client_id, **kwargs):
    """What the broker says to a CONNECT with the right user name and password."""
    c = raw(stack)
    c.send(connect_packet(client_id, *login(stack, client_id), **kwargs))
    return c


def seconds_until_closed(c, timeout):
    began = time.monotonic()
    assert c.closed(timeout), f"still open after {timeout} s"
    return time.monotonic() - began


# ---- CONNECT (3.1.1 §3.1) ----

def test_level_four_and_level_three_are_taken(shared):
    for kwargs in ({}, {"level": 3, "name": "MQIsdp"}):
        c = connect(shared, "GID_c@@@1", **kwargs)
        assert c.receive() == (0x20, b"\0\0")
        c.ping()
        c.close()


def test_level_five_is_refused_in_its_own_form(shared):
    c = raw(shared)
    properties = b"\x05\x11\0\0\0\x3c"
    body = text("MQTT") + b"\x05\x02" + struct.pack(">H", 60) + properties + text("GID_c@@@5")
    c.send(packet(0x10, body))
    why = b"no user name or password"
    assert c.receive() == (0x20, b"\0\x87" + bytes([3 + len(why)]) + b"\x1f\0" + bytes([len(why)]) + why)
    assert c.closed()


@pytest.mark.parametrize("level, name", [(3, "MQTT"), (6, "MQTT"), (0, "MQTT"), (255, "MQTT"), (4, "MQIsdp"), (0x84, "MQTT")])
def test_other_levels_are_refused_with_code_one(shared, level, name):
    c = connect(shared, "GID_c@@@l", level=level, name=name)
    assert c.receive() == (0x20, b"\0\1")
    assert c.closed()


@pytest.mark.parametrize("name", ["MQTX", "mqtt", "", "MQTTT", "HTTP", "MQ\0T"])
def test_another_protocol_name_is_closed_without_an_answer(shared, name):
    c = connect(shared, "GID_c@@@n", name=name)
    with pytest.raises((EOFError, ConnectionError)):
        c.receive()


def test_an_empty_client_id_needs_a_clean_session(shared):
    c = connect(shared, "", clean=True)
    assert c.receive() == (0x20, b"\0\0")
    c.subscribe("empty/#")
    other = connect(shared, "", clean=True)
    assert other.receive() == (0x20, b"\0\0")  # each has an ID of its own
    other.publish("empty/1", "x")
    assert c.message()[:2] == ("empty/1", b"x")
    c.ping()
    refused = connect(shared, "", clean=False)
    assert refused.receive() == (0x20, b"\0\2")
    assert refused.closed()


def test_a_client_id_over_the_limit_is_refused(shared):
    for length, code in ((256, 0), (257, 2), (60000, 2)):
        c = connect(shared, "i" * length)
        assert c.receive() == (0x20, bytes([0, code]))


def test_a_second_connect_closes(shared):
    c = shared.client("GID_c@@@2", tls=False)
    c.send(connect_packet("GID_c@@@2", *login(shared, "GID_c@@@2")))
    assert c.closed()


@pytest.mark.parametrize("first", [packet(0xC0), packet(0xE0), packet(0x30, text("a") + b"x"),
                                   packet(0x82, b"\0\1" + text("a") + b"\0"), packet(0x40, b"\0\1"), packet(0x20, b"\0\0"), b"GET / HTTP/1.1\r\n\r\n",
                                   b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"], ids=range(8))
def test_any_other_first_packet_closes(shared, first):
    c = raw(shared)
    c.send(first)
    assert c.closed()


def cut(client_id, count):
    return packet(0x10, connect_packet(client_id, "u", "p")[2:-count])


BAD_CONNECTS = {
    "reserved bit": packet(0x10, text("MQTT") + b"\x04\x03\0\x3c" + text("x")),
    "password without user name": packet(0x10, text("MQTT") + b"\x04\x42\0\x3c" + text("x") + text("p")),
    "will QoS without will": packet(0x10, text("MQTT") + b"\x04\x0a\0\x3c" + text("x")),
    "will QoS 3": packet(0x10, text("MQTT") + b"\x04\x1e\0\x3c" + text("x") + text("t") + text("m")),
    "will topic with wildcard": packet(0x10, text("MQTT") + b"\x04\x06\0\x3c" + text("x") + text("a/#") + text("m")),
    "cut": cut("x", 1), "cut at the user name": cut("x", 4), "bytes left over": packet(0x10, connect_packet("x")[2:] + b"x"),
    "client ID not UTF-8": connect_packet(b"\xff\xfe"), "client ID with NUL": connect_packet(b"a\0b"),
    "client ID with a surrogate": connect_packet(b"\xed\xa0\x80"), "flags in the first byte": b"\x11" + connect_packet("x")[1:],
    "length of five bytes": b"\x10\xff\xff\xff\xff\x01", "empty": packet(0x10),
}


@pytest.mark.parametrize("what", BAD_CONNECTS)
def test_a_malformed_connect_closes(shared, what):
    c = raw(shared)
    c.send(BAD_CONNECTS[what])
    with pytest.raises((EOFError, ConnectionError)):
        c.receive()


# ---- after CONNECT ----

BAD_PACKETS = {
    "type 0": packet(0x00), "type 15": packet(0xF0), "CONNACK": packet(0x20, b"\0\0"), "SUBACK": packet(0x90, b"\0\1\0"),
    "PINGRESP": packet(0xD0), "PINGREQ with a body": packet(0xC0, b"x"), "DISCONNECT with a body": packet(0xE0, b"x"),
    "PUBLISH QoS 3": packet(0x36, text("a") + b"\0\1x"), "PUBLISH DUP at QoS 0": packet(0x38, text("a") + b"x"),
    "PUBLISH to a wildcard": packet(0x30, text("a/+") + b"x"), "PUBLISH to #": packet(0x30, text("#") + b"x"),
    "PUBLISH to nothing": packet(0x30, text("") + b"x"), "PUBLISH topic with NUL": packet(0x30, text(b"a\0b") + b"x"),
    "PUBLISH topic not UTF-8": packet(0x30, text(b"\xc3") + b"x"), "PUBLISH ID 0": packet(0x32, text("a") + b"\0\0x"),
    "PUBLISH cut": packet(0x32, text("a")), "PUBLISH topic beyond the end": packet(0x30, b"\xff\xffa"),
    "SUBSCRIBE flags": packet(0x80, b"\0\1" + text("a") + b"\0"), "SUBSCRIBE to nothing": packet(0x82, b"\0\1"),
    "SUBSCRIBE QoS 3": packet(0x82, b"\0\1" + text("a") + b"\3"),
    "SUBSCRIBE reserved bits": packet(0x82, b"\0\1" + text("a") + b"\4"),
    "SUBSCRIBE ID 0": packet(0x82, b"\0\0" + text("a") + b"\0"), "SUBSCRIBE a#": packet(0x82, b"\0\1" + text("a#") + b"\0"),
    "SUBSCRIBE #/a": packet(0x82, b"\0\1" + text("#/a") + b"\0"), "SUBSCRIBE a+": packet(0x82, b"\0\1" + text("a+/b") + b"\0"),
    "SUBSCRIBE empty filter": packet(0x82, b"\0\1" + text("") + b"\0"), "SUBSCRIBE cut": packet(0x82, b"\0\1" + text("a")),
    "UNSUBSCRIBE flags": packet(0xA0, b"\0\1" + text("a")), "UNSUBSCRIBE from nothing": packet(0xA2, b"\0\1"),
    "PUBACK cut": packet(0x40, b"\0"), "PUBACK ID 0": packet(0x40, b"\0\0"), "PUBACK too long": packet(0x40, b"\0\1\0"),
    "PUBREL flags": packet(0x60, b"\0\1"), "length of five bytes": b"\x30\xff\xff\xff\xff\x01",
}


@pytest.mark.parametrize("what", BAD_PACKETS)
def test_a_malformed_packet_closes_only_its_connection(shared, what):
    bystander = shared.client("GID_c@@@by", tls=False)
    c = shared.client("GID_c@@@m", tls=False)
    c.send(BAD_PACKETS[what])
    assert c.closed()
    bystander.ping()
    bystander.close()


def test_bytes_may_come_one_at_a_time_or_all_at_once(shared):
    c = raw(shared)
    stream = connect_packet("GID_c@@@b", *login(shared, "GID_c@@@b")) + packet(0x82, b"\0\1" + text("bytes/+") + b"\1")
    for n in range(len(stream)):
        c.send(stream[n:n + 1])
    assert c.receive() == (0x20, b"\0\0") and c.receive() == (0x90, b"\0\1\1")
    c.send(b"".join(packet(0x30, text(f"bytes/{n}") + b"x" * 100) for n in range(200)) + packet(0xC0))
    assert [c.message()[0] for _ in range(200)] == [f"bytes/{n}" for n in range(200)]
    c.wait(13)
    c.close()


def test_the_first_packets_may_ride_behind_connect(shared):
    """A client need not wait for CONNACK; also when it has to move to the worker that is its home."""
    for n in range(8):
        c = raw(shared)
        client_id = f"GID_c@@@ride{n}"
        c.send(connect_packet(client_id, *login(shared, client_id)) + packet(0x82, b"\0\1" + text(f"ride/{n}") + b"\1") +
               packet(0x32, text(f"ride/{n}") + b"\0\2hello"))
        assert c.receive() == (0x20, b"\0\0") and c.receive() == (0x90, b"\0\1\1")
        got = [c.receive() for _ in range(2)]
        assert sorted(first >> 4 for first, _ in got) == [3, 4]
        c.close()


def test_disconnect_closes_without_a_word(shared):
    c = shared.client("GID_c@@@d", tls=False)
    c.send(packet(0xE0))
    assert c.closed()
    c = shared.client("GID_c@@@d", tls=False)
    c.send(packet(0xE0) + packet(0xC0))  # nothing after it is looked at
    with pytest.raises((EOFError, ConnectionError)):
        c.receive()


# ---- time ----

def test_keep_alive_closes_after_one_and_a_half_times(shared):
    began = time.monotonic()
    quiet = shared.client("GID_k@@@q", tls=False, keep_alive=2)
    assert quiet.closed(20) and 2.9 < time.monotonic() - began < 20


def test_pings_and_packets_keep_a_connection_alive(shared):
    pinging = shared.client("GID_k@@@p", tls=False, keep_alive=4)
    sending = shared.client("GID_k@@@s", tls=False, keep_alive=4)
    forever = shared.client("GID_k@@@f", tls=False, keep_alive=0)
    for _ in range(3):
        time.sleep(2.5)
        pinging.ping()
        sending.publish("k/a", "x")
    for c in (pinging, sending, forever):
        c.ping()
        c.close()


def test_what_is_received_does_not_keep_a_connection_alive(shared):
    began = time.monotonic()
    listening = shared.client("GID_k@@@l", tls=False, keep_alive=1)
    listening.subscribe("k/noise")
    sender = shared.client("GID_k@@@n", tls=False)
    with pytest.raises((EOFError, ConnectionError)):
        while time.monotonic() - began < 15:
            sender.publish("k/noise", "x", 1)
            listening.message()
            time.sleep(0.1)
    assert 1.4 < time.monotonic() - began < 15


@pytest.fixture(scope="module")
def hasty(cluster):
    from conftest import Opener

    opener = Opener(cluster)
    yield opener(env={"SIGNET_CONNECT_SECONDS": 1, "SIGNET_HANDSHAKE_SECONDS": 1, "SIGNET_PACKET_MAX": 65536})
    opener.close()


@pytest.fixture(scope="module")
def served_domain(hasty, authority):
    c = authority.issue("hasty.example.com")
    assert hasty.set_sni(hasty.upload(c), "").status == 200
    return "hasty.example.com"


def test_no_connect_in_time_closes(hasty, served_domain):
    assert 0.5 < seconds_until_closed(raw(hasty), 20) < 20
    assert 0.5 < seconds_until_closed(raw(hasty, tls=True), 20) < 20
    half = raw(hasty)
    half.send(connect_packet("GID_h@@@1", *login(hasty, "GID_h@@@1"))[:-1])
    assert 0.5 < seconds_until_closed(half, 20) < 20


def test_dripping_a_connect_does_not_gain_time(hasty):
    c = raw(hasty)
    began = time.monotonic()
    with pytest.raises(OSError):
        for byte in connect_packet("GID_h@@@drip", *login(hasty, "GID_h@@@drip")):
            c.send(bytes([byte]))
            time.sleep(0.1)
    assert time.monotonic() - began < 8


def test_no_handshake_in_time_closes(hasty, served_domain):
    began = time.monotonic()
    silent = socket.create_connection(("127.0.0.1", hasty.tls_port), timeout=20)
    hello = socket.create_connection(("127.0.0.1", hasty.tls_port), timeout=20)
    hello.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    for s in (silent, hello):
        s.settimeout(20)
        try:
            while s.recv(1000):
                pass
        except ConnectionError:
            pass
        assert 0.5 < time.monotonic() - began < 15
    c = hasty.client("GID_h@@@ok", sni=served_domain)
    time.sleep(1.5)  # the limits end with the handshake and with CONNECT
    c.ping()
    c.close()


def test_slow_handshakes_do_not_hold_others_up(hasty, served_domain):
    took = []
    while len(took) < 5 and min(took, default=1) >= 1:  # a stall of the machine is no stall of the broker
        slow = [socket.create_connection(("127.0.0.1", hasty.tls_port), timeout=5) for _ in range(100)]
        began = time.monotonic()
        hasty.client("GID_h@@@fast", sni=served_domain).close()
        took.append(time.monotonic() - began)
        for s in slow:
            s.close()
    assert min(took) < 1, took


def test_a_packet_over_the_limit_closes(hasty):
    c = hasty.client("GID_h@@@big", tls=False)
    c.subscribe("big")
    c.publish("big", "x" * 65000)
    assert len(c.message()[1]) == 65000
    room = 65536 - len(packet(0x30, text("big") + b"x" * 60000)) + 60000
    c.publish("big", "x" * room)
    assert len(c.message()[1]) == room
    c.send(packet(0x30, text("big") + b"x" * (room + 1))[:100])  # the header is enough
    assert c.closed()
    early = raw(hasty)
    early.send(b"\x10\xff\xff\xff\x7f")
    assert early.closed()


def test_the_log_says_why_each_connection_ended(hasty):
    silent = raw(hasty)
    shaking = socket.create_connection(("127.0.0.1", hasty.tls_port), timeout=5)
    large = hasty.client("GID_h@@@why", tls=False)
    large.send(b"\x30\xff\xff\xff\x7f")
    for reason in ("no CONNECT in time", "handshake took too long", "packet larger than allowed"):
        hasty.broker.logged(f'end="{reason}"')
    silent.close(disconnect=False)
    shaking.close()


# ---- authority ----

def test_disabling_an_access_key_closes_its_connections_and_no_others(stack, authority):
    assert stack.set_sni(stack.upload(authority.issue("a.example.com")), "").status == 200
    stack.add_access_key("LTAIleaving", "leaving-secret")
    theirs = ("LTAIleaving", "leaving-secret", stack.instance)
    wait_until(lambda: stack.client("GID_l@@@0", tls=False, login=theirs).code == 0, what="the new key to be known")
    leaving = [stack.client(f"GID_l@@@{n}", tls=n % 2 == 0, login=theirs) for n in range(10)]
    staying = [stack.client(f"GID_s@@@{n}", tls=n % 2 == 0) for n in range(10)]
    stack.sql("BEGIN; UPDATE access_key SET enabled = false WHERE access_key_id = 'LTAIleaving'; UPDATE instance SET revision "
              "= revision + 1; SELECT pg_notify('signet_instance', mqtt_instance_id || ' ' || revision) FROM instance; COMMIT")
    began = time.monotonic()
    for c in leaving:
        assert c.closed(10)
    assert time.monotonic() - began < 10
    for c in staying:
        c.ping()
        c.close()
    refused = stack.client("GID_l@@@again", tls=False, login=theirs)
    assert refused.code == 4


def test_the_socket_may_be_read_only_by_its_owner(shared):
    assert (shared.run_dir / f"{shared.instance}.sock").stat().st_mode & 0o777 == 0o600


def test_ten_connections_at_once_and_plain_text_beside_tls(shared):
    clients = [shared.client(f"GID_t@@@{n}", tls=False) for n in range(10)]
    for c in clients:
        c.ping()
    context = tls_context()
    with pytest.raises(OSError):  # no certificate is configured: TLS is refused, plain MQTT goes on
        with socket.create_connection(("127.0.0.1", shared.tls_port), timeout=5) as s:
            context.wrap_socket(s, server_hostname="a.example.com")
    for c in clients:
        c.ping()
        c.close()
