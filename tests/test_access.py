"""What a service tells its operator: a line for each request, ids, metrics, the state of the database."""

import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from app.cli import readiness
from app.db.base import Unusable
from app.http.access import json_line, request_id, text_line
from app.http.metrics import Metrics
from app.log import JsonFormatter
from app.main import create_app, service
from app.settings import PROJECT, Settings
from tests.conftest import NO_CERTIFICATES, Process, eventually, free_port, get, process, serving

LINE = re.compile(
    r"\S+\+00:00 (?P<method>\S+) (?P<target>\S+) (?P<status>\d+) (?P<size>\d+) B (?P<took>[\d.]+) ms"
    r"(?P<cached> cached)? (?P<id>\S+)"
)


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(first: Settings, metrics_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with process(first, tmp_path_factory.mktemp("access"), metrics_port=metrics_port) as server:
        yield server


def lines_of(server: Process, id_: str) -> list[re.Match[str]]:
    """The lines of the log of requests with an id."""
    found = [LINE.fullmatch(line) for line in server.output.read_text().splitlines()]
    assert all(found)
    return [each for each in found if each and each["id"] == id_]


def told(server: Process, id_: str) -> re.Match[str]:
    eventually(lambda: bool(lines_of(server, id_)))
    (line,) = lines_of(server, id_)
    return line


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def metrics(port: int) -> dict[tuple[str, ...], float]:
    return samples(get(f"http://127.0.0.1:{port}/metrics").text)


def test_a_line_tells_how_a_request_was_answered(server: Process) -> None:
    with httpx.Client(base_url=server.url, verify=NO_CERTIFICATES) as client:
        for id_, cached in (("one", None), ("two", " cached")):
            response = client.get("/v1/measures?limit=3&q=薬", headers={"X-Request-Id": id_})
            line = told(server, id_)
            assert response.headers["X-Request-Id"] == id_
            assert (line["method"], line["target"], line["status"]) == (
                "GET",
                "/v1/measures?limit=3&q=%E8%96%AC",
                "200",
            )
            assert int(line["size"]) == int(response.headers["Content-Length"])
            assert line["cached"] == cached
            assert float(line["took"]) > 0
        again = client.get(
            "/v1/measures?limit=3&q=薬", headers={"X-Request-Id": "three", "If-None-Match": response.headers["ETag"]}
        )
        assert again.status_code == 304
        assert (told(server, "three")["status"], told(server, "three")["size"]) == ("304", "0")


@pytest.mark.parametrize(
    ("path", "status", "target"),
    [
        ("/v1/measures/nothing", "404", "/v1/measures/nothing"),
        ("/a%0AGET%20/forged", "404", "/a%0AGET%20/forged"),
        ("/v1/measures?x=%0A", "422", "/v1/measures?x=%0A"),
    ],
)
def test_refusals_are_told_and_no_path_writes_a_line_of_its_own(
    path: str, status: str, target: str, server: Process
) -> None:
    response = get(f"{server.url}{path}")
    line = told(server, response.headers["X-Request-Id"])
    assert (line["status"], line["target"]) == (status, target)
    assert "X-Request-Id" in response.headers["Access-Control-Expose-Headers"]


NAMED = b"Host: x\r\nX-Request-Id: "


@pytest.mark.parametrize(
    ("id_", "request_", "expected"),
    [
        (
            "r1",
            b"FOO /v1/secret?a=b HTTP/1.1\r\nConnection: close\r\n" + NAMED + b"r1\r\n\r\n",
            "FOO /v1/secret?a=b 405",
        ),
        ("r2", b"GET /v1?a HTTP/1.1\r\n" + NAMED + b"r2\r\nAccept: */*\r\nX : y\r\n\r\n", "GET /v1?a 400"),
        ("r3", b"GET /v1 HTTP/1.1\r\n" + NAMED + b"r3\r\nHost: y\r\n\r\n", "GET /v1 400"),
        ("", b"GET /v1 HTTP/1.1\r\nHost: x\r\n" + b"x: y\r\n" * 200 + b"\r\n", "GET /v1 431"),
        ("", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", "GET - 414"),
        ("", b"\x16\x03\x01", "- - 400"),
        ("", b"GET\t/ HTTP/1.1\r\n\r\n", "- - 400"),
    ],
)
def test_what_is_refused_while_it_is_parsed_is_told_as_far_as_it_is_known(
    id_: str, request_: bytes, expected: str, server: Process
) -> None:
    (found,) = re.findall(rb"x-request-id: (\S+)", server.raw(request_))
    line = told(server, found.decode())
    assert f"{line['method']} {line['target']} {line['status']}" == expected
    assert id_ in ("", line["id"])


TRACE_ID = b"0af7651916cd43dd8448eb211c80319c"
NO_TRACES = [
    b"ff-" + TRACE_ID + b"-b7ad6b7169203331-01",
    b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01",
    b"00-" + TRACE_ID + b"-0000000000000000-01",
    b"00-" + TRACE_ID + b"-b7ad6b7169203331-01-more",
    b"01-" + TRACE_ID + b"-b7ad6b7169203331-01more",
    b"00-" + TRACE_ID.upper() + b"-b7ad6b7169203331-01",
]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"x-request-id", b"abc-1.2_3:/+=")], b"abc-1.2_3:/+="),
        (
            [(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")],
            b"0af7651916cd43dd8448eb211c80319c",
        ),
        ([(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), (b"x-request-id", b"a")], b"a"),
        ([(b"x-request-id", b"two words")], None),
        ([(b"x-request-id", b"")], None),
        ([(b"x-request-id", b"a" * 129)], None),
        ([(b"traceparent", b"00-0af7")], None),
        *(([(b"traceparent", each)], None) for each in NO_TRACES),
        ([(b"traceparent", b"01-" + TRACE_ID + b"-b7ad6b7169203331-01-more")], TRACE_ID),
        ([], None),
    ],
)
def test_the_id_is_the_callers_or_the_traces_or_a_new_one(headers: Any, expected: bytes | None) -> None:
    found = request_id(headers)
    assert found == expected if expected else re.fullmatch(rb"[0-9a-f]{16}", found)
    assert expected or len({found, *(request_id(headers) for _ in range(1_000))}) == 1_001


