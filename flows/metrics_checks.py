"""System checks of the settings that say who may read the metrics."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error

from flows.conf import ziggy
from flows.texts import quote
from flows.wrong_settings import find_wrong_settings

_SHORTEST_TOKEN = 32


def check_metrics(**_: Any) -> list[CheckMessage]:
    """Return what is wrong in the settings of metrics, without the token.

    Nothing where METRICS is off, for then nobody may read any, and where a value of ZIGGY is of a
    wrong type: another check has an error for that.
    """
    return [*_check_metrics()] if not find_wrong_settings() and ziggy.METRICS else []


def _check_metrics() -> Iterator[CheckMessage]:
    token, networks = ziggy.METRICS_TOKEN, ziggy.METRICS_FROM
    if unusable := [text for text in networks if not _is_some_network(text)]:
        yield Error(
            "ZIGGY_METRICS_FROM names what are no addresses or networks, or all there are: "
            f"{', '.join(map(quote, unusable))}.",
            hint="Name those of Prometheus, such as 127.0.0.1 or 10.0.8.0/24. Metrics are never "
            "public.",
            id="ziggy.E013",
        )
    if token and len(token) < _SHORTEST_TOKEN:
        yield Error(
            f"ZIGGY_METRICS_TOKEN is shorter than {_SHORTEST_TOKEN} characters: it can be guessed.",
            hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"',
            id="ziggy.E014",
        )
    if not (token or networks):
        yield checks.Warning(
            "Metrics are counted, and nobody may read them.",
            hint="Set ZIGGY_METRICS_TOKEN, ZIGGY_METRICS_FROM or both. In the setting ZIGGY, these "
            "have no ZIGGY_ before their names.",
            id="ziggy.W007",
        )


def _is_some_network(text: str) -> bool:
    try:
        return ip_network(text, strict=False).prefixlen > 0
    except ValueError:
        return False
