"""What a plan is made of, beside the decision table: what stands against it, and what it is told."""

import pytest

import imports.plans.inputs
from flows.content.fields import Kind
from flows.relations.mentions import Reference
from imports.plans.build import build_plan
from imports.plans.decisions import ItemDecision
from imports.plans.matching import Row
from imports.plans.plan import Mode, Result
from tests.support.imagined import Server, StoredItem, a_file, planned, stored
from tests.support.inert import assert_inert
from tests.support.uuids import HERE, ONE, THERE, THREE, TWO

FLOW, CONNECTION, SECRET = Kind.FLOW, Kind.CONNECTION, Kind.SECRET


def plan_of(document, *rows: StoredItem, mode=Mode.OVERWRITE, decisions=None, others=(), **options):
    """The plan; `others` are rows that no item's uuid or name leads to, by their kind."""
    server = Server(rows)
    inputs = server.as_stored(options.pop("dangling", None))

    def read_rows(kind, uuids):
        wanted = set(uuids)
        return [row for of_kind, row in others if of_kind is kind and row.uuid in wanted]

    inputs = imports.plans.inputs.PlanInputs(
        **{
            name: getattr(inputs, name)
            for name in inputs.__dataclass_fields__
            if name != "read_rows"
        },
        read_rows=read_rows,
    )
    options = {"server": "production", "mode": mode, **options}
    return build_plan(document, inputs, decisions=decisions or {}, **options)


def told(plan):
    return [(issue.code, issue.path, issue.message) for issue in plan.issues]


def warnings(plan):
    return {change.item.path: change.warnings for change in plan}


def test_what_planning_knows_is_inert_data():
    assert_inert(imports.plans.inputs)


# --- What happens to an item


@pytest.mark.parametrize("mode", list(Mode))
def test_a_decision_goes_before_the_mode_and_one_without_a_mode_leaves_it(mode):
    document = a_file(
        flows=[{"uuid": uuid, "name": uuid, "info": "x"} for uuid in (ONE, TWO, THREE)]
    )
    rows = [stored(FLOW, uuid, uuid) for uuid in (ONE, TWO, THREE)]
    decisions = {(FLOW, ONE): ItemDecision(mode=Mode.SKIP), (FLOW, TWO): ItemDecision()}
    plan = plan_of(document, *rows, mode=mode, decisions=decisions)
    by_mode = {Mode.SKIP: "SKIP", Mode.DUPLICATE: "DUPLICATE", Mode.OVERWRITE: "OVERWRITE"}[mode]
    assert [change.result for change in plan] == ["SKIP", by_mode, by_mode]


def test_a_decision_on_what_the_file_does_not_have_is_an_issue():
    plan = plan_of(a_file(), decisions={(FLOW, ONE): ItemDecision(mode=Mode.SKIP)})
    assert told(plan) == [("unknown-item", "", f"The file has no flow {ONE} to decide on.")]


def test_what_does_not_exist_is_created_whatever_is_decided():
    document = a_file(flows=[{"uuid": ONE, "name": "A"}])
    for mode in Mode:
        plan = plan_of(document, mode=mode, decisions={(FLOW, ONE): ItemDecision(mode=Mode.SKIP)})
        assert [change.result for change in plan] == [Result.CREATE]


def test_a_match_by_name_lands_in_the_rows_uuid():
    document = a_file(flows=[{"uuid": ONE, "name": "A", "info": "x"}])
    [change] = plan_of(document, stored(FLOW, HERE, "A"))
    assert (change.target_uuid, change.target_name, change.result) == (HERE, "A", "OVERWRITE")


def test_a_copy_takes_no_name_of_the_server_or_of_the_file():
    document = a_file(
        flows=[
            {"uuid": ONE, "name": "A"},
            {"uuid": TWO, "name": "A (copy)"},
            {"uuid": THREE, "name": "B"},
        ]
    )
    rows = stored(FLOW, ONE, "A"), stored(FLOW, HERE, "A (copy 2)"), stored(FLOW, THREE, "B")
    plan = plan_of(document, *rows, mode=Mode.DUPLICATE)
    assert [change.target_name for change in plan] == ["A (copy 3)", "A (copy)", "B (copy)"]
    assert plan.changes[FLOW][0].target_uuid not in {ONE, HERE}


