"""Rendered records: as JSON and as lines of CSV, read by key or by id, and as earlier versions have them."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam
from sqlmodel import col, select

from app.db.base import VALUE, InList, Session, Statement
from app.db.tables import ServingCsv, ServingRecord, ServingRelease
from app.errors import Problem
from app.index import Row
from app.query.dataset import VOCABULARY, vocabulary_of
from app.query.resource import Resource
from app.query.vocabulary import NONE, Vocabulary
from app.similarity import closest, hint

SIMILAR = 50  # ids compared for a hint
WITHDRAWN = "withdrawn/"  # of the serving values that tell why a record was withdrawn, and what replaced it
EARLIER = "Earlier versions have it: name one with `version`, or see its `/history`."

_OF_RESOURCE = col(ServingRecord.resource) == bindparam("resource")

RECORD = Statement(select(ServingRecord.record).where(_OF_RESOURCE, col(ServingRecord.id) == bindparam("id")))
RECORDS = Statement(select(ServingRecord.key, ServingRecord.record).where(InList(col(ServingRecord.key), "keys")))
RECORDS_OF_ANY = Statement(
    select(ServingRecord.key, ServingRecord.resource, ServingRecord.record).where(
        InList(col(ServingRecord.key), "keys")
    )
)
RECORDS_BY_ID = Statement(
    select(ServingRecord.record)
    .where(_OF_RESOURCE, InList(col(ServingRecord.id), "ids"))
    .order_by(col(ServingRecord.key))
)
CSV_LINES = Statement(select(ServingCsv.key, ServingCsv.line).where(InList(col(ServingCsv.key), "keys")))
SIMILAR_IDS = Statement(
    select(ServingRecord.id)
    .where(_OF_RESOURCE, col(ServingRecord.id) >= bindparam("first"), col(ServingRecord.id) < bindparam("end"))
    .order_by(col(ServingRecord.id))
    .limit(SIMILAR)
)
# A record in the versions, but for the newest, that have it otherwise than the version before: by the number of the
# version, from 1 for the oldest; null where it no longer has the record.
OLDER = Statement(
    select(ServingRelease.number, ServingRelease.record)
    .where(col(ServingRelease.resource) == bindparam("resource"), col(ServingRelease.id) == bindparam("id"))
    .order_by(col(ServingRelease.number))
)


def read_rows(statement: Statement, rows: Sequence[Row], session: Session) -> list[bytes]:
    """What RECORDS or CSV_LINES gives of rows, in their order."""
    keys = [row.key for row in rows]
    found: dict[int, bytes] = dict(session.query(statement, keys=keys)) if keys else {}
    return [found[key] for key in keys]


def read_by_keys(keys: Sequence[int], session: Session) -> dict[int, tuple[str, bytes]]:
    """Records of any resource by their keys: the name of the resource of each, and its JSON."""
    found = session.query(RECORDS_OF_ANY, keys=keys) if keys else []
    return {key: (name, record) for key, name, record in found}


def read_records(resource: Resource, ids: Sequence[str], session: Session) -> list[bytes]:
    """Records of these ids as JSON, in the order of their keys."""
    return [record for (record,) in session.query(RECORDS_BY_ID, resource=resource.name, ids=ids)]


def own_fields(record: bytes) -> Any:
    """A whole record without the fields that every record has behind its own: most of its bytes are evidence."""
    return orjson.loads(b"%b}" % record.rpartition(b',"documents":[')[0])


def read_record(resource: Resource, id_: str, session: Session) -> bytes:
    """One record as JSON. Raises a 404 Problem that names the one that was meant, or a 410 Problem if the record was
    withdrawn."""
    found = session.query(RECORD, resource=resource.name, id=id_)
    if found:
        return bytes(found[0][0])
    if session.query(OLDER, resource=resource.name, id=id_):
        raise _withdrawn(resource, id_, session)
    meant = _meant(resource, id_, session)
    raise Problem(404, f"There is no {resource.noun} of this id.{hint(*meant)}", listed_at=f"/v1/{resource.name}")


def _meant(resource: Resource, id_: str, session: Session) -> list[str]:
    """The ids of the records that have this name, or the most similar name or id, if any has."""
    stored = session.query(VALUE, name=f"{VOCABULARY}{resource.singular}")
    vocabulary = vocabulary_of(stored[0][0] if stored else b"[]")
    named = [each for each in vocabulary.find(id_) if each != NONE]
    start = id_[:3]
    similar = session.query(SIMILAR_IDS, resource=resource.name, first=start, end=f"{start}\U0010ffff")
    nearest = vocabulary.nearest(id_) or closest(id_, [each for (each,) in similar])
    return named or ([nearest] if nearest else [])


def read_record_of(version: str, versions: Vocabulary, resource: Resource, id_: str, session: Session) -> bytes:
    """The record as a version has it, as JSON. Raises a 404 Problem that names the version with which it came, or a 410
    Problem if it was withdrawn before."""
    oldest_first = list(versions.concepts)[::-1]
    number = oldest_first.index(version) + 1
    if number == len(oldest_first):
        return read_record(resource, id_, session)
    rows = session.query(OLDER, resource=resource.name, id=id_)
    until = [record for when, record in rows if when <= number]
    if until:
        if until[-1] is None:
            raise _withdrawn(resource, id_, session)
        return bytes(until[-1])
    if not rows:
        read_record(resource, id_, session)
    came = oldest_first[rows[0][0] - 1 if rows else -1]
    missing = f"Version {version} has no {resource.noun} of this id"
    raise Problem(404, f"{missing}: it came with version {came}. Ask for that one.")


def _withdrawn(resource: Resource, id_: str, session: Session) -> Problem:
    """The refusal of a record that earlier versions have."""
    detail, successor = f"This {resource.noun} was withdrawn.", ""
    for (json,) in session.query(VALUE, name=f"{WITHDRAWN}{resource.name}/{id_}"):
        entry = orjson.loads(json)
        detail += f" {entry['reason']['en']}"
        if entry["replaced_by"]:
            successor = f"/v1/{resource.name}/{entry['replaced_by']}"
    detail += f" {EARLIER}"
    return Problem(410, detail, successor=successor)
