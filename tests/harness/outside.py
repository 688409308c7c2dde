# SPDX-License-Identifier: Apache-2.0
"""Tests that run in Node (tests/sdk, tests/console): the report of their cases, and what they need from the outside.
They talk in JSON, a line each. A case is {"case": {...}}; a question {"id": 1, "do": "sql", ...} is answered by
{"id": 1, "answer": ...} or {"id": 1, "error": "..."}."""
import json
import re
import ssl
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

from .certs import Authority, openssl
from .crls import crl


NOT_XML = re.compile("\x1b\\[[0-9;]*m|[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # colours, and what a report may not have


class Report:
    """Cases as they come, and the JUnit file at the end."""

    def __init__(self, suite):
        self.suite, self.cases, self.produced = suite, [], []

    def case(self, name, status, seconds=0.0, text=""):
        text = NOT_XML.sub("", text)
        self.cases.append((name, status, seconds, text))
        if status == "failed":
            print(f"FAIL {name}\n{text}", flush=True)

    def count(self, status):
        return sum(1 for c in self.cases if c[1] == status)

    def write(self, path):
        suite = ElementTree.Element("testsuite", name=self.suite)
        for name, status, seconds, text in self.cases:
            e = ElementTree.SubElement(suite, "testcase", name=name, time=f"{seconds:.3f}")
            if status != "passed":
                ElementTree.SubElement(e, "failure" if status == "failed" else "skipped").text = text
        ElementTree.ElementTree(suite).write(path, encoding="utf-8")

    def summary(self):
        """Prints the sum; the exit status of the run."""
        print(f"{self.count('passed')} passed, {self.count('failed')} failed, {self.count('skipped')} skipped")
        return 1 if self.count("failed") or not self.count("passed") else 0


def converse(node, server, report):
    """Until Node ends: cases are noted, questions answered."""
    for line in node.stdout:
        if not line.startswith("{"):
            print(line, end="", flush=True)  # a library that talks to standard output
            continue
        message = json.loads(line)
        if "case" in message:
            report.case(**message["case"])
        elif "produced" in message:
            report.produced.append(message["produced"])
        else:
            node.stdin.write(json.dumps(server.answer(line)) + "\n")
            node.stdin.flush()
    return node.wait()


def serial(crt_path):
    """In hex, lower-case, of the shortest even length."""
    return openssl("x509", "-in", crt_path, "-noout", "-serial").decode().strip().partition("=")[2].lower()


class Outside:
    """What can be asked for is the methods of a subclass and of this."""

    def __init__(self, stack, folder):
        self.stack, self.folder = stack, Path(folder)
        self.authorities = {"tls": Authority(self.folder / "tls", "Test TLS CA")}
        self.count = 0

    def sql(self, statement):
        return self.stack.sql(statement)

    def process(self, settings, address="127.0.0.1"):
        """The port of one more API process on the same database."""
        self.count += 1
        env = {**self.stack.api_env, "SIGNET_API_LISTEN": f"{address}:0", **settings}
        process = self.stack._process(f"api-{self.count}", "signet-api", env).start()
        return int(process.logged(r"listening=[^ ]*:(\d+)").group(1))

    # ---- certificates ----
    def authority(self, name, days=30):
        self.count += 1
        made = Authority(self.folder / f"ca-{self.count}", name, days)
        self.authorities[str(self.count)] = made
        return {"authority": str(self.count), "crt": made.crt}

    def issue(self, name, authority="tls", **how):
        made = self.authorities[authority].issue(name, **how)
        return {"crt": made.crt, "chain": made.chain, "key": made.key, "sn": serial(made.crt_path), "sha256": made.sha256}

    def verification(self, authority, code):
        """As the vendor's recipe makes it: X.509 v1, CN = the registration code, signed with the CA's key."""
        self.count += 1
        a, stem = self.authorities[authority], self.folder / f"verification-{self.count}"
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{stem}.key",
                "-subj", f"/CN={code}", "-out", f"{stem}.csr")
        openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", a.crt_path, "-CAkey", a.folder / "ca.key", "-set_serial",
                str(self.count), "-days", "30", "-sha256", "-out", f"{stem}.crt")
        return Path(f"{stem}.crt").read_text()

    def device(self, instance, ca_sn, authority, name):
        """A device certificate, registered as a broker registers it at a first connection."""
        made = self.authorities[authority].issue(name, usage="clientAuth")
        sn, der = serial(made.crt_path), ssl.PEM_cert_to_DER_cert(made.crt).hex()
        states = self.stack.sql(
            f"SELECT r.state FROM ca_certificate c, device_register('{instance}', c.id, ARRAY['{sn}'], "
            f"ARRAY['\\x{made.sha256}'::bytea], ARRAY['\\x{der}'::bytea], ARRAY['{name}'], "
            "ARRAY[now() - interval '1 hour'], ARRAY[now() + interval '20 days']) r "
            f"WHERE c.mqtt_instance_id = '{instance}' AND c.sn = '{ca_sn}' AND NOT c.removed")
        assert states == [["registered"]], states
        return {"sn": sn, "crt": made.crt, "key": made.key}

    def crl(self, authority, serials, **how):
        """PEM of a revocation list."""
        a = self.authorities[authority]
        return crl(SimpleNamespace(key_path=a.folder / "ca.key", crt=a.crt), serials, **how)

    # ---- the wire ----
    def answer(self, line):
        asked = json.loads(line)
        number, what = asked.pop("id"), asked.pop("do")
        try:
            return {"id": number, "answer": getattr(self, what)(**asked)}
        except Exception as e:  # pylint: disable=broad-except
            return {"id": number, "error": f"{what}: {e}"}
