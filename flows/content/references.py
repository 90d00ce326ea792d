"""Find and rewrite references in documents: items by uuid, secrets as `secrets.NAME`.

Pure functions over text. A document is either plain text (a connection's values, markdown) or
canonical JSON (nodes and edges), which is scanned as text, without building its objects.
In JSON the characters of an escape such as `\\n` or `\\u001f` are no part of a word, so the scan
finds where an escape ends. Source of the rules: section 3 of the flow import page.
"""

import re
from collections.abc import Callable, Iterator, Mapping

# A regular expression that begins with a plain character is searched several times faster, so
# the pattern starts at a uuid's first dash; the lookahead finds overlapping candidates as well.
_UUID_FROM_DASH = re.compile(r"-(?=(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})")
_FIRST_GROUP = re.compile(r"[0-9a-fA-F]{8}")
_UUID_LENGTH = 36

# Not every character beyond ASCII is part of an identifier: see _measure_identifier.
_SECRET = re.compile(r"secrets\.([$_A-Za-z\x80-\U0010ffff][$_0-9A-Za-z\x80-\U0010ffff]*)")
_JOINERS = "\u200c\u200d"  # allowed inside an identifier by ECMAScript
_EMOJI_STYLE = "\ufe0f"  # ends many an emoji; only by the letter of Unicode part of an identifier

_JSON_LETTER_ESCAPES = "bfnrt"

Span = tuple[int, int]


def is_identifier(text: str) -> bool:
    """Return whether text is a JavaScript identifier (IdentifierName), as secret names are."""
    return bool(text) and _is_identifier_start(text[0]) and _measure_identifier(text) == len(text)


def find_uuids(text: str, *, json: bool = False) -> set[str]:
    """Return the uuids anywhere in text, in lower case."""
    return {text[start:end].lower() for start, end in _find_uuid_spans(text, json=json)}


def find_secret_names(text: str, *, json: bool = False) -> set[str]:
    """Return the names in text that are a whole identifier after `secrets.`."""
    return {text[start:end] for start, end in _find_secret_spans(text, json=json)}


def rewrite(
    text: str, *, uuids: Mapping[str, str], names: Mapping[str, str], json: bool = False
) -> str:
    """Return the text with every reference replaced, all at once, so that two items may swap.

    `uuids` maps lower-case uuids and `names` maps secrets' names. Returns the same object where
    nothing is replaced. In JSON a uuid may be a key, so the result can need sorting again.
    """
    if uuids and "-" in text:
        text = _replace(
            text, _find_uuid_spans(text, json=json), lambda found: uuids.get(found.lower())
        )
    if names and "secrets." in text:
        text = _replace(text, _find_secret_spans(text, json=json), names.get)
    return text


def _replace(text: str, spans: Iterator[Span], replacement: Callable[[str], str | None]) -> str:
    pieces: list[str] = []
    done = 0
    for start, end in spans:
        if start < done:
            continue
        new = replacement(text[start:end])
        if new is not None:
            pieces += (text[done:start], new)
            done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _find_uuid_spans(text: str, *, json: bool) -> Iterator[Span]:
    for match in _UUID_FROM_DASH.finditer(text):
        start = match.start() - 8
        if (
            start >= 0
            and _FIRST_GROUP.match(text, start)
            and not (json and _starts_inside_escape(text, start))
        ):
            yield start, start + _UUID_LENGTH


def _find_secret_spans(text: str, *, json: bool) -> Iterator[Span]:
    at = 0
    while match := _SECRET.search(text, at):
        # Continue right after the name: the rest of the match may contain the next reference.
        start = at = match.start(1)
        if _is_identifier_start(text[start]) and not is_in_word(text, match.start(), json=json):
            at += _measure_identifier(match[1])
            yield start, at


def is_in_word(text: str, at: int, *, json: bool) -> bool:
    """Return whether the character before the position is part of the same word.

    With `json`, the text is a JSON document, where the letter of an escape is part of none.
    """
    if at == 0 or text[at - 1] == _EMOJI_STYLE or not _is_identifier_part(text[at - 1]):
        return False
    return not (json and _ends_escape(text, at))


def find_identifier_end(text: str, start: int) -> int:
    """Return where the identifier that starts at the position ends; `start` where there is none."""
    if start >= len(text) or not _is_identifier_start(text[start]):
        return start
    end = start + 1
    while end < len(text) and _is_identifier_part(text[end]):
        end += 1
    return end


def _measure_identifier(word: str) -> int:
    """Return how many of the word's first characters can be an identifier's."""
    return next((at for at, char in enumerate(word) if not _is_identifier_part(char)), len(word))


def _is_identifier_start(char: str) -> bool:
    return char == "$" or char.isidentifier()


def _is_identifier_part(char: str) -> bool:
    return char == "$" or f"_{char}".isidentifier() or char in _JOINERS


def _is_escaped(text: str, at: int) -> bool:
    """Return whether an odd number of backslashes precedes the position."""
    run = 0
    while run < at and text[at - 1 - run] == "\\":
        run += 1
    return run % 2 == 1


def _ends_escape(text: str, end: int) -> bool:
    """Return whether the text before `end` ends with a JSON escape such as `\\n` or `\\u001f`."""
    if text[end - 1] in _JSON_LETTER_ESCAPES and _is_escaped(text, end - 1):
        return True
    return text[max(0, end - 5)] == "u" and _is_escaped(text, end - 5)


def _starts_inside_escape(text: str, start: int) -> bool:
    """Return whether the position is inside a JSON escape: at its letter or a digit."""
    if _is_escaped(text, start):
        return True
    return any(
        start - back >= 1 and text[start - back] == "u" and _is_escaped(text, start - back)
        for back in range(1, 5)
    )
