"""Which texts of a flow are files of their own, and how those are named. Pure."""

import re
from functools import lru_cache
from typing import Any

from imports.exportfile.directory.conflicts import find_conflict
from imports.exportfile.directory.slugs import make_slug

_LONGEST_LABEL = 40
_LONGEST_ID = 40
_LONGEST_KEY = 30
_PROSE_SUFFIX = ".md"
_CODE_SUFFIX = ".js"

_PROSE = re.compile(
    r"(?:info|description|notes?|label|name|message|prompt|placeholder)$", re.IGNORECASE
)
_BY_KEY = (
    (".html", re.compile(r"html", re.IGNORECASE)),
    (".py", re.compile(r"python", re.IGNORECASE)),
    (".sql", re.compile(r"sql", re.IGNORECASE)),
    (".js", re.compile(r"code|script|func|javascript|^js|js$", re.IGNORECASE)),
)
# Of the first line alone: an edit further down gives the file no other name.
_BY_FIRST_LINE = (
    (".html", re.compile(r"<(?:!doctype|!--|[a-z][a-z0-9-]{0,30}[\s>/])", re.IGNORECASE)),
    (
        ".sql",
        re.compile(
            r"(?:--|(?:select|insert\s+into|update|delete\s+from|with|create|alter|merge\s+into)\b)",
            re.IGNORECASE,
        ),
    ),
    (".py", re.compile(r"(?:def \w{1,80}\(|class \w{1,80}[(:]|from [\w.]{1,80} import |#!)")),
    (".py", re.compile(r"import [\w., ]{1,80}$")),
    (
        ".js",
        re.compile(
            r"(?://|/\*|(?:const|let|var)\s+[\w${\[]|(?:async\s+)?function\b|"
            r"import\b[^\n]{0,80}['\"]|(?:return|await|if|for|try)\b[^\n]{0,80}[({;]|"
            r"[\w$.]{1,60}\s?=(?!=)|[^\n]{0,80}=>|['\"]use strict)"
        ),
    ),
)
_LONGEST_FIRST_LINE = 200
_ENDS_OF_PROSE = (".", ":")


def may_be_file(text: str) -> bool:
    """Return whether a text comes back from git as it was: of several lines, and without any CR.

    Where it looks like a conflict of a merge, a reader would take it for one.
    """
    return "\n" in text.strip("\n") and "\r" not in text and find_conflict(text.encode()) is None


def choose_suffix(key: str, text: str) -> str:
    """Return the suffix of the file of a text that stands under this key: of code, or `.md`."""
    if _PROSE.search(key):
        return _PROSE_SUFFIX
    first_line = text.lstrip().partition("\n")[0].rstrip()[:_LONGEST_FIRST_LINE]
    by_content = (
        suffix
        for suffix, words in _BY_FIRST_LINE
        if words.match(first_line)
        and not (suffix == ".sql" and first_line.endswith(_ENDS_OF_PROSE))
    )
    by_key = next((suffix for suffix, words in _BY_KEY if words.search(key)), None)
    found = next(by_content, None)
    if by_key == _CODE_SUFFIX:  # a key such as `code` does not say which
        return found or by_key
    return by_key or found or _PROSE_SUFFIX


def make_node_stem(node: dict[str, Any]) -> str:
    """Return the beginning of the names of a node's files: its label and its id."""
    data = node.get("data")
    labels = data if isinstance(data, dict) else {}
    names = (*(labels.get(name) for name in ("label", "name", "title")), node.get("type"))
    label = next((name for name in names if name and isinstance(name, str)), "")
    word = make_slug(label, otherwise="node", longest=_LONGEST_LABEL)
    own = node.get("id")
    own_word = make_slug(own, otherwise="", longest=_LONGEST_ID) if isinstance(own, str) else ""
    return word if own_word in ("", word) else f"{word}-{own_word}"


def make_file_stem(node_stem: str, key: str) -> str:
    """Return the name, without its suffix, of the file of a text under this key of a node."""
    return f"{node_stem}.{_make_key_slug(key)}"


@lru_cache(maxsize=1000)
def _make_key_slug(key: str) -> str:
    return make_slug(key, otherwise="text", longest=_LONGEST_KEY)
