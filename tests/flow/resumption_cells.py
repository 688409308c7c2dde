"""The cells of docs/resumption.md: where a session came from, what has changed since, and what becomes of the client that
brings it back. Each is a function that does all that and gives what happened: "resumed", "full" (a full handshake, judged anew and
let in), or the TLS alert; where the versions of TLS differ, a pair (1.2, 1.3)."""
from harness.device_clients import alert
from harness.odd_certs import OddCa

RESUMED, FULL = "resumed", "full"
REVOKED, EXPIRED, UNKNOWN_CA, NO_CERTIFICATE = alert(44), alert(45), alert(48), (alert(40), alert(116))
A, B = "a.resume.example.com", "b.resume.example.com"
ALSO_A = "also-a.resume.example.com"  # served with the certificate of A
CELLS = {}  # name: (function, the world it needs, where from, what changed, how it comes back, expected)


def cell(came_from, since, back, expected, world="plain"):
    def add(function):
        CELLS[function.__name__] = (function, world, came_from, since, back, expected)
        return function
    return add


ONE_WAY, MUTUAL = "one-way", "mutual, with a device certificate"


# ---- one-way, and nothing that matters has changed: resumed ----

@cell(ONE_WAY, "nothing", "again", RESUMED)
def nothing_changed(w):
    return w.come(A, w.session(A))


@cell(ONE_WAY, "nothing", "to each worker of the broker", RESUMED)
def on_every_worker(w):
    session = w.session(A)
    came = set()
    for _ in range(12):  # the kernel chooses the worker
        out = w.connect(A, session)
        came.add(out.what)
        session = out.given or session
    return w.all_of(came)


@cell(ONE_WAY, "broker restarted", "again", RESUMED)
def broker_restarted(w):
    session = w.session(A)
    w.restart()
    return w.come(A, session)


@cell(ONE_WAY, "nothing", "to another broker of the instance", RESUMED)
def on_another_broker(w):
    return w.come(A, w.session(A), port=w.second.port)


@cell(ONE_WAY, "the next ticket key is in use", "again", RESUMED, "keys")
def key_rotated(w):
    session = w.session(A)
    w.rotate()
    return w.come(A, session)


@cell(ONE_WAY, "a CA registered", "again", RESUMED)
def a_ca_was_added(w):
    session = w.session(A)
    w.ca()
    return w.come(A, session)


@cell(ONE_WAY, "the other domain has another certificate", "again", RESUMED)
def the_other_domain_changed(w):
    session = w.session(A)
    w.serve({A: "a1", ALSO_A: "a1", B: "b2"})
    return w.come(A, session)


@cell(ONE_WAY, "mode switched to mutual and back", "again", RESUMED)
def mutual_for_a_while(w):
    session = w.session(A)
    w.mode("mutual")
    w.mode("one-way")
    return w.come(A, session)


@cell(ONE_WAY, "resumed twenty times", "again", RESUMED)
def again_and_again(w):
    session = w.session(A)
    came = set()
    for _ in range(20):
        out = w.connect(A, session)
        came.add(out.what)
        session = out.given or session
    return w.all_of(came)


# ---- one-way, and something has: a full handshake, which sees it ----

@cell("one-way, another domain", "nothing", "to this domain", FULL)
def from_another_domain(w):
    return w.come(A, w.session(B))


@cell("one-way, another domain of the same certificate", "nothing", "to this domain", FULL)
def from_another_domain_of_the_certificate(w):
    return w.come(A, w.session(ALSO_A))


@cell("one-way, without SNI", "nothing", "to a domain of the same certificate", FULL)
def from_no_domain(w):
    return w.come(A, w.session(None))


@cell(ONE_WAY, "the domain has another certificate", "again", FULL)
def certificate_replaced(w):
    session = w.session(A)
    w.serve({A: "a2", ALSO_A: "a2", B: "b1"})
    return w.come(A, session)


@cell(ONE_WAY, "the domain has another certificate, broker restarted", "again", FULL)
def certificate_replaced_and_restarted(w):
    session = w.session(A)
    w.serve({A: "a2", ALSO_A: "a2", B: "b1"})
    w.restart()
    return w.come(A, session)


