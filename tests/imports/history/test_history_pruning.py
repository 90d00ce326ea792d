"""Old history is removed, and nothing that an undo, a drift warning or a status needs."""

import json
import random
from datetime import timedelta

import pytest
import reversion
from django.contrib.auth.models import Group
from django.utils import timezone
from reversion.models import Revision, Version

from flows.content.fields import Kind
from flows.deletion import mark_deleted
from flows.models import MODELS, Flow
from flows.saves import named_saves
from imports.database.lock import hold_import_lock
from imports.errors import ImportLocked, NotUndoable, UnableToImport
from imports.history.prune import (
    DaysTooFew,
    PrunedHistory,
    preview_pruning,
    prune_history,
)
from imports.importing.service import examine_import, run_import
from imports.models import ImportItem, ImportRecord, Status
from imports.named_saves import preview_restore, restore
from imports.records.last_imports import read_last_imports
from imports.status.service import read_status
from imports.undo.plans.plan import ConflictResolution
from imports.undo.plans.snapshot import make_undo_snapshot
from imports.undo.service import examine_undo, find_kinds_to_undo, undo_import
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
)
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def retention(settings):
    settings.ZIGGY = {
        **settings.ZIGGY,
        "HISTORY_DAYS": 100,
        "HISTORY_KEEP_RUNS": 0,
        "UNDO_DAYS": 30,
    }


def keep(settings, **changes):
    settings.ZIGGY = {**settings.ZIGGY, **changes}


def old_import(*items, days=101, **changes):
    """The record of an import that was made so many days ago."""
    record = import_items(*items, **changes).record
    age_history(days)
    return record


def comments():
    return sorted(Revision.objects.values_list("comment", flat=True))


def test_a_young_history_is_left_alone():
    old_import(flow(1, "A"), days=99)
    old_import(flow(1, "A", info="x"), days=0)
    assert not prune_history()
    assert ImportRecord.objects.count() == 2


def test_for_ever_is_for_ever(settings):
    keep(settings, HISTORY_DAYS=None)
    old_import(flow(1, "A"), days=5000)
    assert not prune_history()
    assert preview_pruning() == (PrunedHistory(), [])


def test_old_runs_go_with_their_items_and_saves():
    first = old_import(flow(1, "A"), flow(2, "B"), days=0)
    second = old_import(flow(1, "A", info="2"), flow(2, "B", info="2"), days=90)
    third = import_items(flow(1, "A", info="3")).record
    age_history(11)
    found, records = preview_pruning()
    assert [record.pk for record in records] == [first.pk, second.pk]
    pruned = prune_history()
    assert pruned == found == PrunedHistory(records=1, reduced=1, items=2, saves=2)
    assert set(ImportRecord.objects.values_list("pk", flat=True)) == {second.pk, third.pk}
    assert comments() == ["Pre import"]
    assert ImportItem.objects.get(record=third).named_save is not None
    assert not prune_history()


def test_a_run_whose_history_is_gone_is_not_undone():
    record = old_import(flow(1, "A"))
    prune_history()
    record.refresh_from_db()
    assert record.history_pruned_at is not None
    assert find_kinds_to_undo(record) == set()
    with pytest.raises(NotUndoable) as refused:
        undo_import(undo_request(record))
    assert refused.value.code == "history-pruned"
    assert refused.value.message == (
        f"Import {record.pk} is too old to be undone: what was before it was removed on "
        f"{record.history_pruned_at:%Y-%m-%d %H:%M:%S} UTC."
    )
    assert Flow.objects.filter(is_deleted=False).exists()


