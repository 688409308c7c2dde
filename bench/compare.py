#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""compare: Signet and Debian's mosquitto side by side in one run, over TLS: the broker's CPU by delivered message,
latency at a fixed rate, CPU of a mutual-TLS connect, memory of an idle mutual-TLS client, and handshakes a second.
Each figure of one beside the other's, their ratio, and the mark that is aimed at. Exit status 1 when a mark is
missed or Signet harms a message."""

import argparse
import json
import os
import statistics
import sys
import time

import devices
import handshake
import messages
import peers
import stack as s

SERIALS = 20000000  # device certificates of this run; each connection's is its own
UTILISED = 0.9  # of its core: below it is not the broker that could not go faster
OTHERS_MAX = 0.1  # cores that others may use meanwhile before a figure says so
PARTS = ("streams", "latency", "connects", "memory", "handshakes")


def busy_seconds():
    """Of all cores, since the machine was started."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _, _, irq, softirq, steal = map(int, stat.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Others:
    """How many cores others keep busy while we measure."""

    def __init__(self, brokers):
        self.brokers, self.begun = brokers, time.monotonic()
        self.before = self.sums()

    def sums(self):
        generators = sum(os.times()[2:4])
        return busy_seconds(), generators + sum(s.cpu_seconds(broker.pid) for broker in self.brokers.values())

    def cores(self):
        (all_before, ours_before), (all_after, ours_after) = self.before, self.sums()
        return max(0.0, (all_after - all_before - ours_after + ours_before) / (time.monotonic() - self.begun))


class Table:
    """Rows of two figures each. A ratio is the median of the ratios within a round."""

    HEAD = f"{'':42} {'mosquitto':>11} {'signet':>11}   {'ratio':>6} {'(min-max)':>14}  {'mark':>8}"

    def __init__(self):
        self.rows, self.headed = [], False

    def add(self, part, name, unit, runs, mark=None, notes=""):
        """runs: by broker, a figure a round. Less is better, where there is a mark."""
        ratios = sorted(a / b for a, b in zip(runs["signet"], runs["mosquitto"]) if b > 0)
        ratio = round(statistics.median(ratios), 3) if ratios else None
        row = {"part": part, "name": name, "unit": unit, "mark": mark, "ratio": ratio, "rounds": runs, "notes": notes}
        row |= {broker: statistics.median(figures) for broker, figures in runs.items()}
        row["verdict"] = None if mark is None else "reached" if ratio is not None and ratio <= mark else "MISSED"
        row["ratio_min"], row["ratio_max"] = (ratios[0], ratios[-1]) if ratios else (None, None)
        self.rows.append(row)
        self.show(row)
        return row

    def show(self, row):
        if not self.headed:
            print(self.HEAD, flush=True)
            self.headed = True
        ratio = f"{row['ratio']:.2f}" if row["ratio"] is not None else "-"
        spread = f"({row['ratio_min']:.2f}-{row['ratio_max']:.2f})" if row["ratio"] is not None else ""
        mark = f"<= {row['mark']:.2f}" if row["mark"] is not None else "-"
        print(
            f"{row['name'] + ', ' + row['unit']:42} {row['mosquitto']:11.5g} {row['signet']:11.5g}   {ratio:>6}"
            f" {spread:>14}  {mark:>8}  {row['verdict'] or ''}"
        )
        if row["notes"]:
            print(f"    {row['notes']}")
        sys.stdout.flush()

    def missed(self):
        return [row for row in self.rows if row["verdict"] == "MISSED"]


def utilisation(runs):
    """Who was busy, how messages were written, and whether a figure is only an upper bound."""
    words, short = [], []
    for name, of in runs.items():
        broker, generator = (messages.median(of, key) for key in ("server_cpu_share", "client_cpu_share"))
        words.append(
            f"{name} {messages.median(of, 'messages_per_s'):.0f}/s, broker {broker:.2f}, generator {generator:.2f},"
            f" {messages.median(of, 'messages_per_write'):.0f} a write"
        )
        if broker < UTILISED:
            short.append(name)
    limit = f" | below {UTILISED}: {', '.join(short)}" if short else ""
    return "; ".join(words) + limit


