#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""flat: one API process under clients that mix every read with writes and with requests that are refused, for
minutes. Prints its memory (VmRSS of /proc/PID/status) every half minute, calls a second, what was answered, and
the slope of the memory over the last half. Ends by itself."""

import argparse
import collections
import multiprocessing
import os
import random
import re
import subprocess
import sys
import threading
import time

import stack as s
from records_rows import Rows
from signed import CAS, ONSMQTT, Connection, Signer

INSTANCES = [f"mqtt-cn-benchflat{n}" for n in range(4)]
FIRST = INSTANCES[0]  # it has the records
CAS_MADE, DEVICES, CERTIFICATES = 200, 5000, 32
SNI_ENTRIES = 8
EVERY = 30


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("minutes", type=float, nargs="?", default=10)
    p.add_argument("--clients", type=int, default=64)
    p.add_argument("--processes", type=int, default=4, help="that the clients are spread over (default 4)")
    return p.parse_args()


class World:
    """What the clients may name. Made once, read by all."""

    def __init__(self, stack):
        self.port, self.signer = stack.api.port, Signer(stack.api.port, stack.key_id, stack.secret)
        self.key_id, self.certificates, self.files = stack.key_id, [], []
        folder = os.path.join(stack.folder, "certs")
        os.mkdir(folder, 0o700)
        subprocess.run(
            [s.program("make_certs"), "--dir", folder, "--count", str(CERTIFICATES)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        for n in range(CERTIFICATES):
            pair = [os.path.join(folder, f"{n:04d}.{kind}") for kind in ("crt", "key")]
            self.certificates.append(stack.upload(f"flat-{n}", *pair))
            self.files.append([open(path, encoding="ascii").read() for path in pair])
        for instance in INSTANCES:
            stack.create_instance(instance)
        rows = Rows(stack, FIRST, CAS_MADE, DEVICES)
        rows.make()
        self.cas = rows.sn(*range(-1, -CAS_MADE - 1, -1))
        self.devices = rows.sn(*range(1, DEVICES // 2 + 1))  # of the first CA


# Each takes the world and a random.Random, and gives (version, action, parameters).


def on(instance, **parameters):
    return {"MqttInstanceId": instance, **parameters}


def any_instance(r):
    return on(r.choice(INSTANCES))


def page(r, last):
    return {"PageNo": r.randint(1, last), "PageSize": r.choice((1, 10, 100))}


def certificate(w, r):
    return r.choice(w.certificates).split("-", maxsplit=1)[0]


def device(w, r):
    return on(FIRST, CaSn=w.cas[0], DeviceSn=r.choice(w.devices))


READS = [
    (ONSMQTT, "ListInstances", lambda w, r: {}),
    (ONSMQTT, "DescribeInstance", lambda w, r: any_instance(r)),
    (ONSMQTT, "GetSniConfig", lambda w, r: any_instance(r)),
    (ONSMQTT, "ListCaCertificate", lambda w, r: on(FIRST, **page(r, 3))),
    (ONSMQTT, "GetCaCertificate", lambda w, r: on(FIRST, Sn=r.choice(w.cas))),
    (ONSMQTT, "ListDeviceCertificate", lambda w, r: on(FIRST, **page(r, 60))),
    (ONSMQTT, "ListDeviceCertificateByCaSn", lambda w, r: on(FIRST, CaSn=r.choice(w.cas[:2]), **page(r, 30))),
    (ONSMQTT, "GetDeviceCertificate", lambda w, r: device(w, r)),
    (ONSMQTT, "GetRolloutStatus", lambda w, r: any_instance(r)),
    (ONSMQTT, "ListExpiringCertificates", lambda w, r: {"WithinDays": r.choice((30, 3650))}),
    (ONSMQTT, "ListAccessKeys", lambda w, r: {}),
    (ONSMQTT, "ListAuditEvents", lambda w, r: {"PageSize": r.choice((1, 100))}),
    (CAS, "ListUserCertificateOrder", lambda w, r: {"OrderType": "CERT", "ShowSize": 50}),
    (CAS, "GetUserCertificateDetail", lambda w, r: {"CertId": certificate(w, r)}),
    (CAS, "ListCertificates", lambda w, r: {}),
    (CAS, "GetCertificateDetail", lambda w, r: {"CertificateId": certificate(w, r)}),
]
WRITES = [
    (ONSMQTT, "GetRegisterCode", lambda w, r: any_instance(r)),
    (ONSMQTT, "ActiveDeviceCertificate", lambda w, r: device(w, r)),
    (ONSMQTT, "InactivateDeviceCertificate", lambda w, r: device(w, r)),
    (ONSMQTT, "ActiveCaCertificate", lambda w, r: on(FIRST, Sn=r.choice(w.cas[1:]))),
    (ONSMQTT, "InactivateCaCertificate", lambda w, r: on(FIRST, Sn=r.choice(w.cas[1:]))),
]
WRONG = [
    (
        ONSMQTT,
        "ListDeviceCertificate",
        lambda w, r: on(FIRST, PageNo=0, PageSize="many"),
        "ParameterFieldCheckFailed",
    ),
    (
        ONSMQTT,
        "GetDeviceCertificate",
        lambda w, r: on(FIRST, CaSn="0123", DeviceSn="0123"),
        "FindDeviceBySnError",
    ),
    (ONSMQTT, "GetSniConfig", lambda w, r: on("mqtt-cn-nobody"), "MqttInstanceNotFound"),
    (ONSMQTT, "NoSuchOperation", lambda w, r: {}, "InvalidAction.NotFound"),
    (
        ONSMQTT,
        "SetSniConfig",
        lambda w, r: on(FIRST, DefaultCertificate=w.certificates[0], SniConfig="no#such#thing" * 50),
        "InvalidSniConfig",
    ),
    (
        CAS,
        "UploadUserCertificate",
        lambda w, r: {"Name": "bad", "Cert": w.files[0][1], "Key": "-"},
        "ParseCertificateFailed",
    ),
]


class Client:
    """Calls without a pause until the time is over, on one connection that is now and then made anew."""

    def __init__(self, world, seed, end):
        self.world, self.random, self.end = world, random.Random(seed), end
        self.connection, self.seed, self.number = Connection(world.port), seed, 0
        self.answers = collections.Counter()

    def call(self, version, action, parameters, expected="200"):
        w = self.world
        make = w.signer.request if self.random.random() < 0.7 else w.signer.basic
        status, body, _ = self.connection.send(make(version, action, **parameters))
        self.number += 1
        code = str(status) if status == 200 else body.split(b'"Code":"', 1)[-1].split(b'"', 1)[0].decode()
        self.answers["expected" if code == expected or expected is None else f"{action} {code}"] += 1
        if self.random.random() < 0.002:
            self.connection.close()
        return body

    def set_sni(self):
        w, r = self.world, self.random
        some = r.sample(w.certificates, SNI_ENTRIES)
        config = ";".join(f"d{n}.{c}.bench.example#{c}#" for n, c in enumerate(some))
        instance = INSTANCES[self.seed % len(INSTANCES)]
        parameters = on(instance, DefaultCertificate=r.choice(some), SniConfig=config)
        if r.random() < 0.5:
            parameters["DryRun"] = "true"
        self.call(ONSMQTT, "SetSniConfig", parameters)

    def upload_and_delete(self):
        pem, key = self.random.choice(self.world.files)
        name = f"own-{self.seed}-{self.number}"
        body = self.call(CAS, "UploadUserCertificate", {"Name": name, "Cert": pem, "Key": key})
        if b'"CertId":' in body:
            number = body.split(b'"CertId":', 1)[1].split(b",")[0].split(b"}")[0].decode()
            self.call(CAS, "DeleteUserCertificate", {"CertId": number})

    def look_back(self):
        """The newest revision's number is only known by asking."""
        where = any_instance(self.random)
        body = self.call(ONSMQTT, "ListConfigRevisions", {**where, "PageSize": 1})
        if found := re.search(rb'"Revision":(\d+)', body):
            self.call(ONSMQTT, "GetConfigRevision", {**where, "Revision": found.group(1).decode()})

    def turn(self):
        r = self.random
        kind = r.random()
        if kind < 0.04:
            self.look_back()
        elif kind < 0.70:
            version, action, make = r.choice(READS)
            self.call(version, action, make(self.world, r))
        elif kind < 0.82:
            version, action, make = r.choice(WRITES)
            self.call(version, action, make(self.world, r))
        elif kind < 0.87:
            self.set_sni()
        elif kind < 0.92:
            self.upload_and_delete()
        else:
            version, action, make, code = r.choice(WRONG)
            self.call(version, action, make(self.world, r), code)

    def run(self):
        while time.monotonic() < self.end:
            try:
                self.turn()
            except OSError as e:
                self.answers[f"connection: {e}"] += 1
                self.connection.close()
                time.sleep(0.1)
        self.connection.close()


