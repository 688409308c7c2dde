"""Certificates for tests, made by the openssl command. No key is ever checked in."""
import hashlib
import re
import ssl
import subprocess
from pathlib import Path


def openssl(*args, **kwargs):
    return subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          **kwargs).stdout


def fingerprint(pem):
    """SHA-256 of the first certificate's DER, lower-case hex."""
    first = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem, re.S).group(0)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


class Certificate:
    def __init__(self, stem, chain=""):
        self.crt_path, self.key_path = Path(f"{stem}.crt"), Path(f"{stem}.key")
        self.crt, self.key = self.crt_path.read_text(), self.key_path.read_text()
        self.chain = self.crt + chain
        self.sha256 = fingerprint(self.crt)


class Authority:
    """A CA in a folder."""

    def __init__(self, folder, name="Test CA", days=30):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        stem = self.folder / "ca"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", str(days), "-utf8",
                "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", f"{stem}.key", "-out",
                f"{stem}.crt")
        self.crt_path = Path(f"{stem}.crt")
        self.crt = self.crt_path.read_text()
        self.count = 0

    def issue(self, name, *, sans=None, key="ec", password=None, days=20, usage="serverAuth", digest="sha256"):
        """`key`: "ec", "rsa:2048", …; a password makes an encrypted PKCS#8 key."""
        self.count += 1
        stem = self.folder / f"{self.count}"
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", key]
        openssl("req", *kind, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{stem}.key", "-out", f"{stem}.csr")
        names = ",".join(f"DNS:{n}" for n in (sans or [name]))
        Path(f"{stem}.ext").write_text(f"subjectAltName={names}\nextendedKeyUsage={usage}\n")
        openssl("x509", "-req", "-in", f"{stem}.csr", "-CA", self.crt_path, "-CAkey", self.folder / "ca.key",
                "-set_serial", str(1000 + self.count), "-days", str(days), f"-{digest}", "-extfile", f"{stem}.ext", "-out",
                f"{stem}.crt")
        if password is not None:
            openssl("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", f"{stem}.key", "-passout", f"pass:{password}", "-out",
                    f"{stem}.enc")
            Path(f"{stem}.enc").replace(f"{stem}.key")
        return Certificate(stem, self.crt)
