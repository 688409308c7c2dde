# SPDX-License-Identifier: Apache-2.0
"""signed: requests as the SDKs sign them (ACS3-HMAC-SHA256), on a kept-alive connection. A request is made
before the clock starts, and its answer is taken apart after it has stopped: what is timed is the server."""

import base64
import hashlib
import hmac
import socket
import time
import uuid
from urllib.parse import quote

ONSMQTT, CAS = "2020-04-20", "2020-04-07"
EMPTY = hashlib.sha256(b"").hexdigest()


def percent(text):
    return quote(text, safe="-_.~")


def canonical(parameters):
    return "&".join(f"{percent(k)}={percent(str(v))}" for k, v in sorted(parameters.items()))


class Signer:
    def __init__(self, port, key_id, secret):
        self.host, self.key_id, self.secret = f"127.0.0.1:{port}", key_id, secret
        basic = base64.b64encode(f"{key_id}:{secret}".encode()).decode()
        self.basic_header = f"Authorization: Basic {basic}\r\n"

    def request(self, version, action, **parameters):
        """The bytes of a signed POST with its parameters in the body."""
        body = canonical(parameters).encode()
        headers = {
            "host": self.host,
            "x-acs-action": action,
            "x-acs-version": version,
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "x-acs-signature-nonce": str(uuid.uuid4()),
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest() if body else EMPTY,
            "content-type": "application/x-www-form-urlencoded",
        }
        names = ";".join(sorted(headers))
        lines = "".join(f"{k}:{headers[k]}\n" for k in sorted(headers))
        text = f"POST\n/\n\n{lines}\n{names}\n{headers['x-acs-content-sha256']}"
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(text.encode()).hexdigest()
        mac = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={names},Signature={mac}"
        )
        head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        return f"POST / HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body

    def basic(self, version, action, **parameters):
        """The same with HTTP Basic: no nonce has to be written down."""
        body = canonical(parameters)
        head = f"POST /{version}/{action} HTTP/1.1\r\nHost: {self.host}\r\n{self.basic_header}"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        return f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode()


class Connection:
    def __init__(self, port):
        self.port, self.socket = port, None

    def send(self, request):
        """Status, body, and the seconds from the first byte written to the last one read."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        begun = time.perf_counter()
        self.socket.sendall(request)
        data = self.socket.recv(1 << 20)
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self.receive()
        head = data[:end].decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        parts, missing = [data[end + 4 :]], length - (len(data) - end - 4)
        while missing > 0:
            parts.append(self.receive())
            missing -= len(parts[-1])
        took = time.perf_counter() - begun
        if "connection: close" in head:
            self.close()
        return int(head[9:12]), b"".join(parts), took

    def receive(self):
        more = self.socket.recv(1 << 20)
        if not more:
            raise ConnectionError("the API has closed the connection in the middle of an answer")
        return more

    def close(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None
