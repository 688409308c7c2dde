"""Custom authentication as the API keeps it: identities with their secrets, permissions, the black list."""
import base64
import json
import secrets

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import make_key
from harness.mqtt import Client, connect_packet, password
from test_availability import own_address

BUT = ("broker_node", "request_nonce", "access_key", "access_grant", "audit_event")
USER = {"Username": "pump", "IdentityType": "USER"}
CLIENT = {"Username": "pump", "IdentityType": "CLIENT", "ClientId": "GID_pumps@@@pump-1"}
SECRET = {"Secret": "horseless-5511", "SignMode": "ORIGIN"}
PERMISSION = {"Identity": "pump", "IdentityType": "USER", "Topic": "pumps/+/state", "PermitAction": "PUB_SUB", "Effect": "ALLOW"}
BLACK = {"ClientId": "GID_pumps@@@pump-1"}
RIGHT = {"AddCustomAuthIdentity": {**CLIENT, **SECRET}, "UpdateCustomAuthIdentity": {**CLIENT, **SECRET},
         "DeleteCustomAuthIdentity": CLIENT, "QueryCustomAuthIdentity": {"Size": "10"},
         "AddCustomAuthPermission": PERMISSION, "UpdateCustomAuthPermission": PERMISSION,
         "DeleteCustomAuthPermission": {n: PERMISSION[n] for n in ("Identity", "IdentityType", "Topic")},
         "QueryCustomAuthPermission": {"Size": "10"},
         "AddCustomAuthConnectBlack": BLACK, "DeleteCustomAuthConnectBlack": BLACK, "QueryCustomAuthConnectBlack": {"Size": "10"}}
ADDS = [name for name in RIGHT if name.startswith("Add")]
CHANGES = [name for name in RIGHT if not name.startswith("Query")]
QUERIES = [name for name in RIGHT if name.startswith("Query")]
TABLES = ("custom_identity", "custom_permission", "connect_black")
DONE = {"Code": 200, "Message": "operation success.", "Success": True}


def send(stack, operation, api=None, instance=None, **params):
    params = {n: str(v) for n, v in params.items() if v is not None}
    return (api or stack.api).v3(operation, {"InstanceId": instance or stack.instance, **params})


def done(stack, operation, **params):
    """A change that was made, by a broker too; the revision."""
    reply = send(stack, operation, **params)
    assert answered(reply, operation) == {**DONE, "RequestId": reply.json["RequestId"]}
    stack.rolled_out(reply)
    return stack.revision()


def page(stack, operation, **params):
    got = answered(send(stack, operation, **{"Size": 100, **params}), operation)
    assert (got["Code"], got["Message"], got["Success"]) == tuple(DONE.values())
    return got["Data"]["Results"], got["Data"]["NextToken"]


def listed(stack, operation, **params):
    rows, token = page(stack, operation, **params)
    assert token == ""
    return rows


def marks(stack):
    """(revision, kind, columns of the key)"""
    return [(int(r), k, bytes.fromhex(key).decode().split("\x1f")) for r, k, key in stack.sql(
        "SELECT revision, kind, encode(convert_to(key, 'UTF8'), 'hex') FROM login_removal ORDER BY revision, kind, key")]


@pytest.fixture
def clean(shared):
    """`shared`, whose tables are as empty afterwards as they were before."""
    yield shared
    shared.sql(";".join(f"DELETE FROM {t}" for t in (*TABLES, "login_removal", "parent_topic")))


