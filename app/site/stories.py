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
from app.api.figures import figures_answer
from app.api.parameters import Parameters, RecordId
from app.api.reconciliation import reconcile
from app.errors import Problem
from app.query.dataset import Question
from app.query.matching import Matcher
from app.query.page import list_page
from app.query.parser import Query, parse
from app.query.records import RECORDS, read_record
from app.resources import RESOURCES
from app.resources.packages import PACKAGES
from app.resources.pillars import PILLARS
from app.site.charts.bars import NARROW, WIDE
from app.site.charts.flow import flow_chart
from app.site.charts.packages import difference_chart, package_chart
from app.site.fields import BY_NAME
from app.site.labels import meaning
from app.site.pages import LISTS, request_of
from app.site.render import page
from app.site.values import line_address
from app.site.view import PlainPage, View, page_of

MOST = 500
Object = Mapping[str, Any]

router = APIRouter(include_in_schema=False)


def _listed(view: View, resource: str, matcher: Matcher, **values: str) -> list[Any]:
    """The first rows of a list."""
    query = Query(LISTS[resource], {"limit": (str(MOST),), **{name: (value,) for name, value in values.items()}})
    body, _ = list_page(BY_NAME[resource], query, f"{view.prefix}/v1/{resource}", matcher)
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
    pillars = {each["id"] for each in _listed(view, PILLARS.name, matcher, package=package["id"])}
    stated = orjson.loads(reconcile(package["id"], matcher))["data"][0]
    return Story(
        package,
        package_chart(view, package, stated, pillars, matcher).inline(view),
        stated,
        words_of(view, package, stated["stated"]["amount"]),
        [(each, words_of(view, each, each["amount"])) for each in lines if each["joint"]],
        [(each, words_of(view, each, each["amount"])) for each in lines[:1] if each["amount"]["jpy"]],
    )


@router.get("/")
async def home(view: PlainPage) -> Response:
    dataset = view.snapshot.dataset

    def answers(matcher: Matcher) -> tuple[dict[str, int], Story | None]:
        return {each.name: len(matcher.index.rows(each.name)) for each in RESOURCES}, _story(view, matcher)

    totals, story = await view.snapshot.run(answers)
    return page(
        view,
        "home.html",
        title=view.tr("施策と予算", "Measures and budgets"),
        description=dataset.about.description.model_dump()[view.language],
        meanings={each.name: meaning(each.name, view.language) for each in RESOURCES},
        described=dcat.schema_org(dataset, view.prefix),
        totals=totals,
        story=story,
        **request_of(view, path=f"/packages/{story.package['id']}/reconciliation" if story else ""),
    )


@router.get("/crosswalk")
async def crosswalk_page(view: Annotated[View, page_of(crosswalk.PARAMETERS)]) -> Response:
    body = await view.snapshot.run(lambda matcher: crosswalk.walk(view.query, matcher))
    answer = orjson.loads(body)
    pictures = [
        flow_chart(view, answer, width, f"crosswalk-{name}").svg()
        for width, name in ((NARROW - 32, "narrow"), (WIDE, "wide"))
    ]
    return page(
        view,
        "crosswalk.html",
        title=view.tr("戦略と予算の対応", "From strategy to money"),
        pictures=pictures,
        **answer,
        **request_of(view, exports=["/exports/crosswalk.csv"], more=[_picture(view, "crosswalk")]),
    )


def _picture(view: View, name: str) -> tuple[str, str]:
    """The chart of a page as a file."""
    query = "&".join(filter(None, (view.query.encode(), f"lang={view.language}")))
    return "SVG", f"{view.prefix}/v1/charts/{name}.svg?{query}"


@router.get("/packages/{id}/reconciliation")
async def reconciliation_page(id_: RecordId, view: Annotated[View, page_of({})]) -> Response:
    def answers(matcher: Matcher) -> tuple[Any, Any]:
        package = orjson.loads(read_record(PACKAGES, id_, matcher.session))
        return package, orjson.loads(reconcile(id_, matcher))

    package, answer = await view.snapshot.run(answers)
    title = view.label("reconciliation")
    link = view.url("/budget-lines", f"package={id_}")
    return page(
        view,
        "reconciliation.html",
        title=f"{title}: {package['name'][view.language]}",
        heading=title,
        package=package,
        rows=[(each, words_of(view, package, each["stated"]["amount"])) for each in answer["data"]],
        lines=link,
        pictures=difference_chart(view, answer["data"], link, title).inline(view) if answer["data"] else (),
        **request_of(view),
    )


@dataclass(frozen=True)
class Answered:
    """A question of the guide, the API's answer to its request, the address of the page that shows it, and what kind
    of answer the template writes."""

    question: Question
    answer: Any
    page: str
    shows: str


def _answered(view: View, question: Question, matcher: Matcher) -> Answered:
    """Raises a Problem as the API does."""
    path, _, sent = question.request.partition("?")
    vocabularies = view.snapshot.dataset.vocabularies

    def query(parameters: Parameters) -> Query:
        return parse(parameters, quote(sent, safe="=&,").encode(), vocabularies, {})

    shows: str
    match path.split("/")[2:]:
        case ["crosswalk" as shows]:
            body = crosswalk.walk(query(crosswalk.PARAMETERS), matcher)
        case ["budget-summary" as shows]:
            body = budget_summary.summarize(query(budget_summary.PARAMETERS), matcher)
        case ["packages", id_, "reconciliation" as shows]:
            body = reconcile(id_, matcher)
        case ["measures", id_, "figures" as shows]:
            body = figures_answer(id_, matcher)
        case _:
            shows = path.rpartition("/")[2]
            body, _ = list_page(BY_NAME[shows], query(LISTS[shows]), f"{view.prefix}{path}", matcher)
    return Answered(question, orjson.loads(body), _page_of(view, path, sent), shows)


def _page_of(view: View, path: str, sent: str) -> str:
    """The address of the page of a request. Sums have the page of their lines, figures that of their measure."""
    path = path.removeprefix("/v1").removesuffix("/figures").replace("/budget-summary", "/budget-lines")
    return view.url(path, "&".join(each for each in sent.split("&") if not each.startswith("group_by=")))


@router.get("/guide")
async def guide(view: Annotated[View, page_of({})]) -> Response:
    def answers(matcher: Matcher) -> list[Answered]:
        found = []
        for each in view.snapshot.dataset.about.questions:
            try:
                found.append(_answered(view, each, matcher))
            except Problem as problem:
                if problem.status not in (404, 422):  # without the document that a question is about, it is not asked
                    raise
        return found

    return page(
        view,
        "guide.html",
        title=view.tr("質問から始める", "Guide: questions and answers"),
        questions=await view.snapshot.run(answers),
        words_of=partial(words_of, view),
    )
