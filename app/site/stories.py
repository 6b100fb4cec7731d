"""Pages that answer what people ask: the package at a glance, the crosswalk, the reconciliation of a package, and the
guide. Every number is one of the API's answers, made when the page is."""

from collections.abc import Mapping
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
from app.query.hints import Elsewhere
from app.query.page import list_page
from app.query.parser import Query, parse
from app.query.records import read_record
from app.query.searcher import Searcher
from app.resources import BY_NAME, RESOURCES
from app.resources.packages import PACKAGES
from app.resources.pillars import PILLARS
from app.site.charts.drawing import in_page
from app.site.charts.flow import flow_chart
from app.site.charts.packages import difference_chart, package_chart
from app.site.context import LISTS, request_of
from app.site.labels import meaning
from app.site.render import page
from app.site.values import Object
from app.site.view import PageRoute, PlainPage, View, page_of

MAX_LINKS = 150  # of a crosswalk that is shown at once, and drawn: more fill many screens

router = APIRouter(include_in_schema=False, route_class=PageRoute)


def _listed(view: View, resource: str, searcher: Searcher, **values: str) -> list[Any]:
    """The first rows of a list."""
    query = Query(LISTS[resource], {name: (value,) for name, value in {"limit": "500", **values}.items()})
    body, _ = list_page(BY_NAME[resource], query, f"{view.prefix}/v1/{resource}", searcher)
    rows: list[Any] = orjson.loads(body)["data"]
    return rows


def source_address(view: View, record: Object, amount: Object) -> str:
    """The address of the line that holds an amount as printed; empty if no quote has it."""
    for each in record["evidence"]:
        if each["lines"] and each["quote"] and amount["text"] and amount["text"] in each["quote"]:
            before = each["quote"].partition(amount["text"])[0].count("\n")
            return view.line_url(each["document"], each["lines"]["from"] + before)
    return ""


def _overview(view: View, searcher: Searcher) -> Object | None:
    """For a template, the first package that states a total, at a glance: its chart, and what its sentences say, lines
    with the address of their words. None where none states one."""
    package = next((each for each in _listed(view, PACKAGES.name, searcher) if each["stated_totals"]), None)
    if package is None:
        return None
    lines = _listed(view, "budget-lines", searcher, package=package["id"], sort="amount", order="desc")
    pillars = {each["id"] for each in _listed(view, PILLARS.name, searcher, package=package["id"])}
    stated = orjson.loads(reconcile(package["id"], searcher))["data"][0]
    return {
        "package": package,
        "pictures": package_chart(view, package, stated, pillars, searcher).in_page(view),
        "stated": stated,
        "stated_at": source_address(view, package, stated["stated"]["amount"]),
        "joint": [(each, source_address(view, each, each["amount"])) for each in lines if each["joint"]],
        "largest": [(each, source_address(view, each, each["amount"])) for each in lines[:1] if each["amount"]["jpy"]],
    }


@router.get("/")
async def home(view: PlainPage) -> Response:
    dataset = view.snapshot.dataset

    def answers(searcher: Searcher) -> tuple[Mapping[str, int], Object | None]:
        return {each.name: len(searcher.index.rows(each.name)) for each in RESOURCES}, _overview(view, searcher)

    totals, story = await view.snapshot.run(answers)
    return page(
        view,
        "home.html",
        title=view.tr("施策と予算", "Measures and budgets"),
        description=dataset.about.description.of(view.language),
        meanings={each.name: meaning(each.name, view.language) for each in RESOURCES},
        json_ld=dcat.schema_org(dataset, view.prefix),
        totals=totals,
        story=story,
        **request_of(view, path=f"/packages/{story['package']['id']}/reconciliation" if story else ""),
    )


def _rows(section: Object) -> list[tuple[Any, Any]]:
    """The rows of a section of the crosswalk: each measure with each programme linked to it, or without one; at least
    one row, if only for the section."""
    rows = [(measure, each) for measure in section["measures"] for each in measure["related"] or (None,)]
    return rows or [(None, None)]


