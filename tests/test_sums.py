"""Sums against brute force: for any filters, each line once, joint ones whole, and nothing lost."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.sums import DIMENSIONS
from tests.conftest import Client, answer, walk

MEMBERS: dict[str, Callable[[dict[str, Any]], set[str]]] = {
    "ministry": lambda row: {ministry["id"] for ministry in row["ministries"]},
    "pillar": lambda row: {row["pillar"]["id"]} if row["pillar"] else set(),
    "fiscal_year": lambda row: {str(row["fiscal_year"]["year"])},
    "package": lambda row: {row["package"]["id"]},
    "modality": lambda row: above(row["modalities"], {"regenerative-medicine", "cell-therapy", "gene-therapy"}),
    "section": lambda row: {part for section in row["sections"] for part in parents(section["id"])},
}


def above(modalities: list[dict[str, Any]], new: set[str]) -> set[str]:
    own = {modality["id"] for modality in modalities}
    return own | ({"new-modality"} if own & new else set())


def parents(section: str) -> set[str]:
    strategy, _, number = section.partition("-")
    parts = number.split(".")
    return {f"{strategy}-{'.'.join(parts[:end])}" for end in range(2, len(parts) + 1)}


@pytest.fixture(scope="module")
def lines(clients: Client) -> list[dict[str, Any]]:
    return walk(clients, "/v1/budget-lines")


@pytest.fixture(scope="module")
def values(clients: Client) -> dict[str, list[str]]:
    facets = answer(clients, "/v1/budget-lines", facet=list(DIMENSIONS), limit=0)["facets"]
    return {name: [bucket["value"] for bucket in facet["buckets"]] for name, facet in facets.items()}


def amount(rows: list[dict[str, Any]]) -> int:
    return sum(row["amount"]["jpy"] or 0 for row in rows)


def kept(row: dict[str, Any], query: dict[str, Any]) -> bool:
    """Whether a line is under every filter."""
    own = {"joint": row["joint"] is (query.get("joint") == "true")}
    own["amount_min"] = (row["amount"]["jpy"] or -1) >= query.get("amount_min", 0)
    for name, wanted in query.items():
        held = MEMBERS[name.removesuffix("_not")](row) or {"none"} if name not in own else set()
        if not (own[name] if name in own else held.isdisjoint(wanted) == name.endswith("_not")):
            return False
    return True


@given(data=st.data())
def test_any_sum_is_what_brute_force_sums(
    data: st.DataObject, clients: Client, lines: list[dict[str, Any]], values: dict[str, list[str]]
) -> None:
    optional = {"ministry", "pillar", "modality", "section"}
    query: dict[str, Any] = {}
    for name in data.draw(st.sets(st.sampled_from(DIMENSIONS), max_size=3)):
        offered = values[name] + (["none"] if name in optional else [])
        parameter = data.draw(st.sampled_from([name, f"{name}_not"]))
        query[parameter] = data.draw(st.lists(st.sampled_from(offered), min_size=1, max_size=3, unique=True))
    if data.draw(st.booleans()):
        query["joint"] = data.draw(st.sampled_from(["true", "false"]))
    if data.draw(st.booleans()):
        query["amount_min"] = data.draw(
            st.sampled_from([row["amount"]["jpy"] for row in lines if row["amount"]["jpy"]])
        )
    asked = data.draw(st.lists(st.sampled_from(DIMENSIONS), min_size=1, max_size=2, unique=True))

    rows = [row for row in lines if kept(row, query)]
    summary = answer(clients, "/v1/budget-summary", group_by=asked, **query)
    assert (summary["lines"], summary["total"]["jpy"]) == (len(rows), amount(rows))
    assert summary["total"]["approximate"] == any(row["amount"]["approximate"] for row in rows)
    assert summary["total"]["uncertain"] == any(row["amount"]["uncertain"] for row in rows)
    asked = summary["group_by"]
    counted = 0
    for group in summary["groups"]:
        keys = group["key"].split(",")
        under = [
            row
            for row in rows
            if all(key in (MEMBERS[name](row) or {"none"}) for name, key in zip(asked, keys, strict=True))
        ]
        counted += len(under)
        assert group["lines"] == len(under)
        assert group["involved"]["jpy"] == amount(under)
        assert group["joint"]["jpy"] == amount([row for row in under if row["joint"]])
        assert group["sole"]["jpy"] == amount([row for row in under if not row["joint"]])
        for part, chosen in (("sole", False), ("joint", True)):
            assert group[part]["approximate"] == any(
                row["amount"]["approximate"] for row in under if row["joint"] is chosen
            )
    assert summary["additive"] == (counted == len(rows))
    if summary["additive"]:
        assert sum(group["involved"]["jpy"] for group in summary["groups"]) == summary["total"]["jpy"]
