"""Charts as SVG files, for the pages of others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import budget_summary, crosswalk
from app.api.parameters import LANG, Context, Parameters, by_name, context_of, described
from app.query.filters import Parameter
from app.query.formats import SVG_TYPE
from app.query.parser import Query
from app.site.charts.drawing import Drawing
from app.site.charts.flow import flow_chart
from app.site.charts.sums import sums_chart
from app.site.render import CHART_STYLE
from app.site.view import View, view_of

# A file has its style within; nothing in it runs or loads.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"
MARGIN = 12  # on each side

WIDTH = Parameter(
    "width",
    "Width in pixels that the picture is laid out for; it can be shown at any.",
    "integer",
    minimum=280,
    maximum=1_600,
    default=400,
)
OWN = ("group_by", "width", "lang")
SUM_PARAMETERS = by_name(*(each for name, each in budget_summary.PARAMETERS.items() if name not in OWN), WIDTH, LANG)
FLOW_PARAMETERS = by_name(*crosswalk.PARAMETERS.values(), WIDTH, LANG)

router = APIRouter(tags=["charts"])


def document(drawing: Drawing, view: View) -> str:
    """A drawing as a file of its own, with its style and its sources."""
    drawing.style(CHART_STYLE.decode())
    drawing.gap(10)
    for line in view.snapshot.dataset.attribution.splitlines():
        drawing.words(0, line, 10, "soft")
    version = view.snapshot.dataset.version
    drawing.words(0, f"Shisaku {version.version} ({version.released})", 10, "soft")
    return drawing.svg(MARGIN)


def _room(query: Query) -> int:
    """How wide the drawing of a file may be."""
    return query.number("width") - 2 * MARGIN


def _response(view: View, drawing: Drawing) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Content-Language": view.language}
    return Response(document(drawing, view), headers=headers, media_type=SVG_TYPE)


def _view(request: Request, context: Context) -> View:
    """The view of a chart: its language is that of the request, not that of the reader's browser, so that one address
    is one picture."""
    return replace(view_of(request, context.query), language=context.query.text("lang"), chosen=True)


def _documented(parameters: Parameters) -> dict[str, Any]:
    return {
        "response_class": Response,
        "responses": {200: {"content": {SVG_TYPE: {"schema": {"type": "string"}}}}},
        "openapi_extra": described(parameters),
    }


SHOWN = (
    "As SVG, with a title and a description in words, patterns beside colours, light and dark schemes, its sources, "
    "and no script: it can stand in any page as an image. Amounts of one basis and phase are drawn, those of the first "
    "line where there are several; the others are named, and `basis` and `phase` choose them."
)


FLOW_SHOWN = SHOWN.replace("`basis` and `phase` choose them", "`phase` chooses them; `basis` is that of the links")


def _add_sums(dimension: str) -> Callable[..., Any]:
    @router.get(
        f"/v1/charts/budget-by-{dimension}.svg",
        operation_id=f"draw_budget_by_{dimension}",
        summary=f"Draw the budget by {dimension}",
        description=f"The sums of `/v1/budget-summary?group_by={dimension}`, under its filters. {SHOWN}",
        **_documented(SUM_PARAMETERS),
    )
    async def draw(request: Request, context: Annotated[Context, context_of(SUM_PARAMETERS)]) -> Response:
        view = _view(request, context)
        chart = await view.snapshot.run(lambda matcher: sums_chart(view, context.query, dimension, matcher))
        return _response(view, chart.drawn(view, _room(context.query)))

    return draw


for _dimension in ("pillar", "ministry", "section"):
    _add_sums(_dimension)


@router.get(
    "/v1/charts/crosswalk.svg",
    operation_id="draw_crosswalk",
    summary="Draw the crosswalk",
    description=f"The answer of `/v1/crosswalk`, under its filters, as a flow. {FLOW_SHOWN}",
    **_documented(FLOW_PARAMETERS),
)
async def draw_crosswalk(request: Request, context: Annotated[Context, context_of(FLOW_PARAMETERS)]) -> Response:
    view = _view(request, context)
    values = {name: each for name, each in context.query.values.items() if name in crosswalk.PARAMETERS}
    walked = Query(crosswalk.PARAMETERS, values)
    body = await view.snapshot.run(lambda matcher: crosswalk.walk(walked, matcher))
    return _response(view, flow_chart(view, orjson.loads(body), _room(context.query)))
