"""Feeds of versions and changes, as feed readers take them."""

import re
import shutil
import subprocess
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from app.settings import Settings
from tests.conftest import Client, answer, serving, walk

ATOM = "{http://www.w3.org/2005/Atom}"
SINCE = "since=1.0.0&type=measures"
RUBY = shutil.which("ruby")
# Strictly: what is unknown is refused too. Entries may share an id by RFC 4287, which readers take for one entry.
VALIDATE = """
feed = RSS::Parser.parse($stdin.read, true, false)
ids = feed.entries.map { |each| each.id.content }
abort 'two entries have one id' if ids.uniq != ids
"""


def feed(client: Client, path: str) -> ElementTree.Element:
    """A feed that has what RFC 4287 demands of it and of its entries."""
    response = client.get(path)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/atom+xml"
    found = ElementTree.fromstring(response.content)  # noqa: S314 - our own
    assert found.tag == f"{ATOM}feed"
    assert text(found, "author/name")
    entries = found.findall(f"{ATOM}entry")
    for each in (found, *entries):
        for name in ("id", "title", "updated"):
            assert len(each.findall(f"{ATOM}{name}")) == 1
        assert text(each, "id").startswith("urn:uuid:")
        assert datetime.fromisoformat(text(each, "updated")).tzinfo
        alternate = [link for link in each.findall(f"{ATOM}link") if link.get("rel") == "alternate"]
        assert len(alternate) == 1
    assert links(found)["self"] == path or urlsplit(links(found)["self"]).query
    ids = [text(each, "id") for each in entries]
    assert len(set(ids)) == len(ids)
    return found


def text(element: ElementTree.Element, path: str) -> str:
    found = element.find("/".join(f"{ATOM}{name}" for name in path.split("/")))
    assert found is not None
    return found.text or ""


def links(element: ElementTree.Element) -> dict[str, str]:
    return {link.get("rel", ""): link.get("href", "") for link in element.findall(f"{ATOM}link")}


def titles(found: ElementTree.Element) -> list[str]:
    return [text(each, "title") for each in found.findall(f"{ATOM}entry")]


def test_versions_can_be_followed(whole: Client) -> None:
    rows = answer(whole, "/v1/versions")["data"]
    found = feed(whole, "/v1/versions.atom")
    assert titles(found) == [row["name"]["en"] for row in rows]
    assert [text(each, "updated") for each in found.findall(f"{ATOM}entry")] == [
        f"{row['released']['date']}T00:00:00Z" for row in rows
    ]
    assert titles(feed(whole, "/v1/versions.atom?lang=ja")) == [row["name"]["ja"] for row in rows]


def test_a_filtered_list_of_changes_can_be_followed_from_page_to_page(whole: Client) -> None:
    rows: list[Any] = list(islice(walk(whole, f"/v1/changes?{SINCE}"), 25))
    path = f"/v1/changes.atom?{SINCE}&limit=10"
    found: list[ElementTree.Element] = []
    while len(found) < len(rows):
        page = feed(whole, path)
        found += page.findall(f"{ATOM}entry")
        path = links(page).get("next", "")
        if not path:
            break
    assert [text(each, "title") for each in found][: len(rows)] == [
        f"{row['action']}: {row['name']['en']} (measures)" for row in rows
    ]
    assert "(since=1.0.0&type=measures)" in text(feed(whole, f"/v1/changes.atom?{SINCE}&limit=1"), "title")
    assert text(found[0], "summary") == rows[0]["summary"]["en"]
    assert whole.get(links(found[0])["alternate"]).status_code == 200
    assert answer(whole, "/v1/changes.atom?typ=measures", 422)["errors"][0]["did_you_mean"] == "type"


@pytest.mark.parametrize("character", ["\uffff", "\ufffe", "\x0b"])
def test_what_xml_has_no_character_for_is_refused(character: str, whole: Client) -> None:
    for path in ("/v1/changes.atom", "/v1/changes"):
        refused = whole.get(path, params={"q": f"薬{character}"})
        assert refused.status_code == 422
        assert "noncharacter" in refused.json()["detail"]


def test_feeds_of_other_filters_are_other_feeds_and_the_same_ones_keep_their_id(whole: Client) -> None:
    ids = [
        text(feed(whole, f"/v1/changes.atom{query}"), "id")
        for query in (
            "",
            "?type=measures",
            "?type=measures&lang=ja",
            "?type=measures&limit=3",
            "?limit=3&type=measures",
        )
    ]
    assert len(set(ids)) == 3
    assert ids[1] == ids[3] == ids[4]


def test_a_reader_that_asks_again_gets_304(whole: Client) -> None:
    first = whole.get(f"/v1/changes.atom?{SINCE}")
    again = whole.get(f"/v1/changes.atom?{SINCE}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.fixture(scope="module")
def public(everything: Settings) -> Any:
    with serving(everything.model_copy(update={"origin": "https://policy.example"})) as client:
        yield client


def test_addresses_have_the_host_where_it_is_known(public: Client) -> None:
    found = feed(public, "/v1/versions.atom?lang=en")
    assert links(found)["self"] == "https://policy.example/v1/versions.atom?lang=en"
    assert links(found)["alternate"] == "https://policy.example/versions?lang=en"
    (entry, *_) = found.findall(f"{ATOM}entry")
    assert links(entry)["alternate"].startswith("https://policy.example/versions/")


def refusal(text: str) -> str:
    """What the validator of Ruby's library `rss` says of a feed; empty if it is valid."""
    assert RUBY
    command = [RUBY, "-E", "UTF-8", "-r", "rss", "-e", VALIDATE]
    result = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    return result.stderr if result.returncode else ""


WITH_RUBY = pytest.mark.skipif(RUBY is None, reason="ruby is not installed, which validates feeds")


@WITH_RUBY
@pytest.mark.parametrize(
    "query",
    ["versions.atom", "versions.atom?lang=ja", "changes.atom?limit=500", f"changes.atom?{SINCE}&lang=ja&limit=3"],
)
def test_feeds_are_valid(query: str, whole: Client, public: Client) -> None:
    for client in (whole, public):
        assert not refusal(client.get(f"/v1/{query}").text)


@WITH_RUBY
@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        (r"(?<=</title>)<updated>[^<]*</updated>(?=<link)", "", "<updated> is missing in tag <entry>"),
        (r"(<id>[^<]*</id>)", r"\1\1", "<id> is too much"),
        (r"(?<=<entry>)<id>[^<]*</id>", "<id>urn:uuid:1</id>", "two entries have one id"),
        (r"[0-9-]{10}T00:00:00Z", "29 November", "of tag <updated> is not available"),
        (r"<author>.*</author>", "", "<author> is missing"),
        (r"<entry>", "<entry><issued/>", "is not expected in tag <entry>"),
        (r"</feed>", "", "not well"),
    ],
)
def test_a_feed_that_is_broken_is_refused(pattern: str, replacement: str, message: str, whole: Client) -> None:
    broken, count = re.subn(pattern, replacement, whole.get("/v1/changes.atom?limit=3").text)
    assert count
    assert message in refusal(broken)


def test_pages_name_their_feeds(whole: Client) -> None:
    assert "/v1/versions.atom?lang=en" in whole.get("/measures?lang=en").text
    listed = whole.get("/changes?type=measures&lang=en").text
    assert '<a href="/v1/changes.atom?type=measures&amp;lang=en">Atom</a>' in listed
    assert 'title="Changes" href="/v1/changes.atom?type=measures&amp;lang=en"' in listed
