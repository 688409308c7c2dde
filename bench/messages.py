#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""messages: what a message costs the broker and how long it takes, Signet beside Debian's mosquitto (when it
is installed), scenario by scenario in turns within one run. Every message is numbered and checked."""

import argparse
import json
import statistics
import sys
from collections import namedtuple

import peers
import stack as s

# mark: the share of mosquitto's CPU per delivered message over TLS that is aimed at, what the fastest broker
# reaches; None: there is none.
Scenario = namedtuple("Scenario", "name options mark")


def stream(pattern, connections, qos, window, batch):
    """A window of messages is under way for each publisher, who writes whole batches."""
    options = ["--pattern", pattern, "--connections", connections, "--qos", qos, "--rate", "max", "--window", window]
    return [str(option) for option in [*options, "--batch", batch]]


def paced(rate, connections=200):
    return ["--pattern", "one-way", "--connections", str(connections), "--qos", "1", "--rate", str(rate)]


STREAMS = [
    Scenario("1 to 1, QoS 0", stream("one-way", 2, 0, 1024, 64), None),
    Scenario("1 to 1, QoS 1", stream("one-way", 2, 1, 1024, 64), 0.08),
    Scenario("1 to 1, QoS 2", stream("one-way", 2, 2, 256, 64), None),
    Scenario("1 to 200, QoS 0", stream("fan-out", 201, 0, 64, 16), 0.11),
    Scenario("1 to 200, QoS 1", stream("fan-out", 201, 1, 64, 16), 0.14),
    Scenario("100 to 100, QoS 0", stream("one-way", 200, 0, 64, 16), None),
    Scenario("100 to 100, QoS 1", stream("one-way", 200, 1, 64, 16), 0.24),
    Scenario("50 to 1, QoS 0", stream("fan-in", 51, 0, 64, 16), None),
    Scenario("50 to 1, QoS 1", stream("fan-in", 51, 1, 64, 16), 0.35),
]
# Messages a second over 100 pairs; one message, one write.
PACED = [
    Scenario("1,000/s over 100 pairs, QoS 1", paced(10), None),
    Scenario("5,000/s over 100 pairs, QoS 1", paced(50), None),
]
HARM = ("lost", "duplicated", "out_of_order", "misrouted", "corrupt", "foreign", "drops", "refused", "acks_unexpected")


def run(o, broker, transport, options, folders, stack, serials=None):
    """One run of mqtt_load. transport: tcp, tls or mutual; serials: where its device certificates begin."""
    command = [s.program("mqtt_load"), *options, "--duration", str(o.seconds), "--payload", str(o.payload)]
    command += ["--server-pid", str(broker.pid), "--protocol", o.protocol]
    if transport == "mutual":
        command += ["--device-dir", folders.mutual, "--first-serial", str(serials)]
    else:
        command += ["--access-key-file", stack.credentials, "--instance", peers.SERVER]
    if transport == "tcp":
        return s.measured([*command, "--address", f"127.0.0.1:{broker.plain_port}"])
    ca = folders.mutual if transport == "mutual" else folders.server
    command += ["--tls", "--cafile", f"{ca}/ca.crt", "--sni", peers.NAME]
    return s.measured([*command, "--address", f"127.0.0.1:{broker.port}"])


def in_turns(o, brokers, transport, options, folders, stack):
    """By broker, the runs: A B, B A, …"""
    runs = {name: [] for name in brokers}
    for n in range(o.rounds):
        for name in list(brokers)[:: -1 if n % 2 else 1]:
            runs[name].append(run(o, brokers[name], transport, options, folders, stack))
    return runs


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def median_ms(runs, quantile):
    return statistics.median(r["latency_us"][quantile] for r in runs) / 1000


def harm(runs):
    """What went wrong in all the runs, in words; "": nothing."""
    sums = {key: sum(r[key] for r in runs) for key in HARM}
    return ", ".join(f"{key} {count}" for key, count in sums.items() if count)


def line(name, transport, runs):
    return (
        f"    {name:10} {transport}  {median(runs, 'server_cpu_us_per_message'):8.2f} us/message"
        f" {median(runs, 'messages_per_s'):10.0f}/s  broker at {median(runs, 'server_cpu_share') * 100:3.0f} %,"
        f" generator at {median(runs, 'client_cpu_share') * 100:3.0f} %"
        f"  p50 {median_ms(runs, 'p50'):8.2f} ms  p99 {median_ms(runs, 'p99'):8.2f} ms"
        f"  harm: {harm(runs) or 'none'}"
    )


def add_options(p, rounds, seconds):
    p.add_argument("--rounds", type=int, default=rounds)
    p.add_argument("--seconds", type=int, default=seconds, help=f"of each run (default {seconds})")
    p.add_argument("--payload", type=int, default=64)
    p.add_argument("--protocol", choices=["3.1.1", "5.0"], default="3.1.1")
    p.add_argument("--json", help="write all figures to this file too")


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(p, rounds=3, seconds=3)
    p.add_argument("--only", default="", help="scenarios whose name contains this")
    p.add_argument("--transport", choices=["tcp", "tls", "both"], default="both")
    return p.parse_args()


def main():
    o = options()
    figures = []
    with s.Stack() as stack:
        folder = peers.make_folder(stack, "certs")
        peers.configure_server(stack, folder)
        brokers = peers.pair(stack, folder)
        print(
            f"{o.payload} bytes, MQTT {o.protocol}, {o.rounds} rounds of {o.seconds} s, one broker worker on one core,"
            " load on another; medians.\nCPU is the broker's, by delivered message. Without a rate a window of messages"
            " is under way,\nand latency is that window's.\n"
        )
        for scenario in STREAMS + PACED:
            if o.only not in scenario.name:
                continue
            print(scenario.name)
            for transport in ["tcp", "tls"] if o.transport == "both" else [o.transport]:
                runs = in_turns(o, brokers, transport, scenario.options, peers.Folders(folder, None), stack)
                for name in brokers:
                    print(line(name, transport, runs[name]), flush=True)
                    figures.append(
                        {"scenario": scenario.name, "broker": name, "transport": transport, "runs": runs[name]}
                    )
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump({**peers.surroundings(), "figures": figures}, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
