"""signetctl export and import: the configuration of an instance as a file that can be kept, compared and put back."""
import json
import re
import secrets
import threading

import pytest
from harness.ca import Ca, registered
from harness.certs import openssl
from harness.ctl import Ctl, refused


@pytest.fixture
def ctl(stack):
    return Ctl(stack)


def new_instance(ctl, name, edition="platinum"):
    ctl.ok("signet", "CreateInstance", "--MqttInstanceId", name, "--InstanceName", "other", "--Edition", edition)
    return name


def exported(ctl, path=None, instance=None):
    more = ["--instance", instance] if instance else []
    text = ctl.ok("export", *more, *([path] if path else [])).stdout
    return path.read_text() if path else text


def imported(ctl, path, *more, status=0, **kwargs):
    done = ctl("import", path, "--output", "json", *more, **kwargs)
    assert done.returncode == status, (done.returncode, done.stdout[-3000:], done.stderr)
    return json.loads(done.stdout)


def changes(result):
    return [(c["Change"], c["What"], c["Before"], c["After"]) for c in result["Changes"]]


@pytest.fixture
def filled(ctl, authority, tmp_path):
    """Three domains, two certificates, a CA that is inactive."""
    certificates = {name: authority.issue(f"{name}.example.com") for name in ("a", "b")}
    ids = {name: ctl.stack.upload(c, name=f"cert-{name}") for name, c in certificates.items()}
    config = f"b.example.com#{ids['b']};a.example.com#{ids['a']};*.example.com#{ids['a']}"
    assert ctl.sni("--DefaultCertificate", ids["b"], "--SniConfig", config).returncode == 0
    ca = Ca(tmp_path / "ca")
    sn = registered(ctl.stack, ca)
    ctl.ok("onsmqtt", "InactivateCaCertificate", "--MqttInstanceId", ctl.stack.instance, "--Sn", sn)
    return {"certificates": certificates, "ids": ids, "ca": ca, "sn": sn}


# ---- export ----

def test_an_empty_instance_is_a_file_too(ctl):
    config = json.loads(exported(ctl))
    assert config == {"SignetConfiguration": 1, "MqttInstanceId": ctl.stack.instance, "InstanceName": "test", "Edition": "platinum",
                      "AuthenticationMode": "one-way", "LoginRequired": False, "DefaultCertificate": None, "Domains": {},
                      "CaCertificates": {}, "ServerCertificates": {}}


def test_a_standard_instance_has_no_ca_certificates_to_ask_for(ctl):
    assert json.loads(exported(ctl, instance=new_instance(ctl, "mqtt-std", "standard")))["CaCertificates"] == {}


def test_export_has_everything_in_order_and_no_private_key(ctl, filled, tmp_path):
    text = exported(ctl, tmp_path / "signet.json")
    config = json.loads(text)
    a, b = (filled["certificates"][n] for n in "ab")
    assert list(config["Domains"]) == ["*.example.com", "a.example.com", "b.example.com"]
    assert config["Domains"]["b.example.com"] == config["DefaultCertificate"] == {"Certificate": "cert-b", "Sha256": b.sha256}
    assert config["ServerCertificates"]["cert-a"] == {"Sha256": a.sha256, "Cert": a.chain}
    assert config["CaCertificates"] == {filled["sn"]: {"CaName": "mqtt_ca", "Status": "0", "CaContent": filled["ca"].crt}}
    assert "PRIVATE" not in text
    assert f'    "a.example.com": {{"Certificate": "cert-a", "Sha256": "{a.sha256}"}},\n' in text
    assert text == exported(ctl)  # on standard output, and the second time


def test_a_changed_domain_is_one_changed_line(ctl, filled):
    before = exported(ctl).splitlines()
    ids = filled["ids"]
    config = f"b.example.com#{ids['b']};a.example.com#{ids['b']};*.example.com#{ids['a']}"
    assert ctl.sni("--DefaultCertificate", ids["b"], "--SniConfig", config).returncode == 0
    after = exported(ctl).splitlines()
    assert [line.split(":")[0].strip() for line in set(after) - set(before)] == ['"a.example.com"']
    assert len(before) == len(after)


