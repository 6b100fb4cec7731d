"""datapackage.json: a Data Package (v2) that is a Fiscal Data Package (1.0) too, of the CSV files of all resources."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from app.query.columns import LISTS, Column, columns
from app.query.dataset import About, Download
from app.query.resource import Resource
from app.resources import RESOURCES

LICENCE = (
    "Licence: each document's own, in the column `licence` of documents.csv; where that is empty, the document states "
    "none. English names, readings, classifications and the crosswalk are Shisaku's, and marked so."
)

# The Fiscal Data Package (1.0): what a column is in its taxonomy of budgets. Where no type fits, a column has none.
TAXONOMY = "https://specs.frictionlessdata.io/taxonomies/fiscal/budgets.json"
COLUMN_TYPES: Mapping[str, Mapping[str, str]] = {
    "budget-lines": {
        "id": "budget-line-id",
        "measure_id": "activity:generic:program:code",
        "measure_name_ja": "activity:generic:program:label",
        "pillar_id": "functional-classification:generic:code",
        "pillar_name_ja": "functional-classification:generic:label",
        "fiscal_year": "date:fiscal-year",
        # Ministries that pay together are one value, so that no sum by it splits their line or counts it twice.
        "ministry_ids": "administrative-classification:generic:code",
        "ministry_names_ja": "administrative-classification:generic:label",
        # The only amount with a type: the others of a row state the same money again, in another unit or relation.
        "amount_jpy": "value",
        "amount_basis": "value-kind:code",
        "amount_phase": "phase:id",
    },
    "measures": {"id": "activity:generic:program:code", "name_ja": "activity:generic:program:label"},
    "pillars": {"id": "functional-classification:generic:code", "name_ja": "functional-classification:generic:label"},
    "organizations": {
        "id": "administrative-classification:generic:code",
        "name_ja": "administrative-classification:generic:label",
    },
}
# What is the same in every row, and therefore no column.
CONSTANTS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "budget-lines": {"currency": ("value-currency:code", "JPY"), "direction": ("direction", "expenditure")},
}
# The classes of what ids stand for.
RDF_TYPES = {
    "documents": "http://xmlns.com/foaf/0.1/Document",
    "organizations": "http://xmlns.com/foaf/0.1/Organization",
    "modalities": "http://www.w3.org/2004/02/skos/core#Concept",
}


def descriptor(about: About, documents: Iterable[bytes], tables: Sequence[Download]) -> bytes:
    """The file: `documents` are the records of the sources, `tables` the CSV files in the order of the resources."""
    version = about.version
    described = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "shisaku",
        "title": about.name.en,
        "description": f"{about.description.en}\n\nLists are {LISTS}\n\n{LICENCE}\n\n{about.attribution}",
        "version": version.version,
        "created": f"{version.released}T00:00:00Z",
        "columnTypes": [TAXONOMY],
        "sources": [
            {"title": document["attribution"], **({"path": document["url"]} if document["url"] else {})}
            for document in map(orjson.loads, documents)
        ],
        "resources": [
            {
                "name": resource.name,
                "type": "table",
                "path": f"{resource.name}.csv",
                "title": resource.meaning,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "bytes": table.bytes,
                "hash": f"sha256:{table.sha256}",
                "dialect": {"delimiter": ",", "lineTerminator": "\r\n"},
                "schema": _table_schema(resource),
            }
            for resource, table in zip(RESOURCES, tables, strict=True)
        ],
    }
    return orjson.dumps(described, option=orjson.OPT_INDENT_2)


def _table_schema(resource: Resource) -> Mapping[str, Any]:
    shown = columns(resource.record)
    names = {other.name for other in RESOURCES}
    constants = [
        {"name": name, "type": "string", "columnType": column_type, "constant": value}
        for name, (column_type, value) in CONSTANTS.get(resource.name, {}).items()
    ]
    keys = [
        # A reference to the table itself does not name it.
        {"fields": [column.name], "reference": {"fields": ["id"]} | ({"resource": to} if to != resource.name else {})}
        for column in shown
        if (to := column.references) in names and not column.many
    ]
    return {
        "fields": [_field(column, resource) for column in shown],
        **({"extraFields": constants} if constants else {}),
        "missingValues": [""],
        "primaryKey": ["id"],
        **({"foreignKeys": keys} if keys else {}),
    }


def _field(column: Column, resource: Resource) -> Mapping[str, Any]:
    """A column as Table Schema describes it. A list in one cell is neither an address nor an id."""
    field: dict[str, Any] = {"name": column.name, "type": column.kind, "description": column.meaning}
    if column.required:
        field["constraints"] = {"required": True}
    if column.path[-1] == "url" and not column.many:
        field["format"] = "uri"
    identified = resource.name if column.name == "id" else column.references
    if identified in RDF_TYPES and not column.many:
        field["rdfType"] = RDF_TYPES[identified]
    column_type = COLUMN_TYPES.get(resource.name, {}).get(column.name)
    return {**field, "columnType": column_type} if column_type else field
