"""ListExpiringCertificates: server, CA and device certificates by the end of their time."""
import time
import uuid

import pytest
from harness.expect import answered, refused
from harness.registry import add_ca, add_devices


def expiring(stack, **params):
    got = answered(stack.api.v3("ListExpiringCertificates", {k: str(v) for k, v in params.items()}), "ListExpiringCertificates")
    assert len(got["Certificates"]) <= got["PageSize"] and got["TotalCount"] >= len(got["Certificates"])
    return got


def short(rows):
    """Type, instance, and what names the certificate."""
    return [(r["Type"], r["MqttInstanceId"], r["CertIdentifier"] or r["DeviceSn"] or r["CaSn"]) for r in rows]


def make(stack):
    instance = "mqtt-cn-" + uuid.uuid4().hex[:11]
    assert stack.api.v3("CreateInstance", {"MqttInstanceId": instance}).status == 200
    return instance


def ends_in(stack, certificate, days):
    stack.sql(f"UPDATE server_certificate SET not_after = now() + {days} * interval '1 day' WHERE id = " + certificate.split("-")[0])


@pytest.mark.parametrize("params", [{"WithinDays": "-1"}, {"WithinDays": "36501"}, {"WithinDays": "x"}, {"Type": "client"},
                                    {"Type": "Server"}, {"CurrentPage": "0"}, {"PageSize": "0"}, {"PageSize": "1001"},
                                    {"MqttInstanceId": "a b"}])
def test_wrong_parameters_are_named(shared, params):
    name = next(iter(params))
    assert name in refused(shared.api.v3("ListExpiringCertificates", params), f"Invalid{name}")


def test_only_ones_own_instances_can_be_asked_about(shared):
    shared.sql("INSERT INTO instance (mqtt_instance_id, account_id, name) VALUES ('mqtt-cn-not-mine', 2, 'x')")
    refused(shared.api.v3("ListExpiringCertificates", {"MqttInstanceId": "mqtt-cn-nobody"}), "MqttInstanceNotFound")
    refused(shared.api.v3("ListExpiringCertificates", {"MqttInstanceId": "mqtt-cn-not-mine"}), "MqttOwnerCheckError", 403)
    add_ca(shared, "0a", instance="mqtt-cn-not-mine", days="1")
    assert "mqtt-cn-not-mine" not in [r["MqttInstanceId"] for r in expiring(shared)["Certificates"]]


def test_each_kind_says_what_it_is(stack, authority):
    cert = stack.upload(authority.issue("soon.example.com", days=5), name="soon")
    assert stack.set_sni(cert, "").status == 200
    ca = add_ca(stack, "0a1b", name="factory", days="3")
    add_devices(stack, ca, 1, days="-2")
    device, authority_row, server = expiring(stack)["Certificates"]
    now = time.time() * 1000
    assert server == {**server, "Type": "server", "MqttInstanceId": stack.instance, "CertIdentifier": cert, "CaSn": "",
                      "DeviceSn": "", "Name": "soon", "Expired": False, "InUse": True}
    assert server["DaysLeft"] in (4, 5)
    assert authority_row == {**authority_row, "Type": "ca", "MqttInstanceId": stack.instance, "CertIdentifier": "",
                             "CaSn": "0a1b", "DeviceSn": "", "Name": "factory", "Expired": False, "InUse": True}
    assert authority_row["DaysLeft"] in (2, 3)
    assert device == {**device, "Type": "device", "MqttInstanceId": stack.instance, "CertIdentifier": "", "CaSn": "0a1b",
                      "DeviceSn": "d1", "Name": "device 1", "DaysLeft": 0, "Expired": True, "InUse": True}
    for row, days in ((server, 5), (authority_row, 3), (device, -2)):
        assert abs(row["NotAfter"] - now - days * 86400_000) < 600_000


def test_a_server_certificate_is_there_for_each_instance_that_uses_it(stack, authority):
    c = authority.issue("rows.example.com", days=5)
    mapped, default, both, free = [stack.upload(c) for _ in range(4)]
    other, empty = sorted([make(stack), make(stack)])
    for instance, d, config in ((stack.instance, both, f"a.example.com#{both};b.example.com#{both};c.example.com#{mapped}"),
                                (other, default, f"a.example.com#{both}")):
        assert stack.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": d, "SniConfig": config}).status == 200
    mine = [("server", stack.instance, mapped), ("server", stack.instance, both)]
    theirs = [("server", other, default), ("server", other, both)]
    got = expiring(stack, Type="server")
    in_order = sorted([*mine, *theirs, ("server", "", free)], key=lambda r: (r[2], r[1]))
    assert sorted(short(got["Certificates"]), key=lambda r: (r[2], r[1])) == in_order and got["TotalCount"] == 5
    assert [r["InUse"] for r in got["Certificates"] if r["CertIdentifier"] == free] == [False]
    assert all(r["InUse"] for r in got["Certificates"] if r["CertIdentifier"] != free)
    for instance, rows in ((stack.instance, mine), (other, theirs), (empty, [])):
        got = expiring(stack, MqttInstanceId=instance)
        assert short(got["Certificates"]) == rows and got["TotalCount"] == len(rows)
    seen = []
    for page in range(1, 7):
        seen += short(expiring(stack, CurrentPage=page, PageSize=1)["Certificates"])
    assert sorted(seen, key=lambda r: (r[2], r[1])) == in_order


