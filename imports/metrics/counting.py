"""Counting what happens in this process: requests, runs and security events."""

import time
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any

from django.http import HttpRequest, HttpResponse

from flows.security_events import SecurityEvent, register_listener
from flows.web.routes import get_route_name
from imports.metrics import catalog
from imports.metrics.instruments import (
    PHASES,
    REQUEST_SECONDS,
    REQUESTS,
    RUNS,
    SECURITY_EVENTS,
    check_directory,
)
from imports.models import UNDO, ImportRecord
from imports.runs.signals import run_ended

_IMPORT, _UNDO = catalog.RUNS


def count_requests(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Count each request, by the name of its address, with the time until its answer. Middleware.

    It stands before the others, so that their refusals count as well.
    """
    begin_with_zero()

    def middleware(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = get_response(request)
        route = get_route_name(request.resolver_match)
        method = catalog.bound_label(catalog.REQUESTS_TOTAL, "method", str(request.method))
        REQUESTS.labels(method, route, str(response.status_code)).inc()
        REQUEST_SECONDS.labels(route).observe(time.perf_counter() - began)
        return response

    return middleware


def count_run(record: ImportRecord, durations: Mapping[str, float], **_: Any) -> None:
    """Count a run that ended, and its phases."""
    run = _UNDO if record.mode == UNDO else _IMPORT
    door = catalog.bound_label(catalog.RUNS_TOTAL, "door", str(record.door))
    result = catalog.bound_label(catalog.RUNS_TOTAL, "result", str(record.status))
    RUNS.labels(run, door, result).inc()
    for phase, seconds in durations.items():
        PHASES.labels(run, str(phase)).observe(seconds)


def count_security_event(event: SecurityEvent) -> None:
    """Count an event."""
    SECURITY_EVENTS.labels(str(event)).inc()


def start_counting() -> None:
    """Count runs and security events from now on. Call it once, when Django starts.

    Raises OSError where the directory in which the processes of a machine count cannot be used.
    """
    check_directory()
    run_ended.connect(count_run, dispatch_uid="imports.metrics")
    register_listener(count_security_event)


def begin_with_zero() -> None:
    """Export all runs and events from the start: an alert does not see the first of a series.

    For processes that serve. A command that counts nothing leaves no file of counts behind.
    """
    for counter, metric in (
        (RUNS, catalog.RUNS_TOTAL),
        (SECURITY_EVENTS, catalog.SECURITY_EVENTS_TOTAL),
    ):
        for values in product(*(label.values for label in metric.labels.values())):
            counter.labels(*values)
