"""What crawlers read: robots.txt, the sitemaps, and llms.txt."""

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from fastapi import APIRouter
from sqlmodel import col, select
from starlette.responses import Response

from app.db.base import InList, Statement
from app.db.tables import ServingRecord
from app.errors import Problem
from app.http.language import LANGUAGES
from app.resources import RESOURCES
from app.site.pages import Name
from app.site.reference import groups
from app.site.view import PlainPage, View

MOST = 5_000  # records in one sitemap; the protocol takes 50,000 addresses, of at most 50 MB
IDS = Statement(select(ServingRecord.id).where(InList(col(ServingRecord.key), "keys")).order_by(col(ServingRecord.key)))
OTHERS = ("/", "/guide", "/crosswalk", "/docs", "/docs/schemas", "/terms", "/stability")
NAMESPACES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml"'

router = APIRouter(include_in_schema=False)


@router.get("/robots.txt")
async def robots(view: PlainPage) -> Response:
    text = f"User-agent: *\nAllow: /\nDisallow: {view.prefix}/v1/exports/\nSitemap: {_address(view, '/sitemap.xml')}\n"
    return Response(text, media_type="text/plain")


@router.get("/sitemap.xml")
async def sitemaps(view: PlainPage) -> Response:
    """The index of the sitemaps: that of the pages without a record, and those of each resource."""
    totals = await view.snapshot.run(
        lambda matcher: {each.name: len(matcher.index.rows(each.name)) for each in RESOURCES}, light=True
    )
    paths = ["/sitemap/pages.xml"]
    for name, total in totals.items():
        paths += [f"/sitemap/{name}/{part}.xml" for part in range(1, -(-total // MOST) + 1)]
    entries = (f"<sitemap><loc>{_address(view, path)}</loc></sitemap>" for path in paths)
    return _xml(f"<sitemapindex {NAMESPACES}>", entries, "</sitemapindex>")


@router.get("/sitemap/pages.xml")
async def sitemap_of_pages(view: PlainPage) -> Response:
    paths = [*OTHERS, *(f"/{each.name}" for each in RESOURCES), *(f"/docs/{name}" for name in groups())]
    return _urls(view, paths)


@router.get("/sitemap/{name:resource}/{part:int}.xml")
async def sitemap_of_records(name: Name, part: int, view: PlainPage) -> Response:
    """A part of a resource's records, from 1."""
    ids = await view.snapshot.run(
        lambda matcher: [
            id_
            for (id_,) in matcher.session.query(
                IDS, keys=list(matcher.index.rows(name)[(part - 1) * MOST : part * MOST])
            )
        ]
    )
    if not ids:
        raise Problem(404, "There is no such sitemap.", listed_at="/sitemap.xml")
    return _urls(view, (f"/{name}/{id_}" for id_ in ids))


def _address(view: View, path: str, language: str = "") -> str:
    """An address in a sitemap: of a protocol's form only where the settings say which host the service has."""
    return f"{view.origin}{view.prefix}{path}{f'?lang={language}' if language else ''}"


def _urls(view: View, paths: Iterable[str]) -> Response:
    last = f"<lastmod>{escape(view.snapshot.dataset.version.released)}</lastmod></url>"
    entries = (f"<url><loc>{_address(view, path)}</loc>{''.join(_alternates(view, path))}{last}" for path in paths)
    return _xml(f"<urlset {NAMESPACES}>", entries, "</urlset>")


def _alternates(view: View, path: str) -> Iterator[str]:
    for language in LANGUAGES:
        yield f'<xhtml:link rel="alternate" hreflang="{language}" href="{_address(view, path, language)}"/>'


def _xml(first: str, entries: Iterable[str], last: str) -> Response:
    text = "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', first, *entries, last, ""])
    return Response(text, media_type="text/xml")


@router.get("/llms.txt")
async def llms(view: PlainPage) -> Response:
    """What a language model should know before it asks (llmstxt.org), in Markdown."""
    about = view.snapshot.dataset.about
    lists = "\n".join(f"- [{each.name}]({view.prefix}/v1/{each.name}): {each.meaning}" for each in RESOURCES)
    answers = "\n".join(
        f"- [{each.path}]({view.prefix}{each.open}): {each.summary}."
        for name in ("budget-summary", "crosswalk", "search", "suggest")
        for each in groups()[name].operations
    )
    text = f"""# Shisaku 施策

> {about.description.en}

Every record has `evidence`: the words that state each fact, and their lines in the document. Filters take ids, printed
abbreviations and Japanese names; a mistake is answered with 422 and the nearest value. Sums count each line once.
Leave `lang` to the pages: the API has every text in Japanese and English.
To cite a record for good, add `?version=` with the version in `meta.dataset`: it stays as that version has it.
`{view.prefix}/v1/changes?since=` with a version or a day tells what changed, `{view.prefix}/v1/<name>/<id>/history`
what changed of one record, `{view.prefix}/v1/changes.atom` the same for a feed reader. `shisaku mcp` serves all of it
as tools (Model Context Protocol).

## API

- [OpenAPI]({view.prefix}/openapi.json): every operation.
- [Dataset]({view.prefix}/v1): every resource with its filters, their values, sorts and fields.
{answers}

## Lists

{lists}

## Pages

- [Reference]({view.prefix}/docs): the same as pages, with examples.
- [Terms]({view.prefix}/terms): how to cite.
- [Stability]({view.prefix}/stability): what may change.
"""
    return Response(text, media_type="text/markdown")
