"""ListConfigRevisions, GetConfigRevision, RollbackConfig, GetRolloutStatus: one line of history, and the way back."""
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import CAS
from harness.certs import openssl
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.process import wait_until

PASSWORD = "rolled#back"
BUT = ("broker_node", "request_nonce")


def ask(stack, operation, api=None, **params):
    return (api or stack.api).v3(operation, {"MqttInstanceId": stack.instance, **{k: str(v) for k, v in params.items()}})


def revisions(stack, **params):
    return answered(ask(stack, "ListConfigRevisions", **params), "ListConfigRevisions")


def revision(stack, number, **params):
    return answered(ask(stack, "GetConfigRevision", Revision=number, **params), "GetConfigRevision")


def rollback(stack, to, **params):
    return answered(ask(stack, "RollbackConfig", Revision=to, **params), "RollbackConfig")


def state(stack):
    """What is configured: default certificate, and certificate and password of each domain."""
    got = answered(ask(stack, "GetSniConfig", PageSize=10000), "GetSniConfig")
    return got["DefaultCertificate"], {r["Domain"]: (r["CertIdentifier"], r["HasPassword"]) for r in got["SniConfig"]}


def set_sni(stack, default, config):
    """The new revision and what is configured at it."""
    reply = stack.set_sni(default, config)
    assert answered(reply, "SetSniConfig")["Success"] == "true"
    return stack.revision(), state(stack)


class Set:
    def __init__(self, stack, authority):
        self.a, self.b = authority.issue("a.example.com"), authority.issue("b.example.com", key="rsa:2048")
        self.e = authority.issue("e.example.com", password=PASSWORD)
        self.A, self.B, self.E = (stack.upload(c) for c in (self.a, self.b, self.e))
        self.sha256 = {self.A: self.a.sha256, self.B: self.b.sha256, self.E: self.e.sha256}


@pytest.fixture(scope="module")
def made(shared, authority):
    return Set(shared, authority)


def serves_what_is_configured(stack, made, but=()):
    default, domains = state(stack)
    for domain, (certificate, _) in domains.items():
        if domain not in but:
            assert stack.served(domain.replace("*", "any")) == made.sha256[certificate], domain
    assert stack.served("nobody.example.com") == made.sha256[default]
    assert stack.status()["rejected"] == []


# ---- refusals ----

@pytest.mark.parametrize("operation, params, code", [
    ("ListConfigRevisions", {"PageSize": 1001}, "InvalidPageSize"),
    ("ListConfigRevisions", {"CurrentPage": 0}, "InvalidCurrentPage"),
    ("GetConfigRevision", {}, "MissingRevision"), ("GetConfigRevision", {"Revision": 0}, "InvalidRevision"),
    ("GetConfigRevision", {"Revision": "x"}, "InvalidRevision"),
    ("GetConfigRevision", {"Revision": 1, "PageSize": 10001}, "InvalidPageSize"),
    ("GetConfigRevision", {"Revision": 1, "CurrentPage": 0}, "InvalidCurrentPage"),
    ("GetConfigRevision", {"Revision": 9007199254740991}, "RevisionNotFound"), ("RollbackConfig", {}, "MissingRevision"),
    ("RollbackConfig", {"Revision": -1}, "InvalidRevision"),
    ("RollbackConfig", {"Revision": 1, "DryRun": "perhaps"}, "InvalidDryRun"),
    ("RollbackConfig", {"Revision": 9007199254740991}, "RevisionNotFound")])
def test_bad_parameters_are_named(shared, made, operation, params, code):
    shared.set_sni(made.A, "")
    before = contents(shared, BUT)
    assert "Revision" in refused(ask(shared, operation, **params), code) or "Revision" not in code
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("operation", ["ListConfigRevisions", "GetConfigRevision", "RollbackConfig", "GetRolloutStatus"])
def test_another_instance_or_grant_is_refused(shared, operation):
    params = {"Revision": "1"}
    refused(shared.api.v3(operation, params), "MissingMqttInstanceId")
    refused(shared.api.v3(operation, {"MqttInstanceId": "a b", **params}), "InvalidMqttInstanceId")
    refused(shared.api.v3(operation, {"MqttInstanceId": "mqtt-cn-nobody", **params}), "MqttInstanceNotFound")
    elsewhere = make_key(shared.api, "admin@mqtt-cn-elsewhere")
    refused(ask(shared, operation, elsewhere, **params), "Forbidden.RAM", 403)
    if operation == "RollbackConfig":
        refused(ask(shared, operation, make_key(shared.api, f"read@{shared.instance}"), **params), "Forbidden.RAM", 403)


