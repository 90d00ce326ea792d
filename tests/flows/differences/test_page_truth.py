"""The page of a difference is the whole truth: each side can be put together from its own text.

ZIGGY_DIFFERENCE_CASES says how many flows are made up; ZIGGY_DIFFERENCE_EVERY, of the texts of the
real flows, how many are left out between two that are changed: 1 changes each of them.
"""

import json
import os
import random
from collections.abc import Callable
from typing import Any

import pytest
from django.template.loader import render_to_string
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import FIELDS, Kind, Shape
from flows.differences.graphs.graph import read_graph
from flows.differences.masking import Masks
from flows.differences.values import compare_contents
from tests.support.difference_page import (
    MISSING,
    ShownField,
    ShownPart,
    parse_page,
    put_together,
    read_fields,
    read_parts,
)
from tests.support.texts_in_values import change_text, find_texts, make_content

EVERY = int(os.environ.get("ZIGGY_DIFFERENCE_EVERY", "600"))

Content = dict[str, Any]


def check_page(kind: Kind, before: Content, after: Content) -> None:
    """Put the side after the change together from the one before and the page, and back."""
    found = compare_contents(kind, before, after)
    page = parse_page(render_to_string("admin/flows/difference.html", {"difference": found}))
    fields = {field.key: field for field in read_fields(page)}
    for is_after, start, end in ((True, before, after), (False, after, before)):
        if kind is Kind.FLOW:
            _check_graph(start, end, read_parts(page), is_after=is_after)
        for field in FIELDS[kind]:
            if kind is Kind.FLOW and field.column in ("nodes", "edges"):
                continue
            shown = fields.get(field.key)
            value = _read_field(field.shape, start[field.column], shown, is_after=is_after)
            assert value == _present(field.shape, end[field.column]), field.key


def _check_graph(start: Content, end: Content, parts: list[ShownPart], *, is_after: bool) -> None:
    one, other = (
        read_graph(*(str(side[column] or "[]") for column in ("nodes", "edges")))
        for side in (start, end)
    )
    for part in ("node", "edge"):
        old, new = (
            {each.key: dict(each.value) for each in getattr(side, f"{part}s")}
            for side in (one, other)
        )
        for shown in parts:
            if shown.part == part:
                value = put_together(old.get(shown.key, MISSING), shown.values, is_after=is_after)
                old[shown.key] = value
        old = {key: value for key, value in old.items() if value is not MISSING}
        assert canonical.encode(old) == canonical.encode(new)


def _present(shape: Shape, value: Any) -> Any:
    """A field's value as a page shows it; a document as canonical text."""
    if value is None or shape.is_document:
        return value
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _read_field(shape: Shape, value: Any, shown: ShownField | None, *, is_after: bool) -> Any:
    if shown is None:
        return _present(shape, value)
    if shape.is_document:
        start = MISSING if value is None else canonical.decode(value)
        found = put_together(start, shown.values, is_after=is_after)
        return None if found is MISSING else canonical.encode(found)
    side = shown.after if is_after else shown.before
    return None if side is MISSING else side


# --- Made-up flows

TEXTS = st.text(
    st.sampled_from(
        [*"ab c=;\\<&\"'", "\n", "\n", "\r", "\t", "\u200b", "\u202e", "\xa0", "ü", "😀"]
    ),
    max_size=30,
)
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-3, 3), st.floats(-2, 2), TEXTS,
        st.sampled_from(["", " ", "1", "null", "{}", "[", '"', "not there", "all of it"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "c.d", "", "[0]", "ä b", "\u200b", "\\u200b", "\U000e0001", "\n"]), inner, max_size=3),
    ),
    max_leaves=8,
)  # fmt: skip
PARTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["a", "b", "c", "", None, 1]),
            "type": st.sampled_from(["code", "note"]),
            "data": JSON,
            "position": st.fixed_dictionaries({"x": st.integers(0, 9), "y": st.integers(0, 9)}),
            "source": st.sampled_from(["a", "b", "x"]),
            "target": st.sampled_from(["a", "b", "x"]),
        },
    ),
    max_size=4,
)
FLOWS = st.fixed_dictionaries(
    {"name": st.just("F"), "nodes": PARTS, "edges": PARTS},
    optional={
        "info": st.one_of(st.none(), TEXTS),
        "timeout": st.one_of(st.none(), st.integers(0, 3)),
        "isValid": st.one_of(st.none(), st.booleans()),
        "tags": st.lists(TEXTS, max_size=3),
        "viewport": st.dictionaries(st.sampled_from(["x", "y"]), JSON, max_size=2),
    },
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two states of a flow: one and another, or one with a few values changed."""
    before = draw(FLOWS)
    if draw(st.booleans()):
        return before, draw(FLOWS)
    after = json.loads(json.dumps(before))
    for part in after["nodes"] + after["edges"]:
        if draw(st.booleans()):
            part["data"] = draw(JSON)
    return before, after


@given(pairs())
@example(
    (
        {"name": "F", "nodes": [{"id": "a", "data": [{"b": 2}]}], "edges": []},
        {"name": "F", "nodes": [{"id": "a", "data": [{"a": 1}, {"b": 2}]}], "edges": []},
    )
)
@example(
    (
        {"name": "F", "nodes": [{"id": "a", "data": [{"b": 2}]}], "edges": []},
        {"name": "F", "nodes": [{"id": "a", "data": [{"a": 1, "b": 2}]}], "edges": []},
    )
)
@example(
    tuple(
        {"name": "F", "nodes": [{"id": "a", "data": {"a": text}}], "edges": []}
        for text in ("NaN", "-Infinity")
    )
)
@example(tuple({"name": "F", "info": "\n" * 9 + text, "nodes": [], "edges": []} for text in "ab"))
def test_both_sides_can_be_put_together_from_the_page(
    pair: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    check_page(Kind.FLOW, *(make_content(Kind.FLOW, side) for side in pair))


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_of_a_connection_both_sides_are_there_as_they_are_masked(
    description: str, other: str, value: str, other_value: str
) -> None:
    before, after = (
        make_content(Kind.CONNECTION, {"name": "C", "description": text, "devValue": setting})
        for text, setting in ((description, f"x{value}"), (other, f"y{other_value}"))
    )
    masks = Masks()
    masked = [masks.mask_credentials(str(side["dev_value"])) for side in (before, after)]
    sides = [
        {**side, "dev_value": text} for side, text in zip((before, after), masked, strict=True)
    ]
    check_page(Kind.CONNECTION, *sides)


# --- Real flows


def make_change(chance: random.Random) -> Callable[[str], str]:
    """What changes a text at a random place."""

    def change(text: str) -> str:
        place, word = chance.randint(0, len(text)), chance.choice(WORDS)
        return f"{text[:place]}{word}{text[place + chance.randint(0, 3) :]}"

    return change


WORDS = ["x", "\n", "\u200b", " a\nb ", "<"]


@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json", "real-medium.json"])
def test_any_text_of_a_real_flow_that_is_changed_anywhere_is_on_the_page(
    name: str, shared_data: Any
) -> None:
    chance = random.Random(name)
    number = chance.randrange(EVERY)
    for flow in json.loads((shared_data / name).read_bytes())["flows"]:
        before = make_content(Kind.FLOW, flow)
        for at in find_texts({key: flow.get(key) for key in ("nodes", "edges", "info", "tags")}):
            number += 1
            if number % EVERY:
                continue
            after = make_content(Kind.FLOW, {**flow, **change_text(flow, at, make_change(chance))})
            check_page(Kind.FLOW, before, after)
