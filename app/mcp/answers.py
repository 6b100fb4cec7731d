"""Answers as tools give them: the API's, cut to what an assistant needs, with quotes, caveats and links."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pyroaring import BitMap

from app.index import Keyset
from app.mcp.client import ApiClient
from app.query.cursor import Binding, Cursor, decode, encode
from app.query.fields import field_paths
from app.query.resource import Resource
from app.schemas import REASON_CODES, distinct, to_json

Object = dict[str, Any]

PAGE = 10  # rows of an answer
PLACES = Keyset.by_key(BitMap())  # takes any place in a list

# What rows of a list show, of what their record has.
ROW_FIELDS = (
    "id",
    "name",
    "number",
    "kind",
    "type",
    "record",
    "action",
    "version",
    "released",
    "summary",
    "fields",
    "issued.date",
    "fiscal_year.year",
    "ministries.id",
    "measure.id",
    "package.id",
    "pillar.id",
    "joint",
    "amount",
    "national_expenditure",
    "stated_totals",
    "measure_count",
    "line_count",
    "counts",
    "notes",
    "evidence",
)
QUOTED = ("amount", "stated_totals", "name")  # the fields whose words a row quotes: the first that it has


def shown_fields(resource: Resource) -> list[str]:
    """The paths that rows of a resource show."""
    paths = field_paths(resource.record)
    return [path for path in ROW_FIELDS if path in paths]


def without_empty(value: Any) -> Any:
    """A value without what is null, false or an empty list in it, but for the values of a patch."""
    if isinstance(value, list):
        return [without_empty(each) for each in value]
    if isinstance(value, dict):
        fields = {
            name: each if name == "patch" else without_empty(each)
            for name, each in value.items()
            if name not in ("evidence", "notes")
        }
        return {name: each for name, each in fields.items() if each is not None and each is not False and each != []}
    return value


def caveats(notes: Iterable[Object]) -> list[str]:
    """What has to be known of an answer."""
    return distinct(note["en"] for note in notes)


def quoted(evidence: Object, api: ApiClient) -> Object:
    """One item of evidence: what the document says, where, and on what ground it is evidence."""
    note, lines = evidence["note"], evidence["lines"]
    found = {
        "basis": evidence["basis"],
        "quoted_from_document": evidence["quote"],
        "document": evidence["document"],
        "lines": lines,
        "column": evidence["column"],
        "note": note and note["en"],
        "url": evidence["url"],
        "link": lines and api.line_link(evidence["document"], lines["from"]),
    }
    return {name: each for name, each in found.items() if each is not None}


def quote_of(record: Object, api: ApiClient, *fields: str) -> list[Object]:
    """The evidence with a quote for the first of these fields that has any; at most one item."""
    quoting = [each for each in record["evidence"] if each["quote"]]
    of_fields = (each for field in fields for each in quoting if field in each["supports"])
    return [quoted(each, api) for each in [*of_fields, *quoting][:1]]


def row(resource: str, record: Object, api: ApiClient, *fields: str) -> Object:
    """A record as one row, which quotes the words for one of these fields, or for its amount or name. Notes of why a
    field is empty are left to the whole record."""
    notes = caveats(note for note in record["notes"] if note["code"] not in REASON_CODES)
    return {
        **without_empty(record),
        **({"caveats": notes} if notes else {}),
        "evidence": quote_of(record, api, *fields, *QUOTED),
        "link": api.record_link(resource, record["id"]),
    }


def without_single_total(answer: Object) -> Object:
    """An answer without the totals by basis and phase of what has one kind alone: they repeat its amounts."""
    return {name: each for name, each in answer.items() if name != "totals" or len(each) > 1}


def with_provenance(found: Object, answer: Object, link: str) -> Object:
    """An answer with the API's notes, the version of the data, and the address of its page."""
    notes = [*answer.get("notes", ()), *answer["meta"].get("notes", ())]
    dataset = answer["meta"]["dataset"]
    return {
        **found,
        "caveats": caveats(notes),
        "dataset": {name: dataset[name] for name in ("version", "released")},
        "link": link,
    }


def of_total(part: Sequence[Any], total: int) -> str:
    """How much of a list is shown."""
    return f"{len(part)} of {total}"


def cursor_of(answer: Object) -> str | None:
    """The cursor of the next page of a list of the API, if there is one."""
    following = answer["links"]["next"]
    return parse_qs(urlsplit(following).query)["cursor"][0] if following else None


def cut(found: Object, lists: Sequence[str], tool: str, arguments: Object, dataset: Object) -> Object:
    """An answer with a part of each of these lists, and the cursor of the next part if there is one. The cursor is of
    this tool, these arguments and this dataset. Raises a Problem for any other, as the API does."""
    query = to_json([tool, {name: each for name, each in arguments.items() if name != "cursor"}]).decode()
    binding = Binding.of(dataset["digest"], query)
    cursor = arguments.get("cursor")
    at = decode(cursor, binding, PLACES).at if cursor else None
    first = at[1] if at else 0
    parts = {name: found[name][first : first + PAGE] for name in lists}
    shown = {name: of_total(part, len(found[name])) for name, part in parts.items()}
    more = any(len(found[name]) > first + PAGE for name in lists)
    follow = {"cursor": encode(Cursor((0, first + PAGE), backwards=False), binding)} if more else {}
    return {**found, **parts, "shown": shown, **follow}
