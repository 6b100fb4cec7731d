"""The crosswalk as a flow: from sections to measures, to programmes and their money."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from app.site.charts.bars import NOTHING, Object
from app.site.charts.drawing import CUT, EMPTY, LINE, Drawing, wrapped
from app.site.charts.sums import Kind
from app.site.values import kind_in_words, money
from app.site.view import View

TOP, THINNEST = 26, 2  # thickness of ribbons


def flow_chart(view: View, answer: Object, width: int, name: str = "crosswalk") -> Drawing:
    """The crosswalk: from sections to measures, to programmes and their money."""
    kind = _first_of(answer)
    title = view.tr("戦略の節から予算まで", "From the sections of the strategy to the money")
    drawing = Drawing(name, width, title, _walked(view, answer, kind), view.language)
    if name == "crosswalk":  # alone: a page has a heading of its own
        drawing.words(0, title, 16, "strong")
    drawing.words(0, kind_in_words(view, *kind), 12, "soft")
    ours = view.tr(
        "施策から事業へ — 破線: 対応付けは当サイトによる。実線: 出典が示す。",
        "From measures to programmes: dashed, the link is ours; solid, a source states it.",
    )
    drawing.words(0, ours, 12, "soft")
    drawing.gap(6)
    columns = Columns.of(width)
    largest = max((abs(_sum(each, kind)) for each in _programmes(answer)), default=0) or 1
    placed: dict[str, tuple[float, float]] = {}  # where each programme stands, and how thick its band is
    bottom = drawing.height
    for row in answer["data"]:
        top = drawing.height + 10
        section = row["section"]
        label = section["number"] if columns.short else f"{section['number']} {section['name'][view.language]}"
        link = view.url(f"/sections/{section['id']}")
        drawing.words(0, label, 12, "strong", width=columns.section, link=link, at=top)
        if not row["measures"]:
            drawing.words(columns.measure, view.tr("施策なし", "no measure"), 12, "soft", at=top)
        at, start = top, top + 3
        for measure in row["measures"]:
            lines = wrapped(measure["name"][view.language], columns.room, 12)
            end = drawing.words(
                columns.measure,
                measure["name"][view.language],
                12,
                width=columns.room,
                link=view.url(f"/measures/{measure['id']}"),
                at=at,
            )
            here = at + min(len(lines), 2) * 12 * LINE / 2
            thick = max(TOP * sum(abs(_sum(each, kind)) for each in measure["related"]) / largest, THINNEST)
            ends = (start, start + thick, here - thick / 2, here + thick / 2)
            start += thick + 2
            drawing.ribbon(columns.section + 4, columns.measure - 6, ends, "stated", measure["name"][view.language])
            bottom = max(bottom, at)
            for programme in measure["related"]:
                if programme["id"] not in placed:
                    placed[programme["id"]] = _programme(drawing, view, programme, kind, columns, bottom, largest)
                    bottom = drawing.height + 6
                y, thickness = placed[programme["id"]]
                ends = (here - thickness / 2, here + thickness / 2, y - thickness / 2, y + thickness / 2)
                basis = "ours" if programme["basis"] == "editorial" else "source"
                drawing.ribbon(
                    columns.measure + columns.room + 4, columns.programme - 6, ends, basis, _link(view, programme)
                )
            if not measure["related"]:
                text = view.tr("対応付けられた予算なし", "no budget line is linked")
                drawing.box(columns.programme, at + 3, NOTHING, 4, EMPTY)
                drawing.words(columns.programme, text, 11, "soft", at=at + 9)
                bottom = drawing.height + 6
            at = max(end, bottom if measure["related"] else end) + 6
        drawing.height = max(drawing.height, at)
    return drawing


@dataclass(frozen=True)
class Columns:
    """Where the columns of a flow begin, and how wide their words may be. In narrow ones, sections have numbers."""

    short: bool
    section: float
    measure: float
    room: float
    programme: float

    @classmethod
    def of(cls, width: int) -> "Columns":
        short = width < 640
        section, gap = (26.0, 30.0) if short else (width * 0.24, width * 0.07)
        rest = width - section - 2 * gap
        return cls(short, section, section + gap, rest * 0.48, section + 2 * gap + rest * 0.48)


def _programme(
    drawing: Drawing, view: View, programme: Object, kind: Kind, columns: Columns, top: float, largest: int
) -> tuple[float, float]:
    """Writes a programme and its money. Returns where its band ends, and how thick it is."""
    jpy = _sum(programme, kind)
    thickness = max(TOP * abs(jpy) / largest, THINNEST)
    room = drawing.width - columns.programme
    link = view.url(f"/measures/{programme['id']}")
    end = drawing.words(columns.programme, programme["name"][view.language], 12, width=room, link=link, at=top)
    text = _money(view, programme, kind)
    pattern = CUT if jpy < 0 else "solid"
    drawing.box(columns.programme, end + 3, max((room - 2) * abs(jpy) / largest, 1), 7, pattern if jpy else EMPTY)
    drawing.words(columns.programme, text, 12, "strong" if jpy else "soft", at=end + 12, width=room)
    return top + max(thickness / 2, 8), thickness


def _programmes(answer: Object) -> Iterable[Any]:
    return (programme for row in answer["data"] for measure in row["measures"] for programme in measure["related"])


def _first_of(answer: Object) -> Kind:
    """The kind of the first linked line."""
    amounts = (line["amount"] for programme in _programmes(answer) for line in programme["lines"])
    return next(((each["basis"], each["phase"]) for each in amounts if each["jpy"] is not None), (None, None))


def _of_kind(programme: Object, kind: Kind) -> list[Any]:
    amounts = [line["amount"] for line in programme["lines"]]
    return [each for each in amounts if (each["basis"], each["phase"]) == kind and each["jpy"] is not None]


def _sum(programme: Object, kind: Kind) -> int:
    return sum(each["jpy"] for each in _of_kind(programme, kind))


def _money(view: View, programme: Object, kind: Kind) -> str:
    """The money of a programme's lines of a kind."""
    amounts = _of_kind(programme, kind)
    if not amounts:
        return view.tr("この種類の予算なし", "no line of this kind")
    oku = sum(Decimal(each["oku_yen"]) for each in amounts)
    return money({"oku_yen": str(oku), "approximate": any(each["approximate"] for each in amounts)}, view.language)


def _link(view: View, programme: Object) -> str:
    return f"{programme['name'][view.language]}: {view.value_label(programme['basis'])}"


def _walked(view: View, answer: Object, kind: Kind) -> str:
    """The crosswalk in words."""
    texts = []
    for row in answer["data"]:
        found = [
            f"{measure['name'][view.language]} → {_link(view, each)} {_money(view, each, kind)}"
            for measure in row["measures"]
            for each in measure["related"]
        ]
        nothing = view.tr("対応付けられた予算なし", "no budget line is linked")
        texts.append(f"{row['section']['number']}: {'; '.join(found) or nothing}")
    return ". ".join(texts)
