"""Generates clients from the committed OpenAPI document with the real tools, compiles them strictly, and uses them
against a running service. `make sdk` installs the tools and runs this; a tool that cannot be had is told as a skip."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from app.api.openapi import COMMITTED
from app.settings import PROJECT, Settings
from tests.conftest import serving
from tests.test_readme import ADDRESS, RECIPES, blocks

HERE = Path(__file__).parent
GENERATED = HERE / "generated"
TOOLS = PROJECT / ".venv-sdk" / "bin"
NODE = shutil.which("node", path=f"{TOOLS}:{os.environ.get('PATH', '')}")


def run(*command: str | Path, cwd: Path = HERE) -> str:
    """What a command prints; its failure is the test's, with what it said."""
    env = {
        **os.environ,
        "PATH": f"{TOOLS}:{HERE / 'node_modules' / '.bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(HERE),
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


def test_python_client(address: str) -> None:
    """openapi-python-client; its own client.py, which is the same for every API, is left out of the strict check."""
    options = ("--meta", "none", "--overwrite", "--config", HERE / "openapi-python-client.yaml")
    run(
        TOOLS / "openapi-python-client",
        "generate",
        "--path",
        COMMITTED,
        "--output-path",
        GENERATED / "python",
        *options,
    )
    strict = ("--strict", "--python-executable", TOOLS / "python", "--config-file", HERE / "mypy.ini")
    run(sys.executable, "-m", "mypy", *strict, "generated/python", "use_python.py")
    run(TOOLS / "python", HERE / "use_python.py", address)


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
    assert "3.161e+11" in run("Rscript", "-e", recipe("r", "read.csv", address))


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
def test_typescript_clients_are_used(address: str) -> None:
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
def test_openapi_generator_python() -> None:
    folder = openapi_generator("python", "--package-name", "shisaku_client")
    compileall = run(TOOLS / "python", "-m", "compileall", "-q", folder / "shisaku_client")
    assert compileall == ""


@JAVA
@pytest.mark.parametrize(("language", "compiler"), [("java", "mvn"), ("go", "go")])
def test_openapi_generator_compiled(language: str, compiler: str) -> None:
    options = ("--library", "native", "--additional-properties=openApiNullable=false,useJakartaEe=true")
    folder = openapi_generator(language, *(options if language == "java" else ()))
    if shutil.which(compiler) is None:
        pytest.skip(f"{language.upper()} GENERATED, NOT COMPILED: there is no {compiler} here")
    command = ("mvn", "-q", "compile") if language == "java" else ("go", "build", "./...")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if re.search("could not be resolved|Could not transfer|dial tcp|proxyconnect", result.stdout + result.stderr):
        pytest.skip(f"{language.upper()} GENERATED, NOT COMPILED: {compiler} cannot reach the libraries it needs")
    assert result.returncode == 0, result.stdout + result.stderr