@cell(ONE_WAY, "the domain has another certificate", "to another broker of the instance", FULL)
def certificate_replaced_on_another_broker(w):
    session = w.session(A)
    w.serve({A: "a2", ALSO_A: "a2", B: "b1"})
    return w.come(A, session, port=w.second.port)


@cell(ONE_WAY, "the domain has the other's certificate", "again", FULL)
def served_with_the_others_certificate(w):
    session = w.session(A)
    w.serve({A: "b1", ALSO_A: "a1", B: "b1"})
    return w.come(A, session)


@cell("one-way, another instance with the same domain and certificate", "nothing", "to this instance", FULL)
def from_another_instance(w):
    return w.come(A, w.session(A, port=w.stranger.port, login=w.stranger.login))


@cell(ONE_WAY, "nothing", "to another instance with the same domain and certificate", FULL)
def to_another_instance(w):
    return w.come(A, w.session(A), port=w.stranger.port, login=w.stranger.login)


@cell(ONE_WAY, "nothing", "with the other version of TLS", FULL)
def with_the_other_version(w):
    return w.come(A, w.session(A, version={"1.2": "1.3", "1.3": "1.2"}[w.version]))


@cell(ONE_WAY, "the ticket key is gone from the database", "again", FULL, "keys")
def key_gone(w):
    session = w.session(A)
    w.forget_keys()
    return w.come(A, session)


@cell(ONE_WAY, "older than SIGNET_TICKET_SECONDS", "again", FULL, "short")
def too_old(w):
    session = w.session(A)
    w.wait_until_too_old()
    return w.come(A, session)


@cell(ONE_WAY, "resumed until older than SIGNET_TICKET_SECONDS", "again", FULL, "short")
def renewed_for_too_long(w):
    session, resumed = w.session(A), 0
    while not w.is_too_old():
        out = w.connect(A, session)
        if out.what == FULL:  # at the last moment: only the next session is too young
            return out.what if resumed > 3 and w.is_nearly_too_old() else f"full after {resumed}"
        resumed += out.what == RESUMED
        session = out.given or session
    return w.come(A, session) if resumed > 3 else f"resumed {resumed} times"


# ---- tickets that nobody has given ----

@cell("a ticket with one byte changed", "nothing", "again", FULL)
def garbled(w):
    session = w.file_session(A)
    came = set()
    for place in (0, 15, 16, 31, 32, 100, -33, -32, -1):  # key name, IV, state, MAC (RFC 5077 §4)
        def change(ticket, at=place):
            ticket[at] ^= 1
            return ticket
        came.add(w.come_with_file(A, w.changed(session, change)))
    return w.all_of(came)


@cell("a ticket of random bytes", "nothing", "again", FULL)
def made_up(w):
    return w.come_with_file(A, w.changed(w.file_session(A), lambda ticket: w.random(len(ticket))))


@cell("a ticket of random bytes under the name of a key that is in use", "nothing", "again", FULL)
def made_up_with_a_real_key(w):
    return w.come_with_file(A, w.changed(w.file_session(A), lambda ticket: ticket[:16] + w.random(len(ticket) - 16)))


# ---- one-way sessions and the mode mutual: never resumed ----

@cell(ONE_WAY, "mode switched to mutual", "without a device certificate", NO_CERTIFICATE)
def now_mutual(w):
    session = w.session(A)
    w.mode("mutual")
    return w.come(A, session)


@cell(ONE_WAY, "mode switched to mutual", "to another broker, without a device certificate", NO_CERTIFICATE)
def now_mutual_on_another_broker(w):
    session = w.session(A)
    w.mode("mutual")
    return w.come(A, session, port=w.second.port)


@cell(ONE_WAY, "mode switched to mutual, broker restarted", "without a device certificate", NO_CERTIFICATE)
def now_mutual_and_restarted(w):
    session = w.session(A)
    w.mode("mutual")
    w.restart()
    return w.come(A, session)


@cell(ONE_WAY, "mode switched to mutual", "with the certificate of a registered CA", FULL)
def now_mutual_with_a_device(w):
    device = w.device(w.ca())
    session = w.session(A, device=device)
    w.mode("mutual")
    return w.come(A, session, device=device)


