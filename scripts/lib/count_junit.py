#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints `passed failed skipped` of a JUnit report, as Criterion and pytest write them. Usage: count_junit.py <report.xml>"""
import sys
import xml.etree.ElementTree as ElementTree


def count(cases):
    failed = sum(1 for c in cases if c.find("failure") is not None or c.find("error") is not None)
    skipped = sum(1 for c in cases if c.find("skipped") is not None)
    return len(cases) - failed - skipped, failed, skipped


if __name__ == "__main__":
    print(*count(ElementTree.parse(sys.argv[1]).getroot().findall(".//testcase")))
