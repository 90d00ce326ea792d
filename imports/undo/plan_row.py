"""Plan what an undo does with one row, and read of the run no other one."""

from django.db.models import Exists, OuterRef, Subquery

from flows.content.fields import Kind
from flows.models import Secret
from flows.saves import named_saves
from flows.secrets.stored_destinations import StoredServer
from imports.models import ImportRecord
from imports.permissions import find_visible_kinds
from imports.undo.plans.build import build_undo
from imports.undo.plans.inputs import UndoInputs
from imports.undo.plans.plan import Key, UndoChange, UndoPlan
from imports.undo.read import RunReader, find_written_items, get_finished_at
from imports.undo.request import UndoRequest
from imports.undo.run_names import name_run


def plan_row(record: ImportRecord, request: UndoRequest, key: Key) -> UndoChange | None:
    """Return what the undo of the run does with the row, as the plan of the request has it.

    None where the run did not write the row, and where other rows have a say, so that the whole
    plan is needed: with decisions, which may keep them; where secrets are renamed, come back or are
    sent elsewhere; and for a user who may not see rows of every kind, who may be refused for what
    the plan describes of others.
    """
    if request.decisions or request.conflicts or len(find_visible_kinds(request.user)) < len(Kind):
        return None
    inputs = _read_inputs(record, key)
    if inputs is None:
        return None
    plan = build_undo(inputs, server=request.server, default=None, decisions={})
    (change,) = plan
    return None if _depends_on_secrets(plan, change, record) else change


def _read_inputs(record: ImportRecord, key: Key) -> UndoInputs | None:
    kind, uuid = key
    reader = RunReader(record)
    row = next(reader.read_rows(kind, [uuid]), None)
    if row is None:
        return None
    return UndoInputs(
        record=record.pk,
        name=name_run(record),
        finished_at=get_finished_at(record),
        rows={each: [row] if each is kind else [] for each in Kind},
        server=StoredServer(),
        users={row.key: reader.find_users_of(row)},
    )


def _depends_on_secrets(plan: UndoPlan, change: UndoChange, record: ImportRecord) -> bool:
    """Return whether the row's warnings and conflicts may depend on secrets that the run wrote.

    The plan is of the row alone.
    """
    if any(not user.after <= user.before for user in plan.secret_users):
        return True
    has_to_do = change.kind is Kind.SECRET or bool(plan.secret_users)
    return has_to_do and _may_change_secret_names(record)


def _may_change_secret_names(record: ImportRecord) -> bool:
    """Return whether the undo of the run may rename a secret or bring one back."""
    row = Secret.objects.filter(uuid=OuterRef("target_uuid"))
    name = Secret.objects.filter(uuid=OuterRef(OuterRef("target_uuid"))).values("name")
    save = named_saves.query_versions().filter(revision=OuterRef("named_save"))
    # A save is called as its secret is named; where there is no name, nothing is said of it.
    is_changed = Exists(row.filter(is_deleted=True)) | Exists(
        save.exclude(object_repr=Subquery(name))
    )
    secrets = find_written_items(record).filter(is_changed, kind=Kind.SECRET, is_new=False)
    return secrets.order_by().exists()
