"""Charts: the sums, the crosswalk and the reconciliation as pictures, drawn from the API's own answers, for the pages
here and as SVG files for the pages of others.

Amounts of different bases or phases are never added: a chart draws those of one kind, and names the others.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from app.api import budget_summary, crosswalk
from app.api.parameters import Context, Parameters, by_name, context_of, described
from app.query.filters import Parameter, one_of
from app.query.formats import SVG_TYPE
from app.query.matching import Matcher
from app.query.parser import Query
from app.resources.budget_lines import BUDGET_LINES, KIND, UNSTATED
from app.resources.sums import kind_of, years_of
from app.site.drawing import BOLD, CUT, DIFFERENCE, EMPTY, JOINT, LINE, PATTERNS, Drawing, width_of, wrapped
from app.site.forms import chips
from app.site.render import CHART_STYLE
from app.site.values import doubt, kind_in_words, money
from app.site.view import View, view_of

# A file has its style within; nothing in it runs or loads.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *"
NARROW, WIDE = 320, 1_040  # the two drawings of a page, of which its style sheet shows one
MOST_BARS = 40
MARGIN = 12  # of a file, on each side
BAR = 18  # height of a bar
NOTHING = 48  # width of what stands where there is no bar
TOP, THINNEST = 26, 2  # thickness of ribbons

WIDTH = Parameter(
    "width",
    "Width in pixels that the picture is laid out for; it can be shown at any.",
    "integer",
    minimum=280,
    maximum=1_600,
    default=400,
)
LANG = Parameter(
    "lang", "Language of the words.", "choice", choices=one_of("en", "ja"), schema="Language", default="en"
)
OWN = ("group_by", "width", "lang")
SUM_PARAMETERS = by_name(*(each for name, each in budget_summary.PARAMETERS.items() if name not in OWN), WIDTH, LANG)
FLOW_PARAMETERS = by_name(*crosswalk.PARAMETERS.values(), WIDTH, LANG)

Object = Mapping[str, Any]
Kind = tuple[str | None, str | None]  # basis and phase

router = APIRouter(tags=["charts"])


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


def told(view: View, amount: Object) -> str:
    """An amount in words, with its doubt."""
    return f"{money(amount, view.language)}{' ' if amount['uncertain'] else ''}{doubt(view, amount)}"


def _part(view: View, label: str, amount: Object, pattern: str) -> Segment:
    return Segment(label, amount["jpy"], told(view, amount), pattern)


def _parts(view: View, total: Object) -> list[Segment]:
    """The parts of a sum: what is increased and what is cut, or else what one ministry pays and what several do."""
    names = {
        "increases": (view.tr("増額", "increases"), "solid"),
        "decreases": (view.tr("減額", "cuts"), CUT),
        "sole": (view.tr("単独", "alone"), "solid"),
        "joint": (view.tr("共同", "jointly"), JOINT),
    }
    shown = ("increases", "decreases") if total["decreases"] else ("sole", "joint")
    return [_part(view, names[each][0], total[each], names[each][1]) for each in shown if total[each]["jpy"]]


def _by_ministry(view: View, key: str, total: Object, pairs: Iterable[Object], kind: Kind) -> list[Segment]:
    """The parts of a pillar's sum: what each ministry pays alone, and what several pay together."""
    if total["decreases"]:
        return _parts(view, total)
    found, together = [], []
    patterns = patterns_of(view)
    for pair in pairs:
        ministry, _, pillar = pair["key"].partition(",")
        part = _total_of(pair, kind) if pillar == key else None
        if part and part["sole"]["jpy"]:
            found.append(_part(view, short_name(view, ministry), part["sole"], patterns.get(ministry, EMPTY)))
        if part and part["joint"]["jpy"]:
            together.append(short_name(view, ministry))
    if total["joint"]["jpy"]:
        names = view.tr(f"({'・'.join(together)})", f" ({', '.join(together)})") if together else ""
        label = f"{view.tr('共同', 'jointly')}{names}"
        found.append(_part(view, label, total["joint"], JOINT))
    return found


