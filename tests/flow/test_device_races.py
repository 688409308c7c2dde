"""A device and what the operator does about it at the same moment: whatever the order, the truth at the end is the one of the
database."""
import os
import random
import signal
import socket
import ssl
import threading
import time

import pytest
from harness.crowd import device_context
from harness.devices import differences
from harness.expect import answered
from harness.metrics import scrape
from harness.mqtt import connect_packet, packet, password, text
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
            more = self._step(self.tls.read, 4 - len(got))
            if not more:
                raise EOFError(f"closed by the broker after {got!r}")
            got += more
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
        self.stack.applied(reply)
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


def test_a_session_that_began_in_the_mode_one_way_ends_with_it(site):
    """Its certificate was looked at when the mode was mutual before: nobody has registered the device."""
    ca = site.ca()
    known, new = ca.device(), ca.device()
    assert site.code(known) == 0
    sessions = [site.slow(device).shake() for device in (known, new)]
    site.heard()
    site.call("SetAuthenticationMode", Mode="one-way")
    assert [s.connect(f"GID_r@@@s{n}", site.stack.login()) for n, s in enumerate(sessions)] == [0, 0]
    site.call("SetAuthenticationMode", Mode="mutual")
    assert all(s.closed(1) for s in sessions)
    assert not site.registered(ca, new)
    assert site.code(new) == 0 and site.registered(ca, new)


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


def test_an_intermediate_made_inactive_in_the_middle_of_a_handshake_lets_nobody_in(site):
    root = site.ca("Root")
    link = OddCa("Link", parent=root)
    device = link.device()
    assert site.code(device, link) == 0
    site.register(link)
    s = site.slow(device, link).begin()
    site.heard()
    site.call("InactivateCaCertificate", Sn=link.sn)
    s.shake()
    try:
        assert s.connect("GID_r@@@x") == 5
    except (EOFError, ConnectionError):
        pass