def test_what_tells_drift_stays_and_is_replaced_when_a_newer_import_is_old():
    first = old_import(flow(1, "A"), flow(2, "B"))
    prune_history()
    second = old_import(flow(1, "A", info="2"))
    assert prune_history() == PrunedHistory(reduced=1, items=1, saves=1)
    kept = set(ImportItem.objects.values_list("record", "target_name"))
    assert kept == {(first.pk, "B"), (second.pk, "A")}
    third = old_import(flow(2, "B", info="3"))
    assert prune_history() == PrunedHistory(records=1, reduced=1, items=1, saves=1)
    kept = set(ImportItem.objects.values_list("record", "target_name"))
    assert kept == {(second.pk, "A"), (third.pk, "B")}


def test_records_of_runs_that_wrote_nothing_go():
    with pytest.raises(UnableToImport):
        old_import({"uuid": "f", "name": ""})
    age_history(101)
    assert prune_history() == PrunedHistory(records=1)


def test_saves_of_people_and_of_others_stay():
    group = Group.objects.create(name="x")
    old_import(flow(1, "A"), flow(2, "B"))
    item = Flow.objects.get(name="A")
    named_saves.take(item, "before the rebuild")
    with reversion.create_revision():
        reversion.set_comment("Pre restore")
        reversion.add_to_revision(item)
        reversion.add_to_revision(Flow.objects.get(name="B"))
    save = named_saves.take(item, "v").version_set.get()
    restoring = preview_restore(str(save.pk), user=None)
    restore(restoring, user=None, user_name="x")
    shared = import_items(flow(1, "A", info="2")).record
    revision = ImportItem.objects.get(record=shared).named_save
    Version.objects.create(
        revision=revision,
        object_id=str(group.pk),
        content_type=Version.objects.first().content_type,
        db="default",
        format="json",
        serialized_data="[]",
        object_repr="x",
    )
    age_history(101)
    assert prune_history().saves == 1
    assert comments() == ["Pre import", "Pre restore", "before the rebuild", "v"]
    assert Version.objects.filter(revision__comment="Pre restore").count() == 2


def test_a_save_before_a_restore_stays_as_long_as_a_run_before_it(settings):
    keep(settings, HISTORY_KEEP_RUNS=1)
    old_import(flow(1, "A"))
    item = Flow.objects.get()
    save = named_saves.take(item, "v").version_set.get()
    restore(preview_restore(str(save.pk), user=None), user=None, user_name="x")
    age_history(101)
    prune_history()
    assert "Pre restore" in comments()
    keep(settings, HISTORY_KEEP_RUNS=0)
    prune_history()
    assert comments() == ["v"]


def test_days_in_place_of_the_settings_go_no_lower_than_an_undo_needs():
    old_import(flow(1, "A"), days=31)
    for call in (prune_history, preview_pruning):
        with pytest.raises(DaysTooFew) as refused:
            call(days=29)
        assert refused.value.message == (
            "Runs of the last 30 days must stay possible to undo (ZIGGY_UNDO_DAYS). "
            "Say --days 30 or more."
        )
    assert not prune_history()
    assert prune_history(days=30) == PrunedHistory(reduced=1)


def test_it_waits_for_a_running_import():
    with hold_import_lock(wait=0), pytest.raises(ImportLocked):
        prune_history(lock_wait=0)


# --- whatever the history was


def imagined_file(draw):
    """A file with some of a few items, each in one of a few states."""
    makers = [(flow, "info"), (connection, "description"), (secret, "description")]
    items = []
    for make, key in makers:
        for number in (1, 2, 3):
            if draw.random() < 0.6:
                name = f"N{number}"
                updated = f"2026-01-0{draw.randint(1, 9)}T10:00:00Z"
                items.append(
                    make(number, name, **{key: f"state {draw.randint(1, 3)}"}, updatedAt=updated)
                )
    return export_file(*items)


