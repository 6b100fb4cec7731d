"""Everything an operator can set, read once from the environment; nothing else in the project reads it."""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT = Path(__file__).resolve().parents[1]
SEED = PROJECT / "seed"

POSTGRES = "postgresql+psycopg://"
PREFIX = "SHISAKU_"
# What Kubernetes sets in every container beside a service that is called shisaku.
OF_KUBERNETES = re.compile(r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_\w+)=.*|PORT=\w+://.*")


def _of_postgres(url: SecretStr) -> SecretStr:
    from sqlalchemy.engine import make_url  # only where there is something to read

    form = f"{POSTGRES}user:secret@host:port/database"
    if not url.get_secret_value().startswith(POSTGRES):
        raise ValueError(f"only {form} is understood; without it, the data stands in a file")
    try:
        make_url(url.get_secret_value())
    except Exception:  # noqa: BLE001 - what it says may hold a part of the secret
        raise ValueError(f"it cannot be read as {form}; write @, : and / within a part as %40, %3A and %2F") from None
    return url


def _of_a_file(path: Path) -> Path:
    if not path.name:
        raise ValueError("this names no file: give the path of one, or unset it")
    return path


class Settings(BaseSettings):
    """Each field is the environment variable `SHISAKU_<NAME>`; the README's table is made from here."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # an address may hold a secret
    )

    database: Annotated[Path, AfterValidator(_of_a_file)] = Field(
        default=PROJECT / "data" / "shisaku.sqlite",
        description="The SQLite file that is served. `shisaku build` replaces it as a whole.",
    )
    database_url: Annotated[
        Annotated[SecretStr, AfterValidator(_of_postgres)] | None, BeforeValidator(lambda given: given or None)
    ] = Field(
        default=None,
        description="A PostgreSQL database to build into and to serve from instead of the file, such as "
        "`postgresql+psycopg://reader@db.example/shisaku`. Downloads are kept beside the file's path.",
    )
    prefix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9._~-]+)*$")] = Field(
        default="",
        description="Path under which a proxy publishes the service, such as `/shisaku`; every link begins with it.",
    )
    origin: Annotated[str, Field(pattern=r"^(https?://[^/\s]+)?$")] = Field(
        default="",
        description="Where the service is public, such as `https://shisaku.example`: pages and sitemaps tell search "
        "engines addresses that begin with it.",
    )
    cache_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = Field(
        default=300,
        description="`max-age` and `stale-while-revalidate` of `Cache-Control` on every answer that is not an error.",
    )
    cache_bytes: Annotated[int, Field(ge=0, le=2**40)] = Field(
        default=8 * 2**20,
        description="How many bytes of answers one process keeps ready; 0 keeps none.",
    )
    deadline_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=2.0, description="How long one question may run in the database before it is stopped (503)."
    )
    threads: Annotated[int, Field(ge=1, le=64)] = Field(
        default=2,
        description="Questions that run at the same time in one process, each on its own connection.",
    )
    queue: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=4_000,
        description="Questions that may wait for their turn; one more is told to come back (503).",
    )
    wait_seconds: Annotated[float, Field(gt=0, le=60)] = Field(
        default=5.0, description="How long a question may wait for its turn before it is told to come back (503)."
    )
    transfers: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=128,
        description="Downloads and other answers beyond 64 KiB that one process sends at a time; one more is told to "
        "come back (503).",
    )
    connections: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=4_000,
        description="Connections of one process, as far as the system's limit of open files allows. Beyond it, those "
        "that have waited longest are closed, and others told to come back (503).",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="How the log is written: `text` for people, `json` for machines."
    )
    access_log: bool = Field(default=True, description="Whether a line is written for each request.")
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=0,
        description="Port at which Prometheus finds the metrics of a process, apart from the service; of several "
        "processes, each takes the next one. 0 is off.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address that the metrics are served on.")
    requests_per_client: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0,
        description="Requests of one client, an IPv4 address or an IPv6 network /64, that one process answers at a "
        "time; one more is told to come back (429). 0 sets no limit. Of the proxies in `FORWARDED_ALLOW_IPS` "
        "(`127.0.0.1`; read by uvicorn), the address is that of `X-Forwarded-For`.",
    )

    @model_validator(mode="after")
    def _knows_every_name(self) -> Self:
        """A setting that is misspelt would change nothing, and nobody would notice."""
        fields = type(self).model_fields
        names = {each: f"{PREFIX}{each.upper()}" for each in fields} | {"host": "HOST", "port": "PORT"}
        for variable, value in os.environ.items():
            name = variable.upper().removeprefix(PREFIX)
            if variable.upper() == name or name.lower() in fields or OF_KUBERNETES.fullmatch(f"{name}={value}"):
                continue
            nearest = get_close_matches(name.lower(), names, n=1)
            hint = f"did you mean {names[nearest[0]]}?" if nearest else "app/db/README.md lists the settings"
            raise ValueError(f"{variable} is no setting: {hint}")
        return self
