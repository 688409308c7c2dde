"""Fixtures for tests of the protocol in each version. `mqtt(…)` makes clients; where receivers and senders are, `near` and `far`
say: with one worker they share it, with four they are at home on different ones."""
import pytest

from . import homes
from .mqtt5 import Peer
from .packets import V5, V311, VERSIONS


@pytest.fixture(params=[V311, V5], ids=VERSIONS.get)
def version(request):
    return request.param


@pytest.fixture(scope="module", params=[1, 4], ids=["1-worker", "4-workers"])
def workers(request):
    """A module that has no use for both has a fixture of its own."""
    return request.param


class Clients:
    def __init__(self, stack, workers):
        self.stack, self.workers, self.made = stack, workers, []

    def raw(self, client_id=None, version=V5, **transport):
        """A client whose CONNECT has not been sent."""
        login = transport.pop("login", self.stack.login())
        c = Peer(self.stack.tcp_port, homes.name() if client_id is None else client_id, version, login, **transport)
        self.made.append(c)
        return c

    def __call__(self, client_id=None, version=V5, **opening):
        c = self.raw(client_id, version)
        c.connect(**opening)
        return c

    def near(self, version=V5, **opening):
        return self(homes.name_at(0, self.workers), version, **opening)

    def far(self, version=V5, **opening):
        return self(homes.name_at(self.workers - 1, self.workers), version, **opening)

    def close(self):
        for c in self.made:
            c.close()


@pytest.fixture
def mqtt(broker, workers):
    clients = Clients(broker, workers)
    yield clients
    clients.close()


@pytest.fixture
def clients_of():
    """clients_of(stack): the same over a stack of the test's own."""
    made = []

    def make(stack, workers=2):
        made.append(Clients(stack, workers))
        return made[-1]

    yield make
    for c in made:
        c.close()


@pytest.fixture
def topic():
    """A topic that no other test uses."""
    return f"t/{homes.name()}"