def test_lines_for_machines_are_json() -> None:
    state = {"request_id": b"x", "cached": True}
    route = SimpleNamespace(path_format="/v1/measures")
    scope = {"method": "GET", "raw_path": b"/v1/measures", "query_string": b"q=a", "state": state, "route": route}
    line = json_line(scope, 200, 12, 0.0015)
    assert line.endswith("\n")
    shown = orjson.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", shown.pop("time"))
    assert shown == {
        "method": "GET", "path": "/v1/measures", "query": "q=a", "status": 200, "bytes": 12, "milliseconds": 1.5,
        "cached": True, "request_id": "x", "operation": "/v1/measures",
    }  # fmt: skip
    odd = {**scope, "raw_path": b"/a b\n\x1b[31m\xe9", "query_string": b""}
    assert " /a%20b%0A%1B[31m%E9 200 12 B 1.5 ms cached x\n" in text_line(odd, 200, 12, 0.0015)


@pytest.mark.slow
def test_all_messages_of_a_process_are_json_where_it_is_asked_for(first: Settings, tmp_path: Path) -> None:
    with process(first, tmp_path, log_format="json") as server:
        get(f"{server.url}/v1", headers={"X-Request-Id": "json"})
        eventually(lambda: '"request_id":"json"' in server.output.read_text())
        for text in (server.output.read_text(), server.log.read_text()):
            lines = [orjson.loads(line) for line in text.splitlines()]
            assert lines
            assert all("time" in line for line in lines)


def test_an_error_is_one_line_of_json_with_its_traceback() -> None:
    error = RuntimeError("broken\nhere")
    record = logging.LogRecord("shisaku", logging.ERROR, "", 0, "a fault", (), (RuntimeError, error, None))
    line = JsonFormatter().format(record)
    shown = orjson.loads(line)
    assert "\n" not in line
    assert (shown["level"], shown["message"]) == ("error", "a fault")
    assert shown["exception"].endswith("RuntimeError: broken\nhere")


