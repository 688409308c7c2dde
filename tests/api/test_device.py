"""The operations on device certificates."""
import json
import math
import random
import uuid

import pytest
from harness.certs import Authority
from harness.devices import Ca, Device, canonical, differences
from harness.expect import answered, contents, refused

OPERATIONS = {"ListDeviceCertificate": ("MqttInstanceId", "PageNo", "PageSize"),
              "ListDeviceCertificateByCaSn": ("MqttInstanceId", "CaSn", "PageNo", "PageSize"),
              **{f"{verb}DeviceCertificate": ("MqttInstanceId", "CaSn", "DeviceSn")
                 for verb in ("Get", "Active", "Inactivate", "Delete")}}
CHANGES = ("ActiveDeviceCertificate", "InactivateDeviceCertificate", "DeleteDeviceCertificate")
BY_ITSELF = ("broker_node", "request_nonce")


@pytest.fixture(scope="module")
def pki(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("devices"))


@pytest.fixture(scope="module")
def pump(pki):
    return Device(pki.issue("pump-1", usage="clientAuth"), "pump-1")


@pytest.fixture
def ca(shared, pki):
    """A CA of its own for each test; that they share a key is nobody's business but the broker's."""
    return Ca(shared, pki, sn=new_sn())


@pytest.fixture
def device(shared, ca, pump):
    """An instance has a certificate once: the next test's CA can only have it when this one's has not."""
    assert ca.register([pump]) == ["registered"]
    yield pump
    shared.sql(f"DELETE FROM device_certificate WHERE sha256 = '\\x{pump.certificate.sha256}'")


def new_sn():
    return canonical(f"{random.getrandbits(120):x}")


def given(operation, ca, device, **change):
    """Good parameters, but for the change; None leaves one out."""
    good = {"MqttInstanceId": ca.instance, "CaSn": ca.sn, "DeviceSn": device.sn, "PageNo": "1", "PageSize": "10"}
    params = {name: good[name] for name in OPERATIONS[operation]}
    params.update(change)
    return {name: value for name, value in params.items() if value is not None}


def page(stack, instance, number, size, **more):
    operation = "ListDeviceCertificateByCaSn" if more else "ListDeviceCertificate"
    got = answered(stack.api.v3(operation, {"MqttInstanceId": instance, "PageNo": str(number), "PageSize": str(size), **more}),
                   operation)["Data"]
    assert (got["PageNo"], got["PageSize"]) == (number, size)
    return got["DeviceCertificateVOS"], got["Total"]


def get(stack, ca, device):
    return answered(stack.api.v3("GetDeviceCertificate", ca.params(device)), "GetDeviceCertificate")["Data"]


