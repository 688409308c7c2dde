"""SearchDeviceCertificate: by serial number, by name, in a CA, in a state, page by page; and who is connected."""
import base64
import random
import time
import uuid

import pytest
from harness import homes
from harness.devices import Ca
from harness.expect import answered, contents, refused
from harness.mqtt import Client, tls_context
from harness.odd_certs import OddCa
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")
OPERATION = "SearchDeviceCertificate"


def ask(stack, instance=None, **params):
    return stack.api.v3(OPERATION, {"MqttInstanceId": instance or stack.instance, **{n: str(v) for n, v in params.items()}})


def found(stack, instance, **params):
    return answered(ask(stack, instance, **params), OPERATION)


def names(stack, instance, **params):
    return [row["DeviceName"] for row in found(stack, instance, **params)["DeviceCertificates"]]


def walk(stack, instance, most=1000, **params):
    """(serial number, CA) of every row, page by page."""
    rows, cursor = [], ""
    for _ in range(most):
        got = found(stack, instance, **params, Cursor=cursor)
        assert len(got["DeviceCertificates"]) <= int(params.get("PageSize", 20))
        rows += [(row["DeviceSn"], row["CaSn"]) for row in got["DeviceCertificates"]]
        cursor = got["NextCursor"]
        if not cursor:
            return rows
    raise AssertionError("the pages have no end")


def make_instance(stack, edition="platinum"):
    name = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(stack.api.v3("CreateInstance", {"MqttInstanceId": name, "Edition": edition}), "CreateInstance")
    return name


@pytest.fixture
def instance(shared):
    return make_instance(shared)


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def add(stack, ca, devices):
    """Registers made-up devices: {serial number: name}."""
    for sn, name in devices.items():
        digest = f"sha256({quoted(sn + ca.sn)}::bytea)"
        states = stack.sql(f"SELECT state FROM device_register('{ca.instance}', {ca.id}, ARRAY['{sn}'], ARRAY[{digest}], "
                           f"ARRAY[{digest}], ARRAY[{quoted(name)}], ARRAY[now()], ARRAY[now()])", user="signet_broker")
        assert states == [["registered"]]


def inactivate(stack, ca, *sns):
    for sn in sns:
        answered(stack.api.v3("InactivateDeviceCertificate", {"MqttInstanceId": ca.instance, "CaSn": ca.sn, "DeviceSn": sn}),
                 "InactivateDeviceCertificate")


# ---- refusals ----

@pytest.mark.parametrize("params", [{"CaSn": "xyz"}, {"CaSn": "1" * 129}, {"Keyword": "k" * 65}, {"Status": "2"},
                                    {"Status": "active"}, {"PageSize": 0}, {"PageSize": 101}, {"PageSize": "x"},
                                    {"Cursor": "x" * 4097}], ids=str)
def test_wrong_parameters_are_named(shared, instance, params):
    name = next(iter(params))
    assert name in refused(ask(shared, instance, **params), f"Invalid{name}")


def token(*columns):
    return base64.b64encode("\x1f".join(("1", *columns)).encode()).decode()


@pytest.mark.parametrize("cursor", ["x", "!", "MQ==", token("sn", "1"), token("sn", "1", "00", "1"), token("other", "1", "61"),
                                    token("sn", "", "61"), token("sn", "-1", "61"), token("sn", " 1", "61"),
                                    token("sn", "1x", "61"), token("sn", "9" * 19, "61"), token("sn", "1", "6"),
                                    token("sn", "1", "zz"),
                                    token("sn", "1", "00"), token("sn", "1", "ff"), token("sn", "1", "61" * 257),
                                    token("name", "1", "61")], ids=str)
def test_a_cursor_that_no_page_has_answered_is_refused(shared, instance, cursor):
    assert "Cursor" in refused(ask(shared, instance, Cursor=cursor), "InvalidCursor")


