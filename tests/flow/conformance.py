"""The statements of the two standards and the tests that show them, as rows; run as a program it writes docs/conformance-*.md."""
import re
import sys
from pathlib import Path

try:
    from . import conformance_3_1_1, conformance_5_0
except ImportError:  # as a program, and under pytest
    import conformance_3_1_1
    import conformance_5_0

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "docs"
STANDARDS = {"3.1.1": conformance_3_1_1, "5.0": conformance_5_0}
TITLES = {"3.1.1": "MQTT Version 3.1.1, OASIS Standard with Errata 01, 10 December 2015",
          "5.0": "MQTT Version 5.0, OASIS Standard, 7 March 2019"}
WHOM = ("client", "server", "both")


class Row:
    def __init__(self, line):
        self.number, self.whom, self.words, shown = (field.strip() for field in line.split(" | ", 3))
        self.reason = shown[3:].strip() if shown.startswith("no:") else ""
        self.tests = [] if self.reason else [test_of(name) for name in shown.split()]


def test_of(short):
    """(file, function): `packets.x` is test_x of test_conformance_packets.py; with `@`, or where there is none, of
    test_packets.py."""
    of, name = short.lstrip("@").split(".")
    own = HERE / f"test_conformance_{of}.py"
    return (own if own.exists() and not short.startswith("@") else HERE / f"test_{of}.py"), f"test_{name}"


def rows(version):
    return [Row(line) for line in STANDARDS[version].ROWS.strip().splitlines()]


def numbers(version):
    """Every number that the standard has."""
    found = []
    for part in STANDARDS[version].NUMBERS.replace("\n", " ").split(";"):
        section, span = part.split(":")
        first, _, last = span.strip().partition("-")
        found += [f"{section.strip()}-{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def functions(path):
    return set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.M))


def document(version):
    of = rows(version)
    shown = sum(1 for r in of if r.tests)
    lines = [f"# Conformance: MQTT {version}", "",
             f"Each numbered statement of *{TITLES[version]}*, in our own words, whom it binds, and the test that shows what this",
             "broker does about it (`tests/flow/`), or why there is nothing to show. Where a statement binds the client, the test",
             "shows what the broker does when a client breaks it. Made by `tests/flow/conformance.py`.", "",
             f"{len(of)} statements: {shown} shown by tests, {len(of) - shown} with nothing to show in a server of this kind.", ""]
    section = None
    for r in of:
        if r.number.rsplit("-", 1)[0] != section:
            section = r.number.rsplit("-", 1)[0]
            lines += ["", f"## §{section}", "", "| Number | Binds | Statement | Shown by |", "|---|---|---|---|"]
        said = "<br>".join(f"`{path.name}::{name}`" for path, name in r.tests) or r.reason
        lines.append(f"| MQTT-{r.number} | {r.whom} | {r.words} | {said} |")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


def path_of(version):
    return DOCS / f"conformance-{version}.md"


if __name__ == "__main__":
    for v in STANDARDS:
        path_of(v).write_text(document(v), encoding="utf-8")
        print(path_of(v), len(rows(v)), "statements", file=sys.stderr)
