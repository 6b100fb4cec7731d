"""Releases: files that keep each version's records, the rule of versions, records as they were and as they went."""

import gzip
import re
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from app.cli import main
from app.resources.facts import FACTS
from app.seeding.build import build, check
from app.seeding.errors import InvalidSeed
from app.seeding.releases import ENDING, Release, read_releases, summary_of, write_release
from app.settings import SEED, Settings
from tests.conftest import Client, answer, built, serving, walk
from tests.releasing import release, released, set_version, write_seed, write_stages

ONE = {"seed-stage": ("Seed stage", 1), "growth-stage": ("Growth stage", 2)}
TWO = {**ONE, "growth-stage": ("Growth", 2), "late-stage": ("Late stage", 3)}
THREE = {"seed-stage": ("Seed stage", 1), "late-stage": ("Late stage", 3)}
WITHDRAWN = """\
- type: stages
  id: growth-stage
  replaced_by: late-stage
  reason: {ja: 統合した。, en: It was merged.}
"""
BUDGET_LINE = "budget-lines/research-infrastructure-ai-fy2025-supplementary"
# The SHA-256 of what 1.0.0 answered.
KEPT = {
    BUDGET_LINE: "6b07e7837e1fe1487222d778173204b589671310691000b1515070c910cf20ab",
    "measures/biosimilar-uptake": "e367ea7bcd692690d5c34db9da609b064b947e8e18ba913abb9bb56326608afe",
    "pillars/fy2025-supplementary-drug-discovery-3": "3ecbd23743c494ea8adcb15092d5a6d3210d2102e92ad0144203694fd894e3fa",
}


def file_of(seed: Path, version: str) -> Path:
    return seed / "releases" / f"{version}{ENDING}"


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seed whose version 1.0.0 was released, and whose records are those."""
    folder = tmp_path_factory.mktemp("one") / "seed"
    write_seed(folder, ONE)
    released(folder, "1.0.0", ONE)
    return folder


@pytest.fixture(scope="module")
def two(one: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after version 1.1.0, in which a stage was renamed and another added."""
    folder = shutil.copytree(one, tmp_path_factory.mktemp("two") / "seed")
    released(folder, "1.1.0", TWO, "2027-02-01")
    return folder


@pytest.fixture
def seed(one: Path, tmp_path: Path) -> Path:
    """A copy of the seed of one version."""
    return shutil.copytree(one, tmp_path / "seed")


