"""Names: what fields, parameters and resources are called in both languages. Requests take the Japanese too."""

from collections.abc import Mapping
from functools import cache

from app.schemas import Name

# In Japanese and in English, where the name in words would not be read well in English.
LABELS: Mapping[str, tuple[str, str]] = {
    "also": ("別名", "Also called"),
    "amount_max": ("金額の上限(円)", "Amount to (yen)"),
    "amount_min": ("金額の下限(円)", "Amount from (yen)"),
    "basis_reason": ("金額の種類", "Kind of money"),
    "cited": ("文書による参照", "Cited by a document"),
    "docs": ("API", "API"),
    "egov": ("法令ID", "e-Gov id"),
    "funded": ("予算の有無", "Has a budget line"),
    "id": ("ID", "ID"),
    "jpy": ("円", "Yen"),
    "limit": ("表示件数", "Rows"),
    "national_expenditure": ("国費(他の資料による)", "National expenditure, from elsewhere"),
    "oku_yen": ("億円", "100 million yen"),
    "op": ("操作", "Operation"),
    "patch": ("差分(JSON Patch)", "JSON Patch"),
    "q": ("語句", "Words"),
    "reconciliation": ("総額と予算行の照合", "Stated totals against the lines"),
    "record": ("記録のID", "Id of the record"),
    "related": ("対応する施策", "Linked by the crosswalk"),
    "same_as": ("同じもの", "The same as"),
    "sha256": ("SHA-256", "SHA-256"),
    "since": ("この版より後(この日以後)", "Since (version or day)"),
    "stated_totals": ("文書が示す総額", "Totals that it states"),
    "text": ("表記", "As printed"),
    "until": ("この版まで(この日まで)", "Until (version or day)"),
    "url": ("URL", "URL"),
}
# In Japanese alone.
JAPANESE: Mapping[str, str] = {
    **{name: ja for name, (ja, _) in LABELS.items()},
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
    "guide": "質問",
    "charts": "図",
    # fields and parameters
    "action": "変更の種類",
    "added": "追加",
    "changed": "変更",
    "counts": "件数",
    "digest": "ダイジェスト",
    "field": "項目",
    "path": "位置",
    "records": "記録の数",
    "released": "公開日",
    "removed": "取下げ",
    "summary": "概要",
    "value": "値",
    "version": "版",
    "abbreviation": "略称",
    "aims": "目的",
    "amount": "金額",
    "approximate": "概数",
    "attribution": "出典表示",
    "basis": "根拠",
    "broader": "上位",
    "budget_kind": "予算の区分",
    "budget_lines": "予算",
    "code": "表記",
    "column": "列",
    "date": "日付",
    "decided": "決定日",
    "depth": "階層",
    "description": "説明",
    "document": "文書",
    "en": "英語",
    "en_official": "公式の英語",
    "era": "和暦",
    "evidence": "根拠となる記述",
    "facet": "件数",
    "fields": "項目",
    "fiscal_year": "会計年度",
    "from": "始め",
    "group_by": "集計の単位",
    "identifier": "識別子",
    "issued": "発行日",
    "issuer": "発行者",
    "ja": "日本語",
    "joint": "共同",
    "kind": "種類",
    "lang": "言語",
    "laws": "根拠法令",
    "licence": "利用条件",
    "line_count": "行数",
    "lines": "行",
    "measure": "施策",
    "measure_count": "施策の数",
    "ministries": "府省庁",
    "ministry": "府省庁",
    "modality": "モダリティ",
    "name": "名称",
    "narrower": "下位",
    "note": "注記",
    "notes": "注記",
    "number": "番号",
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
    "quote": "引用",
    "relation": "関係",
    "role": "役割",
    "scheme": "体系",
    "section": "戦略の節",
    "sort": "並べ替え",
    "strategy": "戦略",
    "supports": "裏付ける項目",
    "symbol": "記号",
    "title": "題名",
    "to": "終わり",
    "track": "区分",
    "transcript": "文字起こし",
    "type": "種別",
    "uncertain": "不確か",
    "year": "年",
    # words of parameters
    "asc": "昇順",
    "desc": "降順",
}


def japanese(name: str) -> str:
    """The Japanese name, empty if there is none."""
    return JAPANESE.get(name) or JAPANESE.get(name.replace("_", "-"), "")


def named(name: str) -> Name:
    """A technical name as a label."""
    return Name(ja=japanese(name) or name, en=name, en_official=False)


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
    return LABELS[name][1] if name in LABELS else in_words(name)
