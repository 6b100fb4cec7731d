"""Every record of a running service leads back to words that stand where it says."""

import re

from app.schemas import Record
from tests.conftest import Client, walk
from tests.evidence import faults, stands


def test_every_quote_stands_at_its_lines(clients: Client) -> None:
    count, wrong = faults(clients)
    assert count > 90
    assert wrong == []


def test_a_quote_elsewhere_does_not_stand() -> None:
    assert stands("b\nc", ["ab  ", "cd"])
    assert not stands("b", ["ab", "cd"])
    assert not stands("x", ["ab"])


def test_documents_are_all_but_those_of_relations_of_money(whole: Client) -> None:
    named = set(re.findall(r"`(\w+)`", str(Record.model_fields["documents"].description)))
    further = set()
    for name in ("measures", "budget-lines"):
        for record in walk(whole, f"/v1/{name}", limit=500):
            for piece in record["evidence"]:
                if piece["document"] not in record["documents"]:
                    further.update(piece["supports"])
    assert further == named
