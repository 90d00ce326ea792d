"""The list of flows in the admin, with the way in and the way out: import and export."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse

from flows.admin import FlowAdmin
from flows.content import Kind
from flows.models import Flow
from imports.admin.importing import may_import
from imports.downloads import export_response, pack_export
from imports.selection import UnknownFlowsError, select_flows

admin.site.unregister(Flow)


@admin.register(Flow)
class PortableFlowAdmin(FlowAdmin):
    """Flows, which come from other servers and go to them."""

    change_list_template = "admin/imports/flow_change_list.html"
    actions = (*FlowAdmin.actions, "export_selected")

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user may see all that an export holds."""
        return request.user.has_perms([f"flows.view_{kind}" for kind in Kind])

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        import_url = reverse("admin:imports_upload") if may_import(request) else None
        context = {**(extra_context or {}), "import_url": import_url}
        page: HttpResponse = super().changelist_view(request, context)
        return page

    @admin.action(
        permissions=["export"],
        description="Export selected %(verbose_name_plural)s, with all that they need",
    )
    def export_selected(
        self, request: HttpRequest, queryset: QuerySet[Flow]
    ) -> StreamingHttpResponse | None:
        """The export file, to be imported on another server."""
        uuids = [str(uuid) for uuid in queryset.order_by().values_list("uuid", flat=True)]
        try:
            packed, statistics = pack_export(lambda: select_flows(uuids=uuids))
        except UnknownFlowsError:
            told = "A deleted flow cannot be exported: restore it, or leave it out."
            self.message_user(request, told, messages.ERROR)
            return None
        for warning in statistics.warnings:
            self.message_user(request, f"The export: {warning}", messages.WARNING)
        return export_response(packed, statistics.size)
