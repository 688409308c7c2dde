"""Every operation and every parameter of the OpenAPI documents, sent in every wrong way: whatever comes in, what goes out is an
answer that the documents have, names what is wrong, and has changed nothing. The API runs under sanitizers."""
import itertools
import json
import re
import xml.etree.ElementTree as ET

import pytest
from conftest import Opener
from harness.api import percent
from harness.expect import REQUEST_ID, answered, contents
from harness.hostile import (BIG, CONTROL, JSON_ODD, JSON_PARTS, MARKUP, NEEDLE, SQL, UNDECODABLE, UNDECODABLE_JSON, Caller,
                             encoded, list_cases, texts)
from harness.openapi import fits, operations

OPERATIONS = operations()
BY_ITSELF = ("broker_node", "request_nonce", "registration_code")  # tables that change by themselves, or by GetRegisterCode
NOBODY, FOREIGN = "mqtt-cn-nobody", "mqtt-cn-foreign"
MAKERS = ("ApplyToken", "CreateGroupId", "RegisterDeviceCredential", "CreateParentTopic")  # whose example would make something


class World:
    """A stack, what its log has said since the last look, and what its database held then."""

    def __init__(self, stack, authority):
        self.stack, self.api = stack, Caller(stack.api.port, stack.key_id, stack.secret)
        self.certificate = authority.issue("generated.example.com")
        self.default = stack.upload(self.certificate)
        stack.add_access_key("LTAIvictim", "x" * 30)
        stack.add_access_key("LTAIstranger", "y" * 30, 2)
        stranger = Caller(stack.api.port, "LTAIstranger", "y" * 30)
        answered(stranger.v3("CreateInstance", {"MqttInstanceId": FOREIGN}), "CreateInstance")
        self.read, self.held = stack.api_process.log.stat().st_size, contents(stack, BY_ITSELF)

    def log(self):
        with open(self.stack.api_process.log, "rb") as f:
            f.seek(self.read)
            new = f.read().decode("utf-8", "replace")
        self.read += len(new.encode())
        return new

    def problems(self, may_change=False):
        """What a test must not leave behind, wherever it went."""
        new, held = self.log(), contents(self.stack, BY_ITSELF)
        bad = (NEEDLE, "undocumented", " err=", "rror:")
        found = [line for line in new.splitlines() if any(word in line for word in bad)]
        if not may_change:
            found += [f"table {t} has changed" for t in held if held[t] != self.held[t]]
        if may_change:
            self.tidy()
            held = contents(self.stack, BY_ITSELF)
        self.held = held
        return found

    def tidy(self):
        """Lists get long otherwise, and everything slow."""
        self.stack.sql(f"DELETE FROM server_certificate WHERE id <> {self.default.partition('-')[0]};"
                       f"DELETE FROM instance WHERE mqtt_instance_id NOT IN ('{self.stack.instance}', '{FOREIGN}');"
                       "DELETE FROM access_key WHERE access_key_id LIKE 'LTAI5t%'; DELETE FROM custom_identity;"
                       "DELETE FROM custom_permission; DELETE FROM connect_black; DELETE FROM mqtt_group;"
                       "DELETE FROM parent_topic; DELETE FROM device_credential; UPDATE instance SET device_credentials = 0")

    def base(self, op):
        """Parameters that are all right, of a call that changes nothing."""
        found = {n: v for p in op.parameters if p.required for n, v in p.pairs().items()}
        known = {"MqttInstanceId": self.stack.instance, "InstanceId": self.stack.instance, "DefaultCertificate": self.default,
                 "DryRun": "true", "Mode": "one-way", "CertId": "999999999", "CertificateId": "999999999"}
        found.update({n: v for n, v in known.items() if n in found or n == "DryRun" and op.has(n)})
        return {**found, **{
            "CreateInstance": {"MqttInstanceId": self.stack.instance},       # exists already
            "DeleteInstance": {"MqttInstanceId": NOBODY},
            "UploadUserCertificate": {"Cert": "none", "Key": "none"},
            "CreateAccessKey": {"Grants.1.Action": "read", "Grants.1.MqttInstanceId": FOREIGN},
            "AddCustomAuthIdentity": {"Username": "\x01"},                   # as the broker would refuse them
            "AddCustomAuthPermission": {"Topic": "a/#/b"},
            "AddCustomAuthConnectBlack": {"ClientId": "\x01"},
            **{name: {op.instance: NOBODY} for name in MAKERS},
        }.get(op.name, {})}

    def lively(self, op):
        """The same of a call that may change something, so that odd values get as far as they can."""
        found = self.base(op)
        found.update({"UploadUserCertificate": {"Cert": self.certificate.chain, "Key": self.certificate.key},
                      "UpdateAccessKey": {"UserAccessKeyId": "LTAIvictim"}}.get(op.name, {}))
        found.update({"AddCustomAuthIdentity": {"Username": "a"}, "AddCustomAuthPermission": {"Topic": "a/#"},
                      "AddCustomAuthConnectBlack": {"ClientId": "a"},
                      **{name: {op.instance: self.stack.instance} for name in MAKERS}}.get(op.name, {}))
        gone = {"CreateInstance": ["MqttInstanceId"], "CreateAccessKey": ["Grants.1.Action", "Grants.1.MqttInstanceId"]}
        return {n: v for n, v in found.items() if n not in gone.get(op.name, ())}


