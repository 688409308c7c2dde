"""Access keys: made, listed, disabled, rotated, deleted; who may do that to whom; and that an account is never left without
one that may administer it."""
import re
import secrets
import subprocess
import threading
import time

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import grants, listed, make_key, regrant, texts, update
from harness.process import wait_until

ON_A_KEY = ("UpdateAccessKey", "SetAccessKeyGrants", "RotateAccessKey", "DeleteAccessKey")
BUT = ("broker_node", "request_nonce")


@pytest.fixture
def unharmed(shared):
    before = contents(shared, BUT)
    yield
    assert contents(shared, BUT) == before


def events(stack, key_id):
    return stack.sql("SELECT action, before::text, after::text FROM audit_event WHERE resource = 'access-key:" + key_id +
                     "' ORDER BY id")


def together(*calls):
    """All at once; their answers in order."""
    gate, answers = threading.Barrier(len(calls)), [None] * len(calls)

    def run(n):
        gate.wait()
        answers[n] = calls[n]()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert None not in answers
    return answers


class Session:
    """A transaction of one's own, kept open."""

    def __init__(self, stack, *statements):
        self.psql = subprocess.Popen(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", stack.cluster.url(stack.database,
                                                                                                        "signet_owner")],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.run("BEGIN", *statements)

    def run(self, *statements):
        self.psql.stdin.write(";\n".join([*statements, "SELECT 'done'"]) + ";\n")
        self.psql.stdin.flush()
        while self.psql.stdout.readline().strip() != "done":
            assert self.psql.poll() is None

    def commit(self):
        self.run("COMMIT")
        self.psql.stdin.close()
        assert self.psql.wait() == 0
        self.psql.stdout.close()


# ---- what is refused ----

@pytest.mark.parametrize("params, code", [
    ({"Description": "x" * 129}, "InvalidDescription"),
    (grants("Read@*"), "InvalidGrants"), (grants("*@*"), "InvalidGrants"), (grants("mq@*"), "InvalidGrants"),
    (grants("mq:Set-@*"), "InvalidGrants"), (grants("mq:**@*"), "InvalidGrants"), (grants("mq:*Set@*"), "InvalidGrants"),
    (grants("read@a b"), "InvalidGrants"), (grants("read@mqtt-*"), "InvalidGrants"), (grants("read@" + "x" * 65), "InvalidGrants"),
    (grants("mq:" + "x" * 126 + "@*"), "InvalidGrants"), (grants("readwrite@*"), "InvalidGrants"),
    ({"Grants": "admin"}, "InvalidGrants"), ({"Grants.101.Action": "read", "Grants.101.MqttInstanceId": "*"}, "InvalidGrants"),
    ({"Grants.0.Action": "read", "Grants.0.MqttInstanceId": "*"}, "InvalidGrants"),
    ({"Grants.1.Action": "read"}, "InvalidGrants"), ({"Grants.1.MqttInstanceId": "*"}, "InvalidGrants"),
    ({"Grants.2.Action": "read", "Grants.2.MqttInstanceId": "*"}, "InvalidGrants")])
def test_wrong_parameters_are_named(shared, unharmed, params, code):
    assert next(iter(params)).split(".")[0] in refused(shared.api.v3("CreateAccessKey", params), code)


@pytest.mark.parametrize("operation", ON_A_KEY)
def test_a_key_must_be_named_and_be_there(shared, unharmed, operation):
    refused(shared.api.v3(operation), "MissingUserAccessKeyId")
    refused(shared.api.v3(operation, {"UserAccessKeyId": "a b"}), "InvalidUserAccessKeyId")
    refused(shared.api.v3(operation, {"UserAccessKeyId": "LTAInobody"}), "EntityNotExist.User.AccessKey", 404)


def test_a_status_is_active_or_inactive(shared, unharmed):
    refused(shared.api.v3("UpdateAccessKey", {"UserAccessKeyId": shared.key_id, "Status": "inactive"}), "InvalidStatus")


