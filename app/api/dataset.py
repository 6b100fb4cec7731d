"""What there is: GET /v1 and the API catalogue, made from the resources; it lists no records."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import Field
from starlette.responses import Response

from app import dcat
from app.facts.shapes import Int32, Name, Sentence, Shape
from app.reading.answers import DatasetVersion
from app.reading.filters import Filter
from app.reading.operations import Operation, respond
from app.reading.question import Question
from app.reading.resource import Resource
from app.reading.service import Service, Snapshot
from app.reading.terms import Vocabularies

MOST_VALUES = 100  # of one filter, shown here; a facet gives them all


class FilterValue(Shape):
    """A value that a filter takes."""

    value: str
    label: Name
    aliases: list[str] = Field(description="Other ways to write it in a request.")


class FilterDescription(Shape):
    """A filter of a resource."""

    name: str
    meaning: Sentence
    facet: bool = Field(description="Whether `facet` can count by it.")
    none: bool = Field(description="Whether it takes `none`, for rows without a value.")
    values: list[FilterValue] = Field(description="The first 100; empty for a number.")


class ResourceDescription(Shape):
    """A resource, and how it can be asked."""

    name: str
    meaning: Sentence
    total: Int32
    list_path: str
    item_path: str
    filters: list[FilterDescription]
    sorts: list[str]
    facets: list[str]


class DatasetDescription(Shape):
    """The dataset and everything in it."""

    name: Name
    description: Name
    dataset: DatasetVersion
    attribution: str
    resources: list[ResourceDescription]
    questions: list[str] = Field(description="Paths of the answers that are not lists of a resource.")
    links: dict[str, str] = Field(description="By relation: the OpenAPI document, the reference, the terms.")


def describe(resources: Sequence[Resource], questions: list[str], snapshot: Snapshot, prefix: str) -> bytes:
    """All of it is known of the snapshot."""
    about = snapshot.dataset.about
    vocabularies = snapshot.dataset.vocabularies
    description = DatasetDescription(
        name=Name(**about["name"]),
        description=Name(**about["description"]),
        dataset=snapshot.dataset.version,
        attribution=snapshot.dataset.attribution,
        resources=[
            ResourceDescription(
                name=resource.name,
                meaning=resource.meaning,
                total=len(snapshot.sets.every(resource)),
                list_path=f"{prefix}/v1/{resource.name}",
                item_path=f"{prefix}/v1/{resource.name}/{{id}}",
                filters=[_filter(filter_, vocabularies) for filter_ in resource.filters.values()],
                sorts=list(resource.sorts),
                facets=list(resource.facets),
            )
            for resource in resources
        ],
        questions=[f"{prefix}{path}" for path in questions],
        links={rel: f"{prefix}{path}" for rel, path in LINKS.items()},
    )
    return orjson.dumps(description.model_dump(mode="json"))


LINKS: Mapping[str, str] = {"service-desc": "/openapi.json", "service-doc": "/docs", "license": "/terms"}


def _filter(filter_: Filter, vocabularies: Vocabularies) -> FilterDescription:
    terms = list(filter_.terms(vocabularies).terms.values()) if filter_.facet else []
    return FilterDescription(
        name=filter_.name,
        meaning=filter_.meaning,
        facet=filter_.facet,
        none=filter_.optional,
        values=[
            FilterValue(value=term.id, label=term.label, aliases=list(term.aliases)) for term in terms[:MOST_VALUES]
        ],
    )


def api_catalog(resources: Sequence[Resource], prefix: str) -> dict[str, Any]:
    """The linkset of RFC 9727: where each list is, and what describes it."""
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
    listed = [*(resource.name for resource in resources), "exports"]
    items = [{"href": f"{prefix}/v1/{name}", "type": "application/json"} for name in listed]
    anchor = f"{prefix}/.well-known/api-catalog"
    return {"linkset": [{"anchor": anchor, "item": items}, {"anchor": f"{prefix}/v1", **described}]}


def operations(service: Service, resources: Sequence[Resource], questions: list[str]) -> list[Operation]:
    """The description and the catalogue."""
    prefix = service.settings.prefix

    async def get_dataset(snapshot: Snapshot, _: Question, __: str) -> Response:
        # Asks nothing, but of each resource how many there are, when that is not known yet.
        found = await snapshot.database.answer(lambda _: describe(resources, questions, snapshot, prefix), light=True)
        return respond(found)

    def get_api_catalog(*_: object) -> Response:
        return respond(orjson.dumps(api_catalog(resources, prefix)), media_type="application/linkset+json")

    return [
        Operation(
            path="/v1",
            answer=get_dataset,
            name="get_dataset",
            summary="Describe the dataset",
            description=(
                "Its version and digest, how to cite it, and every resource with its filters, sorts and facets."
            ),
            tag="dataset",
            shape=DatasetDescription,
        ),
        Operation(path="/.well-known/api-catalog", answer=get_api_catalog),
    ]
