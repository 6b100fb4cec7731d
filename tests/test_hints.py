"""What an error says to do: the name, value or path that was meant, or nothing where none is near."""

import re
from collections.abc import Iterator

import pytest

from app.query.hints import MAX_REQUESTS
from app.resources import RESOURCES
from app.settings import Settings
from app.similarity import closest
from tests.conftest import Client, answer, serving


@pytest.fixture(scope="module")
def prefixed(first: Settings) -> Iterator[Client]:
    with serving(first.model_copy(update={"prefix": "/policy"})) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "meant", "advice"),
    [
        ("skip=20", "offset", ""),
        ("per_page=20", "limit", ""),
        ("$top=20", "limit", ""),
        ("pageSize=20", "limit", ""),
        ("search=薬", "q", ""),
        ("検索=薬", "q", ""),
        ("year=2025", "fiscal_year", ""),
        ("fiscalYear=2025", "fiscal_year", ""),
        ("budgetKind=initial", "budget_kind", ""),
        ("offset_ne=1", "offset", ""),
        ("orderBy=amount", "sort", ""),
        ("select=id", "fields", ""),
        ("department=mhlw", "ministry", ""),
        ("min-amount=1", "amount_min", ""),
        ("minsitry=mhlw", "ministry", ""),
        ("MINISTRY=mhlw", "ministry", ""),
        ("Q=x", "q", ""),
        ("amount[gte]=1", "amount_min", ""),
        ("ministry[]=mhlw", "ministry", ""),
        ("exclude_ministry=mhlw", "ministry_not", ""),
        ("ministry__ne=mhlw", "ministry_not", ""),
        ("省庁=厚", "ministry", ""),
        ("exclude_department=mhlw", "ministry_not", ""),
        ("省庁以外=厚", "ministry_not", ""),
        ("年度=2025", "fiscal_year", ""),
        ("段階=当初予算", "phase", ""),
        ("金額=1", "amount_min", ""),
        ("上限=1", "amount_max", ""),
        ("並び替え=amount", "sort", ""),
        ("並べ替え=amount", "sort", ""),
        ("件数=1", "limit", ""),
        ("共同=true", "joint", ""),
        ("パッケージ=x", "package", ""),
        ("文書=x", "document", ""),
        ("modalities=vaccine", "modality", ""),
        ("予算=1", None, "There is no parameter `予算` here. `allowed`"),
        ("notes=1", None, "There is no parameter `notes` here. `allowed`"),
        ("page=2", None, "`limit` and `offset`"),
        ("format=csv", None, "`/v1/exports`"),
        ("lang=ja", None, "both languages"),
        ("api_key=x", None, "No key is needed"),
        ("include=measure", None, "by id and name"),
        ("zzz=1", None, "There is no parameter `zzz` here. `allowed`"),
    ],
)
def test_a_parameter_of_other_services_leads_to_ours(
    query: str, meant: str | None, advice: str, client: Client
) -> None:
    (error,) = answer(client, f"/v1/budget-lines?{query}", 422)["errors"]
    assert error["did_you_mean"] == meant
    assert (f"Did you mean `{meant}`?" if meant else advice) in error["message"]


@pytest.mark.parametrize(
    ("question", "meant"),
    [
        ("changes?種別=施策", "type"),
        ("measures?組織=AMED", "organization"),
        ("measures?戦略=hp3", "strategy"),
        ("budget-summary?group_by=省庁", "ministry"),
        ("budget-summary?group_by=年度", "fiscal_year"),
        ("budget-summary?group_by=year", "fiscal_year"),
        ("budget-summary?group_by=ministries", "ministry"),
        ("budget-summary?group_by=modalities", "modality"),
        ("budget-summary?group_by=予算", None),
        ("measures?facet=省庁", "ministry"),
        ("measures?facet=departments", "ministry"),
        ("measures?sort=-金額", "amount"),
        ("measures?sort=price", "amount"),
        ("measures?fields=ministry", "ministries"),
        ("changes?type=ministries", "organizations"),
        ("changes?type=予算額の行", None),
        ("search?q=x&type=policies", "measures"),
    ],
)
def test_a_name_leads_to_ours_whether_it_is_a_parameter_or_a_value(
    question: str, meant: str | None, client: Client
) -> None:
    (error,) = answer(client, f"/v1/{question}", 422)["errors"]
    assert error["did_you_mean"] == meant


