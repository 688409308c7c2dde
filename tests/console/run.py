#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The console in a real Chromium, against a Signet of its own. Node's part is main.mjs (stories), shots.mjs (a picture of every
page, and what axe-core thinks of it) and speed.mjs (large tables); each reports a JSON line for each case and asks for what
server.py offers."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from harness.cluster import Cluster  # noqa: E402
from harness.outside import Report, converse  # noqa: E402
from harness.process import ROOT  # noqa: E402
from harness.stack import Stack  # noqa: E402
from server import Server  # noqa: E402

LANGUAGES = ["en", "zh"]
NODES = []  # that run at this moment, one a language
PROGRAMS = {"stories": "main.mjs", "shots": "shots.mjs", "speed": "speed.mjs"}


def converse_with(program, language, server, report, arguments):
    """Node, in one language, with its own Signet."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("ALIBABA_CLOUD_", "NODE_"))}
    env.update({"SIGNET_CONSOLE_MODULES": str(arguments.modules.resolve()), "SIGNET_CONSOLE_LANGUAGE": language,
                "SIGNET_CONSOLE_SOURCES": str(arguments.sources.resolve()), "SIGNET_CONSOLE_ONLY": arguments.only or "",
                "SIGNET_CONSOLE_FAILURES": str(ROOT / "build" / "console-failures"), "NODE_NO_WARNINGS": "1",
                "SIGNET_CONSOLE_PICTURES": str(arguments.pictures.resolve()), "SIGNET_CONSOLE_WRITE": str(int(arguments.write))})
    with subprocess.Popen(["node", HERE / program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          encoding="utf-8") as node:
        NODES.append(node)
        status = converse(node, server, report)
    if status != 0:
        report.case(f"{language}: {program} runs to its end", "failed", text=f"exit status {status}")


def converse_in_all(stacks, folder, report, arguments):
    threads = [threading.Thread(target=converse_with, args=(PROGRAMS[arguments.part], language, Server(stack, folder / language, arguments.modules.resolve()),
                                                            report, arguments)) for language, stack in stacks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def show_errors(stacks):
    for language, stack in stacks.items():
        for name, text in stack.logs().items():
            errors = [line for line in text.splitlines() if "level=error" in line or " error " in line]
            if errors:
                print(f"---- {language} {name}:", *errors[-40:], sep="\n", flush=True)


def close(stacks, report):
    for stack in stacks.values():
        try:
            stack.close()
        except AssertionError as e:
            report.case("the programs end well", "failed", text=str(e))


def run(arguments, report):
    folder = Path(tempfile.mkdtemp(prefix="signet-console-", dir="/tmp"))
    cluster = Cluster(folder / "cluster")
    stacks = {}
    try:
        cluster.start()
        for language in arguments.languages.split(","):
            stacks[language] = Stack(cluster, build=arguments.build, env={"SIGNET_CONSOLE_DIR": arguments.console.resolve()})
        converse_in_all(stacks, folder, report, arguments)
        if report.count("failed"):
            show_errors(stacks)
    finally:
        for node in NODES:
            node.terminate()  # unless it has ended
        close(stacks, report)
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="?", choices=PROGRAMS, default="stories")
    parser.add_argument("--only", help="only cases whose name has this text (they begin with `en: ` or `zh: `)")
    parser.add_argument("--languages", help="en, zh or both (the default for stories), divided by a comma")
    parser.add_argument("--modules", type=Path, default=ROOT / "build" / "console-tests", help="folder with node_modules (npm ci)")
    parser.add_argument("--sources", type=Path, default=ROOT / "console", help="the console's sources, with node_modules")
    parser.add_argument("--console", type=Path, default=ROOT / "build" / "console", help="the built console")
    parser.add_argument("--build", help="folder below build/ with the programs")
    parser.add_argument("--junit", type=Path, help="where to write the report")
    parser.add_argument("--write", action="store_true", help="shots: into docs/images/console")
    arguments = parser.parse_args()
    arguments.languages = arguments.languages or (",".join(LANGUAGES) if arguments.part == "stories" else "en")
    arguments.pictures = ROOT / "docs" / "images" / "console" if arguments.write else ROOT / "build" / "console-pictures"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    report = Report("console")
    run(arguments, report)
    if arguments.junit:
        report.write(arguments.junit)
    return report.summary()


if __name__ == "__main__":
    sys.exit(main())
