"""SetSniConfig and GetSniConfig: what is served, and that a bad configuration changes nothing at all."""
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import CAS
from harness.certs import openssl
from harness.expect import answered, contents, refused
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")  # a well signed call leaves its nonce
PASSWORD = "correct-horse#battery"


def get(stack, **params):
    return answered(stack.api.v3("GetSniConfig", {"MqttInstanceId": stack.instance, **params}), "GetSniConfig")


def domains(stack):
    return {row["Domain"]: row["CertIdentifier"] for row in get(stack)["SniConfig"]}


def applied(stack, reply):
    assert answered(reply, "SetSniConfig")["Success"] == "true"
    stack.rolled_out(reply)


class Set:
    """Certificates, uploaded once a module: a and b plain, e encrypted, x encrypted with another certificate's key."""

    def __init__(self, stack, authority):
        self.a, self.b = authority.issue("a.example.com"), authority.issue("b.example.com", key="rsa:2048")
        self.e = authority.issue("e.example.com", password=PASSWORD)
        self.A, self.B, self.E = (stack.upload(c) for c in (self.a, self.b, self.e))
        self.X = stack.upload(self.a, key=self.e.key)


@pytest.fixture(scope="module")
def made(shared, authority):
    return Set(shared, authority)


@pytest.fixture
def known(shared, made):
    """A configuration that is served, to see that it stays."""
    applied(shared, shared.set_sni(made.A, f"known.example.com#{made.B};*.wild.example.com#{made.E}#{PASSWORD}"))

    def look():
        return (shared.served("known.example.com"), shared.served("one.wild.example.com"), shared.served("nobody.example.com"),
                get(shared)["Revision"], contents(shared, BUT))

    before = look()
    assert before[:3] == (made.b.sha256, made.e.sha256, made.a.sha256)
    yield made
    assert look() == before


LABEL64, NAME254 = "x" * 64, ".".join(["x" * 49] * 5) + ".abcd"

# entry text; number of the entry that is wrong; why, as its message says
BAD = {
    "no hash": ("known.example.com", 1, "'#'"),
    "no hash in the second": ("ok.example.com#{A};known.example.com", 2, "'#'"),
    "nothing between separators": ("ok.example.com#{A};;fine.example.com#{A}", 2, "empty"),
    "only separators": (";;", 1, "empty"),
    "only one separator": (";", 1, "empty"),
    "empty domain": ("#{A}", 1, "domain is empty"),
    "blank domain": (" \t\n #{A}", 1, "domain is empty"),
    "label of 64": (LABEL64 + ".example.com#{A}", 1, "longer than 63"),
    "label of 64 as U-label": ("ü" * 62 + ".example.com#{A}", 1, "longer than 63"),
    "name of 254": (NAME254 + "#{A}", 1, "longer than 253"),
    "star inside": ("a.*.example.com#{A}", 1, "'*'"),
    "star at the end": ("example.*#{A}", 1, "'*'"),
    "star as a part": ("w*.example.com#{A}", 1, "'*'"),
    "two stars": ("*.*.example.com#{A}", 1, "'*'"),
    "star over a top level": ("*.com#{A}", 1, "wildcard"),
    "star alone": ("*#{A}", 1, "'*'"),
    "twice": ("d.example.com#{A};d.example.com#{B}", 2, "entry 1 has the same domain"),
    "twice by case": ("d.example.com#{A};x.example.com#{A};D.Example.COM#{A}", 3, "entry 1 has the same domain"),
    "twice by dot": ("d.example.com#{A};d.example.com.#{A}", 2, "entry 1 has the same domain"),
    "twice by U- and A-label": ("bücher.example.com#{A};xn--bcher-kva.example.com#{A}", 2, "entry 1 has the same domain"),
    "twice by case of a U-label": ("*.bücher.example.com#{A};*.BÜCHER.example.com#{A}", 2, "entry 1 has the same domain"),
    "unknown certificate": ("d.example.com#999999999-cn-hangzhou", 1, "999999999 does not exist"),
    "no certificate": ("d.example.com#", 1, "certificate ID"),
    "no certificate but a password": ("d.example.com##secret-in-third", 1, "certificate ID"),
    "certificate by name": ("d.example.com#my-cert", 1, "certificate ID"),
    "certificate of another region": ("d.example.com#15330001-us-east-1", 1, "certificate ID"),
    "certificate beyond numbers": ("d.example.com#99999999999999999999-cn-hangzhou", 1, "certificate ID"),
    "wrong password": ("known.example.com#{E}#wrong-password", 1, "password does not open"),
    "password in other case": ("known.example.com#{E}#CORRECT-HORSE#BATTERY", 1, "password does not open"),
    "half a password": ("known.example.com#{E}#correct-horse", 1, "password does not open"),
    "missing password": ("known.example.com#{E}", 1, "password is missing"),
    "empty password": ("known.example.com#{E}#", 1, "password is missing"),
    "right and wrong password": ("a.example.com#{E}#{P};b.example.com#{E}#wrong-password", 2, "password does not open"),
    "password on a plain key": ("known.example.com#{A}#needless-password", 1, "not encrypted"),
    "key of another certificate": ("known.example.com#{X}#{P}", 1, "belongs to another certificate"),
    "password beyond the limit": ("known.example.com#{E}#" + "p" * 1025, 1, "longer than 1024"),
    "password with a separator": ("known.example.com#{E}#secret-begin;secret-rest", 2, "'#'"),
    "address": ("127.0.0.1#{A}", 1, "IP address"),
    "address of six": ("[::1]#{A}", 1, "IP address"),
    "single label": ("localhost#{A}", 1, "single label"),
    "blank inside": ("a b.example.com#{A}", 1, "character"),
    "empty label": ("a..example.com#{A}", 1, "label is empty"),
    "hyphen first": ("-a.example.com#{A}", 1, "'-'"),
    "no IDN": ("xn--a.example.com#{A}", 1, "IDN"),
    "markup": ("<b>.example.com#{A}", 1, "character"),
}
SECRETS = ["wrong-password", "needless-password", "secret-in-third", "secret-rest", "secret-begin", "pppppppp", PASSWORD,
           "CORRECT-HORSE"]


