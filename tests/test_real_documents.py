"""All documents of the project: what the API says of them against their texts, read here from the transcripts alone."""

import csv
import io
import re
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

import pytest

from app.settings import SEED
from tests.conftest import Client, answer, walk

DECK, BOOK, REVIEW = "cao-20260203-bio", "mof-fy2025-supplementary-1", "rs2024-health-strategy"

Record = dict[str, Any]


class Fact(NamedTuple):
    """An amount that a transcript states: whose it is, of which ministry, which year and phase, and how many yen."""

    name: str
    ministry: str
    year: int
    phase: str
    jpy: int
    line: int


BOOK_PHASES = {"改予算額": "revised", "成立予算額": "initial", "差引額": "supplementary_1"}
REVIEW_PHASES = {
    "当初予算（合計）": "initial",
    "補正予算（合計）": "supplementary",
    "前年度からの繰越し（合計）": "carried_over",
    "予備費等（合計）": "reserve",
    "計（歳出予算現額合計）": "current",
    "執行額（合計）": "executed",
    "翌年度要求額（合計）": "request",
}


def lines_of(document: str) -> list[tuple[int, str]]:
    return list(enumerate((SEED / document / "transcript.md").read_text().splitlines(), 1))


def book_facts() -> Iterator[Fact]:
    ministry = name = ""
    for number, text in lines_of(BOOK):
        if text.startswith("## "):
            ministry = text[3:].partition("所管")[0]
        elif text.startswith("### "):
            name = text.rpartition(" / ")[2]
        else:
            for word, amount in re.findall(r"(改予算額|成立予算額|差引額) (-?[0-9,]+)千円", text):
                yield Fact(name, ministry, 2025, BOOK_PHASES[word], int(amount.replace(",", "")) * 1_000, number)


def review_facts() -> Iterator[Fact]:
    ministry = name = ""
    for number, text in lines_of(REVIEW):
        if heading := re.match(r"## 予算事業ID [0-9]+ (.*)", text):
            name = heading[1]
        elif text.startswith("府省庁・局庁・課: "):
            ministry = text.split()[1]
        elif year := re.match(r"予算年度 ([0-9]{4}) ", text):
            for word, amount in re.findall(r"(\S+（\S+）) (-?[0-9]+)", text):
                phase = REVIEW_PHASES[word]
                yield Fact(name, ministry, int(year[1]) + (phase == "request"), phase, int(amount), number)


FACTS = {BOOK: list(book_facts()), REVIEW: list(review_facts())}


@pytest.fixture(scope="module")
def lines(whole: Client) -> dict[str, list[Record]]:
    """The budget lines of each document."""
    rows = walk(whole, "/v1/budget-lines", limit=500)
    return {document: [row for row in rows if row["documents"][0] == document] for document in (DECK, BOOK, REVIEW)}


def test_every_item_is_there(lines: dict[str, list[Record]]) -> None:
    assert [len(FACTS[BOOK]), len(lines[BOOK])] == [90, 90]
    assert len(FACTS[REVIEW]) == len(lines[REVIEW]) == 1_652
    assert len(lines[DECK]) == 11


@pytest.mark.parametrize("document", FACTS)
def test_facts_drawn_at_random_are_found(document: str, whole: Client) -> None:
    for fact in Random(document).sample(FACTS[document], 20):  # noqa: S311 - a sample, not a secret
        query = {"q": fact.name, "ministry": fact.ministry, "phase": fact.phase, "fiscal_year": fact.year}
        found = walk(whole, "/v1/budget-lines", document=document, **query)
        amounts = [row["amount"]["jpy"] for row in found if row["name"]["ja"] == fact.name]
        assert fact.jpy in amounts, fact
        quoted = [piece["lines"]["from"] for row in found for piece in row["evidence"] if piece["lines"]]
        assert fact.line in quoted


@pytest.mark.parametrize("document", FACTS)
def test_the_sums_are_those_of_the_text(document: str, whole: Client) -> None:
    expected: dict[tuple[str, str], int] = {}
    for fact in FACTS[document]:
        key = fact.ministry, fact.phase
        expected[key] = expected.get(key, 0) + fact.jpy
    groups = answer(whole, "/v1/budget-summary", group_by="ministry", document=document)["groups"]
    assert expected == {
        (group["label"]["ja"], total["phase"]): total["involved"]["jpy"]
        for group in groups
        for total in group["totals"]
        if total["basis"] == "national_expenditure"
    }


