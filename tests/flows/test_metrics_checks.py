"""The checks of who may read the metrics: of settings that count, and never with the token."""

import pytest

from flows.metrics_checks import check_metrics

SHORT = "CANARY-short"
LONG = "a-token-of-32-characters-or-more"


@pytest.fixture
def found(settings):
    def run(**keys):
        settings.ZIGGY = {**settings.ZIGGY, **keys}
        messages = check_metrics()
        assert SHORT not in str(messages)
        return [message.id for message in messages]

    return run


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"METRICS_TOKEN": SHORT}, ["ziggy.E014"]),
        ({"METRICS_TOKEN": LONG}, []),
        ({"METRICS_FROM": ["10.0.8.0/24", "all", "0.0.0.0/0"]}, ["ziggy.E013"]),
        ({"METRICS_FROM": ["10.0.8.0/24"]}, []),
        ({}, ["ziggy.W007"]),
    ],
)
def test_what_is_unsafe_is_found_where_metrics_are_on_alone(found, keys, expected):
    assert found(METRICS=True, **keys) == expected
    assert found(METRICS=False, **keys) == []
