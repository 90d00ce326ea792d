"""The import's story in order: what stops it where, and that a stopped import changed nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from reversion.models import Version

import imports.importing.service
import imports.runs.carrying_out
from flows.models import Connection, Flow, Secret
from imports.database.backup import make_backup
from imports.database.lock import LockHeld, hold_import_lock
from imports.errors import (
    BackupFailed,
    FileInvalid,
    ImportLocked,
    PlanRefused,
    StalePlan,
    WrongEncryptionKey,
    WrongServer,
)
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem, ImportRecord
from tests.support.digest import all_rows, data_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    results,
    secret,
    uuid_of,
)

pytestmark = pytest.mark.django_db

MODES = ("skip", "duplicate", "overwrite")


@pytest.fixture
def a_server() -> None:
    """Two of each kind; the file of `the_file` names the first of each, and new ones."""
    for number in (1, 2):
        FlowFactory(uuid=uuid_of("f", number), name=f"Flow {number}", info="here")
        ConnectionFactory(uuid=uuid_of("c", number), name=f"Conn {number}", description="here")
        SecretFactory(uuid=uuid_of("5", number), name=f"KEY_{number}", dev_value=f"value {number}")


def the_file() -> bytes:
    return export_file(
        flow(1, "Flow 1", info="file"),
        flow(3, "Flow 3"),
        connection(1, "Conn 1", description="file"),
        connection(3, "Conn 3"),
        secret(1, "KEY_1", description="file"),
        secret(3, "KEY_3"),
    )


class TestPreview:
    @pytest.mark.parametrize("mode", MODES)
    def test_it_writes_nothing_at_all(self, a_server, mode):
        before = all_rows()
        preview = preview_import(request_for(the_file(), mode))
        assert all_rows() == before
        assert preview.plan.writes

    @pytest.mark.parametrize("mode", MODES)
    def test_it_says_what_the_import_then_does(self, a_server, mode):
        preview = preview_import(request_for(the_file(), mode))
        outcome = run_import(request_for(the_file(), mode))
        shown = [(c.item.path, c.result, c.method, c.target_name, c.warnings) for c in preview.plan]
        done = [(c.item.path, c.result, c.method, c.target_name, c.warnings) for c in outcome.plan]
        assert shown == done
        assert [item.result for item in ImportItem.objects.order_by("pk")] == [
            change.result for change in preview.plan
        ]

    def test_it_needs_no_lock(self, a_server):
        with hold_import_lock(wait=0):
            assert preview_import(request_for(the_file())).plan.writes

    def test_it_refuses_what_the_import_would_refuse(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Flow 1", is_locked=True)
        with pytest.raises(PlanRefused) as raised:
            preview_import(request_for(the_file()))
        assert raised.value.code == "locked"


CHANGES_IN_BETWEEN: dict[str, Callable[[], Any]] = {
    "an edit of a flow": lambda: Flow.objects.filter(name="Flow 1").update(info="edited"),
    "an edit of a connection": lambda: Connection.objects.filter(name="Conn 1").update(
        dev_value="edited"
    ),
    "an edit of a secret": lambda: Secret.objects.filter(name="KEY_1").update(
        group="edited", extra='{"a":1}'
    ),
    "an edit that makes it what the file says": lambda: Flow.objects.filter(name="Flow 1").update(
        info="file"
    ),
    "a rename": lambda: Flow.objects.filter(name="Flow 1").update(name="Renamed"),
    "a deletion": lambda: Flow.objects.filter(name="Flow 1").delete(),
    "a soft deletion": lambda: Secret.objects.filter(name="KEY_1").update(is_deleted=True),
    "a creation under the same uuid": lambda: FlowFactory(uuid=uuid_of("f", 3), name="x"),
    "a creation under the same name": lambda: ConnectionFactory(
        uuid=uuid_of("c", 9), name="Conn 3"
    ),
    "another uuid under the same name": lambda: Flow.objects.filter(name="Flow 1").update(
        uuid=uuid_of("f", 9)
    ),
}

DIFFERENCES = {
    "an edit of a flow": 'The flow "Flow 1" (ffffffff-0000-4000-8000-000000000001) was edited since.',
    "an edit of a connection": 'The connection "Conn 1" (cccccccc-0000-4000-8000-000000000001) was edited since. (1 more difference)',
    "an edit of a secret": 'The secret "KEY_1" (55555555-0000-4000-8000-000000000001) was edited since.',
    "an edit that makes it what the file says": 'The flow "Flow 1" (ffffffff-0000-4000-8000-000000000001) was edited since. (1 more difference)',
    "a rename": 'The flow "Flow 1" (ffffffff-0000-4000-8000-000000000001) is named "Renamed" now. (1 more difference)',
    "a deletion": 'The flow "Flow 1" (ffffffff-0000-4000-8000-000000000001) is not there any more. (1 more difference)',
    "a soft deletion": 'The secret "KEY_1" (55555555-0000-4000-8000-000000000001) was deleted since. (1 more difference)',
    "a creation under the same uuid": 'The flow "x" (ffffffff-0000-4000-8000-000000000003) is on the server now, and was not when the plan was made. (1 more difference)',
    "a creation under the same name": 'The connection "Conn 3" (cccccccc-0000-4000-8000-000000000009) is on the server now, and was not when the plan was made. (1 more difference)',
    "another uuid under the same name": 'The flow "Flow 1" (ffffffff-0000-4000-8000-000000000001) is not there any more. (2 more differences)',
}


class TestStalePlan:
    """What was confirmed is done, or nothing is."""

    def test_a_plan_that_still_holds_is_done(self, a_server):
        preview = preview_import(request_for(the_file()))
        outcome = run_import(request_for(the_file()), confirmed=preview)
        assert results(outcome) == [
            ("Flow 1", "OVERWRITE"),
            ("Flow 3", "CREATE"),
            ("Conn 1", "OVERWRITE"),
            ("Conn 3", "CREATE"),
            ("KEY_1", "OVERWRITE"),
            ("KEY_3", "CREATE"),
        ]

    def test_a_change_of_another_row_does_not_matter(self, a_server):
        preview = preview_import(request_for(the_file()))
        Flow.objects.filter(name="Flow 2").update(info="edited", name="renamed")
        run_import(request_for(the_file()), confirmed=preview)
        assert Flow.objects.get(name="Flow 1").info == "file"

    def test_copies_are_confirmed_though_their_uuids_are_drawn_anew(self, a_server):
        preview = preview_import(request_for(the_file(), "duplicate"))
        run_import(request_for(the_file(), "duplicate"), confirmed=preview)
        assert Flow.objects.filter(name="Flow 1 (copy)").count() == 1

    @pytest.mark.parametrize("change", CHANGES_IN_BETWEEN)
    def test_a_change_in_between_is_refused_and_nothing_is_written(self, a_server, change):
        preview = preview_import(request_for(the_file()))
        CHANGES_IN_BETWEEN[change]()
        before = data_rows()
        with pytest.raises(StalePlan) as raised:
            run_import(request_for(the_file()), confirmed=preview)
        assert raised.value.code == "stale-plan"
        assert raised.value.message == (
            f"What would happen is no longer what was shown. {DIFFERENCES[change]} "
            "Nothing was written. Run the import again."
        )
        assert raised.value.issues[0].message in DIFFERENCES[change]
        assert data_rows() == before
        assert ImportRecord.objects.get().status == "refused"

    def test_what_cannot_be_done_any_more_is_stale_and_says_why(self, a_server):
        """A namesake appears: now either could be meant."""
        payload = export_file(flow(9, "Flow 1", info="file"))
        preview = preview_import(request_for(payload))
        assert preview.plan.changes["flow"][0].method == "name"
        FlowFactory(uuid=uuid_of("f", 5), name="Flow 1")
        before = data_rows()
        with pytest.raises(StalePlan) as raised:
            run_import(request_for(payload), confirmed=preview)
        assert raised.value.message == (
            "What was shown cannot be done any more. flows[0]: 2 flows on this server are named "
            '"Flow 1": ffffffff-0000-4000-8000-000000000001, '
            "ffffffff-0000-4000-8000-000000000005. Decide which one is meant (in the preview, or in "
            'the decisions: "<uuid of the item>": "<uuid of the row>", '
            '"create" for a new one, or "leave-out"), rename all but one of them, '
            "or give the file's item the uuid of the one that is meant. Nothing was written. Run the import again."
        )
        assert [issue.code for issue in raised.value.issues] == ["ambiguous-name"]
        assert data_rows() == before
        assert ImportRecord.objects.get().code == "stale-plan"

    def test_a_name_that_a_copy_would_have_taken_is_stale(self, a_server):
        preview = preview_import(request_for(the_file(), "duplicate"))
        FlowFactory(name="Flow 1 (copy)")
        with pytest.raises(StalePlan):
            run_import(request_for(the_file(), "duplicate"), confirmed=preview)

    def test_a_flow_that_was_locked_in_between_is_stale(self, a_server):
        preview = preview_import(request_for(the_file()))
        Flow.objects.filter(name="Flow 1").update(is_locked=True)
        with pytest.raises(StalePlan) as raised:
            run_import(request_for(the_file()), confirmed=preview)
        assert [issue.code for issue in raised.value.issues] == ["locked"]

    @pytest.mark.parametrize(
        ("other", "why"),
        [
            (
                {"payload": export_file(flow(1, "Flow 1", info="another file"))},
                "The file is not the one that was shown.",
            ),
            (
                {"mode": "skip"},
                "What would happen is no longer what was shown. "
                'flows[0] "Flow 1" was to be OVERWRITE, and would be SKIP. (2 more differences)',
            ),
            ({"override_locks": True}, "What would happen is no longer what was shown."),
        ],
        ids=["another file", "another mode", "other options"],
    )
    def test_a_plan_of_another_request_is_not_what_was_confirmed(self, a_server, other, why):
        preview = preview_import(request_for(the_file()))
        before = data_rows()
        with pytest.raises(StalePlan) as raised:
            run_import(request_for(**{"payload": the_file(), **other}), confirmed=preview)
        assert raised.value.message == f"{why} Nothing was written. Run the import again."
        assert data_rows() == before

    def test_a_plan_that_became_void_by_the_same_import_is_stale(self, a_server):
        preview = preview_import(request_for(the_file()))
        run_import(request_for(the_file()))
        with pytest.raises(StalePlan):
            run_import(request_for(the_file()), confirmed=preview)


EDIT = "was changed while the import was being prepared. Nothing was written. Run the import again."
ROW = "was changed meanwhile. Nothing was written. Run the import again."
CHANGES_DURING_IT: dict[str, tuple[Callable[[], Any], str]] = {
    "an edit": (
        lambda: Connection.objects.filter(name="Conn 1").update(dev_value="edited"),
        f'The connection "Conn 1" {EDIT}',
    ),
    "an edit of what is not in the file": (
        lambda: Flow.objects.filter(name="Flow 1").update(nodes="[{}]"),
        f'The flow "Flow 1" {EDIT}',
    ),
    "a rename": (
        lambda: Flow.objects.filter(name="Flow 1").update(name="Renamed"),
        f'The flow "Flow 1" {ROW}',
    ),
    "a deletion": (
        lambda: Flow.objects.filter(name="Flow 1").delete(),
        f'The flow "Flow 1" {ROW}',
    ),
    "a soft deletion": (
        lambda: Flow.objects.filter(name="Flow 1").update(is_deleted=True),
        f'The flow "Flow 1" {ROW}',
    ),
    "a lock": (
        lambda: Flow.objects.filter(name="Flow 1").update(is_locked=True),
        f'The flow "Flow 1" {ROW}',
    ),
    "a creation under the same uuid": (
        lambda: FlowFactory(uuid=uuid_of("f", 3), name="x"),
        f'The flow "Flow 3" {ROW}',
    ),
    "a creation under the same name": (
        lambda: SecretFactory(name="KEY_3"),
        f'The secret "KEY_3" {ROW}',
    ),
}


class TestChangeDuringTheImport:
    """Somebody writes after the plan was made under the lock: by hand, for that needs no lock."""

    def run_with(self, monkeypatch, change: Callable[[], Any]) -> StalePlan:
        monkeypatch.setattr(imports.runs.carrying_out, "check_encryption_keys", change)
        with pytest.raises(StalePlan) as raised:
            run_import(request_for(the_file()))
        assert raised.value.code == "stale-plan"
        return raised.value

    @pytest.mark.parametrize(
        ("change", "message"), CHANGES_DURING_IT.values(), ids=CHANGES_DURING_IT.keys()
    )
    def test_it_is_refused_and_nothing_is_written(self, a_server, monkeypatch, change, message):
        after_change: list[Any] = []

        def changing() -> None:
            change()
            after_change.append(data_rows())

        assert self.run_with(monkeypatch, changing).message == message
        assert data_rows() == after_change[0]
        assert ImportRecord.objects.get().status == "refused"

    def test_a_name_taken_between_looking_and_writing_is_refused(self, a_server):
        before = data_rows()

        def take_the_name(_done: int, _total: int) -> None:
            if not Secret.objects.filter(name="KEY_3").exists():
                SecretFactory(name="KEY_3")

        with pytest.raises(StalePlan) as raised:
            run_import(request_for(the_file()), progress=take_the_name)
        assert raised.value.message == (
            "Somebody else wrote to this server at the same moment. Nothing was written. "
            "Run the import again."
        )
        assert data_rows() == before


class TestServer:
    def test_an_unknown_one_is_refused_before_the_file_is_read(self, a_server):
        before = data_rows()
        for call in (run_import, preview_import):
            with pytest.raises(WrongServer) as raised:
                call(request_for(b"no json", server="production"))
            assert raised.value.message == (
                "This server is not production. It can import into: local. Nothing was written."
            )
        assert data_rows() == before

    @pytest.mark.parametrize("name", ["", "Local", "local ", "default"])
    def test_a_name_is_taken_to_the_letter(self, name):
        with pytest.raises(WrongServer):
            import_items(flow(1, "Orders"), server=name)

    def test_this_instances_name_is_its_setting(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "SERVER_NAME": "production"}
        assert results(import_items(flow(1, "Orders"), server="production")) == [
            ("Orders", "CREATE")
        ]


class TestEncryptionKey:
    @pytest.fixture
    def another_key(self, settings) -> None:
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}

    def test_a_wrong_one_is_refused_before_the_backup(
        self, a_server, another_key, backup_directory
    ):
        before = data_rows()
        with pytest.raises(WrongEncryptionKey) as raised:
            run_import(request_for(the_file(), with_backup=True))
        assert raised.value.message == (
            "A stored secret cannot be opened with the keys in ZIGGY_ENCRYPTION_KEYS. "
            "Put the key that it was stored with at the end of the list."
        )
        assert not backup_directory.exists()
        assert data_rows() == before
        record = ImportRecord.objects.get()
        assert (record.status, record.code) == ("refused", "wrong-encryption-key")

    def test_a_wrong_one_shows_by_a_production_value_alone(self, settings):
        SecretFactory(prod_value="only in production")
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
        with pytest.raises(WrongEncryptionKey):
            import_items(flow(1, "Orders"))

    def test_a_ring_that_has_the_old_key_behind_a_new_one_works(self, a_server, settings):
        tokens = set(Secret.objects.values_list("pk", "dev_value"))
        keys = [Fernet.generate_key().decode(), *settings.ZIGGY["ENCRYPTION_KEYS"]]
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": keys}
        run_import(request_for(the_file()))
        assert set(Secret.objects.exclude(name="KEY_3").values_list("pk", "dev_value")) == tokens

    def test_it_does_not_matter_where_no_secret_has_a_value(self, another_key):
        SecretFactory()
        assert results(import_items(flow(1, "Orders"))) == [("Orders", "CREATE")]


class TestLockedFlows:
    @pytest.fixture(autouse=True)
    def a_locked_flow(self) -> None:
        FlowFactory(uuid=uuid_of("f", 1), name="Orders", info="here", is_locked=True)

    def test_they_are_not_overwritten(self):
        before = data_rows()
        with pytest.raises(PlanRefused) as raised:
            import_items(flow(1, "Orders", info="file"), flow(2, "New"))
        [issue] = raised.value.issues
        assert (issue.code, issue.path) == ("locked", "flows[0]")
        assert data_rows() == before

    def test_they_are_with_override_locks(self):
        import_items(flow(1, "Orders", info="file"), override_locks=True)
        row = Flow.objects.get()
        assert (row.info, row.is_locked) == ("file", True)

    @pytest.mark.parametrize(("mode", "result"), [("skip", "SKIP"), ("duplicate", "DUPLICATE")])
    def test_other_modes_do_not_touch_them(self, mode, result):
        outcome = import_items(flow(1, "Orders", info="file"), mode=mode)
        assert results(outcome) == [("Orders", result)]
        assert Flow.objects.get(name="Orders").info == "here"

    def test_an_unchanged_one_is_no_reason_to_refuse(self):
        assert results(import_items(flow(1, "Orders", info="here"))) == [("Orders", "UNCHANGED")]


class TestOrder:
    def test_the_backup_is_made_under_the_lock_and_before_the_first_write(
        self, a_server, monkeypatch, tmp_path
    ):
        seen = []

        def looking_around(**_: Any) -> Any:
            with pytest.raises(LockHeld), hold_import_lock(wait=0):
                pass
            seen.append((data_rows() == before, ImportRecord.objects.get().status))
            return make_backup()

        before = data_rows()
        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", looking_around)
        run_import(request_for(the_file(), with_backup=True))
        assert seen == [(True, "running")]

    def test_a_failed_backup_refuses_the_import(self, a_server, settings, tmp_path):
        (tmp_path / "a file").touch()
        settings.ZIGGY = {**settings.ZIGGY, "BACKUP_DIR": tmp_path / "a file"}
        before = data_rows()
        with pytest.raises(BackupFailed):
            run_import(request_for(the_file(), with_backup=True))
        assert data_rows() == before
        record = ImportRecord.objects.get()
        assert (record.status, record.code) == ("refused", "backup-failed")
        assert record.backup_path == ""

    def test_without_a_backup_none_is_made(self, a_server, backup_directory):
        run_import(request_for(the_file(), with_backup=False))
        assert not backup_directory.exists()

    @pytest.mark.parametrize("mode", ["skip", "overwrite"])
    def test_with_nothing_to_write_there_is_no_backup_and_no_named_save(
        self, a_server, backup_directory, mode
    ):
        payload = export_file(flow(1, "Flow 1", info="here"), secret(1, "KEY_1"))
        rows_before = Flow.objects.values().get(name="Flow 1")
        run_import(request_for(payload, mode, with_backup=True))
        assert not backup_directory.exists()
        assert Version.objects.count() == 0
        assert Flow.objects.values().get(name="Flow 1") == rows_before
        record = ImportRecord.objects.get()
        assert (record.status, record.items.count()) == ("succeeded", 2)

    @pytest.mark.parametrize(
        "ending",
        ["success", "nothing to do", "refusal", "bad file", "error", "interruption"],
    )
    def test_the_lock_is_free_after_every_ending(self, a_server, monkeypatch, ending):
        payload, mode, expected = the_file(), "overwrite", None
        if ending == "nothing to do":
            payload = export_file()
        if ending == "refusal":
            Flow.objects.update(is_locked=True)
            expected = PlanRefused
        if ending == "bad file":
            payload, expected = b"{}", FileInvalid
        if ending in ("error", "interruption"):
            expected = ZeroDivisionError if ending == "error" else KeyboardInterrupt
            monkeypatch.setattr(imports.importing.service, "apply_plan", raising(expected))
        if expected:
            with pytest.raises(expected):
                run_import(request_for(payload, mode))
        else:
            run_import(request_for(payload, mode))
        with hold_import_lock(wait=0):
            pass

    def test_a_second_import_waits_for_as_long_as_is_set(self, a_server, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0.3}
        before = data_rows()
        with hold_import_lock(wait=0), pytest.raises(ImportLocked):
            run_import(request_for(the_file()))
        assert data_rows() == before


class TestTwice:
    def test_overwriting_again_changes_nothing(self, a_server):
        run_import(request_for(the_file()))
        before = data_rows()
        again = run_import(request_for(the_file()))
        assert {result for _, result in results(again)} == {"UNCHANGED"}
        items = ImportItem._meta.db_table
        assert {**data_rows(), items: []} == {**before, items: []}

    def test_skipping_again_changes_nothing(self, a_server):
        run_import(request_for(the_file(), "skip"))
        before = data_rows()
        again = run_import(request_for(the_file(), "skip"))
        assert {result for _, result in results(again)} == {"SKIP"}
        items = ImportItem._meta.db_table
        assert {**data_rows(), items: []} == {**before, items: []}

    def test_duplicating_again_makes_second_copies(self, a_server):
        run_import(request_for(export_file(flow(1, "Flow 1")), "duplicate"))
        run_import(request_for(export_file(flow(1, "Flow 1")), "duplicate"))
        assert sorted(Flow.objects.values_list("name", flat=True)) == [
            "Flow 1",
            "Flow 1 (copy 2)",
            "Flow 1 (copy)",
            "Flow 2",
        ]


def raising(error: type[BaseException]) -> Callable[..., None]:
    def raise_it(*_args: Any, **_options: Any) -> None:
        raise error

    return raise_it