@pytest.fixture(scope="module")
def world(cluster, authority, tmp_path_factory):
    roots = tmp_path_factory.mktemp("roots") / "roots.pem"  # one: OpenSSL reads them all to look for an issuer
    roots.write_text(authority.crt)
    opener = Opener(cluster)
    try:
        yield World(opener(env={"SSL_CERT_FILE": roots, "SSL_CERT_DIR": roots.parent}), authority)
    finally:
        opener.close()


def told(reply):
    """(Code, Message, what is wrong with the form of it)"""
    if reply.headers.get("content-type") == "text/xml;charset=utf-8":
        try:
            root = ET.fromstring(reply.body.decode())
        except (ET.ParseError, UnicodeDecodeError) as e:
            return None, "", f"no XML: {e}"
        row = {n: root.findtext(n) for n in ("Code", "Message", "RequestId", "HostId")}
        if (root.tag == "Error") != (reply.status != 200):
            return None, "", f"root is {root.tag}"
    else:
        row = reply.json
        if reply.headers.get("content-type") != "application/json;charset=utf-8" or not isinstance(row, dict):
            return None, "", "no JSON"
    if not REQUEST_ID.fullmatch(row.get("RequestId") or "") or reply.headers.get("x-acs-request-id") != row["RequestId"]:
        return None, "", "no request ID"
    return (None if reply.status == 200 else row.get("Code")), row.get("Message") or "", None


def check(op, reply, names, code=None, says=None):
    """None, or what is wrong: an answer of the documents, `code` if given, and a Message that has one of `names`."""
    found, message, broken = told(reply)
    if broken:
        return f"{broken}: {reply}"
    if reply.status == 200 and code is None:
        if reply.json is not None:
            answered(reply, op.name)
        return None
    documented = op.errors.get(found)
    if documented is None or documented["http"] != reply.status or reply.status >= 500:
        return f"not documented: {reply}"
    if code is not None and found != code:
        return f"{code} expected: {reply}"
    if NEEDLE in message and NEEDLE not in "".join(names or []) and found != "SignatureDoesNotMatch":
        return f"a value is quoted: {reply}"
    if says is not None and says not in message:
        return f"does not say {says!r}: {reply}"
    if code is None:  # the operation's own refusal, perhaps of what two parameters mean together
        names = [p.name for p in op.parameters] + [documented["message"].rstrip("."), "parameter's name"]
    if not any(n in message for n in names):
        return f"names none of {names}: {reply}"
    return None


def none(found):
    assert not found, f"{len(found)} problems:\n" + "\n".join(found[:25])


def by_turns(op):
    """The ways of sending, each in its turn: another one first for each operation."""
    return itertools.count(OPERATIONS.index(op) * 3)


