"""A small MQTT 3.1.1 client over plain sockets or TLS, exact to the byte, and the Signature login."""
import base64
import hashlib
import hmac
import socket
import ssl
import struct


def password(secret, client_id):
    return base64.b64encode(hmac.new(secret.encode(), client_id.encode(), hashlib.sha1).digest()).decode()


def text(s):
    raw = s if isinstance(s, bytes) else s.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(first, body=b""):
    length, out = len(body), b""
    while True:
        length, digit = divmod(length, 128)
        out += bytes([digit | (0x80 if length else 0)])
        if not length:
            return bytes([first]) + out + body


def connect_packet(client_id, user=None, pw=None, clean=True, keep_alive=60, level=4, name="MQTT"):
    bits = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if pw is not None else 0)
    body = text(name) + bytes([level, bits]) + struct.pack(">H", keep_alive) + text(client_id)
    return packet(0x10, body + (text(user) if user is not None else b"") + (text(pw) if pw is not None else b""))


def tls_context(ca=None, version=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = False
    c.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        c.load_verify_locations(cadata=ca)
    if version:
        c.minimum_version = c.maximum_version = version
    return c


def served(port, sni=None, version=None, timeout=10):
    """SHA-256 (hex) of the certificate that answers a full handshake."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as raw:
        with tls_context(version=version).wrap_socket(raw, server_hostname=sni) as s:
            return hashlib.sha256(s.getpeercert(binary_form=True)).hexdigest()


class Client:
    """login: (access key id, secret, instance) for the Signature user name, or None. context: an SSL context with a device
    certificate, say, instead of ca and version. source: the address it comes from."""

    def __init__(self, port, client_id, login=None, tls=True, sni=None, ca=None, clean=True, keep_alive=60, timeout=20,
                 connect=True, version=None, context=None, source=None):
        self.client_id = client_id
        raw = socket.create_connection(("127.0.0.1", port), timeout=timeout, source_address=source and (source, 0))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = (context or tls_context(ca, version)).wrap_socket(raw, server_hostname=sni) if tls else raw
        self.buffer, self.next_id, self.messages = b"", 0, []
        if not connect:
            return
        user = pw = None
        if login:
            user, pw = f"Signature|{login[0]}|{login[2]}", password(login[1], client_id)
        self.send(connect_packet(client_id, user, pw, clean, keep_alive))
        kind, body = self.receive()
        assert kind == 0x20, f"expected CONNACK, got {kind:#x}"
        self.session_present, self.code = body[0], body[1]

    def send(self, raw):
        self.sock.sendall(raw)

    def _need(self, count):
        while len(self.buffer) < count:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError("closed by the broker")
            self.buffer += got

    def receive(self):
        """(first byte, body) of the next packet."""
        length, shift, at = 0, 0, 1
        while True:
            self._need(at + 1)
            digit = self.buffer[at]
            length |= (digit & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not digit & 0x80:
                break
        self._need(at + length)
        kind, body = self.buffer[0], self.buffer[at:at + length]
        self.buffer = self.buffer[at + length:]
        return kind, body

    def _id(self):
        self.next_id = self.next_id % 65535 + 1
        return self.next_id

    def _next(self):
        """The next packet but PUBREL, which is answered here: it only ends what _take() has begun."""
        while True:
            first, body = self.receive()
            if first >> 4 != 6:
                return first, body
            self.send(packet(0x70, body))

    def wait(self, kind):
        """The next packet of that type; PUBLISHes that come first are kept (and acknowledged) for message()."""
        while True:
            first, body = self._next()
            if first >> 4 == kind:
                return first, body
            assert first >> 4 == 3, f"unexpected packet {first:#x}"
            self.messages.append(self._take(first, body))

    def _take(self, first, body, acknowledge=True):
        size = struct.unpack(">H", body[:2])[0]
        topic, rest, qos = body[2:2 + size].decode(), body[2 + size:], first >> 1 & 3
        if qos:
            if acknowledge:
                self.send(packet(0x40 if qos == 1 else 0x50, rest[:2]))
            rest = rest[2:]
        return topic, rest, qos, bool(first & 8)

    def message(self, acknowledge=True):
        """(topic, payload, QoS, DUP) of the next message."""
        if self.messages:
            return self.messages.pop(0)
        first, body = self._next()
        assert first >> 4 == 3, f"expected PUBLISH, got {first:#x}"
        return self._take(first, body, acknowledge)

    def subscribe(self, topic, qos=0):
        pid = struct.pack(">H", self._id())
        self.send(packet(0x82, pid + text(topic) + bytes([qos])))
        _, body = self.wait(9)
        assert body[:2] == pid
        return body[2]

    def publish(self, topic, payload, qos=0, wait=True):
        payload = payload if isinstance(payload, bytes) else payload.encode()
        pid = struct.pack(">H", self._id()) if qos else b""
        self.send(packet(0x30 | qos << 1, text(topic) + pid + payload))
        if qos and wait:
            _, body = self.wait(4 if qos == 1 else 5)
            assert body == pid
            if qos == 2:
                self.send(packet(0x62, pid))
                self.wait(7)

    def ping(self):
        self.send(packet(0xC0))
        self.wait(13)

    def closed(self, timeout=10):
        """True when the broker closes the connection within the time (what it still sends is read away)."""
        self.sock.settimeout(timeout)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except (TimeoutError, socket.timeout):
            return False
        except OSError:
            return True

    def close(self, disconnect=True):
        try:
            if disconnect:
                self.send(packet(0xE0))
        except OSError:
            pass
        self.sock.close()
