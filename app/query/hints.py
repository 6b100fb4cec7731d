"""Hints: suggestions for an unknown parameter, value or path."""

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import quote

from app.errors import prefixed
from app.query.filters import Filter, Parameter
from app.query.formats import FORMATS
from app.query.names import japanese
from app.query.periods import in_common_era
from app.query.vocabulary import NONE, Vocabularies, Vocabulary
from app.similarity import closest, closest_of, hint
from app.text import fold

# What other services call a parameter, a resource or a word of a parameter, without separators, by our name for it: of
# several that an operation has, the first is meant. Japanese names that stand in app/query/names.py are not repeated.
WORDS: Mapping[str, str] = {
    "since": "from after start begin begins startdate fromdate datefrom dateafter later",
    "until": "to before end ends enddate todate dateto datebefore upto earlier",
    "from": "start begin begins since first startline fromline linestart",
    "to": "end ends until last endline toline lineend",
    "q": "search query keyword keywords text term terms word words find fulltext searchterm 検索 キーワード",
    "limit": "perpage pagesize size rows count top take first maxresults maxrows numrows pagelimit 件数",
    "offset": "skip start from startindex firstresult",
    "cursor": "after before pagetoken nextpagetoken nexttoken continuation scrollid cursormark",
    "sort": "orderby sortby sortfield sortkey ordering 並び替え 並び順",
    "order": "sortorder sortdir sortdirection orderdir direction dir",
    "facet": "facetfield aggs aggregate aggregations",
    "fields": "field select columns attributes properties props only fl",
    "group_by": "groupby group by dimension dimensions breakdown",
    "ministry": "department departments dept agency ministryid",
    "organization": "organisation org institution organizationid 機関",
    "fiscal_year": "year years fy nendo 年",
    "budget_kind": "budgettype budget",
    "amount_min": "amount 金額 予算額 minamount amountgte amountfrom minimumamount amountminimum budgetmin minbudget",
    "amount_max": "maxamount amountlte amountto maximumamount amountmaximum budgetmax maxbudget",
    "amount": "price cost money yen 額 予算額",
    "modality": "therapy drug medicine",
    "section": "chapter 節",
    "document": "doc source documentid 資料",
    "type": "resource collection",
    "organizations": "ministries departments agencies organisations 省庁 府省庁",
    "measures": "policies programmes programs",
    "budget-summary": "summary sums totals aggregate",
    "budget-lines": "budget budgets lines",
    "docs": "swagger redoc reference",
    "healthz": "health status ping",
    "asc": "ascending ascend",
    "desc": "descending descend",
    "true": "1 y t on",
    "false": "0 n f off",
}
NO_VALUE = "null nil nan na empty blank missing undefined unspecified notset unset nothing なし 無し 無 空"
# What no parameter here does, and how it is done: the parameter that an operation must have, other names, the advice.
ADVICE = (
    ("offset", "page pageno pagenum pagenumber pageindex p", "Pages are `limit` and `offset`, or `links.next`."),
    (
        "",
        "format f fmt output outputformat accept alt wt",
        "Each format has its own path: `/v1/exports` lists them.",
    ),
    ("", "include expand embed with populate", "A record holds what it refers to by id and name."),
    ("", "filter filters where condition fq", "Each filter is a parameter of its own."),
    ("", "lang language locale hl", "Texts are there in both languages, as `ja` and `en`."),
    ("", "apikey key token accesstoken appid", "No key is needed."),
    ("", "q search query keyword", "`/v1/search?q=` searches everything."),
)
EXCLUDED = re.compile(r"(?:not|no|exclude|excluding|without)(\w+)|(\w+)(?:not|ne|neq|exclude|以外)$")
YEAR = re.compile(r"^(?:fy)?\W*(?:20)?(\d\d)(?:年度?)?$")
BUDGET = re.compile("予算案?|budget")  # which the names of some budgets have, and others leave out
SORTED = re.compile(r"(?P<down>[-+]?)(?P<sort>\w+?)(?:[\s:.,_]+(?P<order>asc|desc)\w*)?", re.IGNORECASE)
UNITS = {
    "": 1,
    "千": 10**3,
    "万": 10**4,
    "百万": 10**6,
    "千万": 10**7,
    "億": 10**8,
    "兆": 10**12,
    "k": 10**3,
    "m": 10**6,
    "million": 10**6,
    "b": 10**9,
    "bn": 10**9,
    "billion": 10**9,
}
AMOUNT = re.compile(rf"(\d+(?:\.\d+)?(?:e\d{{1,2}})?)({'|'.join(sorted(UNITS, key=len, reverse=True))})")
MINUS = ("-", "\N{MINUS SIGN}", "△", "▲")  # budget books print triangles

EXTENSIONS = {"json": "", "xls": ".xlsx", "jsonl": ".ndjson", **{each: f".{each}" for each in FORMATS}}

MAX_REQUESTS = 3  # named in a message


class Elsewhere(NamedTuple):
    """What other operations take: by parameter, the requests that take it, and the prefix of all paths."""

    requests: Mapping[str, Sequence[str]]
    prefix: str


Hint = tuple[str | None, str]  # the name or value that was meant, and the sentence of a message, after a blank


def _plain(word: str) -> str:
    """A word as the tables here have it: folded, without separators."""
    return re.sub(r"[\W_]", "", fold(word))


def _by_label(names: Collection[str]) -> dict[str, str]:
    """The names by what they are called in Japanese, and by themselves."""
    return {**{_japanese(name): name for name in names if japanese(name)}, **{name: name for name in names}}


