"""The cases of docs/device-certificate-cases.md: what a device presents to what state of things, and what it must hear. Each is
a function that brings the state about and returns what to present, or that and a login. Outcomes: CONNACK and its
code (MQTT 3.1.1 §3.2.2.3), or the TLS alert; where the versions of TLS differ, a pair (1.2, 1.3)."""
from harness.device_clients import Login, Presented, alert
from harness.expect import answered
from harness.odd_certs import OddCa, with_bad_signature

BAD, UNSUPPORTED, REVOKED, EXPIRED, UNKNOWN_CA = alert(42), alert(43), alert(44), alert(45), alert(48)
IN, UNAVAILABLE, BAD_LOGIN, NOT_AUTHORIZED = "CONNACK 0", "CONNACK 3", "CONNACK 4", "CONNACK 5"
CASES = {}  # name: (function, expected, label of the refusal or None, what it says in the table)


def case(expected, refusal=None):
    def add(function):
        CASES[function.__name__] = (function, expected, refusal, " ".join(function.__doc__.split()))
        return function
    return add


class World:
    """A stack in the mode mutual, and what the cases do to it. Each test has CAs and devices of its own."""

    def __init__(self, stack, folder):
        self.stack, self.folder, self.undo = stack, folder, []

    def call(self, operation, **params):
        reply = self.stack.api.v3(operation, {"MqttInstanceId": self.stack.instance, **params})
        body = answered(reply, operation)
        self.stack.applied(reply)
        return body

    def registered(self, ca):
        code = self.call("GetRegisterCode")["RegisterCode"]
        self.call("RegisterCaCertificate", CaName="case", CaContent=ca.pem, VerificationContent=ca.verification(code))
        return ca

    def ca(self, *args, **kwargs):
        return self.registered(OddCa(*args, **kwargs))

    def present(self, cert, *chain, weak=False):
        return Presented(self.folder, cert, *chain, weak=weak)

    def login(self, **kwargs):
        return Login(*self.stack.login(), **kwargs)

    def known(self, ca, cert, *chain):
        """Connects once, so that it is registered."""
        assert self.clients.s_client(self.present(cert, *chain), "1.3") == IN
        self.call("GetDeviceCertificate", CaSn=ca.sn, DeviceSn=cert.sn)
        return cert

    def later(self, undo):
        self.undo.append(undo)


# ---- kinds of certificate, under an active CA ----

@case(IN)
def ec_p256(w):
    """P-256, with the extensions of the vendor's recipe (keyCertSign with CA:FALSE)"""
    return w.present(w.ca().device())


@case(IN)
def ec_p384(w):
    """P-384"""
    return w.present(w.ca().device(key="p384"))


@case(IN)
def rsa_2048(w):
    """RSA of 2,048 bits under a CA of RSA"""
    return w.present(w.ca(key="rsa:2048").device(key="rsa:2048"))


@case(IN)
def ed25519(w):
    """Ed25519"""
    return w.present(w.ca().device(key="ed25519"))


@case(IN)
def without_extensions(w):
    """without any extension"""
    return w.present(w.ca().device(plain=True))


@case(IN)
def for_client_authentication(w):
    """extended key usage clientAuth"""
    return w.present(w.ca().device(extended=["client"]))


@case(IN)
def for_both(w):
    """extended key usage serverAuth and clientAuth"""
    return w.present(w.ca().device(extended=["server", "client"]))


@case(IN)
def without_a_name(w):
    """an empty subject"""
    return w.present(w.ca().device(name=""))


@case(IN)
def with_the_ca_behind_it(w):
    """the CA certificate sent behind it (the vendor's client_chain.crt)"""
    ca = w.ca()
    return w.present(ca.device(), ca)


@case(IN)
def by_a_ca_without_key_usage(w):
    """CA without keyUsage, as the vendor's recipe makes it"""
    return w.present(w.ca(usage=None).device())