@pytest.mark.parametrize("what", BAD)
def test_a_bad_entry_is_named_and_changes_nothing(shared, known, what):
    text, number, why = BAD[what]
    text = text.format(A=known.A, B=known.B, E=known.E, X=known.X, P=PASSWORD)
    for call in (shared.api.v1, shared.api.basic):
        reply = call("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": known.B, "SniConfig": text})
        message = refused(reply, "InvalidSniConfig")
        assert re.search(rf"\bentry {number}\b[^;]*: .*{re.escape(why)}", message), message
        assert "x-signet-rollout" not in reply.headers
        assert not any(secret in reply.body.decode() for secret in SECRETS), message


def test_all_that_is_wrong_is_said_at_once(shared, known):
    message = refused(shared.set_sni(known.A, f"one;two.example.com#0;ok.example.com#{known.A};*.x#{known.A}"),
                      "InvalidSniConfig")
    assert [int(n) for n in re.findall(r"entry (\d+)", message)] == [1, 2, 4]
    message = refused(shared.set_sni(known.A, ";".join(f"d{n}.example.com#{n}-x" for n in range(1000))), "InvalidSniConfig")
    assert len(re.findall(r"entry \d+ ", message)) == 20 and "and 980 more" in message
    message = refused(shared.set_sni(known.A, ";".join(f"d{n}.example.com#{known.E}#no-{n}" for n in range(200))),
                      "InvalidSniConfig")
    assert "and 180 more" in message and "no-1" not in message


def test_the_domain_of_a_message_is_made_printable(shared, known):
    reply = shared.set_sni(known.A, "bad\x1b[31m\u202e.example.com#" + known.A)
    message = refused(reply, "InvalidSniConfig")
    assert "\x1b" not in message and "\u202e" not in message and "entry 1 (bad?[31m" in message
    assert len(refused(shared.set_sni(known.A, "ü" * 5000 + "#" + known.A), "InvalidSniConfig")) < 400


@pytest.mark.parametrize("default, code", [
    ("", "MissingDefaultCertificate"), ("999999999-cn-hangzhou", "InvalidDefaultCertificate"),
    ("my-cert", "InvalidDefaultCertificate"), ("0", "InvalidDefaultCertificate"), ("-1", "InvalidDefaultCertificate"),
    ("15330001-us-east-1", "InvalidDefaultCertificate"), ("{E}", "InvalidDefaultCertificate")])
def test_a_bad_default_is_refused(shared, known, default, code):
    message = refused(shared.set_sni(default.format(E=known.E), f"d.example.com#{known.A}"), code)
    assert "DefaultCertificate" in message


