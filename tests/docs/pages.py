"""The pages of the documentation: their examples, their links and their headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

_LINK = re.compile(r'\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"')
_INLINE_CODE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A command of a page, with the output that the page shows."""

    page: str
    line: int
    """Where the command stands in the page, from 1."""
    command: str
    output: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: $ {self.command}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code of a page."""

    page: str
    line: int
    language: str
    """Empty for an indented block, and for a fence that names none."""
    text: str

    @property
    def first_line(self) -> str:
        """The first line of the block, without spaces around it."""
        return self.text.strip().partition("\n")[0].strip()


def name_of(page: Path) -> str:
    """Return the path of a page from the root."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of code of a page, in order."""
    return [
        Block(
            page=name_of(page),
            line=token.map[0] + (2 if token.type == "fence" else 1),
            language=token.info.strip(),
            text=token.content,
        )
        for token in MarkdownIt("commonmark").parse(page.read_text())
        if token.type in ("fence", "code_block") and token.map
    ]


def examples_of(page: Path) -> list[Example]:
    """Return the commands of a page's console blocks, in order."""
    return [
        example
        for block in blocks_of(page)
        if block.language == "console"
        for example in _examples_in(block)
    ]


def _examples_in(block: Block) -> Iterator[Example]:
    command: list[str] = []
    output: list[str] = []
    begun = 0

    def example() -> Example:
        shown = "".join(f"{line}\n" for line in output)
        return Example(page=block.page, line=begun, command="\n".join(command), output=shown)

    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if line.startswith("$ "):
            if command:
                yield example()
            command, output, begun = [line[2:]], [], number
        elif command and not output and command[-1].endswith(("\\", "|")):
            command.append(line)
        else:
            assert command, f"{block.page}:{number}: output before any command"
            output.append(line)
    yield example()


def links_of(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures, outside of code."""
    text = page.read_text()
    lines = text.splitlines(keepends=True)
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("fence", "code_block") and token.map:
            for number in range(*token.map):
                lines[number] = "\n"
    prose = _INLINE_CODE.sub("", "".join(lines))
    return [found[1] or found[2] for found in _LINK.finditer(prose)]


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt("commonmark").parse(page.read_text())
    anchors: set[str] = set()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            words = re.sub(r"[^\w\- ]", "", tokens[index + 1].content.lower())
            anchor = plain = words.replace(" ", "-")
            number = 0
            while anchor in anchors:
                number += 1
                anchor = f"{plain}-{number}"
            anchors.add(anchor)
    return anchors
