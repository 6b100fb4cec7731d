"""Values as HTML, by their shape alone, so that a new field needs no line here. A page has hundreds of them: they are
written here rather than in a template, whose macros take ten times as long."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from markupsafe import Markup

from app.resources import BY_NAME
from app.schemas import fields_of_reason
from app.site.fields import Field, references
from app.site.forms import Control
from app.site.markup import escape, html
from app.site.view import View
from app.site.words import UNCERTAIN, day, money

SIGNS = ("code", "symbol", "number")  # what stands before a name: the first of these that a record has
SHAPES: Mapping[str, frozenset[str]] = {  # of objects, by the properties that they need; the first that fits
    "ref": frozenset(("id",)),
    "amount": frozenset(("jpy", "oku_yen", "approximate", "uncertain", "basis_reason")),
    "words": frozenset(("ja", "en")),
    "evidence": frozenset(("basis", "document", "lines", "quote", "supports", "note", "url")),
    "day": frozenset(("date", "era")),
    "year": frozenset(("year", "era")),
    "range": frozenset(("from", "to")),
}
CODE = re.compile(r"[a-z]+([_-][a-z]+)*(_\d)?")  # a value of a closed vocabulary, such as `not_stated`
COMPUTED = ("ほかの項目から求めた値", "Follows from other fields")
SEPARATED = 10_000  # from this number on, digits stand in groups

Object = Mapping[str, Any]


def shape(value: Object) -> str:
    """Which of SHAPES an object has; `object` if none."""
    return _shape(tuple(value))


@lru_cache(1_000)
def _shape(names: tuple[str, ...]) -> str:
    return next((shape for shape, needed in SHAPES.items() if needed.issubset(names)), "object")


def is_name(value: Any) -> bool:
    """Whether it is a text in both languages."""
    return isinstance(value, dict) and shape(value) == "words"


def sign(record: Object) -> str:
    """The number or sign of a record, as it stands before its name."""
    return next((str(record[key]) for key in SIGNS if record.get(key)), "")


def reason_of(record: Object, field: str) -> str:
    """Why a field is empty, as a code: the notes list the fields, by reason."""
    for note in record.get("notes", ()):
        if field in (path.partition(".")[0] for path in fields_of_reason(note)):
            return str(note["code"]).replace("-", "_")
    return ""


def pretty(value: Any) -> str:
    """JSON for people."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def others(value: Object, *shown: str) -> Iterator[tuple[str, Any]]:
    """The properties of an object beside those that are shown elsewhere, without empty ones."""
    return ((key, each) for key, each in value.items() if key not in shown and each not in (None, [], False))


