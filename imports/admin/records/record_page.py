"""The content of a record's page, read in a fixed number of queries."""

from collections.abc import Mapping
from shlex import quote
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.users import User
from imports.admin.addresses import get_record_url
from imports.admin.records.record_checklist import Typed, make_checklist_context
from imports.admin.records.record_items import make_items_context, sort_items
from imports.admin.records.record_warnings import find_warned_items
from imports.admin.records.run_progress import make_progress_context
from imports.admin.wording import (
    RESULT_WORDS,
    format_counts,
    format_duration,
    format_options,
    replace_options,
)
from imports.history.wording import format_pruned
from imports.models import Door, ImportRecord, PendingImport, Status
from imports.permissions import RUN_IMPORT, get_record_message, may_see_paths
from imports.records.checklist import read_checklist
from imports.records.outcomes import describe_outcome, get_shown_status
from imports.undo.run_names import name_run

_RECORDS_SHOWN = 10

_DOOR_WORDS: Mapping[str, str] = {
    Door.COMMAND: "the command",
    Door.ADMIN: "the admin",
    Door.API: "the API",
}
_APPLIED = (str(Status.SUCCEEDED), str(Status.UNDONE))
_TRIED = (str(Status.FAILED), str(Status.REFUSED), str(Status.INTERRUPTED), str(Status.CANCELLED))


def make_record_context(
    request: HttpRequest, record: ImportRecord, *, typed: Typed
) -> dict[str, Any]:
    """Return the context of the page; `typed` is what was sent to the checklist and refused."""
    user: Any = request.user
    name = name_run(record)
    message = replace_options(get_record_message(user, record))
    return {
        "title": f"Import {record.pk}: {name.text}" if name.depth else f"Import {record.pk}",
        "name": name,
        "record": record,
        "record_url": get_record_url(record),
        "status": get_shown_status(record),
        "outcome": describe_outcome(record, message),
        **make_progress_context(request, record),
        "total": format_counts(record.counts),
        "issues": [
            {**issue, "message": replace_options(issue["message"])} for issue in record.issues
        ],
        "again": _find_again(record, user),
        "undone_by": record.find_undo_in_effect(),
        "duration": format_duration(record.seconds),
        "options": list(format_options(record)),
        "origin": _describe_origin(record),
        "pruned": format_pruned(record.pruned),
        "backup": _describe_backup(record, user),
        "same_file": _find_same_file(record),
        "counts": _count_items(record),
        "warned": find_warned_items(sort_items(record.items.all())),
        **make_checklist_context(request, read_checklist(record), typed),
        **make_items_context(request, record),
    }


def _describe_origin(record: ImportRecord) -> str:
    """Return by what the run was started."""
    if record.origin:
        return f"by a kept plan, through {_DOOR_WORDS[record.door]}"
    if record.plan_checksum:
        return f"by a saved plan, through {_DOOR_WORDS[record.door]}"
    return f"through {_DOOR_WORDS[record.door]}"


def _describe_backup(record: ImportRecord, user: User) -> dict[str, str] | None:
    """Return where the backup is and how to restore it; only its name without the right to."""
    path = record.backup_path
    if not path:
        return None
    if not may_see_paths(user):
        return {"path": path.rpartition("/")[2]}
    command = f"python manage.py database_restore {quote(path)}"
    # The run was made from another instance, where this database is a registered server.
    if record.server != ziggy.SERVER_NAME:
        command += f" --server {quote(record.server)}"
    return {"path": path, "command": command}


def _find_same_file(record: ImportRecord) -> dict[str, Any]:
    if not record.file_sha256:  # an undo has no file
        return {}
    others = (
        ImportRecord.objects.filter(file_sha256=record.file_sha256)
        .exclude(pk=record.pk)
        .only("pk", "status", "code", "started_at", "server")
    )
    applied = list(others.filter(status__in=_APPLIED)[:_RECORDS_SHOWN])
    tried = [
        (other, get_shown_status(other).label)
        for other in others.filter(status__in=_TRIED)[:_RECORDS_SHOWN]
    ]
    if not applied and not tried:
        return {}
    every = reverse("admin:imports_importrecord_changelist")
    return {
        "applied": applied,
        "tried": tried,
        "every_url": f"{every}?q={record.file_sha256}",
    }


def _count_items(record: ImportRecord) -> dict[str, Any]:
    """Return the number of items by kind and result, without zero rows and columns."""
    found = {
        (row["kind"], row["result"]): row["number"]
        for row in record.items.order_by().values("kind", "result").annotate(number=Count("pk"))
    }
    results = [result for result in RESULT_WORDS if any(str(result) == key[1] for key in found)]
    rows = [
        (kind.plural, [found.get((str(kind), str(result)), 0) for result in results])
        for kind in Kind
        if any(str(kind) == key[0] for key in found)
    ]
    return {"results": [RESULT_WORDS[result] for result in results], "rows": rows}


def _find_again(record: ImportRecord, user: User) -> dict[str, Any] | None:
    """Return where the file of a run that wrote nothing can be imported with other options.

    None where there is no file, or the user may not import; `number` is of the upload that waits.
    """
    if not record.code or not record.file_sha256 or not user.has_perm(RUN_IMPORT):
        return None
    waiting = PendingImport.objects.filter(
        user=user,
        file_sha256=record.file_sha256,
        record=None,
        content__isnull=False,
        expires_at=None,
    )
    return {"number": waiting.order_by("-pk").values_list("pk", flat=True).first()}
