"""The records of imports in the admin: a list, a page for each, and its checklist.

Read-only: only the run itself writes its record. A user can give a secret of the checklist its
first value, and tick a connection off.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.text import Truncator

from flows.admin.list_addresses import CheckedListMixin
from flows.admin.page_addresses import list_page_urls
from flows.content.fields import Kind
from imports.admin.addresses import get_record_url
from imports.admin.missing_record import render_missing_record
from imports.admin.records.checklist_views import ChecklistViews
from imports.admin.records.item_page import has_difference, make_item_context
from imports.admin.records.record_checklist import NOTHING_TYPED, Typed
from imports.admin.records.record_items import make_search_condition
from imports.admin.records.record_page import make_record_context
from imports.admin.records.run_progress import ProgressViews
from imports.admin.server.server_pages import list_server_urls
from imports.admin.undo.undoing import list_undo_urls, may_undo
from imports.admin.uploads.importing import list_import_urls, may_import
from imports.admin.wording import format_counts, format_duration, replace_options
from imports.models import ImportItem, ImportRecord
from imports.permissions import VIEW_RECORDS, get_record_message, may_see
from imports.records.outcomes import get_shown_status

_FILE_NAME_SHOWN = 80
_MESSAGE_SHOWN = 120


@admin.register(ImportRecord)
class ImportRecordAdmin(CheckedListMixin, admin.ModelAdmin):
    """Records, which nobody adds, changes or deletes by hand."""

    list_display = (
        *("id", "started_at", "state", "server_name", "file", "what"),
        *("how", "who", "door", "took"),
    )
    list_filter = ("status", "door", "mode", "server")
    search_fields = ("file_name", "user_name", "server", "file_sha256")
    date_hierarchy = "started_at"
    list_per_page = 50
    actions = None

    class Media:
        css = {"all": ("imports/records.css",)}  # noqa: RUF012 - as in Django's documentation

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ImportRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ImportRecord | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: ImportRecord | None = None) -> bool:
        return request.user.has_perm(VIEW_RECORDS)

    def get_urls(self) -> list[URLPattern]:
        looked_at = "<int:record_id>/connections/<int:item_id>/looked-at/"
        views = ChecklistViews(self.admin_site, self._find_record, self._render_page)
        progress = ProgressViews(self._find_record)
        own = list_page_urls(
            self,
            ("<int:record_id>/items/<int:item_id>/", self.item_view, "item"),
            ("<int:record_id>/state/", progress.state, "state"),
            ("<int:record_id>/cancel/", progress.cancel, "cancel"),
            ("<int:record_id>/checklist/", views.change_many, "checklist"),
            ("<int:record_id>/secrets/<uuid:secret_uuid>/", views.fill, "fill"),
            (looked_at, views.tick_off, "tick_off"),
        )
        site = self.admin_site
        pages = (*list_import_urls(site), *list_undo_urls(site), *list_server_urls(site))
        return [*pages, *own, *super().get_urls()]

    # --- the list

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        import_url = reverse("admin:imports_upload") if may_import(request) else None
        context = {**(extra_context or {}), "import_url": import_url}
        return super().changelist_view(request, context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRecord]:
        return super().get_queryset(request).defer("issues")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ImportRecord], search_term: str
    ) -> tuple[QuerySet[ImportRecord], bool]:
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        if term := search_term.strip():
            # Not by search_fields: with a join, a record would appear once for each of its items.
            items = ImportItem.objects.order_by().filter(make_search_condition(term))
            found |= queryset.filter(pk__in=items.values("record"))
        return found, has_duplicates

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns; the reason of a refusal is shown as far as the user may see it."""

        @admin.display(description="status", ordering="status")
        def state(record: ImportRecord) -> str:
            message = get_record_message(request.user, record)  # type: ignore[arg-type]
            cut = Truncator(replace_options(message)).chars(_MESSAGE_SHOWN)
            status = get_shown_status(record)
            return format_html(
                '<span class="record-status record-{}">{}{}</span>{}',
                status,
                status.label,
                ":" if cut else "",
                format_html(' <span class="record-why">{}</span>', cut) if cut else "",
            )

        return [state if name == "state" else name for name in super().get_list_display(request)]

    def state(self, record: ImportRecord) -> str:
        """Return the status. The column is replaced in get_list_display."""
        return str(get_shown_status(record).label)

    @admin.display(description="server", ordering="server")
    def server_name(self, record: ImportRecord) -> str:
        return format_html("<bdi>{}</bdi>", record.server)

    @admin.display(description="file", ordering="file_name")
    def file(self, record: ImportRecord) -> str:
        name = record.file_name
        cut = name if len(name) <= _FILE_NAME_SHOWN else f"{name[:_FILE_NAME_SHOWN]}..."
        return format_html("<bdi>{}</bdi>", cut or "(no name)")

    @admin.display(description="who", ordering="user_name")
    def who(self, record: ImportRecord) -> str:
        return format_html("<bdi>{}</bdi>", record.user_name or "-")

    @admin.display(description="mode", ordering="mode")
    def how(self, record: ImportRecord) -> str:
        return "redo" if record.is_redo else record.get_mode_display()

    @admin.display(description="items")
    def what(self, record: ImportRecord) -> str:
        return format_counts(record.counts) or "-"

    @admin.display(description="time")
    def took(self, record: ImportRecord) -> str:
        return format_duration(record.seconds) or "-"

    # --- a record

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        try:
            record = self._find_record(request, object_id)
        except Http404:
            if not object_id.isdecimal():
                raise
            return render_missing_record(self.admin_site, request, int(object_id))
        return self._render_page(request, record)

    def item_view(self, request: HttpRequest, record_id: int, item_id: int) -> HttpResponse:
        """Show what the import changed in the row of one of its items."""
        record = self._find_record(request, str(record_id))
        item = ImportItem.objects.filter(record=record, pk=item_id).first()
        if item is None or not has_difference(item):
            raise Http404
        if not may_see(request.user, Kind(item.kind)):
            raise PermissionDenied
        pictures = forms.Media(css={"all": ("flows/graph.css", "flows/difference.css")})
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media + pictures,
            "record_url": get_record_url(record),
            **make_item_context(item),
        }
        return TemplateResponse(request, "admin/imports/importrecord/item.html", context)

    def _find_record(self, request: HttpRequest, record_id: str) -> ImportRecord:
        if not self.has_view_permission(request):
            raise PermissionDenied
        record: ImportRecord | None = self.get_object(request, record_id)
        if record is None:
            raise Http404
        return record

    def _render_page(
        self, request: HttpRequest, record: ImportRecord, *, typed: Typed = NOTHING_TYPED
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media + forms.Media(css={"all": ("admin/css/forms.css",)}),
            "may_undo": may_undo(request, record),
            **make_record_context(request, record, typed=typed),
        }
        return TemplateResponse(request, "admin/imports/importrecord/record.html", context)
