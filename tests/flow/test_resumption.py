"""What becomes of a TLS session that is brought back, cell by cell: with TLS 1.2 and 1.3, by openssl s_client and by Python."""
import re
import secrets
import time

import pytest
from conftest import Opener
from harness.expect import answered
from harness.odd_certs import OddCa
from harness.process import ROOT, wait_until
from harness.resume import PythonClient, SClient, key_name, with_ticket
from harness.stack import Stack
from resumption_cells import A, ALSO_A, B, CELLS, FULL

PAGE = ROOT / "docs" / "resumption.md"
CLIENTS = {"s_client": SClient, "python": PythonClient}
VERSIONS = ["1.2", "1.3"]
OTHER, SHORT_S = "mqtt-cn-signet00002", 6
BASE = {A: "a1", ALSO_A: "a1", B: "b1"}


class Broker:
    """One more, of any instance."""

    control, status = Stack.control, Stack.status

    def __init__(self, stack, name, instance):
        self.stack, self.instance, self.login = stack, instance, (stack.key_id, stack.secret, instance)
        self.run_dir = stack.home / f"run-{name}"
        self.run_dir.mkdir(mode=0o700)
        env = {**stack.broker_env, "SIGNET_RUN_DIR": self.run_dir, "SIGNET_STORE_DIR": self.run_dir / "mqtt",
               "SIGNET_INSTANCE": instance, "SIGNET_WORKERS": 1,
               "SIGNET_MQTTS_LISTEN": "127.0.0.1:0", "SIGNET_MQTT_LISTEN": "127.0.0.1:0"}
        process = stack._process(name, "signet-broker", env).start()
        self.port = int(process.logged(r"listener=mqtts port=(\d+)").group(1))

    def wait_until_it_is_up_to_date(self):
        def is_it():
            status = self.status()
            rows = self.stack.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{self.instance}'")
            return status.get("applied", -1) >= int(rows[0][0]) and status["ticketKeyMadeAt"] > 0
        wait_until(is_it, what="another broker to serve what there is")