@case(IN)
def by_a_ca_without_key_identifiers(w):
    """CA and device without key identifiers"""
    return w.present(w.ca(key_ids=False).device())


@case((alert(40), alert(116)), "no_certificate")
def no_certificate(w):
    """no certificate"""
    return w.present(None)


@case(UNSUPPORTED, "wrong_purpose")
def for_servers_only(w):
    """extended key usage serverAuth only"""
    return w.present(w.ca().device(extended=["server"]))


@case(UNSUPPORTED, "wrong_purpose")
def key_usage_without_signature(w):
    """key usage without digitalSignature"""
    return w.present(w.ca().device(usage=["key_cert_sign"]))


@case(EXPIRED, "expired")
def expired(w):
    """its time is over"""
    return w.present(w.ca().device(begin=-7200, end=-3600))


@case(BAD, "not_yet_valid")
def not_yet_valid(w):
    """its time has not begun"""
    return w.present(w.ca().device(begin=3600, end=7200))


@case(BAD, "weak_key")
def rsa_1024(w):
    """RSA of 1,024 bits"""
    return w.present(w.ca().device(key="rsa:1024"), weak=True)


@case(BAD, "weak_digest")
def signed_with_sha1(w):
    """signed with SHA-1"""
    return w.present(w.ca().device(digest="sha1"), weak=True)


@case(UNKNOWN_CA, "unknown_ca")
def self_signed(w):
    """signed by itself"""
    w.ca()
    return w.present(OddCa("device", ca=False, usage=["digital_signature"]))


@case(UNKNOWN_CA, "unknown_ca")
def by_nobody_we_know(w):
    """issued by a CA that is not registered"""
    w.ca()
    return w.present(OddCa("Stranger").device())


@case(UNKNOWN_CA, "unknown_ca")
def by_nobody_we_know_with_its_ca(w):
    """… which it sends along"""
    stranger = OddCa("Stranger")
    return w.present(stranger.device(), stranger)


@case(UNKNOWN_CA, "unknown_ca")
def by_a_namesake(w):
    """issued by another CA with the name of a registered one, without key identifiers"""
    w.ca(f"Same {w.folder.name}", key_ids=False)
    return w.present(OddCa(f"Same {w.folder.name}", key_ids=False).device())


@case(alert(51), "bad_signature")
def signature_broken(w):
    """one bit of its signature turned over"""
    return w.present(with_bad_signature(w.ca().device()))


@case(BAD, "bad_certificate")
def the_ca_itself(w):
    """the registered CA certificate itself"""
    return w.present(w.ca(usage=["key_cert_sign", "digital_signature"]))


# ---- chains ----

@case(IN)
def through_an_intermediate(w):
    """issued by an intermediate that is sent along, its root registered"""
    root = w.ca()
    sub = OddCa("Sub", parent=root)
    return w.present(sub.device(), sub)


@case(IN)
def the_intermediate_is_registered(w):
    """the issuing intermediate registered, not its root"""
    sub = w.ca("Sub", parent=OddCa("Root"))
    return w.present(sub.device())


@case(UNKNOWN_CA, "unknown_ca")
def intermediate_not_sent(w):
    """root registered, the intermediate not sent"""
    return w.present(OddCa("Sub", parent=w.ca()).device())


@case(EXPIRED, "expired")
def intermediate_expired(w):
    """the intermediate's time is over"""
    sub = OddCa("Sub", parent=w.ca(), begin=-7200, end=-3600)
    return w.present(sub.device(), sub)


@case(BAD, "bad_certificate")
def issued_by_a_device(w):
    """issued by another device (CA:FALSE), which is sent along"""
    ca = w.ca()
    other = ca.device("other")
    fake = OddCa.__new__(OddCa)
    fake.__dict__.update(other.__dict__, name="other", key_ids=True)
    return w.present(fake.device(), other)


