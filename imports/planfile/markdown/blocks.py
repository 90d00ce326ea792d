"""Parts of a text that have a limit: what does not fit is counted, never dropped in silence. Pure.

Sizes are of bytes in UTF-8, which are never fewer than the characters.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from flows.counting import format_count
from imports.planfile.markdown.escaping import write_block

MOST_BYTES = 60_000
"""Of a whole text. Its characters are never more: GitHub takes 65,536 of them in a comment."""

_NOTE = 80
"""Room for the line that counts what is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkdownBlock:
    """A paragraph, and the lines of a fenced block below it; either may be empty."""

    head: str = ""
    language: str = ""
    lines: tuple[str, ...] = ()
    is_divisible: bool = True
    """Whether its first lines say something without the others: those of a picture do not."""

    def write(self) -> str:
        """Return the whole block."""
        parts = [self.head] if self.head else []
        parts += [write_block(self.language, self.lines)] if self.lines else []
        return "\n\n".join(parts)


def measure(text: str) -> int:
    """Return how many bytes the text has."""
    return len(text.encode())


def measure_blocks(blocks: Iterable[MarkdownBlock]) -> int:
    """Return how many bytes the blocks have, with the empty lines between."""
    return sum(measure(block.write()) + 2 for block in blocks)


def fit_blocks(blocks: Sequence[MarkdownBlock], room: int) -> list[str]:
    """Return as many of the blocks as there is room for, the first ones, and how many more."""
    if measure_blocks(blocks) <= room:
        return [block.write() for block in blocks]
    left = room - _NOTE
    written: list[str] = []
    for block in blocks:
        text = block.write()
        if measure(text) + 2 > left:
            text = _cut_block(block, left)
            written += [text] if text else []
            if not text and not block.is_divisible:  # a picture that is too large
                continue
            break
        written.append(text)
        left -= measure(text) + 2
    if more := len(blocks) - len(written):
        written.append(f"... {format_count(more, 'more change')} not shown here")
    return written


def fit_lines(lines: Sequence[str], room: int, noun: str) -> list[str]:
    """Return as many of the lines as there is room for, and a last one that counts the others."""
    fitting = [*_take_fitting(lines, room)]
    if len(fitting) == len(lines):
        return fitting
    fitting = [*_take_fitting(lines, room - _NOTE)]
    return [*fitting, f"- ... and {format_count(len(lines) - len(fitting), f'more {noun}')}"]


def share_out(sizes: Sequence[int], room: int) -> list[int]:
    """Return how much of the room each gets: all of it the small ones, the same the large ones."""
    shares = [0] * len(sizes)
    left, waiting = max(0, room), sorted(range(len(sizes)), key=sizes.__getitem__)
    for place, index in enumerate(waiting):
        shares[index] = min(sizes[index], left // (len(waiting) - place))
        left -= shares[index]
    return shares


def _take_fitting(texts: Iterable[str], room: int) -> Iterator[str]:
    for text in texts:
        room -= measure(text) + 1
        if room < 0:
            return
        yield text


def _cut_block(block: MarkdownBlock, room: int) -> str:
    """Return the block with its first lines and how many more there are; "" for no room."""
    if not (block.is_divisible and block.lines):
        return ""
    # The fences may be as long as the longest run of backticks in the lines that are kept.
    empty = MarkdownBlock(head=block.head, language=block.language, lines=("",))
    kept = [*_take_fitting(block.lines, room - measure(empty.write()) - _NOTE)]
    while kept:
        more = format_count(len(block.lines) - len(kept), "more line")
        text = MarkdownBlock(head=block.head, language=block.language, lines=tuple(kept)).write()
        if measure(text) + _NOTE <= room:
            return f"{text}\n\n... {more} of it"
        kept.pop()
    return ""
