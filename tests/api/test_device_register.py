"""device_register(): the one way in for a device certificate, as brokers call it, many at once."""
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.certs import Authority
from harness.devices import Ca, Session, at_once, differences
from harness.expect import answered, contents
from harness.process import wait_until

SMALL = {"registered", "active", "inactive", "taken"}


def numbers(stack, instance, ca=None):
    """Ordinals in use, and the last one given."""
    column, where = ("ca_ordinal", f"ca_id = {ca.id}") if ca else ("ordinal", f"mqtt_instance_id = '{instance}'")
    rows = stack.sql(f"SELECT {column} FROM device_certificate WHERE {where} ORDER BY 1")
    last = stack.sql(f"SELECT last_ordinal FROM device_counter WHERE mqtt_instance_id = '{instance}' AND ca_id = {ca.id if ca else 0}")
    return [int(r[0]) for r in rows], int(last[0][0])


def new_instance(stack):
    name = "mqtt-cn-" + uuid.uuid4().hex[:11]
    answered(stack.api.v3("CreateInstance", {"MqttInstanceId": name}), "CreateInstance")
    return name


def refuses(stack, statement, why):
    with pytest.raises(AssertionError, match=why):
        stack.sql(statement, user="signet_broker")


@pytest.fixture
def ca(shared):
    return Ca(shared, instance=new_instance(shared))


# ---- what is not registered ----

def test_no_row_without_an_active_ca_of_this_instance(shared, ca):
    other = new_instance(shared)
    before = contents(shared)
    assert Ca(shared, instance=other, active=False).make_up(1, 10) == {}
    gone = Ca(shared, instance=other)
    shared.sql(f"UPDATE ca_certificate SET removed = true, active = false WHERE id = {gone.id}")
    assert gone.make_up(1, 10) == {}
    for instance in (other, "nobody", ""):
        assert shared.sql(ca.make_up_sql(1, 10).replace(ca.instance, instance), user="signet_broker") == []
    assert shared.sql(ca.make_up_sql(1, 10).replace(f", {ca.id},", ", 0,"), user="signet_broker") == []
    after = contents(shared)
    assert {t for t in after if after[t] != before[t]} <= {"ca_certificate", "request_nonce"}


def test_half_a_device_is_refused_with_all_of_the_call(shared, ca):
    before = contents(shared)
    call = ("SELECT * FROM device_register('%s', %d, ARRAY['01', '02'], ARRAY[sha256('1'), sha256('2')], ARRAY['\\x01'::bytea, "
            "'\\x02'], ARRAY['a', 'b'], ARRAY[now(), now()], ARRAY[now(), now()])" % (ca.instance, ca.id))
    for part, wrong in (("ARRAY['01', '02']", "ARRAY['01']"), ("ARRAY[sha256('1'), sha256('2')]", "ARRAY[sha256('1')]"),
                        ("ARRAY['a', 'b']", "ARRAY['a', NULL]"), ("sha256('2')", "'\\x02'"), ("ARRAY[now(), now()])", "NULL)")):
        assert part in call
        refuses(shared, call.replace(part, wrong, 1), "null value|check constraint")
    assert contents(shared) == before


def test_nobody_else_may_call_it_and_the_broker_may_not_write_around_it(shared, ca):
    for statement in ("INSERT INTO device_certificate (mqtt_instance_id) VALUES ('x')", "UPDATE device_counter SET last_ordinal = 0",
                      "DELETE FROM device_block", "INSERT INTO device_removal VALUES ('x', 1, 'x')", "SELECT * FROM device_block",
                      "SELECT device_block_count()", f"SELECT * FROM device_page('{ca.instance}', 0, 0)"):
        refuses(shared, statement, "permission denied|can only be called as triggers")
    rows = shared.sql("SELECT proname, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname LIKE "
                      "'device%' ORDER BY 1")
    assert [name for name, acl in rows if "signet_broker=X" in acl] == ["device_register", "device_seen"]
    assert not [name for name, acl in rows if acl.startswith("{=X") and name != "device_block_count"]


# ---- what is ----

