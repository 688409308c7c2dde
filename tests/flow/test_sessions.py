"""Subscriptions, quality of service and sessions over a real broker, as MQTT 3.1.1 has them."""
import itertools
import socket
import struct
import threading

import pytest
from harness.homes import name, name_at
from harness.mqtt import Client, packet, text


def nothing_more(receiver, sender, topic):
    """A last message comes next, so none was in between; sent as the others were, so that it cannot overtake."""
    sender.publish(topic, "the last", 1)
    assert receiver.message()[:2] == (topic, b"the last")


# ---- filters ----

MATCHES = [
    ("a/b", "a/b", True), ("a/b", "a/B", False), ("a/b", "a/b/", False), ("a/b", "/a/b", False), ("a/+", "a/b", True),
    ("a/+", "a/", True), ("a/+", "a", False), ("a/+", "a/b/c", False), ("+/b", "/b", True), ("+", "a", True), ("+", "/a", False),
    ("/+", "/a", True), ("+/+", "/a", True), ("a/+/c", "a//c", True), ("a/#", "a", True), ("a/#", "a/", True),
    ("a/#", "a/b/c/d", True), ("a/#", "ab", False), ("#", "any/thing", True), ("#", "/", True), ("+/#", "a", True),
    ("a/+/#", "a", False), ("a/+/#", "a/b", True), ("ü/€", "ü/€", True), ("a b/ ", "a b/ ", True), ("#", "$SYS/x", False),
    ("+/x", "$SYS/x", False), ("$SYS/#", "$SYS/x", False)]


@pytest.mark.parametrize("other_worker", [False, True])
@pytest.mark.parametrize("topic_filter, topic, expected", MATCHES)
def test_filters_match_as_the_standard_says(client, topic_filter, topic, expected, other_worker):
    """Topics that begin with $ are the broker's: what a client publishes there reaches nobody (§4.7.2)."""
    receiver, sender = client(name_at(0)), client(name_at(1 if other_worker else 0))
    receiver.subscribe(topic_filter, 1)
    receiver.subscribe("last/word", 1)
    sender.publish(topic, "hello", 1)
    if expected:
        assert receiver.message()[:2] == (topic, b"hello")
    nothing_more(receiver, sender, "last/word")


def test_unsubscribing_ends_it_and_unknown_filters_are_acknowledged(client):
    receiver, sender = client(), client()
    for f in ("u/a", "u/+", "last"):
        receiver.subscribe(f, 1)
    receiver.send(packet(0xA2, b"\0\7" + text("u/+") + text("never/subscribed")))
    assert receiver.wait(11) == (0xB0, b"\0\7")
    sender.publish("u/b", "no", 1)
    sender.publish("u/a", "yes", 1)
    assert receiver.message()[:2] == ("u/a", b"yes")
    nothing_more(receiver, sender, "last")


def test_many_filters_of_one_subscribe_are_answered_in_order(client):
    c = client()
    c.send(packet(0x82, b"\0\7" + b"".join(text(f"many/{n}") + bytes([n % 3]) for n in range(30))))
    assert c.wait(9) == (0x90, b"\0\7" + bytes(n % 3 for n in range(30)))


def test_subscriptions_over_the_limit_are_refused_one_by_one(open_stack):
    s = open_stack(env={"SIGNET_SUBSCRIPTIONS_MAX": 3})
    c = s.client("GID_limit@@@1", tls=False)
    assert [c.subscribe(f"f/{n}", 1) for n in range(5)] == [1, 1, 1, 0x80, 0x80]
    assert c.subscribe("f/1", 2) == 2  # known ones may change
    c.ping()


# ---- quality of service ----

