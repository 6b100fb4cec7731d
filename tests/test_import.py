"""A published CSV file becomes a document: each row is read, left out as a total, or refused with its reason."""

import csv
import io
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
import yaml
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.cli import main
from app.seeding.build import check
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import InvalidSeed
from app.seeding.imported_entries import files_of
from app.seeding.importing import Imported, import_table
from app.seeding.mapping import TableMapping
from tests.conftest import ALONE, HERE, Client, answer, built, serving, walk
from tests.evidence import faults
from tests.test_readme import IMPORTING, blocks, commands

EXCERPT = HERE / "import" / "rs2024-2-1-excerpt.csv"
EXCERPT_MAPPING = HERE / "import" / "rs2024-2-1.yaml"

URL = "https://example.go.jp/budget"
BODIES = {  # id: kind, name, the body above
    "cas": ("ministry", "内閣官房", None),
    "cao": ("ministry", "内閣府", None),
    "digital-agency": ("agency", "デジタル庁", None),
    "npa": ("agency", "警察庁", None),
    "mic": ("ministry", "総務省", None),
    "mext": ("ministry", "文部科学省", None),
    "cultural-affairs": ("agency", "文化庁", "mext"),
    "culture-bureau": ("bureau", "文化局", "mext"),
    "mhlw": ("ministry", "厚生労働省", None),
    "coast-guard": ("agency", "海上保安庁", "mlit"),
}

HEADER = "番号,事業名,所管,年度,会計,当初,補正,計,備考"
ROWS = [
    "1,甲の推進,内閣府,2024,,,,1500,",
    "1,甲の推進,内閣府,2024,一般,1000,500,,",
    "2,乙の推進,厚生労働省,2024,,,,250,",
    "2,乙の推進,厚生労働省,2024,一般,300,-100,,",
    "2,乙の推進,厚生労働省,2024,特別,50,,,",
    "2,乙の推進,厚生労働省,2023,,,,7,",
]
MAPPING: dict[str, Any] = {
    "document": {
        "name": {"ja": "予算の一覧", "en": "List of budgets"},
        "issuer": "cao",
        "attribution": "出典: 予算の一覧",
        "licence": "CC BY 4.0",
        "url": URL,
        "note": {"ja": "このページで配布する。", "en": "Published on this page."},
    },
    "unit": "千円",
    "measure": {"id": "list-{番号}", "kind": "project", "name": "事業名", "ministry": "所管"},
    "year": "年度",
    "package": {"id": "list-fy{year}", "name": {"ja": "{year}年度の予算", "en": "Budget of FY{year}"}},
    "apart": ["会計"],
    "amounts": [{"column": "当初", "phase": "initial"}, {"column": "補正", "phase": "supplementary"}],
    "totals": [
        {"where": {"会計": ""}, "amounts": [{"column": "計", "phase": "revised", "sums": ["当初", "補正"]}]},
    ],
}
SUMS = {(2024, "initial"): 1_350_000, (2024, "supplementary"): 400_000, (2023, "revised"): 7_000}


def table(*rows: str, header: str = HEADER) -> bytes:
    return "".join(f"{line}\n" for line in (header, *rows)).encode()


def mapped(**changes: Any) -> TableMapping:
    return TableMapping.model_validate({**MAPPING, **changes})


def organization(id_: str) -> dict[str, Any]:
    kind, name, parent = BODIES[id_]
    supports = ["name", "kind", *(["parent"] if parent else [])]
    note = {"ja": "組織の一覧。", "en": "List of bodies."}
    evidence = [{"basis": "external", "document": "list", "url": URL, "supports": supports, "note": note}]
    common = {"id": id_, "kind": kind, "name": {"ja": name, "en": name}, "evidence": evidence}
    return {**common, **({"parent": parent} if parent else {}), "silent": {"not_stated": ["abbreviation"]}}


ORGANIZATIONS = [OrganizationEntry.model_validate(organization(id_)) for id_ in BODIES]


def imported(data: bytes, **changes: Any) -> Imported:
    found = import_table(mapped(**changes), "list.csv", data, "list", ORGANIZATIONS)
    assert files_of(found)
    return found


def sums(found: Imported) -> dict[tuple[int, str], int]:
    return {(year, phase.value): sum(amounts) for (year, phase), amounts in found.sums.items()}


