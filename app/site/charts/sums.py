"""The sums of budget lines as bar charts.

Amounts of different bases or phases are never added: a chart draws those of one kind, and names the others.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from app.api import budget_summary
from app.query.matching import Matcher
from app.query.parser import Query
from app.query.silence import silence_notes
from app.resources.budget_lines import BUDGET_LINES, KIND, UNSTATED
from app.resources.sums import AmountNotes, kind_of, rows_of_kinds, years_of
from app.site.charts.bars import Bar, Chart, Object, Segment, part
from app.site.charts.drawing import CUT, EMPTY, JOINT, PATTERNS
from app.site.forms import chips
from app.site.values import kind_in_words, money_in_words
from app.site.view import View

MOST_BARS = 40

Kind = tuple[str | None, str | None]  # basis and phase


def _kinds(answer: Object) -> list[Kind]:
    """The kinds of an answer's amounts."""
    return [(each["basis"], each["phase"]) for each in answer["totals"] if each["phase"]]


def first_kind(query: Query, matcher: Matcher) -> Kind:
    """The kind of the first line of a query that states an amount: lines stand in the order of the documents."""
    rows = matcher.match(BUDGET_LINES, query)
    first = {
        kind: min(lines)
        for kind, of_kind in matcher.index.values(BUDGET_LINES.name, KIND).rows.items()
        if kind != UNSTATED and (lines := rows & of_kind)
    }
    return kind_of(min(first, key=first.__getitem__)) if first else (None, None)


def _total_of(group: Object, kind: Kind) -> Any:
    return next((each for each in group["totals"] if (each["basis"], each["phase"]) == kind), None)


def short_name(view: View, ministry: str) -> str:
    """A ministry: in English by its letters, such as MEXT, since its name takes several lines."""
    term = view.snapshot.dataset.vocabularies["ministry"].terms.get(ministry)
    if term is None:
        return view.tr("府省庁なし", "no ministry")
    if view.language == "en" and len(ministry) <= 5:
        return ministry.upper()
    return str(getattr(term.label, view.language))


def patterns_of(view: View) -> Mapping[str, str]:
    """The pattern of each ministry, the same in all charts."""
    ids = view.snapshot.dataset.vocabularies["ministry"].terms
    return {each: PATTERNS[place % len(PATTERNS)] for place, each in enumerate(ids)}


def _parts(view: View, total: Object) -> list[Segment]:
    """The parts of a sum: what is increased and what is cut, or else what one ministry pays and what several do."""
    names = {
        "increases": (view.tr("増額", "increases"), "solid"),
        "decreases": (view.tr("減額", "cuts"), CUT),
        "sole": (view.tr("単独", "alone"), "solid"),
        "joint": (view.tr("共同", "jointly"), JOINT),
    }
    shown = ("increases", "decreases") if total["decreases"] else ("sole", "joint")
    return [part(view, names[each][0], total[each], names[each][1]) for each in shown if total[each]["jpy"]]


def _by_ministry(view: View, key: str, total: Object, pairs: Iterable[Object], kind: Kind) -> list[Segment]:
    """The parts of a pillar's sum: what each ministry pays alone, and what several pay together."""
    if total["decreases"]:
        return _parts(view, total)
    found, together = [], []
    patterns = patterns_of(view)
    for pair in pairs:
        ministry, _, pillar = pair["key"].partition(",")
        paid = _total_of(pair, kind) if pillar == key else None
        if paid and paid["sole"]["jpy"]:
            found.append(part(view, short_name(view, ministry), paid["sole"], patterns.get(ministry, EMPTY)))
        if paid and paid["joint"]["jpy"]:
            together.append(short_name(view, ministry))
    if total["joint"]["jpy"]:
        names = view.tr(f"({'・'.join(together)})", f" ({', '.join(together)})") if together else ""
        label = f"{view.tr('共同', 'jointly')}{names}"
        found.append(part(view, label, total["joint"], JOINT))
    return found


def sums_query(query: Query, *group_by: str) -> Query:
    """The query of sums that a chart's parameters stand for; without those of a page's place, for parts of its bars."""
    values = {name: each for name, each in query.values.items() if name in budget_summary.PARAMETERS}
    return Query(budget_summary.PARAMETERS, {**values, "group_by": group_by})


