"""Behind the shipped nginx, clients who send or read slowly make nobody else wait.

With ZIGGY_SLOW_SECONDS=60 each measurement takes so long, and not two seconds; with
ZIGGY_SLOW_READERS=50 so many of the slow connections are those of readers.
"""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.support.deployment import HOST, PATIENCE, ROOT, ask, log_in, make_tls, run_service
from tests.support.slow_clients import BODY, HEADERS, READER, SILENT, SlowClients
from tests.support.waiting import wait_until

pytestmark = pytest.mark.deployment

THREADS = 4
READERS = int(
    os.environ.get("ZIGGY_SLOW_READERS", str(THREADS + 2))
)  # the export of each takes time
SLOW = [READER] * READERS
SLOW += [(HEADERS, BODY, SILENT)[number % 3] for number in range(200 - READERS)]
SECONDS = float(os.environ.get("ZIGGY_SLOW_SECONDS", "2"))
ROUNDS = 4
NOISE = 0.005  # seconds: of two measurements of the same on a machine that does other things, too
EXPORT = "/api/flow/export-all"
ENOUGH = 6_000_000  # bytes: more than the system's buffers on the way
BUFFERED = 3_000_000  # bytes, at most, of an answer that lie in memory
IMPORT = ["flow_import", "--overwrite", "--no-prompt", "--no-backup"]


@pytest.fixture(scope="module")
def filled(deployment, token):
    """The deployment, with an export of more than the buffers of a connection."""
    deployment.token = token
    if len(fetch_export(deployment)) < ENOUGH:
        sample = str(deployment.folder / "sample.json")
        deployment.run_command("make_sample", "--flows=500", "--no-prompt", "--out", sample)
        deployment.run_command(*IMPORT, "--server", "production", "-fp", sample)
    return deployment


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    """gunicorn alone, in one process with few threads, with such an export too."""
    folder = tmp_path_factory.mktemp("slow")
    with run_service(folder, with_nginx=False) as running:
        sample = str(folder / "sample.json")
        for command in (
            ["make_sample", "--flows", "500", "--no-prompt", "--out", sample],
            [*IMPORT, "--server", "local", "-fp", sample],
        ):
            subprocess.run(
                [sys.executable, "manage.py", *command],
                cwd=ROOT,
                env=running.environment,
                check=True,
                capture_output=True,
                timeout=PATIENCE,
            )
        running.token = log_in(running, directly=True)
        yield running


def measure_p95(site):
    """The time within which 19 of 20 requests are answered, of a client of another address."""
    connection = HTTPSConnection(
        "127.0.0.1",
        site.ports.https,
        timeout=PATIENCE,
        context=make_tls(),
        source_address=("127.0.0.2", 0),
    )
    taken, end = [], time.monotonic() + SECONDS
    with closing(connection):
        while time.monotonic() < end:
            begun = time.monotonic()
            connection.request("GET", "/api/flow?limit=5", headers=headers(site))
            answer = connection.getresponse()
            answer.read()
            taken.append(time.monotonic() - begun)
            assert answer.status == 200
            time.sleep(0.03)  # fewer requests a second than one address may ask
    return sorted(taken)[int(len(taken) * 0.95)]


def fetch_export(site):
    return ask(site, "GET", EXPORT, timeout=PATIENCE, **headers(site))[2]


def headers(site):
    return {"Host": HOST, "Authorization": f"Bearer {site.token}"}


def measure_kept_answers(site):
    """How many bytes of answers nginx has written to files, whose names it removes at once."""
    total, folder = 0, str(site.folder / "proxy")
    nginx = (site.folder / "nginx.pid").read_text().strip()
    for worker in Path(f"/proc/{nginx}/task/{nginx}/children").read_text().split():
        for file in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(FileNotFoundError):  # its request is over
                total += file.stat().st_size if str(file.readlink()).startswith(folder) else 0
    return total


def are_kept(site, least):
    """Whether nginx has at least so much of answers, and the service makes no more of them."""
    before = measure_kept_answers(site)
    time.sleep(0.5)
    return least < before == measure_kept_answers(site)


def test_slow_connections_leave_others_as_quick_as_before(filled):
    site = filled
    export = len(fetch_export(site))
    assert export > ENOUGH
    measured = []
    measure_p95(site)
    for _ in range(ROUNDS):  # other things of the machine may disturb any one of them
        quiet = measure_p95(site)
        with SlowClients(
            site.ports.https, kinds=SLOW, tls=True, path=EXPORT, token=site.token
        ) as slow:
            # What is measured are connections that are slow, and not the work of making exports.
            wait_until(lambda: are_kept(site, READERS * (export - BUFFERED)))
            measured.append((quiet, measure_p95(site)))
            assert 0 < slow.bytes_read < 1_000_000
        if measured[-1][1] < 2 * quiet + NOISE:
            return
    pytest.fail(f"the p95 before and during it, in seconds: {measured}")


def test_without_nginx_as_many_slow_readers_as_threads_stop_the_service(one_process):
    """That the slow readers of this module are slow."""
    site = one_process
    with SlowClients(
        site.ports.gunicorn, kinds=[READER] * THREADS, tls=False, path=EXPORT, token=site.token
    ):
        time.sleep(4)
        with closing(
            socket.create_connection(("127.0.0.1", site.ports.gunicorn), PATIENCE)
        ) as asking:
            asking.settimeout(2)
            asking.sendall(f"GET /api/health HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            with pytest.raises(TimeoutError):
                asking.recv(1)
