"""The log as JSON, with structlog: one object a line, in ASCII, so that no text can make a line.

A line has the keys `time`, `level`, `logger`, `event` and, where they are known, `request_id`,
`user` and `run`. Texts of files, names and bodies have no place in it: requests are logged by the
name of their address (`method`, `route`, `code`), errors by their class and the places in the code,
without their messages, and loggers that quote values, such as that of SQL, are silent.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter

from flows.log_context import read_log_context

_Event = MutableMapping[str, Any]

_LONGEST = 4096
_FRAMES = 30
_ORDER = ("time", "level", "logger", "event", "request_id", "user", "run")

# Requests are logged by django-structlog; these would quote their addresses, which have names.
_SILENT = {"handlers": [], "propagate": False, "level": "CRITICAL"}
JSON_LOGGERS: dict[str, Any] = {
    # Below INFO, Django logs statements with their values, and what templates do not find.
    "django": {"handlers": [], "propagate": True, "level": "INFO"},
    "django.request": _SILENT,
    "django.server": _SILENT,
    "django.security.csrf": _SILENT,
}


class JsonFormatter(ProcessorFormatter):
    """Formats every record as one JSON object, whether it comes from structlog or from logging."""

    def __init__(self) -> None:
        super().__init__(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                _add_security_event,
            ],
            processors=[
                _describe_error,  # before the record is gone
                ProcessorFormatter.remove_processors_meta,
                _add_context,
                structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
                _order_keys,
                structlog.processors.JSONRenderer(),
            ],
            keep_exc_info=True,
        )

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; one that tells of a call whose values do not fit its text, too."""
        shown = logging.makeLogRecord(record.__dict__)
        if isinstance(shown.args, tuple):
            shown.args = tuple(getattr(value, "log_text", value) for value in shown.args)
        try:
            return super().format(shown)
        except (TypeError, ValueError):
            # Python would print the text and its values, in several lines.
            shown.msg = f"A line of {record.pathname}:{record.lineno} does not fit its values."
            shown.args = ()
            return super().format(shown)


def configure_structlog() -> None:
    """Send what structlog's own loggers are told, those of django-structlog, to logging."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # Warnings of Python have lines of their own otherwise, on stderr.
    logging.captureWarnings(True)


def _add_security_event(_logger: Any, _method: str, event: _Event) -> _Event:
    record = event.get("_record")
    if name := getattr(record, "security_event", None):
        event.update(getattr(record, "security_facts", {}))
        event["event"] = name
    return event


def _add_context(_logger: Any, _method: str, event: _Event) -> _Event:
    event.update(read_log_context())
    return event


def _describe_error(_logger: Any, _method: str, event: _Event) -> _Event:
    """Put the classes of an error and its causes, and where they were raised, in its place.

    What an exception says may quote a file, a statement or a value.
    """
    record, given = event["_record"], event.pop("exc_info", None)
    found = record.exc_info or given
    event.pop("stack_info", None)
    record.exc_info, record.exc_text, record.stack_info = None, None, None
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = _list_causes(error)
    return event


def _list_causes(error: BaseException) -> list[dict[str, Any]]:
    causes: list[dict[str, Any]] = []
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        frames = traceback.extract_tb(cause.__traceback__)[-_FRAMES:]
        causes.append(
            {
                "type": f"{type(cause).__module__}.{type(cause).__qualname__}",
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return causes


def _order_keys(_logger: Any, _method: str, event: _Event) -> _Event:
    event["event"] = str(event.get("event", ""))[:_LONGEST]
    first = {key: event[key] for key in _ORDER if key in event}
    return {**first, **{key: event[key] for key in sorted(event.keys() - first.keys())}}
