"""signetctl as an operator uses it: against a real API and a real broker, from a real shell."""
import base64
import json
import os
import re
import socket
import subprocess
from datetime import datetime, timezone

import pytest
from harness.certs import openssl
from harness.ctl import PROGRAM, Ctl, refused, run
from harness.process import ROOT, build_dir, wait_until


@pytest.fixture
def ctl(stack):
    return Ctl(stack)


@pytest.fixture(scope="module")
def looker(shared):
    """For tests that change nothing."""
    return Ctl(shared)


# ---- names and parameters ----

NOWHERE = {"SIGNET_ENDPOINT": "http://127.0.0.1:1", "ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "y"}


@pytest.mark.parametrize("arguments, words", [
    (["onsmqt", "ListInstances"], ["unknown command or product: onsmqt; did you mean onsmqtt?"]),
    (["veryfy", "a.example.com"], ["did you mean verify?"]),
    (["onsmqtt"], ["onsmqtt needs the name of an operation"]),
    (["onsmqtt", "SetSniConfg"], ["has no operation SetSniConfg; did you mean SetSniConfig?"]),
    (["onsmqtt", "SetSni"], ["did you mean SetSniConfig?"]),
    (["onsmqtt", "GetSniConfig"], ["did you mean signet GetSniConfig?"]),
    (["onsmqtt", "SetSniConfig"], ["SetSniConfig needs --MqttInstanceId, --DefaultCertificate"]),
    (["onsmqtt", "SetSniConfig", "--MqttInstanceID", "x"], ["no parameter --MqttInstanceID; did you mean --MqttInstanceId?"]),
    (["onsmqtt", "SetSniConfig", "--Nonsense", "x"], ["no parameter --Nonsense (see signetctl onsmqtt SetSniConfig --help)"]),
    (["onsmqtt", "SetSniConfig", "--MqttInstanceId.1", "x"], ["no parameter --MqttInstanceId.1"]),
    (["onsmqtt", "ListInstances", "stray"], ["a parameter begins with --"]),
    (["signet", "GetSniConfig", "--MqttInstanceId"], ["--MqttInstanceId has no value"]),
    (["signet", "GetSniConfig", "--MqttInstanceId", "a", "--MqttInstanceId=b"], ["--MqttInstanceId is given twice"]),
    (["signet", "CreateAccessKey", "--Grants", "read"], ["Grants is a list, give --Grants.1.Action"]),
    (["signet", "CreateAccessKey", "--Grants.0.Action", "read"], ["Grants is a list, give --Grants.1.Action"]),
    (["signet", "CreateAccessKey", "--Grants.1.Actoin", "read"], ["the items of Grants have no Actoin; did you mean Action?"]),
    (["signet", "CreateAccessKey", "--Grants.1.Action", "read"], ["CreateAccessKey needs --Grants.1.MqttInstanceId"]),
    (["signet", "GetSniConfig", "--MqttInstanceId", "x", "--wait"], ["GetSniConfig changes nothing"]),
    (["signet", "CreateAccessKey", "--wait"], ["--wait needs --MqttInstanceId"]),
    (["--wait=0", "onsmqtt", "ListInstances"], ["--wait takes 1 to 3600 seconds"]),
    (["--output", "xml", "onsmqtt", "ListInstances"], ["--output is json or table"]),
    (["onsmqtt", "ListInstances", "--outptu", "json"], ["unknown option --outptu; did you mean --output?"]),
    (["status", "--wait"], ["status takes no --wait"]),
    (["status", "now"], ["status takes no argument"]),
    (["verify"], ["verify takes <domain>"]),
    (["verify", "localhost"], ["single label"]),
    (["verify", "a.example.com", "--tls1.2", "--tls1.3"], ["exclude each other"]),
    (["verify", "a.example.com", "--connect", "nowhere"], ["--connect takes <host>:<port>"]),
    (["completion", "tcsh"], ["bash or zsh"]),
    ([], ["no command is given"]),
])
def test_wrong_usage_is_found_before_anything_is_sent(arguments, words):
    refused(run(*arguments, env=NOWHERE), *words)


def test_nobody_to_answer_is_status_3():
    refused(run("onsmqtt", "ListInstances", env=NOWHERE), "127.0.0.1:1", status=3)


def test_an_error_of_the_api_is_status_1(looker):
    done = looker("signet", "GetSniConfig", "--MqttInstanceId", "nope")
    refused(done, "MqttInstanceNotFound", "status 400", "request ", status=1)


def test_help_lists_every_operation_and_parameter_of_the_documents():
    for product, name in (("onsmqtt", "onsmqtt-2020-04-20"), ("cas", "cas-2020-04-07"), ("signet", "signet")):
        document = json.loads((ROOT / "openapi" / f"{name}.json").read_text())
        operations = run(product, "--help").stdout
        for path, item in document["paths"].items():
            operation = path.rsplit("/", 1)[1]
            assert operation in operations
            text = run(product, operation, "--help").stdout
            assert re.sub(r"\s+", " ", item["summary"]) in re.sub(r"\s+", " ", text)
            for parameter in item["parameters"]:
                assert f"--{parameter['name']}" in text, (operation, parameter["name"])
                for choice in parameter["schema"].get("enum", []):
                    assert choice in text, (operation, choice)
            assert ("Mandatory" in text) == any(p.get("required") for p in item["parameters"]), operation


def test_help_of_every_command():
    general = run("--help").stdout
    for name in ("verify", "export", "import", "status", "sessions", "control", "mqtt-user", "mqtt-password", "completion", "man"):
        assert f"  {name}" in general
        done = run(name, "--help")
        assert done.returncode == 0 and done.stdout.startswith(f"Usage: signetctl [option]... {name}")


def test_lists_are_numbered_and_reach_the_api(ctl, authority):
    certificate = authority.issue("tags.example.com")
    uploaded = ctl.json("cas", "UploadUserCertificate", "--Name", "tagged", "--Cert", "@-", "--Key", f"@{certificate.key_path}",
                        "--Tags.1.Key", "env", "--Tags.1.Value=prod & test", "--Tags.2.Key", "team", stdin=certificate.chain)
    detail = ctl.json("cas", "GetUserCertificateDetail", "--CertId", uploaded["CertId"])
    assert detail["Tags"] == [{"TagKey": "env", "TagValue": "prod & test"}, {"TagKey": "team", "TagValue": ""}]


def test_secrets_are_not_taken_from_the_command_line(looker, authority):
    certificate = authority.issue("argv.example.com")
    refused(looker("cas", "UploadUserCertificate", "--Name", "x", "--Cert", certificate.chain, "--Key", certificate.key),
            "--Key holds a secret", "@file")
    done = looker.sni("--DefaultCertificate", "1-cn-hangzhou", "--SniConfig", "a.example.com#1-cn-hangzhou#hush;")
    refused(done, "--SniConfig holds a secret")
    assert "hush" not in done.stderr and certificate.key[40:80] not in done.stderr


def test_credentials_come_from_a_file_too(looker, tmp_path):
    (tmp_path / "credentials.env").write_text(f"ALIBABA_CLOUD_ACCESS_KEY_ID={looker.stack.key_id}\n"
                                              f"ALIBABA_CLOUD_ACCESS_KEY_SECRET={looker.stack.secret}\n")
    only = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""}
    assert looker("--home", tmp_path, "onsmqtt", "ListInstances", env=only).returncode == 0
    refused(looker("onsmqtt", "ListInstances", "--home", tmp_path / "no", env=only), "no access key in the environment")


