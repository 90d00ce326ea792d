"""Find which secrets a text uses: `secrets.NAME` is one, any other read of `secrets` is all.

Code can reach a secret in more ways than a reader can list (`secrets["X"]`, `secrets?.X`,
`const {X} = secrets`), so only the one plain form counts as naming one secret. No use is what can
read nothing: a key, a part of a path, and the word beside another word, as in a sentence or a
comment. A text is read as it stands and with JavaScript's escapes decoded (`\\x65`, `\\u0073`).
Pure, and linear in the length of the text.
"""

import re
import sys
from collections.abc import Iterator
from typing import Any

from flows.content import canonical
from flows.content.documents import Document
from flows.content.references import find_identifier_end, is_in_word

EVERY = "*"
"""Used as a name for every secret. No secret can have this name."""

_WORD = "secrets"
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{0*([0-9a-fA-F]{1,6})\}|([0-3]?[0-7]{1,2})"
    r"|\r\n|[\s\S])"
)
_LINE_ENDS = "\n\r\u2028\u2029"
# Words of JavaScript that stand beside a value that is read; two other words in a row are no code.
_BEFORE = re.compile(
    r"(?<![\w$])(?:return|yield|await|in|of|typeof|instanceof|new|case|default|else|do|void|delete"
    r"|throw|as|extends|from|export|import)[ \t]+\Z"
)
_AFTER = re.compile(r"[ \t]+(?:in|of|instanceof|as|if|from|and|or|is|not|else)(?![\w$])")
_BESIDE_WORD = re.compile(r"[\w$][ \t]+\Z")
_WORD_BESIDE = re.compile(r"[ \t]+[^\W\d]")
_KEY_AFTER = re.compile(r"""["'`]?\s*:""")
# `const { secrets: s } = globalThis`, also of what a function is given; or where a global may be.
_DESTRUCTURES = re.compile(
    r"\}\s*(?:\)\s*)?=|\}\s*(?:,[^;{}]*)?\)\s*(?:=>|\{)|\}\s*(?:of|in)(?![\w$])"
    r"|(?<![\w$.])(?:globalThis|global|window|self|this)(?![\w$])"
)
# What reads of the word, so that it is no part of a path: `1/secrets["X"]`, `-secrets?.["X"]`.
_MEMBER = re.compile(r"\s*(?:[.\[]|\?\.|/[*/])")
# What can reach a global by a computed name, or the object of all globals.
_COMPUTES = re.compile(
    r"[\w$)\]}'\"`]\s*\(|[\w$)\]'\"`?.]\s*\[|[\w$)\]]\s*`|=>|\\"
    r"|(?<![\w$.])(?:globalThis|global|window|self|this|new|import|function|class|with)(?![\w$])"
)
_SEEN_BEFORE = 64


def find_secrets_used(text: str, *, json: bool = False) -> frozenset[str]:
    """Return the names of the secrets that the text uses; with EVERY where it may use any.

    With `json`, the text is a canonical JSON document, of which the keys and strings are read.
    """
    if _WORD not in text and ("\\\\" if json else "\\") not in text:
        return frozenset()
    if not json:
        return frozenset(_find_in_text(text))
    return frozenset(
        name for each in _find_texts(canonical.decode(text)) for name in _find_in_text(each)
    )


def find_secrets_used_by(value: object) -> frozenset[str]:
    """Return the names of the secrets that a stored value uses, as canonical JSON.

    Of a stored document they were found when it was stored; its text is not read.
    """
    if not isinstance(value, Document):
        return find_secrets_used(value, json=True) if isinstance(value, str) else frozenset()
    names = value.secrets
    if names is None:
        names = value.secrets = find_secrets_used(value.text, json=True)
    return names


def _find_texts(value: Any) -> Iterator[str]:
    """Yield the keys and the strings of a value, without recursion: it may be deep."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from (key for key in value if key != _WORD)
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def _find_in_text(text: str) -> Iterator[str]:
    yield from _find_names(text)
    if "\\" in text and (decoded := _ESCAPE.sub(_decode, text)) != text:
        yield from _find_names(decoded)


def _decode(escape: re.Match[str]) -> str:
    """Return the character of an escape; nothing for a line that goes on in the next one."""
    number = escape[1] or escape[2] or escape[3]
    if number or escape[4]:
        code = int(number, 16) if number else int(escape[4], 8)
        return chr(code) if code <= sys.maxunicode else "\ufffd"
    return "" if escape[0][1] in _LINE_ENDS else escape[0]


def may_compute(text: str) -> bool:
    """Return whether a text that does not have the word may reach a secret none the less."""
    return _COMPUTES.search(text) is not None


def _find_names(text: str) -> Iterator[str]:
    destructures = None
    at = text.find(_WORD)
    while at >= 0:
        end = at + len(_WORD)
        if not is_in_word(text, at, json=False):
            name_end = find_identifier_end(text, end + 1) if text.startswith(".", end) else end
            if name_end > end + 1 and not text.startswith("\\", name_end):
                yield text[end + 1 : name_end]
            elif find_identifier_end(f"_{text[end : end + 1]}", 0) == 1:
                if destructures is None:
                    destructures = _DESTRUCTURES.search(text) is not None
                if _is_read(text, at, end) and (destructures or not _is_key(text, at, end)):
                    yield EVERY
        at = text.find(_WORD, end)


def _is_read(text: str, at: int, end: int) -> bool:
    """Return whether code could read the word that stands there, alone."""
    before, after = text[max(0, at - _SEEN_BEFORE) : at], text[end : end + _SEEN_BEFORE]
    is_path = before[-1:] in ("-", "/") and before[-2:] != "*/" and not _MEMBER.match(text, end)
    if is_path or after[:1] == "-":
        return False
    if _BESIDE_WORD.search(before) and not _BEFORE.search(before):
        return False
    return not _WORD_BESIDE.match(after) or _AFTER.match(after) is not None


def _is_key(text: str, at: int, end: int) -> bool:
    """Return whether the word is a key, and not of `a ? secrets : b` or `case secrets:`."""
    if not _KEY_AFTER.match(text, end, end + _SEEN_BEFORE):
        return False
    before = text[max(0, at - _SEEN_BEFORE) : at]
    first = before.rstrip(" \t\r\n\"'`")
    if not first:
        return at <= _SEEN_BEFORE
    is_on_new_line = "\n" in before[len(first) :] and (first[-1].isalnum() or first[-1] in ")]_$")
    return first[-1] in "{,;}" or is_on_new_line