def test_two_copies_of_one_name_get_two_names_and_are_written_with_them():
    document = a_file(flows=[{"uuid": ONE, "name": "A"}, {"uuid": TWO, "name": "A"}])
    rows = stored(FLOW, ONE, "A"), stored(FLOW, TWO, "A")
    plan = plan_of(document, *rows, mode=Mode.DUPLICATE)
    assert [change.target_name for change in plan] == ["A (copy)", "A (copy 2)"]
    assert [change.content["name"] for change in plan] == ["A (copy)", "A (copy 2)"]


def test_what_no_row_can_be_found_for_is_an_issue():
    document = a_file(flows=[{"uuid": ONE, "name": "A"}], secrets=[{"uuid": TWO, "name": "A"}])
    plan = plan_of(document, stored(FLOW, HERE, "A"), stored(FLOW, THERE, "A"))
    assert [(issue.code, issue.path) for issue in plan.issues] == [("ambiguous-name", "flows[0]")]


# --- Names of secrets


def test_a_secrets_name_that_a_row_keeps_is_taken():
    document = a_file(secrets=[{"uuid": ONE, "name": "KEY", "description": "x"}])
    plan = plan_of(document, stored(SECRET, ONE, "OLD"), stored(SECRET, HERE, "KEY"))
    assert told(plan) == [
        (
            "name-taken",
            "secrets[0]",
            f'The name "KEY" belongs to another secret on this server: {HERE}. '
            "A secret's name is unique: rename one of the two.",
        )
    ]


def test_a_secret_that_is_left_alone_keeps_its_name_from_others():
    document = a_file(secrets=[{"uuid": ONE, "name": "B"}, {"uuid": TWO, "name": "A"}])
    rows = stored(SECRET, ONE, "A"), stored(SECRET, TWO, "B")
    assert plan_of(document, *rows).issues == ()  # they swap
    plan = plan_of(document, *rows, decisions={(SECRET, ONE): ItemDecision(mode=Mode.SKIP)})
    assert [(issue.code, issue.path) for issue in plan.issues] == [("name-taken", "secrets[1]")]


def test_flows_and_connections_may_share_a_name():
    document = a_file(connections=[{"uuid": ONE, "name": "A", "description": "x"}])
    plan = plan_of(document, stored(CONNECTION, ONE, "OLD"), stored(CONNECTION, HERE, "A"))
    assert plan.issues == ()
    assert warnings(plan) == {
        "connections[0]": (
            'renames "OLD" to "A"',
            f'another connection on this server is named "A" too: {HERE}',
        )
    }


# --- A uuid that a row of another kind bears


def moving(**keys):
    """A file whose connection lands in the row HERE, with a flow that has these keys."""
    return a_file(
        flows=[{"uuid": TWO, "name": "F", **keys}],
        connections=[{"uuid": ONE, "name": "C", "description": "x"}],
    )


MENTIONS = {"nodes": [{"id": ONE.upper()}]}
ELSEWHERE = Row(pk=9, uuid=ONE, name="Elsewhere")


@pytest.mark.parametrize("kind", [FLOW, SECRET])
@pytest.mark.parametrize("keys", [MENTIONS, {"unknown": ONE}], ids=["in a field", "elsewhere"])
def test_a_reference_that_could_mean_a_row_of_another_kind_is_refused(kind, keys):
    row = stored(CONNECTION, HERE, "C")
    plan = plan_of(moving(**keys), row, others=[(kind, ELSEWHERE)])
    assert told(plan) == [
        (
            "ambiguous-uuid",
            "connections[0]",
            f"A {kind} on this server has this uuid too, and the file's connection lands in a row "
            "with another one, so that a reference in the file could mean either. "
            "Give the file's item another uuid.",
        )
    ]


