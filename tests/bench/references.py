"""What this service is compared with, of our own making: an application that only sends bytes, and a service as a
tutorial writes it, over the peers' tables (`tests.bench.sql`). It must run as `shisaku serve` runs.

    python -m tests.bench.references bare|plain PORT
"""

import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import MetaData, func
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select
from starlette.types import ASGIApp, Receive, Scope, Send

# As `shisaku serve` has them; a test compares the two.
OPTIONS: dict[str, Any] = {
    "http": "app.http.protocol:HttpProtocol",
    "ws": "none",
    "access_log": False,
    "log_config": None,
    "server_header": False,
    "date_header": True,
    "timeout_keep_alive": 75,
    "timeout_graceful_shutdown": 10,
    "timeout_worker_healthcheck": 30,
}


def bare() -> ASGIApp:
    """The same bytes and headers, from a dictionary: by path and query, and by the last header of the request."""
    # The benchmark wrote the file a moment ago.
    answers = pickle.loads(Path(os.environ["BENCH_SENT"]).read_bytes())  # noqa: S301

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        ready = answers[scope["path"], scope["query_string"]]
        status, headers, body = ready.get(scope["headers"][-1]) or ready[None]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


class Plain(SQLModel):
    """Tables of its own: those of this project are known by theirs, and would be others with these among them."""

    metadata = MetaData()


class Measure(Plain, table=True):
    __tablename__ = "measures"

    id: str = Field(primary_key=True)
    kind: str
    name_ja: str
    name_en: str


class Ministry(Plain, table=True):
    __tablename__ = "budget_line_ministries"

    budget_line_id: str = Field(primary_key=True, foreign_key="budget_lines.id")
    position: int = Field(primary_key=True)
    ministry_id: str
    name_ja: str
    name_en: str


class Modality(Plain, table=True):
    __tablename__ = "budget_line_modalities"

    budget_line_id: str = Field(primary_key=True, foreign_key="budget_lines.id")
    position: int = Field(primary_key=True)
    modality_id: str
    name_ja: str
    name_en: str


class Section(Plain, table=True):
    __tablename__ = "budget_line_sections"

    budget_line_id: str = Field(primary_key=True, foreign_key="budget_lines.id")
    position: int = Field(primary_key=True)
    section_id: str
    number: str
    name_ja: str
    name_en: str


class LineFields(Plain):
    id: str = Field(primary_key=True)
    name_ja: str
    name_en: str
    package_id: str
    pillar_id: str | None
    pillar_number: int | None
    pillar_name_ja: str | None
    fiscal_year: int
    budget_kind: str
    joint: bool
    amount_jpy: int | None
    amount_oku_yen: str | None
    amount_text: str | None
    amount_approximate: bool


class Line(LineFields, table=True):
    __tablename__ = "budget_lines"

    measure_id: str = Field(foreign_key="measures.id")
    measure: Measure = Relationship()
    ministries: list[Ministry] = Relationship()
    modalities: list[Modality] = Relationship()
    sections: list[Section] = Relationship()


class LinePublic(LineFields):
    measure: Measure
    ministries: list[Ministry]
    modalities: list[Modality]
    sections: list[Section]


class Page(SQLModel):
    total: int
    data: list[LinePublic]
    facets: dict[str, dict[str, int]]


LINKED: dict[str, Any] = {
    "ministry": (Line.ministries, Ministry.ministry_id),
    "modality": (Line.modalities, Modality.modality_id),
    "section": (Line.sections, Section.number),
}
OWN: dict[str, Any] = {"fiscal_year": Line.fiscal_year, "pillar": Line.pillar_number, "package": Line.package_id}


def plain() -> FastAPI:
    """FastAPI and SQLModel: a session for each request, response models, relationships that load when they are read."""
    engine = create_engine(f"sqlite:///{os.environ['BENCH_PEERS']}", connect_args={"check_same_thread": False})
    app = FastAPI()

    def session() -> Iterator[Session]:
        with Session(engine) as opened:
            yield opened

    Opened = Annotated[Session, Depends(session)]  # noqa: N806 - a type

    @app.get("/v1/budget-lines/{id}", response_model=LinePublic)
    def get_line(id: str, db: Opened) -> Any:  # noqa: A002
        line = db.get(Line, id)
        if line is None:
            raise HTTPException(404)
        return line

    @app.get("/v1/budget-lines", response_model=Page)
    def list_lines(
        db: Opened,
        ministry: str = "",
        modality: str = "",
        fiscal_year: str = "",
        pillar: str = "",
        amount_min: int | None = None,
        q: str = "",
        sort: str = "",
        order: str = "asc",
        offset: int = 0,
        limit: int = 20,
        facet: str = "",
    ) -> Any:
        asked = {"ministry": ministry, "modality": modality, "fiscal_year": fiscal_year, "pillar": pillar}
        rows = narrowed(select(Line), asked, amount_min, q)
        total = db.exec(select(func.count()).select_from(rows.subquery())).one()
        facets = {name: counts(db, asked, name) for name in facet.split(",") if name}
        if sort:
            rows = rows.order_by(Line.amount_jpy.desc() if order == "desc" else Line.amount_jpy)  # type: ignore[union-attr]
        data = db.exec(rows.offset(offset).limit(limit)).all() if limit else []
        return {"total": total, "data": data, "facets": facets}

    @app.get("/v1/budget-summary")
    def summary(
        db: Opened,
        group_by: str,
        ministry: str = "",
        modality: str = "",
        fiscal_year: str = "",
        pillar: str = "",
    ) -> dict[str, Any]:
        asked = {"ministry": ministry, "modality": modality, "fiscal_year": fiscal_year, "pillar": pillar}
        groups = grouped(group_by.split(","), func.count(), func.sum(Line.amount_jpy), Line.joint)
        found = db.exec(narrowed(groups, asked, None, "").group_by(Line.joint)).all()
        total = db.exec(narrowed(select(func.sum(Line.amount_jpy)), asked, None, "")).one()
        return {"groups": [list(row) for row in found], "total": total}

    return app


def narrowed(rows: Any, asked: dict[str, str], amount_min: int | None, q: str) -> Any:
    for name, text in asked.items():
        if text and name in LINKED:
            relation, column = LINKED[name]
            rows = rows.where(relation.any(column.in_(text.split(","))))
        elif text:
            rows = rows.where(OWN[name].in_(text.split(",")))
    if amount_min is not None:
        rows = rows.where(Line.amount_jpy >= amount_min)  # type: ignore[operator]
    return rows.where(Line.name_ja.contains(q)) if q else rows  # type: ignore[attr-defined]


def grouped(by: list[str], *shown: Any) -> Any:
    columns = [LINKED[name][1] if name in LINKED else OWN[name] for name in by]
    rows = select(*columns, *shown).select_from(Line).group_by(*columns)
    for name in by:
        if name in LINKED:
            rows = rows.join(LINKED[name][0])
    return rows


def counts(db: Session, asked: dict[str, str], name: str) -> dict[str, int]:
    """A facet: under every filter but its own."""
    others = {other: text for other, text in asked.items() if other != name}
    return {
        str(value): number for value, number in db.exec(narrowed(grouped([name], func.count()), others, None, "")).all()
    }


if __name__ == "__main__":
    made: Callable[[], Any] = {"bare": bare, "plain": plain}[sys.argv[1]]
    uvicorn.run(made(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", **OPTIONS)
