"""Signing in to the console: what is refused, how often one may fail, and when a session ends."""
import hashlib
import hmac
import json
import re
import secrets
import ssl
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import keys
from harness.api import own_address
from harness.console import Page, cookie_of, fresh_address, write_console
from harness.expect import answered, refused
from harness.openapi import documents
from harness.process import wait_until

FAILURES = 10


@pytest.fixture(scope="module")
def stack(with_console):
    return with_console


@pytest.fixture
def page(stack):
    """From an address of its own, so that tests do not fail for each other's failures."""
    return Page(stack.api.port, fresh_address())


@pytest.fixture
def signed_in(page, stack):
    assert page.sign_in(stack.key_id, stack.secret).status == 200
    return page


def rows(stack, where="true"):
    return int(stack.sql(f"SELECT count(*) FROM console_session WHERE {where}")[0][0])


def events(stack, action="ConsoleSignIn", account=1):
    """(access key, address, what it says), the newest last."""
    found = stack.sql("SELECT access_key_id, source_ip, coalesce(after, before) FROM audit_event WHERE account_id = "
                      f"{account} AND action = '{action}' AND resource = 'console-session' ORDER BY id")
    return [(key, address, json.loads(text)) for key, address, text in found]


def wrong(page, key_id, secret="wrong"):
    return page.sign_in(key_id, secret)


# ---- who may not ----

def test_a_wrong_secret_an_unknown_id_and_no_id_at_all_are_one_answer(stack, page):
    other = keys.make_key(stack.api, "read@*")
    inactive = keys.make_key(stack.api, "read@*")
    keys.update(stack.api, inactive.key_id, Status="Inactive")
    seen = set()
    for key_id, secret in ((stack.key_id, "wrong"), (stack.key_id, stack.secret[:-1]), (stack.key_id, stack.secret + "x"),
                           (stack.key_id, other.secret), ("LTAInobody", stack.secret), (stack.key_id.lower(), stack.secret),
                           (inactive.key_id, "wrong"), ("no id' OR 1=1 --", "x"), ("x" * 2000, "x"), ("设备", "设备"),
                           (stack.key_id, "x" * 3000)):
        page.api.address = fresh_address()
        reply = wrong(page, key_id, secret)
        refused(reply, "InvalidAccessKeySecret", 403)
        assert "set-cookie" not in reply.headers
        changing = {"date", "x-acs-request-id"}
        seen.add((reply.body.replace(reply.json["RequestId"].encode(), b"").replace(reply.json["HostId"].encode(), b""),
                  tuple((k, v) for k, v in reply.headers.items() if k not in changing)))
    assert len(seen) == 1


def test_who_does_not_exist_costs_what_one_who_exists_costs(stack):
    def one(key_id):
        page = Page(stack.api.port, fresh_address())
        c = page.api.connection()
        c.connect()
        began = time.perf_counter()
        body = json.dumps({"AccessKeyId": key_id, "AccessKeySecret": "wrong"})
        reply = page.api.send("POST", "/console/session", {"Content-Type": "application/json"}, body, keep=c)
        took = time.perf_counter() - began
        c.close()
        refused(reply, "InvalidAccessKeySecret", 403)
        return took

    times = {stack.key_id: [], "LTAI" + secrets.token_hex(10): []}
    for _ in range(60):  # in turns, so that a slow moment is everybody's
        for key_id, took in times.items():
            took.append(one(key_id))
    known, unknown = (statistics.median(t) for t in times.values())
    assert 0.6 < known / unknown < 1.7, f"known {known * 1e3:.2f} ms, unknown {unknown * 1e3:.2f} ms"


def test_a_disabled_key_is_told_so_only_with_its_secret(stack, page):
    key = keys.make_key(stack.api, "admin@*")
    keys.update(stack.api, key.key_id, Status="Inactive")
    refused(page.sign_in(key.key_id, key.secret), "InvalidAccessKeyId.Inactive")
    refused(page.sign_in(key.key_id, "wrong"), "InvalidAccessKeySecret", 403)
    assert rows(stack, f"access_key_id = '{key.key_id}'") == 0
    assert [e[2] for e in events(stack) if e[0] == key.key_id] == [{"Result": "Refused", "Reason": "InactiveAccessKey"},
                                                                   {"Result": "Refused", "Reason": "WrongSecret"}]


