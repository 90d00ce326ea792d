"""Which backups of a server are kept. Pure: what lies in the directory is read by backup_notes.

A backup goes when it is neither among the newest `keep` nor younger than `days`, and then, the
oldest first, while all together exceed `max_bytes`. The newest that was verified never goes, nor
does one that is spared.

The order is that of the sequence numbers which backups are given as they are verified, whatever
the clock said. For the age, a time that lies in the future is no evidence, and no backup is older
than one before it: where the clock was ahead, or went back after a backup, backups may be kept too
long, but not too short.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBackup:
    """A backup in the directory."""

    name: str
    sequence: int
    """Higher for what was verified later; 0 where that is not known: before all that is."""
    verified_at: datetime
    size: int
    is_whole: bool
    """Whether its size is what it was when it was verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What is kept: the number of the newest, all younger than some days, at most some bytes."""

    keep: int
    days: float
    max_bytes: int | None


def superfluous(
    backups: Sequence[KeptBackup], retention: Retention, *, now: datetime, spared: Collection[str]
) -> list[KeptBackup]:
    """The backups that go, the oldest first. Those `spared`, by name, stay and do not count."""
    ordered = sorted(backups, key=lambda one: (one.sequence, one.verified_at, one.name))
    whole = [one for one in ordered if one.is_whole]
    untouchable = {*spared, *(one.name for one in whole[-1:])}
    counting = [one for one in whole if one.name not in spared]
    newest = {one.name for one in counting[max(len(counting) - retention.keep, 0) :]}
    oldest_kept = now - timedelta(days=retention.days)
    gone = [
        one
        for one, time in zip(ordered, _times(ordered, now), strict=True)
        if one.name not in untouchable | newest and time <= oldest_kept
    ]
    if retention.max_bytes is not None:
        stay = [one for one in ordered if one not in gone]
        gone += _beyond(retention.max_bytes, stay, untouchable)
    return [one for one in ordered if one in gone]


def _times(ordered: Sequence[KeptBackup], now: datetime) -> Iterator[datetime]:
    """When each was verified, at the latest."""
    latest = None
    for index, one in enumerate(ordered):
        known = [each.verified_at for each in ordered[index:] if each.verified_at <= now]
        own = one.verified_at if one.verified_at <= now else next(iter(known), now)
        latest = max(own, latest) if latest else own
        yield latest


def _beyond(
    max_bytes: int, stay: Sequence[KeptBackup], untouchable: Collection[str]
) -> Iterator[KeptBackup]:
    """The oldest of them that must go until the rest fits."""
    total = sum(one.size for one in stay)
    for one in stay:
        if total <= max_bytes:
            return
        if one.name not in untouchable:
            total -= one.size
            yield one
