"""Generates the OpenAPI document from the routes and from real answers."""

import re
from collections.abc import Container, Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.testclient import TestClient

from app.errors import BUSY, MEDIA_TYPE, SERVER_ERROR, TITLES, Problem
from app.http.protocol import HEADERS_TOO_LARGE, LINE_TOO_LONG
from app.http.refusals import TOO_MANY
from app.query.cursor import Binding, Cursor, encode
from app.query.formats import ATOM_TYPE, BINARY_TYPE, SVG_TYPE
from app.query.records import EARLIER

MAX_CHARACTERS = 1_000_000
MAX_ITEMS = 100_000

Json = dict[str, Any]

DESCRIPTION = """\
Measures, strategy sections, pillars and budget lines from the documents of Japan's ministries, read-only.

**Every fact leads back to the words that state it**: each record has `evidence`, with the quote and its lines.
**Every sum says what it counted**: distinct lines, joint ones apart, approximate ones as such.

Filters take ids, printed abbreviations and numbers (`厚`, `③`) and Japanese names; repeat a parameter, or use
commas, for either of several values; `ministry_not` leaves rows out, `ministry_all` takes those that have every value.
Nothing asked is ever ignored: an unknown parameter or value is a 422 that
names the nearest one.
`fields` chooses what is shown of each record.
A record with `version` is as that version of the data has it, so that it can be cited; lists are answered as of the
newest version. `/v1/versions` lists the versions, `/v1/changes?since=` tells what changed.
Lists have `links.next` to follow; answers have strong validators (`ETag`), and a request with `If-None-Match` may be
answered with 304 and no body, one with `If-Match` with 412. Downloads of text may be
compressed; other files are sent as `application/octet-stream`, under a name that says what they are.
"""


def generate(app: FastAPI) -> bytes:
    """The document of an application, whose own responses become the examples."""
    client = TestClient(app, headers={"Accept-Encoding": "identity"})
    document = get_openapi(
        title="Shisaku 施策",
        version=app.version,
        summary="Japan's public-policy measures and budget lines, every fact with the words that state it.",
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": "/", "description": "The service itself."}],
        separate_input_output_schemas=False,
    )
    # The terms are a page of the service itself, whose address is not known here; SPDX names such a licence so.
    document["info"]["license"] = {"name": "Terms and how to cite, at /terms", "identifier": "LicenseRef-Shisaku-Terms"}
    document["info"]["contact"] = {"name": "Shisaku"}
    document["security"] = []
    schemas = document["components"]["schemas"]
    document["paths"] = {"/v1": document["paths"].pop("/v1"), **document["paths"]}  # the entry point first
    for path, operation in _operations(document):
        _complete(client, path, operation)
    document["components"]["responses"] = {_component(each.status): _problem(each) for each in ANYWHERE}
    _tidy(document, schemas)
    document["tags"] = _tags(document)
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _request(client: TestClient, url: str, status: int = 200) -> Any:
    """What the application answers to a request: JSON or text, with this status."""
    response = client.get(url)
    # An example that is refused is a fault of this file.
    assert response.status_code == status, (url, response.text)  # noqa: S101
    media_type = response.headers["content-type"].partition(";")[0]
    is_json = media_type.endswith("json") and not media_type.endswith("ndjson")
    return response.json() if is_json else response.text


def _operations(document: Json) -> Iterator[tuple[str, Json]]:
    for path, methods in document["paths"].items():
        yield from ((path, operation) for operation in methods.values())


def _complete(client: TestClient, path: str, operation: Json) -> None:
    """Adds the refusals that the operation can give, and true examples."""
    collection, has_id, _ = path.partition("/{id}")
    id_ = _request(client, f"{collection}?limit=1")["data"][0]["id"] if has_id else ""
    actual = path.format(id=id_)
    parameters = {parameter["name"]: parameter for parameter in operation.get("parameters", [])}
    sent = {}
    for name, parameter in parameters.items():
        if parameter["in"] == "path":
            parameter["example"] = id_
            del parameter["schema"]["title"], parameter["schema"]["description"]  # the parameter has both itself
        elif parameter["required"]:
            example = parameter["example"]
            sent[name] = example[0] if isinstance(example, list) else example
        elif name == "limit":
            sent[name] = "1"
        elif name == "version" and actual.endswith(f"/{id_}"):  # the newest: a record may be in no older one
            parameter["example"] = _request(client, "/v1/versions?limit=1")["data"][0]["id"]
    responses: Json = operation["responses"]
    responses["200"]["description"] = f"{operation['summary']}."
    (media_type,) = responses["200"]["content"]
    content = responses["200"]["content"][media_type]
    if media_type.startswith("text/") or media_type in (ATOM_TYPE, SVG_TYPE):
        # Beside the response's own type it means nothing (OpenAPI 3.1, Schema Object), but has the clients of
        # openapi-generator hand out the body as it is: that in Java otherwise parses every text as JSON.
        content["schema"] = {**content["schema"], "contentMediaType": BINARY_TYPE}
    if content["schema"].get("format") != "binary":
        content["example"] = _short(_request(client, f"{actual}?{urlencode(sent)}".removesuffix("?")))
    responses |= _refusals(client, path, id_, sent, parameters)
    operation["responses"] = dict(sorted(responses.items()))


