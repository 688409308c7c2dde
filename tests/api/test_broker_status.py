"""GetBrokerStatus: what the API makes of what a broker says of itself, with brokers that a test plays, and with a real one."""
import signal
import time

import pytest
from harness import homes
from harness.expect import answered, contents, refused
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")
OPERATION = "GetBrokerStatus"
STATUS = {"ok": True, "node": "node-1", "version": "9.9.9", "applied": 42, "mode": "mutual", "loginRequired": True,
          "database": "away", "domains": 3, "certificates": 2, "cas": 4, "inactiveDevices": 5, "staples": 1,
          "reloads": 7, "lastReloadMs": 8, "loadedAt": 1739345768, "checkedAgoMs": 12, "workers": 2, "uptimeMs": 61999,
          "problem": "no word of this",
          "listeners": [{"name": "mqtts", "address": "::", "port": 8883, "tls": True, "proxy": True}],
          "refused": {"name_unknown": 3, "expired": 1},
          "rejected": [{"domain": "a.example.com", "certificate": "7", "error": "bad"}],
          "counters": {"handshakes": 11, "handshakes_resumed": 5, "handshakes_failed": 2, "messages_in": 100, "messages_out": 200,
                       "sessions": 6, "sessions_connected": 4}}


@pytest.fixture
def play(played, instance):
    """play(answer to the op status) → a broker of the instance"""
    return lambda status: played(instance, {"status": status})


def ask(stack, instance=None):
    return stack.api.v3(OPERATION, {"MqttInstanceId": instance or stack.instance})


def told(stack, instance=None):
    return answered(ask(stack, instance), OPERATION)


# ---- refusals ----

def test_the_instance_must_be_named_and_there(shared):
    refused(shared.api.v3(OPERATION), "MissingMqttInstanceId")
    refused(ask(shared, "a b"), "InvalidMqttInstanceId")
    refused(ask(shared, "mqtt-cn-nowhere"), "MqttInstanceNotFound")


def test_an_instance_without_a_broker_here_is_no_error(shared, instance):
    before = contents(shared, BUT)
    got = told(shared, instance)
    assert (got["LocalReason"], got["State"], got["Nodes"]) == ("no broker listens here", "none", []) and "Local" not in got
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("answer", [{"ok": False, "error": "unknown op"}, b"no JSON\n", b"[]\n", {}, {"ok": "true"}],
                         ids=lambda a: str(a)[:40])
def test_a_broker_that_makes_no_sense_has_refused(shared, instance, play, answer):
    play(answer)
    got = told(shared, instance)
    assert got["LocalReason"] == "the broker here has refused" and "Local" not in got


def test_a_broker_that_stops_talking_is_not_waited_for_long(shared, instance, play):
    play(lambda request: time.sleep(4) or b"\n")
    began = time.monotonic()
    assert told(shared, instance)["LocalReason"] == "the broker here has not answered in time"
    assert 1.5 < time.monotonic() - began < 3.5


# ---- what it says ----

def test_a_broker_is_told_in_the_words_of_the_api(shared, instance, play):
    play(STATUS)
    got = told(shared, instance)
    assert "LocalReason" not in got
    local = got["Local"]
    assert local == {**local, "NodeId": "node-1", "Version": "9.9.9", "Revision": 42, "Mode": "mutual", "LoginRequired": True,
                     "Database": "away", "DomainCount": 3, "CertificateCount": 2, "CaCount": 4, "InactiveDeviceCount": 5,
                     "StapleCount": 1, "Reloads": 7, "LastReloadMs": 8, "LoadedAt": 1739345768000, "CheckedAgoMs": 12,
                     "Workers": 2, "UptimeSeconds": 61, "Rejected": STATUS["rejected"],
                     "Listeners": [{"Name": "mqtts", "Address": "::", "Port": 8883, "Tls": True, "Proxy": True}]}
    assert {r["Reason"]: r["Count"] for r in local["Refusals"]} == STATUS["refused"]
    counters = {n: v for n, v in local["Counters"].items() if v}
    assert counters == {"Handshakes": 11, "HandshakesResumed": 5, "HandshakesFailed": 2, "MessagesReceived": 100,
                        "MessagesSent": 200, "Sessions": 6, "SessionsConnected": 4}
    assert "no word" not in str(got)


