"""A question in SQL, as somebody who knows SQLite or DataFusion would write it over the peers' tables, or None where it
cannot be asked; and those tables, derived from `dataset.sqlite`. The SQL holds only the benchmark's own values."""

from dataclasses import dataclass

from tests.bench.questions import Question

LINKED = {
    "ministry": ("budget_line_ministries", "ministry_id"),
    "modality": ("budget_line_modalities", "modality_id"),
    "section": ("budget_line_sections", "number"),
}
OWN = {"fiscal_year": "fiscal_year", "pillar": "pillar_number", "package": "package_id"}
SUMMED = (
    "count(*) AS lines, sum(CASE WHEN l.joint = 0 THEN l.amount_jpy END) AS sole, "
    "sum(CASE WHEN l.joint = 1 THEN l.amount_jpy END) AS joint, sum(l.amount_jpy) AS involved"
)


def sqlite(question: Question) -> str | None:
    """In SQLite, which looks rows up: the total is counted over indexes, and a page stops at its end."""
    if question.cursor or question.kind == "search":
        return None
    if question.kind == "list":
        count = f"SELECT count(*) FROM budget_lines l {_where(question)}"
        if not question.limit:
            return count.replace("count(*)", "count(*) AS total")
        order = "l.amount_jpy DESC, l.rowid" if question.sort else "l.rowid"
        return (
            f"SELECT l.*, ({count}) AS total, {_ministries()} FROM budget_lines l {_where(question, exists=True)} "
            f"ORDER BY {order} LIMIT {question.limit} OFFSET {question.offset}"
        )
    if question.kind == "item":
        return f"SELECT l.*, {_ministries()} FROM budget_lines l WHERE l.id = '{question.id}'"
    return _grouped(question)


def datafusion(question: Question) -> str | None:
    """In DataFusion, which scans columns: ids are chosen and counted in one pass, then joined."""
    if question.cursor or question.kind == "search":
        return None
    if question.kind == "list":
        if not question.limit:
            return f"SELECT count(*) AS total FROM budget_lines l {_where(question)}"
        order = "amount_jpy DESC NULLS LAST, id" if question.sort else "id"
        return (
            f"WITH page AS (SELECT l.id, l.amount_jpy, count(*) OVER () AS total FROM budget_lines l "
            f"{_where(question)} ORDER BY {order} LIMIT {question.limit} OFFSET {question.offset}) "
            "SELECT l.*, m.ministry_id, m.name_ja AS ministry_name_ja, page.total FROM page "
            "JOIN budget_lines l ON l.id = page.id JOIN budget_line_ministries m ON m.budget_line_id = page.id"
        )
    if question.kind == "item":
        return (
            "SELECT l.*, m.ministry_id, m.name_ja AS ministry_name_ja FROM budget_lines l "
            f"JOIN budget_line_ministries m ON m.budget_line_id = l.id WHERE l.id = '{question.id}'"
        )
    return _grouped(question)


def _grouped(question: Question) -> str | None:
    """Facets, sums and the crosswalk: the same in both."""
    if question.kind == "facets":
        return " UNION ALL ".join(
            f"SELECT '{by}' AS facet, CAST({_value(by)} AS TEXT) AS value, count(*) AS lines "
            f"FROM budget_lines l {_join(by)} {_where(question, but=by)} GROUP BY {_value(by)}"
            for by in question.by
        )
    if question.kind == "sums":
        values = ", ".join(f"{_value(by)} AS {by}" for by in question.by)
        joins = " ".join(_join(by) for by in question.by)
        places = ", ".join(str(place) for place in range(1, len(question.by) + 1))
        return f"SELECT {values}, {SUMMED} FROM budget_lines l {joins} {_where(question)} GROUP BY {places}"
    (section,) = dict(question.where)["section"]
    return (
        "SELECT d.id, d.name_ja, r.related_id, r.name_ja AS related_name_ja, r.basis, r.note_ja, l.id AS line, "
        "l.amount_jpy, l.amount_text FROM measure_sections s JOIN measures d ON d.id = s.measure_id "
        "JOIN measure_related r ON r.measure_id = d.id JOIN budget_lines l ON l.measure_id = r.related_id "
        f"{_where(question, but='section')} AND d.kind = 'direction' AND s.number = '{section}'"
    )


