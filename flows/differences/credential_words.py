"""Find the literals of a text that are next to a word for a credential. Pure."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from flows.content.code_tokens import Token

# No small letter follows: `keyboard` is no key, but `keyValue` is one, whatever the search's flags.
_WORD_END = r"(?-i:(?![a-z]))"
CREDENTIAL = (
    r"pass|pwd|\bpw\b|psw|secret|token|credential|auth(?:ori[sz]ation|entication)?"
    rf"{_WORD_END}|keys?{_WORD_END}|bearer|jwt|cookie|dsn\b|connection[_-]?string|signature|\bsig\b|\bsas\b|"
    r"salt\b|\bpin\b|\botp\b|\bpat\b|private|"
    rf"cert(?:ificate)?s?{_WORD_END}|\bpem\b|kennwort|senha|"
    r"clave"
)
"""A regular expression, to be searched for without regard to case."""

_SEARCH = re.compile(CREDENTIAL, re.IGNORECASE)
_NAME = re.compile(r"[\w .$-]{1,64}")
_VALUE_KEYS = re.compile(r"val(?:ue)?|v|content|data|default|text|raw", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|u\{0*([0-9a-f]{1,5})\}|x([0-9a-f]{2}))", re.IGNORECASE)
# Escapes of a longer name are not decoded: it is too long for a name in any case.
_LONGEST_ESCAPED = 1_000
_OPERATOR = re.compile(r"[-+*/|&?!<>.%^~]{1,3}")
_OPENING, _CLOSING = "{[(", "}])"
# A line that ends or begins with one of these continues.
_JOINING = frozenset("+|&?.=:")


@dataclass(slots=True)
class _Group:
    """The tokens directly between two brackets."""

    is_object: bool
    texts: list[tuple[str, Token]] = field(default_factory=list)
    """The literals with the key of each, if it has one."""


def find_credential_literals(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the literals and words after a key or a name of a credential."""
    yield from _find_named_literals(tokens)
    until = 0
    for at, token in enumerate(tokens):
        if at < until:  # all values there are found already
            continue
        separator = _find_separator(tokens, at)
        if separator and _is_credential(token):
            until = _find_end_of_expression(tokens, separator + 1)
            yield from _find_values(tokens, separator + 1, until)


def _is_credential(token: Token) -> bool:
    name = _unescape(token.content)
    return bool(_NAME.fullmatch(name) and _SEARCH.search(name))


def _unescape(name: str) -> str:
    """Return the name without escapes, as JavaScript reads it."""
    if "\\" not in name or len(name) > _LONGEST_ESCAPED:
        return name
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), name)


def _find_separator(tokens: Sequence[Token], at: int) -> int | None:
    """Return the position of the `:` or `=` after a key, which may be in brackets; else None."""
    if not (tokens[at].is_text or tokens[at].is_word):
        return None
    following = at + 1
    if following < len(tokens) and tokens[following].content == "]":
        following += 1
    if following < len(tokens) and tokens[following].content in (":", "="):
        return following
    return None


def _find_end_of_expression(tokens: Sequence[Token], start: int) -> int:
    """Return the end of a value: the position of a comma, a closing bracket or another line."""
    depth = 0
    if start < len(tokens) and tokens[start].is_word and tokens[start].content.startswith("//"):
        # Rather a comment than half of an address: the value may be on the next line.
        behind = range(start + 1, len(tokens))
        start = next((at for at in behind if tokens[at].starts_line), len(tokens))
    for at in range(start, len(tokens)):
        mark = "" if tokens[at].is_text else tokens[at].content
        if mark and mark in _OPENING:
            depth += 1
        elif mark and mark in _CLOSING:
            depth -= 1
            if depth < 0:
                return at
        elif depth == 0:
            new_line = at > start and tokens[at].starts_line and not _is_continued(tokens, at)
            if mark in (",", ";") or new_line:
                return at
    return len(tokens)


def _is_continued(tokens: Sequence[Token], at: int) -> bool:
    before, after = tokens[at - 1], tokens[at]
    return (not before.is_text and before.content[-1:] in _JOINING) or (
        not after.is_text and after.content[:1] in _JOINING
    )


def _find_values(tokens: Sequence[Token], start: int, end: int) -> Iterator[tuple[int, int]]:
    for at in range(start, end):
        token = tokens[at]
        is_value = token.is_text or (token.is_word and not _OPERATOR.fullmatch(token.content))
        if is_value and _find_separator(tokens, at) is None:
            yield token.inner


def _find_named_literals(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Yield literals next to a literal that names them: `{name: "password", value: "..."}`."""
    groups = [_Group(is_object=False)]
    for at, token in enumerate(tokens):
        if token.is_text:
            if _find_separator(tokens, at) is None:
                groups[-1].texts.append((_get_key(tokens, at), token))
        elif token.content in _OPENING:
            groups.append(_Group(is_object=token.content == "{"))
        elif token.content in _CLOSING and len(groups) > 1:
            yield from _find_beside_names(groups.pop())
    for group in groups[1:]:
        yield from _find_beside_names(group)


def _get_key(tokens: Sequence[Token], at: int) -> str:
    return _unescape(tokens[at - 2].content) if at > 1 and tokens[at - 1].content == ":" else ""


def _find_beside_names(group: _Group) -> Iterator[tuple[int, int]]:
    if not any(_is_credential(token) for _, token in group.texts):
        return
    for key, token in group.texts:
        named = _VALUE_KEYS.fullmatch(key) if group.is_object else not _is_credential(token)
        if named:
            yield token.inner
