"""A CA as a customer has it, made by the openssl command in the steps of the vendor's documentation, and registered."""
import itertools
import time
from pathlib import Path

from .certs import fingerprint, openssl
from .expect import answered

VENDOR_EXTENSIONS = Path("/etc/ssl/openssl.cnf")  # its section v3_ca has no keyUsage
count = itertools.count(int(time.time() * 1000) * 4096)


def serial_text(number):
    """As the API writes it: the hex of the DER's content octets."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big").hex()


def make_key(path, kind):
    """`kind`: "rsa:2048", …, or the name of a curve."""
    if kind.startswith("rsa:"):
        openssl("genrsa", "-out", path, kind.removeprefix("rsa:"))
    else:
        openssl("ecparam", "-genkey", "-noout", "-name", kind, "-out", path)


class Ca:
    """`folder` is made. `extensions`: text of a section, or None for the vendor's recipe."""

    def __init__(self, folder, name="Factory CA", key="prime256v1", serial=None, days=3650, extensions=None, parent=None):
        self.folder = Path(folder) / f"ca-{next(count)}"
        self.folder.mkdir(parents=True)
        self.key_path, self.crt_path = self.folder / "CA.key", self.folder / "CA.crt"
        self.serial = next(count) if serial is None else serial
        self.sn = serial_text(self.serial) if self.serial >= 0 else None
        make_key(self.key_path, key)
        openssl("req", "-new", "-utf8", "-key", self.key_path, "-subj", f"/CN={name}", "-out", self.folder / "CA.csr")
        config, section = VENDOR_EXTENSIONS, "v3_ca"
        if extensions is not None:
            config = self.folder / "CA.cnf"
            config.write_text(f"[v3_ca]\n{extensions}\n")
        signer = ["-signkey", self.key_path] if parent is None else ["-CA", parent.crt_path, "-CAkey", parent.key_path]
        openssl("x509", "-req", "-extfile", config, "-extensions", section, "-in", self.folder / "CA.csr", *signer, "-out",
                self.crt_path, "-days", days, "-sha512", "-set_serial", self.serial)
        self.crt = self.crt_path.read_text()
        self.sha256 = fingerprint(self.crt)

    def verification(self, code, *, key="prime256v1", digest="sha512", days=300, subject=None, extensions=None):
        """PEM of a certificate with the code as its name; without extensions it is of X.509 version 1."""
        stem = self.folder / f"v{next(count)}"
        make_key(f"{stem}.key", key)
        openssl("req", "-new", "-key", f"{stem}.key", "-subj", subject or f"/CN={code}", "-out", f"{stem}.csr")
        more = []
        if extensions is not None:
            Path(f"{stem}.ext").write_text(extensions + "\n")
            more = ["-extfile", f"{stem}.ext"]
        openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", self.crt_path, "-CAkey", self.key_path, "-CAcreateserial", "-out",
                f"{stem}.crt", "-days", days, f"-{digest}", *more)
        return Path(f"{stem}.crt").read_text()


def register_code(stack, instance=None, api=None):
    reply = (api or stack.api).v3("GetRegisterCode", {"MqttInstanceId": instance or stack.instance})
    return answered(reply, "GetRegisterCode")["RegisterCode"]


def register(stack, ca, verification, instance=None, api=None, **params):
    """The reply of a RegisterCaCertificate."""
    return (api or stack.api).v3("RegisterCaCertificate", {
        "MqttInstanceId": instance or stack.instance, "CaName": "mqtt_ca", "CaContent": ca.crt,
        "VerificationContent": verification, **params})


def registered(stack, ca, instance=None, api=None, **params):
    """Registers with a new code; returns the Sn."""
    verification = ca.verification(register_code(stack, instance, api))
    reply = register(stack, ca, verification, instance, api, **params)
    sn = answered(reply, "RegisterCaCertificate")["Sn"]
    assert sn == ca.sn, (sn, ca.sn)
    return sn
