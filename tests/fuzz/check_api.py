"""Has Schemathesis make requests out of the OpenAPI document, of what it allows and of what it does not, and asks a
running service: no answer is a 5xx, or of a status, media type, header or schema that the document does not state.
`make fuzz` installs the tool and runs this within two minutes; `FUZZ_SECONDS` and `FUZZ_EXAMPLES` make a longer run."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import orjson

from app.settings import PROJECT, Settings
from tests.conftest import serving

TOOL = PROJECT / ".venv-fuzz" / "bin" / "schemathesis"
SECONDS = os.environ.get("FUZZ_SECONDS", "75")
PARTIAL = ("fields", "version")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "5")  # of an operation in each round of a phase
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def asked(document: dict[str, Any]) -> dict[str, Any]:
    """The document, but for what holds of every operation and is stated once for all of them, and with ids that exist:
    of ids made by chance nearly every answer is a 404 or 422. What breaks the document is made by chance all the same.
    """
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    known: dict[str, list[str]] = {"document": ["cao-20260203-bio"]}
    for operation in operations:
        for each in operation.get("parameters", []):
            if each["schema"].get("type") == "array" and "example" in each:
                known[each["name"]] = each["example"]
    for operation in operations:
        # With `fields` an answer has only the fields asked for, with `version` those of that version, so not all that
        # its schema requires.
        operation["parameters"] = [each for each in operation.get("parameters", []) if each["name"] not in PARTIAL]
        for each in operation["parameters"]:
            name = re.sub("_(not|all)$", "", each["name"])
            if each["in"] == "path":
                each["schema"]["enum"] = [each["example"]]
            elif name in known and each["schema"].get("items", {}).get("type") == "string":
                each["schema"]["items"]["enum"] = known[name]
    return document


def test_every_answer_is_as_the_document_states_it(everything: Settings, tmp_path: Path) -> None:
    with serving(everything) as client:
        document = asked(client.get("/openapi.json").raise_for_status().json())
        (tmp_path / "openapi.json").write_bytes(orjson.dumps(document))
        address = ("--url", str(client.base_url), "--checks", ",".join(CHECKS), "--continue-on-failure")
        options = ("--workers", "2", "--seed", "1", "--max-time", SECONDS, "--max-examples", EXAMPLES)
        command = (str(TOOL), "--no-color", "run", "openapi.json", *address, *options)
        # In a folder of its own, because the tool keeps what it found beside itself.
        result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    report = result.stdout + result.stderr
    assert result.returncode == 0, report
    operations = sum(map(len, document["paths"].values()))
    assert f"Tested: {operations}\n" in report, report
    generated = re.search(r"(\d+) generated, \1 passed", report)
    assert generated, report
    print(f"{generated[1]} requests of {operations} operations")  # noqa: T201 - with `pytest -s`
