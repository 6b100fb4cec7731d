"""Rendering: the templates, what they know, and the headers of a page."""

from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import Response

from app.http.language import LANGUAGES, VARY
from app.resources import BY_NAME
from app.schemas import REASON_CODES
from app.site.values import Values, code, day, html, kind_in_words, prose, sign
from app.site.view import View

HERE = Path(__file__).parent
CHART_STYLE = (HERE / "static" / "chart.css").read_bytes()
STATIC: Mapping[str, tuple[bytes, str]] = {
    "style.css": ((HERE / "static" / "style.css").read_bytes() + CHART_STYLE, "text/css"),
    "script.js": ((HERE / "static" / "script.js").read_bytes(), "text/javascript"),
    "icon.svg": ((HERE / "static" / "icon.svg").read_bytes(), "image/svg+xml"),
}
VERSIONS = {name: sha256(content).hexdigest()[:8] for name, (content, _) in STATIC.items()}
NAVIGATION = ("guide", "crosswalk", *BY_NAME, "docs")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def remarks(notes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The notes without those that say why fields are empty, which is said at the fields."""
    return [note for note in notes if note["code"] not in REASON_CODES]


def asset(view: View, name: str) -> str:
    """The address of a file of STATIC, which is another whenever its content is."""
    return f"{view.prefix}/static/{name}?v={VERSIONS[name]}"


def data(value: Any) -> Markup:
    """JSON within a script element."""
    return html(orjson.dumps(value).decode().replace("</", "<\\/"))


@cache
def environment() -> Environment:
    """Templates are read once. What is missing from a page is an error, not a blank."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {
        "asset": asset,
        "day": day,
        "kind_in_words": kind_in_words,
        "languages": LANGUAGES,
        "navigation": NAVIGATION,
        "remarks": remarks,
        "sign": sign,
    }
    made.filters |= {"code": code, "data": data, "prose": prose}
    return made


def text(template: str, **values: Any) -> str:
    """A template that is no page, as text."""
    return f"{environment().get_template(template).render(values)}\n"


def page(
    view: View, template: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> Response:
    """A page from a template. It varies by the language asked for, unless the address has one."""
    context = {
        "view": view,
        "language": view.language,
        "tr": view.tr,
        "label": view.label,
        "url": view.url,
        "values": Values(view),
        "dataset": view.snapshot.dataset,
        **values,
    }
    sent = {"Content-Security-Policy": POLICY, "Content-Language": view.language, **(headers or {})}
    if not view.chosen:
        sent["Vary"] = VARY
    return Response(environment().get_template(template).render(context), status, sent, "text/html")
