"""The broker is killed again and again while 20 clients publish QoS 1 and 2 to 20 persistent sessions that go on and off
line: no acknowledged message is missing, none of QoS 2 comes twice. SIGNET_KILL_ROUNDS is the number of kills."""
import asyncio
import os
import random
import time

import pytest
from harness.durable import Publisher, Subscriber, World
from harness.stack import Stack

ROUNDS, PAIRS = int(os.environ.get("SIGNET_KILL_ROUNDS", "15")), 20


def filters(number):
    """Its own publisher, and every fifth one listens to four more: one message for several sessions."""
    return [f"kill/{number}"] + ([f"kill/{(number + n) % PAIRS}" for n in range(1, 5)] if number % 5 == 0 else [])


def expected(publishers, subscriber):
    for topic in subscriber.filters:
        publisher = publishers[int(topic.split("/")[1])]
        for qos in (1, 2):
            for number in publisher.acknowledged[qos]:
                yield qos, topic, number


def missing(publishers, subscribers):
    return [(s.client_id, *e) for s in subscribers for e in expected(publishers, s) if not s.got[e[0]][e[1:]]]


async def drained(publishers, subscribers, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(p.open for p in publishers) and not missing(publishers, subscribers):
            await asyncio.sleep(1)  # what would come twice comes now
            return
        await asyncio.sleep(0.2)


async def story(stack, rounds):
    world = World(stack.tcp_port, stack.login())
    publishers = [Publisher(world, n, f"kill/{n}") for n in range(PAIRS)]
    subscribers = [Subscriber(world, n, filters(n)) for n in range(PAIRS)]
    lives = [asyncio.create_task(s.live()) for s in subscribers]
    while not all(s.subscribed for s in subscribers):
        await asyncio.sleep(0.05)
    lives += [asyncio.create_task(p.live()) for p in publishers]
    for _ in range(rounds):
        await asyncio.sleep(random.uniform(0.05, 1.0))
        stack.broker.kill()
        await asyncio.to_thread(stack.start_broker, False)
    world.quiet = True
    await drained(publishers, subscribers, 60)
    world.over = True
    for life in lives:
        life.cancel()
    for life in await asyncio.gather(*lives, return_exceptions=True):
        if isinstance(life, AssertionError):
            raise life
    return publishers, subscribers


@pytest.mark.parametrize("workers, sync", [(1, "write"), (3, "write"), (2, "strict")])
def test_killed_at_any_moment_it_loses_nothing_that_it_acknowledged(cluster, workers, sync):
    stack = Stack(cluster, workers=workers, env={"SIGNET_STORE_SYNC": sync})
    try:
        publishers, subscribers = asyncio.run(story(stack, ROUNDS))
        counts = [sum(len(p.acknowledged[qos]) for p in publishers) for qos in (1, 2)]
        print(f"rounds={ROUNDS} workers={workers} sync={sync} acknowledged: QoS 1 {counts[0]}, QoS 2 {counts[1]}")
        assert min(counts) > 20 * ROUNDS, counts
        assert not any(p.open for p in publishers), "all is acknowledged at the end"
        gone = missing(publishers, subscribers)
        assert not gone, f"{len(gone)} missing: {gone[:5]}"
        twice = [(s.client_id, *key, n) for s in subscribers for key, n in s.got[2].items() if n > 1]
        assert not twice, f"{len(twice)} twice: {twice[:5]}"
    finally:
        stack.close()
