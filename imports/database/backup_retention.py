"""Which backups of a server are kept. Pure: backup_notes reads the directory.

A backup is removed if it is neither among the newest `keep` nor younger than `days`; then, the
oldest first, while all together exceed `max_bytes`. The newest verified one and spared ones are
never removed.

Backups are ordered by the sequence numbers that they get when they are verified, whatever the clock
was. For the age, a time in the future is ignored, and no backup is older than one before it: after
the clock was wrong, backups may be kept too long, but not too short.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBackup:
    """A backup in the directory."""

    name: str
    sequence: int
    """Higher for what was verified later; 0, before all others, if unknown."""
    verified_at: datetime
    size: int
    is_whole: bool
    """Whether its size is still the verified one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many of the newest are kept, for how many days all, and at most how many bytes."""

    keep: int
    days: float
    max_bytes: int | None


def find_superfluous(
    backups: Sequence[KeptBackup], retention: Retention, *, now: datetime, spared: Collection[str]
) -> list[KeptBackup]:
    """Return the backups to remove, oldest first. Those `spared`, by name, do not count."""
    ordered = sorted(backups, key=lambda one: (one.sequence, one.verified_at, one.name))
    whole = [one for one in ordered if one.is_whole]
    untouchable = {*spared, *(one.name for one in whole[-1:])}
    counting = [one for one in whole if one.name not in spared]
    newest = {one.name for one in counting[max(len(counting) - retention.keep, 0) :]}
    oldest_kept = now - timedelta(days=retention.days)
    gone = [
        one
        for one, time in zip(ordered, _find_times(ordered, now), strict=True)
        if one.name not in untouchable | newest and time <= oldest_kept
    ]
    if retention.max_bytes is not None:
        stay = [one for one in ordered if one not in gone]
        gone += _find_beyond(retention.max_bytes, stay, untouchable)
    return [one for one in ordered if one in gone]


def _find_times(ordered: Sequence[KeptBackup], now: datetime) -> Iterator[datetime]:
    """Yield the latest time at which each may have been verified."""
    latest = None
    for index, one in enumerate(ordered):
        known = [each.verified_at for each in ordered[index:] if each.verified_at <= now]
        own = one.verified_at if one.verified_at <= now else next(iter(known), now)
        latest = max(own, latest) if latest else own
        yield latest


def _find_beyond(
    max_bytes: int, stay: Sequence[KeptBackup], untouchable: Collection[str]
) -> Iterator[KeptBackup]:
    """Yield the oldest backups to remove until the rest fits."""
    total = sum(one.size for one in stay)
    for one in stay:
        if total <= max_bytes:
            return
        if one.name not in untouchable:
            total -= one.size
            yield one
