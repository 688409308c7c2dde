"""ListAuditEvents: who changed what, when, from where, what it was and what it is; and never a secret."""
import json
import time

import pytest
from harness import ca as registry
from harness.api import CAS, Api
from harness.crls import crl
from harness.expect import answered, contents, refused
from harness.keys import grants, make_key
from harness.process import ROOT

PASSWORD = "horseless#secret"
BUT = ("broker_node", "request_nonce")


def events(stack, api=None, **params):
    return answered((api or stack.api).v3("ListAuditEvents", {k: str(v) for k, v in params.items()}), "ListAuditEvents")


def newest(stack, **params):
    return events(stack, PageSize=1, **params)["Events"][0]


def all_of(stack, size=7, **params):
    """Every event, page after page; no page but the last is short, no event comes twice."""
    found, before = [], {}
    while True:
        page = events(stack, PageSize=size, **before, **params)
        found += page["Events"]
        if page["NextEventId"] == 0:
            break
        assert len(page["Events"]) == size and page["NextEventId"] == found[-1]["EventId"]
        before = {"BeforeEventId": page["NextEventId"]}
    ids = [e["EventId"] for e in found]
    assert ids == sorted(set(ids), reverse=True)
    return found


@pytest.fixture(scope="module")
def made(shared, authority):
    """Two plain certificates and an encrypted one."""
    return (shared.upload(authority.issue("a.example.com")), shared.upload(authority.issue("b.example.com")),
            shared.upload(authority.issue("e.example.com", password=PASSWORD)))


# ---- what must not be there ----

@pytest.mark.parametrize("params, code", [
    ({"MqttInstanceId": "a/b"}, "InvalidMqttInstanceId"),
    ({"EventAction": "a b"}, "InvalidEventAction"), ({"UserAccessKeyId": "a b"}, "InvalidUserAccessKeyId"),
    ({"StartTime": "-1"}, "InvalidStartTime"), ({"EndTime": "soon"}, "InvalidEndTime"),
    ({"BeforeEventId": "0"}, "InvalidBeforeEventId"), ({"PageSize": "0"}, "InvalidPageSize"),
    ({"PageSize": "1001"}, "InvalidPageSize")])
def test_bad_parameters_are_named(shared, params, code):
    assert next(iter(params)) in refused(shared.api.v3("ListAuditEvents", params), code)


def test_what_changes_nothing_leaves_no_event(shared, made):
    a, b, e = made
    shared.set_sni(a, f"stays.example.com#{b}")
    before = contents(shared, BUT)
    shared.set_sni(a, f"stays.example.com#{b}")
    refused(shared.set_sni(a, "no-hash"), "InvalidSniConfig")
    refused(shared.set_sni(a, f"e.example.com#{e}#wrong"), "InvalidSniConfig")
    asked = {"MqttInstanceId": shared.instance, "DefaultCertificate": b, "SniConfig": "", "DryRun": "true"}
    answered(shared.api.v3("SetSniConfig", asked), "SetSniConfig")
    refused(shared.api.v3("RollbackConfig", {"MqttInstanceId": shared.instance, "Revision": "999"}), "RevisionNotFound")
    answered(shared.api.v3("RollbackConfig", {"MqttInstanceId": shared.instance, "Revision": str(shared.revision())}),
             "RollbackConfig")
    answered(shared.api.v3("RollbackConfig", {"MqttInstanceId": shared.instance, "Revision": "0", "DryRun": "true"}),
             "RollbackConfig")
    events(shared)
    assert contents(shared, BUT) == before


def test_only_who_administers_may_look(shared):
    reader, writer = make_key(shared.api, "read@*"), make_key(shared.api, "write@*")
    local = make_key(shared.api, f"admin@{shared.instance}")
    for api in (reader, writer, local):
        refused(api.v3("ListAuditEvents"), "Forbidden.RAM", 403)
    for api in (reader, writer):
        refused(api.v3("ListAuditEvents", {"MqttInstanceId": shared.instance}), "Forbidden.RAM", 403)
    seen = events(shared, local, MqttInstanceId=shared.instance)["Events"]
    assert seen and {e["MqttInstanceId"] for e in seen} == {shared.instance}