@pytest.mark.parametrize(
    ("in_japanese", "plain"),
    [
        ("budget-summary?group_by=府省庁", "budget-summary?group_by=ministry"),
        ("budget-lines?sort=金額&order=降順", "budget-lines?sort=amount&order=desc"),
        ("measures?facet=府省庁&fields=名称&limit=1", "measures?facet=ministry&fields=name&limit=1"),
        ("changes?type=施策", "changes?type=measures"),
        ("budget-lines?ministry=【厚】", "budget-lines?ministry=mhlw"),
        ("budget-lines?ministry=【厚、文】", "budget-lines?ministry=mhlw,mext"),
        ("budget-lines?ministry=厚，文", "budget-lines?ministry=mhlw,mext"),
        ("budget-lines?fields=name、amount", "budget-lines?fields=name,amount"),
    ],
)
def test_names_may_be_sent_in_japanese(in_japanese: str, plain: str, client: Client) -> None:
    assert answer(client, f"/v1/{in_japanese}") == answer(client, f"/v1/{plain}")


@pytest.mark.parametrize(
    ("parameter", "meant"),
    [("start", "from"), ("begin", "from"), ("since", "from"), ("end", "to"), ("until", "to"), ("skip", "offset")],
)
def test_the_ends_of_a_range_of_lines_are_not_places_in_a_list(parameter: str, meant: str, client: Client) -> None:
    (error,) = answer(client, f"/v1/documents/x/lines?{parameter}=12", 422)["errors"]
    assert error["did_you_mean"] == meant


def test_a_hint_names_only_what_is_there(client: Client) -> None:
    (page, *_) = answer(client, "/v1/crosswalk?page=2", 422)["errors"]
    assert "Pages" not in page["message"]
    (search,) = answer(client, "/v1/measures/biosimilar-uptake?search=x", 422)["errors"]
    assert "/v1/search?q=" in search["message"]