@cache
def _japanese(name: str) -> str:
    return fold(japanese(name))


def _by_synonym(word: str, names: Mapping[str, str]) -> str | None:
    """What is named by this word, or by ours for it."""
    plain = _plain(word)
    known = (names[ours] for ours, others in WORDS.items() if ours in names and plain in others.split())
    return next(known, None) or names.get(fold(word))


def _nearest(word: str, names: Mapping[str, str]) -> str | None:
    """What is named by the name that a word was surely meant to be."""
    return _by_synonym(word, names) or closest_of(fold(word), names)


def parameter_hint(name: str, parameters: Collection[str], elsewhere: Elsewhere) -> Hint:
    """The suggestion for a parameter that an operation does not have, and others may."""
    plain, names = _plain(name), _by_label(parameters)
    excluded = EXCLUDED.match(plain)
    excluding = f"{excluded and _nearest(excluded[1] or excluded[2], names)}_not"
    nearest = excluding if excluding in parameters else _nearest(name, names)
    if nearest:
        return nearest, hint(nearest)
    for needed, others, advice in ADVICE:
        if plain in others.split() and (not needed or needed in parameters):
            return None, prefixed(f" {advice}", elsewhere.prefix)
    return None, _where_taken(_by_synonym(name, _by_label(elsewhere.requests)), elsewhere)


def _where_taken(name: str | None, elsewhere: Elsewhere) -> str:
    """The sentence that names the requests that take a parameter."""
    requests = " or ".join(f"`{each}`" for each in elsewhere.requests.get(name or "", ())[:MAX_REQUESTS])
    return prefixed(f" Ask {requests} for it.", elsewhere.prefix) if requests else ""


def other_hint(
    parameter: Parameter, value: str, parameters: Collection[str], vocabularies: Vocabularies, elsewhere: Elsewhere
) -> str:
    """The sentence that names the parameter, here or elsewhere, that takes a value which this filter does not."""
    if not (isinstance(parameter, Filter) and parameter.facet):
        return ""
    taking = [name for name, each in vocabularies.items() if each.find(value) not in ((), (NONE,))]
    here = next((name for name in parameters if name in taking), None)
    name = here or next((name for name in taking if name in elsewhere.requests), None)
    return f" It is a value of `{name}`.{'' if here else _where_taken(name, elsewhere)}" if name else ""


def value_hint(parameter: Parameter, value: str, vocabulary: Vocabulary) -> Hint:
    """The suggestion for a value that is not in the vocabulary of a parameter."""
    sorted_by = SORTED.fullmatch(value.strip()[:100]) if parameter.name == "sort" else None
    if sorted_by and (sorted_by["down"] or sorted_by["order"]):
        found = _nearest(sorted_by["sort"], vocabulary.names)
        order = (sorted_by["order"] or ("desc" if sorted_by["down"] == "-" else "asc")).lower()
        return found, hint(found and f"sort={found}&order={order}")
    if parameter.optional and _plain(value) in NO_VALUE.split():
        return NONE, hint(NONE)
    names = vocabulary.names
    nearest = names.get(YEAR.sub(r"20\1", in_common_era(value))) or _nearest(value, names)
    if nearest is None and isinstance(parameter, Filter) and parameter.choices:
        nearest = closest_of(BUDGET.sub("", fold(value)), {BUDGET.sub("", name): id_ for name, id_ in names.items()})
    return nearest, hint(nearest)


def number_hint(value: str, minimum: int, maximum: int) -> Hint:
    """The whole number that a text such as `10億5,000万円`, `1e9` or `△1,000` says, if it is one that may be sent."""
    plain = re.sub(r"(?<=\d)[,_](?=\d{3}(?!\d))", "", normalize("NFKC", value[:50]).lower())
    plain = re.sub(r"[\s¥円約]|程度|jpy|yen", "", plain)
    sign, unsigned = (-1, plain[1:]) if plain.startswith(MINUS) else (1, plain)
    parts = AMOUNT.findall(unsigned)
    number = sign * sum((Decimal(digits) * UNITS[unit] for digits, unit in parts), Decimal())
    if (
        "".join(map("".join, parts)) != unsigned
        or not parts
        or number != int(number)
        or not minimum <= number <= maximum
    ):
        return None, ""
    return str(int(number)), hint(str(int(number)))


def path_hint(path: str, paths: Collection[str]) -> str | None:
    """The path most similar to an unknown one, which may have another beginning, extension or name, or be misspelt;
    failing that, the list that it ends with. Of a path behind an id, the one of the same resource."""
    by_name = {re.sub(r"^/(v1/)?(exports/)?", "", each): each for each in paths if "{" not in each}
    asked = re.sub(r"^/(api/|rest/)*(v\d+/)?(exports/)?", "", path).rstrip("/")
    names = _by_label([name for name in by_name if "." not in name])
    resource, id_, part = (*asked.split("/", 2), "", "")[:3]
    item = f"{by_name.get(_nearest(resource, names) or '')}/{{id}}"
    parts = {each.removeprefix(item).lstrip("/"): each for each in paths if id_ and each.startswith(item)}
    found = _nearest(part, _by_label(parts))
    if found is not None:
        return parts[found].replace("{id}", quote(id_))
    for name in (asked.lower(), asked.lower().rpartition("/")[2]):
        stem, _, extension = name.rpartition(".") if name.rpartition(".")[2] in EXTENSIONS else (name, "", "json")
        found = closest(f"{_by_synonym(stem, names) or stem}{EXTENSIONS[extension]}", by_name)
        if found:
            return by_name[found]
    return None
