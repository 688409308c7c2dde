"""What an access key may do, for every operation of the OpenAPI documents: by its action, by a level, on an instance; and that
nobody without a grant learns anything. The documents are read here, so an operation that is added is tested with them."""
import json
import secrets
import uuid

import pytest
from harness.api import Api
from harness.expect import answered, contents, refused
from harness.keys import grants, make_key, regrant
from harness.process import ROOT

LEVELS = ["read", "write", "admin"]
ELSEWHERE = "mqtt-cn-elsewhere"


class Operation:
    def __init__(self, path, item):
        _, self.version, self.name = path.split("/")
        grant = item["x-signet-grant"]
        self.action, self.level, self.scope, self.denied = (grant[k] for k in ("action", "level", "scope", "denied"))
        self.may_be_gone = grant.get("mayBeGone", False)
        self.instance = grant.get("instance", "MqttInstanceId")  # the parameter that names the instance
        self.absent = grant.get("absent", "MqttInstanceNotFound")
        self.foreign = grant.get("foreign", "MqttOwnerCheckError")
        self.http = {e["code"]: e["http"] for e in item["x-signet-errors"]}
        self.status = self.http[self.denied]
        self.parameters = {p["name"]: p for p in item["parameters"]}
        self.on_instance = self.instance in self.parameters and self.scope in ("instance", "given")

    def call(self, api, instance=None):
        """With values that are valid, so that only the grant is in question; what they name is not there."""
        params = {name + ".1" * (p["schema"]["type"] == "array"): str(p.get("example", 1))
                  for name, p in self.parameters.items() if p.get("required")}
        if self.on_instance:
            params[self.instance] = instance
        return api.v3(self.name, params, version=self.version)


OPERATIONS = [Operation(path, item) for file in sorted((ROOT / "openapi").glob("*.json"))
              for path, item in json.loads(file.read_text())["paths"].items()]
ACTIONS = sorted({o.action for o in OPERATIONS})
every_operation = pytest.mark.parametrize("op", OPERATIONS, ids=lambda o: o.name)
of_an_instance = pytest.mark.parametrize("op", [o for o in OPERATIONS if o.on_instance], ids=lambda o: o.name)
of_the_account = pytest.mark.parametrize("op", [o for o in OPERATIONS if o.scope in ("account", "given")], ids=lambda o: o.name)


@pytest.fixture(scope="module")
def key(shared):
    """A key that is given other grants all the time."""
    yield make_key(shared.api)
    assert "undocumented answer" not in shared.api_process.text()


@pytest.fixture
def instance(shared):
    """One that nobody serves and that may be spoilt."""
    name = "mqtt-cn-" + uuid.uuid4().hex[:12]
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": name}), "CreateInstance")
    return name


def allowed(reply, op):
    """Whatever came of it, it was not for want of a grant."""
    assert reply.status < 500 and "AccessDeniedDetail" not in reply.json and reply.code != op.denied, reply


def denied(reply, op):
    refused(reply, op.denied, op.status)
    detail = reply.json["AccessDeniedDetail"]
    assert detail["AuthAction"] == op.action and detail["NoPermissionType"] == "ImplicitDeny", reply
    assert set(detail) == {"AuthAction", "AuthPrincipalDisplayName", "AuthPrincipalOwnerId", "AuthPrincipalType",
                           "EncodedDiagnosticMessage", "NoPermissionType", "PolicyType"}


def where(op, instance):
    return instance if op.on_instance else "*"


def test_the_documents_have_every_operation():
    assert len(OPERATIONS) >= 38 and len({o.name for o in OPERATIONS}) == len(OPERATIONS)


@every_operation
def test_without_a_grant_it_is_denied_and_changes_nothing(shared, key, instance, op):
    regrant(shared.api, key.key_id)
    before = contents(shared, ("broker_node", "request_nonce"))
    denied(op.call(key, instance), op)
    assert contents(shared, ("broker_node", "request_nonce")) == before


@every_operation
def test_its_own_action_is_enough(shared, key, instance, op):
    regrant(shared.api, key.key_id, f"{op.action}@{where(op, instance)}")
    allowed(op.call(key, instance), op)


