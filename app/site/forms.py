"""Forms: the parameters of an answer as controls with counts, and what was asked for as chips. Plain GET, so that they
work without script."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from app.query.filters import Parameter
from app.query.page import FacetCounts
from app.query.vocabulary import NONE
from app.site.view import View

MAX_IN_ORDER = 15  # options that are all shown, in their own order; of more, those with the most rows come first
UNFOLDED = 8  # of more options, those that are shown at once; the others are below them, folded
MAX_OPTIONS = 20  # options in all; beyond, there is a field to type a value into
PAGING = ("offset", "cursor")  # where in a list a page is
ORDERS = ("sort", "order")
PRESENTATION = (*ORDERS, "limit", "facet", "fields")  # how it is shown

NUMBER = re.compile(r"\d{1,2}(\.\d{1,2})*")  # of a pillar or a section

LABELLED_AS = {"basis": "basis_reason"}  # as the amount's: the basis of a link is another

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
    """One parameter in a form. `value` is the one that is typed. Options are folded from the number `folded` on; `more`
    is whether there are values beyond them."""

    kind: Literal["text", "number", "select", "checkboxes"]
    name: str
    label: str
    value: str = ""
    options: Sequence[Option] = ()
    folded: int = 0
    more: bool = False


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
    control = partial(Control, name=parameter.name, label=_name(view, parameter))
    sent = view.query.get(parameter.name)
    if parameter.kind in ("integer", "amount"):
        return control(kind="number", value=",".join(sent))
    if parameter.kind in ("text", "id", "period"):
        return control(kind="text", value=",".join(sent))
    concepts = parameter.values(view.snapshot.dataset.vocabularies).concepts
    counts = {value: facet.counts.get(value, 0) if facet else None for value in concepts}
    missing = facet.missing if facet else 0
    if missing or NONE in sent:
        counts[NONE] = missing
    values, folded = list(counts), len(counts)
    if parameter.many and len(values) > MAX_IN_ORDER:
        values.sort(key=lambda each: (each not in sent, -(counts[each] or 0)))
        folded = UNFOLDED
    shown = values[:MAX_OPTIONS] if parameter.many else values
    options = [Option(each, _label(view, parameter, each), counts[each], each in sent) for each in shown]
    if not parameter.many:
        return control(kind="select", options=options)
    return control(kind="checkboxes", options=options, folded=folded, more=len(values) > MAX_OPTIONS)


def _name(view: View, parameter: Parameter) -> str:
    """The label of a parameter."""
    of = parameter.indexed
    return view.label(parameter.name.replace(of, LABELLED_AS.get(of, of), 1))


def _label(view: View, parameter: Parameter, value: str) -> str:
    """The label of a value of a parameter; the value itself if it is typed: words, an id, or a day."""
    if parameter.kind == "amount":
        return f"{int(value):,}"
    if value == NONE and parameter.kind != "text":
        return view.value_label(NONE)
    concept = parameter.values(view.snapshot.dataset.vocabularies).concepts.get(value)
    if concept is None:
        return value
    name = concept.label.of(view.language)
    if name == value:
        return view.value_label(value, parameter.indexed)
    # A number stands before a name that has one, as where it is printed.
    sign = next(filter(NUMBER.fullmatch, concept.aliases), "")
    return f"{sign} {name}" if sign else name[:1].upper() + name[1:]


def chips(view: View) -> Iterator[Chip]:
    """What was asked for, value by value."""
    for name, values in view.query.values.items():
        if name not in (*PAGING, *PRESENTATION):
            parameter = view.query.parameters[name]
            for value in values:
                yield Chip(_name(view, parameter), _label(view, parameter, value), view.without(name, value))


def hidden(view: View) -> Iterator[tuple[str, str]]:
    """What a form keeps without showing it: how the answer is shown, filters of other operators, and the language."""
    for name, values in view.query.values.items():
        if name not in (*PAGING, *ORDERS) and not _is_shown(view.query.parameters[name]):
            yield name, ",".join(values)
    if view.chosen:
        yield "lang", view.language


def _is_shown(parameter: Parameter) -> bool:
    """Whether a form has a control of it."""
    return parameter.name not in (*PAGING, *PRESENTATION) and parameter.operator == "any" and not parameter.newest
