"""What the last drill found, kept beside the backups: `.verified-SERVER.json`."""

from dataclasses import dataclass
from datetime import UTC, datetime

from imports.database.kept_notes import keep_note, read_kept_note

_KIND = "verified"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillResult:
    """How the last drill of a backup in the server's directory of backups ended.

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
    content = read_kept_note(_KIND)
    try:
        return DrillResult(
            at=datetime.fromisoformat(content["at"]).astimezone(UTC),
            backup=str(content["backup"]),
            problems=tuple(map(str, content["problems"])),
            seconds=float(content["seconds"]),
        )
    except (ValueError, KeyError, TypeError):  # none, or none of ours
        return None


def keep_drill_result(result: DrillResult) -> None:
    """Keep the result in place of the last one. Raises OSError."""
    content = {
        "at": result.at.isoformat(),
        "backup": result.backup,
        "problems": result.problems,
        "seconds": result.seconds,
    }
    keep_note(_KIND, content)
