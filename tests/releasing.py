"""Seeds that are edited and released: the invented document with stages, of which nothing else knows."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from app.cli import main
from tests.conftest import ALONE

FOLDER = "green-20270115"

Stages = Mapping[str, tuple[str, int]]  # by id, the English name and the order


def write_stages(seed: Path, stages: Stages) -> None:
    """Writes the stages of a seed in the place of those it has."""
    quote = (seed / FOLDER / "transcript.md").read_text().split("\n")[0]
    evidence = {
        "basis": "editorial",
        "lines": "1",
        "quote": quote,
        "supports": ["name", "order", "track"],
        "note": {"ja": "試験のため", "en": "For a test"},
    }
    entries = [
        {
            "id": id_,
            "name": {"ja": f"段階{name}", "en": name},
            "order": order,
            "track": "start-up",
            "evidence": [evidence],
        }
        for id_, (name, order) in stages.items()
    ]
    (seed / FOLDER / "stages.ndjson").write_bytes(b"".join(orjson.dumps(each) + b"\n" for each in entries))


def write_seed(seed: Path, stages: Stages) -> None:
    """Writes a seed of the invented document and these stages."""
    shutil.copytree(ALONE, seed)
    write_stages(seed, stages)


def set_version(seed: Path, version: str, released: str = "2027-01-20") -> None:
    about = (seed / "dataset.yaml").read_text()
    about = re.sub("(?m)^version: .*$", f"version: {version}", about)
    (seed / "dataset.yaml").write_text(re.sub("(?m)^released: .*$", f"released: '{released}'", about))


def release(seed: Path) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["release", "--seed", str(seed)])


def released(seed: Path, version: str, stages: Stages, day: str = "2027-01-20") -> None:
    """Releases these stages as a version."""
    set_version(seed, version, day)
    write_stages(seed, stages)
    result = release(seed)
    assert result.exit_code == 0, result.output
