# SPDX-License-Identifier: Apache-2.0
"""selftest_broker: a small MQTT broker (3.1.1 and 5.0) that does wrong on purpose, every so many messages, and
keeps count."""

import asyncio
import struct
import time

CONNECT, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 5, 6, 7, 8, 12, 14
QUOTA_EXCEEDED = 0x97


def remaining_length(n):
    out = bytearray()
    while True:
        low, n = n & 0x7F, n >> 7
        out.append(low | 0x80 if n else low)
        if not n:
            return bytes(out)


def packet(first, body):
    return bytes([first]) + remaining_length(len(body)) + body


async def read_packet(reader):
    first = (await reader.readexactly(1))[0]
    length = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        length |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return first, await reader.readexactly(length)


class Subscriber:
    def __init__(self, client, qos):
        self.client, self.qos, self.packet_id = client, qos, 0

    def deliver(self, topic, qos, payload):
        if self.client.writer.is_closing():
            return
        qos = min(qos, self.qos)
        body = struct.pack("!H", len(topic)) + topic
        if qos:
            self.packet_id = self.packet_id % 65535 + 1
            body += struct.pack("!H", self.packet_id)
        if self.client.level == 5:
            body += b"\x02\x01\x00"  # a property that says nothing: Payload Format Indicator 0
        self.client.writer.write(packet(PUBLISH << 4 | qos << 1, body + payload))


class Client:
    def __init__(self, writer):
        self.writer, self.level = writer, 4

    def no_properties(self):
        return b"\x00" if self.level == 5 else b""

    def ack(self, kind, packet_id, reason=0):
        body = packet_id + (bytes([reason]) if reason else b"")
        self.writer.write(packet(kind << 4 | (2 if kind == PUBREL else 0), body))


class Broker:
    """Routes by exact topic. `faults`: fault name -> every how many messages (connections: "turn away")."""

    def __init__(self, faults):
        self.faults, self.injected = faults, dict.fromkeys(faults, 0)
        self.count, self.subscribers, self.held, self.clients = 0, {}, {}, []
        self.acknowledged = dict.fromkeys((PUBACK, PUBREC, PUBREL, PUBCOMP), 0)  # by the generator

    def fault(self):
        """The fault of this message; each has its own rhythm, one at most."""
        self.count += 1
        for name, every in self.faults.items():
            if every and self.count % every == 0:
                self.injected[name] += 1
                return name
        return None

    def deliver(self, topic, qos, payload):
        for subscriber in self.subscribers.get(topic, []):
            subscriber.deliver(topic, qos, payload)

    def publish(self, topic, qos, payload, fault):
        if fault in ("lose", "refuse"):
            return
        if fault == "stall":
            time.sleep(1)  # everything stands still, as in a broker that does something else
        if fault == "swap" and topic not in self.held:
            self.held[topic] = payload  # goes out behind the next one of this topic
            return
        if fault == "swap":
            self.injected["swap"] -= 1  # one is held already
        if fault == "corrupt":
            payload = payload[:-1] + bytes([payload[-1] ^ 1])
        self.deliver(topic, qos, payload)
        if fault == "double":
            self.deliver(topic, qos, payload)
        if fault == "misroute":
            self.misroute(topic, qos, payload)
        if topic in self.held and fault != "corrupt":  # a damaged one is not seen to overtake
            self.deliver(topic, qos, self.held.pop(topic))

    def misroute(self, topic, qos, payload):
        other = next(t for t in self.subscribers if t != topic)
        for subscriber in self.subscribers[other]:
            subscriber.deliver(other, qos, payload)

    async def serve(self, reader, writer):
        client = Client(writer)
        self.clients.append(client)
        try:
            while True:
                first, body = await read_packet(reader)
                self.handle(first, body, client)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def handle(self, first, body, client):
        kind = first >> 4
        if kind == CONNECT:
            client.level = body[6]
            if self.faults.get("turn away") and self.fault():
                client.writer.write(b"\x20\x03\x00\x97\x00")
                return
            # 5.0: Receive Maximum 20, a user property before it.
            properties = b"\x26\x00\x01a\x00\x01b\x21\x00\x14"
            client.writer.write(
                packet(0x20, b"\x00\x00" + bytes([len(properties)]) + properties)
                if client.level == 5
                else b"\x20\x02\x00\x00"
            )
        elif kind == SUBSCRIBE:
            at = 2 + len(client.no_properties())
            length = struct.unpack("!H", body[at : at + 2])[0]
            topic, qos = body[at + 2 : at + 2 + length], body[-1]
            self.subscribers.setdefault(topic, []).append(Subscriber(client, qos))
            client.writer.write(packet(0x90, body[:2] + client.no_properties() + bytes([qos])))
        elif kind == PUBLISH:
            self.handle_publish(first >> 1 & 3, body, client)
        elif kind == PINGREQ:
            client.writer.write(b"\xd0\x00")
        elif kind == DISCONNECT:
            client.writer.close()
        elif kind in self.acknowledged:
            self.acknowledged[kind] += 1
            if kind in (PUBREC, PUBREL):
                client.ack(PUBREL if kind == PUBREC else PUBCOMP, body[:2])

    def handle_publish(self, qos, body, client):
        length = struct.unpack("!H", body[:2])[0]
        topic, rest, fault = body[2 : 2 + length], body[2 + length :], self.fault()
        if qos:
            refused = QUOTA_EXCEEDED if fault == "refuse" else 0
            for _ in range({"ack twice": 2, "no ack": 0}.get(fault, 1)):
                client.ack(PUBACK if qos == 1 else PUBREC, rest[:2], refused)
            rest = rest[2:]
        self.publish(topic, qos, rest[len(client.no_properties()) :], fault)
