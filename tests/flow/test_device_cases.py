"""What becomes of a device that connects, case by case: each with TLS 1.2 and 1.3, by openssl s_client, mosquitto_pub and
MQTT.js, fresh and with a session that it saved before."""
import inspect
import re

import pytest
from device_cases import CASES, World
from harness.device_clients import VERSIONS, Clients
from harness.process import ROOT, wait_until

DOMAIN = "cases.example.com"
PAGE = ROOT / "docs" / "device-certificate-cases.md"


@pytest.fixture(scope="module")
def mutual(shared, authority):
    cert = shared.upload(authority.issue(DOMAIN))
    assert shared.set_sni(cert, f"{DOMAIN}#{cert}").status == 200
    assert shared.api.v3("SetAuthenticationMode", {"MqttInstanceId": shared.instance, "Mode": "mutual"}).status == 200
    return shared


@pytest.fixture
def world(mutual, authority, tmp_path):
    w = World(mutual, tmp_path)
    w.clients = Clients(mutual, DOMAIN, authority.crt_path, tmp_path)
    yield w
    w.clients.close()
    for undo in reversed(w.undo):
        undo()


def refusals(stack):
    return stack.status()["refused"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", CASES)
def test_case(world, name, version):
    function, expected, refusal, _ = CASES[name]
    expected = expected if isinstance(expected, str) else expected[VERSIONS.index(version)]
    made = function(world)
    presented, login = made if isinstance(made, tuple) else (made, None)
    for client, connect in world.clients.all.items():
        before = refusals(world.stack).get(refusal, 0)
        assert connect(presented, version, login) == expected, f"{client}: {world.stack.broker.text()[-3000:]}"
        if refusal:  # the client hears of it before it is counted
            wait_until(lambda: refusals(world.stack).get(refusal, 0) > before, what=f"{client} counted as {refusal}")
            assert refusals(world.stack)[refusal] == before + 1, (client, refusals(world.stack))


@pytest.mark.parametrize("version", VERSIONS)
def test_there_is_no_session_to_save(world, version):
    ca = world.ca()
    saved = world.folder / "session"
    assert world.clients.s_client(world.present(ca.device()), version, session_out=saved) == "CONNACK 0"
    assert not saved.exists()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [n for n, c in CASES.items() if "w.known(" in inspect.getsource(c[0])])
def test_a_session_from_before_changes_nothing(world, name, version, monkeypatch):
    """The device has a session ticket from when the mode was one-way, and brings it after the state has come about."""
    function, expected, _, _ = CASES[name]
    saved = world.folder / "session"
    known = world.known

    def known_with_a_session(ca, cert, *chain):
        world.call("SetAuthenticationMode", Mode="one-way")
        presented = world.present(cert, *chain)
        assert world.clients.s_client(presented, version, world.login(), session_out=saved) == "CONNACK 0"
        world.call("SetAuthenticationMode", Mode="mutual")
        return known(ca, cert, *chain)

    monkeypatch.setattr(world, "known", known_with_a_session)
    made = function(world)
    presented, login = made if isinstance(made, tuple) else (made, None)
    assert saved.exists(), "the case knows no device"
    assert world.clients.s_client(presented, version, login, session_in=saved) == expected


def table():
    rows = ["| case | TLS 1.2 | TLS 1.3 | refusal |", "|---|---|---|---|"]
    for name, (_, expected, refusal, text) in CASES.items():
        both = (expected, expected) if isinstance(expected, str) else expected
        rows.append(f"| {text} (`{name}`) | {both[0]} | {both[1]} | {f'`{refusal}`' if refusal else ''} |")
    return "\n".join(rows)


def test_the_page_has_these_cases():
    assert len(CASES) >= 40
    written = re.search(r"^\| case .*?(?=\n\n|\Z)", PAGE.read_text(), re.S | re.M).group(0).rstrip()
    assert written == table(), "docs/device-certificate-cases.md differs; it should have:\n" + table()
