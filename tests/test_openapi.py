"""The OpenAPI document, as generators and their users need it: valid, plain, true to what the service answers."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator

from app.api.openapi import COMMITTED
from app.resources import RESOURCES
from tests.conftest import Client, answer

DOCUMENT: dict[str, Any] = orjson.loads(COMMITTED.read_bytes())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = {op["operationId"]: (path, op) for path, methods in DOCUMENT["paths"].items() for op in methods.values()}
IN_JSON = [name for name, (_, op) in OPERATIONS.items() if "application/json" in op["responses"]["200"]["content"]]
EACH_IN_JSON = pytest.mark.parametrize("name", IN_JSON)


def nodes(node: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document, with its place; examples are data, not description."""
    if isinstance(node, dict):
        yield at, node
        for name, child in node.items():
            if name != "example":
                yield from nodes(child, f"{at}/{name}")
    elif isinstance(node, list):
        for place, child in enumerate(node):
            yield from nodes(child, f"{at}/{place}")


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


@pytest.mark.slow
def test_it_is_valid_and_served_as_committed(client: Client) -> None:
    from openapi_spec_validator import validate  # takes long to import

    validate(DOCUMENT)
    assert DOCUMENT["openapi"].startswith("3.1")
    assert client.get("/openapi.json").content == COMMITTED.read_bytes()


def test_operations_are_named_for_people() -> None:
    expected = {f"list_{resource.plural}" for resource in RESOURCES} | {f"get_{r.singular}" for r in RESOURCES}
    expected |= {"get_dataset", "get_budget_summary", "get_crosswalk", "get_package_reconciliation"}
    expected |= {"list_document_lines", "search"}
    assert expected <= set(OPERATIONS)
    for name, (_, operation) in OPERATIONS.items():
        assert re.fullmatch(r"[a-z][a-z_]{2,39}", name)
        assert len(operation["tags"]) == 1
        assert operation["summary"]
        assert operation["description"]
    tags = [tag["name"] for tag in DOCUMENT["tags"]]
    assert {operation["tags"][0] for _, operation in OPERATIONS.values()} == set(tags)


def test_parameters_are_named_once_and_as_in_the_path() -> None:
    for name, (path, operation) in OPERATIONS.items():
        parameters = operation.get("parameters", [])
        names = [parameter["name"] for parameter in parameters]
        assert len(names) == len(set(names)), name
        assert set(re.findall(r"{(\w+)}", path)) == {p["name"] for p in parameters if p["in"] == "path"}, name


def test_every_parameter_is_plain() -> None:
    for name, (_, operation) in OPERATIONS.items():
        for parameter in operation.get("parameters", []):
            at = name, parameter["name"]
            assert parameter["description"], at
            schema = resolved(parameter["schema"])
            assert schema["type"] in ("string", "integer", "boolean", "array"), at
            assert "null" not in str(schema), at
            if schema["type"] == "array":
                assert (parameter["style"], parameter["explode"]) == ("form", True), at
                assert schema["maxItems"], at
                assert "default" not in schema, at
                schema = resolved(schema["items"])
            if schema["type"] == "string" and "enum" not in schema:
                assert schema["maxLength"], at
            if parameter["in"] == "path":
                assert parameter["example"], at


def test_numbers_say_how_large_and_words_stay_ascii() -> None:
    for at, node in nodes(DOCUMENT):
        if node.get("type") == "integer":
            assert node.get("format") in ("int32", "int64"), at
            assert node.get("maximum", 0) <= 2**31 - 1 or node["format"] == "int64", at
        if node.get("type") == "number":
            assert node["format"] == "double", at
        for value in node.get("enum", []):
            assert value.isascii(), at
            assert re.match("[a-z]", value), at
        if "$ref" in node:
            assert set(node) <= {"$ref"}, at


def test_schemas_are_named_once_and_closed_vocabularies_are_named() -> None:
    for name in (*SCHEMAS, *DOCUMENT["components"]["responses"]):
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+", name)
        assert not name.endswith(("Input", "Output"))
    enums = {at for at, node in nodes(DOCUMENT) if isinstance(node.get("enum"), list)}
    assert all(re.fullmatch(r"/components/schemas/\w+", at) for at in enums), enums
    for at, node in nodes(DOCUMENT):
        assert not isinstance(node.get("title"), str) or at == "/info", at


