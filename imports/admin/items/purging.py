"""Delete selected items for good: an action on their lists leads to a page that is confirmed.

The page has an address of its own: an action runs in a revision of django-reversion, and so in a
transaction, and deleting for good waits for the import lock first.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.models import DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from flows.admin import ItemAdmin
from flows.admin.page_addresses import wrap_running_page
from flows.admin.reversion_pages import read_version_number
from flows.counting import format_count
from flows.models import Item
from flows.users import User
from imports.errors import NotPermitted, UnableToImport
from imports.permissions import PURGE_ITEMS, find_visible_kinds
from imports.purging.service import preview_purge, purge_items

_MOST = 100
"""How many are deleted at a time: the page lists each with what there is of it."""


class PurgeMixin(ItemAdmin):
    """The action and its page, for users with that right and the right to delete such items."""

    actions: tuple[str, ...] = (*ItemAdmin.actions, "purge_selected")

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_purge"
        view = wrap_running_page(self.admin_site, self.purge_view)
        return [path("purge/", view, name=name), *super().get_urls()]

    def has_purge_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may delete items of this kind for good."""
        return request.user.has_perm(PURGE_ITEMS) and self.has_delete_permission(request)

    @admin.action(
        permissions=["purge"], description="Delete selected %(verbose_name_plural)s for good"
    )
    def purge_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Redirect to the page that shows what would be removed."""
        pks = list(queryset.order_by("pk").values_list("pk", flat=True)[: _MOST + 1])
        if len(pks) > _MOST:
            message = f"At most {_MOST} items are deleted for good at a time: select fewer."
            self.message_user(request, message, messages.ERROR)
            return None
        query = urlencode({"item": pks}, doseq=True)
        return HttpResponseRedirect(f"{self._get_purge_url('purge')}?{query}")

    def purge_view(self, request: HttpRequest) -> HttpResponse:
        """Show what would be removed; once it is confirmed, remove it."""
        if not self.has_purge_permission(request):
            raise PermissionDenied
        items = self._find_selected(request)
        if not items:
            self.message_user(request, "Nothing is selected that is still there.", messages.WARNING)
            return HttpResponseRedirect(self._get_purge_url("changelist"))
        try:
            if request.method != "POST":
                return self._show_purge(request, items)
            self._purge(request, items)
        except NotPermitted:
            raise PermissionDenied from None
        except UnableToImport as error:
            self.message_user(request, f"Nothing was deleted. {error.message}", messages.ERROR)
        return HttpResponseRedirect(self._get_purge_url("changelist"))

    def _find_selected(self, request: HttpRequest) -> list[Item]:
        given = request.POST if request.method == "POST" else request.GET
        pks = [read_version_number(text) for text in given.getlist("item")[:_MOST]]
        return list(self.model._default_manager.filter(pk__in=pks).order_by("pk"))

    def _show_purge(self, request: HttpRequest, items: list[Item]) -> TemplateResponse:
        user = _get_user(request)
        keys = [(item.kind, str(item.uuid)) for item in items]
        context = {
            **self.admin_site.each_context(request),
            "title": "Delete for good",
            "opts": self.opts,
            "media": self.media,
            "purge": preview_purge(keys, user=user),
            "visible_kinds": find_visible_kinds(user),
            "pks": [item.pk for item in items],
        }
        return TemplateResponse(request, "admin/imports/purge_confirmation.html", context)

    def _purge(self, request: HttpRequest, items: list[Item]) -> None:
        user = _get_user(request)
        purge_items(
            [(item.kind, str(item.uuid)) for item in items],
            user=user,
            user_name=user.get_username(),
            with_used=request.POST.get("with_used") == "yes",
        )
        content_type = ContentType.objects.get_for_model(self.model)
        for item in items:  # by their uuids: the names are gone for good
            LogEntry.objects.create(
                user_id=user.pk,
                content_type=content_type,
                object_id=str(item.pk),
                object_repr=str(item.uuid),
                action_flag=DELETION,
                change_message="Deleted for good.",
            )
        done = format_count(len(items), str(self.opts.verbose_name))
        self.message_user(request, f"Deleted {done} for good.", messages.SUCCESS)

    def _get_purge_url(self, page: str) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{page}"
        return reverse(f"{self.admin_site.name}:{name}")


def _get_user(request: HttpRequest) -> User:
    user: Any = request.user  # somebody is logged in: the page needs a right
    return user  # type: ignore[no-any-return]