def asked(query: Query, *group_by: str) -> Query:
    """The query of sums that a chart's parameters stand for; without those of a page's place, for parts of its bars."""
    values = {name: each for name, each in query.values.items() if name in budget_summary.PARAMETERS}
    return Query(budget_summary.PARAMETERS, {**values, "group_by": group_by})


def sums_chart(view: View, query: Query, dimension: str, matcher: Matcher, only: Container[str] | None = None) -> Chart:
    """Sums of budget lines by a dimension, each group a bar: those of `only`, where it is given."""
    summed = orjson.loads(budget_summary.summarize(asked(query, dimension), view.snapshot, matcher))
    kind = first_kind(asked(query, dimension), matcher)
    pairs: list[Any] = []
    if dimension == "pillar":
        whole = Query(query.parameters, {k: v for k, v in query.values.items() if k not in ("sort", "order", "limit")})
        pairs = orjson.loads(budget_summary.summarize(asked(whole, "ministry", "pillar"), view.snapshot, matcher))[
            "groups"
        ]
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
        link = _lines(view, query, kind, **{dimension: key}) if term or key == "none" else ""
        if total is None:
            bars.append(Bar(label, none_of(view, group, dimension), (), link))
        else:
            parts = _by_ministry(view, key, total, pairs, kind) if dimension == "pillar" else _parts(view, total)
            bars.append(Bar(label, told(view, total["involved"]), parts, link))
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
    return kind_in_words(view, *kind), _lines(view, query, kind)


def _filters(query: Query) -> Query:
    """The filters of a chart: what chooses the lines that it sums."""
    filters = BUDGET_LINES.filters
    return Query(dict(filters), {name: each for name, each in query.values.items() if name in filters})


def _lines(view: View, query: Query, kind: Kind, **more: str) -> str:
    """The address of the lines of a kind under a chart's filters and more."""
    basis, phase = kind
    values = {**_filters(query).values, "basis": (basis or "none",), "phase": (phase or "none",)}
    values |= {name: (value,) for name, value in more.items()}
    return view.url("/budget-lines", Query(dict(BUDGET_LINES.filters), values).encode())


def _years(view: View, kind: Kind, query: Query, matcher: Matcher) -> str:
    """The kind that is drawn, and the fiscal years that its sums are of."""
    found = years_of(kind, matcher.match(BUDGET_LINES, asked(query, "fiscal_year")), matcher)
    if not found:
        return view.tr("該当する予算はない", "No budget line matches")
    first, last = (view.tr(f"{each}年度", f"FY{each}") for each in (found[0], found[-1]))
    span = first if first == last else view.tr(f"{first}から{last}の合計", f"{first} to {last} added")
    return f"{span}{view.tr('、', ', ')}{kind_in_words(view, *kind)}"


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


def difference_chart(view: View, data: Sequence[Object], lines: str, title: str) -> Chart:
    """A package's stated totals against its lines, whose address is `lines`: what is stated, what the lines give, and
    what is between them."""
    bars = []
    kinds = {each["stated"]["kind"]: view.value_label(each["stated"]["kind"]) for each in data}
    for each in data:
        stated, itemised, difference = each["stated"]["amount"], each["itemised"], each["difference"]
        label = kinds[each["stated"]["kind"]]
        bars.append(
            Bar(
                view.tr(f"文書が示す総額({label})", f"Stated total ({label.lower()})"),
                told(view, stated) if stated["jpy"] is not None else view.value_label("not_stated"),
                [_part(view, "", stated, "rising")] if stated["jpy"] else [],
            )
        )
        parts = [_part(view, "", itemised, "solid")] if itemised["jpy"] else []
        text = told(view, itemised) if parts else view.value_label("not_stated")
        bars.append(Bar(view.tr("予算行の合計", "Sum of its lines"), text, parts, lines))
        if difference["jpy"]:
            over = difference["jpy"] < 0
            says = (
                view.tr("予算行の合計が総額を超える分", "By which the lines exceed it")
                if over
                else view.tr("内訳の記載がない分", "Stated, but not itemised")
            )
            shown = {**difference, "jpy": abs(difference["jpy"]), "oku_yen": difference["oku_yen"].removeprefix("-")}
            start = min(stated["jpy"], itemised["jpy"])
            bars.append(Bar(says, told(view, shown), [_part(view, "", shown, DIFFERENCE)], start=start))
    return Chart("reconciliation", title, (), bars)


