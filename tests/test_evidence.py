"""Every record of a running service leads back to words that stand where it says."""

from tests.conftest import Client
from tests.evidence import faults, stands


def test_every_quote_stands_at_its_lines(clients: Client) -> None:
    count, wrong = faults(clients)
    assert count > 90
    assert wrong == []


def test_a_quote_elsewhere_does_not_stand() -> None:
    assert stands("b\nc", ["ab  ", "cd"])
    assert not stands("b", ["ab", "cd"])
    assert not stands("x", ["ab"])
