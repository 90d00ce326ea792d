"""Plans as Markdown without a database, and what a host of pull requests makes of the text."""

from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt

from imports.importing.states import make_states
from imports.planfile.markdown.plan_page import format_plan_markdown
from imports.planfile.markdown.shown_item import ShownItem, compare_item
from imports.plans.plan import Change, Plan, Result
from tests.support.imagined import StoredItem

_RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def markdown_of(plan: Plan, *items: StoredItem, source: str = "orders.json", **options: Any) -> str:
    """The Markdown of the plan of a file for these rows of the server."""
    contents = {(item.kind, item.row.pk): item.content for item in items}

    def read_items(changes: Sequence[Change]) -> list[ShownItem]:
        shown = []
        for change in changes:
            is_there = change.row and change.result is Result.OVERWRITE
            before = contents[change.item.kind, change.row.pk] if is_there else None
            states = make_states(change, before)
            shown.append(compare_item(change, states.before, states.after))
        return shown

    return format_plan_markdown(plan, source=source, read_items=read_items, **options)


class Page(HTMLParser):
    """A text as GitHub shows it, where HTML is let through: tags, and texts in and beside code."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: set[tuple[str, str, str | None]] = set()
        self.outline: list[str] = []
        """The tags, comments and texts in their order, without what is in code."""
        self.codes: list[str] = []
        """The texts that are in code."""
        self.words = ""
        """The texts that are in no code."""
        self._depth = 0
        self.feed(_RENDERER.render(text))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes |= {(tag, key, value) for key, value in attributes}
        self.outline.append(f"<{tag} {attributes}>")
        if tag == "code":
            self._depth += 1
            self.codes.append("")

    def handle_endtag(self, tag: str) -> None:
        self.outline.append(f"</{tag}>")
        if tag == "code":
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.codes[-1] += data
        else:
            self.outline.append(data)
            self.words += data

    def handle_comment(self, data: str) -> None:
        self.outline.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.outline.append(f"<!{decl}>")

    def handle_pi(self, data: str) -> None:
        self.outline.append(f"<?{data}>")

    def unknown_decl(self, data: str) -> None:
        self.outline.append(f"<![{data}>")
