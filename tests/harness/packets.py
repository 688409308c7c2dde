"""MQTT packets of 3.1, 3.1.1 and 5.0: built from values, and taken apart with every rule for what a server may send checked."""
import struct

from .mqtt import packet, text

V31, V311, V5 = 3, 4, 5
VERSIONS = {V31: "3.1", V311: "3.1.1", V5: "5.0"}
TYPES = [None, "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE",
         "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"]

# name: (identifier, kind, where a client may send it, where a server may)
ACKS = "PUBACK PUBREC PUBREL PUBCOMP"
PROPERTIES = {
    "payload_format": (0x01, "byte", "PUBLISH WILL", "PUBLISH"),
    "message_expiry": (0x02, "four", "PUBLISH WILL", "PUBLISH"),
    "content_type": (0x03, "text", "PUBLISH WILL", "PUBLISH"),
    "response_topic": (0x08, "text", "PUBLISH WILL", "PUBLISH"),
    "correlation": (0x09, "binary", "PUBLISH WILL", "PUBLISH"),
    "subscription_id": (0x0B, "variable", "SUBSCRIBE", "PUBLISH"),
    "session_expiry": (0x11, "four", "CONNECT DISCONNECT", "CONNACK"),
    "assigned_client_id": (0x12, "text", "", "CONNACK"),
    "server_keep_alive": (0x13, "two", "", "CONNACK"),
    "auth_method": (0x15, "text", "CONNECT AUTH", "CONNACK AUTH"),
    "auth_data": (0x16, "binary", "CONNECT AUTH", "CONNACK AUTH"),
    "request_problem": (0x17, "byte", "CONNECT", ""),
    "will_delay": (0x18, "four", "WILL", ""),
    "request_response": (0x19, "byte", "CONNECT", ""),
    "response_information": (0x1A, "text", "", "CONNACK"),
    "server_reference": (0x1C, "text", "", "CONNACK DISCONNECT"),
    "reason_string": (0x1F, "text", f"{ACKS} DISCONNECT AUTH", f"CONNACK {ACKS} SUBACK UNSUBACK DISCONNECT AUTH"),
    "receive_max": (0x21, "two", "CONNECT", "CONNACK"),
    "topic_alias_max": (0x22, "two", "CONNECT", "CONNACK"),
    "topic_alias": (0x23, "two", "PUBLISH", "PUBLISH"),
    "qos_max": (0x24, "byte", "", "CONNACK"),
    "retain_available": (0x25, "byte", "", "CONNACK"),
    "user": (0x26, "pair", f"CONNECT WILL PUBLISH {ACKS} SUBSCRIBE UNSUBSCRIBE DISCONNECT AUTH",
             f"CONNACK PUBLISH {ACKS} SUBACK UNSUBACK DISCONNECT AUTH"),
    "packet_max": (0x27, "four", "CONNECT", "CONNACK"),
    "wildcards_available": (0x28, "byte", "", "CONNACK"),
    "subscription_ids_available": (0x29, "byte", "", "CONNACK"),
    "shared_available": (0x2A, "byte", "", "CONNACK"),
}
BY_ID = {row[0]: (name, *row[1:]) for name, row in PROPERTIES.items()}
REPEATED = {"user", "subscription_id"}
ZERO_OR_ONE = {"payload_format", "qos_max", "retain_available", "wildcards_available", "subscription_ids_available",
               "shared_available"}
NEVER_ZERO = {"receive_max", "packet_max", "topic_alias", "subscription_id"}

# What a server may say (§2.4 and the tables of each packet).
REASONS = {
    "CONNACK": {0x00, *range(0x80, 0x8B), 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A, 0x9B, 0x9C, 0x9D, 0x9F},
    "PUBACK": {0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99},
    "PUBREL": {0x00, 0x92},
    "SUBACK": {0x00, 0x01, 0x02, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2},
    "UNSUBACK": {0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91},
    "DISCONNECT": {0x00, 0x80, 0x81, 0x82, 0x83, 0x87, 0x89, *range(0x8B, 0x91), *range(0x93, 0xA3)} - {0x8C, 0x91, 0x92},
    "AUTH": {0x00, 0x18},
}
REASONS["PUBREC"], REASONS["PUBCOMP"] = REASONS["PUBACK"], REASONS["PUBREL"]


# ---- building ----

def variable(number):
    """A variable byte integer (§1.5.5)."""
    return packet(0, bytes(number))[1:-number] if number else b"\0"


def binary(raw):
    return struct.pack(">H", len(raw)) + raw


ENCODE = {"byte": lambda v: bytes([v]), "two": lambda v: struct.pack(">H", v), "four": lambda v: struct.pack(">I", v),
          "variable": variable, "text": text, "binary": binary, "pair": lambda v: text(v[0]) + text(v[1])}


