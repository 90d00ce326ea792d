"""The part of a text that is about one item: a line, or details with a summary. Pure."""

from collections.abc import Iterator, Sequence
from html import escape

from flows.content.fields import Kind
from flows.counting import format_count
from imports.planfile.markdown.blocks import MarkdownBlock, measure
from imports.planfile.markdown.difference_blocks import make_blocks
from imports.planfile.markdown.escaping import write_html_code, write_sentence
from imports.planfile.markdown.picture import draw_change, draw_new
from imports.planfile.markdown.shown_item import ShownItem, summarize_fields_of
from imports.plans.plan import Change

_RED = "\N{WARNING SIGN} "


def write_heading(item: ShownItem) -> str:
    """Return the item in one line of HTML: its name, what changes in it, and its warnings."""
    change = item.change
    name = write_html_code(change.item.name)
    if change.target_name != change.item.name:
        name += f" as {write_html_code(change.target_name)}"
    words = [*_write_inside(item)]
    if fields := summarize_fields_of(item):
        words.append(write_html_code(", ".join(fields)))
    if warnings := len(change.all_warnings):
        words.append(format_count(warnings, "warning"))
    mark = _RED if is_red(change) else ""
    return f"{mark}{change.item.kind} {name}{': ' if words else ''}{', '.join(words)}"


def is_red(change: Change) -> bool:
    """Return whether the item has a serious warning."""
    return any(warning.is_serious for warning in change.all_warnings)


def make_item_blocks(item: ShownItem) -> list[MarkdownBlock]:
    """Return the blocks of the item's details: warnings, picture, differences."""
    return list(_make_blocks(item))


def wrap_details(heading: str, parts: Sequence[str]) -> str:
    """Return the details of an item; without any, its heading alone."""
    if not parts:
        return f"<div>{heading}</div>"
    body = "\n\n".join(parts)
    return f"<details><summary>{heading}</summary>\n\n{body}\n\n</details>"


def measure_heading(heading: str) -> int:
    """Return how many bytes an item has at most without its blocks, with the line after it."""
    return measure(wrap_details(heading, [""])) + 2


def _write_inside(item: ShownItem) -> Iterator[str]:
    # A flow's are counts; a connection's are hosts, which are of the file.
    if item.change.item.kind is Kind.FLOW:
        yield from map(escape, item.inside)
    elif item.inside:
        yield write_html_code(", ".join(item.inside))


def _make_blocks(item: ShownItem) -> Iterator[MarkdownBlock]:
    lines = [
        f"- {_RED if warning.is_serious else ''}{write_sentence(warning.text)}"
        for warning in item.change.all_warnings
    ]
    if lines:
        yield MarkdownBlock(head="\n".join(lines))
    if item.problem:
        yield MarkdownBlock(head=f"It cannot be compared: {write_sentence(item.problem)}")
    if item.after:
        picture = draw_change(item.before, item.after) if item.before else draw_new(item.after)
        if picture:
            yield picture
    if item.difference:
        yield from make_blocks(item.difference)
