"""List, take, compare and restore an item's named saves in the admin.

The pages have addresses of their own: django-reversion's pages run inside a revision, which would
record the writes here as a change of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.forms import Media, Script
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from reversion.errors import RevertError
from reversion.models import Version

from flows.admin.forms import SaveForm
from flows.admin.graph_scripts import GRAPH_SCRIPTS
from flows.admin.missing_values import warn_of_missing_values
from flows.admin.page_addresses import list_page_urls
from flows.admin.reversion_pages import (
    ReversionPagesAdmin,
    check_rights_to_restore,
    find_lacking_rights,
    read_version_number,
)
from flows.admin.warnings import make_warning_lines
from flows.content.fields import Kind
from flows.differences.values import compare_contents
from flows.saves import named_saves, saved_states
from flows.saves.saved_states import SavedRow
from flows.saves.state_tags import compute_state_tag
from flows.secrets.stored_destinations import lock_destinations
from flows.servers import get_current_database
from flows.users import User

NOW = "now"
SAVES_PER_PAGE = 100
DIFFERENCE_MEDIA = Media(
    css={"all": ["flows/graph.css", "flows/difference.css"]},
    js=[*GRAPH_SCRIPTS, Script("flows/difference.js", defer=True)],  # type: ignore[list-item]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedState:
    """A state of an item to compare: the present one, which has no save, or a saved one."""

    name: str
    when: datetime | None
    row: SavedRow


class SavesAdmin(ReversionPagesAdmin):
    """The pages of named saves."""

    object_history_template = "admin/flows/object_history.html"

    def get_urls(self) -> list[URLPattern]:
        saves = "<path:object_id>/saves/"
        urls = list_page_urls(
            self,
            (saves, self.saves_view, "saves"),
            (f"{saves}compare/", self.compare_view, "compare_saves"),
            (f"{saves}<int:number>/restore/", self.restore_save_view, "restore_save"),
        )
        return [*urls, *super().get_urls()]

    # --- list and take

    def saves_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the saves, newest first, a form to take one and a form to compare two."""
        item = self.find_item(request, object_id)
        may_change = self.has_change_permission(request, item)
        if request.method == "POST" and not may_change:
            raise PermissionDenied
        form = SaveForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._take(request, item, form.cleaned_data["name"])
        saves = Paginator(named_saves.find_saves(item), SAVES_PER_PAGE)
        page = saves.get_page(request.GET.get("page"))
        context = {
            "form": form,
            "may_change": may_change,
            "saves": page,
            "pages": saves.get_elided_page_range(page.number),
        }
        return self._render_page(request, item, "Named saves", "admin/flows/saves.html", context)

    def _take(self, request: HttpRequest, item: Any, name: str) -> HttpResponse:
        with transaction.atomic(using=get_current_database()):
            named_saves.take(self.lock_row(item), name, user=cast(User, request.user))
        self.log_change(request, item, f"Took the named save “{name}”.")
        self.message_user(request, f"The save “{name}” is taken.", messages.SUCCESS)
        return HttpResponseRedirect(self.get_saves_url(item))

    # --- compare

    def compare_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Answer with the differences between two saves, or between one and the present state."""
        item = self.find_item(request, object_id)
        try:
            before = self._find_state(item, request.GET.get("before", ""))
            after = self._find_state(item, request.GET.get("after", NOW))
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.get_saves_url(item))
        context = {"before": before, "after": after, **_compare_states(item.kind, before, after)}
        return self._render_page(
            request, item, "Compare", "admin/flows/compare_saves.html", context
        )

    def _find_state(self, item: Any, chosen: str) -> ComparedState:
        """Return the chosen state. Raises Http404 and RevertError."""
        if chosen == NOW:
            return _get_present_state(item)
        return _read_saved_state(self._find_version(item, read_version_number(chosen)))

    # --- restore

    def restore_save_view(self, request: HttpRequest, object_id: str, number: int) -> HttpResponse:
        """Show what would change, and on POST restore the item to the state of a save."""
        item = self.find_item(request, object_id)
        if not self.has_change_permission(request, item):
            raise PermissionDenied
        version = self._find_version(item, number)
        try:
            if request.method == "POST":
                return self._restore_save(request, item, version)
            saved = _read_saved_state(version)
            saved_states.check_depth(item.kind, saved.row)
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(self.get_saves_url(item))
        warnings = saved_states.find_warnings_of_restore(item, saved.row)
        context = {
            "save": version,
            "lacking": list(find_lacking_rights(request, item, saved.row, warnings)),
            "warnings": make_warning_lines(request, warnings),
            "is_secret": item.kind is Kind.SECRET,
            "state": compute_state_tag(item),
            **_compare_states(item.kind, _get_present_state(item), saved),
        }
        return self._render_page(request, item, "Restore", "admin/flows/restore_save.html", context)

    def _restore_save(self, request: HttpRequest, item: Any, version: Version) -> HttpResponse:
        with transaction.atomic(using=get_current_database()):
            lock_destinations()
            locked = self.lock_row(item)
            row = saved_states.read_saved_row(version)
            warnings = saved_states.find_warnings_of_restore(locked, row)
            check_rights_to_restore(request, locked, row, warnings)
            if request.POST.get("opened_on") != compute_state_tag(locked):
                return self._show_again(request, item)
            is_revived = locked.is_deleted and not row["is_deleted"]
            user = cast(User, request.user)
            saved_states.restore(locked, version, user=user, user_name=user.get_username())
        name = version.revision.comment
        self.log_change(request, item, f"Restored the named save “{name}”.")
        message = f"The save “{name}” is restored. What was before is the save “Pre restore”."
        self.message_user(request, message, messages.SUCCESS)
        if is_revived:
            warn_of_missing_values(self, request, [type(item)._default_manager.get(pk=item.pk)])
        return HttpResponseRedirect(self.get_saves_url(item))

    def _show_again(self, request: HttpRequest, item: Any) -> HttpResponse:
        """Redirect to the page of the restore, which showed another state than the present one."""
        message = (
            f"The {item.kind} was changed since this page was opened. Nothing was restored: look "
            "below at what would change now."
        )
        self.message_user(request, message, messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def _find_version(self, item: Any, number: int) -> Version:
        version = named_saves.find_save(type(item), number)
        if version is None or version.object_id != str(item.pk):
            raise Http404
        return version

    def get_saves_url(self, item: Any) -> str:
        """Return the address of the list of the item's saves."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_saves"
        return reverse(f"{self.admin_site.name}:{name}", args=[quote(item.pk)])

    def _render_page(
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


def _get_present_state(item: Any) -> ComparedState:
    return ComparedState(name="Now", when=item.updated_at, row=saved_states.get_present_row(item))


def _read_saved_state(version: Version) -> ComparedState:
    revision = version.revision
    row = saved_states.read_saved_row(version)
    return ComparedState(name=revision.comment, when=revision.date_created, row=row)


def _compare_states(kind: Kind, before: ComparedState, after: ComparedState) -> dict[str, Any]:
    contents = (saved_states.get_content(kind, state.row) for state in (before, after))
    return {
        "difference": compare_contents(kind, *contents),
        "notes": list(saved_states.make_notes(kind, before.row, after.row)),
    }
