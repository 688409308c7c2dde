"""Nothing secret is ever written down: not in a log, not in an answer, not in the database, not for other users to read."""
import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from harness import needles
from harness.api import CAS, Api
from harness.mqtt import Client, connect_packet, password
from harness.process import wait_until

MARKER = "marker-7f3a9c"
PASSWORDS = ["right-pass#word-5511", "wrong-password-7722", "needless-password-8833", "lost; password-9944"]


class Recording(Api):
    """Keeps every answer, head and body."""

    def __init__(self, api, secret=None):
        super().__init__(api.port, api.key_id, secret or api.secret)
        self.answers = []

    def send(self, method, target, headers=None, body=None, keep=None):
        reply = super().send(method, target, headers, body, keep)
        self.answers.append(repr(reply.headers).encode() + reply.body)
        return reply


def every_scheme(api, action, params, version):
    """Signed both ways, as query and as body, and with Basic."""
    for scheme in ("v1", "v3"):
        for method, where in (("GET", "query"), ("POST", "query"), ("POST", "body")):
            getattr(api, scheme)(action, params, version=version, method=method, where=where)
    for form in ({}, {"as_json": True}, {"method": "GET"}):
        api.basic(action, params, version=version, **form)


def exercise(s, api, wrong, certs, turn):
    """Everything that has a secret in it, right and wrong."""
    rsa, ec, locked = certs
    number = {}
    for label, c in (("rsa", rsa), ("ec", ec), ("locked", locked)):
        got = api.v3("UploadUserCertificate", {"Name": f"{MARKER}-{turn}-{label}", "Cert": c.chain, "Key": c.key}, version=CAS)
        number[label] = got.json["CertId"]
    for who in (api, wrong):
        for cert, key in ((rsa.chain, ec.key), (rsa.key, rsa.key), (ec.chain + ec.key, ec.key), ("", ec.key),
                          (rsa.chain, rsa.key[:-80]), (rsa.chain, rsa.key.replace("\n", " "))):
            every_scheme(who, "UploadUserCertificate", {"Name": f"{MARKER}-{turn}-rsa", "Cert": cert, "Key": key}, CAS)
        every_scheme(who, "UploadUserCertificate", {"Name": f"{MARKER}-{turn}-rsa", "Cert": rsa.chain, "Key": rsa.key}, CAS)
        every_scheme(who, "UploadUserCertificate", {"Nmae": MARKER, "Crt": rsa.chain, "Kye": rsa.key}, CAS)
        every_scheme(who, "SetSniConfig", {"MqttInstanceId": s.instance, "DefaultCertificate": ec.key, "SniConfig": rsa.key},
                     "2020-04-20")
        for text in (f"{MARKER}.example.com#{number['locked']}#{PASSWORDS[0]}",
                     f"{MARKER}.example.com#{number['locked']}#{PASSWORDS[1]}",
                     f"{MARKER}.example.com#{number['rsa']}#{PASSWORDS[2]}",
                     f"{MARKER}.example.com#{number['locked']}#{PASSWORDS[3]}", f"#{number['ec']}#{PASSWORDS[1]};{PASSWORDS[1]}"):
            every_scheme(who, "SetSniConfig", {"MqttInstanceId": s.instance, "DefaultCertificate": str(number["ec"]),
                                               "SniConfig": text}, "2020-04-20")
    api.v3("SetSniConfig", {"MqttInstanceId": s.instance, "DefaultCertificate": str(number["ec"]),
                            "SniConfig": f"{MARKER}.example.com#{number['locked']}#{PASSWORDS[0]}"})
    for c in number.values():
        api.v3("GetUserCertificateDetail", {"CertId": str(c)}, version=CAS)
    for label in ("ec", "locked"):  # refused: they are in use
        api.v3("DeleteUserCertificate", {"CertId": str(number[label])}, version=CAS)
    api.v3("GetSniConfig", {"MqttInstanceId": s.instance})
    api.v3("DescribeInstance", {"MqttInstanceId": s.instance})
    api.v3("ListUserCertificateOrder", {"OrderType": "UPLOAD"}, version=CAS)
    for broken in (f"/?Key={rsa.key[40:90]}%zz", f"/{rsa.key[40:70].strip()}", f"/2020-04-20/{PASSWORDS[1]}"):
        api.send("GET", broken.replace("\n", "").replace(" ", ""))


def log_in(s):
    """Right, wrong, and with the secret itself in every place where somebody might type it."""
    key_id, secret, instance = s.login()
    s.client(f"{MARKER}@@@1", tls=False).close()
    user, right = f"Signature|{key_id}|{instance}", password(secret, MARKER)
    for name, word in ((user, "wrong"), (user, secret), (f"Signature|{secret}|{instance}", right), (secret, secret),
                       (f"Signature|{key_id}|{secret}", right), (user, right[:-2])):
        c = Client(s.tcp_port, MARKER, tls=False, connect=False)
        c.send(connect_packet(MARKER, name, word))
        assert c.receive()[1][1] in (4, 5)
    s.client(MARKER, sni=PASSWORDS[1]).close()  # typed in the wrong place: as a host name


