"""Rows that left the directory: which they are, what becomes of them, and what keeps them."""

import pytest

from flows.deletion import mark_deleted, restore_item
from flows.models import MODELS, Flow, Secret
from imports.errors import NotPermitted, PlanRefused, StalePlan
from imports.importing.service import preview_import, run_import
from imports.models import ImportItem, ImportRecord
from imports.plans.decisions import ItemAction, ItemDecision
from imports.undo.service import undo_import
from tests.support.directories import DIRECTORY_ID, OTHER_DIRECTORY_ID, a_directory
from tests.support.factories import FlowFactory
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
from tests.support.rows import exported
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db

STAYS = flow(1, "Stays")
LEAVES = flow(2, "Leaves", info="of the directory")


def imported(*items, mode="overwrite", of=DIRECTORY_ID, **changes):
    return run_import(request_for(a_directory(*items, of=of), mode, **changes))


def pruned(*items, **changes):
    return imported(*items, prune=True, **changes)


def planned(*items, **changes):
    return preview_import(request_for(a_directory(*items), **changes)).plan


def refused(*items, payload=None, **changes):
    """The code and path of each issue of an import that prunes."""
    payload = payload or a_directory(*items)
    with pytest.raises(PlanRefused) as refusal:
        run_import(request_for(payload, prune=True, **changes))
    return [(issue.code, issue.path) for issue in refusal.value.issues]


def live():
    return sorted(
        name
        for model in MODELS.values()
        for name in model._default_manager.filter(is_deleted=False).values_list("name", flat=True)
    )


def path_of(kind, number):
    digit = {"flow": "f", "connection": "c", "secret": "5"}[kind]
    return f"pruned[{kind}:{uuid_of(digit, number)}]"


# --- What is pruned


def test_a_row_that_left_the_directory_is_deleted_softly_after_a_named_save():
    imported(STAYS, LEAVES)
    outcome = pruned(STAYS)
    assert results(outcome) == [("Stays", "UNCHANGED"), ("Leaves", "PRUNE")]
    row = Flow.objects.get(name="Leaves")
    assert (row.is_deleted, row.updated_by) == (True, "alice")
    item = ImportItem.objects.get(record=outcome.record, result="PRUNE")
    assert (item.name, item.is_new, item.leaves_deleted) == ("Leaves", False, True)
    assert item.named_save.comment == "Pre import"
    assert outcome.record.counts == {"UNCHANGED": 1, "PRUNE": 1}
    assert (outcome.record.prune, outcome.record.directory_id) == (True, DIRECTORY_ID)


def test_without_the_option_the_plan_says_how_many_there_are_and_deletes_nothing():
    imported(STAYS, LEAVES, secret(1, "LEAVES_TOO"))
    assert planned(STAYS).prunable == 2
    imported(STAYS)
    assert live() == ["LEAVES_TOO", "Leaves", "Stays"]


def test_a_file_that_is_no_directory_says_nothing_of_it():
    imported(STAYS, LEAVES)
    assert preview_import(request_for(export_file(STAYS))).plan.prunable is None
    assert import_items(STAYS).record.directory_id == ""


def test_all_kinds_are_pruned_with_what_uses_them():
    uses = flow(2, "Uses", connections=[{"uuid": uuid_of("c", 1)}])
    of_it = connection(1, "Used", devValue="{{secrets.KEY}}")
    imported(STAYS, uses, of_it, secret(1, "KEY"))
    pruned(STAYS)
    assert live() == ["Stays"]


@pytest.mark.parametrize("mode", ["overwrite", "skip"])
def test_a_row_that_the_file_names_by_its_uuid_or_matches_by_its_name_is_kept(mode):
    FlowFactory(uuid=uuid_of("f", 9), name="Here before", info="older")
    by_name = flow(3, "Here before")
    imported(STAYS, by_name)
    assert planned(STAYS, by_name, prune=True).imported_elsewhere == 0
    assert results(pruned(STAYS, by_name, mode=mode))[1][1] in ("UNCHANGED", "SKIP")
    assert live() == ["Here before", "Stays"]
    pruned(STAYS, mode=mode)
    assert live() == ["Stays"]


