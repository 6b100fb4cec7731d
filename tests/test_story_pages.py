"""Pages that tell the story: every number is the API's, and every stated one leads to the line that states it."""

import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import yaml

from app.errors import Problem, unavailable
from app.query.dataset import Dataset
from app.query.parser import Query
from app.settings import SEED, Settings
from app.site import transcripts
from app.site.stories import source_address
from app.site.transcripts import marked
from app.site.view import View
from app.site.words import money
from tests.conftest import Client, answer, serving, walk
from tests.test_pages import Parsed, opened

DECK = "/documents/cao-20260203-bio"
BARE = "/documents/mof-fy2025-supplementary-1"
PACKAGE = "fy2025-supplementary-drug-discovery"
RECONCILED = f"/packages/{PACKAGE}/reconciliation"


def linked(page: str, kind: str) -> list[tuple[str, str]]:
    """The numbers of a page that are links of a class: the address and the text of each."""
    found = re.findall(rf'<a class="{kind}" href="([^"]+)"><data[^>]*>([^<]+)', page)
    return [(unescape(at), unescape(text).strip()) for at, text in found]


def test_every_stated_number_of_the_first_page_leads_to_its_words(client: Client) -> None:
    numbers = linked(client.get("/?lang=ja").text, "words")
    assert len(numbers) == 3
    for at, text in numbers:
        path, _, line = at.partition("#L")
        (found,) = answer(client, f"/v1{path.partition('?')[0]}/lines?from={line}&to={line}")["data"]
        assert text in found["text"].replace(" ", "")
        assert opened(client, at).all("li", id=f"L{line}")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_first_page_shows_what_is_not_itemised(client: Client, lang: str) -> None:
    page = client.get(f"/?lang={lang}").text
    row = answer(client, f"/v1{RECONCILED}")["data"][0]
    shown = [money(row[each], lang) for each in ("itemised", "difference")]
    assert [text for _, text in linked(page, "computed")] == shown
    assert {at for at, _ in linked(page, "computed")} == {f"{RECONCILED}?lang={lang}"}
    for group in answer(client, "/v1/budget-summary?group_by=pillar")["groups"]:
        if group["involved"]["jpy"]:
            assert money(group["involved"], lang) in page
    assert ("金額の記載なし" if lang == "ja" else "no amount is stated") in page
    assert " style=" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(set(ids)) == len(ids)
    assert f'href="/v1{RECONCILED}"' in page


def test_without_a_stated_total_there_is_no_story(second: Settings) -> None:
    with serving(second) as client:
        assert client.get("/?lang=en").status_code == 200
        assert client.get("/guide?lang=en").status_code == 200


def test_the_crosswalk_shows_sections_without_money(client: Client) -> None:
    found = answer(client, "/v1/crosswalk")
    page = client.get("/crosswalk?lang=en").text
    table = page[page.index('<table class="crosswalk">') : page.index("</table>")]
    assert table.count("<tbody>") == len(found["data"])
    for row, shown in zip(found["data"], table.split("<tbody>")[1:], strict=True):
        assert row["section"]["number"] in shown
        links = [each for measure in row["measures"] for each in measure["related"]]
        assert len(re.findall(r'<span class="basis (\w+)"', shown)) == len(links)
        for each in links:
            assert f'class="basis {each["basis"]}"' in shown
            for line in each["lines"]:
                assert money(line["amount"], "en") in shown
        assert ('class="without"' in shown) == any(not each["related"] for each in row["measures"] or [{"related": 0}])
    chosen = client.get("/crosswalk?section=4.3&ministry=mext&lang=en")
    assert "none here" in chosen.text
    assert opened(client, "/crosswalk?sektion=4.3&lang=en", 422).text.count("sektion")


