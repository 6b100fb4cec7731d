"""Pages for people: the reference, the terms, and what is stable. They load nothing from another host."""

from html import escape
from importlib.resources import files
from pathlib import Path

import orjson
from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from app.api import dcat
from app.api.parameters import NoParameters
from app.errors import Problem

ASSETS = Path(str(files("fastapi_offline"))) / "static"  # Swagger UI's files, as published

# Swagger UI sets styles on its elements; everything else comes from files of ours.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)

STYLE = """\
body { font: 1rem/1.7 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0; }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: #0b4fb3; }
pre { white-space: pre-wrap; background: #f3f3f3; padding: 1rem; }
"""

START = """\
window.addEventListener("load", () => {
  const document_url = document.querySelector("link[rel=service-desc]").getAttribute("href");
  SwaggerUIBundle({ url: document_url, dom_id: "#reference", deepLinking: true, validatorUrl: null });
});
"""

PAGE = """\
<!doctype html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="service-desc" type="application/json" href="{prefix}/openapi.json">
<link rel="license" href="{prefix}/terms">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{prefix}/docs/page.css">
{head}</head>
<body>
{body}
</body>
</html>
"""

REFERENCE = """\
<header>
<h1>Shisaku 施策</h1>
<p>{description}</p>
<p><a href="{prefix}/v1">What is here</a> · <a href="{prefix}/openapi.json">OpenAPI</a> ·
<a href="{prefix}/v1/exports">Downloads</a> · <a href="{prefix}/stability">What is stable</a> ·
<a href="{prefix}/terms">Terms and how to cite</a></p>
</header>
<main id="reference"></main>"""

TERMS = """\
<main>
<h1>Terms and how to cite</h1>
<p>The words, names and amounts are those of documents that Japanese ministries published. Each document's
<a href="{prefix}/v1/documents">record</a> says under which licence it was published; where <code>licence</code> is
null, the document does not state one. English names, readings, classifications and the crosswalk are ours, and are
marked so in every record.</p>
<p>When you use the data, cite the documents and say that you worked on them:</p>
<pre lang="ja">{attribution}</pre>
<p>Name the version of the data too: {version}, released {released}, digest <code>{digest}</code>.</p>
<p><a href="{prefix}/docs">Reference</a></p>
</main>"""

STABILITY = """\
<main>
<h1>What is stable, and what is not</h1>
<h2>Stable within a major version</h2>
<p>Paths, operationIds, parameters, their values in closed vocabularies, fields, their types, and whether they may be
null. A change that would take one of these away comes only with another major version of the API, at another path
(<code>/v2</code>); the old one is then served for at least twelve months beside it. The OpenAPI document is compared
with the released one before every release, by a program.</p>
<h2>What may be added at any time</h2>
<p>Resources, parameters, fields, sorts, facets, notes, and values of open vocabularies: ministries, modalities,
sections, pillars, packages, years. Write clients that pass over what they do not know.</p>
<h2>What changes with the data</h2>
<p>Records, counts, sums, and the order of rows. The version in every <code>meta.dataset</code> rises with each change
of the data; the digest says exactly which data an answer was made from. Ids are kept: a record that is renamed keeps
its id, and one that is withdrawn is told in the changelog. Cursors are of one version of the data, and are refused by
the next.</p>
<h2>What is not promised</h2>
<p>The wording of messages and notes (their <code>code</code> is stable), the form of a cursor, the bytes of an XLSX
file from one release of the software to the next, and the look of these pages.</p>
<h2>Deprecation</h2>
<p>What will go is marked <code>deprecated</code> in the OpenAPI document and answered with a <code>Deprecation</code>
header (RFC 9745) from the day it is announced, and a <code>Sunset</code> header (RFC 8594) with its last day.</p>
<p><a href="{prefix}/docs">Reference</a> · <a href="{prefix}/terms">Terms and how to cite</a></p>
</main>"""


router = APIRouter(include_in_schema=False)


def _page(title: str, body: str, prefix: str, head: str = "") -> Response:
    text = PAGE.format(lang="en", title=title, prefix=prefix, head=head, body=body)
    return Response(text, media_type="text/html", headers={"Content-Security-Policy": POLICY})


@router.get("/")
async def root(context: NoParameters) -> Response:
    return RedirectResponse(f"{context.prefix}/docs", 307)


@router.get("/docs")
async def docs(context: NoParameters) -> Response:
    prefix, dataset = context.prefix, context.snapshot.dataset
    described = orjson.dumps(dcat.schema_org(dataset, prefix)).decode().replace("</", "<\\/")
    head = (
        f'<link rel="stylesheet" href="{prefix}/docs/swagger-ui.css">\n'
        f'<script src="{prefix}/docs/swagger-ui-bundle.js"></script>\n'
        f'<script src="{prefix}/docs/start.js"></script>\n'
        f'<script type="application/ld+json">{described}</script>\n'
    )
    description = escape(dataset.about.description.en)
    return _page("Shisaku: reference", REFERENCE.format(prefix=prefix, description=description), prefix, head)


@router.get("/docs/{name}")
async def docs_asset(name: str, _: NoParameters) -> Response:
    own = {"page.css": ("text/css", STYLE.encode()), "start.js": ("text/javascript", START.encode())}
    if name in own:
        media_type, body = own[name]
    elif name in ("swagger-ui.css", "swagger-ui-bundle.js"):
        media_type = "text/css" if name.endswith("css") else "text/javascript"
        body = (ASSETS / name).read_bytes()
    else:
        raise Problem(404, "There is no such file.")
    return Response(body, media_type=media_type)


@router.get("/terms")
async def terms(context: NoParameters) -> Response:
    prefix, dataset = context.prefix, context.snapshot.dataset
    attribution = escape(dataset.attribution)
    body = TERMS.format(prefix=prefix, attribution=attribution, **dataset.version.model_dump())
    return _page("Shisaku: terms", body, prefix)


@router.get("/stability")
async def stability(context: NoParameters) -> Response:
    return _page("Shisaku: what is stable", STABILITY.format(prefix=context.prefix), context.prefix)
