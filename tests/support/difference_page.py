"""Reads the page of a difference as a person does: from its own text alone, with all that is folded."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

MISSING: Any = object()
_VOID = {"input", "br", "hr", "img", "meta", "link"}
_STEP = re.compile(
    r"\.?(?P<key>[A-Za-z_$][\w$-]*)"
    r"|\[(?P<quoted>\"(?:[^\"\\]|\\.)*\")\]"
    r"|\[(?P<at>\d+)\]|\[\+(?P<new>\d+)\]|\[-(?P<gone>\d+)\]|\[(?P<old>\d+)→(?P<now>\d+)\]"
)


@dataclass
class Element:
    """An element of a page, with its elements and texts in order."""

    name: str
    classes: tuple[str, ...] = ()
    inner: list["Element | str"] = field(default_factory=list)

    @property
    def elements(self) -> list["Element"]:
        return [each for each in self.inner if isinstance(each, Element)]

    def find(self, selector: str) -> Iterator["Element"]:
        """The elements of a name or a `.class` in it, in order; not those inside of a found one."""
        for each in self.elements:
            if each.name == selector or selector.removeprefix(".") in each.classes:
                yield each
            else:
                yield from each.find(selector)

    def first(self, selector: str) -> "Element | None":
        return next(self.find(selector), None)

    @property
    def text(self) -> str:
        """Its text. A character that is told by its number is that character."""
        text = "".join(each if isinstance(each, str) else each.text for each in self.inner)
        if "invisible" in self.classes:
            return chr(int(text.removeprefix("\\").lstrip("uU"), 16))
        return text


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, tuple((dict(attrs).get("class") or "").split()))
        self.open[-1].inner.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].name == tag, f"</{tag}> ends a <{self.open[-1].name}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open[-1].name == "pre" and not self.open[-1].inner:
            data = data.removeprefix("\n")  # as a browser does
        self.open[-1].inner.append(data)


def parse_page(html: str) -> Element:
    """The page's elements. Fails where one is not closed."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    (page,) = parser.open
    return page


Step = str | tuple[int | None, int | None]


@dataclass(frozen=True)
class ShownValue:
    """A row of a table of values: where it is, and its two sides; MISSING where there is none."""

    steps: tuple[Step, ...]
    before: Any
    after: Any


@dataclass(frozen=True)
class ShownPart:
    """A changed node or edge."""

    part: str
    key: str
    status: str
    values: tuple[ShownValue, ...]


@dataclass(frozen=True)
class ShownField:
    """A field: its two texts, or the values of its document."""

    key: str
    before: Any = MISSING
    after: Any = MISSING
    values: tuple[ShownValue, ...] = ()


def read_parts(page: Element) -> list[ShownPart]:
    """The nodes and edges that the page has as changed or moved."""
    return [_read_part(each) for each in page.find(".difference-change")]


def _read_part(details: Element) -> ShownPart:
    summary = details.first("summary")
    key = details.first(".difference-key")
    assert summary
    assert key
    what = summary.first(".difference-what")
    assert what
    part, status = what.text.split()[-2:]
    tables = [row for table in details.find(".value-diff") for row in read_values(table)]
    name = key.first(".difference-text")
    return ShownPart(
        part=part.removesuffix(","),
        key=name.text if name else "",
        status=status,
        values=tuple(tables),
    )


def read_fields(page: Element) -> list[ShownField]:
    """The fields that the page has as changed."""
    return [_read_field(each) for each in page.find(".difference-field")]


def _read_field(element: Element) -> ShownField:
    title = element.first("h4")
    assert title
    key = title.text
    if table := element.first(".value-diff"):
        return ShownField(key, values=tuple(read_values(table)))
    if element.first(".line-diff"):
        before, after = read_lines(element)
        return ShownField(
            key,
            MISSING if element.first(".nothing-before") else before,
            MISSING if element.first(".nothing-after") else after,
        )
    sides = []
    for name in ("removed", "added"):
        side = element.first("dl").first(f".{name}")  # type: ignore[union-attr]
        shown = side and side.first("dd")
        text = shown and shown.first(".difference-text")
        word = shown.first("em") if shown and not text else None
        sides.append(text.text if text else "" if word and word.text == "empty" else MISSING)
    return ShownField(key, *sides)


