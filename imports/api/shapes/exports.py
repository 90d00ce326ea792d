"""The serializers of exports in the background."""

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from flows.content.fields import Kind
from flows.web.api_paths import make_api_address
from imports.api.shapes.answers import DIRECTORY, ExportStatisticsSerializer
from imports.api.shapes.query import TimeField
from imports.expiry import get_expiry
from imports.jobs.exports.asking import UNFINISHED
from imports.models import BackgroundExport, ExportStatus

IN_GZIP = "gzip"
_QUERIES = {DIRECTORY: {"format": DIRECTORY}, IN_GZIP: {"gzip": "true"}}
"""By the form of the file, the parameters of its address."""


class ExportProgressSerializer(serializers.Serializer[Any]):
    """How far an export is."""

    done = serializers.IntegerField(help_text="Items that are written so far.")
    total = serializers.IntegerField(help_text="Items to write; 0 before they are chosen.")
    bytes = serializers.IntegerField(help_text="Written so far, before it is packed.")


class BackgroundExportSerializer(serializers.ModelSerializer[BackgroundExport]):
    """An export that is left to a worker."""

    status = serializers.ChoiceField(ExportStatus.choices)
    askedAt = TimeField(source="asked_at")
    startedAt = TimeField(source="started_at", allow_null=True)
    finishedAt = TimeField(source="finished_at", allow_null=True)
    expiresAt = serializers.SerializerMethodField(help_text="Until when it is kept.")
    progress = serializers.SerializerMethodField(help_text="Null when it has ended.")
    statistics = serializers.SerializerMethodField(help_text="Null until it has succeeded.")
    file = serializers.SerializerMethodField(
        help_text="Where the file is, in the form that was asked for; null until it has succeeded."
    )
    code = serializers.CharField(help_text="Why there is no file; else empty.")
    message = serializers.CharField(help_text="The same, for people.")

    class Meta:
        model = BackgroundExport
        fields = (
            *("id", "status", "askedAt", "startedAt", "finishedAt", "expiresAt", "progress"),
            *("statistics", "file", "code", "message"),
        )

    @extend_schema_field(TimeField())
    def get_expiresAt(self, export: BackgroundExport) -> str:  # noqa: N802 - the field's name
        return TimeField().to_representation(get_expiry(export.finished_at or export.asked_at))

    @extend_schema_field(ExportProgressSerializer(allow_null=True))
    def get_progress(self, export: BackgroundExport) -> dict[str, int] | None:
        if export.status not in UNFINISHED:
            return None
        return {"done": export.done, "total": export.total, "bytes": export.size}

    @extend_schema_field(ExportStatisticsSerializer(allow_null=True))
    def get_statistics(self, export: BackgroundExport) -> dict[str, Any] | None:
        if export.status != ExportStatus.SUCCEEDED:
            return None
        return {
            **{kind.plural: export.counts[kind.plural] for kind in Kind},
            "size": export.size,
            "sha256": export.sha256,
            "warnings": export.warnings,
        }

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_file(self, export: BackgroundExport) -> str | None:
        if export.status != ExportStatus.SUCCEEDED:
            return None
        query = _QUERIES.get(export.form)
        address = make_api_address(self.context["request"], "background-export-file", export.pk)
        return f"{address}?{urlencode(query)}" if query else address
