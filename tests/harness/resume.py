"""TLS clients that keep sessions and bring them back: openssl s_client, and Python's ssl module. connect() gives an Outcome."""
import hashlib
import os
import re
import secrets
import socket
import ssl
import subprocess
import threading

from .certs import fingerprint
from .device_clients import ALERTS, alert, alert_in
from .mqtt import connect_packet, password

ACCEPTED = b"\x20\x02\x00\x00"
VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Outcome:
    """what: "resumed", "full" (each with CONNACK 0), "CONNACK 5", or "alert 48 unknown_ca". given: a session that could be
    brought back, None when there was none. sha256: of the server certificate after a full handshake."""

    def __init__(self, what, given=None, sha256=None):
        self.what, self.given, self.sha256 = what, given, sha256


def packet_for(login):
    """CONNECT of a client ID that nobody has; login: (access key ID, secret, instance) or None."""
    client_id = "GID_r@@@" + secrets.token_hex(6)
    if not login:
        return connect_packet(client_id)
    return connect_packet(client_id, f"Signature|{login[0]}|{login[2]}", password(login[1], client_id))


class SClient:
    """Sessions are files as `openssl s_client -sess_out` writes them."""

    def __init__(self, folder):
        self.folder = folder

    def connect(self, port, sni, version, login=None, device=None, session=None):
        """device: (chain file, key file)."""
        out = self.folder / f"{secrets.token_hex(6)}.session"
        name = ["-servername", sni] if sni else ["-noservername"]
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *name, "-tls" + version.replace(".", "_"),
                   "-ign_eof", "-sess_out", str(out)]
        command += ["-sess_in", str(session)] if session else []
        command += ["-cert", device[0], "-key", device[1]] if device else []
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
            watchdog = threading.Timer(30, p.kill)
            watchdog.start()
            try:
                self._say(p, packet_for(login))
                said = self._read(p)
            finally:
                watchdog.cancel()
                p.kill()
        given = out if out.exists() and ticket_of(out) else None
        return self._outcome(said, given)

    def _say(self, p, words):
        """One whose handshake was refused may have ended before: what it has printed says why."""
        try:
            os.write(p.stdin.fileno(), words)
        except BrokenPipeError:
            pass

    def _read(self, p):
        said = b""
        while not re.search(rb"\x20\x02\x00[\x00-\x05]", said):
            more = os.read(p.stdout.fileno(), 65536)
            if not more:
                break
            said += more
        return said

    def _outcome(self, said, given):
        text = said.decode("latin-1")
        connack = re.search("\x20\x02\x00([\x00-\x05])", text)
        if not connack:
            return Outcome(alert_in(text) or f"nothing: {text[-600:]}", given)
        if connack.group(1) != "\x00":
            return Outcome(f"CONNACK {ord(connack.group(1))}", given)
        if re.search(r"^Reused, TLS", text, re.M):
            return Outcome("resumed", given)
        assert re.search(r"^New, TLS", text, re.M), text
        return Outcome("full", given, fingerprint(text))


class PythonClient:
    """Sessions are (context, session): OpenSSL wants both again."""

    def __init__(self, _folder):
        pass

    def connect(self, port, sni, version, login=None, device=None, session=None):
        context, brought = session or (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), None)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = context.maximum_version = VERSIONS[version]
        if device:
            context.load_cert_chain(*device)
        with socket.create_connection(("127.0.0.1", port), timeout=30) as raw:
            try:
                with context.wrap_socket(raw, server_hostname=sni, session=brought) as s:
                    s.sendall(packet_for(login))
                    answer = s.recv(4)
                    return self._outcome(s, answer, context)
            except ssl.SSLError as e:
                return Outcome(self._alert(e))

    def _outcome(self, s, answer, context):
        given = (context, s.session) if s.session is not None and s.session.has_ticket else None
        if answer != ACCEPTED:
            return Outcome(f"CONNACK {answer[3]}" if len(answer) == 4 else f"nothing: {answer!r}", given)
        if s.session_reused:
            return Outcome("resumed", given)
        return Outcome("full", given, hashlib.sha256(s.getpeercert(binary_form=True)).hexdigest())

    def _alert(self, e):
        name = re.sub(r".*_ALERT_", "", e.reason or "").lower()
        return next((alert(n) for n, known in ALERTS.items() if known == name), f"nothing: {e}")


# ---- what is in a session of s_client ----

def _elements(der):
    """(tag, where its content begins, where it ends) of each element of a constructed value's content."""
    at = 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at:at + size], "big"), at + size
        yield tag, at, at + length
        at += length


def _ticket_place(der):
    """Where the ticket is in the DER of an SSL_SESSION: [10] EXPLICIT OCTET STRING."""
    (_, begin, end), = _elements(der)
    for tag, first, last in _elements(der[begin:end]):
        if tag == 0xAA:
            (_, inner, inner_end), = _elements(der[begin + first:begin + last])
            return begin + first + inner, begin + first + inner_end
    return 0, 0


def _der_of(path):
    return bytearray(ssl.PEM_cert_to_DER_cert(path.read_text().replace("SSL SESSION PARAMETERS", "CERTIFICATE")))


def ticket_of(path):
    der = _der_of(path)
    begin, end = _ticket_place(der)
    return bytes(der[begin:end])


def key_name(path):
    return ticket_of(path)[:16]


def with_ticket(path, change):
    """Another session file, whose ticket is what change(bytearray) makes of it, of the same length."""
    der = _der_of(path)
    begin, end = _ticket_place(der)
    ticket = change(der[begin:end])
    assert len(ticket) == end - begin
    der[begin:end] = ticket
    other = path.with_name(secrets.token_hex(6) + ".session")
    other.write_text(ssl.DER_cert_to_PEM_cert(bytes(der)).replace("CERTIFICATE", "SSL SESSION PARAMETERS"))
    return other