@case(BAD, "bad_certificate")
def path_length_passed(w):
    """more intermediates than a CA's pathLenConstraint allows"""
    root = w.ca(path_length=0)
    sub = OddCa("Sub", parent=root)
    return w.present(sub.device(), sub)


@case(UNKNOWN_CA, "chain_too_long")
def six_certificates(w):
    """six certificates in the chain"""
    chain = [w.ca()]
    for n in range(5):
        chain.insert(0, OddCa(f"Sub {n}", parent=chain[0]))
    return w.present(chain[0].device(), *chain[:5])


# ---- states of the CA ----

@case(REVOKED, "ca_inactive")
def ca_inactive(w):
    """CA inactive, device new"""
    ca = w.ca()
    w.call("InactivateCaCertificate", Sn=ca.sn)
    return w.present(ca.device())


@case(REVOKED, "ca_inactive")
def ca_inactive_device_known(w):
    """CA made inactive, device known"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("InactivateCaCertificate", Sn=ca.sn)
    return w.present(device)


@case(IN)
def ca_active_again(w):
    """CA made inactive and active again"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("InactivateCaCertificate", Sn=ca.sn)
    w.call("ActiveCaCertificate", Sn=ca.sn)
    return w.present(device)


@case(UNKNOWN_CA, "unknown_ca")
def ca_deleted(w):
    """CA deleted, device known"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("DeleteCaCertificate", Sn=ca.sn)
    return w.present(device)


@case(IN)
def ca_registered_again(w):
    """CA deleted with an inactive device and registered again: a new beginning"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.call("DeleteCaCertificate", Sn=ca.sn)
    w.registered(ca)
    return w.present(device)


@case(EXPIRED, "expired")
def ca_expired(w):
    """CA's time is over, device known"""
    ca = w.ca(end=9)
    device = w.known(ca, ca.device())
    ca.wait_for_end()
    return w.present(device)


@case(IN)
def two_cas_of_one_name(w):
    """two CAs with one name, other keys and no key identifiers; device of the second"""
    name = f"Twice {w.folder.name}"
    w.ca(name, key_ids=False)
    return w.present(w.ca(name, key_ids=False).device())


@case(IN)
def ca_issued_anew(w):
    """CA issued anew with its key, the old one deleted; device of the old one"""
    old = w.ca("Renewed")
    new = OddCa("Renewed", key=old.key)
    device = w.known(old, old.device())
    w.registered(new)
    w.call("DeleteCaCertificate", Sn=old.sn)
    return w.present(device)


@case(IN)
def ca_expired_and_issued_anew(w):
    """CA's time is over, but it was issued anew with its key; device known under the old one"""
    old = w.ca("Prolonged", end=9)
    device = w.known(old, old.device())
    w.registered(OddCa("Prolonged", key=old.key))
    old.wait_for_end()
    return w.present(device)


@case(REVOKED, "ca_inactive")
def ca_inactive_but_issued_anew(w):
    """device known under a CA that is made inactive; the same key is registered as another, active CA"""
    old = w.ca("Twin")
    device = w.known(old, old.device())
    w.registered(OddCa("Twin", key=old.key))
    w.call("InactivateCaCertificate", Sn=old.sn)
    return w.present(device)


# ---- states of the device ----

@case(IN)
def device_known(w):
    """device known and active"""
    ca = w.ca()
    return w.present(w.known(ca, ca.device()))


@case(REVOKED, "device_inactive")
def device_inactive(w):
    """device made inactive"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.present(device)


@case(IN)
def device_active_again(w):
    """device made inactive and active again"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.call("ActiveDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.present(device)


