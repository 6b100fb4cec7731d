"""Hints: suggestions for an unknown parameter, value or path."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from unicodedata import normalize

from app.errors import closest, hint
from app.query.filters import Filter, Parameter
from app.query.vocabulary import NONE, Vocabulary
from app.text import fold

# What other services call a parameter, without separators, by our name for it: of several here, the first is meant.
PARAMETERS = {
    "since": "from after start begin begins startdate fromdate datefrom dateafter later",
    "until": "to before end ends enddate todate dateto datebefore upto earlier",
    "from": "start begin begins since first startline fromline linestart",
    "to": "end ends until last endline toline lineend",
    "q": "search query keyword keywords text term terms word words find fulltext searchterm 検索 キーワード",
    "limit": "perpage pagesize size rows count top take first maxresults maxrows numrows pagelimit",
    "offset": "skip start from startindex firstresult",
    "cursor": "after before pagetoken nextpagetoken nexttoken continuation scrollid cursormark",
    "sort": "orderby sortby sortfield sortkey ordering",
    "order": "sortorder sortdir sortdirection orderdir direction dir",
    "facet": "facets facetfield aggs aggregate aggregations",
    "fields": "field select columns attributes properties props only fl",
    "group_by": "groupby group by dimension dimensions breakdown",
    "ministry": "department departments dept agency ministries ministryid 省庁 府省庁 府省",
    "organization": "organisation org institution organizationid 機関",
    "fiscal_year": "year years fy nendo 年度 会計年度",
    "budget_kind": "budgettype budget",
    "amount_min": "minamount amountgte amountfrom minimumamount amountminimum budgetmin minbudget",
    "amount_max": "maxamount amountlte amountto maximumamount amountmaximum budgetmax maxbudget",
    "modality": "therapy drug medicine モダリティ",
    "section": "chapter 節",
    "pillar": "柱",
    "document": "doc source documentid 資料 文書",
    "type": "resource collection",
}
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
EXCLUDED = re.compile(r"(?:not|no|exclude|excluding|without)(\w+)|(\w+)(?:not|ne|neq|exclude)$")
VALUES = {
    "asc": "ascending ascend",
    "desc": "descending descend",
    "true": "1 y t on",
    "false": "0 n f off",
    NONE: "null nil nan na empty blank missing undefined unspecified notset unset nothing なし 無し 無 該当なし 該当無し 空",
}
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

# What other services call a collection, by its name here.
COLLECTIONS: Mapping[str, str] = {
    "organizations": "ministries departments agencies organisations",
    "measures": "policies programmes programs",
    "budget-summary": "summary sums totals aggregate",
    "budget-lines": "budget budgets lines",
    "docs": "swagger redoc reference",
    "healthz": "health status ping",
}
EXTENSIONS = {
    "json": "",
    "xls": ".xlsx",
    "jsonl": ".ndjson",
    **{each: f".{each}" for each in ("csv", "ndjson", "xlsx", "parquet")},
}

Hint = tuple[str | None, str]  # the name or value that was meant, and the sentence of a message, after a blank


def _plain(word: str) -> str:
    """A word as the tables here have it: folded, without separators."""
    return re.sub(r"[\W_]", "", fold(word))


def parameter_hint(name: str, parameters: Iterable[str]) -> Hint:
    """The suggestion for a parameter that an operation does not have."""
    known, plain = list(parameters), _plain(name)
    for ours, others in PARAMETERS.items():
        if ours in known and plain in others.split():
            return ours, hint(ours)
    excluded = EXCLUDED.match(plain)
    nearest = (excluded and closest(f"{excluded[1] or excluded[2]}_not", known)) or closest(name, known)
    if nearest:
        return nearest, hint(nearest)
    for needed, others, advice in ADVICE:
        if plain in others.split() and (not needed or needed in known):
            return None, f" {advice}"
    return None, ""


def value_hint(parameter: Parameter, value: str, vocabulary: Vocabulary) -> Hint:
    """The suggestion for a value that is not in the vocabulary of a parameter."""
    sorted_by = SORTED.fullmatch(value.strip()[:100]) if parameter.name == "sort" else None
    if sorted_by and (sorted_by["down"] or sorted_by["order"]):
        found = closest(sorted_by["sort"], vocabulary.terms)
        order = (sorted_by["order"] or ("desc" if sorted_by["down"] == "-" else "asc")).lower()
        return found, hint(found and f"sort={found}&order={order}")
    takes_none = isinstance(parameter, Filter) and parameter.optional
    for ours, others in VALUES.items():
        if (ours in vocabulary.terms or (ours == NONE and takes_none)) and _plain(value) in others.split():
            return ours, hint(ours)
    nearest = vocabulary.nearest(value)
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


def path_hint(path: str, paths: Iterable[str]) -> str | None:
    """The path most similar to an unknown one, which may have another beginning, extension or name, or be misspelt;
    failing that, the list that it ends with."""
    by_name = {re.sub(r"^/(v1/)?(exports/)?", "", each): each for each in paths}
    asked = re.sub(r"^/(api/|rest/)*(v\d+/)?(exports/)?", "", path.lower()).rstrip("/")
    for name in (asked, asked.rpartition("/")[2]):
        stem, _, extension = name.rpartition(".") if name.rpartition(".")[2] in EXTENSIONS else (name, "", "json")
        ours = next((ours for ours, others in COLLECTIONS.items() if stem in others.split()), stem)
        found = closest(f"{ours}{EXTENSIONS[extension]}", by_name)
        if found:
            return by_name[found]
    return None