def _refusals(client: TestClient, path: str, id_: str, sent: Json, parameters: Container[str]) -> Json:
    """The refusals that an operation can give, by status."""
    actual = path.format(id=id_)
    requests = {422: f"{actual}?ministy=mhlw"}
    if id_:
        requests[404] = path.format(id=f"{id_}x")
    if "cursor" in parameters:
        of_other_data = encode(Cursor(None, backwards=True), Binding.of("0" * 64, ""))
        requests[410] = f"{actual}?{urlencode({**sent, 'cursor': of_other_data})}"
    refusals = {str(code): _refusal(code, _request(client, url, code)) for code, url in requests.items()}
    if "id" in parameters and "version" in parameters:
        refusals["410"] = _problem(Problem(410, f"This record was withdrawn. {EARLIER}"))
    shared = {str(each.status): {"$ref": f"#/components/responses/{_component(each.status)}"} for each in ANYWHERE}
    return refusals | shared


# The refusals that any operation can give.
ANYWHERE = (LINE_TOO_LONG, TOO_MANY, HEADERS_TOO_LARGE, SERVER_ERROR, Problem(503, BUSY))


def _component(status: int) -> str:
    return TITLES[status].replace(" ", "")


def _short(answer: Any) -> Any:
    """An answer with the first two of each of its lists: enough to see its shape."""
    if isinstance(answer, dict):
        return {name: _short(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_short(value) for value in answer[:2]]
    if isinstance(answer, str) and answer.count("\n") > 2:
        return "".join(answer.splitlines(keepends=True)[:2])
    return answer


def _problem(problem: Problem) -> Json:
    return _refusal(problem.status, orjson.loads(problem.response().body))


def _refusal(status: int, example: Any) -> Json:
    content = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}, "example": example}
    return {"description": f"{TITLES[status]}.", "content": {MEDIA_TYPE: content}}


def _tidy(document: Json, schemas: Json) -> None:
    """Names the closed vocabularies of parameters, each with the description of the first that takes it, and drops the
    titles that say a field's name once more."""
    named: dict[str, Json] = {}
    for _, operation in _operations(document):
        for parameter in operation.get("parameters", []):
            schema = parameter["schema"]
            holder, key = (schema, "items") if schema.get("type") == "array" else (parameter, "schema")
            name = holder[key].pop("title", None)
            if name:
                named.setdefault(name, {**holder[key], "description": parameter["description"]})
                holder[key] = {"$ref": f"#/components/schemas/{name}"}
    schemas.update(named)
    for schema in schemas.values():
        for node in _objects(schema):
            if isinstance(node.get("title"), str):
                del node["title"]
            # Limits for clients that want them: no value comes close. Integers keep their format alone, since some
            # generators cannot write a limit above 2^31.
            if node.get("type") == "string" and "enum" not in node:
                node.setdefault("maxLength", MAX_CHARACTERS)
            elif node.get("type") == "array":
                node.setdefault("maxItems", MAX_ITEMS)
        _name_values(schema)
        _lift(schema)


def _name_values(schema: Json) -> None:
    """Gives the values of a closed vocabulary names, if one of them is none: some generators make VALUE_1 of it."""
    values = schema.get("enum", [])
    if not all(map(str.isidentifier, values)):
        schema["x-enum-varnames"] = [re.sub(r"\W", "_", value).upper() for value in values]


def _lift(schema: Json) -> None:
    """Moves the description of a property with a $ref to that of the schema: generators fail on siblings of a $ref."""
    lifted = [
        f"`{name}`: {child.pop('description')}"
        for name, child in schema.get("properties", {}).items()
        if "$ref" in child and "description" in child
    ]
    if lifted:
        schema["description"] = "\n\n".join([schema["description"], *lifted])


def _objects(node: Any) -> Iterator[Json]:
    """Every object within a value of JSON."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _objects(child)


def _tags(document: Json) -> list[Json]:
    """Each with what its first operation says, the downloads last."""
    described: dict[str, str] = {}
    for _, operation in _operations(document):
        described.setdefault(operation["tags"][0], operation["description"])
    described["exports"] = described.pop("exports")
    return [{"name": name, "description": description} for name, description in described.items()]
