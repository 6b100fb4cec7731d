"""Labels of values, and what resources are, in the language of a page."""

from collections.abc import Mapping
from functools import cache

from app.query.names import in_words, label
from app.resources import BY_NAME, RESOURCES
from app.schemas import Basis, Reason

NAMING = ("type", "field", "fields", "facet", "sort")  # what has names of resources, fields or parameters as values

# Values that no filter has, in Japanese and in English: empty where the value in words is read well.
VALUES: Mapping[str, tuple[str, str]] = {
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
    "mesh": ("MeSH", "MeSH"),
    "budget_project": ("予算事業ID", ""),
    "egov_law": ("法令ID", "e-Gov law"),
    "own": ("この施策", "this measure"),
    "same_as": ("同じ資金", "the same money"),
    "part_of": ("この資金を含む", "includes this money"),
    "includes": ("この資金に含まれる", "inside this money"),
    "same_programme": ("同じ事業", "the same programme"),
    "asc": ("", "Ascending"),
    "desc": ("", "Descending"),
}


@cache
def value_label(value: str, field: str, language: str) -> str:
    """The label of a value of a closed vocabulary, by the filter of this field if there is one."""
    if field in NAMING:
        return label(value, language)
    for resource in RESOURCES:
        for each in resource.filters.values():
            if each.choices and value in each.choices and any(path.split(".")[-1] == field for path in each.paths):
                return each.choices[value].of(language)
    ja, en = VALUES.get(value, ("", ""))
    return (ja if language == "ja" else en) or in_words(value)


def meaning(name: str, language: str) -> str:
    """What a resource is."""
    resource = BY_NAME[name]
    return resource.meaning_ja if language == "ja" and resource.meaning_ja else resource.meaning
