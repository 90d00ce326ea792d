"""The tables of imports: the record of each run with its items, uploads, and built downloads."""

from imports.models.exports import BackgroundExport, ExportStatus
from imports.models.jobs import REQUEST_OF_JOB, BackgroundJob, JobKind, RunProgress
from imports.models.planning import PlanningJob
from imports.models.records import (
    HOLDING_KEYS,
    RESTORE,
    UNDO,
    Door,
    ImportItem,
    ImportRecord,
    Status,
)
from imports.models.waiting import FILE_OF_PENDING, BuiltExport, BuiltTransfer, PendingImport
from imports.parsed.models import ParsedItem

__all__ = [
    "FILE_OF_PENDING",
    "HOLDING_KEYS",
    "REQUEST_OF_JOB",
    "RESTORE",
    "UNDO",
    "BackgroundExport",
    "BackgroundJob",
    "BuiltExport",
    "BuiltTransfer",
    "Door",
    "ExportStatus",
    "ImportItem",
    "ImportRecord",
    "JobKind",
    "ParsedItem",
    "PendingImport",
    "PlanningJob",
    "RunProgress",
    "Status",
]
