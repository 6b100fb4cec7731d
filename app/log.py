"""The log: one line for each message, with its time; as JSON where machines read it."""

import logging
from datetime import UTC, datetime

import orjson

from app.settings import Settings


class JsonFormatter(logging.Formatter):
    """One JSON object a message."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(told).decode()


class TextFormatter(logging.Formatter):
    """Like a line of the access log."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def configure(settings: Settings) -> None:
    """Sends all messages of the process to standard error."""
    handler = logging.StreamHandler()
    text = TextFormatter("%(asctime)s %(levelname)s: %(message)s")
    handler.setFormatter(JsonFormatter() if settings.log_format == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
