"""The service on one screen: routers, middleware, exception handlers and the lifespan of the application."""

import gc
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import get_route_path

from app import __version__
from app.api import (
    budget_summary,
    crosswalk,
    dataset,
    downloads,
    health,
    pages,
    reconciliation,
    search,
    transcript,
)
from app.api.collections import collections_router
from app.api.exports import exports_router
from app.api.warm_up import warm_up
from app.db.base import Unusable
from app.errors import SERVER_ERROR, Problem, near
from app.http.cache import ResponseCacheMiddleware
from app.http.headers import HeadersMiddleware, common_headers
from app.http.methods import MethodsMiddleware
from app.http.representation import RepresentationMiddleware
from app.query.snapshot import Snapshots
from app.resources import RESOURCES
from app.resources.schema import schema_version
from app.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """The service over one database. Raises Unusable if it cannot be served."""
    snapshots = Snapshots(settings, schema_version())
    common = common_headers(settings.prefix)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(warm_up, app)
            yield
            tasks.cancel_scope.cancel()

    app = FastAPI(
        title="Shisaku",
        version=__version__,
        root_path=settings.prefix,
        openapi_url=None,  # the document is committed, and served as it is
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            Middleware(MethodsMiddleware, headers=common),
            Middleware(ResponseCacheMiddleware, snapshots=snapshots.current, max_bytes=settings.cache_bytes),
            Middleware(RepresentationMiddleware),
            Middleware(HeadersMiddleware, common=common, max_age=settings.cache_seconds),
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "HEAD", "OPTIONS"],
                allow_headers=["*"],
                max_age=86_400,
            ),
        ],
    )
    app.state.settings = settings

    app.include_router(collections_router(RESOURCES))
    app.include_router(transcript.router)
    app.include_router(reconciliation.router)
    app.include_router(budget_summary.router)
    app.include_router(crosswalk.router)
    app.include_router(search.router)
    app.include_router(exports_router(RESOURCES))
    app.include_router(downloads.router)
    app.include_router(dataset.router)
    app.include_router(pages.router)
    app.include_router(health.router)

    @app.exception_handler(Problem)
    async def problem(_: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(HTTPException)
    async def not_found(request: Request, _: HTTPException) -> Response:
        """The routes raise no other HTTPException: methods are refused before."""
        nearest = near(get_route_path(request.scope), [f"/v1/{resource.name}" for resource in RESOURCES])
        hint = f" Did you mean `{nearest}`?" if nearest else ""
        return Problem(404, f"There is nothing at this path.{hint} `/v1` lists what there is.").response()

    @app.exception_handler(Exception)
    async def server_error(_: Request, __: Exception) -> Response:
        """Answered outside the middleware above, so the common headers are added here. The server logs the error."""
        response = SERVER_ERROR.response()
        response.raw_headers.extend(common)
        return response

    return app


def application() -> FastAPI:
    """What a server runs: the settings come from the environment, and an unusable database ends the process with a
    sentence."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        app = create_app(Settings())
    except (Unusable, Problem) as error:
        sys.exit(f"Error: {error}")
    gc.freeze()  # what was imported stays: later collections need not look at it again
    return app
