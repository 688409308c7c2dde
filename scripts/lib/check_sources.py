#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a compiler does not mind: banned calls, // comments, the SPDX line, tabs, long files. Usage: check_sources.py <file.c|file.h>…"""
import re
import sys
from pathlib import Path

BANNED = ("sprintf vsprintf strcpy strcat gets strtok atoi atol atoll system popen rand srand alloca tmpnam mktemp").split()
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
# Comments, strings and characters, so that what stands inside them is not taken for code.
TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)
LINES_WARN, LINES_MAX, LINES_MAX_TESTS = 400, 600, 800


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def blank(match):
    """Same length and lines, so that line numbers stay right."""
    return re.sub(r"[^\n]", " ", match.group())


def offences(path):
    text = path.read_text(encoding="utf-8")
    if "SPDX-License-Identifier: Apache-2.0" not in text.split("\n", 1)[0]:
        yield 1, "the first line is not the SPDX line"
    for token in TOKEN.finditer(text):
        if token.group().startswith("//"):
            yield line_of(text, token.start()), "a // comment; use /* */"
    for call in BANNED_CALL.finditer(TOKEN.sub(blank, text)):
        yield line_of(text, call.start()), f"{call.group(1)}() is banned"
    if "\t" in text:
        yield line_of(text, text.index("\t")), "a tab; indent by 8 spaces"
    lines = text.count("\n")
    most = LINES_MAX_TESTS if "tests" in path.parts else LINES_MAX
    if lines > most:
        yield lines, f"{lines} lines; {most} are the limit, split it by noun"
    elif lines > LINES_WARN:
        print(f"{path}: warning: {lines} lines; aim for {LINES_WARN}", file=sys.stderr)


def main(paths):
    bad = 0
    for path in paths:
        for line, what in offences(Path(path)):
            print(f"{path}:{line}: {what}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