@cell(ONE_WAY, "mode switched to mutual", "with the certificate of a CA that is not registered", UNKNOWN_CA)
def now_mutual_with_a_strange_device(w):
    device = w.device(OddCa("Stranger"))
    session = w.session(A, device=device)
    w.mode("mutual")
    return w.come(A, session, device=device)


@cell(ONE_WAY, "mode switched to mutual, CA inactivated", "with a device certificate", REVOKED)
def now_mutual_with_an_inactive_ca(w):
    ca = w.ca()
    device = w.device(ca)
    session = w.session(A, device=device)
    w.call("InactivateCaCertificate", Sn=ca.sn)
    w.mode("mutual")
    return w.come(A, session, device=device)


# ---- sessions of the mode mutual: nothing is given to bring back, and every handshake is judged anew ----

def known_device(w):
    """(CA, device) of a device that has connected in the mode mutual, and the session it was left with, if any."""
    w.mode("mutual")
    ca = w.ca()
    device = w.device(ca)
    return ca, device, w.left_over(A, device)


@cell(MUTUAL, "nothing", "again", FULL)
def mutual_again(w):
    _, device, session = known_device(w)
    return w.come(A, session, device=device)


@cell(MUTUAL, "nothing", "without the certificate", NO_CERTIFICATE)
def mutual_again_without_certificate(w):
    _, _, session = known_device(w)
    return w.come(A, session)


@cell(MUTUAL, "nothing", "to another broker of the instance", FULL)
def mutual_on_another_broker(w):
    _, device, session = known_device(w)
    return w.come(A, session, device=device, port=w.second.port)


@cell(MUTUAL, "mode switched to one-way", "again", FULL)
def mutual_now_one_way(w):
    _, device, session = known_device(w)
    w.mode("one-way")
    return w.come(A, session, device=device)


@cell(MUTUAL, "another CA registered", "again", FULL)
def mutual_and_a_ca_was_added(w):
    _, device, session = known_device(w)
    w.ca()
    return w.come(A, session, device=device)


@cell(MUTUAL, "CA inactivated", "again", REVOKED)
def mutual_ca_inactivated(w):
    ca, device, session = known_device(w)
    w.call("InactivateCaCertificate", Sn=ca.sn)
    return w.come(A, session, device=device)


@cell(MUTUAL, "CA deleted", "again", UNKNOWN_CA)
def mutual_ca_deleted(w):
    ca, device, session = known_device(w)
    w.call("DeleteCaCertificate", Sn=ca.sn)
    return w.come(A, session, device=device)


@cell(MUTUAL, "device inactivated", "again", REVOKED)
def mutual_device_inactivated(w):
    ca, device, session = known_device(w)
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.come(A, session, device=device)


@cell(MUTUAL, "device inactivated, broker restarted", "again", REVOKED)
def mutual_device_inactivated_and_restarted(w):
    ca, device, session = known_device(w)
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.restart()
    return w.come(A, session, device=device)


@cell(MUTUAL, "device inactivated", "to another broker of the instance", REVOKED)
def mutual_device_inactivated_on_another_broker(w):
    ca, device, session = known_device(w)
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.come(A, session, device=device, port=w.second.port)


@cell(MUTUAL, "device inactivated and activated", "again", FULL)
def mutual_device_activated(w):
    ca, device, session = known_device(w)
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.call("ActiveDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.come(A, session, device=device)


@cell(MUTUAL, "device deleted", "again (and is registered again)", FULL)
def mutual_device_deleted(w):
    ca, device, session = known_device(w)
    w.call("DeleteDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.come(A, session, device=device)


@cell(MUTUAL, "the certificate's time is over", "again", EXPIRED)
def mutual_expired(w):
    w.mode("mutual")
    device = w.device(w.ca(), end=8)
    session = w.left_over(A, device)
    device.wait_for_end()
    return w.come(A, session, device=device)


@cell(MUTUAL, "device inactivated, mode switched to one-way and back", "again", REVOKED)
def mutual_by_way_of_one_way(w):
    ca, device, _ = known_device(w)
    w.mode("one-way")
    session = w.session(A, device=device)
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.mode("mutual")
    return w.come(A, session, device=device)
