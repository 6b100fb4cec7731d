"""The pages of lists and of single records, for every resource, and those of the service itself."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from app.api import collections, history, search
from app.api.atom import FEEDS
from app.api.citations import STYLES
from app.api.collections import is_light
from app.api.parameters import Q, RecordId, item_parameters, list_parameters
from app.errors import Problem
from app.query.formats import FORMATS
from app.query.matching import Matcher
from app.query.page import count_facets, list_body, render_page
from app.query.parser import Query
from app.query.records import own_fields, read_record
from app.query.resource import Resource
from app.resources import BY_NAME, RESOURCES
from app.resources.changes import CHANGES
from app.resources.facts import FACTS
from app.site import forms
from app.site.fields import Field, fields_of, in_tables
from app.site.labels import meaning
from app.site.render import STATIC, page
from app.site.values import is_name
from app.site.view import PageRoute, PlainPage, View, page_of, page_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class ResourceConvertor(StringConvertor):
    """The name of a resource in a path. One route serves the lists of all resources, because every request is compared
    with each route that stands before its own."""

    regex = "|".join(map(re.escape, BY_NAME))


register_url_convertor("resource", ResourceConvertor())

LISTS = {resource.name: list_parameters(resource) for resource in RESOURCES}
ITEMS = {resource.name: item_parameters(resource) for resource in RESOURCES}

ResourceName = Annotated[str, Path()]
Context = dict[str, Any]  # of a template


@router.get("/{name:resource}")
async def list_of_records(name: ResourceName, request: Request) -> Response:
    view = page_view(request, LISTS[name])
    answer, facets = await view.snapshot.run(partial(_list_answer, BY_NAME[name], view), light=is_light(view.query))
    feed = ""
    if name in FEEDS:
        selection = view.query.encode(fields=None, facet=None)
        feed = view.api(f"/{name}.atom", f"{selection}&lang={view.language}".removeprefix("&"))
    return page(
        view,
        "list.html",
        feed=feed,
        title=view.label(name),
        description=meaning(name, view.language),
        resource=name,
        json_ld=_schema_org(view, name),
        **table_of(BY_NAME[name], view, answer["data"]),
        **answer,
        **form_of(view, facets),
        **request_of(
            view,
            exports=[f"/exports/{name}.{extension}" for extension, each in FORMATS.items() if not each.is_file],
            more=[("Atom", feed)] if feed else [],
        ),
    )


def _list_answer(resource: Resource, view: View, matcher: Matcher) -> tuple[Any, forms.Facets]:
    """The answer of the API to the parameters of a page, whose links lead to pages, and the counts of all facets."""
    query = view.query
    answer = list_body(resource, query, f"{view.prefix}{view.path}", matcher)
    answer["data"] = [orjson.loads(each) if query.get("fields") else own_fields(each) for each in answer["data"]]
    answer["meta"]["notes"] = [note.model_dump() for note in answer["meta"]["notes"]]
    return answer, count_facets(resource, query, resource.facets, matcher.match(resource, query), matcher)


def table_of(resource: Resource, view: View, rows: Sequence[Any]) -> Context:
    """For a template, the fields that a table of these rows shows, and those whose value is the same in each row, which
    is shown once; the fields that were asked for, where there are any."""
    shown, same = in_tables(resource.name), list[Field]()
    if view.query.get("fields"):
        shown = [each for each in fields_of(resource.name) if rows and each.name in rows[0]]
    elif len(rows) > 1:
        others = (each for each in shown if each.name != "name")
        same = [each for each in others if all(row[each.name] == rows[0][each.name] for row in rows)]
    return {
        "fields": [each for each in shown if each not in same],
        "same": [(each, rows[0][each.name]) for each in same],
    }


def form_of(view: View, facets: forms.Facets) -> Context:
    """For a template, a form of the page's parameters."""
    return {
        "controls": list(forms.controls(view, facets)),
        "hidden": list(forms.hidden(view)),
        "chips": list(forms.chips(view)),
    }


def request_of(
    view: View, *, path: str = "", exports: Sequence[str] = (), more: Sequence[tuple[str, str]] = ()
) -> Context:
    """For a template, the request behind a page: `exports` are the paths of its downloads, `more` are other ones."""
    api = view.api(path)
    query = view.query.encode(offset=None, cursor=None, limit=None, facet=None)
    files = [(each.rpartition(".")[2].upper(), view.api(each, query)) for each in exports]
    return {
        "api": api,
        "snippets": snippets(view.base, api, dict(files).get("CSV", "")),
        "downloads": [*files, *more],
    }


def snippets(base: str, api: str, csv: str = "") -> Sequence[tuple[str, str]]:
    """By tool, the code that makes a request, to copy; pandas reads the CSV, where there is one."""
    url = f"{base}{api}"
    if csv:
        frame = f'import pandas as pd\n\nframe = pd.read_csv("{base}{csv}")\n'
    else:
        frame = f'import httpx\nimport pandas as pd\n\nframe = pd.json_normalize(httpx.get("{url}").json())\n'
    return (
        ("curl", f"curl '{url}'\n"),
        ("fetch", f'const response = await fetch("{url}");\nconst answer = await response.json();\n'),
        ("httpx", f'import httpx\n\nanswer = httpx.get("{url}").raise_for_status().json()\n'),
        ("pandas", frame),
    )


@router.get("/{name:resource}/{id}")
async def one_record(name: ResourceName, id_: RecordId, request: Request) -> Response:
    view = page_view(request, ITEMS[name])
    return page(view, "item.html", **await view.snapshot.run(partial(read_item, BY_NAME[name], id_, view), light=True))


