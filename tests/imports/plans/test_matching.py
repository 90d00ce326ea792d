"""Which row an item is: what the decision table does not reach, above all many of one name."""

import random

import pytest

import imports.plans.matching
from flows.content.fields import Kind
from imports.plans.matching import MatchMethod, Row, match_items
from imports.plans.plan import Mode
from tests.support.imagined import a_file, planned, stored
from tests.support.inert import assert_inert
from tests.support.uuids import HERE, ONE, THERE, TWO

MANY = 200


def in_file(number: int) -> str:
    return f"ffffffff-0000-4000-8000-{number:012}"


def on_server(number: int) -> str:
    return f"eeeeeeee-0000-4000-8000-{number:012}"


def flows(*items: tuple[str, str]):
    document = a_file(flows=[{"uuid": uuid, "name": name} for uuid, name in items])
    return document.items[Kind.FLOW]


def matched(items, *rows: Row):
    return match_items(Kind.FLOW, items, rows)


def test_matches_stand_in_the_files_order():
    items = flows((TWO, "B"), (ONE, "A"), (THERE, "C"))
    matches, _ = matched(items, Row(pk=1, uuid=ONE, name="A"), Row(pk=2, uuid=HERE, name="B"))
    assert [(match.item.name, match.method, match.row and match.row.pk) for match in matches] == [
        ("B", MatchMethod.NAME, 2),
        ("A", MatchMethod.UUID, 1),
        ("C", MatchMethod.UNMATCHED, None),
    ]


def test_an_empty_file_matches_nothing():
    assert matched(flows(), Row(pk=1, uuid=ONE, name="A")) == ([], [])


def test_a_row_that_is_claimed_by_uuid_is_nobodys_namesake():
    items = flows((ONE, "A"), (TWO, "B"))
    rows = Row(pk=1, uuid=ONE, name="B"), Row(pk=2, uuid=TWO, name="A")
    matches, _ = matched(items, *rows)
    assert [match.namesake for match in matches] == [None, None]


@pytest.mark.parametrize("order", [1, -1], ids=["in one order", "in the other order"])
def test_of_two_namesakes_the_same_one_is_named_whatever_the_order_of_rows(order):
    rows = [
        Row(pk=1, uuid=ONE, name="A"),
        Row(pk=2, uuid=THERE, name="A"),
        Row(pk=3, uuid=HERE, name="A"),
    ]
    (match,), _ = matched(flows((ONE, "A")), *rows[::order])
    assert match.namesake == Row(pk=3, uuid=HERE, name="A")


def test_a_deleted_row_is_kept_beside_an_unmatched_item_only():
    deleted = Row(pk=1, uuid=ONE, name="A", is_deleted=True)
    (alone,), _ = matched(flows((ONE, "A")), deleted)
    (by_name,), _ = matched(flows((ONE, "A")), deleted, Row(pk=2, uuid=HERE, name="A"))
    assert (alone.row, alone.deleted_row) == (None, deleted)
    assert (by_name.row, by_name.deleted_row) == (Row(pk=2, uuid=HERE, name="A"), None)


def test_deleted_rows_make_no_name_ambiguous():
    rows = [Row(pk=n, uuid=on_server(n), name="A", is_deleted=n != 3) for n in range(5)]
    (match,), issues = matched(flows((ONE, "A")), *rows)
    assert (match.row, issues) == (rows[3], [])


def test_of_many_candidates_the_first_ten_are_listed():
    rows = [Row(pk=n, uuid=on_server(n), name="A") for n in range(12)]
    random.Random(1).shuffle(rows)
    _, (issue,) = matched(flows((ONE, "A")), *rows)
    assert issue.message == (
        '12 flows on this server are named "A": '
        "eeeeeeee-0000-4000-8000-000000000000, eeeeeeee-0000-4000-8000-000000000001, "
        "eeeeeeee-0000-4000-8000-000000000002, eeeeeeee-0000-4000-8000-000000000003, "
        "eeeeeeee-0000-4000-8000-000000000004, eeeeeeee-0000-4000-8000-000000000005, "
        "eeeeeeee-0000-4000-8000-000000000006, eeeeeeee-0000-4000-8000-000000000007, "
        "eeeeeeee-0000-4000-8000-000000000008, eeeeeeee-0000-4000-8000-000000000009 "
        "and 2 more. Decide which one is meant (in the preview, or in the decisions: "
        '"<uuid of the item>": "<uuid of the row>", '
        '"create" for a new one, or "leave-out"), rename all but one of them, '
        "or give the file's item the uuid of the one that is meant."
    )