def break_the_database(s):
    """Statements of ours that fail in PostgreSQL, so that it logs what it logs."""
    with pytest.raises(AssertionError):
        s.sql(f'SELECT "{MARKER}" FROM access_key', user="signet_broker")
    s.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
          "pg_backend_pid()")
    # a call that meets a connection in the moment of its end is answered 503; wait until all are new
    wait_until(lambda: all(s.api.v3("ListInstances").status == 200 for _ in range(20)), what="the API to have reconnected")


@pytest.fixture(scope="module")
def played(cluster, authority):
    """One stack, after everything; and all that it has written anywhere."""
    from conftest import Opener

    opener = Opener(cluster)
    try:
        s = opener()
        certs = (authority.issue("r.example.com", key="rsa:2048"), authority.issue("e.example.com"),
                 authority.issue("l.example.com", password=PASSWORDS[0]))
        api, wrong = Recording(s.api), Recording(s.api, "wrong-" + s.secret[::-1])
        exercise(s, api, wrong, certs, "before")
        log_in(s)
        break_the_database(s)
        exercise(s, api, wrong, certs, "after")
        assert s.served(f"{MARKER}.example.com") == certs[2].sha256
        yield s, api, certs, collect(s, [api, wrong])
    finally:
        opener.close()


def collect(s, apis):
    dump = subprocess.run(["pg_dump", "-d", s.cluster.url(s.database, "signet_owner")], stdout=subprocess.PIPE, check=True).stdout
    found = {"database": dump, "answers": b"\n".join(a for api in apis for a in api.answers),
             "PostgreSQL log": (s.cluster.folder / "log" / "postgres.log").read_bytes(), "status": repr(s.status()).encode()}
    for p in s.processes:
        found[p.name + " log"] = p.log.read_bytes()
        for file in ("cmdline", "environ"):
            found[f"{p.name} {file}"] = Path(f"/proc/{p.pid}/{file}").read_bytes() if os.geteuid() == 0 else b""
    for path in s.home.rglob("*"):
        if path.is_file() and path.name != "master.key" and path.suffix != ".log":
            found[str(path)] = path.read_bytes()
    return found


def test_the_search_finds_what_is_there(played):
    """The other tests of this file mean nothing unless this one passes."""
    s, api, certs, hay = played
    assert set(needles.seen({MARKER.encode()}, hay)) >= {"database", "answers", "broker log", "PostgreSQL log"}
    assert set(needles.seen({s.key_id.encode()}, hay)) >= {"database", "api log"}
    der = ssl.PEM_cert_to_DER_cert(certs[0].crt)
    assert set(needles.seen(needles.forms(der[100:124]), hay)) >= {"database", "answers"}  # hex there, base64 here
    assert b"SignatureDoesNotMatch" in hay["answers"] and b"server string to sign is:" in hay["answers"]
    for secret in (certs[0].key, PASSWORDS[0]):  # and the search knows a secret when it sees one
        assert needles.seen(needles.forms(secret), {"x": b"..." + secret.encode() + b"..."})
    assert needles.seen(needles.of_key(certs[1]), {"x": certs[1].key.encode().replace(b"\n", b"")})


@pytest.mark.parametrize("which, word", [(0, None), (1, None), (2, PASSWORDS[0])], ids=["RSA", "EC", "encrypted"])
def test_no_private_key_is_written_anywhere(played, which, word):
    _, _, certs, hay = played
    secret = needles.of_key(certs[which], word)
    assert len(secret) > 6 and needles.seen(secret, hay) == {}


@pytest.mark.parametrize("word", PASSWORDS, ids=range(len(PASSWORDS)))  # pytest puts the test's name into the environment
def test_no_password_is_written_anywhere(played, word):
    hay = played[3]
    for part in word.split(";"):
        assert needles.seen(needles.forms(part.strip()), hay) == {}


def test_no_access_key_secret_or_master_key_is_written_anywhere(played):
    s, _, _, hay = played
    master = (s.home / "master.key").read_text().strip()
    for secret in (s.secret, "wrong-" + s.secret[::-1], password(s.secret, MARKER), bytes.fromhex(master), master):
        assert needles.seen(needles.forms(secret), hay) == {}


def test_no_request_line_or_header_is_logged(played):
    hay = played[3]
    for part in (b"BEGIN", b"ACS3", b"Basic", b"Signature=", b"SniConfig=", b"PRIVATE", b"%0A"):
        assert part not in hay["api log"] and part not in hay["broker log"], part