class Comparison:
    def __init__(self, o, stack):
        self.o, self.stack, self.table, self.raw, self.harms = o, stack, Table(), [], []
        self.folders = peers.Folders(peers.make_folder(stack, "certs"), peers.make_folder(stack, "certs-mutual"))
        self.serial = SERIALS

    def serials(self, count):
        """The first of so many serial numbers that no device has yet."""
        self.serial += count
        return self.serial - count

    def keep(self, name, runs):
        self.raw.append({"name": name, "runs": runs})
        for broker, of in runs.items():
            harm = messages.harm(of)
            if harm:
                self.harms.append((broker, name, harm))
                print(f"    {broker} harmed messages: {harm}", flush=True)

    def exchange(self, brokers, scenarios, show):
        for scenario in scenarios:
            if self.o.only not in scenario.name:
                continue
            others = Others(brokers)
            runs = messages.in_turns(self.o, brokers, "tls", scenario.options, self.folders, self.stack)
            show(scenario, runs)
            if others.cores() > OTHERS_MAX:
                print(f"    others used {others.cores():.1f} cores meanwhile: latency and rates say little", flush=True)
            self.keep(scenario.name, runs)

    def streams(self, brokers):
        def show(scenario, runs):
            cost = {name: [r["server_cpu_us_per_message"] for r in of] for name, of in runs.items()}
            self.table.add("streams", scenario.name, "us CPU", cost, scenario.mark, utilisation(runs))

        self.exchange(brokers, messages.STREAMS, show)

    def latency(self, brokers):
        def show(scenario, runs):
            for quantile, mark in (("p50", None), ("p99", 1.0)):
                times = {name: [r["latency_us"][quantile] for r in of] for name, of in runs.items()}
                self.table.add("latency", scenario.name, f"{quantile} us", times, mark)
            cost = {name: [r["server_cpu_us_per_message"] for r in of] for name, of in runs.items()}
            self.table.add("latency", scenario.name, "us CPU", cost)

        self.exchange(brokers, messages.PACED, show)

    def connects(self, brokers):
        """One after the other, and as many as the broker takes at a time."""
        o, cost, rate, share = self.o, {}, {}, []
        for name in brokers:
            cost[name], rate[name] = [], []
        for n in range(o.connect_rounds):
            for name in list(brokers)[:: -1 if n % 2 else 1]:
                one, many = (self.connect(brokers[name], parallel) for parallel in (1, 32))
                cost[name].append(one["server_cpu_us"])
                rate[name].append(many["per_s"])
                share.append(f"{many['server_cpu_share']:.2f}")
        self.table.add("connects", "mutual TLS 1.3 handshake and CONNECT", "us CPU", cost, 0.65)
        notes = f"32 at a time; more is better; the broker's share of its core: {' '.join(share)}"
        self.table.add("connects", "the same, known devices", "a second", rate, None, notes)

    def connect(self, broker, parallel):
        """The second time: the devices are known then."""
        o = self.o
        common = ["--devices", o.connects, "--tls", "1.3", "--first-serial", self.serials(o.connects)]
        return devices.device_load(broker, self.folders.mutual, "--parallel", parallel, *common)[1]

    def handshakes(self, brokers):
        cost = {name: [] for name in brokers}
        for n in range(self.o.connect_rounds):
            for name in list(brokers)[:: -1 if n % 2 else 1]:
                cost[name].append(handshake.shake(brokers[name], "1.3", self.o.connects))
        self.table.add("handshakes", "TLS 1.3 handshake, server certificate", "us CPU", cost)
        rate = {name: [1e6 / c for c in of] for name, of in cost.items()}
        self.table.add("handshakes", "the same, of one core", "a second", rate, None, "more is better")

    def memory(self):
        """Of brokers just started. The second figure is after they have been idle for a while."""
        runs = {"mosquitto": [], "signet": []}
        for n in range(self.o.memory_rounds):
            for name in list(runs)[:: -1 if n % 2 else 1]:
                runs[name].append(self.idle(name))
        for key, unit in (("server_kb_per_connection", "kB"), ("server_kb_per_connection_end", "kB when idle")):
            figures = {name: [r[key] for r in of] for name, of in runs.items()}
            self.table.add("memory", f"{self.o.idle} idle mutual-TLS clients, each", unit, figures,
                           0.75 if key.endswith("end") else None)
        self.keep("memory", runs)

    def idle(self, name):
        o = argparse.Namespace(**{**vars(self.o), "seconds": self.o.idle_seconds})
        scenario = ["--connections", str(o.idle), "--rate", "0", "--pattern", "self"]
        if name == "signet":
            broker = peers.start_signet(self.stack, peers.MUTUAL)
        else:
            broker = peers.start_mosquitto(self.stack, self.folders.mutual, peers.MUTUAL_LISTENER)
        try:
            time.sleep(1)  # what a start leaves behind is done by then
            return messages.run(o, broker, "mutual", scenario, self.folders, self.stack, self.serials(o.idle))
        finally:
            broker.stop()