@every_operation
def test_all_other_actions_are_not(shared, key, instance, op):
    others = [a for a in ACTIONS if a != op.action]
    for place in ("*", instance):  # a key has no room for both
        regrant(shared.api, key.key_id, *(f"{a}@{place}" for a in others))
        denied(op.call(key, instance), op)


@every_operation
def test_a_level_is_enough_when_it_is_as_high(shared, key, instance, op):
    for level in LEVELS:
        regrant(shared.api, key.key_id, f"{level}@{where(op, instance)}")
        reply = op.call(key, instance)
        if LEVELS.index(level) < LEVELS.index(op.level):
            denied(reply, op)
        else:
            allowed(reply, op)
            break


@every_operation
def test_a_beginning_of_its_action_is_enough_and_another_is_not(shared, key, instance, op):
    product, name = op.action.split(":")
    regrant(shared.api, key.key_id, *(f"{a}@*" for a in (f"{product}:X{name}*", f"{product}:{name}X*", f"{product}x:*", "x:*")))
    denied(op.call(key, instance), op)
    regrant(shared.api, key.key_id, f"{product}:{name[:3]}*@{where(op, instance)}")
    allowed(op.call(key, instance), op)


@of_an_instance
def test_a_grant_on_another_instance_is_no_grant(shared, key, instance, op):
    regrant(shared.api, key.key_id, f"{op.action}@{ELSEWHERE}", f"admin@{ELSEWHERE}")
    denied(op.call(key, instance), op)


@of_an_instance
def test_a_grant_on_all_instances_is_one_on_each(shared, key, instance, op):
    regrant(shared.api, key.key_id, f"{op.action}@*")
    allowed(op.call(key, instance), op)


@of_the_account
def test_what_is_the_accounts_needs_a_grant_on_all(shared, key, instance, op):
    """Also an operation that may be given an instance, when it is not."""
    regrant(shared.api, key.key_id, f"{op.action}@{instance}", f"admin@{instance}", f"admin@{shared.instance}")
    denied(key.v3(op.name, {n: str(p.get("example", 1)) for n, p in op.parameters.items() if p.get("required")},
                  version=op.version), op)


@pytest.mark.parametrize("scheme", ["v1", "v3", "basic"])
def test_each_way_of_signing_is_asked_for_grants(shared, key, scheme):
    regrant(shared.api, key.key_id, "mq:SetSniConfig@*")
    reply = getattr(key, scheme)("ListInstances")
    refused(reply, "Forbidden.RAM", 403)
    assert reply.json["AccessDeniedDetail"]["AuthAction"] == "mq:ListMqttInstance"
    xml = key.v3("ListInstances", {"Format": "XML"})
    assert xml.status == 403 and b"<AuthAction>mq:ListMqttInstance</AuthAction>" in xml.body


# ---- which instances there are ----

