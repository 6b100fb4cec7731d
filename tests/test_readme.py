"""The READMEs are true: their commands run, their answers are the service's, their tables are the code's."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from app.settings import PROJECT, Settings
from tests.conftest import Client
from tests.postgres import GRANTS

READMES = [PROJECT / "README.md", PROJECT / "README.ja.md"]
EACH = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
BLOCK = re.compile(r"```(\w+)\n(.*?)```\n", re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
MORE = "…"


def blocks(readme: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(readme.read_text()) if found == language]


def commands(readme: Path) -> list[tuple[str, str]]:
    """Each command, and what the README says it prints."""
    found = []
    for text in blocks(readme, "console"):
        command, _, printed = text.partition("\n")
        found.append((command.removeprefix("$ "), printed.strip()))
    return found


def said(shown: Any, actual: Any) -> bool:
    """Whether an answer is what a README shows; `…` stands for what it leaves out."""
    if isinstance(shown, dict) and isinstance(actual, dict):
        named = {key for key in shown if key != MORE}
        fits = named <= set(actual) if MORE in shown else named == set(actual)
        return fits and all(said(shown[key], actual[key]) for key in named)
    if isinstance(shown, list) and isinstance(actual, list):
        named_items = [item for item in shown if item != MORE]
        fits = len(named_items) <= len(actual) if MORE in shown else len(shown) == len(actual)
        return fits and all(said(item, actual[place]) for place, item in enumerate(named_items))
    return bool(shown == actual)


@EACH
def test_every_request_is_answered_as_shown(readme: Path, client: Client) -> None:
    requests = [shlex.split(command)[1] for command, _ in commands(readme) if command.startswith("curl '")]
    answers = [orjson.loads(text) for text in blocks(readme, "json")]
    assert len(requests) == len(answers) >= 3
    for request, shown in zip(requests, answers, strict=True):
        actual = client.get(request.removeprefix(ADDRESS)).json()
        assert said(shown, actual), (request, actual)


@EACH
def test_every_other_command_runs(readme: Path) -> None:
    for command, printed in commands(readme):
        program, *arguments = shlex.split(command)
        match program:
            case "curl":
                continue  # asked above, and in the next test
            case "make":
                run = ["make", "--dry-run", *arguments]
            case ".venv/bin/shisaku":
                run = [sys.executable, "-m", "app.cli", *arguments]
            case _:
                pytest.fail(f"{readme.name} shows `{command}`, which no test runs")
        result = subprocess.run(run, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert printed.removeprefix(MORE) in result.stdout


@EACH
def test_what_is_downloaded_is_there(readme: Path, client: Client) -> None:
    (request,) = [
        shlex.split(command)[2] for command, _ in commands(readme) if command.startswith("curl --remote-name")
    ]
    assert client.get(request.removeprefix(ADDRESS)).text.count("\r\n") == 1 + 7


@EACH
def test_the_python_recipe_runs(readme: Path, client: Client) -> None:
    (recipe,) = [text for text in blocks(readme, "python") if "httpx" in text]
    script = recipe.replace(ADDRESS, str(client.base_url).rstrip("/"))
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1].startswith("バイオシミラーの使用促進 (4.3 エコシステム")
    assert len(result.stdout.splitlines()) == 3


@EACH
def test_the_settings_are_all_there(readme: Path) -> None:
    rows = re.findall(r"^\| `(SHISAKU_\w+)` \|( `[^`]*`)? \|", readme.read_text(), re.MULTILINE)
    expected = {}
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else field.default
        shown = default.relative_to(PROJECT).as_posix() if isinstance(default, Path) else str(default)
        expected[f"SHISAKU_{name.upper()}"] = f"`{shown}`" if shown else ""
    assert {name: default.strip() for name, default in rows} == expected


@EACH
def test_the_rights_of_the_role_that_serves_are_what_the_tests_give_it(readme: Path) -> None:
    assert blocks(readme, "sql") == [GRANTS]


def test_the_settings_are_described_in_their_own_words() -> None:
    text = READMES[0].read_text()
    for field in Settings.model_fields.values():
        assert field.description
        assert field.description in text


@EACH
def test_every_path_that_is_named_answers(readme: Path, client: Client) -> None:
    paths = {path for path in re.findall(r"`(?:GET )?(/[a-z][\w./?=-]*)`", readme.read_text()) if path != "/shisaku"}
    assert {"/v1", "/docs", "/openapi.json", "/healthz", "/readyz", "/terms"} <= paths
    for path in paths:
        target = f"{path}薬" if path.endswith("?q=") else path
        assert client.get(target).status_code == 200, path


@EACH
def test_every_file_that_is_named_is_there(readme: Path) -> None:
    text = readme.read_text()
    for name in re.findall(r"\]\((?!http)([\w./]+)\)|`((?:app|seed|tests)/[\w/.-]*|Dockerfile)`", text):
        assert (PROJECT / (name[0] or name[1])).exists(), name


def test_both_readmes_show_the_same_requests() -> None:
    first, second = ([command for command, _ in commands(readme)] for readme in READMES)
    assert first == second
    for language in ("json", "python", "javascript", "r"):
        assert blocks(READMES[0], language) == blocks(READMES[1], language)


def test_what_is_said_is_compared_exactly() -> None:
    assert said({"a": 1, MORE: MORE}, {"a": 1, "b": 2})
    assert not said({"a": 1}, {"a": 1, "b": 2})
    assert not said({"a": 1, MORE: MORE}, {"b": 2})
    assert said([1, MORE], [1, 2])
    assert not said([1], [1, 2])
    assert not said([{"a": 2}], [{"a": 1}])