@pytest.mark.parametrize(
    ("query", "meant", "sentence"),
    [
        ("sort=-amount", "amount", "`sort=amount&order=desc`"),
        ("sort=amount:desc", "amount", "`sort=amount&order=desc`"),
        ("sort=amount asc", "amount", "`sort=amount&order=asc`"),
        ("sort=%2Bamount", "amount", "`sort=amount&order=asc`"),
        ("sort=-colour", None, "`-colour` is not a value of `sort`. `allowed`"),
        ("order=descending", "desc", "`desc`"),
        ("budget_kind=補正", "supplementary", "`supplementary`"),
        ("ministry_not=", None, "is empty"),
        ("joint=1", "true", "`true`"),
        ("ministry=null", "none", "`none`"),
        ("pillar=なし", "none", "`none`"),
        ("modality=EMPTY", "none", "`none`"),
        ("basis=n/a", "none", "`none`"),
        ("phase=無し", "none", "`none`"),
        ("fiscal_year=R7", "2025", "`2025`"),
        ("fiscal_year=Reiwa 7", "2025", "`2025`"),
        ("fiscal_year=令和七年度", "2025", "`2025`"),
        ("fiscal_year=FY25", "2025", "`2025`"),
        ("fiscal_year=FY'25", "2025", "`2025`"),
        ("fiscal_year=25", "2025", "`2025`"),
        ("fiscal_year=2025年", "2025", "`2025`"),
        ("fiscal_year=R77", None, "`R77` is not a value of `fiscal_year`. `allowed`"),
        ("fiscal_year=H7", None, "`H7` is not a value of `fiscal_year`. `allowed`"),
        ("budget_kind=initial budget", "initial", "`initial`"),
        ("budget_kind=補正予算案", "supplementary", "`supplementary`"),
        ("phase=補正", "supplementary", "`supplementary`"),
        ("phase=第1次補正", "supplementary_1", "`supplementary_1`"),
        ("phase=予算", None, "`予算` is not a value of `phase`. `allowed`"),
        ("ministry=厚労省、mhwl", "mhlw", "`mhwl` is not a value"),
        ("fiscal_year=null", None, "`null` is not a value of `fiscal_year`. `allowed`"),
        ("sort=null", None, "`null` is not a value of `sort`. `allowed`"),
        ("ministry=cfa", None, "`cfa` is not a value of `ministry`. `allowed`"),
        ("amount_min=100億円", "10000000000", "`10000000000`"),
        ("amount_min=1e9", "1000000000", "`1000000000`"),
        ("amount_min=10億5,000万円程度", "1050000000", "`1050000000`"),
        ("amount_min=100億円以上", None, "a whole number of yen"),
        ("amount_min=1,000,000", "1000000", "`1000000`"),
        ("amount_min=¥1.5 billion", "1500000000", "`1500000000`"),
        ("amount_min=1,5", None, "a whole number of yen"),
        ("amount_min=0.5", None, "a whole number of yen"),
        ("amount_min=much", None, "a whole number of yen"),
        ("limit=1,000", None, "a whole number"),
        ("limit=△5", None, "a whole number"),
        ("amount_min=△1872", "-1872", "`-1872`"),
        ("amount_min=▲1,872", "-1872", "`-1872`"),
        ("amount_min=−1872", "-1872", "`-1872`"),
        ("amount_max=－1872", "-1872", "`-1872`"),
        ("amount_max=-1,872千円", "-1872000", "`-1872000`"),
        ("amount_max=¥△ 1.5億", "-150000000", "`-150000000`"),
        ("amount_max=△0", "0", "`0`"),
        ("amount_max=△▲1", None, "a whole number of yen"),
        ("amount_max=△", None, "a whole number of yen"),
        ("amount_max=1△", None, "a whole number of yen"),
        ("amount_max=1872-2000", None, "a whole number of yen"),
        ("amount_max=△0.5", None, "a whole number of yen"),
        ("amount_max=△1,000,001兆円", None, "a whole number of yen"),
    ],
)
def test_a_value_in_another_notation_leads_to_ours(
    query: str, meant: str | None, sentence: str, client: Client
) -> None:
    (error,) = answer(client, f"/v1/budget-lines?{query}", 422)["errors"]
    assert error["did_you_mean"] == meant
    assert sentence in error["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/budget-lines.csv", "/v1/exports/budget-lines.csv"),
        ("/v1/measures.xls", "/v1/exports/measures.xlsx"),
        ("/v1/measures.jsonl", "/v1/exports/measures.ndjson"),
        ("/v1/measures.parquet", "/v1/exports/measures.parquet"),
        ("/v1/measures.json", "/v1/measures"),
        ("/v1/exports/measures", "/v1/measures"),
        ("/v1/budget_lines", "/v1/budget-lines"),
        ("/v1/budget-line", "/v1/budget-lines"),
        ("/v1/BudgetLines", "/v1/budget-lines"),
        ("/v1/budget-lines/", "/v1/budget-lines"),
        ("/api/v1/measures", "/v1/measures"),
        ("/v2/measures", "/v1/measures"),
        ("/v1/ministries", "/v1/organizations"),
        ("/v1/ministries.csv", "/v1/exports/organizations.csv"),
        ("/v1/measures/x/budget-lines", "/v1/budget-lines"),
        ("/v1/packages/x/reconcilation", "/v1/packages/x/reconciliation"),
        ("/v1/measures/x.Y%20/figure", "/v1/measures/x.Y%20/figures"),
        ("/v1/measures/x/figure.csv", "/v1/measures/x/figures.csv"),
        ("/v1/documents/x/行", "/v1/documents/x/lines"),
        ("/v1/budget_lines/x/histry", "/v1/budget-lines/x/history"),
        ("/v1/ministries/x/citation.bibtex", "/v1/organizations/x/citation.bib"),
        ("/v1/施策/x/history", "/v1/measures/x/history"),
        ("/v1/measures/x/line", None),
        ("/v1/measures/x/", "/v1/measures/x"),
        ("/v2/measure/x", "/v1/measures/x"),
        ("/v2/measures/", "/v1/measures"),
        ("/v1/unicorns/x", None),
        ("/v1/予算", "/v1/budget-lines"),
        ("/v1/省庁.csv", "/v1/exports/organizations.csv"),
        ("/v1/summary.csv", "/v1/exports/budget-summary.csv"),
        ("/health", "/healthz"),
        ("/swagger", "/docs"),
        ("/wp-login.php", None),
        ("/v1/unicorns", None),
    ],
)
def test_a_path_that_is_not_here_leads_to_the_one_that_is(path: str, meant: str | None, client: Client) -> None:
    detail = answer(client, path, 404)["detail"]
    assert f"Did you mean `{meant}`?" in detail if meant else "Did you mean" not in detail


