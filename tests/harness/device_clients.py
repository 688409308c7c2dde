"""Three clients that nobody here wrote, each presenting a device certificate: openssl s_client, Debian's mosquitto_pub, and
MQTT.js. Each answers with the same kind of outcome: "CONNACK 0", or "alert 45 certificate_expired"."""
import json
import os
import re
import secrets
import subprocess
import threading

from .mqtt import connect_packet, password
from .process import ROOT

# RFC 8446 §6.2, RFC 5246 §7.2.2
ALERTS = {40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
          45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca", 49: "access_denied",
          51: "decrypt_error", 112: "unrecognized_name", 116: "certificate_required"}
VERSIONS = ["1.2", "1.3"]
MODULES = ROOT / "build" / "clients" / "node_modules"  # scripts/lib/test.sh puts MQTT.js there


def alert(number):
    return f"alert {number} {ALERTS.get(number, '?')}"


def alert_in(text):
    """OpenSSL's reason codes from 1000 on are alerts that came in (ssl/sslerr.h)."""
    found = re.search(r"SSL alert number (\d+)", text) or re.search(r"error:0A([0-9A-Fa-f]{6}):", text)
    if not found:
        return None
    number = int(found.group(1), 10 if "number" in found.group(0) else 16)
    return alert(number if number < 256 else number - 1000)


class Login:
    """A Signature user name. `wrong`: with another password."""

    def __init__(self, key_id, secret, instance, wrong=False):
        self.key_id, self.secret, self.instance, self.wrong = key_id, secret, instance, wrong

    def user(self):
        return f"Signature|{self.key_id}|{self.instance}"

    def password(self, client_id):
        return password(self.secret, client_id + ("x" if self.wrong else ""))


class Presented:
    """Files of what a device presents. `weak`: the client must be told to use it at all."""

    def __init__(self, folder, cert=None, *chain, weak=False):
        self.weak = weak
        self.cert = self.key = self.leaf = self.chain = None
        if cert is not None:
            self.cert, self.key = cert.write(folder, *chain)
            self.leaf = cert.write(folder)[0]
            if chain:
                self.chain = chain[0].write(folder, *chain[1:])[0] if chain[0].key else None
                self.chain = self.chain or self.cert


class Clients:
    """`domain` is served with a certificate that `ca` (a file) has issued; `folder` is for their files."""

    def __init__(self, stack, domain, ca, folder):
        self.stack, self.domain, self.ca, self.folder = stack, domain, str(ca), folder
        (folder / "hosts").write_text(f"127.0.0.1 {domain}\n")
        for version in VERSIONS:  # mosquitto's own option is only the least version
            (folder / f"tls{version}.cnf").write_text(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
                                                      f"MinProtocol = TLSv{version}\nMaxProtocol = TLSv{version}\n"
                                                      f"CipherString = DEFAULT@SECLEVEL=2\n")
        self.node = None
        self.all = {"s_client": self.s_client, "mosquitto": self.mosquitto, "MQTT.js": self.mqtt_js}

    def client_id(self):
        return "GID_test@@@" + secrets.token_hex(6)

    def s_client(self, presented, version, login=None, session_out=None, session_in=None):
        client_id = self.client_id()
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.stack.tls_port}", "-servername", self.domain, "-CAfile",
                   self.ca, "-quiet", "-verify_quiet", "-ign_eof", "-tls" + version.replace(".", "_")]
        if presented.cert:
            command += ["-cert", presented.leaf, "-key", presented.key]
        if presented.chain:
            command += ["-cert_chain", presented.chain]
        if presented.weak:
            command += ["-cipher", "DEFAULT@SECLEVEL=0"]
        command += ["-sess_out", str(session_out)] if session_out else []
        command += ["-sess_in", str(session_in)] if session_in else []
        p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watchdog = threading.Timer(30, p.kill)
        watchdog.start()
        try:
            try:
                p.stdin.write(connect_packet(client_id, login and login.user(), login and login.password(client_id)))
                p.stdin.flush()
            except BrokenPipeError:
                pass
            connack = p.stdout.read(4)
            if len(connack) == 4:
                assert connack[:2] == b"\x20\x02", connack
                return f"CONNACK {connack[3]}"
            errors = p.stderr.read().decode()
            return alert_in(errors) or f"nothing: {errors[-600:]}"
        finally:
            watchdog.cancel()
            p.kill()
            p.wait()
            for stream in (p.stdin, p.stdout, p.stderr):
                try:
                    stream.close()
                except BrokenPipeError:
                    pass

    def mosquitto(self, presented, version, login=None):
        client_id = self.client_id()
        command = ["mosquitto_pub", "-d", "-h", self.domain, "-p", str(self.stack.tls_port), "--cafile", self.ca, "--tls-version",
                   f"tlsv{version}", "-i", client_id, "-t", "cases/topic", "-m", "hello", "-q", "1"]
        if presented.cert:
            command += ["--cert", presented.cert, "--key", presented.key]
        if presented.weak:
            command += ["--ciphers", "DEFAULT@SECLEVEL=0"]
        if login:
            command += ["-u", login.user(), "-P", login.password(client_id)]
        env = {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", "NSS_WRAPPER_HOSTS": str(self.folder / "hosts"),
               "OPENSSL_CONF": str(self.folder / f"tls{version}.cnf")}
        done = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30, check=False)
        connack = re.search(r"received CONNACK \((\d+)\)", done.stdout)
        if connack:
            assert (done.returncode == 0) == (connack.group(1) == "0"), done.stdout
            return f"CONNACK {connack.group(1)}"
        return alert_in(done.stdout) or f"nothing: {done.stdout[-600:]}"

    def mqtt_js(self, presented, version, login=None):
        if self.node is None:
            env = {**os.environ, "NODE_OPTIONS": "--no-warnings"}
            self.node = subprocess.Popen(["node", ROOT / "tests" / "clients" / "connect.mjs", MODULES.parent], env=env, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True)
        client_id = self.client_id()
        want = {"port": self.stack.tls_port, "servername": self.domain, "ca": self.ca, "version": f"TLSv{version}",
                "clientId": client_id, "weak": presented.weak}
        if presented.cert:
            want |= {"cert": presented.cert, "key": presented.key}
        if login:
            want |= {"username": login.user(), "password": login.password(client_id)}
        self.node.stdin.write(json.dumps(want) + "\n")
        self.node.stdin.flush()
        outcome = json.loads(self.node.stdout.readline())
        if "code" in outcome:
            return f"CONNACK {outcome['code']}"
        return alert_in(outcome["error"]) or f"nothing: {outcome['error']}"

    def close(self):
        if self.node is not None:
            self.node.stdin.close()
            self.node.wait(10)
            self.node.stdout.close()
