"""Labels of the pages. In English, a name or a value is mostly its own label, and a resource says itself what it is."""

from collections.abc import Mapping
from functools import cache

from app.query.columns import singular
from app.resources import RESOURCES
from app.schemas import Basis, Reason

NAMING = ("type", "field", "fields", "facet", "sort")  # what has names of resources, fields or parameters as values

Labels = Mapping[str, tuple[str, str]]  # in Japanese, and in English where the words of the name would not be read well

# By name, in the singular, of a resource, of a field, or of a parameter.
NAMES: Labels = {
    # resources, and the fields and parameters that refer to them
    "document": ("文書", ""),
    "strategy": ("戦略", ""),
    "section": ("戦略の節", ""),
    "measure": ("施策", ""),
    "budget_line": ("予算", ""),
    "package": ("予算パッケージ", ""),
    "pillar": ("柱", ""),
    "organization": ("組織", ""),
    "modality": ("モダリティ", ""),
    "stage": ("段階", ""),
    "version": ("版", ""),
    "change": ("変更", ""),
    # pages, and answers that are not lists of a resource
    "guide": ("質問", ""),
    "docs": ("API", "API"),
    "dataset": ("データセット", ""),
    "budget-summary": ("集計", ""),
    "crosswalk": ("戦略と予算の対応", ""),
    "reconciliation": ("総額と予算行の照合", "Stated totals against the lines"),
    "search": ("検索", ""),
    "suggest": ("入力候補", ""),
    "exports": ("ダウンロード", ""),
    "charts": ("図", ""),
    # fields and parameters
    "abbreviation": ("略称", ""),
    "action": ("変更の種類", ""),
    "added": ("追加", ""),
    "aims": ("目的", ""),
    "also": ("別名", "Also called"),
    "amount": ("金額", ""),
    "amount_max": ("金額の上限(円)", "Amount to (yen)"),
    "amount_min": ("金額の下限(円)", "Amount from (yen)"),
    "approximate": ("概数", ""),
    "attribution": ("出典表示", ""),
    "basis": ("根拠", ""),
    "basis_reason": ("金額の種類", "Kind of money"),
    "broader": ("上位", ""),
    "budget_kind": ("予算の区分", ""),
    "changed": ("変更", ""),
    "cited": ("文書による参照", "Cited by a document"),
    "code": ("表記", ""),
    "column": ("列", ""),
    "counts": ("件数", ""),
    "date": ("日付", ""),
    "decided": ("決定日", ""),
    "depth": ("階層", ""),
    "description": ("説明", ""),
    "digest": ("ダイジェスト", ""),
    "egov": ("法令ID", "e-Gov id"),
    "en": ("英語", ""),
    "en_official": ("公式の英語", ""),
    "era": ("和暦", ""),
    "evidence": ("根拠となる記述", ""),
    "field": ("項目", ""),
    "fiscal_year": ("会計年度", ""),
    "from": ("始め", ""),
    "funded": ("予算の有無", "Has a budget line"),
    "id": ("ID", "ID"),
    "identifier": ("識別子", ""),
    "issued": ("発行日", ""),
    "issuer": ("発行者", ""),
    "ja": ("日本語", ""),
    "joint": ("共同", ""),
    "jpy": ("円", "Yen"),
    "kind": ("種類", ""),
    "laws": ("根拠法令", ""),
    "licence": ("利用条件", ""),
    "line_count": ("行数", ""),
    "lines": ("行", "Lines"),
    "measure_count": ("施策の数", ""),
    "ministry": ("府省庁", ""),
    "name": ("名称", ""),
    "narrower": ("下位", ""),
    "national_expenditure": ("国費(他の資料による)", "National expenditure, from elsewhere"),
    "note": ("注記", ""),
    "number": ("番号", ""),
    "oku_yen": ("億円", "100 million yen"),
    "op": ("操作", "Operation"),
    "order": ("順序", ""),
    "other_figures": ("ほかの資料の金額", ""),
    "parent": ("上位", ""),
    "part_of": ("含まれる先", "Part of"),
    "parts": ("構成", ""),
    "patch": ("差分(JSON Patch)", "JSON Patch"),
    "path": ("位置", ""),
    "period": ("期間", ""),
    "phase": ("予算の段階", ""),
    "q": ("語句", "Words"),
    "quote": ("引用", "引用"),
    "record": ("記録のID", "Id of the record"),
    "records": ("記録の数", ""),
    "related": ("対応する施策", "Linked by the crosswalk"),
    "relation": ("関係", ""),
    "released": ("公開日", ""),
    "removed": ("取下げ", ""),
    "role": ("役割", ""),
    "same_as": ("同じもの", "The same as"),
    "scheme": ("体系", ""),
    "sha256": ("SHA-256", "SHA-256"),
    "since": ("この版より後(この日以後)", "Since (version or day)"),
    "sort": ("並べ替え", ""),
    "stated_totals": ("文書が示す総額", "Totals that it states"),
    "summary": ("概要", ""),
    "supports": ("裏付ける項目", ""),
    "symbol": ("記号", ""),
    "text": ("表記", "As printed"),
    "title": ("題名", ""),
    "to": ("終わり", ""),
    "track": ("区分", ""),
    "transcript": ("文字起こし", ""),
    "type": ("種別", ""),
    "uncertain": ("不確か", ""),
    "until": ("この版まで(この日まで)", "Until (version or day)"),
    "url": ("URL", "URL"),
    "value": ("値", ""),
    "year": ("年", ""),
}
# Values of closed vocabularies that no filter has.
VALUES: Labels = {
    Basis.STATED: ("記載", ""),
    Basis.READING: ("読み取り", ""),
    Basis.EDITORIAL: ("編集部", ""),
    Basis.EXTERNAL: ("外部資料", ""),
    Reason.NOT_STATED: ("記載なし", ""),
    Reason.AMBIGUOUS: ("一つに定まらない", ""),
    Reason.LAYOUT_LOST: ("配置が失われた", ""),
    Reason.NOT_EXTRACTED: ("収録していない", ""),
    Reason.NOT_CLASSIFIED: ("分類していない", ""),
    Reason.NOT_APPLICABLE: ("該当しない", ""),
    "none": ("なし", ""),
    "several_kinds": ("種類の異なる金額は加えない", "Several kinds, not added"),
    "full": ("全文", ""),
    "missing": ("欠落", ""),
    "responsible": ("担当", ""),
    "implementing": ("実施", ""),
    "project_scale": ("事業規模", ""),
    "national_expenditure": ("国費", ""),
    "corporate_number": ("法人番号", ""),
    "ror": ("ROR", "ROR"),
    "wikidata": ("Wikidata", ""),
    "mesh": ("MeSH", "MeSH"),
    "budget_project": ("予算事業ID", ""),
    "egov_law": ("法令ID", "e-Gov law"),
    "own": ("この施策", "this measure"),
    "same_as": ("同じ資金", "the same money"),
    "part_of": ("この資金を含む", "includes this money"),
    "includes": ("この資金に含まれる", "inside this money"),
    "same_programme": ("同じ事業", "the same programme"),
    "asc": ("昇順", "Ascending"),
    "desc": ("降順", "Descending"),
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


def _label(labels: Labels, key: str, name: str, language: str) -> str:
    ja, en = labels.get(key, ("", ""))
    return (ja if language == "ja" else en) or in_words(name)


@cache
def label(name: str, language: str) -> str:
    """The label of a field, a parameter or a resource."""
    for ending, ja, en in (("_not", "以外", "not"), ("_all", "のすべて", "all of")):
        if name.endswith(ending):
            of = label(name.removesuffix(ending), language)
            return f"{of}{ja}" if language == "ja" else f"{of}: {en}"
    return _label(NAMES, name if name in NAMES else singular(name.replace("-", "_")), name, language)


@cache
def value_label(value: str, field: str, language: str) -> str:
    """The label of a value of a closed vocabulary, by the filter of this field if there is one."""
    if field in NAMING:
        return label(value, language)
    for resource in RESOURCES:
        for each in resource.filters.values():
            if each.choices and value in each.choices and any(path.split(".")[-1] == field for path in each.paths):
                return str(getattr(each.choices[value], language))
    return _label(VALUES, value, value, language)


@cache
def meaning(name: str, language: str) -> str:
    """What a resource is."""
    english = next(each.meaning for each in RESOURCES if each.name == name)
    return MEANINGS.get(name, english) if language == "ja" else english