def test_a_standard_instance_is_not_rolled_back(shared):
    standard = answered(shared.api.v3("CreateInstance", {"Edition": "standard"}), "CreateInstance")["MqttInstanceId"]
    refused(shared.api.v3("RollbackConfig", {"MqttInstanceId": standard, "Revision": "0"}), "InvalidParameter")


def test_a_deleted_certificate_is_named_and_nothing_changes(shared, made, authority):
    gone = shared.upload(authority.issue("gone.example.com"))
    with_domain, _ = set_sni(shared, made.A, f"z.example.com#{made.A};gone.example.com#{gone}")
    set_sni(shared, made.A, f"z.example.com#{made.A}")
    with_default, _ = set_sni(shared, gone, f"z.example.com#{made.B}")
    set_sni(shared, made.A, "")
    answered(shared.api.v3("DeleteUserCertificate", {"CertId": gone.split("-")[0]}, version=CAS), "DeleteUserCertificate")
    before = contents(shared, BUT)
    for dry_run in ("true", "false"):
        message = refused(ask(shared, "RollbackConfig", Revision=with_domain, DryRun=dry_run), "RollbackImpossible")
        assert gone.split("-")[0] in message and "gone.example.com" in message and str(with_domain) in message
        message = refused(ask(shared, "RollbackConfig", Revision=with_default, DryRun=dry_run), "RollbackImpossible")
        assert gone.split("-")[0] in message and "default certificate" in message
    assert contents(shared, BUT) == before


def test_what_is_not_kept_any_more_is_not_found(open_stack, authority):
    s = open_stack(env={"SIGNET_HISTORY_REVISIONS": 5})
    a, b = s.upload(authority.issue("a.example.com")), s.upload(authority.issue("b.example.com"))
    states = {}
    for n in range(12):
        number, states_at = set_sni(s, a, f"d{n}.example.com#{b};same.example.com#{a if n % 2 else b}")
        states[number] = states_at
    newest = s.revision()
    got = revisions(s)
    assert [r["Revision"] for r in got["Revisions"]] == list(range(newest, newest - 5, -1)) and got["TotalCount"] == 5
    assert s.sql("SELECT min(revision), count(DISTINCT revision) FROM config_change") == [[str(newest - 4), "5"]]
    for number in (0, 1, newest - 5):
        if number:
            refused(ask(s, "GetConfigRevision", Revision=number), "RevisionNotFound")
        assert str(number) in refused(ask(s, "RollbackConfig", Revision=number), "RevisionNotFound")
    rollback(s, newest - 4)  # the oldest; and now the next one is
    assert state(s) == states[newest - 4]
    refused(ask(s, "RollbackConfig", Revision=newest - 4), "RevisionNotFound")


