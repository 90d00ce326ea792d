"""An item is warned of for characters that its texts hide, wherever in it they are."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content.fields import Kind
from imports.exportfile.document import parse
from imports.exportfile.warnings import WarningCode
from imports.plans.plan import Mode
from tests.support.imagined import a_file, planned, stored
from tests.support.uuids import ONE

FLOW, CONNECTION = Kind.FLOW, Kind.CONNECTION
CODE = WarningCode.INVISIBLE_CHARACTERS


def warnings_of(plan):
    return [one for change in plan for one in change.all_warnings if one.code == CODE]


def places_of(plan):
    return [
        (place["path"], place["characters"])
        for warning in warnings_of(plan)
        for place in warning.data["places"]
    ]


def of_flow(*rows, mode=Mode.OVERWRITE, **values):
    return planned(a_file(flows=[{"uuid": ONE, "name": "A", **values}]), *rows, mode=mode)


def node(code, **more):
    return {"id": "n1", "type": "code", "data": {"code": code}, **more}


def as_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


OVERRIDE = "U+202E RIGHT-TO-LEFT OVERRIDE"
ZERO_WIDTH = "U+200B ZERO WIDTH SPACE"
SEPARATOR = "U+2028 LINE SEPARATOR"


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"name": "A\u2028B"}, [("name", [SEPARATOR])]),
        ({"info": "a\u00a0b"}, []),
        ({"info": "a\u200bb\u2028\ufeff\u202ec"}, [("info", [OVERRIDE])]),
        ({"tags": ["x", "\u202ey"]}, [("tags[1]", [OVERRIDE])]),
        ({"queueUuid": "\u202e"}, [("queueUuid", [OVERRIDE])]),
        (
            {"nodes": [node("a = b\u202e;\nc\u200bd\u00a0= 1")]},
            [("nodes[0].data.code", [OVERRIDE, ZERO_WIDTH])],
        ),
        ({"nodes": [node("x", **{"k\u200b": 1})]}, [('nodes[0]["k\\u200b"]', [ZERO_WIDTH])]),
        ({"unknown": {"a": ["\u202e"]}}, [("unknown.a[0]", [OVERRIDE])]),
        (
            {"edges": [{"id": "e", "source": "\u200b", "target": "b"}]},
            [("edges[0].source", [ZERO_WIDTH])],
        ),
        ({"info": "👷\u200d♂️ می\u200cخواهم"}, []),
        ({"nodes": [node("a\r\n\tb\x07")]}, []),
    ],
)
def test_the_places_of_a_new_item(values, places):
    assert places_of(of_flow(**values)) == places


def test_it_is_red_and_says_where():
    (warning,) = warnings_of(of_flow(nodes=[node("if (a\u202e)")]))
    assert warning.is_serious
    assert warning.text == (
        "reads as something else than it is, by characters that are not seen and are new here: "
        f"{OVERRIDE} in nodes[0].data.code"
    )


def test_what_lies_is_told_apart_from_what_is_only_not_seen():
    code = "if (a\u202e) {}\nx = '\ufeff'"
    lies, unseen = warnings_of(of_flow(nodes=[node(code, label="\u202eB")], info="\u202e"))
    assert (lies.is_serious, unseen.is_serious) == (True, False)
    assert [place["path"] for place in lies.data["places"]] == ["nodes[0].data.code"]
    assert [place["path"] for place in unseen.data["places"]] == [
        *("info", "nodes[0].data.code", "nodes[0].label"),
    ]


def test_where_the_same_characters_lie_and_where_not():
    """In code, a connection's values, names and keys they lie; in what people read they do not."""
    flip, inside = "a = \u202eb", "pay\u200bpal"

    def is_red(kind, **values):
        item = {"uuid": ONE, "name": "KEY", **values}
        found = warnings_of(planned(a_file(**{f"{kind}s": [item]}), mode=Mode.OVERWRITE))
        return any(warning.is_serious for warning in found)

    red = {
        "code": is_red("flow", nodes=[node(flip)]),
        "identifier": is_red("flow", nodes=[node(f"{inside}()")]),
        "node id": is_red("flow", nodes=[{"id": inside}]),
        "key": is_red("flow", nodes=[{inside: 1}]),
        "flow name": is_red("flow", name=flip),
        "queue": is_red("flow", queueUuid=inside),
        "tag": is_red("flow", tags=[inside]),
        "host": is_red("connection", devValue=f"{{ host: '{inside}.example.com' }}"),
        "value": is_red("connection", prodValue="just \u202etext"),
        "secret name": is_red("secret", name="K\u200dEY"),
    }
    assert red == dict.fromkeys(red, True)
    prose = {
        "label": is_red("flow", nodes=[{"data": {"label": flip}}]),
        "prompt": is_red("flow", nodes=[{"data": {"systemMessage": f"{flip}; {inside}"}}]),
        "html": is_red("flow", nodes=[{"data": {"html": f"<b>{inside}</b>{flip}"}}]),
        "sentence": is_red("flow", nodes=[{"data": {"value": "مرحبا \u202bعالم\u202c there"}}]),
        "info": is_red("flow", info=f"{flip} {inside}"),
        "description": is_red("connection", description=flip),
        "flow name with a zero width": is_red("flow", name=inside),
        "emoji, BOM and spaces": is_red("flow", nodes=[node("\ufeff'👷\u200d♂️';\u00a0b = 1")]),
    }
    assert prose == dict.fromkeys(prose, False)


