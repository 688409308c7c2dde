#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""domains: 100,000 mapped domains over 1,000 certificates, on a private Signet.

Prints the time and memory from broker start to serving; the time from one changed entry to the new
certificate served; what a full handshake costs the broker at 100,000 domains, with 1 domain, and a bare
OpenSSL server, in turns within the same run; and what a million server names that nobody has configured do to
its memory."""

import argparse
import hashlib
import json
import os
import random
import socket
import ssl
import statistics
import subprocess
import sys
import threading
import time

import stack as s
from domains_table import table

MANY, ONE = "mqtt-cn-bench100000", "mqtt-cn-bench000001"
SAMPLE = 500  # names that are looked at one by one after a start


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--domains", type=int, default=100000)
    p.add_argument("--certificates", type=int, default=1000)
    p.add_argument(
        "--rounds", type=int, default=21, help="of the comparison, for each TLS version (default 21)"
    )
    p.add_argument("--handshakes", type=int, default=300, help="of each server in a round (default 300)")
    p.add_argument("--changes", type=int, default=7, help="of one entry (default 7)")
    p.add_argument("--starts", type=int, default=3, help="of the broker (default 3)")
    p.add_argument(
        "--spray-full", type=int, default=20000, help="unknown names in full handshakes (default 20000)"
    )
    p.add_argument(
        "--spray-hello", type=int, default=100000, help="unknown names up to the ServerHello (default 100000)"
    )
    p.add_argument(
        "--spray", type=int, default=1000000, help="unknown names up to an alert (default 1000000)"
    )
    p.add_argument("--json", help="write all figures to this file too")
    return p.parse_args()


class Names:
    """Domain i is d000123.c0007.bench.example; certificate 7 is for *.c0007.bench.example."""

    def __init__(self, o, folder):
        self.count, self.certificates, self.folder = o.domains, o.certificates, folder

    def domain(self, i):
        return f"d{i:06d}.c{i % self.certificates:04d}.bench.example"

    def file(self, kind, number):
        return os.path.join(self.folder, f"{number:04d}.{kind}")

    def write(self):
        path = os.path.join(self.folder, "names")
        with open(path, "w", encoding="ascii") as out:
            out.writelines(self.domain(i) + "\n" for i in range(self.count))
        return path

    def digest(self, number):
        with open(self.file("crt", number), encoding="ascii") as pem:
            return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read())).hexdigest()


def served(port, name):
    """SHA-256 of the certificate that a full handshake gets; None when there is none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as tcp, context.wrap_socket(
            tcp, server_hostname=name
        ) as tls:
            return hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
    except OSError:
        return None


def make_certificates(o, folder):
    """The last one, number `certificates`, is a second certificate for the names of number 0."""
    begun = time.monotonic()
    subprocess.run([s.program("make_certs"), "--dir", folder, "--count", str(o.certificates)], check=True)
    other = os.path.join(folder, "other")
    os.mkdir(other)
    subprocess.run([s.program("make_certs"), "--dir", other, "--count", "1"], check=True)
    for kind in ("crt", "key"):
        os.rename(os.path.join(other, f"0000.{kind}"), os.path.join(folder, f"{o.certificates:04d}.{kind}"))
    s.say(f"{o.certificates + 1} certificates made in {time.monotonic() - begun:.1f} s")


def fill(o, stack, names):
    """Uploads every certificate, maps every domain; returns the certificate IDs."""
    begun = time.monotonic()
    ids = [
        stack.upload(f"bench-{i}", names.file("crt", i), names.file("key", i))
        for i in range(o.certificates + 1)
    ]
    upload_s = time.monotonic() - begun
    for instance in (ONE, MANY):
        stack.create_instance(instance)
    begun = time.monotonic()
    stack.api.send(s.ONSMQTT, "SetSniConfig", config_body(names, ids, MANY, o.domains))
    set_s = time.monotonic() - begun
    stack.api.send(s.ONSMQTT, "SetSniConfig", config_body(names, ids, ONE, 1))
    s.say(
        f"{o.certificates + 1} UploadUserCertificate in {upload_s:.1f} s, "
        f"SetSniConfig of {o.domains} entries in {set_s:.1f} s"
    )
    return ids, {"upload_s": upload_s, "set_all_s": set_s}


def config_body(names, ids, instance, count, first=0):
    """Every domain on its certificate; domain 0 on certificate `first`."""
    entries = [f"{names.domain(0)}#{ids[first]}#"]
    entries += [f"{names.domain(i)}#{ids[i % names.certificates]}#" for i in range(1, count)]
    return s.Api.body(
        {"MqttInstanceId": instance, "DefaultCertificate": ids[1 % len(ids)], "SniConfig": ";".join(entries)}
    )


def start_to_serving(stack, names, workers, port, cpu=None):
    """A broker, and the seconds from its start to the first right handshake for a mapped name."""
    i = random.randrange(names.count)
    wanted = names.digest(i % names.certificates)
    broker = stack.start_broker(MANY, workers, cpu, port=port)
    while served(port, names.domain(i)) != wanted:
        broker.check()
        if time.monotonic() - broker.begun > 300:
            raise RuntimeError("the broker does not serve the mapped name within 300 s")
        time.sleep(0.002)
    return broker, time.monotonic() - broker.begun


