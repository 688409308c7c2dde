"""A private PostgreSQL, as scripts/private-postgres makes it."""
import os
import signal
import subprocess
from pathlib import Path

from .process import ROOT, wait_until


class Cluster:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.socket_dir = None

    def _run(self, command):
        done = subprocess.run([ROOT / "scripts" / "private-postgres", command, self.folder], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=180)
        assert done.returncode == 0, f"private-postgres {command}: {done.stderr}"
        return done.stdout.strip().splitlines()

    def start(self):
        self.socket_dir = self._run("start")[-1]
        return self

    def stop(self):
        self._run("stop")

    def remove(self):
        self._run("remove")

    def url(self, database, user):
        return f"host={self.socket_dir} dbname={database} user={user}"

    def sql(self, database, statement, user="signet_owner"):
        """Rows as lists of strings."""
        done = subprocess.run(["psql", "-XqAt", "-F", "\x1f", "-v", "ON_ERROR_STOP=1", "-d", self.url(database, user)],
                              input=statement, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, f"{statement}: {done.stderr}"
        return [line.split("\x1f") for line in done.stdout.splitlines()]

    def postmaster(self):
        return int((self.folder / "pg" / "data" / "postmaster.pid").read_text().split()[0])

    def kill(self):
        """kill -9 of the postmaster; its children notice and go."""
        pid = self.postmaster()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), what="the postmaster to be gone")
