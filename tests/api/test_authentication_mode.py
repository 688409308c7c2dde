"""SetAuthenticationMode: the mode and, with it, the default certificate. What brokers make of it: tests/flow/test_mode.py."""
import itertools
import json
import threading
import time
import uuid

import pytest
from harness.api import CAS
from harness.expect import answered, contents, refused

BUT = ("broker_node", "request_nonce")


@pytest.fixture(scope="module")
def certificates(shared, authority):
    """Of the account: two plain ones, an encrypted one."""
    return {"one": shared.upload(authority.issue("one.example.com")), "two": shared.upload(authority.issue("two.example.com")),
            "locked": shared.upload(authority.issue("locked.example.com", password="secret 1"))}


def make(stack, edition="platinum"):
    instance = "mqtt-cn-" + uuid.uuid4().hex[:11]
    assert stack.api.v3("CreateInstance", {"MqttInstanceId": instance, "Edition": edition}).status == 200
    return instance


@pytest.fixture
def instance(shared):
    """No broker serves it."""
    return make(shared)


def set_mode(stack, instance, mode, certificate=None):
    more = {} if certificate is None else {"ServerCertificate": certificate}
    return stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": instance, "Mode": mode, **more})


def is_set(stack, *args):
    return answered(set_mode(stack, *args), "SetAuthenticationMode")


def described(stack, instance):
    got = answered(stack.api.v3("DescribeInstance", {"MqttInstanceId": instance}), "DescribeInstance")
    return got["AuthenticationMode"], got["DefaultCertificate"], got["Revision"]


def sign_in(mode, certificate, login=False):
    """As it stands in the trail."""
    return {"Mode": mode, "LoginRequired": login, "DefaultCertificate": certificate}


def serving_key_is_there(stack, certificate):
    return stack.sql("SELECT serving_key_sealed IS NOT NULL FROM server_certificate WHERE id = "
                     + certificate.split("-")[0]) == [["t"]]


# ---- refusals ----

def test_wrong_parameters_are_named_and_change_nothing(shared, certificates, instance):
    before = contents(shared, BUT)
    ask = shared.api.v3
    refused(ask("SetAuthenticationMode", {"Mode": "mutual"}), "MissingMqttInstanceId")
    refused(ask("SetAuthenticationMode", {"MqttInstanceId": instance}), "MissingMode")
    refused(ask("SetAuthenticationMode", {"MqttInstanceId": instance, "Mode": ""}), "MissingMode")
    refused(ask("SetAuthenticationMode", {"MqttInstanceId": "mqtt-cn-nobody", "Mode": "mutual"}), "MqttInstanceNotFound")
    for bad in ("Mutual", "two-way", "1", "mutual "):
        assert "Mode" in refused(set_mode(shared, instance, bad), "InvalidMode")
    for bad in ("x", "0", "1-cn-beijing", "-1", "1e3", "99999999999999999999-cn-hangzhou", "1-cn-hangzhou;", "x" * 65):
        message = refused(set_mode(shared, instance, "one-way", bad), "InvalidServerCertificate")
        assert "ServerCertificate" in message
    assert contents(shared, BUT) == before


def test_a_certificate_must_be_of_the_account(shared, authority, instance):
    theirs = shared.upload(authority.issue("theirs.example.com"))
    shared.sql("UPDATE server_certificate SET account_id = 2 WHERE id = " + theirs.split("-")[0])
    before = contents(shared, BUT)
    for unknown in (theirs, "1-cn-hangzhou", "1"):
        assert "does not exist" in refused(set_mode(shared, instance, "mutual", unknown), "InvalidServerCertificate")
    assert contents(shared, BUT) == before


def test_mutual_needs_a_default_certificate(shared, certificates, instance):
    before = contents(shared, BUT)
    for nothing in (None, ""):
        assert "ServerCertificate" in refused(set_mode(shared, instance, "mutual", nothing), "MissingServerCertificate")
    assert contents(shared, BUT) == before
    assert is_set(shared, instance, "mutual", certificates["one"])["Mode"] == "mutual"


