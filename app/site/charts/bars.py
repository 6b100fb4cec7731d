"""Bar charts: labelled amounts as bars of one scale, each in its parts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from app.site.charts.drawing import BOLD, EMPTY, Drawing, in_page, width_of
from app.site.values import Object
from app.site.view import View

BAR = 18  # height of a bar
NOTHING = 48  # width of what stands where there is no bar
OTHERS = ("加えないほかの種類の金額:", "Other kinds of money, which are not added:")


@dataclass(frozen=True)
class Segment:
    """A part of a bar: below zero, it stands on the left. Without a label, it is what the bar's own label says."""

    label: str
    jpy: int
    text: str
    pattern: str

    @classmethod
    def of(cls, view: View, label: str, amount: Object, pattern: str) -> "Segment":
        return cls(label, amount["jpy"], view.money(amount), pattern)


@dataclass(frozen=True)
class Bar:
    """A labelled amount in its parts. Without parts, `text` says why; `start` is where they begin, in yen."""

    label: str
    text: str
    segments: Sequence[Segment]
    link: str = ""
    start: int = 0

    @property
    def ends(self) -> tuple[int, int]:
        """From where to where it reaches, in yen: parts below zero lie left of its start, the others right of it."""
        parts = [each.jpy for each in self.segments]
        return self.start + sum(jpy for jpy in parts if jpy < 0), self.start + sum(jpy for jpy in parts if jpy > 0)


@dataclass(frozen=True)
class Chart:
    """What a chart shows, before it is drawn at a width."""

    name: str
    title: str
    lead: Sequence[str]
    bars: Sequence[Bar]
    others: Sequence[tuple[str, str]] = ()  # kinds that are not drawn, in words, with addresses

    def drawn(self, view: View, width: int, name: str = "") -> Drawing:
        """The chart at a width. As a part of a page, which has a heading of its own, it has a name, and no heading."""
        drawing = Drawing(name or self.name, width, self.title, _described(self, view), view.language)
        if not name:
            drawing.words(0, self.title, 16, "strong")
        for each in self.lead:
            drawing.words(0, each, 12, "soft")
        ends = [0, *(end for bar in self.bars for end in bar.ends)]
        low, high = min(ends), max(ends)

        def at(jpy: int) -> float:
            """From yen to pixels, the same for all bars."""
            return 1 + (width - 2) * (jpy - low) / ((high - low) or 1)

        for bar in self.bars:
            _draw(drawing, bar, at)
        if low:
            drawing.rule(at(0), 0, drawing.height)
        if self.others:
            drawing.height += 12
            drawing.words(0, view.tr(*OTHERS), 11, "soft")
            _in_rows(drawing, [(text, link, "") for text, link in self.others])
        return drawing

    def in_page(self, view: View) -> Sequence[str]:
        """The drawings of a page."""
        return in_page(partial(self.drawn, view), self.name)


def _described(chart: Chart, view: View) -> str:
    """All that a chart says, in words."""
    texts = [*chart.lead]
    for bar in chart.bars:
        parts = view.tr("、", ", ").join(f"{each.label} {each.text}" for each in bar.segments if each.label)
        texts.append(f"{bar.label}: {bar.text}{f' ({parts})' if parts else ''}")
    if chart.others:
        texts.append(f"{view.tr(*OTHERS)} {view.tr('、', '; ').join(text for text, _ in chart.others)}")
    stop = view.tr("。", ". ")
    return "".join(f"{text.rstrip('。.')}{stop}" for text in texts).strip()


def _draw(drawing: Drawing, bar: Bar, at: Callable[[int], float]) -> None:
    drawing.height += 12
    top, room = drawing.height, width_of(bar.text, 13 * BOLD) + 12
    drawing.words(0, bar.label, 13, link=bar.link, width=drawing.width - room)
    drawing.words(drawing.width, bar.text, 13, "strong" if bar.segments else "soft", at=top, width=room, right=True)
    drawing.height += 3
    top = drawing.height
    if not bar.segments:
        drawing.box(at(0), top, NOTHING, 5, EMPTY, f"{bar.label}: {bar.text}")
        return
    left = right = bar.start
    for each in bar.segments:
        if each.jpy < 0:
            start, end = left + each.jpy, left
            left = start
        else:
            start, end = right, right + each.jpy
            right = end
        title = f"{each.label or bar.label} {each.text}"
        drawing.box(at(start), top, at(end) - at(start), BAR, each.pattern, title)
    drawing.height += 5
    _in_rows(drawing, [(f"{each.label} {each.text}", "", each.pattern) for each in bar.segments if each.label])


def _in_rows(drawing: Drawing, texts: Iterable[tuple[str, str, str]]) -> None:
    """Writes short texts beside one another, each with its address and its pattern, where it has them."""
    x, top = 0.0, drawing.height
    for text, link, pattern in texts:
        room = 15 if pattern else 0
        width = room + width_of(text, 11) + 12
        if x and x + width > drawing.width:
            x, top = 0.0, drawing.height + 3
        if pattern:
            drawing.box(x + 1, top + 2, 10, 9, pattern)
        drawing.words(x + room, text, 11, "soft", link=link, at=top)
        x += width
