"""Responses that routes make themselves, and how the OpenAPI document describes them."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

TEXT = {"type": "string"}  # schemas of bodies that are not JSON
BINARY = {**TEXT, "format": "binary"}


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


def described_response(media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a route that say what its response is, where that is not JSON of a model."""
    return {"response_class": Response, "responses": {200: {"content": {media_type: {"schema": schema}}}}}


def attachment(filename: str) -> dict[str, str]:
    """The header by which a browser saves a response under a name."""
    return {"Content-Disposition": f'attachment; filename="{filename}"'}
