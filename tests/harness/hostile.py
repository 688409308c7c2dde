"""What a parameter may be sent as, by everybody who means no good or does not know better; and the ways to send it."""
import base64
import http.client
import json

from .api import Api, percent
from .openapi import fits

NEEDLE = "zqNeedle7"  # in every value that has room for it: logs and errors must not
BIG = 100_000         # characters; more than this is sent in a body only

SQL = ["' OR 1=1 -- ", "'; DROP TABLE instance; --", "\\", "\\'", "$1", "%s%n%x", "$$", "E'\\x41'", "/*", "NULL"]
MARKUP = ["<a b='&amp;'>&#0;</a>", "]]>", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
          "{{7*7}}${jndi:x}"]
CONTROL = ["\r\nX-Injected: 1", "\t", " ", "\x01\x1b[31m\x7f", "\u202e\ufeff", "\ufffe\uffff", "\U0001f600", "e\u0301",
           "../../etc/passwd"]
NUMBERS = ["0", "-1", "1.5", "1e9", "0x10", "+1", " 1", "1 ", "\uff11", "007", "2147483648", "-9223372036854775809",
           "9223372036854775808", "9" * 40, "NaN", "true", "null", "[]", "{}"]

# What is no text at all, percent-encoded. Forms say which parameter it is.
UNDECODABLE = {"a '%' alone": b"%", "a '%' and one digit": b"a%4", "a '%' and no digits": b"%zz", "NUL": b"a%00b",
               "overlong '/'": b"%C0%AF", "overlong NUL": b"%C0%80", "overlong, three bytes": b"%E0%80%AF",
               "overlong, four bytes": b"%F0%82%82%AC",
               "a lone surrogate": b"%ED%A0%80", "a surrogate pair": b"%ED%A0%BD%ED%B8%80", "beyond U+10FFFF": b"%F4%90%80%80",
               "a lead byte alone": b"%C3", "a trail byte alone": b"%80", "no UTF-8 byte": b"%FF", "Latin-1": b"caf%E9"}
# The same inside a JSON string.
UNDECODABLE_JSON = {"an escaped NUL": b'"a\\u0000"', "a lone high surrogate": b'"\\ud800"',
                    "a lone low surrogate": b'"\\udc00x"', "no UTF-8 byte": b'"\xff"', "overlong '/'": b'"\xc0\xaf"',
                    "a control character": b'"\x01"', "a raw NUL": b'"\0"', "an unknown escape": b'"\\x41"', "no end": b'"a',
                    "too large a number": b"1e999", "too large an integer": b"9" * 40,
                    "a comment": b"/**/1", "NaN": b"NaN", "a word": b"tru", "very deep nesting": b"[" * 5000}

# JSON values that are not what a parameter is, and the text that they stand for: None is none at all.
JSON_ODD = [({}, None), ([], None), (None, None), (True, "true"), (False, "false"), (7, "7"), (-7, "-7"), (1.5, "1.5"),
            (2 ** 62, str(2 ** 62))]
JSON_PARTS = [{"a": 1}, {"1": "x"}, ["x"], [True], [["x"]], [{"a": {"b": 1}}], {"a": [None, 1]}]


def texts(parameter):
    """Values of a scalar parameter, right and wrong; None is none at all."""
    s = parameter.schema
    yield from (None, "")
    yield from (text + NEEDLE for text in SQL + MARKUP + CONTROL)
    yield from ("'", "\\", "$1", " ", "\t", "\n", "NULL", *NUMBERS)
    for choice in s.get("enum", ()):
        yield from (choice, choice.swapcase(), choice + " ", choice + "\n")
    low, high = s.get("minLength", 0), s.get("maxLength")
    if low > 1:
        yield from ("a" * (low - 1), "a" * low)
    if high is not None:
        yield from ("a" * (high + 1), "\U0001f600" * (high + 1) if high < BIG else "b" * (high + 2))
        if high < BIG:
            yield from ("a" * high, "\u00e9" * high, "\U0001f600" * high, (NEEDLE * high)[:high])
    for edge in (s.get("minimum"), s.get("maximum")):
        if edge is not None:
            yield from (str(edge - 1), str(edge), str(edge + 1))


NO_NUMBERS = ("0", "-1", "01", "x", "", "1x", "999999", "9" * 30, "\uff11")  # of no item


