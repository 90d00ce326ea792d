"""The imports that an item was in: in the database and by the API."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from reversion.errors import RevertError
from reversion.models import Revision, Version

from flows.models import Connection, Flow, Secret
from flows.rest.bodies.save_uuids import make_save_uuid
from flows.saves import named_saves, saved_states
from imports.models import ImportRecord
from imports.records.item_history import add_states, find_imports, find_records_by_save, read_state
from imports.undo.service import undo_import
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.undoing import undo_request
from tests.support.uploading import caller

pytestmark = pytest.mark.django_db


def history(row):
    """Of each import, newest first, its result and where the states around it are kept."""
    return [
        (each.item.result, str(each.before.kept), str(each.after.kept))
        for each in add_states(row, find_imports(row))
    ]


def infos(row):
    """Of each import, newest first, what the flow's info was before and after."""

    def info(state):
        read = read_state(row, state)
        return read and read.content["info"]

    return [(info(each.before), info(each.after)) for each in add_states(row, find_imports(row))]


def edit(row, **values):
    type(row).objects.filter(pk=row.pk).update(**values)


def import_infos(*texts):
    for text in texts:
        import_items(flow(1, "Sync", info=text))
    return Flow.objects.get(uuid=uuid_of("f", 1))


class TestStates:
    def test_each_import_has_its_two_states(self):
        row = import_infos("first", "second", "third")
        import_items(flow(2, "Another"))
        assert history(row) == [
            ("OVERWRITE", "save", "now"),
            ("OVERWRITE", "save", "save"),
            ("CREATE", "nothing", "save"),
        ]
        assert infos(row) == [("second", "third"), ("first", "second"), (None, "first")]

    def test_an_edit_takes_what_the_import_left_away(self):
        row = import_infos("first", "second")
        edit(row, info="edited")
        named_saves.take(Flow.objects.get(), "too late")
        row = import_infos("third")
        assert history(row) == [
            ("OVERWRITE", "save", "now"),
            ("OVERWRITE", "save", "lost"),
            ("CREATE", "nothing", "save"),
        ]
        newest = add_states(row, find_imports(row))[0]
        assert read_state(row, newest.before).content["info"] == "edited"

    def test_a_save_from_before_the_edit_keeps_it(self):
        row = import_infos("first", "second")
        named_saves.take(Flow.objects.get(), "in time")
        edit(row, info="edited")
        row.refresh_from_db()
        assert history(row)[0] == ("OVERWRITE", "save", "save")
        assert infos(row)[0] == ("first", "second")

    def test_a_save_of_another_row_with_the_same_content_does_not(self):
        row = import_infos("same")
        other = Flow.objects.get()
        other.pk, other.uuid = None, uuid_of("f", 2)
        other.save()
        named_saves.take(other, "of the other")
        edit(row, info="edited")
        row.refresh_from_db()
        assert history(row) == [("CREATE", "nothing", "lost")]

    def test_an_item_of_another_kind_with_the_same_uuid_has_its_own(self):
        import_infos("first")
        other = SecretFactory(uuid=uuid_of("f", 1))
        assert history(other) == []
        assert find_records_by_save(other) == {}

    def test_a_restore_keeps_it_too(self):
        row = import_infos("first", "second")
        first = named_saves.list_saves(row)[-1]
        saved_states.restore(row, first, user=None, user_name="")
        row.refresh_from_db()
        assert row.info == "first"
        assert infos(row) == [("first", "second"), (None, "first")]

    def test_what_an_import_left_alone_has_none(self):
        row = import_infos("first")
        import_items(flow(1, "Sync", info="first"))
        import_items(flow(1, "Sync", info="other"), mode="skip")
        assert history(row) == [
            ("SKIP", "untouched", "untouched"),
            ("UNCHANGED", "untouched", "untouched"),
            ("CREATE", "nothing", "now"),
        ]

    def test_a_copy_has_the_import_that_made_it_and_the_row_beside_it_has_not(self):
        row = import_infos("first")
        import_items(flow(1, "Sync", info="second"), mode="duplicate")
        copy = Flow.objects.exclude(pk=row.pk).get()
        assert history(copy) == [("DUPLICATE", "nothing", "now")]
        assert history(row) == [("CREATE", "nothing", "now")]

    def test_a_row_that_was_brought_back_has_what_it_was(self):
        row = FlowFactory(uuid=uuid_of("f", 1), name="Sync", info="deleted", is_deleted=True)
        import_infos("back")
        row.refresh_from_db()
        assert history(row) == [("CREATE", "save", "now")]
        assert infos(row) == [("deleted", "back")]

    def test_a_save_that_is_gone_is_told(self):
        row = import_infos("first", "second")
        Revision.objects.all().delete()
        assert history(row) == [("OVERWRITE", "lost", "now"), ("CREATE", "nothing", "lost")]

    def test_a_save_that_cannot_be_read_is_told(self):
        row = import_infos("first", "second")
        Version.objects.update(serialized_data="[7]")
        assert history(row) == [("OVERWRITE", "save", "now"), ("CREATE", "nothing", "lost")]
        [newest, _] = add_states(row, find_imports(row))
        with pytest.raises(RevertError):
            read_state(row, newest.before)

    def test_an_undo_is_an_import_too_and_so_is_its_undo(self):
        row = import_infos("first", "second")
        undo = undo_import(undo_request(ImportRecord.objects.order_by("-pk")[0])).record
        row.refresh_from_db()
        assert history(row)[0] == ("RESTORE", "save", "now")
        assert infos(row)[:2] == [("second", "first"), ("first", "second")]
        undo_import(undo_request(undo))
        row.refresh_from_db()
        assert infos(row) == [
            ("first", "second"),
            ("second", "first"),
            ("first", "second"),
            (None, "first"),
        ]

    def test_what_an_undo_deletes_is_nothing_until_its_undo(self):
        row = import_infos("first")
        undo = undo_import(undo_request(ImportRecord.objects.get())).record
        row.refresh_from_db()
        assert row.is_deleted
        assert history(row)[0] == ("DELETE", "save", "nothing")
        undo_import(undo_request(undo))
        row.refresh_from_db()
        assert history(row)[0] == ("RESTORE", "save", "now")
        newest = add_states(row, find_imports(row))[0]
        assert read_state(row, newest.before).is_deleted
        assert not read_state(row, newest.after).is_deleted

    @pytest.mark.parametrize(
        ("factory", "item", "model"),
        [(ConnectionFactory, connection, Connection), (SecretFactory, secret, Secret)],
    )
    def test_connections_and_secrets_have_theirs(self, factory, item, model):
        import_items(item(1, "KEY", description="first"))
        import_items(item(1, "KEY", description="second"))
        row = model.objects.get()
        assert history(row) == [("OVERWRITE", "save", "now"), ("CREATE", "nothing", "save")]
        states = [read_state(row, each.before) for each in add_states(row, find_imports(row))]
        assert [state and state.content["description"] for state in states] == ["first", None]

    def test_a_value_of_a_secret_is_no_part_of_a_state(self):
        SecretFactory(uuid=uuid_of("5", 1), name="KEY", dev_value="a value")
        import_items(secret(1, "KEY", description="second"))
        row = Secret.objects.get()
        [each] = add_states(row, find_imports(row))
        for state in (each.before, each.after):
            assert not {"dev_value", "prod_value"} & read_state(row, state).content.keys()


