"""The whole text of a plan leaves no change out, and of what may be a credential nothing is in it."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import FIELDS, Kind
from flows.differences.pieces import make_visible
from imports.plans.plan import Mode
from tests.support.imagined import a_file, planned, stored
from tests.support.plan_texts import full_text
from tests.support.texts_in_values import Path, change_text, find_texts, insert_line, read_text
from tests.support.uuids import ONE

CHARACTERS = st.sampled_from(
    [*'ab c=;\\"', "\n", "\n", "\r", "\t", "\x1b", "\x9b", "\u200b", "\u202e", "\xa0", "ü", "😀"]
)
TEXTS = st.text(CHARACTERS, max_size=60)
KEYS = st.sampled_from(["a", "b", "c.d", "", "[0]", "code", "a\nb"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)
NODES = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["1", "2", "3"]), "data": TREES},
        optional={"position": st.dictionaries(st.sampled_from("xy"), VALUES, max_size=2)},
    ),
    min_size=1,
    max_size=3,
)
EDGES = st.lists(
    st.fixed_dictionaries({"source": st.sampled_from("12"), "target": st.sampled_from("12")},
                          optional={"label": TEXTS, "data": TREES}),
    max_size=2,
)  # fmt: skip
FLOWS = st.fixed_dictionaries(
    {"name": TEXTS, "info": TEXTS, "tags": st.lists(TEXTS, max_size=3), "nodes": NODES,
     "edges": EDGES, "viewport": TREES, "more": VALUES}
)  # fmt: skip
LINES = st.text(CHARACTERS.filter(lambda char: char != "\n"), min_size=1, max_size=30)


def make_columns(kind: Kind, item: dict[str, Any]) -> dict[str, Any]:
    """The columns of a row that has the content of this item of a file."""
    fields = {field.key: field for field in FIELDS[kind]}
    columns: dict[str, Any] = {
        fields[key].column: canonical.encode(value) if fields[key].shape.is_document else value
        for key, value in item.items()
        if key in fields and key != "name"
    }
    extra = {key: value for key, value in item.items() if key not in fields}
    return {**columns, "extra": canonical.encode(extra)}


def find_changeable(value: Any) -> list[Path]:
    """The paths of all texts of a value, but those by which nodes are told apart, and names."""
    return [at for at in find_texts(value) if at[-1] not in {"id", "source", "target", "name"}]


def insert(value: Any, at: Path, place: int, line: str) -> Any:
    """A copy of the value with the line in the text at that path."""
    return change_text(value, at, insert_line(line, place % (len(read_text(value, at)) + 1)))


def plan_of(kind: Kind, before: dict[str, Any] | None, after: dict[str, Any]) -> Any:
    """The plan of a file with the item, and the row that it overwrites, if any."""
    rows = []
    if before is not None:
        rows = [stored(kind, ONE, before["name"], **make_columns(kind, before))]
    document = a_file(**{kind.plural: [{"uuid": ONE, **after}]})
    return planned(document, *rows, mode=Mode.OVERWRITE), rows


def text_of(kind: Kind, before: Any, after: Any, *, whole: bool = True) -> str:
    plan, rows = plan_of(kind, before, after)
    return full_text(plan, *rows, whole=whole).plain


def is_harmless(text: str) -> bool:
    return all(char.isprintable() or char in "\n\t" for char in text)


@given(FLOWS, LINES, st.integers(0, 60), st.booleans(), st.data())
def test_a_line_that_is_inserted_into_any_text_is_in_the_plan(
    flow: Any, line: str, place: int, whole: bool, data: Any
) -> None:
    at = data.draw(st.sampled_from(find_changeable(flow)))
    changed = insert(flow, at, place, line)
    text = text_of(Kind.FLOW, flow, changed, whole=whole)
    assert make_visible(line) in text
    assert is_harmless(text)


@given(FLOWS)
def test_every_line_of_a_new_flow_is_in_the_whole_plan(flow: Any) -> None:
    text = text_of(Kind.FLOW, None, flow)
    for at in find_changeable({key: flow[key] for key in ("nodes", "edges", "info")}):
        value = read_text(flow, at)
        for line in value.split("\n") if "\n" in value else ():
            assert make_visible(line) in text
    assert is_harmless(text)


@pytest.mark.parametrize("name", ["real-small.json", "real-odd.json", "real-medium.json"])
def test_a_line_that_is_inserted_into_any_text_of_a_real_item_is_in_the_plan(
    name: str, shared_data: Any
) -> None:
    chance = random.Random(name)
    flows = json.loads((shared_data / name).read_bytes())["flows"]
    for flow in flows if len(flows) < 60 else chance.sample(flows, 60):
        texts = find_changeable(flow)
        graph = [at for at in texts if at[0] in {"nodes", "edges"} and "position" not in at]
        for at in chance.sample(graph, min(3, len(graph))):
            line = " ".join(["word"] * chance.randint(0, 200)) + f" {chance.random()}"
            changed = insert(flow, at, chance.randint(0, 10**6), line)
            for whole in (True, False):
                plan, rows = plan_of(Kind.FLOW, flow, {**changed, "uuid": ONE})
                assert line in full_text(plan, *rows, whole=whole).plain


# Letters that no other text of a plan has.
CREDENTIALS = st.text("\u0394\u0398\u039b\u039e\u03a6\u03a8\u03a9", min_size=1, max_size=20)
VALUES_WITH_A_CREDENTIAL = st.sampled_from(
    [
        "{{ host: 'api.example.com', password: '{}' }}",
        '{{"url": "https://example.com", "apiKey": "{}"}}',
        "password: {}\nhost: example.com",
        "postgres://user:{}@db.example.com/name",
        "{{ headers: {{ Authorization: 'Bearer {}' }},\n  token: secrets.KEY }}",
    ]
)


@given(CREDENTIALS, CREDENTIALS, VALUES_WITH_A_CREDENTIAL, VALUES_WITH_A_CREDENTIAL)
def test_of_what_may_be_a_credential_no_character_is_in_the_plan(
    old: str, new: str, before: str, after: str
) -> None:
    sides = [
        {"name": "Mail", "devValue": text.format(each), "more": {"password": each}}
        for text, each in ((before, old), (after, new))
    ]
    if sides[0] == sides[1]:
        return
    for row in (sides[0], None):
        for whole in (True, False):
            text = text_of(Kind.CONNECTION, row, sides[1], whole=whole)
            assert not set(old + new) & set(text)
            assert row is None or "devValue" in text
