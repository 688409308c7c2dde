"""Calls of the console's page: the cookie and the CSRF token instead of a signature, and otherwise the same API."""
import base64
import json
import threading

import pytest
from harness import keys
from harness.api import CAS, ONSMQTT, canonical
from harness.console import FORM, Page, fresh_address, write_console
from harness.expect import answered, contents, refused
from harness.openapi import operations

BUT = ("broker_node", "request_nonce")


@pytest.fixture(scope="module")
def stack(with_console):
    return with_console


@pytest.fixture
def page(stack):
    p = Page(stack.api.port, fresh_address())
    assert p.sign_in(stack.key_id, stack.secret).status == 200
    return p


@pytest.fixture
def sign_in(stack):
    """sign_in("read@*") → a page of a new access key that may just that."""
    def make(*grants):
        key, p = keys.make_key(stack.api, *grants), Page(stack.api.port, fresh_address())
        assert p.sign_in(key.key_id, key.secret).status == 200
        p.key = key
        return p
    return make


# ---- what is refused ----

@pytest.mark.parametrize("csrf", ["missing", "empty", "wrong", "cut", "longer", "upper", "token", "other session", "twice"])
def test_a_call_without_the_csrf_token_changes_nothing(stack, page, csrf):
    other = Page(page.port, fresh_address())
    other.sign_in(stack.key_id, stack.secret)
    value = {"missing": None, "empty": "", "wrong": "0" * 64, "cut": page.csrf[:-1], "longer": page.csrf + "0",
             "upper": page.csrf.upper(), "token": page.token, "other session": other.csrf,
             "twice": f"{page.csrf}, {page.csrf}"}[csrf]
    before = contents(stack, BUT)
    for params in ({}, {"x-signet-csrf": page.csrf}):  # nor as a parameter
        refused(page.call("CreateInstance", params, x_signet_csrf=value), "ConsoleCsrfTokenInvalid", 403)
    assert contents(stack, BUT) == before
    assert page.session().status == 200


def test_who_has_no_session_learns_nothing(stack, page):
    page.token = None
    for operation, version in (("ListInstances", ONSMQTT), ("DropInstance", ONSMQTT), ("ListInstances", "1999-01-01"),
                               ("ListInstances", CAS)):
        for as_json in (False, True):
            reply = page.call(operation, version=version, as_json=as_json)
            refused(reply, "ConsoleSessionExpired", 401)
            assert "www-authenticate" not in reply.headers  # or the browser would ask for a password


def test_a_signature_means_nothing_there(stack):
    page = Page(stack.api.port, fresh_address())
    path = f"/console/api/{ONSMQTT}/ListInstances"
    basic = "Basic " + base64.b64encode(f"{stack.key_id}:{stack.secret}".encode()).decode()
    refused(page.api.send("POST", path, {"Authorization": basic}), "ConsoleSessionExpired", 401)
    captured = []
    page.api.key_id, page.api.secret = stack.key_id, stack.secret
    plain, page.api.send = page.api.send, lambda method, target, headers=None, body=None, keep=None: captured.append(
        (headers, body)) or plain(method, target, headers, body, keep)
    assert page.api.v1("ListInstances").status == page.api.v3("ListInstances").status == 200
    for headers, body in captured:
        refused(plain("POST", path, {k: v for k, v in headers.items() if k != "host"}, body), "ConsoleSessionExpired", 401)


def test_the_cookie_means_nothing_elsewhere(stack, page):
    h = page.headers(x_signet_csrf=page.csrf, content_type=FORM)
    for method, target, body in (("POST", f"/{ONSMQTT}/ListInstances", ""), ("GET", f"/{ONSMQTT}/ListInstances", None),
                                 ("POST", "/", f"Action=ListInstances&Version={ONSMQTT}"),
                                 ("GET", f"/?Action=ListInstances&Version={ONSMQTT}", None),
                                 ("POST", f"//console/api/{ONSMQTT}/ListInstances", ""),
                                 ("POST", f"/x/../console/api/{ONSMQTT}/ListInstances", ""),
                                 ("POST", f"/Console/api/{ONSMQTT}/ListInstances", ""),
                                 ("POST", f"/console/API/{ONSMQTT}/ListInstances", ""),
                                 ("POST", f"/console/api/../../{ONSMQTT}/ListInstances", ""),
                                 ("POST", f"/console/api//{ONSMQTT}/ListInstances", "")):
        reply = page.api.send(method, target, h, body)
        assert reply.status in (400, 404, 405) and reply.code in ("MissingAccessKeyId", "InvalidAction.NotFound",
                                                                  "UnsupportedHTTPMethod"), (target, reply)