def test_a_save_knows_the_import_that_took_it():
    row = import_infos("first", "second", "third")
    named_saves.take(row, "by hand")
    records = find_records_by_save(row)
    pks = list(ImportRecord.objects.order_by("pk").values_list("pk", flat=True))
    told = [records.get(save.revision_id) for save in named_saves.list_saves(row)]
    assert told == [None, pks[2], pks[1]]


def test_more_imports_take_no_more_queries():
    row = import_infos("first", "second")

    def number_of_queries():
        with CaptureQueriesContext(database) as queries:
            assert add_states(row, find_imports(row))
        return len(queries)

    few = number_of_queries()
    import_infos(*(f"another {number}" for number in range(12)))
    assert len(add_states(row, find_imports(row))) == 14
    assert number_of_queries() == few <= 3


# --- by the API


def address(kind, uuid):
    return f"/api/imports/items/{kind}/{uuid}"


class TestTheApi:
    def test_an_item_has_its_imports_newest_first(self):
        row = import_infos("first", "second")
        answer = caller(role="Operator").get(address("flow", str(row.uuid).upper()))
        assert answer.status_code == 200
        body = answer.json()
        newest, first = body.pop("results")
        assert body == {"count": 2, "next": None, "previous": None}
        record = ImportRecord.objects.order_by("-pk")[0]
        save = make_save_uuid(named_saves.list_saves(row)[0].pk)
        times = {key: newest.pop(key) for key in ("startedAt", "finishedAt")}
        assert all(time.endswith("Z") for time in times.values())
        assert newest == {
            "importId": record.pk,
            "status": "succeeded",
            "door": "command",
            "user": "alice",
            "mode": "overwrite",
            "fileName": "zexport.json",
            "name": "Sync",
            "result": "OVERWRITE",
            "changedKeys": ["info"],
            "warnings": [],
            "warningDetails": [],
            "before": {"kept": "save", "namedSave": str(save)},
            "after": {"kept": "now", "namedSave": None},
        }
        assert (first["before"], first["after"]) == (
            {"kept": "nothing", "namedSave": None},
            {"kept": "save", "namedSave": str(save)},
        )

    def test_a_save_that_it_names_can_be_loaded(self):
        row = import_infos("first", "second")
        client = caller(role="Operator")
        newest = client.get(address("flow", row.uuid)).json()["results"][0]
        loaded = client.get(f"/api/ziggy/history-load/{newest['before']['namedSave']}").json()
        assert loaded["info"] == "first"

    def test_they_come_in_pages(self):
        row = import_infos("1", "2", "3")
        client = caller(role="Operator")
        page = client.get(address("flow", row.uuid), {"pageSize": 2}).json()
        assert (page["count"], len(page["results"])) == (3, 2)
        last = client.get(page["next"]).json()
        assert [each["result"] for each in last["results"]] == ["CREATE"]
        assert last["next"] is None
        assert client.get(address("flow", row.uuid), {"page": 2}).status_code == 404
        assert client.get(address("flow", row.uuid), {"pageSize": 101}).status_code == 422

    def test_a_deleted_item_has_them_and_one_that_never_was_is_404(self):
        row = import_infos("first")
        edit(row, is_deleted=True)
        client = caller(role="Operator")
        assert client.get(address("flow", row.uuid)).json()["count"] == 1
        for kind, uuid in (("flow", uuid_of("f", 9)), ("secret", row.uuid), ("thing", row.uuid)):
            answer = client.get(address(kind, uuid))
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")

    def test_an_item_that_no_import_met_has_none(self):
        row = SecretFactory()
        answer = caller(role="Operator").get(address("secret", row.uuid)).json()
        assert answer == {"count": 0, "next": None, "previous": None, "results": []}

    @pytest.mark.parametrize(
        ("may", "status"),
        [
            ((), 403),
            (("view_importrecord",), 403),
            (("view_secret",), 403),
            (("view_importrecord", "view_flow"), 403),
            (("view_importrecord", "view_secret"), 200),
            (("view_importrecord", "change_secret"), 200),
        ],
    )
    def test_it_needs_the_rights_to_see_records_and_the_kind(self, may, status):
        row = SecretFactory()
        assert caller(may=may).get(address("secret", row.uuid)).status_code == status
