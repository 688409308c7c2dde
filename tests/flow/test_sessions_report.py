"""The control operations sessions and disconnect: who is there, and out with him."""
import random
import socket
import struct
import threading
import time

import pytest
from device_cases import World
from harness.homes import name, name_at
from harness.mqtt import Client, connect_packet, password, tls_context
from harness.process import wait_until
from harness.raw_tls import room_for_descriptors

DOMAIN = "sessions.example.com"


def sessions(stack, **fields):
    answer = stack.control({"op": "sessions", **fields})
    assert answer["ok"], answer
    return answer


def disconnect(stack, **fields):
    answer = stack.control({"op": "disconnect", **fields})
    assert answer["ok"], answer
    return answer["disconnected"]


WRONG_PAGE = ["limit must be a whole number, 1 to 1000", "offset must be a whole number, 0 or above"]
WRONG_TEXT = "clientId, caSn and deviceSn must be texts of 1 to 1024 bytes"
WHO = "disconnect needs clientId, or caSn and deviceSn"


@pytest.mark.parametrize("request_fields, error", [
    ({"op": "sessions", "limit": 0}, WRONG_PAGE[0]), ({"op": "sessions", "limit": 1001}, WRONG_PAGE[0]),
    ({"op": "sessions", "limit": "10"}, WRONG_PAGE[0]), ({"op": "sessions", "limit": 1.5}, WRONG_PAGE[0]),
    ({"op": "sessions", "limit": None}, WRONG_PAGE[0]), ({"op": "sessions", "offset": -1}, WRONG_PAGE[1]),
    ({"op": "sessions", "offset": []}, WRONG_PAGE[1]), ({"op": "sessions", "clientId": ""}, WRONG_TEXT),
    ({"op": "sessions", "clientId": 7}, WRONG_TEXT), ({"op": "sessions", "caSn": "a" * 1025}, WRONG_TEXT),
    ({"op": "sessions", "deviceSn": ["a"]}, WRONG_TEXT), ({"op": "disconnect"}, WHO), ({"op": "disconnect", "caSn": "00"}, WHO),
    ({"op": "disconnect", "deviceSn": "00"}, WHO), ({"op": "disconnect", "clientId": ""}, WRONG_TEXT),
])
def test_a_wrong_question_is_told_so_and_changes_nothing(shared, client, request_fields, error):
    c = client()
    assert shared.control(request_fields) == {"ok": False, "error": error}
    c.ping()


def test_nobody_is_there(open_stack):
    assert sessions(open_stack()) == {"ok": True, "total": 0, "sessions": []}


def test_one_that_is_not_there_is_not_found_and_not_disconnected(shared, client):
    c = client()
    assert sessions(shared, clientId=c.client_id + "x")["total"] == 0
    assert disconnect(shared, clientId=c.client_id + "x") == 0
    assert disconnect(shared, caSn="00", deviceSn="00") == 0
    c.ping()


def test_what_is_told_of_a_client_without_tls(shared, client):
    before = time.time() - 1
    c = client()
    (row,) = sessions(shared, clientId=c.client_id)["sessions"]
    host, port = c.sock.getsockname()
    assert before * 1000 <= row.pop("connectedAt") <= time.time() * 1000
    assert row.pop("worker") in (0, 1)
    assert row == {"clientId": c.client_id, "address": f"{host}:{port}", "listener": "mqtt", "tls": "", "domain": "",
                   "certificate": 0, "caSn": "", "deviceSn": "", "deviceSha256": "", "accessKeyId": shared.key_id,
                   "revision": shared.revision()}


@pytest.fixture
def world(open_stack, authority, tmp_path):
    w = World(open_stack(), tmp_path)
    w.certificate = w.stack.upload(authority.issue(DOMAIN))
    assert w.stack.set_sni(w.certificate, f"{DOMAIN}#{w.certificate}").status == 200
    return w


def device(world, cert):
    presented, context = world.present(cert), tls_context()
    context.load_cert_chain(presented.cert, presented.key)
    c = Client(world.stack.tls_port, name(), sni=DOMAIN, context=context)
    assert c.code == 0
    return c