def make_history(draw, steps=14):
    """Import, undo, redo, edit and delete at random, with days between."""
    for _ in range(steps):
        runs = list(ImportRecord.objects.filter(status=Status.SUCCEEDED))
        try:
            match draw.randint(1, 6):
                case 1 | 2 | 3:
                    mode = draw.choice(["overwrite", "overwrite", "skip", "duplicate"])
                    run_import(request_for(imagined_file(draw), mode))
                case 4 if runs:
                    chosen = draw.choice(runs[:3])
                    undo_import(undo_request(chosen, conflicts=ConflictResolution.RESTORE))
                case 5 if Flow.objects.exists():
                    item = draw.choice(list(Flow.objects.all()))
                    item.info = f"by hand {draw.randint(1, 2)}"
                    item.save()
                case 6 if Flow.objects.filter(is_deleted=False).exists():
                    item = draw.choice(list(Flow.objects.filter(is_deleted=False)))
                    mark_deleted(item, user_name="eve")
        except UnableToImport:
            pass
        age_history(draw.choice([0.1, 5, 25, 40]))


def answers(files):
    """What is said of these files, and of undoing each run that may still be undone in its time."""
    now = timezone.now()
    said = []
    for payload in files:
        request = request_for(payload)
        said.append(read_status(request))
        preview = examine_import(request)
        said.append([(each.result, each.drift, each.warnings) for each in preview.plan])
    for kind in Kind:
        uuids = [str(uuid) for uuid in MODELS[kind].objects.values_list("uuid", flat=True)]
        said.append(read_last_imports(kind, uuids))
    young = ImportRecord.objects.filter(started_at__gt=now - timedelta(days=29)).order_by("pk")
    for record in young:
        try:
            undo = examine_undo(undo_request(record))
        except UnableToImport as error:
            said.append((record.pk, error.code, error.message))
        else:
            said.append((record.pk, make_undo_snapshot(undo.plan), undo.plan.name))
    return said


@pytest.mark.parametrize("seed", range(25))
def test_no_answer_depends_on_what_was_pruned(settings, seed):
    """Neither at once, nor after everything that may still be undone is undone and redone."""
    draw = random.Random(seed)
    keep(settings, HISTORY_DAYS=30, HISTORY_KEEP_RUNS=draw.choice([0, 3]))
    make_history(draw)
    files = [imagined_file(draw) for _ in range(3)]
    before = answers(files)
    pruned = prune_history()
    assert answers(files) == before
    assert not (pruned and prune_history())


@pytest.mark.parametrize("seed", range(10))
def test_after_pruning_undos_do_and_leave_what_they_do_without_it(settings, seed):
    draw = random.Random(seed)
    keep(settings, HISTORY_DAYS=None)
    make_history(draw)
    files = [imagined_file(draw) for _ in range(2)]
    rows = all_rows()
    without = undo_all(files)
    put_back(rows)
    keep(settings, HISTORY_DAYS=30)
    prune_history()
    assert undo_all(files) == without


def undo_all(files):
    """Undo what may be, newest first, and say after each undo what these files say."""
    said = []
    since = timezone.now() - timedelta(days=29)
    young = ImportRecord.objects.filter(started_at__gt=since)
    for pk in list(young.values_list("pk", flat=True)):
        try:
            undo_import(undo_request(pk, conflicts=ConflictResolution.RESTORE))
        except UnableToImport as error:
            said.append((pk, error.code))
        said += [states(payload) for payload in files]
    return said


def states(payload):
    status = read_status(request_for(payload))
    return [(item.kind, item.name, item.state, item.is_older) for item in status.items]


# --- the command


def test_the_command_lists_what_would_go(run_command):
    record = old_import(flow(1, "A"), days=0)
    old_import(flow(1, "A", info="2"))
    done = run_command("history_prune", "--dry-run")
    assert done.code == 0
    data = json.loads(done.out)["data"]
    assert {key: data[key] for key in ("isDone", "records", "reduced", "items", "saves")} == {
        "isDone": False,
        "records": 1,
        "reduced": 1,
        "items": 1,
        "saves": 1,
    }
    assert [run["record"] for run in data["runs"]] == [record.pk, record.pk + 1]
    assert f"  - record {record.pk}: " in done.err
    assert (
        "Would be done: removed 1 record, 1 item, 1 named save; 1 more record cannot be undone any "
        "more.\n" in done.err
    )
    assert ImportRecord.objects.count() == 2


