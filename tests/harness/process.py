"""Processes under test: started with a log file, found by what they log, ended by their own pid."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|UndefinedBehavior")


def build_dir(kind=None):
    return ROOT / "build" / (kind or os.environ.get("SIGNET_TEST_BUILD", "dev"))


def wait_until(fact, timeout=20.0, what="fact", pause=0.01):
    """Waits for a fact, not for time: returns what `fact()` returns once it is true."""
    end = time.monotonic() + timeout
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {timeout} s in vain for {what}")
        time.sleep(pause)


class Process:
    def __init__(self, name, argv, env, log):
        self.name, self.argv, self.env, self.log = name, [str(a) for a in argv], env, Path(log)
        self.popen = None
        self.expected_dead = False

    def start(self):
        env = {k: v for k, v in os.environ.items() if not k.startswith("SIGNET_")}
        env.update({k: str(v) for k, v in self.env.items()})
        env.setdefault("ASAN_OPTIONS", "abort_on_error=0:detect_leaks=1")
        env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(self.argv, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          start_new_session=True)
        self.expected_dead = False
        return self

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def text(self, since_start=True):
        with open(self.log, "rb") as f:
            f.seek(self.mark if since_start else 0)
            return f.read().decode("utf-8", "replace")

    def logged(self, pattern, timeout=20.0):
        """The match of `pattern` in what was logged since the start; waits for it."""
        def look():
            found = re.search(pattern, self.text())
            if not found and not self.alive():
                raise AssertionError(f"{self.name} ended ({self.popen.returncode}):\n{self.text()[-4000:]}")
            return found
        return wait_until(look, timeout, f"{self.name} to log {pattern!r}")

    def kill(self):
        """kill -9."""
        self.expected_dead = True
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self, timeout=30):
        """SIGTERM; returns the exit status. Says so loudly when a sanitizer has complained."""
        if self.popen is None:
            return 0
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
                raise AssertionError(f"{self.name} did not stop within {timeout} s:\n{self.text()[-4000:]}") from None
        return self.popen.returncode

    def check_clean(self):
        text = self.text(since_start=False)
        assert not SANITIZER.search(text), f"{self.name}: a sanitizer complains:\n{text[-8000:]}"

    def memory_kb(self, field="VmRSS"):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as f:
            return int(re.search(rf"^{field}:\s+(\d+)", f.read(), re.M).group(1))
