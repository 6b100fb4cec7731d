"""Citations: read back by the parsers of those formats, for every record and for any text."""

import re
from datetime import date
from typing import Any

import orjson
import pytest
import rispy
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import LatexDecodingMiddleware
from hypothesis import given
from hypothesis import strategies as st

from app.query.citations import Citation, bibtex, csl, ris
from app.query.resource import Resource
from app.resources import RESOURCES
from app.resources.facts import FACTS
from app.schemas import Name
from app.settings import Settings
from tests.conftest import Client, answer, serving, some, walk

EVERY_DATABASE = True

EACH = pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)

# What the schema of CSL 1.0.2 says of the fields used here: a further field would be one that processors do not know.
CSL = {"id", "type", "title", "author", "issued", "publisher", "version", "language", "note", "container-title", "URL"}


def read_bibtex(text: str) -> tuple[str, str, dict[str, str]]:
    """Type, key and fields of the one entry, as a reader sees them."""
    library = parse_string(text, append_middleware=[LatexDecodingMiddleware()])
    assert not library.failed_blocks
    (entry,) = library.entries
    fields = {field.key: str(field.value) for field in entry.fields}
    return entry.entry_type, entry.key, {name: unbraced(value) for name, value in fields.items()}


def unbraced(value: str) -> str:
    return value.removeprefix("{").removesuffix("}")


def read_ris(text: str) -> dict[str, Any]:
    assert all(line[2:6] == "  - " for line in text.removesuffix("\r\n").split("\r\n"))
    assert text.startswith("TY  - DATA\r\n")
    assert text.endswith("ER  - \r\n")
    reference: dict[str, Any]
    (reference,) = rispy.loads(text)
    return reference


def check_csl(items: Any) -> dict[str, Any]:
    (item,) = items
    assert {"id", "type"} <= set(item) <= CSL
    assert item["type"] == "dataset"
    assert all(isinstance(item[name], str) for name in CSL - {"author", "issued"} if name in item)
    assert all(set(author) == {"literal"} for author in item["author"])
    ((year, month, day),) = item["issued"]["date-parts"]
    date(year, month, day)
    found: dict[str, Any] = item
    return found


