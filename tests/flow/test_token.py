"""The mode Token: what a token grants, how it is renewed, and what happens when it ends, as clients of 3.1.1 and 5.0 meet it."""
import base64
import json
import time

import pytest
from harness.keys import make_key, update
from harness.logins import BAD_LOGIN, NOT_AUTHORIZED, call, client_id, signed, token, upload, with_token
from harness.packets import V5, V311
from harness.tokens import Token, in_ms, made, token_key

BOTH = pytest.mark.parametrize("version", [V311, V5])
DENIED, SOON = 0x87, 5 * 60


def refusals(stack, name):
    return stack.status()["refused"][name]


def revoke(stack, text):
    call(stack, "RevokeToken", Token=text)


def notice(got, name):
    assert got.topic == f"$SYS/{name}" and got.qos == 0, got
    return json.loads(got.payload)


def told_and_ended(p, code, kind, reason=0x87):
    """`$SYS/tokenInvalidNotice`, then the end."""
    assert notice(p.message(), "tokenInvalidNotice") == {"code": code, "type": kind}
    p.ends(reason)


@pytest.fixture
def issued(stack):
    """With a key to sign tokens with."""
    token(stack, ["first"])
    return stack


def forge(stack, topics=("pumps/#",), key=None, instance=None, **fields):
    fields.setdefault("access_key", stack.key_id)
    return made(key or token_key(stack), instance or stack.instance, topics, **fields)


# ---- refusals at CONNECT ----

@BOTH
def test_without_a_token_key_no_token_is_any_good(stack, version):
    with_token(stack, "RW|" + forge(stack, key=bytes(32)), version=version, reason=BAD_LOGIN[version])


@BOTH
def test_what_is_no_good_token_is_a_wrong_password(issued, version):
    good = token(issued, ["pumps/#"])
    reader = token(issued, ["pumps/#"], "R")
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    for password in ["", good, "|" + good, "X|" + good, "rw|" + good, "RW|", "RW", "RW|" + good + "|", "RW|" + good + "x",
                     "RW|" + good[:-1], "R|" + reader + "|R|" + reader, "R|" + reader + "|W", "W|" + reader, "RW|" + reader,
                     "RW|" + base64.urlsafe_b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode().rstrip("="),
                     "RW|" + forge(issued, key=bytes(32)), "RW|" + forge(issued, instance="mqtt-cn-other"),
                     "R|" + reader + "|W|" + reader, "RW|" + "A" * 20000]:
        with_token(issued, password, version=version, reason=BAD_LOGIN[version])
    assert refusals(issued, "bad_login") == 19


@BOTH
def test_a_token_that_has_ended_is_not_authorized(issued, version):
    with_token(issued, "RW|" + forge(issued, ends_in=-1), version=version, reason=NOT_AUTHORIZED[version])
    with_token(issued, "R|" + token(issued, ["a"], "R") + "|W|" + forge(issued, ends_in=-1), version=version,
               reason=NOT_AUTHORIZED[version])
    assert refusals(issued, "token_expired") == 2


@BOTH
def test_a_revoked_token_is_not_authorized_also_after_a_restart(issued, version):
    good, bad = token(issued, ["pumps/#"]), token(issued, ["pumps/#"])
    revoke(issued, bad)
    for _ in range(2):
        with_token(issued, "RW|" + bad, version=version, reason=NOT_AUTHORIZED[version])
        with_token(issued, "RW|" + good, version=version)
        issued.broker.stop()
        issued.start_broker()


@BOTH
def test_a_token_is_as_good_as_the_access_key_that_has_applied_for_it(issued, version):
    key = make_key(issued.api, f"mq:ApplyToken@{issued.instance}")
    text = token(issued, ["pumps/#"], api=key)
    p = with_token(issued, "RW|" + text, version=version)
    signed(issued, version=version)
    began = time.monotonic()
    update(issued.api, key.key_id, Status="Inactive")
    told_and_ended(p, -1, "RW")
    assert time.monotonic() - began < 10  # on a machine that may stall
    with_token(issued, "RW|" + text, version=version, reason=NOT_AUTHORIZED[version])
    with_token(issued, "RW|" + forge(issued, access_key="LTAInobody"), version=version, reason=NOT_AUTHORIZED[version])
    update(issued.api, key.key_id, Status="Active")
    with_token(issued, "RW|" + text, version=version)


