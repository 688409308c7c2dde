"""One caller, one lock or one broker that hangs does not keep the API from the others."""
import concurrent.futures
import signal
import threading
import time

import pytest
from harness.api import Api, own_address
from harness.ca import Ca, registered
from harness.expect import answered, refused
from harness.process import wait_until


def rollout(reply):
    assert reply.status == 200, reply
    return reply.headers["x-signet-rollout"]


def test_a_hung_broker_is_waited_for_once_and_then_holds_nobody_up(stack, authority):
    a, b = (stack.upload(authority.issue(f"{name}.example.com")) for name in "ab")
    assert rollout(stack.set_sni(a, "")) == "applied"
    stack.broker.popen.send_signal(signal.SIGSTOP)
    try:
        assert rollout(stack.set_sni(b, "")) == "pending"  # waits its two seconds
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(65) as pool:
            changes = [pool.submit(stack.set_sni, b, f"d{i}.example.com#{a}") for i in range(64)]
            read = pool.submit(stack.api.v3, "ListInstances")
            assert read.result().status == 200
            others = time.monotonic() - began
            assert {rollout(c.result()) for c in changes} == {"pending"}
        # 64 calls on 8 threads that wait two seconds each would be 16 s, and a read behind them as long
        assert others < 10 and time.monotonic() - began < 12
    finally:
        stack.broker.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: rollout(stack.set_sni(a, "")) == "applied", what="the broker to be waited for again")


class Held:
    """An instance's row, locked by somebody else for as long as the block runs."""

    def __init__(self, stack):
        self.stack = stack
        self.statement = ("BEGIN; SELECT 1 FROM instance FOR UPDATE; "
                          "SELECT pg_advisory_xact_lock(77), pg_sleep(20); COMMIT")

    def _hold(self):
        try:
            self.stack.sql(self.statement)
        except AssertionError:
            pass  # ended from outside

    def __enter__(self):
        self.thread = threading.Thread(target=self._hold)
        self.thread.start()
        wait_until(lambda: self.stack.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 77 AND granted"),
                   what="the row to be held")

    def __exit__(self, *_):
        self.stack.sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 77")
        self.thread.join()


def test_waiting_too_long_for_another_change_is_a_temporary_failure(stack):
    stack.api_process.stop()
    stack.api_env["SIGNET_DATABASE_URL"] += " options='-c statement_timeout=3000'"
    stack.start_api()
    with Held(stack):
        refused(stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "one-way"}),
                "ServiceUnavailable", 503)
        refused(stack.api.v3("DeleteInstance", {"MqttInstanceId": stack.instance}), "InstanceInUse")
    answered(stack.api.v3("SetAuthenticationMode", {"MqttInstanceId": stack.instance, "Mode": "one-way"}),
             "SetAuthenticationMode")


def test_who_may_only_switch_a_ca_cannot_push_the_way_back_out_of_the_history(open_stack, authority, tmp_path):
    s = open_stack(env={"SIGNET_HISTORY_REVISIONS": 5})
    a, b = (s.upload(authority.issue(f"{name}.example.com")) for name in "ab")
    s.set_sni(a, f"one.example.com#{a}")
    good = s.revision()
    s.set_sni(b, "")
    sn = registered(s, Ca(tmp_path))
    for operation in ("InactivateCaCertificate", "ActiveCaCertificate") * 6:
        answered(s.api.v3(operation, {"MqttInstanceId": s.instance, "Sn": sn}), operation)
    answered(s.api.v3("RollbackConfig", {"MqttInstanceId": s.instance, "Revision": str(good)}), "RollbackConfig")
    assert s.sql("SELECT domain FROM sni_mapping WHERE certificate_id IS NOT NULL") == [["one.example.com"]]
    kept = s.sql("SELECT count(*) FILTER (WHERE NOT changes_config), count(*) FILTER (WHERE changes_config) FROM config_revision")
    assert kept == [["4", "3"]] or kept == [["5", "3"]]  # of the last five numbers one is the rollback itself


def test_a_throttled_call_leaves_no_nonce(open_stack):
    s = open_stack(env={"SIGNET_API_THROTTLE_PERCENT": 1})
    before = int(s.sql("SELECT count(*) FROM request_nonce")[0][0])
    replies = [s.api.v3("ListInstances") for _ in range(40)]
    answered_calls = sum(r.status == 200 for r in replies)
    assert answered_calls < 40
    assert int(s.sql("SELECT count(*) FROM request_nonce")[0][0]) == before + answered_calls


@pytest.mark.parametrize("operation", ["ApplyToken", "RegisterDeviceCredential", "GetDeviceCredential", "RefreshDeviceCredential"])
def test_what_clients_sign_in_with_goes_only_over_a_private_line(shared, operation):
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address than the loopback's")
    p = shared._process(f"api-{operation}", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "0.0.0.0:0"}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    params = {"InstanceId": shared.instance, "Resources": "a", "Actions": "R", "ExpireTime": "4102444800000",
              "ClientId": f"GID_pumps@@@{operation}"}
    local = Api(port, shared.key_id, shared.secret)
    if operation != "ApplyToken":
        answered(local.v3("RegisterDeviceCredential", params), "RegisterDeviceCredential")
    tables = ("token_key", "device_credential", "instance", "audit_event")
    before = [shared.sql(f"SELECT md5(string_agg(t::text, '')) FROM {table} t") for table in tables]
    refused(Api(port, shared.key_id, shared.secret, host=address).v3(operation, params), "InvalidProtocol.NeedSsl", 403)
    assert [shared.sql(f"SELECT md5(string_agg(t::text, '')) FROM {table} t") for table in tables] == before
    answered(local.v3(operation, params), operation)


@pytest.mark.parametrize("operation, params", [("CreateAccessKey", {}), ("RotateAccessKey", {"UserAccessKeyId": "{own}"})])
def test_a_new_secret_goes_only_over_a_private_line(shared, operation, params):
    address = own_address()
    if address.startswith("127."):
        pytest.skip("this machine has no other address than the loopback's")
    params = {k: v.format(own=shared.key_id) for k, v in params.items()}
    p = shared._process("api-open", "signet-api", {**shared.api_env, "SIGNET_API_LISTEN": "0.0.0.0:0"}).start()
    port = int(p.logged(r"listening=[^ ]*:(\d+)").group(1))
    keys = shared.sql("SELECT count(*) FROM access_key")
    refused(Api(port, shared.key_id, shared.secret, host=address).v3(operation, params), "InvalidProtocol.NeedSsl", 403)
    assert shared.sql("SELECT count(*) FROM access_key") == keys
    secret = answered(Api(port, shared.key_id, shared.secret).v3(operation, params), operation)["AccessKey"]["AccessKeySecret"]
    assert len(secret) == 30
