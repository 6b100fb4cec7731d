"""Replicas behind nginx, in the configuration that app/db/README.md gives: the same bytes as without it."""

import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.seeding.build import build, check
from app.settings import PROJECT, Settings
from tests.conftest import Client, Process, answer, eventually, free_port, process, walk

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(NGINX is None, reason="nginx is not installed")]

CODINGS = ("identity", "gzip")
FILE = "/v1/exports/dataset.sqlite"
ASKED = 1_000
# What nginx writes itself, or tells of one request alone.
OF_THE_WAY = {"date", "server", "connection", "x-request-id", "x-cache-status"}


@dataclass(frozen=True)
class Proxied:
    """Two replicas, and a client of the proxy before them."""

    replicas: tuple[Process, Process]
    client: Client


def configuration(folder: Path, port: int, replicas: tuple[Process, Process]) -> str:
    """The configuration of the README with the addresses of a test."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (PROJECT / "app" / "db" / "README.md").read_text(), re.DOTALL)
    for old, new in (
        ("/var/cache/nginx/shisaku", str(folder / "cache")),
        ("10.0.0.1:8000", f"127.0.0.1:{replicas[0].port}"),
        ("10.0.0.2:8000", f"127.0.0.1:{replicas[1].port}"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
    ):
        assert block.count(old) == 1
        block = block.replace(old, new)
    user = "user root;" if os.geteuid() == 0 else ""
    paths = " ".join(
        f"{name}_temp_path {folder / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; {user} pid {folder / 'pid'}; error_log {folder / 'errors'}; events {{}}\n"
        f"http {{ access_log off; {paths}\n{block}}}\n"
    )


@contextmanager
def behind_nginx(databases: list[Path], folder: Path, **environment: Any) -> Iterator[Proxied]:
    """Two replicas, each with a database of its own, behind nginx."""
    assert NGINX
    with ExitStack() as stack:
        replicas = []
        for database in databases:
            (own := folder / database.parent.name).mkdir()
            replicas.append(stack.enter_context(process(Settings(database=database), own, **environment)))
        pair, port = (replicas[0], replicas[1]), free_port()
        (folder / "nginx.conf").write_text(configuration(folder, port, pair))
        command = [NGINX, "-e", str(folder / "errors"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        running = subprocess.Popen(command)
        try:
            client = stack.enter_context(Client(base_url=f"http://127.0.0.1:{port}", timeout=60))
            eventually(lambda: _answers(client), seconds=10)
            yield Proxied(pair, client)
        finally:
            running.terminate()
            running.wait(10)


def _answers(client: Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def databases(first_seed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two that were built separately, from the same seed."""
    found = [tmp_path_factory.mktemp(name) / "shisaku.sqlite" for name in ("one", "two")]
    for path in found:
        build(check(first_seed), path)
    return found


@pytest.fixture(scope="module")
def proxied(databases: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    with behind_nginx(databases, tmp_path_factory.mktemp("proxied")) as proxied:
        yield proxied


def seen(response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in response.headers.items() if name not in OF_THE_WAY}
    return response.status_code, headers, response.content


def test_replicas_behind_a_cache_answer_as_one_without_it(proxied: Proxied) -> None:
    paths = [
        "/", "/v1", "/openapi.json", "/docs", "/measures", "/nowhere", "/v1/measures/nothing", "/v1/exports", FILE,
        "/v1/exports/stages.csv", "/v1/exports/budget-lines.ndjson", "/v1/budget-summary?group_by=ministry",
    ]  # fmt: skip
    resources = [resource["name"] for resource in answer(proxied.client, "/v1")["resources"]]
    paths += [f"/v1/{name}?limit={limit}" for name in resources for limit in (1, 3, 20, 0)]
    paths += [f"/v1/{name}/{row['id']}" for name in resources for row in walk(proxied.client, f"/v1/{name}?limit=100")]
    more = [{}, {"Accept-Language": "ja"}, {"Origin": "https://a.example"}, {"If-None-Match": '"x"'}]
    asked = [
        (method, path, {"Accept-Encoding": coding, **each})
        for method, path, coding, each in itertools.product(("GET", "HEAD"), paths, CODINGS, more)
    ]
    asked = random.Random(1).sample(asked, ASKED)  # noqa: S311
    hits = 0
    with ExitStack() as stack:
        direct = [stack.enter_context(Client(base_url=each.url, timeout=60)) for each in proxied.replicas]
        for method, path, headers in asked:
            through = proxied.client.request(method, path, headers=headers)
            hits += through.headers["X-Cache-Status"] == "HIT"
            for client in direct:
                assert seen(client.request(method, path, headers=headers)) == seen(through), (method, path, headers)
    assert hits > ASKED / 10


def test_a_copy_is_validated_and_given_in_part(proxied: Proxied) -> None:
    for _ in range(2):  # from a replica, and from the cache
        whole = proxied.client.get(FILE, headers={"Accept-Encoding": "identity"})
        part = proxied.client.get(FILE, headers={"Accept-Encoding": "identity", "Range": "bytes=3-9"})
        assert (part.status_code, part.content) == (206, whole.content[3:10])
        same = proxied.client.get(FILE, headers={"If-None-Match": whole.headers["ETag"], "Accept-Encoding": "identity"})
        assert (same.status_code, same.content) == (304, b"")
        assert whole.headers["Access-Control-Allow-Origin"] == "*"


def test_each_request_has_its_own_id_though_its_answer_is_a_copy(proxied: Proxied) -> None:
    one, two = (proxied.client.get("/v1/stages") for _ in range(2))
    assert two.headers["X-Cache-Status"] == "HIT"
    assert one.headers["X-Request-Id"] != two.headers["X-Request-Id"]
    assert len(two.headers.get_list("X-Request-Id")) == 1


def test_links_have_the_prefix(databases: list[Path], tmp_path: Path) -> None:
    with behind_nginx(databases, tmp_path, prefix="/shisaku") as proxied:
        page = answer(proxied.client, "/shisaku/v1/measures?limit=1")
        assert page["links"]["next"].startswith("/shisaku/v1/measures?")
        assert answer(proxied.client, page["links"]["next"])["data"] != page["data"]


def test_a_question_that_no_replica_answers_leaves_the_others_answered(databases: list[Path], tmp_path: Path) -> None:
    own = [shutil.copytree(path.parent, tmp_path / path.parent.name) / path.name for path in databases]
    for path in own:
        (file,) = path.parent.rglob("dataset.sqlite")
        file.write_bytes(b"")
    (folder := tmp_path / "proxied").mkdir()
    with behind_nginx(own, folder) as proxied:
        for number in range(4):  # a failure would take each of the two out for ten seconds
            assert proxied.client.get(FILE).status_code == 503
            assert proxied.client.get(f"/v1/measures?limit={number}").status_code == 200


def test_a_copy_is_given_out_while_no_replica_answers(databases: list[Path], tmp_path: Path) -> None:
    with behind_nginx(databases, tmp_path, cache_seconds=1) as proxied:
        before = proxied.client.get("/v1/measures?limit=2")
        os.kill(proxied.replicas[0].pid, signal.SIGKILL)
        assert proxied.client.get("/v1/measures?limit=3").status_code == 200  # from the other
        os.kill(proxied.replicas[1].pid, signal.SIGKILL)
        time.sleep(2.5)  # as long as it may be kept, and given out while it is asked for
        after = proxied.client.get("/v1/measures?limit=2")
        assert (after.status_code, after.content) == (200, before.content)
        assert after.headers["X-Cache-Status"] == "STALE"
        assert proxied.client.get("/v1/measures?limit=4").status_code == 502