def test_a_shortened_history_never_leads_to_a_state_that_never_was(open_stack, authority):
    """Configurations and other revisions are pruned apart, ten at a time: whatever is left is true, or not found."""
    s = open_stack()
    certs = [s.upload(authority.issue(f"{n}.example.com")) for n in "ab"]
    states = {0: ("", {})}

    def change(n):
        if n % 4 == 0:
            s.set_sni(certs[0], ";".join(f"d{i}.example.com#{certs[0]}" for i in range(n // 4 + 1)))
        else:
            make_key(s.api, f"write@{s.instance}")
        states[s.revision()] = state(s)

    for n in range(60):
        change(n)
    s.api_process.stop()
    s.api_env["SIGNET_HISTORY_REVISIONS"] = 4
    s.start_api()
    for n in range(60, 70):
        change(n)
        now, ways = state(s)[1], set()
        for to, (_, then) in states.items():
            reply = ask(s, "RollbackConfig", Revision=to, DryRun="true")
            if reply.status == 200:
                ways.add(to)
                wanted = (len(then.keys() - now.keys()), len(now.keys() - then.keys()))
                assert (reply.json["Added"], reply.json["Removed"]) == wanted
            else:
                refused(reply, "RevisionNotFound")
        assert {s.revision(), s.revision() - 1} <= ways and 0 not in ways
    rollback(s, min(ways))
    assert state(s) == states[min(ways)]


# ---- the history ----

def test_each_revision_has_its_row(shared, made):
    first, _ = set_sni(shared, made.A, f"one.example.com#{made.A};two.example.com#{made.A}")
    reply = shared.set_sni(made.B, f"two.example.com#{made.B};three.example.com#{made.B};e.example.com#{made.E}#{PASSWORD}")
    got = revisions(shared, PageSize=2)
    assert got["CurrentRevision"] == first + 1 and (got["CurrentPage"], got["PageSize"]) == (1, 2)
    row = got["Revisions"][0]
    assert abs(row["Time"] / 1000 - time.time()) < 60
    assert row == {"Revision": first + 1, "Action": "SetSniConfig", "AccessKeyId": shared.key_id, "SourceIp": "127.0.0.1",
                   "RequestId": reply.json["RequestId"], "Time": row["Time"], "DefaultCertificateBefore": made.A,
                   "DefaultCertificateAfter": made.B, "DomainsAdded": 2, "DomainsRemoved": 1, "DomainsChanged": 1,
                   "Summary": f"2 domains added, 1 removed, 1 changed; default certificate {made.B}"}
    one = revision(shared, first + 1)
    assert {**row, "RequestId": one["RequestId"]} == {k: one[k] for k in row}
    assert one["TotalCount"] == 4 and one["Changes"] == [
        {"Domain": "e.example.com", "CertIdentifierBefore": "", "CertIdentifierAfter": made.E},
        {"Domain": "one.example.com", "CertIdentifierBefore": made.A, "CertIdentifierAfter": ""},
        {"Domain": "three.example.com", "CertIdentifierBefore": "", "CertIdentifierAfter": made.B},
        {"Domain": "two.example.com", "CertIdentifierBefore": made.A, "CertIdentifierAfter": made.B}]
    for page in (1, 2):
        part = revision(shared, first + 1, PageSize=3, CurrentPage=page)
        assert part["Changes"] == one["Changes"][3 * page - 3:3 * page] and part["TotalCount"] == 4
    assert PASSWORD not in str(one)


def test_the_line_has_no_gap_and_pages_join(shared, made):
    for n in range(7):
        set_sni(shared, made.A if n % 2 else made.B, "")
    make_key(shared.api, f"write@{shared.instance}")  # who may connect is a matter of brokers: a revision too
    everything = revisions(shared, PageSize=1000)
    numbers = [r["Revision"] for r in everything["Revisions"]]
    assert numbers == list(range(everything["CurrentRevision"], 0, -1)) and everything["TotalCount"] == len(numbers)
    assert all(r["Summary"] and PASSWORD not in r["Summary"] for r in everything["Revisions"])
    pages = [revisions(shared, PageSize=3, CurrentPage=page)["Revisions"] for page in range(1, len(numbers) // 3 + 2)]
    assert sum(pages, []) == everything["Revisions"]
    assert revisions(shared, CurrentPage=1000000)["Revisions"] == []


def test_an_instance_without_history(shared):
    fresh = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    got = answered(shared.api.v3("ListConfigRevisions", {"MqttInstanceId": fresh}), "ListConfigRevisions")
    assert (got["CurrentRevision"], got["TotalCount"], got["Revisions"]) == (0, 0, [])
    got = answered(shared.api.v3("RollbackConfig", {"MqttInstanceId": fresh, "Revision": "0"}), "RollbackConfig")
    assert (got["Revision"], got["Added"], got["Removed"], got["Changed"]) == (0, 0, 0, 0)


# ---- the way back ----

def test_every_revision_comes_back_as_it_was(shared, made):
    """Thirty configurations, then each again, in an order that meets every neighbour."""
    states = {}
    pool = [made.A, made.B, f"{made.E}#{PASSWORD}"]
    for n in range(30):
        entries = [f"d{i}.example.com#{pool[(n * i + i) % 3]}" for i in range(9) if (n + i) % 4]
        number, states_at = set_sni(shared, (made.A, made.B)[n % 2], ";".join(entries))
        states[number] = states_at
    for to in sorted(states, key=lambda number: (number * 17) % 31):
        now = state(shared)
        expected = {domain: certificate for domain, certificate in states[to][1].items()}
        wanted = (len(expected.keys() - now[1].keys()), len(now[1].keys() - expected.keys()),
                  sum(now[1][d][0] != expected[d][0] for d in now[1].keys() & expected.keys()))
        would = rollback(shared, to, DryRun="true")
        assert (would["Added"], would["Removed"], would["Changed"]) == wanted and would["DryRun"] is True
        assert would["Revision"] == shared.revision() and state(shared) == now
        before = shared.revision()
        done = rollback(shared, to)
        assert {**would, "DryRun": False, "Revision": done["Revision"], "RequestId": done["RequestId"]} == done
        assert state(shared) == states[to]
        assert done["Revision"] == before + (1 if now != states[to] else 0)
        row = revisions(shared, PageSize=1)["Revisions"][0]
        if now != states[to]:
            assert row["Action"] == "RollbackConfig" and row["Summary"].startswith(f"rolled back to {to}: ")
            assert (row["DomainsAdded"], row["DomainsRemoved"], row["DomainsChanged"]) == wanted
    serves_what_is_configured(shared, made)


def test_the_present_revision_changes_nothing(shared, made):
    number, before = set_sni(shared, made.A, f"now.example.com#{made.B}")
    rows = contents(shared, BUT)
    got = ask(shared, "RollbackConfig", Revision=number)
    assert answered(got, "RollbackConfig")["Revision"] == number
    shared.rolled_out(got)
    assert state(shared) == before and contents(shared, BUT) == rows


def test_before_the_first_configuration_nothing_is_served(open_stack, authority):
    s = open_stack()
    made = Set(s, authority)
    set_sni(s, made.A, f"one.example.com#{made.B};e.example.com#{made.E}#{PASSWORD}")
    done = rollback(s, 0)
    assert (done["Added"], done["Removed"], done["Changed"]) == (0, 2, 0)
    assert state(s) == ("", {})
    assert s.sql("SELECT count(*) FROM sni_certificate") == [["0"]]
    for name in ("one.example.com", "e.example.com", None):
        with pytest.raises(OSError):
            s.served(name)
    rollback(s, 1)
    serves_what_is_configured(s, made)


def test_an_encrypted_key_is_opened_again_for_the_brokers(shared, made):
    held = f"SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = {made.E.split('-')[0]}"
    as_entry, _ = set_sni(shared, made.A, f"e.example.com#{made.E}#{PASSWORD};f.example.com#{made.E}#{PASSWORD}")
    as_default, _ = set_sni(shared, made.E, f"g.example.com#{made.E}#{PASSWORD}")
    set_sni(shared, made.A, f"h.example.com#{made.B}")
    for to in (as_entry, as_default, as_entry):
        assert shared.sql(held) == [["f"]]
        rollback(shared, to, DryRun="true")
        assert shared.sql(held) == [["f"]]
        reply = ask(shared, "RollbackConfig", Revision=to)
        assert reply.status == 200, reply
        shared.rolled_out(reply)
        assert shared.sql(held) == [["t"]]
        serves_what_is_configured(shared, made)
        again = ";".join(f"{d}#{c}" + (f"#{PASSWORD}" if p else "") for d, (c, p) in state(shared)[1].items())
        before = shared.revision()
        shared.set_sni(state(shared)[0], again)  # the passwords came back with their entries
        assert shared.revision() == before
        set_sni(shared, made.A, f"h.example.com#{made.B}")


class Hold:
    """The instance's row, locked as a change locks it, until release()."""

    def __init__(self, stack):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-d", stack.cluster.url(stack.database, "signet_owner")],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.psql.stdin.write("BEGIN; SELECT 'locked' FROM instance WHERE mqtt_instance_id = "
                              f"'{stack.instance}' FOR NO KEY UPDATE;\n")
        self.psql.stdin.flush()

    def wait(self):
        assert self.psql.stdout.readline() == "locked\n"
        return self

    def release(self):
        self.psql.communicate("COMMIT;\n", timeout=30)


def test_a_rollback_gets_through_however_often_others_take_its_keys_away(shared, made, authority):
    """Two encrypted certificates, and another instance that uses now this one, now that: whenever the rollback has looked
    whose key it must open, the other one's goes."""
    other, certs = "mqtt-cn-signet00keys", [authority.issue(f"{n}.example.com", password=PASSWORD) for n in "pq"]
    ids = [shared.upload(c) for c in certs]
    both = ";".join(f"{n}.example.com#{i}#{PASSWORD}" for n, i in zip("pq", ids))
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": other}), "CreateInstance")

    def use(*used):
        config = ";".join(f"u{n}.example.com#{i}#{PASSWORD}" for n, i in enumerate(used))
        answered(shared.api.v3("SetSniConfig", {"MqttInstanceId": other, "DefaultCertificate": made.A, "SniConfig": config}),
                 "SetSniConfig")

    def keys():
        return [r == "t" for i in ids for r, in shared.sql(
            f"SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = {i.split('-')[0]}")]

    number, before = set_sni(shared, made.A, both)
    set_sni(shared, made.A, "")
    use(ids[0])
    assert keys() == [True, False]
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    hold = Hold(shared).wait()
    with ThreadPoolExecutor(1) as threads:
        call = threads.submit(ask, shared, "RollbackConfig", Revision=number)
        for turn in range(5):
            wait_until(lambda: call.done() or len(shared.sql(waiting)) == 1, what="the rollback to wait for the instance")
            if call.done():
                break
            use(ids[(turn + 1) % 2])
            following = Hold(shared)  # it gets the instance when this attempt is over, and the next one waits again
            wait_until(lambda: len(shared.sql(waiting)) == 2, what="both to wait for the instance")
            hold.release()
            hold = following.wait()
        hold.release()
        answered(call.result(), "RollbackConfig")
    assert turn > 1 and state(shared) == before and keys() == [True, True]
    for n, c in zip("pq", certs):
        assert shared.served(f"{n}.example.com") == c.sha256
    set_sni(shared, made.A, "")
    use()
    assert keys() == [False, False]


def test_a_key_that_its_password_no_longer_opens_is_no_way_back(shared, made, authority):
    """As after a restore of half a backup: the entry's sealed password is there and is of no use."""
    cert = shared.upload(authority.issue("torn.example.com", password=PASSWORD))
    number, _ = set_sni(shared, made.A, f"torn.example.com#{cert}#{PASSWORD}")
    set_sni(shared, made.A, "")
    shared.sql("UPDATE config_change SET after_password_sealed = overlay(after_password_sealed placing '\\x00' from 80 for 1), "
               "before_password_sealed = overlay(before_password_sealed placing '\\x00' from 80 for 1) "
               "WHERE domain = 'torn.example.com'")
    before = contents(shared, BUT)
    message = refused(ask(shared, "RollbackConfig", Revision=number), "RollbackImpossible")
    assert "torn.example.com" in message and cert.split("-")[0] in message
    assert contents(shared, BUT) == before


def test_other_changes_in_the_line_are_no_obstacle_and_stay(shared, made):
    first, before = set_sni(shared, made.A, f"one.example.com#{made.B}")
    key = make_key(shared.api, f"write@{shared.instance}")
    middle = shared.revision()
    assert middle == first + 1
    set_sni(shared, made.B, f"two.example.com#{made.B}")
    rollback(shared, middle)
    assert state(shared) == before
    row = revision(shared, middle)
    assert row["Changes"] == [] and row["Summary"] != "" and row["DefaultCertificateBefore"] == made.A
    assert shared.client("rolled-back-key", tls=False, login=(key.key_id, key.secret, shared.instance)).code == 0


def test_a_certificate_in_a_rolled_back_configuration_cannot_be_deleted(shared, made, authority):
    cert = shared.upload(authority.issue("kept.example.com"))
    number, _ = set_sni(shared, made.A, f"kept.example.com#{cert}")
    set_sni(shared, made.A, "")
    rollback(shared, number)
    reply = shared.api.v3("DeleteUserCertificate", {"CertId": cert.split("-")[0]}, version=CAS)
    refused(reply, "InvalidStatus.DeleteProtection")
    set_sni(shared, made.A, "")
    answered(shared.api.v3("DeleteUserCertificate", {"CertId": cert.split("-")[0]}, version=CAS), "DeleteUserCertificate")


def test_twenty_thousand_domains_come_back_at_once(shared, made):
    text = ";".join(f"d{n}.many.example.com#{made.B if n % 2 else made.A}" for n in range(20000))
    number, _ = set_sni(shared, made.A, text)
    digest = "SELECT count(*), md5(string_agg(domain || certificate_id, ',' ORDER BY domain)) FROM sni_mapping " \
             f"WHERE mqtt_instance_id = '{shared.instance}' AND certificate_id IS NOT NULL"
    before = shared.sql(digest)
    set_sni(shared, made.A, "")
    began = time.monotonic()
    assert rollback(shared, number)["Added"] == 20000
    assert time.monotonic() - began < 20
    assert shared.sql(digest) == before
    wait_until(lambda: shared.status()["applied"] == shared.revision(), what="the broker to apply it")
    assert shared.served("d19999.many.example.com") == made.b.sha256 and shared.status()["domains"] == 20000
    set_sni(shared, made.A, "")


def test_work_factors_of_a_rollback_have_a_limit(shared, made, authority):
    """Fifty-one keys of 2,000,000 rounds each are more than a minute's work: refused before any is done."""
    c = authority.issue("slow.example.com")
    openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "2000000", "-in", c.key_path, "-passout", "pass:slow", "-out",
            f"{c.key_path}.enc")
    slow = open(f"{c.key_path}.enc", encoding="ascii").read()
    ids = [shared.upload(c, key=slow) for _ in range(51)]
    before, _ = set_sni(shared, made.A, "")
    # as if they had been set ten at a time
    rows = ", ".join(f"('{shared.instance}', {before + 1}, 's{n}.example.com', {i.split('-')[0]}, '\\x00')"
                     for n, i in enumerate(ids))
    shared.sql("INSERT INTO config_change (mqtt_instance_id, revision, domain, before_certificate_id, before_password_sealed) "
               f"VALUES {rows}")
    shared.sql(f"INSERT INTO config_revision SELECT mqtt_instance_id, revision + 1, action, access_key_id, source_ip, request_id "
               f"FROM config_revision WHERE mqtt_instance_id = '{shared.instance}' AND revision = {before}; "
               f"UPDATE instance SET revision = revision + 1 WHERE mqtt_instance_id = '{shared.instance}'")
    began = time.monotonic()
    assert "100,000,000 rounds" in refused(ask(shared, "RollbackConfig", Revision=before), "RollbackImpossible")
    assert time.monotonic() - began < 5


# ---- who serves what ----

def status(stack):
    return answered(ask(stack, "GetRolloutStatus"), "GetRolloutStatus")


def test_the_rollout_says_what_each_broker_serves(open_stack, authority):
    s = open_stack()
    a = s.upload(authority.issue("a.example.com"))
    answered(s.set_sni(a, ""), "SetSniConfig")
    got = status(s)
    assert (got["State"], got["Revision"], len(got["Brokers"])) == ("applied", s.revision(), 1)
    node = got["Brokers"][0]
    assert node["AppliedRevision"] == s.revision() and node["Current"] and node["Alive"] and node["Rejected"] == []
    assert abs(node["SeenAt"] / 1000 - time.time()) < 30 and node["StartedAt"] <= node["SeenAt"] + 1000

    # one that lags, one that is gone, and what a broker could not use
    s.sql(f"INSERT INTO broker_node VALUES ('{s.instance}', 'slow', {s.revision() - 1}, "
          "'[{\"domain\":\"x.example.com\",\"certificate\":\"7\",\"error\":\"why\"}]', now(), now()), "
          f"('{s.instance}', 'gone', 0, '[]', now() - interval '1 day', now() - interval '21 seconds')")
    got = status(s)
    by_name = {b["NodeId"]: b for b in got["Brokers"]}
    assert got["State"] == "pending" and got["Brokers"][-1]["NodeId"] == "gone"
    assert (by_name["slow"]["Current"], by_name["slow"]["Alive"]) == (False, True)
    assert by_name["slow"]["Rejected"] == [{"domain": "x.example.com", "certificate": "7", "error": "why"}]
    assert (by_name["gone"]["Current"], by_name["gone"]["Alive"]) == (False, False)
    s.sql("DELETE FROM broker_node WHERE node_id = 'slow'")
    assert status(s)["State"] == "applied"  # who is gone holds nothing up
    s.broker.kill()
    s.sql("UPDATE broker_node SET seen_at = now() - interval '1 minute'")
    assert status(s)["State"] == "none"
