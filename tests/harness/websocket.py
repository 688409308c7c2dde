"""A WebSocket client exact to the byte (RFC 6455), and MQTT over it: what is wrong on purpose can be sent too."""
import base64
import hashlib
import os
import struct

from .mqtt import Client, connect_packet, password

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(opcode, payload=b"", fin=True, masked=True, reserved=0, length=None):
    """A client's frame. length: what its head says, if not the truth."""
    size = len(payload) if length is None else length
    mask = os.urandom(4)
    first = bytes([opcode | reserved << 4 | (0x80 if fin else 0)])
    bit = 0x80 if masked else 0
    if size < 126:
        head = first + bytes([bit | size])
    elif size < 65536:
        head = first + bytes([bit | 126]) + struct.pack(">H", size)
    else:
        head = first + bytes([bit | 127]) + struct.pack(">Q", size)
    if not masked:
        return head + payload
    turned = (mask * (len(payload) // 4 + 1))[:len(payload)]
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(turned, "big")).to_bytes(len(payload), "big")


def request(path="/mqtt", method="GET", version="HTTP/1.1", without=(), **headers):
    """An upgrade request. Headers are named with _ for -; None or `without` leaves one out."""
    key = base64.b64encode(os.urandom(16)).decode()
    all_of_them = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key,
                   "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "mqtt",
                   **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{n}: {v}" for n, v in all_of_them.items() if v is not None and n not in without]
    return "\r\n".join([f"{method} {path} {version}", *lines, "", ""]).encode(), key


class Answer:
    """An HTTP response read to the end of its head, or of the connection."""

    def __init__(self, sock):
        raw = b""
        while b"\r\n\r\n" not in raw:
            got = sock.recv(4096)
            if not got:
                break
            raw += got
        head, _, self.rest = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        self.raw, self.headers = raw, {}
        self.status = int(first.split(" ")[1]) if first.startswith("HTTP/1.1 ") else None
        for line in lines:
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value


class WebSocket:
    """Looks like a socket: what is sent becomes one binary frame, what is received is the payload of binary frames."""

    def __init__(self, sock, **upgrade):
        self.sock, self.buffer, self.payload = sock, b"", b""
        self.pings, self.pongs, self.close_code, self.sizes = [], [], None, []
        raw, key = request(**upgrade)
        sock.sendall(raw)
        answer = Answer(sock)
        assert answer.status == 101, answer.raw
        assert answer.headers["sec-websocket-accept"] == base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.protocol = answer.headers["sec-websocket-protocol"]
        assert "sec-websocket-extensions" not in answer.headers
        self.buffer = answer.rest

    def _need(self, count):
        while len(self.buffer) < count:
            got = self.sock.recv(65536)
            if not got:
                raise EOFError("closed by the broker")
            self.buffer += got

    def receive_frame(self):
        """(opcode, payload) of the next frame; the broker never fragments or masks."""
        self._need(2)
        first, size, at = self.buffer[0], self.buffer[1], 2
        assert first & 0xF0 == 0x80 and size < 128, self.buffer[:2]
        if size > 125:
            at = 4 if size == 126 else 10
            self._need(at)
            size = int.from_bytes(self.buffer[2:at], "big")
        self._need(at + size)
        payload, self.buffer = self.buffer[at:at + size], self.buffer[at + size:]
        return first & 15, payload

    def recv(self, size):
        while not self.payload:
            opcode, payload = self.receive_frame()
            if opcode == BINARY:
                self.sizes.append(len(payload))
                self.payload = payload
            elif opcode == PING:
                self.send_frame(PONG, payload)
            elif opcode == PONG:
                self.pongs.append(payload)
            else:
                assert opcode == CLOSE, opcode
                self.close_code = struct.unpack(">H", payload[:2])[0] if payload else None
                return b""
        got, self.payload = self.payload[:size], self.payload[size:]
        return got

    def send_frame(self, *args, **kwargs):
        self.sock.sendall(frame(*args, **kwargs))

    def sendall(self, raw):
        self.send_frame(BINARY, raw)

    def closed_with(self, timeout=10):
        """The code of the Close frame that comes next (None: it has none), behind which the connection ends."""
        self.sock.settimeout(timeout)
        while self.recv(65536):
            pass
        assert self.sock.recv(1) == b"", "bytes behind a Close frame"
        return self.close_code

    def settimeout(self, timeout):
        self.sock.settimeout(timeout)

    def close(self):
        self.sock.close()


class WsClient(Client):
    """An MQTT 3.1.1 client over WebSocket. upgrade: of the request."""

    def __init__(self, port, client_id, login=None, tls=False, clean=True, keep_alive=60, connect=True, upgrade=None, **transport):
        super().__init__(port, client_id, None, tls, connect=False, **transport)
        self.sock = self.ws = WebSocket(self.sock, **(upgrade or {}))
        if not connect:
            return
        self.send(self.opening(login, clean, keep_alive))
        kind, body = self.receive()
        assert kind == 0x20, f"expected CONNACK, got {kind:#x}"
        self.session_present, self.code = body[0], body[1]

    def opening(self, login, clean=True, keep_alive=60):
        user = pw = None
        if login:
            user, pw = f"Signature|{login[0]}|{login[2]}", password(login[1], self.client_id)
        return connect_packet(self.client_id, user, pw, clean, keep_alive)
