"""Declarations of resources that do not agree are named, with what to do, before anything is built."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.query.filters import column
from app.query.resource import Resource
from app.resources.facts import FACTS
from app.resources.stages import STAGES
from app.seeding import declarations
from app.seeding.build import check
from app.seeding.declarations import DeclarationError, declaration_errors
from app.seeding.entries import KINDS
from app.seeding.entries.sources import StageEntry


def with_stages(changed: Resource) -> tuple[Resource, ...]:
    """The resources, with this in place of the stages."""
    return tuple(changed if each is STAGES else each for each in FACTS)


def test_the_declarations_agree() -> None:
    assert list(declaration_errors()) == []


@pytest.mark.parametrize("registry", ["KINDS", "RENDERERS"])
def test_what_is_not_registered_is_named(first_seed: Path, registry: str, monkeypatch: pytest.MonkeyPatch) -> None:
    registered = getattr(declarations, registry)
    monkeypatch.setattr(declarations, registry, {name: each for name, each in registered.items() if name != "stages"})
    with pytest.raises(DeclarationError, match=f"stages: add it to {registry}"):
        check(first_seed)


def test_the_command_line_names_them_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarations, "RENDERERS", {})
    for command in ("check", "openapi"):
        result = CliRunner().invoke(main, [command])
        assert result.exit_code == 1
        assert "stages: add it to RENDERERS" in result.stderr
        assert result.stderr.endswith(f"Error: {len(FACTS)} errors; nothing was written\n")


def test_a_renderer_without_a_resource_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarations, "FACTS", tuple(each for each in FACTS if each is not STAGES))
    assert list(declaration_errors()) == ["stages: add its resource to FACTS (app/resources/facts.py)"]


def test_entries_that_become_no_records_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declarations, "KINDS", {**KINDS, "unicorns": StageEntry})
    (message,) = declaration_errors()
    assert message.startswith("unicorns: no record is made of these entries: add a renderer to RENDERERS")


def test_a_wrong_path_and_a_missing_vocabulary_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = (column("step", "The step.", path="trck"),)
    wrong = replace(STAGES, own_filters=filters, own_sorts={"order": "ordr"})
    monkeypatch.setattr(declarations, "RESOURCES", with_stages(wrong))
    vocabulary, path, sort = declaration_errors()
    assert "no resource gives the vocabulary `step`" in vocabulary
    assert path == "stages: the filter `step` has the unknown path `trck`. Did you mean `track`?"
    assert sort.endswith("which is no column of its table. Did you mean `order`?")


def test_a_filter_with_a_derived_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    filters = (*STAGES.own_filters, column("track_not", "Not whose.", path="track", vocabulary="ministry"))
    monkeypatch.setattr(declarations, "RESOURCES", with_stages(replace(STAGES, own_filters=filters)))
    assert list(declaration_errors()) == [
        "stages: the filter `track_not` has the name that is derived from `track`: rename one of them"
    ]