def test_each_device_gets_its_state_in_the_order_of_the_call(shared, tmp_path):
    ca = Ca(shared, Authority(tmp_path), instance=new_instance(shared))
    one, two, three = (ca.issue(f"d{n}") for n in range(3))
    assert ca.register([one]) == ["registered"]
    shared.sql(f"UPDATE device_certificate SET active = false WHERE ca_id = {ca.id}")
    two_again = ca.issue("again")
    two_again.sn = two.sn
    assert ca.register([three, one, two]) == ["registered", "inactive", "registered"]
    assert ca.register([two_again, two, three]) == ["taken", "active", "active"]
    assert [row[0] for row in shared.sql(f"SELECT name FROM device_certificate WHERE ca_id = {ca.id} ORDER BY ordinal")] == [
        "d0", "d2", "d1"]
    assert numbers(shared, ca.instance, ca) == ([1, 2, 3], 3)


def test_a_certificate_given_twice_in_a_call_is_registered_once(shared, tmp_path):
    ca = Ca(shared, Authority(tmp_path), instance=new_instance(shared))
    one, other = ca.issue("one"), ca.issue("other")
    other.sn = one.sn
    assert ca.register([one, one, other]) == ["registered", "registered", "taken"]
    assert ca.register([other, one]) == ["taken", "active"]
    assert numbers(shared, ca.instance) == ([1], 1)


def test_a_certificate_is_registered_under_one_ca_whichever_vouches_for_it(shared, tmp_path):
    ca = Ca(shared, Authority(tmp_path), instance=new_instance(shared))
    twin = Ca(shared, instance=ca.instance)
    one, two = ca.issue("one"), ca.issue("two")
    assert ca.register_with_ca([one]) == [("registered", ca.id)]
    assert twin.register_with_ca([two, one]) == [("registered", twin.id), ("active", ca.id)]
    assert ca.register_with_ca([one, two]) == [("active", ca.id), ("active", twin.id)]
    shared.sql(f"UPDATE device_certificate SET active = false WHERE ca_id = {ca.id}")
    assert [twin.register([d]) for d in (one, two)] == [["inactive"], ["active"]]
    one.sn = two.sn  # whatever is said of it, it is its certificate
    assert twin.register_with_ca([one]) == [("inactive", ca.id)]
    assert numbers(shared, ca.instance) == ([1, 2], 2)
    assert differences(shared) == []


def test_another_instance_has_devices_of_its_own(shared, ca):
    other = Ca(shared, instance=new_instance(shared))
    other.own = ca.id
    assert ca.make_up(1, 3) == {"registered": "3"}
    shared.sql(f"UPDATE device_certificate SET active = false WHERE ca_id = {ca.id}")
    assert other.make_up(1, 3) == {"registered": "3"}


def test_a_ca_is_not_told_another_ones_certificate_by_its_serial_number(shared, tmp_path):
    ca = Ca(shared, Authority(tmp_path), instance=new_instance(shared))
    one, clone = ca.issue("one"), ca.issue("clone")
    clone.sn = one.sn
    assert ca.register_with_ca([one, clone]) == [("registered", ca.id), ("taken", ca.id)]
    assert Ca(shared, instance=ca.instance).register([clone]) == ["registered"]


def test_two_cas_may_use_the_same_serial_number(shared, ca):
    other = Ca(shared, instance=ca.instance)
    assert ca.make_up(1, 3) == other.make_up(1, 3) == {"registered": "3"}
    assert numbers(shared, ca.instance) == ([1, 2, 3, 4, 5, 6], 6)
    assert numbers(shared, ca.instance, other) == ([1, 2, 3], 3)
    assert differences(shared) == []


def test_nothing_at_all_is_nothing(shared, ca):
    assert ca.make_up(2, 1) == {}
    assert shared.sql(f"SELECT count(*) FROM device_certificate WHERE ca_id = {ca.id}") == [["0"]]


def test_ten_thousand_in_one_call(shared, ca):
    assert ca.make_up(1, 10000) == {"registered": "10000"}
    assert ca.make_up(9001, 19000) == {"active": "1000", "registered": "9000"}
    assert numbers(shared, ca.instance) == (list(range(1, 19001)), 19000)
    assert numbers(shared, ca.instance, ca) == (list(range(1, 19001)), 19000)
    assert differences(shared) == []


