"""What holds for every file, every server and every mode: the invariants of planning.

Files and servers are drawn by tests.support.drawn.
"""

import copy
import json
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import assume, event, given
from hypothesis import strategies as st

from flows.content.documents import read_text
from flows.content.fields import Kind
from imports.exportfile.document import ExportDocument
from imports.importing.service import preview_import
from imports.planfile.snapshot import make_confirmation_token, make_snapshot
from imports.plans.build import build_plan
from imports.plans.plan import Mode, Plan, Result
from tests.support.drawn import ALL_UUIDS, COLUMNS, Lists, files, servers
from tests.support.factories import ConnectionFactory, FlowFactory, SecretFactory
from tests.support.imagined import DEFAULTS, Server, StoredItem, a_file, planned, stored
from tests.support.importing import export_file, flow, request_for

EACH_MODE = pytest.mark.parametrize("mode", list(Mode))


def possible_plan(document: ExportDocument, rows: list[StoredItem], mode: Mode) -> Plan:
    """The plan; a file that is refused is not this example's."""
    plan = planned(document, *rows, mode=mode, override_locks=True)
    assume(not plan.issues)
    return plan


# --- Planning only looks


@EACH_MODE
@given(files, servers)
def test_planning_changes_neither_the_file_nor_the_rows(mode, lists, rows):
    document = a_file(**lists)
    before = copy.deepcopy((document, rows))
    planned(document, *rows, mode=mode)
    assert (document, rows) == before


@pytest.mark.django_db
@pytest.mark.parametrize("mode", [mode.value for mode in Mode])
def test_a_preview_only_reads_the_database(mode):
    FlowFactory(uuid=flow(1, "SMS")["uuid"], name="Old")
    FlowFactory(name="By name")
    ConnectionFactory(uuid="cccccccc-0000-4000-8000-000000000001", is_deleted=True)
    SecretFactory(name="TOKEN", dev_value="CANARY")
    payload = export_file(
        flow(1, "SMS", nodes=[{"connectionUuid": "dddddddd-0000-4000-8000-000000000001"}]),
        flow(2, "By name"),
        flow(3, "New", nodes=[{"code": "secrets.LOST"}]),
        {"uuid": "cccccccc-0000-4000-8000-000000000001", "name": "Twilio"},
        {"uuid": "55555555-0000-4000-8000-000000000001", "name": "TOKEN"},
    )
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        preview = preview_import(request_for(payload, mode))

    assert len(list(preview.plan)) == 5
    assert statements
    assert [sql for sql in statements if not sql.startswith("SELECT ")] == []


# --- What a mode may do

ALLOWED = {
    Mode.SKIP: {Result.CREATE, Result.SKIP},
    Mode.DUPLICATE: {Result.CREATE, Result.DUPLICATE},
    Mode.OVERWRITE: {Result.CREATE, Result.OVERWRITE, Result.UNCHANGED},
}


