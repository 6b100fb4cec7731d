"""The sums of budget lines as bar charts.

Amounts of different bases or phases are never added: a chart draws those of one kind, and names the others.
"""

from collections import defaultdict
from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

import orjson

from app.api import budget_summary
from app.query.parser import Query
from app.query.searcher import Searcher
from app.query.vocabulary import Concept
from app.resources.amount import Kind
from app.resources.budget_lines import BUDGET_LINES, KIND, UNSTATED
from app.site.charts.bars import Bar, Chart, Segment
from app.site.charts.drawing import CUT, EMPTY, JOINT, PATTERNS
from app.site.forms import chips
from app.site.values import Object
from app.site.view import View
from app.sums.line_sums import amount_notes, kind_of, rows_of_kinds, years_of
from app.sums.missing import missing_notes

MAX_BARS = 40
TITLES = {  # by dimension
    "pillar": ("柱別の予算", "Budget by pillar"),
    "ministry": ("府省庁別の予算", "Budget by ministry"),
    "section": ("戦略の節別の予算", "Budget by section of the strategy"),
}


def totals_of(answer: Object) -> Mapping[Kind, Any]:
    """The sums of an answer, or of a group of it, by their kind, without lines that state no amount."""
    return {(each["basis"], each["phase"]): each for each in answer["totals"] if each["phase"]}


def first_kind(query: Query, searcher: Searcher) -> Kind:
    """The kind of the first line of a query that states an amount: lines stand in the order of the documents."""
    rows = searcher.match(BUDGET_LINES, query)
    first = {
        kind: min(lines)
        for kind, of_kind in searcher.index.values(BUDGET_LINES.name, KIND).rows.items()
        if kind != UNSTATED and (lines := rows & of_kind)
    }
    return kind_of(min(first, key=first.__getitem__)) if first else (None, None)


def short_name(view: View, ministry: str) -> str:
    """A ministry: in English by its letters, such as MEXT, since its name takes several lines."""
    concept = view.snapshot.dataset.vocabularies["ministry"].concepts.get(ministry)
    if concept is None:
        return view.tr("府省庁なし", "no ministry")
    if view.language == "en" and len(ministry) <= 5:
        return ministry.upper()
    return concept.label.of(view.language)


def _segments(view: View, total: Object) -> list[Segment]:
    """The parts of a sum: what is increased and what is cut, or else what one ministry pays and what several do."""
    parts = {
        "increases": (view.tr("増額", "increases"), "solid"),
        "decreases": (view.tr("減額", "cuts"), CUT),
        "sole": (view.tr("単独", "alone"), "solid"),
        "joint": (view.tr("共同", "jointly"), JOINT),
    }
    shown = ("increases", "decreases") if total["decreases"] else ("sole", "joint")
    return [Segment.of(view, parts[each][0], total[each], parts[each][1]) for each in shown if total[each]["jpy"]]


def _by_ministry(view: View, total: Object, paid: Mapping[str, Object]) -> list[Segment]:
    """The parts of a pillar's sum: what each ministry pays alone, and what several pay together. `paid` is what each
    ministry pays of it."""
    ids = view.snapshot.dataset.vocabularies["ministry"].concepts
    patterns = {each: PATTERNS[place % len(PATTERNS)] for place, each in enumerate(ids)}  # the same in all charts
    found = [
        Segment.of(view, short_name(view, ministry), each["sole"], patterns.get(ministry, EMPTY))
        for ministry, each in paid.items()
        if each["sole"]["jpy"]
    ]
    if total["joint"]["jpy"]:
        together = [short_name(view, ministry) for ministry, each in paid.items() if each["joint"]["jpy"]]
        names = view.tr(f"({'・'.join(together)})", f" ({', '.join(together)})") if together else ""
        found.append(Segment.of(view, f"{view.tr('共同', 'jointly')}{names}", total["joint"], JOINT))
    return found


def _summarize(query: Query, group_by: tuple[str, ...], searcher: Searcher) -> Any:
    """The API's answer to the parameters of a chart."""
    summed = query.within(budget_summary.PARAMETERS, group_by=group_by)
    return orjson.loads(budget_summary.summarize(summed, searcher))


def _paid(query: Query, kind: Kind, searcher: Searcher) -> Mapping[str, Mapping[str, Object]]:
    """By pillar, what each ministry pays of a kind."""
    found: dict[str, dict[str, Object]] = defaultdict(dict)
    for group in _summarize(query.without("sort", "order", "limit"), ("ministry", "pillar"), searcher)["groups"]:
        ministry, _, pillar = group["key"].partition(",")
        if kind in totals_of(group):
            found[pillar][ministry] = totals_of(group)[kind]
    return found


