"""Deciding which figures of a server a user is shown, and what each says. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from flows.content.fields import Kind
from flows.counting import format_count, format_list


class Figure(StrEnum):
    """What the first page of the admin has a figure of."""

    IMPORTS = "imports"
    """The last runs, and the one that is under way."""
    UPLOADS = "uploads"
    """The user's own uploads that wait."""
    SECRETS = "secrets"
    """Secrets without a value that something uses."""
    DRIFT = "drift"
    """Rows that differ from what was imported last."""
    BACKUP = "backup"
    """The age of the last verified backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """What of the rights of a user decides on the figures."""

    visible_kinds: Collection[Kind]
    may_see_records: bool
    may_import: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What was read of the server; None where a figure is not shown."""

    uploads: int | None = None
    secrets: int | None = None
    drift: Mapping[Kind, int] | None = None
    verified_at: datetime | None = None
    """When the newest backup was verified; None if there is none."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureCard:
    """One figure in words."""

    figure: Figure
    title: str
    value: str
    """The number, or the age."""
    text: str
    needs_attention: bool = False


def choose_figures(viewer: Viewer) -> frozenset[Figure]:
    """Return the figures that the user may see; nothing else is read for them."""
    found = {Figure.IMPORTS, Figure.BACKUP} if viewer.may_see_records else set()
    if viewer.may_see_records and viewer.visible_kinds:
        found.add(Figure.DRIFT)
    if viewer.may_import:
        found.add(Figure.UPLOADS)
    if Kind.SECRET in viewer.visible_kinds:
        found.add(Figure.SECRETS)
    return frozenset(found)


def make_cards(figures: Collection[Figure], facts: ServerFacts) -> tuple[FigureCard, ...]:
    """Return the cards of these figures, in the order of `Figure`; the runs have a table."""
    return tuple(card for card in _make_cards(facts) if card.figure in figures)


def _make_cards(facts: ServerFacts) -> Iterator[FigureCard]:
    uploads, secrets = facts.uploads or 0, facts.secrets or 0
    yield FigureCard(
        figure=Figure.UPLOADS,
        title="Your uploads that wait",
        value=f"{uploads:,}",
        text="to be looked at and confirmed" if uploads else "nothing waits for you",
        needs_attention=uploads > 0,
    )
    yield FigureCard(
        figure=Figure.SECRETS,
        title="Secrets without a value",
        value=f"{secrets:,}",
        text="that something uses" if secrets else "every secret that is used has one",
        needs_attention=secrets > 0,
    )
    yield _make_drift_card(facts.drift or {})
    yield _make_backup_card(facts)


def _make_drift_card(counts: Mapping[Kind, int]) -> FigureCard:
    total = sum(counts.values())
    words = [format_count(count, str(kind)) for kind, count in counts.items() if count]
    return FigureCard(
        figure=Figure.DRIFT,
        title="Changed here since the last import",
        value=f"{total:,}",
        text=format_list(words) if words else "everything is as it was imported",
        needs_attention=total > 0,
    )


def _make_backup_card(facts: ServerFacts) -> FigureCard:
    at = facts.verified_at
    return FigureCard(
        figure=Figure.BACKUP,
        title="Last verified backup",
        value=format_age(facts.now - at) if at else "none",
        text=f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "no backup was made and verified yet",
        needs_attention=at is None,
    )


_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def format_age(age: timedelta) -> str:
    """Return an age in its largest whole unit: `3 days`; what is to come counts as just now."""
    seconds = int(age.total_seconds())
    for size, noun in _UNITS:
        if seconds >= size:
            return format_count(seconds // size, noun)
    return "just now"