def test_whatever_kinds_the_two_are_of():
    document = a_file(
        flows=[{"uuid": TWO, "name": "F", **MENTIONS}],
        secrets=[{"uuid": ONE, "name": "KEY", "description": "x"}],
    )
    for kind in (FLOW, CONNECTION):
        plan = plan_of(document, stored(SECRET, HERE, "KEY"), others=[(kind, ELSEWHERE)])
        assert [(issue.code, issue.path) for issue in plan.issues] == [
            ("ambiguous-uuid", "secrets[0]")
        ]


def test_but_not_where_nothing_mentions_it_or_moves_or_the_row_is_deleted():
    row, others = stored(CONNECTION, HERE, "C"), [(FLOW, ELSEWHERE)]
    assert plan_of(moving(), row, others=others).issues == ()
    assert plan_of(moving(**MENTIONS), stored(CONNECTION, ONE, "C"), others=others).issues == ()
    deleted = Row(pk=9, uuid=ONE, name="Elsewhere", is_deleted=True)
    assert plan_of(moving(**MENTIONS), row, others=[(FLOW, deleted)]).issues == ()
    assert plan_of(moving(**MENTIONS), row, others=[(CONNECTION, ELSEWHERE)]).issues == ()
    skipped = {(FLOW, TWO): ItemDecision(mode=Mode.SKIP)}
    rows = row, stored(FLOW, TWO, "F")
    assert plan_of(moving(**MENTIONS), *rows, others=others, decisions=skipped).issues == ()


def test_nor_where_the_file_has_an_item_of_that_kind_and_uuid():
    document = a_file(
        flows=[{"uuid": ONE, "name": "F", **MENTIONS}],
        connections=[{"uuid": ONE, "name": "C", "description": "x"}],
    )
    plan = plan_of(document, stored(CONNECTION, HERE, "C"), others=[(FLOW, ELSEWHERE)])
    assert {issue.code for issue in plan.issues} == {"ambiguous-uuid"}
    assert all("Two items of the file" in issue.message for issue in plan.issues)


# --- What stands against it


def test_a_key_that_would_be_lost_is_an_issue_and_the_plan_is_there_all_the_same():
    keys = {"nodes": [{"map": {ONE: 1, HERE: 2}}]}
    rows = stored(CONNECTION, HERE, "C"), stored(FLOW, TWO, "F")
    copied = {(FLOW, TWO): ItemDecision(mode=Mode.DUPLICATE)}
    plan = plan_of(moving(**keys), *rows, decisions=copied)
    assert [issue.code for issue in plan.issues] == ["key-collision"]
    assert plan.changes[FLOW][0].content["name"] == "F (copy)"
    assert ONE in plan.changes[FLOW][0].content["nodes"].text
    assert plan.changes[FLOW][0].content["extra"] == "{}"


@pytest.mark.parametrize(
    ("mode", "info", "is_locked", "is_refused"),
    [
        (Mode.OVERWRITE, "x", True, True),
        (Mode.OVERWRITE, "x", False, False),
        (Mode.OVERWRITE, "", True, False),  # unchanged
        (Mode.SKIP, "x", True, False),
        (Mode.DUPLICATE, "x", True, False),
    ],
)
def test_a_locked_flow_is_overwritten_by_nobody_unasked(mode, info, is_locked, is_refused):
    document = a_file(flows=[{"uuid": ONE, "name": "A", "info": info}])
    row = stored(FLOW, ONE, "Here", is_locked=is_locked)
    row = stored(FLOW, ONE, "A", is_locked=is_locked) if not info else row
    plan = plan_of(document, row, mode=mode)
    name = "Here" if info else "A"
    expected = (
        "locked",
        "flows[0]",
        f'The flow "{name}" is locked on this server. Unlock it there, or give --override-locks.',
    )
    assert told(plan) == ([expected] if is_refused else [])
    assert plan_of(document, row, mode=mode, override_locks=True).issues == ()


# --- What is told


