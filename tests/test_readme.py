"""The documentation is true: its commands run, its answers are the service's, its tables and diffs are the code's."""

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from app.cli import main
from app.settings import PROJECT, Settings
from tests.conftest import Client
from tests.postgres import GRANTS

READMES = [PROJECT / "README.md", PROJECT / "README.ja.md"]
RECIPES = PROJECT / "app" / "api" / "RECIPES.md"
WALK_THROUGH = PROJECT / "app" / "resources" / "README.md"
OPERATIONS = PROJECT / "app" / "db" / "README.md"
RESULTS = PROJECT / "tests" / "bench" / "RESULTS.md"
IMPORTING = PROJECT / "app" / "seeding" / "README.md"
ASSISTANTS = PROJECT / "app" / "mcp" / "README.md"
PAGES = [*READMES, IMPORTING, RECIPES, WALK_THROUGH, OPERATIONS, RESULTS, ASSISTANTS]

EACH = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
EACH_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(PROJECT).as_posix())
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
ADDRESS = "http://127.0.0.1:8000"
MORE = "…"
MAX_LINES = 200
SEED_FILE = "seed/cao-20260203-bio/indicators.yaml"  # of the walk-through


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def commands(page: Path) -> list[tuple[str, str]]:
    """Each command, and what the page says it prints."""
    found = []
    for text in blocks(page, "console"):
        for part in text.removeprefix("$ ").split("\n$ "):
            command, _, printed = part.partition("\n")
            found.append((command, printed.strip()))
    return found


def requests(page: Path) -> list[tuple[str, Any]]:
    """Each path that is requested, and the answer that is shown."""
    paths = [shlex.split(command)[1] for command, _ in commands(page) if command.startswith("curl '")]
    answers = [orjson.loads(text) for text in blocks(page, "json")]
    return [(path.removeprefix(ADDRESS), answer) for path, answer in zip(paths, answers, strict=True)]


def matches(shown: Any, actual: Any) -> bool:
    """Whether an answer is what a page shows; `…` stands for what it leaves out."""
    if isinstance(shown, dict) and isinstance(actual, dict):
        named = {key for key in shown if key != MORE}
        fits = named <= set(actual) if MORE in shown else named == set(actual)
        return fits and all(matches(shown[key], actual[key]) for key in named)
    if isinstance(shown, list) and isinstance(actual, list):
        named_items = [item for item in shown if item != MORE]
        fits = len(named_items) <= len(actual) if MORE in shown else len(shown) == len(actual)
        return fits and all(matches(item, actual[place]) for place, item in enumerate(named_items))
    return bool(shown == actual)


@EACH
def test_every_request_is_answered_as_shown(readme: Path, whole: Client) -> None:
    assert len(requests(readme)) == 4
    for path, shown in requests(readme):
        actual = whole.get(path).json()
        assert matches(shown, actual), (path, actual)


def test_every_request_of_the_recipes_is_answered_as_shown(whole: Client) -> None:
    assert requests(RECIPES)
    for path, shown in requests(RECIPES):
        actual = whole.get(path).json()
        assert matches(shown, actual), (path, actual)


OTHER_COMMANDS = sorted(
    {each for page in PAGES if page != IMPORTING for each in commands(page) if not each[0].startswith("curl")}
)


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        pytest.param(command, printed, id=command, marks=[pytest.mark.slow] if "shisaku" in command else [])
        for command, printed in OTHER_COMMANDS
    ],
)
def test_every_other_command_runs(command: str, printed: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "make":
        dry = ["make", "--dry-run", *arguments]
        output = subprocess.run(dry, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=True).stdout
    else:
        assert program == ".venv/bin/shisaku"
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        output = result.stdout
    assert printed.removeprefix(MORE) in output


@pytest.mark.parametrize("page", [*READMES, RECIPES], ids=lambda path: path.name)
def test_the_download_is_there(page: Path, whole: Client) -> None:
    (path,) = [shlex.split(command)[2] for command, _ in commands(page) if command.startswith("curl --remote-name")]
    rows = csv.DictReader(whole.get(path.removeprefix(ADDRESS)).text.splitlines(keepends=True))
    assert len(list(rows)) == whole.get("/v1/budget-lines?ministry=厚&limit=0").json()["meta"]["total"]


def test_the_python_recipe_runs(whole: Client) -> None:
    (recipe,) = [text for text in blocks(RECIPES, "python") if "httpx" in text]
    script = recipe.replace(ADDRESS, str(whole.base_url).rstrip("/"))
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1].startswith("バイオシミラーの使用促進 (4.3 エコシステム")
    assert len(result.stdout.splitlines()) == 3


@pytest.mark.parametrize("readme", [OPERATIONS, READMES[1]], ids=lambda each: each.name)
def test_the_settings_are_all_there(readme: Path) -> None:
    rows = re.findall(r"^\| `(SHISAKU_\w+)` \|( `[^`]*`)? \|", readme.read_text(), re.MULTILINE)
    expected = {}
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        shown = default.relative_to(PROJECT).as_posix() if isinstance(default, Path) else str(default)
        expected[f"SHISAKU_{name.upper()}"] = f"`{shown}`" if shown else ""
    assert {name: default.strip() for name, default in rows} == expected


def test_the_settings_are_described_in_their_own_words() -> None:
    text = OPERATIONS.read_text()
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description in text


