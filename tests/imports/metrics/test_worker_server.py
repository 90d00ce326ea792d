"""What a worker serves of its counts, and to whom."""

from http import HTTPStatus
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from django.core.management import CommandError, call_command

from imports.metrics.worker_server import WrongBind, read_bind, serve_counts
from tests.support.importing import flow, import_items
from tests.support.metrics import exported
from tests.support.queueing import needs_postgresql
from tests.support.waiting import PATIENCE

TOKEN = "a-token-of-32-characters-or-more"
RUN = ("ziggy_runs_total", ("door", "command"), ("result", "succeeded"), ("run", "import"))

pytestmark = pytest.mark.usefixtures("metrics")


@pytest.fixture
def port(settings):
    settings.ZIGGY = {**settings.ZIGGY, "METRICS_TOKEN": TOKEN}
    with serve_counts("127.0.0.1", 0) as port:
        yield port


def ask(port, path="/metrics", token=TOKEN, method="GET"):
    request = Request(f"http://127.0.0.1:{port}{path}", method=method)
    request.add_header("Authorization", f"Bearer {token}")
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.django_db(transaction=True)
def test_it_has_what_the_process_counts_and_no_figures_of_the_server(port):
    before = exported(ask(port)[1])
    import_items(flow(1, "A"))
    after = exported(ask(port)[1])
    assert after[RUN] == before[RUN] + 1
    names = {name for name, *_ in after}
    assert "ziggy_run_phase_seconds_count" in names
    assert not {"ziggy_info", "ziggy_backups", "ziggy_queued_jobs"} & names


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "x"])
def test_it_is_for_who_may_read_the_metrics(port, token):
    assert ask(port, token=token)[0] == HTTPStatus.FORBIDDEN


def test_without_a_setting_it_is_for_nobody(settings):
    settings.ZIGGY = {**settings.ZIGGY, "METRICS_TOKEN": "", "METRICS_FROM": ()}
    with serve_counts("127.0.0.1", 0) as port:
        assert ask(port, token="anything")[0] == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/metrics/more"), ("POST", "/metrics")]
)
def test_it_has_nothing_else(port, method, path):
    assert ask(port, path, method=method)[0] == HTTPStatus.NOT_FOUND


@pytest.mark.parametrize(
    "bind", ["", "9109", ":9109", "host:", "host:port", "host:99999", "host:²"]
)
def test_what_is_no_address_is_refused(bind):
    with pytest.raises(WrongBind, match="HOST:PORT, such as"):
        read_bind(bind)


@pytest.mark.parametrize(
    ("bind", "read"), [("0.0.0.0:9109", ("0.0.0.0", 9109)), ("localhost:0", ("localhost", 0))]
)
def test_an_address(bind, read):
    assert read_bind(bind) == read


@needs_postgresql
def test_a_worker_that_cannot_listen_says_so_and_carries_out_nothing(queue, settings, port):
    for bind, reason in (
        (f"127.0.0.1:{port}", "Address already in use"),
        ("x", "must be HOST:PORT"),
    ):
        settings.ZIGGY = {**settings.ZIGGY, "WORKER_METRICS_BIND": bind}
        with pytest.raises(CommandError, match=f"ZIGGY_WORKER_METRICS_BIND: .*{reason}"):
            call_command("background_worker", once=True, nice=0)