def test_numbers_are_never_given_twice(shared, ca):
    ca.make_up(1, 10)
    shared.sql(f"DELETE FROM device_certificate WHERE ca_id = {ca.id}")
    assert shared.sql(f"SELECT count(*) FROM device_block WHERE mqtt_instance_id = '{ca.instance}'") == [["0"]]
    ca.make_up(5, 6)
    assert numbers(shared, ca.instance) == ([11, 12], 12)


def test_a_call_that_is_rolled_back_leaves_nothing(shared, ca):
    ca.make_up(1, 5)
    before = contents(shared)
    shared.sql(f"BEGIN; {ca.make_up_sql(6, 500)} ROLLBACK", user="signet_broker")
    assert contents(shared) == before
    assert ca.make_up(6, 7) == {"registered": "2"} and numbers(shared, ca.instance) == ([1, 2, 3, 4, 5, 6, 7], 7)


# ---- last seen ----

def see(ca, first, last, at, instance=None):
    """The made-up devices with these numbers, as a broker writes it."""
    ca.stack.sql(f"SELECT device_seen('{instance or ca.instance}', array_agg({ca.digest_sql('i')}), array_agg('{at}'::timestamptz)) "
                 f"FROM generate_series({first}, {last}) i", user="signet_broker")


def seen(stack, ca):
    return [row[0] for row in stack.sql(f"SELECT coalesce(to_char(seen_at, 'HH24'), '-') FROM device_certificate d "
                                        f"LEFT JOIN device_last_seen l ON l.device_id = d.id WHERE "
                                        f"ca_id = {ca.id} ORDER BY ordinal")]


def test_only_a_newer_time_is_written_and_only_for_devices_of_the_instance(shared, ca):
    other = Ca(shared, instance=new_instance(shared))
    other.own = ca.id
    ca.make_up(1, 4)
    other.make_up(1, 4)
    see(ca, 2, 9, "2026-01-01 12:00Z")
    assert seen(shared, ca) == ["-", "12", "12", "12"]
    see(ca, 3, 3, "2026-01-01 11:00Z")
    see(ca, 4, 4, "2026-01-01 13:00Z")
    assert seen(shared, ca) == ["-", "12", "12", "13"]
    assert seen(shared, other) == ["-"] * 4
    see(ca, 1, 4, "2026-01-01 14:00Z", instance="nobody")
    assert "14" not in seen(shared, ca) + seen(shared, other)


def test_the_newest_of_several_times_in_a_call_counts(shared, ca):
    ca.make_up(1, 1)
    shared.sql(f"SELECT device_seen('{ca.instance}', array_agg({ca.digest_sql(1)}), array_agg(timestamptz '2026-01-01 00:00Z' + "
               "i * interval '1 hour')) FROM unnest(ARRAY[5, 9, 7]) i", user="signet_broker")
    assert seen(shared, ca) == ["09"]


def test_nothing_else_of_a_device_changes_when_it_is_seen(shared, ca):
    ca.make_up(1, 2)
    before = contents(shared)
    see(ca, 1, 2, "2026-01-01 12:00Z")
    assert seen(shared, ca) == ["12", "12"]
    after = contents(shared)
    assert {t for t in after if after[t] != before[t]} == {"device_last_seen"}


def test_what_was_seen_goes_with_the_device(shared, ca):
    ca.make_up(1, 3)
    see(ca, 1, 3, "2026-01-01 12:00Z")
    kept = "SELECT count(*) FROM device_last_seen WHERE device_id IN (SELECT id FROM device_certificate WHERE ca_id = %d)" % ca.id
    everything = int(shared.sql("SELECT count(*) FROM device_last_seen")[0][0])
    shared.sql(f"DELETE FROM device_certificate WHERE ca_id = {ca.id} AND ordinal = (SELECT min(ordinal) FROM device_certificate "
               f"WHERE ca_id = {ca.id})")
    assert shared.sql(kept) == [["2"]]
    assert int(shared.sql("SELECT count(*) FROM device_last_seen")[0][0]) == everything - 1


# ---- many at once ----

def states(session):
    """What a session has counted, over all of its calls."""
    found = dict.fromkeys(SMALL, 0)
    for line in session.out.splitlines():
        state, count = line.split(" ")
        found[state] += int(count)
    return found