@pytest.fixture(scope="module")
def history(two: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seed of three versions, two of them released: at last a stage is withdrawn."""
    folder = shutil.copytree(two, tmp_path_factory.mktemp("history") / "seed")
    set_version(folder, "2.0.0", "2027-03-01")
    write_stages(folder, THREE)
    (folder / "withdrawn.yaml").write_text(WITHDRAWN)
    return folder


@pytest.fixture(scope="module")
def served(history: Path) -> Iterator[Client]:
    with serving(built(history, history.parent / "shisaku.sqlite")) as client:
        yield client


def error_of(seed: Path) -> str:
    with pytest.raises(InvalidSeed) as raised:
        check(seed)
    return str(raised.value)


# --- files


def test_a_file_is_canonical_and_the_same_whenever_it_is_written(seed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    write_seed(other, dict(reversed(ONE.items())))  # the order of the seed is not that of the file
    released(other, "1.0.0", dict(reversed(ONE.items())))
    path = file_of(seed, "1.0.0")
    assert path.read_bytes() == file_of(other, "1.0.0").read_bytes()
    head, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    header, records = orjson.loads(head), [orjson.loads(line) for line in lines]
    assert (header["format"], header["version"], header["previous"]) == (1, "1.0.0", None)
    assert header["digest"] == sha256(b"".join(lines)).hexdigest()
    places = [(each["type"], each["record"]["id"]) for each in records]
    assert places == sorted(places)
    assert header["counts"] == {type_: [each for each, _ in places].count(type_) for type_, _ in places}
    checked = check(seed)
    texts = {resource.name: [*checked.rendered.records(resource)] for resource in FACTS}
    for line, (type_, _) in zip(lines, places, strict=True):
        assert line.removeprefix(b'{"type":"%b","record":' % type_.encode()).removesuffix(b"}\n") in texts[type_]


def test_a_release_stands_as_long_as_its_records_are_the_same(seed: Path) -> None:
    before = file_of(seed, "1.0.0").read_bytes()
    assert "this stands already" in release(seed).output
    write_stages(seed, TWO)
    result = release(seed)
    assert result.exit_code == 1
    assert "seed/dataset.yaml:1: 1.0.0 was released with other content: raise `version`" in result.output
    assert file_of(seed, "1.0.0").read_bytes() == before
    assert CliRunner().invoke(main, ["check", "--seed", str(seed)]).exit_code == 1


def test_a_release_never_replaces_a_file(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(seed, "1.0.0")
    before = path.read_bytes()
    write_stages(seed, TWO)
    monkeypatch.setattr("app.seeding.reading.read_releases", lambda *_: ([], []))
    result = release(seed)
    assert result.exit_code == 1
    assert "1.0.0.ndjson.gz is there already, and is another release: move it away" in result.output
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("stages", "too_low", "least"),
    [
        (ONE | {"seed-stage": ("Seeds", 1)}, None, "1.0.1"),
        (TWO, "1.0.1", "1.1.0"),
        ({"seed-stage": ("Seed stage", 1)}, "1.1.0", "2.0.0"),
        ({"seed-stage": ("Seed stage", 1), "growth": ("Growth stage", 2)}, "1.9.9", "2.0.0"),
    ],
    ids=["corrected", "added", "withdrawn", "renamed"],
)
def test_the_version_follows_the_rule(seed: Path, stages: Any, too_low: str | None, least: str) -> None:
    write_stages(seed, stages)
    if too_low:
        set_version(seed, too_low)
        assert f"Raise `version` in dataset.yaml to at least {least}." in release(seed).output
        assert not file_of(seed, too_low).exists()
    set_version(seed, least)
    assert release(seed).exit_code == 0
    assert file_of(seed, least).exists()


def _as(seed: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Writes a release file anew with every record changed, as if code of another time had made it."""
    path = file_of(seed, "1.0.0")
    head, *lines = gzip.decompress(path.read_bytes()).splitlines()
    header, changed = orjson.loads(head), b""
    for line in lines:
        found = orjson.loads(line)
        if found["type"] == "stages":
            change(found["record"])
        changed += orjson.dumps(found) + b"\n"
    header["digest"] = sha256(changed).hexdigest()
    path.write_bytes(gzip.compress(orjson.dumps(header) + b"\n" + changed))


@pytest.mark.parametrize(
    ("change", "least", "why"),
    [
        (lambda record: record.pop("track"), "1.1.0", "the field `track` of stages was added"),
        (lambda record: record.update(colour="red"), "2.0.0", "the field `colour` of stages is gone"),
        (lambda record: record.update(order="1"), "2.0.0", "the field `order` of stages is gone, or of another type"),
        (lambda record: record["name"].update(en="Else"), "1.0.1", "of stages was corrected"),
        (lambda record: record.update(track=None), "1.0.1", "of stages was corrected"),  # null may become anything
    ],
    ids=["field added", "field gone", "another type", "corrected", "null"],
)
def test_the_rule_looks_at_fields(seed: Path, change: Callable[[dict[str, Any]], None], least: str, why: str) -> None:
    _as(seed, change)
    assert "was released with other content" in release(seed).output
    lower = {"2.0.0": "1.1.0", "1.1.0": "1.0.1", "1.0.1": None}[least]
    if lower:
        set_version(seed, lower)
        told = release(seed).output
        assert why in told
        assert f"at least {least}" in told
    set_version(seed, least)
    assert release(seed).exit_code == 0


# --- bad files


def _edit(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"Seed stage", b"Last stage")))


def _header(**changed: Any) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        head, rest = gzip.decompress(path.read_bytes()).split(b"\n", 1)
        path.write_bytes(gzip.compress(orjson.dumps({**orjson.loads(head), **changed}) + b"\n" + rest))

    return change


