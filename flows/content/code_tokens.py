"""Split a JavaScript-like text into tokens: literals, words and marks. Pure."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | (?<!:)//[^\n]*)
    | (?P<text>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `(?:[^`\\]|\\.)*`)
    | (?P<word>
        (?:(?<=:)/+ | \\u\{[0-9a-fA-F]+\} | [^\s"'`{}\[\](),:;=])
        (?:\\u\{[0-9a-fA-F]+\} | [^\s"'`{}\[\](),:;=/] | /(?![/*]))*+
      )
    | (?P<mark>[{}\[\](),:;=])
    """,
    re.VERBOSE | re.DOTALL,
)


class UnreadableError(Exception):
    """The quotes of the text do not match."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its position; the quotes of a literal are part of it."""

    kind: str
    content: str
    """Of a literal, the text between its quotes."""
    start: int
    end: int
    starts_line: bool

    @property
    def is_text(self) -> bool:
        """Return whether the token is a literal."""
        return self.kind == "text"

    @property
    def is_word(self) -> bool:
        """Return whether the token is a name, a number or anything else without quotes."""
        return self.kind == "word"

    @property
    def inner(self) -> tuple[int, int]:
        """Return the start and the end of the token's content, without quotes."""
        return (self.start + 1, self.end - 1) if self.is_text else (self.start, self.end)


def read_tokens(text: str) -> list[Token]:
    """Return the tokens of the text, without white space and comments. Raises UnreadableError."""
    tokens: list[Token] = []
    position = 0
    starts_line = True
    last_comment_end = text.rfind("*/")  # searched once, however many comments have no end
    while position < len(text):
        if text.startswith("/*", position) and position + 2 <= last_comment_end:
            behind = text.index("*/", position + 2) + 2
            starts_line = starts_line or "\n" in text[position:behind]
            position = behind
            continue
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnreadableError
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "space":
            starts_line = starts_line or "\n" in match[0]
            continue
        content = match[0][1:-1] if kind == "text" else match[0]
        tokens.append(Token(kind, content, match.start(), match.end(), starts_line))
        starts_line = False
    return tokens
