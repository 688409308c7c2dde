#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""selftest: does mqtt_load see what it must see? A small broker that loses, doubles, reorders, damages and
misroutes messages on purpose, and keeps count; the generator's account has to be equal, number by number.

usage: bench/selftest.py <folder of mqtt_load>"""

import asyncio
import json
import struct
import sys

RUN_SECONDS_MAX = 60


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


class Broker:
    """Routes by exact topic. `faults`: fault name -> every how many messages."""

    def __init__(self, faults):
        self.faults, self.injected = faults, dict.fromkeys(faults, 0)
        self.count, self.subscribers, self.held, self.writers = 0, {}, {}, []

    def fault(self):
        """The fault of this message; each has its own rhythm, one at most."""
        self.count += 1
        for name, every in self.faults.items():
            if every and self.count % every == 0:
                self.injected[name] += 1
                return name
        return None

    def deliver(self, topic, qos, payload):
        writer, packet_id = self.subscribers[topic]
        if writer.is_closing():
            return
        body = struct.pack("!H", len(topic)) + topic
        if qos:
            packet_id = packet_id % 65535 + 1
            self.subscribers[topic] = (writer, packet_id)
            body += struct.pack("!H", packet_id)
        writer.write(packet(0x30 | qos << 1, body + payload))

    def publish(self, topic, qos, payload):
        fault = self.fault()
        if fault == "lose":
            return
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
            self.deliver(next(t for t in self.subscribers if t != topic), qos, payload)
        if topic in self.held and fault != "corrupt":  # a damaged one is not seen to overtake
            self.deliver(topic, qos, self.held.pop(topic))

    async def serve(self, reader, writer):
        self.writers.append(writer)
        try:
            while True:
                first, body = await read_packet(reader)
                self.handle(first, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def handle(self, first, body, writer):
        kind = first >> 4
        if kind == 1:
            writer.write(b"\x20\x02\x00\x00")
        elif kind == 8:
            length = struct.unpack("!H", body[2:4])[0]
            self.subscribers[body[4 : 4 + length]] = (writer, 0)
            writer.write(b"\x90\x03" + body[:2] + body[-1:])
        elif kind == 3:
            qos, length = first >> 1 & 3, struct.unpack("!H", body[:2])[0]
            topic, rest = body[2 : 2 + length], body[2 + length :]
            if qos:
                writer.write(b"\x40\x02" + rest[:2])
                rest = rest[2:]
            self.publish(topic, qos, rest)
        elif kind == 12:
            writer.write(b"\xd0\x00")


async def run(program, faults, *options, kill=0):
    broker = Broker(faults)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    load = await asyncio.create_subprocess_exec(
        program, "--address", f"127.0.0.1:{port}", "--drain", "1", *options, stdout=asyncio.subprocess.PIPE
    )
    if kill:
        assert await load.stdout.readline() == b"ready\n"
        await asyncio.sleep(0.5)
        for writer in broker.writers[:kill]:
            writer.transport.abort()
    out, _ = await asyncio.wait_for(load.communicate(), RUN_SECONDS_MAX)
    server.close()
    assert load.returncode == 0, f"exit status {load.returncode}: {out!r}"
    result = json.loads(out.splitlines()[-1])
    # What is still held at the end of the run never came: it is lost, not swapped.
    return result, broker.injected, len(broker.held)


CLEAN = {
    "lost": 0,
    "duplicated": 0,
    "out_of_order": 0,
    "corrupt": 0,
    "misrouted": 0,
    "foreign": 0,
    "drops": 0,
}


def same(name, result, expected):
    wrong = {k: (result[k], v) for k, v in {**CLEAN, **expected}.items() if result[k] != v}
    print(
        f"{'ok' if not wrong else 'FAILED'}   {name}"
        + "".join(f"\n       {k}: said {s}, was {w}" for k, (s, w) in wrong.items())
    )
    return not wrong


async def main(folder):
    program = f"{folder}/mqtt_load"
    paced = ["--connections", "10", "--count", "400", "--rate", "200"]
    fine = True
    for qos in "01":
        options = [*paced, "--qos", qos]
        result, _, _ = await run(program, {}, *options)
        fine &= same(f"QoS {qos}: nothing wrong, nothing reported", result, {"delivered": 4000, "sent": 4000})
        result, was, _ = await run(program, {"lose": 97}, *options)
        fine &= same(
            f"QoS {qos}: lost messages",
            result,
            {"lost": was["lose"], "lost_acked": was["lose"] if qos == "1" else 0},
        )
        result, was, _ = await run(program, {"double": 53}, *options)
        fine &= same(f"QoS {qos}: doubled messages", result, {"duplicated": was["double"]})
        result, was, held = await run(program, {"swap": 31}, *options)
        fine &= same(
            f"QoS {qos}: messages out of order", result, {"out_of_order": was["swap"] - held, "lost": held}
        )
        result, was, _ = await run(program, {"corrupt": 41}, *options)
        fine &= same(
            f"QoS {qos}: damaged messages", result, {"corrupt": was["corrupt"], "lost": was["corrupt"]}
        )
        result, was, _ = await run(program, {"misroute": 67}, *options)
        fine &= same(f"QoS {qos}: messages to the wrong subscriber", result, {"misrouted": was["misroute"]})
    result, was, held = await run(
        program, {"lose": 101, "double": 37, "swap": 29, "corrupt": 59}, *paced, "--qos", "1"
    )
    fine &= same(
        "everything together",
        result,
        {
            "lost": was["lose"] + was["corrupt"] + held,
            "duplicated": was["double"],
            "corrupt": was["corrupt"],
            "out_of_order": was["swap"] - held,
        },
    )
    result, _, _ = await run(program, {}, *paced, kill=3)
    fine &= same(
        "connections cut by the server",
        result,
        {"drops": 3, "lost": result["expected"] - result["delivered"]},
    )
    fine &= result["lost"] > 0
    return 0 if fine else 1


if len(sys.argv) != 2:
    sys.exit(__doc__)
sys.exit(asyncio.run(main(sys.argv[1])))
