"""Pages for people: the reference, the terms, and what is stable. They load nothing from another host, and take any
query string."""

from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.api import dcat
from app.api.parameters import PageContext
from app.errors import Problem

SITE = Path(__file__).parents[1] / "site"  # templates, style and script of the pages
SWAGGER_UI = Path(str(files("fastapi_offline"))) / "static"  # its files as published

# Swagger UI sets styles on its elements; everything else comes from files.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
ASSETS = {
    "page.css": (SITE, "text/css"),
    "start.js": (SITE, "text/javascript"),
    "swagger-ui.css": (SWAGGER_UI, "text/css"),
    "swagger-ui-bundle.js": (SWAGGER_UI, "text/javascript"),
}

router = APIRouter(include_in_schema=False)


def _page(title: str, template: str, prefix: str, head: str = "", **values: Any) -> Response:
    body = _template(template).format(prefix=prefix, **values)
    text = _template("page").format(lang="en", title=title, prefix=prefix, head=head, body=body.removesuffix("\n"))
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": POLICY})


def _template(name: str) -> str:
    return (SITE / f"{name}.html").read_text(encoding="utf-8")


@router.get("/")
async def root(context: PageContext) -> Response:
    return RedirectResponse(f"{context.prefix}/docs", 307)


@router.get("/docs")
async def docs(context: PageContext) -> Response:
    prefix, dataset = context.prefix, context.snapshot.dataset
    described = orjson.dumps(dcat.schema_org(dataset, prefix)).decode().replace("</", "<\\/")
    head = (
        f'<link rel="stylesheet" href="{prefix}/docs/swagger-ui.css">\n'
        f'<script src="{prefix}/docs/swagger-ui-bundle.js"></script>\n'
        f'<script src="{prefix}/docs/start.js"></script>\n'
        f'<script type="application/ld+json">{described}</script>\n'
    )
    description = escape(dataset.about.description.en)
    return _page("Shisaku: reference", "reference", prefix, head, description=description)


@router.get("/docs/{name}")
async def docs_asset(name: str, _: PageContext) -> Response:
    if name not in ASSETS:
        raise Problem(404, "There is no such file. `/docs` is the page that it would belong to.")
    folder, media_type = ASSETS[name]
    return Response((folder / name).read_bytes(), media_type=media_type)


@router.get("/terms")
async def terms(context: PageContext) -> Response:
    dataset = context.snapshot.dataset
    values = {"attribution": escape(dataset.attribution), **dataset.version.model_dump()}
    return _page("Shisaku: terms", "terms", context.prefix, **values)


@router.get("/stability")
async def stability(context: PageContext) -> Response:
    return _page("Shisaku: what is stable", "stability", context.prefix)
