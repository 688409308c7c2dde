"""ApplyToken, QueryToken, RevokeToken. What brokers make of tokens: tests/flow."""
import base64
import secrets
import threading
import uuid

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.tokens import Token, in_ms, made, token_key

BUT = ("broker_node", "request_nonce")
WRONG = "ParameterCheckFailed"
DAY_S, LIMIT_S = 24 * 3600, 30 * 24 * 3600


def apply_reply(stack, topics="pumps/+/state", actions="R", ends=None, instance=None, api=None, **more):
    return (api or stack.api).v3("ApplyToken", {"InstanceId": instance or stack.instance, "Resources": topics, "Actions": actions,
                                                "ExpireTime": str(in_ms(3600) if ends is None else ends), **more})


def apply(stack, *args, **kwargs):
    return answered(apply_reply(stack, *args, **kwargs), "ApplyToken")["Token"]


def read(stack, text, instance=None):
    return Token(token_key(stack, instance), instance or stack.instance, text)


def query(stack, token, instance=None):
    reply = stack.api.v3("QueryToken", {"InstanceId": instance or stack.instance, "Token": token})
    return answered(reply, "QueryToken")["TokenStatus"]


def revoke_reply(stack, token, instance=None, **kwargs):
    return (kwargs.get("api") or stack.api).v3("RevokeToken", {"InstanceId": instance or stack.instance, "Token": token})


def revoke(stack, token, instance=None):
    answered(revoke_reply(stack, token, instance), "RevokeToken")


def new_instance(stack, api=None):
    return answered((api or stack.api).v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]


@pytest.fixture(scope="module", autouse=True)
def first(shared):
    """The key is there, so that what is refused cannot make it."""
    return apply(shared)


@pytest.fixture(scope="module")
def foreign(shared):
    """An instance of another account."""
    shared.add_access_key("LTAItheirs", "t" * 30, 2)
    return new_instance(shared, Api(shared.api.port, "LTAItheirs", "t" * 30))


# ---- refusals ----

def test_every_parameter_is_mandatory(shared, first):
    before = contents(shared, BUT)
    for operation, good in (("ApplyToken", {"InstanceId": shared.instance, "Resources": "a", "Actions": "R",
                                            "ExpireTime": str(in_ms(600))}),
                            ("QueryToken", {"InstanceId": shared.instance, "Token": first}),
                            ("RevokeToken", {"InstanceId": shared.instance, "Token": first})):
        for name in good:
            assert name in refused(shared.api.v3(operation, {**good, name: ""}), f"Missing{name}")
            refused(shared.api.v3(operation, {n: v for n, v in good.items() if n != name}), f"Missing{name}")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("ends_in", [58.9, 30, 0, -3600])
def test_less_than_a_minute_is_too_short(shared, ends_in):
    assert "ExpireTime" in refused(apply_reply(shared, ends=in_ms(ends_in)), WRONG)


@pytest.mark.parametrize("ends", ["0", "-1", "soon", "1.5", str(2 ** 63), ""])
def test_the_end_is_a_time(shared, ends):
    refused(apply_reply(shared, ends=ends), WRONG if ends else "MissingExpireTime")


@pytest.mark.parametrize("actions", ["r", "RW", "R,R", "W,R", "R, W", "R,", "X", "R|W"])
def test_actions_are_r_w_or_both(shared, actions):
    assert "Actions" in refused(apply_reply(shared, actions=actions), WRONG)


@pytest.mark.parametrize("topics", [",", "a,", ",a", "a,,b", "a#", "#/a", "a/+b", "+a", "a/#/b", "a,b/#/c"])
def test_topics_are_valid_filters(shared, topics):
    assert "Resources" in refused(apply_reply(shared, topics), WRONG)


def test_there_are_at_most_a_hundred_topics(shared):
    hundred = [f"pumps/{n}" for n in range(100)]
    assert read(shared, apply(shared, ",".join(hundred))).topics == hundred
    assert "100" in refused(apply_reply(shared, ",".join([*hundred, "one/more"])), WRONG)


def test_topics_are_not_too_long_together(shared):
    assert len(read(shared, apply(shared, "a" * 8192)).topics[0]) == 8192
    refused(apply_reply(shared, "a" * 8193), WRONG)
    wide = "\U0001f600" * 3000  # 12,000 bytes
    assert read(shared, apply(shared, wide)).topics == [wide]
    assert "too long" in refused(apply_reply(shared, "\U0001f600" * 3100), WRONG)


