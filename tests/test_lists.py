"""Lists and items of every resource: a new one is covered here without a word changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import orjson
import pytest

from app.db.base import Session, Statement
from app.index.keyset import MAX_KEY
from app.query.columns import columns
from app.query.cursor import Binding, Cursor, encode
from app.query.filters import values_at
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.budget_lines import BUDGET_LINES
from app.resources.facts import FACTS
from app.resources.measures import MEASURES
from app.seeding.search_index import by_numbers
from tests.conftest import Client, answer, some, walk
from tests.test_openapi import SCHEMAS

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
SORTS = [(resource, name) for resource in RESOURCES for name in resource.sorts]
EACH_SORT = pytest.mark.parametrize(("resource", "sort"), SORTS, ids=lambda value: getattr(value, "name", value))


def path(resource: Resource) -> str:
    return f"/v1/{resource.name}"


@contextmanager
def statements() -> Iterator[list[Statement]]:
    """Every statement that is run meanwhile."""
    seen: list[Statement] = []
    query = Session.query

    def counted(self: Session, statement: Statement, /, **values: Any) -> Any:
        seen.append(statement)
        return query(self, statement, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "query", counted)
        yield seen


@EACH
def test_each_record_of_a_list_is_its_item(resource: Resource, clients: Client) -> None:
    rows = walk(clients, path(resource), limit=2)
    assert len(rows) == answer(clients, path(resource), limit=0)["meta"]["total"] > 0
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert answer(clients, f"{path(resource)}/{row['id']}") == row


@EACH
def test_a_record_says_first_what_it_is_and_last_where_it_stands(resource: Resource, clients: Client) -> None:
    declared = SCHEMAS[resource.record.__name__]
    order = list(declared["properties"])
    assert declared["required"] == order
    assert (order[:2], order[-3:]) == (["id", "name"], ["documents", "notes", "evidence"])
    rows = walk(clients, path(resource))
    for row in (*rows, *(answer(clients, f"{path(resource)}/{row['id']}") for row in some(rows, 1))):
        assert list(row) == order
    for line in clients.get(f"/v1/exports/{resource.name}.ndjson").text.splitlines():
        assert list(orjson.loads(line)) == order
    header = clients.get(f"/v1/exports/{resource.name}.csv").text.partition("\r\n")[0].split(",")
    assert header == [column.name for column in sorted(columns(resource.record), key=lambda c: order.index(c.path[0]))]


@pytest.mark.parametrize("resource", FACTS, ids=lambda resource: resource.name)
def test_each_record_has_evidence_and_its_documents(resource: Resource, clients: Client) -> None:
    for row in walk(clients, path(resource)):
        assert row["evidence"]
        assert row["documents"] == list(dict.fromkeys(each["document"] for each in row["evidence"]))
        for each in row["evidence"]:
            assert set(each["supports"]) <= set(row)


@EACH_SORT
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_each_sort_orders_by_its_value_and_pages_hold_each_row_once(
    resource: Resource, sort: str, order: str, clients: Client
) -> None:
    check_sort(resource, sort, order, 5, clients)


@pytest.mark.parametrize("resource", [BUDGET_LINES, MEASURES], ids=lambda resource: resource.name)
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_negative_amounts_are_sorted_and_paged_as_numbers(resource: Resource, order: str, cuts: Client) -> None:
    check_sort(resource, "amount", order, 37, cuts)  # more rows than stand in a block
    first, *_ = answer(cuts, path(resource), sort="amount", order=order)["data"]
    assert (first["amount"]["jpy"] < 0) == (order == "asc")


def check_sort(resource: Resource, sort: str, order: str, limit: int, clients: Client) -> None:
    """Walks the pages of a sort in both directions, and compares them with what is sorted here."""
    descending = order == "desc"
    rows: list[tuple[Any, str]] = [
        (next(values_at(row, resource.sorts[sort]), None), row["id"])
        for row in walk(clients, path(resource), limit=500)
    ]
    with_value = [row for row in rows if row[0] is not None]
    # Equal values keep the collection's order, turned around with the rest; rows without a value come last.
    with_value.sort(key=(lambda row: tuple(map(by_numbers, row))) if resource.versioned else itemgetter(0))
    without = [row for row in rows if row[0] is None]
    expected = [id_ for _, id_ in ([*with_value[::-1], *without[::-1]] if descending else [*with_value, *without])]
    page = answer(clients, path(resource), sort=sort, order=order, limit=limit)
    forwards = [row["id"] for row in page["data"]]
    while page["links"]["next"]:
        page = answer(clients, page["links"]["next"])
        forwards += [row["id"] for row in page["data"]]
    assert forwards == expected
    backwards: list[str] = []
    while True:
        backwards = [row["id"] for row in page["data"]] + backwards
        if page["links"]["prev"] is None:
            break
        page = answer(clients, page["links"]["prev"])
    assert backwards == expected


@EACH
def test_the_order_of_the_collection_can_be_reversed(resource: Resource, clients: Client) -> None:
    rows = walk(clients, path(resource))
    assert walk(clients, path(resource), order="desc", limit=2) == rows[::-1]
    page = answer(clients, answer(clients, path(resource), order="desc", limit=2)["links"]["last"])
    if page["links"]["prev"]:
        before = answer(clients, page["links"]["prev"])
        at = len(rows) - rows[::-1].index(page["data"][0])
        assert before["data"] == rows[at : at + 2][::-1]
    exported = clients.get(f"/v1/exports/{resource.name}.ndjson?order=desc").text.splitlines()
    assert len(exported) == len(rows)
    assert f'"id":"{rows[-1]["id"]}"' in exported[0]


def test_a_forged_cursor_causes_no_server_error(clients: Client) -> None:
    digest = answer(clients, "/v1")["dataset"]["digest"]
    for query in ("sort=amount&order=desc", "order=desc", ""):
        signed = Binding.of(digest, f"budget-lines?{query}")
        keys = (0, -5, MAX_KEY - 1, MAX_KEY, 2**32 - 2, 2**62)
        odd: list[Any] = [(0, 1.5), (0.0, 1), (0, "x"), (True, 1), (0,), "x", 3, None]
        for at in (*(place for key in keys for place in ((0, key), (1, key), (2, key), (key, 1))), *odd):
            for backwards in (False, True):
                cursor = encode(Cursor(at, backwards), signed)
                response = clients.get(f"/v1/budget-lines?{query}&cursor={cursor}&limit=2")
                assert response.status_code in (200, 422), response.text


@EACH
def test_pages_by_number_are_the_pages_by_cursor(resource: Resource, clients: Client) -> None:
    rows = walk(clients, path(resource))
    for offset in range(0, len(rows) + 2, 2):
        page = answer(clients, path(resource), limit=2, offset=offset)
        assert page["data"] == rows[offset : offset + 2]
        assert page["meta"]["offset"] == offset
        before = page["links"]["prev"]
        if offset == 0:
            assert before is None
        elif offset <= len(rows):
            assert answer(clients, before)["data"] == rows[offset - 2 : offset]
    last = answer(clients, answer(clients, path(resource), limit=2)["links"]["last"])
    assert last["data"] == rows[(len(rows) - 1) // 2 * 2 :]


@EACH
def test_the_last_page_of_a_long_list_is_a_cursor(
    resource: Resource, clients: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = walk(clients, path(resource))
    monkeypatch.setattr("app.query.page.MAX_OFFSET", -1)
    last = answer(clients, answer(clients, path(resource), limit=2)["links"]["last"])
    assert last["data"] == rows[-2:]
    assert last["meta"]["offset"] is None
    assert last["links"]["next"] is None
    assert (last["links"]["prev"] is None) == (len(rows) <= 2)


def test_names_with_commas_and_several_values_are_kept_in_links(clients: Client) -> None:
    named = answer(clients, "/v1/budget-lines", ministry="Ministry of Health, Labour and Welfare")
    assert named["links"]["self"] == "/v1/budget-lines?ministry=mhlw"
    several = answer(clients, "/v1/budget-lines?ministry=mext,mhlw&ministry=cao&limit=1")
    assert several["links"]["self"] == "/v1/budget-lines?ministry=cao,mext,mhlw&limit=1"
    assert answer(clients, several["links"]["next"])["meta"]["total"] == several["meta"]["total"]
    refused = answer(clients, "/v1/budget-lines?ministry=" + ",".join(["x"] * 300), 422)
    assert "at most 200 values" in refused["detail"]
    assert len(answer(clients, "/v1/budget-lines?ministry=" + ",".join(["x"] * 199), 422)["errors"]) == 50


def test_the_default_offset_may_stand_beside_a_cursor(clients: Client) -> None:
    following = answer(clients, "/v1/measures?limit=2")["links"]["next"]
    assert answer(clients, f"{following}&offset=0")["data"] == answer(clients, following)["data"]


@EACH
def test_a_list_takes_one_statement_with_or_without_facets(resource: Resource, clients: Client) -> None:
    query: dict[str, Any] = {"facet": list(resource.facets)} if resource.facets else {}
    some = answer(clients, path(resource), **query)["data"][0]["id"]  # from now on the index is loaded
    for url, more, count in (
        (path(resource), query, 1),
        (path(resource), {"limit": 0}, 0),
        (f"{path(resource)}/{some}", {}, 1),
    ):
        with statements() as seen:
            answer(clients, url, **more)
        assert len(seen) == count


@EACH
def test_unknown_parameters_and_values_are_refused_with_a_suggestion(resource: Resource, clients: Client) -> None:
    refused = answer(clients, path(resource), 422, lmit=3, sort="nme", order="up", limit="501", offset="-1")
    assert {error["parameter"]: error["did_you_mean"] for error in refused["errors"]} == {
        "lmit": "limit",
        "sort": "name",
        "order": None,
        "limit": None,
        "offset": None,
    }
    assert answer(clients, f"{path(resource)}/no-such-thing", 404)["status"] == 404
    answer(clients, f"{path(resource)}/x", 422, limit="1")


@EACH
def test_an_unknown_id_is_404_with_the_nearest_id(resource: Resource, clients: Client) -> None:
    some = answer(clients, path(resource), limit=1)["data"][0]["id"]
    assert f"`{some}`" in answer(clients, f"{path(resource)}/{some}x", 404)["detail"]


@EACH
def test_no_match_is_an_empty_list(resource: Resource, clients: Client) -> None:
    page = answer(clients, path(resource), q="no such words anywhere")
    assert (page["data"], page["meta"]["total"]) == ([], 0)
    links = page["links"]
    assert (links["prev"], links["next"], links["first"], links["last"]) == (None, None, links["self"], links["self"])