def told(data: bytes, **changes: Any) -> list[str]:
    """What is said of a table, be it of its rows or of the whole."""
    try:
        return [str(error) for error in imported(data, **changes).refused]
    except InvalidSeed as invalid:
        return [str(error) for error in invalid.errors]


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    """The seed of another document, and the bodies that the tables name."""
    folder = tmp_path / "seed"
    shutil.copytree(ALONE, folder)
    (folder / "vocabularies").mkdir()
    return folder


def run(seed: Path, mapping: object, data: bytes, *options: str, to: str = "list") -> Result:
    """Runs the command; the bodies' evidence names the document."""
    document = f'"document":"{Path(to).name}"'.encode()
    lines = [orjson.dumps(organization(id_)).replace(b'"document":"list"', document) for id_ in BODIES]
    (seed / "vocabularies" / "organizations.ndjson").write_bytes(b"\n".join(lines) + b"\n")
    text = mapping if isinstance(mapping, str) else yaml.safe_dump(mapping, allow_unicode=True)
    (seed.parent / "mapping.yaml").write_text(text)
    (seed.parent / "list.csv").write_bytes(data)
    files = [str(seed.parent / "mapping.yaml"), str(seed.parent / "list.csv")]
    return CliRunner().invoke(main, ["import", *files, "--to", str(seed / to), "--seed", str(seed), *options])


# --- the reference case


@pytest.fixture(scope="module")
def excerpt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, Result]]:
    """A client of a service over an excerpt of the review and another document, and what its import printed."""
    folder = tmp_path_factory.mktemp("excerpt")
    seed = folder / "seed"
    shutil.copytree(ALONE, seed)
    (seed / "vocabularies").mkdir()
    result = run(seed, EXCERPT_MAPPING.read_text(), EXCERPT.read_bytes(), to="rs2024-2-1")
    assert result.exit_code == 0, result.output
    with serving(built(seed, folder / "shisaku.sqlite")) as client:
        yield client, result


def test_the_review_is_read_to_the_last_row(excerpt: tuple[Client, Result]) -> None:
    _, result = excerpt
    first, second, third, *rest = result.output.splitlines()
    assert first == "list.csv: 42 rows: 21 read, 21 left out as totals, 0 refused"
    assert re.fullmatch(r"7 measures, \d+ budget lines; \d+ amounts of 0 left out", second)
    assert re.fullmatch(r"\d+ of the lines are amounts that a total alone states", third)
    totals = [line for line in rest if "totals, " in line]
    assert len(totals) == 4 * 7
    assert all(line.endswith("which say the same") for line in totals)


def test_the_sums_are_those_of_the_file(excerpt: tuple[Client, Result]) -> None:
    client, _ = excerpt
    rows = list(csv.DictReader(io.StringIO(EXCERPT.read_bytes().decode("utf-8-sig"), newline="")))
    expected: Counter[tuple[int, str]] = Counter()
    for row in rows:
        if not row["会計区分"]:
            year = int(row["予算年度"])
            for column, phase in (
                ("当初予算（合計）", "initial"),
                ("補正予算（合計）", "supplementary"),
                ("予備費等（合計）", "reserve"),
                ("執行額（合計）", "executed"),
                ("翌年度への繰越し(合計）", "carried_forward"),
            ):
                expected[year, phase] += int(row[column])
            expected[year + 1, "request"] += int(float(row["翌年度要求額（合計）"]))
    for (year, phase), jpy in expected.items():
        path = f"/v1/budget-summary?group_by=fiscal_year&document=rs2024-2-1&fiscal_year={year}&phase={phase}"
        summary = answer(client, path) if jpy else {"total": {"jpy": 0}}
        assert summary["total"]["jpy"] == jpy, (year, phase)