def test_what_is_told_of_a_client_with_tls(world):
    c = world.stack.client(name(), sni=DOMAIN.upper())
    (row,) = sessions(world.stack)["sessions"]
    assert row["domain"] == DOMAIN.upper(), "as it was sent"
    assert (row["tls"], row["listener"]) == (c.sock.version(), "mqtts") == ("TLSv1.3", "mqtts")
    assert f"{row['certificate']}-cn-hangzhou" == world.certificate
    assert row["accessKeyId"] == world.stack.key_id and row["deviceSha256"] == ""
    revision = world.stack.revision()
    world.ca()  # a new revision: it was let in under the one before
    assert world.stack.revision() > revision == sessions(world.stack)["sessions"][0]["revision"]
    c.close()


def test_devices_are_found_by_their_certificate_and_cut_off_alone(world):
    stack = world.stack
    world.call("SetAuthenticationMode", Mode="mutual")
    one, other = world.ca("one"), world.ca("other")
    certs = [one.device("a"), one.device("b"), other.device("c")]
    clients = [device(world, c) for c in certs]
    twin = device(world, certs[0])  # the same certificate, another client ID
    (row,) = sessions(stack, clientId=clients[1].client_id)["sessions"]
    assert (row["caSn"], row["deviceSn"], row["deviceSha256"]) == (one.sn, certs[1].sn, certs[1].sha256)
    assert row["accessKeyId"] == ""
    assert sessions(stack, caSn=one.sn)["total"] == 3 and sessions(stack, caSn=other.sn)["total"] == 1
    assert sessions(stack, deviceSn=certs[0].sn)["total"] == 2
    assert sessions(stack, caSn=other.sn, deviceSn=certs[0].sn)["total"] == 0
    assert sessions(stack, caSn=one.sn, deviceSn=certs[0].sn, clientId=twin.client_id)["total"] == 1
    assert disconnect(stack, caSn=other.sn, deviceSn=certs[0].sn) == 0
    assert disconnect(stack, caSn=one.sn, deviceSn=certs[0].sn) == 2
    assert clients[0].closed() and twin.closed()
    assert sessions(stack)["total"] == 2
    assert stack.broker.text().count('end="disconnected by an operator"') == 2
    clients[1].ping()
    clients[2].ping()
    again = device(world, certs[0])  # it may come again: that is what inactivation is for
    for c in (*clients[1:], again):
        c.close()


@pytest.mark.parametrize("home", [0, 1])
def test_a_client_is_cut_off_by_its_id_on_every_worker(shared, home):
    c, other = (shared.client(name_at(home), tls=False) for _ in range(2))
    assert disconnect(shared, clientId=c.client_id) == 1
    assert c.closed()
    other.ping()
    assert sessions(shared, clientId=c.client_id)["total"] == 0
    assert disconnect(shared, clientId=c.client_id) == 0
    other.close()


def test_who_has_not_come_to_connect_is_no_session(shared, client):
    known = client()
    wait_until(lambda: sessions(shared)["total"] == 1, what="earlier clients to be gone")
    before = 1
    with socket.create_connection(("127.0.0.1", shared.tcp_port)):
        wait_until(lambda: shared.status()["counters"]["connections"] > before, what="it to be there")
        assert sessions(shared)["total"] == before
    known.ping()


def pages(stack, limit, **fields):
    found = []
    while True:
        answer = sessions(stack, offset=len(found), limit=limit, **fields)
        found += answer["sessions"]
        assert len(answer["sessions"]) <= limit
        if not answer["sessions"] or len(found) >= answer["total"]:
            return found, answer["total"]


def crowd(stack, names):
    """Plain connections, quickly; each has its CONNACK."""
    key_id, secret, instance = stack.login()
    made = []
    for n in names:
        s = socket.create_connection(("127.0.0.1", stack.tcp_port), timeout=20)
        s.sendall(connect_packet(n, f"Signature|{key_id}|{instance}", password(secret, n)))
        made.append(s)
    for s in made:
        assert s.recv(4) == b"\x20\x02\x00\x00"
    return made


def test_pages_hold_everybody_once_newest_first_on_each_worker(open_stack):
    stack = open_stack()
    names = [f"GID_p@@@{n}" for n in range(250)]
    held = crowd(stack, names)
    for limit in (1000, 100, 99, 1):
        found, total = pages(stack, limit) if limit > 1 else pages(stack, 1, clientId=names[7])
        assert total == (250 if limit > 1 else 1)
        if limit > 1:
            assert sorted(r["clientId"] for r in found) == sorted(names)
            assert [r["worker"] for r in found] == sorted(r["worker"] for r in found)
            for worker in (0, 1):
                times = [r["connectedAt"] for r in found if r["worker"] == worker]
                assert len(times) > 20 and times == sorted(times, reverse=True)
    assert sessions(stack)["sessions"] == sessions(stack, offset=0, limit=100)["sessions"]
    assert sessions(stack, offset=250) == {"ok": True, "total": 250, "sessions": []}
    assert sessions(stack, offset=2 ** 62)["sessions"] == []
    for s in held:
        s.close()


