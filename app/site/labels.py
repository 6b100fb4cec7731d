"""Labels of the pages: the names of fields, parameters and resources in words. A name that has no Japanese one yet is
shown as it is."""

from collections.abc import Mapping
from functools import cache

from app.query.names import japanese
from app.resources import RESOURCES
from app.schemas import Basis, Reason

NAMING = ("type", "field", "fields", "facet", "sort")  # what has names of resources, fields or parameters as values

# Where the name in words would not be read well.
ENGLISH: Mapping[str, str] = {
    "id": "ID",
    "sha256": "SHA-256",
    "url": "URL",
    "docs": "API",
    "reconciliation": "Stated totals against the lines",
    "q": "Words",
    "op": "Operation",
    "patch": "JSON Patch",
    "record": "Id of the record",
    "since": "Since (version or day)",
    "until": "Until (version or day)",
    "amount_min": "Amount from (yen)",
    "amount_max": "Amount to (yen)",
    "funded": "Has a budget line",
    "cited": "Cited by a document",
    "also": "Also called",
    "basis_reason": "Kind of money",
    "jpy": "Yen",
    "text": "As printed",
    "limit": "Rows",
    "national_expenditure": "National expenditure, from elsewhere",
    "related": "Linked by the crosswalk",
    "same_as": "The same as",
    "egov": "e-Gov id",
    "oku_yen": "100 million yen",
    "stated_totals": "Totals that it states",
}
# Values of closed vocabularies that no filter has, by value.
VALUES: Mapping[str, str] = {
    Basis.STATED: "記載",
    Basis.READING: "読み取り",
    Basis.EDITORIAL: "編集部",
    Basis.EXTERNAL: "外部資料",
    Reason.NOT_STATED: "記載なし",
    Reason.AMBIGUOUS: "一つに定まらない",
    Reason.LAYOUT_LOST: "配置が失われた",
    Reason.NOT_EXTRACTED: "収録していない",
    Reason.NOT_CLASSIFIED: "分類していない",
    Reason.NOT_APPLICABLE: "該当しない",
    "none": "なし",
    "several_kinds": "種類の異なる金額は加えない",
    "full": "全文",
    "missing": "欠落",
    "responsible": "担当",
    "implementing": "実施",
    "project_scale": "事業規模",
    "national_expenditure": "国費",
    "corporate_number": "法人番号",
    "ror": "ROR",
    "mesh": "MeSH",
    "budget_project": "予算事業ID",
    "egov_law": "法令ID",
    "own": "この施策",
    "same_as": "同じ資金",
    "part_of": "この資金を含む",
    "includes": "この資金に含まれる",
    "same_programme": "同じ事業",
}
# Where the value in words would not be read well in English.
ENGLISH_VALUES: Mapping[str, str] = {
    "ror": "ROR",
    "mesh": "MeSH",
    "egov_law": "e-Gov law",
    "several_kinds": "Several kinds, not added",
    "own": "this measure",
    "same_as": "the same money",
    "part_of": "includes this money",
    "includes": "inside this money",
    "same_programme": "the same programme",
    "asc": "Ascending",
    "desc": "Descending",
}
# What a resource is, by name; in English, the resource says so itself.
MEANINGS: Mapping[str, str] = {
    "documents": "出典となる文書と、その構成。",
    "strategies": "施策が位置付けられる政府の計画。",
    "sections": "戦略の節と、それぞれに属する施策の数。",
    "measures": "文書が行うとするすべて: 方向性、事業、運用、体制。",
    "budget-lines": "金額を一行ずつ、支出する府省庁とともに示す。複数の府省庁によるものも一行である。",
    "packages": "文書が一つの予算として示すものと、その総額。",
    "pillars": "予算パッケージの番号付きの見出しと、その予算の合計。",
    "organizations": "文書に現れる府省庁その他の組織。",
    "modalities": "文書に現れる医薬品等の種類。",
    "stages": "文書に現れる開発等の段階。",
    "versions": "データの版。公開日、記録の数、前の版からの変更。新しい順。",
    "changes": "各版が加え、改め、又は取り下げた記録を一行ずつ。新しい順。",
}


def in_words(name: str) -> str:
    """A technical name as English words: `fiscal_year` is `Fiscal year`."""
    words = name.replace("_", " ").replace("-", " ")
    return words[:1].upper() + words[1:]


@cache
def label(name: str, language: str) -> str:
    """The label of a field, a parameter or a resource."""
    for ending, ja, en in (("_not", "以外", "not"), ("_all", "のすべて", "all of")):
        if name.endswith(ending):
            of = label(name.removesuffix(ending), language)
            return f"{of}{ja}" if language == "ja" else f"{of}: {en}"
    if language == "ja":
        return japanese(name) or in_words(name)
    return ENGLISH.get(name) or in_words(name)


@cache
def value_label(value: str, field: str, language: str) -> str:
    """The label of a value of a closed vocabulary, by the filter of this field if there is one."""
    if field in NAMING:
        return label(value, language)
    for resource in RESOURCES:
        for each in resource.filters.values():
            if each.choices and value in each.choices and any(path.split(".")[-1] == field for path in each.paths):
                return str(getattr(each.choices[value], language))
    return (VALUES if language == "ja" else ENGLISH_VALUES).get(value, in_words(value))


@cache
def meaning(name: str, language: str) -> str:
    """What a resource is."""
    english = next(each.meaning for each in RESOURCES if each.name == name)
    return MEANINGS.get(name, english) if language == "ja" else english
