"""The seed of the first document alone: the project's own, less the documents that came after it."""

import re
import shutil
from pathlib import Path

from app.settings import SEED

DOCUMENT = "cao-20260203-bio"
ABOUT = {"version": "1.0.0", "released": "'2026-11-24'"}


def write_first(folder: Path) -> None:
    """Writes it: of the vocabularies, what the first document evidences, as it is written."""
    shutil.copytree(SEED, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / "releases")
    later = {path.parent.name for path in folder.rglob("transcript.*")} - {DOCUMENT}
    for name in later:
        shutil.rmtree(folder / name)
    for path in (folder / "vocabularies").glob("*.yaml"):
        head, *entries = re.split("(?m)^(?=- )", path.read_text())
        path.write_text(head + "".join(_reduced(entry, later) for entry in entries))
    about = (folder / "dataset.yaml").read_text()
    for name, value in ABOUT.items():
        about = re.sub(f"(?m)^{name}: .*$", f"{name}: {value}", about)
    (folder / "dataset.yaml").write_text(about)


def _reduced(entry: str, later: set[str]) -> str:
    """An entry of a YAML file without what only later documents evidence; empty if that is all of it."""
    fields = re.split(r"(?m)^(?=  \w)", entry)
    place = next((place for place, field in enumerate(fields) if field.startswith("  evidence:")), None)
    if place is None:
        return entry
    head, *pieces = re.split("(?m)^(?=    - )", fields[place])
    kept = [piece for piece in pieces if not any(f"document: {name}" in piece for name in later)]
    supported = [{*re.findall(r"\w+", text)} for each in pieces for text in re.findall(r"supports: \[(.*)\]", each)]
    still = [{*re.findall(r"\w+", text)} for each in kept for text in re.findall(r"supports: \[(.*)\]", each)]
    lost = set[str]().union(*supported) - set[str]().union(*still)
    fields[place] = head + "".join(kept)
    return "".join(field for field in fields if field.strip().partition(":")[0] not in lost) if kept else ""
