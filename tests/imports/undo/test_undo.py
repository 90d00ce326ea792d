"""The undo of an import: what becomes of each row, what stands against it, and who may do it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Permission
from django.db import OperationalError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from reversion.models import Revision, Version

import imports.runs.carrying_out
import imports.undo.apply
import imports.undo.service
from accounts.models import User
from flows.content.fields import Kind
from flows.models import MODELS, Connection, Flow, Secret
from flows.secrets.key_rotation import rotate_keys
from imports.database.lock import hold_import_lock
from imports.errors import (
    AlreadyUndone,
    BackupFailed,
    FileInvalid,
    FileTooLarge,
    FileUnreadable,
    ImportFailed,
    ImportLocked,
    NoSuchRecord,
    NotPermitted,
    NotUndoable,
    PlanRefused,
    StalePlan,
    UndoRefused,
    WrongEncryptionKey,
    WrongServer,
)
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem, ImportRecord
from imports.plans.plan import compute_content_digest
from imports.records.last_imports import read_last_imports
from imports.runs.carrying_out import Outcome
from imports.undo.plans.decision_file import read_decision_file, read_decisions
from imports.undo.plans.plan import ConflictResolution, UndoPlan
from imports.undo.plans.snapshot import make_undo_token
from imports.undo.service import examine_undo, preview_undo, undo_import
from tests.support.digest import all_rows, data_rows
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
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
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db
REMOVED = (
    "It may have been removed with the old history (ZIGGY_HISTORY_DAYS, ZIGGY_HISTORY_KEEP_RUNS), "
    "and cannot be undone then."
)

KEEP, RESTORE = ConflictResolution.KEEP, ConflictResolution.RESTORE


def undo(record: ImportRecord, **changes: Any) -> Outcome[UndoPlan]:
    return undo_import(undo_request(record, **changes))


def refused(record: ImportRecord, **changes: Any) -> UndoRefused:
    """Why the undo is refused; nothing but a record is written."""
    before = data_rows()
    with pytest.raises(UndoRefused) as raised:
        undo(record, **changes)
    assert data_rows() == before
    assert ImportRecord.objects.get(mode="undo", status="refused").undoes == record
    return raised.value


def codes(error: UndoRefused) -> list[str]:
    return [issue.code for issue in error.issues]


def result_words(plan: UndoPlan) -> list[tuple[str, str]]:
    return [(change.name, change.result.value) for change in plan]


# --- The decision table

LETTERS = {Kind.FLOW: "f", Kind.CONNECTION: "c", Kind.SECRET: "5"}
FACTORIES = {Kind.FLOW: FlowFactory, Kind.CONNECTION: ConnectionFactory, Kind.SECRET: SecretFactory}
# A text of content, by its column and by its key in a file.
TEXTS = {Kind.FLOW: "info", Kind.CONNECTION: "description", Kind.SECRET: "description"}


def an_item(kind: Kind, uuid: str, name: str, text: str) -> dict[str, Any]:
    return {"uuid": uuid, "name": name, TEXTS[kind]: text}


def imported(kind: Kind, what: str) -> tuple[ImportRecord, Any]:
    """The record of an import that did that, and a query of the row that it wrote."""
    uuid, model = uuid_of(LETTERS[kind], 1), MODELS[kind]
    if what != "created":
        FACTORIES[kind](
            uuid=uuid, name="BEFORE", is_deleted=what == "revived", **{TEXTS[kind]: "before"}
        )
    mode = "duplicate" if what == "duplicated" else "overwrite"
    outcome = import_items(an_item(kind, uuid, "IMPORTED", "imported"), mode=mode)
    [change] = outcome.plan
    return outcome.record, model._default_manager.filter(uuid=change.target_uuid)


def overwrite_again(kind: Kind, rows: Any) -> None:
    item = an_item(kind, str(rows.get().uuid), "AGAIN", "again")
    run_import(request_for(json.dumps({kind.plural: [item]}).encode()))


SINCE: dict[str, Callable[[Kind, Any], Any]] = {
    "untouched": lambda kind, rows: None,
    "edited": lambda kind, rows: rows.update(**{TEXTS[kind]: "edited"}),
    "deleted": lambda kind, rows: rows.update(is_deleted=True),
    "overwritten again": overwrite_again,
}

# What happens by default, which is a result or the code of a refusal; with keep; with restore.
TABLE = {
    ("created", "untouched"): ("DELETE", "DELETE", "DELETE"),
    ("created", "edited"): ("edited-since", "KEEP", "DELETE"),
    ("created", "deleted"): ("KEEP", "KEEP", "KEEP"),
    ("created", "overwritten again"): ("overwritten-since", "KEEP", "DELETE"),
    ("duplicated", "untouched"): ("DELETE", "DELETE", "DELETE"),
    ("duplicated", "edited"): ("edited-since", "KEEP", "DELETE"),
    ("duplicated", "deleted"): ("KEEP", "KEEP", "KEEP"),
    ("duplicated", "overwritten again"): ("overwritten-since", "KEEP", "DELETE"),
    ("overwritten", "untouched"): ("RESTORE", "RESTORE", "RESTORE"),
    ("overwritten", "edited"): ("edited-since", "KEEP", "RESTORE"),
    ("overwritten", "deleted"): ("deleted-since", "KEEP", "RESTORE"),
    ("overwritten", "overwritten again"): ("overwritten-since", "KEEP", "RESTORE"),
    ("revived", "untouched"): ("RESTORE", "RESTORE", "RESTORE"),
    ("revived", "edited"): ("edited-since", "KEEP", "RESTORE"),
    ("revived", "deleted"): ("deleted-since", "KEEP", "RESTORE"),
    ("revived", "overwritten again"): ("overwritten-since", "KEEP", "RESTORE"),
}


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    ("what", "since", "decision", "expected"),
    [
        pytest.param(*case, decision, result, id=f"{' and '.join(case)}: {decision} - {result}")
        for case, results in TABLE.items()
        for decision, result in zip((None, KEEP, RESTORE), results, strict=True)
    ],
)
def test_the_decision_table(kind, what, since, decision, expected):
    record, rows = imported(kind, what)
    SINCE[since](kind, rows)
    now = rows.values().get()
    plan = examine_undo(undo_request(record, conflicts=decision)).plan
    if expected not in {"RESTORE", "DELETE", "KEEP"}:
        assert codes(refused(record, conflicts=decision)) == [expected]
        record.refresh_from_db()
        assert record.status == "succeeded"
        return

    done = undo(record, conflicts=decision)
    assert done.plan == plan
    [change], [item] = plan, done.record.items.all()
    assert (change.result, item.result) == (expected, expected)
    record.refresh_from_db()
    assert record.status == ("succeeded" if expected == "KEEP" else "undone")
    row = rows.values().get()
    if expected == "KEEP":
        assert row == now
        assert item.named_save is None
        return
    assert item.named_save.comment == "Pre undo"
    if expected == "DELETE":
        assert row == {**now, "is_deleted": True, **own(row)}
        assert row["updated_by"] == "bob"
    else:
        assert (row["name"], row[TEXTS[kind]], row["is_deleted"]) == (
            "BEFORE", "before", what == "revived",
        )  # fmt: skip


def own(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("updated_at", "updated_by")}


# --- What a conflict tells


class TestConflicts:
    def test_an_edit_is_told_with_who_and_when(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        at = datetime(2026, 3, 16, 17, 10, 6, tzinfo=UTC)
        rows.update(info="edited", updated_at=at, updated_by="eve")
        error = refused(record)
        [issue] = error.issues
        assert issue.message == (
            'The flow "IMPORTED" was edited since, last by eve on 2026-03-16 17:10:06 UTC. '
            "Decide to keep it as it is, or to restore what was before."
        )
        assert (issue.uuid, issue.name) == (uuid_of("f", 1), "IMPORTED")
        assert error.message == issue.message

    def test_a_later_import_is_told_with_its_number_user_and_time(self):
        record, _ = imported(Kind.FLOW, "overwritten")
        later = import_items(flow(1, "IMPORTED", info="again"), user_name="carol").record
        [issue] = refused(record).issues
        assert issue.message.startswith(
            f'The flow "IMPORTED" was written again by the import {later.pk} of carol on '
            f"{later.finished_at:%Y-%m-%d %H:%M:%S} UTC."
        )

    def test_an_edit_after_a_later_import_is_an_edit(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        import_items(flow(1, "IMPORTED", info="again"))
        rows.update(info="edited")
        assert codes(refused(record)) == ["edited-since"]

    def test_a_later_import_is_undone_first(self):
        first, rows = imported(Kind.FLOW, "overwritten")
        second = import_items(flow(1, "IMPORTED", info="again")).record
        assert codes(refused(first)) == ["overwritten-since"]
        undo(second)
        undo(first)
        assert rows.get().info == "before"

    @pytest.mark.parametrize("what", ["created", "overwritten"])
    def test_a_later_import_that_brought_the_same_again_is_told(self, what):
        record, rows = imported(Kind.FLOW, what)
        rows.update(info="edited")
        later = import_items(an_item(Kind.FLOW, uuid_of("f", 1), "IMPORTED", "imported")).record
        [issue] = refused(record).issues
        assert issue.message.startswith(
            f'The flow "IMPORTED" was written again by the import {later.pk} '
        )

    def test_a_row_that_the_import_made_and_a_later_one_brought_back_is_told(self):
        record, rows = imported(Kind.FLOW, "created")
        rows.update(is_deleted=True)
        import_items(an_item(Kind.FLOW, uuid_of("f", 1), "IMPORTED", "imported"))
        assert codes(refused(record)) == ["overwritten-since"]
        assert not rows.get().is_deleted

    def test_an_import_that_was_redone_is_undone_without_a_question(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        undo(undo(record).record)
        undo(record)
        assert rows.get().info == "before"

    def test_a_row_that_was_purged_can_only_be_kept(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        rows.delete()
        [issue] = refused(record, conflicts=RESTORE).issues
        assert issue.message == (
            'The flow "IMPORTED" is not on this server any more: it was purged. It can only stay '
            "as it is: decide to keep it."
        )
        assert result_words(undo(record, conflicts=KEEP).plan) == [("IMPORTED", "KEEP")]

    def test_a_purged_row_that_the_import_made_is_gone_as_it_should_be(self):
        record, rows = imported(Kind.FLOW, "created")
        rows.delete()
        assert result_words(undo(record).plan) == [("IMPORTED", "KEEP")]

    def test_a_row_that_holds_what_it_did_before_is_left_alone(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        rows.update(name="BEFORE", info="before")
        assert result_words(undo(record).plan) == [("BEFORE", "KEEP")]

    def test_a_row_that_came_back_with_what_it_held_is_deleted_again(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A", is_deleted=True)
        assert result_words(undo(import_items(flow(1, "A")).record).plan) == [("A", "RESTORE")]
        assert Flow.objects.get().is_deleted

    def test_a_row_that_holds_what_it_did_before_but_is_deleted_is_a_conflict(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        rows.update(name="BEFORE", info="before", is_deleted=True)
        assert codes(refused(record)) == ["deleted-since", "edited-since"]

    def test_a_row_that_an_undo_deleted_and_somebody_brought_back(self):
        record, rows = imported(Kind.FLOW, "created")
        first = undo(record).record
        rows.update(is_deleted=False)
        assert result_words(undo(first).plan) == [("IMPORTED", "KEEP")]
        rows.update(info="edited")
        with pytest.raises(UndoRefused) as raised:
            undo(first)
        assert codes(raised.value) == ["restored-since", "edited-since"]

    @pytest.mark.parametrize("what", ["overwritten", "revived"])
    def test_a_save_that_is_gone_is_told_and_no_row_is_taken_for_a_new_one(self, what):
        record, rows = imported(Kind.FLOW, what)
        Revision.objects.all().delete()
        for decision in (None, RESTORE):
            with pytest.raises(UndoRefused) as raised:
                undo(record, conflicts=decision)
            assert codes(raised.value) == ["no-save"]
        assert result_words(undo(record, conflicts=KEEP).plan) == [("IMPORTED", "KEEP")]
        assert not rows.get().is_deleted

    @pytest.mark.parametrize("what", ["no digest", "a digest of other columns"])
    def test_where_the_content_cannot_be_compared_the_time_tells(self, what):
        record, rows = imported(Kind.FLOW, "overwritten")
        other = compute_content_digest({"a": 1}, ["a"]) if what != "no digest" else ""
        ImportItem.objects.update(content_digest=other)
        assert preview_undo(undo_request(record)).writes
        rows.update(updated_at=timezone.now() + timedelta(seconds=1))
        assert codes(refused(record)) == ["edited-since"]

    def test_and_a_later_import_that_was_undone_is_none(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        record.items.update(content_digest="")
        later = import_items(flow(1, "IMPORTED", info="again")).record
        assert codes(refused(record)) == ["overwritten-since"]
        undo(later)
        undo(record)
        assert rows.get().info == "before"

    def test_decisions_for_single_rows_go_before_the_one_for_all(self):
        record = import_items(flow(1, "A"), flow(2, "B")).record
        Flow.objects.update(info="edited")
        key = Kind.FLOW, uuid_of("f", 1)
        plan = undo(record, conflicts=KEEP, decisions={key: RESTORE}).plan
        assert result_words(plan) == [("A", "DELETE"), ("B", "KEEP")]

    def test_a_row_without_a_conflict_can_be_kept_too(self):
        record = import_items(flow(1, "A"), flow(2, "B")).record
        plan = undo(record, decisions={(Kind.FLOW, uuid_of("f", 1)): KEEP}).plan
        assert result_words(plan) == [("A", "KEEP"), ("B", "DELETE")]

    def test_a_decision_on_a_row_that_the_run_did_not_write_is_refused(self):
        record = import_items(flow(1, "A")).record
        error = refused(record, decisions={(Kind.FLOW, uuid_of("f", 2)): KEEP})
        assert error.issues[0].message == (
            f"Run {record.pk} wrote no flow {uuid_of('f', 2)} to decide on."
        )


class TestUses:
    """What others use is not deleted below them."""

    def imported(self) -> ImportRecord:
        return import_items(
            flow(1, "Flow", connections=[uuid_of("c", 1)]),
            connection(1, "Twilio", devValue="{ key: secrets.KEY }"),
            secret(1, "KEY"),
        ).record

    def test_rows_that_go_together_do_not_hinder_each_other(self):
        assert undo(self.imported()).plan.counts == {"DELETE": 3}

    def test_a_row_that_another_uses_is_a_conflict(self):
        record = self.imported()
        FlowFactory(name="Mine", nodes=json.dumps([{"connectionUuid": uuid_of("c", 1)}]))
        [issue] = refused(record).issues
        assert issue.message.startswith(
            'The connection "Twilio" is used by the flow "Mine", which would refer to nothing.'
        )
        assert undo(record, conflicts=RESTORE).plan.counts == {"DELETE": 3}

    def test_a_deleted_row_uses_nothing(self):
        record = self.imported()
        FlowFactory(nodes=json.dumps([{"connectionUuid": uuid_of("c", 1)}]), is_deleted=True)
        assert undo(record).plan.counts == {"DELETE": 3}

    def test_what_a_kept_row_uses_is_kept_with_it(self):
        record = self.imported()
        Flow.objects.update(info="edited")
        assert codes(refused(record)) == ["edited-since"]
        plan = preview_undo(undo_request(record, conflicts=KEEP))
        assert result_words(plan) == [("Flow", "KEEP"), ("Twilio", "KEEP"), ("KEY", "KEEP")]
        # Who keeps the flow alone is told what it uses.
        decisions = {(Kind.FLOW, uuid_of("f", 1)): KEEP}
        with pytest.raises(UndoRefused) as raised:
            undo(record, decisions=decisions)
        assert [(issue.code, issue.name) for issue in raised.value.issues] == [("used", "Twilio")]

    def test_many_users_are_told_in_short(self):
        record = self.imported()
        for number in range(5):
            FlowFactory(name=f"Mine {number}", nodes='[{"code":"secrets.KEY"}]')
        [issue] = refused(record).issues
        assert issue.message.startswith(
            'The secret "KEY" is used by the flow "Mine 0", the flow "Mine 1", the flow "Mine 2" '
            "and 2 more, which"
        )


class TestSecrets:
    def test_two_secrets_that_swapped_their_names_swap_back(self):
        for number, name in ((1, "A"), (2, "B")):
            SecretFactory(uuid=uuid_of("5", number), name=name, dev_value=f"value {number}")
        record = import_items(secret(1, "B"), secret(2, "A")).record
        undone = undo(record).record
        assert list(Secret.objects.order_by("uuid").values_list("name", flat=True)) == ["A", "B"]
        undo(undone)
        assert list(Secret.objects.order_by("uuid").values_list("name", flat=True)) == ["B", "A"]

    def test_a_secret_that_is_deleted_again_leaves_its_name_to_the_one_that_had_it(self):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", is_deleted=True)
        SecretFactory(uuid=uuid_of("5", 2), name="KEY")
        record = import_items(secret(2, "OTHER"), secret(1, "KEY")).record
        undo(record)
        rows = Secret.objects.order_by("uuid").values_list("name", "is_deleted")
        assert list(rows) == [("KEY", True), ("KEY", False)]

    def test_a_name_that_another_secret_has_now_can_only_be_left_to_it(self):
        record, rows = imported(Kind.SECRET, "overwritten")
        other = SecretFactory(name="BEFORE")
        for decision in (None, RESTORE):
            with pytest.raises(UndoRefused) as raised:
                undo(record, conflicts=decision)
            [issue] = raised.value.issues
            assert issue.message == (
                'The secret "IMPORTED" cannot be named "BEFORE" again: that is the name of the '
                f"secret {other.uuid} now. It can only stay as it is: decide to keep it."
            )
        assert undo(record, conflicts=KEEP).plan.counts == {"KEEP": 1}
        assert rows.get().name == "IMPORTED"

    def test_a_secret_that_is_kept_hinders_the_one_that_it_swapped_names_with(self):
        for number, name in ((1, "A"), (2, "B")):
            SecretFactory(uuid=uuid_of("5", number), name=name)
        record = import_items(secret(1, "B"), secret(2, "A")).record
        Secret.objects.filter(name="B").update(description="edited")
        assert codes(refused(record, decisions={(Kind.SECRET, uuid_of("5", 1)): KEEP})) == [
            "name-taken"
        ]
        assert undo(record, conflicts=KEEP).plan.counts == {"KEEP": 2}

    def test_values_are_never_changed(self, settings):
        SecretFactory(uuid=uuid_of("5", 1), name="A", dev_value="old", prod_value="old")
        record = import_items(secret(1, "A", description="file"), secret(2, "NEW")).record
        # Since the import: another value, a first value, and another key.
        changed = Secret.objects.get(name="A")
        changed.dev_value = "new"
        changed.save()
        filled = Secret.objects.get(name="NEW")
        filled.dev_value = "first"
        filled.save()
        keys = [Fernet.generate_key().decode(), *settings.ZIGGY["ENCRYPTION_KEYS"]]
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": keys}
        rotate_keys()
        values = self.tokens()
        done = undo(record)
        assert done.plan.counts == {"RESTORE": 1, "DELETE": 1}
        assert self.tokens() == values
        undo(done.record)
        assert self.tokens() == values
        row = Secret.objects.get(name="A")
        assert (row.description, row.dev_value.reveal()) == ("file", "new")

    def tokens(self) -> list[Any]:
        return [
            (row["uuid"], row["dev_value"], row["prod_value"]) for row in all_rows()["flows_secret"]
        ]

    def test_a_wrong_key_stops_it(self, settings):
        SecretFactory(name="A", dev_value="x")
        record = import_items(flow(1, "A")).record
        settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
        with pytest.raises(WrongEncryptionKey):
            undo(record)
        assert not Flow.objects.get().is_deleted


class TestOldSaves:
    def test_a_save_from_before_a_migration_fits_and_a_removed_column_is_ignored(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        # As django-reversion wrote it before the column updated_by, and with one since removed.
        version = Version.objects.get()
        version.serialized_data = OLD_SAVE.replace('"pk": 1', f'"pk": {rows.get().pk}')
        version.save()
        undo(record)
        row = rows.get()
        assert (row.name, row.info, row.updated_by, row.timeout) == ("BEFORE", "before", "", 61)
        assert row.updated_at == datetime(2026, 3, 16, 10, 0, 0, 123000, tzinfo=UTC)

    def test_a_save_that_cannot_be_read_is_told(self):
        record, _ = imported(Kind.FLOW, "overwritten")
        Version.objects.update(serialized_data=OLD_SAVE.replace("61", '"many"'))
        assert codes(refused(record, conflicts=RESTORE)) == ["no-save"]


OLD_SAVE = """[{"model": "flows.flow", "pk": 1, "fields": {"uuid": "ffffffff-0000-4000-8000-000000000001",
"extra": "{}", "is_deleted": false, "created_at": "2026-03-16T10:00:00.123Z",
"updated_at": "2026-03-16T10:00:00.123Z", "name": "BEFORE", "info": "before", "tags": "[]",
"listener_type": "", "is_subflow": false, "is_commander": false, "is_valid": false,
"is_locked": false, "timeout": 61, "num_blocks": 0, "execution_history_level": "USE_DEFAULT",
"execution_history_mins": 1440, "queue_uuid": null, "tenant_id": null, "used_connections": null,
"used_secrets": null, "nodes": "[]", "edges": "[]", "viewport": "{}", "colour": "red"}}]"""


# --- The story


class TestStory:
    def test_times_and_who_wrote_come_back(self):
        at = datetime(2026, 3, 16, 10, 0, 0, 123000, tzinfo=UTC)
        FlowFactory(uuid=uuid_of("f", 1), name="A", created_at=at, updated_by="eve")
        Flow.objects.update(updated_at=at)
        undo(import_items(flow(1, "B")).record)
        row = Flow.objects.get()
        assert (row.created_at, row.updated_at, row.updated_by) == (at, at, "eve")

    def test_the_record_tells_what_was_done(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A", info="here")
        record = import_items(flow(1, "B", info="file"), flow(2, "C"), flow(3, "D")).record
        Flow.objects.filter(name="D").update(info="edited")
        done = undo(record, conflicts=KEEP).record
        assert (done.mode, done.status, done.undoes, done.user_name) == (
            "undo", "succeeded", record, "bob",
        )  # fmt: skip
        assert (done.file_name, done.file_size, done.file_sha256) == (
            f"undo of import {record.pk}", 0, "",
        )  # fmt: skip
        assert done.counts == {"RESTORE": 1, "DELETE": 1, "KEEP": 1}
        restored, deleted, kept = done.items.order_by("pk")
        assert (restored.name, restored.target_name, restored.changed_keys) == (
            "B", "A", ["name", "info"],
        )  # fmt: skip
        assert (restored.leaves_deleted, deleted.leaves_deleted) == (False, True)
        assert (kept.named_save, kept.content_digest) == (None, "")
        assert kept.warnings[0].startswith('The flow "D" was edited since')

    def test_items_that_wrote_nothing_are_left_out(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A")
        record = import_items(flow(1, "A"), flow(2, "B")).record
        assert result_words(undo(record).plan) == [("B", "DELETE")]

    @pytest.mark.parametrize("what", ["succeeded twice", "refused", "nothing written"])
    def test_what_cannot_be_undone_is_told(self, what):
        if what == "succeeded twice":
            record = import_items(flow(1, "A")).record
            by = undo(record).record
            error: type[Exception] = AlreadyUndone
            message = f"Import {record.pk} is undone already. Undo import {by.pk} to bring it back."
        elif what == "refused":
            FlowFactory(uuid=uuid_of("f", 1), name="A", is_locked=True)
            with pytest.raises(PlanRefused):
                import_items(flow(1, "B"))
            record, error = ImportRecord.objects.get(), NotUndoable
            message = f"Import {record.pk} is refused: it wrote nothing that could be undone."
        else:
            FlowFactory(uuid=uuid_of("f", 1), name="A")
            record, error = import_items(flow(1, "B"), mode="skip").record, NotUndoable
            message = f"Import {record.pk} wrote nothing that could be undone."
        with pytest.raises(error) as raised:
            undo(record)
        assert str(raised.value) == message
        assert ImportRecord.objects.filter(mode="undo", status="refused", undoes=record).exists()

    def test_an_unknown_record_is_told_and_recorded(self):
        with pytest.raises(NoSuchRecord) as raised:
            undo_import(undo_request(404))
        assert str(raised.value) == "This server has no import 404."
        assert ImportRecord.objects.get().code == "no-such-record"

    def test_a_record_that_may_have_been_removed_is_told_as_such(self):
        gone = import_items(flow(1, "A")).record.pk
        newest = import_items(flow(1, "B")).record.pk
        ImportRecord.objects.filter(pk=gone).delete()
        with pytest.raises(NoSuchRecord) as raised:
            preview_undo(undo_request(gone), record_refusal=False)
        assert raised.value.code == "no-such-record"
        assert str(raised.value) == f"This server has no import {gone}. {REMOVED}"
        for number in (newest + 1, 0, -1):
            with pytest.raises(NoSuchRecord) as raised:
                preview_undo(undo_request(number), record_refusal=False)
            assert str(raised.value) == f"This server has no import {number}."

    def test_a_preview_writes_nothing_at_all(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        before = all_rows()
        preview_undo(undo_request(record), record_refusal=False)
        assert all_rows() == before
        rows.update(info="edited")
        before = all_rows()
        with pytest.raises(UndoRefused):
            preview_undo(undo_request(record), record_refusal=False)
        examined = examine_undo(undo_request(record))
        assert codes(examined.refusal) == ["edited-since"]
        assert all_rows() == before

    def test_an_unknown_server_is_refused(self):
        with pytest.raises(WrongServer):
            undo_import(undo_request(1, server="elsewhere"))

    def test_another_import_keeps_it_out(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "LOCK_WAIT": 0}
        record = import_items(flow(1, "A")).record
        with hold_import_lock(wait=0), pytest.raises(ImportLocked):
            undo(record)

    def test_what_was_shown_is_done_or_nothing(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        shown = make_undo_token(preview_undo(undo_request(record, conflicts=RESTORE)))
        rows.update(info="edited")
        before = data_rows()
        with pytest.raises(StalePlan):
            undo_import(undo_request(record, conflicts=RESTORE), token=shown)
        with pytest.raises(StalePlan) as raised:
            undo_import(undo_request(record), token=shown)
        assert codes(raised.value) == ["edited-since"]
        assert data_rows() == before

    def test_what_differs_from_the_confirmed_plan_is_named(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        confirmed = preview_undo(undo_request(record, conflicts=RESTORE))
        rows.update(info="edited")
        row = rows.get()
        with pytest.raises(StalePlan) as raised:
            undo_import(undo_request(record, conflicts=RESTORE), confirmed=confirmed)
        assert raised.value.message == (
            "What would happen is no longer what was shown. "
            f'The flow "{row.name}" ({row.uuid}) was edited since. '
            "Nothing was written. Run the undo again."
        )

    def test_who_uses_a_row_by_now_is_shown_before_it_is_deleted(self):
        record = import_items(secret(1, "KEY")).record
        FlowFactory(name="One", nodes='[{"code":"secrets.KEY"}]')
        shown = make_undo_token(preview_undo(undo_request(record, conflicts=RESTORE)))
        FlowFactory(name="Two", nodes='[{"code":"secrets.KEY"}]')
        with pytest.raises(StalePlan):
            undo_import(undo_request(record, conflicts=RESTORE), token=shown)
        assert not Secret.objects.get().is_deleted

    @pytest.mark.parametrize(
        "change",
        [
            lambda rows: rows.update(info="edited"),
            lambda rows: rows.update(is_deleted=True),
            lambda rows: rows.delete(),
            lambda rows: Version.objects.all().delete(),
        ],
        ids=["edited", "deleted", "purged", "save removed"],
    )
    def test_a_change_while_it_is_prepared_stops_it(self, monkeypatch, change):
        record, rows = imported(Kind.FLOW, "overwritten")
        after: list[Any] = []

        def changing() -> None:
            change(rows)
            after.append(data_rows())

        monkeypatch.setattr(imports.runs.carrying_out, "check_encryption_keys", changing)
        with pytest.raises(StalePlan):
            undo(record)
        assert data_rows() == after[0]
        record.refresh_from_db()
        assert record.status == "succeeded"

    @pytest.mark.parametrize("is_dated_later", [False, True])
    def test_what_came_to_use_a_row_while_it_is_prepared_stops_it(
        self, monkeypatch, is_dated_later
    ):
        record = import_items(secret(1, "KEY")).record
        user = FlowFactory(nodes="[]")

        def changing() -> None:
            user.nodes = '[{"code":"secrets.KEY"}]'
            user.save()
            if is_dated_later:  # as by an import: that holds the lock, so it was there before
                Flow.objects.update(updated_at=timezone.now() + timedelta(days=1))

        monkeypatch.setattr(imports.runs.carrying_out, "check_encryption_keys", changing)
        if is_dated_later:
            undo(record)
            return
        with pytest.raises(StalePlan, match="A flow that uses what the undo would delete was"):
            undo(record)
        assert not Secret.objects.get().is_deleted
        monkeypatch.undo()
        with pytest.raises(UndoRefused) as raised:
            undo(record)
        assert codes(raised.value) == ["used"]

    @pytest.mark.parametrize("error", [OperationalError(), KeyboardInterrupt()])
    def test_an_error_in_the_middle_changes_nothing(self, monkeypatch, error):
        FlowFactory(uuid=uuid_of("f", 1), name="A")
        SecretFactory(uuid=uuid_of("5", 1), name="A")
        record = import_items(flow(1, "B"), flow(2, "C"), secret(1, "B")).record
        before = data_rows()

        def failing(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(imports.undo.apply, "update_rows", failing)
        with pytest.raises(ImportFailed if isinstance(error, OperationalError) else type(error)):
            undo(record)
        assert data_rows() == before
        record.refresh_from_db()
        assert record.status == "succeeded"
        assert ImportRecord.objects.get(mode="undo").status in {"failed", "interrupted"}

    def test_progress_is_told(self):
        FlowFactory(uuid=uuid_of("f", 1), name="A")
        record = import_items(flow(1, "B"), flow(2, "C")).record
        told: list[tuple[int, int]] = []
        undo_import(undo_request(record), progress=lambda *at: told.append(at))
        assert told == [(1, 2), (2, 2)]

    def test_an_undone_import_and_its_undo_are_no_last_import(self):
        first = import_items(flow(1, "A", info="first")).record
        second = import_items(flow(1, "A", info="second")).record
        undone = undo(second).record
        assert self.last_import() == first.finished_at
        preview = preview_import(request_for(export_file(flow(1, "A", info="third"))))
        assert [change.warnings for change in preview.plan] == [()]
        undo(undone)
        assert self.last_import() == second.finished_at
        preview = preview_import(request_for(export_file(flow(1, "A", info="third"))))
        assert [change.warnings for change in preview.plan] == [()]

    def last_import(self) -> datetime:
        return read_last_imports(Kind.FLOW, [uuid_of("f", 1)])[uuid_of("f", 1)].at


@pytest.mark.django_db(transaction=True)
class TestBackup:
    def test_it_is_made_before_and_that_of_the_import_is_kept(self, settings):
        settings.ZIGGY = {**settings.ZIGGY, "BACKUP_KEEP": 1, "BACKUP_DAYS": 0}
        record = import_items(flow(1, "A"), with_backup=True).record
        done = undo(record, with_backup=True).record
        kept = [str(path) for path in backup_files(settings.ZIGGY["BACKUP_DIR"])]
        assert kept == sorted([record.backup_path, done.backup_path])

    def test_without_one_nothing_is_undone(self, monkeypatch):
        record = import_items(flow(1, "A")).record

        def fail(**_: Any) -> None:
            raise BackupFailed("backup-failed", "No room.")

        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", fail)
        with pytest.raises(BackupFailed):
            undo(record, with_backup=True)
        assert not Flow.objects.get().is_deleted

    def test_none_is_made_where_nothing_is_written(self, monkeypatch):
        record, rows = imported(Kind.FLOW, "created")
        rows.update(is_deleted=True)
        monkeypatch.setattr(imports.runs.carrying_out, "make_backup", lambda **_: 1 / 0)
        assert undo(record, with_backup=True).record.status == "succeeded"


# --- Rights

HERE, ELSEWHERE = "{ host: 'a', key: secrets.KEY }", "{ host: 'b', key: secrets.KEY }"


class TestRights:
    def user(self, *permissions: str) -> User:
        user = User.objects.create_user("ada", password="x")
        names = {permission.rpartition(".")[2] for permission in permissions}
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        return user

    @pytest.mark.parametrize(
        ("what", "needed"),
        [
            ("created", ["delete_flow"]),
            ("overwritten", ["change_flow"]),
            ("revived", ["change_flow", "delete_flow"]),
        ],
    )
    def test_each_row_needs_the_right_to_do_it_by_hand(self, what, needed):
        record, _ = imported(Kind.FLOW, what)
        user = self.user("undo_import", "skip_backup", "view_flow")
        with pytest.raises(NotPermitted) as raised:
            undo(record, user=user)
        assert [issue.message for issue in raised.value.issues] == [
            f"Needs the permission flows.{name}." for name in needed
        ]
        user.user_permissions.add(*Permission.objects.filter(codename__in=needed))
        undo(record, user=User.objects.get())

    def test_the_undo_and_leaving_the_backup_out_need_rights_of_their_own(self):
        record, _ = imported(Kind.FLOW, "created")
        with pytest.raises(NotPermitted) as raised:
            undo(record, user=self.user("view_flow", "delete_flow"))
        assert [issue.message for issue in raised.value.issues] == [
            "Needs the permission imports.undo_import.",
            "Needs the permission imports.skip_backup.",
        ]
        with pytest.raises(NotPermitted):
            examine_undo(undo_request(record, user=User.objects.get()))

    def test_who_may_not_see_the_rows_is_told_nothing_of_them(self):
        record, rows = imported(Kind.FLOW, "overwritten")
        rows.update(info="edited", updated_by="eve")
        user = self.user("undo_import", "skip_backup")
        for asked in (examine_undo, preview_undo, undo_import):
            with pytest.raises(NotPermitted) as raised:
                asked(undo_request(record, user=user))
            assert "flows.view_flow" in raised.value.issues[0].message

    def test_who_may_not_see_what_uses_a_row_is_told_nothing_of_that(self):
        record = import_items(secret(1, "KEY")).record
        FlowFactory(name="Hidden", nodes='[{"code":"secrets.KEY"}]')
        user = self.user("undo_import", "skip_backup", "view_secret", "delete_secret")
        for asked in (examine_undo, preview_undo, undo_import):
            with pytest.raises(NotPermitted) as raised:
                asked(undo_request(record, user=user))
            assert [issue.message for issue in raised.value.issues] == [
                "Needs the permission flows.view_flow."
            ]
        assert not ImportRecord.objects.filter(message__contains="Hidden").exists()

    def test_sending_a_stored_secret_elsewhere_needs_a_right_of_its_own(self):
        SecretFactory(name="KEY", dev_value="x")
        ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value=HERE)
        record = import_items(connection(1, "C", devValue=ELSEWHERE)).record
        user = self.user("undo_import", "skip_backup", "change_connection")
        with pytest.raises(NotPermitted) as raised:
            undo(record, user=user)
        assert [issue.message for issue in raised.value.issues] == [
            "Needs the permission imports.retarget_connections.",
            'The connection "C" sends the stored secret to another destination: '
            "secrets.KEY -> b -> a.",
        ]
        done = undo(record)
        [change] = done.plan
        assert change.warnings[0].startswith(
            "sends the stored secret to another destination: secrets.KEY"
        )
        assert Connection.objects.get().dev_value == HERE

    def test_a_secret_that_gets_its_name_back_by_the_undo_counts(self):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="x")
        ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value=HERE)
        record = import_items(
            secret(1, "OTHER"), connection(1, "C", devValue=ELSEWHERE.replace("KEY", "NONE"))
        ).record
        assert [change.destination_warnings != () for change in preview_undo(undo_request(record))] == [
            True, False,
        ]  # fmt: skip

    def test_a_value_that_such_a_secret_got_since_counts(self):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY")
        ConnectionFactory(uuid=uuid_of("c", 1), name="C", dev_value=HERE)
        record = import_items(
            secret(1, "OTHER"), connection(1, "C", devValue=ELSEWHERE.replace("KEY", "NONE"))
        ).record
        filled = Secret.objects.get()
        filled.dev_value = "x"
        filled.save()
        assert [change.destination_warnings != () for change in preview_undo(undo_request(record))] == [
            True, False,
        ]  # fmt: skip

    def test_a_flow_that_comes_back_with_its_code_is_not_warned_of(self):
        SecretFactory(name="KEY", dev_value="a value")
        done = import_items(flow(1, "Orders", nodes=[{"id": "1", "code": "send(secrets.KEY)"}]))
        undone = undo(done.record)
        (change,) = preview_undo(undo_request(undone.record))
        assert (change.result.value, change.warnings) == ("RESTORE", ())


# --- Much of it


def test_queries_grow_with_the_batches_only():
    def queries(number: int) -> int:
        Flow.objects.all().delete()
        ImportRecord.objects.all().delete()
        names = [(at, f"F{at}") for at in range(number)]
        import_items(*(flow(at, name) for at, name in names))
        record = import_items(
            *(flow(at, name, info="x") for at, name in names),
            *(flow(at + number, f"N{at}") for at in range(number)),
        ).record
        with CaptureQueriesContext(database) as captured:
            undo(record)
        return len(captured)

    queries(1)
    # Both above the number from which PostgreSQL takes the items by COPY, which is not counted.
    assert queries(90) == queries(30)
    assert queries(600) - queries(400) <= 30


# --- Decisions in the form of a file


class TestDecisions:
    def test_a_file_may_leave_the_kind_out(self):
        one, other = uuid_of("f", 1), uuid_of("5", 1)
        file = {"decisions": {one.upper(): "keep", f"secret:{other}": "restore"}}
        assert read_decision_file(json.dumps(file).encode(), max_bytes=1000) == {
            (None, one): KEEP,
            (Kind.SECRET, other): RESTORE,
        }

    @pytest.mark.parametrize("word", ["keep", "KEEP", "Keep"])
    def test_a_word_may_be_in_upper_case(self, word):
        assert read_decisions({uuid_of("f", 1): word}) == ({(None, uuid_of("f", 1)): KEEP}, {})

    @pytest.mark.parametrize(
        ("data", "found"),
        [
            (b"", [("empty-file", "")]),
            (b"{", [("invalid-json", "")]),
            (b"\xff", [("invalid-encoding", "")]),
            (b"[]", [("wrong-top-level", "")]),
            (b"{}", [("wrong-type", "decisions")]),
            (b'{"decisions": []}', [("wrong-type", "decisions")]),
            (b'{"decisions": {}, "more": 1}', [("unknown-key", "more")]),
            (b'{"decisions": {"a": "keep", "a": "keep"}}', [("duplicate-key", "decisions.a")]),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, data, found):
        with pytest.raises((FileInvalid, FileUnreadable), match=r"^The decisions file ") as raised:
            read_decision_file(data, max_bytes=1000)
        assert raised.value.exit_code == 3
        assert [(issue.code, issue.path) for issue in raised.value.issues] == found

    def test_a_file_that_is_too_large_is_refused(self):
        with pytest.raises(FileTooLarge):
            read_decision_file(b'{"decisions": {}}', max_bytes=5)

    def test_all_that_is_wrong_with_a_file_is_told_at_once(self):
        one, two = uuid_of("f", 1), uuid_of("f", 2)
        decisions = {
            "x": "keep",
            f"row:{one}": "keep",
            one: "skip",
            two: ["keep"],
            f"flow:{one}": "keep",
            f"flow:{one.upper()}": "restore",
        }
        with pytest.raises(FileInvalid) as raised:
            read_decision_file(json.dumps({"decisions": decisions}).encode(), max_bytes=1000)
        assert [(issue.code, issue.path) for issue in raised.value.issues] == [
            ("invalid-uuid", "decisions.x"),
            ("invalid-kind", f'decisions["row:{one}"]'),
            ("invalid-decision", f"decisions.{one}"),
            ("invalid-decision", f"decisions.{two}"),
            ("duplicate-decision", f'decisions["flow:{one.upper()}"]'),
        ]

    def test_a_decision_without_a_kind_is_for_the_one_row_of_that_uuid(self):
        record = import_items(flow(1, "A"), flow(2, "B")).record
        plan = undo(record, decisions={(None, uuid_of("f", 1)): KEEP}).plan
        assert result_words(plan) == [("A", "KEEP"), ("B", "DELETE")]

    def test_a_decision_that_could_be_for_two_rows_or_is_there_twice_is_refused(self):
        uuid = uuid_of("f", 1)
        lists = {"flows": [flow(1, "A")], "connections": [{"uuid": uuid, "name": "A"}]}
        record = run_import(request_for(json.dumps(lists).encode())).record
        assert codes(refused(record, decisions={(None, uuid): KEEP})) == ["ambiguous-uuid"]
        other = import_items(flow(2, "B")).record
        twice = {(None, uuid_of("f", 2)): KEEP, (Kind.FLOW, uuid_of("f", 2)): RESTORE}
        with pytest.raises(UndoRefused) as raised:
            undo(other, decisions=twice)
        assert codes(raised.value) == ["duplicate-decision"]


class TestWhatReferredToNothingBefore:
    """An import that makes what a row named already can be undone: the row came before it."""

    OLD = "2026-01-01T10:00:00.000Z"

    @pytest.fixture
    def dangling(self) -> None:
        """A flow that names a connection which is not there, and code with a secret that is not."""
        FlowFactory(
            uuid=uuid_of("f", 1),
            name="Orders",
            nodes=json.dumps([{"code": "secrets.TOKEN", "id": uuid_of("c", 1)}]),
        )

    def test_it_is_no_conflict(self, dangling):
        done = import_items(connection(1, "CRM"), secret(1, "TOKEN"))
        undo = undo_import(undo_request(done.record))
        assert [change.result.value for change in undo.plan] == ["DELETE", "DELETE"]
        assert all(not change.conflicts for change in undo.plan)
        redo = undo_import(undo_request(undo.record))
        assert all(not change.conflicts for change in redo.plan)
        again = undo_import(undo_request(redo.record))
        assert all(not change.conflicts for change in again.plan)

    def test_a_row_that_was_written_since_is_one(self, dangling):
        done = import_items(connection(1, "CRM"))
        Flow.objects.get().save()
        assert codes_of(done.record) == ["used"]

    def test_a_row_that_a_later_import_made_is_one_whatever_its_file_dates_it(self):
        done = import_items(connection(1, "CRM"))
        import_items(flow(2, "New", connections=[uuid_of("c", 1)], updatedAt=self.OLD))
        assert codes_of(done.record) == ["used"]

    def test_a_row_that_is_as_it_was_before_the_import_is_none(self, dangling):
        before = Flow.objects.get()
        done = import_items(connection(1, "CRM"), flow(1, "Orders", info="file"))
        before.save()  # somebody put it back by hand
        assert codes_of(done.record) == []


def codes_of(record: ImportRecord) -> list[str]:
    """The codes of what stands against the undo."""
    refusal = examine_undo(undo_request(record)).refusal
    return [issue.code for issue in refusal.issues] if refusal else []