def test_export_of_what_is_not_there(ctl, tmp_path):
    refused(ctl("export", "--instance", "nope", tmp_path / "x"), "MqttInstanceNotFound", status=1)
    refused(ctl("export", tmp_path / "no" / "x"), "No such file")
    assert not (tmp_path / "x").exists()


# ---- import of the same ----

def test_importing_an_export_changes_nothing(ctl, filled, tmp_path):
    path = tmp_path / "signet.json"
    text, revision = exported(ctl, path), ctl.stack.revision()
    audit = ctl.stack.sql("SELECT count(*) FROM audit_event")
    result = imported(ctl, path)
    assert (result["Changes"], result["Notes"], result["Problems"], result["DomainsUnchanged"]) == ([], [], [], 3)
    assert ctl.stack.revision() == revision and ctl.stack.sql("SELECT count(*) FROM audit_event") == audit
    assert exported(ctl) == text


def test_export_import_export_is_the_same_on_another_instance(ctl, filled, tmp_path):
    path, other = tmp_path / "signet.json", new_instance(ctl, "mqtt-other")
    text = exported(ctl, path)
    result = imported(ctl, path, "--instance", other, status=1)
    assert [p["About"] for p in result["Problems"]] == [filled["sn"]]  # a CA needs its proof of possession
    assert "not registered" in result["Problems"][0]["Problem"]
    assert [n["About"] for n in result["Notes"]] == ["InstanceName"]
    assert (result["DomainsAdded"], result["Uploaded"]) == (3, 0)
    again, first = json.loads(exported(ctl, instance=other)), json.loads(text)
    for name in ("Edition", "AuthenticationMode", "DefaultCertificate", "Domains", "ServerCertificates"):
        assert again[name] == first[name]


def test_another_signet_gets_certificates_by_upload_and_then_exports_the_same(ctl, filled, open_stack, tmp_path):
    path, keys = tmp_path / "signet.json", tmp_path / "keys"
    keys.mkdir()
    ctl.ok("onsmqtt", "DeleteCaCertificate", "--MqttInstanceId", ctl.stack.instance, "--Sn", filled["sn"])
    text, there = exported(ctl, path), Ctl(open_stack())
    for name, certificate in filled["certificates"].items():
        (keys / f"cert-{name}.key").write_text(certificate.key)
    refused(there("import", path), "2 server certificates are not in the account", "cert-a", "cert-b")
    assert there.stack.revision() == 0
    dry = imported(there, path, "--keys", keys, "--dry-run")
    assert (dry["DryRun"], dry["Uploaded"], dry["DomainsAdded"]) == (True, 2, 3)
    assert there.stack.sql("SELECT count(*) FROM server_certificate") == [["0"]] and there.stack.revision() == 0
    result = imported(there, path, "--keys", keys, "--wait")
    assert ("upload", "cert-a", "", filled["certificates"]["a"].sha256) in changes(result)
    assert there.stack.revision() == 1 and exported(there) == text
    assert there.stack.served("a.example.com") == filled["certificates"]["a"].sha256
    assert imported(there, path)["Changes"] == []
    there.ok("verify", "*.example.com")


def test_create_makes_the_instance_first(ctl, filled, tmp_path):
    path = tmp_path / "signet.json"
    path.write_text(exported(ctl).replace(ctl.stack.instance, "mqtt-made"))
    refused(ctl("import", path), "there is no instance mqtt-made; --create makes it", status=1)
    dry = imported(ctl, path, "--create", "--dry-run", status=1)
    assert ("create", "mqtt-made", "", "platinum") in changes(dry)
    refused(ctl("export", "--instance", "mqtt-made"), "MqttInstanceNotFound", status=1)
    result = imported(ctl, path, "--create", status=1)
    assert result["DomainsAdded"] == 3 and json.loads(exported(ctl, instance="mqtt-made"))["InstanceName"] == "test"


# ---- import of something else ----

def edited(ctl, path, edit):
    config = json.loads(exported(ctl))
    edit(config)
    path.write_text(json.dumps(config))
    return path