def asking(name: str) -> str:
    """The sentence that names the lists which take a filter, the first of them."""
    lists = [f"`/v1/{each.name}?{name}=`" for each in RESOURCES if name in each.filters]
    return f"Ask {' or '.join(lists[:MAX_REQUESTS])} for it."


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("budget-lines?organization=amed", "here. Ask `/v1/measures?organization=` for it. `allowed`"),
        ("budget-lines?組織=amed", "here. Ask `/v1/measures?organization=` for it. `allowed`"),
        ("budget-lines?strategy=hp3", asking("strategy")),
        ("budget-lines?measure=biosimilar-uptake", "Ask `/v1/measures/{id}` for it."),
        ("measures?amount_min=1", "Ask `/v1/budget-lines?amount_min=` for it."),
        ("measures/biosimilar-uptake?year=2025", "Ask `/v1/measures?fiscal_year=` or"),
        ("versions?document=x", asking("document")),
        ("changes?since=4.1.2", "`allowed` lists the versions."),
        ("measures?id=x", "There is no parameter `id` here. `allowed` lists the parameters."),
        ("budget-lines?ministry=AMED", "It is a value of `organization`. Ask `/v1/measures?organization=` for it."),
        ("measures?ministry=AMED", "`allowed` lists the values. It is a value of `organization`."),
        ("measures?modality_not=厚労省", "`allowed` lists the values. It is a value of `ministry`."),
        ("budget-lines?ministry=xyz", "`xyz` is not a value of `ministry`. `allowed` lists the values."),
        ("budget-lines?fiscal_year=none", "`none` is not a value of `fiscal_year`. `allowed` lists the values."),
        ("budget-lines?sort=mhlw", "`mhlw` is not a value of `sort`. `allowed` lists the values."),
    ],
)
def test_what_is_taken_elsewhere_is_told(query: str, sentence: str, client: Client) -> None:
    (error,) = answer(client, f"/v1/{query}", 422)["errors"]
    assert error["did_you_mean"] is None
    assert error["message"].endswith(sentence) or f"{sentence} " in error["message"]


