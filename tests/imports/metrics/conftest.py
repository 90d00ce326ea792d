"""The metrics, switched on in a project that has them off."""

import sys

import pytest
from django.urls import clear_url_caches, include, path

from flows import security_events
from imports.metrics import counting
from imports.runs.signals import run_ended
from tests.support.queue_fixtures import _may_queue, _queue_tables, queue
from ziggy_site import urls

__all__ = ["_may_queue", "_queue_tables", "queue"]


@pytest.fixture
def metrics(settings):
    """What ZIGGY_METRICS=1 does to the site."""
    settings.ZIGGY = {**settings.ZIGGY, "METRICS": True}
    at = settings.MIDDLEWARE.index("flows.web.request_id.add_request_id") + 1
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE[:at],
        "imports.metrics.counting.count_requests",
        *settings.MIDDLEWARE[at:],
    ]
    with_metrics = type(sys)("site_with_metrics")
    with_metrics.urlpatterns = [*urls.urlpatterns, path("metrics", include("imports.metrics.urls"))]
    for name in ("handler403", "handler404", "handler500"):
        setattr(with_metrics, name, getattr(urls, name))
    settings.ROOT_URLCONF = with_metrics
    clear_url_caches()
    counting.start_counting()
    yield
    run_ended.disconnect(dispatch_uid="imports.metrics", sender=None)
    security_events._listeners.remove(counting.count_security_event)
