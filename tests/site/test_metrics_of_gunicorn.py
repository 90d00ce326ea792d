"""gunicorn with the shipped configuration: its processes count together, and log in JSON alone."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest
from cryptography.fernet import Fernet
from django.conf import settings

from flows.web.metrics_directory import remove_counts_of_the_gone
from tests.support.importing import child_environment
from tests.support.metrics import exported
from tests.support.waiting import wait_until

TOKEN = "a-token-of-32-characters-or-more"
PATIENCE = 40
MEMORY = Path("/dev/shm")


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(address, **headers):
    try:
        with urlopen(Request(address, headers=headers), timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, ""


@pytest.fixture
def server(tmp_path, transactional_db):
    """The address of a service with two processes, and its log when it has ended."""
    log = tmp_path / "log"
    port = free_port()
    environment = child_environment(
        DEBUG="0",
        SECRET_KEY="not-secret-" * 6,
        ZIGGY_ENCRYPTION_KEYS=Fernet.generate_key().decode(),
        ALLOWED_HOSTS="127.0.0.1",
        ZIGGY_BACKUP_DIR=str(tmp_path / "backups"),
        ZIGGY_BIND=f"127.0.0.1:{port}",
        ZIGGY_LOG_FORMAT="json",
        LOG_LEVEL="DEBUG",
        ZIGGY_METRICS="1",
        ZIGGY_METRICS_TOKEN=TOKEN,
    )
    others = find_directories()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("gunicorn"), "-c", "deploy/gunicorn.conf.py"],
            cwd=settings.BASE_DIR, env=environment, stderr=file, stdout=file,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        yield address, process, log, others
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def _wait_for(address):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(URLError, ConnectionError):
            ask(f"{address}/metrics")
            return
        time.sleep(0.1)
    raise AssertionError("the service does not answer")


def counted(address):
    status, text = ask(f"{address}/metrics", Authorization=f"Bearer {TOKEN}")
    assert status == 200
    samples = exported(text)
    refused = ("ziggy_security_events_total", ("event", "metrics-refused"))
    return samples[refused], samples


def count_processes(process):
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return len(children)


@pytest.mark.slow
@pytest.mark.skipif(not MEMORY.is_dir(), reason="no /dev/shm")
@pytest.mark.django_db(transaction=True)
def test_its_processes_count_together_and_a_reload_loses_nothing(server):
    address, process, log, others = server
    before, _ = counted(address)
    for _ in range(40):
        assert ask(f"{address}/metrics")[0] == 403
    now, samples = counted(address)
    assert now - before == 40  # whichever process answers
    assert count_processes(process) == 2
    (own,) = find_directories() - others
    wait_until(lambda: ask(f"{address}/live") and len([*own.glob("counter_*.db")]) == 2)
    process.send_signal(signal.SIGHUP)
    time.sleep(3)
    _wait_for(address)
    assert counted(address)[0] >= now
    assert samples["ziggy_figure_read", ("figure", "runs")] == 1
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    lines = log.read_text().splitlines()
    assert len(lines) > 40
    for line in lines:
        assert [*json.loads(line)][:4] == ["time", "level", "logger", "event"]
    assert {json.loads(line)["logger"] for line in lines} >= {"gunicorn.error", "ziggy.security"}
    assert TOKEN not in log.read_text()
    assert not own.exists()


@pytest.mark.slow
@pytest.mark.skipif(not MEMORY.is_dir(), reason="no /dev/shm")
@pytest.mark.django_db(transaction=True)
def test_a_second_one_takes_its_place_and_counts_for_itself(server):
    """As an upgrade by USR2 does: each removes its own directory, and none that of the other."""
    address, process, log, others = server
    (first,) = find_directories() - others
    process.send_signal(signal.SIGUSR2)
    second = _wait_for_second(process, log)
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    try:
        _wait_for(address)
        (own,) = find_directories() - others
        assert own != first
        assert counted(address)[0] >= 1
    finally:
        os.kill(second, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{second}").exists() or _is_gone(second))
    assert not own.exists()


def _wait_for_second(process, log):
    """Wait until the process has a gunicorn among its children that has two itself; its number."""
    found = []

    def look():
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            with suppress(FileNotFoundError):
                own = Path(f"/proc/{child}/task/{child}/children").read_text().split()
                found[:] = [int(child)] if len(own) == 2 else found
        return found

    wait_until(look)
    wait_until(lambda: log.read_text().count("Booting worker") >= 4)
    return found[0]


def _is_gone(pid):
    """Whether the process is a zombie, of which its new parent has not heard yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def find_directories():
    """The directories in which services of this machine count by themselves."""
    return set(MEMORY.glob("ziggy-metrics-of-gunicorn-*"))


def test_the_counts_of_processes_that_run_stay(tmp_path):
    directory = tmp_path / "counts"
    remove_counts_of_the_gone(directory)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    names = [
        f"counter_{os.getpid()}.db",
        f"histogram_{os.getpid()}.db",
        f"counter_{gone.pid}.db",
        f"gauge_livesum_{gone.pid}.db",
        "something.else",
    ]
    for name in names:
        (directory / name).touch()
    remove_counts_of_the_gone(directory)
    assert {path.name for path in directory.iterdir()} == {*names[:2], "something.else"}