@pytest.mark.parametrize("mode", list(Mode))
def test_what_an_item_refers_to_in_vain_is_told_unless_it_is_left_alone(mode):
    document = a_file(flows=[{"uuid": ONE, "name": "A", "info": "x"}])
    dangling = {
        "flows[0]": [Reference(FLOW, "a\u200b"), Reference(FLOW, "b")],
        "flows[1]": [Reference(FLOW, "c")],
    }
    plan = plan_of(document, stored(FLOW, ONE, "A"), mode=mode, dangling=dangling)
    expected = ("dangling reference to flow a\\u200b", "dangling reference to flow b")
    assert warnings(plan) == {"flows[0]": () if mode is Mode.SKIP else expected}


def test_a_deleted_row_that_comes_back_is_told():
    document = a_file(
        flows=[{"uuid": ONE, "name": "A"}],
        secrets=[{"uuid": ONE, "name": "KEY"}, {"uuid": TWO, "name": "NEW"}],
    )
    rows = stored(FLOW, ONE, "A", is_deleted=True), stored(SECRET, ONE, "KEY", is_deleted=True)
    plan = plan_of(document, *rows)
    assert warnings(plan) == {
        "flows[0]": ("brings back a deleted flow",),
        "secrets[0]": ("brings back a deleted secret",),
        "secrets[1]": (),
    }
    assert [change.row and change.row.pk for change in plan] == [
        rows[0].row.pk,
        rows[1].row.pk,
        None,
    ]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.SKIP, ()), (Mode.DUPLICATE, ()), (Mode.OVERWRITE, ('renames "OLD" to "KEY"',))],
)  # fmt: skip
def test_an_overwrite_of_a_secret_may_rename(mode, expected):
    document = a_file(secrets=[{"uuid": ONE, "name": "KEY"}])
    assert warnings(plan_of(document, stored(SECRET, ONE, "OLD"), mode=mode)) == {
        "secrets[0]": expected
    }


# --- Where secrets are sent

SENDS = "{ host: 'a', key: secrets.KEY }"


def retargets(document, *rows, mode=Mode.OVERWRITE):
    return {change.item.path for change in planned(document, *rows, mode=mode) if change.retargets}


def test_a_connection_that_is_brought_back_sends_what_it_did_not_send():
    document = a_file(connections=[{"uuid": ONE, "name": "C", "devValue": SENDS}])
    key = stored(SECRET, TWO, "KEY", has_value=True)
    there = stored(CONNECTION, ONE, "C", dev_value=SENDS)
    gone = stored(CONNECTION, ONE, "C", dev_value=SENDS, is_deleted=True)
    assert retargets(document, key, there) == set()
    assert retargets(document, key, gone) == {"connections[0]"}
    assert retargets(document, key, there, mode=Mode.SKIP) == set()


@pytest.mark.parametrize("has_value", [True, False])
def test_a_secret_that_is_brought_back_is_sent_where_its_name_is_used(has_value):
    document = a_file(secrets=[{"uuid": TWO, "name": "KEY"}])
    user = stored(CONNECTION, ONE, "C", dev_value=SENDS)
    gone = stored(SECRET, TWO, "KEY", has_value=has_value, is_deleted=True)
    there = stored(SECRET, TWO, "KEY", has_value=has_value)
    assert retargets(document, user, gone) == ({"secrets[0]"} if has_value else set())
    assert retargets(document, user, there) == set()


def test_how_what_is_written_uses_secrets_is_kept_with_the_plan():
    document = a_file(
        flows=[{"uuid": ONE, "name": "F", "nodes": [{"code": "secrets.KEY"}]}],
        connections=[{"uuid": ONE, "name": "C", "devValue": SENDS}, {"uuid": TWO, "name": "D"}],
    )
    plan = plan_of(document, stored(CONNECTION, ONE, "C"))
    assert [(user.kind, user.uuid, bool(user.before), bool(user.after)) for user in plan.secret_users] == [
        (FLOW, ONE, False, True),
        (CONNECTION, ONE, False, True),
    ]  # fmt: skip