@pytest.fixture(scope="module")
def theirs(shared):
    """The administrator of another account with an instance."""
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    shared.add_access_key(key_id, secret, 2)
    api = Api(shared.api.port, key_id, secret)
    api.instance = answered(api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    return api


@pytest.fixture(scope="module")
def standard(shared):
    made = answered(shared.api.v3("CreateInstance", {"Edition": "standard"}), "CreateInstance")
    return made["MqttInstanceId"]


@of_an_instance
def test_who_has_no_grant_does_not_learn_which_instances_there_are(shared, key, theirs, standard, op):
    regrant(shared.api, key.key_id, f"admin@{ELSEWHERE}")
    seen = set()
    for name in (shared.instance, standard, theirs.instance, "mqtt-cn-never-was"):
        reply = op.call(key, name)
        denied(reply, op)
        seen.add(json.dumps({k: v for k, v in reply.json.items() if k != "RequestId"}))
    assert len(seen) == 1


@of_an_instance
def test_who_has_one_is_told_whether_it_is_not_there_or_not_his(shared, key, theirs, op):
    regrant(shared.api, key.key_id, f"{op.action}@*")
    if op.may_be_gone:
        answered(op.call(key, "mqtt-cn-never-was"), op.name)
    else:
        refused(op.call(key, "mqtt-cn-never-was"), op.absent, op.http[op.absent])
    refused(op.call(key, theirs.instance), op.foreign, op.http[op.foreign])


def test_a_grant_may_come_before_its_instance(shared, key):
    name = "mqtt-cn-" + uuid.uuid4().hex[:12]
    regrant(shared.api, key.key_id, f"read@{name}")
    refused(key.v3("DescribeInstance", {"MqttInstanceId": name}), "MqttInstanceNotFound")
    answered(shared.api.v3("CreateInstance", {"MqttInstanceId": name}), "CreateInstance")
    answered(key.v3("DescribeInstance", {"MqttInstanceId": name}), "DescribeInstance")


def test_a_grant_on_what_became_another_accounts_is_worth_nothing(shared, key, theirs):
    name = "mqtt-cn-" + uuid.uuid4().hex[:12]
    regrant(shared.api, key.key_id, f"admin@{name}")
    answered(theirs.v3("CreateInstance", {"MqttInstanceId": name}), "CreateInstance")
    refused(key.v3("DescribeInstance", {"MqttInstanceId": name}), "MqttOwnerCheckError", 403)
    got = answered(key.v3("ListInstances"), "ListInstances")["Instances"]
    assert got == []


def test_the_list_of_instances_shows_those_that_are_granted(shared, key):
    made = [answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"] for _ in range(3)]

    def seen(*wanted):
        regrant(shared.api, key.key_id, *wanted)
        return {row["InstanceId"] for row in answered(key.v3("ListInstances"), "ListInstances")["Instances"]}

    assert seen(f"read@{made[0]}") == {made[0]}
    assert seen(f"mq:ListMqttInstance@{made[1]}", f"write@{made[2]}", f"mq:SetSniConfig@{made[0]}") == set(made[1:])
    assert seen(f"mq:List*@{made[1]}", f"read@{ELSEWHERE}") == {made[1]}
    assert seen("read@*") >= {shared.instance, *made}


# ---- the key of a CI job ----

def test_a_ci_key_sets_the_domains_of_its_instance_and_nothing_else(stack, authority):
    other = answered(stack.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    cert = stack.upload(authority.issue("ci.example.com"))
    ci = make_key(stack.api, f"mq:SetSniConfig@{stack.instance}", Description="CI")
    params = {"DefaultCertificate": cert, "SniConfig": f"ci.example.com#{cert}"}
    for operation, more, code, status in (
            ("SetSniConfig", {"MqttInstanceId": other, **params}, "Forbidden.RAM", 403),
            ("SetSniConfig", {"MqttInstanceId": "mqtt-cn-never-was", **params}, "Forbidden.RAM", 403),
            ("DescribeInstance", {"MqttInstanceId": other}, "Forbidden.RAM", 403),
            ("DescribeInstance", {"MqttInstanceId": stack.instance}, "Forbidden.RAM", 403),
            ("GetSniConfig", {"MqttInstanceId": stack.instance}, "Forbidden.RAM", 403),
            ("DeleteInstance", {"MqttInstanceId": stack.instance}, "Forbidden.RAM", 403),
            ("ListInstances", {}, "Forbidden.RAM", 403), ("CreateAccessKey", grants("admin@*"), "Forbidden.RAM", 403),
            ("SetAccessKeyGrants", {"UserAccessKeyId": ci.key_id, **grants("admin@*")}, "Forbidden.RAM", 403)):
        refused(ci.v3(operation, more), code, status)
    refused(ci.v3("UploadUserCertificate", {"Name": "mine", "Cert": "c", "Key": "k"}, version="2020-04-07"), "PermissionDenied")
    reply = ci.v3("SetSniConfig", {"MqttInstanceId": stack.instance, **params})
    answered(reply, "SetSniConfig")
    stack.rolled_out(reply)
    who = stack.sql("SELECT access_key_id FROM config_revision WHERE action = 'SetSniConfig'")
    assert who == [[ci.key_id]]
    assert stack.client("GID_c@@@i", tls=False, login=(ci.key_id, ci.secret, stack.instance)).code == 4, "no MQTT client either"
