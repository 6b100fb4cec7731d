"""Views: what a page is made for: the language, the parameters, and the address that it is shown at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import get_route_path  # type: ignore[attr-defined] # the path without the prefix

from app.api.parameters import REQUESTS, Parameters
from app.http.negotiation import LANGUAGES, preferred_language
from app.http.representation import request_headers
from app.query.filters import Parameter, one_of
from app.query.hints import Elsewhere
from app.query.names import label
from app.query.parser import Query, parse
from app.query.snapshot import Snapshot
from app.site.labels import value_label
from app.site.words import UNCERTAIN, money

LANG = Parameter(
    "lang",
    "Language of the page; the one that the browser asks for when left out.",
    "choice",
    choices=one_of(*LANGUAGES),
)
CHOSEN = re.compile(rb"(?:^|&)lang=(%b)(?=&|$)" % "|".join(LANGUAGES).encode())
# Parameters that others add to links, and fields of a form that were left empty: a form cannot leave them out.
IGNORED = re.compile(rb"(?:utm_\w+|fbclid|gclid|msclkid|yclid)(?:=.*)?|[^=]*=")
LOCAL = "http://127.0.0.1:8000"
LINES_PER_PAGE = 200  # of a transcript


class PageRoute(APIRoute):
    """The route of a page: its errors are pages too."""


@dataclass(frozen=True)
class View:
    """One request for a page. `path` is without the prefix, which `origin` stands before where the service is public
    under a known host, and is empty otherwise; `query` are the parameters of the API's own answer;
    `chosen` is whether the language stands in the address, where links then keep it."""

    path: str
    prefix: str
    origin: str
    language: str
    chosen: bool
    query: Query
    snapshot: Snapshot

    @property
    def base(self) -> str:
        """What code to copy has before a path: a script of the page puts the host there that the reader sees."""
        return self.origin or LOCAL

    @property
    def suffix(self) -> str:
        """What follows the path of another page that takes the language alone."""
        return f"?lang={self.language}" if self.chosen else ""

    @property
    def older(self) -> bool:
        """Whether an earlier version of the data was asked for."""
        return self.query.get("version") not in ((), (self.snapshot.dataset.version.version,))

    def tr(self, ja: str, en: str) -> str:
        """The text in the language of the page."""
        return ja if self.language == "ja" else en

    def label(self, name: str) -> str:
        """The label of a field, a parameter or a resource."""
        return label(name, self.language)

    def value_label(self, value: str, field: str = "") -> str:
        """The label of a value of a closed vocabulary."""
        return value_label(value, field, self.language)

    def kind(self, basis: str | None, phase: str | None) -> str:
        """What kind of money an amount is: only those of one kind are added."""
        of_phase = [self.value_label(phase, "phase")] if phase else []
        of_basis = self.value_label(basis, "basis") if basis else self.tr("金額の種類の記載なし", "basis not stated")
        return self.tr("、", ", ").join([*of_phase, of_basis])

    def money(self, amount: Mapping[str, Any]) -> str:
        """An amount, and that it is uncertain, where it is."""
        text = money(amount, self.language)
        return f"{text} {self.tr(*UNCERTAIN)}" if amount["uncertain"] else text

    def url(self, path: str, query: str = "", language: str = "") -> str:
        """The address of another page, in this language or another one."""
        language = language or (self.language if self.chosen else "")
        query = "&".join(filter(None, (query, language and f"lang={language}")))
        return f"{self.prefix}{path}?{query}" if query else f"{self.prefix}{path}"

    def line_url(self, document: str, number: int) -> str:
        """The address of a line of a transcript, on its page."""
        return f"{self.url(f'/documents/{document}', query_of_line(number))}#L{number}"

    def here(self, language: str = "", /, **changed: Any) -> str:
        """The address of this page with some parameters changed, or, with None, left out."""
        return self.url(self.path, self.query.encode(**changed), language)

    def without(self, name: str, value: str) -> str:
        """The address of this page without one value of a parameter, from the first row on."""
        left = ",".join(each for each in self.query.get(name) if each != value)
        return self.here(**{name: left or None, "cursor": None, "offset": None})

    def with_language(self, link: str) -> str:
        """A link of the API's answer, in the language of this page."""
        if not self.chosen:
            return link
        return f"{link}{'&' if '?' in link else '?'}lang={self.language}"

    def api(self, path: str = "", query: str | None = None) -> str:
        """The address of the answer that this page is made from, or of another one."""
        encoded = self.query.encode() if query is None else query
        return f"{self.prefix}/v1{path or self.path.rstrip('/')}{'?' if encoded else ''}{encoded}"


def query_of_line(number: int) -> str:
    """The query of the page of a transcript that has a line; empty for the first page."""
    start = (number - 1) // LINES_PER_PAGE * LINES_PER_PAGE + 1
    return f"from={start}" if start > 1 else ""


def view_of(request: Request) -> View:
    """The view of a request, without parameters. Its language is the one in the address, if any, and otherwise the
    preferred one."""
    chosen = CHOSEN.search(request.scope["query_string"])
    asked = request_headers(request.scope).get(b"accept-language", b"")
    return View(
        path=quote(get_route_path(request.scope)),
        prefix=request.scope["root_path"],
        origin=request.app.state.settings.origin,
        language=chosen[1].decode() if chosen else preferred_language(asked),
        chosen=bool(chosen),
        query=Query({}),
        snapshot=request.state.snapshot,
    )


def page_view(request: Request, parameters: Parameters) -> View:
    """The View of a page with the parameters of an API's answer. Raises a 422 Problem as the API does."""
    query_string: bytes = request.scope["query_string"]
    sent = b"&".join(each for each in query_string.split(b"&") if not IGNORED.fullmatch(each))
    elsewhere = Elsewhere(REQUESTS, request.scope["root_path"])
    parsed = parse({**parameters, LANG.name: LANG}, sent, request.state.snapshot.dataset.vocabularies, elsewhere)
    return replace(view_of(request), query=parsed.within(parameters))


def page_of(parameters: Parameters) -> Any:
    """A dependency that gives the View of a page with these parameters."""

    async def page(request: Request) -> View:
        return page_view(request, parameters)

    return Depends(page)


async def _plain_page(request: Request) -> View:
    return view_of(request)


PlainPage = Annotated[View, Depends(_plain_page)]
"""Of a page that takes no parameters: links that lead there may bear those of others, such as `utm_source`."""
