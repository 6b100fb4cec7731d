"""Drawings: SVG as text, with the little that charts of bars and flows need: the width of words, lines of words,
patterns, links.

Every text is escaped where it is written. Trees of xml.etree were a quarter of a page's time. Plotting
libraries (Matplotlib, Altair, Plotly) were looked at and left: they bring megabytes, draw words as paths or need a
script, and none draws bars whose joint part is hatched and whose labels wrap at 320 pixels without as many lines.
BudouX knows where Japanese may break. Nothing is measured by a font: words are taken for a little wider than they are.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from html import escape
from unicodedata import east_asian_width

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
        self.name, self.width, self.height, self.language = name, width, 0.0, language
        self._head = (
            f'<title id="{name}-title">{escape(title, quote=False)}</title>'
            f'<desc id="{name}-desc">{escape(description, quote=False)}</desc>'
        )
        self._patterns: dict[str, str] = {}
        self._parts: list[str] = []
        self._role = "img"

    def style(self, css: str) -> None:
        """Puts the rules of the style sheet into the drawing, for one that stands alone."""
        self._parts.append(f"<style>{escape(css, quote=False)}</style>")

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
        heavier = BOLD if kind == "strong" else 1
        start = f'<text x="{number(x)}" y="'
        more = f'" font-size="{number(size)}"' + (f' class="{kind}"' if kind else "")
        more += ' text-anchor="end">' if right else ">"
        lines = []
        for line in wrapped(text, width or (x if right else self.width - x), size * heavier):
            lines.append(f"{start}{number(top + size)}{more}{escape(line, quote=False)}</text>")
            top += size * LINE
        if link:
            self._role = "group"  # an image has no parts that can be reached
            lines = [f'<a href="{escape(link)}">', *lines, "</a>"]
        self._parts += lines
        self.height = max(self.height, top)
        return top

    def box(self, x: float, y: float, width: float, height: float, pattern: str, title: str = "") -> None:
        """Draws a rectangle in a pattern; `title` is what a pointer over it shows."""
        fill = ""
        if pattern not in ("solid", EMPTY, DIFFERENCE):
            name = f"{self.name}-{pattern}"
            fill = f' fill="url(#{name})"'
            self._patterns[pattern] = _pattern(name, pattern)
        self._parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" class="mark {pattern}" '
            f'width="{number(max(width, 1))}" height="{number(height)}"{fill}{_end("rect", title)}'
        )
        self.height = max(self.height, y + height)

    def ribbon(self, left: float, right: float, ends: Sequence[float], kind: str, title: str) -> None:
        """Draws a band from a height on the left to one on the right: `ends` are the upper and lower end of both."""
        x, middle, to = number(left), number((left + right) / 2), number(right)
        upper, lower, other, last = map(number, ends)
        path = (
            f"M{x} {upper}C{middle} {upper} {middle} {other} {to} {other}"
            f"V{last}C{middle} {last} {middle} {lower} {x} {lower}Z"
        )
        self._parts.append(f'<path d="{path}" class="ribbon {kind}"{_end("path", title)}')
        self.height = max(self.height, ends[1], ends[3])

    def rule(self, x: float, y: float, to: float) -> None:
        """Draws an upright line."""
        at = number(x)
        self._parts.append(f'<line x1="{at}" x2="{at}" y1="{number(y)}" y2="{number(to)}" class="rule" />')

    def svg(self, margin: int = 0) -> str:
        """The drawing as text, with a margin around it."""
        width, height = str(self.width + 2 * margin), number(self.height + 2 + 2 * margin)
        patterns = "".join(self._patterns.values())
        return (
            f'<svg class="chart" role="{self._role}" aria-labelledby="{self.name}-title {self.name}-desc" '
            f'lang="{self.language}" xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="{-margin} {-margin} {width} {height}">{self._head}<defs>{patterns}</defs>'
            f"{''.join(self._parts)}</svg>"
        )


def in_page(draw: Callable[[int, str], Drawing], name: str) -> Sequence[str]:
    """The two drawings of a page, of which its style sheet shows the one that the window has room for. `draw` gets a
    width and the name of the drawing."""
    return [draw(width, f"{name}-{size}").svg() for size, width in (("narrow", 288), ("wide", 1_040))]


def _end(element: str, title: str) -> str:
    """The end of an element that is begun, with a title where there is one."""
    return f"><title>{escape(title, quote=False)}</title></{element}>" if title else " />"


@cache  # of few names
def _pattern(id_: str, name: str) -> str:
    shapes = [f'<path d="{path}" class="stroke" />' for path in STROKES.get(name, ())]
    if name == "dots":
        shapes += [f'<circle cx="{at}" cy="{at}" r="1.3" class="dot" />' for at in (2, 6)]
    return (
        f'<pattern id="{id_}" width="8" height="8" patternUnits="userSpaceOnUse">'
        f'<rect width="8" height="8" class="ground {name}" />{"".join(shapes)}</pattern>'
    )


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