def test_a_cursor_of_serial_numbers_is_none_for_a_keyword_that_is_none(shared, instance):
    refused(ask(shared, instance, Cursor=token("sn", "1", "61"), Keyword="pump"), "InvalidCursor")
    assert names(shared, instance, Cursor=token("sn", "1", "61"), Keyword="61") == []


def test_a_cursor_that_somebody_made_up_gets_rows_of_the_filter_only(shared, instance):
    ca = Ca(shared, instance=instance)
    add(shared, ca, {f"{n:02x}": f"d{n}" for n in range(16, 48)})
    for key in ("", "00", "10", "2f", "7f"):
        rows = walk(shared, instance, Keyword="2", PageSize=3)
        got = found(shared, instance, Keyword="2", Cursor=token("sn", "7", key.encode().hex()))
        assert {r["DeviceSn"][0] for r in got["DeviceCertificates"]} <= {"2"} and len(rows) == 16


def test_an_unknown_ca_is_refused(shared, instance):
    other = Ca(shared)
    before = contents(shared, BUT)
    for sn in ("00c0ffee", "8" * 128, other.sn):
        refused(ask(shared, instance, CaSn=sn), "FindCaBySnError")
    assert contents(shared, BUT) == before


def test_an_edition_without_devices_has_none_to_search(shared):
    refused(ask(shared, make_instance(shared, "standard")), "InvalidParameter")


# ---- what is found ----

def test_nothing_is_found_where_nothing_is(shared, instance):
    got = found(shared, instance)
    assert (got["DeviceCertificates"], got["NextCursor"], got["Total"]) == ([], "", 0)
    assert found(shared, instance, Keyword="x").get("Total") is None


@pytest.fixture(scope="module")
def fleet(shared):
    """Two CAs with the same serial numbers, odd names, and both states."""
    instance = make_instance(shared)
    one, two = Ca(shared, instance=instance), Ca(shared, instance=instance)
    add(shared, one, {"0a01": "Pump-1", "0a02": "pump-2", "0b01": "valve", "00ff": "", "0c": "a%b", "0d": "a_b", "0e": "a\\b"})
    add(shared, two, {"0a01": "PUMP-3", "0b02": "0a-name", "0f": "Ünï-1", "1001": "\x1fodd\x1f", "1002": "n" * 600,
                      "1003": "\U0001f600" * 70, "1004": "O'Neil; --"})
    inactivate(shared, one, "0a02", "0c")
    return instance, one, two


@pytest.mark.parametrize("keyword, wanted", [
    ("pump", ["Pump-1", "pump-2", "PUMP-3"]), ("PUMP-", ["Pump-1", "pump-2", "PUMP-3"]), ("pump-3", ["PUMP-3"]), ("ump", []),
    ("0a", ["Pump-1", "PUMP-3", "pump-2", "0a-name"]), ("0A01", ["Pump-1", "PUMP-3"]), ("0a:01", ["Pump-1", "PUMP-3"]),
    ("0a0199", []), ("a%", ["a%b"]), ("a_", ["a_b"]), ("a\\", ["a\\b"]), ("%", []), ("_", []), ("ünï", ["Ünï-1"]),
    ("\x1fodd\x1f", ["\x1fodd\x1f"]), ("n" * 64, ["n" * 600]), ("\U0001f600" * 64, ["\U0001f600" * 70]),
    ("o'neil", ["O'Neil; --"]), (":", []),
])
def test_a_keyword_is_the_beginning_of_a_serial_number_or_of_a_name(shared, fleet, keyword, wanted):
    assert names(shared, fleet[0], Keyword=keyword) == wanted


def test_without_a_keyword_all_are_there_by_serial_number(shared, fleet):
    instance, one, two = fleet
    got = found(shared, instance)
    assert [r["DeviceSn"] for r in got["DeviceCertificates"]] == [
        "00ff", "0a01", "0a01", "0a02", "0b01", "0b02", "0c", "0d", "0e", "0f", "1001", "1002", "1003", "1004"]
    assert (got["Total"], got["NextCursor"]) == (14, "")
    assert found(shared, instance, CaSn=one.sn.upper())["Total"] == 7 and len(walk(shared, instance, CaSn=two.sn)) == 7


