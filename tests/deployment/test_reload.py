"""A reload of gunicorn and a restart of the workers lose no request, and no import.

With ZIGGY_RELOAD_REQUESTS=500 so many are sent, and not 240.
"""

import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.deployment import PATIENCE, ask
from tests.support.remote import Caller, make_file
from tests.support.workers import read_number

pytestmark = pytest.mark.deployment

REQUESTS = read_number("ZIGGY_RELOAD_REQUESTS", 240)
CLIENTS = 8
FLOWS = 300


class Sender:
    """Sends requests of all kinds, and counts those that were sent."""

    def __init__(self, deployment, token):
        self.deployment, self.token = deployment, token
        self.sent = threading.Semaphore(0)

    def send(self, number):
        time.sleep(0.02 * CLIENTS)  # fewer a second than one address may send
        self.sent.release()
        if number % 4 == 0:  # what nginx may not send twice
            return ask(self.deployment, "POST", "/api/auth/refresh-token", "{}", timeout=PATIENCE,
                       Content_Type="application/json")[0]  # fmt: skip
        path = "/api/flow?limit=5" if number % 4 == 1 else "/api/health"
        headers = {"Authorization": f"Bearer {self.token}"}
        return ask(self.deployment, "GET", path, timeout=PATIENCE, **headers)[0]

    def wait_for_some(self):
        """Wait until a fifth of the requests is sent once more."""
        for _ in range(REQUESTS // 5):
            self.sent.acquire()


def reload_gunicorn(deployment):
    """Reload it, and wait for new processes."""
    before = deployment.log.read_text().count("Booting worker")
    deployment.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + PATIENCE
    while deployment.log.read_text().count("Booting worker") == before:
        assert time.monotonic() < deadline, "no new process was started"
        time.sleep(0.1)


def restart_workers(deployment):
    """Stop each worker as an operator does, and start another one."""
    for worker in [*deployment.workers]:
        assert worker.stop() == 0
    assert deployment.start_ended_workers_again() == 2


def test_a_reload_and_a_restart_of_the_workers_lose_nothing(deployment, token):
    sender, ada = Sender(deployment, token), Caller(deployment, token)
    failures = []

    def disturb():
        try:
            for act in (reload_gunicorn, restart_workers, reload_gunicorn):
                sender.wait_for_some()
                act(deployment)
        except Exception as error:  # noqa: BLE001 - of a thread
            failures.append(error)

    records = [ada.ask(make_file(FLOWS, text), key=text) for text in ("at-reload", "after-it")]
    thread = threading.Thread(target=disturb)
    thread.start()
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = Counter(pool.map(sender.send, range(REQUESTS)))
    thread.join()
    assert failures == []
    assert statuses == {200: REQUESTS - REQUESTS // 4, 400: REQUESTS // 4}
    assert [ada.wait(record)["status"] for record in records] == ["succeeded"] * 2
    assert ada.unanswered == 0
