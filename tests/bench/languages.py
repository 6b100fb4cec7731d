"""A question as each server is asked it: the very same questions, each in the server's own words, or None where it has
none for it."""

from collections.abc import Callable
from urllib.parse import urlencode

import orjson

from tests.bench import sql
from tests.bench.load import get, post
from tests.bench.questions import Question

Language = Callable[[Question], bytes | None]
NEAR = 200
PEERS = "peers"  # the database's name in Datasette


def path_of(question: Question) -> str:
    """This service's path; the plain service's too, for what that can."""
    if question.kind == "item":
        return f"/v1/budget-lines/{question.id}"
    asked: list[tuple[str, str | int]] = [(name, ",".join(values)) for name, values in question.where]
    if question.q:
        asked.append(("q", question.q))
    if question.kind in ("sums", "crosswalk"):
        grouped = [("group_by", ",".join(question.by))] if question.by else []
        base = {"sums": "/v1/budget-summary", "crosswalk": "/v1/crosswalk"}[question.kind]
        return f"{base}?{urlencode([*grouped, *asked], safe=',')}"
    if question.by:
        asked.append(("facet", ",".join(question.by)))
    if question.sort:
        asked += [("sort", question.sort), ("order", "desc")]
    if question.cursor:
        asked.append(("cursor", question.cursor))
    elif question.offset:
        asked.append(("offset", question.offset))
    base = "/v1/search" if question.kind == "search" else "/v1/budget-lines"
    return f"{base}?{urlencode([*asked, ('limit', question.limit)], safe=',')}"


def ours(question: Question) -> bytes:
    return get(path_of(question))


def plain(question: Question) -> bytes | None:
    if question.cursor or question.kind in ("crosswalk", "search"):
        return None
    return get(path_of(question))


def table_page(question: Question) -> bytes | None:
    """Datasette's page of a table, without facets: it counts, and does not join. It has no offset (a near page is asked
    as the first), no OR, and takes `_through` together with another filter for neither."""
    if question.kind == "item":
        return get(f"/{PEERS}/budget_lines/{question.id.replace('.', '~2E')}.json?_shape=objects")
    if question.kind != "list" or question.offset > NEAR or question.cursor or not question.limit:
        return None
    if len(question.where) > 1 and any(name in sql.LINKED for name, _ in question.where):
        return None
    asked: list[tuple[str, str]] = [("_size", str(question.limit)), ("_nofacet", "1"), ("_nosuggest", "1")]
    for name, values in question.where:
        if name == "amount_min":
            asked.append(("amount_jpy__gte", values[0]))
        elif name in sql.OWN:
            asked.append((sql.OWN[name], values[0]))
        else:
            table, column = sql.LINKED[name]
            through = {"table": table, "column": column, "value": values[0]}
            asked.append(("_through", orjson.dumps(through).decode()))
    if question.q:
        asked.append(("name_ja__contains", question.q))
    if question.sort:
        asked.append(("_sort_desc", "amount_jpy"))
    return get(f"/{PEERS}/budget_lines.json?{urlencode(asked)}")


def sql_page(question: Question) -> bytes | None:
    """Datasette's own SQL."""
    text = sql.sqlite(question)
    return get(f"/{PEERS}.json?{urlencode({'sql': text, '_shape': 'objects'})}") if text else None


def data_fusion(question: Question) -> bytes | None:
    text = sql.datafusion(question)
    return post("/api/sql", text) if text else None