def test_bad_instances_are_refused(shared, known):
    for instance, code in (("", "MissingMqttInstanceId"), ("mqtt-cn-nobody", "MqttInstanceNotFound"),
                           ("a/../b", "InvalidMqttInstanceId"), ("x" * 65, "InvalidMqttInstanceId")):
        reply = shared.api.v3("SetSniConfig", {"MqttInstanceId": instance, "DefaultCertificate": known.A, "SniConfig": ""})
        refused(reply, code)


def test_mebibytes_of_garbage_change_nothing(shared, known):
    for text in ("x" * (16 << 20), "a.example.com#1;" * (1 << 20), (f"d.example.com#{known.A}#" + "p" * 100 + ";") * 100000):
        refused(shared.api.basic("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": known.A,
                                                  "SniConfig": text}, as_json=True), "InvalidSniConfig")


def test_work_factors_have_a_limit_in_all(shared, made, authority):
    """Eleven keys of 2,000,000 rounds each: refused before the first is derived, which would take seconds."""
    c = authority.issue("slow.example.com")
    openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "2000000", "-in", c.key_path, "-passout", "pass:slow", "-out",
            f"{c.key_path}.slow")
    with open(f"{c.key_path}.slow", encoding="ascii") as key:
        slow = key.read()
    ids = [shared.upload(c, key=slow) for _ in range(11)]
    before = contents(shared, BUT)
    text = ";".join(f"s{n}.example.com#{i}#{'slow' if n else 'wrong'}" for n, i in enumerate(ids))
    message = refused(shared.set_sni(made.A, text), "InvalidSniConfig")
    assert re.fullmatch(r"[^:]*: entry 11 \(s10\.example\.com\): certificate \d+: .*more than 20,000,000 rounds[^;]*", message)
    reply = shared.api.v3("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": made.A, "SniConfig": text,
                                           "DryRun": "true"})
    wrong = [row for row in answered(reply, "SetSniConfig")["Report"] if row["Problems"]]
    assert [row["Entry"] for row in wrong] == [11] and "20,000,000 rounds" in wrong[0]["Problems"][0]
    assert contents(shared, BUT) == before


# ---- the good ones ----

@pytest.mark.parametrize("password", [PASSWORD, "p#a##s#s", "#", "##", " begins with a blank", "ünïcödé 密码", "a b\tc",
                                      "p" * 1000, "quote'\"\\%s$1"])
def test_an_encrypted_key_is_served_once_its_password_is_given(shared, made, authority, password):
    c = authority.issue("secret.example.com", password=password)
    cert = shared.upload(c)
    applied(shared, shared.set_sni(made.A, f"secret.example.com#{cert}#{password}"))
    assert shared.served("secret.example.com") == c.sha256
    assert get(shared)["SniConfig"][0]["HasPassword"] is True
    applied(shared, shared.set_sni(made.A, f"other.example.com#{cert}#{password}"))  # again, under another name
    assert shared.served("other.example.com") == c.sha256 and shared.served("secret.example.com") == made.a.sha256


def test_an_encrypted_key_may_be_the_default_with_an_entry_of_its_own(shared, made):
    applied(shared, shared.set_sni(made.E, f"e.example.com#{made.E}#{PASSWORD}"))
    assert shared.served("nobody.example.com") == shared.served(None) == made.e.sha256


def test_a_password_that_is_served_already_is_not_derived_again(shared, made, authority):
    """The uploaded key is made unreadable: who would open it again, fails."""
    c = authority.issue("known.example.com", password=PASSWORD)
    cert = shared.upload(c)
    applied(shared, shared.set_sni(made.A, f"known.example.com#{cert}#{PASSWORD}"))
    shared.sql(f"UPDATE server_certificate SET key_sealed = '\\x00' WHERE id = {cert.split('-')[0]}")
    applied(shared, shared.set_sni(made.A, f"known.example.com#{cert}#{PASSWORD};more.example.com#{cert}#{PASSWORD}"))
    assert shared.served("more.example.com") == c.sha256
    for wrong, why in (("#wrong", "does not open"), ("", "password is missing")):
        assert why in refused(shared.set_sni(made.A, f"known.example.com#{cert}{wrong}"), "InvalidSniConfig")
    applied(shared, shared.set_sni(cert, f"more.example.com#{cert}#{PASSWORD}"))
    applied(shared, shared.set_sni(made.A, ""))
    assert shared.set_sni(made.A, f"known.example.com#{cert}#{PASSWORD}").status != 200  # now nobody knows it any more


