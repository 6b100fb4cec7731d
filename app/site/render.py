"""Rendering: the templates, what they know, and the headers of a page."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.responses import Response

from app.http.negotiation import LANGUAGES, VARY
from app.resources import BY_NAME
from app.schemas import REASON_CODES
from app.site.markup import code, html, prose
from app.site.values import Values, sign
from app.site.view import View
from app.site.words import day

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


def asset(view: View, name: str) -> str:
    """The address of a file of STATIC, which is another whenever its content is."""
    return f"{view.prefix}/static/{name}?v={VERSIONS[name]}"


def data(value: Any) -> Markup:
    """JSON within a script element."""
    return html(orjson.dumps(value).decode().replace("</", "<\\/"))


# Templates are read once. What is missing from a page is an error, not a blank.
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
TEMPLATES.globals |= {
    "asset": asset,
    "day": day,
    "languages": LANGUAGES,
    "navigation": NAVIGATION,
    "reason_codes": REASON_CODES,
    "sign": sign,
}
TEMPLATES.filters |= {"code": code, "data": data, "prose": prose}


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
    return Response(TEMPLATES.get_template(template).render(context), status, sent, "text/html")
