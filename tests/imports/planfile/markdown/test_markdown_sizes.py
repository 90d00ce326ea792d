"""A plan as Markdown fits into a comment: what does not is counted, and nothing is lost unseen.

ZIGGY_MARKDOWN_CASES says how many plans are made up.
"""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from imports.errors import FileInvalid, Issue, PlanRefused
from imports.planfile.markdown.blocks import (
    MOST_BYTES,
    MarkdownBlock,
    fit_blocks,
    fit_lines,
    measure,
    share_out,
)
from imports.planfile.markdown.refusal_page import format_refusal_markdown
from imports.plans.acknowledgement import find_red_warnings
from imports.plans.matching import MatchMethod
from imports.plans.plan import Mode, Result
from tests.support.imagined import a_file, planned, stored
from tests.support.markdown_pages import Page, markdown_of

LETTERS = "ab`<&\N{SNOWMAN}\N{GRINNING FACE}\n"


def uuid(number):
    return f"{number:08}-0000-4000-8000-000000000000"


def a_plan_of(sizes, *, letters=LETTERS, new=0):
    """A plan that overwrites a flow for each size, of so many nodes and letters in each."""
    rows, flows = [], []
    for number, (nodes, length) in enumerate(sizes):
        text = (letters * (length // len(letters) + 1))[:length]
        old, changed = (
            [{"id": f"n{at}", "data": {"label": f"N{at}", "text": f"{side}{text}".replace("\n", f"\n{side}")}} for at in range(nodes)]
            for side in ("old", "new")
        )  # fmt: skip
        name = f"Flow {number}."
        rows.append(stored(Kind.FLOW, uuid(number), name, nodes=canonical.encode(old), edges="[]"))
        flows.append({"uuid": uuid(number), "name": name, "nodes": changed, "edges": []})
    flows += [
        {"uuid": uuid(90_000 + number), "name": f"New {number}.", "nodes": [], "edges": []}
        for number in range(new)
    ]
    return planned(a_file(flows=flows), *rows, mode=Mode.OVERWRITE), rows


def count_unlisted(text):
    """How many items the sections count and do not list."""
    return sum(map(int, re.findall(r"^\.\.\. and (\d+) more$", text, re.MULTILINE)))


sizes = st.tuples(
    st.one_of(st.integers(1, 4), st.integers(1, 30)),
    st.one_of(st.integers(0, 200), st.integers(0, 5_000)),
)


@given(st.lists(sizes, max_size=12), st.sampled_from([0, 3, 400, 900]))
def test_a_text_fits_and_every_item_that_changes_is_in_it_or_counted(sizes, new):
    plan, rows = a_plan_of(sizes, new=new)
    text = markdown_of(plan, *rows, whole="all-of-it.txt")
    assert len(text) <= measure(text) <= MOST_BYTES
    page = Page(text)
    named = sum(change.item.name in page.codes for change in plan)
    assert named + count_unlisted(text) == len(sizes) + new
    assert page.codes[-1] == "all-of-it.txt"


@pytest.mark.parametrize("nodes", [1, 400])
def test_what_is_left_out_of_an_item_is_counted_in_it_and_at_the_end(nodes):
    plan, rows = a_plan_of([(nodes, 40_000 // nodes)], letters="ab\n")
    text = markdown_of(plan, *rows)
    assert re.search(r"^\.\.\. \d+ more (changes not shown here|lines of it)$", text, re.MULTILINE)
    assert "Not all of it fits here: of the items, 1 shown in part." in text
    assert measure(text) > MOST_BYTES - 3_000


def test_of_very_many_flows_those_that_fit_are_named_and_the_others_counted():
    plan, rows = a_plan_of([(1, 30)] * 1_500)
    text = markdown_of(plan, *rows)
    assert measure(text) <= MOST_BYTES
    assert "**production**: 1500 to overwrite" in text
    assert re.search(r"\d+ shown without what changes, \d+ only counted", text)


def test_a_text_fits_with_very_much_in_each_of_its_lists():
    flows = [
        {"uuid": uuid(number), "name": f"{number} {'x' * 200}", "info": "a\u202eb"}
        for number in range(1_200)
    ]
    plan = planned(a_file(flows=flows), mode=Mode.OVERWRITE)
    of_flows = [
        replace(change, result=Result.SKIP, method=MatchMethod.UNMATCHED, content=None)
        if number % 3 == 1
        else replace(change, result=Result.PRUNE, content=None)
        if number % 3 == 2
        else change
        for number, change in enumerate(plan.changes[Kind.FLOW])
    ]
    plan = replace(plan, changes={**plan.changes, Kind.FLOW: tuple(of_flows)})
    issues = [Issue(code="x", message="y" * 300, path=f"flows[{at}]") for at in range(1_000)]
    red = find_red_warnings(plan)
    text = markdown_of(
        plan, refusal=PlanRefused("x", "z", issues), unacknowledged=red[: len(red) // 2]
    )
    assert measure(text) <= MOST_BYTES
    for title in ("Decided otherwise: not imported", "To prune: not in the directory any more"):
        _, _, listed = text.partition(f"### {title}\n")
        noun = "row" if "prune" in title else "item"
        assert re.search(
            rf"^- \.\.\. and \d+ more {noun}s$", listed.partition("###")[0], re.MULTILINE
        )


def test_a_large_item_takes_no_room_from_the_small_ones():
    plan, rows = a_plan_of([(1, 60_000), *[(1, 100)] * 40], letters="ab\n")
    text = markdown_of(plan, *rows)
    assert text.count("```diff") == 41
    assert "of the items, 1 shown in part." in text


@given(st.lists(st.integers(0, 5_000), max_size=40), st.integers(0, 20_000))
def test_room_is_shared_so_that_only_the_largest_get_less_than_they_need(sizes, room):
    shares = share_out(sizes, room)
    assert sum(shares) <= room
    cut = [share for share, size in zip(shares, sizes, strict=True) if share < size]
    whole = [share for share, size in zip(shares, sizes, strict=True) if share == size]
    assert len(cut) + len(whole) == len(sizes)
    if cut:
        assert sum(sizes) > room
        assert max(cut) - min(cut) <= len(cut)
        assert all(share <= min(cut) for share in whole)


@given(st.lists(st.text(alphabet=LETTERS, max_size=400), max_size=30), st.integers(400, 3_000))
def test_lines_and_blocks_never_take_more_than_their_room(texts, room):
    assert measure("\n".join(fit_lines(texts, room, "line"))) <= room
    lines = tuple(f"+{text}" for text in texts)
    blocks = [
        MarkdownBlock(head="x", language="diff", lines=lines),
        MarkdownBlock(head="y"),
        MarkdownBlock(head="z"),
    ]
    written = fit_blocks(blocks, room)
    assert measure("\n\n".join(written)) <= room


def test_a_refusal_with_very_many_problems_fits_and_counts_the_others():
    issues = [Issue(code="x", path=f"flows[{n}].name", message="wrong " * 9) for n in range(9_000)]
    text = format_refusal_markdown(
        server="production", source="orders.json", refusal=FileInvalid("x", "x", issues)
    )
    assert measure(text) <= MOST_BYTES
    listed = len(re.findall(r"^- `flows", text, re.MULTILINE))
    assert f"- ... and {9_000 - listed} more problems\n" in text


@pytest.mark.parametrize("char", ["x", "\N{GRINNING FACE}", "\U000e0001", "`", "\ud800"])
def test_names_of_any_length_and_bytes_leave_room_for_the_rest(char):
    name = char * 10_000
    plan, rows = a_plan_of([(1, 200)] * 3)
    issues = [Issue(code="x", path=name, message=name)] * 100
    refusal = FileInvalid("x", "x", issues)
    text = markdown_of(plan, *rows, source=name, whole=name, refusal=refusal)
    assert measure(text) <= MOST_BYTES
    assert all(change.item.name in Page(text).codes for change in plan)
    text = format_refusal_markdown(server=name, source=name, refusal=refusal)
    assert measure(text) <= MOST_BYTES
    assert "more problems" in text
