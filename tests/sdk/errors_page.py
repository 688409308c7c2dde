# SPDX-License-Identifier: Apache-2.0
"""docs/errors.md: each operation, each documented error, the test that produces it."""
import json

from harness.process import ROOT

PAGE = ROOT / "docs" / "errors.md"
DOCUMENTS = ("onsmqtt-2020-04-20", "cas-2020-04-07", "signet")
HEAD = """# Errors

Each operation, each error that its OpenAPI document has, and the test that produces it. `tests/sdk` makes this page from what its
run has seen through the official SDKs, and fails when the two differ: `tests/sdk/run.py --write` makes it anew.

An answer that is no 200 has the members `RequestId`, `HostId`, `Code`, `Message` and `Recommend`, and `AccessDeniedDetail` when the
access key lacks a grant. `Throttling.User` also has the header `x-acs-retry-after`, in milliseconds.
"""


def _documents():
    for name in DOCUMENTS:
        yield name, json.loads((ROOT / "openapi" / f"{name}.json").read_text(encoding="utf-8"))


def _tests(produced, operation, code):
    return "<br>".join(sorted({p["case"] for p in produced if p["operation"] == operation and p["code"] == code}))


def _table(rows, head):
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(map(str, r))} |" for r in rows), ""]


def _operations(documents):
    return [path.rpartition("/")[2] for _, d in documents for path in d["paths"]]


def _common(produced, documents):
    """The errors that every operation has: one row each."""
    rows = []
    for error in documents[0][1]["x-signet-errors"]:
        seen = [p for p in produced if p["code"] == error["code"]]
        rows.append((error["http"], f"`{error['code']}`", "; ".join(sorted({p["how"] for p in seen})),
                     f"common errors: *operation*: {error['code']}", len({p["operation"] for p in seen})))
    return ["## Of every operation", "", *_table(rows, ("HTTP", "Code", "How", "Test", "Operations"))]


def missing(produced):
    """Documented, and not produced: `operation code`."""
    documents = list(_documents())
    have = {(p["operation"], p["code"], p["common"]) for p in produced}
    wanted = [(o, e["code"], True) for o in _operations(documents) for e in documents[0][1]["x-signet-errors"]]
    wanted += [(path.rpartition("/")[2], e["code"], False) for _, d in documents for path, item in d["paths"].items()
               for e in item["x-signet-errors"]]
    return [f"{operation} {code}" for operation, code, common in wanted if (operation, code, common) not in have]


def page(produced):
    documents = list(_documents())
    own = [p for p in produced if not p["common"]]
    lines = [HEAD, *_common([p for p in produced if p["common"]], documents)]
    for name, document in documents:
        lines += [f"## {name}.json", ""]
        for path, item in document["paths"].items():
            operation = path.rpartition("/")[2]
            rows = [(e["http"], f"`{e['code']}`", _tests(own, operation, e["code"])) for e in item["x-signet-errors"]]
            lines += [f"### {operation}", "", *_table(rows, ("HTTP", "Code", "Test"))]
    return "\n".join(lines).rstrip() + "\n"
