"""No text of a file acts in the Markdown of a plan, whoever wrote it.

ZIGGY_MARKDOWN_CASES says how many plans are made up.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.content import canonical
from flows.content.fields import Kind
from flows.content.invisible import has_unseen
from imports.errors import FileInvalid, Issue, PlanRefused
from imports.planfile.markdown.escaping import show_text
from imports.planfile.markdown.refusal_page import format_refusal_markdown
from imports.plans.acknowledgement import find_red_warnings
from imports.plans.plan import Mode
from tests.support.imagined import a_file, planned, stored
from tests.support.markdown_pages import Page, markdown_of
from tests.support.texts_in_values import change_text, find_texts

TAGS = {"p", "strong", "code", "pre", "h3", "ul", "li", "details", "summary", "div"}
ATTRIBUTES = {("code", "class", f"language-{language}") for language in ("diff", "mermaid")}
HOSTILE = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</code></pre></details><h1>x",
    "</summary></details>", "<!-- x", "-->", "<!--", "]]>", "<?php", "<![CDATA[", "&lt;b&gt;",
    "@octocat", "@org/team", "#12", "GH-12", "owner/repo#12", "!12", "~bug", "%5", "$1", "&1",
    "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "https://evil.example/x", "http://x.y",
    "www.evil.example", "someone@evil.example", "mailto:a@b.c", "ftp://x.y/z",
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "[x]: https://x.y",
    "[x][y]", "[^1]", "<https://evil.example>", "# heading", "heading\n===", "---", "> quote",
    "- [x] done", "1. one", "| a | b |\n|---|---|", "*a* **b** __c__ ~~d~~", "    code",
    "`", "``", "```", "````\n", "`a``b`", " ` ", "~~~", "\n```\n\n# out\n\n```", "x\n```",
    "x\r\n```\r\n# out", "x\r# out", "x\u2028# out", "x\x85# out", "x\x0b# out", "x\x0c# out",
    "\\", "\\`", "x\\", "&#64;octocat", "&commat;octocat", ":smile:", "$`x`$", "$$x$$", "/close",
    "x\n/close\n", "[[_TOC_]]", "{+ a +}", "{- a -}", "::: x", "<details open>", "\0", "\ud800",
    '"]; click n1 "javascript:alert(1)"', "n1 --> n2", 'a"]:::x', "%%{init: {}}%%", "end",
    "subgraph x", "fa:fa-car", "#quot;", "#35;", "`**a**`", "classDef x fill:#000", "graph TD",
    "style n1 fill:#f00", 'click n1 href "https://x.y"', "  \n  ", " ", "\t", "", "x" * 300,
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=40),
    st.text(alphabet="`<>&!-#@[]()*_~|\\/:.\n\r\t \"'$%{}=+;^ax1", max_size=40),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=3).map("".join),
)


def fits(text: str) -> bool:
    """Whether a file may have the text."""
    return ("\0" not in text and text.isascii()) or not re.search("[\0\ud800-\udfff]", text)


def is_like_a_plain_one(text: str) -> bool:
    """Whether a plan has no warning because of the text: it names no secret, and all is seen."""
    return fits(text) and not has_unseen(text) and "secrets" not in text


def a_plan(texts: list[str]) -> tuple[Any, list[Any]]:
    """A plan with every kind of part, whose texts are these; and the rows of the server."""
    given = (f"{text[:150]}{number}" for number, text in enumerate(texts))

    def text() -> str:
        return next(given)

    def node(key: str, **data: Any) -> dict[str, Any]:
        return {"id": key, "type": text(), "position": {"x": 1}, "data": {"label": text(), **data}}

    def edges(*ends: tuple[str, str]) -> list[dict[str, str]]:
        return [{"id": f"{a}{b}", "source": a, "target": b} for a, b in ends]

    ids = [text() for _ in range(4)]
    kept = node(ids[0], same="x")
    lines = [text() for _ in range(3)]
    old = [
        kept,
        node(ids[1], one=text(), many="\n".join(["a", *lines[:2], "z"]), empty=""),
        node(ids[2], one=text()),
    ]
    new = [
        {**kept, "position": {"x": 2}},
        {**old[1], "data": {**old[1]["data"], "one": text(), "many": "\n".join(["a", *lines[1:]])}},
        node(ids[3], text=text(), **{"key of it": {text(): [text()]}}),
    ]
    flow_name, connection_name = text(), text()
    rows = [
        stored(
            Kind.FLOW, uuid(1), flow_name, info=text(), nodes=canonical.encode(old),
            edges=canonical.encode(edges((ids[0], ids[1]), (ids[1], ids[2]))),
        ),
        stored(Kind.CONNECTION, uuid(2), connection_name, description=text()),
        stored(Kind.SECRET, uuid(3), "TOKEN", description=text()),
    ]  # fmt: skip
    changed = {
        "uuid": uuid(1), "name": text(), "info": text(), "nodes": new, "timeout": 7,
        "edges": edges((ids[0], ids[1]), (ids[1], ids[3])),
    }  # fmt: skip
    created = {"uuid": uuid(4), "name": text(), "nodes": [node("a")], "edges": []}
    document = a_file(
        flows=[changed, created],
        connections=[{"uuid": uuid(2), "name": connection_name, "description": text()}],
        secrets=[{"uuid": uuid(3), "name": "TOKEN", "description": f"{text()}\n{text()}"}],
    )
    return planned(document, *rows, mode=Mode.OVERWRITE), rows


NEEDED = 40
"""So many texts, and not more, are in a plan."""


def uuid(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


PLAIN = ["x"] * NEEDED


def outline(texts: list[str]) -> list[str]:
    plan, rows = a_plan(texts)
    return Page(markdown_of(plan, *rows)).outline


@given(st.lists(texts.filter(is_like_a_plain_one), min_size=NEEDED, max_size=NEEDED))
def test_all_but_code_is_the_same_whatever_the_texts_are(texts):
    """Tags, attributes, comments, and every word that is in no code: the plan's shape says them."""
    assert outline(texts) == outline(PLAIN)


