"""Rows that differ from what was imported last: found by times, decided by digests."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from reversion.models import Revision, Version

from accounts.models import User
from flows.content.fields import Kind
from flows.deletion import mark_deleted
from flows.documents.models import StoredDocument
from flows.models import MODELS, Connection, Flow, Secret
from flows.saves import named_saves
from flows.saves.edits import PRE_EDIT
from imports.drift.decide import DriftState, decide_state
from imports.drift.read import count_drift, find_drifted_row, read_drift
from imports.drift.states import list_changes, read_states
from imports.models import ImportItem
from imports.undo.service import undo_import
from tests.support.factories import FlowFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.pages import form_of
from tests.support.undoing import undo_request
from tests.support.uploading import caller
from tests.support.users import logged_in


@pytest.mark.parametrize(
    ("is_deleted", "digest", "imported", "state"),
    [
        (False, "aaaa1", "aaaa1", None),
        (False, "aaaa1", "aaaa2", DriftState.EDITED),
        (False, "aaaa1", "bbbb1", DriftState.UNKNOWN),
        (True, "aaaa1", "aaaa1", DriftState.DELETED),
        (True, "aaaa1", "bbbb2", DriftState.DELETED),
    ],
)
def test_the_state_of_a_row_is_decided_by_its_digest(is_deleted, digest, imported, state):
    assert decide_state(is_deleted=is_deleted, digest=digest, imported_digest=imported) is state


def edit(model, by="ada", **values):
    """Write the row as an editor does: with the time and the name."""
    row = model.objects.get()
    for name, value in values.items():
        setattr(row, name, value)
    row.updated_by = by
    row.save()
    return row


def drift(*kinds):
    return [(row.kind, row.name, row.state) for row in read_drift(kinds or list(Kind))]


@pytest.mark.django_db
class TestRows:
    def test_nothing_differs_after_an_import(self):
        import_items(flow(1, "Sync"), connection(1, "Mail"), secret(1, "KEY"))
        assert drift() == []
        assert [count_drift(kind) for kind in Kind] == [0, 0, 0]

    def test_a_row_that_was_never_imported_does_not_differ(self):
        FlowFactory()
        edit(Flow, timeout=7)
        assert drift() == []

    @pytest.mark.parametrize("number", [1, 2])
    def test_what_was_edited_of_each_kind_is_found(self, number):
        for _ in range(number):
            import_items(flow(1, "Sync"), connection(1, "Mail"), secret(1, "KEY"))
        edit(Flow, timeout=7)
        edit(Connection, description="new")
        edit(Secret, description="new")
        assert drift() == [
            (Kind.SECRET, "KEY", DriftState.EDITED),
            (Kind.CONNECTION, "Mail", DriftState.EDITED),
            (Kind.FLOW, "Sync", DriftState.EDITED),
        ]
        assert drift(Kind.CONNECTION) == [(Kind.CONNECTION, "Mail", DriftState.EDITED)]
        assert [count_drift(kind) for kind in Kind] == [1, 1, 1]

    def test_it_says_who_and_when_and_of_which_import(self):
        import_items(flow(1, "Sync"))
        newest = import_items(flow(1, "Sync", info="second")).record
        row = edit(Flow, timeout=7, by="ada")
        [found] = read_drift([Kind.FLOW])
        assert (found.last_write.by, found.last_write.at) == ("ada", row.updated_at)
        assert (found.record, found.imported_at) == (newest.pk, newest.finished_at)
        assert find_drifted_row(Kind.FLOW, uuid_of("f", 1)) == found
        assert find_drifted_row(Kind.FLOW, uuid_of("f", 2)) is None

    def test_what_was_written_without_a_change_does_not_differ(self):
        import_items(flow(1, "Sync", timeout=60))
        edit(Flow, timeout=7)
        edit(Flow, timeout=60)
        assert drift() == []

    def test_the_value_of_a_secret_is_no_content(self):
        import_items(secret(1, "KEY"))
        edit(Secret, dev_value="CANARY-5521")
        assert drift() == []

    def test_an_import_after_the_edit_ends_it(self):
        import_items(flow(1, "Sync"))
        edit(Flow, timeout=7)
        import_items(flow(1, "Sync", timeout=7))  # which finds it unchanged
        assert drift() == []

    def test_an_import_that_skips_does_not_end_it(self):
        import_items(flow(1, "Sync"))
        edit(Flow, timeout=7)
        import_items(flow(1, "Sync"), mode="skip")
        assert drift() == [(Kind.FLOW, "Sync", DriftState.EDITED)]

    def test_a_row_with_a_time_of_the_file_that_is_to_come_does_not_differ(self):
        later = (timezone.now() + timedelta(days=400)).isoformat()
        import_items(flow(1, "Sync", updatedAt=later))
        assert Flow.objects.get().updated_at > timezone.now()
        assert drift() == []
        Flow.objects.update(timeout=7)
        assert drift() == [(Kind.FLOW, "Sync", DriftState.EDITED)]

    def test_a_deleted_row_differs(self):
        import_items(flow(1, "Sync"))
        mark_deleted(Flow.objects.get(), user_name="ada")
        assert drift() == [(Kind.FLOW, "Sync", DriftState.DELETED)]
        assert count_drift(Kind.FLOW) == 1

    def test_what_an_undo_took_back_does_not_differ(self):
        import_items(flow(1, "Sync", info="first"))
        record = import_items(flow(1, "Sync", info="second"), flow(2, "New")).record
        undo_import(undo_request(record))
        assert Flow.objects.get(name="Sync").info == "first"
        assert drift() == []

    def test_digests_of_other_columns_leave_it_open_and_are_not_counted(self):
        import_items(flow(1, "Sync"))
        ImportItem.objects.update(content_digest="0000" + "a" * 32)
        edit(Flow, timeout=7)
        assert drift() == [(Kind.FLOW, "Sync", DriftState.UNKNOWN)]
        assert count_drift(Kind.FLOW) == 0

    def test_each_number_is_one_query_and_no_document_is_read(self):
        import_items(*(flow(number, f"Flow {number}") for number in range(1, 30)))
        for row in Flow.objects.all()[:20]:
            row.timeout = 7
            row.save()
        StoredDocument.objects.update(body=b"damaged")
        for kind, number in zip(Kind, (20, 0, 0), strict=True):
            with CaptureQueriesContext(database) as queries:
                assert count_drift(kind) == number
            assert len(queries) == 1


def states():
    """Of each row that differs, the keys that changed; None where that is not kept."""
    rows = read_drift(list(Kind))
    found = read_states(rows)
    changes = {row.name: list_changes(row.kind, found[row.kind, row.uuid]) for row in rows}
    return {
        name: None if fields is None else [(each.key, each.before, each.after) for each in fields]
        for name, fields in changes.items()
    }


@pytest.mark.django_db
class TestStates:
    def test_a_save_from_before_the_edit_has_what_was_imported(self):
        import_items(flow(1, "Sync", timeout=60))
        named_saves.take(Flow.objects.get(), "by hand")
        edit(Flow, timeout=7)
        assert states() == {"Sync": [("timeout", "60", "7")]}

    def test_a_save_of_another_content_has_not(self):
        import_items(flow(1, "Sync", timeout=60))
        edit(Flow, timeout=7)
        named_saves.take(Flow.objects.get(), "too late")
        assert states() == {"Sync": None}

    def test_a_save_from_before_the_import_has_not(self):
        FlowFactory(uuid=uuid_of("f", 1), name="Sync", timeout=1)
        import_items(flow(1, "Sync", timeout=60))
        edit(Flow, timeout=7)
        assert states() == {"Sync": None}

    def test_a_save_that_cannot_be_read_has_not(self):
        import_items(flow(1, "Sync", timeout=60))
        named_saves.take(Flow.objects.get(), "by hand")
        edit(Flow, timeout=7)
        Version.objects.update(serialized_data="[7]")
        assert states() == {"Sync": None}

    def test_the_queries_do_not_grow_with_the_rows(self):
        def read(number):
            import_items(*(flow(each, f"Flow {each}") for each in range(1, number + 1)))
            for row in Flow.objects.all():
                named_saves.take(row, "by hand")
                row.timeout = 7 + number
                row.save()
            with CaptureQueriesContext(database) as queries:
                assert len(states()) == number
            return len(queries)

        assert read(2) == read(20)


@pytest.mark.django_db
class TestEdits:
    """The first edit by hand keeps what was imported."""

    def test_in_the_admin(self):
        import_items(flow(1, "Sync", timeout=60))
        row = Flow.objects.get()
        client = logged_in(User.objects.create_superuser("ada", "ada@example.org", "x"))
        url = f"/admin/flows/flow/{row.pk}/change/"
        for timeout in (7, 8):
            answer = client.post(url, {**form_of(client.get(url)), "timeout": timeout})
            assert answer.status_code == 302
        assert states() == {"Sync": [("timeout", "60", "8")]}
        assert [each.revision.comment for each in named_saves.list_saves(row)].count(PRE_EDIT) == 1
        assert Revision.objects.get(comment=PRE_EDIT).user.username == "ada"

    @pytest.mark.parametrize("kind", Kind)
    def test_by_the_api(self, kind):
        item = {"flow": flow, "connection": connection, "secret": secret}[kind](1, "KEY")
        key = "info" if kind is Kind.FLOW else "description"
        import_items({**item, key: "imported"})
        client = caller(admin=True)
        for text in ("first", "second"):
            answer = client.put(f"/api/{kind}/{item['uuid']}", {key: text}, format="json")
            assert answer.status_code == 200, answer.content
        assert states() == {"KEY": [(key, '"imported"', '"second"')]}
        [save] = named_saves.list_saves(MODELS[kind].objects.get())
        assert save.revision.comment == PRE_EDIT

    def test_not_where_only_a_value_of_a_secret_changes(self):
        import_items(secret(1, "KEY"))
        uuid = uuid_of("5", 1)
        answer = caller(admin=True).put(
            f"/api/secret/{uuid}", {"devValue": "CANARY-1"}, format="json"
        )
        assert answer.status_code == 200, answer.content
        assert named_saves.list_saves(Secret.objects.get()) == []

    def test_not_of_a_row_that_was_never_imported(self):
        row = FlowFactory()
        answer = caller(admin=True).put(f"/api/flow/{row.uuid}", {"info": "new"}, format="json")
        assert answer.status_code == 200, answer.content
        assert named_saves.list_saves(row) == []
