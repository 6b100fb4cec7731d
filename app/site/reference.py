"""The reference: the OpenAPI document as pages, with the values that parameters take in the data that is served."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api import budget_summary, crosswalk, dcat, search, suggest
from app.api.openapi import COMMITTED
from app.api.parameters import Parameters
from app.errors import Problem
from app.query.filters import Parameter
from app.resources import BY_NAME
from app.similarity import closest, hint
from app.site.context import LISTS, snippets
from app.site.render import page
from app.site.values import pretty
from app.site.view import PageRoute, PlainPage, View

MAX_VALUES = 12  # values of a parameter; of more, a link leads to all
EXPORTS = "exports"
DECLARED: Mapping[str, Parameters] = {  # by path, the parameters of an operation as they are declared
    **{f"/v1/{name}": parameters for name, parameters in LISTS.items()},
    "/v1/budget-summary": budget_summary.PARAMETERS,
    "/v1/crosswalk": crosswalk.PARAMETERS,
    "/v1/search": search.PARAMETERS,
    "/v1/suggest": suggest.PARAMETERS,
}
REF = "#/components/schemas/"

Described = Mapping[str, Any]  # an object of the OpenAPI document

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@cache
def document() -> Any:
    """The OpenAPI document."""
    return orjson.loads(COMMITTED.read_bytes())


@cache
def groups() -> Mapping[str, Described]:
    """By name, the tags of the document with their operations, each as the document describes it and with what pages
    show. The `downloads` of a resource are those whose parameters are those of its list but for a few."""
    found = {tag["name"]: {**tag, "operations": [], "downloads": []} for tag in document()["tags"]}
    for path, methods in document()["paths"].items():
        tag = methods["get"]["tags"][0]
        of = path.removeprefix(f"/v1/{EXPORTS}/").partition(".")[0]
        if tag == EXPORTS and of in found:
            found[of]["downloads"].append(_operation(path, methods["get"]))
        else:
            found[tag]["operations"].append(_operation(path, methods["get"]))
    return found


def _operation(path: str, described: Described) -> Described:
    """An operation with its path, the type of what it answers, the name of its schema, an example of it as text, and
    `open`, a path that answers."""
    ((media_type, content),) = described["responses"]["200"]["content"].items()
    parameters, example = described.get("parameters", []), content.get("example", "")
    examples = {each["name"]: each.get("example") for each in parameters}
    required = {each["name"]: _example(each) for each in parameters if each["in"] == "query" and each["required"]}
    opened = f"{path.format(**examples)}?{urlencode(required)}".removesuffix("?")
    return {
        **described,
        "path": path,
        "media_type": media_type,
        "schema": content["schema"].get("$ref", "").removeprefix(REF),
        "example": example if isinstance(example, str) else pretty(example),
        "open": opened,
        "parameters": [_parameter(each, opened) for each in parameters],
    }


def _parameter(described: Described, path: str) -> Described:
    """A parameter with its type in words, its default as text, the values of a closed vocabulary, and an example as a
    query."""
    schema, name, query = described["schema"], described["name"], ""
    many = schema.get("type") == "array"
    one = schema["items"] if many else schema
    if "$ref" in one:
        one = document()["components"]["schemas"][one["$ref"].removeprefix(REF)]
    if "example" in described and described["in"] == "query":
        sent = urlencode({name: _example(described)}, safe=",")
        query = path if f"{name}=" in path else f"{path}{'&' if '?' in path else '?'}{sent}"
    return {
        **described,
        "type": f"{_type(one)}, one or several" if many else _type(one),
        "default": str(schema.get("default", "")).lower(),
        "allowed": one.get("enum", []),
        "query": query,
    }


def _example(described: Described) -> Any:
    """The example of a parameter as it is sent."""
    example = described["example"]
    return ",".join(example) if isinstance(example, list) else example


def _type(schema: Described) -> str:
    """The type in a word or two, with its bounds."""
    type_ = str(schema.get("type", "object"))
    bounds = [f"{schema[key]:,}" for key in ("minimum", "maximum") if key in schema]
    return f"{type_} {' to '.join(bounds)}" if len(bounds) == 2 else type_


@cache
def schemas() -> Mapping[str, Described]:
    """By name, the schemas of the document, each property with its type in words and the names of the schemas of its
    values; a closed vocabulary has its values in the description."""
    found = {}
    for name, schema in document()["components"]["schemas"].items():
        values = ", ".join(f"`{each}`" for each in schema.get("enum", ()))
        description = "\n\n".join(filter(None, (schema.get("description"), values)))
        properties = {key: _property(each) for key, each in schema.get("properties", {}).items()}
        found[name] = {"description": description, "properties": properties}
    return found


def _property(described: Described) -> Described:
    values = list(_leaves(described))
    types = " or ".join(_type(each) for each in values if "$ref" not in each)
    return {
        "description": described.get("description", ""),
        "type": f"list of {types}" if described.get("type") == "array" else types,
        "schemas": [each["$ref"].removeprefix(REF) for each in values if "$ref" in each],
    }


def _leaves(schema: Described) -> Iterator[Described]:
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
    if parameter is None or not parameter.vocabulary or parameter.base:
        return [], 0
    concepts = parameter.values(view.snapshot.dataset.vocabularies).concepts
    return [(id_, concepts[id_].label.of(view.language)) for id_ in list(concepts)[:MAX_VALUES]], len(concepts)


@router.get("/docs")
async def docs(view: PlainPage) -> Response:
    return page(
        view,
        "reference.html",
        title=view.tr("API の参照", "API reference"),
        groups=groups(),
        json_ld=dcat.schema_org(view.snapshot.dataset, view.prefix),
        introduction=document()["info"]["description"],
    )


@router.get("/docs/schemas")
async def docs_of_schemas(view: PlainPage) -> Response:
    return page(view, "schemas.html", title=view.tr("スキーマ", "Schemas"), schemas=schemas())


@router.get("/docs/{name}")
async def docs_of_group(name: str, view: PlainPage) -> Response:
    if name not in groups():
        nearest = closest(name, groups())
        raise Problem(404, f"There is no such page of the reference.{hint(nearest)}", listed_at="/docs")
    return page(
        view,
        "operations.html",
        title=view.label(name),
        group=groups()[name],
        is_resource=name in BY_NAME,
        values_of=values_of,
        snippets=snippets,
    )