@pytest.mark.parametrize("hostile", [each for each in HOSTILE if is_like_a_plain_one(each)])
def test_all_but_code_is_the_same_where_every_text_is(hostile):
    assert outline([hostile] * NEEDED) == outline(PLAIN)


def test_all_but_code_is_the_same_whatever_the_naughty_string(shared_data):
    naughty = json.loads((shared_data / "naughty-strings.json").read_text())
    fit = [text for text in naughty if is_like_a_plain_one(text)]
    assert len(fit) > 400
    expected = outline(PLAIN)
    for start in range(0, len(fit), NEEDED):
        part = fit[start : start + NEEDED]
        assert outline([*part, *PLAIN[len(part) :]]) == expected


def check_words(text: str) -> None:
    """Nothing but our own tags and words is beside code."""
    page = Page(text)
    assert set(page.tags) <= TAGS
    assert page.attributes <= ATTRIBUTES
    assert set(re.findall(r"\w+", page.words)) - WORDS == set()
    assert set(page.words) <= set(" \n.,:()") | set(map(chr, range(48, 58))) | set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    ) | {"\N{WARNING SIGN}"}


WORDS = set(
    re.findall(
        r"\w+",
        """
        production to create overwrite duplicate skip unchanged ambiguous left out red warning
        warnings Import of flow flows connection connections secret secrets as node nodes edge edges
        changed added removed moved code in Red Other To be acknowledged before the import Refused
        refused more and Not all it fits here items shown part without what changes only counted The whole
        plan have characters that are not seen name a value yet would send one their its this kind
        cannot by imported change problem problems line lines picture order differs Only no so
        matched uuids were edited on server since last imports older than was is renamed share with
        others brought back deleted dangling references while keep using old names
        """,
    )
) | {str(number) for number in range(10_000)}


