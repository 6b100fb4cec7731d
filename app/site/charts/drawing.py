"""Drawings: SVG as trees of elements, with the little that charts of bars and flows need: the width of words, lines of
words, patterns, links.

Python's own xml.etree makes the elements, so that every text is escaped and every drawing is well-formed. Plotting
libraries (Matplotlib, Altair, Plotly) were looked at and left: they bring megabytes, draw words as paths or need a
script, and none draws bars whose joint part is hatched and whose labels wrap at 320 pixels without as many lines.
BudouX knows where Japanese may break. Nothing is measured by a font: words are taken for a little wider than they are.
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from unicodedata import east_asian_width
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import budoux

LINE = 1.35  # height of a line, in sizes of its letters
LATIN, WIDE, BOLD = 0.56, 1.0, 1.12  # width of a letter, in sizes; how much wider strong ones are
PATTERNS = ("solid", "rising", "dots", "falling", "grid", "level", "upright")
JOINT, CUT, EMPTY, DIFFERENCE = "joint", "cut", "empty", "difference"  # patterns of other money than one body's


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def width_of(text: str, size: float) -> float:
    """The width of a text."""
    return size * _ems(text)


@lru_cache(20_000)
def _ems(text: str) -> float:
    """The width of a text, in sizes of its letters."""
    return sum(WIDE if east_asian_width(each) in "WFA" else LATIN for each in text)


@lru_cache(10_000)  # names recur in many drawings
def wrapped(text: str, width: float, size: float) -> tuple[str, ...]:
    """A text in lines, which end between words of Latin and phrases of Japanese where these fit."""
    lines: list[str] = []
    line = ""
    for word in _phrases(text):
        if line and width_of(line + word.rstrip(), size) > width:
            lines.append(line.rstrip())
            line = ""
        line += word if line or word.strip() else ""
        while width_of(line.rstrip(), size) > width and len(line) > 1:  # one word longer than a line
            fitting = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or width_of(line[:n], size) <= width)
            lines.append(line[:fitting])
            line = line[fitting:]
    return (*lines, line.rstrip()) if line.strip() else tuple(lines)


@cache
def _parser() -> budoux.Parser:
    return budoux.load_default_japanese_parser()


def _phrases(text: str) -> Sequence[str]:
    """The parts of a text after each of which a line may end."""
    return [word for phrase in _parser().parse(text) for word in re.findall(r"\S*\s+|\S+", phrase)]


class Drawing:
    """One picture, `width` pixels wide; it grows downward. `name` begins the ids of its parts, since a page may hold
    several. `title` and `description` are what a reader hears who does not see it."""

    def __init__(self, name: str, width: int, title: str, description: str, language: str) -> None:
        self.name, self.width, self.height = name, width, 0.0
        labels = f"{name}-title {name}-desc"
        self.root = Element("svg", {"class": "chart", "role": "img", "aria-labelledby": labels, "lang": language})
        self.root.set("xmlns", "http://www.w3.org/2000/svg")
        SubElement(self.root, "title", {"id": f"{name}-title"}).text = title
        SubElement(self.root, "desc", {"id": f"{name}-desc"}).text = description
        self._patterns = SubElement(self.root, "defs")
        self._made: set[str] = set()

    def style(self, css: str) -> None:
        """Puts the rules of the style sheet into the drawing, for one that stands alone."""
        SubElement(self.root, "style").text = css

    def words(
        self,
        x: float,
        text: str,
        size: float = 13,
        kind: str = "",
        *,
        width: float = 0,
        link: str = "",
        at: float = -1,
        right: bool = False,
    ) -> float:
        """Writes words at `at`, or below all before, in lines of a width; with `right`, they end at x. Returns where
        they end."""
        top = self.height if at < 0 else at
        parent = SubElement(self.root, "a", {"href": link}) if link else self.root
        heavier = BOLD if kind == "strong" else 1
        for line in wrapped(text, width or (x if right else self.width - x), size * heavier):
            attributes = {"x": number(x), "y": number(top + size), "font-size": number(size)}
            more = {"class": kind} if kind else {}
            more |= {"text-anchor": "end"} if right else {}
            SubElement(parent, "text", attributes | more).text = line
            top += size * LINE
        self.height = max(self.height, top)
        return top

    def box(self, x: float, y: float, width: float, height: float, pattern: str, says: str = "") -> None:
        """Draws a rectangle in a pattern; `says` is what a pointer over it shows."""
        box = SubElement(self.root, "rect", {"x": number(x), "y": number(y), "class": f"mark {pattern}"})
        box.set("width", number(max(width, 1)))
        box.set("height", number(height))
        if pattern not in ("solid", EMPTY, DIFFERENCE):
            box.set("fill", f"url(#{self.name}-{pattern})")
            self._pattern(pattern)
        if says:
            SubElement(box, "title").text = says
        self.height = max(self.height, y + height)

    def ribbon(self, left: float, right: float, ends: Sequence[float], kind: str, says: str) -> None:
        """Draws a band from a height on the left to one on the right: `ends` are the upper and lower end of both."""
        upper, lower, other, last = ends
        middle = number((left + right) / 2)
        x, to = number(left), number(right)
        path = (
            f"M{x} {number(upper)}C{middle} {number(upper)} {middle} {number(other)} {to} {number(other)}"
            f"V{number(last)}C{middle} {number(last)} {middle} {number(lower)} {x} {number(lower)}Z"
        )
        band = SubElement(self.root, "path", {"d": path, "class": f"ribbon {kind}"})
        SubElement(band, "title").text = says
        self.height = max(self.height, lower, last)

    def rule(self, x: float, y: float, to: float) -> None:
        """Draws an upright line."""
        ends = {"x1": number(x), "x2": number(x), "y1": number(y), "y2": number(to)}
        SubElement(self.root, "line", {**ends, "class": "rule"})

    def gap(self, height: float) -> None:
        """Leaves room below what was drawn."""
        self.height += height

    def _pattern(self, name: str) -> None:
        if name in self._made:
            return
        self._made.add(name)
        pattern = SubElement(self._patterns, "pattern", {"id": f"{self.name}-{name}", "width": "8", "height": "8"})
        pattern.set("patternUnits", "userSpaceOnUse")
        SubElement(pattern, "rect", {"width": "8", "height": "8", "class": f"ground {name}"})
        for path in STROKES.get(name, ()):
            SubElement(pattern, "path", {"d": path, "class": "stroke"})
        if name == "dots":
            for x, y in ((2, 2), (6, 6)):
                SubElement(pattern, "circle", {"cx": str(x), "cy": str(y), "r": "1.3", "class": "dot"})

    def svg(self, margin: int = 0) -> str:
        """The drawing as text, with a margin around it."""
        width, height = str(self.width + 2 * margin), number(self.height + 2 + 2 * margin)
        if self.root.find("a") is not None:  # an image has no parts that can be reached
            self.root.set("role", "group")
        self.root.set("width", width)
        self.root.set("height", height)
        self.root.set("viewBox", f"{-margin} {-margin} {width} {height}")
        return ElementTree.tostring(self.root, encoding="unicode")


RISING, FALLING = "M-2 2L2 -2M0 8L8 0M6 10L10 6", "M-2 6L2 10M0 0L8 8M6 -2L10 2"
STROKES = {
    "rising": (RISING,),
    "falling": (FALLING,),
    "grid": ("M0 4H8M4 0V8",),
    "level": ("M0 4H8",),
    "upright": ("M4 0V8",),
    JOINT: (RISING, FALLING),
    CUT: ("M0 2H8M0 6H8",),
}
