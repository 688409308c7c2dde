#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""soak: one broker with as many idle TLS connections as the machine's limit of open files allows (20,000 wanted),
1,000 connections a second that come and go, and 200 slow consumers, while healthy pairs exchange messages: is its
memory flat, and is any healthy client's message ever late? Exit status 1 when not."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

import messages
import peers
import stack as s

GENERATOR_MAX = 9500  # connections of one generator process
BESIDE = 150  # files of the broker that are no connections
UNDER_WAY = 400  # connections at a time that come or go; also files
FLAT_PERCENT = 2  # growth of the memory over the measured time, by the fitted line
FLAT_SECONDS_MIN = 60  # a shorter time says nothing
LATE_US = 1000000
# So that the slow ones' queues are full, and their memory taken, before the warm-up ends: on loopback the kernel
# alone takes 2 MB for each.
SETTINGS = {"SIGNET_QUEUE_MAX": "200"}


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--seconds", type=int, default=600, help="that connections come and go (default 600)")
    p.add_argument("--warm-up", type=int, default=0, help="of these, not looked at for memory (default: a fifth)")
    p.add_argument("--idle", type=int, default=20000, help="TLS connections that only stay (default 20000, or what fits)")
    p.add_argument("--churn", type=int, default=1000, help="connections a second that come and go (default 1000)")
    p.add_argument("--churn-transport", choices=["tls", "tcp"], default="tls")
    p.add_argument("--abrupt", type=int, default=10, help="every so many of them break off (default 10; 0: none)")
    p.add_argument("--slow", type=int, default=200, help="slow consumers (default 200)")
    p.add_argument("--slow-bytes", type=int, default=100, help="a second that half of them read; the others none")
    p.add_argument("--pairs", type=int, default=100, help="healthy pairs, half with QoS 0, half with QoS 1 (default 100)")
    p.add_argument("--rate", type=float, default=10, help="messages a second of each (default 10)")
    p.add_argument("--payload", type=int, default=8192, help="bytes (default 8192)")
    p.add_argument("--protocol", choices=["3.1.1", "5.0"], default="3.1.1")
    p.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="of the broker (one a core)")
    p.add_argument("--every", type=int, default=30, help="seconds between two lines (default 30)")
    p.add_argument("--json", help="write the figures to this file too")
    o = p.parse_args()
    o.warm_up = o.warm_up or o.seconds // 5
    return o


