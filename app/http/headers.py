"""Headers of every response: CORS, links of the service, and how long the response may be cached."""

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem
from app.settings import Settings

Headers = list[tuple[bytes, bytes]]

EXPOSED = (
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Link",
    "Repr-Digest",
    "Retry-After",
    "X-Request-Id",
)
HEALTH = ("/healthz", "/readyz")
STALE_IF_ERROR = 86_400  # seconds: figures of yesterday rather than none
LINKS = {"service-desc": "/openapi.json", "service-doc": "/docs", "license": "/terms"}  # by relation


def common_headers(prefix: str) -> Headers:
    """The headers that every response has, errors included.

    Access-Control-Allow-Origin is among them whether or not a request names an origin: a shared cache may give a
    browser the response to a request that named none.
    """
    links = ", ".join(f'<{prefix}{path}>; rel="{relation}"' for relation, path in LINKS.items())
    return [
        (b"access-control-allow-origin", b"*"),
        (b"access-control-expose-headers", ", ".join(EXPOSED).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),  # the address holds the query
        (b"link", links.encode()),
        (b"vary", b"Accept-Encoding"),
    ]


def is_health(path: str, prefix: str) -> bool:
    """Whether a path is that of a health check, to which no limit applies."""
    return path.removeprefix(prefix) in HEALTH


def refusal(problem: Problem, common: Headers, *, close: bool = False) -> Response:
    """The response to a request that the application does not see; `close` ends the connection with it."""
    response = problem.response()
    response.raw_headers.extend(common)
    if close:
        response.raw_headers.append((b"connection", b"close"))
    return response


class HeadersMiddleware:
    """Adds the common headers that a response has not of its own, its links before those of the service, and
    Cache-Control where it may be cached: after `settings.cache_seconds`, a cache may serve its copy for as long again
    while it revalidates it, and for STALE_IF_ERROR if that fails; of 0 seconds, it revalidates every use. Last-Modified
    is removed, since the same data would have other dates on other servers: ETag is the validator."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.common = common_headers(settings.prefix)
        self.links = dict(self.common)[b"link"]
        max_age = settings.cache_seconds
        stale = f", stale-while-revalidate={max_age}, stale-if-error={STALE_IF_ERROR}" if max_age else ""
        self.cache_control = f"public, max-age={max_age}{stale}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = dict(message["headers"])
                own.pop(b"last-modified", None)
                if b"link" in own:  # in one field, since some clients read only the first or the last of several
                    own[b"link"] += b", " + self.links
                if message["status"] < 400 and scope["method"] != "OPTIONS":
                    own.setdefault(b"cache-control", self.cache_control)
                common = [each for each in self.common if each[0] not in own]
                message = {**message, "headers": [*own.items(), *common]}
            await send(message)

        await self.app(scope, receive, send_with_headers)
