"""Without its database a broker goes on: devices that it knows connect, new ones are told that it is unavailable, and as soon
as the database is back they are registered."""
import shutil
import tempfile
import time

import pytest
from harness.cluster import Cluster
from harness.device_clients import Clients, Presented
from harness.expect import answered
from harness.odd_certs import OddCa
from harness.process import wait_until
from harness.stack import Stack

DOMAIN = "away.example.com"


@pytest.fixture
def own(authority, tmp_path):
    """A stack on a PostgreSQL of its own, in the mode mutual, with a CA."""
    folder = tempfile.mkdtemp(prefix="signet-pg-", dir="/tmp")
    cluster = Cluster(folder).start()
    stack = Stack(cluster)
    try:
        cert = stack.upload(authority.issue(DOMAIN))
        assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
        stack.ca = OddCa()

        def call(operation, **params):
            return answered(stack.api.v3(operation, {"MqttInstanceId": stack.instance, **params}), operation)

        stack.call = call
        code = call("GetRegisterCode")["RegisterCode"]
        call("RegisterCaCertificate", CaName="away", CaContent=stack.ca.pem, VerificationContent=stack.ca.verification(code))
        call("SetAuthenticationMode", Mode="mutual")
        stack.clients = Clients(stack, DOMAIN, authority.crt_path, tmp_path)
        stack.connect = lambda device, version="1.3": stack.clients.s_client(Presented(tmp_path, device), version)
        yield stack
    finally:
        try:
            stack.close()
        finally:
            cluster.remove()
            shutil.rmtree(folder, ignore_errors=True)


def test_known_devices_connect_and_new_ones_wait_for_the_database(own):
    known, never_here = own.ca.device(), own.ca.device()
    for device in (known, never_here):
        assert own.connect(device) == "CONNACK 0"
    own.broker.stop()  # what it knows now it has read from the database, not seen itself
    own.start_broker()
    wait_until(lambda: own.status()["devicesKnown"] == 2, what="the devices to be read")
    assert own.connect(known) == "CONNACK 0"
    own.cluster.stop()
    wait_until(lambda: own.status()["database"] == "away", what="the broker to notice")
    new = own.ca.device()
    for version in ("1.2", "1.3"):
        assert own.connect(known, version) == own.connect(never_here, version) == "CONNACK 0"
        began = time.monotonic()
        assert own.connect(new, version) == "CONNACK 3"
        assert time.monotonic() - began < 8, "it was let wait"
    assert own.connect(OddCa().device()) == "alert 48 unknown_ca"
    took = []
    while min(took, default=5) >= 5 and len(took) < 3:  # a stall of the machine is no stall of the broker
        if took:
            own.cluster.stop()
        own.cluster.start()
        began, new = time.monotonic(), own.ca.device()
        wait_until(lambda device=new: own.connect(device) == "CONNACK 0", what="the first new device to be let in")
        took.append(time.monotonic() - began)
    assert min(took) < 5, took
    assert own.sql("SELECT count(*) FROM device_certificate") == [[str(2 + len(took))]]


def test_the_database_killed_while_devices_register_loses_none_and_doubles_none(own):
    devices = [own.ca.device(f"device {n}") for n in range(60)]
    outcomes = []
    for n, device in enumerate(devices):
        if n == 20:
            own.cluster.kill()
        if n == 40:
            own.cluster.start()
            wait_until(lambda: own.connect(devices[0]) == "CONNACK 0", timeout=10, what="a known device")
        outcomes.append(own.connect(device))
    assert set(outcomes[:20]) == {"CONNACK 0"} and set(outcomes) <= {"CONNACK 0", "CONNACK 3"}
    wait_until(lambda: all(own.connect(d) == "CONNACK 0" for d in devices), timeout=60, what="all of them to get in")
    assert own.sql("SELECT count(*), count(DISTINCT sha256) FROM device_certificate") == [["60", "60"]]
