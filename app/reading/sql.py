"""The statements that read a resource, made from its tables and the same for each; nothing here runs one."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Table, bindparam, select

from app.db import Among, Rows, Statement
from app.reading.views import Found

ALIKE = 50  # ids that are enough to see a slip, and few enough to compare


@dataclass(frozen=True)
class Reads:
    """What is read of one resource: one record or its key by id, and some records, or their lines of CSV, by key."""

    table: Table
    records: Table
    cells: Table
    record: Statement = field(init=False)
    key: Statement = field(init=False)
    some_records: Statement = field(init=False)
    some_lines: Statement = field(init=False)
    alike: Statement = field(init=False)

    def __post_init__(self) -> None:
        table, records, cells = self.table, self.records, self.cells
        is_it = table.c.id == bindparam("id")
        made = {
            "record": select(records.c.record).join_from(table, records).where(is_it),
            "key": select(table.c.key).where(is_it),
            "some_records": select(records.c.key, records.c.record).where(Among(records.c.key, "keys")),
            "some_lines": select(cells.c.key, cells.c.line).where(Among(cells.c.key, "keys")),
            "alike": select(table.c.id)
            .where(table.c.id >= bindparam("first"), table.c.id < bindparam("end"))
            .order_by(table.c.id)
            .limit(ALIKE),
        }
        for name, statement in made.items():
            object.__setattr__(self, name, Statement(statement))


def texts(statement: Statement, found: Sequence[Found], rows: Rows) -> list[bytes]:
    """What a statement by keys reads of rows, in their order."""
    keys = [row.key for row in found]
    by_key: dict[int, bytes] = dict(rows(statement, keys=keys)) if keys else {}
    return [by_key[key] for key in keys]
