"""scripts/up and scripts/down as a newcomer runs them: as root, as an ordinary user, twice, in a very long path, and with
programs that `cmake --install` has put somewhere else."""
import contextlib
import itertools
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path

import pytest
from harness.certs import fingerprint
from harness.mqtt import Client, served
from harness.process import ROOT, build_dir
from harness.websocket import WsClient

NUMBERS = itertools.count(20000 + 1000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))
ORDINARY = f"signet-tester-{os.environ.get('PYTEST_XDIST_WORKER', '0')}"  # tests run side by side


def free_ports(count):
    """From a range of which nobody is given any who does not ask for one: they stay free until they are used."""
    ports = []
    while len(ports) < count:
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port := next(NUMBERS)))
            ports.append(port)
    return ports


class Installation:
    """A SIGNET_HOME with ports of its own, run from `tree` by `user` (None: whoever runs the tests)."""

    def __init__(self, tree, home, user=None, programs=None):
        self.tree, self.home, self.user = Path(tree), Path(home), user
        self.api, self.tls, self.tcp, self.ws, self.metrics = free_ports(5)
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SIGNET_") and k != "XDG_RUNTIME_DIR"}
        self.env.update({"SIGNET_HOME": str(home), "SIGNET_API_LISTEN": f"127.0.0.1:{self.api}",
                         "SIGNET_MQTTS_LISTEN": f"127.0.0.1:{self.tls}", "SIGNET_MQTT_LISTEN": f"127.0.0.1:{self.tcp}",
                         "SIGNET_WS_LISTEN": f"127.0.0.1:{self.ws}", "SIGNET_METRICS_LISTEN": f"127.0.0.1:{self.metrics}"})
        if programs:
            self.env["SIGNET_PROGRAMS"] = str(programs)

    def run(self, *command, check=True):
        prefix = ["runuser", "-u", self.user, "--"] if self.user else []
        env = dict(self.env, HOME=pwd.getpwnam(self.user).pw_dir) if self.user else self.env
        done = subprocess.run([*prefix, *map(str, command)], env=env, cwd="/tmp", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600, check=False)
        assert not check or done.returncode == 0, done.stdout[-6000:]
        return done

    def up(self):
        return self.run(self.tree / "scripts" / "up").stdout

    def down(self, *arguments):
        return self.run(self.tree / "scripts" / "down", *arguments).stdout

    def credentials(self):
        text = (self.home / "credentials.env").read_text()
        return tuple(re.search(rf"^ALIBABA_CLOUD_ACCESS_KEY_{n}=(\S+)$", text, re.M).group(1) for n in ("ID", "SECRET"))

    def ctl(self, *arguments):
        programs = self.env.get("SIGNET_PROGRAMS") or self.tree / "build" / "release"
        return self.run("env", f"SIGNET_ENDPOINT=http://127.0.0.1:{self.api}", Path(programs) / "signetctl", *arguments).stdout

    def data(self):
        """What must survive: mapping and mode with their revision, the demo CA, the access key, the demo keys, the master key."""
        asked = [self.ctl(*words, "--MqttInstanceId", "mqtt-cn-signet00001") for words in (
            ("signet", "GetSniConfig"), ("onsmqtt", "ListCaCertificate", "--PageNo", "1", "--PageSize", "10"))]
        mapping = re.sub(r'"RequestId": "[^"]*"', "", "".join(asked))
        files = ["credentials.env", "master.key", "pki/ca.crt", "pki/ca.key", "pki/device.crt", "pki/device.key",
                 "pki/device_chain.crt", "pki/alpha.signet.example.crt", "pki/beta.signet.example.key"]
        return mapping, {name: (self.home / name).read_text() for name in files}

    def check_serving(self):
        for domain in ("alpha.signet.example", "beta.signet.example"):
            assert served(self.tls, domain) == fingerprint((self.home / "pki" / f"{domain}.crt").read_text())
        key_id, secret = self.credentials()
        login = (key_id, secret, "mqtt-cn-signet00001")
        a = Client(self.tls, "GID_up@@@a", login, sni="beta.signet.example", ca=(self.home / "pki" / "ca.crt").read_text())
        b = Client(self.tcp, "GID_up@@@b", login, tls=False)
        b.publish("parent/p2p/GID_up@@@a", "hello", 1)
        assert a.message()[:2] == ("parent/p2p/GID_up@@@a", b"hello")
        b = WsClient(self.ws, "GID_up@@@b", login)
        b.publish("parent/p2p/GID_up@@@a", "hello from the web", 1)
        assert a.message()[1] == b"hello from the web"
        a.close()
        b.close()

    def check_console(self, told):
        page = f"http://127.0.0.1:{self.api}/console/"
        assert page in told
        with urllib.request.urlopen(page, timeout=20) as reply:
            assert b'<div id="root">' in reply.read() and "nonce-" in reply.headers["Content-Security-Policy"]

    def check_modes(self):
        for name in ("credentials.env", "master.key", "pki/ca.key", "pki/device.key", "pki/alpha.signet.example.key"):
            assert (self.home / name).stat().st_mode & 0o077 == 0, name

    def set_mode(self, mode):
        self.ctl("signet", "SetAuthenticationMode", "--MqttInstanceId", "mqtt-cn-signet00001", "--Mode", mode)

    def check_device(self):
        """The demo device gets in by its certificate alone, as the command that `up` prints has it; without it nobody does."""
        pki = self.home / "pki"
        certificate = ["--cert", pki / "device.crt", "--key", pki / "device.key"]
        for more, status in (certificate, 0), ([], 1):
            done = self.run("mosquitto_pub", "-h", "127.0.0.1", "-p", self.tls, "--cafile", pki / "ca.crt", "-q", 1, *more, "-i",
                            "GID_demo@@@device-1", "-t", "demo/hello", "-m", "hello", check=False)
            assert min(done.returncode, 1) == status, done.stdout

    def story(self):
        first = self.up()
        assert f"WebSocket    127.0.0.1:{self.ws}" in first
        assert "Signet is up" in first and self.credentials()[0] in first and self.credentials()[1] not in first
        self.check_serving()
        self.check_console(first)
        self.check_modes()
        before = self.data()
        self.up()
        assert self.data() == before
        assert re.findall('"(?:CaName|Status)": "([^"]*)"', before[0]) == ["signet-demo", "1"]
        self.down()
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", self.tls), timeout=5)
        self.up()
        assert self.data() == before
        self.check_serving()


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="signet-up-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def end(folder):
    """Whatever a test has brought up is taken down and removed; nothing may be left of it."""
    made = []
    yield made.append
    for installation in made:
        installation.down("--purge")
        assert not installation.home.exists()


