"""A build is whole or not at all, the same from the same seed, and served only when it is of this code."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.main import create_app
from app.seeding.build import build, check
from app.settings import PROJECT, Settings
from tests.conftest import ALONE, answer, serving, walk


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a shell would run it."""
    env = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )


def test_the_same_seed_gives_the_same_digest_and_bytes(first_seed: Path, tmp_path: Path) -> None:
    paths = [tmp_path / "one.sqlite", tmp_path / "two.sqlite"]
    digests = {build(check(first_seed), path) for path in paths}
    assert len(digests) == 1
    assert paths[0].read_bytes() == paths[1].read_bytes()


ASK = """
import hashlib, os, sys
from pathlib import Path
from app.main import create_app
from app.seeding.build import SEED, build, check
from app.settings import Settings
from tests.conftest import serving
path = Path(sys.argv[1])
build(check(SEED), path)
found = hashlib.sha256()
with serving(create_app(Settings(database=path))) as client:
    resources = client.get("/v1").json()["resources"]
    urls = ["/v1", "/v1/crosswalk", "/v1/budget-summary?group_by=section,modality", "/v1/search?q=薬", "/openapi.json"]
    urls += [f"{each['list_path']}?facet={','.join(each['facets'])}" for each in resources if each["facets"]]
    urls += [f"{each['list_path']}?x=1" for each in resources]
    for url in urls:
        response = client.get(url)
        del response.headers["date"]
        found.update(repr(sorted(response.headers.items())).encode() + response.content)
print(found.hexdigest())
"""


@pytest.mark.slow
def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    answers = set()
    for hash_seed in ("0", "4242"):
        result = subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path / f"{hash_seed}.sqlite")],
            cwd=PROJECT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(result.stdout)
    assert len(answers) == 1


@pytest.mark.parametrize("when", ["Writing", "Downloads"])
def test_a_build_that_fails_leaves_the_old_database(first_seed: Path, when: str, tmp_path: Path) -> None:
    path = tmp_path / "shisaku.sqlite"
    build(check(ALONE), path)
    before = path.read_bytes()

    @contextmanager
    def interrupt(name: str, _: int) -> Iterator[Callable[[int], None]]:
        if name == when:
            raise KeyboardInterrupt
        yield lambda _: None

    with pytest.raises(KeyboardInterrupt):
        build(check(first_seed), path, interrupt)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["shisaku.sqlite"]
    assert not list(tmp_path.glob(".*"))


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("SHISAKU_DATABASE", str(blocked / "shisaku.sqlite"))
    result = CliRunner().invoke(main, ["build"])
    assert result.exit_code == 1
    assert "The old database, if there was one, stands." in result.output


@pytest.mark.slow
def test_build_if_needed_builds_once(tmp_path: Path) -> None:
    path = tmp_path / "data" / "shisaku.sqlite"
    made = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert made.returncode == 0
    assert "there is no database here" in made.stderr
    before = path.stat().st_mtime_ns
    again = run("build", "--if-needed", SHISAKU_DATABASE=str(path))
    assert (again.returncode, again.stdout) == (0, "")
    assert path.stat().st_mtime_ns == before


def test_a_seed_of_little_is_served(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    for name in ("measures", "budget-lines", "packages", "pillars", "crosswalk"):
        next(seed.glob(f"*/{name}.yaml")).unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        for url in (
            "/v1",
            "/v1/measures?facet=pillar",
            "/v1/crosswalk",
            "/v1/budget-summary?group_by=package",
            "/v1/exports",
        ):
            answer(client, url)
        answer(client, "/v1/measures?pillar=1", 422)
        found = walk(client, "/v1/search", q="の")
        assert found
        for row in found:  # a resource without rows begins where the next one does
            assert answer(client, f"/v1/{row['type']}/{row['id']}")["name"] == row["name"]


def test_a_seed_without_sections_is_served(tmp_path: Path) -> None:
    seed = tmp_path / "seed"
    shutil.copytree(ALONE, seed)
    for name in ("crosswalk", "sections", "strategies", "measures", "budget-lines"):
        next(seed.glob(f"*/{name}.yaml")).unlink()
    build(check(seed), tmp_path / "s.sqlite")
    with serving(create_app(Settings(database=tmp_path / "s.sqlite"))) as client:
        assert answer(client, "/v1/crosswalk")["data"] == []


def test_a_seed_without_errors_is_said_to_be_so() -> None:
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0
    assert re.fullmatch(r"\d+ records, no errors\n", result.output)


def test_many_documents_are_attributed_where_they_are_listed(
    both_seed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.seeding.build.MAX_ATTRIBUTIONS", 1)
    path = tmp_path / "shisaku.sqlite"
    build(check(both_seed), path)
    with serving(create_app(Settings(database=path))) as client:
        assert "/v1/documents" in answer(client, "/v1")["attribution"]


@pytest.mark.slow
def test_generated_files_are_what_the_code_gives() -> None:
    for name in ("openapi", "schemas"):
        assert CliRunner().invoke(main, [name, "--check"]).exit_code == 0


@pytest.mark.slow
def test_generated_files_that_are_old_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.api.openapi.COMMITTED", tmp_path / "openapi.json")
    result = CliRunner().invoke(main, ["openapi", "--check"])
    assert result.exit_code == 1
    assert "make openapi" in result.output
    assert CliRunner().invoke(main, ["openapi"]).exit_code == 0
    assert CliRunner().invoke(main, ["openapi", "--check"]).exit_code == 0
