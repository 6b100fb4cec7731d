"""The pages of lists and of single records, for every resource, and those of the service itself."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple

import orjson
from fastapi import APIRouter, Depends, Path, Request
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from app.api import collections, history, search
from app.api.atom import FEEDS
from app.api.citations import STYLES
from app.api.collections import is_light
from app.api.parameters import Q, RecordId, item_parameters, list_parameters
from app.errors import Problem
from app.query.matching import Matcher
from app.query.page import count_facets, list_body, render_page
from app.query.parser import Query
from app.query.records import own_fields, read_record
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.changes import CHANGES
from app.resources.facts import FACTS
from app.site import forms
from app.site.fields import BY_NAME, Field, fields_of, in_tables, referring
from app.site.labels import meaning
from app.site.render import STATIC, page
from app.site.snippets import snippets
from app.site.values import shape
from app.site.view import PlainPage, View, page_of, page_view

EXPORTED = ("csv", "xlsx", "ndjson")

router = APIRouter(include_in_schema=False)


class ResourceName(StringConvertor):
    """The name of a resource in a path. One route serves the lists of all resources, because every request is compared
    with each route that stands before its own."""

    regex = "|".join(map(re.escape, BY_NAME))


register_url_convertor("resource", ResourceName())

LISTS = {resource.name: list_parameters(resource) for resource in RESOURCES}
ITEMS = {resource.name: item_parameters(resource) for resource in RESOURCES}

# Answers about one record that have pages of their own: the path after the record's.
SUB_PAGES = {"packages": ("reconciliation", "総額と予算行の照合", "Stated totals against the lines")}

Name = Annotated[str, Path()]


class Item(NamedTuple):
    """A record, which records refer to it (the resource, the filter that finds them, how many, the query), and its
    newest change, if any."""

    record: Any
    refer: Sequence[tuple[str, str, int, str]]
    changed: Any


async def _list_view(request: Request, name: Name) -> View:
    return page_view(request, LISTS[name])


async def _item_view(request: Request, name: Name) -> View:
    return page_view(request, ITEMS[name])


@router.get("/{name:resource}")
async def list_of_records(name: Name, view: Annotated[View, Depends(_list_view)]) -> Response:
    resource = BY_NAME[name]
    answer, facets = await view.snapshot.run(partial(_list_answer, resource, view), light=is_light(view.query))
    columns, same = columns_of(resource, view, answer["data"])
    feed = _feed_of(name, view)
    return page(
        view,
        "list.html",
        feed=feed,
        title=view.label(name),
        description=meaning(name, view.language),
        resource=name,
        fields=columns,
        same=same,
        described=_schema_org(view, name),
        **answer,
        **form_of(view, facets),
        **request_of(view, export=f"/exports/{name}", extensions=EXPORTED, more=[("Atom", feed)] if feed else []),
    )


def _feed_of(name: str, view: View) -> str:
    """The address of the feed of a list that has one, under the filters of its page."""
    if name not in FEEDS:
        return ""
    selection = view.query.encode(fields=None, facet=None)
    return view.api(f"/{name}.atom", f"{selection}&lang={view.language}".removeprefix("&"))


def _list_answer(resource: Resource, view: View, matcher: Matcher) -> tuple[Any, forms.Facets]:
    """The answer of the API to the parameters of a page, whose links lead to pages, and the counts of all facets."""
    query = view.query
    answer = list_body(resource, query, f"{view.prefix}{view.path}", matcher)
    answer["data"] = [orjson.loads(each) if query.get("fields") else own_fields(each) for each in answer["data"]]
    answer["meta"]["notes"] = [note.model_dump() for note in answer["meta"]["notes"]]
    return answer, count_facets(resource, query, resource.facets, matcher.match(resource, query), matcher)


def columns_of(resource: Resource, view: View, rows: Sequence[Any]) -> tuple[list[Field], list[tuple[Field, Any]]]:
    """The fields that a table of these rows shows, and those whose value is the same in each row, which is told once;
    the fields that were asked for, where there are any."""
    if not rows:
        return [], []
    if view.query.get("fields"):
        return [each for each in fields_of(resource.name) if each.name in rows[0]], []
    shown = in_tables(resource.name)
    same = [
        each
        for each in shown
        if len(rows) > 1 and each.name != "name" and all(row[each.name] == rows[0][each.name] for row in rows)
    ]
    return [each for each in shown if each not in same], [(each, rows[0][each.name]) for each in same]


def form_of(view: View, facets: forms.Facets) -> dict[str, Any]:
    """What the templates need of a form of the page's parameters."""
    return {
        "controls": list(forms.controls(view, facets)),
        "hidden": list(forms.hidden(view)),
        "chips": list(forms.chips(view)),
    }


