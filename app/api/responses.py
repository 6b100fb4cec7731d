"""JSON responses from bytes, with links in the `Link` header."""

from collections.abc import Mapping

from starlette.responses import Response


def json_response(
    body: bytes, links: Mapping[str, str | None] | None = None, media_type: str = "application/json"
) -> Response:
    """A JSON response. The links of a page are in its header too (RFC 8288)."""
    if links is None:
        return Response(body, media_type=media_type)
    header = ", ".join(f'<{target}>; rel="{relation}"' for relation, target in links.items() if target)
    return Response(body, headers={"Link": header}, media_type=media_type)