# ---- output ----

def test_a_table_has_rows_columns_and_scalars(looker):
    done = looker.ok("--output", "table", "onsmqtt", "ListInstances")
    lines = done.stdout.splitlines()
    head = lines[lines.index("Instances:") + 1]
    row = lines[lines.index("Instances:") + 2]
    assert head.split()[:2] == ["InstanceId", "InstanceName"] and row.split()[:2] == [looker.stack.instance, "test"]
    assert re.search(r"^RequestId +[0-9A-F-]{36}$", done.stdout, re.M) and "\x1b" not in done.stdout


def test_a_table_cuts_pem_to_one_line(ctl, authority):
    identifier = ctl.stack.upload(authority.issue("pem.example.com"))
    text = ctl.ok("cas", "GetUserCertificateDetail", "--CertId", identifier.split("-")[0], "--output", "table").stdout
    assert re.search(r"^Cert +-----BEGIN CERTIFICATE-----…$", text, re.M)


def test_what_steers_a_terminal_is_not_printed(ctl, authority):
    certificate = authority.issue("esc.example.com")
    name = "a\u009b31mb\u202ec\x7fd"
    assert ctl.stack.api.v3("UploadUserCertificate", {"Name": name, "Cert": certificate.chain, "Key": certificate.key},
                            version="2020-04-07").status == 200
    arguments = ("cas", "ListUserCertificateOrder", "--OrderType", "UPLOAD")
    table, plain = ctl.ok(*arguments, "--output", "table").stdout, ctl.ok(*arguments).stdout
    assert "a?31mb?c?d" in table
    for character in "\u009b\u202e\x7f\x1b":
        assert character not in table and character not in plain
    assert json.loads(plain)["CertificateOrderList"][0]["Name"] == name