def send_all(world, op, cases, code_of, times=2):
    """Sends each (name, params, value) in turn over two of the seven ways; the problems."""
    found, turn, ways = [], by_turns(op), world.api.ways(op)
    for name, params, value in cases:
        for _ in range(times):
            big = len(value or "") > BIG
            n = next(turn)
            way = ways[1] if big else ways[n % len(ways)]
            xml = n % 5 == 0
            reply = way({**params, "Format": "XML"} if xml else params)
            wrong = check(op, reply, [name], code_of(value))
            if wrong is None and xml != (reply.json is None):
                wrong = f"another form than asked for: {reply}"
            if wrong:
                found.append(f"{way.__name__} {name}={(value or '')[:60]!r}: {wrong}")
            if big:
                break
    return found


def without(params, name):
    return {n: v for n, v in params.items() if n != name and not n.startswith(name + ".")}


def wanted(op, p, text):
    """The Code that a value must be refused with; None when it may be right."""
    if text is None or text == "" and not p.free():
        return "Missing" + p.name if p.required else None
    return None if fits(p.schema, text) else op.invalid_code(p)


def scalar_cases(op, base, right):
    for p in op.parameters:
        if p.kind != "array":
            for text in texts(p):
                if (wanted(op, p, text) is None) == right:
                    params = without(base, p.name)
                    yield p, {**params, **({} if text is None else {p.name: text})}, text


@pytest.mark.parametrize("op", OPERATIONS, ids=str)
def test_a_wrong_value_is_refused_by_its_name(world, op):
    found = []
    for p, cases in itertools.groupby(scalar_cases(op, world.base(op), right=False), key=lambda c: c[0]):
        found += send_all(world, op, [(p.name, params, text) for _, params, text in cases],
                          lambda text, p=p: wanted(op, p, text))
    none(found + world.problems())


@pytest.mark.parametrize("op", OPERATIONS, ids=str)
def test_a_strange_value_that_is_allowed_harms_nothing(world, op):
    cases = [(p.name, params, text) for p, params, text in scalar_cases(op, world.lively(op), right=True)]
    none(send_all(world, op, cases, lambda text: None, times=1) + world.problems(may_change=not op.reads()))


@pytest.mark.parametrize("op", [op for op in OPERATIONS if any(p.kind == "array" for p in op.parameters)], ids=str)
def test_lists_are_numbered_items_without_surprises(world, op):
    found = []
    for p in op.parameters:
        if p.kind == "array":
            for pairs, right in list_cases(p):
                params = {**without(world.base(op), p.name), **dict(pairs)}
                code = None if right else op.invalid_code(p)
                found += send_all(world, op, [(p.name, params, None)], lambda _, code=code: code)
    none(found + world.problems(may_change=not op.reads()))


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.parameters], ids=str)
def test_what_is_no_text_is_refused_and_said_where(world, op):
    found, api = [], world.api
    for n, p in enumerate(op.parameters):
        rest = encoded((without(world.base(op), p.name)).items())
        for label, raw in UNDECODABLE.items():
            pair = percent(p.name).encode() + b"=" + raw
            for way, reply in (("query", api.raw(op, b"Format=XML&" + rest + b"&" + pair)),
                               ("form", api.raw(op, body=pair + b"&" + rest)),
                               ("name", api.raw(op, pair.replace(b"=", raw + b"=") + b"&" + rest))):
                names = ["parameter's name"] if way == "name" else [f"parameter {p.name} "]
                wrong = check(op, reply, names, "InvalidParameter")
                found += [f"{way} {p.name}, {label}: {wrong}"] if wrong else []
                found += [f"no XML: {reply}"] if (way == "query") != (reply.json is None) else []
        for label, raw in UNDECODABLE_JSON.items():
            reply = api.raw_json(op, [("First", b"1"), (p.name, raw)])
            wrong = check(op, reply, ["JSON body"], "InvalidParameter", "(line 1, column ")
            found += [f"JSON {p.name}, {label}: {wrong}"] if wrong else []
    none(found + world.problems())


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.parameters], ids=str)
def test_json_of_another_type_is_refused_or_means_the_same_as_its_text(world, op):
    found = []
    for p in op.parameters:
        base = [(n, json.dumps(v).encode()) for n, v in without(world.base(op), p.name).items() if "." not in n]
        cases = [(value, op.invalid_code(p), p.name) for value in JSON_PARTS]
        if p.kind == "array":
            if "properties" not in p.schema["items"]:
                cases = [(v, c, n) for v, c, n in cases if v not in ({"1": "x"}, ["x"], [True])]
            elif "required" not in p.schema["items"]:  # then an item may have members that nobody knows
                cases = [(v, c, n) for v, c, n in cases if v not in ([["x"]], [{"a": {"b": 1}}])]
            cases += [(value, op.invalid_code(p), p.name) for value in ("x", 1, True)]
        else:
            cases += [(value, wanted(op, p, text), p.name) for value, text in JSON_ODD]
        deep = json.loads("[" * 9 + "1" + "]" * 9)
        for value, code, name in [*cases, (deep, "InvalidParameter", "nested deeper")]:
            if p.name == "DryRun" and code is None and value is not True:
                continue  # would be done
            reply = world.api.raw_json(op, [(p.name, json.dumps(value).encode()), *base])
            wrong = check(op, reply, [name], code)
            found += [f"{p.name}={value}: {wrong}"] if wrong else []
    none(found + world.problems(may_change=not op.reads()))