def test_every_field_of_an_answer_is_there_even_when_it_is_null() -> None:
    for name, schema in SCHEMAS.items():
        if schema.get("type") == "object" and "properties" in schema:
            optional = {"value"} if name == "PatchOperation" else set()  # RFC 6902: `remove` has none
            assert set(schema["required"]) == set(schema["properties"]) - optional, name
            assert schema.get("description"), name


def test_every_response_has_a_schema_and_a_true_example() -> None:
    for name, (_, operation) in OPERATIONS.items():
        assert {"200", "422", "500", "503"} <= set(operation["responses"]), name
        for status, response in operation["responses"].items():
            found = resolved(response)
            assert found["description"], name
            (media_type,) = found["content"]
            assert (media_type == "application/problem+json") == (status != "200"), name
            content = found["content"][media_type]
            if content["schema"].get("format") != "binary":
                validator(content["schema"]).validate(content["example"])


@EACH_IN_JSON
def test_the_service_answers_as_described(name: str, whole: Client) -> None:
    path, operation = OPERATIONS[name]
    required = {
        p["name"]: p["example"] for p in operation.get("parameters", []) if p["in"] == "query" and p["required"]
    }
    values = {p["name"]: p["example"] for p in operation.get("parameters", []) if p["in"] == "path"}
    found = answer(whole, path.format(**values), **required) if required else answer(whole, path.format(**values))
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validator(schema).validate(found)
    closed = [each for each in SCHEMAS if SCHEMAS[each].get("type") == "object"]
    assert closed
    refused = answer(whole, f"{path.format(**values)}?nothing=1", 422)
    validator({"$ref": "#/components/schemas/ProblemDetails"}).validate(refused)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_of_a_parameter_is_taken(name: str, whole: Client) -> None:
    path, operation = OPERATIONS[name]
    parameters = operation.get("parameters", [])
    values = {p["name"]: p["example"] for p in parameters if p["in"] == "path"}
    required = {p["name"]: p["example"] for p in parameters if p["in"] == "query" and p["required"]}
    for parameter in parameters:
        if parameter["in"] == "query" and "example" in parameter:
            query = {**required, parameter["name"]: parameter["example"]}
            response = whole.head(path.format(**values), params=query)
            assert response.status_code == 200
            (media_type,) = operation["responses"]["200"]["content"]
            assert response.headers["Content-Type"].partition(";")[0] == media_type


def test_the_example_of_a_version_is_the_newest(whole: Client) -> None:
    """A record of a resource that came later is in no older one."""
    parameters = [each for _, operation in OPERATIONS.values() for each in operation.get("parameters", [])]
    examples = {each["example"] for each in parameters if each["name"] == "version" and "example" in each}
    assert examples == {answer(whole, "/v1")["dataset"]["version"]}


def test_generators_can_name_every_value() -> None:
    """Those of openapi-python-client make VALUE_1 of a value that is no name."""
    hyphenated = set()
    for at, node in nodes(DOCUMENT):
        values = node.get("enum")
        if isinstance(values, list):
            names = node.get("x-enum-varnames", [value.upper() for value in values])
            assert len(set(names)) == len(names) == len(values), at
            assert all(re.fullmatch("[A-Z][A-Z0-9_]*", name) for name in names), at
            hyphenated |= {at.rpartition("/")[2]} if "x-enum-varnames" in node else set()
    assert {"RecordType", "StageTrack"} <= hyphenated
    assert SCHEMAS["StageTrack"]["x-enum-varnames"] == ["DEVELOPMENT", "START_UP"]


def test_generators_can_read_every_response() -> None:
    """JSON, text as it is, or bytes: what openapi-python-client and openapi-generator read with their own settings."""
    for name, (_, operation) in OPERATIONS.items():
        ((media_type, content),) = operation["responses"]["200"]["content"].items()
        schema = resolved(content["schema"])
        if media_type.startswith("text/") or media_type in ("image/svg+xml", "application/atom+xml"):
            assert schema == {"type": "string", "contentMediaType": "application/octet-stream"}, name
        elif media_type == "application/octet-stream":
            assert schema == {"type": "string", "format": "binary"}, name
        else:
            assert re.fullmatch(r"application/([a-z]+\+)?json", media_type), name


def test_unknown_fields_would_be_seen(client: Client) -> None:
    found = answer(client, "/v1/measures/biosimilar-uptake")
    schema = {"$ref": "#/components/schemas/Measure"}
    assert validator(schema).is_valid(found)
    assert not validator(schema).is_valid({**found, "more": 1})
    del found["pillar"]
    assert not validator(schema).is_valid(found)