def test_what_another_directory_a_file_or_nobody_brought_stays():
    FlowFactory(uuid=uuid_of("f", 7), name="By hand")
    imported(STAYS)
    imported(flow(3, "Elsewhere"), of=OTHER_DIRECTORY_ID)
    import_items(flow(4, "By a file"))
    assert planned(STAYS).prunable == 0
    assert planned(STAYS).imported_elsewhere == 0
    assert planned(STAYS, prune=True).imported_elsewhere == 2
    pruned(STAYS)
    assert live() == ["By a file", "By hand", "Elsewhere", "Stays"]


@pytest.mark.parametrize("mode", ["overwrite", "skip"])
def test_what_another_file_names_later_stays_even_if_it_left_it_alone(mode):
    imported(STAYS, LEAVES)
    import_items(LEAVES, mode=mode)
    assert planned(STAYS).prunable == 0


def test_what_another_file_was_told_to_leave_out_is_not_its_own():
    imported(STAYS, LEAVES)
    left_out = {("flow", LEAVES["uuid"]): ItemDecision(action=ItemAction.LEAVE_OUT)}
    import_items(LEAVES, decisions=left_out)
    assert planned(STAYS).prunable == 1


def test_what_the_directory_only_skipped_is_not_its_own():
    FlowFactory(uuid=uuid_of("f", 2), name="Leaves")
    imported(STAYS, LEAVES, mode="skip")
    assert planned(STAYS).prunable == 0


def test_a_copy_that_was_made_beside_an_item_stays():
    imported(STAYS)
    imported(STAYS, mode="duplicate")
    assert planned(STAYS).prunable == 0
    assert planned(STAYS, prune=True).imported_elsewhere == 0


def test_an_import_that_was_undone_brought_nothing():
    FlowFactory(uuid=uuid_of("f", 2), name="Leaves", info="by hand")
    imported(STAYS)
    record = imported(STAYS, LEAVES).record
    assert planned(STAYS).prunable == 1
    undo_import(undo_request(record))
    assert planned(STAYS).prunable == 0


def test_the_same_rows_are_not_pruned_twice():
    imported(STAYS, LEAVES)
    pruned(STAYS)
    assert results(pruned(STAYS)) == [("Stays", "UNCHANGED")]


# --- Undo


def test_an_undo_brings_them_back_and_a_redo_prunes_them_again():
    imported(STAYS, LEAVES, secret(1, "KEY"))
    Secret.objects.update(dev_value="a value")
    before = exported()
    record = pruned(STAYS).record
    undo = undo_import(undo_request(record))
    assert results_of(undo) == [("Leaves", "RESTORE"), ("KEY", "RESTORE")]
    assert exported() == before
    assert Secret.objects.get().has_value
    assert planned(STAYS).prunable == 2
    undo_import(undo_request(undo.record))
    assert live() == ["Stays"]
    assert planned(STAYS).prunable == 0


def results_of(undo):
    return [(change.name, str(change.result)) for change in undo.plan]


# --- What keeps a row


def test_more_than_the_limit_are_refused_until_a_higher_one_is_given():
    imported(STAYS, *(flow(number, f"Flow {number}") for number in range(2, 13)))
    assert refused(STAYS) == [("prune-limit", "prune")]
    assert len(live()) == 12
    pruned(STAYS, prune_limit=11)
    assert live() == ["Stays"]


def test_what_was_edited_here_since_is_refused():
    imported(STAYS, LEAVES)
    Flow.objects.filter(name="Leaves").update(info="edited")
    assert refused(STAYS) == [("prune-edited", path_of("flow", 2))]
    assert live() == ["Leaves", "Stays"]


def test_what_was_brought_back_here_is_refused():
    imported(STAYS, LEAVES)
    pruned(STAYS)
    row = Flow.objects.get(name="Leaves")
    restore_item(row, user_name="bob", may_retarget=True)
    assert refused(STAYS) == [("prune-brought-back", path_of("flow", 2))]


