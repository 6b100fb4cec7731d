"""HTTP as clients, caches and browsers rely on it: validators, compression, CORS, HEAD, links, pages."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from app.http.negotiation import accepts_gzip
from app.http.protocol import HttpProtocol
from app.settings import Settings
from tests.conftest import Client, answer, serving, visible

LIST = "/v1/budget-lines?ministry=mext"
PLAIN = {"Accept-Encoding": "identity"}


def test_a_response_may_be_kept_and_validated(client: Client) -> None:
    got = client.get(LIST, headers=PLAIN)
    assert got.headers["Cache-Control"] == "public, max-age=300, stale-while-revalidate=300, stale-if-error=86400"
    assert got.headers["Vary"] == "Accept-Encoding"
    tag = got.headers["ETag"]
    assert tag.startswith('"')
    assert "Last-Modified" not in got.headers
    for headers in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"x", W/{tag}'},
        {"If-None-Match": "*"},
    ):
        same = client.get(LIST, headers={**PLAIN, **headers})
        assert (same.status_code, same.content) == (304, b"")
        assert (same.headers["ETag"], same.headers["Cache-Control"]) == (tag, got.headers["Cache-Control"])
        assert "Content-Type" not in same.headers
    for headers in (
        {"If-None-Match": '"x"'},
        {"If-None-Match": '"x"', "If-Modified-Since": NEWER},
        {"If-Modified-Since": NEWER},
        {"If-Modified-Since": OLDER},
        {"If-Modified-Since": "yesterday"},
        {"If-Modified-Since": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"},
    ):
        assert client.get(LIST, headers={**PLAIN, **headers}).status_code == 200


def test_a_compressed_response_has_its_own_validator(client: Client) -> None:
    plain = client.get(LIST, headers=PLAIN)
    compressed = client.get(LIST, headers={"Accept-Encoding": "gzip;q=0.5, br"})
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.content == plain.content
    assert compressed.headers["ETag"] != plain.headers["ETag"]
    assert int(compressed.headers["Content-Length"]) < len(plain.content) / 3
    again = client.get(LIST, headers={"Accept-Encoding": "gzip", "If-None-Match": compressed.headers["ETag"]})
    assert again.status_code == 304
    for header in ("gzip;q=0", "br", "gzip;q=x"):
        assert "Content-Encoding" not in client.get(LIST, headers={"Accept-Encoding": header}).headers
    assert "Content-Encoding" not in client.get("/healthz", headers={"Accept-Encoding": "gzip"}).headers


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True), ("GZIP", True), ("br;q=1, gzip;q=0.3", True), ("*;q=0.2", True), ("gzip;level=1", True),
        ("gzip;q=0, *", False), ("", False), ("br", False), ("gzip;q=x", False), ("*;q=0", False), ("identity", False),
    ],
)  # fmt: skip
def test_gzip_is_used_where_it_is_accepted(header: str, accepted: bool) -> None:
    assert accepts_gzip(header.encode()) is accepted


def test_a_large_response_is_compressed_the_same(client: Client) -> None:
    url = "/openapi.json"  # more bytes than are compressed on the event loop
    zipped = {"Accept-Encoding": "gzip"}
    compressed, plain = client.get(url, headers=zipped), client.get(url, headers=PLAIN)
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert compressed.content == plain.content
    assert visible(client.get(url, headers=zipped)) == visible(compressed)


OLDER, NEWER = "Mon, 01 Jan 2024 00:00:00 GMT", "Fri, 01 Jan 2027 00:00:00 GMT"
TAGS = ["TAG", "W/TAG", '"x"', '"x", TAG', 'W/"x",W/TAG', "*", ""]  # TAG is that of the response
DATES = [OLDER, NEWER, "yesterday", ""]
FILE = "/v1/exports/datapackage.zip"


def expected_status(tag: str, sent: dict[str, str]) -> int:
    """RFC 9110, section 13.2.2, step by step, for a response that has a tag, and no date that one could compare."""

    def has(name: str, *, weak: bool) -> bool:
        listed = [each.strip() for each in sent[name].split(",")]
        return "*" in listed or tag in listed or (weak and f"W/{tag}" in listed)

    if "If-Match" in sent and not has("If-Match", weak=False):
        return 412
    if "If-None-Match" in sent and has("If-None-Match", weak=True):
        return 304
    return 206 if sent.get("Range") == "bytes=0-9" and sent.get("If-Range", tag) == tag else 200


def some(**values: list[str]) -> st.SearchStrategy[dict[str, str]]:
    """Headers, each of which may be left out."""
    return st.fixed_dictionaries({}, optional={k.replace("_", "-"): st.sampled_from(v) for k, v in values.items()})


PRECONDITIONS = some(
    If_Match=TAGS, If_None_Match=TAGS, If_Unmodified_Since=DATES, If_Modified_Since=DATES,
)  # fmt: skip


@given(
    PRECONDITIONS,
    st.sampled_from([LIST, "/docs", "/v1/exports/stages.csv", "/v1/exports/stages.xlsx", FILE]),
    st.sampled_from(["GET", "HEAD"]),
    st.sampled_from(["identity", "gzip"]),
    some(Range=["bytes=0-9", "bytes=99999999-", "lines=0-9"], If_Range=["TAG", '"x"', "W/TAG", OLDER, NEWER]),
)
def test_preconditions_are_evaluated_in_their_order(
    client: Client, given_: dict[str, str], path: str, method: str, coding: str, range_: dict[str, str]
) -> None:
    plain = client.head(path, headers={"Accept-Encoding": coding})
    tag = plain.headers["ETag"]
    sent = given_ | (range_ if path == FILE else {})
    sent = {name: value.replace("TAG", tag) for name, value in sent.items()}
    found = client.request(method, path, headers={"Accept-Encoding": coding, **sent})
    if method == "HEAD":
        sent.pop("Range", None)  # which is defined for GET alone
    expected = expected_status(tag, sent)
    if expected == 200 and sent.get("Range") == "bytes=99999999-" and sent.get("If-Range", tag) == tag:
        expected = 416
    assert found.status_code == expected, sent
    if expected >= 400:
        assert found.headers["Content-Type"] == "application/problem+json; charset=utf-8"
        assert "ETag" not in found.headers
        assert found.headers["Access-Control-Allow-Origin"] == "*"
        if method == "GET":
            assert found.json()["status"] == expected
    assert "Last-Modified" not in found.headers
    if expected == 304:
        assert (found.content, found.headers["ETag"]) == (b"", tag)


@pytest.mark.parametrize("path", ["/nowhere", "/v1/measures/nothing", "/v1/measures?x=1", "/measures?x=1"])
def test_preconditions_make_no_other_refusal(client: Client, path: str) -> None:
    plain = client.get(path, follow_redirects=False)
    for headers in ({"If-Match": '"x"'}, {"If-Unmodified-Since": OLDER}, {"If-None-Match": "*"}):
        assert client.get(path, headers=headers, follow_redirects=False).status_code == plain.status_code


@pytest.mark.parametrize("unit", ["lines=0-9", "items=1", "rows 1-2", "x=bytes=0-9"])
def test_a_range_of_an_unknown_unit_is_ignored(client: Client, unit: str) -> None:
    assert visible(client.get(FILE, headers={"Range": unit})) == visible(client.get(FILE))
    assert client.get(FILE, headers={"Range": "BYTES=0-9"}).status_code == 206


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        (LIST, "application/json"), ("/v1", "application/json"), ("/openapi.json", "application/json"),
        ("/healthz", "application/json"), ("/readyz", "application/json"), ("/nowhere", "application/problem+json"),
        ("/v1/measures?x=1", "application/problem+json"), ("/v1/exports/stages.ndjson", "text/x-ndjson"),
        ("/v1/exports/stages.csv", "text/csv"), ("/v1/exports/catalog.jsonld", "application/ld+json"),
        ("/.well-known/api-catalog", "application/linkset+json"), ("/docs", "text/html"),
        ("/static/style.css", "text/css"), ("/static/script.js", "text/javascript"), ("/sitemap.xml", "text/xml"),
        ("/robots.txt", "text/plain"), ("/llms.txt", "text/markdown"), ("/measures?kind=programme", "text/html"),
    ],
)  # fmt: skip
def test_every_text_names_its_charset(client: Client, path: str, media_type: str) -> None:
    for _ in range(2):
        assert client.get(path).headers["Content-Type"] == f"{media_type}; charset=utf-8"
    assert client.post(path).headers["Content-Type"] == "application/problem+json; charset=utf-8"


@pytest.mark.parametrize("query", ["fbclid=x", "utm_source=a&utm_medium=b", "limit=x&x", "%ff", "x=" + "1" * 9_000])
@pytest.mark.parametrize("path", ["/", "/docs", "/static/style.css", "/terms", "/stability"])
def test_pages_for_people_ignore_parameters(client: Client, path: str, query: str) -> None:
    found = client.get(f"{path}?{query}", follow_redirects=False)
    assert visible(found) == visible(client.get(path, follow_redirects=False))


@pytest.mark.parametrize("accept", ["text/csv", "text/html", "application/json;q=0", "nonsense", ""])
@pytest.mark.parametrize("path", [LIST, "/docs", "/v1/exports/stages.csv", "/v1/measures?x=1"])
def test_accept_changes_nothing(client: Client, accept: str, path: str) -> None:
    assert visible(client.get(path, headers={"Accept": accept})) == visible(client.get(path))


def test_any_origin_may_read_the_useful_headers(client: Client) -> None:
    got = client.get(LIST, headers={"Origin": "https://example.org"})
    assert visible(got) == visible(client.get(LIST))  # a shared cache may give it to any origin
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    exposed = got.headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Link", "Retry-After"} <= {name.strip() for name in exposed.split(",")}
    refused = client.get("/v1/measures?x=1", headers={"Origin": "https://example.org"})
    assert refused.headers["Access-Control-Allow-Origin"] == "*"


def test_cors_preflight_allows_reading_with_any_header(client: Client) -> None:
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    preflight = client.options(LIST, headers={**asked, "Access-Control-Request-Headers": "if-none-match"})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert "if-none-match" in preflight.headers["Access-Control-Allow-Headers"]
    assert preflight.headers["X-Content-Type-Options"] == "nosniff"
    assert len(preflight.headers.get_list("Access-Control-Allow-Origin")) == 1
    private = client.options(LIST, headers={**asked, "Access-Control-Request-Private-Network": "true"})
    assert (private.status_code, private.headers["Access-Control-Allow-Private-Network"]) == (200, "true")
    methods = [("Access-Control-Request-Method", each) for each in ("POST", "GET")]
    assert client.options(LIST, headers=[("Origin", "https://example.org"), *methods]).status_code == 204
    refused = client.options(LIST, headers={**asked, "Access-Control-Request-Method": "POST"})
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Methods" not in refused.headers


def test_options_tells_what_is_allowed(client: Client) -> None:
    for path in (LIST, "/docs", "/nowhere"):
        response = client.options(path)
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
        assert "Cache-Control" not in response.headers


@pytest.mark.parametrize(
    "path",
    [
        "/v1/budget-lines", "/v1/budget-lines/nothing", "/v1/changes", "/v1/stages/basic-research", "/", "/v1",
        "/docs", "/static/icon.svg", "/healthz", "/readyz", "/openapi.json", "/nowhere", "/v1/measures?x=1",
        "/v1/crosswalk", "/v1/budget-summary?group_by=ministry", "/v1/exports", "/v1/exports/stages.csv",
        "/v1/exports/stages.xlsx", "/v1/exports/dataset.sqlite", "/.well-known/api-catalog",
    ],
)  # fmt: skip
def test_head_is_get_without_the_body(path: str, client: Client) -> None:
    for headers in (PLAIN, {"Accept-Encoding": "gzip"}, {"If-None-Match": "*"}):
        got, headed = client.get(path, headers=headers), client.head(path, headers=headers)
        assert headed.content == b""
        got.headers.pop("Transfer-Encoding", None)  # of the body
        assert visible(headed)[:2] == visible(got)[:2]


def test_links_are_in_the_body_and_in_one_header(client: Client) -> None:
    response = client.get("/v1/measures?limit=2&ministry=mhlw")
    for path in ("/v1/measures?limit=2", "/v1/measures/nothing", "/docs", "/v1", "/v1/exports/stages.csv"):
        assert len(client.get(path).headers.get_list("Link")) == 1
    links = response.json()["links"]
    for relation in ("self", "first", "next", "last"):
        assert f'<{links[relation]}>; rel="{relation}"' in response.headers["Link"]
    for relation, path in (("service-desc", "/openapi.json"), ("license", "/terms")):
        assert f'<{path}>; rel="{relation}"' in response.headers["Link"]
        assert client.get(path).status_code == 200


def test_links_begin_with_the_prefix_whatever_the_host_header_says(first: Settings) -> None:
    with serving(first.model_copy(update={"prefix": "/policy/shisaku"})) as client:
        for path in ("/policy/shisaku/v1/measures?limit=1", "/v1/measures?limit=1"):
            response = client.get(path, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
            assert "evil" not in response.text + str(response.headers)
            links = response.json()["links"]
            assert links["next"].startswith("/policy/shisaku/v1/measures?limit=1&cursor=")
            assert client.get(links["next"]).status_code == 200
        assert answer(client, "/openapi.json")["servers"][0]["url"] == "/policy/shisaku"
        assert answer(client, "/v1")["resources"][0]["list_path"].startswith("/policy/shisaku/v1/")
        assert 'href="/policy/shisaku/openapi.json"' in client.get("/docs").text
        assert "/policy/shisaku/v1/search" in answer(client, "/v1/search?q=薬")["links"]["self"]
        assert answer(client, "/policy/shisaku/v1/mesures", 404)["detail"].count("`/policy/shisaku/v1/measures`") == 1
        assert answer(client, "/v1/measures/x", 404)["detail"].endswith(" `/policy/shisaku/v1/measures` lists them.")


RAW = [
    text.encode()
    for text in (
        "GET /v1/budget-lines?pillar=③&ministry=厚 HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD /x?あ HTTP/1.1\r\nHost: x\r\nX: あ\r\nContent-Length: 0\r\n\r\n",
        "GET /v1/measures?q=薬 HTTP/1.1\r\nHost: x\r\nX: 薬\r\n\r\n",
    )
]


class Transport(asyncio.Transport):
    """Takes what a server sends."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.written = asyncio.Event()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """It never holds anything."""

    def write(self, data: Any) -> None:
        self.sent += data
        self.written.set()

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """It has no other end."""

    def pause_reading(self) -> None:
        """The test sends when it likes."""

    def resume_reading(self) -> None:
        """The same."""


@given(st.lists(st.integers(0, max(map(len, RAW))), max_size=6))
def test_a_query_may_be_sent_as_utf8_in_any_pieces(cuts: list[int]) -> None:
    seen: list[tuple[str, str, bytes]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message["more_body"]:
                break
        seen.append((scope["method"], scope["query_string"].decode(), body))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def run() -> None:
        config = uvicorn.Config(app, http=HttpProtocol, log_config=None, access_log=False)
        config.load()
        protocol = HttpProtocol(config, ServerState(), {})
        transport = Transport()
        protocol.connection_made(transport)
        places = [0, *sorted(cuts), None]
        async with asyncio.timeout(60):
            for number, text in enumerate(RAW, 1):
                for piece in (text[start:end] for start, end in pairwise(places)):
                    if piece:  # a transport never delivers nothing
                        protocol.data_received(piece)
                while transport.sent.count(b"200 OK") < number:
                    await transport.written.wait()
                    transport.written.clear()
        protocol.connection_lost(None)

    asyncio.run(run())
    assert seen == [
        ("GET", "pillar=%E2%91%A2&ministry=%E5%8E%9A", b""),
        ("HEAD", "%E3%81%82", b""),
        ("GET", "q=%E8%96%AC", b""),
    ]


def test_health_is_of_the_process_and_readiness_of_the_database(client: Client) -> None:
    assert answer(client, "/healthz") == {"status": "ok"}
    ready = answer(client, "/readyz")
    assert ready == {"status": "ready", **answer(client, "/v1")["dataset"]}
    assert client.get("/readyz").headers["Cache-Control"] == "no-store"


def test_the_api_catalogue_links_to_what_there_is(client: Client) -> None:
    response = client.get("/.well-known/api-catalog")
    assert response.headers["Content-Type"] == "application/linkset+json; charset=utf-8"
    items, api = response.json()["linkset"]
    for item in items["item"]:
        assert client.get(item["href"]).status_code == 200
    for relation in ("service-desc", "service-doc", "service-meta", "status", "license"):
        assert client.get(api[relation][0]["href"]).status_code == 200


def test_every_resource_and_example_url_answers(client: Client) -> None:
    described = answer(client, "/v1")
    for resource in described["resources"]:
        assert answer(client, resource["list_path"], limit=1)["meta"]["dataset"] == described["dataset"]