@pytest.mark.parametrize("nonsense", [{}, {"listeners": [{}, 7], "refused": [], "rejected": {}, "counters": "x",
                                           "workers": "2", "loginRequired": 1, "loadedAt": 2 ** 63 - 1, "node": None}],
                         ids=["nothing", "nonsense"])
def test_what_a_broker_does_not_say_is_empty(shared, instance, play, nonsense):
    play({"ok": True, **nonsense})
    local = told(shared, instance)["Local"]
    assert local.pop("Listeners") == [{"Name": "", "Address": "", "Port": 0, "Tls": False, "Proxy": False}] * bool(nonsense) * 2
    assert not any(local.pop("Counters").values()) and not any(local.values())


def test_nodes_are_those_of_the_rollout(shared, instance, play):
    play(STATUS)
    shared.sql(f"INSERT INTO broker_node (mqtt_instance_id, node_id, applied_revision, seen_at) VALUES "
               f"('{instance}', 'node-1', 0, now()), ('{instance}', 'long-gone', 0, now() - interval '1 hour')")
    got = told(shared, instance)
    rollout = answered(shared.api.v3("GetRolloutStatus", {"MqttInstanceId": instance}), "GetRolloutStatus")
    assert (got["Nodes"], got["State"], got["Revision"]) == (rollout["Brokers"], rollout["State"], rollout["Revision"])
    assert [(n["NodeId"], n["Alive"]) for n in got["Nodes"]] == [("node-1", True), ("long-gone", False)]


# ---- a real broker ----

def test_a_real_broker_tells_what_happens_to_it(stack, authority):
    before = told(stack)["Local"]
    assert before["NodeId"] in [n["NodeId"] for n in told(stack)["Nodes"]]
    ports = {row["Name"]: (row["Port"], row["Tls"], row["Address"], row["Proxy"]) for row in before["Listeners"]}
    assert ports == {"mqtts": (stack.tls_port, True, "127.0.0.1", False), "mqtt": (stack.tcp_port, False, "127.0.0.1", False)}
    assert (before["Mode"], before["Database"], before["DomainCount"], before["Workers"]) == ("one-way", "ok", 0, 2)
    certificate = stack.upload(authority.issue("a.example.com"))
    assert stack.set_sni(certificate, f"a.example.com#{certificate}").status == 200
    stack.client(homes.name(), sni="a.example.com").close()
    stack.client(homes.name(), tls=False, login=(stack.key_id, "wrong", stack.instance)).close()

    def after():
        now = told(stack)["Local"]
        counted = {n: now["Counters"][n] - before["Counters"][n] for n in ("Handshakes", "Connects", "ConnectsRefused")}
        return now if counted == {"Handshakes": 1, "Connects": 1, "ConnectsRefused": 1} else None

    now = wait_until(after, what="all to be counted")
    assert (now["Revision"], now["DomainCount"]) == (stack.revision(), 1)
    assert {"Reason": "bad_login", "Count": 1} in now["Refusals"]
    assert abs(now["LoadedAt"] / 1000 - time.time()) < 120


def test_an_entry_that_the_broker_refuses_is_told(stack, authority):
    certificate = stack.upload(authority.issue("a.example.com"))
    stack.sql(f"UPDATE server_certificate SET serving_key_sealed = '\\x00' WHERE id = {certificate.partition('-')[0]}")
    stack.set_sni(certificate, f"a.example.com#{certificate}")
    rejected = wait_until(lambda: told(stack)["Local"]["Rejected"], what="the broker to look at it")
    assert any(row.get("domain") == "a.example.com" and row["error"] for row in rejected)


def test_a_hung_broker_is_told_as_such(stack):
    stack.broker.popen.send_signal(signal.SIGSTOP)
    try:
        assert told(stack)["LocalReason"] == "the broker here has not answered in time"
        began = time.monotonic()
        assert told(stack)["LocalReason"] == "the broker here has not answered in time"
        assert time.monotonic() - began < 1.5
    finally:
        stack.broker.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: "Local" in told(stack), what="the broker to be asked again")