def property_bytes(name, value):
    identifier, kind = PROPERTIES[name][:2]
    return bytes([identifier]) + ENCODE[kind](value)


def properties_bytes(given):
    """With the length in front. `given`: {name: value} or, where the order counts or one comes twice, [(name, value)]; a list
    of values stands for one property each. Bytes are taken as they are."""
    if not isinstance(given, bytes):
        pairs = given.items() if isinstance(given, dict) else given or ()
        given = b"".join(property_bytes(name, v) for name, value in pairs
                         for v in (value if isinstance(value, list) else [value]))
    return variable(len(given)) + given


def _of5(version, properties):
    assert version == V5 or not properties, "properties came with 5.0"
    return properties_bytes(properties) if version == V5 else b""


def connect(client_id, version=V5, *, clean=True, keep_alive=60, properties=None, will=None, user=None, pw=None, bits=None,
            name=None, level=None):
    """will: a dict of topic, payload, qos, retain, properties. bits: the connect flags, if others than the fields say."""
    flags = (2 if clean else 0) | (0x80 if user is not None else 0) | (0x40 if pw is not None else 0)
    payload = text(client_id)
    if will is not None:
        flags |= 4 | will.get("qos", 0) << 3 | (0x20 if will.get("retain") else 0)
        payload += _of5(version, will.get("properties")) + text(will["topic"]) + binary(will.get("payload", b""))
    payload += b"".join(text(s) for s in (user, pw) if s is not None)
    return packet(0x10, text(name or ("MQIsdp" if version == V31 else "MQTT")) + bytes([version if level is None else level]) +
                  bytes([flags if bits is None else bits]) + struct.pack(">H", keep_alive) + _of5(version, properties) + payload)


def publish(topic, payload=b"", version=V5, *, qos=0, pid=None, retain=False, dup=False, properties=None):
    payload = payload if isinstance(payload, bytes) else payload.encode()
    return packet(0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0),
                  text(topic) + (struct.pack(">H", pid) if pid is not None else b"") + _of5(version, properties) + payload)


def acknowledgement(kind, pid, version=V5, reason=None, properties=None):
    """PUBACK, PUBREC, PUBREL, PUBCOMP; short unless there is something to say."""
    body = struct.pack(">H", pid) + (bytes([reason or 0]) if reason is not None or properties is not None else b"")
    return packet(TYPES.index(kind) << 4 | (2 if kind == "PUBREL" else 0),
                  body + (_of5(version, properties) if properties is not None else b""))


def subscribe(pid, filters, version=V5, properties=None):
    """filters: [(filter, options byte)]."""
    return packet(0x82, struct.pack(">H", pid) + _of5(version, properties) +
                  b"".join(text(f) + bytes([options]) for f, options in filters))


def unsubscribe(pid, filters, version=V5, properties=None):
    return packet(0xA2, struct.pack(">H", pid) + _of5(version, properties) + b"".join(text(f) for f in filters))


def disconnect(reason=None, properties=None):
    body = bytes([reason or 0]) if reason is not None or properties is not None else b""
    return packet(0xE0, body + (properties_bytes(properties) if properties is not None else b""))


def auth(reason=None, properties=None):
    body = bytes([reason or 0]) if reason is not None or properties is not None else b""
    return packet(0xF0, body + (properties_bytes(properties) if properties is not None else b""))


PINGREQ = packet(0xC0)


# ---- taking apart ----

class Packet:
    """One packet from the server; its fields are attributes."""

    def __init__(self, kind, **fields):
        self.kind, self.fields = kind, fields

    def __getattr__(self, name):
        try:
            return self.__dict__["fields"][name]
        except KeyError:
            raise AttributeError(f"{self!r} has no {name}") from None

    def __repr__(self):
        def show(name, v):
            if name == "reason":
                return f"{v:#04x}"
            return repr(v) if not isinstance(v, bytes) or len(v) < 40 else f"{v[:30]!r}… ({len(v)} bytes)"
        return " ".join([self.kind, *(f"{k}={show(k, v)}" for k, v in self.fields.items())])