def test_up_twice_down_and_up_again_keeps_everything(folder, end):
    i = Installation(ROOT, folder / "home")
    end(i)
    i.story()


def test_the_demo_device_in_the_mode_mutual_which_up_leaves_alone(folder, end):
    i = Installation(ROOT, folder / "home")
    end(i)
    told = i.up()
    assert "SetAuthenticationMode" in told and "device.crt" in told
    i.set_mode("mutual")
    i.check_device()
    before = i.data()
    i.up()
    assert i.data() == before
    i.check_device()
    i.set_mode("one-way")
    i.check_serving()


def test_listeners_behind_a_balancer_are_left_to_it(folder, end):
    i = Installation(ROOT, folder / "home")
    end(i)
    i.env.update(SIGNET_PROXY_PROTOCOL="mqtt, mqtts,ws", SIGNET_PROXY_FROM="127.0.0.1")
    told = i.up()
    assert "Signet is up" in told and "no TLS handshake is tried" in told


def test_what_a_user_has_done_to_the_demo_ca_stays(folder, end):
    i = Installation(ROOT, folder / "home")
    end(i)
    i.up()
    sn = re.search('"Sn": "([^"]*)"', i.data()[0]).group(1)
    i.ctl("onsmqtt", "InactivateCaCertificate", "--MqttInstanceId", "mqtt-cn-signet00001", "--Sn", sn)
    before = i.data()
    i.up()
    assert i.data() == before, "still inactive"


def test_a_very_long_path_with_a_space_in_it(folder, end):
    i = Installation(ROOT, folder / "a b" / ("long-" * 24) / ("path-" * 12))
    end(i)
    i.home.parent.mkdir(parents=True)
    i.story()
    assert len(str(i.home / "run" / "mqtt-cn-signet00001.sock")) > 200


def test_up_repairs_what_kill_and_deletion_have_left(folder, end):
    i = Installation(ROOT, folder / "home")
    end(i)
    i.up()
    before = i.data()
    for name in ("signet-api", "signet-broker"):
        pid = int((i.home / "run" / f"{name}.pid").read_text().split()[0])
        os.kill(pid, 9)
    (i.home / "pki" / "device.crt").unlink()
    i.up()
    i.check_serving()
    assert i.data()[0] == before[0]


@pytest.fixture
def ordinary():
    """An ordinary user: made for the test when root runs it; else whoever runs it."""
    if os.geteuid() != 0:
        yield None
        return
    subprocess.run(["useradd", "--create-home", "--shell", "/bin/bash", ORDINARY], check=False, stderr=subprocess.DEVNULL)
    yield ORDINARY
    subprocess.run(["userdel", "--remove", ORDINARY], check=False, stderr=subprocess.DEVNULL)


def copied_tree(folder):
    """The sources where everybody can read them, which root's own checkout need not be."""
    tree = folder / "signet"
    tree.mkdir()
    subprocess.run(f"tar -C '{ROOT}' --exclude=./build --exclude=./.signet --exclude=./.git -cf - . | tar -C '{tree}' -xf -",
                   shell=True, check=True)
    tree.chmod(0o755)
    return tree


def test_an_ordinary_user_in_a_tree_of_his_own(folder, ordinary, end):
    tree = copied_tree(folder)
    if ordinary:
        subprocess.run(["chown", "-R", ordinary, folder], check=True)
    i = Installation(tree, tree / ".signet", ordinary)
    end(i)
    i.story()


def test_installed_programs_run_from_another_prefix_as_an_unprivileged_user(folder, ordinary, end):
    """What the container images do: cmake --install, then a source tree that is only read, no root."""
    prefix = folder / "prefix"
    subprocess.run(["cmake", "--install", build_dir("release"), "--prefix", prefix, "--strip"], check=True,
                   stdout=subprocess.PIPE, umask=0o022)
    for program in ("signet-api", "signet-broker", "signetctl"):
        out = subprocess.run([prefix / "bin" / program, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
        assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", out)
    home = folder / "user"
    home.mkdir()
    if ordinary:
        subprocess.run(["chown", "-R", ordinary, home], check=True)
    i = Installation(copied_tree(folder), home / "home", ordinary, prefix / "bin")
    end(i)
    i.story()