def test_the_printed_totals_are_their_parts(lines: dict[str, list[Record]]) -> None:
    """The book prints the revised budget, and the review the current one: both are the sum of what stands beside."""
    amounts: dict[tuple[str, int], dict[str, int]] = {}
    for row in (*lines[BOOK], *lines[REVIEW]):
        key = row["measure"]["id"], row["fiscal_year"]["year"]
        amounts.setdefault(key, {})[row["amount"]["phase"]] = row["amount"]["jpy"]
    totals = 0
    for of_year in amounts.values():
        for total, parts in (
            ("revised", ("initial", "supplementary_1")),
            ("current", ("initial", "supplementary", "carried_over", "reserve")),
        ):
            if total in of_year:
                totals += 1
                assert of_year[total] == sum(of_year[part] for part in parts)
    assert totals == 30 + 236


def test_a_ministrys_money_of_two_documents_is_never_added(whole: Client) -> None:
    groups = answer(whole, "/v1/budget-summary?group_by=ministry&fiscal_year=2025&phase=supplementary")["groups"]
    (cao,) = (group for group in groups if group["key"] == "cao")
    assert (cao["involved"]["jpy"], cao["involved"]["basis_reason"]) == (None, "ambiguous")
    shown = {(each["basis"], each["phase"]): each for each in cao["totals"]}
    assert shown[None, "supplementary"]["involved"]["oku_yen"] == "210"
    book = shown["national_expenditure", "supplementary_1"]
    # The book's one item that this programme's fund stands in, less what two items of the ministry are cut by.
    assert (book["increases"]["oku_yen"], book["decreases"]["oku_yen"]) == ("119.92545", "-0.05853")
    assert book["involved"]["oku_yen"] == "119.86692"
    item = answer(whole, "/v1/budget-lines/mof2025s1-cao-rd-promotion-fy2025-supplementary-1")
    assert item["amount"]["oku_yen"] == "119.92545"
    assert [each["id"] for each in item["same_as"]] == ["rare-disease-global-rd-fy2025-supplementary"]


def test_the_first_documents_sums_are_what_they_were(whole: Client) -> None:
    query = f"document={DECK}"
    pillars = answer(whole, f"/v1/budget-summary?group_by=pillar&{query}")
    assert (pillars["total"]["oku_yen"], pillars["lines"], pillars["overlaps"]) == ("3161", 11, [])
    assert [group["involved"]["oku_yen"] for group in pillars["groups"]] == ["522", "338", "162", "451", None, "1688"]
    both = answer(whole, f"/v1/budget-summary?group_by=ministry&ministry=mext,mhlw&{query}")
    assert both["total"]["oku_yen"] == "2658"
    national = answer(whole, "/v1/packages/fy2025-supplementary-drug-discovery/reconciliation")["data"][1]
    assert national["difference"]["oku_yen"] == "-1361"


def test_a_document_has_its_own_view(whole: Client) -> None:
    groups = answer(whole, "/v1/budget-summary?group_by=document&ministry=cao&fiscal_year=2025&phase=supplementary")[
        "groups"
    ]
    assert {group["key"]: [each["involved"]["oku_yen"] for each in group["totals"]] for group in groups} == {
        DECK: ["210"],
        BOOK: ["119.86692"],
        REVIEW: [],
    }


