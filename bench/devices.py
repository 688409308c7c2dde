#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""devices: device certificates. `storm`: 20,000 devices never seen before connect as fast as they can, and again when they are
known. `mutual`: server CPU of a full mutual handshake and CONNECT of a known device beside mosquitto and a bare OpenSSL server,
and with 10,000 registered CAs beside one."""

import argparse
import json
import os
import statistics
import subprocess
import sys

import peers
import stack as s

MANY = "mqtt-bench-many"


def device_load(server, folder, *more, cpu=1):
    """The rounds."""
    done = subprocess.run(
        [s.program("device_load"), "--address", f"127.0.0.1:{server.port}", "--sni", peers.NAME, "--dir", folder, "--server-pid",
         str(server.pid), *map(str, more)],
        stdout=subprocess.PIPE, timeout=1800, preexec_fn=s.pinned(cpu), check=True,
    )
    return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


def storm(o):
    with s.Stack() as stack:
        folder = peers.make_folder(stack, "certs")
        peers.configure_mutual(stack, folder)
        broker = peers.start_signet(stack, peers.MUTUAL, o.workers, None)
        common = ["--devices", o.devices, "--parallel", o.parallel]
        whole = device_load(broker, folder, *common, cpu=None)
        for name, r in zip(("new", "known"), whole):
            print(f"{name:6} {r['accepted']:6} of {r['devices']} let in, {r['failed']} failed, {r['seconds']:6.1f} s,"
                  f" {r['per_s']:6.0f} a second, {r['server_cpu_us']:5.0f} us of the broker's CPU each,"
                  f" p50 {r['latency_us']['p50'] / 1000:.0f} ms, p99 {r['latency_us']['p99'] / 1000:.0f} ms", flush=True)
        parts = device_load(broker, folder, *common, "--parts", o.turns, "--first-serial", 9000000, cpu=None)
        rows, different = map(int, stack.psql("SELECT count(*), count(DISTINCT sha256) FROM device_certificate").split("|"))
        print(f"registered: {rows} rows, {different} different certificates, of {2 * o.devices}")
        ratio = statistics.median(new["per_s"] / known["per_s"] for new, known in zip(parts[::2], parts[1::2]))
        print(f"{o.devices} more, {o.turns} times {o.devices // o.turns} new ones and then the same again:"
              f" {statistics.median(r['per_s'] for r in parts[::2]):.0f} and {statistics.median(r['per_s'] for r in parts[1::2]):.0f} a second")
        print(f"new / known: {ratio:.2f} of the connections a second (median of the turns; aim: at least 0.8)")
        right = rows == different == 2 * o.devices and all(r["accepted"] == r["devices"] for r in whole + parts)
        return 0 if right else 1


def start_bare(stack, folder, tickets):
    server = s.start_bare(stack, f"{folder}/0000.crt", f"{folder}/0000.key", 0, "--client-ca", f"{folder}/ca.crt", "--mqtt",
                          "--tickets", str(tickets))
    return server


def add_cas(stack, count):
    """Real CA certificates, put into the table directly: registering each is not what is measured. The revision makes the broker
    load them."""
    folder = os.path.join(stack.folder, "cas")
    os.mkdir(folder, 0o755)
    subprocess.run([s.program("make_certs"), "--dir", folder, "--cas", str(count)], check=True)
    with open(f"{folder}/cas.sql", encoding="ascii") as sql:
        subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-v", f"instance={MANY}", "-d",
                        f"host={stack.run_dir} dbname=signet user=signet_owner"], stdin=sql, check=True, stdout=subprocess.DEVNULL)


def mutual(o):
    with s.Stack() as stack:
        folder, other = peers.make_folder(stack, "certs"), peers.make_folder(stack, "certs-many")
        peers.configure_mutual(stack, folder)
        servers = {**peers.pair(stack, folder, mutual=True), "bare, no tickets": start_bare(stack, folder, 0),
                   "bare, 2 tickets": start_bare(stack, folder, 2)}
        if o.cas > 1:
            peers.configure_mutual(stack, other, MANY)
            add_cas(stack, o.cas - 1)
            servers["signet, many CAs"] = peers.start_signet(stack, MANY)
            assert stack.status(MANY)["cas"] == o.cas
        rounds = measure(o, servers, {name: other if "many" in name else folder for name in servers})
        print_table(servers, rounds)
        if o.cas > 1:
            ratio = statistics.median(r["signet, many CAs"] / r["signet"] for r in rounds)
            print(f"{o.cas} registered CAs / one: {ratio:.3f} (aim: no more than one)")
    return 0


def measure(o, servers, folders):
    rounds, serial = [], 5000000
    for i in range(o.rounds):
        order = list(servers)[i % len(servers):] + list(servers)[: i % len(servers)]
        # Each device connects once before it is measured, so that it is known.
        rounds.append({name: device_load(servers[name], folders[name], "--devices", o.devices_per_round, "--parallel", 1, "--tls",
                                         o.tls, "--first-serial", serial)[1]["server_cpu_us"] for name in order})
        serial += o.devices_per_round
    return rounds


def print_table(servers, rounds):
    for name in servers:
        print(f"TLS mutual + CONNECT  {name:18} {statistics.median(r[name] for r in rounds):6.0f} us of CPU each,"
              f" {statistics.median(r[name] / r['bare, no tickets'] for r in rounds):.3f} of bare")
    if "mosquitto" in servers:
        print(f"signet / mosquitto: {statistics.median(r['signet'] / r['mosquitto'] for r in rounds):.3f} (aim: at most 0.65)")
    print(f"signet / bare with the same ticket setting (none):"
          f" {statistics.median(r['signet'] / r['bare, no tickets'] for r in rounds):.3f} (aim: at most 1.1)")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["storm", "mutual"])
    p.add_argument("--devices", type=int, default=20000, help="storm: how many (20000)")
    p.add_argument("--parallel", type=int, default=1000, help="storm: that connect at a time (1000)")
    p.add_argument("--turns", type=int, default=10, help="storm: of new and known devices, for the ratio (10)")
    p.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="storm: of the broker (one a core)")
    p.add_argument("--rounds", type=int, default=15, help="mutual: rounds (15)")
    p.add_argument("--devices-per-round", type=int, default=200, help="mutual: handshakes of each server in a round (200)")
    p.add_argument("--cas", type=int, default=10000, help="mutual: registered CAs in the second part (10000; 1: no second part)")
    p.add_argument("--tls", default="1.3", help="mutual: 1.2 or 1.3")
    o = p.parse_args()
    return storm(o) if o.what == "storm" else mutual(o)


if __name__ == "__main__":
    sys.exit(main())
