"""All the ways in which a secret may be lying around, and how to look for them."""
import base64
import re
from urllib.parse import quote

from .certs import openssl


def forms(raw):
    """As it is, in hex (as psql and pg_dump show bytea), percent-encoded, and in base64 at each of its three alignments."""
    raw = raw if isinstance(raw, bytes) else raw.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(raw, safe="-_.~").encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        found.add(text[4 if shift else 0:-4 if (shift + len(raw)) % 3 else None])
    return {f for f in found if len(f) >= 8}


def private_numbers(key_path, password=None):
    """The numbers that make a key private, as bytes: the scalar of an EC key; exponent and primes of an RSA key."""
    secret = [] if password is None else ["-passin", f"pass:{password}"]
    text = openssl("pkey", "-in", key_path, "-noout", "-text", *secret).decode()
    blocks = re.findall(r"^(?:priv|privateExponent|prime1|prime2):\n((?: +[0-9a-f:]+\n)+)", text, re.M)
    assert blocks, text[:200]
    return [bytes.fromhex(re.sub(r"[^0-9a-f]", "", b)).lstrip(b"\0") for b in blocks]


def of_key(certificate, password=None):
    """Needles for a private key: its PEM lines, and its private numbers in every form (a window of them will do)."""
    found = {line.encode() for line in certificate.key.splitlines() if len(line) == 64 and not line.startswith("MII")}
    for number in private_numbers(certificate.key_path, password):
        found |= forms(number[4:28])
    return found


def seen(needles, haystacks):
    """{name of the haystack: needles found in it}, only those with any."""
    hits = {name: [n[:24] for n in needles if n in hay] for name, hay in haystacks.items()}
    return {name: found for name, found in hits.items() if found}
