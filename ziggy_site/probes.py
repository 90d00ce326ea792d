"""`/live` and `/ready`, for orchestrators and monitoring: middleware in front of all other.

`/live` says that the process answers, and touches nothing: who restarts processes asks it. `/ready`
says whether the service can take work: who sends requests to processes asks it.

Both are answered before the request's host and scheme are looked at, since a probe names an
address instead of a host, and speaks plain HTTP to a process behind a proxy. That is safe, as
nothing of the request is used: there is no link, no cookie and no login in the answer, and it is
the same for everybody. It has codes, and no names, paths or versions.

They are asked every few seconds, and are no request in the log and the metrics: a server that is
not ready gives no errors to users. The log tells what `/ready` says when that changes.
"""

import logging
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from threading import Lock
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFault
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.utils.module_loading import import_string

from flows.database.statement_timeout import limit_statements

logger = logging.getLogger(__name__)

_OK = "ok"
_FRESH_SECONDS = 2.0
_STALE_SECONDS = 10.0
"""How old a result may be while the next one is made, which may hang with the database."""
_STATEMENT_SECONDS = 2.0


def answer_probes(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Answer `/live` and `/ready`. Middleware."""
    answers = {"/live": _answer_live, "/ready": _answer_ready}

    def middleware(request: HttpRequest) -> HttpResponse:
        answer = answers.get(request.path_info)
        if answer is None:
            return get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        response = answer()
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response._has_been_logged = True  # type: ignore[attr-defined] # Django logs each 503 else
        return response

    return middleware


def _answer_live() -> HttpResponse:
    return JsonResponse({"status": "live"})


def _answer_ready() -> HttpResponse:
    codes = _readiness.get()
    is_ready = set(codes.values()) == {_OK}
    return JsonResponse(
        {"status": "ready" if is_ready else "not-ready", "checks": codes},
        status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
    )


class Readiness:
    """The code of each check, which one thread at a time finds out, for a few seconds."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._codes: Mapping[str, str] = {}
        self._found_at = float("-inf")

    def get(self) -> Mapping[str, str]:
        """Return the codes by the checks' names.

        While another thread looks, they are those of before; after a while they are `unknown`.
        """
        if self._get_age() < _FRESH_SECONDS:
            return self._codes
        if not self._lock.acquire(blocking=False):
            is_recent = self._get_age() < _STALE_SECONDS
            return self._codes if is_recent else dict.fromkeys(settings.READINESS_CHECKS, "unknown")
        try:
            codes = _run_checks()
            _log_change(self._codes, codes)
            self._codes, self._found_at = codes, time.monotonic()
            return codes
        finally:
            self._lock.release()

    def forget(self) -> None:
        """Look again at the next call."""
        self._found_at = float("-inf")

    def _get_age(self) -> float:
        return time.monotonic() - self._found_at


def _log_change(before: Mapping[str, str], codes: Mapping[str, str]) -> None:
    """Tell the log where the service is ready no more, or again, or for another reason."""
    wrong = [f"{name} {code}" for name, code in codes.items() if code != _OK]
    if wrong and codes != before:
        logger.warning("Not ready: %s", ", ".join(wrong))
    elif not wrong and set(before.values()) - {_OK}:
        logger.info("Ready again")


_readiness = Readiness()
forget_readiness = _readiness.forget


def _run_checks() -> Mapping[str, str]:
    codes: dict[str, str] = {}
    for name, path in settings.READINESS_CHECKS.items():
        # Where the database does not answer, each check would wait for it.
        is_there = "database-unavailable" not in codes.values()
        codes[name] = _run(name, import_string(path)) if is_there else "unknown"
    return codes


def _run(name: str, check: Callable[[], Any]) -> str:
    try:
        with limit_statements(_STATEMENT_SECONDS):
            return str(check())
    except DatabaseFault:
        logger.warning("The check %s of readiness could not ask the database", name)
        return "database-unavailable"