class Storm(threading.Thread):
    """Connects devices in every way that there is, and leaves in every way."""

    def __init__(self, site, devices, seed):
        super().__init__(daemon=True)
        self.site, self.devices, self.chance, self.stop, self.live, self.failure = site, devices, random.Random(seed), False, [], None
        self.files = {d: d.write(site.folder) for d in devices}

    def one(self):
        device, way = self.chance.choice(self.devices), self.chance.randrange(10)
        version = self.chance.choice([ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
        s = Slow(self.site.stack.tls_port, self.files[device], version)
        client_id = f"GID_r@@@{self.chance.randrange(1000)}"
        user, pw = f"Signature|{self.site.stack.key_id}|{self.site.stack.instance}", password(self.site.stack.secret, client_id)
        connect = connect_packet(client_id, user, pw)
        publish = packet(0x30, text("races/x") + b"x" * self.chance.choice([1, 40000]))
        if way == 0:
            s.begin()
            time.sleep(self.chance.random() / 10)
            if self.chance.random() < 0.5:
                return s.close()
        s.shake()
        if way == 1:
            return s.close()
        if way == 2:
            time.sleep(self.chance.random() / 10)
        s.tls.write({3: connect + publish, 4: connect + packet(0xE0), 5: connect * 2}.get(way, connect))
        s.send()
        if way == 6:
            return s.close()
        if way == 7:
            s.raw.shutdown(socket.SHUT_WR)
        got = s._step(s.tls.read, 4)
        if way > 7 and got == b"\x20\x02\x00\x00":
            self.live.append((device, client_id, s))
        else:
            s.close()

    def run(self):
        while not self.stop:
            try:
                self.one()
            except (OSError, EOFError, StopIteration):
                pass  # refused, or cut off: that is what is wanted
            except Exception as e:  # pylint: disable=broad-except
                self.failure = e
                return


def change_everything(site, cas, devices, chance, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        n, ca = chance.randrange(9), chance.choice(cas)
        device = chance.choice([d for d in devices if d.issuer is ca])
        one = {"CaSn": ca.sn, "DeviceSn": device.sn}
        name, params = [("InactivateDeviceCertificate", one), ("ActiveDeviceCertificate", one), ("DeleteDeviceCertificate", one),
                        ("InactivateCaCertificate", {"Sn": ca.sn}), ("ActiveCaCertificate", {"Sn": ca.sn}),
                        ("ActiveCaCertificate", {"Sn": ca.sn}), ("UploadCaCrl", {"CaSn": ca.sn, "CrlContent": ca.crl([device], number=int(
                            time.monotonic() * 1000))}), ("DeleteCaCrl", {"CaSn": ca.sn}),
                        ("SetAuthenticationMode", {"Mode": chance.choice(["mutual", "mutual", "one-way"])})][n]
        site.stack.api.v3(name, {"MqttInstanceId": site.stack.instance, **params})


@pytest.mark.parametrize("build", [None, "tsan"])
def test_whatever_happens_at_once_the_database_is_right_in_the_end(open_stack, authority, tmp_path, build):
    site = Site(open_stack(workers=3, build=build), authority, tmp_path)
    cas = [site.ca(f"Factory {n}") for n in range(2)]
    devices = [ca.device(f"d{n}") for ca in cas for n in range(12)]
    storms = [Storm(site, devices, n) for n in range(5)]
    for s in storms:
        s.start()
    chance = random.Random(7)
    change_everything(site, cas, devices, chance, 15)
    site.call("SetAuthenticationMode", Mode="mutual")
    for ca in cas:
        site.call("ActiveCaCertificate", Sn=ca.sn)
        site.stack.api.v3("DeleteCaCrl", {"MqttInstanceId": site.stack.instance, "CaSn": ca.sn})
    mine = [d for d in devices if d.issuer is cas[0]]
    for d in mine:
        site.stack.api.v3("ActiveDeviceCertificate", {"MqttInstanceId": site.stack.instance, "CaSn": cas[0].sn, "DeviceSn": d.sn})
    for d in mine:
        assert site.code(d, login=site.stack.login()) == 0
    time.sleep(1)  # the storm goes on
    out, let_in = mine[:6], mine[6:]
    for d in out:
        site.call("InactivateDeviceCertificate", CaSn=cas[0].sn, DeviceSn=d.sn)
    site.call("InactivateCaCertificate", Sn=cas[1].sn)
    for s in storms:
        s.stop = True
    time.sleep(1)
    for s in storms:
        s.join(30)
        assert not s.failure, s.failure
    live = [one for s in storms for one in s.live]
    assert live
    for device, client_id, s in live:
        s.still = not s.closed(0.01)
        assert not s.still or device in let_in, f"{device.sn} is connected"
        assert not s.still or site.registered(cas[0], device)
    for d in let_in:
        assert site.code(d) == 0
    for d in out + [d for d in devices if d.issuer is cas[1]]:
        with pytest.raises((OSError, EOFError)):
            site.code(d)
    assert differences(site.stack) == []
    assert site.stack.sql("SELECT count(*) FROM device_certificate GROUP BY sha256 HAVING count(*) > 1") == []
    for _, _, s in live:
        s.close()
    site.close()
    wait_until(lambda: site.stack.status()["counters"]["connections"] == 0, what="nobody to be connected")
    assert scrape(site.stack)["device_connections"] == 0
    storms = [Storm(site, let_in, 100 + n) for n in range(4)]
    for s in storms:
        s.start()
    time.sleep(1)
    assert site.stack.broker.stop() == 0  # in the middle of it
    for s in storms:
        s.stop = True
    for s in storms:
        s.join(30)
    for p in site.stack.processes:
        p.check_clean()
    site.stack.broker.expected_dead = True


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
        assert time.monotonic() - began < 15
        assert site.code(known) == 0
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: site.code(new) == 0, timeout=10, what="the new device to be let in")
    site.close()
