"""Pages for people: each is made from the answer of the API to the same parameters, in the reader's language."""

import re
from html import unescape
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urljoin
from xml.etree import ElementTree

import orjson
import pytest

from app.db.sqlite import SqliteDatabase
from app.errors import unavailable
from app.http.negotiation import preferred_language
from app.query.dataset import Dataset
from app.query.fields import field_paths
from app.query.names import label
from app.query.parser import Query
from app.resources import BY_NAME, RESOURCES
from app.schemas import REASON_CODES, Basis, Reason, reason_note
from app.settings import Settings
from app.site.labels import value_label
from app.site.markup import code, prose
from app.site.reference import groups
from app.site.values import Values, reason_of, shape
from app.site.view import View
from app.site.words import money
from tests.conftest import Client, answer, serving, some

LINE = "research-infrastructure-ai-fy2025-supplementary"
HTML = {"Accept": "text/html,*/*;q=0.8"}


class Parsed(HTMLParser):
    """The elements of a page, each by name with its attributes, and the text that is shown."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, /, **attributes: str) -> list[dict[str, str]]:
        return [each for name, each in self.elements if name == tag and attributes.items() <= each.items()]


def opened(client: Client, path: str, status: int = 200, **headers: str) -> Parsed:
    response = client.get(path, headers=headers)
    assert response.status_code == status, response.text[:500]
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Parsed(response.text)


def rows_of(page: str) -> list[str]:
    """The text of each row of the table of records."""
    body = page[page.index("<tbody>") : page.index("</tbody>")]
    return [unescape(re.sub(r"<[^>]+>", " ", row)) for row in body.split("<tr>")[1:]]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.name)
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_resource_has_a_list_and_items(whole: Client, resource: Any, lang: str) -> None:
    rows = answer(whole, f"/v1/{resource.name}")["data"]
    page = whole.get(f"/{resource.name}?lang={lang}").text
    assert [row["name"][lang] in text for row, text in zip(rows, rows_of(page), strict=True)] == [True] * len(rows)
    links = {each["href"] for each in Parsed(page).all("a") if "href" in each}
    for row in rows:
        assert f"/{resource.name}/{row['id']}?lang={lang}" in links
    item = opened(whole, f"/{resource.name}/{rows[0]['id']}?lang={lang}")
    for evidence in rows[0]["evidence"]:
        assert (evidence["quote"] or evidence["url"].split("/")[2]) in item.text


@pytest.mark.parametrize(
    "query",
    ["ministry=厚&pillar=③", "sort=amount&order=desc&limit=3&offset=2", "q=バイオ", "amount_min=20000000000", ""],
)
def test_a_list_is_the_answer_to_the_same_parameters(client: Client, query: str) -> None:
    found = answer(client, f"/v1/budget-lines?{query}")
    page = client.get(f"/budget-lines?{query}&lang=ja").text
    assert [row["name"]["ja"] in text for row, text in zip(found["data"], rows_of(page), strict=True)]
    assert f">{found['meta']['total']}件<" in page
    request = found["links"]["self"].replace("&", "&amp;")
    assert f">GET {request}<" in page
    for extension in ("csv", "xlsx", "ndjson"):
        assert f"/v1/exports/budget-lines.{extension}" in page
    for note in found["meta"]["notes"]:
        assert note["ja"] in page


def test_what_notes_have_between_backticks_is_code(client: Client) -> None:
    (note,) = answer(client, "/v1/budget-lines?q=文科省")["meta"]["notes"]
    assert "`q`" in note["en"]
    page = client.get("/budget-lines?q=文科省&lang=en").text
    assert note["en"].replace("`q`", "<code>q</code>") in page
    assert prose("**<** `&`") == "<p><strong>&lt;</strong> <code>&amp;</code></p>"
    assert code("<`&`>") == "&lt;<code>&amp;</code>&gt;"


def test_links_of_a_page_lead_on_and_keep_the_language(client: Client) -> None:
    seen: list[str] = []
    path = "/measures?limit=9&kind=programme,direction&lang=en"
    while path:
        page = client.get(path).text
        seen += [
            each["href"] for each in Parsed(page).all("a") if re.match("/measures/.*lang=en", each.get("href", ""))
        ]
        assert "facet=" not in page.split("<footer")[0].split('class="paging"')[1].split("</nav>")[0]
        following = [each["href"] for each in Parsed(page).all("a", rel="next")]
        path = following[0] if following else ""
    rows = answer(client, "/v1/measures?limit=500&kind=programme,direction")["data"]
    assert [f"/measures/{row['id']}?lang=en" for row in rows] == seen


def test_a_form_counts_each_value_and_keeps_what_it_does_not_show(client: Client) -> None:
    path = "/budget-lines?ministry=mext&ministry_not=cao&fields=id,name&lang=en&sort=amount&limit=2&offset=1"
    page = opened(client, path)
    facet = answer(client, "/v1/budget-lines?ministry=mext&ministry_not=cao&facet=ministry")["facets"]["ministry"]
    boxes = {each["value"]: "checked" in each for each in page.all("input", name="ministry")}
    assert boxes == {each["value"]: each["value"] == "mext" for each in facet["buckets"]}
    counted = re.findall(
        r'value="(\w+)"(?: checked)?> <span>[^<]*</span> <span class="count">(\d+)', client.get(path).text
    )
    assert {(each["value"], str(each["count"])) for each in facet["buckets"]} <= set(counted)
    hidden = {each["name"]: each["value"] for each in page.all("input", type="hidden")}
    assert page.all("option", value="amount", selected="")
    assert hidden == {"ministry_not": "cao", "fields": "id,name", "lang": "en", "limit": "2"}


def test_of_many_options_the_chosen_and_those_with_most_rows_come_first(whole: Client) -> None:
    buckets = answer(whole, "/v1/measures?facet=ministry&limit=0")["facets"]["ministry"]["buckets"]
    counts = {each["value"]: each["count"] for each in buckets}
    rare = min((value for value in counts if counts[value]), key=lambda value: counts[value])
    page = opened(whole, f"/measures?ministry={rare}")
    chosen, *others = (each["value"] for each in page.all("input", name="ministry", type="checkbox"))
    assert chosen == rare
    shown = [counts[value] for value in others if value in counts]
    assert len(shown) > 10
    assert shown == sorted(shown, reverse=True)


def test_chips_take_off_one_value(client: Client) -> None:
    page = opened(client, "/budget-lines?ministry=mext,mhlw&amount_min=400000000&q=%E5%81%A5&offset=1&lang=en")
    chips = [each["href"] for each in page.all("a") if each.get("href", "").startswith("/budget-lines?")]
    assert "/budget-lines?ministry=mhlw&amount_min=400000000&q=%E5%81%A5&lang=en" in chips
    assert "/budget-lines?ministry=mext,mhlw&q=%E5%81%A5&lang=en" in chips
    assert "/budget-lines?lang=en" in chips
    assert "Amount from (yen): 400,000,000" in page.text


def test_a_column_that_says_the_same_in_each_row_is_told_once(client: Client) -> None:
    page = opened(client, "/budget-lines?lang=en")
    heads = re.findall(r"<th scope=\"col\"[^>]*>(.*?)</th>", client.get("/budget-lines?lang=en").text, re.DOTALL)
    assert not any("Fiscal year" in each for each in heads)
    assert "The same in every row here" in page.text
    assert page.text.count("FY2025") >= 1


def test_a_table_says_the_kind_of_each_amount(whole: Client) -> None:
    rows = rows_of(whole.get("/budget-lines?q=難病・希少疾病治療グローバル&lang=en").text)
    assert any("about ¥21 billion" in row and "supplementary budget" in row.lower() for row in rows)
    rows = rows_of(whole.get("/budget-lines?document=mof-fy2025-supplementary-1&limit=100&lang=ja").text)
    assert all("国費" in row for row in rows)
    assert any("第1次補正予算" in row for row in rows)
    assert any("当初予算" in row for row in rows)


def test_the_resources_to_search_have_names_in_the_language_of_the_page(client: Client) -> None:
    page = client.get("/search?q=薬&lang=ja").text
    assert re.search(r'name="type" value="measures"> <span>施策</span>', page)


def test_sorts_turn_at_the_head_of_a_column(client: Client) -> None:
    page = opened(client, "/budget-lines?sort=amount&order=desc&lang=en")
    assert page.all("th", **{"aria-sort": "descending", "class": "number"})
    heads = [each["href"] for each in page.all("a") if "sort=" in each.get("href", "")]
    assert "/budget-lines?sort=amount&order=asc&lang=en" in heads
    assert "/budget-lines?sort=name&order=asc&lang=en" in heads


@pytest.mark.parametrize(
    "path",
    [
        "/measures?fields=name.ja",
        "/measures?fields=id,name.ja",
        "/measures?limit=0",
        "/measures?fields=amount.oku_yen,evidence.supports,sections.id",
    ],
)
def test_fields_and_counts_alone_have_pages(client: Client, path: str) -> None:
    total = answer(client, f"/v1{path}")["meta"]["total"]
    assert f"{total} rows" in opened(client, f"{path}&lang=en").text


def test_a_list_may_show_the_evidence(client: Client) -> None:
    page = client.get("/measures?fields=evidence&limit=1&lang=en").text
    (record,) = answer(client, "/v1/measures?fields=evidence&limit=1")["data"]
    assert page.count('<figure class="evidence">') == len(record["evidence"])


def test_an_item_has_its_evidence_beside_each_field(client: Client) -> None:
    page = client.get(f"/budget-lines/{LINE}?lang=en").text
    fields = {
        unescape(re.sub(r"<[^>]+>", "", name)): cells
        for name, cells in re.findall(r'<tr>\s*<th scope="row">(.*?)</th>(.*?)</tr>', page, re.DOTALL)
    }
    assert "4 億円程度【文】【厚】" in fields["Amount"]
    assert "about ¥0.4 billion" in fields["Amount"]
    assert "(uncertain)" in fields["Amount"]
    assert "400,000,000 yen" in fields["Amount"]
    assert 'href="/documents/cao-20260203-bio?lang=en#L124"' in fields["Amount"]
    assert "Reading" in fields["Pillar"]
    assert "nearest numbered heading" in fields["Pillar"]
    assert "Not stated" in fields["Modalities"]
    assert "Follows from other fields" in fields["Joint"]
    assert "Rule of reading R3" in page.split("<table")[0]
    assert page.count("Not stated in the document") == 0  # told at the fields


def test_an_item_leads_to_what_refers_to_it(client: Client) -> None:
    page = opened(client, "/organizations/mhlw?lang=en")
    links = [each["href"] for each in page.all("a") if each.get("href", "").startswith("/budget-lines?m")]
    assert links == ["/budget-lines?ministry=mhlw&lang=en"]
    assert opened(client, links[0]).text.count("7 rows") == 1


def test_fields_of_an_item_may_be_chosen(client: Client) -> None:
    page = opened(client, f"/budget-lines/{LINE}?fields=amount&lang=en")
    assert "about ¥0.4 billion" in page.text
    assert LINE in page.text
    parts = client.get(f"/budget-lines/{LINE}?fields=name,evidence.quote,notes.en&lang=en")
    assert parts.status_code == 200
    assert '<figure class="evidence">' not in parts.text


@pytest.mark.parametrize(
    ("oku", "approximate", "ja", "en"),
    [
        ("3161", True, "3,161億円程度", "about ¥316.1 billion"), ("4", False, "4億円", "¥0.4 billion"),
        ("41.4", False, "41.4億円", "¥4.14 billion"), ("-0.01872", False, "−0.01872億円", "−¥0.001872 billion"),
        ("119.92545", False, "119.92545億円", "¥11.992545 billion"), ("0", False, "0億円", "¥0 billion"),
        ("16880", True, "16,880億円程度", "about ¥1,688 billion"),
    ],
)  # fmt: skip
def test_money_is_exact_in_both_languages(oku: str, approximate: bool, ja: str, en: str) -> None:
    amount = {"oku_yen": oku, "approximate": approximate}
    assert (money(amount, "ja"), money(amount, "en")) == (ja, en)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (b"", "en"), (b"ja", "ja"), (b"ja-JP,en;q=0.9", "ja"), (b"en,ja", "en"), (b"ja,en", "ja"), (b"fr", "en"),
        (b"fr,ja;q=0.2,en;q=0.1", "ja"), (b"*", "en"), (b"en;q=0,*", "ja"), (b"en;q=x, ja;q=0.5", "ja"),
        (b"en;q=x, *", "ja"),
    ],
)  # fmt: skip
def test_the_language_is_what_the_browser_prefers(header: bytes, language: str) -> None:
    assert preferred_language(header) == language


def test_the_language_of_the_address_comes_first(client: Client) -> None:
    japanese = {"Accept-Language": "ja"}
    negotiated = client.get("/measures", headers=japanese)
    assert negotiated.headers["Content-Language"] == "ja"
    assert "Accept-Language" in negotiated.headers["Vary"]
    chosen = client.get("/measures?lang=en", headers=japanese)
    assert chosen.headers["Content-Language"] == "en"
    assert "Accept-Language" not in chosen.headers["Vary"]
    assert '<a href="/measures?lang=ja" lang="ja" hreflang="ja">' in chosen.text
    assert '<a href="/measures?lang=en" lang="en" hreflang="en" aria-current="true">' in chosen.text


def test_the_cache_keeps_the_languages_apart(first: Settings) -> None:
    with serving(first.model_copy(update={"cache_bytes": 2**22})) as client:
        for _ in range(3):
            for language in ("ja", "en"):
                page = client.get("/measures", headers={"Accept-Language": language})
                assert page.headers["Content-Language"] == language
                assert f'<html lang="{language}">' in page.text
        tag = client.get("/measures", headers={"Accept-Language": "ja"}).headers["ETag"]
        same = client.get("/measures", headers={"Accept-Language": "ja", "If-None-Match": tag})
        assert (same.status_code, same.headers["Content-Language"]) == (304, "ja")
        assert client.get("/measures", headers={"Accept-Language": "en", "If-None-Match": tag}).status_code == 200


def test_our_translations_are_marked(client: Client) -> None:
    page = client.get("/measures/biosimilar-uptake?lang=en").text
    assert (
        'Promoting the use of biosimilars<sup class="ours">*</sup><span class="other" lang="ja">バイオシミラー' in page
    )
    assert "Our own translation" in page
    japanese = client.get("/measures/biosimilar-uptake?lang=ja").text
    assert (
        '<span class="other" lang="en">Promoting the use of biosimilars <small lang="ja">(当サイトの仮訳)' in japanese
    )


def test_every_field_and_parameter_has_a_japanese_label() -> None:
    paths = {path for resource in RESOURCES for path in field_paths(resource.record)}
    names = {name for path in paths for name in path.split(".")}
    names |= {filter_.name for resource in RESOURCES for filter_ in resource.filters.values()}
    names |= {resource.name for resource in RESOURCES} | set(groups())
    latin = {"id", "url", "sha256"}
    assert not sorted(name for name in names - latin if label(name, "ja").isascii())
    assert all(resource.meaning_ja for resource in RESOURCES)
    assert label("fish_and_chips", "ja") == label("fish_and_chips", "en") == "Fish and chips"
    assert label("ministry_not", "ja") == "府省庁以外"
    assert label("ministry_all", "en") == "Ministry: all of"
    assert value_label("fish", "kind", "ja") == "Fish"


def test_chips_name_values_and_parameters_as_the_form_does(whole: Client) -> None:
    for name, shown in (("field", "Field"), ("field_not", "Field: not")):
        page = whole.get(f"/changes?lang=en&{name}=same_as").text
        assert f'<span class="away">Remove </span>{shown}: The same as <' in page
    page = whole.get("/budget-lines?lang=ja&basis_not=national_expenditure").text
    assert "<legend>金額の種類</legend>" in page
    assert '<span class="away">外す: </span>金額の種類以外: 国費 <' in page
    assert not [each for each in (*Basis, *Reason, "none") if value_label(each, "", "ja").isascii()]


@pytest.mark.parametrize("query", ["utm_source=a&utm_medium=b", "fbclid=x", "q=&amount_min=&ministry=", "gclid", "&&"])
def test_empty_fields_of_a_form_and_parameters_of_others_are_ignored(client: Client, query: str) -> None:
    assert client.get(f"/budget-lines?{query}").text == client.get("/budget-lines").text


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_mistake_is_a_page_with_the_hints_of_the_api(client: Client, lang: str) -> None:
    query = f"ministry=mext,mhwl&pillr=3&amount_min=10億&q=a&lang={lang}"
    page = opened(client, f"/budget-lines?{query}", 422)
    problem = answer(client, "/v1/budget-lines?ministry=mext,mhwl&pillr=3&amount_min=10億&q=a", 422)
    for error in problem["errors"]:
        assert error["message"].replace("`", "") in page.text
    assert ("この値はない。" in page.text) is (lang == "ja")
    links = {each["href"] for each in page.all("a") if each.get("href", "").startswith("/budget-lines?")}
    assert f"/budget-lines?ministry=mext%2Cmhlw&pillr=3&amount_min=10%E5%84%84&q=a&lang={lang}" in links
    assert f"/budget-lines?ministry=mext%2Cmhwl&pillar=3&amount_min=10%E5%84%84&q=a&lang={lang}" in links
    assert f"/budget-lines?ministry=mext%2Cmhwl&pillr=3&amount_min=1000000000&q=a&lang={lang}" in links
    assert client.get(f"/budget-lines?{query}").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "corrected"),
    [("ministry=厚、mhwl，文", "ministry=厚、mhlw，文"), ("amount_min=1,000,000", "amount_min=1000000")],
)
def test_a_mistake_in_a_list_leaves_the_other_values(client: Client, query: str, corrected: str) -> None:
    page = opened(client, f"/budget-lines?{query}&lang=en", 422)
    assert [each["href"] for each in page.all("a", **{"class": "meant"})] == [
        f"/budget-lines?{quote(corrected, safe='=')}&lang=en"
    ]


def test_a_language_that_is_not_here_is_a_mistake(client: Client) -> None:
    assert "fr is not a value of lang" in opened(client, "/measures?lang=fr", 422).text
    assert opened(client, "/measures?ministry=mhwl&lang=ja", 422).all("html", lang="ja")


def test_nothing_found_is_a_page_for_a_browser_alone(client: Client) -> None:
    assert "There is no measure of this id" in opened(client, "/measures/biosimilar", 404).text
    assert "There is nothing at this path" in opened(client, "/nowhere", 404, **HTML).text
    for path in ("/nowhere", "/v1/nowhere", "/v1/measures/x", "/v1/measures?x=1"):
        headers = HTML if path.startswith("/v1") else {}
        assert client.get(path, headers=headers).headers["Content-Type"].startswith("application/problem+json")
    assert client.get("/static/none.css").status_code == 404
    assert client.get("/docs/none").status_code == 404
    assert client.get("/sitemap/measures/9.xml").status_code == 404


@pytest.mark.parametrize(
    ("error", "status"), [(unavailable("Too many questions.", 2), 503), (RuntimeError("secret"), 500)]
)
def test_an_answer_that_fails_is_a_page_with_a_way_to_try_again(
    first: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: Any) -> None:
        raise error

    with serving(first) as client:
        monkeypatch.setattr(SqliteDatabase, "query", fail)
        page = opened(client, "/measures?lang=en", status)
        assert "Try again" in page.text
        assert "secret" not in page.text
        assert "もう一度試す。" in opened(client, "/measures?lang=ja", status).text
        assert client.get("/v1/measures").headers["Content-Type"].startswith("application/problem+json")


def test_search_has_a_page(client: Client) -> None:
    found = answer(client, "/v1/search?q=バイオ&type=measures")["data"]
    page = opened(client, "/search?q=バイオ&type=measures&lang=en")
    for each in found:
        assert each["matched"]["excerpt"] in page.text
        assert f"/measures/{each['id']}?lang=en" in {link.get("href") for link in page.all("a")}
    assert not opened(client, "/search?lang=en").all("ol")


def test_found_lines_of_one_name_differ_by_year_and_amount(whole: Client) -> None:
    found = answer(whole, "/v1/search?q=ワクチン&type=budget-lines")["data"]
    page = whole.get("/search?q=ワクチン&type=budget-lines&lang=en").text
    shown = re.findall(r"<li>(.*?)</li>", page[page.index('<ol class="found">') :], re.DOTALL)
    for each, entry in zip(found, shown, strict=False):
        record = answer(whole, f"/v1/budget-lines/{each['id']}")
        assert f"FY{record['fiscal_year']['year']}" in entry
        assert record["amount"]["jpy"] is None or f'value="{record["amount"]["jpy"]}"' in entry
    assert found


def test_the_home_page_counts_every_list(client: Client) -> None:
    page = opened(client, "/?lang=ja")
    for each in answer(client, "/v1")["resources"]:
        assert f"{each['total']:,}" in page.text.split()
        assert f"/{each['name']}?lang=ja" in {link.get("href") for link in page.all("a")}
    assert BY_NAME["measures"].meaning_ja in page.text


def test_every_operation_is_in_the_reference(client: Client) -> None:
    described = answer(client, "/openapi.json")["paths"]
    index = opened(client, "/docs?lang=en")
    assert all(path in index.text for path in described)
    pages = {name: client.get(f"/docs/{name}?lang=en").text for name in groups()}
    whole = "".join(pages.values())
    for path, methods in described.items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in whole
            assert f"GET {path}<" in whole
    lines = pages["budget-lines"]
    assert "<code>mhlw</code> Ministry of Health, Labour and Welfare" in lines
    assert 'href="/v1/budget-lines?modality=biosimilar"' in lines
    assert 'href="/budget-lines?lang=en"' in lines
    schemas = client.get("/docs/schemas").text
    assert all(f'id="{name}"' in schemas for name in answer(client, "/openapi.json")["components"]["schemas"])


@pytest.mark.parametrize("name", some(list(groups()), 9))
def test_whatever_the_reference_opens_answers(whole: Client, name: str) -> None:
    page = opened(whole, f"/docs/{name}")
    links = {each["href"] for each in page.all("a") if each.get("href", "").startswith(("/v1", "/openapi", f"/{name}"))}
    assert links
    for link in links:
        assert whole.head(link).status_code == 200, link


def test_pages_load_nothing_from_another_host_and_run_no_inline_script(client: Client) -> None:
    for path in (
        "/",
        "/measures",
        f"/budget-lines/{LINE}",
        "/docs",
        "/docs/measures",
        "/terms",
        "/stability",
        "/search",
    ):
        response = client.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        page = Parsed(response.text)
        assert not [each for _, each in page.elements if "style" in each or any(name.startswith("on") for name in each)]
        assert [each["src"].partition("?")[0] for each in page.all("script") if "src" in each] == ["/static/script.js"]
        loaded = [each["href"] for each in page.all("link", rel="stylesheet") + page.all("link", rel="icon")]
        assert len(loaded) in (2, 3)  # charts have a style sheet of their own
        assert all(client.get(each).status_code == 200 for each in loaded)
        inline = [each for each in page.all("script") if "src" not in each]
        assert all(each["type"] == "application/ld+json" for each in inline)
    assert answer(client, "/v1")["dataset"]["digest"] in client.get("/terms").text


def test_every_page_says_what_it_is(client: Client) -> None:
    for path in ("/?lang=en", "/measures?lang=en", f"/budget-lines/{LINE}?lang=en", "/docs?lang=en"):
        page = opened(client, path)
        properties = {each["property"]: each["content"] for each in page.all("meta") if "property" in each}
        assert {"og:title", "og:description", "og:url", "og:type", "og:locale", "og:site_name"} == properties.keys()
        assert page.all("meta", name="description")[0]["content"]
        assert page.all("link", rel="canonical") == [{"rel": "canonical", "href": path}]
        assert {each["hreflang"] for each in page.all("link", rel="alternate") if "hreflang" in each} == {"ja", "en"}
    described = re.search(r'ld\+json">(.*?)</script>', client.get(f"/budget-lines/{LINE}?lang=en").text)
    assert described
    assert orjson.loads(described[1])["breadcrumb"]["itemListElement"][0]["item"] == "/budget-lines?lang=en"
    assert not opened(client, "/measures").all("meta", name="robots")
    assert opened(client, "/measures?kind=programme").all("meta", name="robots")


def test_crawlers_find_every_record(first: Settings) -> None:
    with serving(first.model_copy(update={"origin": "https://policy.example", "prefix": "/shisaku"})) as client:
        assert "Sitemap: https://policy.example/shisaku/sitemap.xml" in client.get("/robots.txt").text
        tag = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
        found = []
        for sitemap in ElementTree.fromstring(client.get("/sitemap.xml").text).iter(tag):  # noqa: S314 - our own
            path = str(sitemap.text).removeprefix("https://policy.example")
            found += [str(each.text) for each in ElementTree.fromstring(client.get(path).text).iter(tag)]  # noqa: S314
        assert len(found) == len(set(found))
        for resource in RESOURCES:
            for row in answer(client, f"/v1/{resource.name}?limit=500&fields=id")["data"]:
                assert f"https://policy.example/shisaku/{resource.name}/{row['id']}" in found
        assert "https://policy.example/shisaku/docs/budget-lines" in found
        page = Parsed(client.get("/measures").text)
        assert page.all("link", rel="canonical")[0]["href"] == "https://policy.example/shisaku/measures"
        assert "curl 'https://policy.example/shisaku/v1/measures'" in page.text
        assert all(
            each["href"].startswith(("/shisaku/", "#", "https://")) for each in page.all("a") if each.get("href")
        )


def test_llms_txt_leads_to_what_answers(client: Client) -> None:
    text = client.get("/llms.txt").text
    links = re.findall(r"\]\((/[^)]*)\)", text)
    assert {f"/v1/{resource.name}" for resource in RESOURCES} <= set(links)
    for link in links:
        assert client.get(urljoin("http://x", link).removeprefix("http://x")).status_code == 200, link


def test_shapes_and_reasons() -> None:
    amount = dict.fromkeys(("jpy", "oku_yen", "approximate", "uncertain", "basis_reason"))
    objects: list[dict[str, Any]] = [amount, {"jpy": 1}, {"ja": "a"}, {"ja": "a", "en": "b"}, {"x": 1}]
    assert [shape(each) for each in objects] == ["amount", "object", "object", "words", "object"]
    notes = [reason_note(Reason.NOT_STATED, ["pillar", "amount.jpy"]), {"code": "x", "ja": "", "en": ": name"}]
    assert reason_of({"notes": notes}, "amount") == "not_stated"
    assert reason_of({"notes": notes}, "name") == ""


def test_notes_on_why_fields_are_empty_stand_at_the_fields_alone(whole: Client) -> None:
    rows = answer(whole, "/v1/budget-lines")["data"]
    assert {note["code"] in REASON_CODES for row in rows for note in row["notes"]} == {True, False}
    for row in rows:
        text = opened(whole, f"/budget-lines/{row['id']}?lang=en").text
        for note in row["notes"]:
            assert (note["en"].replace("`", "") in text) == (note["code"] not in REASON_CODES)


def test_rows_without_a_value_can_be_asked_for(client: Client) -> None:
    page = opened(client, "/budget-lines?modality=none&limit=2&lang=ja")
    assert "モダリティ: なし" in page.text
    assert [each["value"] for each in page.all("input", name="modality", checked="")] == ["none"]
    (following,) = opened(client, "/measures?limit=2").all("a", rel="next")
    assert following["href"].startswith("/measures?limit=2&cursor=")
    assert "lang=" not in following["href"]


def test_evidence_names_its_document_where_there_are_several(clients: Client) -> None:
    records = [row for row in answer(clients, "/v1/measures?limit=500")["data"] if len(row["documents"]) > 1]
    page = opened(clients, f"/measures/{records[0]['id']}?lang=en")
    names = {row["id"]: row["name"]["en"] for row in answer(clients, "/v1/documents")["data"]}
    for evidence in records[0]["evidence"]:
        if evidence["lines"]:
            assert f"{names[evidence['document']]}* line {evidence['lines']['from']}" in page.text


def test_templates_show_amounts_and_records(dataset: Dataset) -> None:
    view = View("/", "", "", "en", True, Query({}), SimpleNamespace(dataset=dataset, index={}))  # type: ignore[arg-type]
    values = Values(view)
    unstated = {**dict.fromkeys(("jpy", "oku_yen", "text", "basis")), "basis_reason": "ambiguous"}
    unstated |= {"approximate": False, "uncertain": False}
    assert values.amount(unstated) == '<span class="nothing">Several kinds, not added</span>'
    stated = {**unstated, "jpy": 41, "oku_yen": "0.00000041", "text": "41円"}
    assert "As printed</dt><dd>41円" in values.amount(stated, full=True)
    line = {"id": "x", "amount": stated, "role": "own"}
    assert values.ref(line, "budget-lines").startswith('<a href="/budget-lines/x?lang=en"><data')
    assert "<dt>Role</dt><dd>this measure</dd>" in values.value(line, to="budget-lines")
    assert values.value({"scheme": "ror", "id": "<b>"}) == (
        '&lt;b&gt;<dl class="properties"><div><dt>Scheme</dt><dd>ROR</dd></div></dl>'
    )
