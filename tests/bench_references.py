"""What the benchmark compares with: an application that only sends bytes, and a service as a tutorial writes it."""

import os
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI, HTTPException
from sqlalchemy import func
from sqlmodel import Field, Relationship, Session, SQLModel, create_engine, select
from starlette.types import ASGIApp, Receive, Scope, Send

FOLDER = Path(os.environ.get("SHISAKU_DATABASE", "x")).parent


def bare() -> ASGIApp:
    """The same bytes, from a dictionary."""
    answers = orjson.loads(Path(os.environ["BENCH_SENT"]).read_bytes())
    ready = {
        path.encode(): ([(name.encode(), value.encode()) for name, value in headers if name != "date"], body.encode())
        for path, (headers, body) in answers.items()
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path, query = scope["raw_path"], scope["query_string"]
        headers, body = ready[path.partition(b"?")[0] + (b"?" + query if query else b"")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


class Measure(SQLModel, table=True):
    __tablename__ = "measures"

    id: str = Field(primary_key=True)
    kind: str
    name_ja: str
    name_en: str
    budget_lines: list["BudgetLine"] = Relationship(back_populates="measure")


class Payer(SQLModel, table=True):
    __tablename__ = "budget_line_ministries"

    budget_line_id: str = Field(primary_key=True, foreign_key="budget_lines.id")
    position: int = Field(primary_key=True)
    ministry_id: str
    name_ja: str


class BudgetLine(SQLModel, table=True):
    __tablename__ = "budget_lines"

    id: str = Field(primary_key=True)
    measure_id: str = Field(foreign_key="measures.id")
    fiscal_year: int
    amount_jpy: int | None
    amount_text: str | None
    measure: Measure = Relationship(back_populates="budget_lines")
    ministries: list[Payer] = Relationship()


def plain() -> FastAPI:
    """FastAPI and SQLModel over the dataset's own public database, with lazy relationships."""
    (path,) = FOLDER.glob("*/dataset.sqlite")
    engine = create_engine(f"sqlite:///{path}")
    app = FastAPI()

    def line(row: BudgetLine) -> dict[str, Any]:
        return {
            **row.model_dump(),
            "measure": row.measure.model_dump(),
            "ministries": [each.model_dump() for each in row.ministries],
        }

    @app.get("/v1/measures/{id}")
    def get_measure(id: str) -> dict[str, Any]:  # noqa: A002
        with Session(engine) as session:
            row = session.get(Measure, id)
            if row is None:
                raise HTTPException(404)
            return {**row.model_dump(), "budget_lines": [each.model_dump() for each in row.budget_lines]}

    @app.get("/v1/budget-lines")
    def list_lines(ministry: str | None = None, limit: int = 20) -> dict[str, Any]:
        with Session(engine) as session:
            rows = select(BudgetLine)
            if ministry:
                rows = rows.where(BudgetLine.ministries.any(Payer.ministry_id == ministry))  # type: ignore[attr-defined]
            total = session.exec(select(func.count()).select_from(rows.subquery())).one()
            return {"total": total, "data": [line(row) for row in session.exec(rows.limit(limit)).all()]}

    @app.get("/v1/budget-summary")
    def summary(group_by: str = "ministry") -> dict[str, Any]:
        with Session(engine) as session:
            sums: dict[str, int] = {}
            for row in session.exec(select(BudgetLine)).all():
                for payer in row.ministries:
                    sums[payer.ministry_id] = sums.get(payer.ministry_id, 0) + (row.amount_jpy or 0)
            return {group_by: sums}

    return app