@pytest.mark.parametrize("other_worker", [False, True])
@pytest.mark.parametrize("published", [0, 1, 2])
@pytest.mark.parametrize("granted", [0, 1, 2])
def test_the_lower_of_both_qualities_is_delivered(client, published, granted, other_worker):
    receiver, sender = client(name_at(0)), client(name_at(1 if other_worker else 0))
    assert receiver.subscribe("qos/+", granted) == granted
    for n in range(3):
        sender.publish(f"qos/{n}", f"{n}", published)
    for n in range(3):
        assert receiver.message() == (f"qos/{n}", b"%d" % n, min(published, granted), False)
    receiver.ping()
    sender.ping()


def test_an_empty_payload_and_all_bytes_arrive(client):
    receiver, sender = client(), client()
    receiver.subscribe("bytes", 2)
    for qos, payload in itertools.product((0, 1, 2), (b"", bytes(range(256)) * 100)):
        sender.publish("bytes", payload, qos)
        assert receiver.message()[1:3] == (payload, qos)


def test_overlapping_filters_deliver_once_with_the_highest_quality(client):
    receiver, sender = client(), client()
    for f, qos in (("o/#", 0), ("o/+", 2), ("o/b", 1), ("+/b", 0), ("last", 1)):
        receiver.subscribe(f, qos)
    for qos in (2, 1, 0):
        sender.publish("o/b", "once", qos)
        assert receiver.message() == ("o/b", b"once", qos, False)
    nothing_more(receiver, sender, "last")
    receiver.subscribe("o/+", 0)  # the same filter again replaces its quality
    sender.publish("o/b", "once", 2)
    assert receiver.message()[2] == 1


def test_a_client_hears_itself(client):
    c = client()
    c.subscribe("self/#", 1)
    c.publish("self/1", "me", 1)
    assert c.message()[:2] == ("self/1", b"me")


def test_a_qos_2_message_sent_again_is_routed_once(client):
    receiver, sender = client(), client()
    receiver.subscribe("twice", 2)
    receiver.subscribe("last", 1)
    publish = text("twice") + b"\0\x09payload"
    sender.send(packet(0x34, publish) + packet(0x3C, publish))
    assert [sender.wait(5) for _ in range(2)] == [(0x50, b"\0\x09")] * 2
    sender.send(packet(0x62, b"\0\x09") + packet(0x62, b"\0\x09"))
    assert [sender.wait(7) for _ in range(2)] == [(0x70, b"\0\x09")] * 2
    assert receiver.message()[:3] == ("twice", b"payload", 2)
    nothing_more(receiver, sender, "last")
    sender.send(packet(0x34, publish))  # released: the same ID is a new message
    assert sender.wait(5) == (0x50, b"\0\x09")
    assert receiver.message()[1] == b"payload"


def test_unknown_acknowledgements_are_tolerated(client):
    c = client()
    c.send(packet(0x40, b"\x12\x34") + packet(0x70, b"\x12\x34") + packet(0x50, b"\x12\x34") + packet(0x62, b"\x12\x34"))
    assert c.receive() == (0x62, b"\x12\x34") and c.receive() == (0x70, b"\x12\x34")
    c.ping()


# ---- sessions ----

def test_a_persistent_session_keeps_what_came_while_it_was_away_in_order(client):
    who = name()
    away = client(who, clean=False)
    assert away.session_present == 0
    away.subscribe("keep/#", 2)
    away.close()
    sender = client()
    for n in range(300):
        sender.publish(f"keep/{n % 7}", f"{n}", (1, 2, 0)[n % 3])
    sender.ping()  # the last one, of QoS 0, has been routed
    back = client(who, clean=False)
    assert back.session_present == 1
    expected = [n for n in range(300) if n % 3 != 2]  # QoS 0 is not kept (§3.1.2.4)
    got = [back.message() for _ in expected]
    assert [int(m[1]) for m in got] == expected
    assert [m[2] for m in got] == [(1, 2)[n % 3] for n in expected] and not any(m[3] for m in got)
    sender.publish("keep/now", "live", 1)  # and it is subscribed still
    assert back.message()[:2] == ("keep/now", b"live")


