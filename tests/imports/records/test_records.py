"""Every run leaves a record that says how it ended, and it says so truly."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.db import connection as database

import imports.importing.service
from flows.models import Flow
from imports.database.lock import hold_import_lock
from imports.errors import (
    FileInvalid,
    FileTooLarge,
    FileUnreadable,
    ImportFailed,
    ImportLocked,
    PlanRefused,
    WrongServer,
)
from imports.exportfile.size_limit import count_content
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem, ImportRecord
from tests.support.digest import data_rows
from tests.support.factories import ConnectionFactory, FlowFactory
from tests.support.importing import (
    backup_files,
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)

pytestmark = pytest.mark.django_db

ONE_FLOW = (
    b'{"flows": [{"uuid": "ffffffff-0000-4000-8000-000000000001", "name": "Orders"}], '
    b'"connections": [], "secrets": []}'
)
ONE_FLOW_SHA256 = "4ab006ca1d302fd4f3e484db5105ad26278b1c1c914b596a7b47a8a5e0cfe606"
# What a record has beyond what a test says of it.
NOTHING_SPECIAL: dict[str, Any] = {
    "door": "command",
    "user": None,
    "user_name": "alice",
    "server": "local",
    "file_name": "zexport.json",
    "mode": "overwrite",
    "with_backup": False,
    "override_locks": False,
    "counts": {},
    "code": "",
    "message": "",
    "issues": [],
    "backup_path": "",
    "backup_size": None,
    "backup_sha256": "",
}


def the_record() -> dict[str, Any]:
    """The only record, without its key and its times, which are checked here."""
    record = ImportRecord.objects.values().get()
    record["user"] = record.pop("user_id")
    record.pop("id")
    started, finished = record.pop("started_at"), record.pop("finished_at")
    now = datetime.now(UTC)
    assert now - timedelta(seconds=60) < started < finished <= now
    return {key: value for key, value in record.items() if key in EXPECTED_KEYS}


EXPECTED_KEYS = {*NOTHING_SPECIAL, "status", "file_size", "file_sha256"}


def expected(payload: bytes, **values: Any) -> dict[str, Any]:
    return {
        **NOTHING_SPECIAL,
        "file_size": len(payload),
        "file_sha256": hashlib.sha256(payload).hexdigest(),
        **values,
    }


class TestSucceeded:
    def test_an_import_that_wrote(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="old")
        payload = export_file(flow(1, "Orders", info="new"), flow(2, "New"), secret(1, "KEY"))
        outcome = run_import(request_for(payload))
        assert the_record() == expected(
            payload, status="succeeded", counts={"OVERWRITE": 1, "CREATE": 2}
        )
        assert outcome.record == ImportRecord.objects.get()

    def test_the_files_size_and_hash_are_those_of_its_bytes(self):
        run_import(request_for(ONE_FLOW))
        record = ImportRecord.objects.get()
        assert record.file_size == 113
        assert record.file_sha256 == ONE_FLOW_SHA256

    def test_every_option_is_kept(self, django_user_model):
        user = django_user_model.objects.create_superuser("bob")
        payload = export_file(flow(1, "Orders"))
        run_import(
            request_for(
                payload,
                "duplicate",
                file_name="orders.json",
                door="api",
                user=user,
                user_name="Bob of sales",
                override_locks=True,
            )
        )
        assert the_record() == expected(
            payload,
            status="succeeded",
            counts={"CREATE": 1},
            file_name="orders.json",
            door="api",
            user=user.pk,
            user_name="Bob of sales",
            mode="duplicate",
            override_locks=True,
        )

    def test_it_outlives_its_user(self, django_user_model):
        user = django_user_model.objects.create_superuser("bob")
        import_items(flow(1, "Orders"), user=user, user_name="bob")
        user.delete()
        record = ImportRecord.objects.get()
        assert (record.user, record.user_name) == (None, "bob")

    def test_an_import_that_had_nothing_to_write(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders")
        payload = export_file(flow(1, "Orders"))
        run_import(request_for(payload, with_backup=True))
        assert the_record() == expected(
            payload, status="succeeded", counts={"UNCHANGED": 1}, with_backup=True
        )
        assert ImportItem.objects.get().result == "UNCHANGED"

    def test_it_names_its_backup(self, backup_directory):
        payload = export_file(flow(1, "Orders"))
        run_import(request_for(payload, with_backup=True))
        [backup] = backup_files(backup_directory)
        content = backup.read_bytes()
        assert the_record() == expected(
            payload,
            status="succeeded",
            counts={"CREATE": 1},
            with_backup=True,
            backup_path=str(backup),
            backup_size=len(content),
            backup_sha256=hashlib.sha256(content).hexdigest(),
        )

    def test_an_empty_file(self):
        payload = export_file()
        run_import(request_for(payload))
        assert the_record() == expected(payload, status="succeeded")
        assert ImportItem.objects.count() == 0

    def test_it_takes_as_long_as_it_took(self):
        record = import_items(flow(1, "Orders")).record
        assert record.seconds == (record.finished_at - record.started_at).total_seconds() > 0
        assert ImportRecord().seconds is None

    def test_its_text_names_number_file_and_status(self):
        record = import_items(flow(1, "Orders")).record
        assert str(record) == f"Import {record.pk} of zexport.json (succeeded)"


class TestItems:
    """One for each item of the file, in its order."""

    FIELDS = (
        *("kind", "position", "uuid", "name", "result", "match_method"),
        *("target_uuid", "target_name", "changed_keys", "warnings"),
    )

    def items(self) -> list[tuple[Any, ...]]:
        rows = ImportItem.objects.order_by("pk").values_list(*self.FIELDS)
        return [(*row[:6], str(row[6]), *row[7:]) for row in rows]

    def test_all_results_of_an_overwrite(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Same")
        FlowFactory(uuid=uuid_of("f", 2), name="Old", info="old", extra='{"more":1}')
        ConnectionFactory(uuid=uuid_of("c", 7), name="Twilio", description="old")
        import_items(
            flow(1, "Same"),
            {**flow(2, "New", info="new", more=2, other=3), "uuid": uuid_of("F", 2)},
            connection(1, "Twilio", description="new", type="Twilio"),
            secret(1, "KEY"),
        )
        assert self.items() == [
            ("flow", 0, uuid_of("f", 1), "Same", "UNCHANGED", "uuid", uuid_of("f", 1), "Same", [], []),
            (
                *("flow", 1, uuid_of("F", 2), "New", "OVERWRITE", "uuid", uuid_of("f", 2), "New"),
                ["name", "info", "more", "other"],
                ['renames "Old" to "New"'],
            ),
            (
                *("connection", 0, uuid_of("c", 1), "Twilio", "OVERWRITE", "name"),
                *(uuid_of("c", 7), "Twilio", ["description"], []),
            ),
            (
                *("secret", 0, uuid_of("5", 1), "KEY", "CREATE", "unmatched"),
                *(uuid_of("5", 1), "KEY", [], []),
            ),
        ]  # fmt: skip

    def test_skipped_ones(self):
        FlowFactory(uuid=uuid_of("f", 2), name="Orders")
        import_items(flow(1, "Orders"), mode="skip")
        assert self.items() == [
            ("flow", 0, uuid_of("f", 1), "Orders", "SKIP", "name", uuid_of("f", 2), "Orders", [], [])
        ]  # fmt: skip

    def test_a_duplicate_names_its_copy(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders")
        import_items(flow(1, "Orders"), mode="duplicate")
        copy = Flow.objects.get(name="Orders (copy)")
        assert self.items() == [
            (
                *("flow", 0, uuid_of("f", 1), "Orders", "DUPLICATE", "uuid"),
                *(str(copy.uuid), "Orders (copy)", [], []),
            )
        ]  # fmt: skip

    def test_they_go_with_their_record(self):
        import_items(flow(1, "Orders"), flow(2, "More")).record.delete()
        assert ImportItem.objects.count() == 0

    def test_they_outlive_their_named_save(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders")
        import_items(flow(1, "Orders", info="new"))
        ImportItem.objects.get().named_save.delete()
        item = ImportItem.objects.get()
        assert (item.named_save, item.target_name) == (None, "Orders")
        assert str(item) == "OVERWRITE flow Orders"


class TestRefused:
    """The file is sound, the import may not be."""

    def test_a_plan_that_cannot_be(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", is_locked=True)
        FlowFactory(uuid=uuid_of("f", 2), name="Sales", is_locked=True)
        payload = export_file(flow(1, "Orders", info="new"), flow(2, "Sales", info="new"))
        with pytest.raises(PlanRefused):
            run_import(request_for(payload))
        assert the_record() == expected(
            payload,
            status="refused",
            code="locked",
            message='flows[0]: The flow "Orders" is locked on this server. Unlock it there, or '
            "give --override-locks. (1 more problem)",
            issues=[
                {
                    "code": "locked",
                    "path": f"flows[{position}]",
                    "uuid": uuid_of("f", position + 1),
                    "name": name,
                    "message": f'The flow "{name}" is locked on this server. Unlock it there, '
                    "or give --override-locks.",
                }
                for position, name in enumerate(["Orders", "Sales"])
            ],
        )
        assert ImportItem.objects.count() == 0

    def test_another_server(self):
        with pytest.raises(WrongServer):
            run_import(request_for(ONE_FLOW, server="production"))
        assert the_record() == expected(
            ONE_FLOW,
            status="refused",
            server="production",
            code="wrong-server",
            message="This server is not production. It can import into: local. "
            "Nothing was written.",
        )

    def test_another_import_that_holds_the_lock(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        with hold_import_lock(wait=0), pytest.raises(ImportLocked):
            run_import(request_for(ONE_FLOW))
        assert the_record() == expected(
            ONE_FLOW,
            status="refused",
            code="import-locked",
            message="Another import is running. Try again when it is done.",
        )

    def test_a_preview_that_ends_a_run(self):
        with pytest.raises(WrongServer):
            preview_import(request_for(ONE_FLOW, server="production"))
        assert ImportRecord.objects.get().status == "refused"

    def test_a_dry_run_leaves_no_record(self):
        with pytest.raises(WrongServer):
            preview_import(request_for(ONE_FLOW, server="production"), record_refusal=False)
        assert ImportRecord.objects.count() == 0


class TestFailed:
    """The file is bad, or an error stopped the import."""

    def test_a_file_that_is_no_json(self):
        with pytest.raises(FileUnreadable) as raised:
            run_import(request_for(b'{"flows": ['))
        assert the_record() == expected(
            b'{"flows": [',
            status="failed",
            code=raised.value.code,
            message=raised.value.message,
            issues=[issue.as_dict() for issue in raised.value.issues],
        )
        assert len(ImportRecord.objects.get().issues) == 1

    def test_a_file_that_is_no_export(self):
        payload = export_file(flow(1, 7), flow(1, "Twice"), flow(1, "Twice"))
        with pytest.raises(FileInvalid):
            run_import(request_for(payload))
        record = the_record()
        assert (record["status"], record["code"]) == ("failed", "wrong-type")
        assert [(issue["code"], issue["path"]) for issue in record["issues"]] == [
            ("wrong-type", "flows[0].name"),
            ("duplicate-uuid", "flows[2]"),
        ]

    def test_a_file_that_is_too_large(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "MAX_IMPORT_BYTES": count_content(ONE_FLOW) - 1}
        with pytest.raises(FileTooLarge):
            run_import(request_for(ONE_FLOW))
        record = the_record()
        assert (record["status"], record["code"]) == ("failed", "too-large")
        assert record["file_size"] == len(ONE_FLOW)

    def test_only_the_first_thousand_problems_are_kept_and_all_are_told(self):
        payload = json.dumps({"flows": [7] * 1001}).encode()
        with pytest.raises(FileInvalid) as raised:
            run_import(request_for(payload))
        assert len(raised.value.issues) == 1001
        assert len(ImportRecord.objects.get().issues) == 1000

    def test_a_database_that_refuses_a_write(self, caplog):
        before = data_rows()
        with failing_on("INSERT INTO", "flows_flow"), pytest.raises(ImportFailed) as raised:
            run_import(request_for(ONE_FLOW))
        message = (
            "The database refused the write (OperationalError), and nothing was changed. "
            "The server's log says more."
        )
        assert raised.value.message == message
        assert the_record() == expected(
            ONE_FLOW, status="failed", code="database-error", message=message
        )
        assert data_rows() == before
        assert "disk CANARY" in caplog.text  # which is what the message promises

    def test_a_run_that_fails_at_its_end_counts_nothing(self):
        with failing_on("INSERT INTO", "imports_importitem"), pytest.raises(ImportFailed):
            run_import(request_for(ONE_FLOW))
        record = the_record()
        assert (record["status"], record["counts"]) == ("failed", {})

    def test_an_unforeseen_error_is_told_without_its_text(self, monkeypatch):
        def explode(*_args, **_kwargs):
            raise RuntimeError("CANARY: {'devValue': 'hunter2'}")

        monkeypatch.setattr(imports.importing.service, "apply_plan", explode)
        before = data_rows()
        with pytest.raises(RuntimeError):
            run_import(request_for(ONE_FLOW))
        assert the_record() == expected(
            ONE_FLOW,
            status="failed",
            code="unexpected-error",
            message="RuntimeError: nothing of this import was written.",
        )
        assert data_rows() == before

    def test_a_database_error_before_any_write_is_recorded_too(self):
        with failing_on("SELECT", "flows_flow"), pytest.raises(OperationalError):
            run_import(request_for(ONE_FLOW))
        assert the_record() == expected(
            ONE_FLOW,
            status="failed",
            code="unexpected-error",
            message="OperationalError: nothing of this import was written.",
        )

    @pytest.mark.django_db(transaction=True)
    def test_an_error_is_told_even_where_its_record_cannot_be_written(self, caplog):
        with failing_on("", "imports_importrecord"), pytest.raises(WrongServer):
            run_import(request_for(ONE_FLOW, server="production"))
        assert ImportRecord.objects.count() == 0
        [logged] = [one for one in caplog.records if one.name == "imports.runs.recorder"]
        assert logged.getMessage().startswith(
            "The record of a refused import could not be written: "
        )
        assert logged.exc_info is None
        assert "\n" not in logged.getMessage()


class TestInterrupted:
    @pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
    def test_a_run_that_is_stopped_while_it_writes(self, error):
        def stop(_done: int, _total: int) -> None:
            raise error

        before = data_rows()
        with pytest.raises(error):
            run_import(request_for(ONE_FLOW), progress=stop)
        assert the_record() == expected(
            ONE_FLOW,
            status="interrupted",
            code="interrupted",
            message=f"{error.__name__}: nothing of this import was written.",
        )
        assert data_rows() == before

    def test_a_run_that_is_stopped_once_its_data_is_written_has_succeeded(self, monkeypatch):
        class Lock:
            def __init__(self, **_options: Any) -> None: ...

            def __enter__(self) -> Mock:
                return Mock()

            def __exit__(self, *_error: object) -> None:
                raise KeyboardInterrupt

        monkeypatch.setattr("imports.runs.run.hold_import_lock", Lock)
        with pytest.raises(KeyboardInterrupt):
            run_import(request_for(ONE_FLOW))
        assert Flow.objects.get().name == "Orders"
        assert the_record() == expected(ONE_FLOW, status="succeeded", counts={"CREATE": 1})

    def test_a_dead_run_is_found_by_the_next_import(self):
        dead = running_record()
        import_items(flow(1, "Orders"))
        dead.refresh_from_db()
        assert (dead.status, dead.code) == ("interrupted", "interrupted")
        assert dead.message == "The process died. Nothing of this import was written."
        assert datetime.now(UTC) - dead.finished_at < timedelta(seconds=60)
        assert ImportRecord.objects.get(status="succeeded").pk != dead.pk

    def test_an_import_that_is_refused_the_lock_leaves_the_running_one_alone(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        running = running_record()
        with hold_import_lock(wait=0), pytest.raises(ImportLocked) as raised:
            import_items(flow(1, "Orders"))
        assert raised.value.message == (
            "Another import is running: bob through the admin, since 2026-03-04 05:06:07 UTC. "
            "Try again when it is done."
        )
        running.refresh_from_db()
        assert (running.status, running.finished_at) == ("running", None)

    def test_records_that_ended_stay_as_they_are(self):
        ended = [running_record(status=status) for status in ("succeeded", "failed", "refused")]
        import_items(flow(1, "Orders"))
        for record in ended:
            before = record.status
            record.refresh_from_db()
            assert (record.status, record.finished_at) == (before, None)


class TestRunning:
    def test_a_run_says_so_while_it_writes(self):
        seen = []
        run_import(
            request_for(ONE_FLOW),
            progress=lambda _done, _total: seen.append(
                ImportRecord.objects.values_list("status", "finished_at").get()
            ),
        )
        assert seen == [("running", None)]


def running_record(**values: Any) -> ImportRecord:
    return ImportRecord.objects.create(
        **{
            "started_at": datetime(2026, 3, 4, 5, 6, 7, 890_000, tzinfo=UTC),
            "status": "running",
            "door": "admin",
            "user_name": "bob",
            "server": "local",
            "file_name": "other.json",
            "file_size": 1,
            "mode": "skip",
            "with_backup": False,
            "override_locks": False,
            **values,
        }
    )


def failing_on(verb: str, table: str) -> Any:
    """The database refuses every such statement on the table."""

    def refuse(execute, sql, params, many, context):
        if sql.startswith(verb) and f'"{table}"' in sql:
            raise OperationalError("disk CANARY\nDETAIL: the row")
        return execute(sql, params, many, context)

    return database.execute_wrapper(refuse)
