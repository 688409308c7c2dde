"""The console's files: which there are, how they are coded and cached, and what a page of them may not do."""
import os
import re
import socket
import subprocess

import pytest
from harness.api import Api
from harness.console import INDEX, SCRIPT, Page, nonce_of, write_console
from harness.expect import refused
from harness.process import build_dir

SCRIPT_PATH, STYLE_PATH = "/console/assets/main-A1b2C3.js", "/console/assets/plain-D4e5F6.css"
FOR_EVER, ASK_AGAIN, NEVER = "public, max-age=31536000, immutable", "no-cache", "no-store"


@pytest.fixture(scope="module")
def page(with_console):
    return Page(with_console.api.port)


def raw(port, target, method=b"GET", headers=b""):
    """(status, headers and body) of a request whose target no library has looked at."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
        s.sendall(method + b" " + target + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n" + headers + b"\r\n")
        got = b""
        while more := s.recv(65536):
            got += more
    return int(got.split()[1]), got


# ---- what is refused ----

@pytest.mark.parametrize("path", ["/console", "/console/", "/console/index.html", "/console/session", SCRIPT_PATH])
def test_without_a_folder_there_is_no_console(shared, path):
    refused(shared.api.send("GET", path), "InvalidAction.NotFound", 404)


def test_without_a_folder_nobody_signs_in_or_calls(shared):
    page = Page(shared.api.port)
    refused(page.sign_in(shared.key_id, shared.secret), "InvalidAction.NotFound", 404)
    refused(page.call("ListInstances", x_signet_csrf="x"), "InvalidAction.NotFound", 404)


@pytest.mark.parametrize("path", [
    b"/console/nothing.js", b"/console/assets/nothing.js", b"/console/assets/nothing", b"/console/assets/",
    b"/console/Index.html", b"/console/icon.svg/x.y", b"/console/.hidden",
    SCRIPT_PATH.encode() + b".gz", SCRIPT_PATH.encode() + b".br", b"/console/api/", b"/console/api/x",
    b"/console/api/2020-04-20/", b"/console/api/2020-04-20", b"/console/api/2020-04-20/List.Instances", b"/consoles/", b"/Console/"])
def test_what_is_not_there_is_404(page, path):
    assert raw(page.port, path)[0] == 404


@pytest.mark.parametrize("path", [
    b"/console/../console/index.html", b"/console/..", b"/console/../", b"/console/../../etc/passwd", b"/console/./",
    b"/console/.", b"/console/assets/../index.html", b"/console/assets/..", b"/console//index.html", b"/console//", b"/console//x",
    b"/console/x//y", b"/console/%2e%2e/%2e%2e/etc/passwd", b"/console/%2E%2E/x", b"/console/%2e", b"/console/x%2f..%2fy",
    b"/console/..%2findex", b"/console/x%5c..", b"/console/..%5cx", b"/console/%252e%252e/x", b"/console/x%00", b"/console/%0d%0a",
    b"/console/%", b"/console/%4", b"/console/%zz", b"/console/x\\y", b"/console/..\\x", b"/console/x%7f",
    b"/console/\xc3\xa4", b"/console/a<b", b"/console/a\"b", b"/console/" + b"x" * 1025])
def test_paths_that_somebody_might_read_otherwise_are_404(page, path):
    status, got = raw(page.port, path)
    assert status == 404, got[:200]
    assert b"csp-nonce" not in got


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_files_are_only_read(page, method):
    for path in ("/console", "/console/", SCRIPT_PATH, "/console/instances"):
        reply = page.api.send(method, path)
        refused(reply, "UnsupportedHTTPMethod", 405)
        assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path, allowed", [("/console/session", "GET, POST, DELETE"),
                                           ("/console/api/2020-04-20/ListInstances", "POST")])
def test_other_methods_of_sessions_and_calls_are_refused(page, path, allowed):
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"} - set(allowed.split(", ")):
        reply = page.api.send(method, path)
        assert reply.status == 405 and reply.headers["allow"] == allowed, reply


# ---- what a folder may hold ----

# Root may read everything, unless it lets go of that.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []


def start_fails(folder, tmp_path, cluster):
    """What the program says that has been given this folder; nobody listens afterwards."""
    key = tmp_path / "master.key"
    key.touch(mode=0o600)
    key.write_text("0" * 64)
    env = {**os.environ, "SIGNET_HOME": str(tmp_path), "SIGNET_CONSOLE_DIR": str(folder), "SIGNET_API_LISTEN": "127.0.0.1:0",
           "SIGNET_DATABASE_URL": cluster.url("postgres", "signet_api")}
    done = subprocess.run([*AS_ANYBODY, build_dir(None) / "signet-api"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "SIGNET_CONSOLE_DIR: " in done.stdout, done.stdout
    return done.stdout.partition("SIGNET_CONSOLE_DIR: ")[2].strip()


def too_many(folder):
    for n in range(1000):
        (folder / f"{n}.txt").touch()


def too_much(folder):
    with open(folder / "large.bin", "wb") as f:
        f.truncate(64 * 1024 * 1024 + 1)


def too_deep(folder):
    (folder / "/".join("abcdefgh")).mkdir(parents=True)


@pytest.mark.parametrize("spoil, why", [
    (lambda f: (f / "index.html").unlink(), "has no index.html"),
    (too_many, "more than 1,000 files"),
    (too_much, "large.bin: the files have more than 64 MiB"),
    (too_deep, "a/b/c/d/e/f/g/h: folders are nested too deeply"),
    (lambda f: (f / "link.js").symlink_to("/etc/passwd"), "link.js: is a symbolic link"),
    (lambda f: os.mkfifo(f / "pipe.js"), "pipe.js: is neither a file nor a folder"),
    (lambda f: (f / "two words.js").touch(), "letters, digits and ._~@+- only"),
    (lambda f: (f / "100%.js").touch(), "letters, digits and ._~@+- only"),
    (lambda f: (f / "assets" / ("x" * 250)).touch(), "the path is too long"),
    (lambda f: (f / "index.html").write_text("x" * (256 * 1024 + 1)), "index.html has more than 256 KiB")])
def test_a_folder_that_cannot_be_served_is_refused_at_start(cluster, tmp_path, spoil, why):
    folder = write_console(tmp_path / "console")
    spoil(folder)
    assert why in start_fails(folder, tmp_path, cluster)


def test_a_folder_that_is_not_there_is_refused_at_start(cluster, tmp_path):
    assert "No such file" in start_fails(tmp_path / "nowhere", tmp_path, cluster)
    (tmp_path / "file").touch()
    assert "Not a directory" in start_fails(tmp_path / "file", tmp_path, cluster)


def test_a_file_that_cannot_be_read_is_refused_at_start(cluster, tmp_path):
    folder = write_console(tmp_path / "console")
    (folder / "icon.svg").chmod(0)
    assert "icon.svg: Permission denied" in start_fails(folder, tmp_path, cluster)


def test_a_thousand_files_are_served_and_hidden_ones_are_not(open_stack, tmp_path):
    folder = write_console(tmp_path / "console")
    for n in range(994):  # with the six that are there
        (folder / f"{n}.txt").write_text(f"file {n}\n")
    (folder / ".hidden").write_text("not for others")
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("not for others")
    page = Page(open_stack(env={"SIGNET_CONSOLE_DIR": folder}).api.port)
    for n in (0, 500, 993):
        assert page.get(f"/console/{n}.txt").body == b"file %d\n" % n
    for path in ("/console/.hidden", "/console/.git/config", "/console/.git"):
        assert b"not for others" not in page.get(path).body


def test_files_are_those_of_the_start(open_stack, tmp_path):
    folder = write_console(tmp_path / "console")
    page = Page(open_stack(env={"SIGNET_CONSOLE_DIR": folder}).api.port)
    (folder / "index.html").unlink()
    (folder / "icon.svg").write_text("another")
    (folder / "new.txt").write_text("new")
    assert page.get("/console/").status == 200
    assert b"svg" in page.get("/console/icon.svg").body
    assert page.get("/console/new.txt").status == 404


# ---- what goes right ----

def test_the_path_without_a_slash_leads_to_the_one_with(page):
    for method in ("GET", "HEAD"):
        reply = page.api.send(method, "/console")
        assert (reply.status, reply.headers["location"], reply.body) == (308, "/console/", b"")
    assert page.get("/console?x=1").headers["location"] == "/console/"


@pytest.mark.parametrize("path", ["/console/", "/console/index.html", "/console/?x=y.z", "/console/instances",
                                  "/console/instances/mqtt-cn-signet00001/domains", "/console/a/", "/console/x%20y",
                                  "/console/v1.2/page", "/console/sessions", "/console/session/", "/console/apis", "/console/api",
                                  "/console/assets",
                                  "/console/" + "x" * 1024])
def test_a_page_is_index_html_with_a_nonce_of_its_own(page, path):
    seen = set()
    for _ in range(3):
        reply = page.get(path, accept_encoding="gzip, br")
        assert reply.status == 200 and reply.headers["content-type"] == "text/html;charset=utf-8"
        assert reply.headers["cache-control"] == NEVER
        assert not {"etag", "content-encoding", "vary", "last-modified"} & set(reply.headers)
        nonce = nonce_of(reply)
        assert re.fullmatch(r"[A-Za-z0-9_-]{24}", nonce)
        assert reply.body.decode() == INDEX.replace("{{csp-nonce}}", nonce)
        seen.add(nonce)
    assert len(seen) == 3


def test_a_page_is_sent_again_also_to_who_has_one(page):
    assert page.get("/console/", if_none_match="*").status == 200


@pytest.mark.parametrize("path, kind, cache", [(SCRIPT_PATH, "text/javascript;charset=utf-8", FOR_EVER),
                                               (STYLE_PATH, "text/css;charset=utf-8", FOR_EVER),
                                               ("/console/icon.svg", "image/svg+xml", ASK_AGAIN)])
def test_a_file_has_its_type_and_is_kept(page, path, kind, cache):
    reply = page.get(path)
    assert reply.status == 200 and reply.headers["content-type"] == kind
    assert reply.headers["cache-control"] == cache
    assert re.fullmatch(r'"[0-9a-f]{32}"', reply.headers["etag"])
    assert ("vary" in reply.headers) == (path == SCRIPT_PATH)
    head = page.api.send("HEAD", path)
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(reply.body)))
    assert head.headers["etag"] == reply.headers["etag"]
    assert page.get(path + "?v=1").body == reply.body


@pytest.mark.parametrize("accept, coding", [
    (None, None), ("", None), ("identity", None), ("deflate, zstd", None), ("br;q=0, gzip;q=0", None), ("*;q=0", None),
    ("gzip;q=0.5, identity", None), ("gzip;q=nonsense", None), ("gzip;q=1.001", None), ("gzipped", None), ("gz", None),
    ("identity;q=0", None), ("gzip", "gzip"), ("GZIP", "gzip"), ("x-gzip", "gzip"), ("br;q=0, *", "gzip"),
    ("gzip;q=0.001", "gzip"), ("gzip;q=1.000, br;q=0.999", "gzip"), (" ,, gzip ; q=0.3 ,", "gzip"), ("gzip, br", "br"),
    ("gzip, deflate, br, zstd", "br"), ("br;q=0.5, gzip;q=0.4, identity;q=0.3", "br"), ("*", "br"), ("*;q=0.2", "br")])
def test_what_the_client_takes_decides_the_coding(page, accept, coding):
    reply = page.get(SCRIPT_PATH, accept_encoding=accept)
    assert reply.status == 200 and reply.headers.get("content-encoding") == coding
    assert reply.headers["vary"] == "Accept-Encoding"
    assert (reply.body == SCRIPT.encode()) == (coding is None)


def test_two_lists_of_codings_are_none(page):
    status, got = raw(page.port, SCRIPT_PATH.encode(), headers=b"Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n")
    assert status == 200 and b"Content-Encoding" not in got and got.endswith(SCRIPT.encode())


def test_a_file_without_siblings_is_sent_as_it_is(page):
    reply = page.get(STYLE_PATH, accept_encoding="gzip, br")
    assert reply.status == 200 and not {"content-encoding", "vary"} & set(reply.headers)


def test_who_has_it_already_gets_304(page):
    tags = {coding: page.get(SCRIPT_PATH, accept_encoding=coding).headers["etag"] for coding in ("identity", "gzip", "br")}
    assert len(set(tags.values())) == 3
    for coding, tag in tags.items():
        for known in (tag, f"W/{tag}", f'"other", {tag}', f'"a,b" , W/{tag}, "c"', "*"):
            reply = page.get(SCRIPT_PATH, accept_encoding=coding, if_none_match=known)
            assert (reply.status, reply.body) == (304, b""), known
            assert reply.headers["etag"] == tag and reply.headers["cache-control"] == FOR_EVER
            assert reply.headers["vary"] == "Accept-Encoding" and "content-encoding" not in reply.headers
        other = next(t for t in tags.values() if t != tag)
        for unknown in (other, tag[:-1], tag.strip('"'), f'"{tag}', '""', ",", "W/"):
            assert page.get(SCRIPT_PATH, accept_encoding=coding, if_none_match=unknown).status == 200, unknown


def test_an_answer_without_a_body_leaves_the_connection_open(page):
    c = page.api.connection()
    tag = page.get(SCRIPT_PATH, keep=c).headers["etag"]
    at = c.sock.getsockname()
    for _ in range(3):
        assert page.get(SCRIPT_PATH, keep=c, if_none_match=tag).status == 304
        assert page.get(STYLE_PATH, keep=c).status == 200
        assert page.get("/console", keep=c).status == 308
        assert page.get("/console/nothing.js", keep=c).status == 404
    assert c.sock.getsockname() == at
    c.close()


@pytest.mark.parametrize("method, path", [
    ("GET", "/console"), ("GET", "/console/"), ("HEAD", "/console/"), ("GET", SCRIPT_PATH), ("GET", "/console/icon.svg"),
    ("GET", "/console/nothing.js"), ("POST", "/console/"), ("GET", "/console/session"), ("POST", "/console/session"),
    ("DELETE", "/console/session"), ("PUT", "/console/session"), ("POST", "/console/api/2020-04-20/ListInstances"),
    ("POST", "/console/api/x"), ("GET", "/console/api/2020-04-20/ListInstances")])
def test_every_answer_says_what_a_page_may_not(page, method, path):
    h = page.api.send(method, path).headers
    policy = dict(d.strip().partition(" ")[::2] for d in h["content-security-policy"].split(";"))
    assert policy.pop("style-src").split()[0] == "'self'"
    assert policy == {"default-src": "'none'", "script-src": "'self'", "img-src": "'self' data:", "font-src": "'self'",
                      "connect-src": "'self'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
    assert h["referrer-policy"] == "no-referrer" and h["x-frame-options"] == "DENY"
    assert h["x-content-type-options"] == "nosniff" and h["cross-origin-opener-policy"] == "same-origin"
    allowed = [f for f in h["permissions-policy"].split(", ") if not re.fullmatch(r"[a-z-]+=\(\)", f)]
    assert allowed == [] and "camera=()" in h["permissions-policy"]


def test_other_answers_are_as_they_were(page):
    for path in ("/healthz", "/openapi/signet.json", "/nowhere"):
        assert "content-security-policy" not in page.get(path).headers
    assert Api(page.port, "", "").send("GET", "/openapi/signet.json").headers["cache-control"] == "no-cache"