def test_the_secret_of_create_access_key_is_not_echoed(stack):
    done = subprocess.run([stack.binaries / "signet-api", "--create-access-key"], env={**os.environ, **{
        k: str(v) for k, v in stack.api_env.items()}}, input="LTAIechoed\nsecret-to-keep-4455\n", stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=True)
    assert "LTAIechoed" in done.stdout and "secret-to-keep" not in done.stdout
    for text in ("LTAIonly\n", "\n\n", "bad id\nsecret-to-keep-4455\n", "x" * 129 + "\nsecret-to-keep-4455\n"):
        done = subprocess.run([stack.binaries / "signet-api", "--create-access-key"], env={**os.environ, **{
            k: str(v) for k, v in stack.api_env.items()}}, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False)
        assert done.returncode == 1 and "secret-to-keep" not in done.stdout, done


def test_a_new_secret_replaces_the_old_one(stack):
    assert stack.api.v3("ListInstances").status == 200
    stack.add_access_key(stack.key_id, "a-brand-new-secret")
    assert stack.api.v3("ListInstances").code == "SignatureDoesNotMatch"
    assert Api(stack.api.port, stack.key_id, "a-brand-new-secret").v3("ListInstances").status == 200
    wait_until(lambda: stack.client("GID_a@@@1", tls=False, login=(stack.key_id, "a-brand-new-secret", stack.instance)).code == 0,
               what="the broker to know the new secret")


# ---- the processes themselves ----

@pytest.mark.parametrize("program", ["signet-api", "signet-broker"])
@pytest.mark.parametrize("mode, text", [(0o640, None), (0o604, None), (0o600, "short"), (0o600, ""), (0o600, "xy" * 32), (None, None)])
def test_a_master_key_that_others_may_read_or_that_is_none_is_refused(stack, program, mode, text):
    key = stack.home / "bad.key"
    if mode is not None:
        key.write_text("ab" * 32 if text is None else text)
        key.chmod(mode)
    env = {**(stack.api_env if program == "signet-api" else stack.broker_env), "SIGNET_API_LISTEN": "127.0.0.1:0",
           "SIGNET_MQTTS_LISTEN": "127.0.0.1:0", "SIGNET_MQTT_LISTEN": "", "SIGNET_RUN_DIR": str(stack.home),
           "SIGNET_MASTER_KEY_FILE": str(key)}
    p = stack._process("refused", program, env).start()
    p.expected_dead = True
    assert p.popen.wait(20) == 1
    assert "ab" * 32 not in p.text() and "xy" * 32 not in p.text()


def test_no_core_is_ever_written(shared):
    for p in (shared.api_process, shared.broker):
        limits = Path(f"/proc/{p.pid}/limits").read_text()
        line = next(row for row in limits.splitlines() if row.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"], line


def _dumpable(pid):
    """/proc/<pid> belongs to root, not to the process's user, when the process is not dumpable (proc(5))."""
    return os.stat(f"/proc/{pid}/environ").st_uid != 0


@pytest.mark.parametrize("program", ["signet-api", "signet-broker"])
def test_another_process_of_the_same_user_cannot_look_inside(cluster, shared, program):
    """Run as a user that is not root; `sleep` beside it shows that the test would see a process that can be looked into."""
    import pwd

    user = pwd.getpwnam("signet") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    folder = Path(tempfile.mkdtemp(prefix="signet-u-", dir="/tmp"))
    as_user = [] if os.geteuid() else ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups", "--"]
    started = []
    try:
        (folder / "run").mkdir(mode=0o700)
        shutil.copy(shared.home / "master.key", folder / "master.key")
        shutil.copy(shared.binaries / program, folder / program)
        if os.geteuid() == 0:
            for path in (folder, folder / "run", folder / "master.key", folder / program):
                os.chown(path, user.pw_uid, user.pw_gid)
        env = {**(shared.api_env if program == "signet-api" else shared.broker_env), "SIGNET_HOME": folder,
               "SIGNET_API_LISTEN": "127.0.0.1:0", "SIGNET_MQTTS_LISTEN": "127.0.0.1:0", "SIGNET_MQTT_LISTEN": ""}
        p = shared._process(program + "-user", as_user[0] if as_user else folder / program, env)
        p.argv = [*as_user, str(folder / program)]
        p.start()
        started.append(p)
        p.logged(r"listening=|listener=mqtts")
        plain = subprocess.Popen([*as_user, "sleep", "60"])
        wait_until(lambda: Path(f"/proc/{plain.pid}/comm").read_text() == "sleep\n", what="sleep to run")
        assert _dumpable(plain.pid) and not _dumpable(p.pid)
        look = subprocess.run([*as_user, "cat", f"/proc/{p.pid}/environ"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        assert look.returncode != 0 and look.stdout == b""
        plain.kill()
        plain.wait()
    finally:
        for p in started:
            p.stop()
            p.expected_dead = True
        shutil.rmtree(folder, ignore_errors=True)
