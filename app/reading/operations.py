"""Operations: one record says where something is asked, with which parameters, and what answers it; the dispatch, the
framework's routes and the OpenAPI document are made from it, and nothing here knows what it is about."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from app.errors import Problem, conflict
from app.reading.filters import Parameter
from app.reading.question import LONGEST_Q, MOST_VALUES, Question, ask
from app.reading.service import Snapshot

JSON = "application/json"
CONTENTS: Mapping[str, Any] = {
    "text/csv": {"type": "string"},
    "application/x-ndjson": {"type": "string"},
    "application/ld+json": {"type": "object", "additionalProperties": True},
}

# From a snapshot, the question, and the id in the path (empty where there is none).
Answer = Callable[[Snapshot, Question, str], Response | Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A GET of one path, which may hold one `{id}`. What has no `name` is not in the OpenAPI document; what is no
    JSON has a media type in place of a shape."""

    path: str
    answer: Answer
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    name: str = ""
    summary: str = ""
    description: str = ""
    tag: str = ""
    shape: type[Any] | None = None
    media_type: str = JSON

    def question(self, query_string: bytes, snapshot: Snapshot) -> Question:
        """What a request asks; raises a 422 Problem that names every fault, for what takes nothing ignores nothing."""
        question = ask(self.parameters, query_string, snapshot.dataset.vocabularies)
        if question.get("cursor") and question.number("offset"):  # clients send the default beside a cursor
            message = "`cursor` and `offset` are two places at once. Send one of them."
            raise Problem(422, message, errors=[conflict("offset", message)])
        return question


class Directory:
    """Finds the operation at a path in one look, however many there are."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._at: dict[str, Operation] = {}
        self._around: dict[tuple[str, str], Operation] = {}
        self.doors: list[str] = []  # paths that answer by themselves: no id, no parameter, no download
        for each in operations:
            before, *after = re.split(r"\{\w+\}", each.path)
            if after:
                self._around[before, after[0]] = each
            else:
                self._at[before] = each
                if each.media_type == JSON and not any(parameter.required for parameter in each.parameters.values()):
                    self.doors.append(before)

    def find(self, path: str) -> tuple[Operation, str] | None:
        """The operation and the id in the path. An id holds no slash, so it is the last piece or the one before."""
        found = self._at.get(path)
        if found is not None:
            return found, ""
        before, _, last = path.rpartition("/")
        found = self._around.get((f"{before}/", ""))
        if found is None:
            before, _, id_ = before.rpartition("/")
            found, last = self._around.get((f"{before}/", f"/{last}")), id_
        return (found, last) if found is not None and last else None


def respond(body: bytes, links: Mapping[str, str | None] | None = None, media_type: str = JSON) -> Response:
    """A JSON answer; its links are in the header too (RFC 8288)."""
    if links is None:
        return Response(body, media_type=media_type)
    told = ", ".join(f'<{to}>; rel="{rel}"' for rel, to in links.items() if to)
    return Response(body, headers={"Link": told}, media_type=media_type)


def register(app: FastAPI, operation: Operation, now: Callable[[], Snapshot], *, described: bool) -> None:
    """The operation as a route of the framework: its parameters are read by `ask`, and described from the same list.
    Only a description needs the shapes of answers, which take long to make."""

    async def endpoint(request: Request) -> Response:
        snapshot = now()
        question = operation.question(request.scope["query_string"], snapshot)
        response = operation.answer(snapshot, question, next(iter(request.path_params.values()), ""))
        return response if isinstance(response, Response) else await response

    app.add_api_route(operation.path, endpoint, response_class=Response, **(_told(operation) if described else {}))


def _told(operation: Operation) -> dict[str, Any]:
    """What the OpenAPI document says of it."""
    told: dict[str, Any] = {"description": f"{operation.summary}."}
    if operation.shape is None:
        binary = {"type": "string", "format": "binary"}
        told["content"] = {operation.media_type: {"schema": CONTENTS.get(operation.media_type, binary)}}
    else:
        told["model"] = operation.shape
    return {
        "operation_id": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "tags": [operation.tag],
        "responses": {200: told},
        "include_in_schema": bool(operation.name),
        "openapi_extra": {"parameters": [*_in_path(operation.path), *map(parameter, operation.parameters.values())]},
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": "The record's id.",
            "schema": {"type": "string", "maxLength": 200},
        }
        for name in names
    ]


def parameter(asked: Parameter) -> dict[str, Any]:
    """A parameter as the OpenAPI document tells it: arrays plain and exploded, nothing nullable."""
    shown: dict[str, Any] = {"name": asked.name, "in": "query", "required": asked.required}
    shown["description"] = asked.meaning
    schema = _schema(asked)
    if asked.many:
        shown |= {"style": "form", "explode": True}
        schema = {"type": "array", "items": schema, "maxItems": MOST_VALUES}
    if asked.default is not None:
        schema["default"] = asked.default == "true" if asked.kind == "boolean" else asked.default
    shown["schema"] = schema
    if asked.example is not None:
        shown["example"] = [asked.example] if asked.many else asked.example
    return shown


def _schema(parameter: Parameter) -> dict[str, Any]:
    match parameter.kind:
        case "integer":
            limits = {"minimum": parameter.minimum, "maximum": parameter.maximum}
            return {"type": "integer", "format": "int32", **limits}
        case "amount":
            return {"type": "integer", "format": "int64", "minimum": parameter.minimum}
        case "boolean":
            return {"type": "boolean"}
        case "choice":
            return {"type": "string", "enum": list(parameter.choices or ()), "title": parameter.schema}
        case _:
            return {"type": "string", "minLength": 1, "maxLength": parameter.maximum or LONGEST_Q}
