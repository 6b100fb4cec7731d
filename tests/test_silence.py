"""Records without a value of what an answer filters or groups by: they are told, with the reasons, in every answer."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas import REASONS, Reason
from tests.conftest import Client, answer, walk

EVERY_DATABASE = True

FIELDS = {
    "measures": {"ministry": "ministries", "modality": "modalities", "section": "sections", "pillar": "pillar"},
    "budget-lines": {"modality": "modalities", "phase": "amount", "basis": "amount", "pillar": "pillar"},
    "modalities": {"broader": "broader"},
}
CODES = {reason.value.replace("_", "-"): reason for reason in Reason if reason is not Reason.NOT_APPLICABLE}


def reasons_of(record: dict[str, Any], field: str) -> set[Reason]:
    """Why a field of a record is empty, unless it does not apply."""
    return {
        CODES[note["code"]]
        for note in record["notes"]
        if note["code"] in CODES and field in note["en"].partition(": ")[2].split(", ")
    }


def told(notes: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    return {note["code"]: note for note in notes if note["code"].startswith("silent-")}


def assert_note(note: dict[str, str] | None, records: list[dict[str, Any]], field: str) -> None:
    """The note tells how many records are silent, and why; without any there is none."""
    counts = Counter(reason for record in records for reason in reasons_of(record, field))
    assert (note is None) == (not counts)
    if note:
        ja, en = zip(*((f"{REASONS[each][0]}: {count}", f"{REASONS[each][1]}: {count}") for each, count in
                       sorted(counts.items(), key=lambda item: list(Reason).index(item[0]))), strict=True)  # fmt: skip
        total = sum(bool(reasons_of(record, field)) for record in records)
        assert f" {total} records have no value ({'; '.join(en)})" in note["en"]
        assert f"{total}件には値がない({'、'.join(ja)})" in note["ja"]


@pytest.fixture(scope="module")
def records(clients: Client) -> dict[str, list[dict[str, Any]]]:
    return {name: walk(clients, f"/v1/{name}", limit=500) for name in FIELDS}


@given(data=st.data())
def test_a_list_tells_how_many_are_silent_on_a_filter_or_a_facet(
    data: st.DataObject, clients: Client, records: dict[str, list[dict[str, Any]]]
) -> None:
    name = data.draw(st.sampled_from(sorted(FIELDS)))
    asked = data.draw(st.sampled_from(sorted(FIELDS[name])))
    facets = answer(clients, f"/v1/{name}", facet=asked, limit=0)
    value = data.draw(st.sampled_from([*(each["value"] for each in facets["facets"][asked]["buckets"]), "none"]))
    document = data.draw(st.sampled_from(["", "cao-20260203-bio", "green-20270115"]))
    under = [record for record in records[name] if not document or document in record["documents"]]
    query = {"document": document} if document else {}
    # A line of a measure gives it a pillar that it does not have itself.
    missing = {each["id"] for each in walk(clients, f"/v1/{name}", limit=500, **{asked: "none"})}
    silent = [record for record in under if record["id"] in missing]
    for more in ({asked: value}, {f"{asked}_not": value}, {"facet": asked}):
        notes = answer(clients, f"/v1/{name}", limit=0, **query, **more)["meta"]["notes"]
        assert_note(told(notes).get(f"silent-{asked}"), silent, FIELDS[name][asked])
    assert told(answer(clients, f"/v1/{name}", limit=0, **query)["meta"]["notes"]) == {}


def test_records_that_are_silent_on_two_filters_are_told_of_both(clients: Client) -> None:
    measures = walk(clients, "/v1/measures", limit=500)
    both = [each for each in measures if reasons_of(each, "modalities") and reasons_of(each, "sections")]
    assert both
    notes = told(answer(clients, "/v1/measures?modality=vaccine&section=4.5")["meta"]["notes"])
    under = [each for each in measures if reasons_of(each, "sections")]  # no measure is under 4.5
    assert_note(notes["silent-modality"], under, "modalities")
    assert set(notes) == {"silent-modality", "silent-section"}


def test_a_range_tells_how_many_have_no_number(clients: Client, records: dict[str, list[dict[str, Any]]]) -> None:
    unstated = [line for line in records["budget-lines"] if line["amount"]["jpy"] is None]
    assert unstated
    for query in ("amount_min=1", "amount_max=1000000000", "amount_min=1&amount_max=1000000000"):
        (note,) = told(answer(clients, f"/v1/budget-lines?{query}")["meta"]["notes"]).values()
        assert note["code"] == "silent-amount"
        assert_note(note, unstated, "amount")
        assert note["en"].endswith("No value finds them.")  # a range has no `none`


def test_sums_tell_what_was_not_classified_and_are_no_zeros(whole: Client) -> None:
    asked = "/v1/budget-summary?group_by=modality&fiscal_year=2024&phase=initial"
    found = answer(whole, asked)
    assert {group["key"] for group in found["groups"] if group["involved"]["jpy"] is not None} == {"none"}
    (note,) = told(found["notes"]).values()
    assert "Not classified by us: 75" in note["en"]
    assert "編集部が分類していない: 75" in note["ja"]
    assert "amounts-not-stated" in [each["code"] for each in found["notes"]]

    for dimension in ("fiscal_year", "ministry", "document"):
        found = answer(whole, f"/v1/budget-summary?group_by={dimension}&modality=regenerative-medicine&phase=initial")
        assert {group["involved"]["jpy"] for group in found["groups"]} == {found["total"]["jpy"]} == {None}
        assert set(told(found["notes"])) == {"silent-modality"}
        assert "amounts-not-stated" in [each["code"] for each in found["notes"]]
    pairs = answer(whole, "/v1/budget-summary?group_by=ministry,phase&modality=regenerative-medicine&fiscal_year=2024")
    assert (pairs["groups"], pairs["total"]["jpy"]) == ([], None)
    assert "amounts-not-stated" in [each["code"] for each in pairs["notes"]]

    walked = answer(whole, "/v1/crosswalk?modality=vaccine")
    (note,) = told(walked["notes"]).values()
    behind = walk(whole, "/v1/budget-lines", section_not="none", limit=500)
    assert behind
    assert_note(note, behind, "modalities")
    assert walked["total"]["jpy"] is None
    assert told(answer(whole, "/v1/budget-summary?group_by=ministry&fiscal_year=2024")["notes"]) == {}


def test_a_line_of_another_package_is_under_no_pillar_of_this_one(whole: Client) -> None:
    found = answer(whole, "/v1/budget-summary?group_by=ministry&pillar=③")
    lines = {group["key"]: group["lines"] for group in found["groups"]}
    assert (lines["cao"], lines["mhlw"]) == (0, 2)
    assert {group["involved"]["jpy"] for group in found["groups"] if group["key"] == "cao"} == {0}
    assert "Not stated in the document: 1742" in told(found["notes"])["silent-pillar"]["en"]
    assert told(answer(whole, "/v1/budget-lines?pillar=③")["meta"]["notes"]).keys() == {"silent-pillar"}


def test_what_no_document_states_of_a_year_and_phase_is_no_zero(whole: Client) -> None:
    def sums(query: str) -> dict[str, Any]:
        found = answer(whole, f"/v1/budget-summary?{query}")
        assert "amounts-not-stated" in [each["code"] for each in found["notes"]]
        return {group["key"]: group["involved"]["jpy"] for group in found["groups"]}

    executed = sums("group_by=fiscal_year&phase=executed")
    assert executed["2025"] is None
    assert executed["2023"]
    assert sums("group_by=phase&fiscal_year=2025")["executed"] is None
    assert sums("group_by=document&phase=executed")["mof-fy2025-supplementary-1"] is None
    assert sums("group_by=fiscal_year&phase=executed&ministry=cao&amount_min=900000000000000") == dict.fromkeys(
        executed, 0
    ) | {year: None for year, jpy in executed.items() if jpy is None}
    only_of_the_book = {"mof-fy2025-supplementary-1"}
    for ministry, jpy in sums("group_by=ministry&phase=executed").items():
        stated = answer(whole, f"/v1/budget-lines?ministry={ministry}&facet=document,phase&limit=0")["facets"]
        documents = {each["value"] for each in stated["document"]["buckets"] if each["count"]}
        assert (jpy is None) == (documents <= only_of_the_book or "executed" not in
            {each["value"] for each in stated["phase"]["buckets"] if each["count"]})  # fmt: skip
