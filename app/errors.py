"""Problem details (RFC 9457): the one shape of every error response."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
MAX_LISTED = 50  # allowed values listed in an error

# Written out, because http.HTTPStatus renames some of them from one Python to the next.
TITLES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    410: "Gone",
    412: "Precondition Failed",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


class ErrorCode(StrEnum):
    """What is wrong with a parameter."""

    UNKNOWN_PARAMETER = "unknown_parameter"
    UNKNOWN_VALUE = "unknown_value"
    INVALID_VALUE = "invalid_value"
    REPEATED_PARAMETER = "repeated_parameter"
    CONFLICT = "conflict"


class ParameterError(BaseModel):
    """One parameter that could not be used, and what would be."""

    model_config = ConfigDict(frozen=True)

    parameter: str = Field(description="The parameter as it was sent.")
    value: str | None = Field(
        description="The value that was refused, cut after 200 characters; null when the name was."
    )
    code: ErrorCode = Field(description="What is wrong, for programs.")
    message: str = Field(description="What is wrong and what to do, for people.")
    allowed: list[str] = Field(description="What is allowed; the first 50 where there are more.")
    did_you_mean: str | None = Field(description="The nearest allowed value, when one is near.")


class ProblemDetails(BaseModel):
    """An error answer, RFC 9457."""

    type: str = Field(description="`about:blank`: the status says what kind of problem it is.")
    title: str = Field(description="The status in words.")
    status: int = Field(description="The HTTP status.", json_schema_extra={"format": "int32"})
    detail: str = Field(description="What happened and what to do.")
    errors: list[ParameterError] = Field(description="One entry for each parameter at fault; empty otherwise.")


class Problem(Exception):  # noqa: N818 - the name is the RFC's
    """An error response: raised anywhere, answered as `application/problem+json`."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Iterable[ParameterError] = (),
        headers: Mapping[str, str] | None = None,
        listed_at: str = "",
        successor: str | None = None,
    ) -> None:
        """Paths are without the prefix: `listed_at` is that of a list of what was looked for, `successor` that of what
        replaced a record that was withdrawn, empty if nothing did."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.listed_at = listed_at
        self.successor = successor

    def response(self) -> Response:
        details = ProblemDetails(
            type="about:blank",
            title=TITLES.get(self.status, "Error"),
            status=self.status,
            detail=self.detail,
            errors=list(self.errors),
        )
        body = orjson.dumps(details.model_dump(mode="json"))
        headers = {"Cache-Control": "no-store", **self.headers}
        return Response(body, self.status, headers, f"{MEDIA_TYPE}; charset=utf-8")


BUSY = "Too many questions at once. Try again shortly."
SERVER_ERROR = Problem(500, "Something went wrong here. It is not your request; try again later.")


def unavailable(detail: str, retry_after: int) -> Problem:
    """A 503 Problem; `retry_after` is in seconds."""
    return Problem(503, detail, headers={"Retry-After": str(retry_after)})


def prefixed(sentence: str, prefix: str) -> str:
    """A sentence with the prefix before each path that it names."""
    return sentence.replace("`/v1", f"`{prefix}/v1")


def parameter_error(
    parameter: str,
    message: str,
    code: ErrorCode = ErrorCode.INVALID_VALUE,
    *,
    value: str | None = None,
    allowed: Iterable[str] = (),
    did_you_mean: str | None = None,
) -> ParameterError:
    """An error of a parameter, with a value that is cut and values that are allowed, the first of them."""
    return ParameterError(
        parameter=parameter,
        value=None if value is None else cut(value),
        code=code,
        message=message,
        allowed=list(allowed)[:MAX_LISTED],
        did_you_mean=did_you_mean,
    )


def cut(value: str) -> str:
    """A value as errors show it."""
    return value if len(value) <= 200 else value[:200] + "…"


def conflict(parameter: str, message: str) -> Problem:
    """The refusal of a parameter that contradicts another, or itself."""
    return Problem(422, message, errors=[parameter_error(parameter, message, ErrorCode.CONFLICT)])
