"""What every answer must look like, held against the OpenAPI documents, and what every refusal must leave alone."""
import json
import re

from .openapi import documents, lookup

REQUEST_ID = re.compile(r"[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}")
JSON_TYPE = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


def _request_id(reply):
    assert REQUEST_ID.fullmatch(reply.json["RequestId"]), reply
    assert reply.headers["x-acs-request-id"] == reply.json["RequestId"], reply.headers


def refused(reply, code, status=400):
    """An error in the vendor's form; returns its Message."""
    assert reply.status == status and reply.code == code, reply
    assert reply.headers["content-type"] == "application/json;charset=utf-8"
    _request_id(reply)
    assert set(reply.json) >= {"RequestId", "HostId", "Code", "Message"}
    assert reply.json["HostId"] and reply.message
    return reply.message


def document_of(operation):
    """(document, its path item) that describes an operation."""
    for document in documents().values():
        for path, item in document["paths"].items():
            if path.endswith("/" + operation):
                return document, item
    raise AssertionError(f"no OpenAPI document has {operation}")


def _fits(document, schema, value, where):
    schema = lookup(document, schema)
    wanted = JSON_TYPE[schema["type"]]
    assert isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool)), f"{where}: {value!r} is no {wanted}"
    if wanted is list:
        for n, item in enumerate(value):
            _fits(document, schema["items"], item, f"{where}[{n}]")
    if wanted is dict and "properties" in schema:  # without them it is any object
        known = schema["properties"]
        assert set(value) <= set(known), f"{where}: not documented: {set(value) - set(known)}"
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, f"{where}: missing: {missing}"
        for name, member in value.items():
            _fits(document, known[name], member, f"{where}.{name}")


def answered(reply, operation):
    """A 200 whose every member is documented, with exactly the documented JSON type; returns the members."""
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == "application/json;charset=utf-8"
    _request_id(reply)
    document, item = document_of(operation)
    response = lookup(document, item["post"]["responses"]["200"])
    _fits(document, response["content"]["application/json"]["schema"], reply.json, operation)
    return reply.json


def contents(stack, but=("broker_node",)):
    """A digest of every row of every table, but those that change by themselves."""
    rows = stack.sql("SELECT tablename, md5(query_to_xml(format('SELECT (to_jsonb(t) - ''last_used_at'')::text FROM %I t ORDER "
                     "BY 1', tablename), false, true, '')::text) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    found = {table: digest for table, digest in rows if table not in but}
    assert len(found) > 5
    return found
