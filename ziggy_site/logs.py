"""How the site logs: to stderr, in lines for people, or as JSON with the extra `logs`."""

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from flows.security_events import LOGGER as SECURITY

FORMATS = ("line", "json")


class LineFormatter(logging.Formatter):
    """Lines for people. What cannot be seen in a message is written out: no text makes a line.

    All of it can be encoded, the trace of an error too.
    """

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).encode("utf-8", "backslashreplace").decode()

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        shown = logging.makeLogRecord(record.__dict__)
        shown.message = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode()
            for char in shown.message
        )
        return super().formatMessage(shown)


def make_logging(*, log_format: str, level: str) -> dict[str, Any]:
    """Return Django's setting LOGGING. Raises ImproperlyConfigured where the format is unknown."""
    if log_format not in FORMATS:
        raise ImproperlyConfigured(
            f"The variable ZIGGY_LOG_FORMAT must be one of {', '.join(FORMATS)}. Leave it out for "
            "lines."
        )
    if log_format == "json":
        try:
            from ziggy_site.json_logs import JSON_LOGGERS, configure_structlog  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise ImproperlyConfigured(
                f"ZIGGY_LOG_FORMAT=json needs the extra `logs`, of which {error.name} is missing: "
                "see docs/how-to/monitor.md."
            ) from None
        configure_structlog()
        return _make(level, {"()": "ziggy_site.json_logs.JsonFormatter"}, JSON_LOGGERS)
    line = {
        "()": "ziggy_site.logs.LineFormatter",
        "format": "{asctime} {levelname} {name} {request_id}{message}",
        "style": "{",
    }
    return _make(level, line, {})


def _make(level: str, formatter: dict[str, Any], loggers: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": "flows.web.request_id.RequestIdFilter"}},
        "formatters": {"line": formatter},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["request_id"],
            }
        },
        "loggers": {
            SECURITY: {"level": "INFO"},  # whoever logs in is logged, at every LOG_LEVEL
            "procrastinate.blueprints": {"level": "WARNING"},  # each start names its tasks
            **loggers,
        },
        "root": {"handlers": ["stderr"], "level": level},
    }
