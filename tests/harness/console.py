"""The console's server as a browser sees it: files, a session's cookie, the CSRF token. No browser."""
import gzip
import http.cookies
import itertools
import json
import re
from pathlib import Path

from .api import ONSMQTT, Api, canonical

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
INDEX = ('<!doctype html>\n<meta name="csp-nonce" content="{{csp-nonce}}">\n<style nonce="{{csp-nonce}}"></style>\n'
         '<script type="module" src="/console/assets/main-A1b2C3.js"></script>\n')
SCRIPT = 'document.title = "console";\n' * 50


def write_console(folder):
    """The smallest console there can be."""
    folder = Path(folder)
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>\n")
    script = folder / "assets" / "main-A1b2C3.js"
    script.write_text(SCRIPT)
    (folder / "assets" / "main-A1b2C3.js.gz").write_bytes(gzip.compress(SCRIPT.encode()))
    (folder / "assets" / "main-A1b2C3.js.br").write_bytes(b"not really brotli")  # the server does not look
    (folder / "assets" / "plain-D4e5F6.css").write_text("body { margin: 0 }\n")
    return folder


def cookie_of(reply):
    """The morsel of signet_session that an answer sets; None when it sets none."""
    jar = http.cookies.SimpleCookie(reply.headers.get("set-cookie", ""))
    return jar.get("signet_session")


class From(Api):
    """Without an access key, and from another address of this machine."""

    def __init__(self, port, address=None, **kwargs):
        super().__init__(port, "", "", **kwargs)
        self.address = address

    def connection(self, timeout=60):
        c = super().connection(timeout)
        c.source_address = (self.address, 0) if self.address else None
        return c


_addresses = itertools.count(2)


def fresh_address():
    """One from which nobody has failed to sign in yet."""
    n = next(_addresses)
    return f"127.{n >> 14 & 127}.{n >> 7 & 127}.{(n & 127) + 1}"


class Page:
    """One browser tab, or what somebody makes of one."""

    def __init__(self, port, address=None, **kwargs):
        self.api = From(port, address, **kwargs)
        self.token, self.csrf = None, None

    @property
    def port(self):
        return self.api.port

    def headers(self, **more):
        cookie = {"Cookie": f"signet_session={self.token}"} if self.token else {}
        return {k.replace("_", "-"): v for k, v in {**cookie, **more}.items() if v is not None}

    def get(self, path, keep=None, **headers):
        return self.api.send("GET", path, self.headers(**headers), keep=keep)

    def sign_in(self, key_id, secret, **headers):
        """The reply; keeps cookie and CSRF token when there are any."""
        reply = self.sign_in_with(json.dumps({"AccessKeyId": key_id, "AccessKeySecret": secret}), **headers)
        if reply.status == 200:
            self.token, self.csrf = cookie_of(reply).value, reply.json["CsrfToken"]
        return reply

    def sign_in_with(self, body, content_type=JSON, **headers):
        return self.api.send("POST", "/console/session", self.headers(content_type=content_type, **headers), body)

    def session(self, **headers):
        return self.get("/console/session", **headers)

    def sign_out(self, **headers):
        return self.api.send("DELETE", "/console/session", self.headers(**{"x_signet_csrf": self.csrf, **headers}))

    def call(self, operation, params=None, version=ONSMQTT, as_json=False, keep=None, **headers):
        body = json.dumps(params or {}) if as_json else canonical(params or {})
        own = {"x_signet_csrf": self.csrf, "content_type": JSON if as_json else FORM}
        return self.api.send("POST", f"/console/api/{version}/{operation}", self.headers(**{**own, **headers}), body, keep=keep)


def nonce_of(reply):
    """Of an index.html: the one nonce that page and policy have."""
    nonces = set(re.findall(r'(?:nonce|content)="([^"]+)"', reply.body.decode()))
    policy = re.search(r"style-src 'self' 'nonce-([^']+)';", reply.headers["content-security-policy"])
    assert nonces == {policy.group(1)}, reply
    return policy.group(1)
