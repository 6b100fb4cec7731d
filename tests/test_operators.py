"""Exclusion (`ministry_not`) and all-of (`modality_all`), which every filter that takes several values has."""

from typing import Any
from urllib.parse import unquote

import pytest

from app.query.resource import Resource
from app.resources import RESOURCES
from tests.conftest import Client, answer, some, walk

EVERY_DATABASE = True

LINES, MEASURES = "/v1/budget-lines", "/v1/measures"


def ids(client: Client, path: str, **query: Any) -> set[str]:
    return {row["id"] for row in walk(client, path, fields="id", limit=500, **query)}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_each_value_is_left_out_and_each_is_one_of_all(resource: Resource, clients: Client) -> None:
    path = f"/v1/{resource.name}"
    every = ids(clients, path)
    described = next(each for each in answer(clients, "/v1")["resources"] if each["name"] == resource.name)
    for filter_ in described["filters"]:
        name, none = filter_["name"], ["none"] if filter_["none"] else []
        assert set(filter_["operators"]) <= {f"{name}_not", f"{name}_all"}
        values = [each["value"] for each in some(filter_["values"], 2)]
        for value in [*values, *none] if filter_["operators"] else []:
            found = ids(clients, path, **{name: value})
            assert ids(clients, path, **{f"{name}_not": value}) == every - found
            if f"{name}_all" in filter_["operators"] and value != "none":
                assert ids(clients, path, **{f"{name}_all": value}) == found
        for operator in filter_["operators"] if filter_["values"] else ():
            (error,) = answer(clients, path, 422, **{operator: f"{filter_['values'][0]['value']}x"})["errors"]
            assert (error["parameter"], error["code"]) == (operator, "unknown_value")


def test_which_filters_have_them(clients: Client) -> None:
    described = {each["name"]: each["filters"] for each in answer(clients, "/v1")["resources"]}
    operators = {each["name"]: each["operators"] for each in described["budget-lines"]}
    assert operators["ministry"] == ["ministry_not", "ministry_all"]
    assert operators["pillar"] == ["pillar_not"]  # a line has one
    assert operators["budget_kind"] == ["budget_kind_not"]
    assert operators["joint"] == operators["amount_min"] == []


def test_all_finds_what_several_pay_together(clients: Client) -> None:
    both = ids(clients, LINES, ministry="mext") & ids(clients, LINES, ministry="mhlw")
    assert both
    assert ids(clients, LINES, ministry_all="mext,mhlw") == both
    assert ids(clients, LINES, ministry_all=["文", "厚"]) == both
    assert ids(clients, LINES, ministry="mext", ministry_not="mhlw") == ids(clients, LINES, ministry="mext") - both


def test_none_left_out_is_any_value(clients: Client) -> None:
    every, without = ids(clients, MEASURES), ids(clients, MEASURES, modality="none")
    assert without
    assert ids(clients, MEASURES, modality_not="none") == every - without
    assert without < ids(clients, MEASURES, modality_not="vaccine")
    (error,) = answer(clients, MEASURES, 422, modality_all="none")["errors"]
    assert (error["parameter"], error["code"], "none" in error["allowed"]) == ("modality_all", "unknown_value", False)


def test_narrower_values_are_included_and_said(clients: Client) -> None:
    below = ids(clients, MEASURES, modality="gene-therapy")
    assert below
    assert not below & ids(clients, MEASURES, modality_not="new-modality")
    for name in ("modality_not", "modality_all"):
        (note,) = answer(clients, MEASURES, **{name: "new-modality"})["meta"]["notes"]
        assert note["code"] == "narrower-included-new-modality"
        assert note["en"].startswith(f"{name}=new-modality includes the narrower ")
    notes = answer(clients, LINES, section_not="4.3")["meta"]["notes"]
    assert "section-through-crosswalk" in [note["code"] for note in notes]


