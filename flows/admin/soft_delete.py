"""Soft deletion in the admin: the row, its uuid and its history stay, and it can be restored."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import actions
from django.contrib.admin.utils import model_ngettext, quote, unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, reverse
from reversion.admin import VersionAdmin

from flows.admin.missing_values import warn_of_missing_values
from flows.admin.page_addresses import list_page_urls
from flows.admin.warnings import show_warnings
from flows.deletion import (
    NameTakenError,
    SendsSecretsError,
    delete_many,
    mark_deleted,
    restore_item,
    restore_items,
)
from flows.relations.uses import find_users
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS
from flows.sight import find_visible_kinds

_NAMES_SHOWN = 10


class SoftDeleteAdmin(VersionAdmin):
    """Delete and restore, one item or the selected ones."""

    actions: tuple[str, ...] = ("delete_selected", "restore_selected")

    def get_urls(self) -> list[URLPattern]:
        urls = list_page_urls(self, ("<path:object_id>/undelete/", self.undelete_view, "undelete"))
        return [*urls, *super().get_urls()]

    # --- delete

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        item = self.get_object(request, unquote(object_id))
        if item is None or not self.has_delete_permission(request, item):
            return super().delete_view(request, object_id, extra_context)
        if item.is_deleted:
            self.message_user(request, f"“{item}” is deleted already.", messages.WARNING)
            return HttpResponseRedirect(self.get_change_url(item))
        context = {"users": find_users(item), **(extra_context or {})}
        return super().delete_view(request, object_id, context)

    def get_deleted_objects(self, objs: Iterable[Any], request: HttpRequest) -> Any:
        items = list(objs)
        lacking = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [str(item) for item in items], {self.opts.verbose_name: len(items)}, lacking, []

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        mark_deleted(obj, user_name=request.user.get_username())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        delete_many(list(queryset), user_name=request.user.get_username())

    @admin.action(permissions=["delete"], description="Delete selected %(verbose_name_plural)s")
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        live = queryset.filter(is_deleted=False)
        if not live.exists():
            self.message_user(request, "What is selected is deleted already.", messages.WARNING)
            return None
        return actions.delete_selected(self, request, live)

    # --- restore

    def undelete_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Restore a deleted item."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        item = self.get_object(request, unquote(object_id))
        if item is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_change_permission(request, item):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if item.is_deleted:
            self._restore(request, item)
        return HttpResponseRedirect(self.get_change_url(item))

    def _restore(self, request: HttpRequest, item: Any) -> None:
        try:
            warnings = restore_item(
                item,
                user_name=request.user.get_username(),
                may_retarget=request.user.has_perm(RETARGET_CONNECTIONS),
                visible_kinds=find_visible_kinds(request.user),
            )
        except NameTakenError:
            self.message_user(request, self._explain_taken_names([item]), messages.ERROR)
        except SendsSecretsError as error:
            self.message_user(request, _explain_refusal(error), messages.ERROR)
        else:
            self.log_change(request, item, "Restored.")
            message = f"The {self.opts.verbose_name} “{item}” is restored."
            self.message_user(request, message, messages.SUCCESS)
            show_warnings(self, request, warnings, name=str(item))
            warn_of_missing_values(self, request, [item])

    @admin.action(permissions=["change"], description="Restore selected %(verbose_name_plural)s")
    def restore_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Restore the deleted ones of the selected items."""
        try:
            back, kept, warnings = restore_items(
                list(queryset.filter(is_deleted=True)),
                user_name=request.user.get_username(),
                may_retarget=request.user.has_perm(RETARGET_CONNECTIONS),
                visible_kinds=find_visible_kinds(request.user),
            )
        except SendsSecretsError as error:
            self.message_user(request, _explain_refusal(error), messages.ERROR)
            return
        for item in back:
            self.log_change(request, item, "Restored.")
        if back:
            message = f"Restored {len(back)} {model_ngettext(self.opts, len(back))}."
            self.message_user(request, message, messages.SUCCESS)
            for warning in warnings:
                name = warning.destinations[0].name
                show_warnings(self, request, [warning], name=name)
            warn_of_missing_values(self, request, back)
        if kept:
            self.message_user(request, self._explain_taken_names(kept), messages.ERROR)
        if not back and not kept:
            self.message_user(request, "Nothing that is selected is deleted.", messages.WARNING)

    def _explain_taken_names(self, items: list[Any]) -> str:
        names = ", ".join(f"“{item}”" for item in items[:_NAMES_SHOWN])
        more = len(items) - _NAMES_SHOWN
        return (
            f"Not restored: {names}{f' and {more} more' if more > 0 else ''}. Another "
            f"{self.opts.verbose_name} has the name meanwhile. Rename or delete that one first."
        )

    def get_change_url(self, item: Any) -> str:
        """Return the address of the item's page."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(f"{self.admin_site.name}:{name}", args=[quote(item.pk)])


def _explain_refusal(error: SendsSecretsError) -> str:
    return f"Not restored: {error.reason} This needs the permission {RETARGET_CONNECTIONS}."