@EACH_MODE
@given(files, servers)
def test_every_item_has_one_result_that_its_mode_allows(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    assert {f"{kind.value}s": len(plan.changes[kind]) for kind in Kind} == {
        plural: len(items) for plural, items in lists.items()
    }
    assert {change.result for change in plan} <= ALLOWED[mode]


@pytest.mark.parametrize("mode", [Mode.SKIP, Mode.DUPLICATE])
@given(files, servers)
def test_skip_and_duplicate_write_no_row_that_is_live(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    live = {(row.kind, row.row.uuid) for row in rows if not row.row.is_deleted}
    for change in plan:
        if change.result.writes:
            assert (change.item.kind, change.target_uuid) not in live
            assert change.written_row is None or change.written_row.is_deleted


@given(files, servers)
def test_overwrite_writes_only_rows_that_bear_an_items_uuid_or_its_name(lists, rows):
    for change in possible_plan(a_file(**lists), rows, Mode.OVERWRITE):
        if row := change.written_row:
            assert change.item.uuid == row.uuid or change.item.name == row.name != ""
            assert change.target_uuid == row.uuid


@EACH_MODE
@given(files, servers)
def test_no_two_items_are_written_to_one_row(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    targets = Counter((change.item.kind, change.target_uuid) for change in plan)
    assert set(targets.values()) <= {1}


@EACH_MODE
@given(files, servers)
def test_after_an_import_the_names_of_secrets_are_unique_still(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    names = Counter(
        row.content["name"]
        for row in after(plan, rows)
        if row.kind is Kind.SECRET and not row.row.is_deleted
    )
    assert set(names.values()) <= {1}


@given(files, servers)
def test_a_locked_flow_is_not_written(lists, rows):
    plan = planned(a_file(**lists), *rows, mode=Mode.OVERWRITE)
    assume(not plan.issues)
    assert [
        change
        for change in plan
        if change.written_row and change.result is Result.OVERWRITE and change.written_row.is_locked
    ] == []


# --- Order does not count


def outcome_by_item(plan: Plan) -> dict[tuple[Kind, str], tuple[Any, ...]]:
    """What happens to each item, whatever new uuids were drawn and copies were numbered."""
    tags = {
        change.target_uuid: f"<{change.item.kind} {change.item.uuid}>"
        for change in plan
        if change.result is Result.DUPLICATE
    }

    def tagged(value: Any) -> Any:
        for uuid, tag in tags.items():
            value = value.replace(uuid, tag) if isinstance(value, str) else value
        return value

    numbered = {
        (change.item.kind, change.target_name) for change in plan if change.target_uuid in tags
    }
    return {
        (change.item.kind, change.item.uuid): (
            change.result,
            change.method,
            tagged(change.target_uuid),
            None if (change.item.kind, change.target_name) in numbered else change.target_name,
            change.row,
            change.before,
            change.fields,
            change.warnings,
            {
                column: tagged(read_text(value))
                for column, value in (change.content or {}).items()
                if column != "name"
            },
        )
        for change in plan
    }


def names_of_copies(plan: Plan) -> Counter[tuple[Kind, str, str]]:
    return Counter(
        (change.item.kind, change.item.name, change.target_name)
        for change in plan
        if change.result is Result.DUPLICATE
    )


@EACH_MODE
@given(files, servers, st.randoms(use_true_random=False))
def test_the_order_of_items_and_rows_does_not_count(mode, lists, rows, random):
    plan = planned(a_file(**lists), *rows, mode=mode)
    mixed = copy.deepcopy(lists)
    for items in mixed.values():
        random.shuffle(items)
    mixed_rows = random.sample(rows, len(rows))
    other = planned(a_file(**mixed), *mixed_rows, mode=mode)

    def reasons(plan: Plan) -> Counter[tuple[Any, ...]]:
        return Counter(
            (issue.code, issue.path.split("[")[0], issue.uuid, issue.name, issue.message)
            for issue in plan.issues
        )

    assert reasons(other) == reasons(plan)
    event("refused" if plan.issues else "planned")
    if not plan.issues:
        assert outcome_by_item(other) == outcome_by_item(plan)
        assert names_of_copies(other) == names_of_copies(plan)


@EACH_MODE
@given(files, servers)
def test_two_plans_of_one_state_have_one_token(mode, lists, rows):
    document = a_file(**lists)
    one, other = (planned(document, *order, mode=mode) for order in (rows, rows[::-1]))
    assert make_confirmation_token(make_snapshot(one)) == make_confirmation_token(
        make_snapshot(other)
    )


# --- Doing it again


def after(plan: Plan, rows: list[StoredItem]) -> list[StoredItem]:
    """The rows after the plan was done."""
    by_uuid = {(row.kind, row.row.uuid): row for row in rows}
    for change in plan:
        if change.content is None:
            continue
        kind, uuid = change.item.kind, change.target_uuid
        old = by_uuid.get((kind, uuid))
        keeps = old.content if old and change.result is Result.OVERWRITE else DEFAULTS[kind]
        content = {**keeps, **change.content}
        row = stored(kind, uuid, change.target_name, is_locked=bool(content.get("is_locked")))
        by_uuid[kind, uuid] = replace(row, content=content)
    return list(by_uuid.values())


def items_from(rows: list[StoredItem]) -> Lists:
    """The items of a file that says exactly what the live rows hold."""
    lists: Lists = {f"{kind.value}s": [] for kind in Kind}
    for row in rows:
        if row.row.is_deleted:
            continue
        item = {"uuid": row.row.uuid, "name": row.row.name, **json.loads(row.content["extra"])}
        for key, (column, is_json) in COLUMNS.items():
            if column in row.content:
                value = row.content[column]
                item[key] = json.loads(value) if is_json and value is not None else value
        if row.kind is Kind.FLOW:
            item["isLocked"] = row.content["is_locked"]
        lists[f"{row.kind.value}s"].append(item)
    return lists


@given(servers)
def test_overwriting_a_server_with_what_it_holds_changes_nothing(rows):
    plan = planned(a_file(**items_from(rows)), *rows, mode=Mode.OVERWRITE)
    assert plan.issues == ()
    assert {change.result for change in plan} <= {Result.UNCHANGED}
    assert not plan.writes


@given(files, servers)
def test_the_same_overwrite_again_finds_everything_unchanged(lists, rows):
    document = a_file(**lists)
    first = possible_plan(document, rows, Mode.OVERWRITE)
    again = planned(document, *after(first, rows), mode=Mode.OVERWRITE, override_locks=True)
    assert again.issues == ()
    assert {change.result for change in again} <= {Result.UNCHANGED}


@given(files, servers)
def test_the_same_skip_again_skips_everything(lists, rows):
    document = a_file(**lists)
    first = possible_plan(document, rows, Mode.SKIP)
    again = planned(document, *after(first, rows), mode=Mode.SKIP)
    assert again.issues == ()
    assert {change.result for change in again} <= {Result.SKIP}


@EACH_MODE
@given(files, servers)
def test_rows_that_no_item_names_are_after_an_import_what_they_were(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    named = {
        (kind, item[key])
        for kind in Kind
        for item in lists[f"{kind.value}s"]
        for key in ("uuid", "name")
    }
    kept = [row for row in rows if not {(row.kind, row.row.uuid), (row.kind, row.row.name)} & named]
    result = after(plan, rows)
    assert [row for row in kept if row not in result] == []


# --- References


@dataclass(frozen=True)
class Moves:
    """Where uuids and secrets' names of a file went, by a way of its own to follow them."""

    uuids: dict[str, str]
    names: dict[str, str]

    def follow(self, text: str) -> str:
        pattern = "|".join([*ALL_UUIDS, r"(?<=secrets\.)[A-C](?:_copy)?\b"])
        return re.sub(
            pattern, lambda found: {**self.uuids, **self.names}.get(found[0], found[0]), text
        )


def moves_of(plan: Plan) -> Moves:
    return Moves(
        uuids={change.item.uuid: change.target_uuid for change in plan},
        names={change.item.name: change.target_name for change in plan.changes[Kind.SECRET]},
    )


@EACH_MODE
@given(files, servers)
def test_after_landing_no_content_mentions_what_moved(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    moves = moves_of(plan)
    gone = {uuid for uuid, target in moves.uuids.items() if uuid != target}
    gone -= {change.target_uuid for change in plan}
    for change in plan:
        item = lists[f"{change.item.kind.value}s"][change.item.position]
        content = dict(change.content or {"extra": "{}"})
        # What the file's item does not say stays what it was in the row.
        kept = json.loads(content.pop("extra"))
        said = {key: value for key, value in kept.items() if key in item}
        texts = [*content.values(), json.dumps(said)]
        assert [uuid for uuid in gone for text in texts if uuid in str(text)] == []


@EACH_MODE
@given(files, servers)
def test_every_document_says_what_the_file_says_with_its_references_followed(mode, lists, rows):
    plan = possible_plan(a_file(**lists), rows, mode)
    moves = moves_of(plan)
    event(f"moved: {any(one != other for one, other in moves.uuids.items())}")
    for change in plan:
        if change.content is None:
            continue
        item = lists[f"{change.item.kind.value}s"][change.item.position]
        for key, (column, is_json) in COLUMNS.items():
            if isinstance(item.get(key), str):
                assert change.content[column] == moves.follow(item[key])
            elif is_json and key in item:
                said = json.loads(moves.follow(json.dumps(item[key])))
                assert json.loads(read_text(change.content[column])) == said


@given(files, servers)
def test_the_uuids_of_copies_are_new(lists, rows):
    plan = possible_plan(a_file(**lists), rows, Mode.DUPLICATE)
    new = [change.target_uuid for change in plan if change.result is Result.DUPLICATE]
    known = {row.row.uuid for row in rows} | {change.item.uuid for change in plan}
    assert len(set(new)) == len(new)
    assert not known & set(new)
    assert {UUID(uuid).version for uuid in new} <= {4}


@given(files, servers)
def test_only_contents_of_rows_that_an_overwrite_writes_or_finds_unchanged_are_read(lists, rows):
    server = Server(rows)
    plan = build_plan(a_file(**lists), server.as_stored(), server="production", mode=Mode.OVERWRITE)
    assume(not plan.issues)
    compared = [change for change in plan if change.result in (Result.OVERWRITE, Result.UNCHANGED)]
    assert sorted(server.read) == sorted(change.row.pk for change in compared)
