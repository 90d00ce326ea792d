"""What the last drill found, kept beside the backups: `.verified-SERVER.json`.

It is kept there for the reason that a backup's note is: a table of the database would lose it with
each restore. Whoever shares the directory of backups shares it.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imports.database.backup import get_backup_prefix, make_backup_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """How the last drill of a server ended.

    One by hand that could not judge the backup is not kept; a scheduled one is, with its code.
    """

    at: datetime
    backup: str
    problems: tuple[str, ...]
    """The codes of what was wrong; none where the backup is sound."""
    seconds: float


def read_drill_result() -> DrillResult | None:
    """Return the result of the current database's last drill; None if there was none.

    What the age and the result of the drill are shown from, in metrics too.
    """
    try:
        content = json.loads(_get_path().read_bytes())
        return DrillResult(
            at=datetime.fromisoformat(content["at"]).astimezone(UTC),
            backup=str(content["backup"]),
            problems=tuple(map(str, content["problems"])),
            seconds=float(content["seconds"]),
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):  # none, or none of ours
        return None


def keep_drill_result(result: DrillResult) -> None:
    """Keep the result in place of the last one. Raises OSError."""
    content = {
        "at": result.at.isoformat(),
        "backup": result.backup,
        "problems": result.problems,
        "seconds": result.seconds,
    }
    path = _get_path()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(content))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _get_path() -> Path:
    return make_backup_directory() / f".verified-{get_backup_prefix()}.json"
