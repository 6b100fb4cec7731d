"""Charts as SVG files, for the pages of others."""

from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import budget_summary, crosswalk
from app.api.parameters import LANG, Context, Parameters, by_name, context_of, described
from app.api.responses import described_response
from app.query.filters import Parameter
from app.query.formats import SVG_TYPE
from app.site.charts.drawing import Drawing
from app.site.charts.flow import flow_chart
from app.site.charts.sums import TITLES, sums_chart
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


def _view(request: Request, context: Context) -> View:
    """The view of a chart: its language is that of the request, not that of the reader's browser, so that one address
    is one picture."""
    return replace(view_of(request), query=context.query, language=context.query.text("lang"), chosen=True)


def _file(drawing: Drawing, view: View) -> Response:
    """A drawing as a file of its own, with its style and its sources."""
    drawing.style(CHART_STYLE.decode())
    drawing.height += 10
    version = view.snapshot.dataset.version
    for line in (*view.snapshot.dataset.attribution.splitlines(), f"Shisaku {version.version} ({version.released})"):
        drawing.words(0, line, 10, "soft")
    headers = {"Content-Security-Policy": POLICY, "Content-Language": view.language}
    return Response(drawing.svg(MARGIN), headers=headers, media_type=SVG_TYPE)


def _documented(parameters: Parameters) -> dict[str, Any]:
    return {**described_response(SVG_TYPE, {"type": "string"}), "openapi_extra": described(parameters)}


ABOUT = (
    "As SVG, with a title and a description in words, patterns beside colours, light and dark schemes, its sources, "
    "and no script: it can stand in any page as an image. Amounts of one basis and phase are drawn, those of the first "
    "line where there are several; the others are named, and `basis` and `phase` choose them."
)


ABOUT_FLOW = ABOUT.replace("`basis` and `phase` choose them", "`phase` chooses them; `basis` is that of the links")


def _add_sums(dimension: str) -> None:
    @router.get(
        f"/v1/charts/budget-by-{dimension}.svg",
        operation_id=f"draw_budget_by_{dimension}",
        summary=f"Draw the budget by {dimension}",
        description=f"The sums of `/v1/budget-summary?group_by={dimension}`, under its filters. {ABOUT}",
        **_documented(SUM_PARAMETERS),
    )
    async def draw(request: Request, context: Annotated[Context, context_of(SUM_PARAMETERS)]) -> Response:
        view = _view(request, context)
        chart = await view.snapshot.run(sums_chart, view, view.query, dimension)
        return _file(chart.drawn(view, view.query.number("width") - 2 * MARGIN), view)


for _dimension in TITLES:
    _add_sums(_dimension)


@router.get(
    "/v1/charts/crosswalk.svg",
    operation_id="draw_crosswalk",
    summary="Draw the crosswalk",
    description=f"The answer of `/v1/crosswalk`, under its filters, as a flow. {ABOUT_FLOW}",
    **_documented(FLOW_PARAMETERS),
)
async def draw_crosswalk(request: Request, context: Annotated[Context, context_of(FLOW_PARAMETERS)]) -> Response:
    view = _view(request, context)
    body = await view.snapshot.run(crosswalk.walk, view.query.within(crosswalk.PARAMETERS))
    return _file(flow_chart(view, orjson.loads(body), view.query.number("width") - 2 * MARGIN), view)
