"""GET /v1, which describes the dataset and every resource, and the API catalogue (RFC 9727)."""

import orjson
from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from app.api import dcat
from app.api.parameters import NoParameters
from app.api.responses import json_response
from app.http.headers import LINKS
from app.query.fields import field_paths
from app.query.filters import Filter
from app.query.responses import DatasetVersion
from app.query.searcher import Searcher
from app.query.vocabulary import Vocabularies
from app.resources import RESOURCES
from app.schemas import Int32, Name, Schema, Sentence, to_json

MAX_VALUES = 100  # of one filter, listed here; a facet gives all

# Paths of the answers that are not lists of a resource, in the order in which `questions` lists them.
QUESTIONS = (
    "/v1/documents/{id}/lines",
    "/v1/packages/{id}/reconciliation",
    "/v1/budget-summary",
    "/v1/crosswalk",
    "/v1/search",
    "/v1/suggest",
    "/v1/citation.bib",
    "/v1/citation.ris",
    "/v1/citation.json",
)


class FilterValue(Schema):
    """A value that a filter takes."""

    value: str
    label: Name
    aliases: list[str] = Field(description="Other ways to write it in a request.")


class FilterDescription(Schema):
    """A filter of a resource."""

    name: str
    meaning: Sentence
    facet: bool = Field(description="Whether `facet` can count by it.")
    none: bool = Field(description="Whether it takes `none`, for rows without a value.")
    operators: list[str] = Field(
        description="Parameters of the same values: `…_not` for rows with none, `…_all` for rows with every one."
    )
    values: list[FilterValue] = Field(description="The first 100; empty for a number.")


class ResourceDescription(Schema):
    """A resource, and how it can be asked."""

    name: str
    meaning: Sentence
    total: Int32
    list_path: str
    item_path: str
    filters: list[FilterDescription]
    sorts: list[str]
    facets: list[str]
    fields: list[str] = Field(description="Paths that `fields` takes.")


class DatasetDescription(Schema):
    """The dataset and everything in it."""

    name: Name
    description: Name
    dataset: DatasetVersion
    attribution: str
    resources: list[ResourceDescription]
    questions: list[str] = Field(description="Paths of the answers that are not lists of a resource.")
    links: dict[str, str] = Field(description="By relation: the OpenAPI document, the reference, the terms.")


router = APIRouter()


@router.get(
    "/v1",
    operation_id="get_dataset",
    summary="Describe the dataset",
    description="Its version and digest, how to cite it, and each resource with its filters, sorts, facets and fields.",
    tags=["dataset"],
    response_model=DatasetDescription,
)
async def get_dataset(context: NoParameters) -> Response:
    return json_response(await context.snapshot.run(describe, context.prefix, light=True))


def describe(prefix: str, searcher: Searcher) -> bytes:
    """The dataset in the schema of DatasetDescription."""
    about = searcher.dataset.about
    description = DatasetDescription(
        name=about.name,
        description=about.description,
        dataset=about.version,
        attribution=about.attribution,
        resources=[
            ResourceDescription(
                name=resource.name,
                meaning=resource.meaning,
                total=len(searcher.index.rows(resource.name)),
                list_path=f"{prefix}/v1/{resource.name}",
                item_path=f"{prefix}/v1/{resource.name}/{{id}}",
                filters=[_filter(filter_, searcher.vocabularies) for filter_ in resource.filters.values()],
                sorts=list(resource.sorts),
                facets=list(resource.facets),
                fields=list(field_paths(resource.record)),
            )
            for resource in RESOURCES
        ],
        questions=[f"{prefix}{path}" for path in QUESTIONS],
        links={relation: f"{prefix}{path}" for relation, path in LINKS.items()},
    )
    return to_json(description)


def _filter(filter_: Filter, vocabularies: Vocabularies) -> FilterDescription:
    concepts = [] if filter_.kind == "amount" else list(filter_.values(vocabularies).concepts.values())
    return FilterDescription(
        name=filter_.name,
        meaning=filter_.meaning,
        facet=filter_.facet,
        none=filter_.optional,
        operators=[each.name for each in filter_.operators],
        values=[
            FilterValue(value=concept.id, label=concept.label, aliases=list(concept.aliases))
            for concept in concepts[:MAX_VALUES]
        ],
    )


@router.get("/.well-known/api-catalog", include_in_schema=False)
async def get_api_catalog(context: NoParameters) -> Response:
    """The linkset of RFC 9727: where each list is, and what describes it."""
    prefix = context.prefix
    described = {
        "service-desc": [{"href": f"{prefix}/openapi.json", "type": "application/json"}],
        "service-doc": [{"href": f"{prefix}/docs", "type": "text/html"}],
        "service-meta": [
            {"href": f"{prefix}/v1", "type": "application/json"},
            {"href": f"{prefix}{dcat.PATH}", "type": dcat.MEDIA_TYPE},
        ],
        "status": [{"href": f"{prefix}/readyz", "type": "application/json"}],
        "license": [{"href": f"{prefix}/terms", "type": "text/html"}],
    }
    listed = [*(resource.name for resource in RESOURCES), "exports"]
    items = [{"href": f"{prefix}/v1/{name}", "type": "application/json"} for name in listed]
    anchor = f"{prefix}/.well-known/api-catalog"
    linkset = {"linkset": [{"anchor": anchor, "item": items}, {"anchor": f"{prefix}/v1", **described}]}
    return json_response(orjson.dumps(linkset), media_type="application/linkset+json")
