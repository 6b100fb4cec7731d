"""The service at a glance: routers, middleware, exception handlers and the lifespan of the application."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import get_route_path  # type: ignore[attr-defined] # the path without the prefix
from starlette.types import ASGIApp

from app import __version__, log
from app.api import (
    answer_exports,
    atom,
    budget_summary,
    citations,
    crosswalk,
    dataset,
    downloads,
    exports,
    figures,
    health,
    history,
    openapi,
    reconciliation,
    search,
    suggest,
    transcript,
)
from app.api.collections import CollectionRoute, add_collections
from app.db.base import Unusable
from app.errors import SERVER_ERROR, Problem, ProblemDetails
from app.http.access import AccessLog, AccessMiddleware, Observer
from app.http.admission import AdmissionMiddleware
from app.http.cache import ResponseCacheMiddleware
from app.http.headers import HeadersMiddleware, common_headers
from app.http.methods import MethodsMiddleware
from app.http.metrics import Metrics
from app.http.refusals import RefusalsMiddleware
from app.http.representation import RepresentationMiddleware
from app.http.snapshot import SnapshotMiddleware
from app.query.hints import path_hint
from app.query.snapshot import Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.settings import Settings
from app.similarity import hint
from app.site import feeds, pages, reference, stories, transcripts
from app.site.charts import files as chart_files
from app.site.errors import problem_response
from app.text import one_line


def create_app(settings: Settings) -> FastAPI:
    """The service over one database. Raises Unusable if it cannot be served."""
    snapshots = Snapshots(settings, schema_version())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        snapshots.close()

    app = FastAPI(
        title="Shisaku",
        version=__version__,
        openapi_url=None,  # the document is committed, and served as it is
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses={422: {"model": ProblemDetails}},  # in place of FastAPI's own, which never occurs here
        # FastAPI 0.165 otherwise looks for OpenTelemetry providers at each request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=lifespan,
        middleware=[
            Middleware(HeadersMiddleware, settings=settings),
            Middleware(SnapshotMiddleware, snapshots=snapshots, refused=problem_response),
            Middleware(MethodsMiddleware),
            Middleware(RepresentationMiddleware),
        ],
    )
    # Not by the parameter `root_path`, which FastAPI deprecates in favour of the server's option: links need it here.
    app.root_path = settings.prefix
    app.state.settings = settings
    app.state.snapshots = snapshots

    app.router.route_class = CollectionRoute
    add_collections(app.router, RESOURCES)
    for router in (
        transcripts.router,  # before the page of any record
        stories.router,
        pages.router,  # among the first, since a request is compared with all routes before its own
        reference.router,
        feeds.router,
        transcript.router,
        figures.router,
        reconciliation.router,
        budget_summary.router,
        crosswalk.router,
        chart_files.router,
        search.router,
        suggest.router,
        downloads.router,
        exports.router,
        answer_exports.router,
        citations.router,
        history.router,
        atom.router,
        dataset.router,
        health.router,
        openapi.router,
    ):
        app.include_router(router)
    # What a mistyped path is compared with.
    paths = [each.path or "" for each in iter_route_contexts(app.routes)]

    app.exception_handler(Problem)(problem_response)

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, _: HTTPException) -> Response:
        """Only the router raises HTTPException, for a path without a route; everything else raises Problem."""
        nearest = path_hint(get_route_path(request.scope), paths)
        meant = hint(nearest and settings.prefix + nearest)
        detail = f"There is nothing at this path.{meant} `{settings.prefix}/v1` lists what there is."
        return problem_response(request, Problem(404, detail))

    @app.exception_handler(Exception)
    async def server_error(request: Request, _: Exception) -> Response:
        """This response bypasses the middleware of the list, so the common headers are added here. The server logs the
        error and closes the connection."""
        response = problem_response(request, SERVER_ERROR)
        response.headers["Connection"] = "close"
        response.raw_headers.extend(common_headers(settings.prefix))
        return response

    return app


def service(app: FastAPI) -> ASGIApp:
    """What a server runs: the application behind its response cache, which is outside all middleware of the framework
    for speed: going through these costs many times what a cached response does (`make bench`, an item in one process).
    """
    settings: Settings = app.state.settings
    admitted = AdmissionMiddleware(app, settings)
    cached = ResponseCacheMiddleware(admitted, app.state.snapshots, settings.cache_bytes)
    refusing = RefusalsMiddleware(cached, settings)
    observers: list[Observer] = []
    if settings.access_log:
        observers.append(AccessLog(sys.stdout.fileno(), as_json=settings.log_format == "json"))
    if settings.metrics_port:
        metrics = Metrics(app.state.snapshots, admitted, cached)
        metrics.listen(settings.metrics_host, settings.metrics_port)
        observers.append(metrics)
    return AccessMiddleware(refusing, observers)


def application() -> ASGIApp:
    """The service of one process, whose settings come from the environment. An unusable database ends the process with
    a sentence."""
    try:
        settings = Settings()
        log.configure(settings)
        served = service(create_app(settings))
    except (Unusable, Problem) as error:
        sys.exit(one_line(f"Error: {error}"))
    # The event loop asks threads for the interpreter at every event of a connection, and each time waits so long.
    sys.setswitchinterval(0.0001)
    gc.freeze()  # the garbage collector need not look at what was imported again
    return served