def idle_that_fit(o):
    """As many as are wanted, or as the limit of one process leaves: the broker needs a file for each connection."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return min(o.idle, limit - BESIDE - UNDER_WAY - o.slow - 2 * o.pairs), limit


class Load:
    """A generator in the background whose last line is JSON. Ends by itself, or at finish()."""

    def __init__(self, name, command, held):
        self.name, self.held = name, held
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE if held else subprocess.DEVNULL, stdout=subprocess.PIPE)

    def wait_ready(self):
        line = self.child.stdout.readline()
        if line.strip() != b"ready":
            raise RuntimeError(f"{self.name} could not begin: {line.decode()}")
        return self

    def finish(self, seconds):
        if self.held:
            self.child.stdin.close()
            self.child.stdin = None
        out = self.child.communicate(timeout=seconds)[0]
        return json.loads(out.decode().strip().splitlines()[-1])

    def stop(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Soak:
    def __init__(self, o, stack):
        self.o, self.stack, self.loads, self.samples = o, stack, [], []
        self.folder = peers.make_folder(stack, "certs")
        peers.configure_server(stack, self.folder)
        self.broker = peers.start_signet(stack, workers=o.workers, cpu=None, settings=SETTINGS)

    def command(self, program, transport, *more):
        command = [s.program(program), "--access-key-file", self.stack.credentials, "--instance", peers.SERVER]
        command += ["--protocol", self.o.protocol]
        if transport == "tls":
            command += ["--address", f"127.0.0.1:{self.broker.port}", "--tls", "--sni", peers.NAME]
            command += ["--cafile", f"{self.folder}/ca.crt"]
        else:
            command += ["--address", f"127.0.0.1:{self.broker.plain_port}"]
        return [*command, *map(str, more)]

    def start(self, name, program, transport, *more, held=True):
        load = Load(name, self.command(program, transport, *more), held)
        self.loads.append(load)
        return load.wait_ready()

    def start_idle(self, count):
        """In processes of a few thousand, each from an address of its own: it has its own ports."""
        loads = []
        for n in range((count + GENERATOR_MAX - 1) // GENERATOR_MAX):
            part = min(GENERATOR_MAX, count - n * GENERATOR_MAX)
            loads.append(
                self.start(f"idle {n}", "mqtt_load", "tls", "--connections", part, "--rate", 0, "--pattern", "self",
                           "--source", f"127.0.0.{2 + n}", "--connect-timeout", 600, *self.held())
            )
        return loads

    def held(self):
        return ["--hold", "--hold-max", self.o.seconds + 3600]

    def start_healthy(self, qos):
        o = self.o
        slow_bytes = o.slow_bytes if qos else 0
        return self.start(f"healthy QoS {qos}", "mqtt_load", "tls", "--connections", o.pairs // 2 * 2, "--pattern", "one-way",
                          "--qos", qos, "--rate", o.rate, "--payload", o.payload, "--slow", o.slow // 2, "--slow-bytes",
                          slow_bytes, "--source", "127.0.0.20", *self.held())

    def start_churn(self):
        o = self.o
        return self.start("churn", "connect_load", o.churn_transport, "--rate", o.churn, "--seconds", o.seconds, "--abrupt",
                          o.abrupt, "--under-way", UNDER_WAY, "--source", "127.0.0.30", "--server-pid", self.broker.pid,
                          held=False)

    def watch(self):
        """A sample a second for as long as connections come and go."""
        begun = time.monotonic()
        cpu, shown = s.cpu_seconds(self.broker.pid), 0
        while (elapsed := time.monotonic() - begun) < self.o.seconds:
            self.broker.check()
            rss = s.memory_kb(self.broker.pid)
            self.samples.append((elapsed, rss))
            if elapsed - shown >= self.o.every or len(self.samples) == 1:
                files = len(os.listdir(f"/proc/{self.broker.pid}/fd"))
                used = s.cpu_seconds(self.broker.pid)
                share = (used - cpu) / (elapsed - shown) if elapsed > shown else 0
                print(f"{elapsed:6.0f} s   {rss / 1024:8.1f} MB   {files:6} open files   broker {share:5.2f} cores", flush=True)
                cpu, shown = used, elapsed
            time.sleep(1)

    def stop(self):
        for load in self.loads:
            load.stop()


def slope(samples):
    """kB a second, least squares."""
    mean_t = sum(t for t, _ in samples) / len(samples)
    mean_kb = sum(kb for _, kb in samples) / len(samples)
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    return sum((t - mean_t) * (kb - mean_kb) for t, kb in samples) / spread if spread else 0.0


def judge(o, samples, idle, healthy, churn):
    """Prints what came of it; what is not as it must be."""
    wrong, late = [], [(t, kb) for t, kb in samples if t >= o.warm_up]
    per_s, first, last = slope(late), late[0], late[-1]
    growth, long_enough = per_s * (last[0] - first[0]) / first[1] * 100, last[0] - first[0] >= FLAT_SECONDS_MIN
    print(f"\nmemory after {o.warm_up} s of warm-up: {first[1] / 1024:.1f} MB, at the end {last[1] / 1024:.1f} MB,"
          f" highest {max(kb for _, kb in late) / 1024:.1f} MB;\n    slope {per_s * 60:+.1f} kB a minute, {growth:+.2f} % in"
          f" {last[0] - first[0]:.0f} s "
          + (f"(flat: at most {FLAT_PERCENT} %)" if long_enough else "(too short to say whether it is flat)"))
    if growth > FLAT_PERCENT and long_enough:
        wrong.append(f"memory grows: {growth:.2f} %")
    for name, r in healthy.items():
        latency = r["latency_us"]
        print(f"{name}: {r['delivered']} messages, p50 {latency['p50'] / 1000:.2f} ms, p99 {latency['p99'] / 1000:.2f} ms, p99.9"
              f" {latency['p999'] / 1000:.2f} ms, longest {latency['max'] / 1000:.1f} ms; harm: {messages.harm([r]) or 'none'};"
              f" {r['slow']} slow consumers beside them, cut {r['slow_cut']} times")
        if latency["max"] > LATE_US:
            wrong.append(f"{name}: a message took {latency['max'] / 1e6:.2f} s")
        if messages.harm([r]) or r["unsent"]:
            wrong.append(f"{name}: {messages.harm([r]) or 'messages not sent in time'}")
    latency = churn["latency_us"]
    print(f"come and gone ({churn['transport']}): {churn['accepted']} of {churn['due']}, {churn['per_s']:.0f} a second, of which"
          f" {churn['abrupt']} broke off; failed {churn['failed']} {churn.get('first_failure', '')}; p50"
          f" {latency['p50'] / 1000:.1f} ms, p99 {latency['p99'] / 1000:.1f} ms, longest {latency['max'] / 1000:.0f} ms")
    if churn["failed"] or churn["accepted"] != churn["due"]:
        wrong.append(f"{churn['due'] - churn['accepted']} of those that come and go were not let in")
    if churn["seconds"] > o.seconds * 1.02 + 1:
        wrong.append(f"{churn['per_s']:.0f} came a second, not {o.churn}: the machine is too slow for {churn['transport']}")
    drops, stayed = sum(r["drops"] for r in idle), sum(r["connected"] for r in idle)
    print(f"idle: {stayed} connections, {drops} dropped")
    if drops:
        wrong.append(f"{drops} idle connections were dropped")
    return wrong


def main():
    o = options()
    count, limit = idle_that_fit(o)
    if count <= 0:
        sys.exit(f"the limit of open files ({limit}, ulimit -Hn) is too low")
    if count < o.idle:
        print(f"a process may have {limit} files open (ulimit -Hn): {count} idle connections instead of {o.idle}")
    with s.Stack() as stack:
        soak = Soak(o, stack)
        try:
            begun = time.monotonic()
            idle = soak.start_idle(count)
            print(f"{count} idle TLS connections after {time.monotonic() - begun:.0f} s, broker with {o.workers} workers at"
                  f" {s.memory_kb(soak.broker.pid) / 1024:.1f} MB; nothing is pinned; {SETTINGS}")
            healthy = {load.name: load for load in (soak.start_healthy(0), soak.start_healthy(1))}
            churn = soak.start_churn()
            print(f"{o.pairs} healthy pairs, {o.payload} bytes at {o.rate:g} a second each, MQTT {o.protocol}; {o.slow} slow"
                  f" consumers; {o.churn} a second come and go over {o.churn_transport}, for {o.seconds} s", flush=True)
            soak.watch()
            results = {"churn": churn.finish(120)}
            results["healthy"] = {name: load.finish(120) for name, load in healthy.items()}
            results["idle"] = [load.finish(120) for load in idle]
        finally:
            soak.stop()
    wrong = judge(o, soak.samples, results["idle"], results["healthy"], results["churn"])
    for line in wrong:
        print(f"WRONG  {line}")
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump({**peers.surroundings(), "options": vars(o), "settings": SETTINGS, "open_files": limit, "idle": count,
                       "samples": soak.samples, **results, "wrong": wrong}, out, indent=1)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
