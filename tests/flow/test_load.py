"""Many clients, fast ones and slow ones: order holds, and nobody suffers for another."""
import socket
import struct
import threading
import time

import pytest
from harness.homes import name_at
from harness.mqtt import connect_packet, packet, password, text
from harness.process import wait_until


@pytest.mark.parametrize("qos", [0, 1])
def test_order_holds_between_clients_on_different_workers(client, qos):
    receiver, sender = client(name_at(0)), client(name_at(1))
    receiver.subscribe("order", 1)
    count = 2000
    stream = b"".join(packet(0x30 | qos << 1, text("order") + (struct.pack(">H", n + 1) if qos else b"") + b"%d" % n)
                      for n in range(count))
    t = threading.Thread(target=sender.send, args=(stream,))
    t.start()
    assert [int(receiver.message()[1]) for _ in range(count)] == list(range(count))
    t.join()
    if qos:
        assert [struct.unpack(">H", sender.wait(4)[1])[0] for _ in range(count)] == list(range(1, count + 1))


def test_one_message_reaches_two_hundred_clients(client):
    receivers = [client() for _ in range(200)]
    for n, c in enumerate(receivers):
        c.subscribe("fan/+", n % 3)
    sender = client()
    for qos in (0, 1, 2):
        sender.publish("fan/out", f"to all {qos}", qos)
    for n, c in enumerate(receivers):
        for qos in (0, 1, 2):
            assert c.message()[:3] == ("fan/out", b"to all %d" % qos, min(qos, n % 3))


def sleeper(s, client_id, qos):
    """Subscribes to everything under flood/ and never reads again."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", s.tcp_port))
    key_id, secret, instance = s.login()
    raw.sendall(connect_packet(client_id, f"Signature|{key_id}|{instance}", password(secret, client_id), keep_alive=0))
    raw.sendall(packet(0x82, b"\0\1" + text("flood/#") + bytes([qos])))
    assert raw.recv(4) == b"\x20\2\0\0" and raw.recv(5) == b"\x90\3\0\1" + bytes([qos])
    return raw


@pytest.mark.parametrize("qos", [0, 1])
def test_a_subscriber_that_does_not_read_harms_nobody(open_stack, qos):
    """120 MB go through; a sleeper may hold an outbox and, at QoS 1, a queue. (The sanitizer's quarantine is off.)"""
    s = open_stack(env={"SIGNET_QUEUE_BYTES_MAX": 2 << 20, "ASAN_OPTIONS": "quarantine_size_mb=1:detect_leaks=1"})
    sleepers = [sleeper(s, f"GID_z@@@{n}", qos) for n in range(4)]
    awake = [s.client(f"GID_w@@@{n}", tls=False) for n in range(2)]
    for c in awake:
        c.subscribe("flood/#", 1)
    sender = s.client("GID_w@@@sender", tls=False)
    payload = b"x" * 60000

    def flood(count):
        for n in range(count):
            sender.publish(f"flood/{n}", payload, 1)
            for c in awake:
                assert c.message()[0] == f"flood/{n}"

    flood(300)  # until every buffer is full
    before, began = s.broker.memory_kb(), time.monotonic()
    flood(1700)
    assert time.monotonic() - began < 60
    assert s.broker.memory_kb() - before < 8 * 1024
    wait_until(lambda: s.status()["counters"]["messages_over_limit"] > 1000, what="what was dropped to be counted")
    for raw in sleepers:
        raw.close()
    wait_until(lambda: s.status()["counters"]["connections"] == 3, what="the sleepers to be gone")


def test_a_publisher_that_disconnects_at_once_is_still_heard(client):
    receiver = client()
    receiver.subscribe("hasty", 1)
    for n in range(50):
        c = client()
        c.send(packet(0x32, text("hasty") + b"\0\1" + b"%d" % n) + packet(0xE0))
        c.sock.close()
    assert sorted(int(receiver.message()[1]) for _ in range(50)) == list(range(50))
