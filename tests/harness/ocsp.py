"""OCSP responders: OpenSSL's own, and one that does what a responder should not."""
import http.server
import re
import subprocess
import threading
from pathlib import Path

from .certs import openssl
from .process import wait_until


def naming(*urls):
    """For Authority.issue(usage=…): a server certificate that names these responders."""
    return "serverAuth\nauthorityInfoAccess=" + ",".join(f"OCSP;URI:{url}" for url in urls)


class Index:
    """What a CA knows of its certificates, as `openssl ca` writes it."""

    def __init__(self, path):
        self.path, self.lines = Path(path), {}
        self._write()

    def _write(self):
        fresh = self.path.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in self.lines.values()))
        fresh.replace(self.path)

    def add(self, certificate, revoked=False):
        serial = openssl("x509", "-in", certificate.crt_path, "-noout", "-serial").decode().strip().partition("=")[2]
        state = "R\t391231235959Z\t200101000000Z" if revoked else "V\t391231235959Z\t"
        self.lines[serial] = f"{state}\t{serial}\tunknown\t/CN={serial}"
        self._write()


def respond(authority, index, request, minutes=60):
    """The DER that OpenSSL's responder answers a DER request with. minutes: None: it does not say until when."""
    folder = index.path.parent
    asked, answer = folder / f"{threading.get_ident()}.req", folder / f"{threading.get_ident()}.resp"
    asked.write_bytes(request)
    end = [] if minutes is None else ["-nmin", minutes]
    openssl("ocsp", "-index", index.path, "-CA", authority.crt_path, "-rsigner", authority.crt_path, "-rkey",
            authority.folder / "ca.key", *end, "-reqin", asked, "-respout", answer)
    return answer.read_bytes()


class Responder:
    """`openssl ocsp` as a server."""

    def __init__(self, folder, authority, signer=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.index = Index(self.folder / "index.txt")
        crt, key = signer or (authority.crt_path, authority.folder / "ca.key")
        self.argv = ["openssl", "ocsp", "-index", self.index.path, "-CA", authority.crt_path, "-rsigner", crt, "-rkey", key,
                     "-nmin", "60", "-port"]
        self.port, self.popen = 0, None
        self.start()

    def start(self):
        log = self.folder / "responder.log"
        with open(log, "wb") as out:
            self.popen = subprocess.Popen([*map(str, self.argv), str(self.port)], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.port = int(wait_until(lambda: re.search(r"ACCEPT \S*:(\d+)", log.read_text()), what="the responder").group(1))
        self.url = f"http://127.0.0.1:{self.port}/"

    def add(self, certificate, revoked=False):
        """It reads its index once, so it is started anew."""
        self.index.add(certificate, revoked)
        self.close()
        self.start()

    def close(self):
        if self.popen is not None:
            self.popen.terminate()
            self.popen.wait()
            self.popen = None


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests.append((self.path, body, dict(self.headers)))
        status, headers, answer = self.server.answers[self.path](body)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # who asked went away


class Oddity:
    """An HTTP server on loopback whose answer for each path is a function: body → (status, headers, body)."""

    def __init__(self):
        self.server = Server(("127.0.0.1", 0), Handler)
        self.answers = self.server.answers = {}
        self.requests = self.server.requests = []
        self.released = threading.Event()
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def url(self, path, host="127.0.0.1"):
        return f"http://{host}:{self.port}{path}"

    def hang(self, _body):
        self.released.wait(60)
        return 200, (), b""

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
