"""HTTP as clients, caches and browsers rely on it."""

import gzip
import logging
import re
import socket
import sqlite3
import threading
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from sqlalchemy import literal_column, select

from app.cli import main
from app.db import Statement
from app.db.sqlite import File
from app.errors import Problem
from app.main import create_app
from app.settings import Settings
from tests.conftest import Client, answer, serving

LIST = "/v1/budget-lines?ministry=mext"


def test_an_answer_may_be_kept_and_asked_again(client: Client) -> None:
    got = client.get(LIST, headers={"Accept-Encoding": "identity"})
    assert got.headers["Cache-Control"] == "public, max-age=300"
    assert got.headers["Vary"] == "Accept-Encoding"
    tag, modified = got.headers["ETag"], got.headers["Last-Modified"]
    assert tag.startswith('"')
    assert parsedate_to_datetime(modified).isoformat() == "2026-11-24T00:00:00+00:00"
    plain = {"Accept-Encoding": "identity"}
    for headers in ({"If-None-Match": tag}, {"If-None-Match": f'"x", W/{tag}'}, {"If-None-Match": "*"},
                    {"If-Modified-Since": modified}):  # fmt: skip
        same = client.get(LIST, headers={**plain, **headers})
        assert (same.status_code, same.content) == (304, b"")
        assert (same.headers["ETag"], same.headers["Cache-Control"]) == (tag, got.headers["Cache-Control"])
        assert "Content-Type" not in same.headers
    older = "Mon, 01 Jan 2024 00:00:00 GMT"
    for headers in ({"If-None-Match": '"x"'}, {"If-None-Match": '"x"', "If-Modified-Since": modified},
                    {"If-Modified-Since": older}, {"If-Modified-Since": "yesterday"}):  # fmt: skip
        assert client.get(LIST, headers={**plain, **headers}).status_code == 200


def test_a_compressed_answer_has_a_tag_of_its_own(client: Client) -> None:
    plain = client.get(LIST, headers={"Accept-Encoding": "identity"})
    packed = client.get(LIST, headers={"Accept-Encoding": "gzip;q=0.5, br"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.content == plain.content
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert int(packed.headers["Content-Length"]) < len(plain.content) / 3
    again = client.get(LIST, headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]})
    assert again.status_code == 304
    for header in ("gzip;q=0", "br", "gzip;q=x"):
        assert "Content-Encoding" not in client.get(LIST, headers={"Accept-Encoding": header}).headers
    assert "Content-Encoding" not in client.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers
    assert gzip.compress(plain.content, 6, mtime=0) == gzip.compress(plain.content, 6, mtime=0)


def test_any_origin_may_read_the_useful_headers(client: Client) -> None:
    got = client.get(LIST, headers={"Origin": "https://example.org"})
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    exposed = got.headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Link", "Retry-After"} <= {name.strip() for name in exposed.split(",")}
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    preflight = client.options(LIST, headers={**asked, "Access-Control-Request-Headers": "if-none-match"})
    assert (preflight.status_code, preflight.content) == (204, b"")
    assert "GET" in preflight.headers["Access-Control-Allow-Methods"]
    assert preflight.headers["Access-Control-Allow-Headers"] == "*"
    refused = client.get("/v1/measures?x=1", headers={"Origin": "https://example.org"})
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
@pytest.mark.parametrize("path", ["/v1/measures", "/v1", "/docs", "/nowhere"])
def test_only_reading_is_allowed(client: Client, method: str, path: str) -> None:
    refused = client.request(method, path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert problem(refused)["status"] == 405


def problem(response: httpx.Response) -> dict[str, Any]:
    """The one shape of every refusal."""
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Cache-Control"] == "no-store"
    assert "ETag" not in response.headers
    found: dict[str, Any] = response.json()
    assert list(found) == ["type", "title", "status", "detail", "errors"]
    assert (found["type"], found["status"]) == ("about:blank", response.status_code)
    return found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404), ("/v1/", 404), ("/v1/measures/", 404), ("/v1/measure", 404), ("/v2/measures", 404),
        ("/v1/measures/%00", 404), ("/v1/measures/..%2f..%2fetc", 404), ("/v1/measures/x", 404), ("/docs/x.js", 404),
        ("/v1/measures?q=%ff", 422), ("/v1/measures?" + "x=1&" * 300, 422), ("/v1/measures?q=" + "x" * 9_000, 422),
        ("/v1/measures?limit=1.5", 422), ("/v1/measures?limit=１", 422), ("/v1/measures?offset=10001", 422),
        ("/v1/measures?cursor=x", 422), ("/v1/measures?cursor=W10", 422), ("/v1/measures?limit=1&limit=2", 422),
        ("/v1/measures?cursor=" + "A" * 601, 422), ("/v1/measures?limit=", 422), ("/v1/measures?ministry=", 422),
        ("/v1?x=1", 422), ("/docs?x=1", 422), ("/openapi.json?x=1", 422), ("/healthz?x=1", 422), ("/?x=1", 422),
        ("/v1/measures?cursor=x&offset=1", 422), ("/terms?x=1", 422), ("/readyz?x", 422), ("/docs/page.css?x=1", 422),
        ("/.well-known/api-catalog?x=1", 422), ("/v1/budget-lines?amount_min=1e9", 422), ("/v1/measures?limit", 422),
        ("/v1/crosswalk?section=none", 422), ("/v1/budget-summary?group_by=ministry&sort=id", 422),
        ("/v1/packages/x/reconciliation", 404), ("/v1/packages/x/reconciliation?y=1", 422),
    ],
)  # fmt: skip
def test_every_refusal_has_one_shape(client: Client, path: str, status: int) -> None:
    response = client.get(path)
    assert response.status_code == status, response.text
    assert problem(response)["detail"]


