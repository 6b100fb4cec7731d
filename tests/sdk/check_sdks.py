"""Generates clients from the committed OpenAPI document with the real tools and their own settings, compiles them
strictly, and has them call every operation of a running service. `make sdk` installs the tools and runs this; a tool
that cannot be had is told as a skip. What each client did is the table of README.md beside this file."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from app.api.openapi import COMMITTED
from app.query.formats import ATOM_TYPE, BINARY_TYPE, SVG_TYPE
from app.settings import PROJECT, Settings
from tests.conftest import serving
from tests.test_readme import ADDRESS, RECIPES, blocks

HERE = Path(__file__).parent
GENERATED = HERE / "generated"
TOOLS = PROJECT / ".venv-sdk" / "bin"
NODE = shutil.which("node", path=f"{TOOLS}:{os.environ.get('PATH', '')}")


# The generator's own file has the libraries that its Java client imports, Debian the annotations.
JARS = [
    *(PROJECT / ".venv-sdk").glob("lib/python*/site-packages/openapi_generator_cli/openapi-generator.jar"),
    *Path("/usr/share/java").glob("jakarta-annotation-api.jar"),
]


def operations() -> list[dict[str, Any]]:
    """Every operation of the document, with what its required parameters are given."""
    found = []
    for url, methods in orjson.loads(COMMITTED.read_bytes())["paths"].items():
        for operation in methods.values():
            given: dict[str, dict[str, Any]] = {"path": {}, "query": {}}
            for parameter in operation.get("parameters", []):
                if parameter["required"]:
                    given[parameter["in"]][parameter["name"]] = parameter["example"]
            (media_type,) = operation["responses"]["200"]["content"]
            name, (tag,) = operation["operationId"], operation["tags"]
            download = media_type.startswith("text/") or media_type in (BINARY_TYPE, SVG_TYPE, ATOM_TYPE)
            found.append({"name": name, "tag": tag, "url": url, "type": media_type, "download": download, **given})
    return found


def calls_everything(
    client: str, address: str, *command: str | Path, downloads: bool = True, pictures: bool = True
) -> None:
    """Has a client call every operation: each gives what the service sends, but for downloads, or pictures and feeds,
    where the client cannot have them. The table says so."""
    called = operations()
    printed = run(*command, address, orjson.dumps(called).decode())
    worked, refused = set[str](), dict[str, str]()
    lines = [line.split(" ", 2) for line in printed.splitlines()]
    for operation, (word, name, told) in zip(called, lines, strict=True):
        sent = 0
        if operation["download"]:
            url = f"{address}{operation['url'].format(**operation['path'])}"
            sent = len(httpx.get(url, params=operation["query"]).content)
        if word == "ok" and int(told) == sent and (sent > 0) == operation["download"]:
            worked.add(name)
        else:
            refused[name] = told
    expected = {
        each["name"]
        for each in called
        if each["download"] and not (downloads and (pictures or each["type"] not in (SVG_TYPE, ATOM_TYPE)))
    }
    assert refused.keys() == expected, refused
    row = f"| {client} | {len(called)} | {len(worked)} | {len(refused)} |"
    assert row in (HERE / "README.md").read_text(), f"tests/sdk/README.md should have: {row}"


def run(*command: str | Path, cwd: Path = HERE) -> str:
    """What a command prints; its failure is the test's, with what it said."""
    env = {
        **os.environ,
        "PATH": f"{TOOLS}:{HERE / 'node_modules' / '.bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(HERE), str(GENERATED / "openapi-generator-python")]),
    }
    result = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}\n{result.stderr}"
    return result.stdout


@pytest.fixture(scope="module", autouse=True)
def _clean() -> None:
    shutil.rmtree(GENERATED, ignore_errors=True)
    GENERATED.mkdir()


@pytest.fixture(scope="module")
def address(first: Settings) -> Iterator[str]:
    with serving(first) as client:
        yield str(client.base_url).rstrip("/")


