"""The address of the metrics, and who may read it: nobody, unless the settings say who."""

from collections.abc import Callable, Sequence
from hmac import compare_digest
from http import HTTPStatus
from ipaddress import ip_address, ip_network

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.settings import api_settings

from flows.conf import ziggy
from flows.security_events import SecurityEvent, log_security_event
from flows.web.throttling import get_address
from flows.web.transactions import open_own_transactions
from imports.metrics.instruments import write_exposition

_SCHEME = b"bearer "
# What proxies add. Who sends one and is not known to stand behind a proxy may be anybody.
_OF_PROXIES = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
_REFUSED = "The metrics are for those that ZIGGY_METRICS_TOKEN and ZIGGY_METRICS_FROM name.\n"


@open_own_transactions
@login_not_required
@require_safe
def show_metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all metrics in the text format, or with 403."""
    return answer_metrics(request, write_exposition)


def answer_metrics(request: HttpRequest, write: Callable[[], bytes]) -> HttpResponse:
    """Answer with the metrics that `write` returns in the text format, or with 403."""
    if not may_read(request):
        log_security_event(SecurityEvent.METRICS_REFUSED, address=get_address(request))
        return HttpResponse(_REFUSED, status=HTTPStatus.FORBIDDEN, content_type="text/plain")
    return HttpResponse(write(), content_type=CONTENT_TYPE_LATEST)


def may_read(request: HttpRequest) -> bool:
    """Return whether the caller has the token and the address, as far as the settings name any.

    Where they name neither, and where METRICS is off, nobody may.
    """
    conditions = []
    if ziggy.METRICS_TOKEN:
        conditions.append(_has_token(request, ziggy.METRICS_TOKEN))
    if ziggy.METRICS_FROM:
        conditions.append(_is_from(request, ziggy.METRICS_FROM))
    return ziggy.METRICS and bool(conditions) and all(conditions)


def _has_token(request: HttpRequest, token: str) -> bool:
    given = request.META.get("HTTP_AUTHORIZATION", "").encode("utf-8", "surrogateescape")
    is_bearer = given[: len(_SCHEME)].lower() == _SCHEME
    return is_bearer and compare_digest(given[len(_SCHEME) :].strip(), token.encode())


def _is_from(request: HttpRequest, networks: Sequence[str]) -> bool:
    try:
        address = ip_address(_find_caller(request))
    except ValueError:  # a socket has no address, and a header may have anything
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in ip_network(network, strict=False) for network in networks)


def _find_caller(request: HttpRequest) -> str:
    """Return the caller's address as the proxies that are trusted tell it; "" if it is unknown."""
    proxies = api_settings.NUM_PROXIES or 0
    if not any(name in request.headers for name in _OF_PROXIES):
        return str(request.META.get("REMOTE_ADDR", ""))
    told = request.headers.get("X-Forwarded-For", "").split(",")
    return told[-proxies].strip() if 0 < proxies <= len(told) else ""
