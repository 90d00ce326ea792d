"""An item that is deleted for good leaves nothing but a line of a log with its uuid."""

import json

import pytest
import reversion
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import OperationalError
from reversion.models import Revision, Version

from flows.content.documents import compute_document_digest
from flows.content.fields import Kind
from flows.documents.models import StoredDocument
from flows.documents.packing import pack
from flows.models import MODELS, Connection, Flow, Secret
from flows.saves import named_saves
from flows.saves.purging import find_versions
from imports.database.lock import hold_import_lock
from imports.errors import ImportLocked, NotPermitted
from imports.exporting.downloads import build_export
from imports.exporting.selection import select_everything
from imports.history.prune import prune_history
from imports.importing.service import run_import
from imports.models import BuiltExport, ImportItem, ImportRecord, PendingImport
from imports.permissions import PURGE_ITEMS
from imports.plans.plan import Mode
from imports.purging.errors import NothingToPurge, PurgeRefused
from imports.purging.service import preview_purge, purge_items
from imports.undo.plans.plan import ConflictResolution
from imports.undo.service import undo_import
from imports.uploads.pending import Options, stage
from tests.support.ageing import age_history
from tests.support.digest import all_rows, put_back
from tests.support.importing import (
    SERVER,
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)
from tests.support.stopping import stopping_at
from tests.support.undoing import undo_request
from tests.support.users import staff_with

pytestmark = pytest.mark.django_db

CANARY = "CANARY-Müller"
LETTERS = {Kind.FLOW: "f", Kind.CONNECTION: "c", Kind.SECRET: "5"}
MAKERS = {Kind.FLOW: flow, Kind.CONNECTION: connection, Kind.SECRET: secret}


def key(kind, number=1):
    return Kind(kind), uuid_of(LETTERS[kind], number)


def purge(*keys, **changes):
    return purge_items(keys, **{"user": None, "user_name": "ada", **changes})


def make_item(kind, number=1, name="CANARY"):
    """An item that was imported twice, with its history."""
    text = "info" if kind is Kind.FLOW else "description"
    import_items(MAKERS[kind](number, name, **{text: CANARY}))
    import_items(MAKERS[kind](number, name, **{text: f"{CANARY} 2"}))
    return MODELS[kind]._default_manager.get(uuid=uuid_of(LETTERS[kind], number))


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_of_it_is_left_in_any_table(kind):
    item = make_item(kind)
    named_saves.take(item, CANARY)
    LogEntry.objects.create(
        user_id=staff_with(name="eve").pk,
        content_type=ContentType.objects.get_for_model(item),
        object_id=str(item.pk),
        object_repr=CANARY,
        action_flag=CHANGE,
        change_message=CANARY,
    )
    assert "CANARY" in str(all_rows())
    done = purge(key(kind))
    [gone] = done.items
    assert (gone.name, gone.versions, gone.lines) == ("CANARY", 2, 2)
    assert "CANARY" not in str(all_rows())
    assert Revision.objects.count() == Version.objects.count() == 0
    assert not MODELS[kind]._default_manager.exists()
    lines = ImportItem.objects.order_by("pk").values_list(
        "uuid", "target_uuid", "name", "target_name", "result"
    )
    uuid = uuid_of(LETTERS[kind], 1)
    assert [(each[0], str(each[1]), *each[2:]) for each in lines] == [
        (uuid, uuid, "(deleted for good)", "(deleted for good)", result)
        for result in ("CREATE", "OVERWRITE")
    ]


def test_other_items_and_their_saves_stay():
    make_item(Kind.FLOW, 1)
    other = make_item(Kind.FLOW, 2, "Other")
    with reversion.create_revision():
        reversion.set_comment("both")
        reversion.add_to_revision(Flow.objects.get(name="CANARY"))
        reversion.add_to_revision(other)
    before = all_rows()["flows_flow"]
    purge(key("flow"))
    assert [row for row in before if row["name"] == "Other"] == all_rows()["flows_flow"]
    assert sorted(Revision.objects.values_list("comment", flat=True)) == ["Pre import", "both"]
    assert set(Version.objects.values_list("object_id", flat=True)) == {str(other.pk)}


def test_what_is_left_of_a_row_that_was_removed_before_goes_too():
    mentioning = make_item(Kind.FLOW, 2, "Other")
    mentioning.nodes = json.dumps([{"subflowUuid": uuid_of("f", 1)}])
    mentioning.save()
    named_saves.take(mentioning, "mentions it")
    item = make_item(Kind.FLOW, 1)
    item.delete()
    make_item(Kind.FLOW, 1, "CANARY again")
    assert len(find_versions(*key("flow"))) == 2
    Flow.objects.filter(uuid=uuid_of("f", 1)).delete()
    [gone] = purge(key("flow"), with_used=True).items
    assert (gone.name, gone.versions) == (None, 2)
    assert find_versions(*key("flow")) == []
    assert len(find_versions(*key("flow", 2))) == 2


