"""Building an export, in a worker: once, in the name of who asked for it, if they may now."""

import logging
from contextlib import closing
from typing import Any

from django.db import DatabaseError
from django.db.models import F
from django.utils import timezone

from flows.content.fields import Kind
from imports.database.errors import format_for_log, make_failure
from imports.errors import UnableToImport
from imports.exporting.downloads import pack_export
from imports.exporting.selection import UnknownFlowsError
from imports.exporting.write import ExportStatistics
from imports.jobs.exports.asking import NEEDED_RIGHTS, UNFINISHED
from imports.jobs.exports.following import ExportFollower, ExportUnwanted
from imports.jobs.exports.kept import read_choice
from imports.jobs.job_lock import LockHeld, hold_export_lock
from imports.jobs.running import MOST_ATTEMPTS, make_gave_up_error
from imports.models import BackgroundExport, ExportStatus
from imports.permissions import check_permission
from imports.runs.run import check_encryption_keys
from imports.uploads.stored_file import pack_file

logger = logging.getLogger(__name__)


def run_export(number: int) -> None:
    """Build the export of that number, unless that was done, or somebody is at it.

    What refuses it is in its row. Raises what nobody foresaw, which the row has as well.
    """
    try:
        with hold_export_lock(number):
            exports = BackgroundExport.objects.select_related("user").defer("content")
            found = exports.filter(pk=number, status__in=UNFINISHED).first()
            if found is not None:
                _run(found)
    except LockHeld:
        logger.warning("Export %s was given to a second worker, which leaves it alone", number)


def _run(export: BackgroundExport) -> None:
    if export.attempts >= MOST_ATTEMPTS:
        give_up(export)
        return
    export.attempts += 1
    begun = _find_wanted(export, attempts=export.attempts - 1).update(
        status=ExportStatus.RUNNING,
        started_at=timezone.now(),
        attempts=F("attempts") + 1,
        done=0,
        total=0,
        size=0,
    )
    if not begun:  # it was called off
        return
    try:
        _build(export)
    except ExportUnwanted:
        logger.info("Export %s is not wanted any more", export.pk)
    except UnknownFlowsError as error:
        _refuse(export, ExportStatus.REFUSED, code="unknown-flows", message=str(error))
    except UnableToImport as error:
        _refuse(export, ExportStatus.REFUSED, code=error.code, message=error.message)
    except DatabaseError as error:
        _end_by_database(export, error)
    except Exception:
        _end_unforeseen(export)
        raise


def give_up(export: BackgroundExport) -> None:
    """Record that the export ended its workers again and again."""
    error = make_gave_up_error("while it made the export")
    _refuse(export, ExportStatus.FAILED, code=error.code, message=error.message)


def _build(export: BackgroundExport) -> None:
    check_permission(export.user, *NEEDED_RIGHTS)
    check_encryption_keys()
    choice = read_choice(export)
    with closing(ExportFollower(export.pk, export.attempts)) as follower:
        packed, statistics = pack_export(
            choice.select, is_compact=choice.is_compact, progress=follower
        )
    _keep(export, packed, statistics)


def _keep(export: BackgroundExport, packed: bytes, statistics: ExportStatistics) -> None:
    """Keep the file, unless it is not wanted any more."""
    kept = _find_wanted(export, attempts=export.attempts).update(
        status=ExportStatus.SUCCEEDED,
        finished_at=timezone.now(),
        content=pack_file(packed),
        done=statistics.done,
        total=statistics.done,
        size=statistics.size,
        counts={kind.plural: statistics.counts[kind] for kind in Kind},
        sha256=statistics.sha256,
        warnings=statistics.warnings,
        limit_codes=statistics.limit_codes,
    )
    if not kept:
        logger.info("Export %s was not wanted any more when it was built", export.pk)


def _end_by_database(export: BackgroundExport, error: DatabaseError) -> None:
    """Record why the database failed; where it is lost, so is that, and a sweep goes on."""
    failure = make_failure(error)
    if failure is None:
        _end_unforeseen(export)
        raise error
    logger.error("The database failed export %s: %s", export.pk, format_for_log(error))
    _refuse(export, ExportStatus.FAILED, code=failure.code, message=failure.message)


def _end_unforeseen(export: BackgroundExport) -> None:
    message = "An error that was not foreseen stopped it. The log of the workers says more."
    _refuse(export, ExportStatus.FAILED, code="internal-error", message=message)


def _refuse(export: BackgroundExport, status: ExportStatus, *, code: str, message: str) -> None:
    """Record why there is no file, unless it is not wanted any more."""
    _find_wanted(export, attempts=export.attempts).update(
        status=status, finished_at=timezone.now(), code=code, message=message
    )


def _find_wanted(export: BackgroundExport, *, attempts: int) -> Any:
    wanted = BackgroundExport.objects.filter(pk=export.pk, status__in=UNFINISHED)
    return wanted.filter(attempts=attempts)