@pytest.fixture(scope="module")
def theirs(shared):
    """The administrator of another account with an instance."""
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    shared.add_access_key(key_id, secret, 2)
    api = Api(shared.api.port, key_id, secret)
    api.instance = answered(api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    return api


# ---- what is refused: always without a change ----

def refuses(stack, operation, code, status=400, **params):
    before = contents(stack, BUT)
    message = refused(send(stack, operation, **{**RIGHT[operation], **params}), code, status)
    assert contents(stack, BUT) == before
    return message


@pytest.mark.parametrize("operation, name", [(o, n) for o, params in RIGHT.items() for n in params
                                             if (o, n) != ("DeleteCustomAuthIdentity", "ClientId") and
                                             not (o.endswith("Identity") and n == "ClientId")])
def test_what_is_mandatory_is_asked_for(shared, operation, name):
    assert name in refuses(shared, operation, "Missing" + name, **{name: None})
    assert name in refuses(shared, operation, "Missing" + name, **{name: ""})


CONTROL = "a\x1fb"
WRONG = [("Username", v) for v in ("u" * 65, CONTROL)] + \
        [("ClientId", v) for v in ("c" * 65, CONTROL, "\x7f", "\u0085")] + \
        [("IdentityType", v) for v in ("user", "BOTH", "0")] + [("SignMode", v) for v in ("signed", "PLAIN")] + \
        [("Secret", "s" * 257), ("Identity", "i" * 65), ("Identity", CONTROL)] + \
        [("PermitAction", v) for v in ("CONNECT", "pub", "3")] + [("Effect", v) for v in ("allow", "MAYBE")] + \
        [("Size", v) for v in ("0", "101", "-1", "ten")] + [("NextToken", "n" * 4097)] + \
        [("Topic", v) for v in ("t" * 513, "a/#/b", "#/a", "a#", "a/b#", "a+/b", "+a", "a/++", "a/\x01", "a/" * 256)]


@pytest.mark.parametrize("operation, name, value", [(o, n, v) for o, params in RIGHT.items() for n, v in WRONG if n in params
                                                    and not (o in QUERIES and n not in ("Size", "NextToken"))],
                         ids=lambda v: str(v)[:20].encode("unicode_escape").decode())
def test_a_wrong_value_is_named(shared, operation, name, value):
    assert name in refuses(shared, operation, f"InvalidParameter.{name}", **{name: value})


@pytest.mark.parametrize("operation", QUERIES)
@pytest.mark.parametrize("token", ["x", "!!!", "MQ==", base64.b64encode(b"1\x1f2\x1fa\x1fb").decode(),
                                   base64.b64encode(b"1\x1f0\x1fa\x1fb\x1fc").decode(), base64.b64encode(b"1\x1f").decode() + "x",
                                   base64.b64encode(b"2\x1f0\x1fa\x1fb").decode(), base64.b64encode(b"1\x1f\xff").decode(),
                                   base64.b64encode(b"1\x1f0\x1fa\0\x1fb").decode(), base64.b64encode(b"9" * 3000).decode()])
def test_a_token_that_nobody_has_given_is_refused(shared, operation, token):
    assert "NextToken" in refuses(shared, operation, "InvalidParameter.NextToken", NextToken=token)


@pytest.mark.parametrize("operation", ["AddCustomAuthIdentity", "UpdateCustomAuthIdentity", "DeleteCustomAuthIdentity"])
def test_an_identity_of_a_client_needs_its_id(shared, operation):
    for absent in (None, ""):
        assert "CLIENT" in refuses(shared, operation, "InvalidParameter.ClientId", ClientId=absent)


@pytest.mark.parametrize("operation", [o for o in CHANGES if o not in ADDS])
def test_what_is_not_there_cannot_be_changed(clean, operation):
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    name = {"Identity": "ClientId", "Permission": "Topic", "ConnectBlack": "ClientId"}[operation.partition("CustomAuth")[2]]
    assert "there is none" in refuses(clean, operation, f"InvalidParameter.{name}")


def test_what_is_there_is_not_added_with_other_values(clean):
    done(clean, "AddCustomAuthIdentity", **CLIENT, **SECRET)
    done(clean, "AddCustomAuthPermission", **PERMISSION)
    for change in ({"Secret": "another"}, {"SignMode": "SIGNED"}):
        refuses(clean, "AddCustomAuthIdentity", "InvalidParameter.ClientId", **change)
    for change in ({"PermitAction": "PUB"}, {"Effect": "DENY"}):
        refuses(clean, "AddCustomAuthPermission", "InvalidParameter.Topic", **change)
    assert "Username" in refuses(clean, "UpdateCustomAuthIdentity", "InvalidParameter.Username", **USER)


@pytest.mark.parametrize("operation", RIGHT)
def test_an_instance_that_is_not_his_is_nobodys_business(shared, theirs, operation):
    for instance in (theirs.instance, "mqtt-cn-never-was"):
        refuses(shared, operation, "InstancePermissionCheckFailed", instance=instance)


@pytest.mark.parametrize("operation", RIGHT)
def test_a_key_without_the_grant_is_refused(shared, operation):
    level = "read" if operation in CHANGES or operation == "QueryCustomAuthIdentity" else "mq:SendMessage"
    key = make_key(shared.api, f"{level}@{shared.instance}")
    reply = send(shared, operation, key, **RIGHT[operation])
    refused(reply, "Forbidden.RAM", 403)
    assert reply.json["AccessDeniedDetail"]["AuthAction"] == "mq:" + operation


def test_secrets_are_told_over_a_private_line_only(shared):
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address than the loopback's")
    p = shared._process("api-open", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "0.0.0.0:0"}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    from_afar, from_here = (Api(port, shared.key_id, shared.secret, host=host) for host in (address, "127.0.0.1"))
    refused(send(shared, "QueryCustomAuthIdentity", from_afar, Size=1), "InvalidProtocol.NeedSsl", 403)
    answered(send(shared, "QueryCustomAuthPermission", from_afar, Size=1), "QueryCustomAuthPermission")
    answered(send(shared, "QueryCustomAuthIdentity", from_here, Size=1), "QueryCustomAuthIdentity")


def test_each_table_has_as_many_rows_as_it_may(open_stack):
    stack = open_stack(env={"SIGNET_CUSTOM_AUTH_ROWS": 2})
    for n in range(2):
        done(stack, "AddCustomAuthIdentity", **{**USER, "Username": f"u{n}"}, **SECRET)
        done(stack, "AddCustomAuthPermission", **{**PERMISSION, "Topic": f"t{n}"})
        done(stack, "AddCustomAuthConnectBlack", ClientId=f"c{n}")
    for operation in ADDS:
        refuses(stack, operation, "Customauth.over.capacity")
    done(stack, "AddCustomAuthConnectBlack", ClientId="c1")
    done(stack, "UpdateCustomAuthIdentity", **{**USER, "Username": "u1"}, **{**SECRET, "Secret": "another"})
    done(stack, "DeleteCustomAuthConnectBlack", ClientId="c0")
    done(stack, "AddCustomAuthConnectBlack", ClientId="c2")
    other = answered(stack.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    answered(send(stack, "AddCustomAuthConnectBlack", instance=other, **BLACK), "AddCustomAuthConnectBlack")


def test_a_permissions_parent_topic_must_be_there_when_there_are_any(clean):
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Topic": "before/a"})
    clean.sql(f"INSERT INTO parent_topic VALUES ('{clean.instance}', 'Pumps', 0)")
    for topic in ("valves", "valves/1", "pumps1/a", "/pumps", "pumps ", "before/b"):
        assert "parent" in refuses(clean, "AddCustomAuthPermission", "InvalidParameter.Topic", Topic=topic)
    refuses(clean, "UpdateCustomAuthPermission", "InvalidParameter.Topic", Topic="before/a", Effect="DENY")
    for topic in ("pumps", "PUMPS/1/#", "Pumps/+", "+/state", "#", "+"):
        done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Topic": topic})
    done(clean, "DeleteCustomAuthPermission", Identity="pump", IdentityType="USER", Topic="before/a")


# ---- what goes right ----

@pytest.mark.parametrize("identity", [USER, CLIENT], ids=["user", "client"])
@pytest.mark.parametrize("mode", ["ORIGIN", "SIGNED"])
def test_an_identity_is_kept_sealed_and_told_as_it_was_given(clean, identity, mode):
    before = clean.revision()
    given = {**identity, "Secret": "s\u00fc\u00df #\U0001f600'", "SignMode": mode}
    assert done(clean, "AddCustomAuthIdentity", **given) == before + 1
    assert listed(clean, "QueryCustomAuthIdentity") == [{"ClientId": "", **given}]
    row = clean.sql("SELECT identity_type, user_name, client_id, sign_mode, secret_sealed, revision FROM custom_identity")[0]
    assert row[:4] == [str(["USER", "CLIENT"].index(identity["IdentityType"])), "pump", identity.get("ClientId", ""),
                       str(["ORIGIN", "SIGNED"].index(mode))] and int(row[5]) == before + 1
    assert given["Secret"].encode().hex() not in row[4]


def test_the_same_again_changes_nothing(clean):
    for operation in ADDS:
        revision = done(clean, operation, **RIGHT[operation])
        before = contents(clean, BUT), clean.sql("SELECT max(id) FROM audit_event")
        for again in (operation, operation.replace("Add", "Update")):
            if again in RIGHT:
                assert done(clean, again, **RIGHT[operation]) == revision
        assert (contents(clean, BUT), clean.sql("SELECT max(id) FROM audit_event")) == before


def test_the_client_id_of_a_user_is_ignored(clean):
    revision = done(clean, "AddCustomAuthIdentity", **USER, **SECRET, ClientId="GID_a@@@1")
    assert done(clean, "AddCustomAuthIdentity", **USER, **SECRET, ClientId="GID_b@@@2") == revision
    assert [r["ClientId"] for r in listed(clean, "QueryCustomAuthIdentity")] == [""]
    done(clean, "DeleteCustomAuthIdentity", **USER, ClientId="GID_c@@@3")
    assert listed(clean, "QueryCustomAuthIdentity") == []


def test_an_update_takes_the_place_of_what_was_there(clean):
    done(clean, "AddCustomAuthIdentity", **CLIENT, **SECRET)
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    done(clean, "AddCustomAuthPermission", **PERMISSION)
    for change in ({"Secret": "another"}, {"SignMode": "SIGNED"}):
        given = {**CLIENT, **SECRET, **change}
        revision = done(clean, "UpdateCustomAuthIdentity", **given)
        assert listed(clean, "QueryCustomAuthIdentity") == [{"ClientId": "", **USER, **SECRET}, given]
        assert clean.sql("SELECT revision FROM custom_identity WHERE identity_type = 1") == [[str(revision)]]
    for change in ({"PermitAction": "SUB"}, {"Effect": "DENY"}):
        revision = done(clean, "UpdateCustomAuthPermission", **{**PERMISSION, **change})
        assert listed(clean, "QueryCustomAuthPermission") == [{**PERMISSION, **change}]
        assert clean.sql("SELECT revision FROM custom_permission") == [[str(revision)]]


def test_a_secret_that_no_longer_opens_is_replaced(clean):
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    clean.sql("UPDATE custom_identity SET secret_sealed = overlay(secret_sealed PLACING '\\x00' FROM 40)")
    refuses(clean, "AddCustomAuthIdentity", "InvalidParameter.Username", **USER)
    done(clean, "UpdateCustomAuthIdentity", **USER, **SECRET)
    assert listed(clean, "QueryCustomAuthIdentity") == [{"ClientId": "", **USER, **SECRET}]


def test_what_is_deleted_leaves_a_mark_for_brokers_and_may_come_back(clean):
    for n in range(2):
        for operation in ADDS:
            done(clean, operation, **RIGHT[operation])
        wanted = marks(clean) if n else []
        for operation, kind, key in (
                ("DeleteCustomAuthIdentity", "custom_identity", ["1", "pump", "GID_pumps@@@pump-1"]),
                ("DeleteCustomAuthPermission", "custom_permission", ["0", "pump", "pumps/+/state"]),
                ("DeleteCustomAuthConnectBlack", "connect_black", ["GID_pumps@@@pump-1"])):
            wanted.append((done(clean, operation, **RIGHT[operation]), kind, key))
        assert marks(clean) == wanted
        assert [listed(clean, q) for q in QUERIES] == [[], [], []]


def test_the_mark_of_a_user_has_an_empty_client_id(clean):
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    revision = done(clean, "DeleteCustomAuthIdentity", **USER)
    assert marks(clean) == [(revision, "custom_identity", ["0", "pump", ""])]


def test_rows_of_the_longest_names_fit(clean):
    name, topic = "\U0001f600" * 64, "\U0001f600" * 512
    done(clean, "AddCustomAuthIdentity", Username=name, ClientId=name, IdentityType="CLIENT", Secret="\U0001f600" * 256,
         SignMode="SIGNED")
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Identity": name, "Topic": topic})
    done(clean, "AddCustomAuthConnectBlack", ClientId=name)
    assert [len(listed(clean, q)) for q in QUERIES] == [1, 1, 1]
    for operation, params in (("QueryCustomAuthIdentity", {"Username": name, "ClientId": name}),
                              ("QueryCustomAuthPermission", {"Identity": name, "Topic": topic}),
                              ("QueryCustomAuthConnectBlack", {"ClientId": name})):
        assert len(listed(clean, operation, **params)) == 1
    done(clean, "DeleteCustomAuthIdentity", Username=name, ClientId=name, IdentityType="CLIENT")
    done(clean, "DeleteCustomAuthPermission", Identity=name, IdentityType="USER", Topic=topic)
    done(clean, "DeleteCustomAuthConnectBlack", ClientId=name)
    assert len(marks(clean)) == 3


@pytest.mark.parametrize("topic", ["#", "+", "/", "a//b", "+/+/#", "a/+/b/#", "t" * 512, "/".join("a" * 256), "$SYS/#", "\u00fc/\u4e2d"])
def test_any_filter_that_a_broker_would_take_may_be_permitted(clean, topic):
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Topic": topic})
    assert [r["Topic"] for r in listed(clean, "QueryCustomAuthPermission", Topic=topic)] == [topic]


def test_the_black_list_denies_to_connect(clean):
    for n in (3, 1, 2):
        done(clean, "AddCustomAuthConnectBlack", ClientId=f"c{n}")
    assert listed(clean, "QueryCustomAuthConnectBlack") == [
        {"ClientId": f"c{n}", "Effect": "DENY", "PermitAction": "CONNECT"} for n in (1, 2, 3)]
    assert [r["ClientId"] for r in listed(clean, "QueryCustomAuthConnectBlack", ClientId="c2")] == ["c2"]
    assert listed(clean, "QueryCustomAuthConnectBlack", ClientId="c") == []


def test_all_filters_that_are_given_must_fit(clean):
    for user in ("a", "b"):
        done(clean, "AddCustomAuthIdentity", **{**USER, "Username": user}, **SECRET)
        for client in ("c1", "c2"):
            done(clean, "AddCustomAuthIdentity", Username=user, ClientId=client, IdentityType="CLIENT", **SECRET)
            done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Identity": user, "Topic": client})
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Identity": "a", "IdentityType": "CLIENT", "Topic": "c1"})

    def seen(**params):
        return [(r["IdentityType"][0], r["Username"], r["ClientId"]) for r in listed(clean, "QueryCustomAuthIdentity", **params)]

    assert seen() == [("U", "a", ""), ("U", "b", ""), *(("C", u, c) for u in "ab" for c in ("c1", "c2"))]
    assert seen(Username="a") == [("U", "a", ""), ("C", "a", "c1"), ("C", "a", "c2")]
    assert seen(IdentityType="CLIENT", ClientId="c2") == [("C", "a", "c2"), ("C", "b", "c2")]
    assert seen(Username="b", IdentityType="USER") == [("U", "b", "")]
    assert seen(Username="a", IdentityType="USER", ClientId="c1") == [("U", "a", "")]  # as in Add, Update and Delete
    assert len(listed(clean, "QueryCustomAuthPermission", Identity="a")) == 3
    assert len(listed(clean, "QueryCustomAuthPermission", Identity="a", IdentityType="USER", Topic="c1")) == 1


def test_one_identity_has_no_more_permissions_than_a_broker_can_keep(clean):
    longest = "repeat(chr(127744), 508) || lpad(n::text, 4, '0')"  # 512 characters of four bytes, nearly
    clean.sql(f"INSERT INTO custom_permission SELECT '{clean.instance}', 0, 'pump', {longest}, 1, true, 0 FROM generate_series(1, 7999) n")
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Identity": "pump", "Topic": "last"})
    refused(clean.api.v3("AddCustomAuthPermission", {"InstanceId": clean.instance, **PERMISSION, "Identity": "pump", "Topic": "over"}),
            "Customauth.over.capacity")
    done(clean, "AddCustomAuthPermission", **{**PERMISSION, "Identity": "valve", "Topic": "over"})


def test_pages_follow_each_other_whatever_comes_and_goes_meanwhile(clean):
    clean.sql(f"INSERT INTO connect_black SELECT '{clean.instance}', 'c' || lpad(n::text, 4, '0'), 0 FROM generate_series(1, 250) n")
    clean.sql(f"INSERT INTO custom_permission SELECT '{clean.instance}', n % 2, 'i' || n / 10, 't' || n, 1, true, 0"
              " FROM generate_series(1, 250) n")
    for operation, key in (("QueryCustomAuthConnectBlack", ("ClientId",)),
                           ("QueryCustomAuthPermission", ("IdentityType", "Identity", "Topic"))):
        for size in (1, 7, 99, 100):
            seen, token, pages = [], None, 0
            while token != "" and (size > 1 or pages < 20):
                rows, token = page(clean, operation, Size=size, NextToken=token)
                assert len(rows) == size or token == ""
                seen += [tuple(r[k] for k in key) for r in rows]
                pages += 1
            assert len(set(seen)) == len(seen) == (250 if size > 1 else 20)
    first, token = page(clean, "QueryCustomAuthConnectBlack", Size=100)
    clean.sql("DELETE FROM connect_black WHERE client_id IN ('c0007', 'c0100', 'c0101')")
    clean.sql(f"INSERT INTO connect_black VALUES ('{clean.instance}', 'c0000', 0)")
    second, _ = page(clean, "QueryCustomAuthConnectBlack", Size=100, NextToken=token)
    assert first[-1]["ClientId"] == "c0100" and second[0]["ClientId"] == "c0102"


def test_pages_of_identities_end_where_the_rows_do(clean):
    for n in range(4):
        done(clean, "AddCustomAuthIdentity", **{**USER, "Username": f"u{n}"}, **SECRET)
    first, token = page(clean, "QueryCustomAuthIdentity", Size=2)
    second, end = page(clean, "QueryCustomAuthIdentity", Size=2, NextToken=token)
    assert [r["Username"] for r in first + second] == ["u0", "u1", "u2", "u3"] and token and end == ""


def test_two_instances_keep_theirs_apart(clean):
    other = answered(clean.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    for operation in ADDS:
        done(clean, operation, **RIGHT[operation])
    for operation in QUERIES:
        assert answered(send(clean, operation, instance=other, Size=10), operation)["Data"] == {"NextToken": "", "Results": []}
    sealed = clean.sql("SELECT encode(secret_sealed, 'hex') FROM custom_identity")[0][0]
    clean.sql(f"INSERT INTO custom_identity VALUES ('{other}', 1, 'pump', 'GID_pumps@@@pump-1', 0, decode('{sealed}', 'hex'), 0)")
    refused(send(clean, "QueryCustomAuthIdentity", instance=other, Size=10), "InternalError", 500)  # moved: it does not open
    clean.sql(f"DELETE FROM custom_identity WHERE mqtt_instance_id = '{other}'")


def test_every_way_of_sending_is_the_same(clean):
    params = {"InstanceId": clean.instance, **CLIENT, **SECRET}
    ways = [("v1", {"method": "GET"}), ("v1", {}), ("v3", {"method": "GET"}), ("v3", {}), ("v3", {"where": "query"}),
            ("basic", {}), ("basic", {"as_json": True})]
    for scheme, how in ways:
        answered(getattr(clean.api, scheme)("AddCustomAuthIdentity", params, **how), "AddCustomAuthIdentity")
        rows = answered(getattr(clean.api, scheme)("QueryCustomAuthIdentity", {"InstanceId": clean.instance, "Size": "5"}, **how),
                        "QueryCustomAuthIdentity")["Data"]["Results"]
        assert rows == [{**CLIENT, **SECRET}]
        answered(getattr(clean.api, scheme)("DeleteCustomAuthIdentity", {"InstanceId": clean.instance, **CLIENT}, **how),
                 "DeleteCustomAuthIdentity")


def test_a_change_is_in_the_history_and_in_the_trail_without_the_secret(clean):
    def event():
        return [json.loads(v) if n > 2 else v for n, v in enumerate(clean.sql(
            "SELECT action, resource, mqtt_instance_id, coalesce(before::text, 'null'), coalesce(after::text, 'null')"
            " FROM audit_event ORDER BY id DESC LIMIT 1")[0])]

    def summary():
        return clean.sql(f"SELECT summary FROM config_revision WHERE mqtt_instance_id = '{clean.instance}'"
                         " ORDER BY revision DESC LIMIT 1")[0][0]

    who, what = "custom-identity:CLIENT/pump/GID_pumps@@@pump-1", "custom-permission:USER/pump/pumps/+/state"
    right = {"PermitAction": "PUB_SUB", "Effect": "ALLOW"}
    for operation, params, resource, before, after, words in (
            ("AddCustomAuthIdentity", {**CLIENT, **SECRET}, who, None, {"SignMode": "ORIGIN", "NewSecret": True},
             "custom identity GID_pumps@@@pump-1 added"),
            ("UpdateCustomAuthIdentity", {**CLIENT, **SECRET, "SignMode": "SIGNED"}, who, {"SignMode": "ORIGIN", "NewSecret": False},
             {"SignMode": "SIGNED", "NewSecret": False}, "custom identity GID_pumps@@@pump-1 changed"),
            ("UpdateCustomAuthIdentity", {**CLIENT, "SignMode": "SIGNED", "Secret": "horseless-7722"}, who,
             {"SignMode": "SIGNED", "NewSecret": False}, {"SignMode": "SIGNED", "NewSecret": True},
             "custom identity GID_pumps@@@pump-1 changed"),
            ("DeleteCustomAuthIdentity", CLIENT, who, {"SignMode": "SIGNED", "NewSecret": False}, None,
             "custom identity GID_pumps@@@pump-1 deleted"),
            ("AddCustomAuthPermission", PERMISSION, what, None, right, "custom permission of pump added"),
            ("UpdateCustomAuthPermission", {**PERMISSION, "Effect": "DENY"}, what, right, {**right, "Effect": "DENY"},
             "custom permission of pump changed"),
            ("DeleteCustomAuthPermission", RIGHT["DeleteCustomAuthPermission"], what, {**right, "Effect": "DENY"}, None,
             "custom permission of pump deleted"),
            ("AddCustomAuthConnectBlack", BLACK, "connect-black:GID_pumps@@@pump-1", None, {"Effect": "DENY"},
             "custom black list: GID_pumps@@@pump-1 added"),
            ("DeleteCustomAuthConnectBlack", BLACK, "connect-black:GID_pumps@@@pump-1", {"Effect": "DENY"}, None,
             "custom black list: GID_pumps@@@pump-1 deleted")):
        done(clean, operation, **params)
        assert event() == [operation, resource, clean.instance, before, after]
        assert summary() == words
    text = str(clean.sql("SELECT * FROM audit_event")) + str(clean.sql("SELECT * FROM config_revision")) + clean.api_process.text()
    assert "horseless" not in text and b"horseless".hex() not in text


# ---- and what a broker makes of it, at once ----

def login(stack, user, secret, client_id):
    c = Client(stack.tcp_port, client_id, None, tls=False, connect=False)
    c.send(connect_packet(client_id, user, secret))
    _, (_, c.code) = c.receive()
    return c


def test_a_client_gets_in_by_its_identity(clean):
    here, there = "GID_a@@@1", "GID_a@@@2"
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    assert [login(clean, "pump", SECRET["Secret"], c).code for c in (here, there)] == [0, 0]
    assert login(clean, "pump", "another", here).code != 0 and login(clean, "valve", SECRET["Secret"], here).code != 0
    done(clean, "UpdateCustomAuthIdentity", **USER, Secret="another", SignMode="SIGNED")
    assert login(clean, "pump", "another", here).code != 0
    assert login(clean, "pump", password("another", here), here).code == 0
    done(clean, "DeleteCustomAuthIdentity", **USER)
    assert login(clean, "pump", password("another", here), here).code != 0
    done(clean, "AddCustomAuthIdentity", **{**CLIENT, "ClientId": here}, **SECRET)
    assert login(clean, "pump", SECRET["Secret"], here).code == 0 and login(clean, "pump", SECRET["Secret"], there).code != 0


def test_who_is_put_on_the_black_list_is_cut_off_until_it_is_taken_off(clean):
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    c, other = (login(clean, "pump", SECRET["Secret"], f"GID_a@@@{n}") for n in (1, 2))
    done(clean, "AddCustomAuthConnectBlack", ClientId="GID_a@@@1")
    assert c.closed() and login(clean, "pump", SECRET["Secret"], "GID_a@@@1").code != 0
    other.ping()
    done(clean, "DeleteCustomAuthConnectBlack", ClientId="GID_a@@@1")
    assert login(clean, "pump", SECRET["Secret"], "GID_a@@@1").code == 0


def test_a_permission_is_in_force_at_once(clean):
    done(clean, "AddCustomAuthIdentity", **USER, **SECRET)
    c = login(clean, "pump", SECRET["Secret"], "GID_a@@@1")
    assert c.subscribe("pumps/1/state", 1) == 0x80
    done(clean, "AddCustomAuthPermission", **PERMISSION)
    assert c.subscribe("pumps/1/state", 1) == 1
    done(clean, "UpdateCustomAuthPermission", **{**PERMISSION, "Effect": "DENY"})
    assert c.closed()  # it has subscribed to what it may not any more