def test_uploads_and_exports_that_hold_it_go():
    ada, bob = staff_with("run_import", *(f"view_{kind}" for kind in Kind), name="ada"), None
    make_item(Kind.FLOW, 1)
    payloads = [export_file(flow(1, "CANARY")), export_file(flow(3, "Else"))]
    gone, stays = (
        stage(ada, payload=payload, file_name="x.json", options=Options(mode=Mode.OVERWRITE))
        for payload in payloads
    )
    build_export(ada, select_everything)
    done = preview_purge([key("flow")], user=bob)
    assert [upload.pk for upload in done.uploads] == [gone.pk]
    assert len(done.exports) == 1
    purge(key("flow"))
    assert [upload.pk for upload in PendingImport.objects.all()] == [stays.pk]
    assert not BuiltExport.objects.exists()


def test_what_a_live_item_uses_is_refused_unless_told():
    make_item(Kind.CONNECTION)
    import_items(flow(2, "Uses it", connections=[uuid_of("c", 1)]))
    before = all_rows()
    with pytest.raises(PurgeRefused) as refused:
        purge(key("connection"))
    assert refused.value.message == (
        'The connection "CANARY" is used by the flow "Uses it", which would refer to nothing.'
    )
    assert all_rows() == before
    purge(key("connection"), with_used=True)
    assert not Connection.objects.exists()


def test_items_that_use_one_another_go_together():
    make_item(Kind.CONNECTION)
    import_items(flow(2, "Uses it", connections=[uuid_of("c", 1)]))
    purge(key("connection"), key("flow", 2))
    assert not Flow.objects.exists()
    assert not Connection.objects.exists()


def test_a_deleted_secret_whose_name_another_has_is_used_by_nobody():
    make_item(Kind.SECRET, 1, "KEY")
    Secret.objects.update(is_deleted=True)
    make_item(Kind.SECRET, 2, "KEY")
    import_items(connection(1, "C", devValue="{ token: secrets.KEY }"))
    purge(key("secret", 1))
    assert Secret.objects.get().uuid.hex == uuid_of("5", 2).replace("-", "")
    with pytest.raises(PurgeRefused):
        purge(key("secret", 2))


def test_an_undo_of_what_wrote_it_leaves_it_gone():
    make_item(Kind.FLOW)
    record = import_items(flow(1, "CANARY", info="3"), flow(2, "Other")).record
    purge(key("flow"))
    undone = undo_import(undo_request(record, conflicts=ConflictResolution.KEEP))
    assert undone.record.counts == {"KEEP": 1, "DELETE": 1}
    assert not Flow.objects.filter(uuid=uuid_of("f", 1)).exists()


def test_an_import_may_bring_it_back_as_a_new_one():
    make_item(Kind.FLOW)
    purge(key("flow"))
    plan = run_import(request_for(export_file(flow(1, "CANARY")))).plan
    assert [(change.result, change.drift) for change in plan] == [("CREATE", None)]


def test_the_line_that_a_pruned_record_was_kept_for_goes(settings):
    settings.ZIGGY = {**settings.ZIGGY, "HISTORY_DAYS": 100, "HISTORY_KEEP_RUNS": 0}
    make_item(Kind.FLOW)
    age_history(101)
    prune_history()
    assert ImportItem.objects.count() == 1
    purge(key("flow"))
    assert not ImportItem.objects.exists()


def test_what_is_not_there_is_said():
    with pytest.raises(NothingToPurge) as refused:
        purge(key("flow"))
    assert refused.value.message == (
        f"There is no flow {uuid_of('f', 1)}, and nothing is left of one. Say the uuid of an item "
        "of this server."
    )
    make_item(Kind.FLOW)
    purge(key("flow"), key("flow"))
    with pytest.raises(NothingToPurge):
        purge(key("flow"))


@pytest.mark.parametrize("lacking", ["purge_items", "delete_flow", "view_flow"])
def test_each_right_is_needed(lacking):
    make_item(Kind.FLOW)
    rights = {"purge_items", "delete_flow", "view_flow"} - {lacking}
    user = staff_with(*rights, name="ada")
    for call in (preview_purge, lambda keys, user: purge(*keys, user=user)):
        with pytest.raises(NotPermitted) as refused:
            call([key("flow")], user=user)
        [issue] = refused.value.issues
        assert issue.message.endswith(f".{lacking}.")
    assert PURGE_ITEMS == "imports.purge_items"


def test_who_may_not_see_what_uses_it_is_not_told_its_name():
    make_item(Kind.CONNECTION)
    import_items(flow(2, "Hidden", connections=[uuid_of("c", 1)]))
    user = staff_with("purge_items", "delete_connection", "view_connection", name="ada")
    with pytest.raises(PurgeRefused) as refused:
        purge(key("connection"), user=user)
    assert "is used by a flow, which" in refused.value.message
    assert "Hidden" not in refused.value.message