@pytest.mark.parametrize("op", [op for op in OPERATIONS if op.parameters], ids=str)
def test_a_parameter_that_is_given_twice_is_refused_by_its_name(world, op):
    found, api = [], world.api
    for p in op.parameters:
        (name, value), base = next(iter(p.pairs().items())), without(world.base(op), p.name)
        pair, rest = encoded([(name, value)]), encoded(base.items())
        as_json = [(name, json.dumps(value).encode())]
        for way, reply in (("query", api.raw(op, pair + b"&" + rest + b"&" + pair)),
                           ("form", api.raw(op, body=pair + b"&" + pair + b"&" + rest)),
                           ("query and form", api.raw(op, pair, pair + b"&" + rest)),
                           ("with another value", api.raw(op, pair + b"&" + rest, pair + b"x")),
                           ("with no value", api.raw(op, pair + b"&" + rest + b"&" + percent(name).encode())),
                           ("written otherwise", api.raw(op, pair + b"&" + rest + b"&%" + pair[:1].hex().encode() + pair[1:])),
                           ("query and JSON", api.raw_json(op, as_json, pair)),
                           ("JSON", api.raw_json(op, as_json * 2))):
            names = ["a member more than once"] if way == "JSON" else [f"Parameter {name} "]
            wrong = check(op, reply, names, "InvalidParameter", "more than once")
            found += [f"{name}, {way}: {wrong}"] if wrong else []
    none(found + world.problems())


NAMES = [*(text + NEEDLE for text in SQL + MARKUP + CONTROL), "a" * 256, "\U0001f600" * 64, NEEDLE * 28, "__proto__",
         "RequestId", "mqttinstanceid", "MqttInstanceId ", " MqttInstanceId", "MqttInstanceId[]", "MqttInstanceId%00",
         "DryRun\u00a0", "."]


