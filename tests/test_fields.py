"""Fields: a list, an item or a download shows those that were asked for, and is otherwise what it is without."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import openpyxl
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.query.columns import columns
from app.query.resource import Resource
from app.resources import RESOURCES
from tests.conftest import Client, answer, some, walk
from tests.test_openapi import DOCUMENT, SCHEMAS

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
LINE = "/v1/budget-lines/biosimilar-manufacturing-sites-fy2025-supplementary"

Records = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def whole(clients: Client) -> Records:
    """Every record by resource, without `fields`."""
    return {resource.name: walk(clients, f"/v1/{resource.name}") for resource in RESOURCES}


@pytest.fixture(scope="module")
def declared() -> dict[str, list[str]]:
    """The paths of each resource, read from its schema in the OpenAPI document."""

    def within(node: dict[str, Any], at: str) -> Iterator[str]:
        for part in (node, node.get("items", {}), *node.get("anyOf", [])):
            if "$ref" in part:
                for name, child in SCHEMAS[part["$ref"].rpartition("/")[2]].get("properties", {}).items():
                    yield f"{at}{name}"
                    yield from within(child, f"{at}{name}.")

    roots = {resource.name: f"#/components/schemas/{resource.record.__name__}" for resource in RESOURCES}
    return {name: list(within({"$ref": root}, "")) for name, root in roots.items()}


def cut(value: Any, paths: Sequence[str], at: str = "") -> Any:
    """A value of a record with what stands at the paths, above them and below them."""
    if isinstance(value, list):
        return [cut(item, paths, at) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: cut(inner, paths, f"{at}{name}.")
        for name, inner in value.items()
        if any(f"{at}{name}.".startswith(f"{path}.") or f"{path}.".startswith(f"{at}{name}.") for path in paths)
    }


def test_every_path_of_the_schema_is_listed_and_taken(
    clients: Client, whole: Records, declared: dict[str, list[str]]
) -> None:
    listed = {each["name"]: each["fields"] for each in answer(clients, "/v1")["resources"]}
    assert {name: sorted(paths) for name, paths in listed.items()} == {
        name: sorted(paths) for name, paths in declared.items()
    }
    for name, paths in listed.items():
        own = len(whole[name][0])
        assert paths[:own] == list(whole[name][0])  # the record's own fields first
        for path in some(paths, 8):
            assert answer(clients, f"/v1/{name}?fields={path}&limit=2")["data"] == [
                cut(each, [path]) for each in whole[name][:2]
            ]


@given(data=st.data())
def test_with_fields_an_answer_is_each_record_cut_to_them(
    data: st.DataObject, clients: Client, whole: Records, declared: dict[str, list[str]]
) -> None:
    name = data.draw(st.sampled_from(sorted(whole)))
    records = whole[name]
    paths = data.draw(st.lists(st.sampled_from(declared[name]), min_size=1, max_size=7))
    sent = {"fields": data.draw(st.sampled_from([paths, [",".join(paths)]]))}
    shown = [orjson.dumps(cut(record, paths)) for record in records]
    page = clients.get(f"/v1/{name}", params={**sent, "limit": 500})
    assert page.content.startswith(b'{"data":[%b],"meta":{"total":%d' % (b",".join(shown), len(records)))
    exported = clients.get(f"/v1/exports/{name}.ndjson", params=sent)
    assert exported.content == b"".join(b"%b\n" % each for each in shown)
    place = data.draw(st.integers(0, len(records) - 1))
    assert clients.get(f"/v1/{name}/{records[place]['id']}", params=sent).content == shown[place]
    # As many rows as there are, two at a time: the links keep the fields.
    assert [orjson.dumps(row) for row in walk(clients, f"/v1/{name}", **sent, limit=2)] == shown


def table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def places(resource: Resource) -> dict[str, str]:
    """Where each column of a resource stands in its record."""
    return {column.name: f"{'.'.join(column.path)}." for column in columns(resource.record)}


def under(places: dict[str, str], paths: Sequence[str]) -> list[str]:
    """The columns that stand under any of the paths."""
    return [name for name, place in places.items() if any(place.startswith(f"{path}.") for path in paths)]


@given(data=st.data())
def test_with_fields_a_table_has_the_columns_that_stand_under_them(
    data: st.DataObject, clients: Client, declared: dict[str, list[str]]
) -> None:
    name = data.draw(st.sampled_from(sorted(declared)))
    shown = places(next(resource for resource in RESOURCES if resource.name == name))
    taken = [path for path in declared[name] if under(shown, [path])]
    paths = data.draw(st.lists(st.sampled_from(taken), min_size=1, max_size=5))
    url, names = f"/v1/exports/{name}.csv", under(shown, paths)
    found = clients.get(url, params={"fields": paths, "bom": "true"})
    assert found.text.removeprefix("\ufeff").partition("\r\n")[0].split(",") == names
    full = clients.get(url, params={"bom": "true"}).content
    assert table(found.content) == [{name: row[name] for name in names} for row in table(full)]


@pytest.mark.parametrize("resource", some(RESOURCES, 2), ids=lambda resource: resource.name)
def test_with_fields_a_workbook_has_the_cells_that_stand_under_them(
    resource: Resource, clients: Client, declared: dict[str, list[str]]
) -> None:
    shown = places(resource)
    paths = ["id", *(path for path in declared[resource.name][1::7] if under(shown, [path]))]
    names = under(shown, paths)
    books = [
        openpyxl.load_workbook(io.BytesIO(clients.get(f"/v1/exports/{resource.name}.xlsx", params=query).content))
        for query in ({"fields": paths}, {})
    ]
    found, full = (list(book.worksheets[0].iter_rows(values_only=True)) for book in books)
    kept = [place for place, name in enumerate(shown) if name in names]
    assert len(names) < len(shown)
    assert found == [tuple(row[place] for place in kept) for row in full]
    about = [row[0] for row in books[0].worksheets[1].iter_rows(values_only=True)]
    assert about[about.index("column") + 1 :] == names


def test_fields_come_in_the_order_of_the_record_and_once(clients: Client) -> None:
    page = answer(clients, "/v1/budget-lines?fields=amount.jpy,name&fields=id,name.ja,name,amount.approximate&limit=1")
    (row,) = page["data"]
    assert [*row, *row["name"], *row["amount"]] == [
        "id",
        "name",
        "amount",
        "ja",
        "en",
        "en_official",
        "jpy",
        "approximate",
    ]
    assert page["links"]["self"].startswith("/v1/budget-lines?limit=1&fields=id,name,name.ja,amount.jpy,")


def test_the_id_is_shown_where_it_is_named(clients: Client) -> None:
    assert list(answer(clients, f"{LINE}?fields=joint")) == ["joint"]
    assert answer(clients, f"{LINE}?fields=joint,id")["id"] == LINE.rpartition("/")[2]


def test_null_and_empty_lists_stay_what_they_are(clients: Client) -> None:
    rows = answer(clients, "/v1/measures?fields=pillar.number,modalities.name.ja")["data"]
    assert {"pillar": None, "modalities": []} in rows
    assert any(row["pillar"] and list(row["pillar"]) == ["number"] for row in rows)


@EACH
def test_unknown_fields_are_refused_with_a_hint(resource: Resource, clients: Client) -> None:
    some = answer(clients, f"/v1/{resource.name}?limit=1")["data"][0]["id"]
    exports = [f"exports/{resource.name}.{extension}" for extension in ("csv", "ndjson", "xlsx")]
    for path in (resource.name, f"{resource.name}/{some}", *exports):
        refused = answer(clients, f"/v1/{path}?fields=id,evidense,name.jp&fields=name.ja.x,,none", 422)
        hints = {error["value"]: error["did_you_mean"] for error in refused["errors"]}
        assert hints.keys() == {"evidense", "name.jp", "name.ja.x", "", "none"}
        assert [hints[value] for value in ("evidense", "name.jp", "name.ja.x")] == ["evidence", "name.ja", "name.ja"]
        for error in refused["errors"]:
            assert (error["parameter"], error["code"]) == ("fields", "unknown_value")
            assert {"id", "name", "documents", "notes", "evidence"} <= set(error["allowed"])


def test_a_table_refuses_a_field_without_a_column(clients: Client) -> None:
    mark = "measure.name.en_official"  # shown of a record itself, and not of those that it names
    assert answer(clients, f"{LINE}?fields={mark}") == {"measure": {"name": {"en_official": False}}}
    for extension in ("csv", "xlsx"):
        refused = answer(clients, f"/v1/exports/budget-lines.{extension}?fields={mark}", 422)
        assert mark not in refused["errors"][0]["allowed"]


def test_fields_decide_nothing_but_what_is_shown(clients: Client) -> None:
    question = "/v1/budget-lines?ministry=mhlw&q=の&sort=amount&order=desc&facet=pillar&limit=2"
    page, short = answer(clients, question), answer(clients, f"{question}&fields=id")
    assert short["data"] == [{"id": row["id"]} for row in page["data"]]
    assert (short["meta"], short["facets"]) == (page["meta"], page["facets"])
    assert answer(clients, f"{question}&fields=id&limit=0".replace("limit=2&", ""))["data"] == []
    # A cursor is a place among the rows, whatever is shown of them.
    following = answer(clients, page["links"]["next"])
    assert answer(clients, short["links"]["next"])["data"] == [{"id": row["id"]} for row in following["data"]]
    assert answer(clients, short["links"]["next"].replace("&fields=id", "")) == following
    others = answer(clients, f"{page['links']['next']}&fields=joint")
    assert others["data"] == [{"joint": row["joint"]} for row in following["data"]]
    assert "fields=joint" in others["links"]["first"]


@pytest.mark.parametrize("path", ["/v1/stages", "/v1/stages/basic-research", "/v1/exports/stages.csv"])
def test_a_part_has_a_validator_of_its_own(path: str, client: Client) -> None:
    tags = set()
    for query in ("", "?fields=id", "?fields=id,name"):
        got, head = client.get(f"{path}{query}"), client.head(f"{path}{query}")
        assert (head.status_code, head.headers["ETag"], head.content) == (200, got.headers["ETag"], b"")
        assert client.get(f"{path}{query}", headers={"If-None-Match": got.headers["ETag"]}).status_code == 304
        tags.add(got.headers["ETag"])
    assert len(tags) == 3


@EACH
def test_every_operation_on_records_documents_fields(resource: Resource) -> None:
    own = [f"/v1/{resource.name}", f"/v1/{resource.name}/{{id}}"]
    for path in (*own, *(f"/v1/exports/{resource.name}.{extension}" for extension in ("csv", "ndjson", "xlsx"))):
        operation = DOCUMENT["paths"][path]["get"]
        (parameter,) = (each for each in operation["parameters"] if each["name"] == "fields")
        assert (parameter["required"], parameter["style"], parameter["explode"]) == (False, "form", True)
        assert parameter["schema"]["items"].keys() == {"type", "minLength", "maxLength"}  # open: names may be added
        assert parameter["example"] == ["id", "name.ja"]


def test_eleven_lines_are_small(client: Client) -> None:
    everything = client.get("/v1/budget-lines").content
    assert len(everything) > 40_000
    assert len(client.get("/v1/budget-lines?fields=id,name,amount").content) < 5_000
