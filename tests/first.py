"""The seed of the first document alone: the project's own, less the documents that came after it."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from app.seeding.build import SEED

DOCUMENT = "cao-20260203-bio"
VERSION = ("version: 1.0.0", "released: '2026-11-24'")


def write_first(folder: Path) -> None:
    """Writes it: of the vocabularies, what the first document evidences, and what public sources do."""
    shutil.copytree(SEED, folder, dirs_exist_ok=True)
    later = {path.parent.name for path in folder.rglob("transcript.*")} - {DOCUMENT}
    for name in later:
        shutil.rmtree(folder / name)
    for path in {*(folder / "vocabularies").glob("*.yaml")} - {folder / "vocabularies" / "notes.yaml"}:
        entries = [_reduced(entry, later) for entry in yaml.safe_load(path.read_text())]
        text = yaml.safe_dump([entry for entry in entries if entry["evidence"]], allow_unicode=True, sort_keys=False)
        path.write_text(text)
    about = (folder / "dataset.yaml").read_text().splitlines()
    kept = [line for line in about if not line.startswith(("version:", "released:"))]
    (folder / "dataset.yaml").write_text("\n".join([*VERSION, *kept, ""]))


def _reduced(entry: dict[str, Any], later: set[str]) -> dict[str, Any]:
    """An entry without what only later documents evidence."""
    evidence = [piece for piece in entry["evidence"] if piece["document"] not in later]
    lost = {field for piece in entry["evidence"] for field in piece["supports"]}
    lost -= {field for piece in evidence for field in piece["supports"]}
    return {**{name: value for name, value in entry.items() if name not in lost}, "evidence": evidence}
