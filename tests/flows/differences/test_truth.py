"""A difference leaves nothing out: each side can be put together again from what is shown."""

import json
import random
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from flows.content.invisible import is_invisible
from flows.differences.lines import MOST_CHANGED, DiffRow, LineDiff, RowKind, compare_lines
from flows.differences.matching import Budget, match
from flows.differences.pieces import Pieces, make_pieces, make_visible
from flows.differences.value_differences import ValueDifference, compare_values, find_values
from flows.differences.values import Difference, compare_contents
from tests.support.difference_page import MISSING, ShownValue, put_together, read_value
from tests.support.texts_in_values import (
    change_text,
    find_texts,
    insert_line,
    make_content,
    read_text,
)

# --- What a reader can put together from what is shown


def read(pieces: Pieces) -> str:
    """The text that the pieces show: an invisible character is told by its number."""
    return "".join(
        chr(int(each.text.removeprefix("\\").lstrip("uU"), 16)) if each.invisible else each.text
        for each in pieces
    )


def read_side(rows: tuple[DiffRow, ...], kind: RowKind) -> list[str]:
    """The lines of one side: those that are the same, folded or not, and those of its own kind."""
    lines: list[str] = []
    for row in rows:
        if row.kind is RowKind.FOLD:
            folded = read(row.pieces).split("\n")
            assert len(folded) == row.count
            lines += folded
        elif row.kind in {RowKind.SAME, kind}:
            lines.append(read(row.pieces))
    return lines


def read_shown(shown: list[ValueDifference]) -> list[ShownValue]:
    return [ShownValue(each.steps, *_read_sides(each)) for each in shown]


def _read_sides(shown: ValueDifference) -> tuple[Any, Any]:
    if shown.lines:
        kinds = (RowKind.REMOVED, RowKind.ADDED)
        old, new = ("\n".join(read_side(shown.lines.rows, kind)) for kind in kinds)
    else:
        old, new = (read_value(read(side or ())) for side in (shown.before, shown.after))
    return (
        MISSING if shown.before is None else old,
        MISSING if shown.after is None else new,
    )


# --- Lines

CHARACTERS = st.sampled_from(
    [*"ab c=;\\", "\n", "\n", "\r", "\t", "\u200b", "\u202e", "\xa0", "ü", "😀"]
)
TEXTS = st.text(CHARACTERS, max_size=60)


def check_lines(before: str, after: str, budget: Budget | None = None) -> LineDiff:
    found = compare_lines(before, after, budget)
    if before == after:
        assert not found.rows
        return found
    for side, kind in ((before, RowKind.REMOVED), (after, RowKind.ADDED)):
        assert read_side(found.rows, kind) == (side.split("\n") if side else [])
    assert sum((part.rows for part in found.parts), ()) == found.rows
    return found


@given(TEXTS, TEXTS, st.sampled_from([0, 10, 10**6]))
@example("a\nb", "a\n", 0)
def test_both_texts_can_be_put_together_from_the_rows(before: str, after: str, left: int) -> None:
    check_lines(before, after, Budget(left=left))


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)), st.sampled_from([0, 5, 10**6]))
def test_blocks_are_all_of_both_sequences(old: list[int], new: list[int], left: int) -> None:
    first, second = [*map(str, old)], [*map(str, new)]
    blocks = list(match(first, second, Budget(left=left)))
    assert [i for block in blocks for i in block.old] == list(range(len(old)))
    assert [j for block in blocks for j in block.new] == list(range(len(new)))
    for block in blocks:
        same = [first[i] for i in block.old] == [second[j] for j in block.new]
        assert block.differs != same
    assert all(one.differs != two.differs for one, two in pairwise(blocks))


@pytest.mark.parametrize("size", [1_000, 30_000])
def test_one_line_in_a_text_of_any_size_is_the_only_one_that_differs(size: int) -> None:
    before = [f"line {at}" for at in range(size)]
    after = [*before[: size // 3], "new", *before[size // 3 : -9], "other", *before[-8:]]
    found = check_lines("\n".join(before), "\n".join(after))
    assert found.changed == 3


def test_of_two_texts_that_are_too_long_to_compare_closely_the_common_lines_are_found() -> None:
    before = [f"line {at}" for at in range(30_000)]
    after = [f"{line}!" if at % 3 == 0 else line for at, line in enumerate(before)]
    assert check_lines("\n".join(before), "\n".join(after)).changed == 20_000


def test_very_many_changed_lines_are_shown_in_parts() -> None:
    found = check_lines("", "\n".join(map(str, range(MOST_CHANGED * 2 + 1))))
    assert [(part.first, part.last) for part in found.parts] == [
        (1, 2_000), (2_001, 4_000), (4_001, 4_001),
    ]  # fmt: skip


# --- Invisible characters


@pytest.mark.parametrize(
    "char",
    ["\u200b", "\u200d", "\u202e", "\u2066", "\xa0", "\xad", "\ufeff", "\u3164", "\u115f", "\u2800",
     "\x00", "\x1b", "\r", "\u2028", "\U000e0001", "\U000e0100", "\u034f"],
)  # fmt: skip
def test_what_cannot_be_seen_is_written_out(char: str) -> None:
    assert is_invisible(char)
    assert make_visible(f"a{char}b").isascii()
    first, hidden, last = make_pieces(f"a{char}b")
    assert (first.text, hidden.invisible, last.text) == ("a", True, "b")


@pytest.mark.parametrize("char", ["a", "\n", "\t", " ", "ü", "漢", "😀", "\ufe0f", "é"])
def test_what_can_be_seen_is_not(char: str) -> None:
    assert not is_invisible(char)
    assert make_visible(char) == char


# --- Values

JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), TEXTS,
        st.sampled_from(["", " ", "1", "null", "{}", "[", '"', '"a"', "-", "a.b", "true"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["a", "b", "c.d", "", "[0]"]), inner, max_size=4),
    ),
    max_leaves=12,
)  # fmt: skip


