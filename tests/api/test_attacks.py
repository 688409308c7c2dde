"""Requests that try to be taken for something else, to cost more than they should, or to get in each other's way."""
import base64
import hashlib
import hmac
import socket
import threading
import uuid
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.api import CAS, ONSMQTT, Api, canonical, percent, stamp
from harness.certs import openssl
from harness.expect import answered, contents, refused
from harness.process import wait_until

JSON = {"Content-Type": "application/json"}
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def exchange(stack, data, patience=20):
    """All that comes back until the server closes, or says nothing for a while."""
    with socket.create_connection(("127.0.0.1", stack.api.port)) as s:
        s.settimeout(patience)
        got = b""
        try:
            s.sendall(data)
            while part := s.recv(65536):
                got += part
        except OSError:
            pass
        return got


# ---- what is signed ----

def signed_without_action(api, path, headers):
    p = {"AccessKeyId": api.key_id, "Format": "JSON", "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
         "SignatureNonce": str(uuid.uuid4()), "Timestamp": stamp()}
    to_sign = f"GET&%2F&{percent(canonical(p))}"
    mac = hmac.new((api.secret + "&").encode(), to_sign.encode(), hashlib.sha1).digest()
    p["Signature"] = base64.b64encode(mac).decode()
    return api.send("GET", f"{path}?{canonical(p)}", headers)


@pytest.mark.parametrize("path, headers", [
    (f"/{ONSMQTT}/ListInstances", {}), ("/", {"x-acs-action": "ListInstances", "x-acs-version": ONSMQTT})])
def test_v1_takes_the_operation_from_signed_parameters_only(shared, path, headers):
    before = contents(shared)
    refused(signed_without_action(shared.api, path, headers), "MissingAction")
    assert contents(shared) == before


def test_v3_takes_the_operation_from_its_header_whatever_the_query_says(shared):
    query = {"MqttInstanceId": shared.instance, "Action": "ListInstances", "Version": CAS, "Signature": "x"}
    answered(shared.api.v3("DescribeInstance", query, where="query"), "DescribeInstance")


def test_garbage_of_the_other_scheme_does_not_help(shared):
    class Also(Api):
        def send(self, method, target, headers=None, body=None, keep=None):
            return super().send(method, target, {**(headers or {}), "Authorization": "ACS3-HMAC-SHA256 x"}, body, keep)

    refused(Also(shared.api.port, shared.key_id, shared.secret).v1("ListInstances"), "MissingAction")


# ---- where a request ends ----