def test_another_account_sees_nothing(shared, made):
    shared.add_access_key("LTAIstranger", "a-secret-of-theirs", 7)
    stranger = Api(shared.api.port, "LTAIstranger", "a-secret-of-theirs")
    assert {e["Action"] for e in events(shared, stranger)["Events"]} <= {"create-access-key"}  # which made theirs
    refused(stranger.v3("ListAuditEvents", {"MqttInstanceId": shared.instance}), "MqttOwnerCheckError", 403)


def test_no_secret_is_ever_written(shared, made, authority):
    a, _, e = made
    key = make_key(shared.api, "read@*")
    answered(shared.set_sni(a, f"e.example.com#{e}#{PASSWORD}"), "SetSniConfig")
    answered(shared.set_sni(a, ""), "SetSniConfig")
    text = str(shared.sql("SELECT * FROM audit_event")) + str(events(shared, PageSize=1000))
    assert "sni-config" in text
    for secret in (PASSWORD, PASSWORD.split("#")[0], shared.secret, key.secret, "PRIVATE KEY"):
        assert secret not in text


# ---- what must be there ----

def test_an_event_says_who_what_when_from_where_and_by_which_request(shared, made):
    a, b, e = made
    answered(shared.set_sni(a, f"one.example.com#{a};two.example.com#{a};gone.example.com#{b}"), "SetSniConfig")
    key = make_key(shared.api, f"write@{shared.instance}")
    before, began = shared.revision(), time.time() * 1000
    reply = key.v3("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": b,
                                    "SniConfig": f"one.example.com#{a};two.example.com#{b};new.example.com#{e}#{PASSWORD}"})
    got = newest(shared)
    assert began - 1000 < got["Time"] < time.time() * 1000 + 1000
    assert got == {
        "EventId": got["EventId"], "Time": got["Time"], "Action": "SetSniConfig", "AccessKeyId": key.key_id,
        "SourceIp": "127.0.0.1", "RequestId": reply.json["RequestId"], "MqttInstanceId": shared.instance,
        "Resource": "sni-config",
        "Before": {"Revision": before, "DefaultCertificate": a, "Domains": 3, "Changes": [
            {"Domain": "gone.example.com", "CertIdentifier": b}, {"Domain": "two.example.com", "CertIdentifier": a}]},
        "After": {"Revision": before + 1, "DefaultCertificate": b, "Domains": 3, "Changes": [
            {"Domain": "new.example.com", "CertIdentifier": e}, {"Domain": "two.example.com", "CertIdentifier": b}]}}


# For administrators and those who may write, and change nothing.
LOOKS_ONLY = {"ListAccessKeys", "ListAuditEvents", "QueryCustomAuthIdentity", "GetDeviceCredential", "SendMessage"}
HANDS_OUT = {"GetRegisterCode"}                     # its row is used up by RegisterCaCertificate, which is an event


def changing_operations():
    for file in (ROOT / "openapi").glob("*.json"):
        for path, item in json.loads(file.read_text())["paths"].items():
            if item["x-signet-grant"]["level"] != "read":
                yield path.rsplit("/")[-1]


