"""create_app: settings in, application out; it puts the parts together and answers no question itself."""

import gc
import logging
import sys
from collections.abc import Callable, Iterable

import anyio.to_thread
import orjson
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp

from app import __version__, catalog, exports, openapi, pages
from app.db import Unusable
from app.db.opening import usable
from app.delivery import Delivery
from app.errors import BROKEN, Problem, near
from app.reading.exports import export_operations
from app.reading.operations import JSON, Directory, Operation, register, respond
from app.reading.question import Question
from app.reading.routes import operations as resource_operations
from app.reading.service import Service, Snapshot
from app.resources import QUESTIONS, RESOURCES
from app.settings import Settings

logger = logging.getLogger("shisaku")


def application() -> ASGIApp:
    """What a server runs: settings from the environment, and a clear last word when there is nothing to serve."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")
    try:
        app = create_app(Settings())
    except (Unusable, Problem) as error:
        sys.exit(f"Error: {error}")
    gc.freeze()  # what a start makes stays: no search for garbage looks at it again
    gc.enable()
    return app


def ready(settings: Settings) -> None:
    """Raises Unusable unless the database is there, whole, and of the tables that the resources declare."""
    usable(settings)


def create_app(settings: Settings) -> Delivery:
    """The service over one database. Raises Unusable when that cannot be served."""
    service = Service(settings)
    offered = operations(service)
    return Delivery(api(offered, service.now), Directory(offered), settings, service.now)


def operations(service: Service) -> list[Operation]:
    """Everything that can be asked, one loop over what there is."""
    questions = [each for asked in QUESTIONS for each in asked(service)]
    found = catalog.operations(service, RESOURCES, [each.path for each in questions])
    found += exports.operations(service, RESOURCES)
    for resource in RESOURCES:
        found += resource_operations(resource, service)
        found += export_operations(resource)
    return [*found, *questions, *pages.operations(service), *_health(service)]


def api(offered: Iterable[Operation], now: Callable[[], Snapshot], *, described: bool = False) -> FastAPI:
    """The application of the framework: it describes the operations, when that is asked of it, and answers what is none
    of them."""
    app = FastAPI(
        title="Shisaku", version=__version__, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(HTTPException, _not_found)
    app.add_exception_handler(Exception, _broken)
    for operation in offered:
        register(app, operation, now, described=described)
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


def _health(service: Service) -> list[Operation]:
    """What an operator and a client's tools ask."""

    def healthz(*_: object) -> Response:
        """The process runs."""
        return now({"status": "ok"})

    async def readyz(snapshot: Snapshot, _: Question, __: str) -> Response:
        """The database is there, of this code's schema, and its digest is known."""
        try:
            await anyio.to_thread.run_sync(ready, service.settings)
        except Unusable as error:
            logger.warning("not ready: %s", error)
            detail = "The database is missing or cannot be served; the log says more. Run `shisaku build`."
            raise Problem(503, detail, headers={"Retry-After": "5"}) from error
        return now({"status": "ready", **snapshot.dataset.version.model_dump()})

    def now(state: dict[str, str]) -> Response:
        return Response(orjson.dumps(state), headers={"Cache-Control": "no-store"}, media_type=JSON)

    def document(*_: object) -> Response:
        return respond(openapi.served(service.settings.prefix))

    return [
        Operation(path="/healthz", answer=healthz),
        Operation(path="/readyz", answer=readyz),
        Operation(path="/openapi.json", answer=document),
    ]