def test_filters_are_put_together(shared, fleet):
    instance, one, two = fleet
    assert names(shared, instance, Status=0) == ["pump-2", "a%b"]
    assert len(names(shared, instance, Status=1)) == 12
    assert names(shared, instance, Keyword="pump", Status=1) == ["Pump-1", "PUMP-3"]
    assert names(shared, instance, Keyword="pump", Status=0) == ["pump-2"]
    assert names(shared, instance, Keyword="pump", CaSn=two.sn) == ["PUMP-3"]
    assert names(shared, instance, Keyword="0a", CaSn=one.sn, Status=0) == ["pump-2"]
    assert names(shared, instance, Keyword="pump", CaSn=two.sn, Status=0) == []
    assert found(shared, instance, Status=1).get("Total") is None


def test_a_row_is_what_the_list_has_and_when_it_was_seen(shared, fleet):
    instance, one, _ = fleet
    listed = answered(shared.api.v3("ListDeviceCertificateByCaSn", {"MqttInstanceId": instance, "CaSn": one.sn, "PageNo": "1",
                                                                    "PageSize": "100"}), "ListDeviceCertificateByCaSn")
    rows = {r["DeviceSn"]: r for r in found(shared, instance, CaSn=one.sn)["DeviceCertificates"]}
    assert {sn: {**r, "LastSeenTime": 0} for sn, r in rows.items()} == {
        r["DeviceSn"]: {**r, "LastSeenTime": 0} for r in listed["Data"]["DeviceCertificateVOS"]}
    shared.sql(f"SELECT device_seen('{instance}', array_agg(sha256), array_agg(to_timestamp(1700000000.5))) "
               f"FROM device_certificate WHERE ca_id = {one.id} AND sn = '0b01'", user="signet_owner")
    assert [r["LastSeenTime"] for r in found(shared, instance, Keyword="valve")["DeviceCertificates"]] == [1700000000500]
    assert [r["LastSeenTime"] for r in found(shared, instance, Keyword="0c")["DeviceCertificates"]] == [0]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("params", [{}, {"Keyword": "0a"}, {"Keyword": "pump"}, {"Status": 1}, {"Keyword": "0", "Status": 1}],
                         ids=str)
def test_pages_of_any_size_make_one_list(shared, fleet, params, size):
    rows = walk(shared, fleet[0], **params, PageSize=size)
    assert rows == walk(shared, fleet[0], **params, PageSize=100) and len(rows) == len(set(rows))


def test_pages_hold_what_a_plain_look_at_all_rows_finds(shared, instance):
    """Every filter over 1,500 made-up devices, against the same question asked in Python."""
    pick = random.Random(1)
    cas = [Ca(shared, instance=instance) for _ in range(3)]
    made = {}
    for n in range(1500):
        ca, sn = pick.choice(cas), f"{pick.getrandbits(12):04x}"
        # names that begin as their serial numbers do, too: those are found once
        made[ca, sn] = pick.choice([sn, sn.upper() + "-x", sn[:2], f"Pump-{n}", "same"])
    for ca in cas:
        add_many(shared, ca, {sn: name for (c, sn), name in made.items() if c is ca})
    off = pick.sample(sorted(made, key=lambda k: (k[0].id, k[1])), 300)
    shared.sql("UPDATE device_certificate d SET active = false FROM (VALUES %s) v(ca, sn) WHERE d.ca_id = v.ca AND d.sn = v.sn"
               % ", ".join(f"({ca.id}, '{sn}')" for ca, sn in off))
    off = set(off)
    for keyword in (None, "0", "00", "01", "pump-1", "same", "a"):
        for ca in (None, cas[0]):
            for status in (None, "0", "1"):
                wanted = {(sn, c.sn) for (c, sn), name in made.items()
                          if (ca is None or c is ca) and (status is None or ((c, sn) in off) == (status == "0"))
                          and (keyword is None or sn.startswith(keyword) or name.lower().startswith(keyword))}
                params = {"Keyword": keyword, "CaSn": ca and ca.sn, "Status": status}
                rows = walk(shared, instance, PageSize=97, **{n: v for n, v in params.items() if v is not None})
                assert len(rows) == len(set(rows)) and set(rows) == wanted, params


