"""What becomes of each row that a run wrote, decided of inputs alone: no database is asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import imports.undo.plans.kept_rows
from flows.content.fields import Kind
from flows.destinations.changes import SecretState, SecretUser
from flows.destinations.destinations import Destination, SecretUse
from imports.plans.plan import FieldChange, UndoResult
from imports.undo.plans.build import build_undo
from imports.undo.plans.inputs import (
    LaterRun,
    OtherRow,
    PresentRow,
    RowBefore,
    UndoInputs,
    WrittenRow,
)
from imports.undo.plans.names import RunName
from imports.undo.plans.plan import ConflictResolution, UndoPlan
from tests.support.inert import assert_inert

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET
KEEP, RESTORE = ConflictResolution.KEEP, ConflictResolution.RESTORE
DONE = datetime(2026, 3, 16, 17, 0, tzinfo=UTC)
SINCE = datetime(2026, 3, 17, 9, 0, tzinfo=UTC)

DECIDE = "Decide to keep it as it is, or to restore what was before."
DELETED = "Decide to keep it as it is, or to restore what was before: then it is deleted."
ONLY_KEEP = "It can only stay as it is: decide to keep it."


class Nobody:
    """A server on which nothing has a value, and nothing is sent anywhere."""

    def read_secrets(self) -> dict[str, SecretState]:
        return {}

    def read_valued_secrets(self) -> set[str]:
        return set()

    def read_connections(self) -> list[SecretUser]:
        return []

    def read_flows(self) -> list[SecretUser]:
        return []


def row(name: str, digest: str = "cols-left", **changes: Any) -> PresentRow:
    values = {"pk": 7, "is_deleted": False, "updated_at": DONE, "updated_by": "alice", **changes}
    return PresentRow(name=name, digest=digest, **values)


def made(kind: Kind, uuid: str, name: str, **changes: Any) -> WrittenRow:
    """A row that the run made, and that is as it left it."""
    return WrittenRow(
        **{
            "kind": kind,
            "position": 0,
            "uuid": uuid,
            "name": name,
            "is_new": True,
            "left_deleted": False,
            "digest": "cols-left",
            "row": row(name),
            **changes,
        }
    )


def overwritten(kind: Kind, uuid: str, name: str, before: str, **changes: Any) -> WrittenRow:
    """A row that the run overwrote: its name before was `before`."""
    saved = RowBefore(revision=3, name=before, digest="cols-before", is_deleted=False)
    return made(kind, uuid, name, **{"is_new": False, "saved": saved, **changes})


def edited(written: WrittenRow) -> WrittenRow:
    return replace(
        written, row=row(written.name, "cols-edited", updated_at=SINCE, updated_by="eve")
    )


def undone(
    *rows: WrittenRow,
    default: ConflictResolution | None = None,
    decisions: Any = None,
    users: Any = None,
    secrets: Sequence[OtherRow] = (),
    server: Any = None,
) -> UndoPlan:
    inputs = UndoInputs(
        record=12,
        name=RunName(number=12, depth=0, root=12),
        finished_at=DONE,
        rows={kind: [each for each in rows if each.kind is kind] for kind in Kind},
        server=server or Nobody(),
        users=users or {},
        secrets={secret.name: secret for secret in secrets},
    )
    return build_undo(inputs, server="production", default=default, decisions=decisions or {})


def results(plan: UndoPlan) -> list[tuple[str, str]]:
    return [(change.name, change.result.value) for change in plan]


def issues(plan: UndoPlan) -> list[tuple[str, str]]:
    return [(issue.code, issue.message) for issue in plan.issues]


def test_deciding_has_inert_data_of_its_own() -> None:
    assert_inert(imports.undo.plans.kept_rows)


# --- One row


def test_a_row_that_the_run_made_is_deleted() -> None:
    plan = undone(made(FLOW, "a", "A", position=4))
    [change] = plan
    assert (plan.record, plan.server, plan.issues) == (12, "production", ())
    assert (change.kind, change.position, change.uuid, change.pk) == (FLOW, 4, "a", 7)
    assert (change.result, change.name, change.target_name) == (UndoResult.DELETE, "A", "A")
    assert (change.before, change.after, change.save) == ("cols-left", "cols-left", None)
    assert (change.was_deleted, change.becomes_deleted) == (False, True)
    assert (change.conflicts, change.decision, change.fields) == ((), None, ())


def test_a_row_that_the_run_overwrote_gets_its_saved_state() -> None:
    fields = (FieldChange(key="name", before='"NEW"', after='"OLD"'),)
    saved = RowBefore(revision=3, name="OLD", digest="cols-before", is_deleted=True, fields=fields)
    [change] = undone(overwritten(SECRET, "a", "NEW", "OLD", saved=saved))
    assert (change.result, change.name, change.target_name) == (UndoResult.RESTORE, "NEW", "OLD")
    assert (change.before, change.after, change.save) == ("cols-left", "cols-before", 3)
    assert (change.was_deleted, change.becomes_deleted) == (False, True)
    assert change.fields == fields


def test_a_row_is_named_as_it_is_now_and_one_that_is_gone_as_the_run_left_it() -> None:
    renamed = overwritten(FLOW, "a", "A", "OLD", row=row("RENAMED", "cols-edited"))
    gone = overwritten(FLOW, "b", "B", "OLD", row=None)
    first, second = undone(renamed, gone, default=KEEP)
    assert (first.name, first.target_name, first.pk, first.before) == ("RENAMED", "RENAMED", 7, "cols-edited")  # fmt: skip
    assert (second.name, second.target_name, second.pk, second.before) == ("B", "B", None, None)
    assert {first.result, second.result} == {UndoResult.KEEP}
    assert (first.after, first.save, first.becomes_deleted) == (None, None, False)


def test_a_row_that_is_as_before_already_is_kept_without_a_question() -> None:
    plan = undone(
        made(FLOW, "a", "A", row=row("A", is_deleted=True)),
        overwritten(FLOW, "b", "B", "B", row=row("B", "cols-before")),
    )
    assert results(plan) == [("A", "KEEP"), ("B", "KEEP")]
    assert [change.was_deleted for change in plan] == [True, False]
    assert plan.issues == ()


# --- Conflicts and decisions


def test_a_conflict_asks_for_a_decision() -> None:
    told = "was edited since, last by eve on 2026-03-17 09:00:00 UTC."
    plan = undone(edited(made(FLOW, "a", "A")), edited(overwritten(FLOW, "b", "B", "OLD")))
    assert issues(plan) == [
        ("edited-since", f'The flow "A" {told} {DELETED}'),
        ("edited-since", f'The flow "B" {told} {DECIDE}'),
    ]
    assert [(issue.uuid, issue.name) for issue in plan.issues] == [("a", "A"), ("b", "B")]
    assert [change.decision for change in plan] == [None, None]


def test_the_default_is_for_every_conflict_and_for_no_other_row() -> None:
    rows = edited(made(FLOW, "a", "A")), made(FLOW, "b", "B")
    kept, restored = undone(*rows, default=KEEP), undone(*rows, default=RESTORE)
    assert results(kept) == [("A", "KEEP"), ("B", "DELETE")]
    assert results(restored) == [("A", "DELETE"), ("B", "DELETE")]
    assert [change.decision for change in kept] == [KEEP, None]
    assert [change.decision for change in restored] == [RESTORE, None]
    assert kept.issues == restored.issues == ()
    assert [len(change.conflicts) for change in kept] == [1, 0]


def test_a_decision_for_a_row_goes_before_the_default() -> None:
    rows = edited(made(FLOW, "a", "A")), edited(made(FLOW, "b", "B")), made(FLOW, "c", "C")
    plan = undone(*rows, default=RESTORE, decisions={(FLOW, "a"): KEEP, (None, "c"): KEEP})
    assert results(plan) == [("A", "KEEP"), ("B", "DELETE"), ("C", "KEEP")]


def test_what_cannot_be_restored_can_only_be_kept() -> None:
    gone = overwritten(FLOW, "a", "A", "OLD", row=None)
    unsaved = overwritten(FLOW, "b", "B", "OLD", saved=None)
    for default in (None, RESTORE):
        plan = undone(gone, unsaved, default=default)
        assert issues(plan) == [
            ("gone", f'The flow "A" is not on this server any more: it was purged. {ONLY_KEEP}'),
            (
                "no-save",
                f'The flow "B" has no readable named save any more from before run 12. {ONLY_KEEP}',
            ),
        ]
        assert results(plan) == [("A", "KEEP"), ("B", "KEEP")]
    assert undone(gone, unsaved, default=KEEP).issues == ()


def test_decisions_that_are_for_no_row_or_not_for_one_alone_are_told() -> None:
    rows = made(FLOW, "a", "A"), made(CONNECTION, "a", "C"), made(SECRET, "b", "S")
    decisions = {
        (None, "x"): KEEP,
        (FLOW, "b"): KEEP,
        (None, "a"): KEEP,
        (SECRET, "b"): KEEP,
        (None, "b"): RESTORE,
        (CONNECTION, "a"): KEEP,
    }
    plan = undone(*rows, decisions=decisions)
    assert issues(plan) == [
        ("unknown-item", "Run 12 wrote no item x to decide on."),
        ("unknown-item", "Run 12 wrote no flow b to decide on."),
        ("ambiguous-uuid", "Run 12 wrote a in several kinds. Say which one."),
        ("duplicate-decision", "The secret b is decided on twice. Keep one of the two."),
    ]
    assert [issue.uuid for issue in plan.issues] == ["x", "b", "a", "b"]
    assert results(plan) == [("A", "DELETE"), ("C", "KEEP"), ("S", "KEEP")]


# --- Rows that stand against each other


def other(kind: Kind, uuid: str, name: str) -> OtherRow:
    return OtherRow(kind=kind, uuid=uuid, name=name)


def test_a_row_that_another_uses_is_a_conflict() -> None:
    users = [other(FLOW, "y", "Y"), other(CONNECTION, "x", "Z"), other(FLOW, "x", "Y")]
    secret = made(SECRET, "s", "KEY")
    plan = undone(secret, users={secret.key: users})
    told = (
        'The secret "KEY" is used by the connection "Z", the flow "Y", the flow "Y", '
        "which would refer to nothing."
    )
    assert issues(plan) == [("used", f"{told} {DELETED}")]
    assert results(undone(secret, users={secret.key: users}, default=RESTORE)) == [
        ("KEY", "DELETE")
    ]
    assert results(undone(secret, users={secret.key: users}, default=KEEP)) == [("KEY", "KEEP")]


def test_what_a_kept_row_uses_is_kept_in_a_chain() -> None:
    flow, connection = edited(made(FLOW, "f", "F")), made(CONNECTION, "c", "C")
    secret, free = made(SECRET, "s", "S"), made(SECRET, "t", "T")
    users = {
        connection.key: [other(FLOW, "f", "F")],
        secret.key: [other(CONNECTION, "c", "C")],
    }
    rows = flow, connection, secret, free
    assert results(undone(*rows, users=users, default=KEEP)) == [
        ("F", "KEEP"), ("C", "KEEP"), ("S", "KEEP"), ("T", "DELETE"),
    ]  # fmt: skip
    # All together may go: nothing that stays uses one of them.
    plan = undone(*rows, users=users, default=RESTORE)
    assert [result for _, result in results(plan)] == ["DELETE"] * 4
    assert [len(change.conflicts) for change in plan] == [1, 0, 0, 0]
    # And a row that is kept hinders one that is to be restored all the same.
    plan = undone(*rows, users=users, decisions={(FLOW, "f"): KEEP})
    assert [issue.code for issue in plan.issues] == ["used"]
    assert plan.issues[0].uuid == "c"


def test_a_row_that_is_as_before_is_hindered_by_nothing() -> None:
    gone = made(SECRET, "s", "KEY", row=row("KEY", is_deleted=True))
    plan = undone(gone, users={gone.key: [other(FLOW, "f", "F")]})
    assert (plan.issues, results(plan)) == ((), [("KEY", "KEEP")])


def test_what_stays_hinders_each_row_that_it_uses() -> None:
    gone = made(SECRET, "s", "GONE", row=row("GONE", is_deleted=True))
    one, two = made(SECRET, "t", "ONE"), made(SECRET, "u", "TWO")
    user = [other(FLOW, "f", "F")]
    plan = undone(gone, one, two, users={each.key: user for each in (gone, one, two)})
    assert [(issue.code, issue.uuid) for issue in plan.issues] == [("used", "t"), ("used", "u")]


def test_a_name_that_another_secret_has_now_can_only_be_left_to_it() -> None:
    secret = overwritten(SECRET, "s", "NEW", "OLD")
    told = (
        'The secret "NEW" cannot be named "OLD" again: that is the name of the secret o now. '
        f"{ONLY_KEEP}"
    )
    for default in (None, RESTORE):
        plan = undone(secret, secrets=[other(SECRET, "o", "OLD")], default=default)
        assert issues(plan) == [("name-taken", told)]
    kept = undone(secret, secrets=[other(SECRET, "o", "OLD")], default=KEEP)
    assert (kept.issues, results(kept)) == ((), [("NEW", "KEEP")])


def test_its_own_name_and_that_of_a_row_that_ends_deleted_stand_against_nothing() -> None:
    own = overwritten(SECRET, "s", "OLD", "OLD")
    assert undone(own, secrets=[other(SECRET, "s", "OLD")]).issues == ()
    saved = RowBefore(revision=3, name="OLD", digest="cols-before", is_deleted=True)
    deleted = overwritten(SECRET, "s", "NEW", "OLD", saved=saved)
    assert undone(deleted, secrets=[other(SECRET, "o", "OLD")]).issues == ()


def test_secrets_that_swapped_names_swap_back_unless_one_is_kept() -> None:
    one, two = overwritten(SECRET, "a", "B", "A"), overwritten(SECRET, "b", "A", "B")
    names = [other(SECRET, "a", "B"), other(SECRET, "b", "A")]
    assert results(undone(one, two, secrets=names)) == [("B", "RESTORE"), ("A", "RESTORE")]
    plan = undone(one, two, secrets=names, decisions={(SECRET, "a"): KEEP})
    assert [(issue.code, issue.uuid) for issue in plan.issues] == [("name-taken", "b")]


# --- Where secrets are sent


def sends(host: str) -> frozenset[SecretUse]:
    return frozenset({SecretUse("KEY", "development", Destination(host, host))})


class OneSecret(Nobody):
    def read_secrets(self) -> dict[str, SecretState]:
        return {"s": SecretState(name="KEY", has_value=True)}

    def read_valued_secrets(self) -> set[str]:
        return {"s"}


def test_a_connection_that_is_led_elsewhere_is_told() -> None:
    saved = RowBefore(revision=3, name="C", digest="cols-before", is_deleted=False, uses=sends("b"))
    written = overwritten(CONNECTION, "c", "C", "C", saved=saved, row=row("C", uses=sends("a")))
    plan = undone(written, made(FLOW, "f", "F"), server=OneSecret())
    flow, change = plan
    assert [warning.needs_right for warning in change.destination_warnings] == [True]
    assert flow.destination_warnings == ()
    assert [(user.uuid, user.before, user.after) for user in plan.secret_users] == [
        ("c", sends("a"), sends("b"))
    ]
    same = replace(written, saved=replace(saved, uses=sends("a")))
    assert [change.destination_warnings for change in undone(same, server=OneSecret())] == [()]


def test_a_secret_that_gets_its_name_back_is_told_where_it_goes() -> None:
    class Used(OneSecret):
        def read_secrets(self) -> dict[str, SecretState]:
            return {"s": SecretState(name="OTHER", has_value=True)}

        def read_connections(self) -> list[SecretUser]:
            return [SecretUser(kind=CONNECTION, uuid="c", name="C", uses=sends("a"))]

    [change] = undone(overwritten(SECRET, "s", "OTHER", "KEY"), server=Used())
    assert [warning.needs_right for warning in change.destination_warnings] == [True]


def test_what_stands_against_it_has_codes_and_data() -> None:
    user = OtherRow(kind=FLOW, uuid="u", name="User")
    later = LaterRun(record=15, is_undo=False, user_name="bob", at=SINCE, digest="cols-later")
    again = row("Again", "cols-later", updated_at=SINCE)
    plan = undone(
        made(FLOW, "1", "Used"),
        edited(overwritten(FLOW, "2", "Edited", "Was")),
        replace(overwritten(FLOW, "3", "Again", "Was"), row=again, later=later),
        overwritten(FLOW, "4", "Gone", "Was", row=None),
        overwritten(FLOW, "5", "No save", "Was", saved=None),
        made(FLOW, "6", "Deleted", is_new=False, row=row("Deleted", is_deleted=True), saved=None),
        overwritten(SECRET, "7", "NEW", "OLD"),
        users={(FLOW, "1"): [user]},
        secrets=[OtherRow(kind=SECRET, uuid="s", name="OLD")],
        default=KEEP,
    )
    last = {"at": "2026-03-17T09:00:00.000Z", "by": "eve"}
    assert {
        (change.name, warning.code): warning.as_dict()["data"]
        for change in plan
        for warning in change.all_warnings
    } == {
        ("Used", "used"): {
            "kind": "flow",
            "name": "Used",
            "users": [{"kind": "flow", "uuid": "u", "name": "User"}],
            "more": 0,
        },
        ("Edited", "edited-since"): {"kind": "flow", "name": "Edited", **last},
        ("Again", "overwritten-since"): {
            "kind": "flow",
            "name": "Again",
            "record": 15,
            "isUndo": False,
            "at": "2026-03-17T09:00:00.000Z",
            "by": "bob",
        },
        ("Gone", "gone"): {"kind": "flow", "name": "Gone"},
        ("No save", "no-save"): {"kind": "flow", "name": "No save", "record": 12},
        ("Deleted", "no-save"): {"kind": "flow", "name": "Deleted", "record": 12},
        ("Deleted", "deleted-since"): {
            "kind": "flow",
            "name": "Deleted",
            "at": "2026-03-16T17:00:00.000Z",
            "by": "alice",
        },
        ("NEW", "name-taken"): {
            "kind": "secret",
            "name": "NEW",
            "to": "OLD",
            "others": [{"kind": "secret", "uuid": "s"}],
        },
    }