def _lines(edit: Callable[[list[bytes]], list[bytes]]) -> Callable[[Path], None]:
    """Edits the lines of the records, and makes the header fit them."""

    def change(path: Path) -> None:
        head, *lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
        text = b"".join(edit(lines))
        header = {**orjson.loads(head), "digest": sha256(text).hexdigest()}
        path.write_bytes(gzip.compress(orjson.dumps(header) + b"\n" + text))

    return change


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut": (
        lambda path: path.write_bytes(path.read_bytes()[:-200]),
        r"1\.1\.0\.\S+:1: the file is cut, or no gzip file",
    ),
    "not compressed": (lambda path: path.write_bytes(b"{}\n"), r"no gzip file .*: restore the file"),
    "edited": (_edit, r"the records are not those that were released .*: restore the file"),
    "fewer lines": (_header(counts={"stages": 1}), r"the records are not those that were released"),
    "another schema": (
        _header(format=2),
        r"no header of format 1 \(format: .*\): restore the file, or update the code",
    ),
    "no header": (lambda path: path.write_bytes(gzip.compress(b"[]\n")), r"no header of format 1"),
    "no record": (_lines(lambda lines: [b'{"type":"stages"}\n', *lines[1:]]), r"line 2 is no record"),
    "a record of no form": (
        _lines(lambda lines: [re.sub(rb'"name":\{', b'"name":{"x":1,', lines[0], count=1), *lines[1:]]),
        r"line 2 is no record",
    ),
    "another key beside the record": (
        _lines(lambda lines: [lines[0].removesuffix(b"}\n") + b',"x":{}}\n', *lines[1:]]),
        r"line 2 is no record",
    ),
    "not a number": (
        _lines(lambda lines: [re.sub(rb'"name":', b'"x":NaN,"name":', lines[0], count=1), *lines[1:]]),
        r"line 2 is no record",
    ),
    "infinity": (
        _lines(lambda lines: [re.sub(rb'"name":', b'"x":-Infinity,"name":', lines[0], count=1), *lines[1:]]),
        r"line 2 is no record",
    ),
    "records of no resource": (
        _lines(lambda lines: [lines[0].replace(b'"type":"', b'"type":"a', 1), *lines[1:]]),
        r"line 2 is of `a[a-z-]+`, which is no resource: restore the file",
    ),
    "a day of no era": (_header(released="0001-01-01"), r"no header of format 1 \(released: .*from 1980-01-01"),
    "another order": (_lines(lambda lines: lines[::-1]), r"line \d+ is not in order"),
    "two of one version": (
        lambda path: path.with_name(f"1.2.0{ENDING}").write_bytes(path.read_bytes()),
        r"1\.2\.0\.\S+:1: the file holds version 1\.1\.0: keep one file of it",
    ),
    "a gap": (
        lambda path: file_of(path.parents[1], "1.0.0").unlink(),
        r"1\.1\.0\.\S+:1: it follows 1\.0\.0, which is not here",
    ),
    "a gap in between": (_header(previous="1.0.5"), r"it follows 1\.0\.5, which is not here: restore 1\.0\.5"),
    "two that follow none": (_header(previous=None), r"it follows no version, as another does, not 1\.0\.0"),
    "an earlier day": (_header(released="2026-01-01"), r"it was released before 1\.0\.0, which it follows"),
    "another file": (lambda path: path.with_name("notes.txt").write_text("x"), r"notes\.txt is no seed file"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_what_mends_it(name: str, two: Path, tmp_path: Path) -> None:
    seed = shutil.copytree(two, tmp_path / "seed")
    break_it, message = BAD[name]
    break_it(file_of(seed, "1.1.0"))
    result = CliRunner().invoke(main, ["check", "--seed", str(seed)])
    assert result.exit_code == 1
    assert re.search(message, result.output)
    assert "nothing was written" in result.output


def test_a_release_that_is_edited_between_check_and_build_changes_nothing(seed: Path, tmp_path: Path) -> None:
    set_version(seed, "1.1.0", "2027-02-01")
    write_stages(seed, TWO)
    checked = check(seed)
    path = file_of(seed, "1.0.0")
    path.write_bytes(path.read_bytes()[:-200])
    build(checked, tmp_path / "shisaku.sqlite")
    with serving(Settings(database=tmp_path / "shisaku.sqlite")) as client:
        assert answer(client, "/v1/stages/growth-stage?version=1.0.0")["name"]["en"] == "Growth stage"


def test_a_record_that_no_release_could_hold_is_told(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.seeding.history.MAX_RECORD", 100)
    told = "seed/dataset.yaml:1: the record `seed-stage` of stages has more than 100 bytes: shorten"
    assert told in error_of(seed)


def test_a_seed_is_not_older_than_what_was_released(seed: Path) -> None:
    set_version(seed, "0.9.0")
    assert "1.0.0 was released, and 0.9.0 is not above it: raise `version`" in error_of(seed)
    set_version(seed, "1.0.1", "2027-01-19")
    assert "1.0.0 was released on 2027-01-20: let `released` of 1.0.1 not be before it" in error_of(seed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: growth-stage", "id: seed-stage", r"withdrawn\.yaml:1: `seed-stage` of stages is still there"),
        ("id: growth-stage", "id: no-stage", r"withdrawn\.yaml:1: `no-stage` of stages was never released"),
        ("replaced_by: late-stage", "replaced_by: next", r"withdrawn\.yaml:1: `next` is no id of stages"),
        ("type: stages", "type: stage", r"withdrawn\.yaml:1: `0\.type`"),
        ("- type", "type", r"withdrawn\.yaml:\d: "),
    ],
)
def test_what_was_withdrawn_was_there_and_is_not(seed: Path, old: str, new: str, message: str) -> None:
    set_version(seed, "2.0.0")
    write_stages(seed, THREE)
    (seed / "withdrawn.yaml").write_text(WITHDRAWN.replace(old, new))
    assert re.search(message, error_of(seed))


# --- records as they were


def test_the_first_version_is_answered_as_it_was(whole: Client, tmp_path: Path) -> None:
    (release_, *_), errors = read_releases([(file_of(SEED, "1.0.0"), "1.0.0")], tmp_path)
    assert not errors
    assert release_.header.digest == "3377b8f719519b990308d62f0ef384d4da227564f9db54f68c0b44d9a11dcaaa"
    for type_, id_, record in release_.records():
        found = whole.get(f"/v1/{type_}/{id_}?version=1.0.0")
        assert found.content == record
        if f"{type_}/{id_}" in KEPT:
            assert sha256(found.content).hexdigest() == KEPT[f"{type_}/{id_}"]


def test_a_record_is_answered_as_a_version_has_it(served: Client) -> None:
    names = [
        answer(served, f"/v1/stages/growth-stage?version={version}")["name"]["en"] for version in ("1.0.0", "1.1.0")
    ]
    assert names == ["Growth stage", "Growth"]
    chosen = answer(served, "/v1/stages/growth-stage?version=1.0.0&fields=id,name.en")
    assert chosen == {"id": "growth-stage", "name": {"en": "Growth stage"}}
    same = served.get("/v1/stages/seed-stage").content
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        assert served.get(f"/v1/stages/seed-stage?version={version}").content == same
    early = answer(served, "/v1/stages/late-stage?version=1.0.0", 404)
    assert "Version 1.0.0 has no stage of this id: it came with version 1.1.0." in early["detail"]
    assert answer(served, "/v1/stages/late-stage?version=1.1.0")["order"] == 3
    assert "There is no stage of this id" in answer(served, "/v1/stages/none-such?version=1.0.0", 404)["detail"]
    unknown = answer(served, "/v1/stages/seed-stage?version=1.2.0", 422)["errors"][0]
    assert unknown["allowed"] == ["2.0.0", "1.1.0", "1.0.0"]


def test_what_came_with_a_later_version_says_so(whole: Client) -> None:
    told = answer(whole, "/v1/documents/rs2024-health-strategy?version=1.0.0", 404)
    assert "it came with version 1.3.0" in told["detail"]
    newest = walk(whole, "/v1/changes", since="1.0.0", action="added", limit=500)[0]
    told = answer(whole, f"/v1/{newest['type']}/{newest['record']}?version=1.0.0", 404)
    assert f"it came with version {newest['version']['id']}" in told["detail"]


@pytest.mark.parametrize("path", ["", "?version=2.0.0", "/citation.bib"])
def test_a_withdrawn_record_says_what_replaced_it(served: Client, path: str) -> None:
    gone = served.get(f"/v1/stages/growth-stage{path}")
    assert gone.status_code == 410
    assert '</v1/stages/late-stage>; rel="successor-version"' in gone.headers["Link"]
    detail = gone.json()["detail"]
    assert "This stage was withdrawn. It was merged." in detail
    assert "`/v1/stages/late-stage` stands for it now." in detail
    page = served.get("/stages/growth-stage?lang=ja")
    assert page.status_code == 410
    assert "取り下げた記録" in page.text


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        pytest.param("[]\n", "This stage was withdrawn. Earlier versions have it", marks=pytest.mark.slow),
        (WITHDRAWN.replace("  replaced_by: late-stage\n", ""), "This stage was withdrawn. It was merged. Earlier"),
    ],
    ids=["without an entry", "without a successor"],
)
def test_a_record_that_nothing_replaced_is_gone_too(history: Path, entry: str, told: str, tmp_path: Path) -> None:
    shutil.copytree(history, tmp_path / "seed")
    (tmp_path / "seed" / "withdrawn.yaml").write_text(entry)
    with serving(built(tmp_path / "seed", tmp_path / "shisaku.sqlite")) as client:
        gone = client.get("/v1/stages/growth-stage")
    assert gone.status_code == 410
    assert "successor-version" not in gone.headers["Link"]
    assert gone.json()["detail"].startswith(told)


