"""The first document's facts, as an analyst would ask for them."""

from typing import Any

import pytest

from tests.conftest import Client, answer, walk

PACKAGE = "fy2025-supplementary-drug-discovery"


def oku(amount: dict[str, Any]) -> str | None:
    found: str | None = amount["oku_yen"]
    return found


def test_a_ministrys_lines_include_the_joint_one(client: Client) -> None:
    rows = answer(client, "/v1/budget-lines?ministry=mext")["data"]
    assert len(rows) == 3
    assert [row["joint"] for row in rows].count(True) == 1
    (joint,) = (row for row in rows if row["joint"])
    assert [ministry["id"] for ministry in joint["ministries"]] == ["mext", "mhlw"]
    assert joint["amount"] == {
        "jpy": 400_000_000,
        "oku_yen": "4",
        "text": "4 億円程度",
        "approximate": True,
        "uncertain": True,
        "basis": None,
        "basis_reason": "not_stated",
        "phase": "supplementary",
    }


def test_sums_by_ministry_never_split_a_joint_line(client: Client) -> None:
    summary = answer(client, "/v1/budget-summary?group_by=ministry")
    assert oku(summary["total"]) == "3161"
    assert summary["total"]["approximate"] is True
    assert summary["lines"] == 11
    assert summary["additive"] is False
    assert "groups-overlap" in [note["code"] for note in summary["notes"]]
    groups = {g["key"]: tuple(oku(g[part]) for part in ("sole", "joint", "involved")) for g in summary["groups"]}
    assert groups == {
        "cao": ("210", "0", "210"),
        "mext": ("113", "4", "117"),
        "mhlw": ("2541", "4", "2545"),
        "meti": ("293", "0", "293"),
    }


def test_two_ministries_together_count_the_joint_line_once(client: Client) -> None:
    for query in ("ministry=mext&ministry=mhlw", "ministry=mhlw,mext", "ministry=文,厚生労働省"):
        summary = answer(client, f"/v1/budget-summary?group_by=pillar&{query}")
        assert oku(summary["total"]) == "2658"
        assert summary["additive"] is True


def test_a_pillar_that_prints_no_amount_is_unknown_not_zero(client: Client) -> None:
    summary = answer(client, "/v1/budget-summary?group_by=pillar")
    assert [oku(group["involved"]) for group in summary["groups"]] == ["522", "338", "162", "451", None, "1688"]
    fifth = summary["groups"][4]
    for part in ("sole", "joint", "involved"):
        assert (fifth[part]["jpy"], fifth[part]["basis_reason"], fifth["lines"]) == (None, "not_stated", 0)
    pillars = answer(client, "/v1/pillars")["data"]
    assert [oku(pillar["amount"]) for pillar in pillars] == ["522", "338", "162", "451", None, "1688"]
    assert [pillar["line_count"] for pillar in pillars] == [2, 3, 3, 2, 0, 1]
    assert "Not stated in the document: amount" in [note["en"] for note in pillars[4]["notes"]]


def test_a_question_that_leaves_out_every_line_is_zero(client: Client) -> None:
    for query in ("ministry=mext&pillar=①", "q=no such words", "joint=true&ministry=meti", "pillar=①,⑤&ministry=mext"):
        found = answer(client, f"/v1/budget-summary?group_by=ministry&{query}")
        assert (found["lines"], found["total"]["jpy"]) == (0, 0), query
        assert {group["involved"]["jpy"] for group in found["groups"]} == {0}
    for query in ("pillar=⑤", "pillar=⑤&ministry=mext", "section=4.1", "budget_kind=initial", "pillar=⑤&q=薬"):
        found = answer(client, f"/v1/budget-summary?group_by=ministry&{query}")
        assert (found["lines"], found["total"]["jpy"]) == (0, None), query
        left_out = {0} if "ministry" in query else set()
        assert {group["involved"]["jpy"] for group in found["groups"]} == {None} | left_out
        assert "amounts-not-stated" in [note["code"] for note in found["notes"]]
    itself = answer(client, "/v1/budget-summary?group_by=pillar&pillar=⑤")
    assert [group["involved"]["jpy"] for group in itself["groups"]] == [0, 0, 0, 0, None, 0]
    narrowed = answer(client, "/v1/budget-summary?group_by=pillar&ministry=mext")
    assert [oku(group["involved"]) for group in narrowed["groups"]] == ["0", "70", "47", "0", None, "0"]