def read_values(table: Element) -> Iterator[ShownValue]:
    """The rows of a table of values."""
    (body,) = [each for each in table.elements if each.name == "tbody"]
    rows = iter(body.elements)
    for row in rows:
        steps = parse_path(row.elements[0].first("code").text)  # type: ignore[union-attr]
        if "value-lines" in row.classes:
            status = row.elements[0].first(".difference-what").text  # type: ignore[union-attr]
            before, after = read_lines(next(rows))
            yield ShownValue(
                steps,
                MISSING if status == "added" else before,
                MISSING if status == "removed" else after,
            )
        else:
            before, after = (_read_side(cell) for cell in row.elements[1:])
            yield ShownValue(steps, before, after)


def _read_side(cell: Element) -> Any:
    if shown := cell.first(".difference-text"):
        return read_value(shown.text)
    return MISSING


def read_value(text: str) -> Any:
    """The value that a text shows: JSON, or a text that is none."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(word: str) -> Any:
    """Python reads NaN and Infinity, which are no JSON."""
    raise ValueError(word)


def read_lines(element: Element) -> tuple[str, str]:
    """Both texts of a comparison by lines."""
    old: list[str] = []
    new: list[str] = []
    for table in element.find(".line-diff"):
        for row in next(each for each in table.elements if each.name == "tbody").elements:
            if "fold" in row.classes:
                folded = row.first("pre")
                assert folded
                lines = folded.text.split("\n")
                old += lines
                new += lines
                continue
            text = row.elements[-1].text
            if "added" not in row.classes:
                old.append(text)
            if "removed" not in row.classes:
                new.append(text)
    return "\n".join(old), "\n".join(new)


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps that a path shows."""
    if path == "all of it":
        return ()
    steps: list[Step] = []
    place = 0
    while place < len(path):
        found = _STEP.match(path, place)
        assert found, path
        place = found.end()
        steps.append(_make_step(found))
    return tuple(steps)


def _make_step(found: re.Match[str]) -> Step:
    if found["key"] is not None:
        return found["key"]
    if found["quoted"] is not None:
        return str(json.loads(found["quoted"]))
    if found["at"] is not None:
        return int(found["at"]), int(found["at"])
    if found["new"] is not None:
        return None, int(found["new"])
    if found["gone"] is not None:
        return int(found["gone"]), None
    return int(found["old"]), int(found["now"])


def put_together(value: Any, shown: Sequence[ShownValue], *, is_after: bool) -> Any:
    """The side after the change (or before it), from the other one and what is shown."""
    sides = [(each.steps, each.before, each.after) for each in shown]
    if not is_after:
        sides = [
            (tuple(step if isinstance(step, str) else step[::-1] for step in steps), after, before)
            for steps, before, after in sides
        ]
    return _apply(value, sides)


Side = tuple[tuple[Step, ...], Any, Any]


def _apply(value: Any, sides: list[Side]) -> Any:
    own = [after for steps, _, after in sides if not steps]
    if own:
        value = next((after for after in own if after is not MISSING), MISSING)
        if value is not MISSING:  # what is told below it was an object or a list, and is gone
            return value
    below = [side for side in sides if side[0]]
    keyed = [side for side in below if isinstance(side[0][0], str)]
    placed = [side for side in below if not isinstance(side[0][0], str)]
    found = [
        *([_apply_to_object(value if isinstance(value, dict) else {}, keyed)] if keyed else ()),
        *([_apply_to_list(value if isinstance(value, list) else [], placed)] if placed else ()),
    ]
    return next((each for each in found if each is not MISSING), MISSING) if found else value


def _apply_to_object(found: dict[str, Any], sides: list[Side]) -> Any:
    found = dict(found)
    for key in dict.fromkeys(steps[0] for steps, _, _ in sides):
        inner = [(steps[1:], before, after) for steps, before, after in sides if steps[0] == key]
        found[str(key)] = _apply(found.get(str(key), MISSING), inner)
    return {key: each for key, each in found.items() if each is not MISSING} or MISSING


def _apply_to_list(found: list[Any], sides: list[Side]) -> Any:
    groups: dict[Any, list[Side]] = {}
    for steps, before, after in sides:
        groups.setdefault(steps[0], []).append((steps[1:], before, after))
    here: dict[int, Any] = {}
    for (i, j), inner in groups.items():
        changed = _apply(MISSING if i is None else found[i], inner)
        if j is not None:
            here[j] = changed
    taken = {i for i, _ in groups}
    rest = iter([each for i, each in enumerate(found) if i not in taken])
    size = len(found) - len(taken - {None}) + len(here)
    return [here[at] if at in here else next(rest) for at in range(size)] or MISSING
