"""The OpenAPI documents as a test reads them: operations, their parameters, and which values a parameter may have. Nothing
here is shared with the C code that reads the same files, so that the two check each other."""
import functools
import json
import re

from .process import ROOT

INT_RANGE = {"int32": (-2 ** 31, 2 ** 31 - 1), "int64": (-2 ** 63, 2 ** 63 - 1)}


@functools.cache
def documents():
    """{file name: document}"""
    return {file.name: json.loads(file.read_text()) for file in sorted((ROOT / "openapi").glob("*.json"))}


def lookup(document, node):
    """What a {"$ref": "#/…"} points at."""
    while "$ref" in node:
        target = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        node = target
    return node


def fits(schema, text):
    """Whether a text is a value of a scalar schema, as it may stand in a query."""
    kind = schema["type"]
    if kind == "boolean":
        return text.lower() in ("true", "false")
    if kind == "integer":
        low, high = INT_RANGE[schema.get("format", "int64")]
        if not re.fullmatch("-?[0-9]{1,19}", text):
            return False
        return max(low, schema.get("minimum", low)) <= int(text) <= min(high, schema.get("maximum", high))
    assert kind == "string", kind
    pattern = schema.get("pattern")
    return (schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", len(text)) and
            text in schema.get("enum", [text]) and
            (pattern is None or re.search(re.sub(r"\$$", r"\\Z", pattern), text) is not None))


class Parameter:
    def __init__(self, row):
        self.name, self.required, self.schema, self.row = row["name"], row["required"], row["schema"], row
        self.kind = self.schema["type"]

    def __repr__(self):
        return self.name

    def free(self):
        """An empty text is a value of it, and not the same as none."""
        s = self.schema
        return self.kind == "string" and not self.required and not any(k in s for k in ("minLength", "enum", "pattern"))

    def good(self):
        """A value that fits: the document's example, or the first that comes to mind."""
        s = self.schema
        if self.kind == "array":
            return None
        for value in (self.row.get("example"), s.get("default"), s.get("minimum"), *s.get("enum", ())):
            if value is not None:
                return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else str(value)
        assert self.kind != "string" or s.get("minLength", 0) <= 1, self.name
        return "true" if self.kind == "boolean" else "a"


    def pairs(self):
        """{name as sent: a value that fits}; of a list its first item."""
        if self.kind != "array":
            return {self.name: self.good()}
        items = self.schema["items"]
        if "properties" not in items:
            return {f"{self.name}.1": "a"}
        return {f"{self.name}.1.{m}": next(t for t in ("read", "a", "1") if fits(s, t)) for m, s in items["properties"].items()}


class Operation:
    def __init__(self, file, document, path, item):
        self.file, self.document, self.item = file, document, item
        _, self.version, self.name = path.split("/")
        self.parameters = [Parameter(lookup(document, p)) for p in item.get("parameters", [])]
        self.grant = item["x-signet-grant"]
        self.instance = self.grant.get("instance", "MqttInstanceId")  # the parameter that names the instance
        self.absent = self.grant.get("absent", "MqttInstanceNotFound")
        self.foreign = self.grant.get("foreign", "MqttOwnerCheckError")
        self.invalid = item.get("x-signet-invalid")
        self.own = item["x-signet-errors"]
        self.errors = {e["code"]: e for e in document["x-signet-errors"] + self.own}

    def __repr__(self):
        return self.name

    def has(self, name):
        return any(p.name == name for p in self.parameters)

    def reads(self):
        return self.grant["level"] == "read"

    def invalid_code(self, parameter):
        return (self.invalid or "Invalid%s").replace("%s", parameter.name)

    def answer_schema(self):
        response = lookup(self.document, self.item["post"]["responses"]["200"])
        return response["content"]["application/json"]["schema"]


@functools.cache
def operations():
    return [Operation(file, document, path, item) for file, document in documents().items()
            for path, item in document["paths"].items()]