def test_stated_totals_are_held_against_the_lines(client: Client) -> None:
    scale, national = answer(client, f"/v1/packages/{PACKAGE}/reconciliation")["data"]
    assert (oku(scale["stated"]["amount"]), oku(scale["itemised"]), oku(scale["difference"])) == ("3300", "3161", "139")
    assert (oku(national["stated"]["amount"]), oku(national["difference"])) == ("1800", "-1361")
    assert [note["code"] for note in scale["notes"]] == ["not-itemised", "project-scale-includes-private"]
    assert [note["code"] for note in national["notes"]] == [
        "lines-exceed-national-expenditure",
        "known-national-expenditure",
    ]


def test_the_national_expenditure_that_is_known_is_beside_the_amounts(client: Client) -> None:
    rows = walk(client, "/v1/budget-lines")
    known = {
        row["measure"]["id"]: oku(row["national_expenditure"]["amount"]) for row in rows if row["national_expenditure"]
    }
    assert known == {
        "innovative-drug-fund": "241",
        "clinical-trial-environment": "41.4",
        "rare-disease-global-rd": "119.92545",
        "regenerative-cell-gene-manufacturing": "158",
        "generic-manufacturing-fund": "844",
    }
    assert all(row["national_expenditure"]["url"].startswith("https://") for row in rows if row["national_expenditure"])


def test_sections_include_their_sub_sections(client: Client) -> None:
    found = answer(client, "/v1/measures?section=4.2")
    assert [row["id"] for row in found["data"]] == ["bioresource-access", "biobank-database-use"]
    assert "narrower-included-hp3-4.2" in [note["code"] for note in found["meta"]["notes"]]
    for written in ("hp3-4.2.2", "4.2.2", "4.2(2)", "研究開発の推進体制の整備"):
        assert answer(client, "/v1/measures", section=written)["meta"]["total"] == 2


def test_a_section_that_is_not_cited_says_why_it_is_empty(client: Client) -> None:
    found = answer(client, "/v1/measures?section=4.5")
    assert found["data"] == []
    assert found["meta"]["total"] == 0
    assert [note["code"] for note in found["meta"]["notes"]] == ["section-not-cited"]
    section = answer(client, "/v1/sections/hp3-4.5")
    assert (section["cited"], section["measure_count"]) == (False, 0)
    counts = {row["number"]: row["measure_count"] for row in walk(client, "/v1/sections", parent="none")}
    assert counts == {"4.1": 1, "4.2": 2, "4.3": 1, "4.4": 1, "4.5": 0, "4.6": 2, "4.7": 1, "4.8": 1}


def test_a_broader_modality_includes_the_narrower_and_says_so(client: Client) -> None:
    found = answer(client, "/v1/measures?modality=new-modality")
    assert found["meta"]["total"] == 3
    assert [note["code"] for note in found["meta"]["notes"]] == ["narrower-included-new-modality"]
    assert answer(client, "/v1/measures?modality=gene-therapy")["meta"]["notes"] == []


def test_filters_take_what_the_slide_prints(client: Client) -> None:
    found = answer(client, "/v1/budget-lines?pillar=③&ministry=厚")
    assert found["meta"]["total"] == 2
    assert found["links"]["self"] == f"/v1/budget-lines?ministry=mhlw&pillar={PACKAGE}-3"
    for pillar in ("3", "③", f"{PACKAGE}-3", "日本発データを活用した革新的創薬を促進する"):
        for ministry in ("mhlw", "厚", "厚生労働省"):
            assert answer(client, "/v1/budget-lines", pillar=pillar, ministry=ministry)["meta"]["total"] == 2


@pytest.mark.parametrize(("query", "meant"), [("ministy=mhlw", "ministry"), ("ministry=mhwl", "mhlw")])
def test_a_slip_is_told(client: Client, query: str, meant: str) -> None:
    (error,) = answer(client, f"/v1/budget-lines?{query}", 422)["errors"]
    assert error["did_you_mean"] == meant
    assert meant in error["allowed"]