@pytest.fixture(scope="module")
def all_data(everything: Settings) -> Iterator[str]:
    """Of a service with the records of all examples."""
    with serving(everything) as client:
        yield str(client.base_url).rstrip("/")


def test_python_client(address: str, all_data: str) -> None:
    """openapi-python-client; its own client.py, which is the same for every API, is left out of the strict check."""
    options = ("--path", COMMITTED, "--output-path", GENERATED / "python", "--meta", "none", "--overwrite")
    told = run(TOOLS / "openapi-python-client", "generate", *options)
    assert "WARNING parsing" not in told, told  # what it leaves out
    strict = ("--strict", "--python-executable", TOOLS / "python", "--config-file", HERE / "mypy.ini")
    run(sys.executable, "-m", "mypy", *strict, "generated/python", "use_python.py")
    run(TOOLS / "python", HERE / "use_python.py", address)
    name = "openapi-python-client"
    calls_everything(name, all_data, TOOLS / "python", HERE / "call_operations.py", name, pictures=False)


def test_pydantic_models() -> None:
    """datamodel-code-generator."""
    options = ("--output-model-type", "pydantic_v2.BaseModel", "--use-annotated", "--field-constraints")
    source = ("--input", COMMITTED, "--input-file-type", "openapi", "--output", GENERATED / "models.py")
    run(TOOLS / "datamodel-codegen", *source, *options, "--formatters", "builtin")
    run(sys.executable, "-m", "mypy", "--strict", "--config-file", HERE / "mypy.ini", "generated/models.py")


def recipe(language: str, mark: str, address: str) -> str:
    """A recipe of the documentation, asking this service."""
    (text,) = [block for block in blocks(RECIPES, language) if mark in block]
    return text.replace(ADDRESS, address)


def test_the_pandas_recipe(address: str) -> None:
    printed = run(TOOLS / "python", "-c", recipe("python", "read_csv", address))
    assert "後発医薬品等の安定供給" in printed.splitlines()[1]
    assert "1688" in printed
    assert re.search(r"^Ministry of Health, Labour and Welfare +7$", printed, re.MULTILINE)


@pytest.mark.skipif(NODE is None, reason="NO JAVASCRIPT RECIPE: there is no node here, and .venv-sdk has none")
def test_the_javascript_recipe(address: str) -> None:
    printed = run("node", "--input-type=module", "--eval", recipe("javascript", "facets", address))
    assert "293" in printed
    assert "Ministry of Economy, Trade and Industry 1" in printed


@pytest.mark.skipif(NODE is None, reason="NO JAVASCRIPT RECIPE: there is no node here, and .venv-sdk has none")
def test_the_recipe_of_suggestions(address: str) -> None:
    printed = run("node", "--input-type=module", "--eval", recipe("javascript", "suggest", address))
    assert printed.splitlines() == ["厚生労働省 7 /v1/budget-lines?ministry=mhlw"]


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="NO R RECIPE: there is no Rscript here")
def test_the_r_recipe(address: str) -> None:
    printed = run("Rscript", "-e", recipe("r", "read.csv", address))
    assert "3.161e+11" in printed
    assert "[1] 4e+08" in printed  # of the joint line alone
    assert re.search(r"Ministry of Health, Labour and Welfare *\n *7", printed)


@pytest.fixture(scope="module")
def _node_modules() -> None:
    if NODE is None:
        pytest.skip("NO TYPESCRIPT CHECKS: there is no node here, and .venv-sdk has none")
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")


def compiles(folder: Path) -> None:
    """TypeScript, under strict settings."""
    settings = orjson.loads((HERE / "tsconfig.json").read_bytes())
    settings["include"] = [f"{folder}/**/*.ts"]
    settings["compilerOptions"]["skipLibCheck"] = True
    config = HERE / "generated" / f"tsconfig.{folder.name}.json"
    config.write_bytes(orjson.dumps(settings))
    run("tsc", "-p", config)


