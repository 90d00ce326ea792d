"""Flows in the admin, with import and export; and items of each kind with their imports."""

from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse

from flows.admin import ConnectionAdmin, FlowAdmin, SecretAdmin
from flows.admin.destinations import DestinationLine, DestinationOrigin
from flows.content.fields import Kind
from flows.models import MODELS, Connection, Flow, Secret
from imports.admin.addresses import get_record_url
from imports.admin.items.item_imports import ItemImportsMixin
from imports.admin.items.purging import PurgeMixin
from imports.admin.uploads.importing import may_import
from imports.exporting.downloads import make_export_response, pack_export
from imports.exporting.selection import UnknownFlowsError, select_flows
from imports.models import ImportRecord
from imports.permissions import VIEW_RECORDS
from imports.records.secret_writers import read_last_writers

admin.site.unregister(MODELS.values())


@admin.register(Flow)
class PortableFlowAdmin(PurgeMixin, ItemImportsMixin, FlowAdmin):
    """Flows, with their import and export."""

    change_list_template = "admin/imports/flow_change_list.html"
    actions = (*PurgeMixin.actions, "export_selected", "export_compact", "export_in_gzip")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may see all that an export contains."""
        return request.user.has_perms([f"flows.view_{kind}" for kind in Kind])

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        import_url = reverse("admin:imports_upload") if may_import(request) else None
        may_export = self.has_export_permission(request)
        context = {
            **(extra_context or {}),
            "import_url": import_url,
            "export_url": reverse("admin:imports_export") if may_export else None,
            "export_button": may_export,
        }
        page: HttpResponse = super().changelist_view(request, context)
        return page

    @admin.action(
        permissions=["export"],
        description="Export selected %(verbose_name_plural)s, with all that they need",
    )
    def export_selected(
        self, request: HttpRequest, queryset: QuerySet[Flow]
    ) -> StreamingHttpResponse | None:
        """Return the export of the selected flows, for a browser to save."""
        return self._export(request, queryset)

    @admin.action(
        permissions=["export"],
        description="Export selected %(verbose_name_plural)s compact, without indentation",
    )
    def export_compact(
        self, request: HttpRequest, queryset: QuerySet[Flow]
    ) -> StreamingHttpResponse | None:
        """Return the same export without indentation."""
        return self._export(request, queryset, is_compact=True)

    @admin.action(
        permissions=["export"],
        description="Export selected %(verbose_name_plural)s in gzip, the smallest file",
    )
    def export_in_gzip(
        self, request: HttpRequest, queryset: QuerySet[Flow]
    ) -> StreamingHttpResponse | None:
        """Return the export without indentation, in gzip."""
        return self._export(request, queryset, is_compact=True, in_gzip=True)

    def _export(
        self,
        request: HttpRequest,
        queryset: QuerySet[Flow],
        *,
        is_compact: bool = False,
        in_gzip: bool = False,
    ) -> StreamingHttpResponse | None:
        uuids = [str(uuid) for uuid in queryset.order_by().values_list("uuid", flat=True)]
        try:
            packed, statistics = pack_export(
                lambda: select_flows(uuids=uuids), is_compact=is_compact
            )
        except UnknownFlowsError:
            message = "A deleted flow cannot be exported: restore it, or leave it out."
            self.message_user(request, message, messages.ERROR)
            return None
        for warning in statistics.warnings:
            self.message_user(request, f"The export: {warning}", messages.WARNING)
        return make_export_response(packed, statistics.size, in_gzip=in_gzip)


@admin.register(Connection)
class PortableConnectionAdmin(PurgeMixin, ItemImportsMixin, ConnectionAdmin):
    """Connections, with the imports of each."""


@admin.register(Secret)
class PortableSecretAdmin(PurgeMixin, ItemImportsMixin, SecretAdmin):
    """Secrets, with the imports of each, and which import last wrote each user."""

    def make_destination_lines(self, request: HttpRequest, secret: Secret) -> list[DestinationLine]:
        lines = super().make_destination_lines(request, secret)
        if not request.user.has_perm(VIEW_RECORDS):
            return lines
        users = [(line.destination.kind, line.destination.uuid) for line in lines]
        writers = read_last_writers(users)
        return [
            replace(line, written_by=_make_origin(writers.get(user)))
            for line, user in zip(lines, users, strict=True)
        ]


def _make_origin(record: ImportRecord | None) -> DestinationOrigin | None:
    if record is None:
        return None
    text = f"import {record.pk} of {record.started_at:%Y-%m-%d}"
    return DestinationOrigin(text=text, url=get_record_url(record))
