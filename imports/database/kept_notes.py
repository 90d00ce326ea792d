"""Small notes that are kept beside the backups, one of a kind for each server.

They are kept there for the reason that a backup's own note is: a table of the database would lose
them with each restore. Whoever shares the directory of backups shares them.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imports.database.backup import get_backup_prefix, make_backup_directory


def keep_note(kind: str, content: Mapping[str, Any]) -> None:
    """Keep the note of the current database in place of its last one. Raises OSError."""
    path = _get_path(kind)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.touch(mode=0o600)
        part.write_text(json.dumps(content))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def read_kept_note(kind: str) -> Mapping[str, Any]:
    """Return the note of that kind; empty where there is none, or none of ours. Raises OSError."""
    try:
        content = json.loads(_get_path(kind).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _get_path(kind: str) -> Path:
    return make_backup_directory() / f".{kind}-{get_backup_prefix()}.json"
