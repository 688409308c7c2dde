"""How fast an account may call an operation: x-signet-rate-limit of its document, here one percent of it."""
import itertools
import secrets
import threading
import time

import pytest
from harness.api import CAS, Api
from harness.expect import contents, document_of, refused
from harness.keys import make_key

RATE = document_of("ListInstances")[1]["x-signet-rate-limit"] // 100


@pytest.fixture(scope="module")
def slow(cluster):
    from conftest import Opener
    opener = Opener(cluster)
    yield opener(env={"SIGNET_API_THROTTLE_PERCENT": 1})
    opener.close()


accounts = itertools.count(100)


@pytest.fixture
def account(slow):
    """The administrator of an account that has not called yet."""
    key_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    slow.add_access_key(key_id, secret, next(accounts))
    return Api(slow.api.port, key_id, secret)


def throttled(reply):
    """It is a refusal for the rate; returns the milliseconds after which to try again."""
    refused(reply, "Throttling.User")
    after = int(reply.headers["x-acs-retry-after"])
    assert 0 < after <= 1000
    return after


def call_until_throttled(api, operation="ListInstances"):
    """How many were answered before the first that was not, and that one."""
    for n in range(1000):
        reply = api.v3(operation)
        if reply.code == "Throttling.User":
            return n, reply
        assert reply.status == 200, reply
    raise AssertionError("never throttled")


def drain(api, operation="ListInstances"):
    return throttled(call_until_throttled(api, operation)[1])


def test_a_second_s_worth_is_answered_then_it_is_refused_with_the_time_to_wait(account):
    assert RATE == 5
    began = time.monotonic()
    answered, reply = call_until_throttled(account)
    took = time.monotonic() - began
    assert RATE <= answered <= RATE + RATE * took + 1
    assert throttled(reply) <= 1000 / RATE
    assert "x-acs-retry-after" not in account.v3("DescribeInstance").headers


def test_who_waits_as_told_is_answered(account):
    for _ in range(3):
        time.sleep(drain(account) / 1000)
        assert account.v3("ListInstances").status == 200


@pytest.mark.parametrize("scheme", ["v1", "v3", "basic"])
def test_it_counts_however_it_is_signed(account, scheme):
    drain(account)
    replies = [getattr(account, scheme)("ListInstances") for _ in range(4 * RATE)]
    assert [throttled(r) for r in replies if r.status != 200]


def test_what_is_throttled_changes_nothing(slow, account, authority):
    c = authority.issue("throttled.example.com")

    def upload(name):  # one a second
        return account.v3("UploadUserCertificate", {"Name": name, "Cert": c.chain, "Key": c.key}, version=CAS)

    for n in range(20):  # on a slow machine the second may be over before the next call
        assert upload(f"first-{n}").status == 200
        before = contents(slow, ("broker_node", "request_nonce"))
        reply = upload(f"second-{n}")
        if reply.status != 200:
            throttled(reply)
            assert contents(slow, ("broker_node", "request_nonce")) == before
            return
        time.sleep(1.1)
    raise AssertionError("never throttled")


def test_other_operations_and_other_accounts_are_not_affected(slow, account):
    other_id, secret = "LTAI" + secrets.token_hex(8), secrets.token_hex(15)
    slow.add_access_key(other_id, secret, next(accounts))
    other = Api(account.port, other_id, secret)
    drain(account)
    for _ in range(RATE):
        assert other.v3("ListInstances").status == 200
    assert account.v3("ListAccessKeys").status == 200


def test_all_keys_of_an_account_share_its_rate(account):
    second = make_key(account, "read@*")
    drain(account)
    replies = [second.v3("ListInstances") for _ in range(4 * RATE)]
    assert [throttled(r) for r in replies if r.status != 200]


def test_a_stranger_does_not_use_up_an_accounts_rate(account):
    strangers = [Api(account.port, account.key_id, "not the secret"), Api(account.port, "LTAInobody", "x")]
    for n in range(10 * RATE):
        assert strangers[n % 2].v3("ListInstances").code in ("SignatureDoesNotMatch", "InvalidAccessKeyId.NotFound")
        assert strangers[0].basic("ListInstances").code == "SignatureDoesNotMatch"
    assert call_until_throttled(account)[0] >= RATE


def test_wrong_and_denied_calls_count_as_well(account):
    poor = make_key(account)
    denied = [poor.v3("ListInstances") for _ in range(4 * RATE)]
    assert {r.code for r in denied} == {"Forbidden.RAM", "Throttling.User"}
    wrong = [account.v3("DescribeInstance", {"MqttInstanceId": "a b"}) for _ in range(4 * RATE)]
    assert {r.code for r in wrong} == {"InvalidMqttInstanceId", "Throttling.User"}


def test_over_time_the_rate_is_the_documented_one(account):
    seconds, counts, lock = 6.0, {200: 0, 400: 0}, threading.Lock()
    end = time.monotonic() + seconds  # before the drain: what is filled up between the two is not on top of it
    drain(account)

    def call():
        while time.monotonic() < end:
            status = account.v3("ListInstances").status
            with lock:
                counts[status] += 1

    threads = [threading.Thread(target=call) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert counts[400] > counts[200] > 0
    assert RATE <= counts[200] <= RATE * (seconds + 1) + 1, counts


def test_zero_percent_is_no_limit(shared):
    replies = [shared.api.v3("ListUserCertificateOrder", version=CAS) for _ in range(60)]  # 10 a second
    assert {r.status for r in replies} == {200}


def test_the_documented_rate_is_the_one_that_holds(open_stack):
    stack = open_stack(env={"SIGNET_API_THROTTLE_PERCENT": 100})
    rate = document_of("ListUserCertificateOrder")[1]["x-signet-rate-limit"]
    began, answered = time.monotonic(), 0
    for _ in range(20 * rate):
        reply = stack.api.v3("ListUserCertificateOrder", version=CAS)
        if reply.status != 200:
            assert throttled(reply) <= 1000 / rate
            break
        answered += 1
    assert rate <= answered <= rate + rate * (time.monotonic() - began) + 1
