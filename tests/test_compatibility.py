"""A change that would break a client of the released API fails here, with a sentence, unless the version says so."""

import copy
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.api.openapi import COMMITTED
from tests.compatibility import RELEASED, bare, breaks

OLD: dict[str, Any] = orjson.loads(RELEASED.read_bytes())
LINES = "/v1/budget-lines"


# `Accept` no longer refuses anything: a client that handles 406 will never meet it.
WITHDRAWN = "response 406: it is gone"
# The bytes of these downloads are the same, under types that every generated client reads; few could read the others.
# Budget books print no day of issue, and review sheets no one budget: null says so, where any value would be invented.
NULLABLE = re.compile(r"field (issued|budget_kind): it may be null now$")
# Control characters were always refused there; the document says so now.
SAID = re.compile(r"parameter (q|cursor): pattern is .*, and was open$")
RETYPED = re.compile(r"/exports/\S+ response 200: it is no longer application/(vnd\.[\w.-]+|x-ndjson|zip)$")


def test_nothing_that_was_released_is_broken() -> None:
    found = breaks(OLD, bare(orjson.loads(COMMITTED.read_bytes())))
    known = (RETYPED, NULLABLE, SAID)
    found = [each for each in found if not (each.endswith(WITHDRAWN) or any(kind.search(each) for kind in known))]
    assert not found, "raise the major version, or keep what clients use:\n" + "\n".join(found)


def parameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(p for p in document["paths"][LINES]["get"]["parameters"] if p["name"] == name)
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "an operation removed": (lambda d: d["paths"].pop("/v1/search"), "GET /v1/search: the operation is gone"),
    "an operation renamed": (
        lambda d: d["paths"][LINES]["get"].update(operationId="list_lines"),
        "GET /v1/budget-lines: operationId list_budget_lines is now list_lines",
    ),
    "a parameter removed": (
        lambda d: d["paths"][LINES]["get"]["parameters"].remove(parameter(d, "joint")),
        "GET /v1/budget-lines parameter joint: it is gone",
    ),
    "a parameter made required": (
        lambda d: parameter(d, "q").update(required=True),
        "GET /v1/budget-lines parameter q: it is required now",
    ),
    "a new required parameter": (
        lambda d: d["paths"][LINES]["get"]["parameters"].append(
            {"name": "key", "in": "query", "required": True, "schema": {"type": "string"}}
        ),
        "GET /v1/budget-lines parameter key: it is new and required",
    ),
    "a narrowed maximum": (
        lambda d: parameter(d, "limit")["schema"].update(maximum=100),
        "GET /v1/budget-lines parameter limit: maximum is 100, and was 500",
    ),
    "a raised minimum": (
        lambda d: parameter(d, "limit")["schema"].update(minimum=1),
        "GET /v1/budget-lines parameter limit: minimum is 1, and was 0",
    ),
    "a pattern": (
        lambda d: parameter(d, "q")["schema"].update(pattern="^a"),
        "GET /v1/budget-lines parameter q: pattern is ^a, and was open",
    ),
    "an open vocabulary closed": (
        lambda d: parameter(d, "ministry")["schema"]["items"].update(enum=["mhlw"]),
        "GET /v1/budget-lines parameter ministry: it is one of a few values now",
    ),
    "a type changed": (
        lambda d: parameter(d, "amount_min")["schema"].update(type="string"),
        "GET /v1/budget-lines parameter amount_min: type is string, and was integer",
    ),
    "a sort removed": (
        lambda d: schema(d, "BudgetLineSort")["enum"].remove("amount"),
        "GET /v1/budget-lines parameter sort: amount can no longer be",
    ),
    "a field removed": (
        lambda d: schema(d, "Amount")["properties"].pop("oku_yen"),
        "GET /v1/budget-lines response 200 field data field amount field oku_yen: it is gone",
    ),
    "a field that may be left out": (
        lambda d: schema(d, "BudgetLine")["required"].remove("joint"),
        "GET /v1/budget-lines response 200 field data field joint: it may be left out now",
    ),
    "a field that may be null": (
        lambda d: schema(d, "BudgetLine")["properties"].update(
            joint={"anyOf": [{"type": "boolean"}, {"type": "null"}]}
        ),
        "GET /v1/budget-lines response 200 field data field joint: it may be null now",
    ),
    "a field of another type": (
        lambda d: schema(d, "BudgetLine")["properties"].update(joint={"type": "string"}),
        "GET /v1/budget-lines response 200 field data field joint: type is string, and was boolean",
    ),
    "a smaller number": (
        lambda d: schema(d, "Amount")["properties"]["jpy"]["anyOf"][0].update(format="int32"),
        "GET /v1/budget-lines response 200 field data field amount field jpy: format is int32, and was int64",
    ),
    "a value of a field removed": (
        lambda d: schema(d, "BudgetKind")["enum"].remove("initial"),
        "GET /v1/budget-lines response 200 field data field budget_kind: initial can no longer be",
    ),
    "another media type": (
        lambda d: d["paths"]["/v1/exports/stages.csv"]["get"]["responses"]["200"]["content"].update(
            {"text/plain": d["paths"]["/v1/exports/stages.csv"]["get"]["responses"]["200"]["content"].pop("text/csv")}
        ),
        "GET /v1/exports/stages.csv response 200: it is no longer text/csv",
    ),
    "an error no longer told": (
        lambda d: d["paths"][LINES]["get"]["responses"].pop("422"),
        "GET /v1/budget-lines response 422: it is gone",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_breaking_change_is_told(change: str) -> None:
    mutate, sentence = CHANGES[change]
    new = copy.deepcopy(OLD)
    mutate(new)
    assert sentence in breaks(OLD, new)
    new["info"]["version"] = "2.0.0"
    assert breaks(OLD, new) == []


def test_additions_break_nothing() -> None:
    new = copy.deepcopy(OLD)
    new["paths"]["/v1/more"] = new["paths"]["/v1/search"]
    parameter(new, "limit")["schema"].update(maximum=1_000)
    new["paths"][LINES]["get"]["parameters"].append(
        {"name": "more", "in": "query", "required": False, "schema": {"type": "string"}}
    )
    schema(new, "BudgetLine")["properties"]["more"] = {"type": "string"}
    schema(new, "BudgetLineSort")["enum"].append("more")
    assert breaks(OLD, new) == []