def test_no_change_is_without_its_event(open_stack, authority, tmp_path):
    s = open_stack()
    instance = {"MqttInstanceId": s.instance}
    done = {}

    def call(operation, **params):
        reply = s.api.v3(operation, params, version=CAS if operation.endswith("UserCertificate") else "2020-04-20")
        done[operation] = answered(reply, operation)
        return done[operation]

    certificate = authority.issue("a.example.com")
    certs = [str(call("UploadUserCertificate", Name=f"n{n}", Cert=certificate.chain, Key=certificate.key)["CertId"])
             for n in range(2)]
    call("DeleteUserCertificate", CertId=certs[1])
    call("SetSniConfig", **instance, DefaultCertificate=certs[0], SniConfig=f"a.example.com#{certs[0]}")
    call("RollbackConfig", **instance, Revision="0")
    call("SetAuthenticationMode", **instance, Mode="one-way", ServerCertificate=certs[0])
    ca = registry.Ca(tmp_path)
    sn = call("RegisterCaCertificate", **instance, CaName="ca", CaContent=ca.crt,
              VerificationContent=ca.verification(call("GetRegisterCode", **instance)["RegisterCode"]))["Sn"]
    s.sql(f"SELECT device_register('{s.instance}', (SELECT id FROM ca_certificate), '{{10}}', ARRAY[sha256('x')], "
          "ARRAY['\\x00'::bytea], '{d}', ARRAY[now()], ARRAY[now()])", "signet_broker")
    for verb in ("Inactivate", "Active"):
        call(f"{verb}CaCertificate", **instance, Sn=sn)
        call(f"{verb}DeviceCertificate", **instance, CaSn=sn, DeviceSn="10")
    call("UploadCaCrl", **instance, CaSn=sn, CrlContent=crl(ca))
    call("DeleteCaCrl", **instance, CaSn=sn)
    call("DeleteDeviceCertificate", **instance, CaSn=sn, DeviceSn="10")
    call("DeleteCaCertificate", **instance, Sn=sn)
    key = call("CreateAccessKey", **grants("read@*"))["AccessKey"]["AccessKeyId"]
    call("UpdateAccessKey", UserAccessKeyId=key, Status="Inactive")
    call("SetAccessKeyGrants", UserAccessKeyId=key, **grants("write@*"))
    call("RotateAccessKey", UserAccessKeyId=key)
    call("DeleteAccessKey", UserAccessKeyId=key)
    mine = {"InstanceId": s.instance}
    who = {**mine, "Username": "pump", "IdentityType": "USER"}
    call("AddCustomAuthIdentity", **who, Secret=PASSWORD, SignMode="ORIGIN")
    call("UpdateCustomAuthIdentity", **who, Secret=PASSWORD, SignMode="SIGNED")
    call("DeleteCustomAuthIdentity", **who)
    what = {**mine, "Identity": "pump", "IdentityType": "USER", "Topic": "a/#"}
    call("AddCustomAuthPermission", **what, PermitAction="PUB", Effect="ALLOW")
    call("UpdateCustomAuthPermission", **what, PermitAction="SUB", Effect="ALLOW")
    call("DeleteCustomAuthPermission", **what)
    call("AddCustomAuthConnectBlack", **mine, ClientId="c")
    call("DeleteCustomAuthConnectBlack", **mine, ClientId="c")
    # the first token makes the key; there is no event of the others
    token = call("ApplyToken", **mine, Resources="a", Actions="R", ExpireTime="4102444800000")["Token"]
    call("RevokeToken", **mine, Token=token)
    for verb in ("Register", "Refresh", "UnRegister"):
        call(f"{verb}DeviceCredential", **mine, ClientId="GID_pumps@@@1")
    for verb in ("Create", "Delete"):
        call(f"{verb}GroupId", **mine, GroupId="GID_pumps")
        call(f"{verb}ParentTopic", **instance, Topic="pumps")
    connected = s.client("GID_a@@@1", tls=False)
    call("CloseConnection", **mine, ClientId=connected.client_id)
    call("DeleteInstance", **call("CreateInstance", MqttInstanceId="mqtt-cn-short") and {"MqttInstanceId": "mqtt-cn-short"})

    assert set(done) | LOOKS_ONLY == set(changing_operations())
    seen = {e["RequestId"]: e for e in all_of(s)}
    for operation, answer in done.items():
        if operation in HANDS_OUT:
            continue
        event = seen[answer["RequestId"]]
        assert (event["Action"], event["AccessKeyId"], event["SourceIp"]) == (operation, s.key_id, "127.0.0.1")
        assert ("Before" in event or "After" in event) and event["Resource"] and "PRIVATE KEY" not in str(event)
        assert event.get("Before") != event.get("After"), event


def test_a_rollback_is_an_event_of_its_own(shared, made):
    a, b, _ = made
    answered(shared.set_sni(a, f"x.example.com#{a}"), "SetSniConfig")
    to = shared.revision()
    answered(shared.set_sni(b, f"x.example.com#{b};y.example.com#{b}"), "SetSniConfig")
    answered(shared.api.v3("RollbackConfig", {"MqttInstanceId": shared.instance, "Revision": str(to)}), "RollbackConfig")
    got = newest(shared)
    assert (got["Action"], got["Resource"]) == ("RollbackConfig", "sni-config")
    assert got["Before"] == {"Revision": to + 1, "DefaultCertificate": b, "Domains": 2, "Changes": [
        {"Domain": "x.example.com", "CertIdentifier": b}, {"Domain": "y.example.com", "CertIdentifier": b}]}
    assert got["After"] == {"Revision": to + 2, "DefaultCertificate": a, "Domains": 1, "Changes": [
        {"Domain": "x.example.com", "CertIdentifier": a}]}