class Body:
    """What is left of a packet's body."""

    def __init__(self, kind, raw):
        self.kind, self.raw = kind, raw

    def take(self, size):
        assert len(self.raw) >= size, f"{self.kind} from the broker ends too early: {self.raw!r}"
        got, self.raw = self.raw[:size], self.raw[size:]
        return got

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def variable(self):
        value, shift, digit = 0, 0, 0x80
        while digit & 0x80:
            assert shift < 28, f"{self.kind} from the broker: a variable byte integer of five bytes"
            digit = self.number(1)
            value, shift = value | (digit & 0x7F) << shift, shift + 7
        assert shift == 7 or digit, f"{self.kind} from the broker: a variable byte integer longer than it need be"
        return value

    def binary(self):
        return self.take(self.number(2))

    def text(self):
        got = self.binary().decode("utf-8")  # strict: no surrogates
        assert "\0" not in got, f"{self.kind} from the broker: U+0000 in {got!r}"
        return got

    def value(self, kind):
        return {"byte": lambda: self.number(1), "two": lambda: self.number(2), "four": lambda: self.number(4),
                "variable": self.variable, "text": self.text, "binary": self.binary,
                "pair": lambda: (self.text(), self.text())}[kind]()

    def properties(self, where):
        part, found = Body(where, self.take(self.variable())), {}
        while part.raw:
            identifier = part.number(1)
            assert identifier in BY_ID, f"{where} from the broker: unknown property {identifier:#04x}"
            name, kind, _, allowed = BY_ID[identifier]
            assert where in allowed.split(), f"{where} from the broker must not have {name}"
            value = part.value(kind)
            assert name not in ZERO_OR_ONE or value in (0, 1), f"{where} from the broker: {name}={value}"
            assert name not in NEVER_ZERO or value != 0, f"{where} from the broker: {name}=0"
            assert name in REPEATED or name not in found, f"{where} from the broker: {name} twice"
            found[name] = [*found.get(name, []), value] if name in REPEATED else value
        return found


def _reason(kind, version, body):
    code = body.number(1)
    allowed = REASONS[kind] if version == V5 else {"CONNACK": range(6), "SUBACK": (0, 1, 2, 0x80)}[kind]
    assert code in allowed, f"{kind} from the broker: {code:#04x} is none of its codes"
    return code


def _decode_connack(version, _, b):
    bits = b.number(1)
    assert bits in (0, 1), f"CONNACK from the broker: reserved bits are set ({bits:#04x})"
    reason = _reason("CONNACK", version, b)
    assert reason == 0 or bits == 0, "CONNACK from the broker refuses and has Session Present"
    return {"session_present": bits, "reason": reason, "properties": b.properties("CONNACK") if version == V5 else {}}


def _decode_publish(version, flags, b):
    qos, topic = flags >> 1 & 3, b.text()
    assert qos != 3, "PUBLISH from the broker with QoS 3"
    assert qos or not flags & 8, "PUBLISH from the broker with QoS 0 and DUP"
    assert not set(topic) & set("+#"), f"PUBLISH from the broker: {topic!r} has wildcards"
    pid = b.number(2) if qos else None
    assert pid != 0, "PUBLISH from the broker with packet identifier 0"
    properties = b.properties("PUBLISH") if version == V5 else {}
    assert topic or "topic_alias" in properties, "PUBLISH from the broker without a topic"
    return {"topic": topic, "payload": b.take(len(b.raw)), "qos": qos, "retain": flags & 1, "dup": flags >> 3 & 1, "pid": pid,
            "properties": properties}


def _decode_acknowledgement(kind):
    def decode_it(version, _, b):
        found = {"pid": b.number(2), "reason": 0, "properties": {}}
        if version == V5 and b.raw:
            found["reason"] = _reason(kind, version, b)
            if b.raw:
                found["properties"] = b.properties(kind)
        return found
    return decode_it


def _decode_many(kind):
    def decode_it(version, _, b):
        found = {"pid": b.number(2), "properties": b.properties(kind) if version == V5 else {}}
        if kind == "SUBACK" or version == V5:
            found["reasons"] = [_reason(kind, version, b) for _ in range(len(b.raw))]
        return found
    return decode_it


def _decode_last(kind):  # DISCONNECT, AUTH
    def decode_it(version, _, b):
        assert version == V5, f"{kind} from the broker to a client of {VERSIONS[version]}"
        reason = _reason(kind, version, b) if b.raw else 0
        return {"reason": reason, "properties": b.properties(kind) if b.raw else {}}
    return decode_it


DECODE = {"CONNACK": _decode_connack, "PUBLISH": _decode_publish, "PINGRESP": lambda *_: {},
          **{k: _decode_acknowledgement(k) for k in ACKS.split()}, **{k: _decode_many(k) for k in ("SUBACK", "UNSUBACK")},
          **{k: _decode_last(k) for k in ("DISCONNECT", "AUTH")}}


def decode(version, first, body):
    kind, flags, b = TYPES[first >> 4], first & 15, Body(TYPES[first >> 4], body)
    assert kind in DECODE, f"{kind} ({first:#04x}) from the broker, which no server may send"
    assert kind == "PUBLISH" or flags == (2 if kind == "PUBREL" else 0), f"{kind} from the broker: flags {flags:#x}"
    found = DECODE[kind](version, flags, b)
    assert not b.raw, f"{kind} from the broker: {len(b.raw)} bytes too many: {b.raw!r}"
    return Packet(kind, **found)