def test_a_record_in_other_bytes_is_no_change(seed: Path, tmp_path: Path) -> None:
    path = file_of(seed, "1.0.0")
    (release_,), _ = read_releases([(path, path.name)], tmp_path)
    turned = [
        each._replace(record=orjson.dumps({"id": each.id, **dict(reversed(orjson.loads(each.record).items()))}))
        for each in release_.records()
    ]
    header = release_.header.model_copy(update={"digest": summary_of(turned)[1]})
    path.unlink()
    write_release(path, Release(header, lambda: iter(turned)))
    set_version(seed, "1.1.0", "2027-02-01")
    write_stages(seed, TWO)
    with serving(built(seed, tmp_path / "shisaku.sqlite")) as client:
        rows = walk(client, "/v1/changes?since=1.0.0")
    assert {row["record"] for row in rows} == {"growth-stage", "late-stage"}


@pytest.mark.slow
def test_a_record_that_came_back_is_as_each_version_has_it(seed: Path, tmp_path: Path) -> None:
    for version, stages in (("2.0.0", THREE), ("2.1.0", TWO), ("2.1.1", ONE)):
        set_version(seed, version)
        write_stages(seed, stages)
        if version != "2.1.1":
            assert release(seed).exit_code == 0
    with serving(built(seed, tmp_path / "shisaku.sqlite")) as client:
        found = [client.get(f"/v1/stages/growth-stage?version={each}") for each in ("1.0.0", "2.0.0", "2.1.0", "2.1.1")]
        page = client.get("/stages/growth-stage?version=2.0.0&lang=en")
        now = client.get("/v1/stages/growth-stage")
    assert [each.status_code for each in found] == [200, 410, 200, 200]
    assert [found[number].json()["name"]["en"] for number in (0, 2, 3)] == ["Growth stage", "Growth", "Growth stage"]
    assert found[3].content == now.content
    assert page.status_code == 410