def test_a_suggestion_is_made_for_the_first_errors_alone(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def suggested(name: str, *_: object) -> tuple[None, str]:
        asked.append(name)
        return None, ""

    monkeypatch.setattr("app.query.parser.parameter_hint", suggested)
    found = answer(client, "/v1/measures?" + "&".join(f"x{number}=1" for number in range(60)), 422)
    assert "60 errors in all" in found["detail"]
    assert [error["parameter"] for error in found["errors"]] == [f"x{number}" for number in range(50)]
    assert asked == [f"x{number}" for number in range(10)]


def test_a_page_tells_what_is_taken_elsewhere(client: Client) -> None:
    assert (
        "Ask <code>/v1/measures?organization=</code> for it." in client.get("/budget-lines?organization=x&lang=en").text
    )


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("sections/4.1.2", "hp3-4.1.2"),
        ("pillars/③", "fy2025-supplementary-drug-discovery-3"),
        ("organizations/MHLW", "mhlw"),
        ("organizations/厚労省", "mhlw"),
        ("organizations/【厚】", "mhlw"),
        ("organizations/mhwl", "mhlw"),
        ("organizations/厚労省/history", "mhlw"),
        ("organizations/none", None),
        ("measures/biosimilar-uptak", "biosimilar-uptake"),
        ("measures/none", None),
    ],
)
def test_a_record_is_found_by_a_name_as_filters_find_it(path: str, meant: str | None, client: Client) -> None:
    listed = f"`/v1/{path.partition('/')[0]}` lists them."
    told = f"of this id.{f' Did you mean `{meant}`?' if meant else ''} {listed}"
    assert answer(client, f"/v1/{path}", 404)["detail"].endswith(told)
    page = client.get(f"/{path}", params={"lang": "en"})
    assert page.status_code == 404
    assert (f"Did you mean <code>{meant}</code>?" in page.text) if meant else ("Did you mean" not in page.text)


def test_a_name_of_several_records_leads_to_each(clients: Client) -> None:
    (error,) = answer(clients, "/v1/measures", 422, pillar_all="①")["errors"]
    first, *others = error["allowed"]
    assert others
    assert f"Did you mean `{'` or `'.join([first, *others])}`?" in answer(clients, "/v1/pillars/①", 404)["detail"]


@pytest.mark.parametrize(
    ("value", "candidates", "meant"),
    [
        ("mhwl", ("mext", "mhlw"), "mhlw"),
        ("page", ("package", "pillar"), None),
        ("meti", ("mext",), None),
        ("hp3-4.2", ("hp3-4.1",), None),
        ("Budget Lines", ("budget-lines",), "budget-lines"),
        ("biosim", ("biosimilar", "biologic"), "biosimilar"),
        ("bio", ("biosimilar",), None),
        ("gene", ("gene-therapy", "generic"), None),
        ("strategies", ("strategy", "section"), "strategy"),
        ("supp", ("supplementary", "supplementary_1", "supplementary_2"), "supplementary"),
        ("省庁", ("府省庁", "段階"), "府省庁"),
        ("予算", ("予算の段階", "予算の区分"), None),
        ("年度", ("令和7年度",), None),
        ("厚生", ("厚生労働省", "日本厚生協会"), "厚生労働省"),
        ("庁", ("府省庁",), None),
        ("", ("a",), None),
    ],
)
def test_no_hint_is_better_than_a_far_one(value: str, candidates: tuple[str, ...], meant: str | None) -> None:
    assert closest(value, candidates) == meant


@pytest.mark.parametrize(
    "asked",
    [
        "/v1/measures?format=csv",
        "/v1/crosswalk?q=x",
        "/v1/pillars?modality=vaccine",
        "/v1/exports/measures.parquet?ministry=mhlw",
        "/pillars?modality=vaccine&lang=en",
    ],
)
def test_what_hints_lead_to_stands_under_the_prefix(asked: str, prefixed: Client) -> None:
    text = prefixed.get(f"/policy{asked}", headers={"Accept": "application/json"}).text
    named = re.findall(r"Ask (?:`|<code>)([^`<]*)|`([^`]*/v1/[^`]*)`", text)
    assert named
    for path in map("".join, named):
        assert path.startswith("/policy/v1/"), path
