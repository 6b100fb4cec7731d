"""What every resource promises, whatever it is: a new one is covered here without a word changed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from app.db import Database, Rows, Statement
from app.db.opening import opened
from app.db.postgres import Schema
from app.db.sqlite import File
from app.reading.cursor import Cursor, encode, seal
from app.reading.dataset import Dataset
from app.reading.filters import Filter
from app.reading.resource import Resource
from app.reading.service import Service
from app.resources import RESOURCES
from app.settings import Settings
from tests.conftest import Client, answer, walk

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
FACETS = [(resource, name) for resource in RESOURCES for name in resource.facets]
EACH_FACET = pytest.mark.parametrize(("resource", "facet"), FACETS, ids=lambda value: getattr(value, "name", value))
SORTS = [(resource, name) for resource in RESOURCES for name in resource.sorts]
EACH_SORT = pytest.mark.parametrize(("resource", "sort"), SORTS, ids=lambda value: getattr(value, "name", value))


@pytest.fixture(scope="module")
def dataset(both: Settings) -> Dataset:
    return Service(both).now().dataset


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that is run meanwhile for a question."""
    seen: list[str] = []

    def counting(ask: Any) -> Any:
        def asked(self: Database, question: Callable[[Rows], Any]) -> Any:
            def counted(rows: Rows) -> Any:
                def run(statement: Statement, values: dict[str, Any]) -> Any:
                    seen.append(f"{statement} {values}")
                    return rows(statement, **values)

                return question(Rows(run, 60))

            return ask(self, counted)

        return asked

    with pytest.MonkeyPatch.context() as patch:
        for door in (File, Schema):
            patch.setattr(door, "ask", counting(door.ask))
        yield seen


def path(resource: Resource) -> str:
    return f"/v1/{resource.name}"


@EACH
def test_every_record_of_a_list_is_its_item(resource: Resource, clients: Client) -> None:
    rows = walk(clients, path(resource), limit=2)
    assert len(rows) == answer(clients, path(resource), limit=0)["meta"]["total"] > 0
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert answer(clients, f"{path(resource)}/{row['id']}") == row


@EACH
def test_every_record_leads_back_to_its_documents(resource: Resource, clients: Client) -> None:
    for row in walk(clients, path(resource)):
        assert row["evidence"]
        assert row["documents"] == list(dict.fromkeys(piece["document"] for piece in row["evidence"]))
        for piece in row["evidence"]:
            assert set(piece["supports"]) <= set(row)


@EACH_FACET
def test_every_bucket_is_what_its_filter_finds(
    resource: Resource, facet: str, clients: Client, dataset: Dataset
) -> None:
    total = answer(clients, path(resource), limit=0)["meta"]["total"]
    found = answer(clients, path(resource), facet=facet, limit=0)["facets"][facet]
    filter_ = resource.filters[facet]
    assert [bucket["value"] for bucket in found["buckets"]] == list(filter_.terms(dataset.vocabularies).terms)
    for bucket in found["buckets"]:
        assert len(walk(clients, path(resource), limit=3, **{facet: bucket["value"]})) == bucket["count"]
    if filter_.optional:
        assert answer(clients, path(resource), limit=0, **{facet: "none"})["meta"]["total"] == found["missing"]
    else:
        assert found["missing"] == 0
        answer(clients, path(resource), 422, **{facet: "none"})
    largest = max((bucket["count"] for bucket in found["buckets"]), default=0)
    assert largest + found["missing"] <= total or largest <= total
    either = [bucket["value"] for bucket in found["buckets"]]
    if filter_.many:
        rows = answer(clients, path(resource), limit=0, **{facet: ",".join(either)})["meta"]["total"]
        assert rows + found["missing"] == total


@EACH_FACET
def test_a_facet_counts_under_every_filter_but_its_own(resource: Resource, facet: str, clients: Client) -> None:
    other = next((name for name in resource.facets if name != facet), None)
    if other is None:
        return
    plain = answer(clients, path(resource), facet=[facet, other], limit=0)["facets"]
    chosen = max(plain[facet]["buckets"], key=lambda bucket: bucket["count"])["value"]
    narrowed = answer(clients, path(resource), facet=[facet, other], limit=0, **{facet: chosen})["facets"]
    assert narrowed[facet] == plain[facet]
    for bucket in narrowed[other]["buckets"]:
        query = {facet: chosen, other: bucket["value"]}
        assert answer(clients, path(resource), limit=0, **query)["meta"]["total"] == bucket["count"]


