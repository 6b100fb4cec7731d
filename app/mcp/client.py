"""The API within the process: requests reach the application without a network."""

import logging
from collections.abc import Mapping
from typing import Any

import httpx2
from starlette.types import ASGIApp

from app.errors import SERVER_ERROR, ParameterError, Problem
from app.query.responses import DatasetVersion
from app.query.snapshot import Snapshots
from app.resources.facts import FACTS
from app.settings import Settings
from app.site.view import LOCAL, query_of_line

Values = Mapping[str, Any]  # of query parameters, by name: texts, numbers, flags, or lists of texts

VERSIONED = {each.name for each in FACTS}  # whose pages take `version`

LOG = logging.getLogger(__name__)


class ApiClient:
    """Asks the application, and makes the addresses of its pages."""

    def __init__(self, app: ASGIApp, settings: Settings, snapshots: Snapshots) -> None:
        plain = {"Accept-Encoding": "identity"}
        self._client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=LOCAL, headers=plain)
        self._base = f"{settings.origin or LOCAL}{settings.prefix}"
        self._snapshots = snapshots

    @property
    def dataset(self) -> DatasetVersion:
        """The version of the data that answers are of."""
        return self._snapshots.current().dataset.version

    async def ask(self, path: str, values: Values | None = None) -> dict[str, Any]:
        """The JSON that the API answers to a GET request. Raises its error as a Problem."""
        try:
            response = await self._client.get(path, params=_sent(values or {}))
        except httpx2.InvalidURL as error:
            raise Problem(422, "These arguments are too long, or hold characters that no address has.") from error
        except Exception as error:  # an error of the application, whose text is not for clients
            LOG.exception("GET %s", path)
            raise SERVER_ERROR from error
        answer: dict[str, Any] = response.json()
        if response.status_code != 200:
            errors = [ParameterError(**each) for each in answer["errors"]]
            raise Problem(answer["status"], answer["detail"], errors=errors)
        return answer

    def link(self, path: str, values: Values | None = None) -> str:
        """The address of a page."""
        query = str(_sent(values or {}))
        return f"{self._base}{path}?{query}" if query else f"{self._base}{path}"

    def record_link(self, resource: str, id_: str) -> str:
        """The address of the page of a record, as this version of the data has it where the page takes one."""
        return self.link(f"/{resource}/{id_}", {"version": self.dataset.version} if resource in VERSIONED else None)

    def line_link(self, document: str, number: int) -> str:
        """The address of a line of a transcript, on its page."""
        query = query_of_line(number)
        return f"{self._base}/documents/{document}{query and f'?{query}'}#L{number}"


def _sent(values: Values) -> httpx2.QueryParams:
    """Query parameters as they are sent."""
    # 3.0 is an integer in JSON Schema.
    return httpx2.QueryParams({name: int(each) if isinstance(each, float) else each for name, each in values.items()})
