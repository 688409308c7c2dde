"""SetSniConfig with DryRun=true: the report on every entry, that it says what the call would do, and that nothing changes."""
import json
import re
import time

import pytest
from harness.certs import Certificate, openssl
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")
PASSWORD = "dry#run"
GOOD = {"Problems": [], "Warnings": [], "CoversDomain": True, "ChainComplete": True, "KeyAlgorithm": "ECC", "KeyBits": 256}


def dry(stack, default, config, api=None, **params):
    return (api or stack.api).basic("SetSniConfig", {"MqttInstanceId": stack.instance, "DefaultCertificate": default,
                                                     "SniConfig": config, "DryRun": "true", **params}, as_json=True)


def report(stack, default, config):
    """The answer, with its rows by entry number; and nothing has changed."""
    before = contents(stack, BUT)
    reply = dry(stack, default, config)
    got = answered(reply, "SetSniConfig")
    assert "x-signet-rollout" not in reply.headers and got["DryRun"] is True
    assert contents(stack, BUT) == before
    rows = {row["Entry"]: row for row in got["Report"]}
    assert len(rows) == len(got["Report"])
    assert got["ProblemCount"] == sum(len(r["Problems"]) for r in rows.values())
    assert got["WarningCount"] == sum(len(r["Warnings"]) for r in rows.values())
    assert got["Success"] == ("true" if got["ProblemCount"] == 0 else "false")
    return got, rows


def shows(row, **wanted):
    wanted = {**GOOD, **wanted}
    assert {k: row.get(k) for k in wanted} == wanted, row
    assert row["NotAfter"] > time.time() * 1000 and abs(row["DaysLeft"] - (row["NotAfter"] / 1000 - time.time()) / 86400) < 1.1


class Set:
    def __init__(self, stack, authority, folder):
        def issue(*args, **kwargs):
            return stack.upload(authority.issue(*args, days=kwargs.pop("days", 400), **kwargs))
        self.A = issue("a.example.com")
        self.W = issue("w", sans=["*.w.example.com", "W.example.COM", "10.1.2.3.example.com", "xn--bcher-kva.example.com"])
        self.R = issue("r.example.com", key="rsa:2048")
        self.E = issue("e.example.com", password=PASSWORD)
        self.SOON, self.PAST = issue("soon.example.com", days=20), issue("past.example.com", days=-1)
        crt = authority.issue("alone.example.com", days=400)
        self.ALONE = stack.upload(Alone(crt))
        self.CN = stack.upload(only_common_name(folder))


class Alone:
    """A certificate without its issuer behind it."""

    def __init__(self, certificate):
        self.chain, self.key = certificate.crt, certificate.key


def only_common_name(folder):
    stem = folder / "cn"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "400", "-subj",
            "/CN=CN.example.com", "-keyout", f"{stem}.key", "-out", f"{stem}.crt")
    return Certificate(stem)


@pytest.fixture(scope="module")
def made(shared, authority, tmp_path_factory):
    return Set(shared, authority, tmp_path_factory.mktemp("cn"))


# ---- what is refused all the same ----

def test_who_may_not_set_may_not_ask(shared, made):
    refused(dry(shared, made.A, "", make_key(shared.api, f"read@{shared.instance}")), "Forbidden.RAM", 403)
    refused(dry(shared, made.A, "", MqttInstanceId="mqtt-cn-nobody"), "MqttInstanceNotFound")
    refused(dry(shared, "", "a.example.com#1"), "MissingDefaultCertificate")
    refused(dry(shared, made.A, "", DryRun="perhaps"), "InvalidDryRun")
    standard = answered(shared.api.v3("CreateInstance", {"Edition": "standard"}), "CreateInstance")["MqttInstanceId"]
    refused(dry(shared, made.A, "", MqttInstanceId=standard), "InvalidParameter")


# ---- problems ----

