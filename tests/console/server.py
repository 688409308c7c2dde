# SPDX-License-Identifier: Apache-2.0
"""What the stories need from the outside besides what every such test does: the API and the broker themselves, access keys,
devices that connect."""
import math
import os
import secrets
import ssl
import subprocess
import sys
import time

from harness.api import Api
from harness.keys import make_key
from harness.mqtt import Client, tls_context
from harness.openapi import documents
from harness.outside import Outside, serial
from harness.process import ROOT

sys.path.append(str(ROOT / "bench"))

from records_rows import BATCH, FUNCTIONS, template  # noqa: E402

VERSIONS = {path.split("/")[2]: path.split("/")[1] for document in documents().values() for path in document["paths"]}


class Server(Outside):
    def __init__(self, stack, folder, modules):
        super().__init__(stack, folder)
        self.modules = modules  # what npm has installed for code that is run
        self.connections, self.made_up = {}, False
        self.context = None  # of the first device that connects

    def start(self):
        return {"key_id": self.stack.key_id, "secret": self.stack.secret, "instance": self.stack.instance,
                "origin": f"http://127.0.0.1:{self.stack.api.port}", "tls_port": self.stack.tls_port,
                "tcp_port": self.stack.tcp_port, "home": str(self.stack.home), "ca": self.authorities["tls"].crt,
                "programs": str(self.stack.binaries)}

    # ---- the API ----
    def call(self, op, params, key):
        api = Api(self.stack.api.port, key["key_id"], key["secret"])
        texts = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in params.items()}
        reply = api.v3(op, texts, version=VERSIONS[op])
        return {"status": reply.status, "answer": reply.json, "rollout": reply.headers.get("x-signet-rollout")}

    def key(self, grants):
        made = make_key(self.stack.api, *grants)
        return {"key_id": made.key_id, "secret": made.secret}

    def api(self, settings):
        """The origin of one more API process on the same database."""
        return f"http://127.0.0.1:{self.process(settings)}"

    def run_code(self, language, code, files):
        """What a program from the explorer prints, run as its reader would. `files`: {variable: content}, each in a file."""
        self.count += 1
        folder = self.folder / f"code-{self.count}"
        folder.mkdir(parents=True)
        for variable, text in files.items():
            (folder / variable).write_text(text)
        program = folder / f"call.{ {'node': 'cjs'}.get(language, 'sh') }"
        program.write_text(code)
        env = {"PATH": f"{self.stack.binaries}:{os.environ['PATH']}", "HOME": str(folder),
               "NODE_PATH": str(self.modules / "node_modules"),
               "ALIBABA_CLOUD_ACCESS_KEY_ID": self.stack.key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self.stack.secret,
               **{variable: str(folder / variable) for variable in files}}
        done = subprocess.run(["node" if language == "node" else "bash", program], env=env, cwd=folder, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        return {"status": done.returncode, "out": done.stdout, "err": done.stderr}

    def logged(self, text):
        """How many lines of any log have it."""
        return sum(line.count(text) > 0 for log in self.stack.logs().values() for line in log.splitlines())

    # ---- the broker ----
    def served(self, sni):
        """None: the handshake fails."""
        try:
            return self.stack.served(sni)
        except ssl.SSLError:
            return None

    def client(self, client_id, tls=False):
        """Connects with the Signature user name; stays until disconnect()."""
        made = self.stack.client(client_id, tls=tls, keep_alive=0)
        return {"code": made.code, **self._keep(made)}

    def connect_device(self, crt, key, name, sni=None):
        context = tls_context()
        stem = self.folder / secrets.token_hex(8)
        stem.with_suffix(".crt").write_text(crt)
        stem.with_suffix(".key").write_text(key)
        context.load_cert_chain(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        self.context = self.context or context
        try:
            made = Client(self.stack.tls_port, f"GID_console@@@{name}", context=context, sni=sni, keep_alive=0)
        except (ssl.SSLError, EOFError, ConnectionError) as e:
            return {"error": str(e)}
        return {"code": made.code, **(self._keep(made) if made.code == 0 else {})}

    def _keep(self, made):
        number = str(len(self.connections) + 1)
        self.connections[number] = made
        return {"connection": number}

    def traffic(self, seconds):
        """Clients that come, publish and go, more and less of them."""
        began, n = time.monotonic(), 0
        while time.monotonic() < began + seconds:
            n += 1
            if n % 11 == 0:  # shows no certificate; refused when the mode is mutual
                self.served(None)
                continue
            how = {"context": self.context} if n % 3 == 0 else {"tls": False}
            c = self.stack.client(f"GID_console@@@traffic{n % 7}", keep_alive=0, **how)
            c.subscribe("traffic/#", 1)
            for _ in range(1 + n % 9):
                c.publish("traffic/here", "x" * 100, 1)
            c.close()
            time.sleep(0.02 * (1 + n % 5) + 0.1 * (1 + math.sin((time.monotonic() - began) / 7)))

    def connected(self, connection):
        """Whether the broker keeps the connection: it answers a ping."""
        try:
            self.connections[connection].ping()
        except (OSError, EOFError):
            return False
        return True

    def disconnect(self, connection):
        self.connections[connection].close()

    # ---- certificates ----
    def authority(self, name, days=30):
        made = super().authority(name, days)
        return {**made, "sn": serial(self.authorities[made["authority"]].crt_path)}

    def crl(self, authority, serials):  # in hex: a JSON number cannot hold one
        return super().crl(authority, [int(sn, 16) for sn in serials])

    def devices(self, instance, ca_sn, first, last, name="'device-' || i", ends="timestamptz '2036-01-01' + i * interval '1 second'"):
        """Registers the made-up devices with these numbers; their names and ends as SQL of i. A million takes two minutes."""
        if not self.made_up:
            front, place = template(str(self.folder))
            self.stack.sql(FUNCTIONS % {"front": "\\x" + front.hex(), "serial": place})
            self.made_up = True
        register = FUNCTIONS[FUNCTIONS.index("CREATE FUNCTION bench_register"):].replace("CREATE", "CREATE OR REPLACE")
        self.stack.sql(register.replace("'device-' || i", name).replace("timestamptz '2036-01-01' + i * interval '1 second'", ends))
        self.stack.sql(f"""DO $$
            DECLARE ca bigint := (SELECT id FROM ca_certificate WHERE mqtt_instance_id = '{instance}' AND sn = '{ca_sn}' AND NOT removed);
            BEGIN
                SET synchronous_commit = off;
                FOR at IN {int(first)} .. {int(last)} BY {BATCH} LOOP
                    PERFORM bench_register('{instance}', ca, at, least(at + {BATCH - 1}, {int(last)}));
                    COMMIT;
                END LOOP;
            END $$""")
        self.stack.sql("VACUUM ANALYZE")
