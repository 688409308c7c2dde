#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""records: 10,000 CA and 1,000,000 device records. What get, list and deep pages cost through the API, signed,
over kept-alive connections, and beside it the bare SQL: the statements about these records that the API itself
has sent for the same rows, prepared, through pgbench, in turns within the same run."""

import argparse
import json
import multiprocessing
import random
import statistics
import sys
import time

import stack as s
from records_rows import Rows
from records_sql import Scripts, StatementLog, about_records
from signed import ONSMQTT, Connection, Signer

INSTANCE = "mqtt-cn-benchrecords"
PAGE = 100
SAMPLE = 20  # rows that a get asks for in turn


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cas", type=int, default=10000)
    p.add_argument("--devices", type=int, default=1000000, help="half of them of one CA (default 1000000)")
    p.add_argument("--seconds", type=float, default=1.0, help="of each turn (default 1)")
    p.add_argument("--rounds", type=int, default=2, help="turns of each figure (default 2)")
    p.add_argument("--clients", type=int, default=8, help="of the second half (default 8)")
    p.add_argument("--json", help="write all figures to this file too")
    return p.parse_args()


class Operation:
    """A row of the table: the parameters of each call, in turn, and what the first answer must show."""

    def __init__(self, name, action, parameters, check=None):
        self.name, self.action, self.parameters, self.check = name, action, parameters, check
        self.basic = False


def pages(rows, action, key, more, total, sn):
    """First, middle and last page; rows.sn(sn(n)) is the n-th row's serial number."""
    last = (total + PAGE - 1) // PAGE
    for word, number in (("first", 1), ("middle", (last + 1) // 2), ("last", last)):
        at = (number - 1) * PAGE
        parameters = {"MqttInstanceId": INSTANCE, **more, "PageNo": number, "PageSize": PAGE}

        def check(data, at=at):
            listed = data["Data"][key]
            field = "Sn" if key == "CaCertificateVOS" else "DeviceSn"
            if data["Data"]["Total"] != total or len(listed) != min(PAGE, total - at):
                raise RuntimeError(f"{action}: Total {data['Data']['Total']}, {len(listed)} rows")
            wanted = rows.sn(sn(at + 1), sn(at + len(listed)))
            if [listed[0][field], listed[-1][field]] != wanted:
                raise RuntimeError(f"{action}: not the rows of page {number}")

        yield Operation(f"{action}, {word} page of {last}", action, [parameters], check)


def operations(o, rows):
    pick = random.Random(1)
    cas = rows.sn(*(-pick.randint(1, o.cas) for _ in range(SAMPLE)))
    devices = [pick.randint(1, o.devices) for _ in range(SAMPLE)]
    of = list(zip(rows.sn(*(-rows.ca_of(d) for d in devices)), rows.sn(*devices)))
    here = {"MqttInstanceId": INSTANCE}
    yield Operation("GetCaCertificate", "GetCaCertificate", [{**here, "Sn": sn} for sn in cas])
    yield from pages(rows, "ListCaCertificate", "CaCertificateVOS", {}, o.cas, lambda n: -n)
    yield Operation(
        "GetDeviceCertificate", "GetDeviceCertificate", [{**here, "CaSn": c, "DeviceSn": d} for c, d in of]
    )
    yield from pages(rows, "ListDeviceCertificate", "DeviceCertificateVOS", {}, o.devices, lambda n: n)
    yield from pages(
        rows,
        "ListDeviceCertificateByCaSn",
        "DeviceCertificateVOS",
        {"CaSn": rows.sn(-1)[0]},
        rows.first,
        lambda n: n,
    )


def floors():
    """Calls that are refused before any statement about records is sent."""
    parameters = {"MqttInstanceId": INSTANCE, "PageNo": 0, "PageSize": PAGE}
    signed = Operation("floor: signed, refused by validation", "ListDeviceCertificate", [parameters])
    basic = Operation("floor: HTTP Basic, refused by validation", "ListDeviceCertificate", [parameters])
    basic.basic = True
    return [signed, basic]


def requests(signer, operation):
    """Endless; each is made when it is asked for."""
    make = signer.basic if operation.basic else signer.request
    while True:
        for parameters in operation.parameters:
            yield make(ONSMQTT, operation.action, **parameters)


def call_for(signer, port, operation, seconds, status):
    """Latencies in microseconds of one client that calls without a pause."""
    connection, times = Connection(port), []
    source = requests(signer, operation)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        code, body, took = connection.send(next(source))
        if code != status:
            raise RuntimeError(f"{operation.name}: {code} {body[:300].decode(errors='replace')}")
        times.append(took * 1e6)
    connection.close()
    return times


def through_api(signer, port, operation, seconds, clients, status):
    if clients == 1:
        return call_for(signer, port, operation, seconds, status)
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(clients)]

    def client(pipe):
        pipe.send(call_for(signer, port, operation, seconds, status))

    processes = [context.Process(target=client, args=(out,)) for _, out in pipes]
    for process in processes:
        process.start()
    for _, out in pipes:
        out.close()
    times = [t for ready, _ in pipes for t in ready.recv()]
    for process in processes:
        process.join()
    return times


def percentile(times, share):
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 1000


def figures(times):
    return {"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "calls": len(times)}


def check(signer, port, operation):
    request = signer.request(ONSMQTT, operation.action, **operation.parameters[0])
    status, body, _ = Connection(port).send(request)
    if status != 200:
        raise RuntimeError(f"{operation.name}: {status} {body[:300].decode(errors='replace')}")
    if operation.check is not None:
        operation.check(json.loads(body))
    return len(body)


def own_statements(log, signer, port, operation):
    """For each row that is asked for, the statements about it."""
    connection = Connection(port)
    found = []
    for parameters in operation.parameters:
        request = signer.request(ONSMQTT, operation.action, **parameters)
        found.append([x for x in log.of(lambda r=request: connection.send(r)) if about_records(x)])
    connection.close()
    if not all(found):
        raise RuntimeError(f"{operation.name}: the API sent no statement about records")
    return found


def measure(o, stack, signer, operation, scripts, clients):
    """API and SQL in turns."""
    api, sql = [], []
    status = 400 if scripts is None else 200
    for _ in range(o.rounds):
        api += through_api(signer, stack.api.port, operation, o.seconds, clients, status)
        if scripts is not None:
            sql += scripts.run(max(1, round(o.seconds)), clients)
    return {"api": figures(api), "sql": figures(sql) if sql else None}


def line(name, f):
    api, sql = f["api"], f["sql"]
    text = f"{name:48} {api['p50_ms']:8.2f} {api['p99_ms']:8.2f}"
    if sql is None:
        return text
    ratios = (api[k] / sql[k] for k in ("p50_ms", "p99_ms"))
    return text + f" {sql['p50_ms']:8.2f} {sql['p99_ms']:8.2f}" + "".join(f" {r:7.1f}" for r in ratios)


def show(title, results):
    print(f"\n{title}\n{'':48} {'API p50':>8} {'p99':>8} {'SQL p50':>8} {'p99':>8} {'ratio':>7} {'p99':>7}")
    for name, f in results.items():
        print(line(name, f), flush=True)


def measure_all(o, stack, signer, rows):
    todo = list(operations(o, rows))
    with StatementLog(stack) as log:
        scripts = {}
        for operation in todo:
            check(signer, stack.api.port, operation)
            scripts[operation.name] = Scripts(stack, own_statements(log, signer, stack.api.port, operation))
    results = {}
    for clients in (1, o.clients):
        results[clients] = {
            operation.name: measure(o, stack, signer, operation, scripts.get(operation.name), clients)
            for operation in [*floors(), *todo]
        }
        show(f"{clients} client{'s' if clients > 1 else ''}, milliseconds", results[clients])
    return results


def main():
    o = options()
    begun = time.monotonic()
    with s.Stack() as stack:
        stack.create_instance(INSTANCE)
        rows = Rows(stack, INSTANCE, o.cas, o.devices)
        rows.make()
        s.say(f"{o.cas} CA and {o.devices} device records made in {time.monotonic() - begun:.0f} s")
        signer = Signer(stack.api.port, stack.key_id, stack.secret)
        results = measure_all(o, stack, signer, rows)
        size = stack.psql("SELECT pg_size_pretty(pg_database_size('signet'))")
        kb = s.memory_kb(stack.processes[0].pid)
    ratios = [f["api"]["p50_ms"] / f["sql"]["p50_ms"] for f in results[1].values() if f["sql"]]
    print(
        f"\n{o.cas} CA and {o.devices} device records, {size}; pages of {PAGE} rows. Signed requests, each with a"
        f"\nnonce that is written down. Median ratio with 1 client: {statistics.median(ratios):.1f}."
        f" The API's memory: {kb / 1024:.0f} MB. {time.monotonic() - begun:.0f} s in all."
    )
    if o.json:
        with open(o.json, "w", encoding="ascii") as out:
            json.dump(results, out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