def test_of_many_rivals_in_the_file_the_first_ten_are_listed():
    items = flows(*((in_file(n), "A") for n in reversed(range(11))))
    _, issues = matched(items, Row(pk=1, uuid=HERE, name="A"))
    assert len(issues) == 11
    assert {issue.message for issue in issues} == {
        '11 items of the file are named "A" ('
        "ffffffff-0000-4000-8000-000000000000, ffffffff-0000-4000-8000-000000000001, "
        "ffffffff-0000-4000-8000-000000000002, ffffffff-0000-4000-8000-000000000003, "
        "ffffffff-0000-4000-8000-000000000004, ffffffff-0000-4000-8000-000000000005, "
        "ffffffff-0000-4000-8000-000000000006, ffffffff-0000-4000-8000-000000000007, "
        "ffffffff-0000-4000-8000-000000000008, ffffffff-0000-4000-8000-000000000009 "
        f"and 1 more) and would be the same flow on this server: {HERE}. "
        "Decide which of them it is (in the preview, or in the decisions: "
        '"<uuid of the item>": "<uuid of the row>", '
        '"create" for a new one, or "leave-out"), or rename all but one of them.'
    }


def test_every_item_with_an_ambiguous_name_is_told_with_its_place():
    items = flows((ONE, "A"), (THERE, "B"), (TWO, "A"))
    _, issues = matched(items, Row(pk=1, uuid=HERE, name="A"))
    assert [(issue.path, issue.uuid, issue.name) for issue in issues] == [
        ("flows[0]", ONE, "A"),
        ("flows[2]", TWO, "A"),
    ]


def test_an_issue_shows_the_uuid_as_the_file_has_it():
    items = flows(("ABCDEFAB-0000-4000-8000-000000000001", "A"))
    rows = Row(pk=1, uuid=HERE, name="A"), Row(pk=2, uuid=THERE, name="A")
    _, (issue,) = matched(items, *rows)
    assert issue.uuid == "ABCDEFAB-0000-4000-8000-000000000001"


def test_a_name_in_a_message_is_on_one_line_and_cut():
    name = 'a"\n\x1b[31m' + "b" * 240
    rows = Row(pk=1, uuid=HERE, name=name), Row(pk=2, uuid=THERE, name=name)
    _, (issue,) = matched(flows((ONE, name)), *rows)
    assert issue.message == (
        '2 flows on this server are named "a"\\n\\x1b[31m' + "b" * 192 + '...": '
        f"{HERE}, {THERE}. Decide which one is meant (in the preview, or in the decisions: "
        '"<uuid of the item>": "<uuid of the row>", '
        '"create" for a new one, or "leave-out"), rename all but one of them, '
        "or give the file's item the uuid of the one that is meant."
    )
    assert issue.name == name


# --- Many items of one name


def shuffled(values):
    values = list(values)
    random.Random(1).shuffle(values)
    return values


MANY_OF_ONE_NAME = a_file(flows=[{"uuid": in_file(n), "name": "A"} for n in range(MANY)])


def plan_of(document, rows, mode=Mode.SKIP):
    return planned(document, *shuffled(rows), mode=mode)


def test_many_items_of_one_name_that_are_known_by_uuid_are_matched():
    rows = [stored(Kind.FLOW, in_file(n), "A") for n in range(MANY)]
    plan = plan_of(MANY_OF_ONE_NAME, rows)
    assert {change.method for change in plan} == {MatchMethod.UUID}


def test_many_items_of_one_name_with_as_many_namesakes_are_matched():
    rows = [stored(Kind.FLOW, in_file(n), "A") for n in range(MANY)]
    rows += [stored(Kind.FLOW, on_server(n), "A") for n in range(MANY)]
    plan = plan_of(MANY_OF_ONE_NAME, rows)
    said = 'another flow on this server is named "A" too: eeeeeeee-0000-4000-8000-000000000000'
    assert {change.warnings for change in plan} == {(said,)}


def test_many_items_of_one_name_that_could_be_any_of_many_rows_are_refused():
    plan = plan_of(MANY_OF_ONE_NAME, [stored(Kind.FLOW, on_server(n), "A") for n in range(MANY)])
    assert len(plan.issues) == MANY
    assert {issue.code for issue in plan.issues} == {"ambiguous-name"}


def test_many_items_of_one_name_that_would_be_one_row_are_refused():
    plan = plan_of(MANY_OF_ONE_NAME, [stored(Kind.FLOW, HERE, "A")])
    assert len(plan.issues) == MANY
    assert {issue.code for issue in plan.issues} == {"ambiguous-name"}