def test_the_rights_of_the_role_that_serves_are_what_the_tests_give_it() -> None:
    assert blocks(OPERATIONS, "sql") == [GRANTS]


@EACH
def test_every_path_that_is_named_answers(readme: Path, whole: Client) -> None:
    paths = {path for path in re.findall(r"`(?:GET )?(/[a-z][\w./?=-]*)`", readme.read_text()) if path != "/shisaku"}
    assert {"/v1", "/docs", "/openapi.json", "/healthz", "/readyz", "/terms"} <= paths
    for path in paths:
        assert whole.get(path).status_code == 200, path


@EACH_PAGE
def test_every_file_that_is_named_is_there(page: Path) -> None:
    text = page.read_text()
    for link, name in re.findall(r"\]\((?!http)([\w./]+)\)|`((?:app|seed|tests)/[\w/.-]*|Dockerfile)`", text):
        there = page.parent / link if link else PROJECT / name
        assert there.exists() or name in added_files(), link or name


def added_files() -> set[str]:
    """The files that the walk-through adds."""
    return {*re.findall(r"^\+\+\+ b/(\S+)", "".join(blocks(WALK_THROUGH, "diff")), re.MULTILINE), SEED_FILE}


@pytest.mark.slow
def test_the_walk_through_adds_a_filter_and_a_resource(tmp_path: Path) -> None:
    for name in ("app", "migrations", "seed"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    outside = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}  # of any repository around the folder
    for number, diff in enumerate(blocks(WALK_THROUGH, "diff")):
        patch = tmp_path / f"{number}.diff"
        patch.write_text(diff)
        subprocess.run(["git", "apply", patch.name], cwd=tmp_path, env=outside, check=True)  # noqa: S607
    (entries,) = blocks(WALK_THROUGH, "yaml")
    (tmp_path / SEED_FILE).write_text(entries)
    about = tmp_path / "seed" / "dataset.yaml"
    about.write_text(re.sub(r"(?m)^version: .*$", "version: 99.0.0", about.read_text()))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "SHISAKU_DATABASE": str(tmp_path / "built.sqlite")}
    paths = [path for path, _ in requests(WALK_THROUGH)]
    pages = [
        "/indicators?sort=measure&q=備蓄&lang=en",
        "/indicators/mcm-stock?lang=ja",
        "/measures?linked=true&lang=en",
    ]
    for arguments in (["-m", "app.cli", "build"], ["-c", ASK, *paths, *pages]):
        command = [sys.executable, *arguments]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
    answers = [orjson.loads(line) for line in result.stdout.splitlines()]
    for (path, shown), actual in zip(requests(WALK_THROUGH), answers, strict=False):
        assert matches(shown, actual), (path, actual)
    of_list, of_item, of_filter = answers[len(paths) :]  # without a line of template
    assert '<a href="/indicators/mcm-stock?lang=en">Stock of pre-pandemic vaccines' in of_list
    assert '<a href="/measures/mcm-stockpile?lang=ja">感染症危機対応医薬品等の確保' in of_item
    assert "プレパンデミックワクチン・危機対応医薬品等（MCM）の備蓄</blockquote>" in of_item
    assert "Linked: Yes" in of_filter


# Asks the application of the folder in which it runs, without a server.
ASK = """
import sys
from app.main import create_app
from app.settings import Settings
from starlette.testclient import TestClient
from urllib.parse import quote
import orjson

client = TestClient(create_app(Settings()))
for path in sys.argv[1:]:
    answer = client.get(quote(path, safe="/?&=%"))
    is_json = answer.headers["content-type"].startswith("application/json")
    print(orjson.dumps(answer.json() if is_json else answer.text).decode())
"""


def test_the_readme_shows_lines_of_the_walk_through() -> None:
    whole = {line.strip() for diff in blocks(WALK_THROUGH, "diff") for line in diff.splitlines()}
    for diff in blocks(READMES[0], "diff"):
        assert {line for line in diff.splitlines() if line.startswith("+")} <= whole


def test_the_readme_counts_the_lines_of_the_walk_through() -> None:
    one, resource = (
        sum(line.startswith("+") and not line.startswith("+++") for line in diff.splitlines())
        for diff in blocks(WALK_THROUGH, "diff")
    )
    assert one == 1
    assert f"{resource} lines" in READMES[0].read_text()
    assert f"## A resource: {resource} lines" in WALK_THROUGH.read_text()


def test_the_readme_is_short() -> None:
    lines = READMES[0].read_text().splitlines()
    assert len(lines) <= MAX_LINES
    assert all(len(line) <= 120 or line.startswith("|") for line in lines)


def test_both_readmes_show_the_same_requests() -> None:
    first, second = ([command for command, _ in commands(readme)] for readme in READMES)
    assert first == second
    assert blocks(READMES[0], "json") == blocks(READMES[1], "json")


def test_answers_are_compared_exactly() -> None:
    assert matches({"a": 1, MORE: MORE}, {"a": 1, "b": 2})
    assert not matches({"a": 1}, {"a": 1, "b": 2})
    assert not matches({"a": 1, MORE: MORE}, {"b": 2})
    assert matches([1, MORE], [1, 2])
    assert not matches([1], [1, 2])
    assert not matches([{"a": 2}], [{"a": 1}])
