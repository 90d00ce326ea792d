"""A reload of gunicorn loses no request: those that run end, those that come are taken.

With ZIGGY_RELOAD_REQUESTS=500 so many are sent, and not 120.
"""

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.deployment import PATIENCE, ask, log_in, run_service
from tests.support.server_process import new_database

REQUESTS = int(os.environ.get("ZIGGY_RELOAD_REQUESTS", "120"))
CLIENTS = 8
RELOADS = 2


@pytest.fixture(scope="module")
def site(tmp_path_factory, django_db_setup, django_db_blocker):
    folder = tmp_path_factory.mktemp("reload")
    with (
        django_db_blocker.unblock(),
        new_database(folder, prefix="ziggy_reload") as url,
        run_service(folder, DATABASE_URL=url, ZIGGY_WORKERS="2") as running,
    ):
        yield running


def test_a_reload_loses_no_request(site):
    token = log_in(site)
    headers = {"Authorization": f"Bearer {token}"}
    sent, reloaded = threading.Semaphore(0), []

    def send(number):
        time.sleep(0.02 * CLIENTS)  # fewer a second than one address may send
        sent.release()
        if number % 4 == 0:  # what nginx may not send twice
            return ask(site, "POST", "/api/auth/refresh-token", "{}", timeout=PATIENCE,
                       Content_Type="application/json")[0]  # fmt: skip
        path = "/api/flow?limit=5" if number % 4 == 1 else "/api/health"
        return ask(site, "GET", path, timeout=PATIENCE, **headers)[0]

    def reload_between():
        for number in range(RELOADS):
            for _ in range(REQUESTS // (RELOADS + 1)):
                sent.acquire()
            before = site.log.read_text().count("Booting worker")
            site.process.send_signal(signal.SIGHUP)
            reloaded.append((number, before))

    thread = threading.Thread(target=reload_between)
    thread.start()
    with ThreadPoolExecutor(CLIENTS) as pool:
        statuses = Counter(pool.map(send, range(REQUESTS)))
    thread.join()
    assert statuses == {200: REQUESTS - REQUESTS // 4, 400: REQUESTS // 4}
    assert site.log.read_text().count("Booting worker") > reloaded[-1][1]