def test_many_items_of_one_name_get_their_copies_names():
    rows = [stored(Kind.FLOW, in_file(n), "A") for n in range(MANY)]
    plan = plan_of(MANY_OF_ONE_NAME, rows, Mode.DUPLICATE)
    names = [change.target_name for change in plan]
    assert names[:2] == ["A (copy)", "A (copy 2)"]
    assert names[-1] == "A (copy 200)"
    assert len(set(names)) == MANY


def test_many_names_that_are_cut_to_one_get_their_copies_names():
    names = ["A" * 250 + f"{n:05}" for n in range(MANY)]
    document = a_file(flows=[{"uuid": in_file(n), "name": name} for n, name in enumerate(names)])
    rows = [stored(Kind.FLOW, in_file(n), name) for n, name in enumerate(names)]
    plan = plan_of(document, rows, Mode.DUPLICATE)
    copies = [change.target_name for change in plan]
    assert copies[0] == "A" * 248 + " (copy)"
    assert copies[-1] == "A" * 244 + " (copy 200)"
    assert len(set(copies)) == MANY


def test_many_copies_that_get_the_same_name_only_with_a_number_are_named():
    endings = [f"{chr(0x4E00 + n // 100)}{chr(0x4E00 + n % 100)}" for n in range(MANY // 2)]
    names = ["A" * 246 + ending for ending in endings]
    names += [f"{name} (copy)" for name in names]
    document = a_file(flows=[{"uuid": in_file(n), "name": name} for n, name in enumerate(names)])
    rows = [stored(Kind.FLOW, in_file(n), name) for n, name in enumerate(names)]
    plan = plan_of(document, rows, Mode.DUPLICATE)
    copies = [change.target_name for change in plan]
    assert copies[0] == "A" * 246 + " (copy 2)"
    assert len(set(copies)) == MANY


# --- What there is to choose from


def names_and_uuids(rows):
    return [(row.name, row.uuid) for row in rows]


def test_an_item_with_an_ambiguous_name_has_the_rows_that_bear_it_as_candidates():
    rows = [
        Row(pk=1, uuid=THERE, name="A"),
        Row(pk=2, uuid=HERE, name="A"),
        Row(pk=3, uuid=TWO, name="A", is_deleted=True),
        Row(pk=4, uuid=on_server(4), name="B"),
    ]
    (match,), _ = matched(flows((ONE, "A")), *rows)
    assert names_and_uuids(match.candidates) == [("A", HERE), ("A", THERE)]


def test_a_row_that_another_item_is_by_its_uuid_is_no_candidate():
    rows = [Row(pk=1, uuid=TWO, name="A"), Row(pk=2, uuid=HERE, name="A")]
    rows.append(Row(pk=3, uuid=THERE, name="A"))
    matches, _ = matched(flows((ONE, "A"), (TWO, "other")), *rows)
    assert names_and_uuids(matches[0].candidates) == [("A", HERE), ("A", THERE)]
    assert matches[1].candidates == ()


def test_two_items_that_would_be_one_row_have_it_as_their_candidate():
    matches, _ = matched(flows((ONE, "A"), (TWO, "A")), Row(pk=1, uuid=HERE, name="A"))
    assert [names_and_uuids(match.candidates) for match in matches] == [[("A", HERE)]] * 2


def test_an_item_with_a_chosen_row_keeps_its_candidates():
    rows = [Row(pk=1, uuid=HERE, name="A"), Row(pk=2, uuid=THERE, name="A")]
    (match,), refused = match_items(Kind.FLOW, flows((ONE, "A")), rows, {ONE: THERE})
    assert refused == []
    assert match.row == rows[1]
    assert names_and_uuids(match.candidates) == [("A", HERE), ("A", THERE)]


def test_an_item_with_a_chosen_row_is_not_ambiguous_where_others_of_its_name_are():
    rows = [Row(pk=n, uuid=on_server(n), name="A") for n in range(3)]
    items = flows((ONE, "A"), (TWO, "A"))
    (chosen_one, other), refused = match_items(Kind.FLOW, items, rows, {ONE: on_server(2)})
    assert (chosen_one.row, chosen_one.is_ambiguous) == (rows[2], False)
    assert (other.row, other.is_ambiguous) == (None, True)
    assert [(issue.code, issue.uuid) for issue in refused] == [("ambiguous-name", TWO)]


@pytest.mark.parametrize(
    "row", [Row(pk=1, uuid=HERE, name="A"), Row(pk=1, uuid=ONE, name="A")], ids=["name", "uuid"]
)
def test_an_item_that_is_matched_has_nothing_to_choose_from(row):
    (match,), _ = matched(flows((ONE, "A")), row)
    assert match.candidates == ()


def test_the_first_hundred_candidates_are_kept():
    rows = [Row(pk=number, uuid=on_server(number), name="A") for number in range(150)]
    (match,), _ = matched(flows((ONE, "A")), *rows)
    assert [row.pk for row in match.candidates] == list(range(100))


# --- What is told of what cannot be decided


def told(issues):
    return [(issue.code, issue.uuid, issue.message) for issue in issues]


_BY_DECISION = (
    '(in the preview, or in the decisions: "<uuid of the item>": "<uuid of the row>", '
    '"create" for a new one, or "leave-out")'
)


def test_a_name_that_several_rows_bear_is_refused_with_their_uuids():
    rows = [Row(pk=n, uuid=on_server(n), name="A") for n in range(12)]
    shown = ", ".join(on_server(n) for n in range(10))
    _, refused = matched(flows((ONE, "A")), *rows)
    assert told(refused) == [
        (
            "ambiguous-name",
            ONE,
            f'12 flows on this server are named "A": {shown} and 2 more. Decide which one is meant '
            f"{_BY_DECISION}, rename all but one of them, or give the file's item the uuid of the "
            "one that is meant.",
        )
    ]
    _, refused = matched(flows((ONE, "A")), *rows[:10])
    assert refused[0].message.startswith(f'10 flows on this server are named "A": {shown}. Decide')


def test_two_items_that_would_be_one_row_are_refused_both():
    _, refused = matched(flows((TWO, "A"), (ONE, "A")), Row(pk=1, uuid=HERE, name="A"))
    message = (
        f'2 items of the file are named "A" ({ONE}, {TWO}) and would be the same flow on this '
        f"server: {HERE}. Decide which of them it is {_BY_DECISION}, or rename all but one of them."
    )
    assert told(refused) == [("ambiguous-name", TWO, message), ("ambiguous-name", ONE, message)]


def chosen(target, *rows, items=((ONE, "A"),)):
    return match_items(Kind.FLOW, flows(*items), rows, {ONE: target})


def test_a_chosen_row_that_is_not_there_is_refused():
    for rows in ((), (Row(pk=1, uuid=HERE, name="A", is_deleted=True),)):
        _, refused = chosen(HERE, *rows)
        assert told(refused) == [
            ("unknown-target", ONE, f"There is no flow {HERE} on this server. Choose another.")
        ]


def test_a_chosen_row_that_another_item_is_is_refused():
    items = (ONE, "A"), (HERE, "B")
    matches, refused = chosen(HERE, Row(pk=1, uuid=HERE, name="A"), items=items)
    assert told(refused) == [
        (
            "target-taken",
            ONE,
            f"Another item of the file is the flow {HERE} as well. Choose another.",
        )
    ]
    assert [match.row.pk for match in matches] == [1, 1]


@pytest.mark.parametrize(
    ("name", "method"), [("A", MatchMethod.NAME), ("B", MatchMethod.UUID)], ids=["same", "other"]
)
def test_a_chosen_row_is_matched_by_its_name_where_it_bears_it(name, method):
    (match,), refused = chosen(HERE, Row(pk=1, uuid=HERE, name=name))
    assert (refused, match.method, match.is_chosen) == ([], method, True)


def test_a_row_of_the_items_own_uuid_that_is_chosen_is_no_choice():
    (match,), refused = chosen(ONE, Row(pk=1, uuid=ONE, name="B"))
    assert (refused, match.method, match.is_chosen) == ([], MatchMethod.UUID, False)
    assert match.candidates == ()


def test_a_chosen_row_leaves_the_row_of_the_items_uuid_to_nobody():
    rows = Row(pk=1, uuid=ONE, name="A"), Row(pk=2, uuid=HERE, name="B")
    (match,), refused = chosen(HERE, *rows)
    assert (refused, match.row.pk, match.namesake) == ([], 2, rows[0])


def test_an_empty_name_matches_no_row_and_a_deleted_row_only_by_its_uuid():
    gone = Row(pk=1, uuid=ONE, name="A", is_deleted=True)
    nameless = Row(pk=2, uuid=HERE, name="")
    matches, refused = matched(flows((ONE, "A"), (TWO, ""), (THERE, "A")), gone, nameless)
    assert refused == []
    assert [(match.method, match.row, match.deleted_row) for match in matches] == [
        (MatchMethod.UNMATCHED, None, gone),
        (MatchMethod.UNMATCHED, None, None),
        (MatchMethod.UNMATCHED, None, None),
    ]


def test_how_an_item_was_matched_is_said_in_words_that_stay():
    assert [method.value for method in MatchMethod] == ["uuid", "name", "unmatched"]
    row = Row(pk=1, uuid=ONE, name="A")
    assert (row.is_deleted, row.is_locked) == (False, False)


def test_a_match_is_inert_data():
    assert_inert(imports.plans.matching)
