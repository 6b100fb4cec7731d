"""The reference: the OpenAPI document as pages, with the values that parameters take in the data that is served."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api import budget_summary, crosswalk, dcat, search, suggest
from app.api.openapi import COMMITTED
from app.api.parameters import Parameters
from app.errors import Problem, closest, hint
from app.query.filters import Filter, Parameter
from app.site.fields import BY_NAME
from app.site.pages import LISTS
from app.site.render import page
from app.site.snippets import snippets
from app.site.view import PlainPage, View

SHOWN = 12  # values of a parameter; of more, a link leads to all
EXPORTS = "exports"
DECLARED: Mapping[str, Parameters] = {  # by path, the parameters of an operation as they are declared
    **{f"/v1/{name}": parameters for name, parameters in LISTS.items()},
    "/v1/budget-summary": budget_summary.PARAMETERS,
    "/v1/crosswalk": crosswalk.PARAMETERS,
    "/v1/search": search.PARAMETERS,
    "/v1/suggest": suggest.PARAMETERS,
}
REF = "#/components/schemas/"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class ParameterText:
    """A parameter as the document describes it. `values` are those of a closed vocabulary, `query` an example."""

    name: str
    required: bool
    type: str
    description: str
    default: str
    values: Sequence[str]
    query: str


@dataclass(frozen=True)
class Operation:
    """An operation as the document describes it. `open` is a path that answers, `schema` the name of what it answers,
    `example` such an answer as text."""

    id: str
    path: str
    summary: str
    description: str
    media_type: str
    schema: str
    example: str
    open: str
    parameters: Sequence[ParameterText]


@dataclass(frozen=True)
class Group:
    """The operations of a resource, or of another answer, and its downloads, whose parameters are those of the list but
    for a few."""

    name: str
    description: str
    operations: list[Operation] = field(default_factory=list)
    downloads: list[Operation] = field(default_factory=list)


@dataclass(frozen=True)
class Property:
    """A property of a schema; `schemas` are the names of those that its values are of."""

    name: str
    type: str
    schemas: Sequence[str]
    description: str


@cache
def document() -> Any:
    """The OpenAPI document."""
    return orjson.loads(COMMITTED.read_bytes())


@cache
def groups() -> Mapping[str, Group]:
    """The operations by what they are about, in the order of the document."""
    found = {tag["name"]: Group(tag["name"], tag["description"]) for tag in document()["tags"]}
    for path, methods in document()["paths"].items():
        for described in methods.values():
            tag = described["tags"][0]
            of = path.removeprefix(f"/v1/{EXPORTS}/").partition(".")[0]
            if tag == EXPORTS and of in found:
                found[of].downloads.append(_operation(path, described))
            else:
                found[tag].operations.append(_operation(path, described))
    return found


def _operation(path: str, described: Mapping[str, Any]) -> Operation:
    ((media_type, content),) = described["responses"]["200"]["content"].items()
    actual, sent = path, {}
    for each in described.get("parameters", []):
        example = each.get("example")
        if each["in"] == "path":
            actual = actual.replace(f"{{{each['name']}}}", example)
        elif each["required"]:
            sent[each["name"]] = example[0] if isinstance(example, list) else example
    opened = f"{actual}?{urlencode(sent)}".removesuffix("?")
    example = content.get("example", "")
    return Operation(
        id=described["operationId"],
        path=path,
        summary=described["summary"],
        description=described["description"],
        media_type=media_type,
        schema=content["schema"].get("$ref", "").removeprefix(REF),
        example=example if isinstance(example, str) else orjson.dumps(example, option=orjson.OPT_INDENT_2).decode(),
        open=opened,
        parameters=[_parameter(each, opened) for each in described.get("parameters", [])],
    )


def _parameter(described: Mapping[str, Any], path: str) -> ParameterText:
    schema = described["schema"]
    many = schema.get("type") == "array"
    one = _resolved(schema["items"] if many else schema)
    name, example, query = described["name"], described.get("example"), ""
    if example is not None and described["in"] == "query":
        query = path
        if f"{name}=" not in path:
            sent = urlencode({name: ",".join(example) if isinstance(example, list) else example}, safe=",")
            query = f"{path}{'&' if '?' in path else '?'}{sent}"
    default = schema.get("default")
    return ParameterText(
        name,
        described["required"],
        f"{_type(one)}, one or several" if many else _type(one),
        described.get("description", ""),
        "" if default is None else str(default).lower() if isinstance(default, bool) else str(default),
        one.get("enum", []),
        query,
    )


def _resolved(schema: Any) -> Any:
    return document()["components"]["schemas"][schema["$ref"].removeprefix(REF)] if "$ref" in schema else schema


def _type(schema: Mapping[str, Any]) -> str:
    """The type in a word or two, with its bounds."""
    type_ = str(schema.get("type", "object"))
    bounds = [f"{schema[key]:,}" for key in ("minimum", "maximum") if key in schema]
    return f"{type_} {' to '.join(bounds)}" if len(bounds) == 2 else type_


@cache
def schemas() -> Mapping[str, tuple[str, Sequence[Property]]]:
    """By name, the description and the properties of each schema; a closed vocabulary has its values in the
    description."""
    described = document()["components"]["schemas"]
    return {name: (_described(schema), list(_properties(schema))) for name, schema in described.items()}


def _described(schema: Mapping[str, Any]) -> str:
    values = ", ".join(f"`{each}`" for each in schema.get("enum", []))
    return "\n\n".join(filter(None, (schema.get("description", ""), values)))


def _properties(schema: Mapping[str, Any]) -> Iterator[Property]:
    for name, inner in schema.get("properties", {}).items():
        found = list(_leaves(inner))
        names = [each["$ref"].removeprefix(REF) for each in found if "$ref" in each]
        types = [_type(each) for each in found if "$ref" not in each]
        kind = "list of " if inner.get("type") == "array" else ""
        yield Property(name, f"{kind}{' or '.join(types)}", names, inner.get("description", ""))


def _leaves(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a value may be, within lists and beside null."""
    if "anyOf" in schema:
        for each in schema["anyOf"]:
            yield from _leaves(each)
    elif schema.get("type") == "array":
        yield from _leaves(schema["items"])
    else:
        yield schema