def clients(world, seeds, end, total, pipe):
    """One process of clients. `total` counts calls for all of them."""
    all_of_them = [Client(world, seed, end) for seed in seeds]
    threads = [threading.Thread(target=c.run) for c in all_of_them]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        total.value = sum(c.number for c in all_of_them)
        time.sleep(0.5)
    total.value = sum(c.number for c in all_of_them)
    pipe.send(sum((c.answers for c in all_of_them), collections.Counter()))


def slope(points):
    """kB a minute, by least squares."""
    n = len(points)
    if n < 2:
        return 0.0
    mean_t, mean_m = sum(t for t, _ in points) / n, sum(m for _, m in points) / n
    below = sum((t - mean_t) ** 2 for t, _ in points)
    return 60 * sum((t - mean_t) * (m - mean_m) for t, m in points) / below


def watch(stack, totals, seconds):
    """The memory every half minute, and at the end."""
    pid, begun, points, before = stack.processes[0].pid, time.monotonic(), [], (0.0, 0)
    print(f"{'time':>7} {'RSS':>11} {'calls/s':>8}")
    while True:
        at = time.monotonic() - begun
        stack.processes[0].check()
        calls, rss = sum(t.value for t in totals), s.memory_kb(pid)
        rate = (calls - before[1]) / (at - before[0]) if at > before[0] else 0.0
        points.append((at, rss))
        print(f"{at:6.0f}s {rss:8d} kB {rate:8.0f}", flush=True)
        before = (at, calls)
        if at >= seconds:
            return points
        time.sleep(max(0.0, min(begun + len(points) * EVERY, begun + seconds) - time.monotonic()))


