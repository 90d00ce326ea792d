"""The undo of an import in the admin: show its plan, decide on conflicts, confirm.

Each view reads the request, calls imports.undo, and responds. The plan is made again for every view
and never stored: the decisions are in the page's form.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_safe

from flows.admin.page_addresses import wrap_running_page
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.differences.values import compare_contents
from imports.admin.missing_record import render_missing_record
from imports.admin.undo.undo_forms import (
    Choices,
    ConfirmationForm,
    UndoOptionsForm,
    read_choices,
    read_earlier_choices,
)
from imports.admin.undo.undo_page import make_undo_context
from imports.admin.uploads.uploading import render_import_page
from imports.errors import NotPermitted, NotUndoable, StalePlan, UnableToImport
from imports.jobs.asking import find_undo_under_way, is_undo_for_worker, queue_undo
from imports.models import Door, ImportRecord
from imports.permissions import (
    UNDO_IMPORT,
    VIEW_RECORDS,
    check_permission,
    get_message,
    may_see,
)
from imports.undo.one_row import preview_row
from imports.undo.request import UndoRequest
from imports.undo.run_names import name_run
from imports.undo.service import examine_undo, find_kinds_to_undo, undo_import

View = Callable[..., HttpResponseBase]


def list_undo_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages. They must come before those of the records."""
    views = UndoViews(site)
    wrap = partial(wrap_running_page, site)
    return [
        path("<int:number>/undo/", wrap(views.undo), name="imports_importrecord_undo"),
        path(
            "<int:number>/undo/<str:kind>/<uuid:uuid>/",
            wrap(views.show_row),
            name="imports_importrecord_undo_row",
        ),
    ]


def may_undo(request: HttpRequest, record: ImportRecord) -> bool:
    """Return whether the user may open the record's pages of undo, for the links to them."""
    if not request.user.has_perm(UNDO_IMPORT):
        return False
    kinds = find_kinds_to_undo(record)
    return bool(kinds) and all(may_see(request.user, kind) for kind in kinds)


def _pass_record(view: View) -> View:
    """Wrap the view: look the record up, and redirect to it if it cannot be undone.

    It responds 403 if the user may not undo it.
    """

    @wraps(view)
    def call_with_record(
        self: "UndoViews", request: HttpRequest, number: int, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            check_permission(request.user, VIEW_RECORDS, UNDO_IMPORT)  # type: ignore[arg-type]
            record = ImportRecord.objects.defer("issues").filter(pk=number).first()
            if record is None:
                return render_missing_record(self._site, request, number)
            return view(self, request, record, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except NotUndoable as error:
            messages.error(request, error.message)
            return redirect("admin:imports_importrecord_change", number)

    return call_with_record


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """Why the request was refused."""

    message: str
    status: HTTPStatus
    confirmation: ConfirmationForm | None = None


class UndoViews:
    """The pages of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    @_pass_record
    def undo(self, request: HttpRequest, record: ImportRecord) -> HttpResponseBase:
        """Show what would happen, row by row; after a confirmation, undo it.

        The buttons that turn the page or filter the list send the choices too, so that none is
        lost.
        """
        if request.method != "POST":
            return self._render_page(request, record, Choices())
        try:
            earlier = read_earlier_choices(request.POST)
            choices = read_choices(request.POST, earlier)
        except UnableToImport as error:
            message = f"{error.message} Nothing was written. Choose out of the lists."
            return self._render_page(
                request, record, Choices(), refused=_Refused(message=message, status=error.status)
            )
        if "confirm" not in request.POST:
            return self._render_page(request, record, choices)
        if choices != earlier:
            message = (
                "Some choices were not in the plan yet. Look at what they change, and confirm."
            )
            messages.warning(request, f"{message} Nothing was written.")
            return self._render_page(request, record, choices)
        return self._confirm(request, record, choices)

    def _confirm(
        self, request: HttpRequest, record: ImportRecord, choices: Choices
    ) -> HttpResponseBase:
        typed = ConfirmationForm(request.POST)
        if not typed.is_valid():
            (message,) = typed.errors["server_name"]
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            refused = _Refused(message=str(message), status=status, confirmation=typed)
            return self._render_page(request, record, choices, refused=refused)
        try:
            done = _carry_out(request, record, choices)
        except NotUndoable:
            raise
        except UnableToImport as error:
            return self._render_page(
                request, record, choices, refused=_make_refusal(request, error)
            )
        return redirect("admin:imports_importrecord_change", done.pk)

    def _render_page(
        self,
        request: HttpRequest,
        record: ImportRecord,
        choices: Choices,
        *,
        refused: _Refused | None = None,
    ) -> HttpResponse:
        options = UndoOptionsForm(
            request.POST if request.method == "POST" else None, user=request.user
        )
        preview = examine_undo(_make_request(request, record, choices))
        context = {
            "title": preview.plan.name.undoing,
            "record": record,
            "refused": refused,
            "confirmation": (refused and refused.confirmation) or ConfirmationForm(),
            "options": options,
            "with_backup": options.with_backup,
            "asks_for_name": ziggy.CONFIRM_SERVER_NAME,
            "is_for_worker": is_undo_for_worker(record),
            **make_undo_context(
                request, preview, choices, packed=request.POST.get("shown_rows", "")
            ),
        }
        status = refused.status if refused else HTTPStatus.OK
        return render_import_page(self._site, request, "undo", context, status=status)

    @method_decorator(require_safe)
    @_pass_record
    def show_row(
        self, request: HttpRequest, record: ImportRecord, *, kind: str, uuid: UUID
    ) -> HttpResponseBase:
        """Show what the undo would change in one row, with graphs."""
        if kind not in set(Kind):
            raise Http404
        preview = preview_row(_make_request(request, record, Choices()), Kind(kind), str(uuid))
        if preview is None:
            raise Http404
        context = {
            "title": f"{name_run(record).undoing}: {preview.change.name or '(no name)'}",
            "record": record,
            "change": preview.change,
            "difference": compare_contents(preview.change.kind, preview.before, preview.after),
        }
        return render_import_page(self._site, request, "undo_row", context)


def _carry_out(request: HttpRequest, record: ImportRecord, choices: Choices) -> ImportRecord:
    """Undo exactly what was shown, or leave it to a worker; return the record of that."""
    asked, token = _make_request(request, record, choices), request.POST.get("shown", "")
    if is_undo_for_worker(record):
        return find_undo_under_way(record) or queue_undo(asked, token=token)
    outcome = undo_import(asked, token=token)
    if outcome.plan.writes:
        messages.success(request, f"{outcome.plan.name.done}: this is the record of that.")
    else:
        messages.info(request, "There was nothing to undo, and nothing was written.")
    return outcome.record


def _make_request(request: HttpRequest, record: ImportRecord, choices: Choices) -> UndoRequest:
    user: Any = request.user
    options = UndoOptionsForm(request.POST, user=user)
    return UndoRequest(
        record=record.pk,
        server=ziggy.SERVER_NAME,
        door=Door.ADMIN,
        user=user,
        user_name=user.get_username(),
        with_backup=options.with_backup,
        conflicts=choices.conflicts,
        decisions=choices.decisions,
    )


def _make_refusal(request: HttpRequest, error: UnableToImport) -> _Refused:
    message = get_message(request.user, error.code, error.message)  # type: ignore[arg-type]
    if isinstance(error, StalePlan):
        message = (
            f"{error.reason} Nothing was written. This is the new plan: look at it, and confirm it "
            "below."
        )
    return _Refused(message=message, status=error.status)
