#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""idle: the broker's memory and CPU by connection that only stays connected, TLS and plain TCP, Signet beside
Debian's mosquitto (when it is installed). Each figure is of a broker just started."""

import argparse
import sys

import messages
import peers
import stack as s


def idle(o, stack, broker, transport, folders):
    scenario = ["--connections", str(o.connections), "--rate", "0", "--pattern", "self"]
    r = messages.run(o, broker, transport, scenario, folders, stack)
    print(
        f"{broker.name:28} {transport}  {r['connections']} connections in {r['connect_s']:.1f} s,"
        f" {r['server_connect_cpu_us']:.0f} us CPU and {r['server_kb_per_connection']:.1f} kB each,"
        f" idle {r['server_cpu_share'] * 100:.1f} % CPU, drops {r['drops']}",
        flush=True,
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--connections", type=int, default=5000, help="at most 19900")
    p.add_argument("--seconds", type=int, default=10, help="that they stay")
    o = p.parse_args()
    o.payload, o.protocol = 64, "3.1.1"
    with s.Stack() as stack:
        folder = peers.make_folder(stack, "certs")
        peers.configure_server(stack, folder)
        for start in (lambda: peers.start_signet(stack), lambda: peers.start_mosquitto(stack, folder)):
            for transport in ("tls", "tcp"):
                broker = start()
                if broker is None:
                    continue
                idle(o, stack, broker, transport, peers.Folders(folder, None))
                broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