class Values:
    """Shows values in the language of a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._japanese = view.language == "ja"
        self._refs: dict[tuple[str, str], Markup] = {}  # many rows refer to the same records

    def value(self, value: Any, field: str = "", to: str = "", *, brief: bool = False) -> Markup:
        """Any value. `field` is the field that holds it, `to` the resource that it refers to; `brief` leaves out what a
        cell of a table has no room for."""
        return html(self._value(value, field, to, brief=brief))

    def _value(self, value: Any, field: str = "", to: str = "", *, brief: bool = False) -> str:
        if isinstance(value, str):
            return self._text(value, field, to)
        if isinstance(value, dict):
            return self._object(value, to, brief=brief)
        if isinstance(value, list):
            return self._list(value, field, to, brief=brief)
        if value is None:
            return '<span class="nothing">–</span>'
        if isinstance(value, bool):
            return self._view.tr("はい", "yes") if value else self._view.tr("いいえ", "no")
        return f"{value:,}" if value >= SEPARATED else str(value)

    def _text(self, value: str, field: str, to: str) -> str:
        if value.startswith(("https://", "http://")):
            return f'<a class="outside" href="{escape(value)}">{escape(value)}</a>'
        if to:
            return self._anchor(to, value, self._name(to, value))
        coded = CODE.fullmatch(value) and field != "record"  # ids may look like codes
        return escape(self._view.value_label(value, field) if coded else value)

    def _list(self, value: Sequence[Any], field: str, to: str, *, brief: bool) -> str:
        if not value:
            return f'<span class="nothing">{self._view.value_label("none")}</span>'
        shown = [self._value(each, field, to, brief=brief) for each in value]
        return shown[0] if len(shown) == 1 else f'<ul class="several"><li>{"</li><li>".join(shown)}</li></ul>'

    def _object(self, value: Object, to: str, *, brief: bool) -> str:
        shown: str
        match shape(value):
            case "ref" if brief:
                shown = self.ref(value, to)
            case "ref":
                more = self._properties(others(value, "id", "name" if "name" in value else "amount", *SIGNS))
                shown = f"{self._link(value, to)}{more}"
            case "amount":
                shown = self._with_kind(value) if brief else self.amount(value, full=True)
            case "words":
                shown = self.words(value, both=not brief)
            case "evidence":
                shown = self._evidence(value)
            case "day":
                text = value["era"] if self._japanese else day(value["date"], "en")
                shown = f'<time datetime="{escape(value["date"])}">{escape(text)}</time>'
            case "year":
                shown = escape(value["era"] if self._japanese else f"FY{value['year']}")
            case "range":
                shown = self._range(value)
            case _:
                shown = self._properties(others(value))
        return shown

    def words(self, text: Object, *, both: bool = False) -> Markup:
        """A text in the language of the page; with `both`, the other language below it. A translation of our own is
        marked."""
        ja, en, official = escape(text["ja"]), escape(text["en"]), text.get("en_official")
        other, ours = both and official is not None and ja != en, official is False and ja != en
        if self._japanese:
            mark = ' <small lang="ja">(当サイトの仮訳)</small>' if ours else ""
            return html(f'{ja}<span class="other" lang="en">{en}{mark}</span>' if other else ja)
        shown = f'{en}<sup class="ours">*</sup>' if ours else en
        return html(f'{shown}<span class="other" lang="ja">{ja}</span>' if other else shown)

    def amount(self, value: Object, *, full: bool = False) -> Markup:
        """Money, with its yen for those who ask for them; with `full`, all that is known of it."""
        view, jpy = self._view, value["jpy"]
        if jpy is None:
            several = value["basis_reason"] in (None, "ambiguous")  # a record's note says where each has its sum
            reason = "several_kinds" if several else value["basis_reason"]
            return html(f'<span class="nothing">{escape(view.value_label(reason))}</span>')
        uncertain = f' <span class="doubt">{view.tr(*UNCERTAIN)}</span>' if value["uncertain"] else ""
        more = self._properties(others(value, "jpy", "oku_yen", "approximate", "uncertain")) if full else ""
        return html(
            f'<data class="amount" value="{jpy}">{money(value, view.language)}{uncertain}</data>'
            f'<span class="yen">{jpy:,}{view.tr("円", " yen")}</span>{more}'
        )

    def _with_kind(self, value: Object) -> str:
        """Money with its kind: amounts that stand together may be of several."""
        shown = self.amount(value)
        if "phase" not in value or value["jpy"] is None:
            return shown
        return f'{shown}<span class="kind">{escape(self._view.kind(value["basis"], value["phase"]))}</span>'

    def ref(self, value: Object, to: str) -> Markup:
        """Another record, as a link to its page."""
        shown = self._refs.get((to, value["id"]))
        if shown is None:
            shown = self._refs[to, value["id"]] = html(self._link(value, to))
        return shown

    def _anchor(self, to: str, id_: str, shown: str) -> str:
        """A link to a record of a resource; without one, what would be shown of it."""
        return f'<a href="{self._view.prefix}/{to}/{escape(id_)}{self._view.suffix}">{shown}</a>' if to else shown

    def _link(self, value: Object, to: str) -> str:
        if "name" in value:
            before = sign(value)
            number = f'<span class="sign">{escape(before)}</span> ' if before else ""
            shown = f"{number}{self.words(value['name'])}"
        elif "amount" in value:
            shown = self._with_kind(value["amount"])
        else:
            shown = escape(value["id"])
        return self._anchor(to, value["id"], shown)

    def links(self, records: Sequence[Object], to: str) -> Markup:
        """A list of links to other records, each with its basis: there may be hundreds."""
        label = self._view.value_label
        rows = (f'<li>{self._link(each, to)} <span class="by">{label(each["basis"])}</span></li>' for each in records)
        return html(f'<ul class="links">{"".join(rows)}</ul>')

    def rows(self, records: Sequence[Object], fields: Sequence[Field], resource: str) -> Markup:
        """The rows of a table: a record's name leads to its page. Each cell has the label of its column, for narrow
        screens."""
        columns = []
        for each in fields:
            number = ' class="number"' if each.numeric else ""
            columns.append((each.name, each.to, f'data-label="{escape(self._view.label(each.name))}"{number}'))
        rows = []
        for record in records:
            cells = []
            for name, to, attributes in columns:
                value = record[name]
                if name == "name" and "id" in record and is_name(value):
                    cells.append(f'<th scope="row" {attributes}>{self._link(record, resource)}</th>')
                else:
                    cells.append(f"<td {attributes}>{self._value(value, name, to, brief=True)}</td>")
            rows.append(f"<tr>{''.join(cells)}</tr>")
        return html("\n".join(rows))

    def item(self, record: Object, fields: Sequence[Field]) -> Markup:
        """The rows of a record's own table: each field, and what says so, where the record has evidence."""
        label, known, rows = self._view.value_label, dict[str, list[Object]](), list[str]()
        named = len(record.get("documents", ())) > 1
        for each in record.get("evidence", ()):
            for name in {part.partition(".")[0] for part in each["supports"]}:
                known.setdefault(name, []).append(each)
        for field in fields:
            given = record[field.name]
            empty = given in (None, [], {})
            if empty:
                shown = f'<span class="nothing">{escape(label(reason_of(record, field.name) or "none"))}</span>'
            elif field.json:
                shown = f'<pre class="json" tabindex="0"><code>{escape(pretty(given))}</code></pre>'
            else:
                shown = self._value(given, field.name, field.to)
            row = f'<tr>\n<th scope="row">{escape(self._view.label(field.name))}</th>\n<td>{shown}</td>\n'
            if known:
                said = "".join(self._evidence(each, named=named) for each in known.get(field.name, ()))
                if not said and field.derived and not empty:
                    said = f'<span class="computed">{self._view.tr(*COMPUTED)}</span>'
                row += f"<td>{said}</td>\n"
            rows.append(f"{row}</tr>\n")
        return html("".join(rows))

    def options(self, control: Control) -> Markup:
        """The options of a control as checkboxes, those that are not among its first ones folded."""
        shown = []
        for place, each in enumerate(control.options):
            count = "" if each.count is None else f' <span class="count">{each.count}</span>'
            shown.append(
                f'<label class="option{" zero" if each.count == 0 else ""}"><input type="checkbox" '
                f'id="f-{control.name}-{place}" name="{control.name}" value="{escape(each.value)}"'
                f"{' checked' if each.chosen else ''}> <span>{escape(each.label)}</span>{count}</label>"
            )
        first, folded = shown[: control.folded], shown[control.folded :]
        if folded:
            more = self._view.tr(f"ほか{len(folded)}件", f"{len(folded)} more")
            folded = [f"<details><summary>{more}</summary>", *folded, "</details>"]
        return html("\n".join([*first, *folded]))

    def _properties(self, pairs: Iterable[tuple[str, Any]]) -> str:
        """Names and values of an object."""
        to = references()
        rows = "".join(
            f"<div><dt>{escape(self._view.label(key))}</dt><dd>{self._value(each, key, to.get(key, ''))}</dd></div>"
            for key, each in pairs
        )
        return f'<dl class="properties">{rows}</dl>' if rows else ""

    def _evidence(self, value: Object, *, named: bool = False) -> str:
        """The words that a fact rests on, and how it is known; `named` names the document."""
        view, parts = self._view, []
        if value["quote"]:
            parts.append(f'<blockquote lang="ja">{escape(value["quote"])}</blockquote>')
        basis = value["basis"]
        parts.append(f'<figcaption><span class="basis {basis}">{escape(view.value_label(basis))}</span>')
        if value["lines"]:
            lines = self._range(value["lines"])
            where = view.tr(f"{lines}行", f"line {lines}")
            if named:
                where = f"{self._name('documents', value['document'])} {where}"
            address = escape(view.line_url(value["document"], value["lines"]["from"]))
            parts.append(f' <a href="{address}">{where}</a>')
        if value["url"]:
            parts.append(f' <a class="outside" href="{escape(value["url"])}">{escape(value["url"].split("/")[2])}</a>')
        if value["note"]:
            parts.append(f'<span class="why">{self.words(value["note"])}</span>')
        return f'<figure class="evidence">{"".join(parts)}</figcaption></figure>'

    def _name(self, resource: str, id_: str) -> str:
        """The name of a record whose ids are values of a vocabulary; the id where they are not."""
        concept = self._view.snapshot.dataset.vocabularies[BY_NAME[resource].singular].concepts.get(id_)
        return self.words(concept.label.model_dump()) if concept else escape(id_)

    def _range(self, value: Object) -> str:
        first, last = value["from"], value["to"]
        if not isinstance(first, int):
            return f"{self._value(first)} – {self._value(last)}"
        return str(first) if first == last else f"{first}–{last}"