def test_an_encrypted_key_must_have_been_opened(shared, certificates, instance):
    before = contents(shared, BUT)
    message = refused(set_mode(shared, instance, "one-way", certificates["locked"]), "InvalidServerCertificate")
    assert "encrypted" in message and "SetSniConfig" in message
    assert contents(shared, BUT) == before


def test_the_standard_edition_does_not_have_it(shared, certificates):
    instance = make(shared, "standard")
    assert "standard" in refused(set_mode(shared, instance, "mutual", certificates["one"]), "InvalidParameter")
    assert described(shared, instance) == ("one-way", "", 0)


# ---- what it does ----

def test_mode_and_certificate_are_one_revision_with_its_history_and_trail(shared, certificates, instance):
    one, two = certificates["one"], certificates["two"]
    got = is_set(shared, instance, "mutual", one)
    assert (got["Mode"], got["DefaultCertificate"], got["Revision"]) == ("mutual", one, 1)
    assert described(shared, instance) == ("mutual", one, 1)
    assert is_set(shared, instance, "mutual", two.split("-")[0])["DefaultCertificate"] == two  # as SetSniConfig takes it
    assert is_set(shared, instance, "one-way")["DefaultCertificate"] == two
    assert described(shared, instance) == ("one-way", two, 3)
    number = {c: c.split("-")[0] for c in (one, two)}
    assert shared.sql("SELECT revision, action, coalesce(before_default::text, '-'), coalesce(after_default::text, '-'), summary "
                      f"FROM config_revision WHERE mqtt_instance_id = '{instance}' ORDER BY 1") == [
        ["1", "SetAuthenticationMode", "-", number[one], f"authentication mode mutual, default certificate {one}"],
        ["2", "SetAuthenticationMode", number[one], number[two], f"authentication mode mutual, default certificate {two}"],
        ["3", "SetAuthenticationMode", number[two], number[two], f"authentication mode one-way, default certificate {two}"]]
    rows = shared.sql("SELECT resource, before, after FROM audit_event WHERE action = 'SetAuthenticationMode' AND "
                      f"mqtt_instance_id = '{instance}' ORDER BY id")
    assert [(resource, json.loads(before), json.loads(after)) for resource, before, after in rows] == [
        ("authentication-mode", sign_in("one-way", ""), sign_in("mutual", one)),
        ("authentication-mode", sign_in("mutual", one), sign_in("mutual", two)),
        ("authentication-mode", sign_in("mutual", two), sign_in("one-way", two))]


def test_login_required_stays_as_it_is_unless_it_is_given(shared, certificates, instance):
    def set_login(value, mode="one-way"):
        more = {} if value is None else {"LoginRequired": value}
        got = answered(shared.api.v3("SetAuthenticationMode", {
            "MqttInstanceId": instance, "Mode": mode, "ServerCertificate": certificates["one"], **more}), "SetAuthenticationMode")
        seen = answered(shared.api.v3("DescribeInstance", {"MqttInstanceId": instance}), "DescribeInstance")
        assert (seen["LoginRequired"], seen["AuthenticationMode"]) == (got["LoginRequired"], got["Mode"])
        return got["LoginRequired"], got["Revision"]

    assert set_login(None) == (False, 1)
    assert set_login("true") == (True, 2)
    assert set_login(None, "mutual") == (True, 3)
    assert set_login("True", "mutual") == set_login("", "mutual") == set_login(None, "mutual") == (True, 3)
    assert set_login("false", "mutual") == (False, 4)
    assert shared.sql("SELECT login_required FROM instance WHERE mqtt_instance_id = '%s'" % instance) == [["f"]]