def list_of_texts_cases(parameter):
    """(pairs, whether they are right) for a parameter that is a list of texts."""
    name, items, most = parameter.name, parameter.schema["items"], parameter.schema["maxItems"]
    yield [(name, "x" + NEEDLE)], False
    yield [(f"{name}.1.Key", NEEDLE)], False
    for number in (*NO_NUMBERS, str(most + 1)):
        yield [(f"{name}.{number}", NEEDLE)], False
    for text in ("", NEEDLE * 100, *SQL, *MARKUP, *CONTROL):
        yield [(f"{name}.1", text)], text == "" or fits(items, text)
    yield [(f"{name}.1", "a"), (f"{name}.3", "a")], True
    yield [(f"{name}.{n}", "a") for n in range(1, most + 1)], True
    yield [(f"{name}.{n}", "a") for n in range(1, most + 2)], False


def list_cases(parameter):
    """(pairs, whether they are right) for a parameter that is a list."""
    name, items, most = parameter.name, parameter.schema["items"], parameter.schema["maxItems"]
    if "properties" not in items:
        yield from list_of_texts_cases(parameter)
        return
    members, required = items["properties"], items.get("required", [])
    right = {m: next(t for t in ("read", "a", "1") if fits(members[m], t)) for m in members}

    def item(number, **changed):
        row = {**right, **changed}
        return [(f"{name}.{number}.{m}", v) for m, v in row.items() if v is not None]

    yield [(name, "x" + NEEDLE)], False
    yield [(f"{name}.1", NEEDLE)], False
    for number in (*NO_NUMBERS, str(most + 1)):
        yield item(number), False
    for m, schema in members.items():
        yield [(f"{name}.1.{m}.x", "1")] + item(1), False
        for text in (None, "", NEEDLE * 100, *SQL, *MARKUP, *CONTROL):
            absent = not text and (text is None or any(k in schema for k in ("minLength", "pattern", "enum")) or m in required)
            yield item(1, **{m: text}), m not in required if absent else fits(schema, text)
    yield item(1) + item(3), not required
    yield item(most), most == 1 or not required


class Caller(Api):
    """Keeps one connection, and opens another when the server has ended it."""
    kept = None

    def send(self, method, target, headers=None, body=None, keep=None):
        for last in (False, True):
            fresh = self.kept is None
            if fresh:
                self.kept = self.connection()
            try:
                return super().send(method, target, headers, body, keep=self.kept)
            except (OSError, http.client.HTTPException):
                self.kept.close()
                self.kept = None
                if last or fresh:
                    raise
        raise AssertionError

    def authorization(self):
        return {"Authorization": "Basic " + base64.b64encode(f"{self.key_id}:{self.secret}".encode()).decode()}

    # The ways of sending parameters that are text; `params` is {name: text}.
    def ways(self, op):
        def json_body(params):
            return self.basic(op.name, params, version=op.version, as_json=True)

        def form(params):
            return self.basic(op.name, params, version=op.version)

        def query(params):
            return self.basic(op.name, params, version=op.version, method="GET")

        def v1_get(params):
            return self.v1(op.name, params, version=op.version, method="GET")

        def v1_post(params):
            return self.v1(op.name, params, version=op.version)

        def v3_get(params):
            return self.v3(op.name, params, version=op.version, method="GET")

        def v3_post(params):
            return self.v3(op.name, params, version=op.version)

        return [v1_get, form, v3_post, json_body, v3_get, v1_post, query]

    # Raw ones, with Basic.
    def raw(self, op, query=b"", body=b"", kind="application/x-www-form-urlencoded"):
        target = f"/{op.version}/{op.name}" + ("?" + query.decode("latin-1") if query else "")
        headers = {**self.authorization(), **({"Content-Type": kind} if body else {})}
        return self.send("POST" if body else "GET", target, headers, body or None)

    def raw_json(self, op, members, query=b""):
        """`members`: [(name, JSON bytes)]"""
        body = b"{" + b",".join(json.dumps(n).encode() + b":" + v for n, v in members) + b"}"
        return self.raw(op, query, body, "application/json")


def encoded(pairs):
    return "&".join(f"{percent(n)}={percent(v)}" for n, v in pairs).encode()


