"""The pages of lists and of single records, for every resource, and those of the service itself."""

import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Request
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.responses import Response

from app.api import history, search
from app.api.atom import FEEDS
from app.api.collections import is_light
from app.api.parameters import Q, RecordId, item_parameters
from app.errors import Problem
from app.query.formats import FORMATS
from app.query.page import count_facets, list_body, render_page
from app.query.records import own_fields, read_record
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.resources import BY_NAME, RESOURCES
from app.resources.changes import CHANGES
from app.resources.facts import FACTS
from app.site import forms
from app.site.context import LISTS, form_of, read_item, request_of, schema_org, table_of
from app.site.labels import meaning
from app.site.render import STATIC, page
from app.site.view import PageRoute, PlainPage, View, page_of, page_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)


class ResourceConvertor(StringConvertor):
    """The name of a resource in a path. One route serves the lists of all resources, because every request is compared
    with each route that stands before its own."""

    regex = "|".join(map(re.escape, BY_NAME))


register_url_convertor("resource", ResourceConvertor())

ITEMS = {resource.name: item_parameters(resource) for resource in RESOURCES}

ResourceName = Annotated[str, Path()]


@router.get("/{name:resource}")
async def list_of_records(name: ResourceName, request: Request) -> Response:
    view = page_view(request, LISTS[name])
    answer, facets = await view.snapshot.run(_list_answer, BY_NAME[name], view, light=is_light(view.query))
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
        json_ld=schema_org(view, name),
        **table_of(BY_NAME[name], view, answer["data"]),
        **answer,
        **form_of(view, facets),
        **request_of(
            view,
            exports=[f"/exports/{name}.{extension}" for extension, each in FORMATS.items() if not each.is_file],
            more=[("Atom", feed)] if feed else [],
        ),
    )


def _list_answer(resource: Resource, view: View, searcher: Searcher) -> tuple[Any, forms.Facets]:
    """The answer of the API to the parameters of a page, whose links lead to pages, and the counts of all facets."""
    query = view.query
    answer = list_body(resource, query, f"{view.prefix}{view.path}", searcher)
    answer["data"] = [orjson.loads(each) if query.get("fields") else own_fields(each) for each in answer["data"]]
    answer["meta"]["notes"] = [note.model_dump() for note in answer["meta"]["notes"]]
    return answer, count_facets(resource, query, resource.facets, searcher.match(resource, query), searcher)


@router.get("/{name:resource}/{id}")
async def one_record(name: ResourceName, id_: RecordId, request: Request) -> Response:
    view = page_view(request, ITEMS[name])
    return page(view, "item.html", **await view.snapshot.run(read_item, BY_NAME[name], id_, view, light=True))


@router.get("/{name:resource}/{id}/history")
async def history_of_record(
    name: ResourceName, id_: RecordId, view: Annotated[View, page_of(history.PARAMETERS)]
) -> Response:
    if BY_NAME[name] not in FACTS:
        raise Problem(404, "What a version has, and what it changed, has no history.", listed_at=f"/{name}")
    title, answer = await view.snapshot.run(_history, BY_NAME[name], id_, view)
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


def _history(resource: Resource, id_: str, view: View, searcher: Searcher) -> tuple[str, Any]:
    """What a record is called, and the answer of the API with its changes."""
    listing = history.history_of(resource, id_, searcher)
    body, _ = render_page(listing, view.query, f"{view.prefix}{view.path}", searcher)
    last = history.last_change(resource, id_, searcher)
    named = last or orjson.loads(read_record(resource, id_, searcher.session))
    return named["name"][view.language], orjson.loads(body)


@router.get("/search")
async def search_page(view: Annotated[View, page_of({**search.PARAMETERS, "q": Q})]) -> Response:
    """Without words there is nothing to search for: the page is then a form."""
    answer: dict[str, Any] = {"data": [], "links": {}, "meta": {"total": 0, "notes": [], "offset": 0}, "records": []}
    if view.query.terms:
        answer = await view.snapshot.run(_found, view)
    return page(
        view,
        "search.html",
        title=view.tr("検索", "Search"),
        searched=view.query.text("q"),
        **answer,
        **form_of(view, {}),
        **request_of(view),
    )


def _found(view: View, searcher: Searcher) -> dict[str, Any]:
    """The results of a search, and the record of each: lines of one name differ by their years and amounts."""
    body, _ = search.results(view.query, view.prefix + view.path, searcher)
    answer = orjson.loads(body)
    records = [read_record(BY_NAME[each["type"]], each["id"], searcher.session) for each in answer["data"]]
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