def test_the_same_devices_from_many_brokers_at_once_are_registered_once(shared, ca):
    sessions = at_once([Session(shared, [ca.make_up_sql(n, n + 49) for n in range(1, 1000, 50)]) for _ in range(6)])
    assert [s.errors for s in sessions] == [""] * 6
    totals = [states(s) for s in sessions]
    assert sum(t["registered"] for t in totals) == 1000
    assert all(t["registered"] + t["active"] == 1000 for t in totals)
    assert numbers(shared, ca.instance) == (list(range(1, 1001)), 1000)
    assert differences(shared) == []


def test_the_same_certificates_under_two_cas_at_once_are_registered_once(shared, ca):
    twin = Ca(shared, instance=ca.instance)
    twin.own = ca.id
    sessions = at_once([Session(shared, [c.make_up_sql(n, n + 9) for n in range(1, 400, 10)]) for c in (ca, twin) * 2])
    assert [s.errors for s in sessions] == [""] * 4
    assert shared.sql(f"SELECT count(*), count(DISTINCT sha256) FROM device_certificate WHERE mqtt_instance_id = '{ca.instance}'"
                      ) == [["400", "400"]]
    assert sum(states(s)["registered"] for s in sessions) == 400
    assert numbers(shared, ca.instance) == (list(range(1, 401)), 400)
    assert differences(shared) == []


def test_devices_of_many_cas_from_many_brokers_at_once_are_all_there(shared, ca):
    cas = [ca] + [Ca(shared, instance=ca.instance) for _ in range(4)]
    elsewhere = Ca(shared, instance=new_instance(shared))

    def statements(seed):
        order = random.Random(seed)
        for _ in range(60):
            first = order.randrange(1, 900)
            yield order.choice([*cas, elsewhere]).make_up_sql(first, first + order.choice((0, 3, 120)))

    sessions = at_once([Session(shared, statements(seed)) for seed in range(6)])
    assert [s.errors for s in sessions] == [""] * 6
    there = int(shared.sql(f"SELECT count(*) FROM device_certificate WHERE ca_id IN ({', '.join(str(c.id) for c in cas)}, "
                           f"{elsewhere.id})")[0][0])
    assert there == sum(states(s)["registered"] for s in sessions) > 1000
    for instance, one in ((ca.instance, None), (elsewhere.instance, None), (elsewhere.instance, elsewhere),
                          *((ca.instance, c) for c in cas)):
        found, last = numbers(shared, instance, one)
        assert found == list(range(1, last + 1))
    assert differences(shared) == []


def test_counts_hold_while_everything_is_changed_at_once(stack):
    """Registrations against deletions, (in)activations and removals of CAs over the API: no deadlock, nothing lost."""
    cas = [Ca(stack) for _ in range(8)]

    def register(seed):
        order = random.Random(seed)
        for _ in range(150):
            first = order.randrange(1, 400)
            yield order.choice(cas).make_up_sql(first, first + order.choice((0, 10, 60)))

    def change(seed):
        order, codes = random.Random(seed), set()
        for turn in range(120):
            ca = order.choice(cas)
            what = order.choice(("Active", "Inactivate", "Delete", "Delete"))
            params = ca.params(DeviceSn=f"{order.randrange(1, 460):08x}")
            if turn % 7 == 0:
                what, params = order.choice(("Active", "Inactivate")), ca.params()
                reply = stack.api.v3(f"{what}CaCertificate", {**params, "Sn": ca.sn})
            else:
                reply = stack.api.v3(f"{what}DeviceCertificate", params)
            codes.add((reply.status, reply.code))
            if turn == 100 and seed < 103:
                reply = stack.api.v3("DeleteCaCertificate", {"MqttInstanceId": ca.instance, "Sn": cas[seed - 100].sn})
                codes.add((reply.status, reply.code))
        return codes

    class Changer(Session):
        def __init__(self, seed):
            super().__init__(stack, [])
            self.seed, self.codes = seed, set()

        def run(self):
            self.codes = change(self.seed)

    registrars, changers = [Session(stack, register(seed)) for seed in range(4)], [Changer(seed) for seed in (100, 101, 102, 103)]
    at_once(registrars + changers)
    assert [s.errors for s in registrars] == [""] * 4
    for c in changers:
        assert c.codes <= {(200, None), (400, "FindDeviceBySnError"), (400, "FindCaBySnError")}, c.codes
    assert differences(stack) == []
    removed = int(stack.sql("SELECT count(*) FROM device_removal")[0][0])
    there = int(stack.sql("SELECT count(*) FROM device_certificate")[0][0])
    given = int(stack.sql("SELECT last_ordinal FROM device_counter WHERE ca_id = 0")[0][0])
    assert given == sum(states(s)["registered"] for s in registrars) and removed + there <= given
    assert stack.sql("SELECT max(c) FROM (SELECT count(*) AS c FROM device_certificate GROUP BY mqtt_instance_id, ordinal) x") == [["1"]]
    assert stack.sql("SELECT count(*) FROM config_revision") == [[str(stack.revision())]]
    assert stack.sql("SELECT count(*) FROM device_certificate d JOIN ca_certificate c ON c.id = d.ca_id WHERE c.removed") == [["0"]]


