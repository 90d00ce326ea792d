"""References that an import itself leaves dangling: names are judged as they will be after it."""

from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import assume, event, given

from flows.content.fields import Kind
from flows.relations.mentions import find_references
from imports.importing.service import preview_import
from imports.plans.build import build_plan
from imports.plans.dangling import find_unresolved
from imports.plans.decisions import ItemDecision
from imports.plans.plan import Mode, Result
from tests.imports.plans.test_properties import after
from tests.support.drawn import files, servers
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.imagined import Server, a_file
from tests.support.importing import (
    connection,
    export_file,
    flow,
    import_items,
    request_for,
    secret,
    uuid_of,
)

OLD = "secrets.OLD will lead to nothing, and is used by "
RENAMES = 'renames "OLD" to "NEW"'


def warnings_of(*items, mode="overwrite", **changes):
    plan = preview_import(request_for(export_file(*items), mode, **changes)).plan
    return {change.item.name: change.warnings for change in plan}


@pytest.fixture
def renamed(db):
    """The file's secret, which is named otherwise here."""
    SecretFactory(uuid=uuid_of("5", 1), name="OLD")
    return secret(1, "NEW")


def test_users_outside_the_file_are_named(renamed):
    FlowFactory(name="Orders", nodes='[{"code":"secrets.OLD"}]')
    ConnectionFactory(name="Mail", dev_value="{ host: 'a', key: secrets.OLD }")
    FlowFactory(name="Prose", info="Was secrets.OLD")
    FlowFactory(name="Other name", nodes='[{"code":"secrets.OLDER + secrets.NEW"}]')
    FlowFactory(name="Deleted", nodes='[{"code":"secrets.OLD"}]', is_deleted=True)
    told = warnings_of(renamed)
    assert told["NEW"] == (RENAMES, f'{OLD}the connection "Mail" and the flow "Orders"')


def test_computed_values_of_connections_are_read_too(renamed):
    ConnectionFactory(name="Mail", dev_value="connect(secrets.OLD)")
    assert f'{OLD}the connection "Mail"' in warnings_of(renamed)["NEW"]


def test_of_many_users_the_first_are_named(renamed):
    for number in range(12):
        FlowFactory(name=f"F{number:02}", nodes='[{"code":"secrets.OLD"}]')
    shown = ", ".join(f'the flow "F{number:02}"' for number in range(5))
    assert warnings_of(renamed)["NEW"][-1] == f"{OLD}{shown} and 7 more"


def test_users_in_the_file_are_warned_of_and_named(renamed):
    orders = flow(1, "Orders", nodes=[{"code": "secrets.OLD + secrets.NEW"}])
    told = warnings_of(orders, renamed)
    assert "dangling reference to secrets.OLD" in told["Orders"]
    assert "dangling reference to secrets.NEW" not in told["Orders"]
    assert f'{OLD}the flow "Orders"' in told["NEW"]


def test_a_row_that_the_import_rewrites_is_no_user_any_more(renamed):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", nodes='[{"code":"secrets.OLD"}]')
    orders = flow(1, "Orders", nodes=[{"code": "secrets.NEW"}])
    assert warnings_of(orders, renamed)["NEW"] == (RENAMES,)


def test_a_key_that_the_file_has_not_keeps_the_name(renamed):
    ConnectionFactory(
        uuid=uuid_of("c", 1), name="Mail", prod_value="{ host: 'a', key: secrets.OLD }"
    )
    mail = connection(1, "Mail", devValue="{ host: 'a', key: secrets.NEW }")
    assert f'{OLD}the connection "Mail"' in warnings_of(mail, renamed)["NEW"]


def test_a_row_that_is_skipped_keeps_the_name(renamed):
    FlowFactory(uuid=uuid_of("f", 1), name="Orders", nodes='[{"code":"secrets.OLD"}]')
    decisions = {(Kind.FLOW, uuid_of("f", 1)): ItemDecision(mode=Mode.SKIP)}
    orders = flow(1, "Orders", nodes=[{"code": "secrets.NEW"}])
    told = warnings_of(orders, renamed, decisions=decisions)
    assert f'{OLD}the flow "Orders"' in told["NEW"]


