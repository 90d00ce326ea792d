"""Names of secrets that an undo takes away: who goes on using one is named in the plan."""

import pytest
from hypothesis import assume, event, given

from flows.content.fields import Kind
from flows.destinations.destinations import find_secret_uses
from flows.models import MODELS, Secret
from imports.errors import NotPermitted
from imports.plans.plan import Mode
from imports.undo.plans.plan import ConflictResolution
from imports.undo.service import examine_undo, undo_import
from tests.imports.importing.test_service_rights import user_with
from tests.imports.undo.test_undo_properties import choices, imported
from tests.support.drawn import files, servers
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.importing import connection, flow, import_items, secret, uuid_of
from tests.support.undoing import undo_request

pytestmark = pytest.mark.django_db

NEW = "secrets.NEW will lead to nothing, and is used by "
USES_NEW = '[{"code":"secrets.NEW"}]'


@pytest.fixture
def renaming():
    """Import the secret OLD under its new name, and more with it."""
    SecretFactory(uuid=uuid_of("5", 1), name="OLD")

    def run(*items):
        return import_items(secret(1, "NEW"), *items).record

    return run


def warnings_of(record, **choices):
    plan = examine_undo(undo_request(record, **choices)).plan
    return {change.name: change.warnings for change in plan}


def test_who_came_to_use_the_new_name_is_named(renaming):
    record = renaming()
    FlowFactory(name="Orders", nodes=USES_NEW)
    ConnectionFactory(name="Mail", dev_value="{ host: 'a', key: secrets.NEW }")
    FlowFactory(name="Deleted", nodes=USES_NEW, is_deleted=True)
    FlowFactory(name="Other", nodes='[{"code":"secrets.OLD"}]')
    assert warnings_of(record)["NEW"][0] == f'{NEW}the connection "Mail" and the flow "Orders"'


def test_what_the_undo_takes_back_with_it_uses_the_name_no_more(renaming):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", nodes='[{"code":"secrets.OLD"}]')
    made = connection(1, "Mail", devValue="{ host: 'a', key: secrets.NEW }")
    record = renaming(flow(1, "Orders", nodes=[{"code": "secrets.NEW"}]), made)
    assert warnings_of(record)["NEW"] == ()


def test_a_row_that_is_kept_goes_on_using_it(renaming):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", nodes='[{"code":"secrets.OLD"}]')
    record = renaming(flow(1, "Orders", nodes=[{"code": "secrets.NEW"}]))
    keep = {(Kind.FLOW, uuid_of("f", 1)): ConflictResolution.KEEP}
    assert warnings_of(record, decisions=keep)["NEW"] == (f'{NEW}the flow "Orders"',)


def test_a_secret_that_keeps_its_name_loses_none(renaming):
    record = renaming()
    FlowFactory(name="Orders", nodes=USES_NEW)
    keep = {(Kind.SECRET, uuid_of("5", 1)): ConflictResolution.KEEP}
    assert warnings_of(record, decisions=keep)["NEW"] == ()


def test_a_name_that_another_secret_takes_leads_somewhere(renaming):
    SecretFactory(uuid=uuid_of("5", 2), name="NEW")
    record = import_items(secret(1, "NEW"), secret(2, "NEWER")).record
    FlowFactory(name="Orders", nodes='[{"code":"secrets.NEW + secrets.NEWER"}]')
    told = warnings_of(record)
    assert not any(warning.startswith(NEW) for warning in told["NEW"])
    newer = 'secrets.NEWER will lead to nothing, and is used by the flow "Orders"'
    assert newer in told["NEWER"]


def test_the_record_keeps_it(renaming):
    record = renaming()
    FlowFactory(name="Orders", nodes=USES_NEW)
    (item,) = undo_import(undo_request(record)).record.items.all()
    assert item.warnings[0] == f'{NEW}the flow "Orders"'


def test_who_may_not_see_the_users_is_told_nothing_of_them(renaming):
    record = renaming()
    rights = ["imports.undo_import", "imports.skip_backup", "flows.view_secret"]
    rights += ["imports.view_importrecord", "flows.change_secret"]
    user = user_with(rights)
    assert warnings_of(record, user=user)["NEW"] == ()
    FlowFactory(name="Orders", nodes=USES_NEW)
    with pytest.raises(NotPermitted) as refused:
        examine_undo(undo_request(record, user=user))
    assert "Orders" not in refused.value.message
    user.delete()
    seeing = user_with([*rights, "flows.view_flow"])
    assert warnings_of(record, user=seeing)["NEW"][0] == f'{NEW}the flow "Orders"'


def uses_of_nothing():
    """Every live use of a secret's name that no live secret has."""
    names = set(Secret.objects.filter(is_deleted=False).values_list("name", flat=True))
    return {
        (kind, str(row["uuid"]), use.secret)
        for kind in (Kind.FLOW, Kind.CONNECTION)
        for row in MODELS[kind]._default_manager.filter(is_deleted=False).values()
        for use in find_secret_uses(kind, str(row["uuid"]), row)
        if use.secret.isidentifier() and use.secret not in names
    }


@given(files, servers, choices)
def test_every_name_that_an_undo_takes_from_others_is_warned_of(lists, rows, drawn):
    _, outcome = imported(lists, rows, Mode.OVERWRITE, drawn)
    names = sorted(Secret.objects.filter(is_deleted=False).values_list("name", flat=True))
    assume(any(item.kind == Kind.SECRET for item in outcome.record.items.all()))
    FlowFactory(name="Newcomer", nodes=f'[{{"code":"{"; ".join(f"secrets.{n}" for n in names)}"}}]')
    before = uses_of_nothing()
    request = undo_request(outcome.record, conflicts=ConflictResolution.RESTORE)
    undone = undo_import(request)
    told = [warning for change in undone.plan for warning in change.warnings]
    # A secret that is deleted, or kept from its name, is a conflict that names its users.
    deleted = {change.name for change in undone.plan if change.becomes_deleted}
    for _, _, name in uses_of_nothing() - before:
        if name not in names:  # what a row used in vain before the import, it does again
            continue
        event("deleted" if name in deleted else "renamed")
        said = f"secrets.{name} will lead to nothing, and is used by "
        assert name in deleted or any(
            warning.startswith(said) and '"Newcomer"' in warning for warning in told
        )
