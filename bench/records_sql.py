# SPDX-License-Identifier: Apache-2.0
"""records_sql: the bare statements of an operation. PostgreSQL's own log says what the API has sent for one call,
with its parameters, so that what pgbench runs beside it cannot be another statement than the API's."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import time

LOGGED = re.compile(r"LOG:  execute [^:]*: (.*)")
PARAMETERS = re.compile(r"DETAIL:  parameters: (.*)")
PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
LOGGING = {"log_statement": "'all'", "log_error_verbosity": "'default'", "log_parameter_max_length": "-1"}
MARK = "bench-mark"
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"


class StatementLog:
    """with StatementLog(stack) as log: log.of(call) → [(statement with its parameters put in)]"""

    def __init__(self, stack):
        self.stack, self.path = stack, os.path.join(stack.home, "log", "postgres.log")

    def setting(self, change):
        self.stack.psql(change, database="postgres")

    def __enter__(self):
        for name, value in LOGGING.items():
            self.setting(f"ALTER SYSTEM SET {name} = {value}")
        self.reload()
        return self

    def __exit__(self, *_):
        for name in LOGGING:
            self.setting(f"ALTER SYSTEM RESET {name}")
        self.reload()

    def reload(self):
        self.setting("SELECT pg_reload_conf()")
        time.sleep(1)  # every backend has to notice

    def read(self, start):
        with open(self.path, encoding="utf-8", errors="replace") as log:
            log.seek(start)
            return log.read()

    def of(self, call):
        """What the API's role sent while call() ran."""
        start = os.path.getsize(self.path)
        call()
        self.stack.psql(f"SELECT '{MARK}'")
        while MARK not in (text := self.read(start)):
            time.sleep(0.01)
        statements = []
        for line in text.splitlines():
            if "signet_api@" not in line:
                continue
            if found := LOGGED.search(line):
                statements.append(found.group(1))
            elif (found := PARAMETERS.search(line)) and statements:
                values = dict(PARAMETER.findall(found.group(1)))
                statements[-1] = re.sub(r"\$(\d+)", lambda m, v=values: v[m.group(1)], statements[-1])
        return statements


def about_records(statement):
    """An operation's own: not those that say who calls and which instance."""
    return re.search(r"\b(ca_certificate|device_certificate|device_page)\b", statement) is not None


class Scripts:
    """One pgbench script for each row that is asked for."""

    def __init__(self, stack, rows):
        self.stack, self.folder = stack, tempfile.mkdtemp(dir=stack.folder)
        self.files = []
        for i, statements in enumerate(rows):
            path = os.path.join(self.folder, f"{i}.sql")
            with open(path, "w", encoding="utf-8") as out:
                out.writelines(s + ";\n" for s in statements)
            self.files.append(path)

    def run(self, seconds, clients):
        """Microseconds of every transaction, of pgbench's own log."""
        prefix = os.path.join(self.folder, "log")
        command = [PGBENCH, "-n", "-M", "prepared", "-T", str(seconds), "-l", "--log-prefix", prefix]
        command += ["-c", str(clients), "-j", str(min(clients, 2))]
        for path in self.files:
            command += ["-f", path]
        done = subprocess.run(
            [*command, f"host={self.stack.run_dir} dbname=signet user=signet_api"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"pgbench: {done.stdout.decode(errors='replace')[-1500:]}")
        times = []
        for path in glob.glob(prefix + ".*"):
            with open(path, encoding="ascii") as log:
                times += [int(line.split()[2]) for line in log]
            os.unlink(path)
        return times

    def close(self):
        shutil.rmtree(self.folder)