def test_import_adds_changes_and_removes_in_one_revision(ctl, filled, tmp_path):
    def edit(config):
        del config["Domains"]["b.example.com"]
        config["Domains"]["*.example.com"] = {"Certificate": "cert-b"}
        config["Domains"]["New.b\u00fccher.example"] = {"Certificate": "cert-a"}
        config["DefaultCertificate"] = {"Certificate": "cert-a"}
    path, revision = edited(ctl, tmp_path / "c.json", edit), ctl.stack.revision()
    dry = imported(ctl, path, "--dry-run")
    assert ctl.stack.revision() == revision
    result = imported(ctl, path, "--wait")
    assert changes(dry) == changes(result) == [
        ("default", "DefaultCertificate", "cert-b", "cert-a"), ("change", "*.example.com", "cert-a", "cert-b"),
        ("add", "new.xn--bcher-kva.example", "", "cert-a"), ("remove", "b.example.com", "cert-b", "")]
    assert ctl.stack.revision() == revision + 1
    assert list(json.loads(exported(ctl))["Domains"]) == ["*.example.com", "a.example.com", "new.xn--bcher-kva.example"]
    assert ctl.stack.served("x.example.com") == filled["certificates"]["b"].sha256
    assert imported(ctl, path)["Changes"] == []


def test_a_dry_run_tells_what_the_api_finds(ctl, filled, tmp_path):
    def edit(config):
        config["Domains"]["elsewhere.example.org"] = {"Certificate": "cert-a"}
    result = imported(ctl, edited(ctl, tmp_path / "c.json", edit), "--dry-run")
    notes = [n["Note"] for n in result["Notes"] if n["About"] == "elsewhere.example.org"]
    assert notes and any("name" in n or "cover" in n for n in notes), result


def test_states_of_cas_and_the_mode_are_set(ctl, filled, tmp_path):
    def edit(config):
        config["CaCertificates"][filled["sn"]]["Status"] = "1"
        config["AuthenticationMode"] = "mutual"
    path = edited(ctl, tmp_path / "c.json", edit)
    assert changes(imported(ctl, path, "--dry-run")) == [("activate", filled["sn"], "0", "1"),
                                                        ("mode", "AuthenticationMode", "one-way", "mutual")]
    assert json.loads(exported(ctl))["AuthenticationMode"] == "one-way"
    imported(ctl, path)
    config = json.loads(exported(ctl))
    assert config["AuthenticationMode"] == "mutual" and config["CaCertificates"][filled["sn"]]["Status"] == "1"


def test_login_required_is_set_and_stays_when_the_file_does_not_say(ctl, filled, tmp_path):
    path = edited(ctl, tmp_path / "c.json", lambda config: config.update(LoginRequired=True))
    assert changes(imported(ctl, path, "--dry-run")) == [("mode", "LoginRequired", "false", "true")]
    imported(ctl, path)
    assert json.loads(exported(ctl))["LoginRequired"] is True
    assert changes(imported(ctl, path)) == []
    older = edited(ctl, tmp_path / "older.json", lambda config: config.pop("LoginRequired"))
    assert changes(imported(ctl, older)) == []
    imported(ctl, edited(ctl, tmp_path / "off.json", lambda config: config.update(LoginRequired=False)))
    config = json.loads(exported(ctl))
    assert (config["LoginRequired"], config["AuthenticationMode"]) == (False, "one-way")


def test_a_ca_that_the_file_does_not_have_stays_unless_told_otherwise(ctl, filled, tmp_path):
    path = edited(ctl, tmp_path / "c.json", lambda config: config.pop("CaCertificates"))
    result = imported(ctl, path)
    assert [n["About"] for n in result["Notes"]] == [filled["sn"]] and result["Changes"] == []
    assert changes(imported(ctl, path, "--delete-missing", "--dry-run")) == [("delete", filled["sn"], "mqtt_ca", "")]
    assert filled["sn"] in json.loads(exported(ctl))["CaCertificates"]
    imported(ctl, path, "--delete-missing")
    assert json.loads(exported(ctl))["CaCertificates"] == {}


