"""The API as a client sees it, with signatures computed here and not by Signet's code."""
import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
import uuid
from urllib.parse import quote

ONSMQTT, CAS = "2020-04-20", "2020-04-07"


def percent(text):
    return quote(text, safe="-_.~")


def canonical(params):
    return "&".join(f"{percent(k)}={percent(v)}" for k, v in sorted(params.items(), key=lambda p: p[0].encode()))


def stamp(at=None):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() if at is None else at))


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    @property
    def code(self):
        return (self.json or {}).get("Code")

    @property
    def message(self):
        return (self.json or {}).get("Message", "")

    def __repr__(self):
        return f"<Reply {self.status} {self.body[:600]!r}>"


class Api:
    """One access key at one endpoint. Every call is a connection of its own unless `keep` is given."""

    def __init__(self, port, key_id, secret, host="127.0.0.1", tls=None):
        self.host, self.port, self.key_id, self.secret, self.tls = host, port, key_id, secret, tls

    def connection(self, timeout=60):
        if self.tls is not None:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def send(self, method, target, headers=None, body=None, keep=None):
        c = keep or self.connection()
        c.request(method, target, body=body, headers=headers or {})
        r = c.getresponse()
        reply = Reply(r.status, {k.lower(): v for k, v in r.getheaders()}, r.read())
        if keep is None:
            c.close()
        return reply

    # RPC v1, HMAC-SHA1
    def v1(self, action, params=None, version=ONSMQTT, method="POST", where="body", change=None, keep=None, **system):
        """`change` may alter the signed parameters afterwards; `system` overrides Timestamp, SignatureNonce, ..."""
        p = {"Action": action, "Version": version, "Format": "JSON", "AccessKeyId": self.key_id,
             "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0", "SignatureNonce": str(uuid.uuid4()),
             "Timestamp": stamp(), **(params or {}), **system}
        to_sign = f"{method}&%2F&{percent(canonical(p))}"
        mac = hmac.new((self.secret + "&").encode(), to_sign.encode(), hashlib.sha1).digest()
        p["Signature"] = base64.b64encode(mac).decode()
        if change:
            change(p)
        text = canonical(p)
        if where == "query" or method == "GET":
            return self.send(method, "/?" + text, keep=keep)
        return self.send(method, "/", {"Content-Type": "application/x-www-form-urlencoded"}, text, keep=keep)

    # ACS3-HMAC-SHA256
    def v3(self, action, params=None, version=ONSMQTT, method="POST", where="body", change=None, keep=None, **system):
        query = canonical(params or {}) if where == "query" or method == "GET" else ""
        body = canonical(params or {}) if where == "body" and method != "GET" else ""
        h = {"host": f"{self.host}:{self.port}", "x-acs-action": action, "x-acs-version": version,
             "x-acs-date": stamp(), "x-acs-signature-nonce": str(uuid.uuid4()),
             "x-acs-content-sha256": hashlib.sha256(body.encode()).hexdigest()}
        if body:
            h["content-type"] = "application/x-www-form-urlencoded"
        h.update({k.replace("_", "-"): v for k, v in system.items()})
        names = ";".join(sorted(h))
        lines = "".join(f"{k}:{h[k].strip()}\n" for k in sorted(h))
        request = f"{method}\n/\n{query}\n{lines}\n{names}\n{h['x-acs-content-sha256']}"
        to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(request.encode()).hexdigest()
        mac = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        h["authorization"] = f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={names},Signature={mac}"
        if change:
            change(h)
        return self.send(method, "/?" + query if query else "/", h, body or None, keep=keep)

    # HTTP Basic on /<version>/<Action>
    def basic(self, action, params=None, version=ONSMQTT, method="POST", as_json=False, keep=None):
        token = base64.b64encode(f"{self.key_id}:{self.secret}".encode()).decode()
        h = {"Authorization": "Basic " + token}
        if as_json:
            h["Content-Type"] = "application/json"
            return self.send(method, f"/{version}/{action}", h, json.dumps(params or {}), keep=keep)
        if method == "GET":
            return self.send(method, f"/{version}/{action}?{canonical(params or {})}", h, keep=keep)
        h["Content-Type"] = "application/x-www-form-urlencoded"
        return self.send(method, f"/{version}/{action}", h, canonical(params or {}), keep=keep)


def own_address():
    """An address of this machine that is not the loopback's; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return "127.0.0.1"
