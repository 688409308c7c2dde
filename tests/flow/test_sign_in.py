"""Which access keys MQTT clients may sign in with: enabled ones, with a grant to do so on the instance; and what becomes of
the clients of a key that loses it."""
import time

import pytest
from harness.expect import answered
from harness.keys import make_key, regrant, update
from harness.process import wait_until

MAY = ["write@{own}", "write@*", "admin@{own}", "mq:MqttInstanceAccess@{own}", "mq:*@*"]
MAY_NOT = ["", "read@*", "read@{own}", "write@mqtt-cn-elsewhere", "admin@mqtt-cn-elsewhere", "mq:MqttInstanceAccess@mqtt-cn-elsewhere",
           "mq:SetSniConfig@{own}", "signet:*@*", "read@* mq:MqttInstanceAccess@mqtt-cn-elsewhere admin@mqtt-cn-elsewhere"]


def login(stack, key):
    return key.key_id, key.secret, stack.instance


def code(stack, key, name="GID_s@@@1"):
    with_key = stack.client(name, tls=False, login=login(stack, key))
    with_key.close()
    return with_key.code


@pytest.mark.parametrize("wanted", MAY_NOT)
def test_a_key_without_the_right_signs_nobody_in(shared, wanted):
    key = make_key(shared.api, *wanted.format(own=shared.instance).split())
    assert code(shared, key) == 4
    assert code(shared, shared.api) == 0


@pytest.mark.parametrize("wanted", MAY)
def test_a_key_with_the_right_does_at_once_until_it_is_disabled(shared, wanted):
    key = make_key(shared.api, wanted.format(own=shared.instance))
    assert code(shared, key) == 0
    update(shared.api, key.key_id, Status="Inactive")
    assert code(shared, key) == 4
    update(shared.api, key.key_id, Status="Active")
    assert code(shared, key) == 0


def disable(stack, key):
    update(stack.api, key.key_id, Status="Inactive")


def narrow(stack, key):
    regrant(stack.api, key.key_id, "read@*", "mq:SetSniConfig@" + stack.instance)


def move(stack, key):
    regrant(stack.api, key.key_id, "write@mqtt-cn-elsewhere")


def empty(stack, key):
    regrant(stack.api, key.key_id)


def delete(stack, key):
    answered(stack.api.v3("DeleteAccessKey", {"UserAccessKeyId": key.key_id}), "DeleteAccessKey")


@pytest.mark.parametrize("end", [disable, narrow, move, empty, delete], ids=lambda f: f.__name__)
def test_clients_of_a_key_that_loses_its_right_are_closed_and_no_others(shared, end):
    leaving_key, staying_key = (make_key(shared.api, "write@" + shared.instance) for _ in range(2))
    leaving = [shared.client(f"GID_l@@@{end.__name__}{n}", tls=False, login=login(shared, leaving_key)) for n in range(10)]
    staying = [shared.client(f"GID_s@@@{end.__name__}{n}", tls=False, login=login(shared, staying_key)) for n in range(10)]
    assert {c.code for c in leaving + staying} == {0}
    began = time.monotonic()
    end(shared, leaving_key)
    for c in leaving:
        assert c.closed(10)
    assert time.monotonic() - began < 10
    for c in staying:
        c.ping()
        c.close()
    assert code(shared, leaving_key) == 4


def test_a_change_that_leaves_the_right_leaves_the_clients(shared):
    key = make_key(shared.api, "write@*")
    client = shared.client("GID_r@@@1", tls=False, login=login(shared, key))
    for wanted in (["admin@*"], ["mq:MqttInstanceAccess@" + shared.instance], ["read@*", "write@" + shared.instance]):
        regrant(shared.api, key.key_id, *wanted)
        client.ping()
    update(shared.api, key.key_id, Description="still there")
    answered(shared.api.v3("RotateAccessKey", {"UserAccessKeyId": key.key_id}), "RotateAccessKey")
    client.ping()
    client.close()


def test_the_clients_of_every_instance_are_closed(stack):
    """The answer waits for one instance's brokers; the others' hear it too."""
    other = answered(stack.api.v3("CreateInstance"), "CreateInstance")["MqttInstanceId"]
    broker = stack._process("other", "signet-broker", {**stack.broker_env, "SIGNET_MQTTS_LISTEN": "127.0.0.1:0",
                                                       "SIGNET_MQTT_LISTEN": "127.0.0.1:0", "SIGNET_INSTANCE": other}).start()
    port = int(broker.logged(r"listener=mqtt port=(\d+)").group(1))
    key = make_key(stack.api, "write@*")
    clients = {}

    def let_in(instance, at):
        stack.tcp_port = at
        clients[instance] = stack.client("GID_e@@@1", tls=False, login=(key.key_id, key.secret, instance))
        return clients[instance].code == 0

    for instance, at in ((other, port), (stack.instance, stack.tcp_port)):
        wait_until(lambda i=instance, p=at: let_in(i, p), what=f"{instance} to know the key")
    here, there = clients[stack.instance], clients[other]
    began = time.monotonic()
    disable(stack, key)
    assert here.closed(10) and there.closed(10)
    assert time.monotonic() - began < 10