def test_a_ca_is_made_inactive_while_brokers_register_without_a_pause(stack):
    """Within the time of a few registrations, and from then on there is none."""
    ca = Ca(stack)
    # more than anybody gets through, so that they are still at it however late the answer comes
    sessions = [Session(stack, [ca.make_up_sql(100 * n + 1000000 * who, 100 * n + 1000000 * who + 99) for n in range(1500)])
                for who in range(4)]
    for s in sessions:
        s.start()
    while stack.sql("SELECT count(*) FROM device_certificate") == [["0"]]:
        pass
    begun = time.monotonic()
    answered(stack.api.v3("InactivateCaCertificate", {"MqttInstanceId": ca.instance, "Sn": ca.sn}), "InactivateCaCertificate")
    took = time.monotonic() - begun
    busy = any(s.is_alive() for s in sessions)
    there = stack.sql("SELECT count(*) FROM device_certificate")
    for s in sessions:
        s.join()
    assert busy and took < 15 and [s.errors for s in sessions] == [""] * 4
    assert stack.sql("SELECT count(*) FROM device_certificate") == there
    assert differences(stack) == []


def test_an_instance_is_deleted_while_brokers_register(stack):
    ca = Ca(stack, instance=new_instance(stack))
    kept = Ca(stack)
    sessions = [Session(stack, [(ca if n % 2 else kept).make_up_sql(100 * n + 10000 * who, 100 * n + 10000 * who + 99)
                                for n in range(60)]) for who in range(4)]
    for s in sessions:
        s.start()
    while stack.sql(f"SELECT count(*) FROM device_certificate WHERE ca_id = {ca.id}") == [["0"]]:
        pass
    answered(stack.api.v3("DeleteInstance", {"MqttInstanceId": ca.instance, "Force": "true"}), "DeleteInstance")
    for s in sessions:
        s.join()
    assert [s.errors for s in sessions] == [""] * 4
    for table in ("device_certificate", "device_block", "device_counter", "device_removal", "ca_certificate"):
        assert stack.sql(f"SELECT count(*) FROM {table} WHERE mqtt_instance_id = '{ca.instance}'") == [["0"]]
    assert stack.sql("SELECT count(*) FROM device_certificate") == [[str(4 * 30 * 100)]]
    assert differences(stack) == []


def test_a_large_ca_is_deleted_while_brokers_register_at_others(stack):
    """In more than one step, and its newest devices share their blocks with those that are registered meanwhile."""
    first, large, other = Ca(stack), Ca(stack), Ca(stack)
    first.make_up(1, 5000)
    for n in range(0, 52000, 4000):
        large.make_up(n, n + 3999)
    made, deleted = [], threading.Event()

    def register():
        """One after the other until the answer is there, however late; so slowly that the newest hundred numbers still have
        some of the large CA's when its second step begins."""
        while not deleted.is_set():
            made.append(other.make_up(len(made), len(made)))
            deleted.wait(0.03)

    with ThreadPoolExecutor(1) as pool:
        registering = pool.submit(register)
        try:
            wait_until(lambda: made or registering.done(), what="the first of them")
            reply = stack.api.v3("DeleteCaCertificate", {"MqttInstanceId": large.instance, "Sn": large.sn})
        finally:
            deleted.set()
        registering.result()
    answered(reply, "DeleteCaCertificate")
    assert len(made) > 1 and made == [{"registered": "1"}] * len(made)
    assert stack.sql("SELECT count(*) FROM device_certificate") == [[str(5000 + len(made))]]
    assert differences(stack) == []
