"""Reading the figures of a server: a fixed number of queries, and no documents."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.utils import timezone

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.relations.unfilled import find_unfilled_secrets
from flows.users import User
from imports.database.backup import find_newest_backup
from imports.drift.read import count_drift
from imports.jobs.availability import Waiting, lacks_worker, read_waiting
from imports.models import REQUEST_OF_JOB, ImportRecord, PendingImport, Status
from imports.overview.figures import (
    Figure,
    FigureCard,
    ServerFacts,
    Viewer,
    choose_figures,
    make_cards,
)
from imports.permissions import RUN_IMPORT, find_visible_kinds, may_see_records
from imports.undo.undoable import find_undoable
from imports.uploads.pending import list_waiting_uploads
from imports.uploads.progress import ShownProgress, read_run_progress

RUNS_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningImport:
    """The run that is under way."""

    record: ImportRecord
    progress: ShownProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRun:
    """A run that ended."""

    record: ImportRecord
    may_be_undone: bool
    """Whether the user may open the page of its undo."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The figures of a server as one user may see them."""

    server: str
    shows_runs: bool
    runs: tuple[LastRun, ...]
    running: RunningImport | None
    stranded: Waiting | None
    """What waits for a worker while none is there."""
    uploads: tuple[PendingImport, ...]
    cards: tuple[FigureCard, ...]
    backup_record: int | None
    """The number of the run that made the newest backup; None if it is not known."""


def read_overview(user: User) -> Overview:
    """Return the figures of the current server that the user may see."""
    kinds = find_visible_kinds(user)
    viewer = Viewer(
        visible_kinds=kinds,
        may_see_records=may_see_records(user),
        may_import=user.has_perm(RUN_IMPORT),
    )
    figures = choose_figures(viewer)
    uploads = list_waiting_uploads(user) if Figure.UPLOADS in figures else []
    backup = find_newest_backup() if Figure.BACKUP in figures else None
    shows_runs = Figure.IMPORTS in figures
    return Overview(
        server=ziggy.SERVER_NAME,
        shows_runs=shows_runs,
        runs=_read_runs(user, kinds) if shows_runs else (),
        running=_read_running() if shows_runs else None,
        stranded=_read_stranded() if shows_runs else None,
        uploads=tuple(uploads),
        cards=make_cards(
            figures,
            _read_facts(figures, kinds, len(uploads), backup.verified_at if backup else None),
        ),
        backup_record=_find_record_of(backup.name) if backup else None,
    )


def _read_facts(
    figures: Collection[Figure],
    kinds: Collection[Kind],
    uploads: int,
    verified_at: datetime | None,
) -> ServerFacts:
    return ServerFacts(
        uploads=uploads,
        secrets=len(find_unfilled_secrets()) if Figure.SECRETS in figures else None,
        drift={kind: count_drift(kind) for kind in kinds} if Figure.DRIFT in figures else None,
        verified_at=verified_at,
        now=timezone.now(),
    )


def _read_runs(user: User, kinds: Collection[Kind]) -> tuple[LastRun, ...]:
    records: Sequence[ImportRecord] = list(
        ImportRecord.objects.exclude(status__in=(Status.QUEUED, Status.RUNNING)).defer("issues")[
            :RUNS_SHOWN
        ]
    )
    undoable = find_undoable(user, records, visible_kinds=kinds)
    return tuple(LastRun(record=record, may_be_undone=record.pk in undoable) for record in records)


def _read_running() -> RunningImport | None:
    record = (
        ImportRecord.objects.filter(status=Status.RUNNING)
        .select_related("user", "job")
        .defer("issues", *REQUEST_OF_JOB)
        .first()
    )
    return RunningImport(record=record, progress=read_run_progress(record)) if record else None


def _read_stranded() -> Waiting | None:
    if not lacks_worker():
        return None
    waiting = read_waiting()
    return waiting if waiting.count else None


def _find_record_of(backup: str) -> int | None:
    path = str(Path(ziggy.BACKUP_DIR).resolve() / backup)
    found = ImportRecord.objects.filter(backup_path=path).order_by("-pk").values_list("pk")
    return next((pk for (pk,) in found[:1]), None)
