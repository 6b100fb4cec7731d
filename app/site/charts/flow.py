"""The crosswalk as a flow: from sections to measures, to programmes and their money."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from app.resources.amount import Kind
from app.site.charts.bars import NOTHING
from app.site.charts.drawing import CUT, EMPTY, LINE, Drawing, wrapped
from app.site.values import Object
from app.site.view import View
from app.site.words import money

TOP, THINNEST = 26, 2  # thickness of ribbons
NOT_LINKED = ("対応付けられた予算なし", "no budget line is linked")


def flow_chart(view: View, answer: Object, width: int, name: str = "") -> Drawing:
    """The crosswalk at a width. As a part of a page, which has a heading of its own, it has a name, and no heading."""
    amounts = (line["amount"] for each in _programmes(answer) for line in each["lines"])
    kind = next(((each["basis"], each["phase"]) for each in amounts if each["jpy"] is not None), (None, None))
    title = view.tr("戦略の節から予算まで", "From the sections of the strategy to the money")
    drawing = Drawing(name or "crosswalk", width, title, _described(view, answer, kind), view.language)
    if not name:
        drawing.words(0, title, 16, "strong")
    drawing.words(0, view.kind(*kind), 12, "soft")
    ours = view.tr(
        "施策から事業へ — 破線: 対応付けは当サイトによる。実線: 出典が示す。",
        "From measures to programmes: dashed, the link is ours; solid, a source states it.",
    )
    drawing.words(0, ours, 12, "soft")
    drawing.height += 6
    flow = Flow(view, drawing, kind, max((abs(_sum(each, kind)) for each in _programmes(answer)), default=0) or 1)
    for row in answer["data"]:
        flow.draw(row)
    return drawing


class Flow:
    """Draws the rows of a crosswalk in three columns, the money of one kind, of which `largest` is a programme's most.
    In a narrow drawing, sections have numbers alone."""

    def __init__(self, view: View, drawing: Drawing, kind: Kind, largest: int) -> None:
        self._view, self._drawing, self._kind, self._largest = view, drawing, kind, largest
        width = drawing.width
        self._short = width < 640
        # Where the columns begin, and how wide the words of the first two may be.
        self._section, gap = (26.0, 30.0) if self._short else (width * 0.24, width * 0.07)
        self._room = (width - self._section - 2 * gap) * 0.48
        self._measure = self._section + gap
        self._programme = self._section + 2 * gap + self._room
        self._placed: dict[str, tuple[float, float]] = {}  # where each programme's band ends, and how thick it is
        self._bottom = drawing.height  # of what was drawn of programmes

    def draw(self, row: Object) -> None:
        """Draws a section, its measures, and their programmes that no section before it has."""
        view, drawing, section = self._view, self._drawing, row["section"]
        top = drawing.height + 10
        label = section["number"] if self._short else f"{section['number']} {section['name'][view.language]}"
        link = view.url(f"/sections/{section['id']}")
        drawing.words(0, label, 12, "strong", width=self._section, link=link, at=top)
        if not row["measures"]:
            drawing.words(self._measure, view.tr("施策なし", "no measure"), 12, "soft", at=top)
        at, start = top, top + 3
        for measure in row["measures"]:
            thickness = self._thickness(sum(abs(_sum(each, self._kind)) for each in measure["related"]))
            at = self._draw_measure(measure, at, start, thickness)
            start += thickness + 2
        drawing.height = max(drawing.height, at)

    def _thickness(self, jpy: int) -> float:
        return max(TOP * jpy / self._largest, THINNEST)

    def _draw_measure(self, measure: Object, top: float, start: float, thickness: float) -> float:
        """Draws a measure, the band that leads to it, which starts so far down, and those that lead on. Returns where
        the next measure may stand."""
        view, drawing, name = self._view, self._drawing, measure["name"][self._view.language]
        link = view.url(f"/measures/{measure['id']}")
        end = drawing.words(self._measure, name, 12, width=self._room, link=link, at=top)
        middle = top + min(len(wrapped(name, self._room, 12)), 2) * 12 * LINE / 2
        ends = (start, start + thickness, *_around(middle, thickness))
        drawing.ribbon(self._section + 4, self._measure - 6, ends, "stated", name)
        self._bottom = max(self._bottom, top)
        if not measure["related"]:
            drawing.box(self._programme, top + 3, NOTHING, 4, EMPTY)
            drawing.words(self._programme, view.tr(*NOT_LINKED), 11, "soft", at=top + 9)
            self._bottom = drawing.height + 6
            return end + 6
        for programme in measure["related"]:
            if programme["id"] not in self._placed:
                self._placed[programme["id"]] = self._draw_programme(programme)
            ends = (*_around(middle, self._placed[programme["id"]][1]), *_around(*self._placed[programme["id"]]))
            basis = "ours" if programme["basis"] == "editorial" else "source"
            left, right = self._measure + self._room + 4, self._programme - 6
            drawing.ribbon(left, right, ends, basis, _link(view, programme))
        return max(end, self._bottom) + 6

    def _draw_programme(self, programme: Object) -> tuple[float, float]:
        """Draws a programme and its money below those before it. Returns the middle and the thickness of its band."""
        view, drawing, top, jpy = self._view, self._drawing, self._bottom, _sum(programme, self._kind)
        name, link = programme["name"][view.language], view.url(f"/measures/{programme['id']}")
        room, thickness = drawing.width - self._programme, self._thickness(abs(jpy))
        end = drawing.words(self._programme, name, 12, width=room, link=link, at=top)
        pattern = CUT if jpy < 0 else "solid" if jpy else EMPTY
        drawing.box(self._programme, end + 3, max((room - 2) * abs(jpy) / self._largest, 1), 7, pattern)
        text = _money(view, programme, self._kind)
        drawing.words(self._programme, text, 12, "strong" if jpy else "soft", at=end + 12, width=room)
        self._bottom = drawing.height + 6
        return top + max(thickness / 2, 8), thickness


def _around(middle: float, thickness: float) -> tuple[float, float]:
    """The upper and the lower end of a band."""
    return middle - thickness / 2, middle + thickness / 2


def _programmes(answer: Object) -> Iterable[Any]:
    return (programme for row in answer["data"] for measure in row["measures"] for programme in measure["related"])


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


def _described(view: View, answer: Object, kind: Kind) -> str:
    """The crosswalk in words."""
    texts = []
    for row in answer["data"]:
        found = [
            f"{measure['name'][view.language]} → {_link(view, each)} {_money(view, each, kind)}"
            for measure in row["measures"]
            for each in measure["related"]
        ]
        texts.append(f"{row['section']['number']}: {'; '.join(found) or view.tr(*NOT_LINKED)}")
    return ". ".join(texts)