def read(client: Client, path: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The citations at a path: BibTeX, RIS, CSL-JSON."""
    texts = {}
    for extension, media_type in {"bib": "text/plain", "ris": "text/plain", "json": "application/json"}.items():
        response = client.get(f"{path}/citation.{extension}")
        assert response.status_code == 200
        assert response.headers["Content-Type"].partition(";")[0] == media_type
        assert response.headers["Content-Disposition"].endswith(f'.{extension}"')
        texts[extension] = response.content
    return texts["bib"].decode(), read_ris(texts["ris"].decode()), check_csl(orjson.loads(texts["json"]))


@EACH
def test_every_record_can_be_cited(resource: Resource, clients: Client) -> None:
    about = answer(clients, "/v1")
    documents = {row["id"]: row for row in walk(clients, "/v1/documents")}
    for record in some(walk(clients, f"/v1/{resource.name}"), 3):
        path = f"/v1/{resource.name}/{record['id']}"
        text, reference, item = read(clients, path)
        kind, key, fields = read_bibtex(text)
        evidenced = [documents[id_] for id_ in record["documents"]]
        issuers = list(dict.fromkeys(document["issuer"]["name"]["ja"] for document in evidenced)) or ["Shisaku"]
        issued = max((document["issued"]["date"] for document in evidenced), default="") or record["released"]["date"]
        urls = [document["url"] for document in evidenced if document["url"]]
        assert kind == "misc"
        assert key == reference["id"] == item["id"] == f"shisaku-{resource.name}-{record['id']}"
        assert fields["title"] == reference["title"] == item["title"] == record["name"]["ja"]
        assert fields["titleaddon"] == reference["translated_title"] == record["name"]["en"]
        assert reference["authors"] == [author["literal"] for author in item["author"]] == issuers
        assert fields["author"].replace("} and {", " and ") == " and ".join(issuers)
        assert (fields["date"], fields["year"], reference["year"]) == (issued, issued[:4], issued[:4])
        assert item["issued"]["date-parts"] == [[int(part) for part in issued.split("-")]]
        assert fields["version"] == item["version"] == reference["edition"] == about["dataset"]["version"]
        assert fields["howpublished"] == item["container-title"] == about["name"]["ja"]
        cited = f"?version={about['dataset']['version']}" if resource in FACTS else ""
        permanent = f"{path}{cited}"
        assert clients.get(permanent).status_code == 200
        for note in (fields["note"], item["note"], " ".join(reference["notes"])):
            assert f"{permanent}, version" in note
            assert about["dataset"]["digest"] in note
            assert all(document["attribution"] in note for document in evidenced)
        assert fields.get("url") == item.get("URL") == (urls[0] if urls else None)
        assert reference.get("urls", []) == urls[:1]


def test_the_dataset_can_be_cited(clients: Client) -> None:
    about = answer(clients, "/v1")
    text, reference, item = read(clients, "/v1")
    _, key, fields = read_bibtex(text)
    assert key == reference["id"] == item["id"] == "shisaku"
    assert fields["title"] == reference["title"] == item["title"] == about["name"]["ja"]
    assert fields["date"] == about["dataset"]["released"]
    assert fields["version"] == item["version"] == about["dataset"]["version"]
    assert about["dataset"]["digest"] in item["note"]
    assert "howpublished" not in fields
    assert "container-title" not in item
    terms = clients.get("/terms").text
    assert all(f'href="/v1/citation.{extension}"' in terms for extension in ("bib", "ris", "json"))


def test_an_unknown_record_is_not_cited(clients: Client) -> None:
    for extension in ("bib", "ris", "json"):
        refused = answer(clients, f"/v1/measures/biosimilar-uptak/citation.{extension}", 404)
        assert "`biosimilar-uptake`" in refused["detail"]
        answer(clients, f"/v1/measures/biosimilar-uptake/citation.{extension}?style=apa", 422)
    answer(clients, "/v1/measures/biosimilar-uptake/citation.txt", 404)


def test_a_permanent_path_begins_with_the_prefix(first: Settings) -> None:
    with serving(first.model_copy(update={"prefix": "/shisaku"})) as client:
        assert "/shisaku/v1/stages/" in client.get(client_path(client)).text


def client_path(client: Client) -> str:
    (row,) = answer(client, "/v1/stages?limit=1")["data"]
    return f"/v1/stages/{row['id']}/citation.bib"


TEXT = st.text(
    st.characters(exclude_categories=["C"]) | st.sampled_from("{}\\%&$#_~^\"'@,;\n"), min_size=1, max_size=30
).filter(str.strip)


@given(texts=st.lists(TEXT, min_size=5, max_size=5))
def test_any_text_is_read_back(texts: list[str]) -> None:
    title, english, author, container, note = texts
    citation = Citation(
        key="k",
        title=Name(ja=title, en=english, en_official=False),
        authors=[author, "another"],
        date="2026-02-03",
        version="1.0",
        url="https://a.example/a_b%20c?d={e}&f=#g",
        container=Name(ja=container, en="x", en_official=False),
        notes=[note],
    )
    written = bibtex(citation)
    assert not re.search(r"(?<!\\)[&%$#_~^]", re.sub(r"(?m)^  url = .*$", "", written))
    library = parse_string(written)
    assert not library.failed_blocks
    (entry,) = library.entries
    fields = entry.fields_dict
    shown = {name: untex(str(fields[name].value)) for name in ("title", "titleaddon", "howpublished", "note")}
    assert shown == {
        "title": f"{{{on_a_line(title)}}}",
        "titleaddon": on_a_line(english),
        "howpublished": on_a_line(container),
        "note": on_a_line(note),
    }
    assert untex(str(fields["author"].value)) == f"{{{on_a_line(author)}}} and {{another}}"
    assert fields["url"].value == "https://a.example/a_b%20c?d=%7Be%7D&f=#g"
    text = ris(citation)
    assert [line[:2] for line in text.split("\r\n")[:-1]].count("ER") == 1
    assert "\n" not in text.replace("\r\n", "")
    reference = read_ris(text)
    assert (reference["title"], reference["translated_title"]) == (on_a_line(title), on_a_line(english))
    assert reference["authors"] == [on_a_line(author), "another"]
    assert reference["notes"] == [on_a_line(note)]
    item = check_csl(orjson.loads(orjson.dumps(csl(citation))))
    assert item["title"] == title


def on_a_line(text: str) -> str:
    return " ".join(text.split())


def untex(text: str) -> str:
    """What TeX prints of a text in which only its special characters are written as commands."""
    names = {"textbackslash": "\\", "textbraceleft": "{", "textbraceright": "}", "textasciitilde": "~"}
    names["textasciicircum"] = "^"
    found, rest = "", text
    while rest:
        head, backslash, rest = rest.partition("\\")
        found += head
        if backslash and rest[0] in "&%$#_":
            found, rest = found + rest[0], rest[1:]
        elif backslash:
            command, _, rest = rest.partition("{}")
            found += names[command]
    return found