@pytest.mark.parametrize("body, code", [
    ("", "MissingAccessKeyId"), ("{}", "MissingAccessKeyId"), ('{"AccessKeyId":"x"}', "MissingAccessKeySecret"),
    ('{"AccessKeyId":"","AccessKeySecret":"x"}', "MissingAccessKeyId"),
    ('{"AccessKeyId":"x","AccessKeySecret":""}', "MissingAccessKeySecret"),
    ('{"AccessKeyId":"x","AccessKeySecret":null}', "MissingAccessKeySecret"),
    ('{"AccessKeyId":["x"],"AccessKeySecret":{"a":"x"}}', "MissingAccessKeyId"),
    ("[]", "InvalidParameter"), ("{", "InvalidParameter"), ("\xff", "InvalidParameter"), ("null", "InvalidParameter"),
    ('{"AccessKeyId":"a","AccessKeyId":"b","AccessKeySecret":"c"}', "InvalidParameter"),
    ('{"AccessKeyId":"a\\u0000b","AccessKeySecret":"c"}', "InvalidParameter"), ("[" * 4000, "InvalidParameter")])
def test_a_body_that_is_no_sign_in_is_refused(stack, page, body, code):
    before = rows(stack), len(events(stack)), len(events(stack, account=0))
    message = refused(page.sign_in_with(body.encode("latin-1")), code)
    assert "AccessKey" in message or "body" in message, message
    assert (rows(stack), len(events(stack)), len(events(stack, account=0))) == before


def test_a_secret_in_the_url_is_not_read(stack, page):
    reply = page.api.send("POST", f"/console/session?AccessKeyId={stack.key_id}&AccessKeySecret={stack.secret}",
                          {"Content-Type": "application/json"}, "{}")
    refused(reply, "InvalidAccessKeyId")
    body = json.dumps({"AccessKeyId": stack.key_id})
    reply = page.api.send("POST", f"/console/session?AccessKeySecret={stack.secret}", {"Content-Type": "application/json"}, body)
    assert stack.secret not in refused(reply, "InvalidAccessKeySecret", 400)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_sign_in_of_more_than_four_kilobytes_is_413(stack, page, chunked):
    body = json.dumps({"AccessKeyId": stack.key_id, "AccessKeySecret": stack.secret, "Filler": "x" * 4096}).encode()
    sent = iter([body]) if chunked else body
    reply = page.api.send("POST", "/console/session", {"Content-Type": "application/json"}, sent)
    refused(reply, "RequestEntityTooLarge", 413)


@pytest.mark.parametrize("content_type", [None, "application/x-www-form-urlencoded", "text/plain", "multipart/form-data",
                                          "application/jsonx", "application/json-patch+json", "", "text/json"])
def test_another_content_type_than_json_is_no_page_of_ours(stack, page, content_type):
    before = rows(stack)
    body = json.dumps({"AccessKeyId": stack.key_id, "AccessKeySecret": stack.secret})
    assert "application/json" in refused(page.sign_in_with(body, content_type), "ConsoleRequestDenied", 403)
    assert rows(stack) == before


@pytest.mark.parametrize("origin", ["http://evil.example", "https://127.0.0.1", "null", "", "http://127.0.0.1:1", "127.0.0.1:{port}",
                                    "http://127.0.0.1:{port}.evil.example", "http://evil.example@127.0.0.1:{port}",
                                    "file://127.0.0.1:{port}", "http://localhost:{port}", "http://127.0.0.1:{port}/"])
def test_a_page_of_another_host_gets_nothing(stack, page, origin):
    origin = origin.format(port=page.port)
    refused(page.sign_in(stack.key_id, stack.secret, origin=origin), "ConsoleRequestDenied", 403)
    assert page.sign_in(stack.key_id, stack.secret).status == 200
    refused(page.call("ListInstances", origin=origin), "ConsoleRequestDenied", 403)
    refused(page.sign_out(origin=origin), "ConsoleRequestDenied", 403)
    assert page.session().status == 200


def test_a_page_of_this_host_is_let_in(stack, page):
    for origin in (f"http://127.0.0.1:{page.port}", f"https://127.0.0.1:{page.port}"):  # TLS may end in front of us
        assert page.sign_in(stack.key_id, stack.secret, origin=origin).status == 200
        assert page.call("ListInstances", origin=origin).status == 200
    assert page.sign_in(stack.key_id, stack.secret, origin="http://Console.Example:81", host="console.example:81").status == 200
    assert page.sign_out(origin=f"http://127.0.0.1:{page.port}").status == 204