def test_another_ca_with_the_same_number_is_a_problem(ctl, filled, tmp_path):
    def edit(config):
        config["CaCertificates"][filled["sn"]].update(CaContent=Ca(tmp_path / "other").crt, Status="1")
    result = imported(ctl, edited(ctl, tmp_path / "c.json", edit), status=1)
    assert "another CA certificate" in result["Problems"][0]["Problem"] and result["Changes"] == []


def test_a_renewed_certificate_is_found_by_its_name(ctl, filled, tmp_path):
    def edit(config):
        for entry in (*config["Domains"].values(), config["DefaultCertificate"]):
            if entry["Certificate"] == "cert-a":
                entry["Sha256"] = "0" * 64
    result = imported(ctl, edited(ctl, tmp_path / "c.json", edit))
    assert [n["About"] for n in result["Notes"]] == ["cert-a"] and "found by its name" in result["Notes"][0]["Note"]
    assert result["Changes"] == []


def test_a_certificate_under_another_name_is_found_by_its_hash(ctl, filled, tmp_path):
    path = tmp_path / "c.json"
    path.write_text(exported(ctl).replace('"cert-a"', '"somewhere-else"'))
    assert imported(ctl, path)["Changes"] == []


def test_passwords_come_from_outside_the_file(ctl, authority, tmp_path):
    password = "p#1 " + secrets.token_hex(8)
    locked = authority.issue("locked.example.com", password=password)
    identifier = ctl.stack.upload(locked, name="locked")
    entries = tmp_path / "entries"
    entries.write_text(f"locked.example.com#{identifier}#{password}")
    assert ctl.sni("--DefaultCertificate", identifier, "--SniConfig", f"@{entries}").returncode == 0
    text = exported(ctl)
    assert password not in text and json.loads(text)["ServerCertificates"]["locked"]["KeyEncrypted"] is True
    path = tmp_path / "c.json"
    path.write_text(text)
    assert imported(ctl, path)["Changes"] == []  # nothing has to be set, so no password is needed

    def edit(config):
        config["Domains"]["more.example.com"] = {"Certificate": "locked"}
    edited(ctl, path, edit)
    refused(ctl("import", path), "server certificate locked: its key is encrypted", "PasswordFile")
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "locked.password").write_text(password + "\n")
    imported(ctl, path, "--keys", tmp_path / "keys")
    for field, value, env in (("PasswordFile", "keys/locked.password", {}), ("PasswordEnvironment", "LOCKED", {"LOCKED": password})):
        def more(config, field=field, value=value):
            config["Domains"][f"{field.lower()}.example.com"] = {"Certificate": "locked"}
            config["ServerCertificates"]["locked"][field] = value
        assert len(imported(ctl, edited(ctl, path, more), env=env)["Changes"]) == 1
    assert len(json.loads(exported(ctl))["Domains"]) == 4

    def wrong(config):
        config["Domains"]["x.example.com"] = {"Certificate": "locked"}
        config["ServerCertificates"]["locked"]["PasswordEnvironment"] = "LOCKED"
    done = ctl("import", edited(ctl, path, wrong), env={"LOCKED": "hush-hush"})
    refused(done, "InvalidSniConfig", status=1)
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_wrong_key_or_a_taken_name_stops_the_import_before_it_begins(ctl, filled, authority, tmp_path):
    fresh, keys = authority.issue("fresh.example.com"), tmp_path / "keys"
    keys.mkdir()

    def edit(config, name):
        config["ServerCertificates"][name] = {"Cert": fresh.chain}
        config["Domains"]["fresh.example.com"] = {"Certificate": name, "Sha256": fresh.sha256}
    path, revision = edited(ctl, tmp_path / "c.json", lambda c: edit(c, "fresh")), ctl.stack.revision()
    (keys / "fresh.key").write_text(filled["certificates"]["a"].key)
    refused(ctl("import", path, "--keys", keys), "server certificate fresh: its key", "do not belong together")
    (keys / "fresh.key").write_text(openssl("genpkey", "-algorithm", "ed25519").decode())
    refused(ctl("import", path, "--keys", keys), "server certificate fresh: its key: not supported")
    (keys / "cert-a.key").write_text(fresh.key)
    refused(ctl("import", edited(ctl, path, lambda c: edit(c, "cert-a")), "--keys", keys), "another one of this name")
    assert ctl.stack.revision() == revision
    assert ctl.stack.sql("SELECT count(*) FROM server_certificate") == [["2"]]
    (keys / "fresh.key").write_text(fresh.key)
    result = imported(ctl, edited(ctl, path, lambda c: edit(c, "fresh")), "--keys", keys)
    assert result["Uploaded"] == 1 and json.loads(exported(ctl))["ServerCertificates"]["fresh"]["Cert"] == fresh.chain


