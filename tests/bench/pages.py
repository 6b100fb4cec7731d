"""What a page costs beside the answer that it is made from, in one process, without a server and without the response
cache."""

import gc
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from httpx import ASGITransport, AsyncClient
from yaml import safe_load

from app.main import create_app
from app.resources import BY_NAME, RESOURCES
from app.resources.facts import FACTS
from app.seeding.build import SEED
from app.settings import Settings
from tests.bench.corpora import Corpus, build
from tests.bench.questions import Values
from tests.bench.routing import microseconds
from tests.bench.scenarios import Figure

ROUNDS = 5
REQUESTS = 20  # of a round
PACKAGE = "fy2025-supplementary-drug-discovery"
TIMES, MORE = 2, 2_000  # a page may cost so many answers and so many microseconds


def page_figures(corpus: Corpus, values: Values) -> list[Figure]:
    settings = Settings(database=corpus.database, database_url=None, deadline_seconds=60)
    lists = [f"/{each.name}?limit=20" for each in RESOURCES]
    return figures(settings, (*lists, f"/budget-lines/{values.ids[0]}", "/crosswalk", "/search?q=x"))


def seed_figures() -> list[Figure]:
    """Of the pages that tell what the project's own documents state."""
    with TemporaryDirectory() as folder:
        database = Path(folder) / "shisaku.sqlite"
        build(SEED, {**os.environ, "SHISAKU_DATABASE": str(database)})
        documents = (f"/documents/{each}" for each in ("cao-20260203-bio", "rs2024-health-strategy"))
        return figures(
            Settings(database=database, database_url=None),
            ("/", "/crosswalk", f"/packages/{PACKAGE}/reconciliation", "/guide", *documents),
        )


async def answers(client: AsyncClient, page: str) -> list[str]:
    """The answers that a page is made from: what a program would ask the API for to make the same page. A list's page
    shows the counts of all its facets, that of a document all records that rest on its lines."""
    path, _, query = page.partition("?")
    match path.strip("/").split("/"):
        case ["guide"]:
            return [each["request"] for each in safe_load((SEED / "dataset.yaml").read_text())["questions"]]
        case [""]:
            return ["/v1", *_of_package()]
        case ["documents", id_]:
            lists = [f"/v1/{each.name}?document={id_}&limit=500" for each in FACTS if "document" in each.filters]
            totals = [(await client.get(each)).json()["meta"]["total"] for each in lists]
            resting = [
                f"{url}&offset={n}" for url, total in zip(lists, totals, strict=True) for n in range(0, total, 500)
            ]
            return [f"/v1/documents/{id_}", f"/v1/documents/{id_}/lines?limit=200", *resting]
        case ["packages", id_, "reconciliation"]:
            return [f"/v1/packages/{id_}", f"/v1/packages/{id_}/reconciliation"]
        case [name] if name in BY_NAME and BY_NAME[name].facets:
            return [f"/v1/{name}?{query}{'&' if query else ''}facet={','.join(BY_NAME[name].facets)}"]
    return [f"/v1{page}"]


def _of_package() -> list[str]:
    """The answers about the package that the first page shows."""
    return [
        f"/v1/packages/{PACKAGE}/reconciliation",
        f"/v1/pillars?package={PACKAGE}",
        f"/v1/budget-lines?package={PACKAGE}&sort=amount&order=desc",
        f"/v1/budget-summary?group_by=pillar&package={PACKAGE}",
        f"/v1/budget-summary?group_by=ministry,pillar&package={PACKAGE}",
    ]


def figures(settings: Settings, pages: tuple[str, ...]) -> list[Figure]:
    """A figure for each page."""
    app = create_app(settings)
    asked: dict[str, list[str]] = {}
    least: dict[str, float] = {}

    async def run() -> None:
        async with AsyncClient(transport=ASGITransport(app), base_url="http://bench") as client:
            for page in pages:
                asked[page] = await answers(client, page)
                await microseconds(app, page, 1)
        gc.freeze()  # as the server does
        for _ in range(ROUNDS):
            for page in pages:
                for url in (page, *asked[page]):
                    took = await microseconds(app, url, REQUESTS)
                    least[url] = min(took, least.get(url, took))

    anyio.run(run)
    gc.unfreeze()
    found = []
    for page in pages:
        took, most = least[page], TIMES * sum(least[each] for each in asked[page]) + MORE
        found.append(Figure(f"the page {page}", f"≤ {most:,.0f} µs", f"{took:,.0f} µs", took <= most))
    return found
