"""Whether a connection sends the secrets that it uses to another destination than before.

Secrets stay on the server when a connection is overwritten, so a changed host would make the
server send a stored secret elsewhere. A connection's values are a JavaScript-like object. What
can be read as one is compared key by key, and every change counts as another destination unless
its key is known to be harmless; of what cannot be read so, any change counts. Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from flows.content import Value

# Keys whose change leaves the destination and the identity there what they are.
_HARMLESS = re.compile(
    r"(?:\w*timeout\w*|\w*interval\w*|pool\w*|max\w*|min\w*|retr(?:y|ies)\w*|keep_?alive\w*|"
    r"log_?level|debug|comment|description|label|batch_?size|page_?size|application_?name|"
    r"encoding|charset|time_?zone|locale)",
    re.IGNORECASE,
)
# Keys whose values say where it goes and hold no credential, so that they may be shown.
_SHOWN = re.compile(
    r"(?:host(?:name)?|server|port|protocol|scheme|region|bucket|database|schema|user(?:name)?|account)",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"""
    (?P<space>\s+ | //[^\n]* | /\*.*?\*/)
    | (?P<text>"(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*' | `(?:[^`\\]|\\.)*`)
    | (?P<word>[\w$.+-]+)
    | (?P<mark>[{}\[\],:])
    """,
    re.VERBOSE | re.DOTALL,
)
_SHOWN_LENGTH = 80


@dataclass(frozen=True, slots=True)
class Retargeting:
    """A changed part of a destination, with what it was and becomes where that may be shown."""

    key: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        if self.before is None and self.after is None:
            return self.key
        return f"{self.key} {self.before or 'none'} -> {self.after or 'none'}"


def retargetings(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[Retargeting]:
    """What differs in where a connection goes, between two contents of it (column to value).

    Production falls back to the development value, so that a change of one may be one of both.
    """
    found: list[Retargeting] = []
    if before["type"] != after["type"]:
        found.append(Retargeting("type", _shown(before["type"]), _shown(after["type"])))
    for key, old, new in (
        ("devValue", before["dev_value"], after["dev_value"]),
        ("prodValue", _effective(before), _effective(after)),
    ):
        if old != new:
            found += _differences(key, str(old or ""), str(new or ""))
    return found


def _effective(content: Mapping[str, Value]) -> Value:
    return content["prod_value"] or content["dev_value"]


def _differences(key: str, old: str, new: str) -> Iterator[Retargeting]:
    before, after = _settings(old), _settings(new)
    if before is None or after is None:
        yield Retargeting(key)
        return
    for path in sorted(before.keys() | after.keys()):
        if before.get(path) == after.get(path) or _HARMLESS.fullmatch(path.rpartition(".")[2]):
            continue
        if _SHOWN.fullmatch(path.rpartition(".")[2]):
            yield Retargeting(f"{key}.{path}", _shown(before.get(path)), _shown(after.get(path)))
        else:
            yield Retargeting(f"{key}.{path}")


def _shown(value: Value) -> str | None:
    if value is None:
        return None
    if "@" in str(value):  # before it there may be a password
        return "(not shown)"
    text = "".join(char if char.isprintable() else "?" for char in str(value))
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


class _UnreadableError(Exception):
    """The text is no plain object: it may compute what it says."""


def _settings(text: str) -> dict[str, str] | None:
    """The object's values by dotted key; None where the text is not a plain object."""
    try:
        tokens = list(_tokens(text))
        if not tokens:
            return {}
        settings: dict[str, str] = {}
        if tokens[0] != "{" or _read_object(tokens, 1, "", settings) != len(tokens):
            return None
    except (_UnreadableError, IndexError, ValueError, RecursionError):
        return None
    return settings


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _UnreadableError
        position = match.end()
        if match.lastgroup != "space":
            yield match[0]


def _read_object(tokens: list[str], at: int, prefix: str, settings: dict[str, str]) -> int:
    """Read what follows an opening brace into `settings`; the position behind its end."""
    while tokens[at] != "}":
        key = tokens[at].strip("'\"")
        path = f"{prefix}{key}"
        if tokens[at + 1] != ":" or not re.fullmatch(r"[\w$-]+", key) or path in settings:
            raise _UnreadableError
        if tokens[at + 2] == "{":
            settings[path] = "{}"
            at = _read_object(tokens, at + 3, f"{path}.", settings)
        else:
            at, settings[path] = _read_value(tokens, at + 2)
        if tokens[at] == ",":
            at += 1
        elif tokens[at] != "}":
            raise _UnreadableError
    return at + 1


def _read_value(tokens: list[str], at: int) -> tuple[int, str]:
    """A literal, a name such as secrets.NAME, or a list of them."""
    if tokens[at] != "[":
        if tokens[at] in ("}", "]", ",", ":"):
            raise _UnreadableError
        return at + 1, tokens[at]
    end = tokens.index("]", at)
    inner = tokens[at + 1 : end]
    if any(mark in inner for mark in ("[", "{", "}", ":")):
        raise _UnreadableError
    return end + 1, " ".join(tokens[at : end + 1])