def test_a_wrong_path_names_the_right_one(client: Client) -> None:
    assert "`/v1/measures`" in answer(client, "/v1/mesures", 404)["detail"]


@pytest.mark.parametrize(
    ("accept", "path", "status"),
    [
        ("*/*", LIST, 200), ("application/json", LIST, 200), ("application/*", LIST, 200), ("", LIST, 200),
        ("application/json, text/csv, application/problem+json", LIST, 200), ("text/html, */*;q=0.1", LIST, 200),
        ("text/csv", LIST, 406), ("text/html", LIST, 406), ("application/json;q=0", LIST, 406),
        ("text/html", "/docs", 200), ("application/json", "/docs", 406), ("text/*", "/terms", 200),
        ("application/json", "/.well-known/api-catalog", 200), ("text/csv", "/v1/measures?x=1", 422),
    ],
)  # fmt: skip
def test_accept_is_heard(client: Client, accept: str, path: str, status: int) -> None:
    response = client.get(path, headers={"Accept": accept})
    assert response.status_code == status
    if status >= 400:
        problem(response)


def test_links_are_in_the_body_and_in_the_header(client: Client) -> None:
    response = client.get("/v1/measures?limit=2&ministry=mhlw")
    links = response.json()["links"]
    for relation in ("self", "first", "next", "last"):
        assert f'<{links[relation]}>; rel="{relation}"' in response.headers["Link"]
    for relation, path in (("service-desc", "/openapi.json"), ("license", "/terms")):
        assert f'<{path}>; rel="{relation}"' in response.headers["Link"]
        assert client.get(path).status_code == 200


def test_links_begin_with_the_prefix_whatever_the_host_says(first: Settings) -> None:
    settings = Settings(database=first.database, prefix="/policy/shisaku")
    with serving(create_app(settings)) as client:
        for path in ("/policy/shisaku/v1/measures?limit=1", "/v1/measures?limit=1"):
            response = client.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
            assert "evil" not in response.text + str(response.headers)
            links = response.json()["links"]
            assert links["next"].startswith("/policy/shisaku/v1/measures?limit=1&cursor=")
            assert client.get(links["next"]).status_code == 200
        assert client.get("/", follow_redirects=False).headers["Location"] == "/policy/shisaku/docs"
        assert answer(client, "/openapi.json")["servers"][0]["url"] == "/policy/shisaku"
        assert answer(client, "/v1")["resources"][0]["list_path"].startswith("/policy/shisaku/v1/")
        assert 'href="/policy/shisaku/openapi.json"' in client.get("/docs").text
        assert "/policy/shisaku/v1/search" in answer(client, "/v1/search?q=薬")["links"]["self"]


