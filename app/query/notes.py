"""Notes of an answer: what its filters include, and what its words were found by."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyroaring import BitMap

from app.query.parser import Query
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.query.vocabulary import NONE, Vocabularies
from app.query.words import other_words
from app.schemas import Note, distinct
from app.text import terms

MAX_NAMED = 10  # values named in a note
MAX_TRIED = 20  # searches for other words


def query_notes(query: Query, resources: Sequence[Resource], rows: BitMap, searcher: Searcher) -> list[Note]:
    """The notes of a query that has found these rows of the resources."""
    return [*filter_notes(query, searcher.vocabularies), *search_notes(query, resources, rows, searcher)]


def filter_notes(query: Query, vocabularies: Vocabularies) -> list[Note]:
    """Notes on the filters used: which narrower values they include, and what is known of their values."""
    notes: dict[str, Note] = {}
    for filter_, ids in query.filters():
        if filter_.note:
            notes[filter_.note.code] = filter_.note
        if filter_.kind not in ("code", "choice"):
            continue
        vocabulary = filter_.values(vocabularies)
        for concept in (vocabulary.concepts[id_] for id_ in ids if id_ != NONE):
            if concept.id in vocabulary.narrower and filter_.multivalued:
                listed = ", ".join(vocabulary.narrower[concept.id])
                code = f"narrower-included-{concept.id}"
                notes[code] = Note(
                    code=code,
                    ja=f"{filter_.name}={concept.id} は下位の {listed} を含む。",
                    en=f"{filter_.name}={concept.id} includes the narrower {listed}.",
                )
            for note in concept.notes:
                notes[note.code] = note
    return list(notes.values())


def search_notes(query: Query, resources: Sequence[Resource], rows: BitMap, searcher: Searcher) -> list[Note]:
    """Notes on `q`: by which names of linked records it found rows whose own texts lack its words; and where it finds
    nothing, which of its words are values of a filter."""
    if not query.terms:
        return []
    if not rows:
        return [*_filters_meant(query, resources, searcher), *_other_words(query, resources, searcher)]
    through = rows - searcher.search(query.terms, resources).in_texts
    links = [link for link in _links(query.terms, resources, searcher) if link.rows.intersect(through)]
    # Links that contain every term explain their rows; those that contain some are named only for other rows.
    whole = [link for link in links if link.terms == len(query.terms)]
    others = through - BitMap().union(*(link.rows for link in whole))
    shown = [*whole, *(link for link in links if link.terms < len(query.terms) and link.rows.intersect(others))]
    if not shown:
        return []
    named = listed(distinct(link.name for link in shown))
    note = Note(
        code="found-by-linked-names",
        ja=f"q の語を自らの文に含まない行も、対応する名称により含む: {named}。",
        en=f"Rows whose own texts lack a word of `q` are found by the names of what they link to: {named}.",
    )
    return distinct([note, *(link.note for link in shown if link.note)])


@dataclass(frozen=True)
class _Link:
    """Something that records link to: its name in a note, the rows, and how many terms its names contain."""

    name: str
    note: Note | None
    rows: BitMap
    terms: int


def _links(terms: Sequence[str], resources: Iterable[Resource], searcher: Searcher) -> Iterator[_Link]:
    """What the records link to, of which one of the names contains some of the terms."""
    for resource in resources:
        found: dict[tuple[str, str], list[BitMap]] = {}
        for term in terms:
            for path, id_, rows in searcher.linked(term, resource):
                found.setdefault((path, id_), []).append(rows)
        for (path, id_), (rows, *others) in found.items():
            filter_ = resource.filter_of(path)
            name = f"{filter_.name}={id_}" if filter_ else f"{path.partition('.')[0]} {id_}"
            yield _Link(name, filter_.note if filter_ else None, rows, 1 + len(others))


def _filters_meant(query: Query, resources: Iterable[Resource], searcher: Searcher) -> list[Note]:
    """The note that a word, or all words together, are values of filters that find something."""
    q = query.text("q")
    meant = distinct(
        f"{filter_.name}={id_}"
        for word in (q, *q.split())
        for resource in resources
        for filter_ in resource.filters.values()
        if filter_.kind in ("code", "choice")
        for id_ in filter_.values(searcher.vocabularies).find(word)
        if searcher.values(resource, filter_).of(id_)
    )
    if not meant:
        return []
    named = listed(meant)
    return [
        Note(
            code="q-is-a-filter-value",
            ja=f"q では見つからないが、絞り込みの値として次がある: {named}。",
            en=f"`q` finds nothing, but words of it are values of filters: {named}.",
        )
    ]


def _other_words(query: Query, resources: Sequence[Resource], searcher: Searcher) -> list[Note]:
    """The note of other words that find something under the same filters."""
    tried = other_words(query.text("q"), searcher.dataset.about.synonyms)[:MAX_TRIED]
    filtered = [(resource, searcher.match(resource, query.without("q"))) for resource in resources]
    found = [
        words
        for words in tried
        if any(rows.intersect(searcher.search(terms(words), [resource]).anywhere) for resource, rows in filtered)
    ]
    if not found:
        return []
    named = listed([f"`{words}`" for words in found])
    return [
        Note(
            code="other-words-find",
            ja=f"q では見つからないが、次の語では見つかる: {named}。",
            en=f"`q` finds nothing, but other words do: {named}.",
        )
    ]


def listed(values: Collection[str]) -> str:
    """The first values, as a note names them."""
    return ", ".join(list(values)[:MAX_NAMED]) + (", …" if len(values) > MAX_NAMED else "")