def _ministries() -> str:
    return (
        "(SELECT json_group_array(json_object('id', m.ministry_id, 'name', m.name_ja)) "
        "FROM budget_line_ministries m WHERE m.budget_line_id = l.id) AS ministries"
    )


def _value(by: str) -> str:
    return f"{by}.{LINKED[by][1]}" if by in LINKED else f"l.{OWN[by]}"


def _join(by: str) -> str:
    return f"JOIN {LINKED[by][0]} {by} ON {by}.budget_line_id = l.id" if by in LINKED else ""


def _where(question: Question, but: str = "", *, exists: bool = False) -> str:
    parts = [_condition(name, values, exists=exists) for name, values in question.where if name != but]
    if question.q:
        parts.append(f"l.name_ja LIKE '%{question.q}%'")
    return f"WHERE {' AND '.join(parts)}" if parts else ""


def _condition(name: str, values: tuple[str, ...], *, exists: bool) -> str:
    if name == "amount_min":
        return f"l.amount_jpy >= {values[0]}"
    listed = ", ".join(value if name in ("fiscal_year", "pillar") else f"'{value}'" for value in values)
    if name not in LINKED:
        return f"l.{OWN[name]} IN ({listed})"
    table, column = LINKED[name]
    if exists:
        return f"EXISTS (SELECT 1 FROM {table} x WHERE x.budget_line_id = l.id AND x.{column} IN ({listed}))"
    return f"l.id IN (SELECT budget_line_id FROM {table} WHERE {column} IN ({listed}))"


INDEXES = (
    "CREATE INDEX payers ON budget_line_ministries (ministry_id, budget_line_id)",
    "CREATE INDEX kinds ON budget_line_modalities (modality_id, budget_line_id)",
    "CREATE INDEX parts ON budget_line_sections (number, budget_line_id)",
    "CREATE INDEX years ON budget_lines (fiscal_year, pillar_number)",
    "CREATE INDEX pillars ON budget_lines (pillar_number)",
    "CREATE INDEX amounts ON budget_lines (amount_jpy)",
    "CREATE INDEX of_measure ON budget_lines (measure_id)",
    "CREATE INDEX in_section ON measure_sections (number, measure_id)",
)


@dataclass(frozen=True)
class Peer:
    """A table of the peers: its columns, and the SELECT over the published database that fills it."""

    columns: str
    rows: str


def _amount(name: str, *, typed: bool = True) -> str:
    """The columns of an amount."""
    types = {"jpy": "INTEGER", "oku_yen": "TEXT", "text": "TEXT", "approximate": "BOOLEAN", "uncertain": "BOOLEAN"}
    types |= {"basis": "TEXT", "basis_reason": "TEXT"}
    return ", ".join(f"{name}_{part} {type_}" if typed else f"{name}_{part}" for part, type_ in types.items())


_LINE = "budget_line_id TEXT REFERENCES budget_lines (id), position INTEGER"
_LINE_KEY = "PRIMARY KEY (budget_line_id, position)"
_MEASURE = "measure_id TEXT REFERENCES measures (id), position INTEGER"
_MEASURE_KEY = "PRIMARY KEY (measure_id, position)"
_NAMES = "o.name_ja, o.name_en"

