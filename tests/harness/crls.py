"""Revocation lists, right and wrong ones, signed in this process with the key of a CA that openssl has made (ca.py)."""
import base64
import datetime
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ObjectIdentifier

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


def at(seconds):
    """A time, from now."""
    return datetime.datetime.utcnow().replace(microsecond=0) + datetime.timedelta(seconds=seconds)


def key_of(ca):
    return serialization.load_pem_private_key(ca.key_path.read_bytes(), None)


def subject_of(ca):
    return x509.load_pem_x509_certificate(ca.crt.encode()).subject


def unknown(oid="1.2.3.4.5"):
    return x509.UnrecognizedExtension(ObjectIdentifier(oid), b"\x05\x00")


def crl(ca, serials=(101, 102, 103), *, number=26, begin=-60, end=86400, signer=None, issuer=None, digest=None,
        extensions=(), entry_extensions=(), form=PEM):
    """extensions, entry_extensions: (extension, critical); the latter of the first entry."""
    builder = (x509.CertificateRevocationListBuilder().issuer_name(subject_of(issuer or ca)).last_update(at(begin))
               .next_update(at(end)))
    for extension, critical in ([(x509.CRLNumber(number), False)] if number is not None else []) + list(extensions):
        builder = builder.add_extension(extension, critical)
    for n, serial in enumerate(serials):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at(-30))
        for extension, critical in entry_extensions if n == 0 else ():
            entry = entry.add_extension(extension, critical)
        builder = builder.add_revoked_certificate(entry.build())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SHA-1 is what one of them is about
        made = builder.sign(key_of(signer or ca), digest or hashes.SHA256()).public_bytes(form)
    return made.decode() if form == PEM else base64.b64encode(made).decode()


# ---- long ones: too many objects for a builder ----

def tlv(tag, *content):
    content = b"".join(content)
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (size if len(content) < 128 else bytes([0x80 | len(size)]) + size) + content


def long_crl(ca, count):
    """base64 of the DER of a list with `count` serial numbers of 16 octets."""
    algorithm = tlv(0x30, tlv(0x06, bytes.fromhex("2a8648ce3d040302")))

    def time(seconds):
        return tlv(0x17, at(seconds).strftime("%y%m%d%H%M%SZ").encode())

    when = time(-30)
    entries = b"".join(tlv(0x30, tlv(0x02, b"\x01" + n.to_bytes(15, "big")), when) for n in range(count))
    part = tlv(0x30, tlv(0x02, b"\x01"), algorithm, subject_of(ca).public_bytes(), time(-60), time(86400), tlv(0x30, entries))
    signature = key_of(ca).sign(part, ec.ECDSA(hashes.SHA256()))
    return base64.b64encode(tlv(0x30, part, algorithm, tlv(0x03, b"\0", signature))).decode()