def test_a_new_access_key_is_shown_once_and_may_do_what_it_was_given(ctl):
    made = ctl.json("signet", "CreateAccessKey", "--Description", "CI of team A", "--Grants.1.Action", "read",
                    "--Grants.1.MqttInstanceId", ctl.stack.instance)["AccessKey"]
    env = {"ALIBABA_CLOUD_ACCESS_KEY_ID": made["AccessKeyId"], "ALIBABA_CLOUD_ACCESS_KEY_SECRET": made["AccessKeySecret"]}
    ctl.ok("signet", "GetSniConfig", "--MqttInstanceId", ctl.stack.instance, env=env)
    refused(ctl.sni("--DefaultCertificate", "1-cn-hangzhou", env=env), "Forbidden.RAM", "status 403", status=1)
    listed = ctl.ok("signet", "ListAccessKeys", "--output", "table").stdout
    assert made["AccessKeyId"] in listed and made["AccessKeySecret"] not in listed
    assert all(made["AccessKeySecret"] not in text for text in ctl.stack.logs().values())


# ---- waiting ----

def test_wait_ends_when_every_broker_serves_it(ctl, authority):
    a = ctl.stack.upload(authority.issue("a.example.com"))
    done = ctl.sni("--DefaultCertificate", a, "--SniConfig", f"a.example.com#{a}", "--wait")
    assert done.returncode == 0 and "is served by all 1" in done.stderr and json.loads(done.stdout)["Success"] == "true"
    assert ctl.stack.status()["applied"] == ctl.stack.revision()


def test_wait_says_so_when_a_broker_does_not_follow(ctl, authority):
    a = ctl.stack.upload(authority.issue("a.example.com"))
    wait_until(lambda: ctl.stack.sql("SELECT count(*) FROM broker_node") == [["1"]], what="the broker to be listed")
    ctl.stack.broker.popen.send_signal(19)  # it is alive, and stopped
    try:
        done = ctl.sni("--DefaultCertificate", a, "--wait=2")
    finally:
        ctl.stack.broker.popen.send_signal(18)
    refused(done, "after 2 s", "is served by 0 of 1 brokers", status=4)
    assert json.loads(done.stdout)["Success"] == "true"