def test_the_trail_outlives_the_instance(shared):
    gone = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    answered(shared.api.v3("DeleteInstance", {"MqttInstanceId": gone}), "DeleteInstance")
    assert [e["Action"] for e in events(shared, MqttInstanceId=gone)["Events"]] == ["DeleteInstance", "CreateInstance"]
    assert events(shared, MqttInstanceId="mqtt-cn-nobody")["Events"] == []


def test_a_large_change_is_shown_by_its_first_hundred_domains(shared, made):
    a, b, _ = made
    names = [f"{'x' * 60}.{n:05}.many.example.com" for n in range(3000)]
    answered(shared.set_sni(a, ""), "SetSniConfig")
    answered(shared.set_sni(a, ";".join(f"{n}#{b}" for n in names)), "SetSniConfig")
    got = newest(shared)
    assert got["Before"]["Domains"] == 0 and got["After"]["Domains"] == 3000
    assert [c["Domain"] for c in got["After"]["Changes"]] == sorted(names)[:100]
    answered(shared.set_sni(a, ""), "SetSniConfig")


def test_pages_and_filters(shared, made):
    a, b, _ = made
    other = answered(shared.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    key = make_key(shared.api, "write@*")
    for n in range(20):
        api = key if n % 2 else shared.api
        answered(api.v3("SetSniConfig", {"MqttInstanceId": shared.instance if n % 4 < 2 else other, "DefaultCertificate": a,
                                         "SniConfig": f"n{n}.example.com#{b}"}), "SetSniConfig")
    everything = all_of(shared)
    assert len(everything) == int(shared.sql("SELECT count(*) FROM audit_event WHERE account_id = 1")[0][0]) > 20
    assert everything == all_of(shared, size=1000)

    def expected(wanted):
        return [e for e in everything if wanted(e)]

    assert all_of(shared, size=3, MqttInstanceId=other) == expected(lambda e: e["MqttInstanceId"] == other) != []
    assert all_of(shared, size=3, EventAction="SetSniConfig") == expected(lambda e: e["Action"] == "SetSniConfig") != []
    assert all_of(shared, size=3, UserAccessKeyId=key.key_id) == expected(lambda e: e["AccessKeyId"] == key.key_id)
    assert len(all_of(shared, UserAccessKeyId=key.key_id)) == 10
    assert all_of(shared, EventAction="NoSuchThing") == [] == all_of(shared, UserAccessKeyId="nobody")
    cut = everything[5]["Time"]
    assert all_of(shared, StartTime=cut) == expected(lambda e: e["Time"] >= cut) != everything
    assert all_of(shared, EndTime=cut) == expected(lambda e: e["Time"] < cut) != []
    assert all_of(shared, EventAction="SetSniConfig", UserAccessKeyId=key.key_id, MqttInstanceId=other, StartTime=cut) == \
        expected(lambda e: (e["Action"], e["AccessKeyId"], e["MqttInstanceId"]) == ("SetSniConfig", key.key_id, other) and
                 e["Time"] >= cut)


def test_the_oldest_events_make_room(open_stack, authority):
    s = open_stack(env={"SIGNET_AUDIT_EVENTS": 10})
    a, b = s.upload(authority.issue("a.example.com")), s.upload(authority.issue("b.example.com"))
    for n in range(30):
        answered(s.set_sni(a if n % 2 else b, ""), "SetSniConfig")
    known = s.sql("SELECT id FROM audit_event ORDER BY id DESC LIMIT 9")
    s.sql("INSERT INTO audit_event (account_id, action, access_key_id, source_ip, request_id, resource) "
          "SELECT 7, 'Other', 'k', '', '', 'r' FROM generate_series(1, 20)")  # another account's stay
    s.api_process.stop()
    s.start_api()  # the first event of a process looks, then every 256th
    answered(s.set_sni(b, f"n.example.com#{a}"), "SetSniConfig")
    rows = s.sql("SELECT id FROM audit_event WHERE account_id = 1 ORDER BY id DESC")
    assert len(rows) == 10 and rows[1:] == known
    assert s.sql("SELECT count(*) FROM audit_event WHERE account_id = 7") == [["20"]]
    other = answered(s.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]  # without a broker to wait for
    keep = s.api.connection()
    for n in range(300):
        answered(s.api.v3("SetSniConfig", {"MqttInstanceId": other, "DefaultCertificate": a if n % 2 else b}, keep=keep),
                 "SetSniConfig")
    assert int(s.sql("SELECT count(*) FROM audit_event WHERE account_id = 1")[0][0]) < 10 + 256
