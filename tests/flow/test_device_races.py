"""A device and what the operator does about it at the same moment: whatever the order, the truth at the end is the one of the
database."""
import os
import signal
import socket
import ssl
import time

import pytest
from harness.crowd import device_context
from harness.expect import answered
from harness.mqtt import connect_packet, password
from harness.odd_certs import OddCa
from harness.process import wait_until

DOMAIN = "races.example.com"


class Slow:
    """A TLS client that sends its last flight record by record, when it is told to."""

    def __init__(self, port, files, version=ssl.TLSVersion.TLSv1_3):
        self.raw = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = device_context(files, version).wrap_bio(self.incoming, self.outgoing, server_hostname=DOMAIN)
        self.kept = b""

    def _step(self, call, *args):
        while True:
            try:
                return call(*args)
            except ssl.SSLWantReadError:
                self.send()
                got = self.raw.recv(65536)
                if not got:
                    raise EOFError("closed by the broker") from None
                self.incoming.write(got)

    def begin(self):
        """Up to the last flight, of which the record with the certificate is sent."""
        self._step(self.tls.do_handshake)
        flight, records = self.outgoing.read(), []
        while flight:
            size = 5 + int.from_bytes(flight[3:5], "big")
            records.append(flight[:size])
            flight = flight[size:]
        at = next(n for n, r in enumerate(records) if len(r) > 200)
        self.raw.sendall(b"".join(records[:at + 1]))
        self.kept = b"".join(records[at + 1:])
        assert self.kept, "nothing is left to be sent later"
        return self

    def send(self):
        self.raw.sendall(self.kept + self.outgoing.read())
        self.kept = b""

    def shake(self):
        self._step(self.tls.do_handshake)
        self.send()
        return self

    def connect(self, client_id, login=None):
        """The code of the CONNACK."""
        user = pw = None
        if login:
            user, pw = f"Signature|{login[0]}|{login[2]}", password(login[1], client_id)
        self.tls.write(connect_packet(client_id, user, pw))
        self.send()
        got = b""
        while len(got) < 4:
            got += self._step(self.tls.read, 4 - len(got))
        assert got[:2] == b"\x20\x02", got
        return got[3]

    def closed(self, timeout):
        self.raw.settimeout(timeout)
        try:
            while self.raw.recv(65536):
                pass
            return True
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.raw.close()


class Site:
    def __init__(self, stack, authority, folder):
        self.stack, self.folder, self.opened = stack, folder, []
        cert = stack.upload(authority.issue(DOMAIN))
        assert stack.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
        self.call("SetAuthenticationMode", Mode="mutual")

    def call(self, operation, **params):
        reply = self.stack.api.v3(operation, {"MqttInstanceId": self.stack.instance, **params})
        body = answered(reply, operation)
        assert reply.headers.get("x-signet-rollout", "applied") == "applied", reply.headers
        return body

    def ca(self, *args, **kwargs):
        return self.register(OddCa(*args, **kwargs))

    def register(self, ca):
        code = self.call("GetRegisterCode")["RegisterCode"]
        self.call("RegisterCaCertificate", CaName="races", CaContent=ca.pem, VerificationContent=ca.verification(code))
        return ca

    def slow(self, cert, *chain, version=ssl.TLSVersion.TLSv1_3):
        self.opened.append(Slow(self.stack.tls_port, cert.write(self.folder, *chain), version))
        return self.opened[-1]

    def code(self, cert, *chain, login=None):
        """Of a CONNECT from a new connection that ends after it."""
        s = self.slow(cert, *chain).shake()
        try:
            return s.connect(f"GID_r@@@{len(self.opened)}", login)
        finally:
            s.close()

    def registered(self, ca, device):
        return self.stack.api.v3("GetDeviceCertificate", {"MqttInstanceId": self.stack.instance, "CaSn": ca.sn,
                                                          "DeviceSn": device.sn}).status == 200

    def heard(self):
        """What was sent before has been looked at: by the only worker, on another connection, twice."""
        c = self.stack.client("GID_r@@@other", tls=False)
        assert c.code == 0
        for _ in range(2):
            time.sleep(0.05)
            c.ping()
        c.close()

    def close(self):
        for s in self.opened:
            s.close()


@pytest.fixture
def site(open_stack, authority, tmp_path):
    made = Site(open_stack(workers=1), authority, tmp_path)
    yield made
    made.close()


def test_a_device_deleted_while_it_shakes_hands_is_registered_anew(site):
    ca = site.ca()
    device = ca.device()
    assert site.code(device) == 0
    wait_until(lambda: site.stack.status()["devicesKnown"] == 1, what="the device to be known")
    s = site.slow(device).begin()
    site.heard()
    site.call("DeleteDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    assert not site.registered(ca, device)
    s.shake()
    assert s.connect("GID_r@@@x") == 0
    assert site.registered(ca, device), "it is connected, and the operator does not see it"


def test_a_device_that_came_while_the_mode_was_another_is_registered_before_it_stays(site):
    ca = site.ca()
    device = ca.device()
    s = site.slow(device).shake()
    site.heard()
    site.call("SetAuthenticationMode", Mode="one-way")
    assert s.connect("GID_r@@@x", site.stack.login()) == 0
    site.call("SetAuthenticationMode", Mode="mutual")
    assert s.closed(2) or site.registered(ca, device), "it is connected, and the operator does not see it"
    assert site.code(device) == 0 and site.registered(ca, device)


def test_a_certificate_ends_a_session_that_began_in_the_other_mode(site):
    ca = site.ca()
    device = ca.device(end=8)
    assert site.code(device) == 0
    s = site.slow(device).shake()
    site.heard()
    site.call("SetAuthenticationMode", Mode="one-way")
    assert s.connect("GID_r@@@x", site.stack.login()) == 0
    site.call("SetAuthenticationMode", Mode="mutual")
    assert not s.closed(0.5)
    device.wait_for_end()
    assert s.closed(2), "its certificate has ended"


@pytest.mark.parametrize("change", ["InactivateCaCertificate", "UploadCaCrl"])
def test_what_is_done_to_an_intermediate_ends_the_sessions_that_came_through_it(site, change):
    root = site.ca("Root")
    link = OddCa("Link", parent=root)
    device, other = link.device(), root.device()
    s, stays = site.slow(device, link).shake(), site.slow(other).shake()
    assert s.connect("GID_r@@@x") == stays.connect("GID_r@@@y") == 0
    site.register(link)
    assert not s.closed(0.3)
    site.call(change, **{"InactivateCaCertificate": {"Sn": link.sn},
                         "UploadCaCrl": {"CaSn": link.sn, "CrlContent": link.crl([device])}}[change])
    assert s.closed(1), "a new handshake of it would be refused"
    assert not stays.closed(0.3)


def registry_backend(site):
    pid, = site.stack.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'signet-broker registry' "
                          f"AND datname = '{site.stack.database}'")[0]
    return int(pid)


def test_a_device_whose_registration_hangs_is_told_so(open_stack, authority, tmp_path):
    site = Site(open_stack(workers=1, env={"SIGNET_CONNECT_SECONDS": 2}), authority, tmp_path)
    ca = site.ca()
    known, new = ca.device(), ca.device()
    assert site.code(known) == 0
    pid = registry_backend(site)
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert site.code(new) == 3
        assert time.monotonic() - began < 5
        assert site.code(known) == 0
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: site.code(new) == 0, timeout=10, what="the new device to be let in")
    site.close()
