"""Clients that remember what MQTT asks a client to remember (3.1.1 §4.1), over any number of connections: publishers that
send again with DUP what was not acknowledged, subscribers that know a QoS 2 message again. asyncio, 3.1.1, without TLS."""
import asyncio
import random
import struct
from collections import Counter

from .mqtt import connect_packet, packet, password, text

UNAVAILABLE = 3  # 3.1.1 §3.2.2.3
ENDED = (ConnectionError, asyncio.IncompleteReadError, OSError, asyncio.TimeoutError)


class Durable:
    """One persistent session: `work` is called with every connection, until it returns or the connection ends."""

    def __init__(self, world, client_id):
        self.world, self.client_id = world, client_id
        self.reader = self.writer = None
        self.connections = 0

    async def connect(self):
        key, secret, instance = self.world.login
        self.reader, self.writer = await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", self.world.port), 10)
        self.writer.write(connect_packet(self.client_id, f"Signature|{key}|{instance}", password(secret, self.client_id),
                                         clean=False, keep_alive=0))
        kind, body = await self.receive()
        if (kind, body[1]) == (0x20, UNAVAILABLE):  # it has just started, and has no configuration yet
            raise ConnectionError(body)
        assert (kind, body[1]) == (0x20, 0), f"{self.client_id}: CONNACK {kind:#x} {body!r}"
        self.connections += 1
        return body[0] == 1

    async def receive(self):
        first = (await self.reader.readexactly(1))[0]
        length = shift = 0
        while True:
            digit = (await self.reader.readexactly(1))[0]
            length |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                return first, await self.reader.readexactly(length)

    def send(self, first, body):
        self.writer.write(packet(first, body))

    async def leave(self):
        if self.writer is not None:
            self.writer.close()
            self.writer = None

    async def live(self):
        """Connects and works until the world ends; the broker may be away at any moment."""
        while not self.world.over:
            try:
                await self.work(await self.connect())
            except ENDED:
                pass
            await self.leave()
            await asyncio.sleep(random.uniform(0, self.world.pause))


class Publisher(Durable):
    """Publishes `<topic>` with increasing numbers, QoS 1 and 2 in turn, a window of them at a time."""

    def __init__(self, world, number, topic, window=8):
        super().__init__(world, f"GID_kill@@@pub{number}")
        self.topic, self.window = topic, window
        self.next_number = self.next_id = 0
        self.open = {}  # packet ID: [number, qos, released]
        self.acknowledged = {1: set(), 2: set()}

    def publish(self, packet_id, dup):
        number, qos, released = self.open[packet_id]
        if released:
            self.send(0x62, struct.pack(">H", packet_id))
        else:
            self.send(0x30 | qos << 1 | (8 if dup else 0), text(self.topic) + struct.pack(">H", packet_id) + b"%d" % number)

    def publish_more(self):
        while len(self.open) < self.window and not self.world.quiet:
            self.next_id = self.next_id % 65535 + 1
            if self.next_id in self.open:
                continue
            self.open[self.next_id] = [self.next_number, 1 + self.next_number % 2, False]
            self.next_number += 1
            self.publish(self.next_id, False)

    def done(self, packet_id):
        number, qos, _ = self.open.pop(packet_id)
        self.acknowledged[qos].add(number)

    async def work(self, present):
        # Without the session the broker has forgotten our packet IDs: QoS 2 would begin anew, and it must not.
        assert present or self.connections == 1, f"{self.client_id}: the session is gone"
        for packet_id in list(self.open):
            self.publish(packet_id, True)
        while not self.world.over:
            self.publish_more()
            await self.writer.drain()
            first, body = await self.receive()
            packet_id = struct.unpack(">H", body[:2])[0]
            if first == 0x50:
                if packet_id in self.open:
                    self.open[packet_id][2] = True
                self.send(0x62, body[:2])
            elif first in (0x40, 0x70) and packet_id in self.open:
                self.done(packet_id)


class Subscriber(Durable):
    """Goes on and off line. `got`: how often each (topic, number) came, by QoS."""

    def __init__(self, world, number, filters):
        super().__init__(world, f"GID_kill@@@sub{number}")
        self.filters = filters
        self.subscribed = False
        self.got = {1: Counter(), 2: Counter()}
        self.received = set()  # packet IDs of QoS 2, until their PUBREL

    def take(self, first, body):
        qos, length = first >> 1 & 3, struct.unpack(">H", body[:2])[0]
        topic, rest = body[2:2 + length].decode(), body[2 + length:]
        packet_id, number = struct.unpack(">H", rest[:2])[0], int(rest[2:])
        if qos == 1:
            self.got[1][topic, number] += 1
            self.send(0x40, rest[:2])
            return
        if packet_id not in self.received:  # else it is sent again (§4.3.3)
            self.received.add(packet_id)
            self.got[2][topic, number] += 1
        self.send(0x50, rest[:2])

    async def serve(self):
        while not self.world.over:
            first, body = await self.receive()
            if first >> 4 == 3:
                self.take(first, body)
            elif first == 0x62:
                self.received.discard(struct.unpack(">H", body[:2])[0])
                self.send(0x70, body[:2])
            await self.writer.drain()

    async def work(self, present):
        assert present or not self.subscribed, f"{self.client_id}: the session is gone"
        if not self.subscribed:
            self.send(0x82, b"\0\1" + b"".join(text(f) + b"\2" for f in self.filters))
            first, body = await self.receive()
            assert first == 0x90 and body[2:] == b"\2" * len(self.filters)
            self.subscribed = True
        try:
            await asyncio.wait_for(self.serve(), None if self.world.quiet else random.uniform(0.05, self.world.online))
        except asyncio.TimeoutError:
            if self.world.quiet:
                return
            if random.random() < 0.5:
                self.send(0xE0, b"")


class World:
    def __init__(self, port, login, *, online=1.5, pause=0.3):
        self.port, self.login, self.online, self.pause = port, login, online, pause
        self.quiet = self.over = False  # quiet: nothing new is published; over: everybody goes
