# SPDX-License-Identifier: Apache-2.0
"""What the SDK tests need from the outside: API processes with other settings, accounts, certificates, device rows, a
database that goes away. The tests ask for it in JSON, a line each: {"id": 1, "do": "sql", ...}, answered by
{"id": 1, "answer": ...} or {"id": 1, "error": "..."}."""
import json
import secrets
import socket
import ssl
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import SimpleNamespace

from harness.certs import Authority, openssl
from harness.crls import crl
from harness.process import wait_until


def outside_address():
    """An IPv4 address of this machine that is not 127.*, or None. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            found = s.getsockname()[0]
        except OSError:
            return None
    return None if found.startswith("127.") else found


def tree(element):
    """[name, text] or [name, [children]]."""
    children = list(element)
    assert not children or not (element.text or "").strip(), f"{element.tag} has text and elements"
    return [element.tag, [tree(c) for c in children] if children else element.text or ""]


class Server:
    def __init__(self, stack, folder):
        self.stack, self.folder = stack, Path(folder)
        self.authorities = {"tls": Authority(self.folder / "tls", "Test TLS CA")}
        self.count, self.session = 0, None
        self.clients = {}
        self.client = stack.client("GID_sdk@@@client", tls=False, keep_alive=0)  # connected as long as the tests run

    def start(self):
        return {"key_id": self.stack.key_id, "secret": self.stack.secret, "instance": self.stack.instance,
                "ca": self.authorities["tls"].crt, "ca_path": str(self.authorities["tls"].crt_path),
                "outside": outside_address(), "client": self.client.client_id}

    # ---- processes ----
    def api(self, settings, https=False, address="127.0.0.1"):
        """The port of one more API process on the same database."""
        env = {**self.stack.api_env, "SIGNET_API_LISTEN": f"{address}:0", **settings}
        if https:
            # The SDKs are given an address: names of this machine may mean ::1 to Node.
            c = self.authorities["tls"].issue("localhost", sans=["localhost,IP:127.0.0.1"])
            chain = c.crt_path.with_suffix(".chain")
            chain.write_text(c.chain)
            env.update({"SIGNET_API_TLS_CERT": chain, "SIGNET_API_TLS_KEY": c.key_path})
        self.count += 1
        process = self.stack._process(f"api-{self.count}", "signet-api", env).start()
        return int(process.logged(r"listening=[^ ]*:(\d+)").group(1))

    def database(self, away):
        name = self.stack.database
        self.stack.cluster.sql("postgres", f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {"false" if away else "true"}')
        if away:
            self.stack.cluster.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                               f"WHERE datname = '{name}' AND pid <> pg_backend_pid()")
        else:
            wait_until(lambda: self.stack.api.send("GET", "/readyz").status == 200, what="the API to be ready")
        return None

    def sql(self, statement):
        return self.stack.sql(statement)

    def lock(self, table):
        """Nobody reads the table until unlock()."""
        url = self.stack.cluster.url(self.stack.database, "signet_owner")
        self.session = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.session.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
        self.session.stdin.flush()
        assert self.session.stdout.readline() == "locked\n"

    def unlock(self):
        with self.session as psql:
            psql.communicate("ROLLBACK;\n")

    def account(self, number):
        """A new access key, of that account, which may do everything."""
        key_id, secret = "LTAI" + secrets.token_hex(10), secrets.token_hex(15)
        self.stack.add_access_key(key_id, secret)
        self.stack.sql(f"UPDATE access_key SET account_id = {int(number)} WHERE access_key_id = '{key_id}'")
        return {"key_id": key_id, "secret": secret}

    # ---- clients ----
    def mqtt(self, client, what, topic=None):
        """connect, subscribe, message ([topic, text, QoS]), closed."""
        if what == "connect":
            self.clients[client] = self.stack.client(client, tls=False, keep_alive=0)
            return self.clients[client].code
        c = self.clients[client]
        if what == "message":
            heard, payload, qos, _ = c.message()
            return [heard, payload.decode(), qos]
        return c.subscribe(topic, 1) if what == "subscribe" else c.closed()

    # ---- certificates ----
    def authority(self, name):
        self.count += 1
        made = Authority(self.folder / f"ca-{self.count}", name)
        self.authorities[str(self.count)] = made
        return {"authority": str(self.count), "crt": made.crt}

    def issue(self, name, authority="tls", **how):
        made = self.authorities[authority].issue(name, **how)
        serial = openssl("x509", "-in", made.crt_path, "-noout", "-serial").decode().strip().partition("=")[2]
        return {"crt": made.crt, "chain": made.chain, "key": made.key, "sn": serial.lower(), "sha256": made.sha256}

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
        serial = openssl("x509", "-in", made.crt_path, "-noout", "-serial").decode().strip().partition("=")[2].lower()
        der = ssl.PEM_cert_to_DER_cert(made.crt).hex()
        states = self.stack.sql(
            f"SELECT r.state FROM ca_certificate c, device_register('{instance}', c.id, ARRAY['{serial}'], "
            f"ARRAY['\\x{made.sha256}'::bytea], ARRAY['\\x{der}'::bytea], ARRAY['{name}'], "
            "ARRAY[now() - interval '1 hour'], ARRAY[now() + interval '20 days']) r "
            f"WHERE c.mqtt_instance_id = '{instance}' AND c.sn = '{ca_sn}' AND NOT c.removed")
        assert states == [["registered"]], states
        return {"sn": serial, "crt": made.crt}

    def crl(self, authority, serials, **how):
        """PEM of a revocation list."""
        a = self.authorities[authority]
        return crl(SimpleNamespace(key_path=a.folder / "ca.key", crt=a.crt), serials, **how)

    def xml(self, text):
        return tree(ElementTree.fromstring(text))

    # ---- the wire ----
    def answer(self, line):
        asked = json.loads(line)
        number, what = asked.pop("id"), asked.pop("do")
        try:
            return {"id": number, "answer": getattr(self, what)(**asked)}
        except Exception as e:  # pylint: disable=broad-except
            return {"id": number, "error": f"{what}: {e}"}