def values_of(view: View, path: str, name: str) -> tuple[list[tuple[str, str]], int]:
    """The first values of a parameter that the data defines, each with its label, and how many there are."""
    parameter: Parameter | None = DECLARED.get(path, {}).get(name)
    derived = isinstance(parameter, Filter) and parameter.of
    if parameter is None or not parameter.vocabulary or derived:
        return [], 0
    terms = parameter.values(view.snapshot.dataset.vocabularies).terms
    return [(id_, str(getattr(terms[id_].label, view.language))) for id_ in list(terms)[:SHOWN]], len(terms)


@router.get("/docs")
async def docs(view: PlainPage) -> Response:
    return page(
        view,
        "reference.html",
        title=view.tr("API の参照", "API reference"),
        groups=groups(),
        described=dcat.schema_org(view.snapshot.dataset, view.prefix),
        introduction=document()["info"]["description"],
    )


@router.get("/docs/schemas")
async def docs_of_schemas(view: PlainPage) -> Response:
    return page(view, "schemas.html", title=view.tr("スキーマ", "Schemas"), schemas=schemas())


@router.get("/docs/{name}")
async def docs_of_group(name: str, view: PlainPage) -> Response:
    if name not in groups():
        nearest = closest(name, groups())
        raise Problem(404, f"There is no such page of the reference.{hint(nearest)} `/docs` lists them.")
    return page(
        view,
        "operations.html",
        title=view.label(name),
        group=groups()[name],
        is_resource=name in BY_NAME,
        values_of=values_of,
        snippets=snippets,
        schemas=schemas(),
    )
