"""Labels of the pages: Japanese words for the names of fields, parameters and resources, which in English are those
names themselves. A name that has none yet is shown as it is."""

from collections.abc import Mapping
from functools import cache

from app.resources import RESOURCES
from app.schemas import Basis, Reason

NAMING = ("type", "field", "fields")  # fields and filters whose values are names of resources or of fields

# By name of a field, of a parameter, or of a resource.
JAPANESE: Mapping[str, str] = {
    # resources
    "documents": "文書",
    "strategies": "戦略",
    "sections": "戦略の節",
    "measures": "施策",
    "budget-lines": "予算",
    "packages": "予算パッケージ",
    "pillars": "柱",
    "organizations": "組織",
    "modalities": "モダリティ",
    "stages": "段階",
    "versions": "版",
    "changes": "変更",
    # answers that are not lists of a resource
    "dataset": "データセット",
    "budget-summary": "集計",
    "crosswalk": "戦略と予算の対応",
    "search": "検索",
    "suggest": "入力候補",
    "exports": "ダウンロード",
    "charts": "図",
    # fields and parameters
    "action": "変更の種類",
    "added": "追加",
    "changed": "変更",
    "counts": "件数",
    "digest": "ダイジェスト",
    "field": "項目",
    "op": "操作",
    "patch": "差分(JSON Patch)",
    "path": "位置",
    "record": "記録のID",
    "records": "記録の数",
    "released": "公開日",
    "removed": "取下げ",
    "since": "この版より後(この日以後)",
    "summary": "概要",
    "until": "この版まで(この日まで)",
    "value": "値",
    "version": "版",
    "abbreviation": "略称",
    "aims": "目的",
    "also": "別名",
    "amount": "金額",
    "amount_max": "金額の上限(円)",
    "amount_min": "金額の下限(円)",
    "approximate": "概数",
    "attribution": "出典表示",
    "basis": "根拠",
    "basis_reason": "金額の種類",
    "broader": "上位",
    "budget_kind": "予算の区分",
    "budget_lines": "予算",
    "cited": "文書による参照",
    "code": "表記",
    "column": "列",
    "date": "日付",
    "decided": "決定日",
    "depth": "階層",
    "description": "説明",
    "document": "文書",
    "egov": "法令ID",
    "en": "英語",
    "en_official": "公式の英語",
    "era": "和暦",
    "evidence": "根拠となる記述",
    "facet": "件数",
    "fields": "項目",
    "fiscal_year": "会計年度",
    "from": "始め",
    "funded": "予算の有無",
    "group_by": "集計の単位",
    "id": "ID",
    "identifier": "識別子",
    "issued": "発行日",
    "issuer": "発行者",
    "ja": "日本語",
    "joint": "共同",
    "jpy": "円",
    "kind": "種類",
    "lang": "言語",
    "laws": "根拠法令",
    "licence": "利用条件",
    "limit": "表示件数",
    "line_count": "行数",
    "lines": "行",
    "measure": "施策",
    "measure_count": "施策の数",
    "ministries": "府省庁",
    "ministry": "府省庁",
    "modality": "モダリティ",
    "name": "名称",
    "narrower": "下位",
    "national_expenditure": "国費(他の資料による)",
    "note": "注記",
    "notes": "注記",
    "number": "番号",
    "oku_yen": "億円",
    "order": "順序",
    "organization": "組織",
    "package": "予算パッケージ",
    "other_figures": "ほかの資料の金額",
    "parent": "上位",
    "part_of": "含まれる先",
    "parts": "構成",
    "period": "期間",
    "phase": "予算の段階",
    "pillar": "柱",
    "q": "語句",
    "quote": "引用",
    "related": "対応する施策",
    "relation": "関係",
    "role": "役割",
    "same_as": "同じもの",
    "scheme": "体系",
    "section": "戦略の節",
    "sha256": "SHA-256",
    "sort": "並べ替え",
    "stated_totals": "文書が示す総額",
    "strategy": "戦略",
    "supports": "裏付ける項目",
    "symbol": "記号",
    "text": "表記",
    "title": "題名",
    "to": "終わり",
    "track": "区分",
    "transcript": "文字起こし",
    "type": "種別",
    "uncertain": "不確か",
    "url": "URL",
    "year": "年",
}
# Where the name in words would not be read well.
ENGLISH: Mapping[str, str] = {
    "id": "ID",
    "sha256": "SHA-256",
    "url": "URL",
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
    "lines": "Lines",
    "quote": "引用",
    "related": "Linked by the crosswalk",
    "part_of": "Part of",
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
    "wikidata": "Wikidata",
    "mesh": "MeSH",
    "budget_project": "予算事業ID",
    "egov_law": "法令ID",
    "own": "この施策",
    "same_as": "同じ資金",
    "part_of": "この資金を含む",
    "includes": "この資金に含まれる",
    "same_programme": "同じ事業",
    "asc": "昇順",
    "desc": "降順",
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
        return JAPANESE.get(name) or JAPANESE.get(name.replace("_", "-")) or in_words(name)
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
