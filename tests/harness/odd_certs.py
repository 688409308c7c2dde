"""Certificates of every kind, right and wrong ones, made in this process: dates, serial numbers, extensions and signatures as
a test wants them. (The openssl command, which certs.py and ca.py use as people do, refuses to make some of them.)"""
import base64
import calendar
import datetime
import hashlib
import secrets
import time
import warnings
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

USAGES = {"client": ExtendedKeyUsageOID.CLIENT_AUTH, "server": ExtendedKeyUsageOID.SERVER_AUTH}
DIGESTS = {"sha256": hashes.SHA256, "sha1": hashes.SHA1}
KEY_USAGES = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
              "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"]
VENDOR_DEVICE = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_cert_sign"]


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def seconds(n):
    return datetime.timedelta(seconds=n)


def make_key(kind):
    if kind.startswith("rsa:"):
        return rsa.generate_private_key(65537, int(kind[4:]))
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key({"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}[kind]())


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)] if text else [])


def key_usage(names):
    return x509.KeyUsage(**{n: n in names for n in KEY_USAGES})


class Cert:
    """A certificate with its key. `folder`: where the files go that clients read."""

    def __init__(self, certificate, key, issuer=None, der=None):
        self.certificate, self.key, self.issuer = certificate, key, issuer
        self.der = der or certificate.public_bytes(serialization.Encoding.DER)
        self.sha256 = hashlib.sha256(self.der).hexdigest()

    @property
    def sn(self):
        """As the API writes it."""
        n = self.certificate.serial_number
        return n.to_bytes(n.bit_length() // 8 + 1, "big").hex()

    def wait_for_end(self):
        """Until its time is over by the clock of the machine, which brokers read in whole seconds."""
        end = calendar.timegm(self.certificate.not_valid_after.timetuple())
        while time.time() < end + 1:
            time.sleep(0.05)

    @property
    def pem(self):
        lines = base64.encodebytes(self.der).decode().replace("\n", "")
        return ("-----BEGIN CERTIFICATE-----\n" + "\n".join(lines[i:i + 64] for i in range(0, len(lines), 64)) +
                "\n-----END CERTIFICATE-----\n")

    @property
    def key_pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()).decode()

    def write(self, folder, *chain):
        """Files (chain, key) for a client that presents this certificate and `chain` behind it."""
        stem = Path(folder) / secrets.token_hex(8)
        Path(f"{stem}.crt").write_text(self.pem + "".join(c.pem for c in chain))
        Path(f"{stem}.key").write_text(self.key_pem)
        return f"{stem}.crt", f"{stem}.key"


def build(subject, key, issuer_name, issuer_key, *, serial=None, begin=-60, end=86400, digest="sha256", extensions=()):
    """begin, end: seconds from now. extensions: (extension, critical)."""
    builder = (x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(issuer_name).public_key(key.public_key())
               .serial_number(serial or secrets.randbits(100) + 1).not_valid_before(now() + seconds(begin))
               .not_valid_after(now() + seconds(end)))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    algorithm = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) else DIGESTS[digest]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SHA-1 is what one of them is about
        return builder.sign(issuer_key, algorithm)


class OddCa(Cert):
    """A CA certificate. parent: who signs it (None: itself). key: a kind, or another CA's key object."""

    def __init__(self, name="Odd CA", *, parent=None, key="p256", path_length=None, ca=True, usage=("key_cert_sign", "crl_sign"),
                 key_ids=True, **kwargs):
        key = make_key(key) if isinstance(key, str) else key
        extensions = [(x509.BasicConstraints(ca=ca, path_length=path_length if ca else None), True)]
        if usage:
            extensions.append((key_usage(usage), True))
        if key_ids:
            extensions.append((x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        issuer = parent.certificate.subject if parent else name_of(name)
        super().__init__(build(name, key, issuer, parent.key if parent else key, extensions=extensions, **kwargs), key, parent)
        self.name, self.key_ids = name, key_ids

    def device(self, name="device", *, key="p256", extended=None, usage=None, ca=None, plain=False, authority_key=True, **kwargs):
        """`plain`: no extensions at all. extended: ["client", "server"]."""
        key = make_key(key)
        extensions = []
        if not plain:
            extensions.append((x509.BasicConstraints(ca=bool(ca), path_length=None), False))
            extensions.append((key_usage(VENDOR_DEVICE if usage is None else usage), False))
            if extended:
                extensions.append((x509.ExtendedKeyUsage([USAGES[u] for u in extended]), False))
            if authority_key and self.key_ids:
                extensions.append((x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False))
        return Cert(build(name, key, self.certificate.subject, self.key, extensions=extensions, **kwargs), key, self)

    def verification(self, code):
        return Cert(build(code, make_key("p256"), self.certificate.subject, self.key), None, self).pem

    def crl(self, revoked, *, number=1, begin=-60, end=86400):
        """PEM of a list that revokes the certificates."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
                   .last_update(now() + seconds(begin)).next_update(now() + seconds(end))
                   .add_extension(x509.CRLNumber(number), False))
        for c in revoked:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(
                c.certificate.serial_number).revocation_date(now() + seconds(-30)).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def with_bad_signature(cert):
    """The same with one bit of its signature turned over."""
    der = bytearray(cert.der)
    der[-1] ^= 1
    return Cert(cert.certificate, cert.key, cert.issuer, bytes(der))
