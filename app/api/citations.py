"""How to cite the dataset and each record of it: BibTeX, RIS and CSL-JSON, with the version and digest of the data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import ConfigDict, Field, RootModel
from starlette.responses import Response

from app.api.parameters import NoParameters, RecordId
from app.api.responses import TEXT, attachment, described_response, json_response
from app.query.citations import PUBLISHER, Citation, bibtex, csl, ris
from app.query.dataset import Dataset
from app.query.records import read_record, read_records
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.resources import RESOURCES
from app.resources.documents import DOCUMENTS
from app.resources.facts import FACTS
from app.schemas import Int32, Name, Schema, Sentence, distinct


class CslName(Schema):
    """A body that is cited as an author."""

    literal: str = Field(description="Its name, to be printed as it is.")


class CslDate(Schema):
    """A day."""

    date_parts: list[list[Int32]] = Field(alias="date-parts", description="Year, month and day, in a list.")


class CslItem(Schema):
    """A reference in the format of the Citation Style Language."""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str = Field(description="`dataset`.")
    title: Sentence = Field(description="In Japanese; `note` has the English.")
    author: list[CslName] = Field(description="Who issued the documents that evidence the record.")
    issued: CslDate = Field(
        description="When the last of these documents was issued, empty if none is dated; of the dataset, its release."
    )
    publisher: str
    version: str = Field(description="Of the dataset.")
    language: str
    note: Sentence = Field(description="The English title, the documents, the permanent path, the dataset's digest.")


class CslItems(RootModel[list[CslItem]]):
    """CSL-JSON, a list of one item. A record's has the title of the dataset as `container-title`, and `URL` where a
    document has one."""


@dataclass(frozen=True)
class Style:
    """A format of citations. BibTeX and RIS have no registered media type, and plain text is read by every client."""

    extension: str
    name: str
    operation: str
    write: Callable[[Citation], Any]
    more: dict[str, Any]

    def response(self, citation: Citation) -> Response:
        written, headers = self.write(citation), attachment(f"{citation.key}.{self.extension}")
        if isinstance(written, str):
            return Response(written, media_type="text/plain", headers=headers)
        return json_response(orjson.dumps(written), headers=headers)


PLAIN_TEXT = described_response("text/plain", TEXT)
STYLES = (
    Style("bib", "BibTeX", "bibtex", bibtex, PLAIN_TEXT),
    Style("ris", "RIS", "ris", ris, PLAIN_TEXT),
    Style("json", "CSL-JSON", "csl", csl, {"response_model": CslItems}),
)


router = APIRouter()


def _add_dataset(style: Style) -> None:
    @router.get(
        f"/v1/citation.{style.extension}",
        operation_id=f"get_dataset_citation_{style.operation}",
        summary=f"Cite the dataset in {style.name}",
        description="The whole dataset, with its version, release and digest.",
        tags=["dataset"],
        **style.more,
    )
    async def get_dataset_citation(context: NoParameters) -> Response:
        return style.response(dataset_citation(context.snapshot.dataset, context.prefix))


def _add_record(resource: Resource, style: Style) -> None:
    @router.get(
        f"/v1/{resource.name}/{{id}}/citation.{style.extension}",
        operation_id=f"get_{resource.singular}_citation_{style.operation}",
        summary=f"Cite one {resource.noun} in {style.name}",
        description=(
            f"The {resource.noun}, by those who issued the documents that evidence it. The URL is that of a document, "
            "where it has one; the note has the permanent path here, and the version and digest of the dataset."
        ),
        tags=[resource.name],
        **style.more,
    )
    async def get_record_citation(id_: RecordId, context: NoParameters) -> Response:
        prefix, snapshot = context.prefix, context.snapshot
        return style.response(await snapshot.run(record_citation, resource, id_, prefix, light=True))


def dataset_citation(dataset: Dataset, prefix: str) -> Citation:
    """The dataset, by this service."""
    return Citation(
        key="shisaku",
        title=dataset.about.name,
        authors=[PUBLISHER],
        date=dataset.version.released,
        version=dataset.version.version,
        url=None,
        container=None,
        notes=[*dataset.attribution.splitlines(), _source(f"{prefix}/v1", dataset)],
    )


def record_citation(resource: Resource, id_: str, prefix: str, searcher: Searcher) -> Citation:
    """A record, by the issuers of its documents; one that is about the data itself, by this service, of the day of its
    release. Raises a 404 Problem if there is no such record."""
    dataset = searcher.dataset
    path = f"{prefix}/v1/{resource.name}/{id_}"
    if resource in FACTS:
        path += f"?version={dataset.version.version}"
    record = orjson.loads(read_record(resource, id_, searcher.session))
    read = map(orjson.loads, read_records(DOCUMENTS, record["documents"], searcher.session))
    documents = sorted(read, key=lambda document: record["documents"].index(document["id"]))
    issued = [document["issued"]["date"] for document in documents if document["issued"]]
    return Citation(
        key=f"shisaku-{resource.name}-{id_}",
        title=Name(**record["name"]),
        authors=distinct(document["issuer"]["name"]["ja"] for document in documents) or [PUBLISHER],
        date=max(issued, default=None) if documents else record["released"]["date"],
        version=dataset.version.version,
        url=next((document["url"] for document in documents if document["url"]), None),
        container=dataset.about.name,
        notes=[
            *(document["attribution"] for document in documents),
            _source(path, dataset),
        ],
    )


def _source(path: str, dataset: Dataset) -> str:
    version = dataset.version
    return f"Shisaku {path}, version {version.version} of {version.released}, SHA-256 {version.digest}."


for _style in STYLES:
    _add_dataset(_style)
for _resource in RESOURCES:
    for _style in STYLES:
        _add_record(_resource, _style)
