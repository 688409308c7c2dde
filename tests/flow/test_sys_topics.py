"""What the broker tells of itself below $SYS, and retained messages over a restart of it."""
import pytest
from harness.homes import name_at
from harness.packets import V5


@pytest.fixture
def lively(open_stack, clients_of):
    stack = open_stack(env={"SIGNET_SYS_SECONDS": 1})
    return stack, clients_of(stack)


def read_until(client, wanted):
    """The values by name, up to the moment when `wanted` says so."""
    values = {}
    while not wanted(values):
        m = client.message()
        assert m.topic.startswith("$SYS/broker/")
        values[m.topic.removeprefix("$SYS/broker/")] = m.payload.decode()
    return values


def test_who_asks_for_everything_gets_none_of_them(lively):
    _, mqtt = lively
    c = mqtt(name_at(0))
    c.subscribe(("#", 1), ("+/broker/uptime", 1))
    witness = mqtt(name_at(1))
    witness.subscribe(("$SYS/broker/uptime", 0))
    for _ in range(3):
        witness.message()
    c.silent()


def test_a_new_subscription_gets_them_at_once_and_changes_as_they_come(lively):
    _, mqtt = lively
    c = mqtt(name_at(1))  # not worker 0, which publishes them
    c.subscribe(("$SYS/#", 1))
    values = read_until(c, lambda v: {"version", "uptime", "clients/connected"} <= v.keys())
    assert values["version"].startswith("signet version ")
    assert values["uptime"].endswith(" seconds")
    for n in range(3):
        mqtt(name_at(0)).publish(f"a/{n}", b"x", 1, retain=True)
    read_until(c, lambda v: v.get("clients/connected") == "4" and v.get("publish/messages/received") == "3")
    assert float(read_until(c, lambda v: "load/publish/received/1min" in v)["load/publish/received/1min"]) > 0


def test_clients_cannot_publish_there(lively):
    _, mqtt = lively
    c = mqtt(name_at(0))
    c.subscribe(("$SYS/broker/mine", 1))
    reader = mqtt(name_at(1))
    c.publish("$SYS/broker/mine", b"forged", 0, retain=True)
    c.publish("a/b", b"behind it", 1)
    reader.subscribe(("$SYS/broker/mine", 1))
    c.silent()
    reader.silent()


def test_they_are_off_with_zero_seconds(stack, clients_of):
    c = clients_of(stack)(name_at(0))
    c.subscribe(("$SYS/#", 1))
    c.silent()


def test_retained_messages_survive_a_kill_and_those_removed_stay_away(stack, clients_of):
    mqtt = clients_of(stack)
    near, far = mqtt(name_at(0), V5), mqtt(name_at(1), V5)
    for n in range(20):
        (near, far)[n % 2].publish(f"r/{n}", b"first", 1, retain=True)
    for n in range(20):
        (far, near)[n % 2].publish(f"r/{n}", b"" if n % 3 == 0 else b"second", 1, retain=True)
    stack.broker.kill()
    stack.start_broker()
    c = clients_of(stack)(name_at(0))
    c.subscribe(("r/#", 1))
    got = {}
    while len(got) < 13:
        m = c.message(retain=1)
        got[m.topic] = m.payload
    assert got == {f"r/{n}": b"second" for n in range(20) if n % 3}
    c.silent()
