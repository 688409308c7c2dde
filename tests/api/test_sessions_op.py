"""ListSessions: what the API asks brokers and makes of their answers, with brokers that a test plays, and with a real one."""
import signal
import threading
import time

import pytest
from harness.expect import answered, contents, refused
from harness.process import wait_until

BUT = ("broker_node", "request_nonce")
OPERATION = "ListSessions"
ROW = {"clientId": "pump-1", "address": "192.0.2.7:50122", "listener": "mqtts", "tls": "TLSv1.3", "domain": "a.example.com",
       "certificate": 15330001, "caSn": "0a", "deviceSn": "0b", "deviceSha256": "5b" * 32, "accessKeyId": "LTAIx",
       "connectedAt": 1739345768000, "revision": 42, "worker": 1}
SHOWN = {"ClientId": "pump-1", "Address": "192.0.2.7:50122", "Listener": "mqtts", "Tls": "TLSv1.3", "Domain": "a.example.com",
         "Certificate": "15330001-cn-hangzhou", "CaSn": "0a", "DeviceSn": "0b", "DeviceSha256": "5b" * 32, "AccessKeyId": "LTAIx",
         "ConnectedAt": 1739345768000, "Revision": 42, "Worker": 1}


@pytest.fixture
def play(played, instance):
    """play(answer to the op sessions) → a broker of the instance"""
    return lambda sessions, **others: played(instance, {"sessions": sessions, **others})


def ask(stack, instance, **params):
    return stack.api.v3(OPERATION, {"MqttInstanceId": instance, **{n: str(v) for n, v in params.items()}})


def listed(stack, instance, **params):
    return answered(ask(stack, instance, **params), OPERATION)


def page_of(rows, most=1000):
    """A broker with these rows, that gives `most` at a time."""
    def answer(request):
        part = rows[request["offset"]:request["offset"] + min(request["limit"], most)]
        return {"ok": True, "total": len(rows), "sessions": part}
    return answer


# ---- refusals ----

@pytest.mark.parametrize("params", [{"PageNo": 0}, {"PageNo": "x"}, {"PageSize": 0}, {"PageSize": 1001}, {"CaSn": "xyz"},
                                    {"DeviceSn": "1 2"}, {"DeviceSn": "1" * 129}, {"ClientId": "c" * 257}])
def test_wrong_parameters_are_named(shared, instance, params):
    name = next(iter(params))
    assert name in refused(ask(shared, instance, **params), f"Invalid{name}")


def test_an_instance_without_a_broker_says_so(shared, instance):
    before = contents(shared, BUT)
    assert "no broker listens here" in refused(ask(shared, instance), "NoBrokerAnswered")
    shared.sql(f"INSERT INTO broker_node (mqtt_instance_id, node_id, applied_revision) VALUES ('{instance}', 'far-away', 0)")
    assert "1 of the instance are alive" in refused(ask(shared, instance), "NoBrokerAnswered")
    assert contents(shared, BUT) == before


@pytest.mark.parametrize("answer", [{"ok": False, "error": "unknown op"}, b"no JSON\n", b"[]\n", {"ok": True}, {},
                                    {"ok": True, "total": 1, "sessions": {}}, {"ok": True, "total": 101, "sessions": [ROW] * 101},
                                    {"ok": "true", "total": 0, "sessions": []}],
                         ids=lambda a: str(a)[:40])
def test_a_broker_that_makes_no_sense_has_not_answered(shared, instance, play, answer):
    play(answer)
    refused(ask(shared, instance), "NoBrokerAnswered")


def test_a_broker_that_stops_talking_is_waited_for_once_and_not_long(shared, instance, play):
    play(lambda request: time.sleep(20) or b"\n")
    began = time.monotonic()
    assert "in time" in refused(ask(shared, instance), "NoBrokerAnswered")
    assert 1.5 < time.monotonic() - began < 12
    began = time.monotonic()
    for _ in range(5):
        refused(ask(shared, instance), "NoBrokerAnswered")
    assert time.monotonic() - began < 8  # two seconds each would be 10 s


# ---- what it says ----

def test_a_session_is_told_in_the_words_of_the_api(shared, instance, play):
    play(page_of([ROW]))
    got = listed(shared, instance)
    assert got == {**got, "MqttInstanceId": instance, "Sessions": [SHOWN], "Total": 1, "PageNo": 1, "PageSize": 100,
                   "Brokers": [{"NodeId": "node-1", "Answered": True}]}


def test_what_a_broker_does_not_say_is_empty(shared, instance, play):
    play(page_of([{}, {"clientId": 7, "worker": "x", "certificate": None, "more": "of it"}]))
    nothing = {n: "" if isinstance(v, str) else 0 for n, v in SHOWN.items()}
    assert listed(shared, instance)["Sessions"] == [nothing, nothing]


