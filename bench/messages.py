#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""messages: what a message costs the broker and how long it takes, Signet beside Debian's mosquitto (when it
is installed), scenario by scenario in turns within one run. Every message is numbered and checked."""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys

import stack as s

INSTANCE = "mqtt-cn-benchmsg001"
NAME = "c0000.bench.example"

# name, options of mqtt_load
SCENARIOS = [
    ("1 to 1, as fast as possible, QoS 0", ["--connections", "2", "--pattern", "one-way", "--rate", "max"]),
    (
        "1 to 1, as fast as possible, QoS 1",
        ["--connections", "2", "--pattern", "one-way", "--rate", "max", "--qos", "1"],
    ),
    (
        "50 to 1, as fast as possible, QoS 0",
        ["--connections", "51", "--pattern", "fan-in", "--rate", "max", "--window", "64"],
    ),
    (
        "50 to 1, as fast as possible, QoS 1",
        ["--connections", "51", "--pattern", "fan-in", "--rate", "max", "--window", "64", "--qos", "1"],
    ),
    (
        "1 to 200, as fast as possible, QoS 0",
        ["--connections", "201", "--pattern", "fan-out", "--rate", "max", "--window", "64"],
    ),
    (
        "1 to 200, as fast as possible, QoS 1",
        ["--connections", "201", "--pattern", "fan-out", "--rate", "max", "--window", "64", "--qos", "1"],
    ),
    (
        "100 to 100, as fast as possible, QoS 1",
        ["--connections", "200", "--pattern", "one-way", "--rate", "max", "--window", "64", "--qos", "1"],
    ),
    (
        "100 to 100, 10 messages/s each, QoS 1",
        ["--connections", "200", "--pattern", "one-way", "--rate", "10", "--qos", "1"],
    ),
    ("1,000 in pairs, 1 message/s each, QoS 1", ["--connections", "1000", "--rate", "1", "--qos", "1"]),
]

MOSQUITTO = """listener {plain} 127.0.0.1
listener {tls} 127.0.0.1
certfile {folder}/0000.crt
keyfile {folder}/0000.key
allow_anonymous true
set_tcp_nodelay true
max_inflight_messages 256
max_queued_messages 100000
user root
"""


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=3, help="of each run (default 3)")
    p.add_argument("--payload", type=int, default=64)
    p.add_argument("--only", default="", help="scenarios whose name contains this")
    p.add_argument("--transport", choices=["tcp", "tls", "both"], default="both")
    p.add_argument("--json", help="write all figures to this file too")
    return p.parse_args()


def configure_signet(stack, folder):
    certificate = stack.upload("bench", f"{folder}/0000.crt", f"{folder}/0000.key")
    stack.create_instance(INSTANCE)
    stack.api.call(
        s.ONSMQTT,
        "SetSniConfig",
        MqttInstanceId=INSTANCE,
        DefaultCertificate=certificate,
        SniConfig=f"{NAME}#{certificate}#",
    )


def start_signet(stack, _):
    broker = stack.start_broker(INSTANCE, 1, cpu=0, plain_port=s.free_port())
    stack.wait_applied(broker, INSTANCE)
    broker.wait_for_port(broker.plain_port)
    return broker


def start_mosquitto(stack, folder):
    path = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        s.say("mosquitto is not installed (apt-get install mosquitto): only Signet is measured")
        return None
    plain, tls = s.free_port(), s.free_port()
    conf = os.path.join(stack.folder, "mosquitto.conf")
    with open(conf, "w", encoding="ascii") as out:
        out.write(MOSQUITTO.format(plain=plain, tls=tls, folder=folder))
    broker = stack.start_process("mosquitto", [path, "-c", conf], cpu=0)
    broker.port, broker.plain_port = tls, plain
    broker.wait_for_port(plain)
    return broker


def run(o, stack, broker, transport, scenario, folder):
    command = [
        s.program("mqtt_load"),
        *scenario,
        "--duration",
        str(o.seconds),
        "--payload",
        str(o.payload),
        "--server-pid",
        str(broker.pid),
        "--access-key-file",
        stack.credentials,
        "--instance",
        INSTANCE,
    ]
    if transport == "tls":
        command += [
            "--tls",
            "--cafile",
            f"{folder}/ca.crt",
            "--sni",
            NAME,
            "--address",
            f"127.0.0.1:{broker.port}",
        ]
    else:
        command += ["--address", f"127.0.0.1:{broker.plain_port}"]
    return s.measured(command)


HARM = ("lost", "duplicated", "out_of_order", "misrouted", "corrupt", "drops")


def line(name, transport, results):
    def median(key):
        return statistics.median(r[key] for r in results)

    harm = {key: sum(r[key] for r in results) for key in HARM}
    wrong = ", ".join(f"{key} {count}" for key, count in harm.items() if count) or "none"
    p50, p99 = (statistics.median(r["latency_us"][q] for r in results) / 1000 for q in ("p50", "p99"))
    return (
        f"    {name:10} {transport}  {median('server_cpu_us_per_message'):8.2f} us/message"
        f" {median('messages_per_s'):10.0f}/s"
        f" at {median('server_cpu_share') * 100:3.0f} %  p50 {p50:8.2f} ms  p99 {p99:8.2f} ms  harm: {wrong}"
    )


def main():
    o = options()
    transports = ["tcp", "tls"] if o.transport == "both" else [o.transport]
    figures = []
    with s.Stack() as stack:
        folder = os.path.join(stack.folder, "certs")
        os.mkdir(folder, 0o700)
        subprocess.run([s.program("make_certs"), "--dir", folder, "--count", "1"], check=True)
        configure_signet(stack, folder)
        brokers = {"signet": start_signet(stack, folder), "mosquitto": start_mosquitto(stack, folder)}
        brokers = {name: broker for name, broker in brokers.items() if broker is not None}
        print(
            f"{o.payload} bytes, {o.rounds} rounds of {o.seconds} s, one broker worker on one core, load on"
            " another; medians.\nCPU is the broker's, by delivered message. In runs as fast as possible a"
            " window of messages is under way,\nand latency is that window's.\n"
        )
        for name, scenario in SCENARIOS:
            if o.only not in name:
                continue
            print(name)
            results = {(b, t): [] for t in transports for b in brokers}
            for _ in range(o.rounds):
                for b, t in results:
                    results[b, t].append(run(o, stack, brokers[b], t, scenario, folder))
            for (b, t), runs in results.items():
                print(line(b, t, runs), flush=True)
                figures.append({"scenario": name, "broker": b, "transport": t, "runs": runs})
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump(figures, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
