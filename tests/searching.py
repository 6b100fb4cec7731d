"""What `q` finds, by brute force: folded texts of records and of what they link to, read one after the other."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import app.text
from app.resources import RESOURCES
from app.schemas import References

Record = dict[str, Any]

fold = cache(app.text.fold)  # brute force folds the same texts for each query

NAMES = {
    "organizations": ("name", "abbreviation", "also"),
    "modalities": ("name", "also"),
    "sections": ("name", "number", "code"),
    "strategies": ("name",),
}
DESCRIPTIONS = ("description", "aims")
# By resource, the fields whose links are searched, each with the resource that it refers to.
LINKS = {
    resource.name: [
        (name, mark.type)
        for name, info in resource.record.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, References) and mark.searched
    ]
    for resource in RESOURCES
}
LATIN = "a-z0-9\u00df-\u00f6\u00f8-\u024f\u0300-\u036f\u1e00-\u1eff"


class Texts:
    """The folded texts of records: `records` are those of each resource."""

    def __init__(self, records: Mapping[str, Iterable[Record]]) -> None:
        rows = [(name, row) for name, each in records.items() for row in each]
        self._names = {(name, row["id"]): names_of(name, row) for name, row in rows}

    def of(self, resource: str, record: Record) -> list[str]:
        """A record's own texts, and the names of what it links to."""
        own = (*names_of(resource, record), *texts(record, DESCRIPTIONS))
        links = ((to, link["id"]) for field, to in LINKS[resource] for link in _items(record[field]))
        return [*own, *(text for link in links for text in self._names[link])]


def names_of(resource: str, record: Record) -> list[str]:
    """The folded names of a record."""
    return list(texts(record, NAMES.get(resource, ("name",))))


def contain(folded: Sequence[str], q: str) -> bool:
    """Whether some of the texts contain each word of a query."""
    return all(any(contains(text, term) for text in folded) for term in fold(q).split())


def contains(text: str, term: str) -> bool:
    """Whether a folded text contains a folded term; one of Latin letters or digits, only where a word begins."""
    if not re.match(f"[{LATIN}]", term):
        return term in text
    return re.search(f"(?<![{LATIN}]){re.escape(term)}", text) is not None


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def texts(record: Record, fields: Iterable[str]) -> Iterator[str]:
    for field in fields:
        for part in _items(record.get(field)):
            yield from (fold(text) for text in ((part["ja"], part["en"]) if isinstance(part, dict) else (part,)))
