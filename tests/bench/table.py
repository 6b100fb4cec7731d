"""The tables: what was measured, as Markdown, with its target beside it; it measures nothing and fails on nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.bench.measure import Measured
from tests.bench.questions import CLASSES, RequestClass
from tests.bench.scenarios import Figure

Found = Mapping[tuple[str, str], Measured]  # by class and server
OURS = "ours"
PEERS = ("naive", "Datasette page", "Datasette SQL", "roapi")
ENOUGH = 1_000  # lines, from which on answers are judged beside the peers'
HOT_SHARE = 0.92
MOST_MS = 100.0  # that one caller waits


@dataclass
class Result:
    """One size, measured."""

    lines: int
    connections: int
    cold: dict[tuple[str, str], Measured] = field(default_factory=dict)
    hot: dict[tuple[str, str], Measured] = field(default_factory=dict)  # by request, and `bare` or `ours`
    alone: dict[str, Measured] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows))


def met(*judged: bool | None) -> str:
    """What a row's targets come to."""
    known = [each for each in judged if each is not None]
    return ("yes" if all(known) else "**no**") if known else ""


def ratio(found: Found, name: str, server: str) -> float | None:
    """How many times our CPU per request a server takes."""
    ours, theirs = found.get((name, OURS)), found.get((name, server))
    if not ours or not theirs or not ours.requests or not theirs.requests:
        return None
    return theirs.each / ours.each


def _least(found: Found, name: str) -> float | None:
    ratios = [each for peer in PEERS[1:] if (each := ratio(found, name, peer)) is not None]
    return min(ratios, default=None)


def _shown(value: float | None, target: float | None, form: Callable[[float], str]) -> str:
    if value is None:
        return "–"
    return f"{form(value)} (≥ {form(target)})" if target else form(value)


def _times(value: float) -> str:
    return f"{value:,.1f} ×" if value < 100 and value % 1 else f"{value:,.0f} ×"


def _percent(value: float) -> str:
    return f"{value:.0%}"


def _at_least(value: float | None, target: float | None) -> bool | None:
    return None if value is None or target is None else value >= target


def share(result: Result, name: str) -> float | None:
    """Of the bare application's, that sends the same bytes."""
    ours, bare = result.cold.get((name, OURS)), result.hot.get((name, "bare"))
    return bare.least / ours.each if ours and bare and ours.requests and bare.requests else None


def judged(result: Result, class_: RequestClass) -> tuple[bool | None, ...]:
    """The targets of a cold answer."""
    if result.lines < ENOUGH:
        return ()
    return (
        _at_least(_least(result.cold, class_.name), class_.best_peer),
        _at_least(ratio(result.cold, class_.name, "naive"), class_.naive),
        _at_least(ratio(result.cold, class_.name, "Datasette page"), class_.page),
    )


def cold(result: Result) -> str:
    """Cold: the service beside its peers, in CPU per request."""
    others = [*PEERS, *(["PostgreSQL"] if any(server == "PostgreSQL" for _, server in result.cold) else [])]
    small = result.lines < ENOUGH

    def row(class_: RequestClass) -> list[str]:
        ours = result.cold.get((class_.name, OURS))
        if not ours or not ours.requests:
            return [class_.name, *["–"] * (4 + len(others)), ""]
        targets = {"naive": class_.naive, "Datasette page": class_.page}
        multiples = (
            _shown(ratio(result.cold, class_.name, other), None if small else targets.get(other), _times)
            for other in others
        )
        best = _shown(_least(result.cold, class_.name), None if small else class_.best_peer, _times)
        of_bare = _shown(share(result, class_.name), None, _percent)
        return [class_.name, f"{ours.each:,.0f}", of_bare, best, *multiples, met(*judged(result, class_))]

    heads = ["cold", "µs", "of bare ASGI", "best peer", *others, "met"]
    return table(heads, map(row, CLASSES))


def uncached(result: Result) -> str:
    """The same where the service keeps no answers."""
    pairs = [
        (name, found, result.cold[name, OURS]) for (name, server), found in result.cold.items() if server == "uncached"
    ]
    parts = (f"{name} {found.each:,.0f} µs (with it {ours.each:,.0f})" for name, found, ours in pairs if ours.requests)
    return f"Without the response cache: {', '.join(parts)}."


def hot(result: Result) -> str:
    """Hot: the service beside an application that only sends the bytes."""
    rows = []
    for name in dict.fromkeys(name for name, _ in result.hot):
        bare, ours = result.hot[name, "bare"], result.hot[name, OURS]
        part = bare.least / ours.least
        shown = [f"{part:.1%} (≥ {HOT_SHARE:.0%})", f"{ours.least:,.1f}", f"{bare.least:,.1f}", f"{ours.rate:,.0f}"]
        rows.append([name, *shown, met(part >= HOT_SHARE)])
    return table(("hot", "of bare ASGI", "µs", "bare, µs", "/s", "met"), rows)


def alone(result: Result, small: Result | None) -> str:
    """One caller alone: how long it waits; and what grows with the data."""
    rows = []
    for class_ in CLASSES:
        found = result.alone.get(class_.name)
        if not found or not found.requests:
            continue
        cells = [f"{found.p50:.2f}", f"{found.p99:.2f}", f"{found.most:.1f} (≤ {MOST_MS:g})"]
        verdicts: list[bool | None] = [found.most <= MOST_MS]
        if small:
            growth = _growth(result, small, class_)
            cells.append(f"{growth:.1f} × (≤ {class_.flat:g} ×)" if growth else "–")
            verdicts.append(growth <= class_.flat if growth else None)
        rows.append([class_.name, *cells, met(*verdicts)])
    grown = [f"CPU, of {small.lines:,} lines'"] if small else []
    return table(["cold, one caller", "p50, ms", "p99, ms", "most, ms", *grown, "met"], rows)


def _growth(result: Result, small: Result | None, class_: RequestClass) -> float | None:
    here = result.cold.get((class_.name, OURS))
    there = small.cold.get((class_.name, OURS)) if small else None
    return here.each / there.each if here and there and here.requests and there.requests else None


def around(figures: list[Figure]) -> str:
    return table(
        ("what", "target", "measured", "met"), ((each.what, each.target, each.value, met(each.met)) for each in figures)
    )