def test_evidence_names_file_row_and_column(excerpt: tuple[Client, Result]) -> None:
    client, _ = excerpt
    line = answer(client, "/v1/budget-lines/rs2024-2-1-4-fy2024-current")
    amount, *apart, ministry = line["evidence"][:4]
    assert (amount["document"], amount["column"]) == ("rs2024-2-1", "歳出予算現額")
    assert amount["quote"] == line["amount"]["text"] == str(line["amount"]["jpy"])
    number = amount["lines"]["from"]
    (row,) = answer(client, f"/v1/documents/rs2024-2-1/lines?from={number}&to={number}")["data"]
    assert f",{amount['quote']}," in row["text"]
    assert [piece["column"] for piece in apart] == ["会計区分", "会計"]  # the project has two accounts in that year
    assert (ministry["column"], ministry["quote"]) == ("府省庁", "デジタル庁")
    assert answer(client, "/v1/budget-lines/rs2024-2-1-4-fy2024-current-2")["measure"] == line["measure"]
    header = answer(client, "/v1/documents/rs2024-2-1/lines?to=1")["data"][0]["text"]
    assert header.startswith("シート種別")
    assert header.endswith("備考")


def test_every_quote_stands_in_its_row(excerpt: tuple[Client, Result]) -> None:
    count, wrong = faults(excerpt[0])
    assert count > 150
    assert wrong == []


def test_bodies_are_found_by_the_names_of_the_file(excerpt: tuple[Client, Result]) -> None:
    client, _ = excerpt
    measures = {row["id"]: row for row in walk(client, "/v1/measures", document="rs2024-2-1")}
    ministries = {id_: row["ministries"][0]["id"] for id_, row in measures.items()}
    assert ministries["rs2024-2-1-1303"] == "coast-guard"  # printed as 国土交通省　海上保安庁
    assert ministries["rs2024-2-1-1366"] == "cultural-affairs"  # not 政策所管府省庁, which is 文部科学省
    assert measures["rs2024-2-1-4"]["same_as"] == [{"scheme": "budget_project", "id": "4", "url": None}]
    assert {"rs2024-2-1-no-english", "rs2024-2-1-columns"} <= {
        note["code"] for note in measures["rs2024-2-1-4"]["notes"]
    }


def test_a_year_of_one_sheet_has_phases_and_the_next_has_requests(excerpt: tuple[Client, Result]) -> None:
    client, _ = excerpt
    assert [row["fiscal_year"]["year"] for row in walk(client, "/v1/packages", document="rs2024-2-1")] == [
        *range(2021, 2026)
    ]
    phases = {row["amount"]["phase"] for row in walk(client, "/v1/budget-lines", fiscal_year="2025")}
    assert phases == {"request", "special_request"}
    reserves = [row["id"] for row in walk(client, "/v1/budget-lines", q="リーダー人材", phase="reserve")]
    assert any(id_.endswith("-4") for id_ in reserves)  # four columns of one phase are four lines
    only = answer(client, "/v1/budget-lines/rs2024-2-1-398-fy2021-carried-forward")
    assert (only["amount"]["jpy"], only["evidence"][0]["column"]) == (39_000_000, "翌年度への繰越し(合計）")
    assert "rs2024-2-1-only-total" in [note["code"] for note in only["notes"]]


def test_editors_complete_and_check_the_mapping() -> None:
    text = EXCERPT_MAPPING.read_text()
    named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    schema = orjson.loads((EXCERPT_MAPPING.parent / named).read_bytes())
    Draft202012Validator(schema).validate(yaml.safe_load(text))


# --- what is read rightly


def same() -> bytes:
    return table(*ROWS)


def changed(old: str, new: str, *, count: int = 1) -> bytes:
    text = same().decode()
    assert old in text
    return text.replace(old, new, count).encode()


READ: dict[str, tuple[bytes, dict[str, Any]]] = {
    "as it is": (same(), {}),
    "with a byte order mark and CRLF": (b"\xef\xbb\xbf" + same().replace(b"\n", b"\r\n"), {}),
    "in Shift_JIS": (same().decode().encode("cp932"), {"encoding": "cp932"}),
    "in UTF-16": (same().decode().encode("utf-16"), {"encoding": "utf-16"}),
    "thousands separators": (changed(",1000,", ',"1,000",'), {}),
    "full-width digits": (changed(",1000,", ",１，０００,"), {}),
    "a white triangle for minus": (changed(",-100,", ",△100,"), {}),
    "a black triangle for minus": (changed(",-100,", ",▲ 100,"), {}),
    "a full-width minus": (changed(",-100,", ",－１００,"), {}),
    "a decimal fraction of nothing": (changed(",1000,", ",1000.0,"), {}),
    "dashes for nothing": (changed("特別,50,,", "特別,50,－,"), {}),
    "a unit in the cell": (changed(",1000,", ",100万円,"), {}),
    "blanks around": (changed(",1000,", ",　1000 ,"), {}),
    "a line break and quotes in a cell": (changed("2024,,,,1500,", '2024,,,,1500,"備考の""1行目""\n2行目"'), {}),
    "a line break in a name": (changed("甲の推進", '"甲の\n推進"', count=2), {}),
    "a title above the header": (b"\xe4\xba\x88\xe7\xae\x97,,,,,,,,\n\n" + same(), {}),
    "the era's year": (changed("2024", "令和６年度", count=5), {}),
    "a name spelt in another width": (changed("1,甲の推進,内閣府,2024,一般", "1,甲の 推進,内閣府,2024,一般"), {}),
    "blank rows": (changed("2,乙", ",,,,,,,,\n\n2,乙"), {}),
}