@pytest.mark.parametrize("operation, params", [("ApplyToken", {"Resources": "a", "Actions": "R", "ExpireTime": "4102444800000"}),
                                               ("QueryToken", {"Token": "x"}), ("RevokeToken", {"Token": "x"})])
def test_the_instance_must_be_there_and_ones_own(shared, foreign, operation, params):
    before = contents(shared, BUT)
    for instance in ("mqtt-cn-nowhere", foreign):
        refused(shared.api.v3(operation, {"InstanceId": instance, **params}), "InstancePermissionCheckFailed")
    assert WRONG == shared.api.v3(operation, {"InstanceId": "a/b", **params}).code
    assert contents(shared, BUT) == before


def test_who_may_only_read_gets_no_token(shared, first):
    reader = make_key(shared.api, f"read@{shared.instance}")
    before = contents(shared, BUT)
    refused(apply_reply(shared, api=reader), "PermissionCheckFailed")
    refused(revoke_reply(shared, first, api=reader), "PermissionCheckFailed")
    assert answered(reader.v3("QueryToken", {"InstanceId": shared.instance, "Token": first}), "QueryToken")["TokenStatus"] is True
    assert contents(shared, BUT) == before


def altered(text):
    """The same token in every way in which it may be wrong."""
    yield from (text[:-1], text[1:], text + "A", text + "=", text[:50], "x", "A" * 16384, text.replace(text[30], "!", 1), "R|" + text)
    for at in (0, 5, 24, 40, len(text) - 5):
        yield text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1:]


def test_what_was_changed_is_no_token(shared):
    text = apply(shared)
    before = contents(shared, BUT)
    for wrong in altered(text):
        assert query(shared, wrong) is False, wrong
        message = refused(revoke_reply(shared, wrong), WRONG)
        assert "Token" in message and text[10:30] not in message
    assert "A" * 100 not in refused(revoke_reply(shared, "A" * 16385), WRONG)
    assert contents(shared, BUT) == before and query(shared, text) is True


def test_a_token_is_of_one_instance(shared):
    text, other = apply(shared), new_instance(shared)
    assert query(shared, text, other) is False
    refused(revoke_reply(shared, text, other), WRONG)
    apply(shared, instance=other)  # now it has a key
    assert query(shared, text, other) is False
    refused(revoke_reply(shared, text, other), WRONG)
    assert query(shared, text) is True


def test_another_key_or_another_form_is_forged(shared):
    key = token_key(shared)
    assert query(shared, made(key, shared.instance, ["a"], access_key=shared.key_id)) is True, "made here, rightly"
    for wrong in (made(secrets.token_bytes(32), shared.instance, ["a"]), made(key, "mqtt-cn-other", ["a"]),
                  made(key, shared.instance, ["a"], version=2), made(key, shared.instance, ["a"], actions=0),
                  made(key, shared.instance, ["a"], actions=4), made(key, shared.instance, ["a#"]),
                  made(key, shared.instance, [""]), made(key, shared.instance, ["a"] * 101)):
        assert query(shared, wrong) is False


def test_a_token_that_has_ended_is_not_valid(shared):
    key = token_key(shared)
    assert query(shared, made(key, shared.instance, ["a"], ends_in=-0.001)) is False
    assert query(shared, made(key, shared.instance, ["a"], ends_in=-DAY_S)) is False
    assert query(shared, made(key, shared.instance, ["a"], ends_in=20, access_key=shared.key_id)) is True


def test_a_token_is_as_good_as_the_access_key_that_applied_for_it(shared):
    key = token_key(shared)
    assert query(shared, made(key, shared.instance, ["a"], access_key="LTAInobody")) is False
    answer = answered(shared.api.v3("CreateAccessKey", {"Grants.1.Action": "mq:ApplyToken",
                                                            "Grants.1.MqttInstanceId": shared.instance}), "CreateAccessKey")
    applicant = answer["AccessKey"]["AccessKeyId"]
    token = made(key, shared.instance, ["a"], access_key=applicant)
    assert query(shared, token) is True
    answered(shared.api.v3("UpdateAccessKey", {"UserAccessKeyId": applicant, "Status": "Inactive"}), "UpdateAccessKey")
    assert query(shared, token) is False
    answered(shared.api.v3("UpdateAccessKey", {"UserAccessKeyId": applicant, "Status": "Active"}), "UpdateAccessKey")
    assert query(shared, token) is True


def test_of_a_token_that_has_ended_a_revocation_remembers_nothing(shared):
    ended = made(token_key(shared), shared.instance, ["a"], ends_in=-1)
    before = contents(shared, BUT)
    revoke(shared, ended)
    assert contents(shared, BUT) == before


