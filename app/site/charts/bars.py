"""Bar charts: labelled amounts as bars of one scale, each in its parts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.site.charts.drawing import BOLD, EMPTY, Drawing, width_of
from app.site.values import money_in_words
from app.site.view import View

NARROW, WIDE = 320, 1_040  # the two drawings of a page, of which its style sheet shows one
BAR = 18  # height of a bar
NOTHING = 48  # width of what stands where there is no bar

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Segment:
    """A part of a bar: below zero, it stands on the left. Without a label, it is what the bar's own label says."""

    label: str
    jpy: int
    text: str
    pattern: str


@dataclass(frozen=True)
class Bar:
    """A labelled amount in its parts. Without parts, `text` says why; `start` is where they begin, in yen."""

    label: str
    text: str
    segments: Sequence[Segment]
    link: str = ""
    start: int = 0


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
        scale = Scale.of(self.bars, width)
        for bar in self.bars:
            _bar(drawing, bar, scale)
        if scale.low:
            drawing.rule(scale.at(0), 0, drawing.height)
        if self.others:
            drawing.gap(12)
            drawing.words(
                0, view.tr("加えないほかの種類の金額:", "Other kinds of money, which are not added:"), 11, "soft"
            )
            _in_rows(drawing, [(text, link, "") for text, link in self.others])
        return drawing

    def inline(self, view: View) -> tuple[str, str]:
        """The drawings of a page: for narrow and for wide windows."""
        return (
            self.drawn(view, NARROW - 32, f"{self.name}-narrow").svg(),
            self.drawn(view, WIDE, f"{self.name}-wide").svg(),
        )


@dataclass(frozen=True)
class Scale:
    """From yen to pixels, the same for all bars of a chart."""

    low: int
    high: int
    width: float

    @classmethod
    def of(cls, bars: Iterable[Bar], width: int) -> "Scale":
        ends = [(each.start + _below(each), each.start + _above(each)) for each in bars]
        return cls(min([0, *(low for low, _ in ends)]), max([0, *(high for _, high in ends)]), width - 2)

    def at(self, jpy: int) -> float:
        return 1 + self.width * (jpy - self.low) / ((self.high - self.low) or 1)


def _above(bar: Bar) -> int:
    return sum(each.jpy for each in bar.segments if each.jpy > 0)


def _below(bar: Bar) -> int:
    return sum(each.jpy for each in bar.segments if each.jpy < 0)


def _described(chart: Chart, view: View) -> str:
    """All that a chart says, in words."""
    stop = view.tr("。", ". ")
    texts = [*chart.lead]
    for bar in chart.bars:
        parts = view.tr("、", ", ").join(f"{each.label} {each.text}" for each in bar.segments if each.label)
        texts.append(f"{bar.label}: {bar.text}{f' ({parts})' if parts else ''}")
    if chart.others:
        apart = view.tr("、", "; ").join(text for text, _ in chart.others)
        texts.append(
            view.tr(f"加えないほかの種類の金額: {apart}", f"Other kinds of money, which are not added: {apart}")
        )
    return "".join(f"{text.rstrip('。.')}{stop}" for text in texts).strip()


def _bar(drawing: Drawing, bar: Bar, scale: Scale) -> None:
    drawing.gap(12)
    top, room = drawing.height, width_of(bar.text, 13 * BOLD) + 12
    drawing.words(0, bar.label, 13, link=bar.link, width=drawing.width - room)
    drawing.words(drawing.width, bar.text, 13, "strong" if bar.segments else "soft", at=top, width=room, right=True)
    drawing.gap(3)
    top = drawing.height
    if not bar.segments:
        drawing.box(scale.at(0), top, NOTHING, 5, EMPTY, f"{bar.label}: {bar.text}")
        return
    right = left = bar.start
    for each in bar.segments:
        right, left = (right + each.jpy, left) if each.jpy > 0 else (right, left + each.jpy)
        start, end = (right - each.jpy, right) if each.jpy > 0 else (left, left - each.jpy)
        says = f"{each.label or bar.label} {each.text}"
        drawing.box(scale.at(start), top, scale.at(end) - scale.at(start), BAR, each.pattern, says)
    drawing.gap(5)
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


def part(view: View, label: str, amount: Object, pattern: str) -> Segment:
    return Segment(label, amount["jpy"], money_in_words(view, amount), pattern)