@pytest.mark.parametrize("name", READ)
def test_it_is_read_rightly(name: str) -> None:
    data, changes = READ[name]
    found = imported(data, **changes)
    assert found.refused == []
    assert sums(found) == SUMS
    assert (found.rows, found.read, found.totals, found.only_totals) == (6, 3, 3, 1)


@pytest.mark.parametrize(
    "name",
    ["with a byte order mark and CRLF", "in Shift_JIS", "in UTF-16", "a line break and quotes in a cell", "blank rows"],
)
def test_the_file_is_kept_as_it_is_and_its_records_can_be_read(name: str, seed: Path) -> None:
    data, changes = READ[name]
    result = run(seed, {**MAPPING, **changes}, data)
    assert result.exit_code == 0, result.output
    check(seed)
    kept = (seed / "list" / "transcript.csv").read_bytes()
    assert kept == (data.decode(changes["encoding"]).encode() if "encoding" in changes else data)


def test_years_may_stand_in_the_header_and_bodies_nowhere(seed: Path) -> None:
    header = "事業ID,事業名,令和６年度当初,令和7年度要求"
    mapping = {
        **{key: MAPPING[key] for key in ("document", "package")},
        "unit": "百万円",
        "basis": "national_expenditure",
        "zero": "keep",
        "measure": {
            "id": "x-{事業ID}",
            "kind": "project",
            "name": "事業名",
            "same_as": {"scheme": "budget_project", "column": "事業ID"},
        },
        "amounts": [
            {"column": "令和６年度当初", "phase": "initial", "year": "2024"},
            {"column": "令和7年度要求", "phase": "request", "year": "2025"},
        ],
    }
    result = run(seed, mapping, table("7,甲,0,1.5", header=header))
    assert result.exit_code == 0, result.output
    assert "  2024 initial: 1 lines, 0円\n  2025 request: 1 lines, 1,500,000円\n" in result.output
    check(seed)
    refused = run(seed, mapping, table("A7,甲,0,1.5", header=header), "--replace")
    assert "list.csv:2: `事業ID`: Value error, `A7` is not of the form of a budget_project" in refused.output
    broken = {**mapping, "amounts": [{"column": "令和６年度\n当初", "phase": "initial", "year": "2024"}]}
    result = run(seed, broken, table("7,甲,0,1", header='事業ID,事業名,"令和６年度\n当初",令和7年度要求'), "--replace")
    assert "list.csv:1: `令和６年度\\n当初` does not stand in one line" in result.output


def test_totals_of_a_column_may_be_of_all_rows_together() -> None:
    amounts = [{"column": "当初", "phase": "initial", "sums": ["当初"]}]
    totals = [*MAPPING["totals"], {"where": {"事業名": "合計"}, "by": [], "amounts": amounts}]
    rows = [row.replace(",,,", ",総,,") if ",2024,,,," in row else row for row in ROWS[1:2]]
    assert told(table(*rows, ",合計,,,全,1000,,,"), totals=totals) == []
    (error,) = told(table(*rows, ",合計,,,全,1001,,,"), totals=totals)
    assert error.startswith("list.csv:3: `当初` says 1,001,000円, and its rows give 1,000,000円: find the row")


