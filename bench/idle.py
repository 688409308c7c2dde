#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""idle: the broker's memory and CPU by connection that only stays connected, TLS and plain TCP, Signet beside
Debian's mosquitto (when it is installed). Each figure is of a broker just started."""

import argparse
import os
import subprocess
import sys

import messages
import stack as s


def idle(o, stack, broker, transport, folder):
    scenario = ["--connections", str(o.connections), "--rate", "0", "--pattern", "self"]
    r = messages.run(o, stack, broker, transport, scenario, folder)
    print(
        f"{broker.name:28} {transport}  {r['connections']} connections in {r['connect_s']:.1f} s,"
        f" {r['server_connect_cpu_us']:.0f} us CPU and {r['server_kb_per_connection']:.1f} kB each,"
        f" idle {r['server_cpu_share'] * 100:.1f} % CPU, drops {r['drops']}",
        flush=True,
    )


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--connections", type=int, default=5000, help="at most 15000")
    p.add_argument("--seconds", type=int, default=10, help="that they stay")
    o = p.parse_args()
    o.payload = 64
    with s.Stack() as stack:
        folder = os.path.join(stack.folder, "certs")
        os.mkdir(folder, 0o700)
        subprocess.run([s.program("make_certs"), "--dir", folder, "--count", "1"], check=True)
        messages.configure_signet(stack, folder)
        for start in (messages.start_signet, messages.start_mosquitto):
            for transport in ("tls", "tcp"):
                broker = start(stack, folder)
                if broker is None:
                    continue
                idle(o, stack, broker, transport, folder)
                broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