def check_values(before: Any, after: Any, budget: Budget) -> None:
    shown = read_shown(compare_values(before, after, budget))
    assert bool(shown) == (canonical.encode(before) != canonical.encode(after))
    for start, end, is_after in ((before, after, True), (after, before, False)):
        found = put_together(start, shown, is_after=is_after)
        assert canonical.encode(found) == canonical.encode(end)


@given(JSON, JSON, st.sampled_from([0, 10**6]))
@example({"x": {"a": 1}}, {"x": {}}, 0)
@example({"x": {"a": 1}}, {}, 0)
@example([{}], [], 0)
@example({"x": [1]}, {"x": {"a": 1}}, 0)
@example({"x": "a\nb"}, {"x": ""}, 0)
@example({"x": "1"}, {"x": 1}, 0)
@example([[1], [2]], [[2], [1]], 0)
@example({"a": 1}, {"a": 1.0}, 0)
def test_both_values_can_be_put_together_from_the_differences(
    before: Any, after: Any, left: int
) -> None:
    check_values(before, after, Budget(left=left))


@given(JSON)
def test_a_value_that_is_new_or_gone_is_shown_as_a_whole(value: Any) -> None:
    shown = read_shown(find_values(value, Budget(), is_new=True))
    assert canonical.encode(put_together(MISSING, shown, is_after=True)) == canonical.encode(value)
    shown = read_shown(find_values(value, Budget(), is_new=False))
    assert canonical.encode(put_together(MISSING, shown, is_after=False)) == canonical.encode(value)


def test_a_path_leads_to_its_value() -> None:
    before = {"data": {"headers": [{"v": 1}, {"v": 2}], "a.b": 1}}
    after = {"data": {"headers": [{"v": 0}, {"v": 1}, {"v": 3}], "a.b": 2}}
    assert [each.path for each in compare_values(before, after, Budget())] == [
        'data["a.b"]', "data.headers[+0].v", "data.headers[1→2].v",
    ]  # fmt: skip


# --- The page


class _Text(HTMLParser):
    """The text of a page, as a browser has it, with all that is folded."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def read_page(found: Difference) -> str:
    text = _Text()
    text.feed(render_to_string("admin/flows/difference.html", {"difference": found}))
    return "".join(text.parts)


@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json", "real-medium.json"])
def test_a_line_that_is_inserted_in_any_text_of_a_real_flow_is_on_the_page(
    name: str, shared_data: Any
) -> None:
    chance = random.Random(name)
    flows = json.loads((shared_data / name).read_bytes())["flows"]
    for flow in flows if len(flows) < 60 else chance.sample(flows, 60):
        graph = {key: flow.get(key) or [] for key in ("nodes", "edges")}
        texts = [at for at in find_texts(graph) if not {"id", "source", "target"} & set(at)]
        for at in chance.sample(texts, min(3, len(texts))):
            more = " ".join(["word"] * chance.randint(0, 200))
            line = f"{more} inserted {chance.random()} {more}"
            place = chance.randint(0, len(read_text(graph, at)))
            changed = {**flow, **change_text(graph, at, insert_line(line, place))}
            found = compare_contents(
                Kind.FLOW, make_content(Kind.FLOW, flow), make_content(Kind.FLOW, changed)
            )
            assert line in read_page(found)


@given(TEXTS, TEXTS)
def test_the_page_has_both_texts_of_a_field_as_a_whole(before: str, after: str) -> None:
    sides = [
        make_content(Kind.FLOW, {"name": "A", "info": f"{side}\nend", "nodes": [], "edges": []})
        for side in (before, after)
    ]
    page = read_page(compare_contents(Kind.FLOW, *sides))
    if before != after:
        for line in (*before.split("\n"), *after.split("\n")):
            assert make_visible(line) in page


def test_a_text_is_no_markup() -> None:
    sides = [
        make_content(Kind.FLOW, {"name": "A", "nodes": [{"id": "a", "x": text}], "edges": []})
        for text in ("<b>1</b>", "<b>2</b>")
    ]
    html = render_to_string(
        "admin/flows/difference.html", {"difference": compare_contents(Kind.FLOW, *sides)}
    )
    assert not re.search(r"<b>", html)