def test_a_clean_session_drops_what_was_kept(client):
    who = name()
    first = client(who, clean=False)
    first.subscribe("drop/#", 1)
    first.close()
    sender = client()
    sender.publish("drop/1", "kept", 1)
    clean = client(who, clean=True)
    assert clean.session_present == 0
    clean.subscribe("last", 1)
    sender.publish("drop/2", "not for you", 1)
    nothing_more(clean, sender, "last")
    clean.close()
    assert client(who, clean=False).session_present == 0  # a clean session leaves none behind


def test_without_a_word_of_goodbye_a_persistent_session_stays_and_a_clean_one_goes(client):
    kept, gone = name(), name()
    for who, clean in ((kept, False), (gone, True)):
        c = client(who, clean=clean)
        c.subscribe("crash/#", 1)
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.sock.close()  # RST
    sender = client()
    sender.publish("crash/1", "x", 1)
    back = client(kept, clean=False)
    assert back.session_present == 1 and back.message()[:2] == ("crash/1", b"x")
    assert client(gone, clean=False).session_present == 0


@pytest.mark.parametrize("qos", [1, 2])
def test_what_was_not_acknowledged_is_sent_again_with_dup_and_in_order(client, qos):
    who = name()
    careless = client(who, clean=False)
    careless.subscribe("again", qos)
    sender = client()
    for n in range(10):
        sender.publish("again", f"{n}", qos)
    got = [careless.message(acknowledge=n < 3) for n in range(10)]
    assert [int(m[1]) for m in got] == list(range(10)) and not any(m[3] for m in got)
    careless.ping()  # the three acknowledgements have arrived
    careless.close(disconnect=False)
    sender.publish("again", "10", qos)
    back = client(who, clean=False)
    assert back.session_present == 1
    got = [back.message() for _ in range(8)]
    assert [int(m[1]) for m in got] == list(range(3, 11))
    assert [m[3] for m in got] == [True] * 7 + [False]


def test_a_released_qos_2_message_is_not_sent_again_but_its_release_is(client):
    who = name()
    c = client(who, clean=False)
    c.subscribe("release", 2)
    client().publish("release", "x", 2)
    first, body = c.receive()
    assert first == 0x34
    pid = body[2 + len("release"):][:2]
    c.send(packet(0x50, pid))
    assert c.receive() == (0x62, pid)
    c.close(disconnect=False)
    back = client(who, clean=False)
    assert back.receive() == (0x62, pid)
    back.send(packet(0x70, pid))
    back.ping()
    back.close()
    again = client(who, clean=False)
    again.ping()  # nothing comes before the answer


def test_the_sender_may_send_a_qos_2_message_again_after_reconnecting(client):
    who, receiver = name(), client()
    receiver.subscribe("resume", 2)
    receiver.subscribe("last", 1)
    sender = client(who, clean=False)
    sender.send(packet(0x34, text("resume") + b"\0\5x"))
    assert sender.wait(5) == (0x50, b"\0\5")
    sender.close(disconnect=False)
    sender = client(who, clean=False)
    sender.send(packet(0x3C, text("resume") + b"\0\5x"))
    assert sender.wait(5) == (0x50, b"\0\5")
    sender.send(packet(0x62, b"\0\5"))
    assert sender.wait(7) == (0x70, b"\0\5")
    assert receiver.message()[1] == b"x"
    nothing_more(receiver, sender, "last")


@pytest.mark.parametrize("clean", [True, False])
def test_a_second_connection_takes_the_client_id_over(client, clean):
    who = name()
    old = client(who, clean=clean)
    old.subscribe("over", 1)
    new = client(who, clean=clean)
    assert old.closed(5)
    assert new.session_present == (0 if clean else 1)
    if clean:
        new.subscribe("over", 1)
    client().publish("over", "x", 1)
    assert new.message()[:2] == ("over", b"x")
    new.ping()


