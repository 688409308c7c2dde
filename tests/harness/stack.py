"""One whole Signet: a database of its own, an API process, a broker process, in a folder of its own."""
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .api import CAS, Api
from .mqtt import Client, served
from .process import Process, build_dir, wait_until

INSTANCE = "mqtt-cn-signet00001"


def template(cluster, binaries):
    """A migrated database to copy; made once a cluster."""
    name = "signet_template"
    if not cluster.sql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
        cluster.sql("postgres", f"CREATE DATABASE {name}_new OWNER signet_api")
        env = {**os.environ, "SIGNET_DATABASE_URL": cluster.url(f"{name}_new", "signet_api"),
               "SIGNET_HOME": str(cluster.folder)}
        done = subprocess.run([binaries / "signet-api", "--migrate"], env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        assert done.returncode == 0, done.stdout
        cluster.sql("postgres", f"ALTER DATABASE {name}_new RENAME TO {name}")
    return name


class Stack:
    count = 0

    def __init__(self, cluster, *, build=None, workers=2, env=None, instance=INSTANCE, edition="platinum"):
        Stack.count += 1
        self.cluster, self.instance, self.binaries = cluster, instance, build_dir(build)
        self.home = Path(tempfile.mkdtemp(prefix="signet-t-", dir="/tmp"))
        self.run_dir = self.home / "run"
        self.run_dir.mkdir(mode=0o700)
        self.database = f"t{os.getpid()}_{Stack.count}"
        cluster.sql("postgres", f'CREATE DATABASE "{self.database}" OWNER signet_api TEMPLATE '
                                f"{template(cluster, self.binaries)}")
        key_file = self.home / "master.key"
        key_file.touch(mode=0o600)
        key_file.write_text(secrets.token_hex(32) + "\n")
        self.key_id, self.secret = "LTAI" + secrets.token_hex(10), secrets.token_hex(15)
        # tests call faster than anybody should; those of the throttle say so themselves
        common = {"SIGNET_HOME": self.home, "SIGNET_INSTANCE": instance, "SIGNET_API_THROTTLE_PERCENT": 0, **(env or {})}
        self.api_env = {"SIGNET_DATABASE_URL": cluster.url(self.database, "signet_api"),
                        "SIGNET_API_LISTEN": "127.0.0.1:0", **common}
        self.broker_env = {"SIGNET_DATABASE_URL": cluster.url(self.database, "signet_broker"),
                           "SIGNET_MQTTS_LISTEN": "127.0.0.1:0", "SIGNET_MQTT_LISTEN": "127.0.0.1:0",
                           "SIGNET_METRICS_LISTEN": "127.0.0.1:0", "SIGNET_WORKERS": workers,
                           "SIGNET_SYS_SECONDS": 0,  # tests of what they are say so themselves
                           **common}
        self.processes = []
        self.api_process = self._process("api", "signet-api", self.api_env)
        self.broker = self._process("broker", "signet-broker", self.broker_env)
        self.add_access_key(self.key_id, self.secret)
        try:
            self.start_api()
            reply = self.api.v3("CreateInstance", {"MqttInstanceId": instance, "InstanceName": "test",
                                                   "Edition": edition})
            assert reply.status == 200, reply
            self.start_broker()
        except BaseException:
            self.close()
            raise

    def _process(self, name, program, env):
        p = Process(name, [self.binaries / program], env, self.home / f"{name}.log")
        self.processes.append(p)
        return p

    def add_access_key(self, key_id, secret, *account):
        done = subprocess.run([self.binaries / "signet-api", "--create-access-key", *map(str, account)],
                              env={**os.environ, **{k: str(v) for k, v in self.api_env.items()}},
                              input=f"{key_id}\n{secret}\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        assert done.returncode == 0, done.stdout

    # ---- processes ----
    def start_api(self):
        self.api_process.start()
        port = int(self.api_process.logged(r"listening=[^ ]*:(\d+)").group(1))
        self.api_env["SIGNET_API_LISTEN"] = f"127.0.0.1:{port}"  # a restart keeps the port
        self.api = Api(port, self.key_id, self.secret)
        wait_until(lambda: self.api.send("GET", "/healthz").status == 200, what="the API to answer")
        return self.api

    def start_broker(self, wait=True):
        self.broker.start()
        self.tls_port = int(self.broker.logged(r"listener=mqtts port=(\d+)").group(1))
        self.tcp_port = int(self.broker.logged(r"listener=mqtt port=(\d+)").group(1))
        self.broker_env["SIGNET_MQTTS_LISTEN"] = f"127.0.0.1:{self.tls_port}"
        self.broker_env["SIGNET_MQTT_LISTEN"] = f"127.0.0.1:{self.tcp_port}"
        if wait:
            self.wait_applied(self.revision())
            # `applied` is 0 before anything is loaded as well; the ticket key and the row of broker_node are written after the
            # load, in the same turn, and only its end says that the database is there
            wait_until(lambda: (s := self.status()).get("reloads", 0) > 0 and s["database"] == "ok",
                       what="the broker's first look")

    def control(self, request, timeout=10):
        """One request on the broker's UNIX socket, one answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(timeout)
            s.connect(str(self.run_dir / f"{self.instance}.sock"))
            s.sendall(json.dumps(request).encode() + b"\n")
            line = b""
            while not line.endswith(b"\n"):
                got = s.recv(65536)
                assert got, f"control socket closed after {line!r}"
                line += got
        return json.loads(line)

    def status(self):
        try:
            return self.control({"op": "status"})
        except OSError:
            return {}

    def revision(self):
        rows = self.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{self.instance}'")
        return int(rows[0][0])

    def wait_applied(self, revision, timeout=20):
        wait_until(lambda: self.status().get("applied", -1) >= revision, timeout, f"the broker to apply {revision}")

    def applied(self, reply):
        """Waits until the broker serves what was answered: `pending` is said when it takes more than 2 s, and then for 10 s
        by all that takes more than 50 ms."""
        told = reply.headers.get("x-signet-rollout", "applied")
        assert told in ("applied", "pending"), reply.headers
        if told == "pending":
            self.wait_applied(self.revision())

    def rolled_out(self, reply):
        """`applied`, for an answer that must say so."""
        assert "x-signet-rollout" in reply.headers, reply.headers
        self.applied(reply)

    def sql(self, statement, user="signet_owner"):
        return self.cluster.sql(self.database, statement, user)

    # ---- what tests do all the time ----
    def login(self):
        return self.key_id, self.secret, self.instance

    def upload(self, certificate, name=None, key=None):
        """CertIdentifier of a new server certificate."""
        reply = self.api.v3("UploadUserCertificate", {"Name": name or "c-" + secrets.token_hex(6), "Cert": certificate.chain,
                                                      "Key": key or certificate.key}, version=CAS)
        assert reply.status == 200, reply
        return f"{reply.json['CertId']}-cn-hangzhou"

    def set_sni(self, default, config, **kwargs):
        return self.api.v3("SetSniConfig", {"MqttInstanceId": self.instance, "DefaultCertificate": default,
                                            "SniConfig": config}, **kwargs)

    def served(self, sni=None, version=None):
        return served(self.tls_port, sni, version)

    def client(self, client_id, tls=True, **kwargs):
        c = Client(self.tls_port if tls else self.tcp_port, client_id, kwargs.pop("login", self.login()), tls, **kwargs)
        return c

    # ---- end ----
    def close(self):
        problems = []
        for p in reversed(self.processes):
            try:
                dead = p.popen is not None and p.popen.poll() is not None and not p.expected_dead
                code = p.stop()
                if dead or (code not in (0, -9) and not p.expected_dead):
                    problems.append(f"{p.name} ended with {code}:\n{p.text()[-4000:]}")
                if p.popen is not None:
                    p.check_clean()
                    problems += re.findall(r".*undocumented answer.*", p.text(since_start=False))
            except AssertionError as e:
                problems.append(str(e))
        self.cluster.sql("postgres", f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')
        if not problems:
            shutil.rmtree(self.home, ignore_errors=True)
        assert not problems, "\n".join(problems)

    def logs(self):
        return {p.name: p.text(since_start=False) for p in self.processes if p.log.exists()}
