"""What several pages give to their templates: a table, a form, a record, the request behind the page."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from app.api import collections, history
from app.api.citations import STYLES
from app.api.parameters import list_parameters
from app.query.parser import Query
from app.query.resource import Resource
from app.query.searcher import Searcher
from app.resources import RESOURCES
from app.resources.facts import FACTS
from app.site import forms
from app.site.fields import Field, fields_of, in_tables
from app.site.labels import meaning
from app.site.values import is_name
from app.site.view import View

LISTS = {resource.name: list_parameters(resource) for resource in RESOURCES}


def table_of(resource: Resource, view: View, rows: Sequence[Any]) -> dict[str, Any]:
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


def form_of(view: View, facets: forms.Facets) -> dict[str, Any]:
    """For a template, a form of the page's parameters."""
    return {
        "controls": list(forms.controls(view, facets)),
        "hidden": list(forms.hidden(view)),
        "chips": list(forms.chips(view)),
    }


def request_of(
    view: View, *, path: str = "", exports: Sequence[str] = (), more: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
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


def read_item(resource: Resource, id_: str, view: View, searcher: Searcher, path: str = "") -> dict[str, Any]:
    """For a template, a record; `path` is that of the answer behind the page, where it is another than the record's.
    Raises a Problem as the API does if there is none of this id."""
    record, chosen = orjson.loads(collections.read_item(resource, id_, view.query, searcher)), view.query.get("fields")
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
        "json_ld": schema_org(view, resource.name, title),
        "fields": [each for each in fields_of(resource.name) if each.name in record and each.name not in apart],
        "referring": [] if view.older else list(_referring(resource, id_, view, searcher)),
        "changed": history.last_change(resource, id_, searcher) if resource in FACTS else None,
        **request_of(view, path=path, more=cite),
    }


def _referring(resource: Resource, id_: str, view: View, searcher: Searcher) -> Iterator[tuple[str, str, int, str]]:
    """Which records refer to one: the resource, the filter that finds them, how many they are, and their page."""
    names = {source.name for source in resource.vocabularies}
    filters = [(other, each) for other in RESOURCES for each in other.filters.values()]
    for other, filter_ in filters:
        if filter_.vocabulary in names and filter_.facet and (count := len(searcher.values(other, filter_).of(id_))):
            query = Query({filter_.name: filter_}, {filter_.name: (id_,)}).encode()
            yield other.name, filter_.name, count, view.url(f"/{other.name}", query)


def schema_org(view: View, name: str, title: str = "") -> dict[str, Any]:
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