@case(REVOKED, "device_inactive")
def device_inactive_under_a_twin(w):
    """device made inactive; its CA's key registered as another CA"""
    ca = w.ca("Double")
    device = w.known(ca, ca.device())
    w.call("InactivateDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    w.registered(OddCa("Double", key=ca.key))
    return w.present(device)


@case(IN)
def device_deleted(w):
    """device deleted: it is registered anew"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("DeleteDeviceCertificate", CaSn=ca.sn, DeviceSn=device.sn)
    return w.present(device)


@case(EXPIRED, "expired")
def device_known_but_expired(w):
    """device known, its time is over"""
    ca = w.ca()
    device = w.known(ca, ca.device(end=9))
    device.wait_for_end()
    return w.present(device)


@case(NOT_AUTHORIZED, "clone")
def clone(w):
    """another certificate with the serial number of a known device of the CA"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    return w.present(ca.device(serial=device.certificate.serial_number))


@case(IN)
def same_number_other_ca(w):
    """the serial number of a known device of another CA"""
    ca = w.ca("One")
    device = w.known(ca, ca.device())
    return w.present(w.ca("Two").device(serial=device.certificate.serial_number))


# ---- revocation lists ----

@case(REVOKED, "revoked")
def revoked(w):
    """on its CA's revocation list"""
    ca = w.ca()
    device = w.known(ca, ca.device())
    w.call("UploadCaCrl", CaSn=ca.sn, CrlContent=ca.crl([device]))
    return w.present(device)


@case(IN)
def not_revoked(w):
    """its CA's revocation list names another"""
    ca = w.ca()
    w.call("UploadCaCrl", CaSn=ca.sn, CrlContent=ca.crl([ca.device()]))
    return w.present(ca.device())


@case(IN)
def revoked_no_longer(w):
    """the revocation list is deleted"""
    ca = w.ca()
    device = ca.device()
    w.call("UploadCaCrl", CaSn=ca.sn, CrlContent=ca.crl([device]))
    w.call("DeleteCaCrl", CaSn=ca.sn)
    return w.present(device)


@case(REVOKED, "revoked")
def intermediate_revoked(w):
    """its intermediate on the root's revocation list"""
    root = w.ca()
    sub = OddCa("Sub", parent=root)
    w.call("UploadCaCrl", CaSn=root.sn, CrlContent=root.crl([sub]))
    return w.present(sub.device(), sub)


# ---- user name and password beside the certificate ----

@case(IN)
def with_the_right_password(w):
    """and a right user name and password"""
    return w.present(w.ca().device()), w.login()


@case(BAD_LOGIN, "bad_login")
def with_a_wrong_password(w):
    """and a wrong password"""
    return w.present(w.ca().device()), w.login(wrong=True)


@case(BAD_LOGIN, "bad_login")
def with_an_unknown_key(w):
    """and an access key that there is not"""
    return w.present(w.ca().device()), Login("LTAInobody", "secret", w.stack.instance)


@case(NOT_AUTHORIZED, "no_login")
def login_required_and_missing(w):
    """login required: without user name and password"""
    w.call("SetAuthenticationMode", Mode="mutual", LoginRequired="true")
    w.later(lambda: w.call("SetAuthenticationMode", Mode="mutual", LoginRequired="false"))
    return w.present(w.ca().device())


@case(IN)
def login_required_and_given(w):
    """login required: with user name and password"""
    w.call("SetAuthenticationMode", Mode="mutual", LoginRequired="true")
    w.later(lambda: w.call("SetAuthenticationMode", Mode="mutual", LoginRequired="false"))
    return w.present(w.ca().device()), w.login()


@case(NOT_AUTHORIZED, "no_login")
def one_way_without_login(w):
    """mode one-way: a certificate is no login"""
    device = w.ca().device()
    w.call("SetAuthenticationMode", Mode="one-way")
    w.later(lambda: w.call("SetAuthenticationMode", Mode="mutual"))
    return w.present(device)


@case(IN)
def one_way_with_login(w):
    """mode one-way: user name and password, no certificate"""
    w.call("SetAuthenticationMode", Mode="one-way")
    w.later(lambda: w.call("SetAuthenticationMode", Mode="mutual"))
    return w.present(None), w.login()