def test_pages_are_of_the_size_that_is_asked_for_whatever_a_broker_gives_at_a_time(shared, instance, play):
    rows = [{**ROW, "clientId": f"c{n}"} for n in range(25)]
    broker = play(page_of(rows, most=4))
    for page, size, wanted in ((1, 10, range(10)), (3, 10, range(20, 25)), (4, 10, ()), (1, 1000, range(25)), (1000000, 1000, ())):
        got = listed(shared, instance, PageNo=page, PageSize=size)
        assert [s["ClientId"] for s in got["Sessions"]] == [f"c{n}" for n in wanted]
        assert (got["Total"], got["PageNo"], got["PageSize"]) == (25, page, size)
    assert max(r["limit"] for r in broker.asked if r["op"] == "sessions") == 1000


def test_filters_are_asked_of_the_broker_in_the_way_it_writes_them(shared, instance, play):
    broker = play(page_of([]))
    listed(shared, instance, ClientId="GID_x@@@\u00e9 \U0001f600", CaSn="00:0A:FF", DeviceSn="8F")
    listed(shared, instance, ClientId="", DeviceSn="8" * 128)  # no serial number is as long as this
    first, second = [r for r in broker.asked if r["op"] == "sessions"]
    assert first == {"op": "sessions", "offset": 0, "limit": 100, "clientId": "GID_x@@@\u00e9 \U0001f600", "caSn": "0aff",
                     "deviceSn": "008f"}
    assert second == {"op": "sessions", "offset": 0, "limit": 100, "deviceSn": "-"}


def test_brokers_elsewhere_are_named_as_not_asked(shared, instance, play):
    play(page_of([ROW]))
    shared.sql(f"INSERT INTO broker_node (mqtt_instance_id, node_id, applied_revision, seen_at) VALUES ('{instance}', 'node-1', 0, "
               f"now()), ('{instance}', 'far-away', 0, now()), ('{instance}', 'long-gone', 0, now() - interval '1 hour')")
    assert listed(shared, instance)["Brokers"] == [{"NodeId": "node-1", "Answered": True}, {"NodeId": "far-away", "Answered": False}]


# ---- a real broker ----

def test_a_real_client_is_there_while_it_is_connected(stack, authority):
    certificate = stack.upload(authority.issue("a.example.com"))
    assert stack.set_sni(certificate, f"a.example.com#{certificate}").status == 200
    assert listed(stack, stack.instance)["Sessions"] == []
    tls = stack.client("GID_s@@@tls", sni="a.example.com")
    plain = stack.client("GID_s@@@plain", tls=False)
    got = listed(stack, stack.instance)
    assert got["Total"] == 2 and [b["Answered"] for b in got["Brokers"]] == [True]
    row = listed(stack, stack.instance, ClientId="GID_s@@@tls")["Sessions"][0]
    address = "%s:%d" % tls.sock.getsockname()
    assert row == {**row, "ClientId": "GID_s@@@tls", "Address": address, "Listener": "mqtts", "Tls": "TLSv1.3",
                   "Domain": "a.example.com", "Certificate": certificate, "AccessKeyId": stack.key_id, "CaSn": "", "DeviceSn": ""}
    assert abs(row["ConnectedAt"] / 1000 - time.time()) < 60
    other = listed(stack, stack.instance, ClientId="GID_s@@@plain")["Sessions"][0]
    assert (other["Listener"], other["Tls"], other["Domain"], other["Certificate"]) == ("mqtt", "", "", "")
    assert listed(stack, stack.instance, ClientId="GID_s@@@nobody")["Sessions"] == []
    assert listed(stack, stack.instance, CaSn="0a")["Total"] == 0
    plain.close()
    wait_until(lambda: listed(stack, stack.instance)["Total"] == 1, what="the session to end")
    tls.close()


def test_a_hung_broker_holds_nobody_up(stack):
    stack.broker.popen.send_signal(signal.SIGSTOP)
    try:
        refused(ask(stack, stack.instance), "NoBrokerAnswered")
        began = time.monotonic()
        replies = []
        threads = [threading.Thread(target=lambda: replies.append(ask(stack, stack.instance))) for _ in range(48)]
        for t in threads:
            t.start()
        assert stack.api.v3("ListInstances").status == 200
        for t in threads:
            t.join()
        # 48 calls on 8 threads that wait two seconds each would be 12 s
        assert {r.code for r in replies} == {"NoBrokerAnswered"} and time.monotonic() - began < 9
    finally:
        stack.broker.popen.send_signal(signal.SIGCONT)
    wait_until(lambda: ask(stack, stack.instance).status == 200, what="the broker to be asked again")