def test_a_name_that_another_secret_takes_leads_somewhere(renamed):
    FlowFactory(name="Orders", nodes='[{"code":"secrets.OLD"}]')
    assert warnings_of(renamed, secret(2, "OLD"))["NEW"] == (RENAMES,)


def test_where_nothing_is_renamed_nothing_is_read(db, monkeypatch):
    def fail(*_):
        raise AssertionError

    monkeypatch.setattr("imports.plans.place_warnings._find_users_after", fail)
    FlowFactory(name="Orders", nodes='[{"code":"secrets.OLD"}]')
    SecretFactory(uuid=uuid_of("5", 1), name="OLD")
    for mode in Mode:
        warnings_of(secret(1, "OLD", description="x"), mode=mode)


# --- For every file and server


def references(rows):
    """Every reference of a live row that leads to no live row."""
    live = [row for row in rows if not row.row.is_deleted]
    uuids = {(row.kind, row.row.uuid) for row in live}
    names = {row.content["name"] for row in live if row.kind is Kind.SECRET}
    return {
        (row.kind, row.row.uuid, reference)
        for row in live
        for reference in find_references(row.kind, row.content)
        if (reference.kind, reference.target) not in uuids
        and not (reference.by_name and reference.target in names)
    }


def plan_of(document, rows, mode):
    """As imports.importing.prepare puts it together, from rows in memory."""
    live = [row for row in rows if not row.row.is_deleted]
    uuids = {(row.kind, row.row.uuid) for row in live}
    names = {row.row.name for row in live if row.kind is Kind.SECRET}

    def exists(one):
        return one.target in names if one.by_name else (one.kind, one.target) in uuids

    missing = find_unresolved(document)
    stored = replace(
        Server(rows).as_stored(
            {path: [one for one in found if not exists(one)] for path, found in missing.items()}
        ),
        secret_names_here={
            path: [one.target for one in found if one.by_name and exists(one)]
            for path, found in missing.items()
        },
    )
    return build_plan(document, stored, server="x", mode=mode, override_locks=True)


@pytest.mark.parametrize("mode", [Mode.OVERWRITE, Mode.DUPLICATE, Mode.SKIP])
@given(files, servers)
def test_what_an_import_leaves_dangling_is_warned_of(mode, lists, rows):
    plan = plan_of(a_file(**lists), rows, mode)
    assume(not plan.issues)
    warned = list(chain.from_iterable(change.warnings for change in plan))
    targets = {(change.item.kind, change.target_uuid): change for change in plan}
    for kind, uuid, reference in references(after(plan, rows)) - references(rows):
        if kind is Kind.SECRET:  # whose tags may speak of one, and use none
            continue
        change = targets.get((kind, uuid))
        own = f"dangling reference to {reference}" in (change.warnings if change else ())
        by_secret = any(warning.startswith(f"{reference} will lead to") for warning in warned)
        event("warned by the secret" if by_secret else "warned by itself")
        assert own or by_secret, (kind, uuid, reference)


@given(files, servers)
def test_no_warning_is_false(lists, rows):
    plan = plan_of(a_file(**lists), rows, Mode.OVERWRITE)
    assume(not plan.issues)
    lost = {str(reference) for *_, reference in references(after(plan, rows))}
    for change in plan:
        for warning in change.warnings:
            for said in ("dangling reference to secrets.", " will lead to nothing"):
                if said in warning and change.result is not Result.SKIP:
                    name = warning.partition("secrets.")[2].split()[0]
                    assert f"secrets.{name}" in lost


@pytest.mark.django_db
def test_the_record_keeps_it(renamed):
    FlowFactory(name="Orders", nodes='[{"code":"secrets.OLD"}]')
    record = import_items(renamed).record
    assert record.items.get().warnings == [RENAMES, f'{OLD}the flow "Orders"']