def main():
    o = options()
    seconds = o.minutes * 60
    context = multiprocessing.get_context("fork")
    with s.Stack() as stack:
        world = World(stack)
        s.say(f"{o.clients} clients for {o.minutes:g} minutes against one API process")
        end = time.monotonic() + seconds
        totals = [context.Value("q", 0, lock=False) for _ in range(o.processes)]
        pipes = [context.Pipe(duplex=False) for _ in range(o.processes)]
        seeds = [range(n, o.clients, o.processes) for n in range(o.processes)]
        processes = [
            context.Process(target=clients, args=(world, seeds[n], end, totals[n], pipes[n][1]))
            for n in range(o.processes)
        ]
        for process in processes:
            process.start()
        points = watch(stack, totals, seconds)
        answers = sum((ready.recv() for ready, _ in pipes), collections.Counter())
        for process in processes:
            process.join()
    calls = sum(answers.values())
    last = [p for p in points if p[0] >= seconds / 2]
    wrong = {name: n for name, n in answers.most_common() if name != "expected"}
    print(
        f"\n{calls} calls, {calls / seconds:.0f} a second; answered as expected: {answers['expected']};"
        f" otherwise: {wrong or 0}"
    )
    print(
        f"RSS over the last half: {last[0][1]} → {last[-1][1]} kB, least {min(m for _, m in last)}, most"
        f" {max(m for _, m in last)}; slope {slope(last):+.1f} kB a minute"
    )
    return 0 if not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
