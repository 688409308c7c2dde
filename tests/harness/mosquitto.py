"""Debian's mosquitto_pub and mosquitto_sub as a device would run them. Host names resolve to 127.0.0.1 through
libnss_wrapper, for these processes only."""
import contextlib
import os
import subprocess
import threading
import time
from pathlib import Path

from .mqtt import password
from .process import wait_until


class Mosquitto:
    def __init__(self, stack, ca, folder):
        self.stack, self.ca, self.folder = stack, ca, Path(folder)
        self.count = 0

    def _env(self, domain):
        hosts = self.folder / "hosts"
        hosts.write_text(f"127.0.0.1 {domain}\n")
        return {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(hosts)}

    def _arguments(self, domain, client_id):
        key_id, secret, instance = self.stack.login()
        return ["-h", domain, "-p", str(self.stack.tls_port), "--cafile", str(self.ca), "-i", client_id, "-u",
                f"Signature|{key_id}|{instance}", "-P", password(secret, client_id)]

    def _id(self, role):
        self.count += 1
        return f"GID_test@@@{role}{os.getpid()}-{id(self)}-{self.count}"

    def publish(self, domain, topic, payload, qos=0):
        done = subprocess.run(["mosquitto_pub", *self._arguments(domain, self._id("pub")), "-t", topic, "-m", payload, "-q",
                               str(qos)], env=self._env(domain), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=30, check=False)
        assert done.returncode == 0 and "rror" not in done.stdout, done.stdout

    @contextlib.contextmanager
    def subscribe(self, domain, topic, qos, count):
        p = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *self._arguments(domain, self._id("sub")), "-t", topic, "-q",
                              str(qos), "-C", str(count), "-v", "-d"], env=self._env(domain), stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        sub = Subscriber(p)
        try:
            wait_until(lambda: any("received SUBACK" in line for line in sub.seen), what="SUBACK")
            yield sub
        finally:
            p.kill()
            p.wait()
            p.stdout.close()


class Subscriber:
    def __init__(self, popen):
        self.popen, self.seen = popen, []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(ValueError):
            for line in self.popen.stdout:
                self.seen.append(line.rstrip("\n"))

    def lines(self, timeout=20):
        """The messages, once mosquitto_sub has had as many as it was told to wait for."""
        self.popen.wait(timeout)
        time.sleep(0)  # lets the reader thread see the end
        wait_until(lambda: self.popen.stdout.closed or any("DISCONNECT" in s for s in self.seen), what="the last line")
        return [s for s in self.seen if not s.startswith(("Client ", "Subscribed"))]
