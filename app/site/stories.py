"""Pages that answer what people ask: the package at a glance, the crosswalk, the reconciliation of a package, and the
guide. Every number is one of the API's answers, made when the page is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from app.api import budget_summary, crosswalk, dcat
from app.api.dataset import describe
from app.api.figures import figures_answer
from app.api.parameters import Parameters, RecordId
from app.api.reconciliation import reconcile
from app.errors import Problem
from app.query.matching import Matcher
from app.query.page import list_page
from app.query.parser import Query, parse
from app.query.records import RECORDS, read_record
from app.resources import RESOURCES
from app.resources.packages import PACKAGES
from app.resources.pillars import PILLARS
from app.site import charts
from app.site.charts import Bar, Chart, Segment
from app.site.drawing import DIFFERENCE
from app.site.fields import BY_NAME
from app.site.labels import meaning
from app.site.pages import LISTS, SUB_PAGES, request_of
from app.site.render import page
from app.site.values import line_address
from app.site.view import PlainPage, View, page_of

MOST = 500
LARGEST = 3  # lines of the question for the largest
Object = Mapping[str, Any]

router = APIRouter(include_in_schema=False)


def _listed(view: View, resource: str, matcher: Matcher, **values: str) -> list[Any]:
    """The first rows of a list."""
    query = Query(LISTS[resource], {"limit": (str(MOST),), **{name: (value,) for name, value in values.items()}})
    body, _ = list_page(BY_NAME[resource], query, view.snapshot, f"{view.prefix}/v1/{resource}", matcher)
    rows: list[Any] = orjson.loads(body)["data"]
    return rows


def words_of(view: View, record: Object, amount: Object) -> str:
    """The address of the line that holds an amount as printed; empty if no quote has it."""
    for each in record["evidence"]:
        if each["lines"] and each["quote"] and amount["text"] and amount["text"] in each["quote"]:
            before = each["quote"].partition(amount["text"])[0].count("\n")
            return line_address(view, each["document"], each["lines"]["from"] + before)
    return ""


@dataclass(frozen=True)
class Story:
    """A package at a glance: its chart, narrow and wide, and what its sentences say. `joint` and `largest` are lines,
    each with the address of its words."""

    package: Any
    pictures: tuple[str, str]
    stated: Any
    stated_at: str
    joint: Sequence[tuple[Any, str]]
    largest: Sequence[tuple[Any, str]]


def _story(view: View, matcher: Matcher) -> Story | None:
    """The first package that states a total; None where none does."""
    keys = list(matcher.index.rows(PACKAGES.name))[:MOST]
    packages = [orjson.loads(record) for _, record in sorted(matcher.session.query(RECORDS, keys=keys))] if keys else []
    package = next((each for each in packages if each["stated_totals"]), None)
    if package is None:
        return None
    lines = _listed(view, "budget-lines", matcher, package=package["id"], sort="amount", order="desc")
    stated = orjson.loads(reconcile(package["id"], view.snapshot, matcher))["data"][0]
    return Story(
        package,
        _package_chart(view, package, stated, matcher).inline(view),
        stated,
        words_of(view, package, stated["stated"]["amount"]),
        [(each, words_of(view, each, each["amount"])) for each in lines if each["joint"]],
        [(each, words_of(view, each, each["amount"])) for each in lines[:1] if each["amount"]["jpy"]],
    )


def _package_chart(view: View, package: Object, stated: Object, matcher: Matcher) -> Chart:
    """The stated total of a package, and each of its pillars on the same scale."""
    query = Query(charts.SUM_PARAMETERS, {"package": (package["id"],)})
    pillars = {each["id"] for each in _listed(view, PILLARS.name, matcher, package=package["id"])}
    sums = charts.sums_chart(view, query, "pillar", matcher, pillars)
    total, itemised, difference = stated["stated"]["amount"], stated["itemised"], stated["difference"]
    parts = []
    if itemised["jpy"]:
        label = view.tr("予算行の合計", "sum of its lines")
        parts.append(Segment(label, itemised["jpy"], charts.told(view, itemised), "solid"))
    if difference["jpy"] and difference["jpy"] > 0:
        label = view.tr("総額にあって内訳の記載がない分", "stated, but not itemised")
        parts.append(Segment(label, difference["jpy"], charts.told(view, difference), DIFFERENCE))
    kind = view.value_label(stated["stated"]["kind"])
    label = view.tr(f"文書が示す総額({kind})", f"Total that the document states ({kind.lower()})")
    bars = [Bar(label, charts.told(view, total), parts), *sums.bars]
    lead = [view.tr(f"予算行: {sums.lead[0]}", f"The lines: {sums.lead[0]}")]
    return Chart("package", package["name"][view.language], lead, bars, sums.others)


@router.get("/")
async def home(view: PlainPage) -> Response:
    dataset = view.snapshot.dataset

    def answers(matcher: Matcher) -> tuple[Any, Story | None]:
        return orjson.loads(describe(view.snapshot, view.prefix, matcher)), _story(view, matcher)

    answer, story = await view.snapshot.run(answers)
    return page(
        view,
        "home.html",
        title=view.tr("施策と予算", "Measures and budgets"),
        description=dataset.about.description.model_dump()[view.language],
        meanings={each.name: meaning(each.name, view.language) for each in RESOURCES},
        described=dcat.schema_org(dataset, view.prefix),
        answer=answer,
        story=story,
        **request_of(view, path=f"/packages/{story.package['id']}/reconciliation" if story else ""),
    )


@router.get("/crosswalk")
async def crosswalk_page(view: Annotated[View, page_of(crosswalk.PARAMETERS)]) -> Response:
    body = await view.snapshot.run(lambda matcher: crosswalk.walk(view.query, view.snapshot, matcher))
    answer = orjson.loads(body)
    pictures = [
        charts.flow_chart(view, answer, width, f"crosswalk-{name}").svg()
        for width, name in ((charts.NARROW - 32, "narrow"), (charts.WIDE, "wide"))
    ]
    return page(
        view,
        "crosswalk.html",
        title=view.tr("戦略と予算の対応", "From strategy to money"),
        pictures=pictures,
        **answer,
        **request_of(view, export="/exports/crosswalk", extensions=("csv",), more=[_picture(view, "crosswalk")]),
    )


def _picture(view: View, name: str) -> tuple[str, str]:
    """The chart of a page as a file."""
    query = "&".join(filter(None, (view.query.encode(), f"lang={view.language}")))
    return "SVG", f"{view.prefix}/v1/charts/{name}.svg?{query}"


@router.get("/packages/{id}/reconciliation")
async def reconciliation_page(id_: RecordId, view: Annotated[View, page_of({})]) -> Response:
    def answers(matcher: Matcher) -> tuple[Any, Any]:
        package = orjson.loads(read_record(PACKAGES, id_, matcher.session))
        return package, orjson.loads(reconcile(id_, view.snapshot, matcher))

    package, answer = await view.snapshot.run(answers)
    title = view.tr(*SUB_PAGES[PACKAGES.name][1:])
    link = view.url("/budget-lines", f"package={id_}")
    return page(
        view,
        "reconciliation.html",
        title=f"{title}: {package['name'][view.language]}",
        heading=title,
        package=package,
        rows=[(each, words_of(view, package, each["stated"]["amount"])) for each in answer["data"]],
        lines=link,
        pictures=charts.difference_chart(view, answer["data"], link, title).inline(view) if answer["data"] else (),
        **request_of(view),
    )


@dataclass(frozen=True)
class Question:
    """A question that people bring, the request that answers it, and the page of it. `shows` is how the template
    writes the answer."""

    ja: str
    en: str
    request: str
    page: str
    shows: str


DECK, PACKAGE = "cao-20260203-bio", "fy2025-supplementary-drug-discovery"
QUESTIONS = (
    Question(
        "バイオ後続品(バイオシミラー)には、どの府省庁がいくら支出するか。",
        "Who pays for biosimilars, and how much?",
        "/v1/budget-lines?modality=biosimilar",
        "/budget-lines?modality=biosimilar",
        "lines",
    ),
    Question(
        "健康・医療戦略の4.3には、どの予算が対応するか。",
        "Which money serves section 4.3 of the strategy?",
        "/v1/crosswalk?section=4.3",
        "/crosswalk?section=4.3",
        "crosswalk",
    ),
    Question(
        "どの節に、予算の対応付けがないか。",
        "Which sections have no money linked to them?",
        "/v1/crosswalk",
        "/crosswalk",
        "without",
    ),
    Question(
        "パッケージの総額のうち、内訳の記載がないのはいくらか。",
        "Which part of the package’s total is not itemised?",
        f"/v1/packages/{PACKAGE}/reconciliation",
        f"/packages/{PACKAGE}/reconciliation",
        "reconciliation",
    ),
    Question(
        "難病・希少疾病の事業は、内閣府の資料と予算書とでどう違うか。",
        "How do the deck and the budget book differ for the rare-disease programme?",
        "/v1/measures/rare-disease-global-rd/figures",
        "/measures/rare-disease-global-rd",
        "figures",
    ),
    Question(
        "文部科学省は、単独と共同とでいくら支出するか。",
        "What does MEXT pay alone, and what jointly?",
        f"/v1/budget-summary?group_by=package&ministry=mext&document={DECK}",
        f"/budget-lines?ministry=mext&document={DECK}",
        "groups",
    ),
    Question(
        "どの柱にいくら充てられるか。",
        "How much goes to each pillar?",
        f"/v1/budget-summary?group_by=pillar&package={PACKAGE}",
        f"/budget-lines?package={PACKAGE}",
        "pillars",
    ),
    Question(
        "最も大きい予算は何か。",
        "Which are the largest lines of the package?",
        f"/v1/budget-lines?package={PACKAGE}&sort=amount&order=desc&limit={LARGEST}",
        f"/budget-lines?package={PACKAGE}&sort=amount&order=desc",
        "lines",
    ),
    Question(
        "複数の府省庁が共同で支出するものはどれか。",
        "What do several ministries pay together?",
        f"/v1/budget-lines?package={PACKAGE}&joint=true",
        f"/budget-lines?package={PACKAGE}&joint=true",
        "lines",
    ),
    Question(
        "予算行のない運用や体制の取組は何か。",
        "Which operations and institutions have no budget line?",
        f"/v1/measures?document={DECK}&kind=operation,institution",
        f"/measures?document={DECK}&kind=operation,institution",
        "measures",
    ),
)


def ask(view: View, request: str, matcher: Matcher) -> Any:
    """The API's answer to a request of QUESTIONS. Raises a Problem as the API does."""
    path, _, sent = request.partition("?")
    vocabularies = view.snapshot.dataset.vocabularies

    def query(parameters: Parameters) -> Query:
        return parse(parameters, quote(sent, safe="=&,").encode(), vocabularies)

    match path.split("/")[2:]:
        case ["crosswalk"]:
            body = crosswalk.walk(query(crosswalk.PARAMETERS), view.snapshot, matcher)
        case ["budget-summary"]:
            body = budget_summary.summarize(query(budget_summary.PARAMETERS), view.snapshot, matcher)
        case ["packages", id_, "reconciliation"]:
            body = reconcile(id_, view.snapshot, matcher)
        case ["measures", id_, "figures"]:
            body = figures_answer(id_, view.snapshot, matcher)
        case _:
            name = path.rpartition("/")[2]
            body, _ = list_page(BY_NAME[name], query(LISTS[name]), view.snapshot, f"{view.prefix}{path}", matcher)
    return orjson.loads(body)


@router.get("/guide")
async def guide(view: Annotated[View, page_of({})]) -> Response:
    def answers(matcher: Matcher) -> list[tuple[Question, Any]]:
        found = []
        for each in QUESTIONS:
            try:
                found.append((each, ask(view, each.request, matcher)))
            except Problem as problem:
                if problem.status not in (404, 422):  # without the document that a question is about, it is not asked
                    raise
        return found

    questions = await view.snapshot.run(answers)
    return page(
        view,
        "guide.html",
        title=view.tr("質問から始める", "Guide: questions and answers"),
        questions=questions,
        words_of=partial(words_of, view),
    )