@pytest.mark.parametrize("damage, words", [
    (lambda t: t[:-30], ["line "]),
    (lambda t: t.replace('"Edition"', '"Editoin"'), ["Editoin: there is no such field; did you mean Edition?"]),
    (lambda t: t.replace('"a.example.com"', '"a..example.com"'), ["Domains, a..example.com, the domain: a label is empty"]),
    (lambda t: t.replace('"a.example.com"', '"b.example.com"'), ["duplicate object key"]),
    (lambda t: t.replace('"SignetConfiguration": 1', '"SignetConfiguration": 7'), ["SignetConfiguration: is no version"]),
    (lambda t: t.replace("BEGIN CERTIFICATE", "BEGIN"), ["no CERTIFICATE block"]),
])
def test_a_damaged_file_is_refused_with_the_place(ctl, filled, tmp_path, damage, words):
    path = tmp_path / "c.json"
    path.write_text(damage(exported(ctl)))
    refused(ctl("import", path), str(path), *words)


def test_import_reads_standard_input_and_prints_a_table(ctl, filled):
    text = exported(ctl)
    done = ctl("import", "-", "--instance", new_instance(ctl, "mqtt-third"), stdin=text)
    assert done.returncode == 1 and re.search(r"^add +a\.example\.com +cert-a$", done.stdout, re.M), done.stdout
    refused(ctl("import", "/nonexistent.json"), "no such thing")


def test_a_call_that_is_one_too_many_is_made_again(open_stack, tmp_path):
    ctl = Ctl(open_stack(env={"SIGNET_API_THROTTLE_PERCENT": 100}))
    path, other = tmp_path / "c.json", "LTAIother" + secrets.token_hex(8)
    exported(ctl, path)
    ctl.stack.add_access_key(other, "s" * 30)
    refusal = re.compile(rf"op=ListUserCertificateOrder caller={other} .*code=Throttling.User")
    over = threading.Event()

    def hammer():  # the account's calls are counted together
        while not over.is_set() and not refusal.search(ctl.stack.api_process.text()):
            ctl.stack.api.v3("ListUserCertificateOrder", {"OrderType": "UPLOAD"}, version="2020-04-07")
    threads = [threading.Thread(target=hammer) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            env = {"ALIBABA_CLOUD_ACCESS_KEY_ID": other, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s" * 30}
            assert imported(ctl, path, env=env)["Changes"] == []
            if refusal.search(ctl.stack.api_process.text()):
                break
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert refusal.search(ctl.stack.api_process.text())


def test_thousands_of_domains_go_there_and_back(ctl, filled, tmp_path):
    def edit(config):
        for i in range(25000):
            config["Domains"][f"d{i:05}.example.com"] = {"Certificate": "cert-b" if i % 3 else "cert-a"}
    path = edited(ctl, tmp_path / "c.json", edit)
    result = imported(ctl, path, "--wait=60")
    assert result["DomainsAdded"] == 25000 and len(result["Changes"]) == 25000
    text = exported(ctl)
    path.write_text(text)
    revision = ctl.stack.revision()
    result = imported(ctl, path)
    assert result["DomainsUnchanged"] == 25003 and result["Changes"] == [] and ctl.stack.revision() == revision
    assert exported(ctl) == text and text.count("\n") > 25000
