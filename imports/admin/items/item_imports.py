"""The imports of an item: their list, and what each changed, linked from the item's page."""

from collections.abc import Iterator
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from reversion.errors import RevertError

from flows.admin import ItemAdmin
from flows.admin.page_addresses import list_page_urls
from flows.differences.values import compare_contents
from imports.admin.addresses import get_record_url
from imports.admin.wording import RESULT_WORDS
from imports.models import ImportItem
from imports.permissions import VIEW_RECORDS
from imports.records.item_history import ItemImport, add_states, find_imports, read_state
from imports.records.kept_states import Kept

IMPORTS_PER_PAGE = 50
_UNFIT = "One of the two states does not fit the database any more."
_LOST_BEFORE = "What it was before is not kept any more."
_LOST_AFTER = "What the import left is not kept any more: it was changed since without a save."


class ItemImportsMixin(ItemAdmin):
    """The pages of an item's imports, for users who may see the item and records."""

    change_form_template = "admin/imports/item_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        imports = "<path:object_id>/imports/"
        urls = list_page_urls(
            self,
            (imports, self.imports_view, "imports"),
            (f"{imports}<int:number>/", self.import_view, "import"),
        )
        return [*urls, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        original = context.get("original")
        if original and request.user.has_perm(VIEW_RECORDS):
            context["imports_url"] = self._get_url("imports", original.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    def imports_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """List the imports, newest first, in pages."""
        item = self._find_item_with_imports(request, object_id)
        imports = Paginator(find_imports(item), IMPORTS_PER_PAGE)
        page = imports.get_page(request.GET.get("page"))
        shown = cast(QuerySet[ImportItem], page.object_list)
        context = {
            "page": page,
            "pages": imports.get_elided_page_range(page.number),
            "lines": [self._make_line(item, each) for each in add_states(item, shown)],
            "may_change": self.has_change_permission(request, item),
        }
        return self._render_page(
            request, item, "Imports", "admin/imports/item_imports.html", context
        )

    def import_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Show what one import changed: the states before and after it."""
        item = self._find_item_with_imports(request, object_id)
        found = add_states(item, find_imports(item).filter(pk=number))
        if not found or not _is_shown(found[0]):
            raise Http404
        [each] = found
        fault, shown, comes_back = "", None, False
        try:
            before, after = (read_state(item, state) for state in (each.before, each.after))
            contents = (state.content if state else None for state in (before, after))
            shown = compare_contents(item.kind, *contents)
            comes_back = bool(before and before.is_deleted and after)
        except RevertError:
            fault = _UNFIT
        context = {
            **self._make_line(item, each),
            "imports_url": self._get_url("imports", item.pk),
            "difference": shown,
            "fault": fault,
            "comes_back": comes_back,
            "may_change": self.has_change_permission(request, item),
        }
        return self._render_page(request, item, "Import", "admin/imports/item_import.html", context)

    def _find_item_with_imports(self, request: HttpRequest, object_id: str) -> Any:
        if not request.user.has_perm(VIEW_RECORDS):
            raise PermissionDenied
        return self.find_item(request, object_id)

    def _make_line(self, item: Any, each: ItemImport) -> dict[str, Any]:
        before = each.before.save
        return {
            "each": each,
            "record": each.item.record,
            "record_url": get_record_url(each.item.record),
            "result": RESULT_WORDS[each.item.result],
            "difference_url": self._get_url("import", item.pk, each.item.pk)
            if _is_shown(each)
            else None,
            "save_url": before and self._get_url("restore_save", item.pk, before),
            "notes": list(_make_notes(each)),
        }

    def _get_url(self, name: str, *arguments: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=arguments)


def _is_shown(each: ItemImport) -> bool:
    return each.before.is_known and each.after.is_known


def _make_notes(each: ItemImport) -> Iterator[str]:
    if each.before.kept is Kept.LOST:
        yield _LOST_BEFORE
    if each.after.kept is Kept.LOST:
        yield _LOST_AFTER