def test_calls_are_posts(page):
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        reply = page.api.send(method, f"/console/api/{ONSMQTT}/ListInstances", page.headers(x_signet_csrf=page.csrf))
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("operation, version, code, status", [
    ("DropInstance", ONSMQTT, "InvalidAction.NotFound", 404), ("listinstances", ONSMQTT, "InvalidAction.NotFound", 404),
    ("ListInstances", CAS, "InvalidAction.NotFound", 404), ("ListInstances", "1999-01-01", "InvalidVersion", 400)])
def test_operations_that_are_not_there_are_refused_as_ever(page, operation, version, code, status):
    refused(page.call(operation, version=version), code, status)


def test_a_path_that_is_no_operation_is_404(page):
    for path in (f"{ONSMQTT}/", ONSMQTT, f"{ONSMQTT}/ListInstances/", f"{ONSMQTT}/List%49nstances", "x/ListInstances", "",
                 f"{ONSMQTT}/" + "x" * 65):
        reply = page.api.send("POST", "/console/api/" + path, page.headers(x_signet_csrf=page.csrf))
        refused(reply, "InvalidAction.NotFound", 404)


def test_another_operation_in_the_parameters_is_refused(stack, page):
    refused(page.call("ListInstances", {"Action": "CreateInstance"}), "InvalidAction.NotFound", 404)
    refused(page.call("ListInstances", {"Version": CAS}), "InvalidVersion")
    answered(page.call("ListInstances", {"Action": "ListInstances", "Version": ONSMQTT}), "ListInstances")


@pytest.mark.parametrize("content_type", [None, "text/plain", "multipart/form-data; boundary=x"])
def test_another_content_type_is_refused_as_ever(page, content_type):
    body = json.dumps({"MqttInstanceId": "x"})
    reply = page.api.send("POST", f"/console/api/{ONSMQTT}/DescribeInstance",
                          page.headers(x_signet_csrf=page.csrf, content_type=content_type), body)
    refused(reply, "InvalidParameter")


def test_wrong_parameters_are_refused_as_ever(stack, page):
    for params in ({}, {"MqttInstanceId": ""}, {"MqttInstanceId": "no instance"}, {"MqttInstanceId": "mqtt-nobody"}):
        here = page.call("DescribeInstance", params)
        there = stack.api.basic("DescribeInstance", params)
        assert (here.status, here.code, here.message) == (there.status, there.code, there.message) and here.status == 400


def test_grants_are_asked_for_each_call(stack, sign_in):
    reader = sign_in(f"read@{stack.instance}")
    before = contents(stack, BUT)
    params = {"MqttInstanceId": stack.instance, "Mode": "one-way"}
    reply = reader.call("SetAuthenticationMode", params)
    refused(reply, "Forbidden.RAM", 403)
    assert reply.json["AccessDeniedDetail"]["AuthPrincipalDisplayName"] == reader.key.key_id
    refused(reader.call("CreateInstance"), "Forbidden.RAM", 403)
    refused(reader.call("DescribeInstance", {"MqttInstanceId": "mqtt-other"}), "Forbidden.RAM", 403)
    answered(reader.call("DescribeInstance", {"MqttInstanceId": stack.instance}), "DescribeInstance")
    assert contents(stack, BUT) == before
    keys.regrant(stack.api, reader.key.key_id)
    refused(reader.call("DescribeInstance", {"MqttInstanceId": stack.instance}), "Forbidden.RAM", 403)


def test_what_is_offered_is_what_is_allowed(stack, sign_in):
    """For each operation: the session says no exactly when the API does."""
    for grants in (["read@{i}"], ["read@*"], ["signet:*@{i}", "mq:QueryToken@*"], []):
        p = sign_in(*(g.format(i=stack.instance) for g in grants))
        offered = p.session().json["Operations"]
        for op in operations():
            if op.reads() or not offered.get(op.name):  # what is offered and changes something is not tried here
                params = {k: v for row in op.parameters if row.required for k, v in row.pairs().items()}
                if op.has(op.instance):
                    params[op.instance] = stack.instance
                reply = p.call(op.name, params, version=op.version)
                assert (reply.code == op.grant["denied"]) == (op.name not in offered), (grants, op, reply)
                assert reply.status in (200, 400, 401, 403, 417), reply


# ---- what goes right ----

def test_forms_and_json_are_read_alike(stack, page):
    for as_json in (False, True):
        made = answered(page.call("CreateInstance", {"InstanceName": "设备 a+b&c=d", "Edition": "platinum"}, as_json=as_json),
                        "CreateInstance")
        assert made["InstanceName"] == "设备 a+b&c=d"
        got = page.call("DescribeInstance", {"MqttInstanceId": made["MqttInstanceId"]}, as_json=as_json)
        assert answered(got, "DescribeInstance")["InstanceName"] == "设备 a+b&c=d"
        assert answered(stack.api.v3("DescribeInstance", {"MqttInstanceId": made["MqttInstanceId"]}), "DescribeInstance")