@pytest.mark.usefixtures("_node_modules")
def test_typescript_clients_are_used(address: str, all_data: str) -> None:
    """hey-api, and openapi-typescript with openapi-fetch."""
    run("openapi-typescript", COMMITTED, "-o", GENERATED / "openapi-typescript" / "schema.d.ts")
    run("openapi-ts", "-i", COMMITTED, "-o", GENERATED / "hey-api")
    run("tsc", "-p", HERE / "tsconfig.json")
    bundle = GENERATED / "main.mjs"
    run(
        "esbuild",
        "main.ts",
        "--bundle",
        "--platform=node",
        "--format=esm",
        f"--outfile={bundle}",
        "--log-level=warning",
    )
    calls_everything("hey-api", all_data, "node", bundle, "hey-api")
    calls_everything("openapi-fetch", all_data, "node", bundle, "openapi-fetch", downloads=False)
    calls_everything("openapi-fetch with `parseAs`", all_data, "node", bundle, "parseAs")
    printed = run("node", bundle, address)
    assert "FAILED" not in printed
    assert printed.count("ok ") == 13


@pytest.mark.usefixtures("_node_modules")
@pytest.mark.parametrize("tool", ["orval", "swagger-typescript-api", "oazapfts"])
def test_other_typescript_clients_compile(tool: str) -> None:
    folder = GENERATED / tool
    folder.mkdir()
    match tool:
        case "orval":
            run("orval", "--input", COMMITTED, "--output", folder / "api.ts", "--client", "fetch")
        case "swagger-typescript-api":
            run("swagger-typescript-api", "generate", "-p", COMMITTED, "-o", folder, "-n", "api.ts")
        case _:
            run("oazapfts", COMMITTED, folder / "api.ts")
    compiles(folder)


JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="NO OPENAPI-GENERATOR CHECKS: there is no java here")


def openapi_generator(language: str, *options: str) -> Path:
    folder = GENERATED / f"openapi-generator-{language}"
    run(TOOLS / "openapi-generator-cli", "generate", "-i", COMMITTED, "-g", language, "-o", folder, *options)
    return folder


@JAVA
@pytest.mark.usefixtures("_node_modules")
@pytest.mark.parametrize("language", ["typescript-fetch", "typescript-axios"])
def test_openapi_generator_typescript(language: str) -> None:
    compiles(openapi_generator(language))


@JAVA
def test_openapi_generator_python(all_data: str) -> None:
    folder = openapi_generator("python", "--package-name", "shisaku_client")
    compileall = run(TOOLS / "python", "-m", "compileall", "-q", folder / "shisaku_client")
    assert compileall == ""
    command = (TOOLS / "python", HERE / "call_operations.py", "openapi-generator")
    calls_everything("openapi-generator python", all_data, *command)


@JAVA
def test_openapi_generator_java(all_data: str) -> None:
    folder = openapi_generator(
        "java", "--library", "native", "--additional-properties=openApiNullable=false,useJakartaEe=true"
    )
    if shutil.which("javac") is None or len(JARS) < 2:
        pytest.skip("JAVA GENERATED, NOT COMPILED: there is no javac here, or no jakarta-annotation-api.jar of Debian")
    libraries, classes = os.pathsep.join(map(str, JARS)), folder / "classes"
    options = ("-proc:none", "-nowarn", "-parameters", "-encoding", "UTF-8", "-cp", libraries, "-d", classes)
    run("javac", *options, *folder.glob("src/main/java/**/*.java"), HERE / "CallOperations.java")
    run_java = ("java", "-cp", f"{classes}{os.pathsep}{libraries}", "CallOperations")
    calls_everything("openapi-generator java", all_data, *run_java)


@JAVA
def test_openapi_generator_go() -> None:
    folder = openapi_generator("go")
    if shutil.which("go") is None:
        pytest.skip("GO GENERATED, NOT COMPILED: there is no go here")
    command = ("go", "build", "./...")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if re.search("dial tcp|proxyconnect", result.stdout + result.stderr):
        pytest.skip("GO GENERATED, NOT COMPILED: go cannot reach the libraries it needs")
    assert result.returncode == 0, result.stdout + result.stderr