def test_the_documented_example_is_true(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapping, rows, ((command, printed),) = blocks(IMPORTING, "yaml"), blocks(IMPORTING, "csv"), commands(IMPORTING)
    assert run(seed, mapping[0], rows[0].encode()).exit_code == 0
    shutil.rmtree(seed / "list")
    (seed.parent / "list.yaml").write_text(mapping[0])
    monkeypatch.chdir(seed.parent)
    result = CliRunner().invoke(main, [*shlex.split(command)[1:], "--seed", "seed"])
    assert result.output.strip() == printed
    check(seed)


# --- what is told

LONG_NAME = '"' + "名\n" * 2_501 + '"'
TOLD: dict[str, tuple[bytes, dict[str, Any], int, str]] = {
    "another encoding": (same().decode().encode("cp932"), {}, 1, "not utf-8-sig: write `encoding: cp932` in the mapping"),
    "no encoding at all": (same().replace("推".encode(), b"\xff\xfe\xfd"), {}, 2, "not utf-8-sig: save it as UTF-8"),
    "a character of no text": (changed("乙", "乙\0"), {}, 4, "is the file in another encoding than utf-8-sig"),
    "a control character": (changed("乙", "乙\x0b"), {}, 4, "is the file in another encoding than utf-8-sig"),
    "a missing column": (changed("事業名", "事業の名"), {}, 1, "no column of this row is `事業名`: did you mean `事業の名`"),
    "no header": (table(*ROWS[1:], header=ROWS[0]), {}, 1, "no column of this row is `番号`: write all headers in one"),
    "nothing": (b"", {}, 1, "no column of this row is `番号`"),
    "a merged header": (
        table("番号,事業名,所管,年度,会計,当初,補正,計,", *ROWS, header=",,,,,補正,,,備考"), {}, 2,
        "`補正` stands above this row, which has the most headers",
    ),
    "a header of two columns": (changed("備考", "当初"), {}, 1, "`当初` is the header of 2 columns: give each a name"),
    "an unknown body": (changed("厚生労働省,2024,特", "厚生労動省,2024,特"), {}, 6, "did you mean `厚生労働省`"),
    "a body that is not there": (changed("内閣府", "宮内庁", count=2), {}, 3, "`宮内庁` .*: add it to organizations.yaml"),
    "a body that pays for nothing": (changed("内閣府", "文化局", count=2), {}, 3, "`文化局` is no ministry or agency"),
    "a part of a larger amount": (changed(",1000,", ',"5,000の内数",'), {}, 3, "`当初`: `5,000の内数` is a part of a larger"),
    "words for an amount": (changed(",1000,", ",未定,"), {}, 3, "`当初`: `未定` is no amount: write digits"),
    "more digits than amounts have": (
        changed(",1000,", f",{'9' * 30},"),
        {},
        3,
        "`当初`: `9{30}` is no amount \\(.*no more than 22 digits.*\\): correct the cell",
    ),
    "separators in the wrong place": (changed(",1000,", ',"10,00",'), {}, 3, "`10,00` is no amount"),
    "a fraction of a yen": (changed(",1000,", ",1000.0001,"), {}, 3, "not a whole number of yen"),
    "more than any budget": (changed(",1000,", f",{10**15},"), {}, 3, "is more than any budget"),
    "the same row twice": (table(*ROWS, ROWS[1]), {}, 8, "it is the row at line 3 again: remove one"),
    "a second total": (table(*ROWS, ROWS[0].replace("備考", "") + "別"), {}, 8, "a total of the same rows as line 2"),
    "a total that nothing marks": (table(*ROWS, "3,合計,内閣府,2024,一般,1,,,"), {}, 8, "a total among the rows: say so"),
    "a total that is another": (changed(",1500,", ",1501,"), {}, 2, r"says 1,501,000円, and its rows give 1,500,000円"),
    "a total that is no amount": (changed(",1500,", ",?,"), {}, 2, "`計`: `\\?` is no amount"),
    "a comma too many": (changed(",1000,", ",1,000,"), {}, 3, "it has 10 cells, and the header 9: quote cells"),
    "no number": (changed("1,甲の推進,内閣府,2024,一般", ",甲の推進,内閣府,2024,一般"), {}, 3, "`番号` is empty: fill it in"),
    "a number that is no id": (changed("1,甲の推進,内閣府,2024,一般", "一,甲の推進,内閣府,2024,一般"), {}, 3, "`list-一` is no id"),
    "no year": (changed("2024,一般,1000", "R6,一般,1000"), {}, 3, "`年度` is no fiscal year .`R6`.: write 2024 or"),
    "another name": (changed("乙の推進,厚生労働省,2024,特別", "丙の推進,厚生労働省,2024,特別"), {}, 6, "its name is not that of `list-2` at line 5"),
    "another ministry": (changed("厚生労働省,2024,特別", "内閣府,2024,特別"), {}, 6, "its ministry is not that of `list-2` at line 5"),
    "an open quote": (changed("乙", '"乙', count=1), {}, 4, "the row that begins here is no CSV"),
    "an open quote in the header": (changed("番号", '"番号', count=1), {}, 1, "the row that begins here is no CSV"),
    "a long line": (changed("一般,1000,500,,", f"一般,1000,500,,{'長' * 5_001}"), {}, 3, "a line of more than 5,000 characters"),
    "a long name": (changed("甲の推進", LONG_NAME, count=2), {}, 2504, "`事業名` has more than 5,000"),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_it_is_told_with_its_row(name: str) -> None:
    data, changes, line, message = TOLD[name]
    errors = told(data, **changes)
    assert any(re.match(rf"list\.csv:{line}: .*{message}", error) for error in errors), errors


def test_what_is_missing_from_a_total_is_told_once() -> None:
    assert len(told(changed(",1000,", ",未定,"))) == 1
    found = imported(changed(",1000,", ",未定,"))
    assert (found.read, found.totals, len(found.refused)) == (2, 3, 1)
    assert sums(found) == {**SUMS, (2024, "initial"): 350_000, (2024, "supplementary"): -100_000}


MISTAKES = {
    "a mistyped key": (
        "unit: 千円",
        "unitt: 千円",
        r"mapping\.yaml:\d+: `unitt` is no field here: did you mean `unit`",
    ),
    "an unknown encoding": (
        "unit: 千円",
        "unit: 千円\nencoding: sjiss",
        r"mapping\.yaml:\d+: `encoding`: there is no such",
    ),
    "a year that the header does not say": (
        "phase: initial",
        "phase: initial\n  year: 2024",
        "`当初` does not say the year 2024",
    ),
    "no next year": ("phase: initial", "phase: initial\n  year: next", "no column of the next year says 翌年度"),
    "no year": ("year: 年度\n", "", "the year of `当初` is not known: name its column"),
    "no YAML": ("unit: 千円", "unit: [", r"mapping\.yaml:\d+: "),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_mapping_is_told(name: str, seed: Path) -> None:
    old, new, message = MISTAKES[name]
    text = yaml.safe_dump(MAPPING, allow_unicode=True)
    assert old in text
    result = run(seed, text.replace(old, new, 1), same())
    assert result.exit_code == 1
    assert re.search(message, result.output), result.output
    assert not (seed / "list").exists()


# --- what is written


def left(seed: Path) -> list[str]:
    return sorted(path.name for path in seed.iterdir())


def test_nothing_is_written_when_a_row_is_refused_unless_it_is_asked_for(seed: Path) -> None:
    before = left(seed)
    data = changed(",1000,", ",未定,")
    result = run(seed, MAPPING, data)
    assert result.exit_code == 1
    assert "list.csv:3: `当初`: `未定` is no amount" in result.stderr
    assert "1 error; nothing was written. Correct these rows, or leave them out with --skip-refused" in result.stderr
    assert left(seed) == before
    result = run(seed, MAPPING, data, "--skip-refused")
    assert result.exit_code == 0
    assert "2024 計: rows give 250,000円; 2 totals, of which 1 say otherwise: +1,500,000円 together" in result.stdout
    assert left(seed) == sorted([*before, "list"])
    check(seed)


def test_a_folder_that_is_there_is_replaced_when_it_is_asked_for(seed: Path) -> None:
    assert run(seed, MAPPING, same()).exit_code == 0
    before = left(seed), (seed / "list" / "budget-lines.ndjson").read_bytes()
    result = run(seed, MAPPING, changed(",1500,", ",1501,").replace(b",1000,", b",1001,"))
    assert result.exit_code == 1
    assert "is there: choose another folder, or replace it with --replace" in result.output
    assert before == (left(seed), (seed / "list" / "budget-lines.ndjson").read_bytes())
    data = changed(",1500,", ",1501,").replace(b",1000,", b",1001,")
    assert run(seed, MAPPING, data, "--replace").exit_code == 0
    assert b'"text":"1001"' in (seed / "list" / "budget-lines.ndjson").read_bytes()
    assert left(seed) == before[0]


def test_a_folder_that_cannot_be_written_is_told(seed: Path) -> None:
    result = run(seed, MAPPING, same(), to="nowhere/list")
    assert result.exit_code == 1
    assert "No such file or directory; nothing was written" in result.output
    assert "List is no id of a document" in run(seed, MAPPING, same(), to="List").output


def test_bodies_that_cannot_be_read_are_told(seed: Path) -> None:
    (seed / "vocabularies" / "organizations.yaml").write_text("- id: x\n  kind: ministry\n")
    result = run(seed, MAPPING, same())
    assert "vocabularies/organizations.yaml:1: `name` is missing: add it" in result.output


# --- evidence in a table is checked like any other


def edited(seed: Path, old: str, new: str) -> str:
    """Imports the table, changes its budget lines, and gives the errors."""
    assert run(seed, MAPPING, same()).exit_code == 0
    path = seed / "list" / "budget-lines.ndjson"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return errors_of(seed)


def errors_of(seed: Path) -> str:
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    return str(caught.value)


def test_a_quote_is_the_whole_cell_of_its_row_and_column(seed: Path) -> None:
    said = edited(seed, '"column":"当初","quote":"1000"', '"column":"当初","quote":"100"')
    assert "seed/list/budget-lines.ndjson:1: the cell under `当初` at line 3 reads `1000`, not `100`: copy it" in said
    shutil.rmtree(seed / "list")
    assert "no row of the table stands at lines 3-3 and has one cell under `当処`" in edited(
        seed, '"column":"当初"', '"column":"当処"'
    )
    shutil.rmtree(seed / "list")
    for lines in ("1", "3-4", "99"):
        said = edited(seed, '"lines":"3"', f'"lines":"{lines}"')
        assert (
            f"no row of the table stands at lines {lines.replace('-', '-') if '-' in lines else f'{lines}-{lines}'}"
            in said
        )
        shutil.rmtree(seed / "list")


def test_a_column_is_of_a_table_and_has_a_name_of_its_own(seed: Path) -> None:
    path = seed / "green-20270115" / "budget-lines.yaml"
    before = path.read_text()
    path.write_text(before.replace("quote:", "column: 額\n      quote:", 1))
    assert run(seed, MAPPING, same()).exit_code == 0
    assert "`column` is for a transcript that is a table: leave it out" in errors_of(seed)
    path.write_text(before)
    described = seed / "list" / "documents.yaml"
    described.write_text(described.read_text().replace("basis: external", "basis: external\n    column: 額", 1))
    assert "external evidence has no lines, column or quote" in errors_of(seed)
    shutil.rmtree(seed / "list")
    assert run(seed, MAPPING, table(*(f"{row}," for row in ROWS), header=f"{HEADER},備考")).exit_code == 0
    lines = seed / "list" / "budget-lines.ndjson"
    lines.write_text(lines.read_text().replace('"column":"当初","quote":"1000"', '"column":"備考","quote":"1000"', 1))
    assert "has one cell under `備考`" in errors_of(seed)


def test_a_table_that_is_damaged_is_told(seed: Path) -> None:
    assert run(seed, MAPPING, same()).exit_code == 0
    (seed / "list" / "transcript.csv").write_bytes(changed("乙", '"乙', count=1))
    said = errors_of(seed)
    assert "seed/list/transcript.csv:4: the row that begins here is no CSV" in said
    assert "the transcript is not the file that was read" in said
    (seed / "list" / "transcript.md").write_text("# 一覧\n")
    assert "seed/list/transcript.md:1: there is seed/list/transcript.csv too: keep one" in errors_of(seed)


def test_what_a_cut_off_import_leaves_is_passed_over(seed: Path) -> None:
    assert run(seed, MAPPING, same()).exit_code == 0
    shutil.copytree(seed / "list", seed / ".list.x" / "new")
    check(seed)


# --- any table

Style = Callable[[int], str]
STYLES: list[Style] = [
    str,
    lambda value: f'"{value:,}"',
    lambda value: f'"{value:,}"'.translate(str.maketrans("0123456789,-", "０１２３４５６７８９，－")),
    lambda value: f"△{-value}" if value < 0 else f" {value}",
    lambda value: f"▲{-value}.0" if value < 0 else f"{value}.0",
    lambda value: f"{value}千円",
]
JUNK = ["未定", "5の内数", "?", "1,2", '"1,2"', "１２３４５６７８９０１２３４５６７８９０", "約5", '"', "=1+1", "\0"]


@st.composite
def tables(draw: st.DrawFn) -> tuple[bytes, dict[str, int], bool]:
    """A table with totals, the sums of its phases in yen, and whether all of it can be read."""
    rows, expected, sound = [HEADER], {"initial": 0, "supplementary": 0}, True
    number = st.integers(-(10**9), 10**9)
    for project in range(1, draw(st.integers(1, 4)) + 1):
        start = f"{project},事業{project},{draw(st.sampled_from(['内閣府', '文部科学省　文化庁', '厚生労働省']))},2024"
        details = draw(st.lists(st.tuples(number, number), min_size=1, max_size=3))
        total = 0
        for account, values in enumerate(details):
            cells = []
            for value, phase in zip(values, expected, strict=True):
                damaged = draw(st.integers(0, 30)) == 0
                cells.append(draw(st.sampled_from(JUNK)) if damaged else draw(st.sampled_from(STYLES))(value))
                sound = sound and not damaged
                expected[phase] += value * 1_000
            total += sum(values)
            rows.append(f"{start},会計{account},{','.join(cells)},,{draw(st.sampled_from(['', '内数', '改行']))}")
        if draw(st.booleans()):
            wrong = draw(st.integers(0, 20)) == 0
            rows.insert(draw(st.integers(1, len(rows))), f"{start},,,,{draw(st.sampled_from(STYLES))(total + wrong)},")
            sound = sound and not wrong
    if draw(st.integers(0, 10)) == 0:
        rows.append(draw(st.sampled_from(rows[1:])))
        sound = False
    ending, mark = draw(st.sampled_from([("\n", ""), ("\r\n", "\ufeff")]))
    return (mark + ending.join(rows) + ending).encode(), expected, sound


@given(tables())
def test_any_table_is_read_exactly_or_refused_with_its_row(made: tuple[bytes, dict[str, int], bool]) -> None:
    data, expected, sound = made
    errors = told(data)
    if sound:
        found = imported(data)
        assert errors == []
        assert {phase: sums(found).get((2024, phase), 0) for phase in expected} == expected
        assert found.rows == found.read + found.totals
    else:
        assert errors
    lines = data.count(b"\n")
    for error in errors:
        match = re.match(r"list\.csv:(\d+): .+: .+|list\.csv:(\d+): .+\. .+", error, re.DOTALL)
        assert match, error
        assert 1 <= int(match[1] or match[2]) <= lines


Damage = list[tuple[int, int, bytes]]
DAMAGE = st.lists(
    st.tuples(
        st.integers(0, len(table(*ROWS))),
        st.integers(0, 6),
        st.binary(max_size=4) | st.sampled_from([b"", b",", b'"', b"\n", b"0", "△".encode(), "計".encode()]),
    ),
    min_size=1,
    max_size=4,
)


def damaged(damage: Damage) -> bytes:
    data = same()
    for at, length, put in damage:
        data = data[:at] + put + data[at + length :]
    return data


@given(DAMAGE)
def test_any_damage_is_told_with_its_row_or_leaves_rows_that_can_be_read(damage: Damage) -> None:
    data = damaged(damage)
    assert all(re.match(r"list\.csv:\d+: ", error) for error in told(data))
    try:
        found = imported(data)
    except InvalidSeed:
        return
    assert found.rows == found.read + found.totals + len(found.refused)


@settings(max_examples=12)
@given(damage=DAMAGE, skip=st.booleans())
def test_what_is_written_can_be_built_and_is_all_or_nothing(damage: Damage, skip: bool) -> None:
    with TemporaryDirectory() as folder:
        seed = Path(folder) / "seed"
        shutil.copytree(ALONE, seed)
        (seed / "vocabularies").mkdir()
        before = left(seed)
        result = run(seed, MAPPING, damaged(damage), *(["--skip-refused"] if skip else []))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        if result.exit_code:
            assert left(seed) == before
        else:
            assert left(seed) == sorted([*before, "list"])
            check(seed)
