"""What is asked: classes of requests, each with questions no two of which are the same, and the targets of each. A
question here belongs to no server's language."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from random import Random
from typing import Any

from tests.corpus import OBJECTS, SUBJECTS, TAILS, VERBS

SIZE = 20  # rows of a page
MOST_IDS = 50_000
Where = tuple[tuple[str, tuple[str, ...]], ...]  # filters, each with its values: any of them


@dataclass(frozen=True)
class Question:
    """One question. `kind` is item, list, facets, sums, crosswalk or search."""

    kind: str
    where: Where = ()
    id: str = ""
    q: str = ""
    sort: str = ""
    offset: int = 0
    limit: int = SIZE
    cursor: str = ""
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Values:
    """What the data holds that can be asked for."""

    lines: int
    ids: list[str]
    ministries: list[str]
    modalities: list[str]
    sections: list[str]
    years: list[str]
    pillars: list[str]
    cursors: list[str] = field(default_factory=list)


def values_of(dataset: Path) -> Values:
    """Read from the published database, `dataset.sqlite`."""
    with closing(sqlite3.connect(f"file:{dataset}?immutable=1", uri=True)) as source:

        def column(statement: str) -> list[str]:
            return [str(row[0]) for row in source.execute(statement)]

        (lines,) = source.execute("SELECT count(*) FROM budget_lines").fetchone()
        return Values(
            lines=lines,
            ids=column(f"SELECT id FROM budget_lines WHERE key % {1 + lines // MOST_IDS} = 0"),
            ministries=column("SELECT id FROM organizations WHERE kind IN ('ministry', 'agency') ORDER BY key"),
            modalities=column("SELECT id FROM modalities ORDER BY key"),
            sections=column("SELECT number FROM sections ORDER BY key"),
            years=column("SELECT DISTINCT fiscal_year FROM packages ORDER BY fiscal_year"),
            pillars=column("SELECT DISTINCT number FROM pillars ORDER BY number"),
        )


Asks = Callable[[Values, Random], Iterator[Question]]


@dataclass(frozen=True)
class RequestClass:
    """A class of requests, and what is to be reached: multiples of what the others take, in CPU per request."""

    name: str
    questions: Asks
    naive: float = 10.0
    best_peer: float = 1.3
    page: float | None = None  # of Datasette's table page
    flat: float = 2.5  # at a million lines, at most so many times its own at 10,000


def _shuffled(random: Random, *parts: Any) -> list[Any]:
    found = list(product(*parts))
    random.shuffle(found)
    return found


def _pairs(random: Random, names: dict[str, list[str]], size: int) -> list[Where]:
    """Every combination of so many filters, one value each."""
    found: list[Where] = [
        tuple(zip(chosen, ((value,) for value in values), strict=True))
        for chosen in combinations(names, size)
        for values in product(*(names[name] for name in chosen))
    ]
    random.shuffle(found)
    return found


def _filters(values: Values) -> dict[str, list[str]]:
    return {
        "ministry": values.ministries,
        "modality": values.modalities,
        "fiscal_year": values.years,
        "pillar": values.pillars,
    }


def one_by_id(values: Values, random: Random) -> Iterator[Question]:
    for id_ in random.sample(values.ids, len(values.ids)):
        yield Question("item", id=id_)


def one_filter(values: Values, random: Random) -> Iterator[Question]:
    for where, offset in _shuffled(random, _pairs(random, _filters(values), 1), range(200)):
        yield Question("list", where, offset=offset)


def three_filters(values: Values, random: Random) -> Iterator[Question]:
    for where in _pairs(random, _filters(values), 3):
        yield Question("list", where)


def amount_range(values: Values, random: Random) -> Iterator[Question]:
    for bound in random.sample(range(1, 999_999), 20_000):
        yield Question(
            "list", (("amount_min", (str(bound * 1_000_000),)), ("ministry", (random.choice(values.ministries),)))
        )


def by_amount(values: Values, random: Random) -> Iterator[Question]:
    for where, offset in _shuffled(random, _pairs(random, _filters(values), 1), range(200)):
        yield Question("list", where, sort="amount", offset=offset)


def deep_page(values: Values, random: Random) -> Iterator[Question]:
    deepest = min(values.lines - SIZE, 9_999)
    for offset, sort in _shuffled(random, range(deepest // 2, deepest), ("", "amount")):
        yield Question("list", sort=sort, offset=offset)


def by_cursor(values: Values, random: Random) -> Iterator[Question]:
    """The same place with pages of other sizes, so that each is a question of its own."""
    for cursor, limit in _shuffled(random, values.cursors, range(SIZE - 5, SIZE + 6)):
        yield Question("list", sort="amount", cursor=cursor, limit=limit)


def count(values: Values, random: Random) -> Iterator[Question]:
    for where in _pairs(random, _filters(values), 3):
        yield Question("list", where, limit=0)


def five_facets(values: Values, random: Random) -> Iterator[Question]:
    either = [("ministry", pair) for pair in combinations(values.ministries, 2)]
    other = [(name, (value,)) for name in ("modality", "fiscal_year", "pillar") for value in _filters(values)[name]]
    for where in _shuffled(random, either, other):
        yield Question("facets", where, by=("ministry", "pillar", "modality", "section", "fiscal_year"), limit=0)


def sums(values: Values, random: Random) -> Iterator[Question]:
    """By ministry, over most of the years."""
    years = [
        part
        for size in range(1 + len(values.years) // 2, 1 + len(values.years))
        for part in combinations(values.years, size)
    ]
    for (part,) in _shuffled(random, years):
        yield Question("sums", (("fiscal_year", part),), by=("ministry",))


def sums_filtered(values: Values, random: Random) -> Iterator[Question]:
    for where, by in _shuffled(
        random, _pairs(random, _filters(values), 2), ("ministry", "fiscal_year", "modality", "section")
    ):
        yield Question("sums", where, by=(by,))


def sums_of_all(values: Values, random: Random) -> Iterator[Question]:
    groups = ("ministry", "pillar", "modality", "section", "fiscal_year", "package")
    for (by,) in _shuffled(random, [*combinations(groups, 1), *combinations(groups, 2)]):
        yield Question("sums", by=by)


def crosswalk(values: Values, random: Random) -> Iterator[Question]:
    parts = [each for each in values.sections if each.count(".") > 1]
    either = [(ministry,) for ministry in values.ministries] + list(combinations(values.ministries, 2))
    for section, ministries in _shuffled(random, parts, either):
        yield Question("crosswalk", (("section", (section,)), ("ministry", ministries)))


def terms(characters: int) -> list[str]:
    """What stands in titles, so many characters long."""
    titles = (f"{a}{b}の{c}{d}" for (a, _), (b, _), (c, _), (d, _) in product(SUBJECTS, OBJECTS, VERBS, TAILS))
    found = {title[at : at + characters] for title in titles for at in range(len(title) - characters + 1)}
    return sorted(term for term in found if not term.isascii() and "ＡＩ" not in term)


def _search(characters: int) -> Asks:
    def asks(values: Values, random: Random) -> Iterator[Question]:
        for term, offset in _shuffled(random, terms(characters), range(40)):
            yield Question("list", q=term, offset=offset)

    return asks


def _search_all(values: Values, random: Random) -> Iterator[Question]:
    for term, offset in _shuffled(random, [*terms(2), *terms(3)], range(20)):
        yield Question("search", q=term, offset=offset)


def slow_search(values: Values, random: Random) -> Iterator[Question]:
    """What stands in nearly every row, read far down: the dearest that can be asked."""
    words = [term for term in terms(1) if term in "のに支援事業"]
    for one, two, offset in _shuffled(random, words, words, range(5_000, 9_900, 20)):
        yield Question("search", q=f"{one} {two}", offset=offset)


CLASSES = (
    RequestClass("one by id", one_by_id, best_peer=5.0),
    RequestClass("list of 20, one filter", one_filter, page=6.0),
    RequestClass("list of 20, three filters", three_filters),
    RequestClass("list of 20, from an amount", amount_range),
    RequestClass("list of 20 by amount", by_amount),
    RequestClass("page at 5,000 to 10,000", deep_page),
    RequestClass("page by cursor", by_cursor),
    RequestClass("count under three filters", count),
    RequestClass("five facets under filters", five_facets),
    RequestClass("sums by ministry", sums, flat=4.0),
    RequestClass("sums under two filters", sums_filtered, flat=4.0),
    RequestClass("sums of everything", sums_of_all, flat=4.0),
    RequestClass("crosswalk of a section", crosswalk),
    RequestClass("search, 2 characters", _search(2)),
    RequestClass("search, 3 characters", _search(3)),
    RequestClass("search of every resource", _search_all),
)