# ---- what goes right ----

def test_a_token_says_what_was_asked_for(shared):
    ends = in_ms(7200)
    for actions, number in (("R", 1), ("W", 2), ("R,W", 3)):
        token = read(shared, apply(shared, "b/#,a/+/c,$SYS/x,设备/一", actions, ends))
        assert (token.topics, token.actions) == (["b/#", "a/+/c", "$SYS/x", "设备/一"], number)
        assert (token.ends_ms, token.access_key) == (ends, shared.key_id)


def test_a_token_needs_no_escape_in_a_password(shared):
    for _ in range(20):
        text = apply(shared, "pumps/#,valves/+")
        assert base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) and not set(text) & set("|=+/ ")


def test_no_two_tokens_are_the_same(shared):
    ends = in_ms(600)
    assert len({apply(shared, ends=ends) for _ in range(20)}) == 20


def test_a_minute_is_long_enough(shared):
    for _ in range(5):  # on a machine that stalls, the second more may be over before the call is there
        ends = in_ms(60) + 1000
        reply = apply_reply(shared, ends=ends)
        if reply.status == 200:
            break
    assert read(shared, answered(reply, "ApplyToken")["Token"]).ends_ms == ends


@pytest.mark.parametrize("ends", [lambda: in_ms(LIMIT_S + 60), lambda: in_ms(400 * DAY_S), lambda: 2 ** 63 - 1])
def test_more_than_thirty_days_become_thirty(shared, ends):
    earliest = in_ms(LIMIT_S) - 1000
    found = read(shared, apply(shared, ends=ends())).ends_ms
    assert earliest <= found <= in_ms(LIMIT_S)


def test_a_little_less_than_thirty_days_stays(shared):
    ends = in_ms(LIMIT_S) - 5000
    assert read(shared, apply(shared, ends=ends)).ends_ms == ends


def test_giving_out_a_token_changes_nothing(shared):
    before = contents(shared, BUT)
    text = apply(shared)
    assert query(shared, text) is True
    assert contents(shared, BUT) == before


def test_the_first_token_makes_the_key(shared):
    instance = new_instance(shared)
    assert token_key(shared, instance) is None
    assert query(shared, "x", instance) is False
    refused(revoke_reply(shared, "x", instance), WRONG)
    assert token_key(shared, instance) is None, "asking makes none"
    apply(shared, instance=instance)
    key = token_key(shared, instance)
    apply(shared, instance=instance)
    assert len(key) == 32 and token_key(shared, instance) == key
    rows = shared.sql(f"SELECT t.revision, i.revision FROM token_key t JOIN instance i USING (mqtt_instance_id) WHERE "
                      f"mqtt_instance_id = '{instance}'")
    assert rows == [["1", "1"]]
    assert shared.sql(f"SELECT action, resource, before IS NULL, after FROM audit_event WHERE mqtt_instance_id = '{instance}' "
                      "AND action = 'ApplyToken'") == [["ApplyToken", "token-key", "t", '{"Made": true}']]


def test_the_broker_has_the_key_before_the_first_token_is_answered(open_stack):
    s = open_stack(workers=1)
    reply = apply_reply(s)
    answered(reply, "ApplyToken")
    assert reply.headers["x-signet-rollout"] == "applied" and s.status()["applied"] == s.revision() == 1
    assert apply_reply(s).headers["x-signet-rollout"] == "applied", "who comes next must not be faster than the brokers"
    s.sql("UPDATE token_key SET created_at = created_at - interval '1 minute'")
    reply = apply_reply(s)
    answered(reply, "ApplyToken")
    assert "x-signet-rollout" not in reply.headers, "nobody has to wait any more"


def test_a_revoked_token_is_not_valid(shared):
    text, other = apply(shared), apply(shared)
    reply = revoke_reply(shared, text)
    answered(reply, "RevokeToken")
    shared.rolled_out(reply)
    assert query(shared, text) is False and query(shared, other) is True
    token = read(shared, text)
    rows = shared.sql("SELECT floor(extract(epoch FROM expires_at) * 1000)::bigint, revision FROM token_revocation WHERE "
                      f"token_id = '\\x{token.id.hex()}'")
    assert rows == [[str(token.ends_ms), str(shared.revision())]]
    event = shared.sql("SELECT resource, before IS NULL, after->>'AccessKeyId', after->>'ExpireTime' FROM audit_event WHERE action = "
                       "'RevokeToken' ORDER BY id DESC LIMIT 1")
    assert event == [[f"token:{token.id.hex()}", "t", shared.key_id, str(token.ends_ms)]]


