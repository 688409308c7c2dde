#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The table of operations in docs/api.md, made from the OpenAPI documents. Without arguments: fails when it is not current.
With --write: makes it current."""
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "api.md"
BEGIN, END = "<!-- operations: begin -->\n", "<!-- operations: end -->\n"
PRODUCTS = {"onsmqtt-2020-04-20.json": "onsmqtt", "cas-2020-04-07.json": "cas", "signet.json": "signet"}
AREAS = {"sni": "Domains", "certificate": "Server certificates", "ca": "CA certificates", "device": "Device certificates",
         "instance": "Instances", "session": "Sessions", "message": "Messages", "group": "Groups and parent topics",
         "token": "Tokens", "credential": "Device credentials", "custom-auth": "Custom authentication",
         "revision": "History and rollout", "access-key": "Access keys", "audit": "Audit trail"}
ABOUT = {"instance": "the instance", "account": "the account", "given": "the instance, or the account", "any": "any"}


def rows():
    """area → lines"""
    found = {area: [] for area in AREAS.values()}
    for file, product in PRODUCTS.items():
        document = json.loads((ROOT / "openapi" / file).read_text(encoding="utf-8"))
        for path, item in document["paths"].items():
            grant = item["x-signet-grant"]
            found[AREAS[item["post"]["tags"][0]]].append(
                f"| `{product} {path.split('/')[-1]}` | {item['summary']} | `{grant['action']}` | {grant['level']} | "
                f"{ABOUT[grant['scope']]} | {item['x-signet-rate-limit']} |\n")
    return found


def table():
    text = ""
    for area, lines in rows().items():
        text += f"\n### {area}\n\n| operation | | action | level | on | calls a second |\n|---|---|---|---|---|---|\n"
        text += "".join(lines)
    return text + "\n"


def main(arguments):
    old = PAGE.read_text(encoding="utf-8")
    head, _, rest = old.partition(BEGIN)
    _, _, tail = rest.partition(END)
    new = head + BEGIN + table() + END + tail
    if arguments == ["--write"]:
        PAGE.write_text(new, encoding="utf-8")
        return 0
    if old != new:
        print("docs/api.md: the table of operations is not what openapi/ says: python3 scripts/lib/operations_table.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