def sums_chart(view: View, query: Query, dimension: str, matcher: Matcher, only: Container[str] | None = None) -> Chart:
    """Sums of budget lines by a dimension, each group a bar: those of `only`, where it is given."""
    summed = orjson.loads(budget_summary.summarize(sums_query(query, dimension), matcher))
    kind = first_kind(sums_query(query, dimension), matcher)
    pairs: list[Any] = []
    if dimension == "pillar":
        whole = Query(query.parameters, {k: v for k, v in query.values.items() if k not in ("sort", "order", "limit")})
        pairs = orjson.loads(budget_summary.summarize(sums_query(whole, "ministry", "pillar"), matcher))["groups"]
    terms = view.snapshot.dataset.vocabularies[dimension].terms
    named = query.get("section")
    bars: list[Bar] = []
    left = 0
    for group in summed["groups"]:
        key, total = group["key"], _total_of(group, kind)
        term = terms.get(key)
        part_of_other = dimension == "section" and term and term.broader and not named
        if (
            (total is None and (dimension == "ministry" or key == "none" or named))
            or part_of_other
            or (only is not None and key not in only)
        ):
            continue
        if len(bars) == MOST_BARS:
            left += 1
            continue
        label = " ".join(filter(None, (_sign(dimension, term), group["label"][view.language])))
        if key == "none":
            label = view.tr(f"{view.label(dimension)}なし", f"in no {dimension}")
        link = lines_of_kind(view, query, kind, **{dimension: key}) if term or key == "none" else ""
        if total is None:
            bars.append(Bar(label, none_of(view, group, dimension), (), link))
        else:
            parts = _by_ministry(view, key, total, pairs, kind) if dimension == "pillar" else _parts(view, total)
            bars.append(Bar(label, money_in_words(view, total["involved"]), parts, link))
    titles = {
        "pillar": ("柱別の予算", "Budget by pillar"),
        "ministry": ("府省庁別の予算", "Budget by ministry"),
        "section": ("戦略の節別の予算", "Budget by section of the strategy"),
    }
    lead = [_years(view, kind, query, matcher)]
    if filters := [f"{each.label}: {each.value}" for each in chips(replace(view, query=_filters(query)))]:
        lead.append(view.tr("絞り込み — ", "Filters: ") + view.tr("、", "; ").join(filters))
    if not summed["additive"]:
        lead.append(view.tr("複数に属する予算行は、それぞれに全額を示す", "A line in several groups is whole in each"))
    if left:
        lead.append(view.tr(f"ほか{left}件は示していない", f"{left} more are not shown"))
    drawn = rows_of_kinds([kind], matcher.match(BUDGET_LINES, query), matcher)
    notes = [*silence_notes(BUDGET_LINES, query, [dimension], matcher), *AmountNotes(matcher).of(drawn)]
    lead.extend(view.tr(note.ja, note.en) for note in notes)
    others = [_other(view, each, query) for each in _kinds(summed) if each != kind]
    return Chart(f"budget-by-{dimension}", view.tr(*titles[dimension]), lead, bars, others)


def _sign(dimension: str, term: Any) -> str:
    """What is printed before a name: a pillar's symbol, a section's number."""
    if not term or not term.aliases or dimension == "ministry":
        return ""
    return str(term.aliases[-1] if dimension == "pillar" else term.aliases[0])


def none_of(view: View, group: Object, dimension: str) -> str:
    """Why a group has no bar."""
    if group["involved"]["jpy"] == 0:  # as the API tells what filters leave out from what is not stated
        return view.tr("条件に合う予算行なし", "no line under these filters")
    if not group["lines"] and dimension == "section":
        return view.tr("対応付けられた予算なし", "no line is linked")
    if not group["lines"]:
        return view.tr("金額の記載なし", "no amount is stated")
    return view.tr("この種類の予算なし", "none of this kind")


def _other(view: View, kind: Kind, query: Query) -> tuple[str, str]:
    """A kind that is not drawn, and the address of what has it."""
    return kind_in_words(view, *kind), lines_of_kind(view, query, kind)


def _filters(query: Query) -> Query:
    """The filters of a chart: what chooses the lines that it sums."""
    filters = BUDGET_LINES.filters
    return Query(dict(filters), {name: each for name, each in query.values.items() if name in filters})


def lines_of_kind(view: View, query: Query, kind: Kind, **more: str) -> str:
    """The address of the lines of a kind under a chart's filters and more."""
    basis, phase = kind
    values = {**_filters(query).values, "basis": (basis or "none",), "phase": (phase or "none",)}
    values |= {name: (value,) for name, value in more.items()}
    return view.url("/budget-lines", Query(dict(BUDGET_LINES.filters), values).encode())


def _years(view: View, kind: Kind, query: Query, matcher: Matcher) -> str:
    """The kind that is drawn, and the fiscal years that its sums are of."""
    found = years_of(kind, matcher.match(BUDGET_LINES, sums_query(query, "fiscal_year")), matcher)
    if not found:
        return view.tr("該当する予算はない", "No budget line matches")
    first, last = (view.tr(f"{each}年度", f"FY{each}") for each in (found[0], found[-1]))
    span = first if first == last else view.tr(f"{first}から{last}の合計", f"{first} to {last} added")
    return f"{span}{view.tr('、', ', ')}{kind_in_words(view, *kind)}"