def test_a_query_may_be_typed_as_it_is_spoken(client: Client) -> None:
    host, port = client.base_url.host, client.base_url.port
    request = f"GET /v1/budget-lines?pillar=③&ministry=厚 HTTP/1.1\r\nHost: {host}\r\n"
    for lines in (request, "GET /v1/measures?q=薬 HTTP/1.1\r\nHost: x\r\n"):
        with socket.create_connection((host, port or 80)) as connection:
            connection.sendall(f"{lines}Connection: keep-alive\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
    with socket.create_connection((host, port or 80)) as connection:
        connection.sendall("GET /v1/measures?q=薬&mini".encode())
        time.sleep(0.1)
        connection.sendall(b"stry=mhlw HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    with socket.create_connection((host, port or 80)) as connection:
        body = "GET /v1/measures?q=薬 HTTP/1.1\r\n\r\n".encode()
        head = f"POST /v1/measures HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 405")


def test_health_is_of_the_process_and_readiness_of_the_database(client: Client) -> None:
    assert answer(client, "/healthz") == {"status": "ok"}
    ready = answer(client, "/readyz")
    assert ready == {"status": "ready", **answer(client, "/v1")["dataset"]}
    assert client.get("/readyz").headers["Cache-Control"] == "no-store"


def test_the_catalogue_lists_what_there_is(client: Client) -> None:
    response = client.get("/.well-known/api-catalog")
    assert response.headers["Content-Type"] == "application/linkset+json"
    items, api = response.json()["linkset"]
    for item in items["item"]:
        assert client.get(item["href"]).status_code == 200
    for relation in ("service-desc", "service-doc", "service-meta", "status", "license"):
        assert client.get(api[relation][0]["href"]).status_code == 200


def test_pages_load_nothing_from_outside(client: Client) -> None:
    for path in ("/docs", "/terms", "/stability"):
        page = client.get(path)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        shown = re.sub(r'<script type="application/ld\+json">.*?</script>', "", page.text)  # data, which loads nothing
        assert not re.search("https?://", shown)
    for name in ("page.css", "start.js", "swagger-ui.css", "swagger-ui-bundle.js"):
        assert f"/docs/{name}" in client.get("/docs").text
        assert client.get(f"/docs/{name}").status_code == 200
    assert client.get("/", follow_redirects=True).url.path == "/docs"
    assert answer(client, "/v1")["dataset"]["digest"] in client.get("/terms").text


def plain(words: str) -> Any:
    """Words that are run as they are."""
    return SimpleNamespace(compiled=lambda _: (words, {}))


SLOW = plain("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000000) SELECT count(*) FROM n")


def test_a_question_that_takes_too_long_is_stopped(first: Settings) -> None:
    database = File(Settings(database=first.database, deadline_seconds=0.05))
    begun = time.monotonic()
    with pytest.raises(Problem) as caught:
        database.ask(lambda rows: rows(SLOW))
    assert time.monotonic() - begun < 2
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    assert database.ask(lambda rows: rows(plain("SELECT 1")))[0][0] == 1
    with pytest.raises(Exception, match="no such column"):
        database.ask(lambda rows: rows(Statement(select(literal_column("nothing_here")))))
    database.close()


def test_a_typed_request_line_may_come_in_pieces(client: Client) -> None:
    line = "GET /v1/budget-lines?ministry=厚&limit=0 HTTP/1.1\r\n".encode()
    at = line.index("厚".encode()) + 1
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        for piece in (line[:at], line[at:], b"Host: x\r\nConnection: close\r\n\r\n"):
            connection.sendall(piece)
            time.sleep(0.1)
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")


def test_a_date_beyond_all_dates_is_no_fault(client: Client) -> None:
    beyond = {"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}
    assert client.get("/v1", headers=beyond).status_code == 200


def test_a_sum_that_takes_too_long_is_stopped_between_its_groups(
    first: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(create_app(first)) as client:
        monkeypatch.setattr("app.db.Rows.late", True)
        for query in ("group_by=ministry&pillar=3", "group_by=ministry"):
            refused = client.get(f"/v1/budget-summary?{query}")
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
            problem(refused)


def test_more_questions_than_can_wait_are_told_to_come_back(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    ask = File.ask

    def held(self: File, question: Any) -> Any:
        gate.wait(10)
        return ask(self, question)

    settings = Settings(database=first.database, threads=1, queue=1, cache_bytes=0)
    app = create_app(settings)
    monkeypatch.setattr(File, "ask", held)
    with serving(app) as client:
        found: list[int] = []
        base = str(client.base_url)
        url = "/v1/measures?facet=kind"  # not light: it goes to a thread
        threads = [
            threading.Thread(target=lambda: found.append(httpx.get(f"{base}{url}").status_code)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
            time.sleep(0.3)
        refused = client.get(f"{url}&limit=1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        problem(refused)
        gate.set()
        for thread in threads:
            thread.join()
        assert found == [200, 200]


def test_what_goes_wrong_is_logged_and_not_told(
    first: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    app = create_app(first)
    monkeypatch.setattr("app.reading.routes.item", fail)
    with caplog.at_level(logging.ERROR), serving(app) as client:
        response = client.get("/v1/measures/biosimilar-uptake")
    assert response.status_code == 500
    assert "secret" not in response.text
    problem(response)
    assert "the secret of the house" in caplog.text


def test_the_database_cannot_be_written_through_the_service(first: Settings) -> None:
    database = File(Settings(database=first.database, threads=1))
    for statement in ("DELETE FROM measure", "ATTACH DATABASE 'x' AS y", "SELECT 1; DELETE FROM stage"):
        with pytest.raises(Exception, match=r"readonly database|too many attached|one statement"):
            database.ask(lambda rows, s=statement: rows(plain(s)))  # type: ignore[misc]
    database.close()
    connection = sqlite3.connect(first.database)
    assert connection.execute("SELECT count(*) FROM measure").fetchone() == (22,)
    connection.close()


def test_settings_are_held_to_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PREFIX", "shisaku"), ("PREFIX", "/a/"), ("THREADS", "0"), ("DEADLINE_SECONDS", "-1")):
        with monkeypatch.context() as patch:
            patch.setenv(f"SHISAKU_{name}", value)
            with pytest.raises(ValueError, match=name.lower()):
                Settings()
            result = CliRunner().invoke(main, ["serve"])
            assert result.exit_code == 1
            assert result.output.startswith(f"Error: SHISAKU_{name}: ")
    assert Settings(database=Path("x")).cache_seconds == 300