def test_wait_says_which_entries_a_broker_refused(ctl, authority):
    a = ctl.stack.upload(authority.issue("a.example.com"))
    b = ctl.stack.upload(authority.issue("b.example.com"))
    ctl.stack.sql(f"UPDATE server_certificate SET serving_key_sealed = sealed.other FROM (SELECT serving_key_sealed AS other "
                  f"FROM server_certificate WHERE id = {a.split('-')[0]}) sealed WHERE id = {b.split('-')[0]}")
    done = ctl.sni("--DefaultCertificate", a, "--SniConfig", f"b.example.com#{b}", "--wait=20")
    refused(done, "refused", "b.example.com", status=4)


# ---- verify ----

def verified(done):
    return {line.split(None, 1)[0]: (line.split(None, 1) + [""])[1] for line in done.stdout.splitlines() if line.strip()}


def test_verify_shows_what_is_served_and_that_it_is_the_configured_one(ctl, authority):
    certificate = authority.issue("a.example.com", sans=["a.example.com", "www.a.example.com"])
    default = ctl.stack.upload(authority.issue("default.example.com"))
    a = ctl.stack.upload(certificate, name="the-a")
    assert ctl.sni("--DefaultCertificate", default, "--SniConfig", f"a.example.com#{a}", "--wait").returncode == 0
    done = ctl.ok("verify", "A.example.com.", "--broker-cacert", authority.crt_path)
    seen = verified(done)
    assert seen["ServerName"] == "a.example.com" and seen["Names"] == "a.example.com, www.a.example.com"
    assert seen["Subject"] == "CN = a.example.com" and seen["Issuer"] == "CN = Test CA"
    assert seen["Sha256"] == seen["ConfiguredSha256"] == certificate.sha256
    assert seen["Serial"] == openssl("x509", "-in", certificate.crt_path, "-noout", "-serial", text=True).strip().split("=")[1].lower()
    assert seen["NameMatches"] == seen["ChainVerifies"] == seen["Configured"] == "true" and seen["ChainProblem"] == ""
    assert seen["ConfiguredBy"] == "exact" and seen["ConfiguredName"] == "the-a" and seen["ConfiguredCertificate"] == a
    assert seen["Protocol"] == "TLSv1.3" and seen["Cipher"].startswith("TLS_") and seen["DaysLeft"] in ("19", "20")
    assert datetime.strptime(seen["NotAfter"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc) > datetime.now(timezone.utc)


def test_verify_knows_wildcards_idn_and_the_default(ctl, authority):
    exact, wild, other = (authority.issue(n) for n in ("b\u00fccher.example".encode("idna").decode(), "*.example.com", "d.example.org"))
    ids = [ctl.stack.upload(c) for c in (exact, wild, other)]
    config = f"b\u00fccher.example#{ids[0]};*.example.com#{ids[1]}"
    assert ctl.sni("--DefaultCertificate", ids[2], "--SniConfig", config, "--wait").returncode == 0
    for domain, name, rule, certificate, matches in (
            ("B\u00dcCHER.example", "xn--bcher-kva.example", "exact", exact, True),
            ("*.example.com", "signet-verify.example.com", "wildcard", wild, True),
            ("some.example.com", "some.example.com", "wildcard", wild, True),
            ("deep.some.example.com", "deep.some.example.com", "default", other, False),
            ("nowhere.example.net", "nowhere.example.net", "default", other, False)):
        seen = ctl.json("verify", domain, "--output", "json", "--broker-cacert", authority.crt_path)
        assert (seen["ServerName"], seen["ConfiguredBy"], seen["Sha256"]) == (name, rule, certificate.sha256)
        assert seen["NameMatches"] is matches and seen["Configured"] is True and seen["ChainVerifies"] is True


@pytest.mark.parametrize("option, protocol", [("--tls1.2", "TLSv1.2"), ("--tls1.3", "TLSv1.3")])
def test_verify_with_one_version_and_a_ca_that_did_not_sign(ctl, authority, option, protocol):
    a = ctl.stack.upload(authority.issue("a.example.com"))
    assert ctl.sni("--DefaultCertificate", a, "--wait").returncode == 0
    seen = verified(ctl.ok("verify", "other.example.com", option, "--connect", f"localhost:{ctl.stack.tls_port}"))
    assert seen["Protocol"] == protocol and seen["ChainVerifies"] == "false" and "certificate" in seen["ChainProblem"]
    assert seen["NameMatches"] == "false"


def test_verify_finds_a_broker_that_serves_something_else(ctl, authority):
    a, b = (authority.issue("a.example.com") for _ in range(2))
    ids = [ctl.stack.upload(c) for c in (a, b)]
    assert ctl.sni("--DefaultCertificate", ids[0], "--SniConfig", f"a.example.com#{ids[0]}", "--wait").returncode == 0
    # the key of the second is one that the broker cannot open, so it goes on with the first
    ctl.stack.sql(f"UPDATE server_certificate SET serving_key_sealed = sealed.other FROM (SELECT serving_key_sealed AS other "
                  f"FROM server_certificate WHERE id = {ids[0].split('-')[0]}) sealed WHERE id = {ids[1].split('-')[0]}")
    ctl.sni("--DefaultCertificate", ids[0], "--SniConfig", f"a.example.com#{ids[1]}", "--wait")
    done = ctl("verify", "a.example.com")
    refused(done, "another certificate than the configured one", status=1)
    seen = verified(done)
    assert seen["Sha256"] == a.sha256 and seen["ConfiguredSha256"] == b.sha256 and seen["Configured"] == "false"


def test_verify_without_a_configuration_a_broker_or_tls(ctl, authority, tmp_path):
    refused(ctl("verify", "a.example.com"), "TLS handshake", status=1)  # no certificate at all yet
    a = ctl.stack.upload(authority.issue("a.example.com"))
    assert ctl.sni("--DefaultCertificate", a, "--wait").returncode == 0
    refused(ctl("verify", "a.example.com", "--connect", "127.0.0.1:1"), "Connection refused", status=3)
    refused(ctl("verify", "a.example.com", "--connect", f"127.0.0.1:{ctl.stack.tcp_port}"), "TLS handshake", status=1)
    (tmp_path / "empty.crt").write_text("no certificate\n")
    refused(ctl("verify", "a.example.com", "--broker-cacert", tmp_path / "empty.crt"), "no CA certificate")
    done = ctl("verify", "a.example.com", env={"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"})
    refused(done, "SignatureDoesNotMatch", status=1)
    assert verified(done)["Subject"] == "CN = a.example.com"  # what was served is shown all the same


@pytest.fixture
def strict_server(authority, free_port):
    """A TLS server that wants a client certificate and refuses whoever has none. strict_server(certificate) → its port."""
    started = []

    def start(certificate):
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{free_port}", "-cert", certificate.crt_path, "-key",
                                   certificate.key_path, "-Verify", "1", "-CAfile", authority.crt_path, "-verify_return_error"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        started.append(server)
        while b"ACCEPT" not in server.stdout.readline():
            assert server.poll() is None
        return free_port
    yield start
    for server in started:
        server.kill()
        server.communicate()


@pytest.fixture
def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_verify_needs_no_client_certificate_where_one_is_asked_for(ctl, authority, strict_server):
    certificate = authority.issue("a.example.com")
    a = ctl.stack.upload(certificate)
    assert ctl.sni("--DefaultCertificate", a, "--wait").returncode == 0
    port = strict_server(certificate)
    for option in ("--tls1.2", "--tls1.3"):
        seen = ctl.json("verify", "a.example.com", option, "--output", "json", "--connect", f"127.0.0.1:{port}")
        assert seen["ClientCertificateAsked"] is True and seen["Sha256"] == certificate.sha256 and seen["Cipher"] != ""
    assert ctl.json("verify", "a.example.com", "--output", "json")["ClientCertificateAsked"] is False


# ---- the other commands ----

def test_mqtt_user_and_password_are_those_of_the_product(looker):
    user = looker.ok("mqtt-user").stdout.strip()
    password = looker.ok("mqtt-password", "--client-id", "GID_x@@@1").stdout.strip()
    assert user == f"Signature|{looker.stack.key_id}|{looker.stack.instance}"
    assert base64.b64decode(password) == openssl("dgst", "-sha1", "-hmac", looker.stack.secret, "-binary", input=b"GID_x@@@1")
    refused(looker("mqtt-password"), "--client-id")


def test_sessions_lists_all_pages_of_who_is_connected(ctl):
    names = sorted(f"GID_many@@@{n:04}" for n in range(1100))  # more than a page
    clients = [ctl.stack.client(name, tls=False) for name in names]
    got = ctl.json("sessions", "--output", "json")
    assert sorted(s["ClientId"] for s in got["Sessions"]) == names and got["Total"] == 1100 and "PageNo" not in got
    table = ctl.ok("sessions", "--client-id", names[7]).stdout
    assert f"\n{names[7]}  127.0.0.1:" in table and names[8] not in table
    assert ctl.json("sessions", "--output", "json", "--ca-sn", "0A", "--device-sn", "0B")["Sessions"] == []
    for c in clients:
        c.close()


def test_sessions_says_when_there_is_nobody_to_ask(looker):
    refused(looker("sessions", "--instance", "mqtt-nobody"), "MqttInstanceNotFound", status=1)
    refused(looker("sessions", "--ca-sn", "x y"), "InvalidCaSn", status=1)
    refused(looker("sessions", "now"), "sessions takes no argument")


def test_status_and_control_ask_the_broker(looker):
    assert looker.json("status")["instance"] == looker.stack.instance
    assert "applied" in looker.ok("status", "--output", "table").stdout
    assert looker.json("control", '{"op":"status"}')["ok"] is True
    refused(looker("control", "nonsense"), "one JSON object")
    refused(looker("status", "--instance", "mqtt-nobody"), "nobody listens", status=3)


# ---- manual, completion, installation ----

def test_the_manual_names_every_command_option_operation_and_variable():
    text = run("man").stdout.replace("\\-", "-")
    general = run("--help").stdout
    names = re.findall(r"^  (--?[a-z][a-z0-9.-]*|[A-Z][A-Z_]{5,}|[a-z-]+ ?)(?=[ \[]|$)", general, re.M)
    assert len(names) > 30
    for name in names:
        assert name.strip() in text, name
    for document in ("onsmqtt-2020-04-20", "cas-2020-04-07", "signet"):
        for path in json.loads((ROOT / "openapi" / f"{document}.json").read_text())["paths"]:
            assert path.rsplit("/", 1)[1] in text
    for status in range(5):
        assert f"\\fB{status}\\fR" in text


def test_the_manual_is_clean_roff(tmp_path):
    page = tmp_path / "signetctl.1"
    page.write_text(run("man").stdout)
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", page], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    shown = subprocess.run(["mandoc", "-T", "utf8", page], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "mqtt-cn-signet00001 \\" in shown and "'a.example.com#15330001-cn-hangzhou'" in shown


COMPLETE = r"""
source "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_CWORD=0 COMP_WORDS=()
_signetctl "$3" "" ""
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """complete(line) → what bash would offer for the last word of the line."""
    folder = tmp_path_factory.mktemp("completion")
    (folder / "script").write_text(run("completion", "bash").stdout)
    (folder / "ask").write_text(COMPLETE)
    for name in ("my.crt", "my.key"):
        (folder / name).write_text("")
    (folder / "keys").mkdir()

    def ask(line):
        done = subprocess.run(["bash", "--norc", folder / "ask", folder / "script", line, PROGRAM], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                              env={"PATH": os.environ["PATH"], "SIGNET_INSTANCE": "mqtt-here"})
        assert done.stderr == ""
        return done.stdout.split()
    return ask


@pytest.mark.parametrize("line, offered", [
    ("signetctl on", ["onsmqtt"]),
    ("signetctl ver", ["verify"]),
    ("signetctl --output t", ["table"]),
    ("signetctl onsmqtt Set", ["SetSniConfig"]),
    ("signetctl --output table onsmqtt Set", ["SetSniConfig"]),
    ("signetctl cas Get", ["GetUserCertificateDetail", "GetCertificateDetail"]),
    ("signetctl onsmqtt SetSniConfig --", ["--MqttInstanceId", "--DefaultCertificate", "--SniConfig", "--DryRun", "--ExpectedRevision", "--endpoint",
                                           "--cacert", "--home", "--instance", "--output", "--wait", "--help", "--version"]),
    ("signetctl onsmqtt SetSniConfig --DryRun true --D", ["--DefaultCertificate"]),
    ("signetctl onsmqtt SetSniConfig --DryRun ", ["true", "false"]),
    ("signetctl onsmqtt SetSniConfig --MqttInstanceId ", ["mqtt-here"]),
    ("signetctl signet SetAuthenticationMode --Mode m", ["mutual"]),
    ("signetctl signet SetAuthenticationMode --Mode=", ["one-way", "mutual"]),
    ("signetctl cas ListUserCertificateOrder --OrderType U", ["UPLOAD"]),
    ("signetctl signet CreateAccessKey --Gr", ["--Grants.1.Action", "--Grants.1.MqttInstanceId"]),
    ("signetctl signet CreateAccessKey --Grants.1.Action read --Gr", ["--Grants.1.MqttInstanceId", "--Grants.2.Action",
                                                                      "--Grants.2.MqttInstanceId"]),
    ("signetctl verify a.example.com --tls", ["--tls1.2", "--tls1.3"]),
    ("signetctl completion ", ["bash", "zsh"]),
    ("signetctl import --ke", ["--keys"]),
    ("signetctl import --keys k", ["keys"]),
    ("signetctl import my", ["my.crt", "my.key"]),
    ("signetctl cas UploadUserCertificate --Cert @my.c", ["my.crt"]),
    ("signetctl cas UploadUserCertificate --Cert=@my.c", ["my.crt"]),
    ("signetctl cas UploadUserCertificate --Key k", []),
    ("signetctl onsmqtt Nonsense --", ["--endpoint", "--cacert", "--home", "--instance", "--output", "--wait", "--help", "--version"]),
])
def test_bash_completes(complete, line, offered):
    assert sorted(complete(line)) == sorted(offered)


def test_zsh_completes(tmp_path):
    (tmp_path / "_signetctl").write_text(run("completion", "zsh").stdout)
    (tmp_path / "signetctl").symlink_to(PROGRAM)
    lines = ["autoload -Uz compinit && compinit -D -u", "signetctl onsmqtt SetSniC\t#", "signetctl signet SetAuthenticationMode --Mode mut\t#"]
    driver = f"""
zmodload zsh/zpty
zpty z "env PATH={tmp_path}:$PATH PS1=READY TERM=dumb zsh -f -i"
zpty -w z 'fpath=({tmp_path} $fpath); {lines[0]}'
for text in {" ".join(f"$'{t}'" for t in lines[1:])}; do
    zpty -w z $text
done
zpty -w z 'exit'
zpty -r z out '*exit*' ; print -r -- $out
while zpty -r z out; do print -rn -- $out; done
"""
    done = subprocess.run(["zsh", "-f", "-c", driver], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60, check=False)
    assert "SetSniConfig" in done.stdout and "--Mode mutual" in done.stdout, done.stdout


def test_everything_is_installed(tmp_path):
    done = subprocess.run(["cmake", "--install", build_dir(), "--prefix", tmp_path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "share/man/man1/signetctl.1").read_text() == run("man").stdout
    assert (tmp_path / "share/bash-completion/completions/signetctl").read_text() == run("completion", "bash").stdout
    assert (tmp_path / "share/zsh/site-functions/_signetctl").read_text() == run("completion", "zsh").stdout
    installed = subprocess.run([tmp_path / "bin/signetctl", "--version"], stdout=subprocess.PIPE, text=True, check=True)
    assert installed.stdout.startswith("signetctl ")
