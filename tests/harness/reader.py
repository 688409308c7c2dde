"""Somebody who reads a page of the documentation and types what stands there: one shell for the whole page, a block at a
time, so that a test can look at what each has done. Host names resolve through libnss_wrapper: its file stands for
/etc/hosts, and the lines that the page adds to that go there."""
import contextlib
import os
import re
import selectors
import signal
import subprocess
import time
from pathlib import Path

from .process import ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```\n", re.M | re.S)
HOSTS_LINE = "| sudo tee -a /etc/hosts"


def blocks(page):
    """(heading above it, text) of each block of shell commands."""
    text, heading, found = page.read_text(encoding="utf-8"), "", []
    for part in re.split(r"^(?=#+ )", text, flags=re.M):
        heading = part.split("\n", 1)[0].lstrip("# ") if part.startswith("#") else heading
        found += [(heading, block) for block in BLOCK.findall(part)]
    return found


class Reader:
    """`folder`: where he stands; the settings are those that scripts/up prints, for one stack, and its port for 8883."""

    def __init__(self, stack, folder, notes):
        self.stack, self.folder, self.notes, self.count = stack, Path(folder), Path(notes), 0
        self.hosts = self.notes / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n")
        credentials = stack.home / "credentials.env"
        credentials.touch(mode=0o600)
        credentials.write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={stack.key_id}\nALIBABA_CLOUD_ACCESS_KEY_SECRET={stack.secret}\n")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SIGNET_", "ALIBABA_", "MQTT_", "NODE_"))}
        self.env = {**clean, "SIGNET_HOME": str(stack.home), "SIGNET_INSTANCE": stack.instance,
                    "SIGNET_ENDPOINT": f"http://127.0.0.1:{stack.api.port}", "SIGNET_MQTTS_LISTEN": f"127.0.0.1:{stack.tls_port}",
                    "SIGNET_MQTT_LISTEN": f"127.0.0.1:{stack.tcp_port}", "MQTT_PORT": str(stack.tls_port), "PATH": f"{stack.binaries}:{os.environ['PATH']}",
                    "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(self.hosts),
                    "ASAN_OPTIONS": "verify_asan_link_order=0"}
        self.shell = None

    def __enter__(self):
        self.shell = subprocess.Popen(["bash", "-eu"], env=self.env, cwd=self.folder, stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        return self

    def __exit__(self, *_):
        self.shell.stdin.close()
        with contextlib.suppress(ProcessLookupError):  # what it has left in the background, too
            os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        self.shell.stdout.close()

    def demo(self):
        """The part of scripts/up that makes certificates, maps the demo domains and registers the demo CA."""
        script = (f"cd '{ROOT}' && . scripts/lib/base.sh && for part in ports pki demo; do . scripts/lib/$part.sh; done; "
                  f"HOME_DIR=$SIGNET_HOME LOG_DIR=$SIGNET_HOME PROGRAMS='{self.stack.binaries}'; "
                  "demo_pki && demo_mapping && demo_ca")
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def types(self, block, timeout=120):
        """What it prints. A command that fails, and is not followed by `||`, fails the test."""
        self.count += 1
        text = block.replace("8883", str(self.stack.tls_port)).replace(HOSTS_LINE, f"| tee -a '{self.hosts}'")
        text = text.replace("\nsleep 1\n", "\nsleep 5\n")  # a reader waits until he sees it; a busy machine is slower
        script = self.notes / f"block-{self.count}"
        script.write_text(text)
        mark = f"<<block {self.count} is done>>\n"
        self.shell.stdin.write(f". '{script}' </dev/null; printf '%s' '{mark}'\n".encode())
        self.shell.stdin.flush()
        told = self._read_until(mark, timeout)
        assert told.endswith(mark), f"this has failed:\n{text}\nand said:\n{told[-3000:]}"
        return told.removesuffix(mark)

    def _read_until(self, mark, timeout):
        told, end = b"", time.monotonic() + timeout
        with selectors.DefaultSelector() as wait:
            wait.register(self.shell.stdout, selectors.EVENT_READ)
            while not told.endswith(mark.encode()) and wait.select(max(0, end - time.monotonic())):
                got = os.read(self.shell.stdout.fileno(), 65536)
                if not got:
                    break
                told += got
        return told.decode("utf-8", "replace")
