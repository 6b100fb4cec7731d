"""Forms: the parameters of an answer as controls with counts, and what was asked for as chips. Plain GET, so that they
work without script."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from app.query.filters import Filter, Parameter
from app.query.page import FacetCounts
from app.query.vocabulary import NONE
from app.site.labels import label, value_label
from app.site.view import View

ORDERED = (
    15  # options that are all shown, in the order of their vocabulary; of more, those with the most rows come first
)
FIRST = 8  # of more options, those that are shown at once; the others are below them, folded
MOST = 20  # options in all; beyond, there is a field to type a value into
PLACES = ("offset", "cursor")  # where in a list a page is
ORDERS = ("sort", "order")
SHAPES = (*ORDERS, "limit", "facet", "fields")  # how it is shown

NUMBER = re.compile(r"\d{1,2}(\.\d{1,2})*")  # of a pillar or a section

Facets = Mapping[str, FacetCounts]  # by filter


@dataclass(frozen=True)
class Option:
    """A value of a control; `count` is how many rows it would give, where that was counted."""

    value: str
    label: str
    count: int | None
    chosen: bool


@dataclass(frozen=True)
class Control:
    """One parameter in a form. `value` is the one that is typed; `more` is whether there are values beyond the
    options."""

    kind: Literal["text", "number", "select", "checkboxes"]
    name: str
    label: str
    help: str
    value: str = ""
    options: Sequence[Option] = ()
    more: bool = False

    @property
    def folded(self) -> int:
        """From which option on they are folded."""
        return FIRST if len(self.options) > ORDERED else len(self.options)


@dataclass(frozen=True)
class Chip:
    """A value that was asked for, and the address of the page without it."""

    label: str
    value: str
    without: str


def controls(view: View, facets: Facets) -> Iterator[Control]:
    """The controls of a page's parameters: words first, then the filters as they are declared, and the order."""
    declared = view.query.parameters
    filters = [name for name, parameter in declared.items() if name != "q" and _is_shown(parameter)]
    for name in ("q", *filters, *ORDERS):
        if name in declared:
            yield _control(view, declared[name], facets.get(name))


def _control(view: View, parameter: Parameter, facet: FacetCounts | None) -> Control:
    name, sent = parameter.name, view.query.get(parameter.name)
    # The meanings are in English alone.
    help_ = parameter.meaning if view.language == "en" else ""
    made = partial(Control, name=name, label=view.label(name), help=help_)
    match parameter.kind:
        case "integer" | "amount":
            return made(kind="number", value="".join(sent))
        case "text" | "id":
            return made(kind="text", value=",".join(sent))
    if isinstance(parameter, Filter) and parameter.period:  # a version, or a day
        return made(kind="text", value="".join(sent))
    options = list(_options(view, parameter, facet))
    if not parameter.many:
        return made(kind="select", options=options)
    if len(options) > ORDERED:
        options.sort(key=lambda each: (not each.chosen, -(each.count or 0)))
    return made(kind="checkboxes", options=options[:MOST], more=len(options) > MOST)


def _options(view: View, parameter: Parameter, facet: FacetCounts | None) -> Iterator[Option]:
    sent = view.query.get(parameter.name)
    for value, shown in _labels(view, parameter).items():
        yield Option(value, shown, facet.counts.get(value, 0) if facet else None, value in sent)
    missing = facet.missing if facet else 0
    if missing or NONE in sent:
        yield Option(NONE, view.tr("なし", "None"), missing, NONE in sent)


def _labels(view: View, parameter: Parameter) -> Mapping[str, str]:
    """The labels of all values of a parameter, which one snapshot of the data has once."""
    key = f"labels/{view.language}/{parameter.vocabulary or parameter.schema or parameter.name}"
    found: Mapping[str, str] | None = view.snapshot.index.get(key)
    if found is None:
        values = parameter.values(view.snapshot.dataset.vocabularies).terms
        found = view.snapshot.index[key] = {value: option_label(view, parameter, value) for value in values}
    return found


def option_label(view: View, parameter: Parameter, value: str) -> str:
    """The label of a value of a parameter."""
    if value == NONE:
        return view.tr("なし", "None")
    term = parameter.values(view.snapshot.dataset.vocabularies).terms.get(value)
    if term is None:  # an id, or a day
        return value
    name = str(getattr(term.label, view.language))
    if name != value:
        # A number stands before a name that has one, as where it is printed.
        sign = next(filter(NUMBER.fullmatch, term.aliases), "")
        return f"{sign} {name}" if sign else name[:1].upper() + name[1:]
    if parameter.name != "order" and parameter.name in (*SHAPES, "type"):  # names of fields, parameters and resources
        return label(value, view.language)
    return value_label(value, parameter.name, view.language)


def chips(view: View) -> Iterator[Chip]:
    """What was asked for, value by value."""
    for name, values in view.query.values.items():
        if name in (*PLACES, *SHAPES):
            continue
        parameter = view.query.parameters[name]
        for value in values:
            shown = value
            if parameter.kind not in ("text", "integer", "amount"):
                shown = option_label(view, parameter, value)
            elif isinstance(parameter, Filter):
                shown = f"{int(value):,}"
            yield Chip(view.label(name), shown, view.without(name, value))


def hidden(view: View) -> Iterator[tuple[str, str]]:
    """What a form keeps without showing it: how the answer is shown, filters of other operators, and the language."""
    for name, values in view.query.values.items():
        if name not in (*PLACES, *ORDERS) and not _is_shown(view.query.parameters[name]):
            yield name, ",".join(values)
    if view.chosen:
        yield "lang", view.language


def _is_shown(parameter: Parameter) -> bool:
    """Whether a form has a control of it."""
    return (
        parameter.name not in (*PLACES, *SHAPES)
        and getattr(parameter, "operator", "any") == "any"
        and not parameter.newest
    )
