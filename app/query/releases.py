"""Records as earlier versions have them, and those that were withdrawn."""

from collections.abc import Sequence

import orjson
from sqlalchemy import bindparam
from sqlmodel import col, select

from app.db.base import Session, Statement
from app.db.tables import ServingRelease
from app.errors import Problem
from app.query.dataset import VALUE
from app.query.resource import Resource
from app.query.vocabulary import Vocabulary

WITHDRAWN = "withdrawn/"  # of the serving values that tell why a record was withdrawn, and what replaced it

EARLIER = "Earlier versions have it: name one with `version`, or see its `/history`."

OLDER = Statement(
    select(ServingRelease.number, ServingRelease.record)
    .where(
        col(ServingRelease.resource) == bindparam("resource"),
        col(ServingRelease.id) == bindparam("id"),
    )
    .order_by(col(ServingRelease.number))
)


def older(resource: Resource, id_: str, session: Session) -> Sequence[tuple[int, bytes | None]]:
    """A record in the versions that have it otherwise than the version before, but for the newest: by the number of the
    version, null where it no longer has the record."""
    return [(number, record) for number, record in session.query(OLDER, resource=resource.name, id=id_)]


def withdrawn(resource: Resource, id_: str, session: Session) -> Problem:
    """The refusal of a record that earlier versions have."""
    noun = resource.singular.replace("_", " ")
    detail, successor = f"This {noun} was withdrawn.", ""
    for (json,) in session.query(VALUE, name=f"{WITHDRAWN}{resource.name}/{id_}"):
        entry = orjson.loads(json)
        detail += f" {entry['reason']['en']}"
        if entry["replaced_by"]:
            successor = f"/v1/{resource.name}/{entry['replaced_by']}"
    detail += f" {EARLIER}"
    return Problem(410, detail, successor=successor)


def came_later(resource: Resource, version: str, first: int, versions: Vocabulary) -> Problem:
    """The refusal of a record that a version does not have yet; `first` is the number of the first that has it."""
    noun = resource.singular.replace("_", " ")
    came = numbered(versions)[first - 1]
    return Problem(404, f"Version {version} has no {noun} of this id: it came with version {came}. Ask for that one.")


def numbered(versions: Vocabulary) -> list[str]:
    """The versions, the oldest first: the number of the first is 1."""
    return list(versions.terms)[::-1]
