"""A broker's /metrics, read as Prometheus reads it: the text format, version 0.0.4."""
import http.client
import re

from harness.process import wait_until

LINE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.]+)')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}
PREFIX = "signet_broker_"


def port_of(stack):
    return int(stack.broker.logged(r"listener=metrics port=(\d+)").group(1))


def get(port, target="/metrics", method="GET", body=None, headers=None):
    """(status, headers, text)"""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        c.request(method, target, body, headers or {})
        reply = c.getresponse()
        return reply.status, reply.headers, reply.read().decode()
    finally:
        c.close()


class Metrics:
    """One page: metrics["connections"], metrics("refusals_total", stage="accept", reason="address_full")."""

    def __init__(self, text):
        assert text.endswith("\n"), text[-200:]
        self.types, self.helps, self.samples, family = {}, {}, {}, None
        for line in text[:-1].split("\n"):
            if line.startswith("# HELP "):
                family, help_text = line[7:].split(" ", 1)
                assert family not in self.helps and help_text, line
                self.helps[family] = help_text
            elif line.startswith("# TYPE "):
                name, kind = line[7:].split(" ")
                assert name == family and kind in ("counter", "gauge"), line
                self.types[name] = kind
            else:
                found = LINE.fullmatch(line)
                assert found, line
                name, labels, value = found.groups()
                assert name == family and name in self.types, line
                key = name, frozenset((k, re.sub(r"\\.", lambda m: ESCAPES[m.group()], v))
                                      for k, v in LABEL.findall(labels or ""))
                assert key not in self.samples, line
                self.samples[key] = float(value)

    def __getitem__(self, name):
        return self(name)

    def __call__(self, name, **labels):
        name = name if name.startswith("process_") else PREFIX + name
        return self.samples[name, frozenset(labels.items())]

    def all(self, name, label):
        """{value of the label: number}"""
        return {dict(labels)[label]: v for (n, labels), v in self.samples.items() if n == PREFIX + name}

    def refused(self, reason):
        return next(v for (n, labels), v in self.samples.items()
                    if n == PREFIX + "refusals_total" and dict(labels)["reason"] == reason)


def scrape(stack):
    status, headers, text = get(port_of(stack))
    assert status == 200, text
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Metrics(text)


def counted(stack, **refused):
    """Waits until so many are refused by these reasons; then there are no more, and no others. A client that is
    refused in the handshake hears of it before it is counted."""
    wait_until(lambda: all(stack.status()["refused"].get(why, 0) >= n for why, n in refused.items()), what=f"{refused} to be counted")
    assert stack.status()["refused"] == refused
