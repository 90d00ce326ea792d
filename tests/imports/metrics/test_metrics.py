"""What is counted, what is read, and that no text of a file, a user or a request is a label."""

import io
import os
import re
import string
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from flows.models import Flow
from imports.database.backup import make_backup
from imports.database.drill_results import DrillResult, keep_drill_result
from imports.database.streaming import stream_backup
from imports.errors import BackupFailed, UnableToImport
from imports.importing.service import run_import
from imports.metrics import catalog, counting, readers
from imports.metrics.catalog import METRICS, MetricType
from imports.models import Door, ImportRecord, Status
from imports.runs.current import RunPhase
from imports.undo.request import UndoRequest
from imports.undo.service import undo_import
from tests.support.importing import SERVER, export_file, flow, import_items, request_for
from tests.support.metrics import exported, value_of
from tests.support.server_process import make_environment, manage, new_database

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("metrics")]


@pytest.fixture(autouse=True)
def own_backups(settings, tmp_path):
    settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path}


@pytest.fixture
def drift(monkeypatch):
    """A reader that has read nothing yet."""
    monkeypatch.setitem(readers._readers, "drift", readers.DriftReader())


def runs(**labels):
    return value_of("ziggy_runs_total", **labels)


@pytest.mark.django_db(transaction=True)
def test_runs_are_counted_by_result_and_door():
    done = {"run": "import", "door": "command", "result": "succeeded"}
    failed = {"run": "import", "door": "api", "result": "failed"}
    undone = {"run": "undo", "door": "admin", "result": "succeeded"}
    before = [runs(**labels) for labels in (done, failed, undone)]
    outcome = import_items(flow(1, "A"))
    with pytest.raises(UnableToImport):
        run_import(request_for(b"{", door=Door.API))
    undo_import(
        UndoRequest(
            server=SERVER,
            door=Door.ADMIN,
            user_name="alice",
            record=outcome.record.pk,
            with_backup=False,
        )
    )
    after = [runs(**labels) for labels in (done, failed, undone)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_phases_are_measured_once_a_run():
    def counted():
        return {
            str(phase): value_of("ziggy_run_phase_seconds_count", run="import", phase=str(phase))
            for phase in RunPhase
        }

    before = counted()
    import_items(flow(1, "A"), with_backup=True)
    now = counted()
    assert {phase: now[phase] - before[phase] for phase in now} == dict.fromkeys(now, 1)


def test_requests_are_counted_by_the_name_of_their_address():
    labels = {"method": "GET", "route": "admin:login", "status": "200"}
    before = value_of("ziggy_requests_total", **labels)
    timed = value_of("ziggy_request_seconds_count", route="admin:login")
    Client().get("/admin/login/?next=/somewhere")
    assert value_of("ziggy_requests_total", **labels) == before + 1
    assert value_of("ziggy_request_seconds_count", route="admin:login") == timed + 1


def test_security_events_are_counted():
    before = value_of("ziggy_security_events_total", event="login-failed")
    body = {"username": "nobody", "password": "wrong"}
    Client().post("/api/auth/login", body, content_type="application/json")
    assert value_of("ziggy_security_events_total", event="login-failed") == before + 1


def test_runs_of_the_last_day_are_those_of_every_process():
    now = timezone.now()
    for began, status in [
        (now, Status.FAILED),
        (now - timedelta(hours=23), Status.FAILED),
        (now - timedelta(hours=25), Status.FAILED),
        (now - timedelta(minutes=10), Status.RUNNING),
    ]:
        ImportRecord.objects.create(
            started_at=began,
            status=status,
            door=Door.COMMAND,
            user_name="",
            server="local",
            file_size=0,
            mode="skip",
            with_backup=False,
            override_locks=False,
        )
    assert value_of("ziggy_runs_last_day", door="command", result="failed") == 2
    assert value_of("ziggy_runs_last_day", door="admin", result="failed") == 0
    assert ("ziggy_runs_last_day", ("door", "admin"), ("result", "failed")) in exported()
    assert 599 < value_of("ziggy_running_seconds") < 700


def test_a_failed_run_is_told_by_its_age_whatever_leaves_the_day():
    assert ("ziggy_failed_run_age_seconds",) not in exported()
    now = timezone.now()
    for hours, status in ((25, Status.FAILED), (2, Status.INTERRUPTED), (1, Status.REFUSED)):
        ImportRecord.objects.create(
            started_at=now - timedelta(hours=hours),
            finished_at=now - timedelta(hours=hours),
            status=status,
            door=Door.COMMAND,
            user_name="",
            server="local",
            file_size=0,
            mode="skip",
            with_backup=False,
            override_locks=False,
        )
    assert 7200 <= value_of("ziggy_failed_run_age_seconds") < 7300


def test_a_drill_is_told_by_its_age_and_what_it_found():
    assert ("ziggy_drill_age_seconds",) not in exported()
    at = timezone.now() - timedelta(hours=1)
    keep_drill_result(DrillResult(at=at, backup="b", problems=("unsound-archive",), seconds=1.0))
    assert 3600 <= value_of("ziggy_drill_age_seconds") < 3700
    assert value_of("ziggy_drill_problems") == 1


def test_a_queue_that_nobody_has_is_not_told():
    assert not [name for name in exported() if name[0] in {"ziggy_queued_jobs", "ziggy_workers"}]


@pytest.mark.django_db(transaction=True)
def test_backups_are_counted_with_the_age_and_the_size_of_the_newest():
    assert value_of("ziggy_backups") == 0
    assert ("ziggy_backup_age_seconds",) not in exported()
    assert ("ziggy_streamed_backup_age_seconds",) not in exported()
    make_backup()
    newest = make_backup()
    assert value_of("ziggy_backups") == 2
    assert value_of("ziggy_backup_bytes") == newest.size
    assert 0 <= value_of("ziggy_backup_age_seconds") < 60
    with pytest.raises(BackupFailed), Path("/dev/full").open("wb", buffering=0) as full:
        stream_backup(full)
    assert ("ziggy_streamed_backup_age_seconds",) not in exported()
    stream_backup(io.BytesIO())
    assert value_of("ziggy_backups") == 2
    assert 0 <= value_of("ziggy_streamed_backup_age_seconds") < 60


@pytest.mark.usefixtures("drift")
@pytest.mark.django_db(transaction=True)
def test_drift_is_counted_and_not_at_every_question():
    import_items(flow(1, "A"), flow(2, "B"))
    Flow.objects.filter(name="A").update(info="edited", updated_at=timezone.now())
    assert value_of("ziggy_drifted_items", kind="flow") == 1
    Flow.objects.filter(name="B").update(info="edited", updated_at=timezone.now())
    assert value_of("ziggy_drifted_items", kind="flow") == 1


def test_a_figure_that_cannot_be_read_is_told_so_and_the_others_are_read(monkeypatch, caplog):
    def fail():
        raise OperationalError("no such host\nDETAIL: a row")

    monkeypatch.setitem(readers._readers, "runs", fail)
    assert value_of("ziggy_figure_read", figure="runs") == 0
    assert value_of("ziggy_figure_read", figure="backup") == 1
    assert "a row" not in caplog.text
    assert "The figures runs could not be read: no such host" in caplog.text


def test_another_room_adds_what_it_reads(monkeypatch):
    monkeypatch.setattr(readers, "_readers", {})
    read = [readers.FigureReading(metric=catalog.BACKUPS, value=7)]
    readers.register_reader("queue", lambda: read)
    assert value_of("ziggy_backups") == 7
    assert value_of("ziggy_figure_read", figure="queue") == 1


def find_name(series):
    """The name of the metric of a series; of a counter there is one with the time of its begin."""
    name = re.sub("_(bucket|sum|count|created)$", "", series)
    return name if name in {metric.name for metric in METRICS} else f"{name}_total"


def allowed(metric, label, value, routes):
    known = metric.labels[label]
    if known.values:
        return value in {*known.values, catalog.OTHER}
    if label == "route":
        return value in routes
    return bool(re.fullmatch(r"[1-5]\d\d|[a-z]+|[\d.]+\w*", value))


def all_routes():
    """The names and patterns of all addresses of the site."""

    def walk(resolver, spaces, prefix):
        for each in resolver.url_patterns:
            pattern = prefix + str(each.pattern)
            if isinstance(each, URLPattern):
                yield pattern
                yield pattern.removeprefix("^/")
                if each.name:
                    yield ":".join([*spaces, each.name])
            else:
                inner = [*spaces, each.namespace] if each.namespace else spaces
                yield from walk(each, inner, pattern)

    return {"none", "root", *walk(get_resolver(site_settings.ROOT_URLCONF), [], "")}


def assert_all_labels_are_known(routes):
    metrics = {metric.name: metric for metric in METRICS}
    for name, *labels in exported():
        metric = metrics[find_name(name)]
        for label, value in labels:
            if label != "le":
                assert allowed(metric, label, value, routes), (name, label, value)


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
PATHS = st.lists(TEXTS | st.text(string.ascii_letters, min_size=1), max_size=4).map("/".join)


@pytest.mark.django_db(transaction=True)
@examples(
    max_examples=int(os.environ.get("ZIGGY_LABEL_CASES", "8")),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # each example is a story: shrinking takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(name=TEXTS, path=PATHS, method=TEXTS, user=TEXTS)
def test_no_text_of_a_file_a_user_or_a_request_is_a_label(name, path, method, user):
    routes = all_routes()
    for address in (f"/{path}", f"/api/flow/{path}", f"/admin/flows/flow/{path}/change/"):
        request = RequestFactory().get("/")
        request.path_info = address
        request.method = method
        counting.count_requests(lambda request: Client().get("/nowhere"))(request)
        Client().generic("GET", address.encode("utf-8", "replace").decode(), REMOTE_ADDR="10.0.0.1")
    Client().post(
        "/api/auth/login", {"username": user, "password": name}, content_type="application/json"
    )
    for item in ({"uuid": f"f{name}", "name": name}, flow(1, name, info=user)):
        with suppress(UnableToImport):
            run_import(request_for(export_file(item)))
    record = ImportRecord(door=name[:20], status=user[:20], mode=name[:20], server=name)
    counting.count_run(record, {RunPhase.READING: 1})
    assert_all_labels_are_known(routes)


@pytest.mark.django_db(transaction=True)
def test_the_catalog_is_what_is_exported():
    import_items(flow(1, "A"))
    Client().get("/admin/login/")
    names = {find_name(name) for name, *_ in exported()}
    optional = {"ziggy_backup_age_seconds", "ziggy_backup_bytes", "ziggy_failed_run_age_seconds"}
    optional |= {"ziggy_drill_age_seconds", "ziggy_drill_problems"}
    optional |= {"ziggy_streamed_backup_age_seconds"}
    optional |= {"ziggy_queued_jobs", "ziggy_queue_age_seconds", "ziggy_workers"}
    assert names - {metric.name for metric in METRICS} == set()
    assert {metric.name for metric in METRICS} - names <= optional


def test_each_counter_ends_as_prometheus_wants_it():
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.type is MetricType.COUNTER)


def test_the_series_of_all_metrics_are_not_many():
    routes = len(all_routes())
    assert routes < 500
    without_routes = [metric for metric in METRICS if "route" not in metric.labels]
    series = 0
    for metric in without_routes:
        count = 1
        for label in metric.labels.values():
            count *= len(label.values) or 3
        series += count * (len(metric.buckets) + 3)
    assert series < 2000


def test_nothing_but_these_modules_needs_the_client():
    found = {
        path.relative_to(site_settings.BASE_DIR).as_posix()
        for folder in ("accounts", "flows", "imports", "ziggy_site")
        for path in Path(site_settings.BASE_DIR, folder).rglob("*.py")
        if re.search(r"^\s*(from|import) prometheus_client", path.read_text(), re.MULTILINE)
    }
    assert found == {"imports/metrics/instruments.py", "imports/metrics/endpoint.py"}


def test_a_directory_of_counts_that_is_missing_is_told(tmp_path):
    missing = str(tmp_path / "missing")
    counting_there = {"ZIGGY_METRICS": "1", "PROMETHEUS_MULTIPROC_DIR": missing}
    done = manage({**os.environ, **counting_there}, "check")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "PROMETHEUS_MULTIPROC_DIR: No such file or directory. Make that" in last


def test_a_command_that_counts_nothing_leaves_nothing_behind(db, tmp_path):
    """They are run every night for years, while the service goes on."""
    with new_database(tmp_path) as url:
        counts = tmp_path / "counts"
        counts.mkdir()
        switched_on = {"ZIGGY_METRICS": "1", "PROMETHEUS_MULTIPROC_DIR": str(counts)}
        environment = make_environment("local", tmp_path, url, **switched_on)
        for command in (["migrate", "--verbosity", "0"], ["check"], ["database_backup"]):
            done = manage(environment, *command)
            assert done.returncode == 0, done.stderr
        assert [*counts.iterdir()] == []
        file = tmp_path / "export.json"
        file.write_bytes(export_file(flow(1, "A")))
        wanted = ["--server", "local", "--skip", "--no-prompt", "--file-path", str(file)]
        done = manage(environment, "flow_import", *wanted)
        assert done.returncode == 0, done.stderr
        assert {path.name.partition("_")[0] for path in counts.iterdir()} >= {"counter"}