def revision_of(stack, instance):
    return int(stack.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{instance}'")[0][0])


def new_instance(stack, **params):
    name = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(stack.api.v3("CreateInstance", {"MqttInstanceId": name, **params}), "CreateInstance")
    return name


# ---- refusals ----

@pytest.mark.parametrize("operation, name", [(o, n) for o, names in OPERATIONS.items() for n in names])
def test_every_parameter_is_mandatory(shared, ca, device, operation, name):
    before = contents(shared, BY_ITSELF)
    for value in (None, ""):
        assert name in refused(shared.api.v3(operation, given(operation, ca, device, **{name: value})), f"Missing{name}")
    assert contents(shared, BY_ITSELF) == before


@pytest.mark.parametrize("name, value", [
    ("PageNo", "0"), ("PageNo", "-1"), ("PageNo", "1.0"), ("PageNo", "x"), ("PageNo", "1000000000"), ("PageNo", "+1"),
    ("PageSize", "0"), ("PageSize", "101"), ("PageSize", "-1"), ("PageSize", "1e1"), ("PageSize", "٣"),
    ("CaSn", "xyz"), ("CaSn", "0x12"), ("CaSn", ":"), ("CaSn", "1" * 129), ("CaSn", "12 34"), ("CaSn", "' OR 1=1 --"),
    ("DeviceSn", "xyz"), ("DeviceSn", "-1"), ("DeviceSn", "1" * 129), ("DeviceSn", "ü")])
def test_wrong_values_are_named(shared, ca, device, name, value):
    before = contents(shared, BY_ITSELF)
    for operation in (o for o, names in OPERATIONS.items() if name in names):
        message = refused(shared.api.v3(operation, given(operation, ca, device, **{name: value})), "ParameterFieldCheckFailed")
        assert name in message
    assert contents(shared, BY_ITSELF) == before


@pytest.mark.parametrize("operation", OPERATIONS)
def test_instances_that_are_not_there_or_not_ours(shared, ca, device, operation):
    shared.sql("INSERT INTO instance (mqtt_instance_id, account_id, name) VALUES ('mqtt-cn-theirs', 2, 'theirs') "
               "ON CONFLICT DO NOTHING")
    refused(shared.api.v3(operation, given(operation, ca, device, MqttInstanceId="mqtt-cn-nobody")), "MqttInstanceNotFound")
    refused(shared.api.v3(operation, given(operation, ca, device, MqttInstanceId="mqtt-cn-theirs")), "MqttOwnerCheckError", 403)
    standard = new_instance(shared, Edition="standard")
    assert "standard" in refused(shared.api.v3(operation, given(operation, ca, device, MqttInstanceId=standard)), "InvalidParameter")


@pytest.mark.parametrize("operation", [o for o, names in OPERATIONS.items() if "CaSn" in names])
def test_what_is_not_there_is_not_found(shared, ca, device, operation):
    """An unknown CA, a removed one, one of another instance, and a device of another CA."""
    other, gone, elsewhere = Ca(shared), Ca(shared), Ca(shared, instance=new_instance(shared))
    assert elsewhere.register([device]) == ["registered"]
    shared.sql(f"UPDATE ca_certificate SET removed = true, active = false WHERE id = {gone.id}")
    cases = [{"CaSn": "0123456789"}, {"CaSn": gone.sn}, {"CaSn": elsewhere.sn}]
    if "DeviceSn" in OPERATIONS[operation]:
        cases += [{"DeviceSn": "0123456789"}, {"CaSn": other.sn}, {"CaSn": device.sn, "DeviceSn": ca.sn}]
    before = contents(shared, BY_ITSELF)
    for change in cases:
        change = {k: v for k, v in change.items() if k in OPERATIONS[operation]}
        refused(shared.api.v3(operation, given(operation, ca, device, **change)), "FindDeviceBySnError")
    assert contents(shared, BY_ITSELF) == before


def test_a_key_that_may_read_may_not_change(shared, ca, device):
    shared.sql(f"UPDATE access_grant SET action = 'read' WHERE access_key_id = '{shared.key_id}'")
    try:
        assert get(shared, ca, device)["Status"] == "1"
        for operation in CHANGES:
            refused(shared.api.v3(operation, ca.params(device)), "Forbidden.RAM", 403)
    finally:
        shared.sql(f"UPDATE access_grant SET action = 'admin' WHERE access_key_id = '{shared.key_id}'")
    assert get(shared, ca, device)["Status"] == "1"


# ---- get and list ----

def test_an_instance_without_devices_has_an_empty_list(shared):
    assert page(shared, new_instance(shared), 1, 100) == ([], 0)


def test_a_ca_without_devices_has_an_empty_list(shared, ca):
    assert page(shared, ca.instance, 1, 100, CaSn=ca.sn) == ([], 0)


def test_a_device_is_shown_as_its_certificate_says(shared, ca, device):
    row = get(shared, ca, device)
    assert row == {"CaSn": ca.sn, "DeviceSn": device.sn, "DeviceName": "pump-1", "Status": "1", "DeviceContent": device.pem,
                   "ValidBegin": str(device.begin * 1000), "ValidEnd": str(device.end * 1000)}
    assert page(shared, ca.instance, 1, 10, CaSn=ca.sn) == ([row], 1)
    rows, total = page(shared, ca.instance, 1, 100)
    assert rows[-1] == row if total <= 100 else total > 100


def test_a_serial_number_with_the_first_bit_set_begins_with_00(shared, ca):
    ca.authority.count = 0x8000 - 1001  # the next one's serial number is 0x8000
    device = ca.issue("high")
    assert device.sn == "008000"
    ca.register([device])
    assert get(shared, ca, device)["DeviceSn"] == "008000"


@pytest.mark.parametrize("form", [str.upper, lambda s: s.lstrip("0"), lambda s: "0000" + s,
                                  lambda s: ":".join(s[i:i + 2] for i in range(0, len(s), 2)).upper()])
def test_serial_numbers_may_be_written_in_other_forms(shared, ca, device, form):
    for operation in OPERATIONS:
        if "CaSn" in OPERATIONS[operation] and operation != "DeleteDeviceCertificate":
            params = given(operation, ca, device, CaSn=form(ca.sn))
            if "DeviceSn" in params:
                params["DeviceSn"] = form(device.sn)
            got = answered(shared.api.v3(operation, params), operation)
            assert device.sn in json.dumps(got)


@pytest.mark.parametrize("name", ["Pümpe <1> & \"2\"", "泵", "a'; DROP TABLE device_certificate; --", "{}", "x" * 64])
def test_names_are_shown_as_they_are(shared, ca, name):
    device = ca.issue("plain")
    device.name = name
    ca.register([device])
    assert get(shared, ca, device)["DeviceName"] == name
    listed, _ = page(shared, ca.instance, 1, 10, CaSn=ca.sn)
    assert listed[0]["DeviceName"] == name


def test_xml_has_the_same_rows(shared, ca, device):
    reply = shared.api.v1("ListDeviceCertificateByCaSn", ca.params(PageNo="1", PageSize="10"), Format="XML", method="GET")
    assert reply.status == 200 and f"<DeviceSn>{device.sn}</DeviceSn>".encode() in reply.body
    assert b"<DeviceCertificateVOS>" in reply.body and b"<Total>1</Total>" in reply.body


def test_rows_come_in_the_order_of_registration(shared, pki):
    instance = new_instance(shared)
    cas = [Ca(shared, pki, instance=instance, sn=new_sn()) for n in range(2)]
    devices = []
    for n in range(5):
        for ca in cas:
            device = ca.issue(f"d{9 - n}")
            ca.register([device])
            devices.append((ca.sn, device.sn))
    for size in (1, 3, 10, 100):
        walked = []
        for number in range(1, math.ceil(10 / size) + 1):
            rows, total = page(shared, instance, number, size)
            assert total == 10 and len(rows) <= size
            walked += [(r["CaSn"], r["DeviceSn"]) for r in rows]
        assert walked == devices
        assert page(shared, instance, math.ceil(10 / size) + 1, size) == ([], 10)
    assert page(shared, instance, 999999999, 100) == ([], 10)
    for ca in cas:
        rows = [r for number in (1, 2, 3) for r in page(shared, instance, number, 2, CaSn=ca.sn)[0]]
        assert [(r["CaSn"], r["DeviceSn"]) for r in rows] == [d for d in devices if d[0] == ca.sn]
        assert page(shared, instance, 4, 2, CaSn=ca.sn) == ([], 5)
    assert page(shared, shared.instance, 1, 100)[1] >= 0  # another instance has its own


def test_every_page_is_right_also_among_gaps(shared):
    """Thousands of devices of which many are gone: every page against what the database says."""
    instance = new_instance(shared)
    cas = [Ca(shared, instance=instance) for _ in range(3)]
    number = 0
    for batch in (1, 99, 100, 700, 1, 10500, 250, 3000, 49):
        ca = random.choice(cas)
        assert ca.make_up(number, number + batch - 1) == {"registered": str(batch)}
        number += batch
    of = f"FROM device_certificate WHERE mqtt_instance_id = '{instance}'"
    for gaps in ("ordinal % 3 = 0", "ordinal BETWEEN 300 AND 1100", "ordinal BETWEEN 5000 AND 10050", "ordinal < 90",
                 "ordinal > 14600", "hashint8(ordinal) % 2 = 0", "true"):
        shared.sql(f"DELETE {of} AND {gaps}")
        assert differences(shared) == []
        names = [row[0] for row in shared.sql(f"SELECT name {of} ORDER BY ordinal")]
        pages = range(1, len(names) // 100 + 3)
        for n in sorted(random.sample(pages, min(40, len(pages)))) + [pages[-1]]:
            rows, total = page(shared, instance, n, 100)
            assert total == len(names) and [r["DeviceName"] for r in rows] == names[(n - 1) * 100:n * 100]
        for ca in cas:
            names = [row[0] for row in shared.sql(f"SELECT name {of} AND ca_id = {ca.id} ORDER BY ca_ordinal")]
            for n in {1, 2, len(names) // 14 + 1, len(names) // 7 + 1, len(names) // 7 + 2}:
                rows, total = page(shared, instance, n, 7, CaSn=ca.sn)
                assert total == len(names) and [r["DeviceName"] for r in rows] == names[(n - 1) * 7:n * 7]


# ---- changes ----

def test_a_device_is_made_inactive_and_active_again(shared, ca, device):
    for operation, status in (("InactivateDeviceCertificate", "0"), ("ActiveDeviceCertificate", "1")):
        before = revision_of(shared, ca.instance)
        reply = shared.api.v3(operation, ca.params(device))
        assert answered(reply, operation)["DeviceSn"] == device.sn
        shared.rolled_out(reply)
        assert get(shared, ca, device)["Status"] == status
        assert page(shared, ca.instance, 1, 10, CaSn=ca.sn)[0][0]["Status"] == status
        assert revision_of(shared, ca.instance) == before + 1
        assert shared.sql(f"SELECT revision, active FROM device_certificate WHERE ca_id = {ca.id}") == [
            [str(before + 1), "t" if status == "1" else "f"]]
        assert ca.register([device]) == ["active" if status == "1" else "inactive"]
        (action, summary), = shared.sql("SELECT action, summary FROM config_revision WHERE mqtt_instance_id = "
                                        f"'{ca.instance}' AND revision = {before + 1}")
        assert action == operation and device.sn in summary


def test_what_is_so_already_makes_no_revision(shared, ca, device):
    for operation, first in (("ActiveDeviceCertificate", None), ("InactivateDeviceCertificate", "InactivateDeviceCertificate")):
        if first:
            answered(shared.api.v3(first, ca.params(device)), first)
        before = contents(shared, BY_ITSELF)
        for _ in range(3):
            reply = shared.api.v3(operation, ca.params(device))
            assert answered(reply, operation)["DeviceSn"] == device.sn
            shared.rolled_out(reply)
        assert contents(shared, BY_ITSELF) == before


def test_a_deleted_device_is_gone_and_leaves_a_mark(shared, ca, device):
    stays = ca.issue("stays")
    ca.register([stays])
    total = page(shared, ca.instance, 1, 1)[1]
    before = revision_of(shared, ca.instance)
    reply = shared.api.v3("DeleteDeviceCertificate", ca.params(device))
    assert answered(reply, "DeleteDeviceCertificate")["DeviceSn"] == device.sn
    shared.rolled_out(reply)
    assert revision_of(shared, ca.instance) == before + 1
    for operation in ("GetDeviceCertificate", *CHANGES):
        refused(shared.api.v3(operation, ca.params(device)), "FindDeviceBySnError")
    rows, of_ca = page(shared, ca.instance, 1, 10, CaSn=ca.sn)
    assert [r["DeviceSn"] for r in rows] == [stays.sn] and of_ca == 1
    assert page(shared, ca.instance, 1, 1)[1] == total - 1
    assert shared.sql(f"SELECT mqtt_instance_id, revision FROM device_removal WHERE sha256 = sha256('\\x{device.der.hex()}')") \
        == [[ca.instance, str(before + 1)]]
    assert differences(shared) == []


def test_a_deleted_device_that_comes_back_is_active_and_last(shared, ca, device):
    second = ca.issue("second")
    ca.register([second])
    answered(shared.api.v3("InactivateDeviceCertificate", ca.params(device)), "InactivateDeviceCertificate")
    answered(shared.api.v3("DeleteDeviceCertificate", ca.params(device)), "DeleteDeviceCertificate")
    assert ca.register([device]) == ["registered"]
    rows, _ = page(shared, ca.instance, 1, 10, CaSn=ca.sn)
    assert [(r["DeviceSn"], r["Status"]) for r in rows] == [(second.sn, "1"), (device.sn, "1")]


def test_the_trail_has_every_change(shared, ca, device):
    for operation in ("InactivateDeviceCertificate", "ActiveDeviceCertificate", "ActiveDeviceCertificate", "DeleteDeviceCertificate"):
        answered(shared.api.v3(operation, ca.params(device)), operation)
    rows = shared.sql("SELECT action, access_key_id, mqtt_instance_id, before, after FROM audit_event WHERE resource = "
                      f"'device-certificate:{ca.sn}/{device.sn}' ORDER BY id")
    on, off = ({"DeviceName": "pump-1", "Status": s} for s in "10")
    assert [(r[0], r[1], r[2], json.loads(r[3]), json.loads(r[4]) if r[4] else None) for r in rows] == [
        ("InactivateDeviceCertificate", shared.key_id, ca.instance, on, off),
        ("ActiveDeviceCertificate", shared.key_id, ca.instance, off, on),
        ("DeleteDeviceCertificate", shared.key_id, ca.instance, on, None)]


def test_the_longest_serial_numbers_are_good(shared):
    """RFC 5280 wants 20 octets at most; the API takes 64."""
    ca = Ca(shared, sn="7" * 128)
    shared.sql("SELECT * FROM device_register('%s', %d, ARRAY['%s'], ARRAY[sha256('x')], ARRAY['\\x3000'::bytea], ARRAY['long'], "
               "ARRAY[now()], ARRAY[now()])" % (ca.instance, ca.id, "6" * 128), user="signet_broker")
    params = {"MqttInstanceId": ca.instance, "CaSn": ca.sn, "DeviceSn": "6" * 128}
    for operation in ("GetDeviceCertificate", "InactivateDeviceCertificate", "DeleteDeviceCertificate"):
        assert "6" * 128 in json.dumps(answered(shared.api.v3(operation, params), operation))


def test_the_history_has_no_gaps(shared):
    rows = shared.sql("SELECT i.mqtt_instance_id FROM instance i WHERE i.revision <> (SELECT count(*) FROM config_revision r WHERE "
                      "r.mqtt_instance_id = i.mqtt_instance_id)")
    assert rows == []
    assert "undocumented answer" not in shared.api_process.text()


def test_a_certificate_is_shown_as_it_was_presented(shared, ca):
    """RSA, too, and longer than a line of base64."""
    device = ca.issue("rsa", key="rsa:3072")
    ca.register([device])
    assert isinstance(device, Device) and get(shared, ca, device)["DeviceContent"] == device.pem
