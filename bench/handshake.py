#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""handshake: server CPU of a full TLS handshake: Signet with one domain, a bare OpenSSL server, and Debian's
mosquitto (when it is installed), in turns within one run. For 100,000 domains see domains.py."""

import argparse
import statistics
import sys

import peers
import stack as s


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rounds", type=int, default=15)
    p.add_argument("--handshakes", type=int, default=300, help="of each server in a round")
    o = p.parse_args()
    with s.Stack() as stack:
        folder = peers.make_folder(stack, "certs")
        peers.configure_server(stack, folder)
        servers = peers.pair(stack, folder)
        servers["bare OpenSSL"] = s.start_bare(stack, f"{folder}/0000.crt", f"{folder}/0000.key", cpu=0)
        for version in ("1.3", "1.2"):
            rounds = []
            for i in range(o.rounds):
                order = list(servers)[i % len(servers) :] + list(servers)[: i % len(servers)]
                rounds.append({name: shake(servers[name], version, o.handshakes) for name in order})
            for name in servers:
                print(
                    f"TLS {version}  {name:14}"
                    f" {statistics.median(r[name] for r in rounds):6.0f} us a handshake,"
                    f" {statistics.median(r[name] / r['bare OpenSSL'] for r in rounds):.3f} of bare"
                )
    return 0


def shake(server, version, count):
    """Microseconds of the server's CPU for one."""
    return s.measured(
        [
            s.program("handshake_load"),
            "--address",
            f"127.0.0.1:{server.port}",
            "--count",
            str(count),
            "--tls",
            version,
            "--sni",
            peers.NAME,
            "--server-pid",
            str(server.pid),
        ]
    )["server_cpu_us"]


if __name__ == "__main__":
    sys.exit(main())