AMBIGUOUS = {
    "a blank before the colon of a length": b"Content-Length : 3\r\n\r\na=b",
    "a tab before the colon of a length": b"Content-Length\t: 3\r\n\r\na=b",
    "a blank before the colon of a coding": b"Transfer-Encoding : chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "a length on a continuation line": b"Content-Length:\r\n 3\r\n\r\na=b",
    "a coding on a continuation line": b"Transfer-Encoding:\r\n chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "another coding": b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "no coding": b"Transfer-Encoding: identity\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
    "a length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 3\r\nContent-Length: 30\r\n\r\na=b",
    "two hosts": b"Host: y\r\nContent-Length: 3\r\n\r\na=b",
    "a bare CR": b"X-One: a\rContent-Length: 3\r\n\r\na=b",
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_what_a_proxy_may_read_in_another_way_is_refused_and_ends_the_connection(shared, what):
    got = exchange(shared, b"POST / HTTP/1.1\r\nHost: x\r\n" + FORM + AMBIGUOUS[what] + NEXT)
    assert got.startswith(b"HTTP/1.1 400 ") and b'"InvalidParameter"' in got, got
    assert b"alive" not in got and got.count(b"HTTP/1.1 ") == 1, got


# ---- cost ----

def peak_kb(stack):
    return stack.api_process.memory_kb("VmHWM")


@pytest.mark.parametrize("piece", ["[],", "{},", "1,"])
def test_a_json_bomb_is_refused_before_it_is_parsed(shared, piece):
    body = '{"a":[' + piece * (16 * 1024 * 1024 // len(piece)) + "0]}"
    shared.api.send("POST", f"/{ONSMQTT}/ListInstances", JSON, '{"a":"' + "x" * len(body) + '"}')
    before = peak_kb(shared)
    assert "values" in refused(shared.api.send("POST", f"/{ONSMQTT}/ListInstances", JSON, body), "InvalidParameter")
    assert peak_kb(shared) - before < 150 * 1024


def test_a_query_of_very_many_parameters_is_answered_and_forgotten(stack):
    """A sanitizer finds what is not forgotten, at the end of the stack."""
    for query in (b"&" * 60000, b"a&" * 30000, b"a&" * 400000):
        got = exchange(stack, b"GET /?" + query + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 400 ") and b'"RequestId"' in got, got[:200]
    answered(stack.api.v3("ListInstances"), "ListInstances")


def test_a_key_that_asks_for_too_much_work_is_refused_quickly(shared, authority):
    cert = authority.issue("slow.example.com")
    slow = openssl("pkcs8", "-topk8", "-in", cert.key_path, "-passout", "pass:pw", "-iter", "2000000").decode()
    der = base64.b64decode("".join(slow.splitlines()[1:-1]))
    rounds = (2000000).to_bytes(3, "big")
    assert der.count(rounds) == 1
    slower = base64.encodebytes(der.replace(rounds, b"\x7f\xff\xff")).decode()
    key = f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{slower}-----END ENCRYPTED PRIVATE KEY-----\n"
    cert_id = shared.upload(cert, key=key)
    why = refused(shared.set_sni(cert_id, f"slow.example.com#{cert_id}#pw"), "InvalidSniConfig")
    assert "2,000,000 rounds" in why


# ---- what comes back ----

@pytest.mark.parametrize("name", ["<a>&\"'", "]]></InstanceName>", "a\x01\x1b[31m", "a\ufffe\uffffb", "\U0001f600 \u202e",
                                  "&#0;&amp;"])
def test_xml_stays_well_formed_whatever_it_tells(shared, name):
    made = shared.api.v1("CreateInstance", {"InstanceName": name}, Format="XML")
    assert made.status == 200, made
    told = ET.fromstring(made.body.decode())
    told = ET.fromstring(shared.api.v1("DescribeInstance", {"MqttInstanceId": told.findtext("MqttInstanceId")},
                                       Format="XML").body.decode())
    expected = "".join("?" if c in "\x01\x1b\ufffe\uffff" else c for c in name)
    assert told.findtext("InstanceName") == expected
    error = shared.api.v1("SetSniConfig", {"MqttInstanceId": shared.instance, "DefaultCertificate": "1",
                                           "SniConfig": name + ".example.com#1"}, Format="XML")
    assert error.status == 400 and ET.fromstring(error.body.decode()).findtext("Code") == "InvalidSniConfig"


def test_a_key_that_spells_its_curve_out_is_refused(shared, tmp_path):
    key, crt = tmp_path / "k", tmp_path / "c"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit", "-noout", "-out", key)
    openssl("req", "-x509", "-new", "-key", key, "-subj", "/CN=x.example.com", "-days", "3", "-out", crt)
    reply = shared.api.v3("UploadUserCertificate", {"Name": "explicit", "Cert": crt.read_text(), "Key": key.read_text()},
                          version=CAS)
    assert "must name the curve" in refused(reply, "InvalidParameter")


# ---- in each other's way ----

def test_the_same_signed_request_at_two_api_processes_is_done_once(stack):
    other = stack._process("api2", "signet-api", {**stack.api_env, "SIGNET_API_LISTEN": "127.0.0.1:0"})
    other.start()
    ports = [stack.api.port, int(other.logged(r"listening=[^ ]*:(\d+)").group(1))]

    class Kept(Api):
        def send(self, *request, **_):
            self.request = request

    api = Kept(stack.api.port, stack.key_id, stack.secret)
    api.v3("CreateInstance", {"InstanceName": "once"})
    together = threading.Barrier(32)

    def send(n):
        together.wait()
        return Api(ports[n % 2], stack.key_id, stack.secret).send(*api.request).code

    with ThreadPoolExecutor(32) as pool:
        codes = list(pool.map(send, range(32)))
    assert (codes.count(None), codes.count("SignatureNonceUsed")) == (1, 31)


HOLD = """DO $$ BEGIN
    PERFORM FROM server_certificate WHERE id = {id} FOR UPDATE;
    FOR turn IN 1..1000 LOOP
        EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted);
        PERFORM pg_sleep(0.01);
    END LOOP;
    PERFORM FROM sni_certificate WHERE certificate_id = {id} FOR KEY SHARE;
END $$"""


def test_a_deletion_and_a_mapping_that_swaps_its_default_do_not_deadlock(stack, authority):
    """What DELETE does: it locks the certificate, then looks for rows that refer to it."""
    x, y = (stack.upload(authority.issue(f"{n}.example.com")) for n in "xy")
    assert stack.set_sni(y, f"a.example.com#{x}").status == 200
    deletion = threading.Thread(target=stack.sql, args=(HOLD.format(id=x.split("-")[0]),))
    deletion.start()
    wait_until(lambda: stack.sql("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'") != [], what="the lock")
    try:
        answered(stack.set_sni(x, f"a.example.com#{y}"), "SetSniConfig")
    finally:
        deletion.join()
    assert "deadlock" not in (stack.cluster.folder / "log" / "postgres.log").read_text()


BROKEN = {
    "a mapping without its certificate": "SELECT FROM sni_mapping m WHERE certificate_id IS NOT NULL AND NOT EXISTS "
    "(SELECT FROM server_certificate c JOIN sni_certificate s ON s.certificate_id = c.id WHERE c.id = m.certificate_id "
    "AND s.mqtt_instance_id = m.mqtt_instance_id)",
    "a certificate kept for no mapping": "SELECT FROM sni_certificate s WHERE NOT EXISTS (SELECT FROM sni_mapping m WHERE "
    "m.certificate_id = s.certificate_id AND m.mqtt_instance_id = s.mqtt_instance_id)",
    "a serving key that is missing or left behind": "SELECT FROM server_certificate c WHERE key_encrypted AND "
    "(serving_key_sealed IS NOT NULL) <> (EXISTS (SELECT FROM sni_certificate s WHERE s.certificate_id = c.id) OR EXISTS "
    "(SELECT FROM instance WHERE default_certificate_id = c.id))",
    "a password without need or a need without password": "SELECT FROM sni_mapping m JOIN server_certificate c ON c.id = "
    "m.certificate_id WHERE c.key_encrypted <> (m.password_sealed IS NOT NULL)",
}


def test_sixteen_clients_upload_map_and_delete_the_same_names_and_nothing_breaks(stack, authority):
    plain, locked = authority.issue("r.example.com"), authority.issue("r.example.com", password="pw")
    instances = [stack.instance, stack.api.v3("CreateInstance", {"InstanceName": "second"}).json["MqttInstanceId"]]
    known = {}  # name: (ID, has a password)

    def turn(n):
        name, api = f"race-{n % 7}", stack.api
        reply = api.v3("UploadUserCertificate", {"Name": name, "Cert": (locked if n % 2 else plain).chain,
                                                 "Key": (locked if n % 2 else plain).key}, version=CAS)
        if reply.status == 200:
            known[name] = (str(reply.json["CertId"]), bool(n % 2))
        replies, rows = [reply], list(known.values())
        for first in range(3):
            uses = [rows[(n + first * k) % len(rows)] for k in range(3)]
            config = ";".join(f"d{(n + k) % 5}-{k}.example.com#{c}" + ("#pw" if e else "") for k, (c, e) in enumerate(uses))
            replies.append(api.v3("SetSniConfig", {"MqttInstanceId": instances[(n + first) % 2],
                                                   "DefaultCertificate": uses[0][0], "SniConfig": config}))
        replies.append(api.v3("DeleteUserCertificate", {"CertId": rows[n % len(rows)][0]}, version=CAS))
        return [r for r in replies if r.status not in (200, 400)]

    turn(0)
    with ThreadPoolExecutor(16) as pool:
        strange = [r for found in pool.map(turn, range(1, 161)) for r in found]
    assert strange == []
    assert {what: stack.sql(f"SELECT count(*) FROM ({query}) q") for what, query in BROKEN.items()} == \
        dict.fromkeys(BROKEN, [["0"]])
