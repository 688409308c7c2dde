#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the official SDKs against a Signet of their own, and holds docs/errors.md to what they have seen. Node's part is
main.mjs; it reports a JSON line for each case and asks for what server.py offers. Usage: see --help."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from errors_page import PAGE, missing, page  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.outside import Report, converse  # noqa: E402
from harness.process import ROOT  # noqa: E402
from harness.stack import Stack  # noqa: E402
from server import Server  # noqa: E402


def check_logs(stack, report):
    undocumented = sorted({line for text in stack.logs().values() for line in text.splitlines()
                           if "undocumented answer" in line})
    report.case("no answer was undocumented", "failed" if undocumented else "passed", text="\n".join(undocumented))


def check_page(report, write):
    text = page(report.produced)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    same = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
    report.case("every documented error was produced", "failed" if missing(report.produced) else "passed",
                text="\n".join(missing(report.produced)))
    report.case("docs/errors.md lists what was produced", "passed" if same else "failed",
                text="" if same else "tests/sdk/run.py --write makes it anew")


def run(arguments, report):
    folder = tempfile.mkdtemp(prefix="signet-sdk-", dir="/tmp")
    cluster = Cluster(Path(folder) / "cluster")
    stack = None
    try:
        stack = Stack(cluster.start(), env={"SIGNET_API_THROTTLE_PERCENT": 0})
        server = Server(stack, Path(folder) / "pki")
        env = {k: v for k, v in os.environ.items() if not k.startswith(("ALIBABA_CLOUD_", "NODE_"))}
        env.update({"SIGNET_SDK_MODULES": str(arguments.modules.resolve()), "NODE_NO_WARNINGS": "1"})
        if arguments.only:
            env["SIGNET_SDK_ONLY"] = arguments.only
        with subprocess.Popen(["node", HERE / "main.mjs"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True, encoding="utf-8") as node:
            status = converse(node, server, report)
        if status != 0 or not report.cases:
            report.case("main.mjs runs to its end", "failed", text=f"exit status {status}")
        check_logs(stack, report)
        if report.count("failed"):
            for name, text in stack.logs().items():
                errors = [line for line in text.splitlines() if "level=error" in line or " error " in line]
                print(f"---- {name}:", *errors[-40:], sep="\n", flush=True)
    finally:
        try:
            if stack is not None:
                stack.close()
        except AssertionError as e:
            report.case("the programs end well", "failed", text=str(e))
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", type=Path, default=HERE, help="folder with node_modules (npm ci)")
    parser.add_argument("--junit", type=Path, help="where to write the report")
    parser.add_argument("--only", help="only cases whose name has this text; leaves docs/errors.md alone")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    arguments = parser.parse_args()
    report = Report("sdk")
    run(arguments, report)
    if not arguments.only:
        check_page(report, arguments.write)
    if arguments.junit:
        report.write(arguments.junit)
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