def test_one_record_is_withdrawn_once(history: Path, tmp_path: Path) -> None:
    shutil.copytree(history, tmp_path / "seed")
    (tmp_path / "seed" / "withdrawn.yaml").write_text(WITHDRAWN * 2)
    assert "`growth-stage` of stages is given twice: keep one entry" in error_of(tmp_path / "seed")


@pytest.mark.parametrize(
    "path", ["/v1/stages", "/v1/search?q=stage", "/v1/budget-summary", "/v1/crosswalk", "/v1/exports/stages.csv"]
)
def test_lists_are_answered_as_of_the_newest_version(served: Client, path: str) -> None:
    join = "&" if "?" in path else "?"
    if path == "/v1/budget-summary":
        path, join = f"{path}?group_by=ministry", "&"
    assert served.get(f"{path}{join}version=2.0.0").status_code == 200
    refused = answer(served, f"{path}{join}version=1.0.0", 422)["errors"][0]
    assert (refused["allowed"], refused["did_you_mean"]) == (["2.0.0"], "2.0.0")
    assert "the list of changes with `since`" in refused["message"]


def test_versions_tell_what_each_has(served: Client, history: Path) -> None:
    newest, second, first = walk(served, "/v1/versions")
    assert [each["id"] for each in (newest, second, first)] == ["2.0.0", "1.1.0", "1.0.0"]
    assert (
        first["digest"]
        == orjson.loads(gzip.decompress(file_of(history, "1.0.0").read_bytes()).split(b"\n")[0])["digest"]
    )
    assert second["released"]["date"] == "2027-02-01"
    stages = [next(count for count in each["counts"] if count["type"] == "stages") for each in (first, second, newest)]
    assert [(each["records"], each["added"], each["changed"], each["removed"]) for each in stages] == [
        (2, 0, 0, 0),
        (3, 1, 1, 0),
        (2, 0, 0, 1),
    ]
    assert first["records"] == sum(each["records"] for each in first["counts"])
    assert [each["id"] for each in walk(served, "/v1/versions?sort=released")] == ["1.0.0", "1.1.0", "2.0.0"]
