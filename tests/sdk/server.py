# SPDX-License-Identifier: Apache-2.0
"""What the SDK tests need from the outside besides what every such test does: API processes with other settings, accounts, a
database that goes away."""
import secrets
import socket
import subprocess
import xml.etree.ElementTree as ElementTree

from harness.outside import Outside
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


class Server(Outside):
    def __init__(self, stack, folder):
        super().__init__(stack, folder)
        self.session = None
        self.clients = {}
        self.client = stack.client("GID_sdk@@@client", tls=False, keep_alive=0)  # connected as long as the tests run

    def start(self):
        return {"key_id": self.stack.key_id, "secret": self.stack.secret, "instance": self.stack.instance,
                "ca": self.authorities["tls"].crt, "ca_path": str(self.authorities["tls"].crt_path),
                "outside": outside_address(), "client": self.client.client_id}

    # ---- processes ----
    def api(self, settings, https=False, address="127.0.0.1"):
        """The port of one more API process on the same database."""
        if https:
            # The SDKs are given an address: names of this machine may mean ::1 to Node.
            c = self.authorities["tls"].issue("localhost", sans=["localhost,IP:127.0.0.1"])
            chain = c.crt_path.with_suffix(".chain")
            chain.write_text(c.chain)
            settings = {"SIGNET_API_TLS_CERT": chain, "SIGNET_API_TLS_KEY": c.key_path, **settings}
        return self.process(settings, address)

    def database(self, away):
        name = self.stack.database
        self.stack.cluster.sql("postgres", f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS {"false" if away else "true"}')
        if away:
            self.stack.cluster.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                               f"WHERE datname = '{name}' AND pid <> pg_backend_pid()")
        else:
            wait_until(lambda: self.stack.api.send("GET", "/readyz").status == 200, what="the API to be ready")
        return None

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

    def xml(self, text):
        return tree(ElementTree.fromstring(text))