def run(o, stack):
    c = Comparison(o, stack)
    if {"streams", "latency", "handshakes"} & set(o.parts):
        peers.configure_server(stack, c.folders.server)
        brokers = peers.pair(stack, c.folders.server)
        for part in ("streams", "latency", "handshakes"):
            if part in o.parts:
                getattr(c, part)(brokers)
        for broker in brokers.values():
            broker.stop()
    if {"connects", "memory"} & set(o.parts):
        peers.configure_mutual(stack, c.folders.mutual)
    if "connects" in o.parts:
        brokers = peers.pair(stack, c.folders.mutual, mutual=True)
        c.connects(brokers)
        for broker in brokers.values():
            broker.stop()
    if "memory" in o.parts:
        c.memory()
    return c


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    messages.add_options(p, rounds=5, seconds=4)
    p.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="of the comparison (default: all)")
    p.add_argument("--only", default="", help="streams and rates whose name contains this")
    p.add_argument("--connect-rounds", type=int, default=9)
    p.add_argument("--connects", type=int, default=300, help="of each broker in a round (default 300)")
    p.add_argument("--memory-rounds", type=int, default=3)
    p.add_argument("--idle", type=int, default=5000, help="mutual-TLS clients whose memory is measured (default 5000)")
    p.add_argument("--idle-seconds", type=int, default=10, help="that they are idle (default 10)")
    p.add_argument("--smoke", action="store_true", help="everything once and short; the figures say little")
    o = p.parse_args()
    if o.smoke:
        o.rounds = o.connect_rounds = o.memory_rounds = o.seconds = o.idle_seconds = 1
        o.connects, o.idle = 50, 300
    return o


def main():
    o = options()
    if peers.mosquitto_path() is None:
        return 2
    surroundings = peers.surroundings()
    for key, value in surroundings.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k} {v}".strip() for k, v in value.items()) or "none"
        print(f"{key.replace('_', ' ')}: {value}")
    print(
        f"{o.payload} bytes, MQTT {o.protocol}, TLS; {o.rounds} rounds of {o.seconds} s in turns, medians; CPU is the"
        " broker's, by delivered message\n(utime and stime of its threads); a ratio is the median of the rounds'.\n"
    )
    with s.Stack() as stack:
        c = run(o, stack)
    missed = c.table.missed()
    marked = [row for row in c.table.rows if row["mark"] is not None]
    print(f"\n{len(marked) - len(missed)} of {len(marked)} marks reached")
    for row in missed:
        print(f"MISSED  {row['name']}, {row['unit']}: {row['ratio']} of mosquitto's, mark {row['mark']}")
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump({**surroundings, "options": vars(o), "rows": c.table.rows, "harm": c.harms, "raw": c.raw}, out,
                      indent=1)
    return 1 if missed or any(broker == "signet" for broker, *_ in c.harms) else 0


if __name__ == "__main__":
    sys.exit(main())
