"""Seeds that are no honest mistake: each ends in a fault with its file and line, in bounded time and memory."""

import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli import main
from app.seeding.build import check
from app.seeding.entries.sources import OrganizationEntry
from app.seeding.errors import InvalidSeed, SeedError
from app.seeding.reading import read_kind, seed_digest
from app.seeding.yaml_with_lines import MAX_TEXT
from app.settings import PROJECT
from tests.conftest import ALONE

FOLDER = "green-20270115"
MAX_LINE = 1 << 18  # bytes, in place of the limit in use, which is sixteen times as large

LAUGHS = "- id: &a0 lol\n" + "".join(f"- id: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))


def put(text: str | bytes, name: str) -> Callable[[Path], None]:
    """Writes a file of the document's."""

    def write(seed: Path) -> None:
        (seed / FOLDER / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def instead(make: Callable[[Path], object], name: str = "pillars.yaml") -> Callable[[Path], None]:
    """Puts something else in the place of a file."""

    def replace(seed: Path) -> None:
        path = seed / FOLDER / name
        path.unlink()
        make(path)

    return replace


def amount(value: str) -> Callable[[Path], None]:
    """Writes a number and a text of an amount that agree."""

    def write(seed: Path) -> None:
        path = seed / FOLDER / "budget-lines.yaml"
        written = f"value: {value}\n    unit: 兆円\n    text: {value}兆円\n"
        path.write_text(re.sub(r"value: .*\n *unit: .*\n *text: .*\n", written, path.read_text(), count=1))

    return write


def named(name: str) -> Callable[[Path], object]:
    """Gives the document's folder another name."""
    return lambda seed: (seed / FOLDER).rename(seed / name)


def setting(file: str, field: str, value: str) -> Callable[[Path], None]:
    """Sets a field of a file."""

    def write(seed: Path) -> None:
        path = seed / file
        path.write_text(re.sub(rf"(?m)^( *){field}: .*$", rf"\g<1>{field}: {value}", path.read_text(), count=1))

    return write


DOCUMENTS = f"{FOLDER}/documents.yaml"
LINE_OF_AMOUNT = r"budget-lines\.yaml:\d+: "
PILLARS = r"pillars\.yaml:1: "
LINES = r"pillars\.ndjson:1: "

# By what is odd: how it is made, and what the fault says.
ODD: dict[str, tuple[Callable[[Path], object], str]] = {
    "aliases that stand for aliases": (put(LAUGHS, "pillars.yaml"), r"pillars\.yaml:\d: aliases stand for more than"),
    "an alias of itself": (put("- &a [*a]\n", "pillars.yaml"), f"{PILLARS}`\\*a` stands for nothing"),
    "an alias as a key": (put("- &a b: 1\n  *a : 2\n", "pillars.yaml"), r"pillars\.yaml:2: a key is a word"),
    "an alias of nothing": (put("- *a\n", "pillars.yaml"), f"{PILLARS}`\\*a` stands for nothing"),
    "deep YAML": (put("[" * 100_000, "pillars.yaml"), f"{PILLARS}(exceeded maximum nesting|this is nested more)"),
    "YAML that is deep": (
        put("[" * 60 + "]" * 60, "pillars.yaml"),
        f"{PILLARS}this is nested more than",
    ),
    "deep YAML in blocks": (
        put("".join(f"{' ' * n}-\n" for n in range(500)), "pillars.yaml"),
        r"\.yaml:52: this is nested",
    ),
    "a gigantic scalar": (put(f"- id: {'x' * (MAX_TEXT + 1)}\n", "pillars.yaml"), f"{PILLARS}this text has more than"),
    "a gigantic key": (put(f"- {'x' * 3_000_000}: 1\n", "pillars.yaml"), PILLARS),
    "two documents": (put("- id: x\n---\n- id: y\n", "pillars.yaml"), r"pillars\.yaml:2: another document begins"),
    "a list as a key": (put("- ? [a]\n  : b\n", "pillars.yaml"), f"{PILLARS}a key is a word"),
    "a python object": (put("- !!python/object/apply:os.system ['true']\n", "pillars.yaml"), PILLARS),
    "deep NDJSON": (put("[" * 100_000 + "\n", "pillars.ndjson"), f"{LINES}.*write one JSON object"),
    "NDJSON that is deep and ends": (put("[" * 900 + "]" * 900 + "\n", "pillars.ndjson"), LINES),
    "deep NDJSON of objects": (put('{"a":' * 5_000 + "1" + "}" * 5_000 + "\n", "pillars.ndjson"), LINES),
    "half a character": (put('{"id": "\\ud800"}\n', "pillars.ndjson"), LINES),
    "a number of many digits": (put('{"id": ' + "9" * 10_000 + "}\n", "pillars.ndjson"), LINES),
    "a line below a gigantic one": (
        put('{"id": "' + "x" * 3 * MAX_LINE + '"}\n{"id": 5}\n', "pillars.ndjson"),
        "pillars.ndjson:2",
    ),
    "a gigantic line": (put('{"id": "' + "x" * 3 * MAX_LINE + '"}\n', "pillars.ndjson"), f"{LINES}the line has"),
    "a folder named like a file": (instead(Path.mkdir), f"{PILLARS}this is a folder"),
    "a folder named like a transcript": (instead(Path.mkdir, "transcript.md"), r"transcript\.md:1: this is a folder"),
    "a folder named like the dataset": (
        lambda seed: (seed / "dataset.yaml").rename(seed / ".kept").with_name("dataset.yaml").mkdir(),
        r"dataset\.yaml:1: this is a folder",
    ),
    "a pipe": (instead(os.mkfifo), f"{PILLARS}this is no regular file"),
    "a link to the system": (instead(lambda path: path.symlink_to("/etc/passwd")), f"{PILLARS}.*leads out"),
    "a link to an endless file": (instead(lambda path: path.symlink_to("/dev/zero")), f"{PILLARS}.*leads out"),
    "a link to nothing": (instead(lambda path: path.symlink_to("nowhere")), f"{PILLARS}this cannot be read"),
    "a link to itself": (instead(lambda path: path.symlink_to("pillars.yaml")), f"{PILLARS}this cannot be read"),
    "a link to a folder above": (lambda seed: (seed / "more").symlink_to(seed.parent), r"more:1: .*leads out"),
    "a link to a folder": (
        lambda seed: (seed / FOLDER).rename(seed / ".kept").with_name(FOLDER).symlink_to(".kept"),
        f"{FOLDER}:1: this is a link to a folder: put the folder in its place",
    ),
    "a link to the folder of releases": (
        lambda seed: (seed / "releases").symlink_to(FOLDER),
        "releases:1: this is a link to a folder",
    ),
    "a folder named like a release": (
        lambda seed: (seed / "releases" / "1.1.0.ndjson.gz").mkdir(parents=True),
        r"releases/1\.1\.0\.ndjson\.gz:1: this is a folder",
    ),
    "a name with a line break": (put("", "x\nERROR: forged.yaml"), r"x\\nERROR: forged\.yaml:1: "),
    "a name that is no UTF-8": (
        lambda seed: Path(os.fsdecode(os.fsencode(seed) + b"/\xff.yaml")).write_text(""),
        r"\\udcff\.yaml:1: ",
    ),
    "bytes": (put(bytes(range(256)), "pillars.yaml"), r"pillars\.yaml:2: this is not UTF-8"),
    "an amount of a billion decimals": (amount("1e-999999999"), rf"{LINE_OF_AMOUNT}`amount.value`: .*no more than 22"),
    "an amount of ten million digits": (amount("1e9999999"), rf"{LINE_OF_AMOUNT}`amount.value`: .*no more than 22"),
    "an amount of 30 digits": (amount("9" * 30), rf"{LINE_OF_AMOUNT}`amount.value`: .*no more than 22"),
    "an amount beyond all budgets": (amount("9" * 18), rf"{LINE_OF_AMOUNT}9{{18}}兆円 is more than any budget"),
    "a NUL that YAML escapes": (put('- id: "a\\u0000b"\n', "pillars.yaml"), rf"{PILLARS}.*\(U\+0000\): remove it"),
    "a lone surrogate that YAML escapes": (put('- id: "\\ud800"\n', "pillars.yaml"), PILLARS),
    "a control character in a key": (put('- "i\\x01d": a\n', "pillars.yaml"), rf"{PILLARS}.*\(U\+0001\): remove it"),
    "no character in YAML": (put('- id: "\\uffff"\n', "pillars.yaml"), rf"{PILLARS}.*\(U\+FFFF\): remove it"),
    "a NUL that JSON escapes": (put(r'{"id": "a\\\u0000b"}', "pillars.ndjson"), f"{LINES}.*a control character"),
    "a carriage return in JSON": (put(r'{"id": "a\rb"}', "pillars.ndjson"), f"{LINES}.*a control character"),
    "a control character of Latin 1 in JSON": (put('{"id": "\x85"}', "pillars.ndjson"), f"{LINES}.*a control char"),
    "no character in JSON": (put('{"id": "\ufffe"}', "pillars.ndjson"), f"{LINES}.*a control character"),
    "a control character in a key given twice": (
        put(r'{"id": "a\"", "\u0001": 1}', "pillars.ndjson"),
        f"{LINES}.*a control character",
    ),
    "a form feed in a transcript": (put("一\n\f二\n", "transcript.md"), r"transcript\.md:2: .*\(U\+000C\): remove it"),
    "a folder that is no id": (named("Green-20270115"), r"transcript\.md:1: its folder `Green-20270115` is no id"),
    "a folder with a blank": (named("green 20270115"), r"transcript\.md:1: its folder `green 20270115` is no id"),
    "a folder with a line break": (named("a\nb"), r"transcript\.md:1: its folder `a\\nb` is no id"),
    "a folder of too long a name": (named("a" * 201), r"transcript\.md:1: its folder `a+` is no id"),
    "a release before zip": (
        setting("dataset.yaml", "released", "1979-12-31"),
        r"dataset\.yaml:\d+: .*from 1980-01-01",
    ),
    "a release after zip": (setting("dataset.yaml", "released", "2108-01-01"), r"dataset\.yaml:\d+: .*to 2100-12-31"),
    "a release at a Unix time": (setting("dataset.yaml", "released", "86400"), r"dataset\.yaml:\d+: .*no ISO date"),
    "a document before the eras": (
        setting(DOCUMENTS, "issued", "0026-11-29"),
        r"documents\.yaml:\d+: .*from 1926-12-25",
    ),
    "a document at a Unix time": (setting(DOCUMENTS, "issued", "0"), r"documents\.yaml:\d+: .*no ISO date"),
    "a plan before the eras": (
        put("- id: x\n  decided: 1867-01-01\n", "strategies.yaml"),
        r"strategies\.yaml:\d+: .*from 1926-12-25",
    ),
    "a plan of a year beyond all": (
        put("- id: x\n  period: {from: 2020, to: 99999}\n", "strategies.yaml"),
        r"strategies\.yaml:\d+: `period\.to`: .*less than or equal to 2200",
    ),
    "a version of many digits": (
        setting("dataset.yaml", "version", f"1.0.{'1' * 5_000}"),
        r"dataset\.yaml:\d+: `version`: ",
    ),
    "a NUL": (put("- id: a\0b\n", "pillars.yaml"), f"{PILLARS}a character"),
}


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    return shutil.copytree(ALONE, tmp_path / "seed")


@pytest.mark.parametrize("what", ODD)
def test_an_odd_seed_is_a_fault_with_its_line(what: str, seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.reading.MAX_LINE", MAX_LINE)
    make, told = ODD[what]
    make(seed)
    began = time.monotonic()
    result = CliRunner().invoke(main, ["check", "--seed", str(seed)])
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert re.search(f"^seed/.*{told}", result.output, re.MULTILINE), result.output[:2_000]
    assert time.monotonic() - began < 30


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


@pytest.mark.slow
def test_odd_seeds_take_no_more_memory_than_others(seed: Path) -> None:
    for number, what in enumerate(("aliases that stand for aliases", "deep YAML", "deep NDJSON", "a gigantic line")):
        ODD[what][0](seed)
        (seed / f"document-{number}").mkdir()
        for name in ("pillars.yaml", "pillars.ndjson"):
            if (seed / FOLDER / name).exists():
                (seed / FOLDER / name).rename(seed / f"document-{number}" / name)
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "check", "--seed", str(seed)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=limited,
    )
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) >= 4


def test_files_that_may_not_be_read_or_are_too_large_are_told(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.reading.MAX_FILE", 10)
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    assert any("this has more than 10 bytes" in error.message for error in caught.value.errors)
    monkeypatch.setattr("app.seeding.reading.os.access", lambda *_: False)
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    assert all("may not be read" in error.message or "no such" in error.message for error in caught.value.errors)
    with pytest.raises(InvalidSeed):
        read_kind(seed, OrganizationEntry)


def test_a_gigantic_line_is_told_where_an_import_reads_organizations(
    seed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.reading.MAX_LINE", 100)
    (seed / FOLDER / "organizations.ndjson").write_text('{"id": "' + "x" * 200 + '"}\n')
    with pytest.raises(InvalidSeed, match="the line has 100 bytes or more"):
        read_kind(seed, OrganizationEntry)


def test_lines_are_counted_right_after_a_gigantic_one(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.reading.MAX_LINE", 100)
    monkeypatch.setattr("app.seeding.reading.CHUNK", 10)  # each line is read on its own
    (seed / FOLDER / "organizations.ndjson").write_text('{"id": "' + "x" * 200 + '"}\n[]\n')
    with pytest.raises(InvalidSeed) as caught:
        read_kind(seed, OrganizationEntry)
    assert max(error.line for error in caught.value.errors) == 2


def test_a_link_within_the_seed_is_followed_and_a_folder_may_have_any_name(seed: Path) -> None:
    (seed / FOLDER / "pillars.yaml").rename(seed / FOLDER / ".kept")
    (seed / FOLDER / "pillars.yaml").symlink_to(".kept")
    (seed / "more").mkdir()
    assert check(seed).count == check(ALONE).count


def test_a_backslash_before_a_letter_is_no_control_character(seed: Path) -> None:
    path = seed / FOLDER / "pillars.ndjson"
    path.write_bytes(b'{"id": "a", "symbol": "\\\\u\\\\\\\\b\\n\\t\\r\\n"}\n')
    with pytest.raises(InvalidSeed) as caught:
        check(seed)
    assert not any("control character" in error.message for error in caught.value.errors)


def test_the_digest_of_a_seed_is_of_names_and_contents(seed: Path) -> None:
    before = seed_digest(seed)
    assert before == seed_digest(ALONE)
    file = seed / FOLDER / "notes.yaml"
    text = file.read_text()
    file.write_text(text + "\n")
    assert seed_digest(seed) != before
    file.write_text(text)
    assert seed_digest(seed) == before
    file.rename(file.with_name("measures.ndjson"))
    assert seed_digest(seed) != before


FILES = [path.relative_to(ALONE) for path in sorted(ALONE.rglob("*")) if path.is_file()]
PIECES = [b"", b"\0", b"\n", b"- ", b": ", b"[", b"{", b"*a", b"&a", b"!!x ", b"\xff", b"'", b'"', b"|", b"\t", b"# ",
          b"---\n", b"...", b"%", b"? ", b"<<: ", b"\r", "\u2028".encode(), b"~", b"1e999"]  # fmt: skip


@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(PIECES)), max_size=3),
)
def test_a_mutated_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: Path, changes: list[tuple[float, int, bytes]]
) -> None:
    seed = tmp_path_factory.mktemp("mutated") / "seed"
    shutil.copytree(ALONE, seed)
    data = (seed / name).read_bytes()
    for place, cut, piece in changes:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + cut :]
    (seed / name).write_bytes(data)
    with suppress(InvalidSeed):
        check(seed)
    shutil.rmtree(seed.parent)


def test_an_error_is_one_line_whatever_it_quotes() -> None:
    assert str(SeedError("seed/a\nb", 1, "x\r\x1b[31m　\u202e")) == "seed/a\\nb:1: x\\r\\x1b[31m　\\u202e"


def test_a_failing_disk_ends_a_check_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere")
    monkeypatch.setattr(
        "app.seeding.build.mkdtemp", lambda **_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    result = CliRunner().invoke(main, ["check", "--seed", str(ALONE)])
    assert (result.exit_code, result.output) == (1, "Error: No space left on device\n")