def request_of(
    view: View,
    *,
    path: str = "",
    export: str = "",
    extensions: Sequence[str] = (),
    more: Sequence[tuple[str, str]] = (),
) -> dict[str, Any]:
    """What the templates need of the request behind a page: `export` is the path of its downloads, without the
    extension, `more` are other downloads."""
    api = view.api(path)
    query = Query(
        view.query.parameters,
        {k: v for k, v in view.query.values.items() if k not in (*forms.PLACES, "limit", "facet")},
    )
    files = [(each, view.api(f"{export}.{each}", query.encode())) for each in extensions]
    csv = next((link for extension, link in files if extension == "csv"), "")
    return {
        "api": api,
        "snippets": snippets(view.base, api, csv),
        "downloads": [*((extension.upper(), link) for extension, link in files), *more],
    }


@router.get("/{name:resource}/{id}")
async def one_record(name: Name, id_: RecordId, view: Annotated[View, Depends(_item_view)]) -> Response:
    item = await view.snapshot.run(partial(read_item, BY_NAME[name], id_, view), light=True)
    return item_page(view, name, item, "item.html", id_=id_)


def item_page(
    view: View, name: str, item: Item, template: str, *, id_: str = "", path: str = "", **more: Any
) -> Response:
    """The page of a record; `path` is that of the answer behind it, where it is another than the record's, and `id_`
    names a record of which the id is not shown."""
    record = item.record
    title = record["name"][view.language] if shape(record.get("name")) == "words" else id_
    # An earlier version is not what other records refer to today, nor what a citation is of.
    cite = [(each.name, view.api(f"{view.path}/citation.{each.extension}", "")) for each in STYLES if not view.older]
    refer = () if view.older else item.refer
    return page(
        view,
        template,
        title=title,
        description=f"{title}: {meaning(name, view.language)}",
        resource=name,
        record=record,
        described=_schema_org(view, name, title),
        fields=[each for each in fields_of(name) if each.name not in ("id", "notes", "evidence")],
        sub_page=SUB_PAGES.get(name),
        referring=[(of, parameter, count, view.url(f"/{of}", query)) for of, parameter, count, query in refer],
        changed=item.changed,
        **request_of(view, path=path, more=cite),
        **more,
    )


def _schema_org(view: View, name: str, title: str = "") -> dict[str, Any]:
    """The page of a list, or of a record of it, in the vocabulary of schema.org: its place, and the dataset it is
    from."""
    dataset = {"@type": "Dataset", "name": getattr(view.snapshot.dataset.about.name, view.language)}
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


def read_item(resource: Resource, id_: str, view: View, matcher: Matcher) -> Item:
    """What the page of a record shows. Raises a Problem as the API does if there is none of this id."""
    body = collections.read_item(resource, id_, view.query, matcher)
    found = []
    for other, filter_ in referring(resource):
        count = len(matcher.values(other, filter_).of(id_))
        if count:
            found.append(
                (other.name, filter_.name, count, Query({filter_.name: filter_}, {filter_.name: (id_,)}).encode())
            )
    changed = history.last_change(resource, id_, matcher) if resource in FACTS else None
    return Item(orjson.loads(body), found, changed)


async def _history_view(request: Request) -> View:
    return page_view(request, history.PARAMETERS)


@router.get("/{name:resource}/{id}/history")
async def history_of_record(name: Name, id_: RecordId, view: Annotated[View, Depends(_history_view)]) -> Response:
    resource = BY_NAME[name]
    if resource not in FACTS:
        raise Problem(404, "What a version has, and what it changed, has no history.", listed_at=f"/{name}")
    title, answer = await view.snapshot.run(partial(_history, resource, id_, view))
    columns, same = columns_of(CHANGES, view, answer["data"])
    return page(
        view,
        "history.html",
        title=view.tr(f"{title}: 変更履歴", f"{title}: history"),
        resource=name,
        record=id_,
        fields=columns,
        same=same,
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
    answer: dict[str, Any] = {"data": [], "links": {}, "meta": {"total": 0, "notes": [], "offset": 0}}
    records: list[Any] = []
    if view.query.terms:
        answer, records = await view.snapshot.run(partial(_found, view))
    return page(
        view,
        "search.html",
        title=view.tr("検索", "Search"),
        searched=view.query.text("q"),
        records=records,
        **answer,
        **form_of(view, {}),
        **request_of(view),
    )


def _found(view: View, matcher: Matcher) -> tuple[Any, list[Any]]:
    """The results of a search, and the record of each: lines of one name differ by their years and amounts."""
    body, _ = search.results(view.query, view.prefix + view.path, matcher)
    answer = orjson.loads(body)
    records = [read_record(BY_NAME[each["type"]], each["id"], matcher.session) for each in answer["data"]]
    return answer, [orjson.loads(each) for each in records]


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