def test_of_many_places_the_first_are_kept_and_all_are_counted():
    (warning,) = warnings_of(of_flow(tags=[f"{number}\u200b" for number in range(50)]))
    assert len(warning.data["places"]) == 20
    assert warning.data["more"] == 30
    assert warning.text.endswith("in tags[2]; and in 47 more places")


def test_a_connection_that_hides_another_host():
    item = {"uuid": ONE, "name": "A", "devValue": "{ host: 'pay\u200bpal.example.com' }"}
    plan = planned(a_file(connections=[item]), mode=Mode.OVERWRITE)
    assert places_of(plan) == [("devValue", [ZERO_WIDTH])]


class TestOfARow:
    """What the row has in the same place is no news; what is elsewhere in it is."""

    HERE = "a\u200bx = 1\nb = 2"

    def of_code(self, code, *, here=HERE, mode=Mode.OVERWRITE, **values):
        row = stored(FLOW, ONE, "A", nodes=as_json([node(here)]))
        return of_flow(row, mode=mode, **{"nodes": [node(code)], **values})

    def test_the_same_line_with_changes_elsewhere_is_known(self):
        assert warnings_of(self.of_code("a\u200bx = 1\nb = 3")) == []

    def test_unchanged_is_known(self):
        assert warnings_of(self.of_code(self.HERE)) == []

    def test_another_field_is_changed(self):
        assert warnings_of(self.of_code(self.HERE, timeout=3)) == []

    @pytest.mark.parametrize(
        "code",
        [
            "a\u200bx = 2\nb = 2",  # the line is another one
            "a\u200bx = 1\na\u200bx = 1",  # it stands there twice
            "a\u200bx = 1\nb\u200bx = 2",
            "a\u202e= 1\nb = 2",
        ],
    )
    def test_another_line_is_news(self, code):
        assert len(warnings_of(self.of_code(code))) == 1

    def test_the_same_node_elsewhere_in_the_list_is_known(self):
        other = {"id": "n0", "type": "code", "data": {}}
        assert warnings_of(self.of_code("", nodes=[other, node(self.HERE)])) == []

    def test_the_same_text_in_another_node_is_news(self):
        moved = {**node(self.HERE), "id": "n2"}
        assert places_of(self.of_code("", nodes=[moved])) == [("nodes[0].data.code", [ZERO_WIDTH])]

    def test_what_is_skipped_says_nothing(self):
        assert warnings_of(self.of_code("x\u202e", mode=Mode.SKIP)) == []

    def test_a_copy_says_it(self):
        assert len(warnings_of(self.of_code("x\u202e", mode=Mode.DUPLICATE))) == 1


PARTS = st.sampled_from(["a", " ", "\n", "\u00a0", "\u202e", "\u200b", "é", "👷", "\u200d", "🦱"])
TEXTS = st.lists(PARTS, max_size=12).map("".join)


@given(TEXTS, TEXTS)
@example("a\n\u202e", "\u202e\na")
def test_a_line_that_hides_something_is_told_of_unless_it_is_here(here, there):
    row = stored(FLOW, ONE, "A", nodes=as_json([node(here)]))
    found = warnings_of(of_flow(row, nodes=[node(there)]))
    new = [
        line
        for line in there.split("\n")
        if line not in here.split("\n") and {*line} & {"\u202e", "\u200b"}
    ]
    assert not new or found
    if here == there:
        assert not found


def test_how_many_items_of_real_files_are_warned_of(shared_data):
    """Few enough to be read."""
    counts = {}
    for name in ("real-small", "real-medium", "real-odd"):
        document = parse((shared_data / f"{name}.json").read_bytes(), max_bytes=10**9)
        warned = [item for item in document if any(one.code == CODE for one in item.own_warnings)]
        counts[name] = (len(warned), sum(1 for _ in document))
    assert counts == {"real-small": (0, 72), "real-medium": (0, 739), "real-odd": (0, 280)}