def document(drawing: Drawing, view: View) -> str:
    """A drawing as a file of its own, with its style and its sources."""
    drawing.style(CHART_STYLE.decode())
    drawing.gap(10)
    for line in view.snapshot.dataset.attribution.splitlines():
        drawing.words(0, line, 10, "soft")
    version = view.snapshot.dataset.version
    drawing.words(0, f"Shisaku {version.version} ({version.released})", 10, "soft")
    return drawing.svg(MARGIN)


def _room(query: Query) -> int:
    """How wide the drawing of a file may be."""
    return query.number("width") - 2 * MARGIN


def _response(view: View, drawing: Drawing) -> Response:
    headers = {"Content-Security-Policy": POLICY, "Content-Language": view.language}
    return Response(document(drawing, view), headers=headers, media_type=SVG_TYPE)


def _view(request: Request, context: Context) -> View:
    """The view of a chart: its language is that of the request, not that of the reader's browser, so that one address
    is one picture."""
    return replace(view_of(request, context.query), language=context.query.text("lang"), chosen=True)


def _documented(parameters: Parameters) -> dict[str, Any]:
    return {
        "response_class": Response,
        "responses": {200: {"content": {SVG_TYPE: {"schema": {"type": "string"}}}}},
        "openapi_extra": described(parameters),
    }


SHOWN = (
    "As SVG, with a title and a description in words, patterns beside colours, light and dark schemes, its sources, "
    "and no script: it can stand in any page as an image. Amounts of one basis and phase are drawn, those of the first "
    "line where there are several; the others are named, and `basis` and `phase` choose them."
)


FLOW_SHOWN = SHOWN.replace("`basis` and `phase` choose them", "`phase` chooses them; `basis` is that of the links")


def _add_sums(dimension: str) -> Callable[..., Any]:
    @router.get(
        f"/v1/charts/budget-by-{dimension}.svg",
        operation_id=f"draw_budget_by_{dimension}",
        summary=f"Draw the budget by {dimension}",
        description=f"The sums of `/v1/budget-summary?group_by={dimension}`, under its filters. {SHOWN}",
        **_documented(SUM_PARAMETERS),
    )
    async def draw(request: Request, context: Annotated[Context, context_of(SUM_PARAMETERS)]) -> Response:
        view = _view(request, context)
        chart = await view.snapshot.run(lambda matcher: sums_chart(view, context.query, dimension, matcher))
        return _response(view, chart.drawn(view, _room(context.query)))

    return draw


for _dimension in ("pillar", "ministry", "section"):
    _add_sums(_dimension)


@router.get(
    "/v1/charts/crosswalk.svg",
    operation_id="draw_crosswalk",
    summary="Draw the crosswalk",
    description=f"The answer of `/v1/crosswalk`, under its filters, as a flow. {FLOW_SHOWN}",
    **_documented(FLOW_PARAMETERS),
)
async def draw_crosswalk(request: Request, context: Annotated[Context, context_of(FLOW_PARAMETERS)]) -> Response:
    view = _view(request, context)
    values = {name: each for name, each in context.query.values.items() if name in crosswalk.PARAMETERS}
    walked = Query(crosswalk.PARAMETERS, values)
    body = await view.snapshot.run(lambda matcher: crosswalk.walk(walked, view.snapshot, matcher))
    return _response(view, flow_chart(view, orjson.loads(body), _room(context.query)))