def test_the_crosswalk_finds_the_money_behind_the_strategy(client: Client) -> None:
    found = answer(client, "/v1/crosswalk")
    amounts = {entry["section"]["number"]: oku(entry["amount"]) for entry in found["data"]}
    assert amounts == {
        "4.1": None, "4.2": "43", "4.3": "158", "4.4": "293", "4.5": None, "4.6": "481", "4.7": None, "4.8": None,
    }  # fmt: skip
    assert (oku(found["total"]), found["lines"]) == ("975", 4)
    unlinked = {
        e["section"]["number"] for e in found["data"] if "no-linked-programme" in {n["code"] for n in e["notes"]}
    }
    assert unlinked == {"4.1", "4.5", "4.7", "4.8"}
    (third,) = answer(client, "/v1/crosswalk?section=4.3")["data"]
    (measure,) = third["measures"]
    (related,) = measure["related"]
    assert (measure["id"], related["id"], related["basis"]) == (
        "biosimilar-uptake",
        "biosimilar-manufacturing-sites",
        "editorial",
    )
    assert [line["id"] for line in related["lines"]] == ["biosimilar-manufacturing-sites-fy2025-supplementary"]


def test_the_crosswalk_counts_under_its_filters(client: Client) -> None:
    found = answer(client, "/v1/crosswalk?ministry=meti")
    assert (oku(found["total"]), found["lines"]) == ("293", 1)
    assert [oku(entry["amount"]) for entry in found["data"]] == [None, "0", "0", "293", None, "0", None, None]
    for query, total in (("section=4.1", None), ("pillar=⑤", None), ("ministry=cao", "0"), ("ministry=meti", "0")):
        unlinked = answer(client, f"/v1/crosswalk?section=4.3&{query}" if total else f"/v1/crosswalk?{query}")
        assert (oku(unlinked["total"]), unlinked["lines"]) == (total, 0), query
    both = answer(client, "/v1/crosswalk?section=4.2,4.2.2")
    assert [oku(entry["amount"]) for entry in both["data"]] == ["43", "43"]
    assert oku(both["total"]) == "43"


def test_budget_lines_by_section_say_that_the_crosswalk_was_used(client: Client) -> None:
    found = answer(client, "/v1/budget-lines?section=4.3")
    assert [row["amount"]["oku_yen"] for row in found["data"]] == ["158"]
    assert "section-through-crosswalk" in [note["code"] for note in found["meta"]["notes"]]
    summary = answer(client, "/v1/budget-summary?group_by=section")
    assert "section-through-crosswalk" in [note["code"] for note in summary["notes"]]


def test_readings_and_doubts_are_told(client: Client) -> None:
    def codes(path: str) -> list[str]:
        return [note["code"] for note in answer(client, path)["notes"]]

    for line in ("innovative-drug-fund", "clinical-trial-environment"):
        assert "R2" in codes(f"/v1/budget-lines/{line}-fy2025-supplementary")
    assert "R3" in codes("/v1/budget-lines/research-infrastructure-ai-fy2025-supplementary")
    assert "pillar-ambiguous" in codes("/v1/measures/amed-evaluation-and-dx")
    assert answer(client, "/v1/measures/amed-evaluation-and-dx")["pillar"] is None
    assert answer(client, "/v1/measures/healthcare-finance")["pillar"]["number"] == 5
    assert "no-crosswalk-link" in codes("/v1/measures/biomanufacturing-workforce")
    assert "no-crosswalk-link" not in codes("/v1/measures/biosimilar-uptake")
    assert "stage-assignment-lost" in codes("/v1/stages/middle")
    missing = [
        part for part in answer(client, "/v1/documents/cao-20260203-bio")["parts"] if part["transcript"] == "missing"
    ]
    assert [part["lines"] for part in missing] == [{"from": 10, "to": 12}]


def test_dates_have_the_era_beside_them(client: Client) -> None:
    assert answer(client, "/v1/documents/cao-20260203-bio")["issued"] == {"date": "2026-02-03", "era": "令和8年2月3日"}
    assert answer(client, f"/v1/packages/{PACKAGE}")["fiscal_year"] == {"year": 2025, "era": "令和7年度"}
    strategy = answer(client, "/v1/strategies/hp3")
    assert strategy["decided"] == {"date": "2025-02-18", "era": "令和7年2月18日"}
    assert strategy["period"]["to"] == {"year": 2029, "era": "令和11年度"}


def test_a_two_dimensional_sum_has_only_what_there_is(client: Client) -> None:
    summary = answer(client, "/v1/budget-summary?group_by=ministry,pillar")
    assert summary["group_by"] == ["ministry", "pillar"]
    groups = {group["key"]: oku(group["involved"]) for group in summary["groups"]}
    assert groups[f"meti,{PACKAGE}-4"] == "293"
    assert f"meti,{PACKAGE}-1" not in groups
    assert summary["groups"][0]["label"]["en"].startswith("Cabinet Office × Solving")