def test_it_waits_for_a_running_import():
    make_item(Kind.FLOW)
    with hold_import_lock(wait=0), pytest.raises(ImportLocked):
        purge(key("flow"), lock_wait=0)


@pytest.mark.django_db(transaction=True)
def test_whatever_stops_it_all_of_it_goes_or_nothing():
    make_item(Kind.FLOW)
    before = all_rows()
    with stopping_at(10**9, OperationalError()) as stop:
        purge(key("flow"))
    put_back(before)
    assert stop.seen > 10
    for number in range(1, stop.seen + 1):
        with stopping_at(number, OperationalError("disk I/O error")), pytest.raises(Exception):  # noqa: B017, PT011
            purge(key("flow"))
        assert all_rows() == before, number


# --- the command


def test_the_command_shows_what_there_is(run_command):
    make_item(Kind.CONNECTION)
    import_items(flow(2, "Uses it", connections=[uuid_of("c", 1)]))
    done = run_command("item_purge", "connection", uuid_of("c", 1).upper(), "--dry-run")
    assert done.code == 0
    assert done.err == (
        f'  - the connection {uuid_of("c", 1)} "CANARY": 1 saved state; 2 lines of records keep the '
        'uuid alone\n    ! used by the flow "Uses it"\n'
    )
    assert json.loads(done.out)["data"] == {
        "isDone": False,
        "items": [
            {
                "kind": "connection",
                "uuid": uuid_of("c", 1),
                "name": "CANARY",
                "versions": 1,
                "lines": 2,
                "usedBy": [{"kind": "flow", "uuid": uuid_of("f", 2), "name": "Uses it"}],
            }
        ],
        "uploads": [],
        "exports": 0,
    }
    assert Connection.objects.exists()


def test_the_command_deletes_for_good(run_command):
    make_item(Kind.FLOW)
    make_item(Kind.FLOW, 2, "Other")
    uuids = [uuid_of("f", 1), uuid_of("f", 2)]
    done = run_command("item_purge", "flow", *uuids, "--no-prompt", "--server", SERVER)
    assert done.code == 0
    assert done.err.endswith("Deleted 2 items of local for good.\n")
    assert not Flow.objects.exists()


def test_the_command_refuses_and_says_how(run_command):
    make_item(Kind.CONNECTION)
    import_items(flow(2, "Uses it", connections=[uuid_of("c", 1)]))
    arguments = ["item_purge", "connection", uuid_of("c", 1), "--no-prompt"]
    done = run_command(*arguments)
    assert done.code == 3
    assert "Say --force to delete it all the same.\n" in done.err
    assert json.loads(done.out)["data"]["code"] == "used"
    assert run_command(*arguments, "--force").code == 0


def test_the_command_goes_by_the_rights_of_a_user(run_command):
    make_item(Kind.FLOW)
    staff_with("view_flow", name="ada")
    arguments = ["item_purge", "flow", uuid_of("f", 1), "--no-prompt", "--user", "ada"]
    assert run_command(*arguments).code == 7
    assert run_command("item_purge", "flow", uuid_of("f", 1)).code == 2
    assert Flow.objects.exists()
    assert ImportRecord.objects.count() == 2


class TestDamage:
    """A stored document that cannot be read keeps no item from being deleted for good."""

    def damage_all(self):
        StoredDocument.objects.update(body=pack(b"[1]"))

    @pytest.mark.parametrize("kind", list(Kind))
    def test_of_another_flow(self, kind):
        import_items(flow(7, "Damaged", nodes=[{"id": "damaged"}]))
        make_item(kind, name="DELETED")
        self.damage_all()
        [item] = purge(key(kind)).items
        assert item.users == ()
        assert not MODELS[kind]._default_manager.filter(uuid=uuid_of(LETTERS[kind], 1)).exists()
        assert Flow.objects.filter(name="Damaged").exists()

    def test_of_the_flow_itself(self):
        import_items(flow(1, "Damaged", nodes=[{"id": "damaged"}]))
        StoredDocument.objects.filter(digest=compute_document_digest('[{"id":"damaged"}]')).update(
            body=b"no zstd"
        )
        purge(key("flow"))
        assert not Flow.objects.exists()
        assert not StoredDocument.objects.filter(body=b"no zstd").exists()

    def test_a_damaged_flow_still_counts_as_a_user(self):
        import_items(connection(1, "Used"))
        import_items(flow(7, "Damaged", nodes=[{"connectionUuid": uuid_of("c", 1)}]))
        self.damage_all()
        with pytest.raises(PurgeRefused, match='is used by the flow "Damaged"'):
            purge(key("connection"))