def test_a_secret_and_a_cookie_go_only_over_a_private_line(stack, signed_in):
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address than the loopback's")
    p = stack._process("api-open", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "0.0.0.0:0"}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    near, far = Page(port), Page(port, host=address)
    before = rows(stack)
    refused(far.sign_in(stack.key_id, stack.secret), "InvalidProtocol.NeedSsl", 403)
    for page in near, far:
        page.token, page.csrf = signed_in.token, signed_in.csrf
    refused(far.session(), "InvalidProtocol.NeedSsl", 403)
    refused(far.call("ListInstances"), "InvalidProtocol.NeedSsl", 403)
    refused(far.sign_out(), "InvalidProtocol.NeedSsl", 403)
    assert rows(stack) == before
    assert far.get("/console/").status == 200  # there is nothing secret in a file
    assert near.call("ListInstances").status == 200


# ---- how often ----

def test_the_eleventh_failure_from_an_address_has_to_wait(stack, page):
    for n in range(FAILURES):
        refused(wrong(page, f"LTAI{n}"), "InvalidAccessKeySecret", 403)
    for key_id, secret in (("LTAIother", "x"), (stack.key_id, stack.secret)):  # right or wrong is not even looked at
        reply = page.sign_in(key_id, secret)
        refused(reply, "TooManySignInFailures", 429)
        after = int(reply.headers["retry-after"])
        assert 240 < after <= 300 and abs(int(reply.headers["x-acs-retry-after"]) - after * 1000) <= 1000
        assert "set-cookie" not in reply.headers
    assert Page(page.port, fresh_address()).sign_in(stack.key_id, stack.secret).status == 200


def test_many_at_once_are_not_more_than_one_after_the_other(stack):
    address = fresh_address()
    with ThreadPoolExecutor(32) as pool:
        codes = [r.code for r in pool.map(lambda n: wrong(Page(stack.api.port, address), f"LTAI{n}"), range(64))]
    assert codes.count("InvalidAccessKeySecret") == FAILURES
    assert codes.count("TooManySignInFailures") == 64 - FAILURES


def test_who_succeeds_does_not_wash_the_address_clean(stack, page):
    key = keys.make_key(stack.api, "read@*")
    for _ in range(FAILURES):
        refused(wrong(page, stack.key_id), "InvalidAccessKeySecret", 403)
        page.sign_in(key.key_id, key.secret)
    refused(wrong(page, stack.key_id), "TooManySignInFailures", 429)


def test_success_is_not_counted(stack, page):
    for _ in range(2 * FAILURES + 1):
        assert page.sign_in(stack.key_id, stack.secret).status == 200


def test_a_wrong_secret_counts_also_when_it_cannot_be_noted(stack, page):
    """A full disk, say: reading goes on, and so would guessing."""
    stack.sql("ALTER TABLE audit_event ADD CONSTRAINT full_disk CHECK (action <> 'ConsoleSignIn') NOT VALID")
    try:
        statuses = [wrong(page, stack.key_id).status for _ in range(FAILURES)]
    finally:
        stack.sql("ALTER TABLE audit_event DROP CONSTRAINT full_disk")
    assert statuses == [500] * FAILURES
    refused(wrong(page, stack.key_id), "TooManySignInFailures", 429)


def test_a_database_that_is_away_is_nobodys_failure(open_stack, tmp_path):
    s = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c")})
    page = Page(s.api.port)
    s.sql("ALTER TABLE console_session RENAME TO away")
    for _ in range(FAILURES + 1):
        assert page.sign_in(s.key_id, s.secret).status == 500
    s.sql("ALTER TABLE away RENAME TO console_session")
    assert page.sign_in(s.key_id, s.secret).status == 200


# ---- what one gets ----