def test_the_command_prunes(run_command):
    old_import(flow(1, "A"))
    done = run_command("history_prune", "--no-prompt", "--server", SERVER)
    assert json.loads(done.out)["data"] == {
        "isDone": True,
        "records": 0,
        "reduced": 1,
        "items": 0,
        "saves": 0,
        "keptOlder": {"keepRuns": 0, "undo": 0},
    }
    assert "History of local: removed 0 records, 0 items, 0 named saves; 1 more record" in done.err
    done = run_command("history_prune", "--no-prompt")
    assert "History of local: nothing to remove." in done.err


def test_the_command_refuses_too_few_days(run_command):
    done = run_command("history_prune", "--no-prompt", "--days", "1")
    assert done.code == 2
    assert json.loads(done.out)["data"]["code"] == "days-too-few"


def test_the_command_says_which_older_runs_stay_and_why(run_command, settings):
    keep(settings, HISTORY_KEEP_RUNS=2)
    old_import(flow(1, "A"), days=0)
    old_import(flow(1, "A", info="2"), days=0)
    old_import(flow(1, "A", info="3"), days=99)
    done = run_command("history_prune", "--no-prompt", "--days", "90", "--dry-run")
    data = json.loads(done.out)["data"]
    assert (data["reduced"] + data["records"], data["keptOlder"]) == (1, {"keepRuns": 2, "undo": 0})
    assert (
        "2 older runs stay: 2 because the newest 2 stay whatever their age "
        "(ZIGGY_HISTORY_KEEP_RUNS, or --keep-runs).\n" in done.err
    )
    options = ["--no-prompt", "--days", "90", "--keep-runs", "1"]
    done = run_command("history_prune", *options)
    assert json.loads(done.out)["data"]["keptOlder"] == {"keepRuns": 1, "undo": 0}
    assert "1 older run stays: 1 because the newest 1 stay" in done.err
    done = run_command("history_prune", *options[:-1], "0")
    assert json.loads(done.out)["data"]["keptOlder"] == {"keepRuns": 0, "undo": 0}
    assert "stay" not in done.err
    # What was pruned by other options before is not left whole.
    assert json.loads(run_command("history_prune", *options).out)["data"]["keptOlder"] == {
        "keepRuns": 0,
        "undo": 0,
    }


def test_the_command_says_what_a_younger_undo_keeps(run_command):
    record = old_import(flow(1, "A"))
    undo_import(undo_request(record))
    done = run_command("history_prune", "--no-prompt")
    assert json.loads(done.out)["data"]["keptOlder"] == {"keepRuns": 0, "undo": 1}
    assert (
        "1 older run stays: 1 because what undoes them, or what they undo, is not old yet.\n"
        in done.err
    )


def test_the_command_says_that_all_history_is_kept(run_command, settings):
    keep(settings, HISTORY_DAYS=None)
    old_import(flow(1, "A"))
    done = run_command("history_prune", "--no-prompt")
    assert json.loads(done.out)["data"]["keptOlder"] is None
    assert "ZIGGY_HISTORY_DAYS keeps all history; say --days to remove some of it.\n" in done.err


@pytest.mark.parametrize(
    ("option", "text", "message"),
    [
        ("--days", "x", '"x" is not a number of days, 0 or more'),
        ("--days", "-1", '"-1" is not a number of days, 0 or more'),
        ("--days", "nan", '"nan" is not a number of days, 0 or more'),
        ("--keep-runs", "1.5", '"1.5" is not a whole number of runs, 0 or more'),
    ],
)
def test_the_command_says_what_its_numbers_are(run_command, option, text, message):
    done = run_command("history_prune", "--no-prompt", f"{option}={text}")
    assert f"argument {option}: {message}" in done.err


def test_the_command_asks_only_at_a_terminal(run_command):
    assert run_command("history_prune").code == 2