class World:
    """What cells do things to and look at. A cell has a client and a version of TLS."""

    def __init__(self, stack, authority):
        self.stack = stack
        made = {"a1": authority.issue(A, sans=[A, ALSO_A]), "a2": authority.issue(A, sans=[A, ALSO_A]), "b1": authority.issue(B),
                "b2": authority.issue(B)}
        self.sha256 = {name: c.sha256 for name, c in made.items()}
        self.ids = {name: stack.upload(c) for name, c in made.items()}
        self.second = self.stranger = None
        self.serve(BASE)
        wait_until(lambda: stack.status()["ticketKeyMadeAt"] > 0, what="a ticket key")

    def with_more_brokers(self):
        answered(self.stack.api.v3("CreateInstance", {"MqttInstanceId": OTHER}), "CreateInstance")
        self.set_sni(OTHER, BASE)
        self.second, self.stranger = Broker(self.stack, "second", self.stack.instance), Broker(self.stack, "stranger", OTHER)
        self.stranger.wait_until_it_is_up_to_date()
        return self

    def begin(self, client, version, folder):
        self.client, self.version, self.folder = client(folder), version, folder
        self.mode("one-way")
        self.serve(BASE)

    # ---- what changes ----
    def call(self, operation, **params):
        reply = self.stack.api.v3(operation, {"MqttInstanceId": self.stack.instance, **params})
        body = answered(reply, operation)
        self.stack.applied(reply)
        if self.second:
            self.second.wait_until_it_is_up_to_date()
        return body

    def set_sni(self, instance, served):
        config = ";".join(f"{domain}#{self.ids[name]}" for domain, name in served.items())
        reply = self.stack.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": self.ids[served[ALSO_A]],
                                                   "SniConfig": config})
        assert reply.status == 200, reply
        return reply

    def serve(self, served):
        self.served = served
        self.stack.applied(self.set_sni(self.stack.instance, served))
        if self.second:
            self.second.wait_until_it_is_up_to_date()

    def mode(self, mode):
        self.call("SetAuthenticationMode", Mode=mode)

    def ca(self):
        ca = OddCa(f"Factory {secrets.token_hex(4)}")
        verification = ca.verification(self.call("GetRegisterCode")["RegisterCode"])
        self.call("RegisterCaCertificate", CaName="resume", CaContent=ca.pem, VerificationContent=verification)
        return ca

    def device(self, ca, **kwargs):
        return ca.device(**kwargs)

    def restart(self):
        self.stack.broker.stop()
        self.stack.start_broker()
        wait_until(lambda: self.stack.status()["ticketKeyMadeAt"] > 0 or self.stack.status()["mode"] == "mutual",
                   what="the ticket keys to be loaded")

    def key_name(self):
        """Of the key that makes tickets now."""
        out = SClient(self.folder).connect(self.stack.tls_port, A, self.version, self.stack.login())
        return key_name(out.given)

    def rotate(self):
        """An hour and more goes by."""
        before = self.key_name()
        self.stack.sql("UPDATE ticket_key SET created_at = created_at - interval '61 minutes'")
        wait_until(lambda: self.stack.sql("SELECT count(*) FROM ticket_key WHERE created_at > now() - interval '1 minute'") == [["1"]],
                   what="the next key")
        self.stack.sql("UPDATE ticket_key SET created_at = created_at - interval '31 seconds'")
        wait_until(lambda: self.key_name() != before, what="the next key to be used", pause=0.2)

    def forget_keys(self):
        before = self.key_name()
        self.stack.sql("DELETE FROM ticket_key")
        wait_until(lambda: self.key_name() != before, what="a new key", pause=0.2)

    # ---- age, of the session that session() gave last ----
    def age(self):
        return time.time() - self.began

    def is_nearly_too_old(self):
        return self.age() > SHORT_S - 1

    def is_too_old(self):
        return time.time() - self.given_at > SHORT_S + 1

    def wait_until_too_old(self):
        wait_until(self.is_too_old, timeout=SHORT_S + 5, what="the session to be too old")

    # ---- coming and coming back ----
    def connect(self, name, session=None, device=None, port=None, login=None, version=None):
        files = device and device.write(self.folder)
        out = self.client.connect(port or self.stack.tls_port, name, version or self.version, login or self.stack.login(), files,
                                  session)
        if out.what == FULL:
            assert out.sha256 == self.sha256[self.served[name or ALSO_A]], f"{name} is served with another certificate"
        return out

    def come(self, name, session, **kwargs):
        """What happens to who comes back."""
        return self.connect(name, session, **kwargs).what

    def session(self, name, **kwargs):
        """Of a full handshake on a one-way listener."""
        self.began = time.time()
        out = self.connect(name, **kwargs)
        self.given_at = time.time()  # the broker's clock has begun between the two
        assert out.what == FULL and out.given, f"{out.what}, session given: {out.given is not None}"
        return out.given

    def left_over(self, name, device):
        """What a device has after a handshake in the mode mutual: nothing that could be brought back."""
        out = self.connect(name, device=device)
        assert out.what == FULL and out.given is None, f"{out.what}, session given: {out.given is not None}"
        return out.given

    def all_of(self, outcomes):
        return outcomes.pop() if len(outcomes) == 1 else f"one time and another: {outcomes}"

    # ---- sessions that are changed: files of s_client, whichever client it is ----
    def file_session(self, name):
        return SClient(self.folder).connect(self.stack.tls_port, name, self.version, self.stack.login()).given

    def come_with_file(self, name, session):
        return SClient(self.folder).connect(self.stack.tls_port, name, self.version, self.stack.login(), session=session).what

    def changed(self, session, change):
        return with_ticket(session, change)

    def random(self, count):
        return secrets.token_bytes(count)


class Worlds:
    """Made when a cell needs them, one of a kind."""

    def __init__(self, open_stack, authority):
        self.open_stack, self.authority, self.made = open_stack, authority, {}

    def __getitem__(self, kind):
        if kind not in self.made:
            env = {"SIGNET_TICKET_SECONDS": SHORT_S} if kind == "short" else {}
            world = World(self.open_stack(env=env), self.authority)
            self.made[kind] = world.with_more_brokers() if kind == "plain" else world
        return self.made[kind]


@pytest.fixture(scope="module")
def worlds(cluster, authority):
    opener = Opener(cluster)
    yield Worlds(opener, authority)
    opener.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CELLS)
def test_cell(worlds, tmp_path, name, version, client):
    function, kind, *_, expected = CELLS[name]
    world = worlds[kind]
    world.begin(CLIENTS[client], version, tmp_path)
    assert function(world) == (expected if isinstance(expected, str) else expected[VERSIONS.index(version)])


def table():
    rows = ["| the session is of | changed since | brought back | TLS 1.2 | TLS 1.3 | cell |", "|---|---|---|---|---|---|"]
    for name, (_, _, came_from, since, back, expected) in CELLS.items():
        both = (expected, expected) if isinstance(expected, str) else expected
        rows.append(f"| {came_from} | {since} | {back} | {both[0]} | {both[1]} | `{name}` |")
    return "\n".join(rows)


def test_the_page_has_these_cells():
    written = re.search(r"^\| the session is of .*?(?=\n\n|\Z)", PAGE.read_text(), re.S | re.M).group(0).rstrip()
    assert written == table(), "docs/resumption.md differs; it should have:\n" + table()