def test_login_required_is_in_history_and_trail(shared, certificates, instance):
    one = certificates["one"]
    params = {"MqttInstanceId": instance, "Mode": "mutual", "ServerCertificate": one, "LoginRequired": "true"}
    answered(shared.api.v3("SetAuthenticationMode", params), "SetAuthenticationMode")
    assert shared.sql(f"SELECT summary FROM config_revision WHERE mqtt_instance_id = '{instance}'") == [
        [f"authentication mode mutual with login, default certificate {one}"]]
    rows = shared.sql(f"SELECT before, after FROM audit_event WHERE mqtt_instance_id = '{instance}' ORDER BY id DESC LIMIT 1")
    assert [json.loads(value) for value in rows[0]] == [sign_in("one-way", ""), sign_in("mutual", one, True)]
    for bad in ("1", "yes", "TRUEE"):
        refused(shared.api.v3("SetAuthenticationMode", {**params, "LoginRequired": bad}), "InvalidLoginRequired")


def test_what_is_so_already_is_no_revision(shared, certificates, instance):
    assert is_set(shared, instance, "one-way")["Revision"] == 0
    is_set(shared, instance, "mutual", certificates["one"])
    before = contents(shared, BUT)
    for certificate in (None, certificates["one"]):
        reply = set_mode(shared, instance, "mutual", certificate)
        assert answered(reply, "SetAuthenticationMode")["Revision"] == 1
        assert reply.headers["x-signet-rollout"] == "none"  # asked about all the same
    assert contents(shared, BUT) == before


def test_the_default_certificate_is_in_use_then(shared, certificates, instance):
    is_set(shared, instance, "one-way", certificates["two"])
    message = refused(shared.api.v3("DeleteUserCertificate", {"CertId": certificates["two"].split("-")[0]}, version=CAS),
                      "InvalidStatus.DeleteProtection")
    assert "default" in message and "mqtt-cn-" in message


def test_an_encrypted_certificate_may_stay_default_after_its_domain_has_gone(shared, certificates, instance):
    """Its serving key is kept as long as somebody needs it, and no longer."""
    locked, one = certificates["locked"], certificates["one"]
    other = make(shared)
    assert shared.api.v3("SetSniConfig", {"MqttInstanceId": other, "DefaultCertificate": one,
                                          "SniConfig": f"locked.example.com#{locked}#secret 1"}).status == 200
    assert is_set(shared, instance, "mutual", locked)["DefaultCertificate"] == locked
    assert shared.api.v3("SetSniConfig", {"MqttInstanceId": other, "DefaultCertificate": one}).status == 200
    assert serving_key_is_there(shared, locked)
    is_set(shared, instance, "mutual", one)
    assert not serving_key_is_there(shared, locked)
    refused(set_mode(shared, instance, "mutual", locked), "InvalidServerCertificate")


def test_a_key_that_is_needed_is_never_cleared_by_another_instance(shared, certificates):
    """One instance begins to use an encrypted certificate while another one ends to; whoever comes first."""
    locked, one = certificates["locked"], certificates["one"]
    first, second = make(shared), make(shared)
    ended, states, wrong = threading.Event(), set(), []

    def map_and_unmap():
        for config in itertools.cycle((f"locked.example.com#{locked}#secret 1", "")):
            if ended.is_set():
                return
            reply = shared.api.v3("SetSniConfig", {"MqttInstanceId": first, "DefaultCertificate": one, "SniConfig": config})
            if reply.status != 200:
                wrong.append(reply)

    thread = threading.Thread(target=map_and_unmap)
    thread.start()
    began = time.monotonic()
    try:
        # which of the two it is, is chance: six seconds, and on until both have been seen
        while (took := time.monotonic() - began) < 6 or (len(states) < 2 and took < 60):
            reply = set_mode(shared, second, "one-way", locked)
            states.add(reply.status)
            assert reply.status in (200, 400), reply
            if reply.status == 200:
                assert serving_key_is_there(shared, locked)
            assert set_mode(shared, second, "one-way", one).status == 200
    finally:
        ended.set()
        thread.join()
    assert wrong == [] and states == {200, 400}