# What the questions show stands in one table each, so that no peer has to join for a name.
TABLES = {
    "measures": Peer(
        "id TEXT PRIMARY KEY, kind TEXT, name_ja TEXT, name_en TEXT",
        "SELECT id, kind, name_ja, name_en FROM source.measures ORDER BY key",
    ),
    "budget_lines": Peer(
        "id TEXT PRIMARY KEY, name_ja TEXT, name_en TEXT, name_en_official BOOLEAN, "
        "measure_id TEXT REFERENCES measures (id), measure_name_ja TEXT, measure_name_en TEXT, "
        "package_id TEXT, package_name_ja TEXT, package_name_en TEXT, "
        "pillar_id TEXT, pillar_number INTEGER, pillar_name_ja TEXT, pillar_name_en TEXT, "
        "fiscal_year INTEGER, fiscal_year_era TEXT, budget_kind TEXT, joint BOOLEAN, "
        f"{_amount('amount')}, {_amount('national_expenditure_amount')}, national_expenditure_url TEXT",
        "SELECT l.id, l.name_ja, l.name_en, l.name_en_official, m.id, m.name_ja, m.name_en, "
        "p.id, p.name_ja, p.name_en, h.id, h.number, h.name_ja, h.name_en, "
        "l.fiscal_year, l.fiscal_year_era, l.budget_kind, l.joint, "
        f"{_amount('l.amount', typed=False)}, {_amount('l.national_expenditure_amount', typed=False)}, "
        "l.national_expenditure_url FROM source.budget_lines l JOIN source.measures m ON m.id = l.measure_id "
        "JOIN source.packages p ON p.id = l.package_id LEFT JOIN source.pillars h ON h.id = l.pillar_id ORDER BY l.key",
    ),
    "budget_line_ministries": Peer(
        f"{_LINE}, ministry_id TEXT, name_ja TEXT, name_en TEXT, {_LINE_KEY}",
        f"SELECT j.budget_line_id, j.position, o.id, {_NAMES} FROM source.budget_line_ministries j "
        "JOIN source.organizations o ON o.id = j.ministry_id ORDER BY 1, 2",
    ),
    "budget_line_modalities": Peer(
        f"{_LINE}, modality_id TEXT, name_ja TEXT, name_en TEXT, {_LINE_KEY}",
        f"SELECT j.budget_line_id, j.position, o.id, {_NAMES} FROM source.budget_line_modalities j "
        "JOIN source.modalities o ON o.id = j.modality_id ORDER BY 1, 2",
    ),
    "budget_line_sections": Peer(
        f"{_LINE}, section_id TEXT, number TEXT, name_ja TEXT, name_en TEXT, {_LINE_KEY}",
        f"SELECT j.budget_line_id, j.position, o.id, o.number, {_NAMES} FROM source.budget_line_sections j "
        "JOIN source.sections o ON o.id = j.section_id ORDER BY 1, 2",
    ),
    "measure_sections": Peer(
        f"{_MEASURE}, section_id TEXT, number TEXT, name_ja TEXT, name_en TEXT, {_MEASURE_KEY}",
        f"SELECT j.measure_id, j.position, o.id, o.number, {_NAMES} FROM source.measure_sections j "
        "JOIN source.sections o ON o.id = j.section_id ORDER BY 1, 2",
    ),
    "measure_related": Peer(
        f"{_MEASURE}, related_id TEXT, name_ja TEXT, basis TEXT, note_ja TEXT, {_MEASURE_KEY}",
        "SELECT j.measure_id, j.position, o.id, o.name_ja, j.basis, j.note_ja FROM source.measure_related j "
        "JOIN source.measures o ON o.id = j.related_id ORDER BY 1, 2",
    ),
}
# A line is found under what is broader than its own modalities and sections too, as it is in this service.
CLOSED = """
    INSERT INTO {table}
    WITH RECURSIVE up (id, above) AS (
        SELECT id, {above} FROM source.{of} WHERE {above} IS NOT NULL
        UNION SELECT up.id, o.{above} FROM up JOIN source.{of} o ON o.id = up.above WHERE o.{above} IS NOT NULL
    ), wanted AS (
        SELECT DISTINCT j.{holder}, up.above FROM {table} j JOIN up ON up.id = j.{column}
        EXCEPT SELECT {holder}, {column} FROM {table}
    )
    SELECT w.{holder}, 1000 + row_number() OVER (), {columns}, o.name_ja, o.name_en
    FROM wanted w JOIN source.{of} o ON o.id = w.above
"""
CLOSURES = tuple(
    CLOSED.format(table=table, holder=holder, of=of, above=above, column=column, columns=columns)
    for table, holder, of, above, column, columns in (
        ("budget_line_modalities", "budget_line_id", "modalities", "broader_id", "modality_id", "o.id"),
        ("budget_line_sections", "budget_line_id", "sections", "parent_id", "section_id", "o.id, o.number"),
        ("measure_sections", "measure_id", "sections", "parent_id", "section_id", "o.id, o.number"),
    )
)
