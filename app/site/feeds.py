"""What crawlers read: robots.txt, the sitemaps, and llms.txt."""

from collections.abc import Iterable

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from app.db.base import InList, Statement
from app.db.tables import ServingRecord
from app.errors import Problem
from app.query.searcher import Searcher
from app.resources import RESOURCES
from app.site.pages import ResourceName
from app.site.reference import groups
from app.site.render import TEMPLATES
from app.site.view import PageRoute, PlainPage, View

MAX_URLS = 5_000  # records in one sitemap; the protocol takes 50,000 addresses, of at most 50 MB
IDS = Statement(select(ServingRecord.id).where(InList(col(ServingRecord.key), "keys")).order_by(col(ServingRecord.key)))
OTHERS = ("/", "/guide", "/crosswalk", "/docs", "/docs/schemas", "/terms", "/stability")
ANSWERS = ("budget-summary", "crosswalk", "search", "suggest")  # that are not lists
NAMESPACES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'
SITEMAP = "<sitemap><loc>{address}</loc></sitemap>"
URL = (
    "<url><loc>{address}</loc>"
    '<xhtml:link rel="alternate" hreflang="en" href="{address}?lang=en"/>'
    '<xhtml:link rel="alternate" hreflang="ja" href="{address}?lang=ja"/><lastmod>{released}</lastmod></url>'
)

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/robots.txt")
async def robots(view: PlainPage) -> Response:
    sitemap = f"{view.origin}{view.prefix}/sitemap.xml"
    rules = f"User-agent: *\nAllow: /\nDisallow: {view.prefix}/v1/exports/\nSitemap: {sitemap}\n"
    return Response(rules, media_type="text/plain")


@router.get("/sitemap.xml")
async def sitemaps(view: PlainPage) -> Response:
    """The index of the sitemaps: that of the pages without a record, and those of each resource."""

    def parts(searcher: Searcher) -> list[str]:
        totals = {each.name: len(searcher.index.rows(each.name)) for each in RESOURCES}
        return [f"{name}/{part}" for name, total in totals.items() for part in range(1, -(-total // MAX_URLS) + 1)]

    paths = [f"/sitemap/{each}.xml" for each in ("pages", *await view.snapshot.run(parts, light=True))]
    return _xml(view, "sitemapindex", SITEMAP, paths)


@router.get("/sitemap/pages.xml")
async def sitemap_of_pages(view: PlainPage) -> Response:
    paths = [*OTHERS, *(f"/{each.name}" for each in RESOURCES), *(f"/docs/{name}" for name in groups())]
    return _xml(view, "urlset", URL, paths)


@router.get("/sitemap/{name:resource}/{part:int}.xml")
async def sitemap_of_records(name: ResourceName, part: int, view: PlainPage) -> Response:
    """A part of a resource's records, from 1."""

    def paths(searcher: Searcher) -> list[str]:
        keys = list(searcher.index.rows(name)[(part - 1) * MAX_URLS : part * MAX_URLS])
        return [f"/{name}/{id_}" for (id_,) in searcher.session.query(IDS, keys=keys)]

    found = await view.snapshot.run(paths)
    if not found:
        raise Problem(404, "There is no such sitemap.", listed_at="/sitemap.xml")
    return _xml(view, "urlset", URL, found)


def _xml(view: View, element: str, entry: str, paths: Iterable[str]) -> Response:
    """A sitemap, or an index of them. Addresses have a host only where the settings say which one the service has."""
    base, released = f"{view.origin}{view.prefix}", view.snapshot.dataset.version.released
    entries = [entry.format(address=f"{base}{path}", released=released) for path in paths]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<{element} {NAMESPACES}>", *entries, f"</{element}>", ""]
    return Response("\n".join(lines), media_type="text/xml")


@router.get("/llms.txt")
async def llms(view: PlainPage) -> Response:
    """What a language model should know before it asks (llmstxt.org), in Markdown."""
    content = TEMPLATES.get_template("llms.txt").render(
        prefix=view.prefix,
        description=view.snapshot.dataset.about.description.en,
        resources=RESOURCES,
        operations=[each for name in ANSWERS for each in groups()[name]["operations"]],
    )
    return Response(f"{content}\n", media_type="text/markdown")
