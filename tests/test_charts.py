"""Charts: SVG that any page can show, drawn from the API's own answers."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from app.query.dataset import Dataset
from app.query.parser import Query
from app.settings import Settings
from app.site.charts import sums
from app.site.charts.bars import Bar, Chart, Segment
from app.site.charts.drawing import DIFFERENCE, Drawing, width_of, wrapped
from app.site.charts.flow import flow_chart
from app.site.charts.packages import difference_chart
from app.site.transcripts import marked
from app.site.view import View
from tests.conftest import Client, answer, serving

SVG = "{http://www.w3.org/2000/svg}"
SUMS = ["pillar", "ministry", "section"]
PATHS = [*(f"/v1/charts/budget-by-{each}.svg" for each in SUMS), "/v1/charts/crosswalk.svg"]


def drawn(client: Client, path: str, **query: Any) -> ElementTree.Element:
    response = client.get(path, params=query) if query else client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"].partition(";")[0] == "image/svg+xml"
    return ElementTree.fromstring(response.text)  # noqa: S314 - the service's own


def text_of(root: ElementTree.Element) -> str:
    return "\n".join("".join(each.itertext()) for each in root.iter(f"{SVG}text"))


def described(root: ElementTree.Element) -> str:
    return str(root.findtext(f"{SVG}desc"))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_chart_stands_alone(whole: Client, path: str, lang: str) -> None:
    response = whole.get(path, params={"lang": lang})
    root = ElementTree.fromstring(response.text)  # noqa: S314 - the service's own
    assert root.findtext(f"{SVG}title")
    assert described(root)
    ids = [each.get("id") for each in root.iter() if each.get("id")]
    assert len(set(ids)) == len(ids)
    assert set(str(root.get("aria-labelledby")).split()) <= set(ids)
    filled = {str(each.get("fill"))[5:-1] for each in root.iter() if each.get("fill")}
    assert filled <= set(ids)
    left, top, width, height = map(float, str(root.get("viewBox")).split())
    assert (left, top, width) == (-12, -12, 400)  # a margin, within the width that was asked for
    assert (str(root.get("width")), float(str(root.get("height")))) == ("400", height)
    assert not any(each.tag.endswith(("script", "image", "foreignObject")) for each in root.iter())
    assert not any(name.startswith("on") or name == "style" for each in root.iter() for name in each.attrib)
    assert "prefers-color-scheme: dark" in str(root.findtext(f"{SVG}style"))
    assert "内閣府" in text_of(root)  # the attribution
    assert response.headers["ETag"]
    assert "max-age" in response.headers["Cache-Control"]
    assert "Accept-Language" not in response.headers["Vary"]
    assert (
        whole.get(path, params={"lang": lang}, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [280, 400, 1200])
def test_no_word_leaves_the_picture(whole: Client, path: str, width: int) -> None:
    root = drawn(whole, path, width=width, lang="en")
    assert root.get("width") == str(width)
    for each in root.iter(f"{SVG}text"):
        wide = width_of(str(each.text), float(str(each.get("font-size"))))
        x = float(str(each.get("x")))
        start = x - wide if each.get("text-anchor") == "end" else x
        assert start >= -1, each.text
        assert start + wide <= width + 1, each.text
        assert float(str(each.get("y"))) <= float(str(root.get("height")))


def test_bars_are_the_sums_in_proportion(client: Client) -> None:
    groups = answer(client, "/v1/budget-summary?group_by=pillar")["groups"]
    root = drawn(client, "/v1/charts/budget-by-pillar.svg", width=1026, lang="ja")
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == "18"]
    total = sum(float(str(each.get("width"))) for each in bars)
    stated = [each["involved"]["jpy"] for each in groups if each["involved"]["jpy"]]
    assert total == pytest.approx(1_000 * sum(stated) / max(stated), abs=1)
    text = text_of(root)
    for group in groups:
        if group["involved"]["jpy"]:
            assert f"{int(group['involved']['oku_yen']):,}億円程度" in text
    assert "共同(文部科学省・厚生労働省) 4億円程度" in text
    assert "金額の記載なし" in text  # pillar 5
    assert [each for each in root.iter(f"{SVG}rect") if each.get("class") == "mark joint"]


def test_filters_are_those_of_the_sums(client: Client) -> None:
    text = described(drawn(client, "/v1/charts/budget-by-ministry.svg", pillar="③", lang="en"))
    assert "about ¥4.7 billion (uncertain) (alone about ¥4.3 billion, jointly about ¥0.4 billion (uncertain))" in text
    assert "FY2025, supplementary budget, basis not stated. Filters: Pillar: 3 Promoting innovative drug" in text
    assert "A line in several groups is whole in each" in text
    assert "No budget line matches" in described(drawn(client, "/v1/charts/budget-by-ministry.svg", q="zzz", lang="en"))
    assert answer(client, "/v1/charts/budget-by-pillar.svg?pilar=3", 422)["errors"][0]["did_you_mean"] == "pillar"
    assert answer(client, "/v1/charts/crosswalk.svg?width=10", 422)["errors"][0]["parameter"] == "width"


def test_what_filters_leave_out_is_told_from_what_is_not_stated(client: Client) -> None:
    text = described(drawn(client, "/v1/charts/budget-by-pillar.svg", ministry_not="mhlw", lang="en"))
    assert "⑥ Stable supply of generic and other medicines: no line under these filters" in text
    assert "⑤ The cycle of investment and innovation: no amount is stated" in text
    text = described(drawn(client, "/v1/charts/budget-by-section.svg", ministry="mext", lang="ja"))
    assert re.search("4.3 [^:]*: 条件に合う予算行なし", text)
    assert re.search("4.5 [^:]*: 対応付けられた予算なし", text)


def test_lines_that_state_no_amount_have_a_chart_that_says_so(second: Settings) -> None:
    with serving(second) as client:
        text = described(drawn(client, "/v1/charts/budget-by-pillar.svg", phase="none", lang="en"))
    assert text.startswith("No amount is stated. Filters: Phase: None. ")
    assert text.endswith("第2 Support: no amount is stated.")


def test_a_bar_leads_to_the_lines_that_it_sums(whole: Client) -> None:
    root = drawn(whole, "/v1/charts/budget-by-ministry.svg", phase="initial", fiscal_year="2024", lang="en")
    links = [str(each.get("href")) for each in root.iter(f"{SVG}a")]
    link = next(each for each in links if "ministry=mext" in each)
    lines = answer(whole, f"/v1{link.replace('&lang=en', '&limit=500')}")["data"]
    (total,) = answer(whole, "/v1/budget-summary?group_by=ministry&ministry=mext&phase=initial&fiscal_year=2024")[
        "totals"
    ]
    assert sum(each["amount"]["jpy"] for each in lines) == total["involved"]["jpy"]


def test_years_that_are_added_are_named(whole: Client) -> None:
    shown = described(drawn(whole, "/v1/charts/budget-by-ministry.svg", phase="initial", lang="ja"))
    assert "2021年度から2025年度の合計、当初予算、国費" in shown


def test_kinds_are_never_added_and_the_others_are_named(whole: Client) -> None:
    root = drawn(whole, "/v1/charts/budget-by-ministry.svg", lang="en")
    assert "supplementary budget, basis not stated" in text_of(root)
    assert "Other kinds of money, which are not added" in text_of(root)
    links = [str(each.get("href")) for each in root.iter(f"{SVG}a")]
    other = next(each for each in links if "phase=request" in each)
    assert whole.get(other).status_code == 200
    chosen = drawn(whole, "/v1/charts/budget-by-ministry.svg", phase="initial", fiscal_year="2024", lang="en")
    assert "initial budget, national expenditure" in text_of(chosen)


def test_more_bars_than_fit_are_told(whole: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.site.charts.sums.MAX_BARS", 2)
    assert "more are not shown" in text_of(drawn(whole, "/v1/charts/budget-by-section.svg", lang="en"))


def test_cuts_stand_left_of_zero(cuts: Client) -> None:
    for path in PATHS[:3]:
        root = drawn(cuts, path, lang="en", width=900)
        assert re.search("cuts (about )?−¥", text_of(root))
        zero = float(str(next(root.iter(f"{SVG}line")).get("x1")))
        bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == "18"]
        left = [each for each in bars if each.get("class") == "mark cut"]
        assert left
        for each in bars:
            start, end = float(str(each.get("x"))), float(str(each.get("x"))) + float(str(each.get("width")))
            assert end <= zero + 1.2 if each in left else start >= zero - 1.2


def test_a_section_without_money_is_visibly_so(client: Client) -> None:
    data = answer(client, "/v1/crosswalk")["data"]
    without = [measure for row in data for measure in row["measures"] if not measure["related"]]
    root = drawn(client, "/v1/charts/crosswalk.svg", lang="en")
    assert text_of(root).replace("\n", " ").count("no budget line is linked") == len(without)
    assert "no measure" in text_of(root)
    for row in data:
        assert row["section"]["number"] in text_of(root)
    ribbons = [str(each.get("class")) for each in root.iter(f"{SVG}path") if "ribbon" in str(each.get("class"))]
    related = [each for row in data for measure in row["measures"] for each in measure["related"]]
    assert ribbons.count("ribbon ours") == sum(each["basis"] == "editorial" for each in related)
    assert ribbons.count("ribbon source") == sum(each["basis"] != "editorial" for each in related)
    assert "no line of this kind" in text_of(drawn(client, PATHS[-1], ministry="mext", lang="en")).replace("\n", " ")


@pytest.fixture
def view(dataset: Dataset) -> View:
    """A view in English."""
    return View("/", "", "", "en", True, Query({}), SimpleNamespace(dataset=dataset, index={}))  # type: ignore[arg-type]


def test_one_programme_of_several_measures_is_drawn_once(client: Client, view: View) -> None:
    crosswalk = answer(client, "/v1/crosswalk?section=4.3")
    (row,) = crosswalk["data"]
    crosswalk["data"].append({**row, "section": {**row["section"], "number": "4.9"}})
    text = "".join(ElementTree.fromstring(flow_chart(view, crosswalk, 900).svg()).itertext())  # noqa: S314 - made here
    (measure,) = row["measures"]
    (programme,) = measure["related"]
    words = [" ".join(text.split()).count(name["en"]) for name in (measure["name"], programme["name"])]
    assert words[0] > words[1] > 0


def test_what_has_no_money_of_the_kind_says_so(view: View) -> None:
    of_another = {"lines": 3, "involved": {"jpy": None}, "totals": [{"basis": "national_expenditure"}]}
    assert sums.none_of(view, of_another, "pillar") == "none of this kind"
    assert sums.short_name(view, "none") == "no ministry"
    assert sums.short_name(replace(view, language="ja"), "mhlw") == "厚生労働省"


def test_a_total_that_equals_its_lines_has_no_difference(client: Client, view: View) -> None:
    (row, *_) = answer(client, "/v1/packages/fy2025-supplementary-drug-discovery/reconciliation")["data"]
    row["difference"] |= {"jpy": 0, "oku_yen": "0"}
    assert [each.label for each in difference_chart(view, [row], "/", "x").bars] == [
        "Stated total (project scale)", "Sum of its lines",
    ]  # fmt: skip


def test_without_the_sum_of_its_lines_a_total_stands_alone(client: Client, view: View) -> None:
    (row, *_) = answer(client, "/v1/packages/fy2025-supplementary-drug-discovery/reconciliation")["data"]
    row["itemised"] |= {"jpy": None, "oku_yen": None}
    row["difference"] |= {"jpy": None, "oku_yen": None}
    stated, itemised = difference_chart(view, [row], "/", "x").bars
    assert (bool(stated.segments), itemised.segments, itemised.text) == (True, (), "Not stated")


def test_hostile_names_are_text(view: View) -> None:
    hostile = "</title><script>alert(1)</script>&\"'"
    bars = [Bar(hostile, hostile, [Segment(hostile, 5, hostile, DIFFERENCE)], f"/x?{hostile}"), Bar("a", "none", ())]
    drawing = Chart("x", hostile, [hostile], bars, [(hostile, hostile)]).drawn(view, 300)
    root = ElementTree.fromstring(drawing.svg())  # noqa: S314 - made here
    assert root.findtext(f"{SVG}title") == hostile
    assert not list(root.iter(f"{SVG}script"))
    assert marked("<b>&薬", ["&薬"]) == "&lt;b&gt;<mark>&amp;薬</mark>"
    assert marked("ab", ["xy\nzz"]) == "<mark>ab</mark>"


def test_lines_of_words() -> None:
    assert wrapped("Ministry of Health and Welfare", 110, 10) == ("Ministry of Health", "and Welfare")
    assert wrapped("施策と(予算)の対応", 60, 10) == ("施策と", "(予算)の", "対応")
    assert wrapped("unbreakable", 30, 10) == ("unbre", "akabl", "e")
    assert wrapped("", 30, 10) == ()
    assert wrapped("施", 1, 10) == ("施",)


def test_without_an_amount_nothing_is_drawn_from_zero_on(view: View) -> None:
    root = ElementTree.fromstring(Chart("x", "t", (), [Bar("a", "none", ())]).drawn(view, 100).svg())  # noqa: S314
    assert [each.get("x") for each in root.iter(f"{SVG}rect")] == ["1"]
    drawing = Drawing("x", 100, "t", "d", "en")
    drawing.box(0, 0, 0, 5, "solid")
    assert 'width="1"' in drawing.svg()
