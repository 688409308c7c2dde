"""One client, few bytes, much work or memory: what it costs is bounded, and others do not wait for it."""
import time

import pytest
from harness import packets
from harness.logins import signed
from harness.metrics import scrape
from harness.process import wait_until

MB = 1024
FILTERS, LEVELS = 1000, 200


@pytest.fixture
def stack(open_stack):
    return open_stack(workers=1)


def test_the_same_subscription_again_and_again_takes_no_memory(open_stack):
    """On the release build: memory that was freed stays with the sanitizer for a while. While more waits for it than is shown retained messages to, each of them would be a walk that goes on later."""
    stack = open_stack(build="release", workers=1)
    p = signed(stack, properties={"receive_max": 1})
    p.subscribe(("own/q", 1))
    for _ in range(1100):
        p.publish("own/q", b"x", 1)
    before = stack.broker.memory_kb()
    for _ in range(100):
        p.send(packets.subscribe(p.pid(), [("own/q", 1)] * 256))
        p.expect("SUBACK", keep=True)
    assert stack.broker.memory_kb() - before < 20 * MB, "it was 105 MB, and grew for ever"


def test_filters_that_make_every_message_expensive_are_refused_in_time(stack):
    p, other = signed(stack), signed(stack)
    rows = ["/".join([("a", "+")[n >> b & 1] for b in range(10)] + ["a"] * (LEVELS - 11) + ["z"]) for n in range(FILTERS)]
    granted = [r for k in range(0, FILTERS, 100) for r in p.subscribe(*[(r, 0) for r in rows[k:k + 100]], granted=False)]
    assert 0 < granted.count(0) < 100 and granted.count(0x97) == FILTERS - granted.count(0)
    p.send(packets.publish("/".join("a" * LEVELS), b"") * 100)
    began = time.monotonic()
    other.ping()
    assert time.monotonic() - began < 8, "it was eleven seconds without a sanitizer"


def test_messages_that_nobody_acknowledges_are_bounded_by_bytes(open_stack):
    stack = open_stack(build="release", workers=1, env={"SIGNET_QUEUE_BYTES_MAX": MB * 1024, "SIGNET_QUEUES_BYTES_MAX": 2 * MB * 1024})
    sender, silent = signed(stack), signed(stack, clean=False, properties={"session_expiry": 3600})
    silent.subscribe(("big", 1))
    before = stack.broker.memory_kb()
    for _ in range(100):
        sender.publish("big", b"x" * 500000, 1)
    silent.cut()
    assert stack.broker.memory_kb() - before < 15 * MB, "it was 50 MB of messages, and as much a session"
    wait_until(lambda: 80 < scrape(stack)("messages_dropped_total", reason="session_limit") < 100, what="those that had no room counted")


def test_topics_of_many_levels_count_when_they_are_retained(open_stack):
    stack = open_stack(workers=1, env={"SIGNET_RETAINED_BYTES_MAX": MB * 1024})
    p = signed(stack)
    reasons = [p.publish(f"{n}/" + "/".join("a" * LEVELS), b"x", 1, reason=(0, 0x10, 0x97), retain=True).reason for n in range(200)]
    assert 20 < len([r for r in reasons if r != 0x97]) < 100