def test_a_locked_flow_is_refused_unless_locks_are_overridden():
    imported(STAYS, flow(2, "Leaves", isLocked=True))
    assert refused(STAYS) == [("locked", path_of("flow", 2))]
    pruned(STAYS, override_locks=True)
    assert live() == ["Stays"]


USES = {"connections": [{"uuid": uuid_of("c", 1)}]}
USED = connection(1, "Used")


def test_what_a_row_uses_that_nobody_imports_is_refused():
    imported(STAYS, USED)
    FlowFactory(uuid=uuid_of("f", 7), name="By hand", info=uuid_of("c", 1))
    assert refused(STAYS) == [("prune-used", path_of("connection", 1))]


def test_what_an_item_of_the_file_uses_is_refused_and_what_it_stops_using_is_pruned():
    imported(flow(1, "Stays", **USES), USED)
    assert refused(flow(1, "Stays", **USES)) == [("prune-used", path_of("connection", 1))]
    assert refused(STAYS_AS_IT_IS) == [("prune-used", path_of("connection", 1))]
    assert refused(flow(1, "Stays", connections=[]), mode="skip") == [
        ("prune-used", path_of("connection", 1))
    ]
    pruned(flow(1, "Stays", connections=[]))
    assert live() == ["Stays"]


STAYS_AS_IT_IS = {"uuid": uuid_of("f", 1), "name": "Stays", "info": "with no word of connections"}


def test_what_a_new_item_of_the_file_uses_is_refused():
    imported(STAYS, USED, secret(1, "KEY"))
    new = flow(3, "New", **USES)
    named = connection(2, "New", devValue="{{secrets.KEY}}")
    assert refused(STAYS, new, named) == [
        ("prune-used", path_of("connection", 1)),
        ("prune-used", path_of("secret", 1)),
    ]


def test_nothing_is_pruned_without_a_directory_by_an_empty_one_or_by_a_part_of_one():
    imported(STAYS, LEAVES)
    assert refused(payload=export_file(STAYS)) == [("prune-without-directory", "prune")]
    assert refused() == [("prune-empty", "prune")]
    assert refused(STAYS, LEAVES, only=("Stays",)) == [("prune-partial", "prune")]
    left_out = {("flow", LEAVES["uuid"]): ItemDecision(action=ItemAction.LEAVE_OUT)}
    assert refused(STAYS, LEAVES, decisions=left_out) == [("prune-partial", "prune")]
    assert live() == ["Leaves", "Stays"]


# --- Between the plan and the import


@pytest.mark.parametrize(
    "write",
    [
        lambda row: Flow.objects.filter(pk=row.pk).update(info="edited"),
        lambda row: mark_deleted(row, user_name="bob"),
        lambda row: import_items(LEAVES),
        lambda row: Flow.objects.filter(pk=row.pk).update(is_locked=True),
    ],
)
def test_a_confirmed_plan_is_stale_where_a_row_is_another_one_now(write):
    imported(STAYS, LEAVES)
    request = request_for(a_directory(STAYS), prune=True)
    preview = preview_import(request)
    write(Flow.objects.get(name="Leaves"))
    with pytest.raises(StalePlan):
        run_import(request, confirmed=preview)
    assert not ImportItem.objects.filter(result="PRUNE").exists()


def test_a_confirmed_plan_is_stale_where_one_more_left_the_directory():
    imported(STAYS, LEAVES)
    request = request_for(a_directory(STAYS), prune=True)
    preview = preview_import(request)
    imported(STAYS, LEAVES, flow(3, "Leaves too"))
    with pytest.raises(StalePlan) as error:
        run_import(request, confirmed=preview)
    assert "Leaves too" in error.value.message


def test_the_right_to_prune_is_needed(django_user_model):
    user = django_user_model.objects.create_user("ci", password=None)
    with pytest.raises(NotPermitted) as error:
        run_import(request_for(a_directory(STAYS), prune=True, user=user))
    assert "imports.prune_items" in str([issue.message for issue in error.value.issues])
    assert not ImportRecord.objects.filter(status="succeeded").exists()
