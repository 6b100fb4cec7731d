"""The repository itself: what it must hold, and what it must never."""

import gzip
import re
import subprocess
from pathlib import Path

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from app import __version__
from app.api.openapi import COMMITTED
from app.settings import PROJECT, SEED

LOCKS = [f"requirements{of}.txt" for of in ("", "-dev", "-sdk", "-fuzz", "-bench", "-browser", "-audit")]


def files() -> list[Path]:
    """Every file that a commit would hold."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [PROJECT / name for name in listed if (PROJECT / name).is_file()]


def test_the_top_level_is_what_a_python_project_needs() -> None:
    folders = {".ci", "app", "migrations", "seed", "tests"}
    texts = {f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "README", "README.ja", "SECURITY")}
    allowed = folders | texts | {".dockerignore", ".gitignore", "Dockerfile", "Makefile", "pyproject.toml", *LOCKS}
    assert {path.relative_to(PROJECT).parts[0] for path in files()} <= allowed


@pytest.mark.parametrize("name", LOCKS)
def test_locks_are_hashed_and_name_no_index_or_host(name: str) -> None:
    text = (PROJECT / name).read_text()
    pins = re.findall(r"^\S+==\S+", text, re.MULTILINE)
    assert len(pins) > 2
    assert all("--hash=sha256:" in block for block in re.split(r"\n(?=\S)", text) if "==" in block)
    assert "://" not in text
    assert not re.search(r"^--|@", text, re.MULTILINE)


def test_no_file_names_a_machine_or_holds_a_secret() -> None:
    forbidden = re.compile(
        r"/(?:home|Users|root|work|tmp)/[\w.]|file://|pypi\.org|[Pp]assword\s*=|BEGIN [A-Z ]*PRIVATE KEY"
    )
    for path in files():
        if path.name != "test_project.py" and path.suffix not in (".png", ".sqlite"):
            read = gzip.decompress if path.suffix == ".gz" else bytes
            found = forbidden.search(read(path.read_bytes()).decode())
            assert not found, (path, found)


def test_versions_agree() -> None:
    assert f'version = "{__version__}"' in (PROJECT / "pyproject.toml").read_text()
    assert f"## {__version__} " in (PROJECT / "CHANGELOG.md").read_text()
    assert orjson.loads(COMMITTED.read_bytes())["info"]["version"] == __version__


def test_every_module_opens_with_what_it_is() -> None:
    for path in files():
        if path.suffix == ".py" and path.parts[-2] != "versions" and path.stat().st_size:
            assert re.match(r'"""[A-Za-z`/].{20,}', path.read_text()), path


@pytest.mark.slow
def test_editors_are_told_each_seed_files_schema() -> None:
    for path in SEED.rglob("*.yaml"):
        first = path.read_text().splitlines()[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found, path
        schema = orjson.loads((path.parent / found[1]).read_bytes())
        Draft202012Validator.check_schema(schema)
        value = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - builds only strings
        assert value
        Draft202012Validator(schema).validate(yaml.safe_load(path.read_text()))