def check_served(stack, names, broker):
    """Is everything there that was configured, and right?"""
    status = stack.status(MANY)
    if status["domains"] != names.count or status["rejected"]:
        raise RuntimeError(f"the broker has {status['domains']} domains, rejected {status['rejected']}")
    for i in random.sample(range(names.count), min(SAMPLE, names.count)):
        if served(broker.port, names.domain(i)) != names.digest(i % names.certificates):
            raise RuntimeError(f"{names.domain(i)} gets another certificate than its own")


def measure_starts(o, stack, names):
    seconds, megabytes, peaks, cpu = [], [], [], []
    for _ in range(o.starts):
        broker, took = start_to_serving(stack, names, 0, s.free_port())
        seconds.append(took)
        megabytes.append(s.memory_kb(broker.pid) / 1024)
        peaks.append(s.memory_kb(broker.pid, "VmHWM") / 1024)
        cpu.append(s.cpu_seconds(broker.pid))
        check_served(stack, names, broker)
        broker.stop()
    s.say(f"start to serving: {', '.join(f'{t:.2f} s' for t in seconds)}")
    return {
        "start_s": statistics.median(seconds),
        "start_mb": statistics.median(megabytes),
        "start_peak_mb": statistics.median(peaks),
        "start_cpu_s": statistics.median(cpu),
    }


class Prober(threading.Thread):
    """Shakes hands for one name again and again; `seen`: when each one began and ended, and what it got."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.port, self.domain, self.seen, self.stopping = port, name, [], False

    def run(self):
        while not self.stopping:
            begun, digest = time.time(), served(self.port, self.domain)
            self.seen.append((begun, time.time(), digest))


def commit_time(stack, instance):
    return float(
        stack.psql(
            "SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin)) FROM instance "
            f"WHERE mqtt_instance_id = '{instance}'"
        )
    )


def change_once(stack, names, broker, ids, body, number):
    """One entry moves to certificate `number`: seconds of the call, from COMMIT to the end of the first
    handshake that got the new certificate, and how many handshakes that began after the answer still got the
    old one."""
    wanted, prober = names.digest(number), Prober(broker.port, names.domain(0))
    prober.start()
    time.sleep(0.1)
    begun = time.time()
    _, headers = stack.api.send(s.ONSMQTT, "SetSniConfig", body)
    answered = time.time()
    time.sleep(0.2)
    while not any(digest == wanted for _, _, digest in prober.seen) and time.time() - answered < 10:
        time.sleep(0.01)
    prober.stopping = True
    prober.join()
    committed = commit_time(stack, MANY)
    first = min((t, end) for t, end, digest in prober.seen if digest == wanted)
    return {
        "call_s": answered - begun,
        "commit_ms": (first[1] - committed) * 1000,
        "answer_after_commit_ms": (answered - committed) * 1000,
        "stale": sum(t > answered and digest != wanted for t, _, digest in prober.seen),
        "failed": sum(digest is None for _, _, digest in prober.seen),
        "probes": len(prober.seen),
        "probe_ms": statistics.median(end - t for t, end, _ in prober.seen) * 1000,
        "rollout": headers.get("x-signet-rollout", "?"),
    }


def measure_changes(o, stack, names, broker, ids):
    bodies = [config_body(names, ids, MANY, o.domains, first) for first in (o.certificates, 0)]
    numbers = (o.certificates, 0)
    runs = [change_once(stack, names, broker, ids, bodies[i % 2], numbers[i % 2]) for i in range(o.changes)]
    if o.changes % 2 == 1:
        stack.api.send(s.ONSMQTT, "SetSniConfig", bodies[1])
    s.say(
        "one changed entry: "
        + ", ".join(f"{r['commit_ms']:.0f} ms" for r in runs)
        + f" from COMMIT, rollout {runs[-1]['rollout']}"
    )
    return {
        "change_call_s": statistics.median(r["call_s"] for r in runs),
        "change_commit_ms": statistics.median(r["commit_ms"] for r in runs),
        "change_answer_after_commit_ms": statistics.median(r["answer_after_commit_ms"] for r in runs),
        "change_probe_ms": statistics.median(r["probe_ms"] for r in runs),
        "change_stale": sum(r["stale"] for r in runs),
        "change_failed": sum(r["failed"] for r in runs),
        "change_probes": sum(r["probes"] for r in runs),
    }


def handshakes(server, count, *more):
    result = s.measured(
        [
            s.program("handshake_load"),
            "--address",
            f"127.0.0.1:{server.port}",
            "--count",
            str(count),
            "--server-pid",
            str(server.pid),
            *more,
        ]
    )
    if result["failed"] > 0:
        raise RuntimeError(
            f"{server.name}: {result['failed']} handshakes failed: {result.get('first_failure')}"
        )
    return result["server_cpu_us"]


def compare(o, servers, version):
    """Server CPU of one full handshake, each server in turn: medians, and medians of the rounds' ratios."""
    rounds = []
    for i in range(o.rounds):
        order = list(servers.items())
        order = order[i % len(order) :] + order[: i % len(order)]
        rounds.append(
            {
                name: handshakes(server, o.handshakes, "--tls", version, "--seed", str(i + 1), *more)
                for name, (server, more) in order
            }
        )
    median = {name: statistics.median(r[name] for r in rounds) for name in servers}
    ratio = {name: statistics.median(r["many"] / r[name] for r in rounds) for name in servers}
    s.say(f"TLS {version}: " + ", ".join(f"{name} {median[name]:.0f} us" for name in servers))
    return {"us": median, "ratio": ratio, "rounds": rounds}