def test_every_wrong_entry_is_told_why_and_the_right_ones_too(shared, made):
    got, rows = report(shared, made.A, ";".join([
        f"a.example.com#{made.A}",               # 1 is good
        "no-hash.example.com",                   # 2
        "",                                      # 3
        f"localhost#{made.A}",                   # 4
        "d.example.com#my-cert",                 # 5
        f"A.example.com.#{made.R}",              # 6 has the domain of 1
        "u.example.com#999999999-cn-hangzhou",   # 7
        f"e.example.com#{made.E}",               # 8 has no password
        f"p.example.com#{made.A}#needless",      # 9
        f"l.example.com#{made.E}#" + "p" * 1025,  # 10
        f"f.example.com#{made.E}#wrong",         # 11
        f"g.example.com#{made.E}#{PASSWORD}",    # 12 is good but for its name
    ]))
    assert got["Success"] == "false" and got["ProblemCount"] == 10
    why = {2: "'#'", 3: "empty", 4: "single label", 5: "certificate ID", 6: "entry 1 has the same domain", 7: "does not exist",
           8: "password is missing", 9: "not encrypted", 10: "longer than 1024", 11: "password does not open"}
    for number, text in why.items():
        assert len(rows[number]["Problems"]) == 1 and text in rows[number]["Problems"][0], rows[number]
    assert sorted(n for n, row in rows.items() if not row["Problems"]) == [0, 1, 12]
    shows(rows[1], Domain="a.example.com", CertIdentifier=made.A)
    assert (rows[2]["Domain"], rows[4]["Domain"], rows[6]["Domain"]) == ("no-hash.example.com", "localhost", "a.example.com")
    assert "NotAfter" not in rows[7] and rows[7]["CertIdentifier"] == "999999999-cn-hangzhou"
    text = json.dumps(got)
    assert not any(secret in text for secret in (PASSWORD, "needless", "wrong#", "pppp"))
    # the call itself says the same
    message = refused(shared.set_sni(made.A, ";".join(["no-hash.example.com", f"localhost#{made.A}"])), "InvalidSniConfig")
    assert rows[2]["Problems"][0] in message and rows[4]["Problems"][0] in message


def test_the_rest_of_a_password_is_not_shown(shared, made):
    got, rows = report(shared, made.A, f"e.example.com#{made.E}#secret-begin;secret-rest")
    assert rows[2]["Domain"] == "" and "secret" not in json.dumps(got)


def test_the_default_certificate_is_entry_0(shared, made):
    for default, why in (("my-cert", "certificate ID"), ("999999999-cn-hangzhou", "does not exist"),
                         (made.E, "its private key is encrypted")):
        got, rows = report(shared, default, f"a.example.com#{made.A}")
        assert len(rows[0]["Problems"]) == 1 and why in rows[0]["Problems"][0] and rows[1]["Problems"] == []
    got, rows = report(shared, made.E, f"e.example.com#{made.E}#{PASSWORD}")
    shows(rows[0], Domain="", CertIdentifier=made.E, CoversDomain=None)
    assert got["Success"] == "true"


def test_too_many_entries(shared, made):
    got = answered(dry(shared, made.A, "a.example.com#1;" * 200001), "SetSniConfig")
    assert got["Success"] == "false" and got["ProblemCount"] == 1
    assert [r["Problems"] for r in got["Report"]][0] == ["more than 200000 entries are not allowed"]


# ---- warnings ----

@pytest.mark.parametrize("domain, covered", [
    ("one.w.example.com", True), ("*.w.example.com", True), ("w.example.com", True), ("bücher.example.com", True),
    ("a.b.w.example.com", False), ("*.one.w.example.com", False), ("*.example.com", False), ("x.example.com", False)])
def test_names_cover_as_tls_clients_see_it(shared, made, domain, covered):
    _, rows = report(shared, made.A, f"{domain}#{made.W}")
    shows(rows[1], CoversDomain=covered, Warnings=rows[1]["Warnings"])
    assert bool(rows[1]["Warnings"]) != covered and all("covers the domain" in w for w in rows[1]["Warnings"])
    assert rows[1]["Problems"] == []  # it is served all the same


