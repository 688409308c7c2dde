"""The mode DeviceCredential: one secret a client ID, as clients of 3.1.1 and 5.0 meet it."""
import threading

import pytest
from harness.logins import BAD_LOGIN, BANNED, blacken, call, client_id, credential, signed, with_credential
from harness.packets import V5, V311

BOTH = pytest.mark.parametrize("version", [V311, V5])


@BOTH
def test_a_credential_is_its_client_ids_and_nobody_elses(stack, version):
    mine, other, none = client_id(), client_id(), client_id()
    key, secret = credential(stack, mine)
    other_key, other_secret = credential(stack, other)
    for made, name in [((key, secret), other), ((key, secret), none), ((other_key, secret), mine), ((key, other_secret), mine),
                       ((other_key, other_secret), mine), (("DC.nobody", secret), mine), ((key, ""), mine), (("", secret), mine),
                       ((key, secret + "x"), mine), ((stack.key_id, stack.secret), mine)]:
        with_credential(stack, made, name, version=version, reason=BAD_LOGIN[version])
    assert stack.status()["refused"]["bad_login"] == 10
    with_credential(stack, (key, secret), mine, version=version)


@BOTH
def test_the_newest_credential_wins_and_one_that_is_gone_lets_nobody_in(stack, version):
    name = client_id()
    old = credential(stack, name)
    connected = with_credential(stack, old, name, version=version)
    again = credential(stack, name)
    connected.ping()
    with_credential(stack, old, name, version=version, reason=BAD_LOGIN[version])
    connected.ping()
    refreshed = credential(stack, name, "RefreshDeviceCredential")
    with_credential(stack, again, name, version=version, reason=BAD_LOGIN[version])
    newest = with_credential(stack, refreshed, name, version=version)
    connected.ends(0x8E)
    call(stack, "UnRegisterDeviceCredential", ClientId=name)
    newest.ping()  # as documented
    with_credential(stack, refreshed, name, version=version, reason=BAD_LOGIN[version])
    newest.ping()
    blacken(stack, name)
    newest.ends(0x98)
    with_credential(stack, refreshed, name, version=version, reason=BANNED[version])


@BOTH
def test_it_may_everything(stack, version):
    name = client_id()
    p, watcher = with_credential(stack, credential(stack, name), name, version=version, will={"topic": "any/1"}), signed(stack)
    watcher.subscribe(("any/#", 1))
    p.subscribe("#", "$share/g/#")
    p.publish("any/0", b"x", 1)
    watcher.message(topic="any/0")
    p.cut()
    watcher.message(topic="any/1")


def test_many_are_there_at_once_and_after_a_restart(stack):
    made = {}

    def some(of):
        for name in of:
            made[name] = credential(stack, name)
    names = [client_id() for _ in range(40)]
    threads = [threading.Thread(target=some, args=(names[n::4],)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for _ in range(2):
        for name in names:
            with_credential(stack, made[name], name).leave()
        stack.broker.stop()
        stack.start_broker()
