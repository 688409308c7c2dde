"""examples/curl as a reader runs them, in order, signed and with Basic, against a real API and a real broker."""
import json
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from harness.certs import fingerprint
from harness.process import ROOT

EXAMPLES = ROOT / "examples" / "curl"
SETS = ("signed", "basic")
DOMAIN = "gamma.signet.example"


class Reader:
    """Runs the steps of one set with the environment that scripts/up asks for."""

    def __init__(self, stack, kind):
        self.stack, self.folder = stack, EXAMPLES / kind
        self.work = stack.home / "examples"
        credentials = stack.home / "credentials.env"
        credentials.touch(mode=0o600)
        credentials.write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={stack.key_id}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={stack.secret}\n")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("SIGNET_", "ALIBABA_"))}
        self.env.update({"SIGNET_HOME": str(stack.home), "SIGNET_ENDPOINT": f"http://127.0.0.1:{stack.api.port}",
                         "SIGNET_MQTTS_LISTEN": f"0.0.0.0:{stack.tls_port}"})

    def run(self, step, check=True, **env):
        done = subprocess.run([self.folder / step], env={**self.env, **env}, cwd="/tmp", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def answers(self, step):
        return [json.loads(line) for line in self.run(step).stdout.splitlines() if line.startswith("{")]


class Onlooker:
    """Reads the arguments of every process again and again, as `ps` would."""

    def __init__(self):
        self.seen, self.stop = set(), threading.Event()
        self.thread = threading.Thread(target=self._look)

    def _look(self):
        while not self.stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    pass
            time.sleep(0.001)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


@pytest.mark.parametrize("kind", SETS)
def test_the_story_from_upload_to_clean_up(stack, authority, kind):
    reader, before = Reader(stack, kind), authority.issue("kept.example.com")
    kept = stack.upload(before)
    assert stack.set_sni(kept, f"kept.example.com#{kept}").json["Success"] == "true"

    uploaded, = reader.answers("01-upload")
    mine = fingerprint((reader.work / "server.crt").read_text())
    assert stack.served(DOMAIN) == before.sha256

    configured, = reader.answers("02-set-sni-config")
    assert configured["Success"] == "true"
    assert stack.served(DOMAIN) == mine
    assert stack.served("kept.example.com") == before.sha256

    registered, = reader.answers("03-register-ca")
    cas, devices = reader.answers("04-list-devices")
    assert [c["Sn"] for c in cas["Data"]["CaCertificateVOS"]] == [registered["Sn"]]
    assert cas["Data"]["CaCertificateVOS"][0]["CaContent"] == (reader.work / "ca.crt").read_text()
    assert devices["Data"]["DeviceCertificateVOS"] == []

    reader.run("05-clean-up")
    assert stack.served(DOMAIN) == before.sha256
    assert stack.served("kept.example.com") == before.sha256
    assert not reader.work.exists()
    assert reader.answers("04-list-devices")[0]["Data"]["Total"] == 0
    gone = stack.api.v3("GetUserCertificateDetail", {"CertId": str(uploaded["CertId"])}, version="2020-04-07")
    assert gone.code == "NotFound"


@pytest.mark.parametrize("kind", SETS)
def test_they_work_on_an_instance_that_has_nothing_yet(stack, kind):
    reader = Reader(stack, kind)
    reader.run("01-upload")
    reader.run("02-set-sni-config")
    assert stack.served(DOMAIN) == fingerprint((reader.work / "server.crt").read_text())


@pytest.mark.parametrize("kind", SETS)
def test_no_process_shows_the_secret_or_a_private_key(stack, kind):
    reader = Reader(stack, kind)
    with Onlooker() as onlooker:
        for step in ("01-upload", "02-set-sni-config", "03-register-ca", "04-list-devices"):
            reader.run(step)
    assert any(b"curl\0" in seen for seen in onlooker.seen), "the onlooker has seen nothing of it"
    needles = [stack.secret.encode(), b"PRIVATE"]
    needles += [line.encode() for line in (reader.work / "server.key").read_text().splitlines() if len(line) == 64]
    assert len(needles) > 2
    for needle in needles:
        assert not any(needle in seen for seen in onlooker.seen)


@pytest.mark.parametrize("kind", SETS)
def test_what_is_refused_is_said_and_ends_the_step(stack, kind):
    reader = Reader(stack, kind)
    done = reader.run("04-list-devices", check=False, ALIBABA_CLOUD_ACCESS_KEY_ID=stack.key_id,
                      ALIBABA_CLOUD_ACCESS_KEY_SECRET="wrong")
    assert done.returncode != 0 and done.stdout == ""
    assert "SignatureDoesNotMatch" in done.stderr


def test_values_of_every_byte_are_signed_right(stack):
    """sign.sh against the server's own computation: the longest keys that it takes, and text of every byte."""
    text = "".join(chr(c) for c in range(1, 128)) + "设备 ünï\n\n"
    for secret in ("6" * 64, "\\".join("x6%'\"$"), "s"):
        key_id = f"LTAIbytes{len(secret)}"
        stack.add_access_key(key_id, secret)
        script = f'. {EXAMPLES}/lib.sh; . {EXAMPLES}/sign.sh; signed 2020-04-20 ListInstances "Unknown=$TEXT" "File@$0"'
        done = subprocess.run(["bash", "-c", script, EXAMPLES / "sign.sh"], env={
            **os.environ, "SIGNET_HOME": str(stack.home), "SIGNET_ENDPOINT": f"http://127.0.0.1:{stack.api.port}",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": key_id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret, "TEXT": text},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        assert json.loads(done.stdout)["Success"] == "true"
