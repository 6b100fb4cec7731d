"""Errors as pages: what happened, and ways on. Programs get the same as problem details."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from fastapi import Request
from starlette.responses import Response
from starlette.routing import get_route_path  # type: ignore[attr-defined] # the path without the prefix

from app.errors import ErrorCode, ParameterError, Problem
from app.http.representation import request_headers
from app.query.parser import COMMA
from app.site.render import page
from app.site.view import PageRoute, View, view_of


def problem_response(request: Request, problem: Problem) -> Response:
    """The response of an error: a page where a page was asked for, and problem details (RFC 9457) otherwise."""
    if problem.listed_at:
        problem.detail += f" `{request.scope['root_path']}{problem.listed_at}` lists them."
    if problem.successor:
        successor = f"{request.scope['root_path']}{problem.successor}"
        problem.detail += f" `{successor}` stands for it now."
        problem.headers["Link"] = f'<{successor}>; rel="successor-version"'
    if not (isinstance(request.scope.get("route"), PageRoute) or _by_a_reader(request)):
        return problem.response()
    view = view_of(request)
    return page(
        view,
        "error.html",
        problem.status,
        {"Cache-Control": "no-store", **problem.headers},
        problem=problem,
        mistakes=list(_mistakes(view, request, problem)),
    )


def _by_a_reader(request: Request) -> bool:
    """Whether a path that is neither a page's nor the API's was opened in a browser."""
    api = get_route_path(request.scope).startswith("/v1")
    return (
        not api and "route" not in request.scope and b"text/html" in request_headers(request.scope).get(b"accept", b"")
    )


def _mistakes(view: View, request: Request, problem: Problem) -> Iterator[tuple[ParameterError, str]]:
    """The errors of parameters, each with the address of the page under what was meant instead, if that is known."""
    sent = parse_qsl(request.scope["query_string"].decode("utf-8", "replace"))
    for error in problem.errors:
        meant = [_meant(name, value, error) for name, value in sent]
        query = urlencode([(name, value) for name, value in meant if name != "lang"])
        yield error, view.url(view.path, query) if meant != sent else ""


def _meant(name: str, value: str, error: ParameterError) -> tuple[str, str]:
    """A parameter as it was sent, or as it was meant, if it is the one in error and that is known."""
    meant = error.did_you_mean
    if name != error.parameter or not meant:
        return name, value
    if error.code == ErrorCode.UNKNOWN_PARAMETER:
        return meant, value
    if value == error.value:
        return name, meant
    return name, "".join(meant if each == error.value else each for each in COMMA.split(value))
