"""What waits for a worker when a database is restored: it waited when the backup was made."""

from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone

from flows.servers import get_current_database
from imports.jobs.availability import may_queue
from imports.jobs.exports.asking import UNFINISHED
from imports.jobs.queue import forget_queue
from imports.models import BackgroundExport, BackgroundJob, ImportRecord, PlanningJob, Status


def discard_queued() -> int:
    """Record as interrupted what waits in a restored database; return how many runs that were.

    Whoever restores an earlier state wants no import of then, and no export. Call it with the
    import lock, where the database is of this version.
    """
    with transaction.atomic(using=get_current_database()):
        count = ImportRecord.objects.filter(status=Status.QUEUED).update(
            status=Status.INTERRUPTED,
            finished_at=timezone.now(),
            code="interrupted",
            message="The database was restored while it waited. Nothing of this import was "
            "written. Ask again.",
        )
        BackgroundJob.objects.all().delete()
        BackgroundExport.objects.filter(status__in=UNFINISHED).delete()
        PlanningJob.objects.filter(code="").update(
            code="interrupted",
            message="The database was restored while it waited to be planned. Upload the file "
            "again.",
        )
        if may_queue() and get_current_database() == DEFAULT_DB_ALIAS:
            forget_queue()
    return count