def test_a_session_has_a_cookie_that_no_script_and_no_other_site_sees(stack, page):
    before = int(time.time())
    reply = page.sign_in(stack.key_id, stack.secret)
    morsel = cookie_of(reply)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", morsel.value)
    assert (morsel["path"], morsel["httponly"], morsel["samesite"], morsel["max-age"]) == ("/console/", True, "Strict", "43200")
    assert not morsel["secure"] and not morsel["domain"] and not morsel["expires"]
    assert reply.headers["cache-control"] == "no-store"
    got = reply.json
    assert set(got) == {"AccessKeyId", "AccountId", "CsrfToken", "IdleSeconds", "ExpireTime", "Version", "Grants", "Operations"}
    assert (got["AccessKeyId"], got["AccountId"], got["IdleSeconds"]) == (stack.key_id, "1", 1800)
    assert got["Grants"] == [{"Action": "admin", "Instance": "*"}]
    assert got["CsrfToken"] == hmac.new(morsel.value.encode(), b"csrf", hashlib.sha256).hexdigest()
    assert got["CsrfToken"] != morsel.value
    ends = time.mktime(time.strptime(got["ExpireTime"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert before + 43200 - 2 <= ends <= time.time() + 43200 + 2
    again = page.session()
    assert again.status == 200 and again.json == got and "set-cookie" not in again.headers


def test_the_database_has_neither_token_nor_secret(stack, signed_in):
    digest = hashlib.sha256(signed_in.token.encode()).hexdigest()
    found = stack.sql("SELECT encode(token_hmac, 'hex'), access_key_id, source_ip FROM console_session "
                      f"WHERE token_sha256 = '\\x{digest}'")
    assert found == [[hmac.new(stack.secret.encode(), signed_in.token.encode(), hashlib.sha256).hexdigest(), stack.key_id,
                      signed_in.api.address]]
    text = stack.sql("SELECT string_agg(t::text, ' ') FROM console_session t")[0][0]
    assert signed_in.token not in text and signed_in.token.encode().hex() not in text and signed_in.csrf not in text


def test_nothing_secret_is_logged(stack, signed_in):
    signed_in.call("ListInstances")
    wrong(signed_in, stack.key_id, "secret-typed-here")
    wrong(signed_in, "id-typed-here")
    log = stack.api_process.text()
    assert "op=ConsoleSignIn" in log and "op=ListInstances" in log
    for word in (signed_in.token, signed_in.csrf, stack.secret, "typed-here"):
        assert word not in log
    trail = stack.sql("SELECT string_agg(t::text, ' ') FROM audit_event t")[0][0]
    for word in (signed_in.token, signed_in.csrf, stack.secret, "typed-here"):
        assert word not in trail


def test_over_https_the_cookie_is_for_https_only(stack, authority):
    c = authority.issue("localhost", sans=["localhost"])
    chain = stack.home / "console-tls.crt"
    chain.write_text(c.chain)
    p = stack._process("api-https", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0",
                                                   "SIGNET_API_TLS_CERT": chain, "SIGNET_API_TLS_KEY": c.key_path}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    page = Page(port, host="localhost", tls=ssl.create_default_context(cadata=authority.crt))
    assert cookie_of(page.sign_in(stack.key_id, stack.secret, origin=f"https://localhost:{port}"))["secure"]
    assert page.call("ListInstances").status == 200
    gone = cookie_of(page.sign_out())
    assert gone["secure"] and gone["max-age"] == "0"


def test_signing_in_and_failing_to_are_in_the_trail(stack, page):
    key = keys.make_key(stack.api, "admin@*")
    refused(wrong(page, key.key_id), "InvalidAccessKeySecret", 403)
    assert page.sign_in(key.key_id, key.secret).status == 200
    assert page.sign_out().status == 204
    me = key.key_id, page.api.address
    assert [e for e in events(stack) if e[0] == key.key_id] == [(*me, {"Result": "Refused", "Reason": "WrongSecret"}),
                                                                (*me, {"Result": "SignedIn"})]
    assert [e for e in events(stack, "ConsoleSignOut") if e[0] == key.key_id] == [(*me, {"Result": "SignedIn"})]
    listed = answered(stack.api.v3("ListAuditEvents", {"UserAccessKeyId": key.key_id}), "ListAuditEvents")["Events"]
    assert [e["Action"] for e in listed] == ["ConsoleSignOut", "ConsoleSignIn", "ConsoleSignIn"]


def test_an_id_that_nobody_has_is_in_no_accounts_trail(stack, page):
    refused(wrong(page, "LTAInobody"), "InvalidAccessKeySecret", 403)
    assert ("-", page.api.address, {"Result": "Refused", "Reason": "UnknownAccessKey"}) in events(stack, account=0)
    assert not [e for e in events(stack) if e[1] == page.api.address]


# ---- what the key may do ----

def test_operations_are_what_the_grants_allow(stack, page):
    a, b = "mqtt-cn-aaa", "mqtt-cn-bbb"
    key = keys.make_key(stack.api, f"read@{a}", f"write@{b}", "mq:SetSniConfig@*", f"mq:SetSniConfig@{a}", f"signet:*@{a}")
    got = page.sign_in(key.key_id, key.secret).json
    assert sorted((g["Action"], g["Instance"]) for g in got["Grants"]) == sorted(
        tuple(text.split("@")) for text in keys.texts(key.made))
    ops = got["Operations"]
    assert ops["SetSniConfig"] == {"Everywhere": True, "Instances": []}
    assert ops["GetSniConfig"] == {"Everywhere": False, "Instances": [a, b]}
    assert ops["RegisterCaCertificate"] == {"Everywhere": False, "Instances": [b]}
    assert ops["RollbackConfig"]["Instances"] == [a, b]
    assert ops["ListAuditEvents"] == {"Everywhere": False, "Instances": [a]}  # of the instance, not of the account
    assert ops["ListInstances"] == {"Everywhere": False, "Instances": [a, b]}  # it shows these two
    for absent in ("CreateAccessKey", "CreateInstance", "UploadUserCertificate", "ListAccessKeys"):
        assert absent not in ops


def test_who_may_do_everything_has_every_operation_of_the_documents(stack, signed_in):
    names = {path.rpartition("/")[2] for document in documents().values() for path in document["paths"]}
    assert signed_in.session().json["Operations"] == {name: {"Everywhere": True, "Instances": []} for name in names}


def test_who_may_do_nothing_has_a_session_all_the_same(stack, page):
    key = keys.make_key(stack.api)
    got = page.sign_in(key.key_id, key.secret).json
    assert got["Grants"] == [] and got["Operations"] == {}
    refused(page.call("ListInstances"), "Forbidden.RAM", 403)


def test_a_session_follows_the_grants(stack, page):
    key = keys.make_key(stack.api, f"read@{stack.instance}")
    page.sign_in(key.key_id, key.secret)
    assert "SetSniConfig" not in page.session().json["Operations"]
    keys.regrant(stack.api, key.key_id, f"write@{stack.instance}")
    assert page.session().json["Operations"]["SetSniConfig"]["Instances"] == [stack.instance]
    keys.regrant(stack.api, key.key_id)
    assert page.session().json["Operations"] == {}


# ---- when it ends ----

def ended(page):
    refused(page.session(), "ConsoleSessionExpired", 401)
    refused(page.call("ListInstances"), "ConsoleSessionExpired", 401)
    reply = page.sign_out()
    refused(reply, "ConsoleSessionExpired", 401)


@pytest.mark.parametrize("cookie", [
    None, "", "signet_session", "signet_session=", "signet_session=x", "other={token}", "signet_session={token}x",
    "signet_session={short}", 'signet_session="{token}"', "Signet_session={token}", "signet_session= {token}",
    "signet_session={token}; signet_session={other}", "xsignet_session={token}", "signet_session={upper}",
    "signet_session=%00{short}"])
def test_what_is_no_cookie_of_ours_is_no_session(signed_in, cookie):
    token = signed_in.token
    other = token[:-1] + ("A" if token[-1] != "A" else "E")
    text = cookie and cookie.format(token=token, short=token[:-1], other=other, upper=token.swapcase())
    signed_in.token = None
    refused(signed_in.session(cookie=text), "ConsoleSessionExpired", 401)
    refused(signed_in.call("ListInstances", cookie=text), "ConsoleSessionExpired", 401)


@pytest.mark.parametrize("cookie", ["a=b; signet_session={token}", "signet_session={token};x=y", "\tsignet_session={token} ; ",
                                    "signet_session={token}; signet_session={token}", "signet_sessions=x; signet_session={token}"])
def test_other_cookies_beside_ours_do_no_harm(signed_in, cookie):
    token, signed_in.token = signed_in.token, None
    assert signed_in.session(cookie=cookie.format(token=token)).status == 200


@pytest.mark.parametrize("csrf", ["missing", "empty", "wrong", "cut", "longer", "upper", "token", "other session"])
def test_signing_out_needs_the_csrf_token(stack, signed_in, csrf):
    other = Page(signed_in.port, fresh_address())
    other.sign_in(stack.key_id, stack.secret)
    value = {"missing": None, "empty": "", "wrong": "0" * 64, "cut": signed_in.csrf[:-1], "longer": signed_in.csrf + "0",
             "upper": signed_in.csrf.upper(), "token": signed_in.token, "other session": other.csrf}[csrf]
    refused(signed_in.sign_out(x_signet_csrf=value), "ConsoleCsrfTokenInvalid", 403)
    assert signed_in.session().status == 200


def test_signing_out_ends_this_session_and_no_other(stack, page):
    other = Page(page.port, fresh_address())
    for p in page, other:
        assert p.sign_in(stack.key_id, stack.secret).status == 200
    reply = page.sign_out()
    assert (reply.status, reply.body) == (204, b"") and "content-type" not in reply.headers
    gone = cookie_of(reply)
    assert (gone.value, gone["max-age"], gone["path"], gone["httponly"], gone["samesite"]) == ("", "0", "/console/", True, "Strict")
    ended(page)
    assert other.session().status == 200


def test_signing_in_again_ends_the_browsers_session_so_far(stack, signed_in):
    old = Page(signed_in.port, fresh_address())
    old.token, old.csrf = signed_in.token, signed_in.csrf
    assert signed_in.sign_in(stack.key_id, stack.secret).status == 200
    assert signed_in.token != old.token and signed_in.session().status == 200
    ended(old)


def disable(stack, key):
    keys.update(stack.api, key.key_id, Status="Inactive")


def delete(stack, key):
    answered(stack.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")


def rotate(stack, key):
    """As docs/api.md has it: a second key, then the first one goes."""
    answered(stack.api.v3("RotateAccessKey", {"UserAccessKeyId": key.key_id}), "RotateAccessKey")
    disable(stack, key)


def another_secret(stack, key):
    stack.add_access_key(key.key_id, secrets.token_hex(15))


def another_account(stack, key):
    stack.add_access_key(key.key_id, key.secret, 4711)


@pytest.mark.parametrize("change", [disable, delete, rotate, another_secret, another_account])
def test_a_key_that_changes_takes_its_sessions_along(stack, change):
    key = keys.make_key(stack.api, "read@*")
    pages = [Page(stack.api.port, fresh_address()) for _ in range(2)]
    for p in pages:
        assert p.sign_in(key.key_id, key.secret).status == 200
    change(stack, key)
    assert rows(stack, f"access_key_id = '{key.key_id}'") == 0
    for p in pages:
        ended(p)


def test_a_key_that_is_enabled_again_does_not_bring_sessions_back(stack, page):
    key = keys.make_key(stack.api, "read@*")
    page.sign_in(key.key_id, key.secret)
    disable(stack, key)
    keys.update(stack.api, key.key_id, Status="Active")
    ended(page)
    assert page.sign_in(key.key_id, key.secret).status == 200


def test_a_second_key_does_not_end_the_sessions_of_the_first(stack, page):
    key = keys.make_key(stack.api, "read@*")
    page.sign_in(key.key_id, key.secret)
    answered(stack.api.v3("RotateAccessKey", {"UserAccessKeyId": key.key_id}), "RotateAccessKey")
    keys.update(stack.api, key.key_id, Description="old")
    assert page.session().status == 200


def test_a_session_of_a_secret_that_is_no_more_is_none_even_in_the_table(stack, page):
    """The row alone opens nothing: it holds an HMAC under the secret."""
    key = keys.make_key(stack.api, "read@*")
    page.sign_in(key.key_id, key.secret)
    stack.sql("ALTER TABLE access_key DISABLE TRIGGER access_key_changed")
    try:
        another_secret(stack, key)
    finally:
        stack.sql("ALTER TABLE access_key ENABLE TRIGGER access_key_changed")
    assert rows(stack, f"access_key_id = '{key.key_id}'") == 1
    ended(page)


def mine(page):
    return f"token_sha256 = '\\x{hashlib.sha256(page.token.encode()).hexdigest()}'"


def test_a_session_that_does_nothing_for_half_an_hour_ends(stack, signed_in):
    for seconds in (1700, 1790):
        stack.sql(f"UPDATE console_session SET used_at = now() - interval '{seconds} seconds' WHERE {mine(signed_in)}")
        assert signed_in.session().status == 200  # and it begins anew
    stack.sql(f"UPDATE console_session SET used_at = now() - interval '1800 seconds' WHERE {mine(signed_in)}")
    ended(signed_in)


def test_the_idle_time_is_a_setting(open_stack, tmp_path):
    s = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c"), "SIGNET_CONSOLE_IDLE_SECONDS": 1})
    page = Page(s.api.port)
    assert page.sign_in(s.key_id, s.secret).json["IdleSeconds"] == 1
    wait_until(lambda: rows(s, "used_at <= now() - interval '1 second'") == 1, what="a second to pass")
    ended(page)


def test_use_is_noted_once_a_minute(stack, signed_in):
    def used():
        return stack.sql(f"SELECT used_at FROM console_session WHERE {mine(signed_in)}")

    first = used()
    for _ in range(3):
        assert signed_in.call("ListInstances").status == 200
    assert used() == first
    stack.sql(f"UPDATE console_session SET used_at = now() - interval '61 seconds' WHERE {mine(signed_in)}")
    assert signed_in.session().status == 200
    assert rows(stack, f"{mine(signed_in)} AND used_at > now() - interval '50 seconds'") == 1


def test_every_session_ends_however_busy(open_stack, tmp_path):
    s = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c"), "SIGNET_CONSOLE_SESSION_SECONDS": 2})
    page = Page(s.api.port)
    began = time.monotonic()
    reply = page.sign_in(s.key_id, s.secret)
    assert cookie_of(reply)["max-age"] == "2"
    wait_until(lambda: page.session().status == 401, what="the session to end")
    assert time.monotonic() - began > 1
    ended(page)


def test_what_has_ended_is_swept_by_the_next_sign_in(stack, signed_in):
    """A hundred at a time."""
    key = keys.make_key(stack.api, "read@*")
    for what in ("used_at", "created_at"):
        stack.sql(f"INSERT INTO console_session (token_sha256, token_hmac, access_key_id, source_ip, {what}) SELECT "
                  f"sha256(('{what}' || n)::bytea), sha256('x'), '{key.key_id}', '', now() - interval '13 hours' "
                  "FROM generate_series(1, 60) n")
    signed_in.sign_in(stack.key_id, stack.secret)
    assert rows(stack, f"access_key_id = '{key.key_id}'") == 20
    signed_in.sign_in(stack.key_id, stack.secret)
    assert rows(stack, f"access_key_id = '{key.key_id}'") == 0
    assert signed_in.session().status == 200


def test_a_key_has_a_hundred_sessions_and_the_oldest_goes(stack, page):
    key, other = keys.make_key(stack.api, "read@*"), Page(page.port, fresh_address())
    other.sign_in(stack.key_id, stack.secret)
    assert page.sign_in(key.key_id, key.secret).status == 200
    stack.sql("INSERT INTO console_session (token_sha256, token_hmac, access_key_id, source_ip, created_at) SELECT "
              f"sha256(n::text::bytea), sha256('x'), '{key.key_id}', '', now() + interval '1 second' FROM generate_series(1, 99) n")
    of_key = f"access_key_id = '{key.key_id}'"
    assert rows(stack, of_key) == 100 and page.session().status == 200
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Page(page.port, fresh_address()).sign_in(key.key_id, key.secret), range(8)))
    assert rows(stack, of_key) == 100
    ended(page)
    assert other.session().status == 200


# ---- everywhere ----

def test_two_processes_of_one_database_know_each_others_sessions(stack, page):
    second = stack._process("api2", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    there = Page(int(second.logged(r"listening=[^ ]*:(\d+)").group(1)))
    assert page.sign_in(stack.key_id, stack.secret).status == 200
    there.token, there.csrf = page.token, page.csrf
    assert there.session().json == page.session().json
    assert answered(there.call("ListInstances"), "ListInstances")
    assert there.sign_out().status == 204
    ended(page)


def test_a_restart_ends_no_session(open_stack, tmp_path):
    s = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c")})
    page = Page(s.api.port)
    page.sign_in(s.key_id, s.secret)
    s.api_process.stop()
    s.start_api()
    assert page.session().status == 200 and page.call("ListInstances").status == 200


def test_tokens_are_all_different(stack):
    seen = set()
    for _ in range(20):
        page = Page(stack.api.port, fresh_address())
        page.sign_in(stack.key_id, stack.secret)
        seen |= {page.token, page.csrf}
    assert len(seen) == 40