def test_what_is_trusted_no_more_is_not_in_use(stack):
    active, inactive = add_ca(stack, "0a", days="1"), add_ca(stack, "0b", days="2", active=False)
    add_ca(stack, "0c", days="3", removed=True)  # a mark for brokers, nothing else
    add_devices(stack, active, 2, days="10 + g", active="g = 1")
    add_devices(stack, inactive, 1, days="20")
    assert [(*r[1:], ) for r in ((0, x["CaSn"], x["DeviceSn"], x["InUse"]) for x in expiring(stack)["Certificates"])] == [
        ("0a", "", True), ("0b", "", False), ("0a", "d1", True), ("0a", "d2", False), ("0b", "d1", False)]


def test_the_first_to_go_comes_first_whatever_it_is(stack, authority):
    """Two instances, all kinds mixed, every page size the same order; days select, types select."""
    instances = [stack.instance, make(stack)]
    expected = []
    for n, instance in enumerate(instances):
        for k in range(3):
            day = 3 * k + n + 0.5
            ca = add_ca(stack, f"{n}{k}", instance=instance, days=f"{day}")
            expected.append((day, "ca", instance, f"{n}{k}"))
            add_devices(stack, ca, 3, days=f"{day} + g * 7 - 13.75")
            expected += [(day + g * 7 - 13.75, "device", instance, f"d{g}") for g in (1, 2, 3)]
    for day in (-3.1, 0.6, 4.6, 29.1, 31.1):
        cert = stack.upload(authority.issue("any.example.com", days=1))
        ends_in(stack, cert, day)
        expected.append((day, "server", "", cert))
    expected.sort(key=lambda r: (r[0], ["server", "ca", "device"].index(r[1])))

    def days(within, kind=None):
        return [r[1:] for r in expected if r[0] < within and kind in (None, r[1])]

    def all_pages(size, **params):
        seen, page = [], 0
        while True:
            page += 1
            got = expiring(stack, CurrentPage=page, PageSize=size, **params)
            assert (got["CurrentPage"], got["PageSize"], got["TotalCount"]) == (page, size, total)
            if not got["Certificates"]:
                return seen
            seen += short(got["Certificates"])

    def same(got, wanted):
        """Certificates that end in the same instant may come in the order of their IDs."""
        return sorted(got) == sorted(wanted) and [g[0] for g in got] == [w[0] for w in wanted]

    for within in (0, 1, 5, 30, 40):
        for kind in (None, "server", "ca", "device"):
            params = {"WithinDays": within, **({"Type": kind} if kind else {})}
            total = len(days(within, kind))
            whole = all_pages(1000, **params)
            assert same(whole, days(within, kind)), params
            assert all_pages(2, **params) == whole == all_pages(7, **params)
    assert len(days(0)) > 0 and short(expiring(stack)["Certificates"]) == all_pages_default(stack)
    got = expiring(stack, MqttInstanceId=instances[1], WithinDays=40)
    assert same(short(got["Certificates"]), [r for r in days(40) if r[1] == instances[1]])


def all_pages_default(stack):
    """What is not said: 30 days, 100 rows."""
    got = expiring(stack, WithinDays=30, PageSize=100, CurrentPage=1)
    assert expiring(stack)["PageSize"] == 100
    return short(got["Certificates"])


def test_many_that_end_in_the_same_second_are_paged_without_gaps(stack):
    add_devices(stack, add_ca(stack, "0a"), 2500, days="5")
    seen = [r["DeviceSn"] for page in range(1, 5) for r in
            expiring(stack, Type="device", CurrentPage=page, PageSize=700)["Certificates"]]
    assert len(seen) == 2500 and len(set(seen)) == 2500
    beyond = expiring(stack, Type="device", CurrentPage=1000000, PageSize=1000)
    assert (beyond["Certificates"], beyond["TotalCount"]) == ([], 2500)


def test_in_the_same_second_the_server_certificate_is_first_then_the_ca(stack, authority):
    ca = add_ca(stack, "0a")
    add_devices(stack, ca, 2)
    cert = stack.upload(authority.issue("same.example.com"))
    end = stack.sql("SELECT date_trunc('day', now() + interval '9 days')")[0][0]  # once: midnight may come in between
    for table in ("server_certificate", "ca_certificate", "device_certificate"):
        stack.sql(f"UPDATE {table} SET not_after = '{end}'")
    assert short(expiring(stack)["Certificates"]) == [
        ("server", "", cert), ("ca", stack.instance, "0a"), ("device", stack.instance, "d1"), ("device", stack.instance, "d2")]