def test_revoking_twice_is_revoking_once(shared):
    text = apply(shared)
    revoke(shared, text)
    before = contents(shared, BUT)
    reply = revoke_reply(shared, text)
    answered(reply, "RevokeToken")
    shared.rolled_out(reply)
    assert contents(shared, BUT) == before


def test_revocations_of_tokens_long_ended_are_forgotten(shared):
    shared.sql("INSERT INTO token_revocation SELECT mqtt_instance_id, decode(md5(n::text), 'hex'), now() - age, 0 FROM instance, "
               "(VALUES (1, interval '25 hours'), (2, interval '40 days'), (3, interval '23 hours'), (4, interval '-1 hour')) "
               f"v(n, age) WHERE mqtt_instance_id = '{shared.instance}'")
    shared.sql("UPDATE token_revocation SET revision = 1 WHERE revision = 0")
    revoke(shared, apply(shared))
    left = shared.sql("SELECT n FROM generate_series(1, 4) n JOIN token_revocation ON token_id = decode(md5(n::text), 'hex') "
                      "ORDER BY 1")
    assert left == [["3"], ["4"]], "a broker whose clock is behind still needs those of the last day"


def test_a_deleted_instance_takes_key_and_revocations_along(shared):
    instance = new_instance(shared)
    revoke(shared, apply(shared, instance=instance), instance)
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": instance}), "DeleteInstance")
    for table in ("token_key", "token_revocation"):
        assert shared.sql(f"SELECT count(*) FROM {table} WHERE mqtt_instance_id = '{instance}'") == [["0"]]


def test_no_token_and_no_key_is_written_down(shared):
    text = apply(shared)
    query(shared, text)
    revoke(shared, text)
    refused(revoke_reply(shared, text[:-1]), WRONG)
    shared.api.v1("QueryToken", {"InstanceId": shared.instance, "Token": text}, method="GET")
    shared.api.v1("QueryToken", {"InstanceId": shared.instance, "Token": text}, method="GET", Signature="wrong")
    assert text[:40] not in shared.api_process.text()
    key = token_key(shared)
    found = shared.sql("SELECT count(*) FROM token_key WHERE position('\\x" + key.hex() + "'::bytea IN key_sealed) > 0")
    assert found == [["0"]] and key.hex() not in shared.api_process.text()
    events = shared.sql("SELECT string_agg(to_jsonb(e)::text, '') FROM audit_event e")
    assert text[:40] not in events[0][0] and key.hex() not in events[0][0]


# ---- two API processes ----

@pytest.fixture(scope="module")
def apis(shared):
    second = shared._process("api2", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
    return shared.api, Api(port, shared.key_id, shared.secret)


def at_once(calls):
    """The replies of calls that begin together."""
    replies, gate = [None] * len(calls), threading.Barrier(len(calls))

    def run(n):
        gate.wait()
        replies[n] = calls[n]()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return replies


@pytest.mark.parametrize("turn", range(5))
def test_whoever_comes_first_makes_the_one_key(shared, apis, turn):
    instance = new_instance(shared)
    replies = at_once([lambda api=apis[n % 2]: apply_reply(shared, api=api, instance=instance) for n in range(8)])
    tokens = [answered(r, "ApplyToken")["Token"] for r in replies]
    key = token_key(shared, instance)
    assert len({Token(key, instance, t).id for t in tokens}) == 8, f"all signed with the key that is kept (turn {turn})"
    assert shared.sql(f"SELECT revision FROM instance WHERE mqtt_instance_id = '{instance}'") == [["1"]]


def test_one_revocation_is_one_revision_whoever_asks(shared, apis):
    text, before = apply(shared), shared.revision()
    for reply in at_once([lambda api=apis[n % 2]: revoke_reply(shared, text, api=api) for n in range(8)]):
        answered(reply, "RevokeToken")
    assert shared.revision() == before + 1
    assert query(shared, text) is False


def test_a_token_of_one_process_is_known_to_the_other(shared, apis):
    text = apply(shared, api=apis[1])
    assert query(shared, text) is True
    revoke(shared, text)
    reply = apis[1].v3("QueryToken", {"InstanceId": shared.instance, "Token": text})
    assert answered(reply, "QueryToken")["TokenStatus"] is False


def test_an_access_key_with_the_longest_name_may_ask(shared):
    name = "LTAI" + uuid.uuid4().hex * 4
    shared.add_access_key(name[:128], "n" * 30)
    api = Api(shared.api.port, name[:128], "n" * 30)
    assert read(shared, apply(shared, api=api)).access_key == name[:128]
