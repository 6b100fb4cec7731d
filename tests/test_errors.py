"""Errors: one shape for every refusal, the right status, and nothing of the inside."""

import logging
from typing import Any

import httpx
import pytest

from app.db.base import Session
from app.query.vocabulary import Vocabulary
from app.settings import Settings
from tests.conftest import Client, answer, eventually, serving


def problem(response: httpx.Response) -> dict[str, Any]:
    """The one shape of every refusal (RFC 9457)."""
    assert response.headers["Content-Type"] == "application/problem+json; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "ETag" not in response.headers
    assert "Last-Modified" not in response.headers
    found: dict[str, Any] = response.json()
    assert list(found) == ["type", "title", "status", "detail", "errors"]
    assert (found["type"], found["status"]) == ("about:blank", response.status_code)
    assert found["detail"]
    return found


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY"])
@pytest.mark.parametrize("path", ["/v1/measures", "/v1", "/docs", "/nowhere"])
def test_only_reading_is_allowed(client: Client, method: str, path: str) -> None:
    refused = client.request(method, path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    problem(refused)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404), ("/v1/", 404), ("/v1/measures/", 404), ("/v1/measure", 404), ("/v2/measures", 404),
        ("/v1/measures/%00", 404), ("/v1/measures/..%2f..%2fetc", 404), ("/v1/measures/x", 404), ("/nowhere/x.js", 404),
        ("/v1/measures/%00/history", 404),
        ("/V1", 404), ("/docs/", 404), ("/v1/measures/a/b", 404), ("/v1/documents//lines", 404),
        ("/v1/measures?q=%ff", 422), ("/v1/measures?" + "x=1&" * 300, 422), ("/v1/measures?q=" + "x" * 9_000, 422),
        ("/v1/measures?limit=1.5", 422), ("/v1/measures?limit=１", 422), ("/v1/measures?offset=10001", 422),
        ("/v1/measures?cursor=x", 422), ("/v1/measures?cursor=W10", 422), ("/v1/measures?limit=1&limit=2", 422),
        ("/v1/measures?cursor=" + "A" * 601, 422), ("/v1/measures?limit=", 422), ("/v1/measures?ministry=", 422),
        ("/v1?x=1", 422), ("/openapi.json?x=1", 422), ("/healthz?x=1", 422),
        ("/v1/measures?cursor=x&offset=1", 422), ("/readyz?x", 422),
        ("/.well-known/api-catalog?x=1", 422), ("/v1/budget-lines?amount_min=1e9", 422), ("/v1/measures?limit", 422),
        ("/v1/crosswalk?section=none", 422), ("/v1/budget-summary?group_by=ministry&sort=id", 422),
        ("/v1/packages/x/reconciliation", 404), ("/v1/packages/x/reconciliation?y=1", 422),
        ("/v1/exports?x=1", 422), ("/v1/exports/dataset.sqlite?x=1", 422), ("/v1/exports/catalog.jsonld?x=1", 422),
        ("/v1/exports/stages.csv?limit=1", 422), ("/v1/exports/none.csv", 404), ("/v1/documents/x/lines", 404),
    ],
)  # fmt: skip
def test_every_refusal_has_one_shape(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status, response.text
    problem(response)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/mesures", "/v1/measures"), ("/v1/budget-lines/", "/v1/budget-lines"), ("/v1/crosswlk", "/v1/crosswalk"),
        ("/v1/budget-sumary", "/v1/budget-summary"), ("/v1/exports/measure.csv", "/v1/exports/measures.csv"),
        ("/v1/exports/measures.xslx", "/v1/exports/measures.xlsx"), ("/health", "/healthz"),
    ],
)  # fmt: skip
def test_a_misspelled_path_names_the_right_one(client: Client, path: str, meant: str) -> None:
    assert f"Did you mean `{meant}`?" in answer(client, path, 404)["detail"]


def test_a_parameter_that_is_left_out_is_told_with_its_values(client: Client) -> None:
    (error,) = answer(client, "/v1/budget-summary", 422)["errors"]
    assert error["parameter"] == "group_by"
    assert "required" in error["message"]
    assert {"ministry", "pillar", "section"} < set(error["allowed"])


def test_all_errors_of_a_request_are_named_at_once(client: Client) -> None:
    found = answer(client, "/v1/budget-lines?ministy=mhlw&pillar=99&limit=501&sort=amout", 422)
    assert [(error["parameter"], error["did_you_mean"]) for error in found["errors"]] == [
        ("ministy", "ministry"), ("pillar", None), ("sort", "amount"), ("limit", None),
    ]  # fmt: skip


def test_an_exception_is_logged_and_not_told(
    first: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    with monkeypatch.context() as patch, serving(first) as client:
        logging.getLogger("uvicorn.error").addHandler(caplog.handler)
        patch.setattr("app.api.collections.read_record", fail)
        response = client.get("/v1/measures/biosimilar-uptake")
        assert response.status_code == 500
        assert "secret" not in response.text + str(response.headers)
        problem(response)
        eventually(lambda: "the secret of the house" in caplog.text)
        page = client.head("/measures/biosimilar-uptake")
        assert (page.status_code, page.headers["Content-Type"]) == (500, "text/html; charset=utf-8")
        assert "KeyError" not in caplog.text
        assert client.get("/v1/measures?limit=1").status_code == 200
        patch.undo()
        assert client.get("/v1/measures/biosimilar-uptake").status_code == 200
        logging.getLogger("uvicorn.error").removeHandler(caplog.handler)


def test_a_sum_is_stopped_at_its_deadline_between_groups(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(first) as client:
        for query in ("group_by=ministry&joint=true", "group_by=ministry,pillar&q=薬"):
            assert client.get(f"/v1/budget-summary?{query}").status_code == 200  # from now on the index is loaded
        monkeypatch.setattr(Session, "expired", True)
        for query in ("group_by=ministry&joint=true", "group_by=ministry,pillar&joint=true", "group_by=ministry"):
            refused = client.get(f"/v1/budget-summary?{query}")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            problem(refused)


def test_a_list_beyond_its_limit_is_refused_before_it_is_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[str] = []
    find = Vocabulary.find

    def counted(vocabulary: Vocabulary, value: str) -> tuple[str, ...]:
        found.append(value)
        return find(vocabulary, value)

    monkeypatch.setattr(Vocabulary, "find", counted)
    for query in ("ministry=" + "," * 8_000, "&".join(["ministry=" + "," * 30] * 190)):
        found.clear()
        (error,) = answer(client, f"/v1/budget-lines?{query}", 422)["errors"]
        assert "at most 200 values" in error["message"]
        assert len(found) < 200 * 10