def add_many(stack, ca, devices):
    def array(values, kind):
        return f"ARRAY[{', '.join(values)}]::{kind}[]"

    digests = array((f"sha256('{sn}{ca.sn}'::bytea)" for sn in devices), "bytea")
    now = array(("now()" for _ in devices), "timestamptz")
    sns, given = (array(map(quoted, texts), "text") for texts in (devices, devices.values()))
    states = stack.sql(f"SELECT DISTINCT state FROM device_register('{ca.instance}', {ca.id}, {sns}, {digests}, {digests}, "
                       f"{given}, {now}, {now})", user="signet_broker")
    assert states == [["registered"]]


def test_what_was_given_already_does_not_make_a_page_look_for_ever(shared, instance):
    """6,000 devices whose names begin as their serial numbers do: those are given once, by their serial number."""
    ca = Ca(shared, instance=instance)
    add_many(shared, ca, {f"0a{n:06x}": f"0A{n:06x}.example.com" for n in range(6000)})
    add(shared, ca, {"ff": "0azz"})
    cursor, pages, rows = "", 0, []
    while pages == 0 or cursor:
        got = found(shared, instance, Keyword="0a", PageSize=100, Cursor=cursor)
        rows += [r["DeviceSn"] for r in got["DeviceCertificates"]]
        cursor, pages = got["NextCursor"], pages + 1
    assert rows == [f"0a{n:06x}" for n in range(6000)] + ["ff"]
    assert 60 < pages < 66


def test_what_goes_and_comes_meanwhile_moves_no_other_row(shared, instance):
    ca = Ca(shared, instance=instance)
    add(shared, ca, {f"{n:02x}": f"d{n}" for n in range(16, 36)})
    first = found(shared, instance, PageSize=5)
    last = first["DeviceCertificates"][-1]["DeviceSn"]
    answered(shared.api.v3("DeleteDeviceCertificate", {"MqttInstanceId": instance, "CaSn": ca.sn, "DeviceSn": last}),
             "DeleteDeviceCertificate")
    add(shared, ca, {"01": "before", "1401": "behind"})
    got = found(shared, instance, PageSize=5, Cursor=first["NextCursor"])
    assert [r["DeviceSn"] for r in got["DeviceCertificates"]] == ["1401", "15", "16", "17", "18"]


def test_devices_of_others_are_not_found(shared, fleet, instance):
    ca = Ca(shared, instance=instance)
    add(shared, ca, {"0a01": "pump-9"})
    assert names(shared, instance, Keyword="pump") == ["pump-9"] and names(shared, instance) == ["pump-9"]
    assert "pump-9" not in names(shared, fleet[0], PageSize=100)


# ---- who is connected ----

@pytest.fixture
def play(played):
    return lambda instance, online: played(instance, {"online": online})


def test_without_a_broker_here_nobody_can_say_who_is_connected(shared, fleet):
    got = found(shared, fleet[0])
    assert got["LocalReason"] == "no broker listens here"
    assert not any("Online" in row for row in got["DeviceCertificates"])


@pytest.mark.parametrize("answer", [{"ok": False, "error": "unknown op"}, b"no JSON\n", {"ok": True},
                                    {"ok": True, "online": [True]}, {"ok": True, "online": [1, 0, 1]}], ids=lambda a: str(a)[:40])
def test_a_broker_that_makes_no_sense_has_refused(shared, instance, play, answer):
    add(shared, Ca(shared, instance=instance), {"01": "a", "02": "b", "03": "c"})
    play(instance, answer)
    got = found(shared, instance)
    assert got["LocalReason"] == "the broker here has refused" and len(got["DeviceCertificates"]) == 3