def test_taking_over_loses_no_message(shared, client):
    """Connections of one persistent session replace each other while a stream goes to it."""
    who, sender = name(), client()
    c = client(who, clean=False)
    c.subscribe("stream", 1)
    stop, sent = threading.Event(), []

    def stream():
        for n in itertools.count():
            if stop.is_set():
                return
            sender.publish("stream", f"{n}", 1)
            sent.append(n)

    t = threading.Thread(target=stream)
    t.start()
    seen = []
    for _ in range(10):
        seen += [int(c.message()[1]) for _ in range(20)]
        c = client(who, clean=False)
    stop.set()
    t.join()
    while not seen or max(seen) < sent[-1]:
        seen.append(int(c.message()[1]))
    assert set(seen) == set(sent)
    assert list(dict.fromkeys(seen)) == sorted(set(seen))  # first deliveries in order


def test_the_queue_of_an_absent_client_is_bounded_and_keeps_the_oldest(open_stack):
    s = open_stack(env={"SIGNET_QUEUE_MAX": 50})
    who = s.client("GID_q@@@1", tls=False, clean=False)
    who.subscribe("q", 1)
    who.close()
    sender = s.client("GID_q@@@2", tls=False)
    for n in range(80):
        sender.publish("q", f"{n}", 1)
    back = s.client("GID_q@@@1", tls=False, clean=False)
    assert [int(back.message()[1]) for _ in range(50)] == list(range(50))
    sender.publish("q", "after", 1)
    assert back.message()[1] == b"after"


# ---- point to point ----

@pytest.mark.parametrize("worker", [0, 1])
def test_a_p2p_message_waits_for_an_absent_persistent_session(client, worker):
    who = name_at(worker)
    client(who, clean=False).close()
    sender = client(name_at(0))
    for qos in (0, 1, 2):
        sender.publish(f"parent/p2p/{who}", f"q{qos}", qos)
    back = client(who, clean=False)
    assert [back.message()[:3] for _ in range(2)] == [(f"parent/p2p/{who}", b"q1", 1), (f"parent/p2p/{who}", b"q2", 2)]
    back.ping()


def test_a_p2p_message_reaches_its_client_and_nobody_else(client):
    target, nosy, sender = client(), client(), client()
    for f in ("#", "parent/p2p/+", "parent/#"):
        nosy.subscribe(f, 1)
    nosy.subscribe("last", 1)
    sender.publish(f"parent/p2p/{target.client_id}", "secret", 1)
    sender.publish("parent/p2p/GID_nobody@@@1", "to nobody", 1)
    assert target.message()[1] == b"secret"
    nothing_more(nosy, sender, "last")


def test_tls_and_plain_connections_share_everything(stack, authority):
    assert stack.set_sni(stack.upload(authority.issue("t.example.com")), "").status == 200
    kept = stack.client("GID_t@@@1", tls=True, clean=False)
    kept.subscribe("t/#", 1)
    kept.close()
    sender = Client(stack.tcp_port, "GID_t@@@2", stack.login(), tls=False)
    sender.publish("t/1", "x", 1)
    back = stack.client("GID_t@@@1", tls=False, clean=False)
    assert back.session_present == 1 and back.message()[:2] == ("t/1", b"x")


def test_a_burst_of_qos_2_messages_is_taken_and_delivered_once(client):
    """MQTT 3.1.1 has no flow control for publishers: 1,000 PUBLISH packets may come before the first PUBREL."""
    count, receiver, sender = 1000, client("GID_q2@@@r"), client("GID_q2@@@s")
    receiver.subscribe("burst/2", 2)
    ids = [struct.pack(">H", n) for n in range(1, count + 1)]
    sender.send(b"".join(packet(0x34, text("burst/2") + pid + pid) for pid in ids))
    for pid in ids:
        assert sender.wait(5)[1] == pid
    sender.send(b"".join(packet(0x62, pid) for pid in ids))
    for pid in ids:
        assert sender.wait(7)[1] == pid
    assert [receiver.message()[1] for _ in ids] == ids
