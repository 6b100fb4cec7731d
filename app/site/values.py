"""Values as HTML, by their shape alone, so that a new field needs no line here. A page has hundreds of them: they are
written here rather than in a template, whose macros take ten times as long."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from app.site.fields import Field, leads_to, vocabulary_of
from app.site.forms import Control
from app.site.view import View

SIGNS = ("code", "symbol", "number")  # what stands before a name: the first of these that a record has
OBJECTS: tuple[tuple[str, frozenset[str]], ...] = (  # shapes of objects, by the properties that they have
    ("amount", frozenset(("jpy", "oku_yen"))),
    ("words", frozenset(("ja", "en"))),
    ("evidence", frozenset(("basis", "quote", "supports"))),
    ("ref", frozenset(("id",))),
    ("day", frozenset(("date", "era"))),
    ("year", frozenset(("year", "era"))),
    ("range", frozenset(("from", "to"))),
)
CODE = re.compile(r"[a-z]+([_-][a-z]+)*(_\d)?")  # a value of a closed vocabulary, such as `not_stated`
SEPARATED = 10_000  # from this number on, digits stand in groups

Object = Mapping[str, Any]


def html(text: str) -> Markup:
    """Marks text as HTML: every value in it is escaped where it was put there."""
    return Markup(text)  # noqa: S704


def shape(value: Any) -> str:
    """What kind of value it is: `none`, `flag`, `number`, `text`, `link`, `list`, an object of OBJECTS, or `object`."""
    if isinstance(value, dict):
        keys = value.keys()
        return next((name for name, needed in OBJECTS if needed <= keys), "object")
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


def others(value: Object, *shown: str) -> Iterator[tuple[str, Any]]:
    """The properties of an object beside those that are shown elsewhere, without empty ones."""
    return ((key, each) for key, each in value.items() if key not in shown and each not in (None, [], False))


class Values:
    """Shows values in the language of a view. All methods give HTML."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._japanese = view.language == "ja"
        self._suffix = f"?lang={view.language}" if view.chosen else ""
        self._refs: dict[tuple[str, str], Markup] = {}  # as tables show them: many rows refer to the same records
        self._nothing = html(f'<span class="nothing">{view.tr("なし", "None")}</span>')
        self._by_shape: Mapping[str, Callable[[Any, str, str, bool], str]] = {
            "amount": lambda value, _, __, brief: self.amount(value, full=not brief),
            "words": lambda value, _, __, brief: self.words(value, both=not brief),
            "evidence": lambda value, *_: self.evidence(value),
            "ref": lambda value, _, to, brief: self.ref(value, to, brief=brief),
            "day": self._day,
            "year": lambda value, *_: escape(value["era"] if self._japanese else f"FY{value['year']}"),
            "range": self._range,
            "object": lambda value, *_: self.properties(others(value)),
            "list": self._list,
            "text": self._text,
            "link": lambda value, *_: html(f'<a class="outside" href="{escape(value)}">{escape(value)}</a>'),
            "number": lambda value, *_: html(f"{value:,}" if value >= SEPARATED else str(value)),
            "flag": lambda value, *_: html(view.tr("はい", "yes") if value else view.tr("いいえ", "no")),
            "none": lambda *_: html('<span class="nothing">–</span>'),
        }

    def value(self, value: Any, field: str = "", to: str = "", *, brief: bool = False) -> Markup:
        """Any value. `field` is the field that holds it, `to` the resource that it refers to; `brief` leaves out what a
        cell of a table has no room for."""
        return html(self._by_shape[shape(value)](value, field, to, brief))

    def words(self, text: Object, *, both: bool = False) -> Markup:
        """A text in the language of the page; with `both`, the other language below it. A translation of our own is
        marked."""
        ja, en, official = escape(text["ja"]), escape(text["en"]), text.get("en_official")
        other = ""
        if self._japanese:
            if both and official is not None and ja != en:
                ours = "" if official else ' <small lang="ja">(当サイトの仮訳)</small>'
                other = f'<span class="other" lang="en">{en}{ours}</span>'
            return html(f"{ja}{other}")
        if both and official is not None and ja != en:
            other = f'<span class="other" lang="ja">{ja}</span>'
        ours = '<sup class="ours">*</sup>' if official is False and ja != en else ""
        return html(f"{en}{ours}{other}")

    def amount(self, value: Object, *, full: bool = False) -> Markup:
        """Money, with its yen for those who ask for them; with `full`, all that is known of it."""
        view = self._view
        if value["jpy"] is None:
            return html(
                f'<span class="nothing">{escape(view.value_label(value["basis_reason"] or "not_stated"))}</span>'
            )
        doubt = f' <span class="doubt">{view.tr("(不確か)", "(uncertain)")}</span>' if value["uncertain"] else ""
        more = ""
        if full:
            more = self.properties(others(value, "jpy", "oku_yen", "approximate", "uncertain"))
        yen = view.tr("円", " yen")
        return html(
            f'<data class="amount" value="{value["jpy"]}">{money(value, view.language)}{doubt}</data>'
            f'<span class="yen">{value["jpy"]:,}{yen}</span>{more}'
        )

    def ref(self, value: Object, to: str, *, brief: bool = False) -> Markup:
        """Another record, as a link to its page; unless `brief`, with what else the object says."""
        if not brief:
            more = self.properties(others(value, "id", "name" if "name" in value else "amount", *SIGNS))
            return html(f"{self._ref(value, to)}{more}")
        shown = self._refs.get((to, value["id"]))
        if shown is None:
            shown = self._refs[to, value["id"]] = self._ref(value, to)
        return shown

    def _ref(self, value: Object, to: str) -> Markup:
        if "name" in value:
            before = sign(value)
            number = f'<span class="sign">{escape(before)}</span> ' if before else ""
            shown = f"{number}{self.words(value['name'])}"
        elif "amount" in value:
            shown = self.amount(value["amount"])
        else:
            shown = escape(value["id"])
        return html(self.link(to, value["id"], shown))

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
                    rows.append(f'<th scope="row" {attributes}>{self._ref(record, resource)}</th>')
                else:
                    shown = self._by_shape[shape(value)](value, name, to, True)  # noqa: FBT003 - one of many
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
            address = f"{view.prefix}/documents/{escape(value['document'])}{self._suffix}#L{value['lines']['from']}"
            parts.append(f' <a href="{address}">{where}</a>')
        if value["url"]:
            parts.append(f' <a class="outside" href="{escape(value["url"])}">{escape(value["url"].split("/")[2])}</a>')
        if value["note"]:
            parts.append(f'<span class="why">{self.words(value["note"])}</span>')
        return html(f'<figure class="evidence">{"".join(parts)}</figcaption></figure>')

    def _list(self, value: Any, field: str, to: str, brief: bool) -> str:  # noqa: FBT001 - one of _by_shape
        if not value:
            return self._nothing
        shown = [self._by_shape[shape(each)](each, field, to, brief) for each in value]
        return shown[0] if len(shown) == 1 else f'<ul class="several"><li>{"</li><li>".join(shown)}</li></ul>'

    def _text(self, value: str, field: str, to: str, _: bool) -> str:  # noqa: FBT001 - one of _by_shape
        if to:
            return self.link(to, value, self._name(to, value))
        return escape(self._view.value_label(value, field) if CODE.fullmatch(value) else value)

    def _name(self, resource: str, id_: str) -> str:
        """The name of a record whose ids are values of a vocabulary; the id where they are not."""
        term = self._view.snapshot.dataset.vocabularies[vocabulary_of(resource)].terms.get(id_)
        return self.words(term.label.model_dump()) if term else escape(id_)

    def _day(self, value: Object, *_: Any) -> str:
        shown = value["era"] if self._japanese else day(value["date"], "en")
        return f'<time datetime="{escape(value["date"])}">{escape(shown)}</time>'

    def _range(self, value: Object, *_: Any) -> str:
        first, last = value["from"], value["to"]
        if shape(first) != "number":
            return f"{self.value(first)} – {self.value(last)}"
        return str(first) if first == last else f"{first}–{last}"
