"""The named saves of an item in the admin: listed, taken, compared, restored.

The pages have addresses of their own: those of django-reversion work inside a revision, which
would take what happens here for a change of its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.forms import Media, Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from reversion.admin import VersionAdmin
from reversion.errors import RevertError
from reversion.models import Version

from accounts.models import User
from flows.admin.forms import SaveForm
from flows.admin.missing_values import tell_of_missing_values
from flows.content.fields import Kind
from flows.differences.values import difference
from flows.saves import named_saves, saved_states
from flows.saves.saved_states import SavedRow
from flows.saves.state_tags import state_tag
from flows.secrets.stored_destinations import RETARGET_CONNECTIONS, lock_destinations
from flows.servers import current_database
from flows.sight import kinds_seen

NOW = "now"
SAVES_PER_PAGE = 100
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
_NUMBER_DIGITS = 18  # a longer one is no number of a row
DIFFERENCE_MEDIA = Media(
    css={"all": ["flows/graph.css", "flows/difference.css"]},
    js=[Script("flows/difference.js", defer=True)],  # type: ignore[list-item]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of an item to compare: the present one, which has no save, or a saved one."""

    name: str
    when: datetime | None
    row: SavedRow


class SavesAdmin(VersionAdmin):
    """The pages of named saves."""

    object_history_template = "admin/flows/object_history.html"

    def get_urls(self) -> list[URLPattern]:
        saves = "<path:object_id>/saves/"
        pages = (
            (saves, self.saves_view, "saves"),
            (f"{saves}compare/", self.compare_view, "compare_saves"),
            (
                f"{saves}<int:number>/restore/",
                self.restore_save_view,
                "restore_save",
            ),
        )
        info = f"{self.opts.app_label}_{self.opts.model_name}"
        urls = [
            path(route, self.admin_site.admin_view(view), name=f"{info}_{name}")
            for route, view, name in pages
        ]
        return [*urls, *super().get_urls()]

    # --- list and take

    def saves_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The saves, newest first, with a form to take one and a form to compare two."""
        item = self._item(request, object_id)
        may_change = self.has_change_permission(request, item)
        if request.method == "POST" and not may_change:
            raise PermissionDenied
        form = SaveForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._take(request, item, form.cleaned_data["name"])
        saves = Paginator(named_saves.saves_of(item), SAVES_PER_PAGE)
        page = saves.get_page(request.GET.get("page"))
        context = {
            "form": form,
            "may_change": may_change,
            "saves": page,
            "pages": saves.get_elided_page_range(page.number),
        }
        return self._page(request, item, "Named saves", "admin/flows/saves.html", context)

    def _take(self, request: HttpRequest, item: Any, name: str) -> HttpResponse:
        with transaction.atomic(using=current_database()):
            named_saves.take(self._locked(item), name, user=cast(User, request.user))
        self.log_change(request, item, f"Took the named save “{name}”.")
        self.message_user(request, f"The save “{name}” is taken.", messages.SUCCESS)
        return HttpResponseRedirect(self.saves_url(item))

    # --- compare

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What differs between two saves, or between one and now."""
        item = self._item(request, object_id)
        try:
            before = self._state(item, request.GET.get("before", ""))
            after = self._state(item, request.GET.get("after", NOW))
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.saves_url(item))
        context = {"before": before, "after": after, **_compared(item.kind, before, after)}
        return self._page(request, item, "Compare", "admin/flows/compare_saves.html", context)

    def _state(self, item: Any, chosen: str) -> State:
        """The state that somebody chose. Raises Http404 and RevertError."""
        if chosen == NOW:
            return _now(item)
        return _saved(self._version(item, _number(chosen)))

    # --- restore

    def restore_save_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Ask, with what would change, and put the item back into the state of a save."""
        item = self._item(request, object_id)
        if not self.has_change_permission(request, item):
            raise PermissionDenied
        version = self._version(item, number)
        try:
            if request.method == "POST":
                return self._restore_save(request, item, version)
            saved = _saved(version)
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.saves_url(item))
        context = {
            "save": version,
            "lacking": list(_lacking(request, item, saved.row)),
            "is_secret": item.kind is Kind.SECRET,
            **_compared(item.kind, _now(item), saved),
        }
        return self._page(request, item, "Restore", "admin/flows/restore_save.html", context)

    def _restore_save(self, request: HttpRequest, item: Any, version: Version) -> HttpResponse:
        with transaction.atomic(using=current_database()):
            lock_destinations()
            locked = self._locked(item)
            if any(_lacking(request, locked, saved_states.saved_row(version))):
                raise PermissionDenied
            is_revived = locked.is_deleted and not saved_states.saved_row(version)["is_deleted"]
            user = cast(User, request.user)
            saved_states.restore(locked, version, user=user, user_name=user.get_username())
        name = version.revision.comment
        self.log_change(request, item, f"Restored the named save “{name}”.")
        told = f"The save “{name}” is restored. What was before is the save “Pre restore”."
        self.message_user(request, told, messages.SUCCESS)
        if is_revived:
            tell_of_missing_values(self, request, [type(item)._default_manager.get(pk=item.pk)])
        return HttpResponseRedirect(self.saves_url(item))

    # --- django-reversion's own pages, with the rights of this one, which only write when asked to

    def create_revision(self, request: HttpRequest) -> AbstractContextManager[Any]:
        """A revision of what the request writes; one that only reads opens no transaction.

        On SQLite that would take the lock which an import that is writing has.
        """
        if request.method in SAFE_METHODS:
            return nullcontext()
        revision: AbstractContextManager[Any] = super().create_revision(request)
        return revision

    def _reversion_revisionform_view(
        self,
        request: HttpRequest,
        version: Version,
        template_name: Any,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The form of a saved state. django-reversion restores it to show it, and rolls back."""
        if request.method not in SAFE_METHODS:
            return super()._reversion_revisionform_view(
                request, version, template_name, extra_context
            )
        try:
            saved_states.saved_row(version)
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:{name}"))
        request.shown_item = version._object_version.object  # type: ignore[attr-defined]
        pk = quote(version.object_id)
        page = self.changeform_view(request, pk, request.path, extra_context)
        if isinstance(page, TemplateResponse):
            page.template_name = template_name
        return page

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The item; where the page shows a saved state, the item in that one."""
        if (shown := getattr(request, "shown_item", None)) is not None:
            return shown
        item = super().get_object(request, *args, **kwargs)
        if item is None or not getattr(request, "locks_item", False):
            return item
        if item.kind is not Kind.FLOW:
            lock_destinations()  # before the row, as imports do
        return type(item)._default_manager.select_for_update().filter(pk=item.pk).first()

    def revision_view(
        self,
        request: HttpRequest,
        object_id: str,
        version_id: str,
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        item = self._item(request, object_id)
        # By its model too: another one's items have the same numbers.
        versions = Version.objects.get_for_model(self.model)
        version = get_object_or_404(versions, pk=_number(version_id), object_id=str(item.pk))
        request.present_tag = state_tag(item)  # type: ignore[attr-defined]
        if request.method != "POST":
            return super().revision_view(request, object_id, version_id, extra_context)
        with transaction.atomic(using=current_database()):
            if item.kind is not Kind.FLOW:
                lock_destinations()
            item = self._locked(item)
            request.present_tag = state_tag(item)  # type: ignore[attr-defined]
            try:
                row = saved_states.saved_row(version)
            except RevertError:
                pass  # which the page tells
            else:
                if any(_lacking(request, item, row)):
                    raise PermissionDenied
            return super().revision_view(request, object_id, version_id, extra_context)

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form of an item, whose row is locked before anybody looks at it to save."""
        request.locks_item = request.method == "POST"  # type: ignore[attr-defined]
        page: HttpResponse = super().change_view(request, *args, **kwargs)
        return page

    def recover_view(
        self, request: HttpRequest, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        deleted = Version.objects.get_deleted(self.model)
        version = get_object_or_404(deleted, pk=_number(version_id))
        if request.method != "POST":
            return super().recover_view(request, version_id, extra_context)
        with transaction.atomic(using=current_database()):
            if self.model.kind is not Kind.FLOW:
                lock_destinations()
            self._check_recovery(request, version)
            return super().recover_view(request, version_id, extra_context)

    def _check_recovery(self, request: HttpRequest, version: Version) -> None:
        """Raises PermissionDenied where the row that comes back would send secrets elsewhere."""
        if request.user.has_perm(RETARGET_CONNECTIONS):
            return
        try:
            row = saved_states.saved_row(version)
        except RevertError:
            return  # which the page tells
        if saved_states.needs_right_to_recover(self.model.kind, row):
            raise PermissionDenied

    # --- what the pages have in common

    def _item(self, request: HttpRequest, object_id: str) -> Any:
        if not self.has_view_permission(request):
            raise PermissionDenied
        item = self.get_object(request, unquote(object_id))
        if item is None:
            raise Http404
        if not self.has_view_permission(request, item):
            raise PermissionDenied
        return item

    def _version(self, item: Any, number: int) -> Version:
        version = named_saves.find_save(type(item), number)
        if version is None or version.object_id != str(item.pk):
            raise Http404
        return version

    def _locked(self, item: Any) -> Any:
        return get_object_or_404(type(item)._default_manager.select_for_update(), pk=item.pk)

    def saves_url(self, item: Any) -> str:
        """The address of the list of the item's saves."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_saves"
        return reverse(f"{self.admin_site.name}:{name}", args=[quote(item.pk)])

    def _page(
        self, request: HttpRequest, item: Any, title: str, template: str, context: Mapping[str, Any]
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        page = {
            **self.admin_site.each_context(request),
            "title": f"{title}: {item}",
            "opts": self.opts,
            "item": item,
            "media": self.media + DIFFERENCE_MEDIA,
            **context,
        }
        return TemplateResponse(request, template, page)


def _number(typed: str) -> int:
    """The number of a version in an address. Raises Http404."""
    if len(typed) > _NUMBER_DIGITS or not typed.isascii() or not typed.isdecimal():
        raise Http404
    return int(typed)


def _now(item: Any) -> State:
    return State(name="Now", when=item.updated_at, row=saved_states.present_row(item))


def _saved(version: Version) -> State:
    revision = version.revision
    row = saved_states.saved_row(version)
    return State(name=revision.comment, when=revision.date_created, row=row)


def _compared(kind: Kind, before: State, after: State) -> dict[str, Any]:
    contents = (saved_states.content_of(kind, state.row) for state in (before, after))
    return {
        "difference": difference(kind, *contents),
        "notes": list(saved_states.notes_on(kind, before.row, after.row)),
    }


def _lacking(request: HttpRequest, item: Any, saved: SavedRow) -> Iterator[tuple[str, str]]:
    """The permissions that the user lacks for a restore, each with the reason that it needs."""
    for permission, reason in saved_states.rights_to_restore(
        item, saved, sees=kinds_seen(request.user)
    ):
        if not request.user.has_perm(permission):
            yield permission, reason
