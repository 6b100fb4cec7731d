"""Settings: what an operator may set, and what is said of a value that cannot be used."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from app.cli import main
from app.settings import Settings
from tests.conftest import answer, serving

WRONG = [
    ("PREFIX", "shisaku"),
    ("PREFIX", "/a/"),
    ("THREADS", "0"),
    ("DEADLINE_SECONDS", "-1"),
    ("CACHE_BYTES", "-1"),
    ("QUEUE", "many"),
    ("DATABASE", ""),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_out_of_its_limits_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"SHISAKU_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings()
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: SHISAKU_{name}: ")


@pytest.mark.parametrize(
    ("name", "told"),
    [("SHISAKU_TREADS", "did you mean SHISAKU_THREADS?"),
     ("SHISAKU_CACHE_SECOND", "did you mean SHISAKU_CACHE_SECONDS?"),
     ("SHISAKU_WORKERS", "app/db/README.md lists the settings"), ("shisaku_databse", "did you mean SHISAKU_DATABASE?")],
)  # fmt: skip
def test_a_setting_that_is_misspelt_is_refused(name: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "4")
    for command in ("serve", "build", "verify"):
        result = CliRunner().invoke(main, [command])
        assert (result.exit_code, result.output) == (1, f"Error: {name} is no setting: {told}\n")


def test_what_kubernetes_sets_beside_a_service_of_this_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"):
        monkeypatch.setenv(f"SHISAKU_{name}", "tcp://10.0.0.1:8000")
    assert Settings(database=Path("x")).threads == Settings.model_fields["threads"].default
    monkeypatch.setenv("SHISAKU_PORT", "9000")
    with pytest.raises(ValueError, match=r"SHISAKU_PORT is no setting: did you mean PORT\?"):
        Settings(database=Path("x"))


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(database=Path("x")).cache_seconds == 300
    monkeypatch.setenv("SHISAKU_CACHE_SECONDS", "7")
    monkeypatch.setenv("SHISAKU_DATABASE_URL", "")
    assert Settings().cache_seconds == 7
    assert Settings().database_url is None


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(7, "public, max-age=7, stale-while-revalidate=7, stale-if-error=86400"), (0, "public, max-age=0")],
)
def test_cache_seconds_are_what_responses_say(seconds: int, told: str, first: Settings) -> None:
    with serving(first.model_copy(update={"cache_seconds": seconds})) as client:
        assert client.get("/v1").headers["Cache-Control"] == told
        answer(client, "/healthz")
        assert client.get("/healthz").headers["Cache-Control"] == "no-store"


UNREADABLE = ["postgresql://x:SECRET@h/d", "sqlite:///SECRET", "SECRET", "postgresql+psycopg://x:SE@h:CRET/d"]


@pytest.mark.parametrize("url", UNREADABLE)
def test_an_unreadable_database_url_is_refused_without_its_secret(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHISAKU_DATABASE_URL", url)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert result.output.startswith("Error: SHISAKU_DATABASE_URL: ")
    assert "postgresql+psycopg://user:secret@host:port/database" in result.output
    assert "CRET" not in result.output
    with pytest.raises(ValueError, match="database_url") as caught:
        Settings()
    assert "CRET" not in str(caught.value)
