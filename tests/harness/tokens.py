"""Tokens of the mode Token from the outside: opened and made with the instance's key, which is sealed in the database. Written
from common/token.c's description, not with its code, so that the two check each other."""
import base64
import hashlib
import hmac
import secrets
import struct
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def unsealed(stack, context, sealed):
    """What common/crypt.c has sealed with the stack's master key."""
    master = bytes.fromhex((stack.home / "master.key").read_text().strip())
    aad = b"\x01" + context.encode()
    assert sealed[0] == 1
    key = AESGCM(master).decrypt(sealed[1:13], sealed[13:61], aad)
    return AESGCM(key).decrypt(sealed[61:73], sealed[73:], aad)


def token_key(stack, instance=None):
    instance = instance or stack.instance
    rows = stack.sql(f"SELECT encode(key_sealed, 'hex') FROM token_key WHERE mqtt_instance_id = '{instance}'")
    return unsealed(stack, f"token_key:{instance}", bytes.fromhex(rows[0][0])) if rows else None


def in_ms(seconds):
    return int(time.time() * 1000) + int(seconds * 1000)


def made(key, instance, topics, *, ends_in=3600, actions=3, access_key="LTAIsomebody", version=1, token_id=None):
    """A token with whatever is asked for, rightly signed."""
    body = struct.pack(">B16sqBB", version, token_id or secrets.token_bytes(16), in_ms(ends_in), actions, len(access_key))
    body += access_key.encode() + bytes([len(topics)])
    for topic in topics:
        body += struct.pack(">H", len(topic.encode())) + topic.encode()
    body += hmac.new(key, instance.encode() + b"\0" + body, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


class Token:
    """What a token says, its signature checked."""

    def __init__(self, key, instance, text):
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        body, mac = raw[:-32], raw[-32:]
        assert hmac.digest(key, instance.encode() + b"\0" + body, "sha256") == mac
        version, self.id, self.ends_ms, self.actions, length = struct.unpack_from(">B16sqBB", body)
        assert version == 1
        at = 27 + length
        self.access_key, self.topics = body[27:at].decode(), []
        count, at = body[at], at + 1
        for _ in range(count):
            size, = struct.unpack_from(">H", body, at)
            self.topics.append(body[at + 2:at + 2 + size].decode())
            at += 2 + size
        assert at == len(body)