@pytest.mark.parametrize(
    "query",
    [
        "ministry=mhlw&ministry_not=mhlw", "ministry=mext,mhlw&ministry_not=mhlw,mext,cao",
        "ministry=none&ministry_not=none", "ministry_all=mext,mhlw&ministry_not=mhlw",
        "modality=gene-therapy&modality_not=new-modality", "ministry=厚&ministry_not=mhlw",
    ],
)  # fmt: skip
def test_what_is_asked_for_and_left_out_at_once_is_refused(query: str, clients: Client) -> None:
    """It matches nothing whatever the data, like a range whose ends are swapped."""
    (error,) = answer(clients, f"{LINES}?{query}", 422)["errors"]
    assert (error["code"], error["parameter"][-4:]) == ("conflict", "_not")


@pytest.mark.parametrize(
    "query",
    [
        "ministry=mext,mhlw&ministry_not=mhlw", "modality=new-modality&modality_not=gene-therapy",
        "ministry_all=mext&ministry_not=mhlw", "ministry=none&ministry_not=mhlw", "ministry=none&ministry_all=mhlw",
    ],
)  # fmt: skip
def test_what_may_match_is_answered(query: str, clients: Client) -> None:
    answer(clients, f"{LINES}?{query}")


def test_a_name_of_several_values_is_not_one_of_all(clients: Client) -> None:
    """`①` finds the first pillar of any package: that it stands under the first of every one is not what it says."""
    (error,) = answer(clients, MEASURES, 422, pillar_all="①")["errors"]
    assert len(error["allowed"]) > 1
    assert ids(clients, MEASURES, pillar="①") == ids(clients, MEASURES, pillar=error["allowed"])
    for id_ in error["allowed"]:
        assert ids(clients, MEASURES, pillar_all=id_) == ids(clients, MEASURES, pillar=id_)
    assert ids(clients, MEASURES, pillar_not="①") == ids(clients, MEASURES) - ids(clients, MEASURES, pillar="①")


def test_links_keep_them_as_ids(clients: Client) -> None:
    page = answer(clients, f"{LINES}?limit=1&modality_not=none,vaccine&ministry_all=厚,文")
    assert unquote(page["links"]["self"]) == f"{LINES}?ministry_all=mext,mhlw&modality_not=vaccine,none&limit=1"


def test_sums_the_crosswalk_and_downloads_have_them(clients: Client) -> None:
    rows = walk(clients, LINES, ministry_not="mhlw", pillar_not="none")
    totals: dict[tuple[str | None, str | None], int] = {}
    for row in rows:
        kind = row["amount"]["basis"], row["amount"]["phase"]
        totals[kind] = totals.get(kind, 0) + (row["amount"]["jpy"] or 0)
    summary = answer(clients, "/v1/budget-summary", group_by="ministry", ministry_not="mhlw", pillar_not="none")
    assert summary["lines"] == len(rows)
    assert {(each["basis"], each["phase"]): each["involved"]["jpy"] or 0 for each in summary["totals"]} == totals
    csv = clients.get("/v1/exports/budget-lines.csv?ministry_not=mhlw&pillar_not=none").text
    assert [line.split(",")[0] for line in csv.splitlines()[1:]] == [row["id"] for row in rows]
    under = ids(clients, LINES, ministry_not="mhlw", section_not="none")
    assert under
    assert answer(clients, "/v1/crosswalk", ministry_not="mhlw")["lines"] == len(under)


def test_a_facet_holds_to_them(clients: Client) -> None:
    """They are parameters of their own: a bucket counts what its value finds in place of `ministry`, all else kept."""
    for kept in ({"ministry_not": "mhlw"}, {"ministry_all": "mext"}):
        facet = answer(clients, LINES, facet="ministry", limit=0, ministry="cao", **kept)["facets"]["ministry"]
        for bucket in facet["buckets"]:
            if bucket["value"] != kept.get("ministry_not"):
                assert bucket["count"] == len(ids(clients, LINES, ministry=bucket["value"], **kept))
        assert facet["missing"] == (len(ids(clients, LINES, ministry="none", **kept)))
