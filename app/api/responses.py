"""JSON responses from bytes, with links in the `Link` header."""

from collections.abc import Mapping

from starlette.responses import Response


def json_response(
    body: bytes,
    links: Mapping[str, str | None] | None = None,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A JSON response. The links of a page are in its header too (RFC 8288). The charset is named for clients that
    otherwise read ISO 8859-1, such as Windows PowerShell 5."""
    headers = dict(headers or {})
    if links is not None:
        headers["Link"] = ", ".join(f'<{target}>; rel="{relation}"' for relation, target in links.items() if target)
    return Response(body, headers=headers, media_type=f"{media_type}; charset=utf-8")