def test_a_page_is_one_question(shared, instance, play):
    ca = Ca(shared, instance=instance)
    add_many(shared, ca, {f"{n:04x}": f"d{n}" for n in range(150)})
    broker = play(instance, lambda request: {"ok": True, "online": [n % 3 == 0 for n in range(len(request["deviceSha256"]))]})
    rows = found(shared, instance, PageSize=100)["DeviceCertificates"]
    assert [row["Online"] for row in rows] == [n % 3 == 0 for n in range(100)]
    digests = dict(shared.sql(f"SELECT sn, encode(sha256, 'hex') FROM device_certificate WHERE ca_id = {ca.id}"))
    assert [a["deviceSha256"] for a in broker.asked] == [[digests[row["DeviceSn"]] for row in rows]]
    assert "LocalReason" not in found(shared, instance, Keyword="nobody") and len(broker.asked) == 1


def test_a_hung_broker_costs_two_seconds_once(shared, instance, play):
    add(shared, Ca(shared, instance=instance), {"01": "a"})
    play(instance, lambda request: time.sleep(4) or b"\n")
    began = time.monotonic()
    assert found(shared, instance)["LocalReason"] == "the broker here has not answered in time"
    assert 1.5 < time.monotonic() - began < 3.5
    began = time.monotonic()
    assert names(shared, instance) == ["a"]
    assert time.monotonic() - began < 1.5


def test_real_devices_are_online_while_they_are_connected(stack, authority, tmp_path):
    def call(operation, **params):
        return answered(stack.api.v3(operation, {"MqttInstanceId": stack.instance, **params}), operation)

    call("SetAuthenticationMode", Mode="mutual", ServerCertificate=stack.upload(authority.issue("a.example.com")))
    ca = OddCa()
    proof = ca.verification(call("GetRegisterCode")["RegisterCode"])
    call("RegisterCaCertificate", CaName="pumps", CaContent=ca.pem, VerificationContent=proof)

    def connect(cert):
        context = tls_context()
        context.load_cert_chain(*cert.write(tmp_path))
        c = Client(stack.tls_port, homes.name(), sni="a.example.com", context=context)
        assert c.code == 0
        return c

    one, two, three = (ca.device(name) for name in ("pump-1", "pump-2", "pump-3"))
    first, twin, other = (connect(cert) for cert in (one, one, two))
    connect(three).close()

    def online():
        rows = found(stack, stack.instance, Keyword="pump")["DeviceCertificates"]
        return {row["DeviceName"]: row["Online"] for row in rows}

    wait_until(lambda: online() == {"pump-1": True, "pump-2": True, "pump-3": False}, what="the third to be gone")
    first.close()
    other.close()
    wait_until(lambda: online() == {"pump-1": True, "pump-2": False, "pump-3": False}, what="the second to be gone")
    twin.close()
    wait_until(lambda: not any(online().values()), what="all to be gone")


# ---- the control operation ----

WRONG = "deviceSha256 must be a list of 1 to 100 texts of 64 hex digits"


@pytest.mark.parametrize("digests", [[], "00" * 32, [1], [""], ["00" * 31], ["00" * 33], ["0g" * 32], ["00" * 32] * 101, {},
                                     None], ids=lambda d: str(d)[:30])
def test_online_wants_a_list_of_digests(shared, digests):
    assert shared.control({"op": "online", "deviceSha256": digests}) == {"ok": False, "error": WRONG}


def test_online_tells_twins_and_a_hundred(shared):
    digests = ["00" * 32, "FF" * 32] * 50
    assert shared.control({"op": "online", "deviceSha256": digests}) == {"ok": True, "online": [False] * 100}


def test_online_of_clients_comes_first(shared):
    assert shared.control({"op": "online", "clientIds": ["nobody"], "deviceSha256": 7}) == {"ok": True, "online": [False]}
