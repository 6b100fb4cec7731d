"""What a page costs beside the answer that it is made from, in one process, without a server and without the response
cache."""

import gc

import anyio

from app.main import create_app
from app.resources import RESOURCES
from app.settings import Settings
from app.site.fields import BY_NAME
from tests.bench.corpora import Corpus
from tests.bench.questions import Values
from tests.bench.routing import microseconds
from tests.bench.scenarios import Figure

ROUNDS = 5
REQUESTS = 20  # of a round
TIMES, MORE = 2, 2_000  # a page may cost so many answers and so many microseconds


def page_figures(corpus: Corpus, values: Values) -> list[Figure]:
    return figures(
        Settings(database=corpus.database, database_url=None, deadline_seconds=60),
        (
            *(f"/{each.name}?limit=20" for each in RESOURCES),
            f"/budget-lines/{values.ids[0]}",
            "/crosswalk",
            "/search?q=x",
        ),
    )


def api(page: str) -> str:
    """The answer that a page is made from: a list's page shows the counts of all its facets."""
    name = page.strip("/").partition("?")[0]
    facets = ",".join(BY_NAME[name].facets) if name in BY_NAME else ""
    return f"/v1{page}{'&' if '?' in page else '?'}facet={facets}" if facets else f"/v1{page}".rstrip("/")


def figures(settings: Settings, pages: tuple[str, ...]) -> list[Figure]:
    """A figure for each page."""
    app = create_app(settings)
    least: dict[str, float] = {}

    async def run() -> None:
        for page in pages:
            await microseconds(app, page, 1)
        gc.freeze()  # as the server does
        for _ in range(ROUNDS):
            for page in pages:
                for url in (page, api(page)):
                    took = await microseconds(app, url, REQUESTS)
                    least[url] = min(took, least.get(url, took))

    anyio.run(run)
    gc.unfreeze()
    found = []
    for page in pages:
        took, most = least[page], TIMES * least[api(page)] + MORE
        found.append(Figure(f"the page {page}", f"≤ {most:,.0f} µs", f"{took:,.0f} µs", took <= most))
    return found
