"""Citations: what is cited, as BibTeX, RIS and CSL-JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from app.schemas import Name

TYPE = "dataset"
LANGUAGE = "ja"  # of titles and authors, which are the documents' own words
PUBLISHER = "Shisaku"

# Braces are spelt out, because BibTeX counts those within a value even behind a backslash.
TEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{character: f"\\{character}" for character in "&%$#_"},
    }
)
URL = "!$&'()*+,-./:;=?@[]_~%#"  # characters of a URL that are kept


@dataclass(frozen=True)
class Citation:
    """What is cited: a record of the dataset, which is its `container`, or the dataset itself. `date` is in ISO 8601,
    or None where no document is dated; `url` leads to the source where it has one; `notes` are sentences."""

    key: str
    title: Name
    authors: Sequence[str]
    date: str | None
    version: str
    url: str | None
    container: Name | None
    notes: Sequence[str]

    @property
    def note(self) -> str:
        """Everything that the formats have no field for."""
        return " ".join(self.notes)


def bibtex(citation: Citation) -> str:
    """An entry for BibTeX and for biblatex, in UTF-8. `misc` is the one type of data that both know; biblatex reads
    `date`, BibTeX `year`."""
    fields = {
        "author": " and ".join(f"{{{_tex(author)}}}" for author in citation.authors),
        "title": f"{{{_tex(citation.title.ja)}}}",
        "titleaddon": _tex(citation.title.en),
        "howpublished": citation.container and _tex(citation.container.ja),
        "publisher": PUBLISHER,
        "date": citation.date,
        "year": citation.date and citation.date[:4],
        "version": _tex(citation.version),
        "url": citation.url and quote(citation.url, safe=URL),
        "note": _tex(citation.note),
    }
    lines = [f"  {name} = {{{value}}},\n" for name, value in fields.items() if value]
    return f"@misc{{{citation.key},\n{''.join(lines)}}}\n"


def _tex(text: str) -> str:
    return _line(text).translate(TEX)


def ris(citation: Citation) -> str:
    """A reference in RIS: a tag and a value on each line, lines ended by CRLF."""
    date = citation.date or ""
    fields = [
        ("TY", "DATA"),
        ("ID", citation.key),
        *(("AU", author) for author in citation.authors),
        ("TI", citation.title.ja),
        ("TT", citation.title.en),
        ("T2", citation.container.ja if citation.container else ""),
        ("PB", PUBLISHER),
        ("PY", date[:4]),
        ("DA", date.replace("-", "/")),
        ("ET", citation.version),
        ("LA", LANGUAGE),
        ("UR", citation.url or ""),
        *(("N1", note) for note in citation.notes),
    ]
    return "".join(f"{tag}  - {_line(value)}\r\n" for tag, value in fields if value) + "ER  - \r\n"


def csl(citation: Citation) -> list[dict[str, Any]]:
    """CSL-JSON: a list of one item."""
    item: dict[str, Any] = {
        "id": citation.key,
        "type": TYPE,
        "title": citation.title.ja,
        "author": [{"literal": author} for author in citation.authors],
        "issued": {"date-parts": [[int(part) for part in citation.date.split("-")]] if citation.date else []},
        "publisher": PUBLISHER,
        "version": citation.version,
        "language": LANGUAGE,
        "note": " ".join([f"{citation.title.en}.", *citation.notes]),
    }
    if citation.container:
        item["container-title"] = citation.container.ja
    if citation.url:
        item["URL"] = citation.url
    return [item]


def _line(text: str) -> str:
    """A text on one line."""
    return " ".join(text.split())
