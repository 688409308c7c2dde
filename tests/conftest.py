"""Fixtures. `cluster`: one PostgreSQL a pytest worker. `stack`: a fresh Signet for one test; `shared`: one a module, for
tests that only look or undo what they do. On failure the ends of all logs are shown."""
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import homes  # noqa: E402
from harness.certs import Authority  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.console import write_console  # noqa: E402
from harness.played_broker import instance, played  # noqa: E402, F401  fixtures
from harness.stack import Stack  # noqa: E402
from harness.versions import clients_of, mqtt, topic, version, workers  # noqa: E402, F401  fixtures

alive = []  # stacks, for the logs of a failed test


@pytest.fixture(scope="session")
def cluster():
    folder = tempfile.mkdtemp(prefix="signet-pg-", dir="/tmp")
    c = Cluster(folder).start()
    yield c
    c.remove()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("pki"))


class Opener:
    """Makes stacks and ends them all, whatever happens."""

    def __init__(self, cluster):
        self.cluster, self.stacks = cluster, []

    def __call__(self, **kwargs):
        s = Stack(self.cluster, **kwargs)
        self.stacks.append(s)
        alive.append(s)
        return s

    def close(self):
        try:
            problems = []
            for s in self.stacks:
                alive.remove(s)
                try:
                    s.close()
                except AssertionError as e:
                    problems.append(str(e))
            assert not problems, "\n".join(problems)
        finally:
            self.stacks = []


@pytest.fixture
def open_stack(cluster):
    opener = Opener(cluster)
    yield opener
    opener.close()


@pytest.fixture
def stack(open_stack):
    return open_stack()


@pytest.fixture(scope="module")
def shared(cluster):
    opener = Opener(cluster)
    yield opener()
    opener.close()


@pytest.fixture(scope="module")
def with_console(cluster, tmp_path_factory):
    """One a module whose API serves a console."""
    opener = Opener(cluster)
    yield opener(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path_factory.mktemp("console") / "c")})
    opener.close()


@pytest.fixture(scope="module")
def broker(cluster, workers):  # noqa: F811
    """One a module and number of workers (harness/versions.py)."""
    opener = Opener(cluster)
    yield opener(workers=workers)
    opener.close()


@pytest.fixture
def client(shared):
    """client(...) → a connection over plain TCP; all are closed at the end."""
    made = []

    def make(client_id=None, **kwargs):
        c = shared.client(client_id or homes.name(), tls=False, **kwargs)
        assert c.code == 0
        made.append(c)
        return c

    yield make
    for c in made:
        c.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for s in alive:
            for name, text in s.logs().items():
                report.sections.append((f"{name} log of {s.home}", text[-6000:]))