@given(st.lists(texts.filter(fits), min_size=NEEDED, max_size=NEEDED))
def test_beside_code_are_only_our_own_tags_and_words(texts):
    plan, rows = a_plan(texts)
    check_words(markdown_of(plan, *rows, unacknowledged=find_red_warnings(plan)))


@given(texts, texts, texts, texts)
def test_a_refusal_has_only_our_own_tags_and_words(path, message, code, source):
    issues = [Issue(code=code, path=path, message=message, name=path)] * 2
    for refusal in (FileInvalid(code, message, issues), FileInvalid(code, message)):
        text = format_refusal_markdown(server="production", source=source, refusal=refusal)
        check_words(text)
        assert text.count("\n<!--") == 0


@given(texts, texts)
def test_the_marker_is_one_line_and_is_not_shown(server, source):
    plan, rows = a_plan(PLAIN)
    first, _, rest = markdown_of(plan, *rows, source=source).partition("\n")
    assert re.fullmatch(r"<!-- ziggy-plan server=[\w.~%]* source=[\w.~%]* -->", first, re.ASCII)
    assert rest.startswith("\n**production**: ")


@given(st.lists(texts.filter(fits), min_size=NEEDED, max_size=NEEDED))
@example(["x"] * 14 + ["@octocat"] + ["x"] * 25)
def test_the_name_of_an_item_can_be_read(texts):
    plan, rows = a_plan(texts)
    page = Page(markdown_of(plan, *rows))
    for change in plan:
        if change.writes:
            # As everywhere in HTML, several spaces are shown as one.
            shown = [" ".join(code.split()) for code in page.codes]
            assert " ".join(show_text(change.item.name).split()) in shown


LINES = (
    r"flowchart LR",
    r'  n\d+\["([\w ]|#\d+;)*"\](:::(added|removed|changed))?',
    r"  n\d+ (-->|==>|-\.->) n\d+",
    r"  classDef (added|removed|changed) [a-z0-9#:,\- ]+",
)


@given(st.lists(texts.filter(fits), min_size=NEEDED, max_size=NEEDED))
def test_a_picture_has_no_line_but_nodes_with_quoted_labels_and_edges(texts):
    plan, rows = a_plan(texts)
    pictures = [
        code for code in Page(markdown_of(plan, *rows)).codes if code.startswith("flowchart LR\n")
    ]
    assert pictures
    for picture in pictures:
        for line in picture.removesuffix("\n").split("\n"):
            assert any(re.fullmatch(pattern, line) for pattern in LINES), line


@given(st.lists(texts.filter(fits), min_size=NEEDED, max_size=NEEDED))
def test_each_line_of_a_difference_begins_with_a_sign(texts):
    plan, rows = a_plan(texts)
    page = Page(markdown_of(plan, *rows))
    for code in page.codes:
        if code.endswith("\n") and not code.startswith("flowchart LR\n"):
            lines = code.removesuffix("\n").split("\n")
            assert all(re.match(r"[+\-! ]|@@ ", line) for line in lines)


def test_a_real_file_that_holds_naughty_texts_has_only_our_own_tags_and_words(shared_data):
    naughty = json.loads((shared_data / "naughty-strings.json").read_text())
    flows = json.loads((shared_data / "real-small.json").read_text())["flows"]
    for number, text in enumerate(naughty):
        item = flows[number % len(flows)]
        if places := [*find_texts(item.get("nodes") or [])]:
            place = places[number % len(places)]
            item["nodes"] = change_text(item["nodes"], place, lambda _, text=text: text)
    plan = planned(a_file(flows=flows), mode=Mode.OVERWRITE)
    check_words(markdown_of(plan))


def test_a_refused_plan_says_why_in_code():
    plan, rows = a_plan(PLAIN)
    issue = Issue(code="ambiguous-name", path="flows[0]", message="@octocat: # x\n- y")
    text = markdown_of(plan, *rows, refusal=PlanRefused("ambiguous-name", "x", [issue]))
    assert "### Refused: `ambiguous-name`\n\n- `flows[0]`: `@octocat: # x\\n- y`\n\n" in text
    check_words(text)
