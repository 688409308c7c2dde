# SPDX-License-Identifier: Apache-2.0
"""stack: a Signet of its own for a measurement: PostgreSQL, the API and any number of brokers, in a folder
that goes away afterwards. Standard library only. What is started here is ended here, by its process ID."""

import base64
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ONSMQTT, CAS = "2020-04-20", "2020-04-07"
START_SECONDS_MAX = 60
API_IDLE_SECONDS_MAX = 30  # below the API's own limit for kept-alive connections


def build_directory():
    """Where the programs are: SIGNET_BUILD (scripts/bench sets it), else build/release."""
    return os.environ.get("SIGNET_BUILD", os.path.join(ROOT, "build", "release"))


def program(name):
    path = os.path.join(build_directory(), name)
    if not os.access(path, os.X_OK):
        sys.exit(f"{path} is missing: run scripts/build release, or set SIGNET_BUILD")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def say(text):
    print(f"# {text}", file=sys.stderr, flush=True)


def pinned(cpu):
    """For subprocess: on one core (server on 0, load on 1), where there are two or more."""
    cpus = sorted(os.sched_getaffinity(0))
    if cpu is None or len(cpus) < 2:
        return None
    return lambda: os.sched_setaffinity(0, {cpus[cpu % len(cpus)]})


def measured(command, cpu=1, seconds=900):
    """Runs a generator and returns the JSON of its last line."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, timeout=seconds, preexec_fn=pinned(cpu), check=False
    )
    lines = done.stdout.decode().strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        raise RuntimeError(f"{command[0]} gave no result (exit status {done.returncode})")
    result = json.loads(lines[-1])
    if "error" in result:
        raise RuntimeError(f"{command[0]}: {result['error']}")
    return result


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    return time.clock_gettime(~pid << 3 | 2)


def memory_kb(pid, what="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        for line in status:
            if line.startswith(what + ":"):
                return int(line.split()[1])
    raise RuntimeError(f"no {what} of {pid}")


class Process:
    """A server in the background, with its log in a file."""

    def __init__(self, name, command, log, env=None, cpu=None):
        self.name, self.log = name, log
        self.begun = time.monotonic()
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, preexec_fn=pinned(cpu)
            )
        self.pid = self.child.pid

    def check(self):
        if self.child.poll() is not None:
            with open(self.log, errors="replace", encoding="utf-8") as log:
                raise RuntimeError(f"{self.name} has ended ({self.child.returncode}):\n{log.read()[-2000:]}")

    def wait_for_port(self, port):
        """Until it accepts connections; seconds since it was started."""
        while time.monotonic() - self.begun < START_SECONDS_MAX:
            self.check()
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return time.monotonic() - self.begun
            except OSError:
                time.sleep(0.005)
        raise RuntimeError(f"{self.name} does not listen on {port}")

    def stop(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                say(f"{self.name} does not stop on SIGTERM")
                self.child.kill()
                self.child.wait()


class ApiError(Exception):
    pass


class Api:
    """Calls operations with HTTP Basic on one kept-alive connection."""

    def __init__(self, port, key_id, secret):
        self.port, self.connection, self.used = port, None, float("-inf")
        self.authorization = "Basic " + base64.b64encode(f"{key_id}:{secret}".encode()).decode()

    @staticmethod
    def body(parameters):
        return json.dumps(parameters).encode()

    def call(self, version, action, **parameters):
        return self.send(version, action, self.body(parameters))[0]

    def send(self, version, action, body):
        """Answer and headers; for callers that have made the body before they look at the clock."""
        if time.monotonic() - self.used > API_IDLE_SECONDS_MAX:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        headers = {"Authorization": self.authorization, "Content-Type": "application/json"}
        self.connection.request("POST", f"/{version}/{action}", body, headers)
        response = self.connection.getresponse()
        text = response.read()
        self.used = time.monotonic()
        if response.status != 200:
            raise ApiError(f"{action}: {response.status} {text[:500].decode(errors='replace')}")
        return json.loads(text), dict(response.getheaders())


class Stack:
    """with Stack() as stack: …"""

    def __init__(self):
        self.processes, self.postgres = [], False

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="signet-bench-", dir="/tmp")
        os.chmod(self.folder, 0o711)  # the service user passes through
        self.home = os.path.join(self.folder, "home")
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        if self.postgres:
            self.private_postgres("remove")
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self.postgres = True
        self.run_dir = self.private_postgres("start")
        # Commit times are asked for later; private-postgres keeps what ALTER SYSTEM sets.
        self.psql("ALTER SYSTEM SET track_commit_timestamp = on", database="postgres")
        self.private_postgres("stop")
        self.private_postgres("start")
        self.psql("CREATE DATABASE signet OWNER signet_api", database="postgres")
        self.make_secrets()
        self.environment = {
            **os.environ,
            "SIGNET_HOME": self.home,
            "SIGNET_RUN_DIR": self.run_dir,
            "SIGNET_MASTER_KEY_FILE": os.path.join(self.home, "master.key"),
            "SIGNET_API_THROTTLE_PERCENT": "0",  # what is measured is how fast it is, not how fast one may be
        }
        if os.getuid() == 0:
            self.environment["SIGNET_USER"] = os.environ.get("SIGNET_USER", "signet")
        api = self.settings("signet_api")
        self.run_api(["--migrate"], api)
        self.run_api(["--create-access-key"], api, f"{self.key_id}\n{self.secret}\n")
        port = free_port()
        self.start_process(
            "signet-api", [program("signet-api")], {**api, "SIGNET_API_LISTEN": f"127.0.0.1:{port}"}
        ).wait_for_port(port)
        self.api = Api(port, self.key_id, self.secret)

    def run_api(self, arguments, env, text=""):
        command = [program("signet-api"), *arguments]
        done = subprocess.run(command, env=env, input=text.encode(), stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"signet-api {arguments[0]}: {done.stderr.decode(errors='replace')}")

    def private_postgres(self, command):
        done = subprocess.run(
            [os.path.join(ROOT, "scripts", "private-postgres"), command, self.home],
            check=True,
            stdout=subprocess.PIPE,
        )
        return done.stdout.decode().strip().splitlines()[-1] if done.stdout else ""

    def psql(self, sql, database="signet"):
        done = subprocess.run(
            [
                "psql",
                "-XqAt",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                f"host={self.run_dir} dbname={database} user=signet_owner",
                "-c",
                sql,
            ],
            check=True,
            stdout=subprocess.PIPE,
        )
        return done.stdout.decode().strip()

    def make_secrets(self):
        self.key_id, self.secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
        self.credentials = self.write_private(
            "credentials.env",
            f"ALIBABA_CLOUD_ACCESS_KEY_ID={self.key_id}\n" f"ALIBABA_CLOUD_ACCESS_KEY_SECRET={self.secret}\n",
        )
        self.write_private("master.key", secrets.token_hex(32) + "\n")

    def write_private(self, name, text):
        path = os.path.join(self.home, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(text)
        return path

    def settings(self, role):
        return {**self.environment, "SIGNET_DATABASE_URL": f"host={self.run_dir} dbname=signet user={role}"}

    def start_process(self, name, command, env=None, cpu=None):
        log = os.path.join(self.folder, f"{name}-{len(self.processes)}.log")
        process = Process(name, command, log, env, cpu)
        self.processes.append(process)
        return process

    def start_broker(self, instance, workers, cpu=None, plain_port=0, port=0, settings=None):
        """Its `port` (TLS) and `plain_port` are 127.0.0.1's. `settings`: more of its environment. Not waited for."""
        port = port or free_port()
        env = {
            **self.settings("signet_broker"),
            "SIGNET_INSTANCE": instance,
            "SIGNET_WORKERS": str(workers),
            "SIGNET_MQTTS_LISTEN": f"127.0.0.1:{port}",
            "SIGNET_MQTT_LISTEN": f"127.0.0.1:{plain_port}" if plain_port else "",
            "SIGNET_METRICS_LISTEN": "",
            "SIGNET_STORE_DIR": self.make_store_folder(),
            **(settings or {}),
        }
        broker = self.start_process(f"broker-{instance}", [program("signet-broker")], env, cpu)
        broker.port, broker.plain_port = port, plain_port
        return broker

    def make_store_folder(self):
        """For one start of one broker, and of the user that it becomes."""
        folder = os.path.join(self.folder, f"store-{len(self.processes)}")
        os.mkdir(folder, 0o700)
        if os.getuid() == 0:
            shutil.chown(folder, self.environment["SIGNET_USER"])
        return folder

    def status(self, instance):
        """What the broker of an instance says of itself on its control socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
            control.settimeout(10)
            control.connect(os.path.join(self.run_dir, f"{instance}.sock"))
            control.sendall(b'{"op":"status"}\n')
            with control.makefile("rb") as lines:
                return json.loads(lines.readline())

    def wait_applied(self, broker, instance):
        """Until the broker serves what is committed; before, it answers CONNECT with "unavailable"."""
        while time.monotonic() - broker.begun < START_SECONDS_MAX:
            broker.check()
            try:
                if self.status(instance)["applied"] > 0:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise RuntimeError(f"{broker.name} has not loaded its configuration")

    def upload(self, name, certificate, key):
        """The certificate's ID as SetSniConfig wants it."""
        with open(certificate, encoding="ascii") as c, open(key, encoding="ascii") as k:
            answer = self.api.call(CAS, "UploadUserCertificate", Name=name, Cert=c.read(), Key=k.read())
        return f"{answer['CertId']}-cn-hangzhou"

    def create_instance(self, instance):
        self.api.call(ONSMQTT, "CreateInstance", MqttInstanceId=instance)


def start_bare(stack, certificate, key, cpu, *more):
    bare = stack.start_process(
        "bare_tls_server", [program("bare_tls_server"), "--cert", certificate, "--key", key, *more], cpu=cpu
    )
    while True:
        bare.check()
        with open(bare.log, encoding="ascii") as log:
            words = log.read().split()
        if len(words) >= 2:
            bare.port = int(words[1])
            return bare
        time.sleep(0.01)
