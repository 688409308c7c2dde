"""The OpenAPI documents as a contract: complete, the same everywhere, and what the program serves and does."""
import subprocess

import jsonschema
import pytest
from harness.openapi import documents, fits, lookup, operations
from harness.process import ROOT, build_dir

OPERATIONS = operations()
LEVELS, SCOPES = ("read", "write", "admin"), ("account", "instance", "given", "any")
# The vendor's documents have these in two forms.
TWOFOLD = {("PermissionCheckFailed", 400), ("PermissionCheckFailed", 403)}


def each(check):
    """A test over every operation that names those it fails for."""
    return pytest.mark.parametrize("op", OPERATIONS, ids=str)(check)


def test_the_program_has_exactly_the_documented_operations():
    done = subprocess.run([build_dir() / "signet-api", "--print-operations"], stdout=subprocess.PIPE, text=True, check=True)
    assert sorted(done.stdout.splitlines()) == sorted(f"{op.version} {op.name} GET,POST" for op in OPERATIONS)


def test_the_program_serves_the_documents_as_they_are(shared):
    for name in documents():
        reply = shared.api.send("GET", f"/openapi/{name}")
        assert reply.status == 200 and reply.body == (ROOT / "openapi" / name).read_bytes(), name


def test_operation_ids_are_unique_over_all_documents():
    ids = [op.item[method]["operationId"] for op in OPERATIONS for method in ("get", "post")]
    assert sorted(ids) == sorted(set(ids))
    assert len({(op.version, op.name) for op in OPERATIONS}) == len(OPERATIONS) >= 38


@each
def test_get_and_post_are_the_same(op):
    get, post = op.item["get"], op.item["post"]
    assert post["operationId"] == op.name and get["operationId"] == op.name + "ByGet"
    assert {**get, "operationId": op.name} == post
    assert set(op.item) <= {"summary", "description", "parameters", "get", "post", "x-signet-grant", "x-signet-invalid",
                            "x-signet-rate-limit", "x-signet-answers-secret", "x-signet-errors"}
    assert post["summary"] == op.item["summary"]
    assert post["tags"] and set(post["tags"]) <= {t["name"] for t in op.document["tags"]}


@each
def test_an_operation_says_who_may_call_it_how_often_and_what_it_is_refused_with(op):
    assert op.grant["level"] in LEVELS and op.grant["scope"] in SCOPES and ":" in op.grant["action"]
    assert op.item["x-signet-rate-limit"] > 0
    assert op.grant["denied"] in op.errors
    codes = [e["code"] for e in op.own]
    assert len(codes) == len(set(codes)), "an error is listed twice"
    assert all(e["http"] in (400, 401, 403, 404, 409, 417) and e["message"] for e in op.own)


@each
def test_what_the_pipeline_may_refuse_is_documented(op):
    about_instance = op.grant["scope"] in ("instance", "given")
    refusals = {op.absent, op.foreign} - ({op.absent} if op.grant.get("mayBeGone") else set())
    assert {op.absent, op.foreign} & set(op.errors) == (refusals if about_instance else set())
    assert about_instance == op.has(op.instance) or op.name == "CreateInstance"
    for p in op.parameters:
        if op.grant["scope"] == "instance" and p.name == op.instance:
            assert p.required
        assert not p.required or "Missing" + p.name in op.errors, p
        limited = p.kind != "string" or any(k in p.schema for k in ("minLength", "maxLength", "enum", "pattern"))
        assert not limited or op.invalid_code(p) in op.errors, p


def test_every_document_has_the_same_common_errors():
    first, *others = [document["x-signet-errors"] for document in documents().values()]
    assert all(other == first for other in others)


def test_an_error_is_the_same_everywhere():
    seen = {}
    for op in OPERATIONS:
        for e in op.errors.values():
            name = (e["code"], e["http"]) if (e["code"], e["http"]) in TWOFOLD else e["code"]
            assert seen.setdefault(name, e) == e, f"{op}: {e}"


# ---- limits, examples, schemas ----

@each
def test_every_parameter_is_described_and_bounded(op):
    for p in op.parameters:
        assert p.row["description"] and p.row["in"] == "query", p
        if p.kind == "string":
            assert "maxLength" in p.schema or "enum" in p.schema, f"{p} may be of any length"
        if p.kind == "integer":
            assert {"minimum", "maximum"} <= set(p.schema), f"{p} may be any number"
        if p.kind == "array":
            items = p.schema["items"]
            assert p.schema["maxItems"] and (items.get("properties") or items["maxLength"]), p


@each
def test_examples_and_defaults_of_parameters_are_allowed(op):
    for p in op.parameters:
        if p.kind == "array":
            continue
        for value in (p.row.get("example"), p.schema.get("default"), *p.schema.get("enum", ())):
            if value is not None:
                text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
                assert fits(p.schema, text), f"{p}: {value}"


def check_schema(op, schema, value):
    jsonschema.validate(value, schema, cls=jsonschema.Draft4Validator, resolver=jsonschema.RefResolver("", op.document))


def closed(document, schema):
    """The same schema, in which no object has members that it does not name."""
    schema = dict(lookup(document, schema))
    if "items" in schema:
        schema["items"] = closed(document, schema["items"])
    if "properties" in schema:
        schema["properties"] = {n: closed(document, s) for n, s in schema["properties"].items()}
        schema["additionalProperties"] = False
    return schema


@each
def test_the_answer_has_an_example_that_fits_its_schema_exactly(op):
    content = lookup(op.document, op.item["post"]["responses"]["200"])["content"]
    example = content["application/json"]["example"]
    check_schema(op, closed(op.document, op.answer_schema()), example)


@each
def test_an_answer_always_has_its_request_id(op):
    schema = lookup(op.document, op.answer_schema())
    assert schema["properties"]["RequestId"]["type"] == "string" and "RequestId" in schema["required"]
    error = lookup(op.document, op.item["post"]["responses"]["default"])["content"]["application/json"]["schema"]
    check_schema(op, error, {"RequestId": "A", "HostId": "h", "Code": "c", "Message": "m", "Recommend": "r"})
    with pytest.raises(jsonschema.ValidationError):
        check_schema(op, error, {"RequestId": "A"})


@pytest.mark.parametrize("name", documents())
def test_nothing_in_a_document_points_nowhere_or_is_left_over(name):
    document = documents()[name]
    refs = set()

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                refs.add(node["$ref"])
                lookup(document, node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    kinds = ("responses", "schemas", "headers", "parameters")
    parts = {f"#/components/{kind}/{part}" for kind in kinds for part in document["components"].get(kind, ())}
    assert parts <= refs, f"nobody refers to {parts - refs}"