def test_parameters_may_stand_in_the_query(stack, page):
    reply = page.api.send("POST", f"/console/api/{ONSMQTT}/DescribeInstance?{canonical({'MqttInstanceId': stack.instance})}",
                          page.headers(x_signet_csrf=page.csrf))
    assert answered(reply, "DescribeInstance")["MqttInstanceId"] == stack.instance


def test_answers_can_be_xml(page):
    reply = page.call("ListInstances", {"Format": "XML"})
    assert reply.status == 200 and reply.body.startswith(b"<?xml") and b"<ListInstancesResponse>" in reply.body


def test_a_certificate_goes_from_the_page_to_the_handshake(stack, page, authority):
    c = authority.issue("console.example.com")
    made = answered(page.call("UploadUserCertificate", {"Name": "console", "Cert": c.chain, "Key": c.key}, version=CAS),
                    "UploadUserCertificate")
    reply = page.call("SetSniConfig", {"MqttInstanceId": stack.instance, "DefaultCertificate": f"{made['CertId']}-cn-hangzhou",
                                       "SniConfig": f"console.example.com#{made['CertId']}"})
    answered(reply, "SetSniConfig")
    assert reply.headers["x-signet-rollout"] == "applied"
    assert stack.served("console.example.com") == c.sha256


def test_sixteen_mebibytes_go_through_and_more_do_not(stack, page):
    def send(count):
        return page.call("SetSniConfig", {"MqttInstanceId": stack.instance, "DefaultCertificate": "1",
                                          "SniConfig": "x" * count}, as_json=True)

    assert "entry 1" in refused(send(16 << 20), "InvalidSniConfig")
    refused(send(17825792), "RequestEntityTooLarge", 413)


def test_the_trail_names_the_key_the_address_and_the_request(stack, sign_in):
    admin = sign_in("admin@*")
    reply = admin.call("CreateInstance", {"InstanceName": "traced"})
    made = answered(reply, "CreateInstance")
    found = stack.sql("SELECT action, access_key_id, source_ip, request_id FROM audit_event WHERE mqtt_instance_id = "
                      f"'{made['MqttInstanceId']}'")
    assert found == [["CreateInstance", admin.key.key_id, admin.api.address, made["RequestId"]]]
    assert f"op=CreateInstance caller={admin.key.key_id} status=200" in stack.api_process.text()
    used = keys.listed(stack.api, admin.key.key_id)["LastUsedDate"]
    assert used != ""


def test_a_nonce_is_neither_asked_for_nor_kept(stack, page):
    before = stack.sql("SELECT count(*) FROM request_nonce")
    for _ in range(3):
        answered(page.call("ListInstances"), "ListInstances")
    assert stack.sql("SELECT count(*) FROM request_nonce") == before


def test_calls_are_throttled_with_all_others_of_the_account(open_stack, tmp_path):
    s = open_stack(env={"SIGNET_CONSOLE_DIR": write_console(tmp_path / "c"), "SIGNET_API_THROTTLE_PERCENT": 1})
    page = Page(s.api.port)
    page.sign_in(s.key_id, s.secret)
    c, replies = page.api.connection(), []
    while len(replies) < 2000 and (not replies or replies[-1].code != "Throttling.User"):
        replies.append(page.call("ListInstances", keep=c))
    c.close()
    refused(replies[-1], "Throttling.User")
    assert 0 < int(replies[-1].headers["x-acs-retry-after"]) <= 1000 and "retry-after" not in replies[-1].headers


def test_a_key_that_is_disabled_in_the_middle_of_it_is_out(stack, sign_in):
    """While its page calls without a pause."""
    p = sign_in("read@*")
    statuses, begun = [], threading.Event()

    def call():
        c = p.api.connection()
        while not statuses or statuses[-1] == 200:
            statuses.append(p.call("ListInstances", keep=c).status)
            begun.set()
        c.close()

    t = threading.Thread(target=call)
    t.start()
    assert begun.wait(20)
    keys.update(stack.api, p.key.key_id, Status="Inactive")
    t.join(20)
    assert not t.is_alive() and statuses[0] == 200 and statuses[-1] == 401
    refused(p.call("ListInstances"), "ConsoleSessionExpired", 401)


def test_no_answer_is_undocumented(stack):
    """The pipeline says so in its log."""
    assert "undocumented answer" not in stack.api_process.text()