@EACH_SORT
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_every_sort_orders_by_its_column_and_walks_every_row_once(
    resource: Resource, sort: str, order: str, clients: Client, both: Settings
) -> None:
    columns = (resource.table.c[name] for name in (sort, "key", "id"))
    rows = opened(both).learn(Statement(select(*columns)))
    held = sorted((row for row in rows if row[0] is not None), reverse=order == "desc")
    empty = sorted((row for row in rows if row[0] is None), key=lambda row: row[1], reverse=order == "desc")
    expected = [row[2] for row in (*held, *empty)]
    assert [row["id"] for row in walk(clients, path(resource), sort=sort, order=order, limit=2)] == expected
    backwards: list[str] = []
    page = answer(clients, path(resource), sort=sort, order=order, limit=2)
    while page["links"]["next"]:
        page = answer(clients, page["links"]["next"])
    while True:
        backwards = [row["id"] for row in page["data"]] + backwards
        if page["links"]["prev"] is None:
            break
        page = answer(clients, page["links"]["prev"])
    assert backwards == expected


@EACH
def test_the_collections_own_order_can_be_turned(resource: Resource, clients: Client) -> None:
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


def test_a_cursor_that_was_made_up_is_no_fault(clients: Client) -> None:
    digest = answer(clients, "/v1")["dataset"]["digest"]
    for query in ("sort=amount&order=desc", "order=desc", ""):
        question = f"budget-lines?{query}"
        for key in (0, -5, 2**32 - 2, 10**12, 2**62):
            for backwards in (False, True):
                odd: list[Any] = [(0, 1.5), (0.0, 1), (0, "x"), (True, 1), (0,), "x", 3]
                for at in ((0, key), (1, key), (2, key), (key, 1), None, *odd):
                    cursor = encode(Cursor(at, backwards), seal(digest, question))
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
    monkeypatch.setattr("app.reading.page.LAST_OFFSET", -1)
    last = answer(clients, answer(clients, path(resource), limit=2)["links"]["last"])
    assert last["data"] == rows[-2:]
    assert last["meta"]["offset"] is None
    assert last["links"]["next"] is None
    assert (last["links"]["prev"] is None) == (len(rows) <= 2)


def test_names_with_commas_and_many_values_are_taken_and_kept_in_links(clients: Client) -> None:
    named = answer(clients, "/v1/budget-lines", ministry="Ministry of Health, Labour and Welfare")
    assert named["links"]["self"] == "/v1/budget-lines?ministry=mhlw"
    several = answer(clients, "/v1/budget-lines?ministry=mext,mhlw&ministry=cao&limit=1")
    assert several["links"]["self"] == "/v1/budget-lines?ministry=cao,mext,mhlw&limit=1"
    assert answer(clients, several["links"]["next"])["meta"]["total"] == several["meta"]["total"]
    refused = answer(clients, "/v1/budget-lines?ministry=" + ",".join(["x"] * 300), 422)
    assert "at most 200 values" in refused["detail"]
    assert len(answer(clients, "/v1/budget-lines?ministry=" + ",".join(["x"] * 199), 422)["errors"]) == 50


def test_a_default_beside_a_cursor_is_no_second_place(clients: Client) -> None:
    following = answer(clients, "/v1/measures?limit=2")["links"]["next"]
    assert answer(clients, f"{following}&offset=0")["data"] == answer(clients, following)["data"]


@EACH
def test_a_list_takes_one_statement_whatever_its_facets(resource: Resource, clients: Client) -> None:
    with statements() as asked:
        answer(clients, path(resource), facet=list(resource.facets)) if resource.facets else answer(
            clients, path(resource)
        )
    assert len(asked) == 1
    with statements() as asked:
        answer(clients, path(resource), limit=0)
    assert len(asked) == 0
    some = answer(clients, path(resource), limit=1)["data"][0]["id"]
    with statements() as asked:
        answer(clients, f"{path(resource)}/{some}")
    assert len(asked) == 1


@EACH
def test_what_is_not_known_is_refused_with_what_was_meant(resource: Resource, clients: Client) -> None:
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
def test_an_unknown_id_names_the_nearest(resource: Resource, clients: Client) -> None:
    some = answer(clients, path(resource), limit=1)["data"][0]["id"]
    assert f"`{some}`" in answer(clients, f"{path(resource)}/{some}x", 404)["detail"]


@EACH
def test_head_is_get_without_a_body(resource: Resource, clients: Client) -> None:
    for url in (path(resource), f"{path(resource)}/nothing", f"{path(resource)}?x=1"):
        got, headed = clients.get(url), clients.head(url)
        assert headed.status_code == got.status_code
        assert headed.content == b""
        assert {k: v for k, v in headed.headers.items() if k != "date"} == {
            k: v for k, v in got.headers.items() if k != "date"
        }


@EACH
def test_every_filter_refuses_what_it_does_not_know(resource: Resource, clients: Client, dataset: Dataset) -> None:
    for name, filter_ in resource.filters.items():
        if not isinstance(filter_, Filter) or filter_.bound:
            continue
        known = next(iter(filter_.terms(dataset.vocabularies).terms))
        (error,) = answer(clients, path(resource), 422, **{name: f"{known}x"})["errors"]
        assert error["parameter"] == name
        assert error["value"] == f"{known}x"
        assert known in error["allowed"]
        assert error["did_you_mean"] in error["allowed"]
