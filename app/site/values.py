"""Values as HTML, by their shape alone, so that a new field needs no line here. A page has hundreds of them: they are
written here rather than in a template, whose macros take ten times as long."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

import markupsafe
from markupsafe import Markup

from app.site.fields import Field, leads_to, vocabulary_of
from app.site.forms import Control
from app.site.view import View

SIGNS = ("code", "symbol", "number")  # what stands before a name: the first of these that a record has
OBJECTS: tuple[tuple[str, str, frozenset[str]], ...] = (  # shapes of objects, by a property of their own and all needed
    ("ref", "id", frozenset(("id",))),
    ("amount", "oku_yen", frozenset(("jpy", "oku_yen", "approximate", "uncertain", "basis_reason"))),
    ("words", "ja", frozenset(("ja", "en"))),
    ("evidence", "supports", frozenset(("basis", "document", "lines", "quote", "supports", "note", "url"))),
    ("day", "date", frozenset(("date", "era"))),
    ("year", "year", frozenset(("year", "era"))),
    ("range", "from", frozenset(("from", "to"))),
)
CODE = re.compile(r"[a-z]+([_-][a-z]+)*(_\d)?")  # a value of a closed vocabulary, such as `not_stated`
VERBATIM = ("record",)  # fields whose values, though they look like codes, are ids
PER_PAGE = 200  # lines of a transcript on a page
SEPARATED = 10_000  # from this number on, digits stand in groups

Object = Mapping[str, Any]


@lru_cache(10_000)  # names recur in many rows
def escape(text: str) -> str:
    """A text as HTML."""
    return str(markupsafe.escape(text))


def html(text: str) -> Markup:
    """Marks text as HTML: every value in it is escaped where it was put there."""
    return Markup(text)  # noqa: S704


def code(text: str) -> Markup:
    """A text, or HTML, with what stands between backticks as code."""
    return html(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def prose(text: str) -> Markup:
    """A text of the API as HTML: paragraphs, `code` and **strong** words."""
    paragraphs = [
        re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", str(code(each))) for each in text.strip().split("\n\n")
    ]
    return html(f"<p>{'</p><p>'.join(paragraphs)}</p>")


def shape(value: Any) -> str:
    """What kind of value it is: `none`, `flag`, `number`, `text`, `link`, `list`, an object of OBJECTS, or `object`."""
    if isinstance(value, dict):
        for name, own, needed in OBJECTS:
            if own in value and needed <= value.keys():
                return name
        return "object"
    if isinstance(value, str):
        return "link" if value.startswith(("https://", "http://")) else "text"
    if isinstance(value, list):
        return "list"
    if value is None:
        return "none"
    return "flag" if isinstance(value, bool) else "number"


def sign(record: Object) -> str:
    """The number or sign of a record, as it stands before its name."""
    return next((str(record[key]) for key in SIGNS if record.get(key)), "")


def money(amount: Object, language: str) -> str:
    """An amount in 億円, or in billions of yen, exactly; approximate where it is."""
    oku = Decimal(amount["oku_yen"])
    text = f"{abs(oku if language == 'ja' else oku / 10):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    minus = "−" if oku < 0 else ""
    if language == "ja":
        return f"{minus}{text}億円{'程度' if amount['approximate'] else ''}"
    return f"{'about ' if amount['approximate'] else ''}{minus}¥{text} billion"


def day(value: str, language: str) -> str:
    """A day in English words; in Japanese, its era says it."""
    parsed = date.fromisoformat(value)
    return f"{parsed.day} {parsed:%B %Y}" if language == "en" else value


def doubt(view: View, amount: Object) -> str:
    """That an amount is uncertain, where it is."""
    return view.tr("(不確か)", "(uncertain)") if amount["uncertain"] else ""


def kind_in_words(view: View, basis: str | None, phase: str | None) -> str:
    """What kind of money an amount is: only those of one kind are added."""
    shown = [view.value_label(phase, "phase")] if phase else []
    shown.append(view.value_label(basis, "basis") if basis else view.tr("金額の種類の記載なし", "basis not stated"))
    return view.tr("、", ", ").join(shown)


def line_address(view: View, document: str, number: int) -> str:
    """The address of a line of a transcript."""
    return f"{view.url(f'/documents/{document}', page_with(number))}#L{number}"


def page_with(number: int) -> str:
    """The query of the page of a transcript that has a line; empty for the first page."""
    start = (number - 1) // PER_PAGE * PER_PAGE + 1
    return f"from={start}" if start > 1 else ""


def others(value: Object, *shown: str) -> Iterator[tuple[str, Any]]:
    """The properties of an object beside those that are shown elsewhere, without empty ones."""
    return ((key, each) for key, each in value.items() if key not in shown and each not in (None, [], False))


class Values:
    """Shows values in the language of a view. All methods give HTML."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._japanese = view.language == "ja"
        self._suffix = f"?lang={view.language}" if view.chosen else ""
        self._refs: dict[tuple[str, str], str] = {}  # as tables show them: many rows refer to the same records
        self._nothing = f'<span class="nothing">{view.tr("なし", "None")}</span>'
        self._by_shape: Mapping[str, Callable[[Any, str, str, bool], str]] = {
            "amount": lambda value, _, __, brief: self._with_kind(value) if brief else self._amount(value, full=True),
            "words": lambda value, _, __, brief: self._words(value, not brief),
            "evidence": lambda value, *_: self.evidence(value),
            "ref": self._ref,
            "day": self._day,
            "year": lambda value, *_: escape(value["era"] if self._japanese else f"FY{value['year']}"),
            "range": self._range,
            "object": lambda value, *_: self.properties(others(value)),
            "list": self._list,
            "text": self._text,
            "link": lambda value, *_: f'<a class="outside" href="{escape(value)}">{escape(value)}</a>',
            "number": lambda value, *_: f"{value:,}" if value >= SEPARATED else str(value),
            "flag": lambda value, *_: view.tr("はい", "yes") if value else view.tr("いいえ", "no"),
            "none": lambda *_: '<span class="nothing">–</span>',
        }

    def value(self, value: Any, field: str = "", to: str = "", *, brief: bool = False) -> Markup:
        """Any value. `field` is the field that holds it, `to` the resource that it refers to; `brief` leaves out what a
        cell of a table has no room for."""
        return html(self._value(value, field, to, brief))

    def _value(self, value: Any, field: str, to: str, brief: bool) -> str:  # noqa: FBT001 - called for each cell
        return self._by_shape[shape(value)](value, field, to, brief)

    def words(self, text: Object, *, both: bool = False) -> Markup:
        """A text in the language of the page; with `both`, the other language below it. A translation of our own is
        marked."""
        return html(self._words(text, both))

    def _words(self, text: Object, both: bool = False) -> str:  # noqa: FBT001, FBT002
        ja, en, official = escape(text["ja"]), escape(text["en"]), text.get("en_official")
        other = ""
        if self._japanese:
            if both and official is not None and ja != en:
                ours = "" if official else ' <small lang="ja">(当サイトの仮訳)</small>'
                other = f'<span class="other" lang="en">{en}{ours}</span>'
            return f"{ja}{other}"
        if both and official is not None and ja != en:
            other = f'<span class="other" lang="ja">{ja}</span>'
        ours = '<sup class="ours">*</sup>' if official is False and ja != en else ""
        return f"{en}{ours}{other}"

    def amount(self, value: Object, *, full: bool = False) -> Markup:
        """Money, with its yen for those who ask for them; with `full`, all that is known of it."""
        return html(self._amount(value, full))

    def _amount(self, value: Object, full: bool = False) -> str:  # noqa: FBT001, FBT002
        view = self._view
        if value["jpy"] is None:
            several = value["basis_reason"] in (None, "ambiguous")  # a record's note says where each has its sum
            reason = "several_kinds" if several else value["basis_reason"]
            return f'<span class="nothing">{escape(view.value_label(reason))}</span>'
        uncertain = f' <span class="doubt">{doubt(view, value)}</span>' if value["uncertain"] else ""
        more = ""
        if full:
            more = self.properties(others(value, "jpy", "oku_yen", "approximate", "uncertain"))
        yen = view.tr("円", " yen")
        return (
            f'<data class="amount" value="{value["jpy"]}">{money(value, view.language)}{uncertain}</data>'
            f'<span class="yen">{value["jpy"]:,}{yen}</span>{more}'
        )

    def _with_kind(self, value: Object) -> str:
        """Money with its kind: amounts that stand together may be of several."""
        shown = self._amount(value)
        if "phase" not in value or value["jpy"] is None:
            return shown
        return f'{shown}<span class="kind">{escape(kind_in_words(self._view, value["basis"], value["phase"]))}</span>'

    def ref(self, value: Object, to: str, *, brief: bool = False) -> Markup:
        """Another record, as a link to its page; unless `brief`, with what else the object says."""
        return html(self._ref(value, "", to, brief))

    def links(self, records: Sequence[Object], to: str) -> Markup:
        """A list of links to other records, each with its basis: there may be hundreds."""
        label = self._view.value_label
        rows = (f'<li>{self._link(each, to)} <span class="by">{label(each["basis"])}</span></li>' for each in records)
        return html(f'<ul class="links">{"".join(rows)}</ul>')

    def _ref(self, value: Object, _: str, to: str, brief: bool) -> str:  # noqa: FBT001 - one of _by_shape
        if not brief:
            more = self.properties(others(value, "id", "name" if "name" in value else "amount", *SIGNS))
            return f"{self._link(value, to)}{more}"
        shown = self._refs.get((to, value["id"]))
        if shown is None:
            shown = self._refs[to, value["id"]] = self._link(value, to)
        return shown

    def _link(self, value: Object, to: str) -> str:
        if "name" in value:
            before = sign(value)
            number = f'<span class="sign">{escape(before)}</span> ' if before else ""
            shown = f"{number}{self._words(value['name'])}"
        elif "amount" in value:
            shown = self._with_kind(value["amount"])
        else:
            shown = escape(value["id"])
        return self.link(to, value["id"], shown)

    def rows(self, records: Sequence[Object], fields: Sequence[Field], resource: str) -> Markup:
        """The rows of a table: a record's name leads to its page. Each cell has the label of its column, for narrow
        screens."""
        columns = []
        for each in fields:
            number = ' class="number"' if each.numeric else ""
            columns.append((each.name, each.to, f'data-label="{escape(self._view.label(each.name))}"{number}'))
        rows = []
        for record in records:
            for name, to, attributes in columns:
                value = record[name]
                if name == "name" and "id" in record and shape(value) == "words":
                    rows.append(f'<th scope="row" {attributes}>{self._link(record, resource)}</th>')
                else:
                    shown = self._value(value, name, to, True)  # noqa: FBT003
                    rows.append(f"<td {attributes}>{shown}</td>")
            rows.append("</tr>\n<tr>")
        return html(f"<tr>{''.join(rows)}".removesuffix("\n<tr>"))

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

    def link(self, to: str, id_: str, shown: str) -> str:
        """A link to a record of a resource; without one, what would be shown of it."""
        return f'<a href="{self._view.prefix}/{to}/{escape(id_)}{self._suffix}">{shown}</a>' if to else shown

    def properties(self, pairs: Iterable[tuple[str, Any]]) -> Markup:
        """Names and values of an object."""
        rows = "".join(
            f"<div><dt>{escape(self._view.label(key))}</dt><dd>{self.value(each, key, leads_to(key))}</dd></div>"
            for key, each in pairs
        )
        return html(f'<dl class="properties">{rows}</dl>' if rows else "")

    def evidence(self, value: Object, *, named: bool = False) -> Markup:
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
            address = escape(line_address(view, value["document"], value["lines"]["from"]))
            parts.append(f' <a href="{address}">{where}</a>')
        if value["url"]:
            parts.append(f' <a class="outside" href="{escape(value["url"])}">{escape(value["url"].split("/")[2])}</a>')
        if value["note"]:
            parts.append(f'<span class="why">{self.words(value["note"])}</span>')
        return html(f'<figure class="evidence">{"".join(parts)}</figcaption></figure>')

    def _list(self, value: Any, field: str, to: str, brief: bool) -> str:  # noqa: FBT001 - one of _by_shape
        if not value:
            return self._nothing
        shown = [self._value(each, field, to, brief) for each in value]
        return shown[0] if len(shown) == 1 else f'<ul class="several"><li>{"</li><li>".join(shown)}</li></ul>'

    def _text(self, value: str, field: str, to: str, _: bool) -> str:  # noqa: FBT001 - one of _by_shape
        if to:
            return self.link(to, value, self._name(to, value))
        coded = CODE.fullmatch(value) and field not in VERBATIM
        return escape(self._view.value_label(value, field) if coded else value)

    def _name(self, resource: str, id_: str) -> str:
        """The name of a record whose ids are values of a vocabulary; the id where they are not."""
        term = self._view.snapshot.dataset.vocabularies[vocabulary_of(resource)].terms.get(id_)
        return self._words(term.label.model_dump()) if term else escape(id_)

    def _day(self, value: Object, *_: Any) -> str:
        shown = value["era"] if self._japanese else day(value["date"], "en")
        return f'<time datetime="{escape(value["date"])}">{escape(shown)}</time>'

    def _range(self, value: Object, *_: Any) -> str:
        first, last = value["from"], value["to"]
        if shape(first) != "number":
            return f"{self.value(first)} – {self.value(last)}"
        return str(first) if first == last else f"{first}–{last}"
