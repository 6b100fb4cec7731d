"""Errors that an editor makes: each is told at its file and line, with what to do, and nothing is written."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.seeding.build import check
from app.seeding.errors import InvalidSeed, SeedError
from tests.conftest import ALONE
from tests.corpus import write

BIO = "cao-20260203-bio"


@pytest.fixture
def seed(first_seed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_seed, tmp_path / "seed"))


def errors_of(seed: Path) -> list[SeedError]:
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    return list(caught.value.errors)


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)


# (file, what stands there, what an editor writes instead, text on the error's line afterwards, what the error says)
SLIPS = {
    "a quote with one character changed": (
        f"{BIO}/budget-lines.yaml", "quote: 70億円程度【文】", "quote: 70億円程席【文】", "70億円程席",
        r"the quote `70億円程席【文】` does not stand at lines 96-96, which read `70億円程度【文】`: copy it",
    ),
    "210 typed as 120": (
        f"{BIO}/budget-lines.yaml", "value: 210\n", "value: 120\n", "amount:\n    value: 120",
        r"120億円 is not what `210億円程度` says",
    ),
    "an amount that is in no quote": (
        f"{BIO}/budget-lines.yaml", "value: 210\n    unit: 億円\n    text: 210億円程度",
        "value: 120\n    unit: 億円\n    text: 120億円程度", "amount:\n    value: 120", r"`120億円程度` stands in no quote",
    ),
    "158 typed as 58, with its text": (
        f"{BIO}/budget-lines.yaml", "value: 158\n    unit: 億円\n    text: 158億円程度", "value: 58\n    unit: 億円\n    text: 58億円程度",
        "amount:\n    value: 58\n    unit: 億円\n    text: 58億円程度\n    approximate: true\n  ministries:\n    - mhlw\n  evidence:\n    - basis: stated\n      lines: 138",
        r"`58億円程度` stands in no quote",
    ),
    "a quote that begins within a number": (
        f"{BIO}/budget-lines.yaml", "quote: 158億円程度【厚】", "quote: 58億円程度【厚】\n      #", "", r"does not stand at lines 138-138",
    ),
    "approximate left out": (
        f"{BIO}/budget-lines.yaml", "text: 210億円程度\n    approximate: true", "text: 210億円程度", "amount:\n    value: 210",
        r"set approximate: true",
    ),
    "an unknown ministry": (
        f"{BIO}/budget-lines.yaml", "  ministries:\n    - meti", "  ministries:\n    - metii", "- metii",
        r"`metii` is no id in organizations.yaml: did you mean `meti`\?",
    ),
    "a ministry that the quote does not name": (
        f"{BIO}/budget-lines.yaml", "  ministries:\n    - meti", "  ministries:\n    - cao\n    - meti", "    - cao\n    - meti",
        r"no quote names cao: remove it",
    ),
    "a ministry that the quote names, left out": (
        f"{BIO}/budget-lines.yaml", "    - mext\n    - mhlw", "    - mext", "", r"names 【厚】: add mhlw",
    ),
    "a body that pays for nothing": (
        f"{BIO}/measures.yaml", "  kind: operation\n", "  kind: operation\n  ministries: [amed]\n", "ministries: [amed]",
        r"`amed` is of kind institution: name a ministry",
    ),
    "a duplicate id": (
        f"{BIO}/pillars.yaml", "- id: fy2025-supplementary-drug-discovery-2\n", "- id: fy2025-supplementary-drug-discovery-1\n",
        "- id: fy2025-supplementary-drug-discovery-1\n  number: 2", r"already taken at seed/cao-20260203-bio/pillars.yaml:2: choose another",
    ),
    "a missing English name": (
        f"{BIO}/measures.yaml", "    en: Developing people for biomanufacturing\n", "", "ja: バイオ製造人材の育成",
        r"`name.en` is missing: add it",
    ),
    "a tab": (
        "vocabularies/stages.yaml", "  name:\n    ja: 基礎研究", "  name:\n\tja: 基礎研究", "\tja: 基礎研究", r"blanks, not tabs",
    ),
    "a key given twice": (
        "vocabularies/stages.yaml", "  order: 2\n", "  order: 2\n  order: 3\n", "  order: 3", r"`order` is given twice: keep one",
    ),
    "a mistyped key": (
        "vocabularies/stages.yaml", "  track: development\n", "  trak: development\n", "trak", r"did you mean `track`\?",
    ),
    "a mistyped word": (
        "vocabularies/stages.yaml", "  track: development\n", "  track: developmnt\n", "developmnt", r"it is `developmnt`",
    ),
    "lines that are not there": (
        f"{BIO}/budget-lines.yaml", "lines: 96\n", "lines: 960\n", "lines: 960", r"there are no lines 960-960",
    ),
    "evidence of nothing": (
        f"{BIO}/pillars.yaml", "supports: [package]", "supports: [pakage]", "pakage", r"`pakage` is no field of the record",
    ),
    "a field without evidence": (
        "vocabularies/stages.yaml", "supports: [order, track]", "supports: [order]", "track: development",
        r"`track` has no evidence: quote the words",
    ),
    "an empty field without a reason": (
        f"{BIO}/documents.yaml", "[licence, url]", "[url]", "licence: null", r"`licence` is empty: say why",
    ),
    "a reason for what is not empty": (
        f"{BIO}/documents.yaml", "[licence, url]", "[licence, url, issued]", "not_stated", r"`issued` is under `silent`",
    ),
    "a name that is not the document's": (
        f"{BIO}/measures.yaml", "    ja: バイオ製造人材の育成\n", "    ja: バイオ製造人材の確保\n", "ja: バイオ製造人材の確保",
        r"`バイオ製造人材の確保` stands in no quote that states `name`",
    ),
    "a date that is not the document's": (
        f"{BIO}/documents.yaml", "2026-02-03'\n", "2026-02-13'\n", "2026-02-13", r"`2026-02-13` stands in no quote",
    ),
    "a date that is no date": (
        f"{BIO}/documents.yaml", "2026-02-03'\n", "2026-02-31'\n", "2026-02-31", r"`issued`: .*it is `2026-02-31`",
    ),
    "a year that is not the document's": (
        f"{BIO}/packages.yaml", "fiscal_year: 2025", "fiscal_year: 2026", "fiscal_year: 2026", r"`2026` stands in no quote that states `fiscal_year`",
    ),
    "a kind of budget that is not the document's": (
        f"{BIO}/packages.yaml", "budget_kind: supplementary", "budget_kind: initial", "budget_kind: initial", r"当初 stands in no quote",
    ),
    "a number that is not the document's": (
        f"{BIO}/pillars.yaml", "  number: 6\n", "  number: 7\n", "number: 7", r"`7` stands in no quote that states `number`",
    ),
    "a law that is not the document's": (
        f"{BIO}/measures.yaml", "name: 次世代医療基盤法\n", "name: 医療基盤整備法\n", "", r"`医療基盤整備法` stands in no quote that states `laws`",
    ),
    "a stated total that is not the document's": (
        f"{BIO}/packages.yaml", "text: 1,800億円程度", "text: 1,900億円程度", "stated_totals:", r"1800億円 is not what `1,900億円程度`",
    ),
    "a transcript that changed": (
        f"{BIO}/transcript.md", "レイター", "レイタ一", "", r"is not the file that was read: restore it",
    ),
    "external evidence without its source": (
        "vocabularies/strategies.yaml", "      url: https", "      # https", "basis: external", r"external evidence needs a url",
    ),
    "a reading without its rule": (
        "vocabularies/stages.yaml", "      rule: stage-order\n", "", "basis: reading", r"reading evidence needs a note or rule",
    ),
    "a rule that is not written": (
        "vocabularies/stages.yaml", "rule: stage-order", "rule: stage-ordr", "stage-ordr", r"did you mean `stage-order`\?",
    ),
    "a section above itself": (
        "vocabularies/sections.yaml", "  strategy: hp3\n  evidence:\n    - basis: stated\n      document: cao-20260203-bio\n      lines: 20",
        "  strategy: hp3\n  parent: hp3-4.1.2\n  evidence:\n    - basis: stated\n      document: cao-20260203-bio\n      lines: 20",
        "  parent: hp3-4.1.2", r"stands above itself: break the circle",
    ),
    "a modality above itself": (
        "vocabularies/modalities.yaml", "    en: New modalities\n", "    en: New modalities\n  broader: gene-therapy\n",
        "  broader: gene-therapy", r"is broader than itself: break the circle",
    ),
    "a section of the wrong id": (
        "vocabularies/sections.yaml", "  number: '4.8'", "  number: '4.9'", "- id: hp3-4.8", r"is `hp3-4.9`",
    ),
    "a pillar of the wrong id": (
        f"{BIO}/pillars.yaml", "  number: 6", "  number: 7", "- id: fy2025-supplementary-drug-discovery-6", r"discovery-7`",
    ),
    "a line of the wrong id": (
        f"{BIO}/budget-lines.yaml", "- id: mcm-stockpile-fy2025-supplementary", "- id: mcm-stockpile-fy2025", "- id: mcm-stockpile-fy2025",
        r"the id of this line is `mcm-stockpile-fy2025-supplementary`",
    ),
    "parts that overlap": (
        f"{BIO}/documents.yaml", "lines: 10-12", "lines: 8-12", "parts:", r"do not follow the part before",
    ),
    "a link between two programmes": (
        f"{BIO}/crosswalk.yaml", "direction: bio-startup-support", "direction: mcm-stockpile", "direction: mcm-stockpile",
        r"`mcm-stockpile` is not a direction",
    ),
    "not a list": (
        "vocabularies/stages.yaml", None, "id: x\n", "id: x", r"this is not a list: begin each entry with `- id:`",
    ),
    "comments only": ("vocabularies/stages.yaml", None, "# nothing\n", "# nothing", r"comments only"),
    "an empty file": ("vocabularies/stages.yaml", None, "", "", r"the file is empty: write its entries, or remove it"),
    "broken YAML": ("vocabularies/stages.yaml", None, "- id: 'x\n", "", r"correct the YAML here or just above"),
    "a control character": ("vocabularies/stages.yaml", None, "- id: x\n  name: \x07\n", "name", r"remove it"),
    "an unknown file": (f"{BIO}/mesures.yaml", None, "- id: x\n", "", r"did you mean measures.yaml\?"),
    "a note and a rule": (
        "vocabularies/stages.yaml", "      rule: stage-order\n", "      rule: stage-order\n      note: {ja: x, en: x}\n", "basis: reading",
        r"two places for one thing: keep one",
    ),
    "a quote of what is elsewhere": (
        "vocabularies/strategies.yaml", "      url: https", "      lines: 3\n      quote: x\n      url: https", "basis: external", r"external evidence has no lines",
    ),
    "a statement without its quote": (
        "vocabularies/stages.yaml", "      quote: 基礎研究\n      supports: [name]", "      supports: [name]", "basis: stated", r"needs lines and the quote",
    ),
    "a statement with a source elsewhere": (
        "vocabularies/stages.yaml", "      supports: [name]", "      supports: [name]\n      url: https://example.org/", "basis: stated", r"only external evidence has a url",
    ),
    "lines that are no lines": (
        "vocabularies/stages.yaml", "lines: 55", "lines: [55]", "lines: [55]", r"`0?\.?evidence",
    ),
    "a quote over lines that skips one": (
        "vocabularies/sections.yaml", "## IV 具体的施策", "IV 具体的施策", "", r"does not stand at lines 14-16",
    ),
    "a pillar of another package": (
        f"{BIO}/budget-lines.yaml", "  measure: mcm-stockpile\n", "  measure: mcm-stockpile\n  pillar: other-1\n", "pillar: other-1", r"`other-1` is no id in pillars.yaml",
    ),
    "a printed ministry that is not known": (
        "vocabularies/organizations.yaml", "  abbreviation: 経", "  abbreviation: 産", "", r"【経】 is no organization's abbreviation",
    ),
    "a source of the expenditure that is not evidence": (
        f"{BIO}/budget-lines.yaml", "    url: https://www.wic-net.com/material/document/22583/79", "    url: https://example.org/", "", r"its url is in no evidence",
    ),
    "an expenditure that is not its text": (
        f"{BIO}/budget-lines.yaml", "value: 4140\n", "value: 4410\n", "national_expenditure:\n    amount:\n      value: 4410", r"4410百万円 is not what",
    ),
    "an attribution without its date": (
        f"{BIO}/documents.yaml", "(令和8年2月3日)を", "を", "attribution", r"does not say when the document was issued",
    ),
    "a stated total of another basis": (
        f"{BIO}/packages.yaml", "      basis: project_scale", "      basis: national_expenditure", "", r"the amount's basis is not `project_scale`",
    ),
    "a quote of more lines than it has": (
        "vocabularies/sections.yaml", "lines: 14-16", "lines: 14-15", "", r"does not stand at lines 14-15",
    ),
    "an entry without an id": ("vocabularies/stages.yaml", None, "- name: {ja: x, en: x}\n", "- name", r"`id` is missing"),
    "an entry that is none": ("vocabularies/stages.yaml", None, "- x\n", "- x", r"valid dictionary"),
    "a link that rests on nothing": (
        f"{BIO}/crosswalk.yaml", None, "- id: a\n  direction: biosimilar-uptake\n  programme: mcm-stockpile\n  note: {ja: x, en: x}\n",
        "- id: a", r"a link rests on words that both sides share",
    ),
    "a relation of lines that rests on nothing": (
        f"{BIO}/line-relations.yaml", None, ("- id: a\n  type: part_of\n  line: mcm-research-hubs-fy2025-supplementary\n"
        "  other: biobank-utilisation-fy2025-supplementary\n  note: {ja: x, en: x}\n"),
        "- id: a", r"a relation rests on words of both documents",
    ),
    "a relation of lines that is given twice": (
        f"{BIO}/line-relations.yaml", None, ("- id: a\n  type: part_of\n  line: mcm-research-hubs-fy2025-supplementary\n"
        "  other: biobank-utilisation-fy2025-supplementary\n  note: {ja: x, en: x}\n") * 2, "", r"`a` is already taken at",
    ),
    "an amount whose phase nothing gives": (
        f"{BIO}/packages.yaml", "  budget_kind: supplementary\n", "", "", r"its phase is not known: give `phase`",
    ),
    "a body above itself": (
        "vocabularies/organizations.yaml", "- id: cao\n", "- id: cao\n  parent: cao\n", "parent: cao", r"stands above itself",
    ),
    "an identifier of another form": (
        "vocabularies/organizations.yaml", "'6000012070001'", "'600001207'", "'600001207'", r"is not of the form of a corporate_number",
    ),
    "an identifier with a wrong digit": (
        "vocabularies/organizations.yaml", "'6000012070001'", "'6000012070002'", "'6000012070002'", r"the check digit of",
    ),
    "an id that sums give to what is beyond their limit": (
        "vocabularies/stages.yaml", "- id: basic-research", "- id: others", "- id: others", r"choose another id",
    ),
    "an id that filters give to what has no value": (
        f"{BIO}/pillars.yaml", "- id: fy2025-supplementary-drug-discovery-6", "- id: none", "- id: none", r"choose another id",
    ),
    "a question that the guide cannot show": (
        "dataset.yaml", "request: /v1/crosswalk\n", "request: /v1/pillars\n", "/v1/pillars", r"`questions\.2\.request`: the guide shows",
    ),
    "no dataset.yaml version": ("dataset.yaml", "version: 1.0.0", "version: one", "version: one", r"`version`: "),
}  # fmt: skip


OFTEN = 22  # The first are what editors do most; the others wait for `make test-all`.


@pytest.mark.parametrize(
    "slip", [*list(SLIPS)[:OFTEN], *(pytest.param(slip, marks=pytest.mark.slow) for slip in list(SLIPS)[OFTEN:])]
)
def test_a_slip_is_told_where_it_stands(slip: str, seed: Path) -> None:
    file, old, new, mark, message = SLIPS[slip]
    path = seed / file
    text = path.read_text() if path.exists() else ""
    assert old is None or old in text, "the seed changed: change this test with it"
    path.write_text(new if old is None else text.replace(old, new, 1))
    found = [error for error in errors_of(seed) if re.search(message, error.message)]
    assert found, [str(error) for error in errors_of(seed)]
    if mark:
        expected = path.read_text()[: path.read_text().index(mark)].count("\n") + 1
        assert any(error.file == f"seed/{file}" and abs(error.line - expected) <= 1 for error in found), (
            expected,
            found,
        )


def test_bad_utf8_is_told(seed: Path) -> None:
    path = seed / "vocabularies" / "stages.yaml"
    path.write_bytes(path.read_bytes().replace("応用研究".encode(), "応用研究".encode("shift_jis"), 1))
    assert any(error.file.endswith("stages.yaml") and "not UTF-8" in error.message for error in errors_of(seed))


def test_a_missing_transcript_and_a_wrong_folder_are_told(seed: Path) -> None:
    (seed / BIO).rename(seed / "bio")
    assert any("`cao-20260203-bio` stands in the folder bio" in error.message for error in errors_of(seed))
    (seed / "bio" / "transcript.md").unlink()
    found = errors_of(seed)
    assert any("there is no transcript.md or transcript.csv beside this file" in error.message for error in found)
    assert any("the evidence names no document" in error.message for error in found)
    assert any("has no transcript.md" in error.message for error in found)


def test_evidence_added_to_nothing_is_told(seed: Path) -> None:
    (seed / BIO / "evidence.yaml").write_text(
        "- id: a\n  type: mesures\n  record: x\n- id: b\n  type: measures\n  record: biobank-utilization\n"
    )
    messages = [str(error) for error in errors_of(seed)]
    assert any("evidence.yaml:3: `mesures` is no kind of entry" in message for message in messages)
    assert any("did you mean `biobank-utilisation`?" in message for message in messages)


def test_a_file_that_cannot_be_read_is_one_error(seed: Path) -> None:
    (seed / "vocabularies" / "organizations.yaml").write_text("- id: 'mhlw\n")
    assert [error.file for error in errors_of(seed)] == ["seed/vocabularies/organizations.yaml"]


def test_all_errors_are_told_at_once(seed: Path) -> None:
    lines = seed / BIO / "budget-lines.yaml"
    lines.write_text(
        lines.read_text().replace("value: 210\n", "value: 120\n").replace("quote: 70億円程度", "quote: 71億円程度")
    )
    stages = seed / "vocabularies" / "stages.yaml"
    stages.write_text(stages.read_text().replace("    en: Basic research\n", ""))
    assert len(errors_of(seed)) >= 3
    assert errors_of(seed) == sorted(errors_of(seed))


def test_the_command_line_prints_each_error_and_fails(
    seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seed / BIO / "budget-lines.yaml"
    path.write_text(path.read_text().replace("quote: 70億円程度【文】", "quote: 70億円程席【文】", 1))
    line = line_of(path, "70億円程席")
    monkeypatch.setenv("SHISAKU_DATABASE", str(tmp_path / "shisaku.sqlite"))
    monkeypatch.setattr("app.cli.SEED", seed)
    for command in ("check", "build", "release", "openapi"):
        result = CliRunner().invoke(main, [command, *([] if command == "openapi" else ["--seed", str(seed)])])
        assert result.exit_code == 1
        assert f"seed/{BIO}/budget-lines.yaml:{line}: the quote" in result.stderr
        assert result.stderr.endswith("Error: 2 errors; nothing was written\n")
    assert not (tmp_path / "shisaku.sqlite").exists()


def test_a_seed_without_its_dataset_is_told(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    seed.mkdir()
    assert str(errors_of(seed)[0]).startswith("seed/dataset.yaml:1: there is no such file")


def test_links_across_packages_and_strategies_are_told(both_seed: Path, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(both_seed, seed)
    lines = seed / BIO / "budget-lines.yaml"
    lines.write_text(
        lines.read_text().replace(
            "  measure: mcm-stockpile\n", "  measure: mcm-stockpile\n  pillar: fy2027-initial-climate-health-1\n"
        )
    )
    sections = seed / "green-20270115" / "sections.yaml"
    sections.write_text(
        sections.read_text().replace("  strategy: adapt2\n", "  strategy: adapt2\n  parent: hp3-4.1\n", 1)
    )
    messages = [str(error) for error in errors_of(seed)]
    assert any("is of another package: name a pillar of fy2025" in message for message in messages)
    assert any("is of another strategy: name a section of adapt2" in message for message in messages)


def test_an_empty_dataset_file_is_told(seed: Path) -> None:
    (seed / "dataset.yaml").write_text("")
    assert [str(error) for error in errors_of(seed)] == [
        "seed/dataset.yaml:1: the file is empty: write its entries, or remove it"
    ]


@pytest.mark.parametrize("change", ["silent", "known"])
def test_a_further_evidence_must_fit_the_record(change: str, tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    path = next(seed.glob("*/modalities.yaml"))
    text = path.read_text()
    path.write_text(
        text.replace("not_stated: [also, broader]", "not_stated: [also, broader, alsa]")
        if change == "silent"
        else text.replace("ja: 抗毒素", "ja: 抗毒素\n    en_official: maybe")
    )
    expected = "`alsa` is no field" if change == "silent" else "`0.name.en_official`|`name.en_official`"
    assert any(re.search(expected, error.message) for error in errors_of(seed))


def test_bulk_files_are_read_a_line_at_a_time(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    write(seed, 40)
    assert check(seed).count > 150
    (lines, *_) = seed.glob("corpus-0/budget-lines.ndjson")
    first, second, *rest = lines.read_bytes().splitlines(keepends=True)
    twice = b'{"id": "x", "id": "y"}\n'
    lines.write_bytes(b"".join([first, b"{\n", twice, second.replace(b"\xe5\x84\x84", b"\xe5\x84", 1), *rest]))
    told = [str(error) for error in errors_of(seed)]
    name = "seed/corpus-0/budget-lines.ndjson"
    assert any(text.startswith(f"{name}:2: Expecting") and "one JSON object a line" in text for text in told)
    assert any(text.startswith(f"{name}:3: a key is given twice") for text in told)
    assert any(text.startswith(f"{name}:4: ") and "UTF-8" in text for text in told)


def test_the_same_corpus_is_written_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, 30)
    one, two = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two