def read_item(resource: Resource, id_: str, view: View, matcher: Matcher, path: str = "") -> Context:
    """For a template, a record; `path` is that of the answer behind the page, where it is another than the record's.
    Raises a Problem as the API does if there is none of this id."""
    record, chosen = orjson.loads(collections.read_item(resource, id_, view.query, matcher)), view.query.get("fields")
    for name in ("notes", "evidence"):
        if chosen and name not in chosen:  # parts of these do not say what they are about
            record.pop(name, None)
    apart = ("id", "notes", "evidence", *(() if record.get("documents") else ("documents",)))
    named = is_name(record.get("name"))
    title = record["name"][view.language] if named else id_
    # An earlier version is not what other records refer to today, nor what a citation is of.
    cite = [(each.name, view.api(f"{view.path}/citation.{each.extension}", "")) for each in STYLES if not view.older]
    return {
        "title": title,
        "description": f"{title}: {meaning(resource.name, view.language)}",
        "resource": resource.name,
        "record": record,
        "named": named,
        "json_ld": _schema_org(view, resource.name, title),
        "fields": [each for each in fields_of(resource.name) if each.name in record and each.name not in apart],
        "referring": [] if view.older else list(_referring(resource, id_, view, matcher)),
        "changed": history.last_change(resource, id_, matcher) if resource in FACTS else None,
        **request_of(view, path=path, more=cite),
    }


def _referring(resource: Resource, id_: str, view: View, matcher: Matcher) -> Iterator[tuple[str, str, int, str]]:
    """Which records refer to one: the resource, the filter that finds them, how many they are, and their page."""
    names = {source.name for source in resource.vocabularies}
    filters = [(other, each) for other in RESOURCES for each in other.filters.values()]
    for other, filter_ in filters:
        if filter_.vocabulary in names and filter_.facet and (count := len(matcher.values(other, filter_).of(id_))):
            query = Query({filter_.name: filter_}, {filter_.name: (id_,)}).encode()
            yield other.name, filter_.name, count, view.url(f"/{other.name}", query)


def _schema_org(view: View, name: str, title: str = "") -> Context:
    """The page of a list, or of a record of it, in the vocabulary of schema.org: its place, and the dataset it is
    from."""
    dataset = {"@type": "Dataset", "name": view.snapshot.dataset.about.name.of(view.language)}
    names = filter(None, (view.label(name), title))
    places = [{"@type": "ListItem", "position": place, "name": each} for place, each in enumerate(names, 1)]
    places[0]["item"] = f"{view.origin}{view.url(f'/{name}')}"
    return {
        "@context": "https://schema.org/",
        "@type": "WebPage" if title else "CollectionPage",
        "name": title or view.label(name),
        "inLanguage": view.language,
        "breadcrumb": {"@type": "BreadcrumbList", "itemListElement": places},
        "isPartOf": {**dataset, "url": f"{view.origin}{view.url('/')}"},
    }


@router.get("/{name:resource}/{id}/history")
async def history_of_record(
    name: ResourceName, id_: RecordId, view: Annotated[View, page_of(history.PARAMETERS)]
) -> Response:
    if BY_NAME[name] not in FACTS:
        raise Problem(404, "What a version has, and what it changed, has no history.", listed_at=f"/{name}")
    title, answer = await view.snapshot.run(partial(_history, BY_NAME[name], id_, view))
    return page(
        view,
        "history.html",
        title=view.tr(f"{title}: 変更履歴", f"{title}: history"),
        resource=name,
        record=id_,
        **table_of(CHANGES, view, answer["data"]),
        **answer,
        **request_of(view),
    )


def _history(resource: Resource, id_: str, view: View, matcher: Matcher) -> tuple[str, Any]:
    """What a record is called, and the answer of the API with its changes."""
    listing = history.history_of(resource, id_, matcher)
    body, _ = render_page(listing, view.query, f"{view.prefix}{view.path}", matcher)
    last = history.last_change(resource, id_, matcher)
    named = last or orjson.loads(read_record(resource, id_, matcher.session))
    return named["name"][view.language], orjson.loads(body)


@router.get("/search")
async def search_page(view: Annotated[View, page_of({**search.PARAMETERS, "q": Q})]) -> Response:
    """Without words there is nothing to search for: the page is then a form."""
    answer: Context = {"data": [], "links": {}, "meta": {"total": 0, "notes": [], "offset": 0}, "records": []}
    if view.query.terms:
        answer = await view.snapshot.run(partial(_found, view))
    return page(
        view,
        "search.html",
        title=view.tr("検索", "Search"),
        searched=view.query.text("q"),
        **answer,
        **form_of(view, {}),
        **request_of(view),
    )


def _found(view: View, matcher: Matcher) -> Context:
    """The results of a search, and the record of each: lines of one name differ by their years and amounts."""
    body, _ = search.results(view.query, view.prefix + view.path, matcher)
    answer = orjson.loads(body)
    records = [read_record(BY_NAME[each["type"]], each["id"], matcher.session) for each in answer["data"]]
    return {**answer, "records": list(map(orjson.loads, records))}


@router.get("/terms")
async def terms(view: PlainPage) -> Response:
    return page(view, "terms.html", title=view.tr("利用条件と引用", "Terms and how to cite"))


@router.get("/stability")
async def stability(view: PlainPage) -> Response:
    return page(view, "stability.html", title=view.tr("変わるもの、変わらないもの", "What is stable, and what is not"))


@router.get("/static/{name}")
async def static(name: str, _: PlainPage) -> Response:
    if name not in STATIC:
        raise Problem(404, "There is no such file.")
    content, media_type = STATIC[name]
    return Response(content, media_type=media_type)
