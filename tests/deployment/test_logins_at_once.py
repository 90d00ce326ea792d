"""Many logins at once on the shipped gunicorn: its threads stay free for everybody else."""

import json
import threading
import time
from collections import Counter
from statistics import median

import pytest

from tests.support.deployment import PASSWORD, ask_gunicorn

pytestmark = pytest.mark.deployment

LOGINS = 50
PATIENCE = 2.0  # seconds, and three times what one login takes on this machine now


def log_in(deployment, name="ada", password=PASSWORD):
    body = json.dumps({"username": name, "password": password})
    begun = time.monotonic()
    status, headers, content = ask_gunicorn(
        deployment, "POST", "/api/auth/login", body, timeout=60, Content_Type="application/json"
    )
    return status, headers, json.loads(content), time.monotonic() - begun


def log_in_at_once(deployment, *, between=lambda: None):
    """The answers of many logins; `between` is done again and again until all have one."""
    start, answers = threading.Barrier(LOGINS), []

    def act(number):
        start.wait()
        answers.append(log_in(deployment, name="ada" if number % 2 else f"nobody-{number}"))

    threads = [threading.Thread(target=act, args=(number,)) for number in range(LOGINS)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        between()
    return answers


def test_many_logins_at_once_leave_threads_for_others(deployment):
    *_, alone = [log_in(deployment)[3] for _ in range(2)]
    most = PATIENCE + 3 * alone  # without a limit, the median is some twelve times that
    waited = []

    def ask_for_health():
        begun = time.monotonic()
        assert ask_gunicorn(deployment, "GET", "/api/health", timeout=60)[0] == 200
        waited.append(time.monotonic() - begun)

    answers = log_in_at_once(deployment, between=ask_for_health)
    statuses = Counter(status for status, *_ in answers)
    assert set(statuses) <= {201, 401, 503}
    assert statuses[503] >= LOGINS / 2
    refused = [(headers, error, took) for status, headers, error, took in answers if status == 503]
    assert {error["code"] for _, error, _ in refused} == {"too-many-logins"}
    assert {headers["Retry-After"] for headers, *_ in refused} == {"1"}
    assert median(took for *_, took in refused) < most
    assert max(waited) < most
    assert log_in(deployment)[0] == 201