@router.get("/crosswalk")
async def crosswalk_page(view: Annotated[View, page_of(crosswalk.PARAMETERS)]) -> Response:
    body = await view.snapshot.run(crosswalk.walk, view.query)
    answer = orjson.loads(body)
    links = sum(len(measure["related"]) for row in answer["data"] for measure in row["measures"])
    file = f"{view.prefix}/v1/charts/crosswalk.svg?{f'{view.query.encode()}&lang={view.language}'.removeprefix('&')}"
    return page(
        view,
        "crosswalk.html",
        title=view.tr("戦略と予算の対応", "From strategy to money"),
        pictures=in_page(partial(flow_chart, view, answer), "crosswalk") if links <= MAX_LINKS else (),
        sections=[(each, _rows(each)) for each in answer["data"]],
        sections_alone=links > MAX_LINKS and not view.query.get("section"),
        **answer,
        **request_of(view, exports=["/exports/crosswalk.csv"], more=[("SVG", file)]),
    )


@router.get("/packages/{id}/reconciliation")
async def reconciliation_page(id_: RecordId, view: Annotated[View, page_of({})]) -> Response:
    def answers(searcher: Searcher) -> tuple[Any, Any]:
        package = orjson.loads(read_record(PACKAGES, id_, searcher.session))
        return package, orjson.loads(reconcile(id_, searcher))

    package, answer = await view.snapshot.run(answers)
    title = view.label("reconciliation")
    link = view.url("/budget-lines", f"package={id_}")
    return page(
        view,
        "reconciliation.html",
        title=f"{title}: {package['name'][view.language]}",
        heading=title,
        package=package,
        rows=[(each, source_address(view, package, each["stated"]["amount"])) for each in answer["data"]],
        lines=link,
        pictures=difference_chart(view, answer["data"], link, title).in_page(view) if answer["data"] else (),
        **request_of(view),
    )


def _answered(view: View, question: Question, searcher: Searcher) -> Object:
    """For a template, a question of the guide, the API's answer to its request, the address of the page that shows it,
    and what kind of answer it is. Raises a Problem as the API does."""
    path, _, sent = question.request.partition("?")
    vocabularies = view.snapshot.dataset.vocabularies

    def query(parameters: Parameters) -> Query:
        return parse(parameters, quote(sent, safe="=&,").encode(), vocabularies, Elsewhere({}, view.prefix))

    shows = path.rpartition("/")[2]
    match path.split("/")[2:]:
        case ["crosswalk"]:
            body = crosswalk.walk(query(crosswalk.PARAMETERS), searcher)
        case ["budget-summary"]:
            body = budget_summary.summarize(query(budget_summary.PARAMETERS), searcher)
        case ["packages", id_, "reconciliation"]:
            body = reconcile(id_, searcher)
        case ["measures", id_, "figures"]:
            body = figures_answer(id_, searcher)
        case _:
            body, _ = list_page(BY_NAME[shows], query(LISTS[shows]), f"{view.prefix}{path}", searcher)
    # Sums have the page of their lines, figures that of their measure.
    path = path.removeprefix("/v1").removesuffix("/figures").replace("/budget-summary", "/budget-lines")
    filters = "&".join(each for each in sent.split("&") if not each.startswith("group_by="))
    return {"question": question, "answer": orjson.loads(body), "page": view.url(path, filters), "shows": shows}


@router.get("/guide")
async def guide(view: Annotated[View, page_of({})]) -> Response:
    def answers(searcher: Searcher) -> list[Object]:
        found = []
        for each in view.snapshot.dataset.about.questions:
            try:
                found.append(_answered(view, each, searcher))
            except Problem as problem:
                if problem.status not in (404, 422):  # without the document that a question is about, it is not asked
                    raise
        return found

    return page(
        view,
        "guide.html",
        title=view.tr("質問から始める", "Guide: questions and answers"),
        questions=await view.snapshot.run(answers),
        source_address=partial(source_address, view),
    )