def sums_chart(
    view: View, query: Query, dimension: str, searcher: Searcher, only: Container[str] | None = None
) -> Chart:
    """Sums of budget lines by a dimension, each group a bar: those of `only`, where it is given."""
    answer = _summarize(query, (dimension,), searcher)
    kind = first_kind(query, searcher)
    paid = _paid(query, kind, searcher) if dimension == "pillar" else {}
    concepts = view.snapshot.dataset.vocabularies[dimension].concepts
    section = query.get("section")

    def is_shown(group: Object) -> bool:
        key, concept = group["key"], concepts.get(group["key"])
        is_part = dimension == "section" and concept and concept.broader and not section
        may_be_empty = dimension != "ministry" and key != "none" and not section
        return (only is None or key in only) and not is_part and (may_be_empty or kind in totals_of(group))

    def bar(group: Object) -> Bar:
        key, concept, total = group["key"], concepts.get(group["key"]), totals_of(group).get(kind)
        label = " ".join(filter(None, (_sign(dimension, concept), group["label"][view.language])))
        if key == "none":
            label = view.tr(f"{view.label(dimension)}なし", f"in no {dimension}")
        link = lines_of_kind(view, query, kind, **{dimension: key}) if concept or key == "none" else ""
        if total is None:
            return Bar(label, none_of(view, group, dimension), (), link)
        by_ministry = dimension == "pillar" and not total["decreases"]
        segments = _by_ministry(view, total, paid.get(key, {})) if by_ministry else _segments(view, total)
        return Bar(label, view.money(total["involved"]), segments, link)

    shown = list(filter(is_shown, answer["groups"]))
    lead = [_years(view, kind, query, searcher)]
    filtered = replace(view, query=query.within(BUDGET_LINES.filters))
    if filters := [f"{each.label}: {each.value}" for each in chips(filtered)]:
        lead.append(view.tr("絞り込み — ", "Filters: ") + view.tr("、", "; ").join(filters))
    if not answer["additive"]:
        lead.append(view.tr("複数に属する予算行は、それぞれに全額を示す", "A line in several groups is whole in each"))
    if left := len(shown[MAX_BARS:]):
        lead.append(view.tr(f"ほか{left}件は示していない", f"{left} more are not shown"))
    drawn = rows_of_kinds([kind], searcher.match(BUDGET_LINES, query), searcher)
    notes = [*missing_notes(query, [dimension], searcher), *amount_notes(drawn, searcher)]
    lead.extend(view.tr(note.ja, note.en) for note in notes)
    return Chart(
        f"budget-by-{dimension}",
        view.tr(*TITLES[dimension]),
        lead,
        list(map(bar, shown[:MAX_BARS])),
        [(view.kind(*each), lines_of_kind(view, query, each)) for each in totals_of(answer) if each != kind],
    )


def _sign(dimension: str, concept: Concept | None) -> str:
    """What is printed before a name: a pillar's symbol, a section's number."""
    if not concept or not concept.aliases or dimension == "ministry":
        return ""
    return concept.aliases[-1] if dimension == "pillar" else concept.aliases[0]


def none_of(view: View, group: Object, dimension: str) -> str:
    """Why a group has no bar."""
    if group["involved"]["jpy"] == 0:  # as the API tells what filters leave out from what is not stated
        return view.tr("条件に合う予算行なし", "no line under these filters")
    if not group["lines"] and dimension == "section":
        return view.tr("対応付けられた予算なし", "no line is linked")
    if not any(each["basis"] for each in group["totals"]):
        return view.tr("金額の記載なし", "no amount is stated")
    return view.tr("この種類の予算なし", "none of this kind")


def lines_of_kind(view: View, query: Query, kind: Kind, **more: str) -> str:
    """The address of the lines of a kind under a chart's filters and more."""
    basis, phase = kind
    chosen = {"basis": basis or "none", "phase": phase or "none", **more}
    lines = query.within(BUDGET_LINES.filters, **{name: (each,) for name, each in chosen.items()})
    return view.url("/budget-lines", lines.encode())


def _years(view: View, kind: Kind, query: Query, searcher: Searcher) -> str:
    """The kind that is drawn, and the fiscal years that its sums are of."""
    rows = searcher.match(BUDGET_LINES, query)
    found = years_of(kind, rows, searcher)
    if not found:
        no_amount, no_line = (
            ("金額の記載がない", "No amount is stated"),
            ("該当する予算はない", "No budget line matches"),
        )
        return view.tr(*(no_amount if rows else no_line))
    first, last = (view.tr(f"{each}年度", f"FY{each}") for each in (found[0], found[-1]))
    span = first if first == last else view.tr(f"{first}から{last}の合計", f"{first} to {last} added")
    return f"{span}{view.tr('、', ', ')}{view.kind(*kind)}"