@pytest.fixture(scope="module")
def theirs(shared):
    """The administrator of another account with an instance."""
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    shared.add_access_key(key_id, secret, 77)
    api = Api(shared.api.port, key_id, secret)
    api.instance = answered(api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    return api


@pytest.mark.parametrize("operation", ON_A_KEY)
def test_a_key_of_another_account_cannot_be_told_from_none(shared, theirs, unharmed, operation):
    message = refused(theirs.v3(operation, {"UserAccessKeyId": shared.key_id}), "EntityNotExist.User.AccessKey", 404)
    assert message == refused(theirs.v3(operation, {"UserAccessKeyId": "LTAInobody"}), "EntityNotExist.User.AccessKey", 404)
    assert listed(theirs, shared.key_id) is None


def test_nothing_is_granted_on_another_accounts_instance(shared, theirs, unharmed):
    for params in (grants(f"read@{theirs.instance}"), grants("read@*", "mq:SetSniConfig@mqtt-later", f"admin@{theirs.instance}")):
        assert theirs.instance in refused(shared.api.v3("CreateAccessKey", params), "InvalidGrants")
        refused(shared.api.v3("SetAccessKeyGrants", {"UserAccessKeyId": shared.key_id, **params}), "InvalidGrants")


# ---- the last administrator ----

def test_the_last_administrator_stays(stack):
    weak = ("read@*", "write@*", "ram:*@*", "mq:*@*", "signet:*@*", f"admin@{stack.instance}")
    make_key(stack.api, *weak)  # all of them together are no administrator
    asleep = make_key(stack.api, "admin@*")
    update(stack.api, asleep.key_id, Status="Inactive")
    before = contents(stack, BUT)
    own = {"UserAccessKeyId": stack.key_id}
    for operation, params in (("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {}), ("SetAccessKeyGrants", {}),
                              ("SetAccessKeyGrants", grants(*weak))):
        refused(stack.api.v3(operation, {**own, **params}), "LastAdministrator")
    assert contents(stack, BUT) == before
    update(stack.api, asleep.key_id, Status="Active")
    answered(stack.api.v3("DeleteAccessKey", own), "DeleteAccessKey")
    refused(asleep.v3("DeleteAccessKey", {"UserAccessKeyId": asleep.key_id}), "LastAdministrator")


def test_an_administrator_may_weaken_itself_when_there_is_another(stack):
    other = make_key(stack.api, "admin@*")
    regrant(other, other.key_id, "read@*")
    refused(other.v3("ListAccessKeys"), "Forbidden.RAM", 403)
    answered(stack.api.v3("DeleteAccessKey", {"UserAccessKeyId": other.key_id}), "DeleteAccessKey")


@pytest.mark.parametrize("operation, params", [("UpdateAccessKey", {"Status": "Inactive"}), ("DeleteAccessKey", {}),
                                               ("SetAccessKeyGrants", grants("read@*"))])
def test_two_administrators_who_end_each_other_at_once_do_not_both_succeed(stack, operation, params):
    for _ in range(8):
        other = make_key(stack.api, "admin@*")
        ends = together(lambda: stack.api.v3(operation, {"UserAccessKeyId": other.key_id, **params}),
                        lambda: other.v3(operation, {"UserAccessKeyId": stack.key_id, **params}))
        assert sorted(r.status == 200 for r in ends) == [False, True], ends
        loser, = (r for r in ends if r.status != 200)
        assert loser.code in ("LastAdministrator", "InvalidAccessKeyId.Inactive", "InvalidAccessKeyId.NotFound",
                              "Forbidden.RAM"), loser
        if ends[1].status == 200:
            stack.api = other
            stack.key_id = other.key_id
        assert stack.sql("SELECT count(DISTINCT access_key_id) FROM access_key JOIN access_grant USING (access_key_id) WHERE "
                         "enabled AND action = 'admin' AND mqtt_instance_id = '*'") == [["1"]]


# ---- no way up ----

HELD = "read@mqtt-a mq:SetSniConfig@mqtt-a signet:Get*@* ram:CreateAccessKey@* ram:SetAccessKeyGrants@* ram:UpdateAccessKey@*"


@pytest.fixture(scope="module")
def clerk(shared):
    """May make and change keys, and has little else."""
    return make_key(shared.api, *HELD.split())


@pytest.mark.parametrize("wanted", [
    "admin@*", "write@*", "read@*", "admin@mqtt-a", "write@mqtt-a", "read@mqtt-b", "mq:SetSniConfig@mqtt-b", "mq:SetSniConfig@*",
    "mq:*@mqtt-a", "mq:Set*@mqtt-a", "signet:*@*", "ram:*@*", "ram:DeleteAccessKey@*", "mq:MqttInstanceAccess@mqtt-a",
    "read@mqtt-a admin@*", "ram:CreateAccessKey@* signet:Get*@* mq:GetCaCertificate@mqtt-a"])
def test_who_may_give_keys_gives_no_more_than_he_has(shared, clerk, unharmed, wanted):
    for operation, params in (("CreateAccessKey", {}), ("SetAccessKeyGrants", {"UserAccessKeyId": clerk.key_id}),
                              ("SetAccessKeyGrants", {"UserAccessKeyId": shared.key_id})):
        reply = clerk.v3(operation, {**params, **grants(*wanted.split())})
        message = refused(reply, "Forbidden.RAM", 403)
        action, instance = wanted.split()[-1].split("@")
        assert f"{action} on {instance}" in message
        assert reply.json["AccessDeniedDetail"]["AuthAction"] == action


def test_what_he_has_he_may_give(shared, clerk):
    made = make_key(clerk, "read@mqtt-a", "mq:SetSniConfig@mqtt-a", "signet:GetSniConfig@*", "signet:Get*@mqtt-z",
                    "ram:CreateAccessKey@*")
    regrant(clerk, made.key_id, "read@mqtt-a")
    answered(shared.api.v3("DeleteAccessKey", {"UserAccessKeyId": made.key_id}), "DeleteAccessKey")


def test_who_may_give_keys_does_not_rotate_himself_a_stronger_one(shared, clerk, unharmed):
    stronger = refused(clerk.v3("RotateAccessKey", {"UserAccessKeyId": shared.key_id}), "Forbidden.RAM", 403)
    assert "admin on *" in stronger


def test_a_stronger_key_that_was_disabled_is_not_enabled_again(shared, clerk):
    leaked = make_key(shared.api, "admin@*")
    update(clerk, leaked.key_id, Status="Inactive")  # stopping one is open to all who may update
    refused(leaked.v3("ListInstances"), "InvalidAccessKeyId.Inactive")
    before = contents(shared, BUT)
    refused(clerk.v3("UpdateAccessKey", {"UserAccessKeyId": leaked.key_id, "Status": "Active"}), "Forbidden.RAM", 403)
    assert contents(shared, BUT) == before
    update(clerk, leaked.key_id, Description="leaked")
    assert listed(shared.api, leaked.key_id)["Status"] == "Inactive"
    own = make_key(clerk, "read@mqtt-a")
    update(clerk, own.key_id, Status="Inactive")
    update(clerk, own.key_id, Status="Active")
    for key in (leaked, own):
        answered(shared.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")


@pytest.mark.parametrize("change, code, status", [
    ("UPDATE access_key SET enabled = false WHERE access_key_id = '{}'", "InvalidAccessKeyId.Inactive", 400),
    ("UPDATE access_grant SET action = 'read' WHERE access_key_id = '{}'", "Forbidden.RAM", 403),
    ("DELETE FROM access_key WHERE access_key_id = '{}'", "InvalidAccessKeyId.NotFound", 404)])
def test_a_key_that_loses_its_right_during_a_call_leaves_nothing_behind(stack, change, code, status):
    going = make_key(stack.api, "admin@*")
    before = stack.sql("SELECT count(*) FROM access_key")
    session = Session(stack, "SELECT pg_advisory_xact_lock(719002, hashint8(1))", change.format(going.key_id))
    answers = []
    call = threading.Thread(target=lambda: answers.append(going.v3("CreateAccessKey", grants("admin@*"))))
    call.start()  # it has signed, and waits for its turn
    wait_until(lambda: stack.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"), what="the call to wait")
    session.commit()
    call.join()
    refused(answers[0], code, status)
    made = 1 if code.endswith("NotFound") else 0
    assert int(stack.sql("SELECT count(*) FROM access_key")[0][0]) == int(before[0][0]) - made


# ---- how many ----

def test_an_account_has_a_thousand_keys_however_many_are_made_at_once(stack):
    stack.sql("INSERT INTO access_key (access_key_id, secret_sealed) SELECT 'LTAIfiller' || n, '' FROM generate_series(1, 995) n")
    answers = together(*[lambda: stack.api.v3("CreateAccessKey")] * 16)
    assert sorted(r.status for r in answers) == [200] * 4 + [409] * 12
    for r in answers:
        if r.status == 409:
            refused(r, "LimitExceeded.User.AccessKey", 409)
    assert stack.sql("SELECT count(*) FROM access_key") == [["1000"]]
    refused(stack.api.v3("RotateAccessKey", {"UserAccessKeyId": stack.key_id}), "LimitExceeded.User.AccessKey", 409)
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    stack.add_access_key(key_id, secret, 2)  # another account has a thousand of its own
    make_key(Api(stack.api.port, key_id, secret))


# ---- what goes right ----

def test_a_new_key_is_shown_once_and_works_at_once(shared):
    key = make_key(shared.api, "read@*", Description="CI of team Ä 'x'\n<b>")
    made = key.made
    assert re.fullmatch(r"LTAI5t[A-Za-z0-9]{18}", made["AccessKeyId"])
    assert re.fullmatch(r"[A-Za-z0-9]{30}", made["AccessKeySecret"])
    assert made == {**made, "Status": "Active", "Description": "CI of team Ä 'x'\n<b>", "LastUsedDate": ""}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", made["CreateDate"])
    for scheme in ("v1", "v3", "basic"):
        answered(getattr(key, scheme)("ListInstances"), "ListInstances")
    row = listed(shared.api, made["AccessKeyId"])
    used = row.pop("LastUsedDate")
    assert row == {k: v for k, v in made.items() if k not in ("AccessKeySecret", "LastUsedDate")}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:00Z", used)


def test_a_key_without_grants_signs_and_may_do_nothing(shared):
    key = make_key(shared.api)
    assert key.made["Grants"] == []
    for operation in ("ListInstances", "ListAccessKeys", "CreateAccessKey"):
        refused(key.v3(operation), "Forbidden.RAM", 403)


def test_grants_are_kept_sorted_and_once(shared):
    key = make_key(shared.api, "write@mqtt-b", "read@mqtt-a", "mq:SetSniConfig@*", "write@mqtt-b", "read@mqtt-a")
    assert texts(key.made) == ["mq:SetSniConfig@*", "read@mqtt-a", "write@mqtt-b"]
    assert texts(listed(shared.api, key.key_id)) == texts(key.made)
    changed = regrant(shared.api, key.key_id, "admin@mqtt-later", "read@mqtt-a")["AccessKey"]
    assert texts(changed) == ["read@mqtt-a", "admin@mqtt-later"]
    assert regrant(shared.api, key.key_id)["AccessKey"]["Grants"] == []
    assert listed(shared.api, key.key_id)["Grants"] == []


def test_a_hundred_grants_are_kept(shared):
    wanted = [f"mq:SetSniConfig@{'x' * 56}{n:08}" for n in range(100)]
    key = make_key(shared.api, *wanted)
    assert texts(key.made) == wanted == texts(listed(shared.api, key.key_id))
    assert texts(key.made) == texts(answered(shared.api.v1("RotateAccessKey", {"UserAccessKeyId": key.key_id}),
                                             "RotateAccessKey")["AccessKey"])


def test_what_is_not_given_stays_as_it_is(shared):
    key = make_key(shared.api, "read@*", Description="first")
    assert update(shared.api, key.key_id, Status="Inactive")["AccessKey"] == {
        **{k: v for k, v in key.made.items() if k != "AccessKeySecret"}, "Status": "Inactive"}
    row = update(shared.api, key.key_id, Description="second")["AccessKey"]
    assert (row["Status"], row["Description"], texts(row)) == ("Inactive", "second", ["read@*"])
    row = update(shared.api, key.key_id, Description="", Status="Active")["AccessKey"]
    assert (row["Status"], row["Description"], texts(row)) == ("Active", "", ["read@*"])
    assert texts(regrant(shared.api, key.key_id, "write@*")["AccessKey"]) == ["write@*"]
    longest = "Ä" * 128
    assert update(shared.api, key.key_id, Description=longest)["AccessKey"]["Description"] == longest
    assert listed(shared.api, key.key_id)["Description"] == longest


def test_a_disabled_key_is_refused_until_it_is_enabled(shared):
    key = make_key(shared.api, "read@*")
    update(shared.api, key.key_id, Status="Inactive")
    for scheme in ("v1", "v3", "basic"):
        refused(getattr(key, scheme)("ListInstances"), "InvalidAccessKeyId.Inactive")
    update(shared.api, key.key_id, Status="Active")
    answered(key.v3("ListInstances"), "ListInstances")


def test_rotation_makes_a_second_key_and_leaves_the_first(shared):
    first = make_key(shared.api, "read@*", "mq:SetSniConfig@mqtt-a", Description="rotates")
    before = listed(shared.api, first.key_id)
    made = answered(shared.api.v3("RotateAccessKey", {"UserAccessKeyId": first.key_id}), "RotateAccessKey")["AccessKey"]
    assert made["AccessKeyId"] != first.key_id and made["AccessKeySecret"] != first.secret
    assert made == {**made, "Status": "Active", "Description": "rotates", "Grants": before["Grants"], "LastUsedDate": ""}
    assert listed(shared.api, first.key_id) == before
    for key in (first, Api(shared.api.port, made["AccessKeyId"], made["AccessKeySecret"])):
        answered(key.v3("ListInstances"), "ListInstances")


def test_a_deleted_key_is_gone(shared):
    key = make_key(shared.api, "admin@*")
    answered(shared.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")
    refused(key.v3("ListInstances"), "InvalidAccessKeyId.NotFound", 404)
    assert listed(shared.api, key.key_id) is None
    assert shared.sql(f"SELECT count(*) FROM access_grant WHERE access_key_id = '{key.key_id}'") == [["0"]]
    refused(shared.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "EntityNotExist.User.AccessKey", 404)


def test_a_key_may_end_itself(shared):
    key = make_key(shared.api, "admin@*")
    answered(key.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")
    refused(key.v3("ListInstances"), "InvalidAccessKeyId.NotFound", 404)


def test_keys_are_listed_in_pages_the_oldest_first(stack):
    made = [stack.key_id] + [make_key(stack.api, *grants_of).key_id for grants_of in
                             [(), ("read@*",), ("read@*", "write@mqtt-a"), (), ("mq:*@*",)]]
    got = []
    for page in (1, 2, 3, 4):
        answer = answered(stack.api.v3("ListAccessKeys", {"CurrentPage": str(page), "PageSize": "2"}), "ListAccessKeys")
        assert (answer["TotalCount"], answer["CurrentPage"], answer["PageSize"]) == (6, page, 2)
        got += [row["AccessKeyId"] for row in answer["AccessKeys"]]
    assert got == made
    whole = answered(stack.api.v3("ListAccessKeys"), "ListAccessKeys")
    assert [row["AccessKeyId"] for row in whole["AccessKeys"]] == made and whole["PageSize"] == 100
    for wrong in ("0", "1001", "x"):
        refused(stack.api.v3("ListAccessKeys", {"PageSize": wrong}), "InvalidPageSize")
    refused(stack.api.v3("ListAccessKeys", {"CurrentPage": "0"}), "InvalidCurrentPage")


# ---- the trail, and no secret anywhere ----

def test_each_change_is_in_the_trail_and_what_changes_nothing_is_not(stack):
    key = make_key(stack.api, "read@*", Description="d")
    update(stack.api, key.key_id, Status="Inactive")
    update(stack.api, key.key_id, Status="Inactive", Description="d")
    regrant(stack.api, key.key_id, "read@*")
    regrant(stack.api, key.key_id, "write@mqtt-a", "write@mqtt-a")
    update(stack.api, key.key_id)
    answered(stack.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")
    found = events(stack, key.key_id)
    assert [row[0] for row in found] == ["CreateAccessKey", "UpdateAccessKey", "SetAccessKeyGrants", "DeleteAccessKey"]
    assert found[0][1] == "" and found[-1][2] == ""
    assert '"Status": "Active"' in found[1][1] and '"Status": "Inactive"' in found[1][2]
    assert '"read"' in found[2][1] and '"write"' in found[2][2] and '"read"' not in found[2][2]
    for before, after in zip(found, found[1:]):
        assert before[2] == after[1]
    rotated = answered(stack.api.v3("RotateAccessKey", {"UserAccessKeyId": stack.key_id}), "RotateAccessKey")["AccessKey"]
    assert [row[0] for row in events(stack, rotated["AccessKeyId"])] == ["RotateAccessKey"]
    assert [row[0] for row in events(stack, stack.key_id)] == ["create-access-key"]


def test_the_secret_is_nowhere_but_in_the_answer(stack):
    key = make_key(stack.api, "admin@*")
    rotated = answered(stack.api.v3("RotateAccessKey", {"UserAccessKeyId": key.key_id}), "RotateAccessKey")["AccessKey"]
    shown = [update(stack.api, key.key_id, Description="x"), regrant(stack.api, key.key_id, "read@*"),
             answered(stack.api.v3("ListAccessKeys"), "ListAccessKeys")]
    dump = subprocess.run(["pg_dump", "-d", stack.cluster.url(stack.database, "signet_owner")], stdout=subprocess.PIPE,
                          check=True).stdout
    for secret in (key.secret, rotated["AccessKeySecret"]):
        assert secret.encode() not in dump and secret.encode().hex().encode() not in dump
        assert all(secret not in str(answer) for answer in shown)
        assert all(secret not in text for text in stack.logs().values())
    assert not any("AccessKeySecret" in str(answer) for answer in shown)


# ---- brokers are told, and only those whom it concerns ----

def revisions(stack):
    return dict(stack.sql("SELECT mqtt_instance_id, revision FROM instance"))


def test_only_instances_whose_clients_it_concerns_get_a_revision(stack):
    other = answered(stack.api.v3("CreateInstance", {"MqttInstanceId": "mqtt-other"}), "CreateInstance")["MqttInstanceId"]

    def raised(call):
        before = revisions(stack)
        answer = call()
        after = revisions(stack)
        assert all(int(after[i]) - int(before[i]) in (0, 1) for i in after)
        return answer, {i for i in after if after[i] != before[i]}

    own = stack.instance
    key, both = raised(lambda: make_key(stack.api, "write@*"))
    assert both == {own, other}
    key_id = key.key_id
    for wanted, concerned in ((("write@" + own,), {other}), (("read@*",), {own}), (("mq:SetSniConfig@*",), set()),
                              (("mq:ApplyToken@" + own,), {own}),  # whose tokens clients of it sign in with
                              (("mq:MqttInstanceAccess@" + own, "read@*"), {own}), (("mq:Mqtt*@" + own,), set()),
                              (("admin@" + own, "write@" + other), {own, other}), (("admin@*",), set()), ((), {own, other}),
                              (("write@" + other,), {other})):
        assert raised(lambda w=wanted: regrant(stack.api, key_id, *w))[1] == concerned, wanted
    assert raised(lambda: update(stack.api, key_id, Description="d"))[1] == set()
    assert raised(lambda: update(stack.api, key_id, Status="Inactive"))[1] == {other}
    assert raised(lambda: regrant(stack.api, key_id, "write@" + own))[1] == set()
    assert raised(lambda: update(stack.api, key_id, Status="Active"))[1] == {own}
    assert raised(lambda: stack.api.v3("RotateAccessKey", {"UserAccessKeyId": key_id}))[1] == {own}
    assert raised(lambda: stack.api.v3("DeleteAccessKey", {"UserAccessKeyId": key_id}))[1] == {own}
    history = stack.sql("SELECT summary FROM config_revision WHERE mqtt_instance_id = 'mqtt-other' ORDER BY revision")
    assert [h[0] for h in history] == [f"access key {key_id} {what}" for what in ("created", "changed", "changed", "changed",
                                                                                  "changed", "changed")]


def test_the_answer_waits_until_brokers_know(stack):
    reply = stack.api.v3("CreateAccessKey", grants("write@" + stack.instance))
    key = answered(reply, "CreateAccessKey")["AccessKey"]
    login = (key["AccessKeyId"], key["AccessKeySecret"], stack.instance)
    assert reply.headers["x-signet-rollout"] == "applied"
    assert stack.client("GID_k@@@1", tls=False, login=login).code == 0
    reply = stack.api.v3("UpdateAccessKey", {"UserAccessKeyId": login[0], "Status": "Active"})  # as it is already
    assert reply.headers["x-signet-rollout"] == "applied"
    reply = stack.api.v3("UpdateAccessKey", {"UserAccessKeyId": login[0], "Status": "Inactive"})
    assert reply.headers["x-signet-rollout"] == "applied"
    assert stack.client("GID_k@@@2", tls=False, login=login).code == 4
    assert "x-signet-rollout" not in stack.api.v3("CreateAccessKey", grants("read@*")).headers


def test_two_processes_refuse_a_disabled_key_at_once(stack):
    second = stack._process("api-two", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"}).start()
    port = int(second.logged(r"listening=[^ ]*:(\d+)").group(1))
    for _ in range(5):
        key = make_key(stack.api, "read@*")
        ends = (key, Api(port, key.key_id, key.secret))
        for api in ends:
            answered(api.v3("ListInstances"), "ListInstances")
        regrant(stack.api, key.key_id, "mq:SetSniConfig@*")
        for api in ends:
            refused(api.v3("ListInstances"), "Forbidden.RAM", 403)
        update(stack.api, key.key_id, Status="Inactive")
        for api in ends:
            refused(api.v3("ListInstances"), "InvalidAccessKeyId.Inactive")


# ---- when it was last used ----

def test_its_use_is_noted_once_a_minute_by_one_of_many(stack):
    key = make_key(stack.api, "read@*")
    stack.sql("CREATE TABLE noted (at timestamptz); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
              "INSERT INTO noted VALUES (now()); RETURN NEW; END $$; CREATE TRIGGER note AFTER UPDATE ON access_key FOR EACH ROW "
              f"WHEN (NEW.access_key_id = '{key.key_id}') EXECUTE FUNCTION note(); GRANT ALL ON noted TO signet_api")
    assert listed(stack.api, key.key_id)["LastUsedDate"] == ""
    for r in together(*[lambda: key.v3("ListInstances")] * 64):
        answered(r, "ListInstances")
    assert stack.sql("SELECT count(*) FROM noted") == [["1"]]
    stack.sql(f"UPDATE access_key SET last_used_at = '2024-02-29 23:59:59' WHERE access_key_id = '{key.key_id}'; DELETE FROM noted")
    assert listed(stack.api, key.key_id)["LastUsedDate"] == "2024-02-29T23:59:00Z"
    for r in together(*[lambda: key.v1("ListInstances")] * 16):
        answered(r, "ListInstances")
    assert stack.sql("SELECT count(*) FROM noted") == [["1"]]
    assert listed(stack.api, key.key_id)["LastUsedDate"][:4] != "2024"


def test_nobody_waits_for_the_note(stack):
    key = make_key(stack.api, "read@*")
    session = Session(stack, f"SELECT 1 FROM access_key WHERE access_key_id = '{key.key_id}' FOR UPDATE")
    began = time.monotonic()
    answered(key.v3("ListInstances"), "ListInstances")
    assert time.monotonic() - began < 10  # the statement time-out is 30 s
    session.commit()
    assert listed(stack.api, key.key_id)["LastUsedDate"] == ""


def test_a_refused_signature_is_no_use(shared):
    key = make_key(shared.api, "read@*")
    refused(Api(key.port, key.key_id, "wrong").v3("ListInstances"), "SignatureDoesNotMatch")
    assert listed(shared.api, key.key_id)["LastUsedDate"] == ""


# ---- security tokens ----

@pytest.mark.parametrize("key_id", ["STS.NUgYrLnoC37mZZCNnAb", "STS."])
@pytest.mark.parametrize("scheme", ["v1", "v3", "basic"])
def test_temporary_access_keys_are_refused_and_it_says_what_to_do(shared, unharmed, scheme, key_id):
    message = refused(getattr(Api(shared.api.port, key_id, "secret"), scheme)("ListInstances"), "InvalidSecurityToken.Unsupported")
    assert "CreateAccessKey" in message and key_id not in message


@pytest.mark.parametrize("scheme", ["v1", "v3", "basic"])
def test_a_token_beside_a_good_key_is_refused_too(shared, unharmed, scheme):
    reply = getattr(shared.api, scheme)("ListInstances", {"SecurityToken": "CAISgQ..."})
    assert "CreateAccessKey" in refused(reply, "InvalidSecurityToken.Unsupported")
    assert "CAISgQ" not in reply.message


# ---- the operator's way ----

def run_create(stack, *arguments, lines="LTAIoperator\nsecret\n"):
    return subprocess.run([stack.binaries / "signet-api", "--create-access-key", *arguments], input=lines, text=True,
                          env={k: str(v) for k, v in stack.api_env.items()}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)


@pytest.mark.parametrize("account", ["0", "-1", "+1", "01", "1 ", " 1", "1e3", "0x1", "", "x", "9223372036854775808",
                                     "99999999999999999999", "1.0"])
def test_an_account_is_a_whole_number(shared, unharmed, account):
    done = run_create(shared, account)
    assert done.returncode == 2 and "account" in done.stdout
    assert run_create(shared, "1", "2").returncode == 2


def test_the_operator_gives_a_key_to_an_account(stack):
    for account in ("1", "2", "9223372036854775807"):
        key_id = f"LTAIof{account}"
        done = run_create(stack, account, lines=f"{key_id}\nsecret\n")
        assert done.returncode == 0, done.stdout
        assert stack.sql(f"SELECT account_id FROM access_key WHERE access_key_id = '{key_id}'") == [[account]]
        row = listed(Api(stack.api.port, key_id, "secret"), key_id)
        assert texts(row) == ["admin@*"] and row["Status"] == "Active"
    assert "[<account>]" in subprocess.run([stack.binaries / "signet-api", "--help"], stdout=subprocess.PIPE, text=True,
                                           check=True).stdout


def test_a_key_that_another_account_gets_at_the_same_moment_stays_there(stack):
    """Nobody has the key yet, so the two do not wait for each other's account."""
    other = Session(stack, "INSERT INTO access_key (access_key_id, account_id, secret_sealed) VALUES ('LTAIsame', 2, '\\x00')")
    results = []
    put = threading.Thread(target=lambda: results.append(run_create(stack, "3", lines="LTAIsame\nsecret\n")))
    put.start()
    wait_until(lambda: stack.sql("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"),
               what="the command to wait")
    other.commit()
    put.join()
    assert results[0].returncode != 0 and "exists already" in results[0].stdout
    assert stack.sql("SELECT account_id FROM access_key WHERE access_key_id = 'LTAIsame'") == [["2"]]
    assert events(stack, "LTAIsame") == []


def test_another_account_does_not_get_to_read_what_was_said_of_the_key(stack):
    key = make_key(stack.api, "read@*")
    update(stack.api, key.key_id, Description="of Alice, plant 7")
    assert run_create(stack, lines=f"{key.key_id}\nnew secret\n").returncode == 0
    assert listed(stack.api, key.key_id)["Description"] == "of Alice, plant 7"
    assert run_create(stack, "5", lines=f"{key.key_id}\nnew secret\n").returncode == 0
    row = listed(Api(stack.api.port, key.key_id, "new secret"), key.key_id)
    assert row["Description"] == ""
    assert "Alice" not in str(stack.sql("SELECT before, after FROM audit_event WHERE account_id = 5"))


def test_the_operator_may_make_a_key_an_administrator_again_or_another_accounts(stack):
    key = make_key(stack.api, "read@mqtt-a")
    update(stack.api, key.key_id, Status="Inactive")
    assert run_create(stack, lines=f"{key.key_id}\nnew secret\n").returncode == 0
    again = Api(stack.api.port, key.key_id, "new secret")
    assert texts(listed(again, key.key_id)) == ["admin@*"]
    login = (key.key_id, "new secret", stack.instance)
    wait_until(lambda: stack.client("GID_o@@@1", tls=False, login=login).code == 0, what="the broker to know it")
    assert run_create(stack, "5", lines=f"{key.key_id}\nnew secret\n").returncode == 0
    wait_until(lambda: stack.client("GID_o@@@2", tls=False, login=login).code == 4, what="the broker to forget it")
    assert listed(stack.api, key.key_id) is None and listed(again, key.key_id)
    assert stack.sql(f"SELECT account_id, before IS NULL, after IS NULL FROM audit_event WHERE resource = "
                     f"'access-key:{key.key_id}' AND action = 'create-access-key' ORDER BY id") == [
        ["1", "f", "f"], ["1", "f", "t"], ["5", "t", "f"]]
