"""GetDeviceActivity: when a device was registered, and when it was last seen."""
import time
import uuid

import pytest
from harness.certs import Authority
from harness.devices import Ca
from harness.expect import answered, contents, refused

BUT = ("broker_node", "request_nonce")
OPERATION = "GetDeviceActivity"


@pytest.fixture(scope="module")
def ca(shared, tmp_path_factory):
    return Ca(shared, Authority(tmp_path_factory.mktemp("pki"), "Pump CA"))


@pytest.fixture(scope="module")
def device(ca):
    made = ca.issue("pump-1")
    assert ca.register([made]) == ["registered"]
    return made


def test_every_parameter_is_mandatory(shared, ca, device):
    good = ca.params(device)
    for name in good:
        refused(shared.api.v3(OPERATION, {n: v for n, v in good.items() if n != name}), f"Missing{name}")
    for name in ("CaSn", "DeviceSn"):
        assert name in refused(shared.api.v3(OPERATION, {**good, name: "12 34"}), f"Invalid{name}")


def test_the_device_must_be_there(shared, ca, device):
    before = contents(shared, BUT)
    instance = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": instance}), "CreateInstance")
    for change in ({"CaSn": "00c0ffee"}, {"DeviceSn": "00c0ffee"}, {"DeviceSn": "8" * 128}, {"MqttInstanceId": instance}):
        refused(shared.api.v3(OPERATION, {**ca.params(device), **change}), "FindDeviceBySnError")
    assert {**contents(shared, BUT), "instance": "", "audit_event": ""} == {**before, "instance": "", "audit_event": ""}


def test_a_device_that_was_never_noted_was_only_registered(shared, ca, device):
    got = answered(shared.api.v3(OPERATION, ca.params(device)), OPERATION)
    assert (got["CaSn"], got["DeviceSn"], got["LastSeenTime"]) == (ca.sn, device.sn, 0)
    assert abs(got["RegisteredTime"] / 1000 - time.time()) < 120


def test_it_says_when_it_was_last_seen_however_its_number_is_written(shared, ca, device):
    shared.sql("SELECT device_seen('%s', array_agg(sha256), array_agg(to_timestamp(1700000000.5))) FROM device_certificate"
               % shared.instance, user="signet_owner")
    for sn in (device.sn, device.sn.upper(), "00:00" + device.sn):
        got = answered(shared.api.v3(OPERATION, {**ca.params(device), "DeviceSn": sn}), OPERATION)
        assert (got["DeviceSn"], got["LastSeenTime"]) == (device.sn, 1700000000500)


def test_an_inactive_device_still_says_it_and_a_deleted_one_is_gone(shared, ca):
    other = ca.issue("pump-2")
    assert ca.register([other]) == ["registered"]
    answered(shared.api.v3("InactivateDeviceCertificate", ca.params(other)), "InactivateDeviceCertificate")
    answered(shared.api.v3(OPERATION, ca.params(other)), OPERATION)
    answered(shared.api.v3("DeleteDeviceCertificate", ca.params(other)), "DeleteDeviceCertificate")
    refused(shared.api.v3(OPERATION, ca.params(other)), "FindDeviceBySnError")
