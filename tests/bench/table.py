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
HOT_SHARE = 0.95


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


def _told(value: float | None, target: float | None, form: Callable[[float], str]) -> str:
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


def judged(result: Result, asked: RequestClass) -> tuple[bool | None, ...]:
    """The targets of a cold answer that are ratios."""
    if result.lines < ENOUGH:
        return ()
    pairs = ((asked.naive, "naive"), (asked.page, "Datasette page"), (asked.sql, "Datasette SQL"))
    return (
        _at_least(share(result, asked.name), asked.share),
        _at_least(_least(result.cold, asked.name), asked.best_peer),
        *(_at_least(ratio(result.cold, asked.name, peer), target) for target, peer in pairs),
    )


def cold(result: Result) -> str:
    """Never asked before: the service beside its peers, in CPU per request."""
    others = [*PEERS, *(["PostgreSQL"] if any(server == "PostgreSQL" for _, server in result.cold) else [])]

    def row(asked: RequestClass) -> list[str]:
        ours = result.cold.get((asked.name, OURS))
        if not ours or not ours.requests:
            return [asked.name, *["–"] * (8 + len(others))]
        small = result.lines < ENOUGH
        cells = [
            _told(share(result, asked.name), None if small else asked.share, _percent),
            _told(ratio(result.cold, asked.name, "naive"), None if small else asked.naive, _times),
            _told(_least(result.cold, asked.name), None if small else asked.best_peer, _times),
            met(*judged(result, asked)),
            *_own(ours),
        ]
        for other in others:
            theirs = result.cold.get((asked.name, other))
            target = {"Datasette page": asked.page, "Datasette SQL": asked.sql}.get(other)
            multiple = ratio(result.cold, asked.name, other)
            told = f": {_told(multiple, target, _times)}" if target and not small else ""
            cells.append(f"{theirs.each:,.0f}{told}" if theirs and theirs.requests else "–")
        return [asked.name, *cells]

    heads = [
        "never asked before",
        "of bare ASGI",
        "naive / ours",
        "best peer / ours",
        "met",
        "ours, µs",
        "/s",
        "p50, ms",
        "p99, ms",
    ]
    return table([*heads, *(f"{other}, µs" for other in others)], map(row, CLASSES))


def uncached(result: Result) -> str:
    """The same where the service keeps no answers."""
    pairs = [
        (name, found, result.cold[name, OURS]) for (name, server), found in result.cold.items() if server == "uncached"
    ]
    told = (f"{name} {found.each:,.0f} µs (with it {ours.each:,.0f})" for name, found, ours in pairs if ours.requests)
    return f"Without the cache of answers: {', '.join(told)}."


def _own(found: Measured) -> list[str]:
    return [f"{found.each:,.0f}", f"{found.rate:,.0f}", f"{found.p50:,.2f}", f"{found.p99:,.2f}"]


def hot(result: Result) -> str:
    """Asked before: the service beside an application that only sends the bytes."""
    rows = []
    for name in dict.fromkeys(name for name, _ in result.hot):
        bare, ours = result.hot[name, "bare"], result.hot[name, OURS]
        part = bare.least / ours.least
        shown = [f"{part:.0%} (≥ {HOT_SHARE:.0%})", met(part >= HOT_SHARE)]
        rows.append([name, *shown, *_own(ours), f"{bare.least:,.0f}", f"{bare.rate:,.0f}"])
    heads = ("asked before", "of bare ASGI", "met", "ours, µs", "/s", "p50, ms", "p99, ms", "bare, µs", "bare, /s")
    return table(heads, rows)


def alone(result: Result, small: Result | None) -> str:
    """One caller alone: how long it waits; and what grows with the data."""
    rows = []
    for asked in CLASSES:
        found = result.alone.get(asked.name)
        if not found or not found.requests:
            continue
        growth = _growth(result, small, asked)
        verdicts = [found.most <= asked.most_ms, found.p50 <= asked.median_ms if asked.median_ms else None]
        cells = [
            f"{found.p50:.2f}" + (f" (≤ {asked.median_ms:g})" if asked.median_ms else ""),
            f"{found.p99:.2f}",
            f"{found.most:.1f} (≤ {asked.most_ms:g})",
        ]
        if small:
            wanted = f" (≤ {asked.flat:g} ×)" if asked.flat else ""
            cells.append(f"{growth:.1f} ×{wanted}" if growth else "–")
            verdicts.append(growth <= asked.flat if growth and asked.flat else None)
        rows.append([asked.name, *cells, met(*verdicts)])
    grown = [f"CPU, of {small.lines:,} lines'"] if small else []
    return table(["one caller, never asked before", "p50, ms", "p99, ms", "most, ms", *grown, "met"], rows)


def _growth(result: Result, small: Result | None, asked: RequestClass) -> float | None:
    here = result.cold.get((asked.name, OURS))
    there = small.cold.get((asked.name, OURS)) if small else None
    return here.each / there.each if here and there and here.requests and there.requests else None


def around(figures: list[Figure]) -> str:
    return table(
        ("what", "target", "measured", "met"), ((each.what, each.target, each.value, met(each.met)) for each in figures)
    )


def brief(result: Result) -> str:
    """For the README: a row for each class."""
    rows = []
    for asked in CLASSES:
        ours, ready = result.cold.get((asked.name, OURS)), result.hot.get((asked.name, OURS))
        if not ours or not ours.requests:
            continue
        again = f"{result.hot[asked.name, 'bare'].least / ready.least:.0%}" if ready else ""
        lone = result.alone.get(asked.name)
        multiples = (
            _told(value, None, _times)
            for value in (ratio(result.cold, asked.name, "naive"), _least(result.cold, asked.name))
        )
        waits = f"{lone.p50:.1f} / {lone.most:.0f} ms" if lone and lone.requests else "–"
        rows.append(
            [
                asked.name,
                again,
                f"{ours.each:,.0f} µs",
                *multiples,
                waits,
                met(*judged(result, asked)),
            ]
        )
    heads = (
        "request",
        "asked before, of bare ASGI",
        "never asked",
        "naive takes",
        "the best peer takes",
        "one caller waits, median / most",
        "target met",
    )
    return table(heads, rows)