def log_to(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.main.sys", SimpleNamespace(stdout=SimpleNamespace(fileno=lambda: file)))


@pytest.mark.parametrize("access_log", [True, False])
def test_the_access_log_is_written_to_its_end_or_left_out(
    access_log: bool, first: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "log").open("wb") as log:
        log_to(log.fileno(), monkeypatch)
        with serving(service(create_app(first.model_copy(update={"access_log": access_log})))) as client:
            assert client.get("/v1", headers={"X-Request-Id": "last"}).headers["X-Request-Id"] == "last"
    lines = [LINE.fullmatch(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["id"] for line in lines if line] == ["last"] * access_log
    assert all(lines)


def test_metrics_count_requests_and_tell_the_state(server: Process, metrics_port: int) -> None:
    before = metrics(metrics_port)
    with httpx.Client(base_url=server.url, verify=NO_CERTIFICATES) as client:
        sizes = [len(client.get("/v1/pillars/nothing").content) for _ in range(3)]
        sizes += [
            len(client.get("/v1/modalities?limit=2", headers={"Accept-Encoding": "identity"}).content) for _ in "ab"
        ]
    requests = "shisaku_requests_total"
    last = requests, "/v1/modalities", "200"
    eventually(lambda: metrics(metrics_port).get(last, 0) == before.get(last, 0) + 2)  # it is counted once it is sent
    after = metrics(metrics_port)

    def value(name: str) -> float:
        return after[name,]

    def more(*key: str) -> float:
        return after[key] - before.get(key, 0)

    assert more(requests, "/v1/pillars/{id}", "404") == 3
    assert more(requests, "/v1/modalities", "200") == 2
    assert more("shisaku_request_seconds_count", "/v1/modalities") == 2
    assert more("shisaku_cache_hits_total") == 1
    assert more("shisaku_response_bytes_total") == sum(sizes)
    assert value("shisaku_questions_running") == value("shisaku_questions_waiting") == 0
    assert value("shisaku_questions_refused_total") == 0
    assert value("shisaku_cache_bytes") > 0
    assert value("shisaku_database_whole") == 1
    assert value("shisaku_database_age_seconds") > 0
    (database,) = (key for key in after if key[0] == "shisaku_database_info")
    dataset = get(f"{server.url}/v1").json()["dataset"]
    assert set(database[1:]) == {dataset["version"], dataset["digest"]}
    assert any(key[0] == "process_resident_memory_bytes" for key in after)


def test_the_histogram_is_of_all_requests_of_an_operation(first: Settings) -> None:
    """Its buckets are cumulative, and bounded by what they may take at most, whatever the status."""
    app = create_app(first.model_copy(update={"access_log": False}))
    refusing: Any = service(app).app  # type: ignore[attr-defined] # behind the ids
    counted = Metrics(app.state.snapshots, refusing.app.app, refusing.app)
    route = SimpleNamespace(path_format="/v1/stages")
    for status, seconds in ((200, 0.0009), (200, 0.001), (404, 0.0011), (200, 7.0), (503, 11.0)):
        counted.observe({"state": {"cached": True}, "route": route}, status, 10, seconds)
    counted.observe({"state": {}}, 404, 10, 0.3)
    counted.observe({"state": {}}, 404, 10, 0.3)
    found = samples(generate_latest(counted.registry).decode())
    bounds = {"0.001": 2, "0.0025": 3, "5.0": 3, "10.0": 4, "+Inf": 5}
    for bound, count in bounds.items():
        assert found["shisaku_request_seconds_bucket", bound, "/v1/stages"] == count
    assert found["shisaku_request_seconds_count", "/v1/stages"] == 5
    assert found["shisaku_request_seconds_sum", "/v1/stages"] == pytest.approx(18.003)
    assert found["shisaku_requests_total", "/v1/stages", "200"] == 3
    assert found["shisaku_requests_total", "other", "404"] == 2
    assert found["shisaku_request_seconds_bucket", "0.25", "other"] == 0
    assert found["shisaku_request_seconds_bucket", "0.5", "other"] == 2
    assert found["shisaku_cache_hits_total",] == 5
    assert found["shisaku_response_bytes_total",] == 70
    app.state.snapshots.close()


@pytest.mark.slow
def test_processes_have_metrics_of_their_own(first: Settings, tmp_path: Path) -> None:
    port = free_port()
    with process(first, tmp_path, "--workers", "2", metrics_port=port):
        eventually(lambda: all(_answers(port + place) for place in (0, 1)))


def test_metrics_end_with_the_service(first: Settings) -> None:
    port = free_port()
    told = first.model_copy(update={"metrics_port": port, "access_log": False})
    with serving(service(create_app(told))) as client:
        assert client.get("/v1").status_code == 200
        assert _answers(port)
    assert not _answers(port)


def test_a_service_without_a_port_for_its_metrics_is_served(
    first: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("app.http.metrics.MAX_PROCESSES", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = first.model_copy(update={"metrics_port": port, "access_log": False})
        with serving(service(create_app(told))) as client:
            assert client.get("/v1").status_code == 200
    assert f"no metrics: no port from {port} on is free" in caplog.text


def _answers(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/metrics").status_code == 200
    except httpx.TransportError:
        return False


def status(settings: Settings, server: Process, **environment: Any) -> tuple[int, str]:
    """What `shisaku status` says of a database and a service, and how it ends."""
    given = {f"SHISAKU_{name.upper()}": str(value) for name, value in environment.items()}
    result = subprocess.run(
        [sys.executable, "-m", "app.cli", "status", "--port", str(server.port)],
        cwd=PROJECT,
        env={**os.environ, "SHISAKU_DATABASE": str(settings.database), **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not result.stderr
    return result.returncode, result.stdout


@pytest.mark.slow
def test_status_tells_a_person_how_it_is(
    first: Settings, server: Process, metrics_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = get(f"{server.url}/v1").json()["dataset"]["digest"]
    code, printed = status(first, server, metrics_port=metrics_port)
    assert code == 0
    assert re.search(rf"^database: whole, version .*{digest}$", printed, re.MULTILINE)
    files = sorted(first.database.parent.glob(f"{first.database.name}.*/*"))
    size = sum(each.stat().st_size for each in files)
    assert f"\nfiles:    all {len(files)} of the downloads, {size} B; `shisaku verify` compares" in printed
    assert f"service:  ready, digest {digest}" in printed
    assert re.search(r"^ +shisaku_questions_waiting 0\.0$", printed, re.MULTILINE)
    code, printed = status(first, replace(server, port=free_port()))
    assert (code, printed.splitlines()[-1]) == (1, "service:  nothing answers")
    code, printed = status(first.model_copy(update={"database": tmp_path / "nothing.sqlite"}), server)
    assert code == 1
    assert "Run `shisaku build`" in printed
    given = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("http_proxy", f"http://{given}")
    code, printed = status(first, server, metrics_port=given.rpartition(":")[2])
    assert (code, printed.splitlines()[-1]) == (0, f"metrics:  nothing answers at port {given.rpartition(':')[2]}")
    code, printed = status(first, server, prefix="/elsewhere")
    assert code == 1
    assert "service:  There is nothing at this path" in printed


@pytest.mark.slow
def test_status_tells_when_the_service_has_another_build(everything: Settings, server: Process) -> None:
    code, printed = status(everything, server)
    assert (code, printed.splitlines()[-1].strip()) == (1, "it serves another build than this database")


@pytest.mark.slow
def test_status_tells_of_downloads_that_are_not_where_the_database_says(
    first: Settings, server: Process, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(first.database.parent, copy)
    lost, *_, cut = sorted(copy.glob("*/*"))
    lost.unlink()
    with cut.open("r+b") as file:
        file.truncate(cut.stat().st_size - 1)
    code, printed = status(first.model_copy(update={"database": copy / first.database.name}), server)
    assert code == 1
    assert "database: whole" in printed
    told = re.search(r"^files:    missing, or of another size: (.*)\. Run `shisaku build`\.$", printed, re.MULTILINE)
    assert told
    assert set(told[1].split(", ")) == {lost.name, cut.name}
    assert "service:  ready" in printed


def test_a_log_without_room_loses_lines_and_goes_on(
    first: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written: list[bytes] = []

    def write(_: int, data: bytes) -> int:
        if not written:
            written.append(b"")
            raise OSError(28, "No space left on device")
        written.append(data[:10])
        return 10

    monkeypatch.setattr("app.http.access.os", SimpleNamespace(write=write))
    with serving(service(create_app(first))) as client:
        client.get("/v1?lost")
        eventually(lambda: written)
        client.get("/v1?kept")
    assert b"/v1?kept" in b"".join(written)
    assert b"lost" not in b"".join(written)
    assert not [each for each in caplog.records if each.name != "httpx"]


def writers() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "access-log"}


def test_a_log_whose_reader_stops_loses_lines_and_goes_on(first: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = writers()
    read, write = os.pipe()
    log_to(write, monkeypatch)
    with serving(service(create_app(first))) as client:
        for _ in range(200):  # three times what a pipe holds
            assert client.get(f"/v1?{'long' * 250}").status_code == 422
    os.close(read)
    eventually(lambda: writers() <= before)
    os.close(write)


def test_head_is_counted_by_its_route(server: Process, metrics_port: int) -> None:
    key = "shisaku_requests_total", "/v1/stages", "200"
    before = metrics(metrics_port).get(key, 0)
    assert httpx.head(f"{server.url}/v1/stages", verify=NO_CERTIFICATES).status_code == 200
    eventually(lambda: metrics(metrics_port).get(key) == before + 1)  # it is counted once it is sent


@pytest.mark.parametrize(("host", "port"), [("nosuch.invalid", 9_000), ("192.0.2.1", 9_000)])
def test_metrics_that_cannot_be_served_stop_the_start(host: str, port: int, first: Settings) -> None:
    told = first.model_copy(update={"metrics_host": host, "metrics_port": port, "access_log": False})
    with pytest.raises(Unusable, match=f"No metrics can be served at {host}, port {port}"):
        service(create_app(told))


def test_beyond_the_last_port_there_are_no_metrics(first: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 65_535))
        taken.listen()
        service(create_app(first.model_copy(update={"metrics_port": 65_535, "access_log": False})))
    assert "no port from 65535 on is free" in caplog.text


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<p>!", "what answers is another program"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "what answers is another program"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", "what answers is another program"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", "nothing answers"),
        (b"+OK POP3\r\n", "nothing answers"),
        (b"", "nothing answers"),
    ],
)
def test_status_tells_when_another_program_answers(sent: bytes, told: str) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer_once() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(4_096)
                connection.sendall(sent)

        thread = threading.Thread(target=answer_once)
        thread.start()
        assert readiness("127.0.0.1", listening.getsockname()[1], "/readyz") == {"status": told}
        thread.join()
