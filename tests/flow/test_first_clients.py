# SPDX-License-Identifier: Apache-2.0
"""Clients that are there before the broker is ready: they wait, and are let in; nobody is sent away for having been early."""
import socket

from harness.mqtt import connect_packet, password
from harness.stack import Stack

WORKERS = 16  # each has to be given the configuration before any of them may accept
CLIENTS = 200
ROUNDS = 5


def at_the_door(stack, n):
    client_id = f"GID_test@@@early-{n}"
    s = socket.create_connection(("127.0.0.1", stack.tcp_port), 20)
    s.sendall(connect_packet(client_id, f"Signature|{stack.key_id}|{stack.instance}", password(stack.secret, client_id)))
    return s


def connack(s):
    got = b""
    while len(got) < 4:
        more = s.recv(4 - len(got))
        assert more, f"closed after {got!r}"
        got += more
    return got


def test_who_connects_while_the_broker_is_starting_waits_and_is_let_in(cluster):
    stack = Stack(cluster, workers=WORKERS)
    try:
        for _ in range(ROUNDS):
            stack.broker.stop()
            stack.start_broker(wait=False)
            clients = [at_the_door(stack, n) for n in range(CLIENTS)]
            assert {connack(s) for s in clients} == {b"\x20\x02\x00\x00"}
            for s in clients:
                s.close()
    finally:
        stack.close()
