"""Rendered records: as JSON and as lines of CSV, read by key or by id."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam
from sqlmodel import col, select

from app.db.base import InList, Session, Statement
from app.db.tables import ServingCsv, ServingRecord
from app.errors import Problem, closest, hint
from app.index import Row
from app.query.resource import Resource

SIMILAR = 50  # ids compared for a hint

_OF_RESOURCE = col(ServingRecord.resource) == bindparam("resource")

RECORD = Statement(select(ServingRecord.record).where(_OF_RESOURCE, col(ServingRecord.id) == bindparam("id")))
RECORDS = Statement(select(ServingRecord.key, ServingRecord.record).where(InList(col(ServingRecord.key), "keys")))
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


def read_rows(statement: Statement, rows: Sequence[Row], session: Session) -> list[bytes]:
    """What RECORDS or CSV_LINES gives of rows, in their order."""
    keys = [row.key for row in rows]
    found: dict[int, bytes] = dict(session.query(statement, keys=keys)) if keys else {}
    return [found[key] for key in keys]


def read_records(resource: Resource, ids: Sequence[str], session: Session) -> list[bytes]:
    """Records of these ids as JSON, in the order of their keys."""
    return [record for (record,) in session.query(RECORDS_BY_ID, resource=resource.name, ids=ids)]


def own_fields(record: bytes) -> Any:
    """A whole record without the fields that every record has behind its own: most of its bytes are evidence."""
    return orjson.loads(b"%b}" % record.rpartition(b',"documents":[')[0])


def read_record(resource: Resource, id_: str, session: Session) -> bytes:
    """One record as JSON. Raises a 404 Problem that names the most similar id."""
    found = session.query(RECORD, resource=resource.name, id=id_)
    if found:
        return bytes(found[0][0])
    start = id_[:3]
    similar = session.query(SIMILAR_IDS, resource=resource.name, first=start, end=f"{start}\U0010ffff")
    nearest = closest(id_, [id_ for (id_,) in similar])
    noun = resource.singular.replace("_", " ")
    raise Problem(404, f"There is no {noun} of this id.{hint(nearest)} `/v1/{resource.name}` lists them.")
