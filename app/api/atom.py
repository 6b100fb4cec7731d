"""Feeds of the versions and of the changes, in Atom (RFC 4287)."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import unquote_plus
from uuid import UUID, uuid5
from xml.etree import ElementTree

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api.collections import is_light
from app.api.parameters import LANG, Context, by_name, context_of, described, list_parameters
from app.api.responses import TEXT, described_response
from app.query.citations import PUBLISHER
from app.query.formats import ATOM_TYPE
from app.query.page import list_body
from app.query.resource import Resource
from app.resources.changes import CHANGES, Action
from app.resources.versions import VERSIONS

NAMESPACE = UUID("6f2bd1b3-64a5-4d0e-9f0b-2f2f0b1f7c53")  # of the ids of feeds and entries, which no host is a part of
FEEDS = {
    VERSIONS.name: {"ja": "施策: データの版", "en": "Shisaku: versions of the data"},
    CHANGES.name: {"ja": "施策: データの変更", "en": "Shisaku: changes of the data"},
}
LEFT_OUT = ("fields", "facet")  # parameters of lists

router = APIRouter()


def _add_feed(resource: Resource) -> None:
    shown = (each for name, each in list_parameters(resource).items() if name not in LEFT_OUT)
    parameters = by_name(*shown, LANG)

    @router.get(
        f"/v1/{resource.name}.atom",
        operation_id=f"follow_{resource.plural}",
        summary=f"Follow the {resource.plural} in a feed reader",
        description=f"A page of `/v1/{resource.name}`, under its filters, as a feed in Atom (RFC 4287).",
        tags=[resource.name],
        openapi_extra=described(parameters),
        **described_response(ATOM_TYPE, TEXT),
    )
    async def follow(request: Request, context: Annotated[Context, context_of(parameters)]) -> Response:
        query, path = context.query, f"{context.prefix}/v1/{resource.name}.atom"
        body = await context.snapshot.run(list_body, resource, query, path, light=is_light(query))
        host = request.app.state.settings.origin
        return Response(_feed(resource, context, host, body), media_type=ATOM_TYPE)


def _feed(resource: Resource, context: Context, host: str, body: Mapping[str, Any]) -> bytes:
    """A page of a list as a feed. Addresses begin with the host, where it is known."""
    query, language = context.query, context.query.text("lang")
    chosen = query.encode(lang=None, limit=None, offset=None, cursor=None)
    selection = f"{chosen}&lang={language}".removeprefix("&")
    feed = ElementTree.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": language})
    _add(feed, "id", uuid5(NAMESPACE, f"{resource.name}?{selection}").urn)
    _add(feed, "title", f"{FEEDS[resource.name][language]}{f' ({unquote_plus(chosen)})' if chosen else ''}")
    _add(feed, "updated", _instant(context.snapshot.dataset.version.released))
    _add(_add(feed, "author"), "name", PUBLISHER)
    _add(feed, "link", rel="self", type=ATOM_TYPE, href=f"{host}{body['links']['self']}")
    page = f"{host}{context.prefix}/{resource.name}"
    _add(feed, "link", rel="alternate", type="text/html", href=f"{page}?{selection}")
    if body["links"]["next"]:
        _add(feed, "link", rel="next", type=ATOM_TYPE, href=f"{host}{body['links']['next']}")
    for record in map(orjson.loads, body["data"]):
        entry = _add(feed, "entry")
        _add(entry, "id", uuid5(NAMESPACE, f"{resource.name}/{record['id']}").urn)
        _add(entry, "title", _title(record, language))
        _add(entry, "updated", _instant(record["released"]["date"]))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{page}/{record['id']}?lang={language}")
        if "type" in record:
            _add(entry, "category", term=record["type"])
        _add(entry, "summary", record["summary"][language])
    written: bytes = ElementTree.tostring(feed, "utf-8", xml_declaration=True)
    return written


def _title(record: Mapping[str, Any], language: str) -> str:
    """What an entry is called: of a change, what was done, and the resource of the record."""
    name: str = record["name"][language]
    if "action" not in record:
        return name
    label = Action(record["action"]).label
    return f"{label.of(language)}: {name} ({record['type']})"


def _add(parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, name, attributes)
    element.text = text
    return element


def _instant(day: str) -> str:
    """A day as the form of RFC 3339 that feeds take."""
    return f"{day}T00:00:00Z"


for _resource in (VERSIONS, CHANGES):
    _add_feed(_resource)