@pytest.mark.parametrize("op", OPERATIONS, ids=str)
def test_parameters_that_nobody_knows_change_nothing(world, op):
    found, turn, ways, base = [], by_turns(op), world.api.ways(op), world.base(op)
    code = told(ways[1](base))[0]
    for name in NAMES:
        way = ways[next(turn) % len(ways)]
        reply = way({**base, name: NEEDLE})
        wrong = check(op, reply, ["", NEEDLE], code) if code else (None if reply.status == 200 else f"{reply}")
        found += [f"{way.__name__} {name!r}: {wrong}"] if wrong else []
    inner = b'{"' + b"m" * 60 + b'":1}'
    for way, reply in (("query", world.api.raw(op, encoded([("a" * 257, "x")]))),
                       ("form", world.api.raw(op, body=encoded([("\u00e9" * 129, "x")]))),
                       ("JSON", world.api.raw_json(op, [("n" * 300, b"1")])),
                       ("JSON in JSON", world.api.raw_json(op, [("n" * 200, inner)])),
                       ("far too long", world.api.raw(op, body=encoded([(NEEDLE * 20000, "x")])))):
        wrong = check(op, reply, ["longer than 256 bytes"], "InvalidParameter")
        found += [f"{way}: {wrong}"] if wrong else []
    for way, reply in (("query", world.api.raw(op, b"=x")), ("JSON", world.api.raw_json(op, [("", b"1")]))):
        wrong = check(op, reply, ["an empty name"], "InvalidParameter")
        found += [f"{way}: {wrong}"] if wrong else []
    none(found + world.problems())


@pytest.mark.parametrize("op", OPERATIONS, ids=str)
def test_the_format_is_xml_when_asked_for_and_json_otherwise(world, op):
    found, ways, base = [], world.api.ways(op), world.base(op)
    code = told(ways[1](base))[0]
    for n, asked in enumerate(["XML", "xml", "JSON", "json", "", "XMLX", "YAML", NEEDLE, "' OR 1=1", "X" * 5000]):
        xml = asked.lower() == "xml"
        for way in (ways[n % len(ways)], ways[(n + 3) % len(ways)]):
            reply = way({**base, "Format": asked})
            got, _, broken = told(reply)
            if broken or got != code or xml != (reply.json is None):
                found.append(f"{way.__name__} Format={asked[:20]}: {broken} {reply}")
    twice = world.api.raw(op, b"Format=XML&Format=JSON")
    found += [f"twice: {twice}"] if check(op, twice, ["Parameter Format "], "InvalidParameter") else []
    none(found + world.problems())


LIST = next(op for op in OPERATIONS if op.name == "ListInstances")


def line(text):
    """As much of a text as can stand in a header, or in the path of a request."""
    return re.sub(r"[^\x20-\x7e]", "", text or "")


def test_what_says_who_is_asking_is_refused_when_it_is_anything_else(world):
    found, api = [], world.api
    for text in (None, "", *SQL, *MARKUP, *CONTROL, NEEDLE, NEEDLE * 500, "1", "null", "2020-13-45T25:61:61Z",
                 "2020-04-20T00:00:00Z", "HMAC-SHA256", "2.0", "' OR '1'='1"):
        for name in ("AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion", "Timestamp",
                     "Version", "Action", "SecurityToken", "Format"):
            def changed(p, name=name, text=text):
                p.pop(name, None)
                p.update({} if text is None else {name: text})

            for reply in (api.v1("ListInstances", change=changed), api.v1("ListInstances", method="GET", change=changed),
                          *([] if text is None or name == "Signature" else [api.v1("ListInstances", **{name: text})])):
                wrong = check(LIST, reply, None)
                found += [f"v1 {name}={text[:40] if text else text!r}: {wrong}"] if wrong else []
        for name in ("authorization", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce",
                     "x-acs-content-sha256", "x-acs-security-token", "x-acs-bearer-token", "host", "accept"):
            for signed in (False, True):
                value = line(text)
                reply = api.v3("ListInstances", **{name: value}) if signed and name != "authorization" else \
                    api.v3("ListInstances", change=lambda h, name=name, value=value: h.update({name: value}))
                wrong = check(LIST, reply, None)
                found += [f"v3 {name}={value[:40]!r}: {wrong}"] if wrong else []
        for target in (f"/{line(text)}", f"/2020-04-20/{line(text)}", f"/{line(text)}/ListInstances",
                       f"/?{percent(text or '')}", f"/openapi/{line(text)}"):
            reply = api.send("GET", target.replace(" ", "%20"), api.authorization())
            wrong = check(LIST, reply, None) if reply.status != 200 else f"{reply}"
            found += [f"{target[:60]!r}: {wrong}"] if wrong else []
    none(found + world.problems())