def test_a_password_that_was_trusted_is_derived_when_its_entry_is_gone_meanwhile(shared, made):
    """While the call waits for the instance, another change ends the use of the key that it took for served."""
    applied(shared, shared.set_sni(made.A, f"e.example.com#{made.E}#{PASSWORD}"))
    number, instance = made.E.split("-")[0], shared.instance
    other = subprocess.Popen(["psql", "-XqAt", "-d", shared.cluster.url(shared.database, "signet_owner")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with other, ThreadPoolExecutor(1) as threads:
        other.stdin.write(f"BEGIN; SELECT 'locked' FROM instance WHERE mqtt_instance_id = '{instance}' FOR NO KEY UPDATE;\n")
        other.stdin.flush()
        assert other.stdout.readline() == "locked\n"
        call = threads.submit(shared.set_sni, made.A, f"e.example.com#{made.E}#{PASSWORD};f.example.com#{made.E}#{PASSWORD}")
        wait_until(lambda: shared.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
                                      "current_database()"), what="the call to wait for the instance")
        other.stdin.write(f"UPDATE sni_mapping SET certificate_id = NULL, password_sealed = NULL, revision = revision + 1 WHERE "
                          f"certificate_id = {number}; DELETE FROM sni_certificate WHERE certificate_id = {number}; "
                          f"UPDATE server_certificate SET serving_key_sealed = NULL WHERE id = {number}; COMMIT;\n")
        other.stdin.close()
        applied(shared, call.result())
    assert shared.served("e.example.com") == shared.served("f.example.com") == made.e.sha256
    assert shared.sql(f"SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = {number}") == [["t"]]


def test_a_serving_key_is_kept_only_while_it_is_needed(shared, made):
    held = f"SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = {made.E.split('-')[0]}"
    applied(shared, shared.set_sni(made.A, f"e.example.com#{made.E}#{PASSWORD}"))
    assert shared.sql(held) == [["t"]]
    applied(shared, shared.set_sni(made.A, ""))
    assert shared.sql(held) == [["f"]]


def test_blanks_line_feeds_and_a_last_separator_are_tolerated(shared, made):
    applied(shared, shared.set_sni(made.A, f"\n  one.example.com # {made.B}\r\n;\ttwo.example.com#{made.B} ;\n"
                                           f" three.example.com\n#\n{made.E}#{PASSWORD}\n;\n\n"))
    assert domains(shared) == {"one.example.com": made.B, "two.example.com": made.B, "three.example.com": made.E}
    assert shared.served("two.example.com") == made.b.sha256 and shared.served("three.example.com") == made.e.sha256


def test_a_certificate_id_may_be_the_number_alone(shared, made):
    applied(shared, shared.set_sni(made.A.split("-")[0], f"n.example.com#{made.B.split('-')[0]}"))
    assert get(shared)["DefaultCertificate"] == made.A and domains(shared) == {"n.example.com": made.B}


def test_wildcards_and_international_names(shared, made):
    applied(shared, shared.set_sni(made.A, f"*.w.example.com#{made.B};x.w.example.com#{made.A};BÜCHER.example.com#{made.B};"
                                           f"*.例え.jp#{made.B};xn--mnchen-3ya.example.com#{made.B};pr--shop.example.com#{made.B}"))
    assert set(domains(shared)) == {"*.w.example.com", "x.w.example.com", "xn--bcher-kva.example.com", "*.xn--r8jz45g.jp",
                                    "xn--mnchen-3ya.example.com", "pr--shop.example.com"}
    for sni in ("any.w.example.com", "xn--bcher-kva.example.com", "XN--BCHER-KVA.example.com", "a.xn--r8jz45g.jp",
                "xn--mnchen-3ya.example.com", "pr--shop.example.com"):
        assert shared.served(sni) == made.b.sha256, sni
    for sni in ("w.example.com", "a.b.w.example.com", "x.w.example.com", "xn--r8jz45g.jp"):
        assert shared.served(sni) == made.a.sha256, sni


@pytest.mark.parametrize("name", [".".join(["x" * 49] * 5) + ".abc", "x" * 63 + ".example.com", "*." + ".".join(["x" * 49] * 5)])
def test_the_longest_names_are_good(shared, made, name):
    applied(shared, shared.set_sni(made.A, f"{name}#{made.B}"))
    assert shared.served(name.replace("*", "q")) == made.b.sha256


def test_a_new_configuration_replaces_the_old_one_wholly(shared, made):
    applied(shared, shared.set_sni(made.A, f"old.example.com#{made.B};stays.example.com#{made.B}"))
    assert shared.served("old.example.com") == made.b.sha256
    applied(shared, shared.set_sni(made.A, f"stays.example.com#{made.B};new.example.com#{made.B}"))
    assert shared.served("old.example.com") == made.a.sha256
    assert shared.served("stays.example.com") == shared.served("new.example.com") == made.b.sha256
    applied(shared, shared.set_sni(made.B, f"stays.example.com#{made.A}"))
    assert shared.served("old.example.com") == made.b.sha256 and shared.served("stays.example.com") == made.a.sha256


@pytest.mark.parametrize("empty", [None, "", " \n"])
def test_without_entries_only_the_default_is_served(shared, made, empty):
    applied(shared, shared.set_sni(made.A, f"gone.example.com#{made.B}"))
    params = {"MqttInstanceId": shared.instance, "DefaultCertificate": made.A}
    applied(shared, shared.api.v3("SetSniConfig", params if empty is None else {**params, "SniConfig": empty}))
    assert domains(shared) == {} and shared.served("gone.example.com") == made.a.sha256


def test_the_same_call_twice_is_one_revision(shared, made):
    text = f"same.example.com#{made.E}#{PASSWORD};more.example.com#{made.A}"
    applied(shared, shared.set_sni(made.A, text))
    before, rows = get(shared)["Revision"], contents(shared, BUT)
    applied(shared, shared.set_sni(made.A, text))
    applied(shared, shared.set_sni(made.A, f" more.example.com#{made.A};SAME.example.com.#{made.E}#{PASSWORD};"))
    assert get(shared)["Revision"] == before and contents(shared, BUT) == rows
    applied(shared, shared.set_sni(made.B, text))
    assert get(shared)["Revision"] == before + 1


def test_get_sni_config_pages_and_never_shows_a_password(shared, made):
    applied(shared, shared.set_sni(made.A, ";".join([f"d{n:02}.example.com#{made.B}" for n in range(11)] +
                                                    [f"z.example.com#{made.E}#{PASSWORD}"])))
    seen = []
    for page in range(1, 5):
        got = get(shared, PageSize="5", CurrentPage=str(page))
        assert (got["TotalCount"], got["CurrentPage"], got["PageSize"]) == (12, page, 5)
        seen += got["SniConfig"]
    assert [row["Domain"] for row in seen] == [f"d{n:02}.example.com" for n in range(11)] + ["z.example.com"]
    assert [row["HasPassword"] for row in seen] == [False] * 11 + [True]
    assert seen[0]["CertId"] == int(made.B.split("-")[0]) and seen[0]["NotAfter"] > time.time() * 1000
    assert PASSWORD not in str(seen) and PASSWORD.split("#")[0] not in str(seen)
    for wrong in ({"PageSize": "0"}, {"PageSize": "10001"}, {"CurrentPage": "0"}):
        refused(shared.api.v3("GetSniConfig", {"MqttInstanceId": shared.instance, **wrong}), f"Invalid{next(iter(wrong))}")
    refused(shared.api.v3("GetSniConfig", {"MqttInstanceId": "mqtt-cn-nobody"}), "MqttInstanceNotFound")


def test_ten_thousand_entries_in_one_call(shared, made):
    text = ";".join(f"d{n}.many.example.com#{made.B if n % 2 else made.A}" for n in range(10000))
    began = time.monotonic()
    reply = shared.set_sni(made.A, text)
    assert answered(reply, "SetSniConfig")["Success"] == "true"
    assert time.monotonic() - began < 15
    wait_until(lambda: shared.served("d9999.many.example.com") == made.b.sha256, what="the last entry to be served")
    assert get(shared, PageSize="1")["TotalCount"] == 10000
    assert shared.served("d1.many.example.com") == made.b.sha256 and shared.served("d2.many.example.com") == made.a.sha256
    revision = get(shared, PageSize="1")["Revision"]
    shared.set_sni(made.A, text.replace("d7777.", "e7777."))
    changed = shared.sql(f"SELECT count(*) FROM sni_mapping WHERE revision > {revision}")
    assert changed == [["2"]]  # the one that came and the mark of the one that went


def test_a_certificate_of_a_deleted_id_is_unknown(shared, made, authority):
    cert = shared.upload(authority.issue("gone.example.com"))
    shared.api.v3("DeleteUserCertificate", {"CertId": cert.split("-")[0]}, version=CAS)
    assert "does not exist" in refused(shared.set_sni(made.A, f"d.example.com#{cert}"), "InvalidSniConfig")