def test_a_page_that_would_be_too_long_a_line_is_shorter(open_stack):
    """Client IDs of 256 control characters are 1,536 bytes each in JSON."""
    stack = open_stack()
    names = ["\x01" * 250 + f"{n:06}" for n in range(900)]
    held = crowd(stack, names)
    first = sessions(stack, limit=1000)
    assert first["total"] == 900 and 400 < len(first["sessions"]) < 900
    found, _ = pages(stack, 1000)
    assert sorted(r["clientId"] for r in found) == names
    for s in held:
        s.close()


def test_names_of_any_bytes_are_told_in_what_json_can_say(world):
    hello = sni_hello(b"a\xff\xfeb")
    with socket.create_connection(("127.0.0.1", world.stack.tls_port), timeout=10) as s:
        s.sendall(hello)
        assert s.recv(5)  # whatever it thinks of it
    assert sessions(world.stack)["total"] == 0


def sni_hello(sni):
    """A ClientHello of TLS 1.2 with such a name."""
    entry = b"\0" + struct.pack(">H", len(sni)) + sni
    extension = struct.pack(">HHH", 0, len(entry) + 2, len(entry)) + entry
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\2\xc0\x2b" + b"\1\0" + struct.pack(">H", len(extension)) + extension
    message = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def test_many_questions_at_once_while_clients_come_and_go(open_stack):
    """Nobody is told twice within one page, and who was there all the time is in it; others' pings are not late."""
    count = 3000
    room_for_descriptors(2 * count + 500)
    stack = open_stack()
    held = crowd(stack, [f"GID_m@@@{n}" for n in range(count)])
    watcher, longest = stack.client(name(), tls=False), 0
    for n in range(60):
        leaving = held[n * 10:n * 10 + 10]
        for s in leaving:
            s.close()
        answer = sessions(stack, offset=n * 40, limit=1000)
        told = [r["clientId"] for r in answer["sessions"]]
        assert len(told) == len(set(told))
        assert count + 1 - 10 * (n + 1) - n <= answer["total"] <= count + 1
        assert disconnect(stack, clientId=f"GID_m@@@{count - 1 - n}") == 1
        asked = time.monotonic()
        watcher.ping()
        longest = max(longest, time.monotonic() - asked)
    assert longest < 5  # on a machine that may stall; a report of all at once is one walk in slices
    wait_until(lambda: sessions(stack)["total"] == count + 1 - 660, what="those to be gone")
    found, _ = pages(stack, 1000)
    expected = {f"GID_m@@@{n}" for n in range(600, count - 60)} | {watcher.client_id}
    assert {r["clientId"] for r in found} == expected and len(found) == len(expected)
    watcher.close()
    for s in held:
        s.close()


def test_clients_may_leave_while_they_are_looked_at(open_stack):
    """A walk goes on behind one that leaves just when it is its turn."""
    stack = open_stack(workers=1)
    held = crowd(stack, [f"GID_l@@@{n}" for n in range(2000)])
    random.Random(1).shuffle(held)
    over, totals = threading.Event(), []

    def ask():
        while not over.is_set():
            totals.append(sessions(stack, limit=1000)["total"])

    askers = [threading.Thread(target=ask) for _ in range(6)]
    for t in askers:
        t.start()
    for s in held:
        s.close()
        time.sleep(0.001)
    wait_until(lambda: stack.status()["counters"]["connections"] == 0, what="all to have left")
    over.set()
    for t in askers:
        t.join()
    assert any(0 < t < 2000 for t in totals), "they were not asked for while they left"
    assert sessions(stack)["total"] == 0


def test_questions_are_under_way_when_the_broker_stops(open_stack):
    stack = open_stack()
    held = crowd(stack, [f"GID_q@@@{n}" for n in range(200)])
    askers = []
    for _ in range(20):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(stack.run_dir / f"{stack.instance}.sock"))
        s.sendall(b'{"op":"sessions"}\n' * 50)
        askers.append(s)
    assert stack.broker.stop() == 0
    for s in askers + held:
        s.close()
    stack.start_broker()
    assert sessions(stack)["total"] == 0
