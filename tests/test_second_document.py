"""Another document, loaded by data alone: another year, other ministries and units, and a link to the first."""

from app.settings import Settings
from tests.conftest import Client, answer, serving, walk


def test_it_stands_alone(second: Settings) -> None:
    with serving(second) as client:
        summary = answer(client, "/v1/budget-summary?group_by=ministry")
        assert (summary["total"]["jpy"], summary["total"]["basis_reason"], summary["lines"]) == (None, "ambiguous", 4)
        assert [(each["basis"], each["phase"], each["involved"]["jpy"]) for each in summary["totals"]] == [
            (None, "initial", 12_345_678_000 + 150_000_000),
            ("national_expenditure", "initial", 2_500_000_000),
            (None, None, None),
        ]
        assert "several-kinds" in [note["code"] for note in summary["notes"]]
        assert summary["additive"] is False
        assert "lines-without-amount" in [note["code"] for note in summary["notes"]]
        groups = {group["key"]: group for group in summary["groups"]}
        assert groups["mlit"]["sole"]["jpy"] == 0
        assert groups["mlit"]["joint"]["jpy"] == groups["maff"]["joint"]["jpy"] == 2_500_000_000
        assert groups["maff"]["lines"] == 2
        # Its own line states no amount: that is unknown, and what it pays with others is known.
        assert (groups["maff"]["sole"]["jpy"], groups["maff"]["involved"]["jpy"]) == (None, 2_500_000_000)
        unstated = answer(client, "/v1/budget-summary?group_by=ministry&q=antivenom")
        assert (unstated["lines"], unstated["total"]["jpy"], unstated["total"]["basis_reason"]) == (
            1,
            None,
            "not_stated",
        )
        measure = answer(client, "/v1/measures/antivenom-stockpile")
        assert (measure["amount"], len(measure["budget_lines"])) == (unstated["total"], 1)
        assert groups["caa"]["involved"]["approximate"] is True
        assert groups["env"]["involved"]["approximate"] is False
        assert answer(client, "/v1/packages/fy2027-initial-climate-health/reconciliation")["data"] == []
        assert answer(client, "/v1/budget-lines?pillar=none")["meta"]["total"] == 1
        assert answer(client, "/v1/documents/green-20270115")["issued"]["era"] == "令和9年1月15日"


def test_amounts_keep_their_text_and_their_exactness(clients: Client) -> None:
    works = answer(clients, "/v1/budget-lines/heat-ready-hospital-works-fy2027-initial")["amount"]
    assert (works["jpy"], works["oku_yen"], works["text"], works["approximate"]) == (
        12_345_678_000,
        "123.45678",
        "12,345,678千円",
        False,
    )
    shared = answer(clients, "/v1/budget-lines/vector-monitoring-network-fy2027-initial")
    assert [ministry["id"] for ministry in shared["ministries"]] == ["env", "mlit", "maff"]
    assert (shared["amount"]["basis"], shared["amount"]["basis_reason"]) == ("national_expenditure", None)
    unstated = answer(clients, "/v1/budget-lines/antivenom-stockpile-fy2027-initial")
    assert (unstated["amount"]["jpy"], unstated["amount"]["basis_reason"]) == (None, "not_stated")
    assert "green-being-settled" in [note["code"] for note in unstated["notes"]]


def test_one_measure_may_be_in_two_documents(clients: Client) -> None:
    measure = answer(clients, "/v1/measures/biobank-utilisation")
    assert measure["documents"] == ["cao-20260203-bio", "green-20270115"]
    assert [line["amount"]["oku_yen"] for line in measure["budget_lines"]] == ["43", "9"]
    # A supplementary budget of one year and an initial one of another are not added.
    assert (measure["amount"]["jpy"], measure["amount"]["approximate"]) == (None, True)
    assert "several-kinds" in [note["code"] for note in measure["notes"]]
    assert answer(clients, "/v1/measures?document=green-20270115&document=cao-20260203-bio&fiscal_year=2027,2025")
    found = walk(clients, "/v1/measures", fiscal_year="令和9年度")
    assert "biobank-utilisation" in [row["id"] for row in found]
    line = answer(clients, "/v1/budget-lines/biobank-utilisation-fy2027-initial")
    assert line["pillar"]["id"] == "fy2027-initial-climate-health-2"
    assert line["documents"] == ["green-20270115", "cao-20260203-bio"]


def test_a_number_means_every_section_and_pillar_that_bears_it(clients: Client) -> None:
    assert {row["id"] for row in walk(clients, "/v1/measures", section="4.2")} == {
        "bioresource-access",
        "biobank-database-use",
        "vector-monitoring",
    }
    assert {row["id"] for row in walk(clients, "/v1/measures", section="hp3-4.2")} == {
        "bioresource-access",
        "biobank-database-use",
    }
    two = walk(clients, "/v1/budget-lines", pillar="2")
    assert {row["package"]["id"] for row in two} == {
        "fy2025-supplementary-drug-discovery",
        "fy2027-initial-climate-health",
    }
    assert [row["id"] for row in walk(clients, "/v1/pillars", package="fy2027-initial-climate-health")] == [
        "fy2027-initial-climate-health-1",
        "fy2027-initial-climate-health-2",
    ]


def test_sums_cross_documents(clients: Client) -> None:
    years = answer(clients, "/v1/budget-summary?group_by=fiscal_year")
    totals = {group["key"]: [each["involved"]["jpy"] for each in group["totals"]] for group in years["groups"]}
    assert totals == {
        "2025": [316_100_000_000],
        "2027": [12_345_678_000 + 150_000_000 + 900_000_000, 2_500_000_000, None],
    }
    assert years["additive"] is True
    documents = answer(clients, "/v1/budget-summary?group_by=document")
    assert [group["lines"] for group in documents["groups"]] == [12, 5]  # one line is evidenced by both
    assert (documents["additive"], documents["lines"]) == (False, 16)
    kinds = answer(clients, "/v1/budget-summary?group_by=budget_kind")
    assert [(group["key"], group["lines"]) for group in kinds["groups"]] == [("initial", 5), ("supplementary", 11)]
    pairs = answer(clients, "/v1/budget-summary?group_by=fiscal_year&group_by=ministry&ministry=mext")
    assert {group["key"]: group["involved"]["oku_yen"] for group in pairs["groups"]} == {
        "mext,2025": "117",
        "mhlw,2025": "4",
        "mext,2027": "9",
    }


def test_the_attribution_names_both(clients: Client) -> None:
    lines = answer(clients, "/v1/measures?limit=0")["meta"]["attribution"].split("\n")
    assert len(lines) == 2
