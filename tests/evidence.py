"""Asks a running service for every record, and checks that every quote stands at its lines in the transcript.

python tests/evidence.py http://127.0.0.1:8000
"""

import csv
import sys
from collections.abc import Iterator
from typing import Any

import httpx

OF_THE_DATA = ("versions", "changes")  # their records are no facts of documents


def rows(client: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    """Every row of a list."""
    url: str | None = f"{path}?limit=500"
    while url:
        page = client.get(url).raise_for_status().json()
        yield from page["data"]
        url = page["links"]["next"]


def stands(quote: str, lines: list[str]) -> bool:
    """Whether a quote is contiguous text of these lines, from the first to the last of them."""
    text = "\n".join(line.rstrip() for line in lines)
    begins = text.find(quote)
    return begins >= 0 and "\n" not in text[:begins] and "\n" not in text[begins + len(quote) :]


def in_a_cell(quote: str, lines: list[str]) -> bool:
    """Whether these lines are one row of a table, and a quote is one of its cells."""
    (row,) = csv.reader(f"{line}\n" for line in lines)
    return quote in map(str.strip, row)


def faults(client: httpx.Client) -> tuple[int, list[str]]:
    """How many records there are, and what is wrong with their evidence."""
    texts = {
        document["id"]: [line["text"] for line in rows(client, f"/v1/documents/{document['id']}/lines")]
        for document in rows(client, "/v1/documents")
    }
    found, count = [], 0
    for resource in client.get("/v1").raise_for_status().json()["resources"]:
        if resource["name"] in OF_THE_DATA:
            continue
        for record in rows(client, resource["list_path"]):
            count += 1
            name = f"{resource['name']}/{record['id']}"
            if not record["evidence"]:
                found.append(f"{name} has no evidence")
            for piece in record["evidence"]:
                if piece["basis"] == "external":
                    if not (piece["url"] and piece["note"]):
                        found.append(f"{name}: external evidence without its source")
                    continue
                lines = texts[piece["document"]][piece["lines"]["from"] - 1 : piece["lines"]["to"]]
                if not (in_a_cell if piece["column"] else stands)(piece["quote"], lines):
                    found.append(f"{name}: `{piece['quote']}` does not stand at {piece['lines']}")
    return count, found


if __name__ == "__main__":
    with httpx.Client(base_url=sys.argv[1]) as service:
        number, wrong = faults(service)
    if wrong:
        sys.exit("\n".join(wrong))
    sys.stdout.write(f"{number} records, every quote stands at its lines\n")