@BOTH
def test_a_will_needs_a_token_to_write_it(issued, version):
    reader, writer = token(issued, ["pumps/1"], "R"), token(issued, ["pumps/2"], "W")
    for topic in ["pumps/1", "pumps/3", "$SYS/uploadToken"]:
        with_token(issued, f"R|{reader}|W|{writer}", version=version, will={"topic": topic}, reason=NOT_AUTHORIZED[version])
    watcher = signed(issued)
    watcher.subscribe("pumps/#")
    with_token(issued, f"R|{reader}|W|{writer}", version=version, will={"topic": "pumps/2", "payload": b"gone"}).cut()
    watcher.message(topic="pumps/2", payload=b"gone")


# ---- what it grants ----

@BOTH
def test_r_is_for_subscribing_and_w_for_publishing(issued, version):
    no = 0x87 if version == V5 else 0x80
    reader, writer, both = (token(issued, [f"{kind}/+/x"], kind) for kind in ("R", "W", "RW"))
    password = f"R|{reader}|W|{writer}|RW|{both}"
    p = with_token(issued, password, version=version)
    for wanted, answer in [("R/1/x", 0), ("R/+/x", 0), ("R/#", no), ("R/1/+", no), ("W/1/x", no), ("RW/1/x", 0), ("#", no),
                           ("$share/g/R/1/x", 0), ("$share/g/W/1/x", no), ("$share/g/#", no), ("$SYS/#", no), ("$SYS/broker/uptime", no),
                           ("$SYS/tokenExpireNotice", 0), ("$SYS/tokenInvalidNotice", 0), ("$SYS/uploadToken", no)]:
        assert p.subscribe(wanted, granted=False) == [answer], wanted
    watcher = signed(issued)
    watcher.subscribe(("+/1/x", 1))
    for topic in ["W/1/x", "RW/1/x"]:
        p.publish(topic, b"yes", 1)
        watcher.message(topic=topic)
    if version == V5:
        for topic in ["R/1/x", "W/1/y", "other"]:
            p.publish(topic, b"no", 1, reason=DENIED)
            p.publish(topic, b"no", 1, reason=DENIED, properties={"topic_alias": 2}, retain=True)
            p.publish("", b"no", 2, reason=DENIED, properties={"topic_alias": 2})
    else:
        p.send_publish("R/1/x", b"no", qos=1)
        p.gone()
    watcher.nothing_from(signed(issued))


def test_one_for_both_may_be_shown_for_either_and_is_then_no_more_than_that(issued):
    p = with_token(issued, "R|" + token(issued, ["pumps/#"], "RW"))
    p.subscribe("pumps/1")
    p.publish("pumps/1", b"", 1, reason=DENIED)


def test_nobody_else_may_upload_tokens_or_play_the_broker(issued):
    text = token(issued, ["pumps/#"])
    p, other = with_token(issued, "RW|" + text), signed(issued)
    other.publish("$SYS/uploadToken", upload(text, "RW"), 1, reason=DENIED)
    for topic in ["$SYS/tokenExpireNotice", "$SYS/tokenInvalidNotice", "$SYS/uploadToken/", "$SYS/x"]:
        p.publish(topic, upload(text, "RW"), 1, reason=DENIED)
    p.ping()


# ---- its end ----

@BOTH
def test_a_revoked_token_ends_the_connections_that_use_it_and_no_other(issued, version):
    text, other = token(issued, ["pumps/#"], "R"), token(issued, ["pumps/#"])
    mine = [with_token(issued, f"R|{text}|RW|{other}", version=version) for _ in range(3)]  # on both workers
    theirs = with_token(issued, "RW|" + other, version=version)
    began = time.monotonic()
    revoke(issued, text)
    for p in mine:
        told_and_ended(p, 3, "R")
    assert time.monotonic() - began < 10  # on a machine that may stall
    theirs.ping()
    assert refusals(issued, "token_revoked") == 3


@BOTH
def test_a_token_that_ends_ends_its_connection_without_a_will(issued, version):
    watcher = signed(issued)
    watcher.subscribe("pumps/#")
    earliest = time.time() + 2
    p = with_token(issued, "W|" + forge(issued, ends_in=2, actions=2), version=version, will={"topic": "pumps/1"})
    latest = time.time() + 2
    told = notice(p.message(), "tokenExpireNotice")  # it ends in less than five minutes
    assert told["type"] == "W" and earliest * 1000 - 500 < told["expireTime"] < latest * 1000 + 500
    told_and_ended(p, 2, "W")
    assert earliest - 0.5 <= time.time() < latest + 15
    assert refusals(issued, "token_expired") == 1
    watcher.nothing_from(signed(issued))


@BOTH
def test_a_client_is_told_once_five_minutes_before(issued, version):
    began = time.monotonic()
    p = with_token(issued, f"R|{forge(issued, ends_in=SOON + 5, actions=1)}|W|{forge(issued, ends_in=SOON + 60, actions=2)}",
                   version=version)
    p.silent()
    assert notice(p.message(), "tokenExpireNotice")["type"] == "R"
    assert 4 < time.monotonic() - began < 20
    p.silent()


