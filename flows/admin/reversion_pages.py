"""django-reversion's own pages, with this site's permissions, and without writes on a GET."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from reversion.admin import VersionAdmin
from reversion.errors import RevertError
from reversion.models import Version

from flows.content.fields import Kind
from flows.destinations.warnings import DestinationWarning
from flows.models import Secret
from flows.saves import saved_states
from flows.saves.reversion_saves import keep_values
from flows.saves.saved_states import SavedRow
from flows.secrets.checks import SAFE_METHODS
from flows.secrets.stored_destinations import (
    RETARGET_CONNECTIONS,
    lock_destinations,
    log_refused_retargeting,
)
from flows.servers import get_current_database
from flows.sight import find_visible_kinds

STATES_PER_PAGE = 100
_NUMBER_DIGITS = 18  # no row's number is longer


class ReversionPagesAdmin(VersionAdmin):
    """The pages that show a saved state as a form."""

    # With the hidden fields of the form: django-reversion's own have only those of content.
    revision_form_template = "admin/flows/revision_form.html"
    recover_form_template = "admin/flows/recover_form.html"

    def create_revision(self, request: HttpRequest) -> AbstractContextManager[Any]:
        """Return a revision of the request's writes; one that only reads opens no transaction.

        On SQLite a transaction would wait for the lock of a running import.
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
        """Answer with the form of a saved state. A GET does not restore it and roll back."""
        if request.method not in SAFE_METHODS:
            return super()._reversion_revisionform_view(
                request, version, template_name, extra_context
            )
        try:
            saved_states.read_saved_row(version)
        except RevertError as error:
            self.message_user(request, str(error), messages.ERROR)
            name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(f"{self.admin_site.name}:{name}"))
        request.shown_item = read_saved_item(version)  # type: ignore[attr-defined]
        pk = quote(version.object_id)
        page = self.changeform_view(request, pk, request.path, extra_context)
        if isinstance(page, TemplateResponse):
            page.template_name = template_name
        return page

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the item; where the page shows a saved state, the item in that state."""
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
        item = self.find_item(request, object_id)
        # By its model too: items of other models have the same numbers.
        versions = Version.objects.get_for_model(self.model)
        version = get_object_or_404(
            versions, pk=read_version_number(version_id), object_id=str(item.pk)
        )
        request.present_item = item  # type: ignore[attr-defined]
        if request.method != "POST":
            return super().revision_view(request, object_id, version_id, extra_context)
        with transaction.atomic(using=get_current_database()):
            if item.kind is not Kind.FLOW:
                lock_destinations()
            item = self.lock_row(item)
            request.present_item = item  # type: ignore[attr-defined]
            try:
                row = saved_states.read_saved_row(version)
            except RevertError:
                pass  # the page shows the error
            else:
                warnings = saved_states.find_warnings_of_restore(item, row)
                check_rights_to_restore(request, item, row, warnings)
            return super().revision_view(request, object_id, version_id, extra_context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Answer with a page of the item's saved states, newest first, which are not read for it.

        django-reversion's own reads all of them, each with what was saved.
        """
        item = self.get_object(request, unquote(object_id))
        if item is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        versions = Version.objects.get_for_object_reference(self.model, item.pk)
        states = versions.select_related("revision__user").defer("serialized_data").order_by("-pk")
        pages = Paginator(states, STATES_PER_PAGE)
        page = pages.get_page(request.GET.get("page"))
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_revision"
        context = {
            "action_list": [
                {
                    "revision": version.revision,
                    "url": reverse(name, args=[quote(version.object_id), version.pk]),
                }
                for version in page.object_list
            ],
            "page": page,
            "pages": pages.get_elided_page_range(page.number),
            **(extra_context or {}),
        }
        # Past VersionAdmin's; this one checks the permission.
        answer: HttpResponse = ModelAdmin.history_view(self, request, object_id, context)
        return answer

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer with the form of an item; to save, its row is locked before it is read."""
        request.locks_item = request.method == "POST"  # type: ignore[attr-defined]
        page: HttpResponse = super().change_view(request, *args, **kwargs)
        return page

    def recover_view(
        self, request: HttpRequest, version_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        deleted = Version.objects.get_deleted(self.model)
        version = get_object_or_404(deleted, pk=read_version_number(version_id))
        # There is no row that could be changed meanwhile: the state is the saved one.
        with suppress(RevertError):  # the page shows the error
            request.present_item = read_saved_item(version)  # type: ignore[attr-defined]
        if request.method != "POST":
            return super().recover_view(request, version_id, extra_context)
        with transaction.atomic(using=get_current_database()):
            if self.model.kind is not Kind.FLOW:
                lock_destinations()
            self._check_recovery(request, version)
            return super().recover_view(request, version_id, extra_context)

    def _check_recovery(self, request: HttpRequest, version: Version) -> None:
        """Raise PermissionDenied where the restored row would send secrets elsewhere."""
        if request.user.has_perm(RETARGET_CONNECTIONS):
            return
        try:
            row = saved_states.read_saved_row(version)
        except RevertError:
            return  # the page shows the error
        if saved_states.needs_right_to_recover(self.model.kind, row):
            log_refused_retargeting()
            raise PermissionDenied

    def find_item(self, request: HttpRequest, object_id: str) -> Any:
        """Return the item of an address. Raises Http404; PermissionDenied if it may not be seen."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        item = self.get_object(request, unquote(object_id))
        if item is None:
            raise Http404
        if not self.has_view_permission(request, item):
            raise PermissionDenied
        return item

    def lock_row(self, item: Any) -> Any:
        """Return the item's row as it is now, locked until the transaction ends."""
        return get_object_or_404(type(item)._default_manager.select_for_update(), pk=item.pk)


def read_saved_item(version: Version) -> Any:
    """Return the item in its saved state, as an object of its own. Raises RevertError."""
    item = version._object_version.object
    if isinstance(item, Secret):
        keep_values(item, raw=True, using=get_current_database())
    return item


def read_version_number(typed: str) -> int:
    """Return the number of a version in an address. Raises Http404."""
    if len(typed) > _NUMBER_DIGITS or not typed.isascii() or not typed.isdecimal():
        raise Http404
    return int(typed)


def find_lacking_rights(
    request: HttpRequest, item: Any, saved: SavedRow, warnings: Iterable[DestinationWarning]
) -> Iterator[tuple[str, str]]:
    """Yield the permissions that the user lacks for a restore, each with why it is needed.

    `warnings` are those of `find_warnings_of_restore`.
    """
    for permission, reason in saved_states.find_rights_to_restore(
        item, saved, warnings, visible_kinds=find_visible_kinds(request.user)
    ):
        if not request.user.has_perm(permission):
            yield permission, reason


def check_rights_to_restore(
    request: HttpRequest, item: Any, saved: SavedRow, warnings: Iterable[DestinationWarning]
) -> None:
    """Raise PermissionDenied where `find_lacking_rights` yields any."""
    lacking = [permission for permission, _ in find_lacking_rights(request, item, saved, warnings)]
    if RETARGET_CONNECTIONS in lacking:
        log_refused_retargeting()
    if lacking:
        raise PermissionDenied
