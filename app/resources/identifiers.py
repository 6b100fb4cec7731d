"""Identifiers of records in other registers, by which filters find them too."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from pydantic import Field

from app.query.filters import linked
from app.query.resource import VocabularySource
from app.query.vocabulary import Concept
from app.schemas import Name, Schema, Sentence


class IdentifierScheme(StrEnum):
    """The register that an identifier is from."""

    CORPORATE_NUMBER = "corporate_number"
    ROR = "ror"
    WIKIDATA = "wikidata"
    MESH = "mesh"
    BUDGET_PROJECT = "budget_project"
    EGOV_LAW = "egov_law"


# The form of an identifier, and the address that identifies the thing on the web, if the register gives one.
PATTERNS = {
    IdentifierScheme.CORPORATE_NUMBER: r"[1-9][0-9]{12}",
    IdentifierScheme.ROR: r"0[a-z0-9]{6}[0-9]{2}",
    IdentifierScheme.WIKIDATA: r"Q[1-9][0-9]*",
    IdentifierScheme.MESH: r"D[0-9]{6,9}",
    IdentifierScheme.BUDGET_PROJECT: r"[1-9][0-9]*",
    IdentifierScheme.EGOV_LAW: r"[0-9]{3}[A-Z]{2}[0-9]{10}",
}
ADDRESSES = {
    IdentifierScheme.CORPORATE_NUMBER: "https://www.houjin-bangou.nta.go.jp/henkorireki-johoto.html?selHouzinNo={}",
    IdentifierScheme.ROR: "https://ror.org/{}",
    IdentifierScheme.WIKIDATA: "http://www.wikidata.org/entity/{}",
    IdentifierScheme.MESH: "http://id.nlm.nih.gov/mesh/{}",
    IdentifierScheme.EGOV_LAW: "https://laws.e-gov.go.jp/law/{}",
}


class Identifier(Schema):
    """An identifier of the same thing in another register."""

    scheme: IdentifierScheme
    id: Sentence = Field(description="As the register writes it.")
    url: Sentence | None = Field(description="Its address there, where the register gives one.")


SAME_AS: Any = Field(description="The same in other registers: 法人番号, ROR, Wikidata, MeSH, 予算事業ID.")

IDENTIFIER = linked("identifier", "Identifiers in other registers.", path="same_as.id", example="6000012070001")


def identifier(scheme: IdentifierScheme, id_: str) -> dict[str, Any]:
    """An identifier in the schema of Identifier."""
    address = ADDRESSES.get(scheme)
    return {"scheme": scheme, "id": id_, "url": address.format(id_) if address else None}


def ids_of(identifiers: Iterable[Identifier]) -> tuple[str, ...]:
    """The identifiers alone, and their addresses."""
    return tuple(text for each in identifiers for text in (each.id, each.url) if text)


def _concepts(record: Any) -> Iterable[Concept]:
    """The values of the filter `identifier` that stand for a record."""
    for each in record.same_as:
        name = f"{each.scheme.value} {each.id}"
        yield Concept(id=each.id, label=Name(ja=name, en=name, en_official=False), codes=ids_of([each]))


IDENTIFIER_VOCABULARY = VocabularySource("identifier", _concepts, field="same_as")
