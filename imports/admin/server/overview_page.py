"""The figures of the server on the first page of the admin, each with its link."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from flows.admin.secret_filters import MISSING
from imports.admin.addresses import get_record_url
from imports.admin.wording import format_counts
from imports.overview.figures import Figure
from imports.overview.read import LastRun, Overview, RunningImport, read_overview


def make_overview_context(request: HttpRequest) -> dict[str, Any]:
    """Return the context of the template, for the user of the request."""
    overview = read_overview(request.user)  # type: ignore[arg-type]
    urls = _make_urls(overview)
    return {
        "overview": overview,
        "cards": [{"card": card, "url": urls[card.figure]} for card in overview.cards],
        "runs": [_make_line(run) for run in overview.runs],
        "running": overview.running and _make_running_line(overview.running),
        "records_url": urls[Figure.IMPORTS],
    }


def _make_urls(overview: Overview) -> Mapping[Figure, str]:
    records = reverse("admin:imports_importrecord_changelist")
    backup = overview.backup_record
    return {
        Figure.IMPORTS: records,
        Figure.UPLOADS: reverse("admin:imports_upload"),
        Figure.SECRETS: f"{reverse('admin:flows_secret_changelist')}?value={MISSING}",
        Figure.DRIFT: reverse("admin:imports_drift"),
        Figure.BACKUP: reverse("admin:imports_importrecord_change", args=[backup])
        if backup
        else records,
    }


def _make_line(run: LastRun) -> dict[str, Any]:
    record = run.record
    undo_url = reverse("admin:imports_importrecord_undo", args=[record.pk])
    return {
        "record": record,
        "url": get_record_url(record),
        "counts": format_counts(record.counts),
        "undo_url": undo_url if run.may_be_undone else "",
    }


def _make_running_line(running: RunningImport) -> dict[str, Any]:
    return {
        "record": running.record,
        "url": get_record_url(running.record),
        "progress": running.progress,
    }