def test_a_chain_that_ends_nowhere_is_a_warning(shared, made):
    _, rows = report(shared, made.A, f"alone.example.com#{made.ALONE}")
    shows(rows[1], ChainComplete=False, Warnings=rows[1]["Warnings"])
    assert len(rows[1]["Warnings"]) == 1 and "chain is incomplete" in rows[1]["Warnings"][0]


def test_only_a_common_name_is_a_warning(shared, made):
    _, rows = report(shared, made.A, f"cn.example.com#{made.CN};x.cn.example.com#{made.CN}")
    shows(rows[1], Warnings=rows[1]["Warnings"])
    assert len(rows[1]["Warnings"]) == 1 and "only the common name" in rows[1]["Warnings"][0]
    shows(rows[2], CoversDomain=False, Warnings=rows[2]["Warnings"])


def test_expiry_and_key_are_told(shared, made):
    got, rows = report(shared, made.R, f"soon.example.com#{made.SOON};past.example.com#{made.PAST};r.example.com#{made.R}")
    shows(rows[1], Warnings=rows[1]["Warnings"])
    # the last day may end between its making and the call, or not have begun
    assert re.fullmatch(r"the certificate expires in (19|20) days, on \d{4}-\d\d-\d\d", rows[1]["Warnings"][0])
    assert rows[2]["Warnings"][0].startswith("the certificate expired on ") and rows[2]["DaysLeft"] == 0
    shows(rows[3], KeyAlgorithm="RSA", KeyBits=2048)
    shows(rows[0], KeyAlgorithm="RSA", KeyBits=2048, CoversDomain=None)
    assert got["Success"] == "true" and got["WarningCount"] == 2


# ---- what it would do ----

def test_it_counts_what_would_change_and_the_call_does_that(shared, made):
    answered(shared.set_sni(made.A, f"stays.example.com#{made.A};goes.example.com#{made.A};other.example.com#{made.A}"),
             "SetSniConfig")
    text = f"stays.example.com#{made.A};other.example.com#{made.R};new.example.com#{made.R};e.example.com#{made.E}#{PASSWORD}"
    got, _ = report(shared, made.R, text)
    assert [got[k] for k in ("Success", "Added", "Removed", "Changed", "Unchanged")] == ["true", 2, 1, 1, 1]
    held = f"SELECT serving_key_sealed IS NULL FROM server_certificate WHERE id = {made.E.split('-')[0]}"
    assert shared.sql(held) == [["t"]]
    answered(shared.set_sni(made.R, text), "SetSniConfig")
    row = answered(shared.api.v3("ListConfigRevisions", {"MqttInstanceId": shared.instance, "PageSize": "1"}),
                   "ListConfigRevisions")["Revisions"][0]
    assert [row[k] for k in ("DomainsAdded", "DomainsRemoved", "DomainsChanged")] == [2, 1, 1]
    got, _ = report(shared, made.R, text)
    assert [got[k] for k in ("Added", "Removed", "Changed", "Unchanged")] == [0, 0, 0, 4]
    got, rows = report(shared, made.A, "")
    assert [got[k] for k in ("Added", "Removed", "Changed", "Unchanged")] == [0, 4, 0, 0] and set(rows) == {0}


def test_of_many_entries_the_wrong_ones_are_shown_first(shared, made):
    entries = [f"d{n}.w.example.com#{made.W}" for n in range(30000)]
    entries[29998] = f"bad name#{made.W}"
    entries[25000] = f"d.w.example.com#{made.E}#wrong"
    entries[20000] = f"x.example.com#{made.W}"
    wait_until(lambda: shared.status().get("applied") == shared.revision(), what="the broker to be still")
    before = contents(shared, BUT)
    began = time.monotonic()
    got = answered(dry(shared, made.A, ";".join(entries)), "SetSniConfig")
    assert time.monotonic() - began < 15 and contents(shared, BUT) == before
    numbers = [row["Entry"] for row in got["Report"]]
    assert len(numbers) == 10000 and numbers[:4] == [25001, 29999, 20001, 0] and numbers[4:] == list(range(1, 9997))
    assert (got["ProblemCount"], got["WarningCount"], got["Success"]) == (2, 2, "false")
    assert got["Added"] == 29999
