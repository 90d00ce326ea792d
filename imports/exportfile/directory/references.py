"""References to files in flow.json: {"$file": "code/price.js"}. Pure.

An object's own key of that name has one more dollar sign: `$$file`.
"""

import re
from typing import Any

FILE_KEY = "$file"
_OWN = re.compile(r"\$+file")
_ESCAPED = re.compile(r"\$\$+file")


def make_reference(path: str) -> dict[str, str]:
    """Return what stands in flow.json for the text of the file."""
    return {FILE_KEY: path}


def get_referred(value: dict[str, Any]) -> str | None:
    """Return the path that an object of flow.json refers to; None where it is no reference."""
    path = value.get(FILE_KEY)
    return path if len(value) == 1 and isinstance(path, str) else None


def is_reserved(key: str) -> bool:
    """Return whether an object's own key is written as another one."""
    return key.endswith("$file") and _OWN.fullmatch(key) is not None


def may_be_reserved(text: str) -> bool:
    """Return whether an object in a canonical JSON text may have a reserved key."""
    return '$file":' in text


def escape_key(key: str) -> str:
    """Return an object's own key as it is written."""
    return f"${key}" if is_reserved(key) else key


def unescape_key(key: str) -> str:
    """Return the key that was written so."""
    return key[1:] if _ESCAPED.fullmatch(key) else key
