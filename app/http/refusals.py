"""Refusals before the cache: of requests that the server's protocol found wrong, of connections beyond the limit, and
of clients with too many requests in flight. Health checks are not limited."""

from collections import Counter
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import BUSY, Problem, unavailable
from app.http.headers import common_headers, is_health, refusal
from app.settings import Settings

OVER_CONNECTION_LIMIT = unavailable(BUSY, 1)
TOO_MANY = Problem(429, "This client asks too much at once. Wait for answers.", headers={"Retry-After": "1"})


class RefusalsMiddleware:
    """Answers a request whose state has a Problem or says that there are too many connections, and one more than
    `settings.requests_per_client` of a client in flight, where it is not 0."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.common = common_headers(settings.prefix)
        self.limit = settings.requests_per_client
        self.prefix = settings.prefix
        self.in_flight: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.get("state", {})
        if "problem" in state:
            await refusal(state["problem"], self.common, close=True)(scope, receive, send)
        elif scope["type"] != "http" or is_health(scope["path"], self.prefix):
            await self.app(scope, receive, send)
        elif "over_connection_limit" in state:
            await refusal(OVER_CONNECTION_LIMIT, self.common, close=True)(scope, receive, send)
        elif self.limit:
            await self._within_limit(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _within_limit(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = client_of(scope["client"][0]) if scope["client"] else ""  # a Unix socket has none
        if self.in_flight[client] >= self.limit:
            await refusal(TOO_MANY, self.common)(scope, receive, send)
            return
        self.in_flight[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.in_flight[client] -= 1
            if not self.in_flight[client]:
                del self.in_flight[client]


@lru_cache(maxsize=4_096)
def client_of(address: str) -> str:
    """Who asks from an address: the address, or of IPv6 its /64 network, all of whose addresses are one host's or one
    site's. A proxy may tell what is no address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address):
        return address
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))