def test_one_programme_has_all_its_figures(whole: Client) -> None:
    measure = answer(whole, "/v1/measures/rare-disease-global-rd")
    (other,) = measure["other_figures"]
    assert (other["relation"], other["document"], other["amount"]["oku_yen"]) == ("same_as", BOOK, "119.92545")
    assert measure["same_as"] == [{"scheme": "budget_project", "id": "21688", "url": None}]
    assert "figures-differ" in [note["code"] for note in measure["notes"]]

    figures = answer(whole, "/v1/measures/rare-disease-global-rd/figures")
    shown = {(row["document"], row["relation"]): row["amount"]["text"] for row in figures["data"]}
    assert shown == {
        (DECK, "own"): "210億円程度",
        (None, "national_expenditure"): "11,992,545千円",  # the deck does not state it: a public source does
        (BOOK, "same_as"): "11,992,545千円",
    }
    table = whole.get("/v1/measures/rare-disease-global-rd/figures.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["amount_text"] for row in rows] == [row["amount"]["text"] for row in figures["data"]]

    years = answer(whole, "/v1/measures/biobank-utilisation/figures")["data"]
    assert {(row["fiscal_year"]["year"], row["relation"]) for row in years} >= {
        (2024, "same_programme"),
        (2025, "own"),
        (2025, "part_of"),
    }
    assert [row["fiscal_year"]["year"] for row in years] == sorted(row["fiscal_year"]["year"] for row in years)
    assert {row["relation"] for row in answer(whole, "/v1/measures/rs2024-34/figures")["data"]} == {"own"}
    answer(whole, "/v1/measures/no-such-measure/figures", 404)
    assert whole.get("/v1/measures/no-such-measure/figures.csv").status_code == 404


def test_the_crosswalk_tells_what_a_source_states_from_what_is_ours(whole: Client) -> None:
    def links(query: str) -> dict[str, str]:
        sections = answer(whole, f"/v1/crosswalk?{query}")["data"]
        return {each["id"]: each["basis"] for part in sections for row in part["measures"] for each in row["related"]}

    assert links("section=4.4") == {"regenerative-cell-gene-manufacturing": "external"}
    ours = {"biobank-utilisation", "biosimilar-manufacturing-sites", "innovative-drug-fund"}
    assert links("basis=editorial") == dict.fromkeys(ours, "editorial")
    assert set(links("basis=editorial,external")) == {*ours, "regenerative-cell-gene-manufacturing"}
    found = answer(whole, "/v1/crosswalk?basis=external")
    assert (found["total"]["oku_yen"], found["lines"]) == ("293", 1)
    assert [part["lines"] for part in found["data"] if part["section"]["number"] == "4.3"] == [0]
    (section,) = answer(whole, "/v1/crosswalk?basis=external&section=4.3")["data"]
    assert [note["code"] for note in section["notes"]] == ["no-link-on-these-grounds"]
    answer(whole, "/v1/crosswalk?basis=ours", 422)


def test_projects_serve_the_strategies_that_their_sheets_state(whole: Client) -> None:
    strategies = answer(whole, "/v1/crosswalk")["strategies"]
    second = next(each for each in strategies if each["strategy"]["id"] == "hp2")
    measures = walk(whole, "/v1/measures", strategy="hp2")
    assert second["measure_count"] == len(measures) == len(second["measures"])
    assert {each["basis"] for each in second["measures"]} == {"stated", "reading"}
    lines = [row for measure in measures for row in measure["budget_lines"]]
    assert second["lines"] == len(lines)
    assert sum(each["lines"] for each in second["totals"]) == len(lines)
    stated = answer(whole, "/v1/crosswalk?basis=stated&ministry=mext")["strategies"]
    (of_mext,) = (each for each in stated if each["strategy"]["id"] == "hp2")
    assert 0 < of_mext["lines"] < second["lines"]
    assert {each["basis"] for each in of_mext["measures"]} == {"stated"}
    assert answer(whole, "/v1/crosswalk?section=4.2")["strategies"] == []
    # A measure serves the strategy of its sections, too.
    assert answer(whole, "/v1/measures?strategy=hp3&kind=direction&limit=0")["meta"]["total"] == 9


@pytest.mark.parametrize(
    ("path", "query", "found"),
    [
        ("/v1/budget-lines", "ministry=6000012070001", "mhlw"),
        ("/v1/budget-lines", "ministry=https://ror.org/048rj2z13", "mext"),
        ("/v1/measures", "organization=9010005023796", "amed"),
        ("/v1/measures", "modality=D059451", "biosimilar"),
        ("/v1/organizations", "identifier=Q1054379", "Q1054379"),
    ],
)
def test_identifiers_of_other_registers_are_values_of_filters(path: str, query: str, found: str, whole: Client) -> None:
    name, _, value = query.partition("=")
    by_code, by_id = (answer(whole, path, **{name: each}) for each in (value, found))
    assert by_code["data"] == by_id["data"]
    assert by_code["data"]


def test_review_sheets_and_laws_are_named(whole: Client) -> None:
    assert [row["id"] for row in walk(whole, "/v1/measures", identifier="6844")] == [
        "biobank-utilisation",
        "rs2024-6844",
    ]
    (law,) = answer(whole, "/v1/measures/rwd-secondary-use")["laws"]
    assert law["url"] == "https://laws.e-gov.go.jp/law/429AC0000000028"
    # An identifier is no word of a search: it would find whatever has one.
    assert answer(whole, "/v1/search?q=wikidata")["data"] == []


def test_bureaus_are_bodies_of_their_ministries(whole: Client) -> None:
    bureau = answer(whole, "/v1/organizations/mext-research-promotion-bureau")
    assert (bureau["kind"], bureau["parent"]["id"]) == ("bureau", "mext")
    under = walk(whole, "/v1/measures", organization="mext")
    assert {row["id"] for row in walk(whole, "/v1/measures", organization=bureau["id"])} < {row["id"] for row in under}
    answer(whole, f"/v1/budget-lines?ministry={bureau['id']}", 422)


def test_phases_are_filtered_with_what_they_include(whole: Client) -> None:
    totals = {
        phase: answer(whole, f"/v1/budget-lines?phase={phase}&limit=0")["meta"]
        for phase in ("supplementary", "supplementary_1", "補正予算", "第1次補正予算")
    }
    assert totals["supplementary"]["total"] == totals["補正予算"]["total"] == 11 + 30 + 236
    assert totals["supplementary_1"]["total"] == totals["第1次補正予算"]["total"] == 30
    assert "narrower-included-supplementary" in [note["code"] for note in totals["supplementary"]["notes"]]
    for basis, count in (("none", 11), ("national_expenditure", 1_742), ("国費", 1_742), ("project_scale", 0)):
        assert answer(whole, f"/v1/budget-lines?basis={basis}&limit=0")["meta"]["total"] == count


def test_a_document_without_a_date_can_be_cited(whole: Client) -> None:
    assert answer(whole, f"/v1/documents/{BOOK}")["issued"] is None
    path = f"/v1/documents/{BOOK}/citation"
    assert "date =" not in whole.get(f"{path}.bib").text
    assert "\r\nPY  -" not in whole.get(f"{path}.ris").text
    (item,) = whole.get(f"{path}.json").json()
    assert item["issued"] == {"date-parts": []}


def notes_of(whole: Client, query: str) -> dict[str, str]:
    """The notes of a sum, by code."""
    return {
        note["code"]: note["en"] for note in answer(whole, f"/v1/budget-summary?group_by=ministry&{query}")["notes"]
    }


def test_money_carried_over_is_told_where_years_are_added(whole: Client) -> None:
    for phase in ("current", "carried_over"):
        assert "carried-over-each-year" in notes_of(whole, f"phase={phase}")
        assert "carried-over-each-year" not in notes_of(whole, f"phase={phase}&fiscal_year=2023")
    assert "carried-over-each-year" not in notes_of(whole, "phase=initial")


def test_years_that_a_sum_adds_are_told(whole: Client) -> None:
    assert notes_of(whole, "phase=initial")["several-years"].startswith(
        "Amounts of fiscal years 2021 to 2025 are added"
    )
    assert "2022 to 2025" in notes_of(whole, "phase=request")["several-years"]
    for query in ("phase=initial&fiscal_year=2024", "document=cao-20260203-bio", "document=mof-fy2025-supplementary-1"):
        assert "several-years" not in notes_of(whole, query)


def test_totals_side_by_side_say_that_they_share_money(whole: Client) -> None:
    query = "fiscal_year=2025&phase=supplementary"
    assert notes_of(whole, query)["same-money-across-kinds"].startswith("Of the totals side by side, 8 lines")
    assert "same-money-across-kinds" not in notes_of(whole, f"{query}&basis=none")
    # Every ministry of which two documents have lines that nothing relates is named; the Cabinet Office has none.
    told = notes_of(whole, query)["may-hold-same-money"]
    assert DECK in told
    assert BOOK in told
    assert "Ministry of Health, Labour and Welfare" in told
    assert "Cabinet Office" not in told


def test_groups_without_one_sum_are_last_and_say_why(whole: Client) -> None:
    assert "several-kinds-last" in notes_of(whole, "sort=involved")
    assert "several-kinds-last" not in notes_of(whole, "sort=involved&phase=supplementary_1")


def test_a_filter_by_basis_says_what_it_reads(whole: Client) -> None:
    assert "national_expenditure" in notes_of(whole, f"basis=国費&document={DECK}")["basis-of-the-amount"]


def test_what_an_extract_left_out_is_not_said_to_be_unstated(whole: Client) -> None:
    notes = {note["code"]: note["en"] for note in answer(whole, "/v1/measures/rs2024-34")["notes"]}
    assert notes["not-extracted"] == "Left out of the extract of the document: description"
    assert notes["not-classified"] == "Not classified by us: modalities"


def test_years_stand_in_their_order(whole: Client) -> None:
    groups = answer(whole, "/v1/budget-summary?group_by=fiscal_year")["groups"]
    assert [group["key"] for group in groups] == ["2021", "2022", "2023", "2024", "2025"]


def test_an_error_that_lists_some_of_the_values_says_so(whole: Client) -> None:
    (error,) = answer(whole, "/v1/measures?identifier=99999", 422)["errors"]
    assert len(error["allowed"]) == 50
    assert re.search("the first 50 of [0-9]+ values", error["message"])
