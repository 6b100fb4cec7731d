"""create_app: settings in, application out; it puts the parts together and answers no question itself."""

import logging
import sys
from datetime import UTC, datetime

import orjson
from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from app import __version__, catalog, exports, openapi, pages
from app.db import Unusable
from app.db.opening import usable
from app.delivery import BROKEN, Delivery
from app.errors import Problem, near
from app.reading.exports import export_routes
from app.reading.routes import no_parameters, respond, routes
from app.reading.service import Service
from app.resources import QUESTIONS, RESOURCES
from app.settings import Settings

logger = logging.getLogger("shisaku")


def application() -> ASGIApp:
    """What a server runs: settings from the environment, and a clear last word when there is nothing to serve."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        return create_app(Settings())
    except Unusable as error:
        sys.exit(f"Error: {error}")


def ready(settings: Settings) -> None:
    """Raises Unusable unless the database is there, whole, and of the tables that the resources declare."""
    usable(settings)


def create_app(settings: Settings) -> Delivery:
    """The service over one database. Raises Unusable when that cannot be served."""
    service = Service(settings)
    app = api(service)
    app.include_router(pages.routes(service))
    app.include_router(_health(service))

    def modified() -> float:
        released = service.now().dataset.version.released
        return datetime.fromisoformat(released).replace(tzinfo=UTC).timestamp()

    return Delivery(app, settings, service.now, modified)


def api(service: Service) -> FastAPI:
    """The operations of the OpenAPI document, one loop over what there is."""
    app = FastAPI(
        title="Shisaku", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _broken)
    questions = [question(service) for question in QUESTIONS]
    own = [route.path for router in questions for route in router.routes]  # type: ignore[attr-defined]
    app.include_router(catalog.routes(service, RESOURCES, own))
    app.include_router(exports.routes(service, RESOURCES))
    for resource in RESOURCES:
        app.include_router(routes(resource, service))
        app.include_router(export_routes(resource, service))
    for router in questions:
        app.include_router(router)
    return app


async def _refused(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, Problem)  # noqa: S101 - narrows the type; it is registered for nothing else
    return error.response()


async def _broken(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Says nothing of what went wrong; the log does."""
    return BROKEN.response()


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """The only HTTPException left: a path that leads nowhere, since methods are judged before."""
    path = request.url.path
    nearest = near(path, [f"/v1/{resource.name}" for resource in RESOURCES])
    hint = f" Did you mean `{nearest}`?" if nearest else ""
    return Problem(404, f"There is nothing at this path.{hint} `/v1` lists what there is.").response()


def _health(service: Service) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    async def healthz(request: Request) -> Response:
        """The process runs."""
        no_parameters(request)
        return _now({"status": "ok"})

    async def readyz(request: Request) -> Response:
        """The database is there, of this code's schema, and its digest is known."""
        no_parameters(request)
        try:
            ready(service.settings)
        except Unusable as error:
            logger.warning("not ready: %s", error)
            detail = "The database is missing or cannot be served; the log says more. Run `shisaku build`."
            raise Problem(503, detail, headers={"Retry-After": "5"}) from error
        return _now({"status": "ready", **service.now().dataset.version.model_dump()})

    def _now(state: dict[str, str]) -> Response:
        response = respond(orjson.dumps(state))
        response.headers["Cache-Control"] = "no-store"
        return response

    async def document(request: Request) -> Response:
        no_parameters(request)
        return respond(openapi.served(service.settings.prefix))

    router.add_api_route("/healthz", healthz)
    router.add_api_route("/readyz", readyz)
    router.add_api_route("/openapi.json", document)
    return router