def test_a_sum_needs_one_dimension_or_two(client: Client) -> None:
    (error,) = answer(client, "/v1/budget-summary", 422)["errors"]
    assert error["parameter"] == "group_by"
    (error,) = answer(client, "/v1/budget-summary?group_by=ministry,pillar,package", 422)["errors"]
    assert error["code"] == "conflict"


def test_the_transcript_can_be_read_line_by_line(client: Client) -> None:
    found = answer(client, "/v1/documents/cao-20260203-bio/lines?from=143&to=146")
    assert [line["number"] for line in found["data"]] == [143, 144, 145, 146]
    assert found["data"][0]["text"] == "### ⑤投資とイノベーションの循環"
    assert found["meta"]["total"] == 4
    assert len(walk(client, "/v1/documents/cao-20260203-bio/lines", limit=50)) == 155
    (error,) = answer(client, "/v1/documents/cao-20260203-bio/lines?from=9&to=3", 422)["errors"]
    assert error["parameter"] == "from"
    assert "cao-20260203-bio" in answer(client, "/v1/documents/cao-2026/lines", 404)["detail"]


def test_amount_ranges_are_in_yen(client: Client) -> None:
    found = walk(client, "/v1/budget-lines", amount_min=20_000_000_000, amount_max=30_000_000_000)
    assert [oku(row["amount"]) for row in found] == ["210", "293"]
    (error,) = answer(client, "/v1/budget-lines?amount_min=2&amount_max=1", 422)["errors"]
    assert error["code"] == "conflict"


def test_the_dataset_describes_itself(client: Client) -> None:
    found = answer(client, "/v1")
    totals = {resource["name"]: resource["total"] for resource in found["resources"]}
    assert totals.items() >= {
        "documents": 1, "strategies": 1, "sections": 11, "measures": 22, "budget-lines": 11, "packages": 1,
        "pillars": 6, "organizations": 7, "modalities": 10, "stages": 8,
    }.items()  # fmt: skip
    for resource in found["resources"]:
        assert answer(client, resource["list_path"])["meta"]["dataset"] == found["dataset"]
    lines = next(resource for resource in found["resources"] if resource["name"] == "budget-lines")
    ministry = next(filter_ for filter_ in lines["filters"] if filter_["name"] == "ministry")
    assert {value["value"] for value in ministry["values"]} == {"cao", "mext", "mhlw", "meti"}
    assert "厚" in next(value["aliases"] for value in ministry["values"] if value["value"] == "mhlw")
    assert found["attribution"].startswith("出典: 内閣府")


def test_a_measure_says_what_its_lines_come_to(client: Client) -> None:
    rows = walk(client, "/v1/measures", sort="amount", order="desc")
    assert [oku(row["amount"]) for row in rows[:3]] == ["1688", "481", "293"]
    assert [row["amount"]["jpy"] for row in rows[11:]] == [None] * 11
    for row in rows:
        if row["budget_lines"]:
            (line,) = row["budget_lines"]
            assert row["amount"] == {**line["amount"], "text": None}
            assert any("amount" in piece["supports"] for piece in row["evidence"])
        else:
            assert row["amount"]["basis_reason"] == "not_stated"
            (told,) = (note["en"] for note in row["notes"] if note["code"] == "not-stated")
            assert told.endswith("amount")


def test_the_largest_ministries_and_the_rest(client: Client) -> None:
    found = answer(client, "/v1/budget-summary?group_by=ministry&sort=involved&order=desc&limit=1")
    groups = {group["key"]: (group["lines"], oku(group["sole"]), oku(group["joint"])) for group in found["groups"]}
    # The joint line is whole in both: with one ministry, and with the rest.
    assert groups == {"mhlw": (7, "2541", "4"), "others": (5, "616", "4")}
    assert (found["additive"], oku(found["total"]), found["lines"]) == (False, "3161", 11)
    codes = [note["code"] for note in found["notes"]]
    assert codes == ["others", "groups-overlap"]
    pillars = answer(client, "/v1/budget-summary?group_by=pillar&sort=involved&order=desc&limit=5")
    assert [oku(group["involved"]) for group in pillars["groups"]] == ["1688", "522", "451", "338", "162", None]
    assert (pillars["groups"][-1]["key"], pillars["additive"]) == ("others", True)