def measure_handshakes(o, stack, names, broker, names_file):
    first = names.domain(0)
    one = stack.start_broker(ONE, 1, cpu=0)
    one.wait_for_port(one.port)
    while served(one.port, first) != names.digest(0):
        one.check()
        time.sleep(0.01)
    bare = s.start_bare(stack, names.file("crt", 0), names.file("key", 0), cpu=0)
    # Each certificate once: they are parsed when first used.
    cold_file = os.path.join(names.folder, "cold")
    with open(cold_file, "w", encoding="ascii") as out:
        out.writelines(names.domain(i) + "\n" for i in range(min(names.certificates, names.count)))
    rss_before = s.memory_kb(broker.pid)
    cold = handshakes(broker, names.certificates, "--in-turn", "--sni-file", cold_file)
    rss_warm = s.memory_kb(broker.pid)
    servers = {
        "many": (broker, ("--sni-file", names_file)),
        "one": (one, ("--sni", first)),
        "bare": (bare, ("--sni", first)),
    }
    for server, more in servers.values():
        handshakes(server, 300, *more)
    return {
        "first_use_us": cold,
        "rss_serving_mb": rss_before / 1024,
        "rss_warm_mb": rss_warm / 1024,
        "1.3": compare(o, servers, "1.3"),
        "1.2": compare(o, servers, "1.2"),
    }


def measure_spray(o, names, broker):
    """Unknown names: some in full handshakes, some up to the ServerHello, a million up to the answer to a
    suite that is refused after the name was looked up. A first thousand beforehand: what the allocator
    keeps anyway does not count."""
    unknown = os.path.join(names.folder, "unknown")
    pick = random.Random(1)
    with open(unknown, "w", encoding="ascii") as out:
        out.writelines(f"{pick.getrandbits(64):016x}.never.invalid\n" for _ in range(max(o.spray_full, 1)))
    hello = [
        s.program("hello_spray"),
        "--address",
        f"127.0.0.1:{broker.port}",
        "--server-pid",
        str(broker.pid),
    ]
    s.measured([*hello, "--count", "1000", "--seed", "99"])
    result, memory = {}, [s.memory_kb(broker.pid)]
    if o.spray_full:
        result["spray_full_us"] = handshakes(broker, o.spray_full, "--in-turn", "--sni-file", unknown)
    memory.append(s.memory_kb(broker.pid))
    parts = (
        ("spray_hello", o.spray_hello, ["--seed", "2"]),
        ("spray_tenth", o.spray // 10, ["--seed", "3", "--refuse"]),
        ("spray", o.spray - o.spray // 10, ["--seed", "4", "--refuse"]),
    )
    for key, count, more in parts:
        if count:
            result[key] = s.measured([*hello, "--count", str(count), *more])
        memory.append(s.memory_kb(broker.pid))
    s.say(f"memory while unknown names come: {' → '.join(str(m) for m in memory)} kB")
    return {**result, "spray_rss_kb": memory}


def main():
    o = options()
    figures = {"domains": o.domains, "certificates": o.certificates}
    with s.Stack() as stack:
        folder = os.path.join(stack.folder, "certs")
        os.mkdir(folder, 0o700)
        names = Names(o, folder)
        make_certificates(o, folder)
        names_file = names.write()
        ids, filled = fill(o, stack, names)
        figures.update(filled)
        figures.update(measure_starts(o, stack, names))
        broker, _ = start_to_serving(stack, names, 1, s.free_port(), cpu=0)
        figures.update(measure_handshakes(o, stack, names, broker, names_file))
        figures.update(measure_changes(o, stack, names, broker, ids))
        figures.update(measure_spray(o, names, broker))
    print(
        f"\n{o.domains} domains over {o.certificates} certificates, P-256. Starts: as many workers as cores;"
        f" the rest: 1 worker\non one core, load on another. Medians of {o.starts} starts,"
        f" {o.changes} changes, {o.rounds} rounds of {o.handshakes} handshakes;\nratios are medians of the"
        f" ratios within a round. A probe takes {figures['change_probe_ms']:.1f} ms: a change is seen that"
        " much late at most.\n"
    )
    print(table(o, figures))
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump(figures, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