# ---- renewal ----

@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_token_is_renewed_by_uploading_another(issued, version, qos):
    p = with_token(issued, "RW|" + forge(issued, ("pumps/1",), ends_in=5), version=version)
    assert notice(p.message(), "tokenExpireNotice")["type"] == "RW"
    renewed = forge(issued, ("pumps/1", "pumps/2"), ends_in=3600)
    p.publish("$SYS/uploadToken", upload(renewed, "RW"), qos, reason=0)
    time.sleep(5.5)  # past the end of the first
    p.publish("pumps/2", b"", 1)
    p.silent()
    revoke(issued, renewed)
    told_and_ended(p, 3, "RW")


def test_an_upload_replaces_the_token_of_its_type_only(issued):
    p = with_token(issued, f"R|{token(issued, ['in/1'], 'R')}|W|{token(issued, ['out/1'], 'W')}")
    p.publish("out/1", b"", 1)
    p.publish("out/2", b"", 1, reason=DENIED)
    p.publish("$SYS/uploadToken", upload(token(issued, ["out/2"], "W"), "W"), 1, reason=0)
    p.publish("out/1", b"", 1, reason=DENIED)
    p.publish("out/2", b"", 1)
    p.subscribe("in/1")


@BOTH
@pytest.mark.parametrize("code, kind, make", [
    (1, "RW", lambda s: b"nonsense"),
    (1, "RW", lambda s: b""),
    (1, "RW", lambda s: b"[]"),
    (1, "RW", lambda s: json.dumps({"token": forge(s)}).encode()),
    (1, "RW", lambda s: json.dumps({"token": forge(s), "type": "X"}).encode()),
    (1, "R", lambda s: json.dumps({"token": 7, "type": "R"}).encode()),
    (1, "R", lambda s: upload("nonsense", "R").encode()),
    (1, "RW", lambda s: upload("A" * 40000, "R").encode()),
    (2, "W", lambda s: upload(forge(s, ends_in=-1), "W").encode()),
    (3, "RW", lambda s: upload(revoked(s), "RW").encode()),
    (5, "W", lambda s: upload(forge(s, actions=1), "W").encode()),
    (8, "RW", lambda s: upload(forge(s, key=bytes(32)), "RW").encode()),
    (8, "RW", lambda s: upload(forge(s, instance="mqtt-cn-other"), "RW").encode()),
    (-1, "RW", lambda s: upload(forge(s, access_key="LTAInobody"), "RW").encode()),
])
def test_a_bad_upload_is_answered_told_and_ended(shared_tokens, version, code, kind, make):
    stack = shared_tokens
    p = with_token(stack, "RW|" + token(stack, ["pumps/#"]), version=version)
    p.send_publish("$SYS/uploadToken", make(stack), qos=1, pid=7)
    if version == V5:
        p.expect("PUBACK", pid=7, reason=DENIED)
    else:
        p.expect("PUBACK", pid=7)
    told_and_ended(p, code, kind)


def revoked(stack):
    text = forge(stack)
    revoke(stack, text)
    return text


@pytest.fixture(scope="module")
def shared_tokens(shared):
    token(shared, ["first"])
    return shared


# ---- sessions ----

def test_a_kept_session_is_resumed_only_by_a_token_for_all_of_it(issued):
    name, keeps = client_id(), {"clean": False, "properties": {"session_expiry": 600}}
    wide, narrow = token(issued, ["pumps/#"]), token(issued, ["pumps/1"])
    p = with_token(issued, "RW|" + wide, name, **keeps)
    p.subscribe(("pumps/#", 1))
    p.cut()
    signed(issued).publish("pumps/2", b"waits", 1)
    p = with_token(issued, "RW|" + wide, name, **keeps)
    assert p.present
    p.message(payload=b"waits", acknowledge=False)
    p.cut()
    p = with_token(issued, "RW|" + narrow, name, **keeps)
    assert not p.present
    signed(issued).publish("pumps/2", b"x", 1)
    p.silent()


def test_what_the_api_says_of_a_token_the_broker_says_too(issued):
    text = token(issued, ["pumps/+"], "R", ends_in=120)
    assert Token(token_key(issued), issued.instance, text).topics == ["pumps/+"]
    assert call(issued, "QueryToken", Token=text)["TokenStatus"] is True
    p = with_token(issued, "R|" + text)
    assert notice(p.message(), "tokenExpireNotice")["expireTime"] <= in_ms(120)
    revoke(issued, text)
    assert call(issued, "QueryToken", Token=text)["TokenStatus"] is False
    told_and_ended(p, 3, "R")
