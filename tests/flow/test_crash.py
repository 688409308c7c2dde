"""Any process may be killed at any moment: what was committed is served, and what is served goes on."""
import os
import random
import shutil
import socket
import tempfile
import threading
import time

import pytest
from harness.cluster import Cluster
from harness.process import wait_until
from harness.stack import Stack


@pytest.fixture
def pair(authority):
    return [authority.issue("crash.example.com"), authority.issue("crash.example.com")]


def configure(s, pair):
    ids = [s.upload(c) for c in pair]
    assert s.set_sni(ids[0], f"crash.example.com#{ids[0]}").status == 200
    return ids


def committed(s, pair, ids):
    """The certificate that the database says the domain has."""
    row = s.sql(f"SELECT certificate_id FROM sni_mapping WHERE mqtt_instance_id = '{s.instance}' AND "
                "domain = 'crash.example.com'")
    return pair[ids.index(f"{row[0][0]}-cn-hangzhou")].sha256


class DeafBroker:
    """Stands where the broker's control socket was and never answers, so that the API hangs in its notice."""

    def __init__(self, s):
        self.path = s.run_dir / f"{s.instance}.sock"
        self.aside = s.run_dir / "aside"
        self.path.rename(self.aside)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()

    def wait_for_notice(self):
        self.socket.settimeout(20)
        return self.socket.accept()[0]

    def end(self):
        self.socket.close()
        self.path.unlink()
        self.aside.rename(self.path)


def test_api_killed_between_commit_and_notice(stack, pair):
    ids = configure(stack, pair)
    deaf = DeafBroker(stack)
    call = threading.Thread(target=lambda: ignore(lambda: stack.set_sni(ids[0], f"crash.example.com#{ids[1]}")))
    call.start()
    notice = deaf.wait_for_notice()  # committed; the API is in the middle of telling
    stack.api_process.kill()
    notice.close()
    call.join()
    deaf.end()
    assert committed(stack, pair, ids) == pair[1].sha256
    wait_until(lambda: stack.served("crash.example.com") == pair[1].sha256, what="NOTIFY to do the notice's work")
    stack.start_api()
    stack.applied(stack.set_sni(ids[0], f"crash.example.com#{ids[0]}"))
    assert stack.served("crash.example.com") == pair[0].sha256


def test_a_broker_that_says_nothing_makes_the_rollout_pending_after_two_seconds(stack, pair):
    ids = configure(stack, pair)
    deaf = DeafBroker(stack)
    before = time.monotonic()
    reply = stack.set_sni(ids[0], f"crash.example.com#{ids[1]}")
    took = time.monotonic() - before
    deaf.end()
    assert reply.status == 200 and reply.headers["x-signet-rollout"] == "pending"
    assert 1.5 < took < 10
    wait_until(lambda: stack.served("crash.example.com") == pair[1].sha256, what="the change to arrive all the same")


def ignore(call):
    try:
        return call()
    except (OSError, EOFError, AssertionError):
        return None
    except Exception as e:  # http.client's own
        if type(e).__module__ != "http.client":
            raise
        return None


def test_broker_killed_at_any_moment_serves_what_was_committed(stack, pair):
    ids = configure(stack, pair)
    chance = random.Random(7)
    for round_ in range(12):
        change = threading.Thread(target=ignore, args=(
            lambda n=round_: stack.set_sni(ids[0], f"crash.example.com#{ids[(n + 1) % 2]}"),))
        change.start()
        time.sleep(chance.random() * 0.02)  # any moment
        stack.broker.kill()
        change.join()
        stack.start_broker()
        assert stack.served("crash.example.com") == committed(stack, pair, ids)
        client = stack.client("GID_crash@@@1", sni="crash.example.com")
        assert client.code == 0
        client.close()


@pytest.fixture
def own_cluster():
    folder = tempfile.mkdtemp(prefix="signet-pgk-", dir="/tmp")
    c = Cluster(folder).start()
    yield c
    c.remove()
    shutil.rmtree(folder, ignore_errors=True)


def test_postgresql_killed_the_broker_serves_on_and_catches_up(own_cluster, pair):
    s = Stack(own_cluster)
    try:
        ids = configure(s, pair)
        live = s.client("GID_pg@@@live", sni="crash.example.com")
        live.subscribe("a/#", 1)
        for round_ in range(3):
            writing = threading.Thread(target=ignore, args=(
                lambda n=round_: s.set_sni(ids[0], f"crash.example.com#{ids[(n + 1) % 2]}"),))
            writing.start()
            before = {s.served("crash.example.com")}
            own_cluster.kill()
            writing.join()
            reply = s.set_sni(ids[0], f"crash.example.com#{ids[0]}")
            assert reply.status == 503 and reply.code == "ServiceUnavailable", reply
            assert s.api.send("GET", "/readyz").status == 503 and s.api.send("GET", "/healthz").status == 200
            assert s.served("crash.example.com") in before | {p.sha256 for p in pair}  # handshakes go on
            new = s.client("GID_pg@@@new", sni="crash.example.com")  # logins go on
            new.publish("a/b", "still here", 1)
            assert live.message()[:2] == ("a/b", b"still here")
            new.close()
            own_cluster.start()
            wait_until(lambda: s.api.send("GET", "/readyz").status == 200, what="the API to find PostgreSQL again")
            s.wait_applied(s.revision())
            assert s.served("crash.example.com") == committed(s, pair, ids)
        reply = s.set_sni(ids[0], f"crash.example.com#{ids[0]}")
        assert reply.status == 200, reply
        s.applied(reply)
        assert s.served("crash.example.com") == pair[0].sha256
        live.ping()
        live.close()
    finally:
        s.close()


def test_broker_started_without_postgresql_serves_as_soon_as_it_is_there(own_cluster, pair):
    s = Stack(own_cluster)
    try:
        configure(s, pair)
        s.broker.stop()
        own_cluster.stop()
        s.start_broker(wait=False)
        wait_until(lambda: s.status().get("database") == "away", what="the broker to say that the database is away")
        own_cluster.start()
        s.wait_applied(s.revision())
        assert s.served("crash.example.com") == pair[0].sha256
    finally:
        s.close()


def test_clients_that_come_while_the_broker_starts_are_served_not_refused(stack, pair):
    configure(stack, pair)
    for _ in range(5):
        stack.broker.kill()
        stack.start_broker(wait=False)  # its sockets are open; it may not have loaded yet
        assert stack.served("crash.example.com") == pair[0].sha256


def test_a_second_broker_of_the_instance_on_the_same_socket_is_refused(stack):
    second = stack._process("second", "signet-broker", {**stack.broker_env, "SIGNET_MQTTS_LISTEN": "127.0.0.1:0",
                                                        "SIGNET_MQTT_LISTEN": ""})
    second.start()
    assert second.popen.wait(20) == 1
    second.expected_dead = True
    assert stack.control({"op": "status"})["ok"] is True
    assert os.path.exists(stack.run_dir / f"{stack.instance}.sock")