def test_a_crosswalk_of_many_links_leads_to_each_section(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = answer(client, "/v1/crosswalk?ministry=mext")["data"]
    monkeypatch.setattr("app.site.stories.MAX_LINKS", 1)
    page = opened(client, "/crosswalk?ministry=mext&lang=en")
    assert not page.all("td", **{"class": "without"})
    assert not page.all("svg")
    assert "Programme" not in page.text  # no column of what stands on the pages of sections
    for row in sections:
        link = f"/crosswalk?section={row['section']['id']}&ministry=mext&lang=en"
        assert len(page.all("a", href=link)) == 1
        assert f"{len(row['measures'])} measures, {row['lines']} budget lines" in page.text
        shown = opened(client, link)
        for measure in row["measures"]:
            for each in (measure, *measure["related"]):
                assert shown.all("a", href=f"/measures/{each['id']}?lang=en")
        assert shown.all("svg")


def test_a_transcript_has_the_facts_of_each_line(client: Client) -> None:
    page = client.get(f"{DECK}?lang=en").text
    lines = re.findall(r'<li id="L(\d+)"(.*?)(?=<li id="L|</ol>)', page, re.DOTALL)
    assert [int(number) for number, _ in lines] == list(range(1, 156))
    shown = dict(lines)
    record = answer(client, "/v1/budget-lines/research-infrastructure-ai-fy2025-supplementary")
    for each in record["evidence"]:
        assert f"/budget-lines/{record['id']}?lang=en" in shown[str(each["lines"]["from"])]
    assert "<mark>4 億円程度【文】【厚】</mark>" in shown["124"]
    assert "<mark></mark>" not in page
    assert "Facts rest on 79 of the 79 lines" in page
    assert f"/v1{DECK}/lines" in page
    assert opened(client, "/documents/cao-20260203-bi?lang=en", 404)


def test_quotes_that_overlap_are_marked_as_one_passage() -> None:
    assert marked("abcdefgh", ["abcd", "cdef"]) == "<mark>abcdef</mark>gh"
    assert marked("a<b", ["b", "b"]) == "a&lt;<mark>b</mark>"
    assert marked("one of two lines", ["of\ntwo"]) == "one <mark>of</mark> <mark>two</mark> lines"


def test_a_long_transcript_has_pages_and_lines_without_facts(whole: Client) -> None:
    path = "/documents/rs2024-health-strategy"
    first, second = (Parsed(whole.get(f"{path}?{query}lang=en").text) for query in ("", "from=675&"))
    assert "The document ends at line 675" in whole.get(f"{path}?from=9999&lang=en").text
    assert first.all("li", id="L200")
    assert not first.all("li", id="L201")
    assert not second.all("li", id="L600")
    assert second.all("li", id="L601")
    assert second.all("li", id="L675")
    assert f"{path}?from=601&lang=en" in {each.get("href") for each in first.all("a")}


def facts_of(page: str, line: int) -> list[str]:
    """The addresses in the list of a line's facts."""
    item = page.partition(f'<li id="L{line}"')[2].partition("</ol>")[0].partition('<li id="L')[0]
    return [unescape(each) for each in re.findall(r'href="([^"]+)"', item.partition('<ul class="facts"')[2])]


@pytest.fixture(scope="module")
def resting(whole: Client) -> dict[int, list[str]]:
    """The addresses of the facts that rest on each line of a document, without the language."""
    found: dict[int, list[str]] = {}
    for resource in answer(whole, "/v1")["resources"]:
        for row in walk(whole, resource["list_path"], fields="id,evidence", limit=500):
            for line in {
                number
                for each in row["evidence"]
                if each["document"] == BARE.rpartition("/")[2] and each["lines"]
                for number in range(each["lines"]["from"], each["lines"]["to"] + 1)
            }:
                found.setdefault(line, []).append(f"/{resource['name']}/{row['id']}")
    return found


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_line_with_many_facts_leads_to_all_of_them(whole: Client, resting: dict[int, list[str]], lang: str) -> None:
    page = whole.get(f"{BARE}?lang={lang}").text
    many = {line for line, records in resting.items() if len(records) > 20}
    assert many
    for line, records in resting.items():
        addresses = [f"{record}?lang={lang}" for record in records]
        alone = f"{BARE}?from={line}&to={line}&lang={lang}"
        assert facts_of(page, line) == addresses[:20] + [alone] * (line in many)
        if line in many:
            count = len(addresses) - 3
            assert f"<details><summary>{f'ほか{count}件' if lang == 'ja' else f'{count} more'}</summary>" in page
            shown = whole.get(alone).text
            assert re.findall(r'<li id="L(\d+)"', shown) == [str(line)]
            assert facts_of(shown, line) == addresses
            assert "<details open><summary>" in shown
    assert "<details open>" not in page


def test_a_line_with_more_facts_than_a_page_leads_to_the_lists_of_its_document(
    whole: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcripts, "MAX_ALONE", 21)
    page = whole.get(f"{BARE}?lang=en").text
    (number, *_) = (each for each in map(int, re.findall(r'<li id="L(\d+)"', page)) if len(facts_of(page, each)) > 20)
    alone = whole.get(f"{BARE}?from={number}&to={number}&lang=en").text
    facts = facts_of(alone, number)
    assert (facts[:20], facts[21:]) == (facts_of(page, number)[:20], ["#referring"])
    listed = alone.partition('<h2 id="referring">')[2].partition("</section>")[0]
    assert f'href="/budget-lines?document={BARE.rpartition("/")[2]}&amp;lang=en"' in listed


def test_a_transcript_has_the_lines_of_the_same_request_to_the_api(whole: Client) -> None:
    path = "/documents/rs2024-health-strategy"
    part = Parsed(whole.get(f"{path}?from=399&to=402&lang=en").text)
    lines = answer(whole, f"/v1{path}/lines?from=399&to=402")["data"]
    assert [each["id"] for each in part.all("li") if "id" in each] == [f"L{each['number']}" for each in lines]
    assert [each["href"] for each in part.all("a", **{"aria-current": "true"})][-1] == f"{path}?from=201&lang=en"
    assert "Swap them" in opened(whole, f"{path}?from=5&to=3&lang=en", 422).text


def test_lines_that_no_fact_rests_on_are_named(whole: Client) -> None:
    page = whole.get(f"{BARE}?lang=en").text
    resting = {
        number
        for resource in answer(whole, "/v1")["resources"]
        for row in walk(whole, resource["list_path"], limit=500)
        for each in row["evidence"]
        if each["document"] == BARE.rpartition("/")[2] and each["lines"]
        for number in range(each["lines"]["from"], each["lines"]["to"] + 1)
    }
    lines = answer(whole, f"/v1{BARE}/lines")["data"]
    bare = {each["number"] for each in lines if each["text"].strip()} - resting
    assert bare
    assert set(map(int, re.findall(r'<li id="L(\d+)" class="bare">', page))) == bare
    named = page[page.index('class="bare-lines"') :].partition("</p>")[0]
    assert set(map(int, re.findall(r"#L(\d+)", named))) <= bare


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_reconciliation_is_that_of_the_api(client: Client, lang: str) -> None:
    page = client.get(f"{RECONCILED}?lang={lang}").text
    for row in answer(client, f"/v1{RECONCILED}")["data"]:
        for each in (row["stated"]["amount"], row["itemised"], row["difference"]):
            assert money(each, lang) in page
        for note in row["notes"]:
            assert note[lang] in page
    assert [at.partition("#")[2] for at, _ in linked(page, "words")] == ["L155", "L155"]


def test_a_package_without_a_stated_total_says_so(whole: Client) -> None:
    page = opened(whole, "/packages/rs2024-fy2024/reconciliation?lang=en")
    assert "No document states a total of this package" in page.text
    opened(whole, "/packages/nothing/reconciliation", 404)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_the_guide_answers_from_the_data(whole: Client, lang: str) -> None:
    page = whole.get(f"/guide?lang={lang}").text
    questions = yaml.safe_load((SEED / "dataset.yaml").read_text())["questions"]
    assert len(questions) == 10
    for place, each in enumerate(questions, 1):
        shown = page[page.index(f'id="q{place}"') :].partition("</li>\n<li id=")[0]
        assert each["question"][lang] in shown
        (at,) = re.findall(r'<p class="by"><a href="([^"]+)"', shown)
        assert whole.get(unescape(at)).status_code == 200
        found = answer(whole, each["request"])
        rows = found["groups"] if "groups" in found else found["data"]
        told = [row.get("difference", row.get("involved", row.get("amount"))) for row in rows]
        names = [row["section"]["name"] for row in rows if "section" in row]
        names += [row["name"] for row in rows if "kind" in row]
        assert names or any(told)
        for name in names:
            assert name[lang] in shown
        for amount in filter(None, told):
            assert not amount["jpy"] or money(amount, lang) in shown


def test_the_guide_tells_sections_without_money_and_pillars_without_an_amount(client: Client) -> None:
    page = client.get("/guide?lang=en").text
    rows = answer(client, "/v1/crosswalk")["data"]
    assert page.count("no budget line is linked") == len([row for row in rows if not row["lines"]]) > 0
    assert page.count("no amount is stated") == 1


def test_the_answer_of_each_question_leads_to_what_it_is_made_from(client: Client) -> None:
    page = client.get("/guide?lang=en").text
    for shown in re.split('<li id="q', page)[1:]:
        answered = shown.partition('<p class="by">')[0]
        for each in re.findall("<li>.*?</li>", answered, re.DOTALL):
            assert "href=" in each or "no amount" in each


@pytest.mark.parametrize(("itemised", "difference"), [(None, None), (9, -4)])
def test_a_first_page_without_anything_left_over(
    itemised: int | None, difference: int | None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = answer(client, f"/v1{RECONCILED}")
    changed["data"][0]["itemised"]["jpy"] = itemised
    changed["data"][0]["difference"]["jpy"] = difference
    monkeypatch.setattr("app.site.stories.reconcile", lambda *_: orjson.dumps(changed))
    page = opened(client, "/?lang=en").text
    assert "stated, but not itemised" not in page
    assert ("sum of its lines" in page) == (itemised is not None)


def test_an_amount_that_no_quote_holds_leads_nowhere(dataset: Dataset) -> None:
    view = View("/", "", "", "en", True, Query({}), SimpleNamespace(dataset=dataset, index={}))  # type: ignore[arg-type]
    assert not source_address(view, {"evidence": [{"lines": None, "quote": None}]}, {"text": "4億円"})


def test_a_question_about_what_is_not_here_is_not_asked(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise Problem(404, "There is no measure of this id.")

    monkeypatch.setattr("app.site.stories.figures_answer", missing)
    page = opened(client, "/guide?lang=en")
    assert "rare-disease programme" not in page.text
    assert "What do several ministries pay together?" in page.text


def test_a_question_that_cannot_be_asked_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise unavailable("Too slow.", 5)

    monkeypatch.setattr("app.site.stories.figures_answer", fail)
    assert opened(client, "/guide?lang=en", 503)


def test_a_package_leads_to_its_reconciliation(client: Client) -> None:
    page = client.get(f"/packages/{PACKAGE}?lang=en").text
    assert f'href="{RECONCILED}?lang=en">Stated totals against the lines</a>' in page
    assert "reconciliation" not in client.get("/pillars/fy2025-supplementary-drug-discovery-5").text
