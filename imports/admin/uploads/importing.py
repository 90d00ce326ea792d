"""The import in the admin: show the plan of an uploaded file, decide, confirm.

Each view reads the request, calls imports.uploads.pending, and responds.
"""

from functools import partial, wraps
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import (
    Http404,
    HttpRequest,
    HttpResponseBase,
    JsonResponse,
)
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.admin.page_addresses import wrap_running_page
from flows.content.fields import Kind
from flows.differences.values import compare_contents
from imports.admin.scripts import is_script
from imports.admin.uploads.forms import ChoicesForm, FilterForm, read_decisions
from imports.admin.uploads.found_upload import (
    View,
    pass_upload,
    redirect_to_list,
    redirect_to_preview,
)
from imports.admin.uploads.kept_plans import KeptPlanViews
from imports.admin.uploads.planning_page import make_planning_context
from imports.admin.uploads.preview_page import make_preview_context, make_walk_context
from imports.admin.uploads.solution_forms import asks_for_only, read_only, read_solutions
from imports.admin.uploads.uploading import UploadViews, render_import_page
from imports.errors import StalePlan, UnableToImport
from imports.jobs.asking import is_for_worker, queue_confirmed
from imports.jobs.cancelling import cancel_run
from imports.models import PendingImport
from imports.permissions import RUN_IMPORT, VIEW_RECORDS
from imports.planfile.item_list import list_items
from imports.planfile.page import PlanPage
from imports.uploads import pending as uploads
from imports.uploads.one_item import preview_item
from imports.uploads.planning import read_page
from imports.uploads.progress import read_progress
from imports.uploads.reviewing import count_reviewed, keep_reviewed
from imports.uploads.showing import check_shown, may_decide
from imports.uploads.unplanned import find_planning, read_planning_progress


class ChoicesInvalid(UnableToImport):
    """A form contains what no page offers."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


def list_import_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages. They must come before those of the records."""
    views = ImportViews(site)
    wrap = partial(wrap_running_page, site)
    return [
        path("import/", wrap(UploadViews(site).upload), name="imports_upload"),
        path("import/plans/", wrap(KeptPlanViews(site).show_list), name="imports_plans"),
        path("import/<int:number>/", wrap(views.preview), name="imports_preview"),
        path("import/<int:number>/decide/", wrap(views.decide), name="imports_decide"),
        path("import/<int:number>/again/", wrap(views.look_again), name="imports_again"),
        path("import/<int:number>/confirm/", wrap(views.confirm), name="imports_confirm"),
        path("import/<int:number>/review/", wrap(views.review), name="imports_review"),
        path("import/<int:number>/cancel/", wrap(views.cancel), name="imports_cancel"),
        path("import/<int:number>/stop/", wrap(views.stop), name="imports_stop"),
        path("import/<int:number>/progress/", wrap(views.show_progress), name="imports_progress"),
        path(
            "import/<int:number>/<str:kind>/<str:uuid>/",
            wrap(views.show_item),
            name="imports_pending_item",
        ),
    ]


def may_import(request: HttpRequest) -> bool:
    """Return whether the user may open the pages, for the links to them."""
    return request.user.has_perm(RUN_IMPORT)


def _answer_script(view: View) -> View:
    """Wrap the view: return a redirect as JSON to a script, which else would lose the messages."""

    @wraps(view)
    def call_for_script(self: "ImportViews", request: HttpRequest, number: int) -> HttpResponseBase:
        answer = view(self, request, number)
        return JsonResponse({"url": answer["Location"]}) if is_script(request) else answer

    return call_for_script


def _keep_ticks(request: HttpRequest, pending: PendingImport, page: PlanPage) -> None:
    """Keep what the form says is reviewed, of the items that it had a tick for."""
    done, offered = (set(request.POST.getlist(name)) for name in ("reviewed", "tick"))
    if offered:
        keep_reviewed(pending, page, done=done & offered, undone=offered - done)


class ImportViews:
    """The pages of a waiting upload."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    @pass_upload
    def preview(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Show what would happen, item by item; until it is planned, how far that is."""
        if find_planning(pending):
            context = make_planning_context(request, pending)
            return render_import_page(self._site, request, "planning", context)
        context = make_preview_context(request, pending, read_page(pending))
        return render_import_page(self._site, request, "preview", context)

    @method_decorator(require_POST)
    @pass_upload
    def decide(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Apply the form's mode, options and decisions, and plan again.

        The buttons that turn the page or filter the list do so too, so that no choice is lost.
        """
        if not may_decide(pending) and {"filter", "page"} & request.POST.keys():
            return redirect_to_preview(request, pending.pk)
        if self._apply_choices(request, pending):
            messages.info(request, "Planned again with these choices.")
        return redirect_to_preview(request, pending.pk)

    @method_decorator(require_POST)
    @pass_upload
    def review(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Keep which items are reviewed; then the page that the form names, or the count."""
        page = read_page(pending)
        _keep_ticks(request, pending, page)
        if is_script(request):
            count = count_reviewed(pending, page)
            return JsonResponse({"done": count.done, "total": count.total})
        address = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(address, allowed_hosts=None):
            return redirect_to_preview(request, pending.pk)
        return redirect(address)

    def _apply_choices(self, request: HttpRequest, pending: PendingImport) -> bool:
        """Apply the form's choices, and return whether any was new.

        Raises UploadRefused for a page of an earlier plan: its choices would take back later ones.
        """
        page = read_page(pending)
        listed = list_items(
            page.items, FilterForm(request.GET).chosen, reviewed=set(pending.reviewed)
        )
        _keep_ticks(request, pending, page)
        if "shown" in request.POST:
            check_shown(pending, request.POST["shown"])
        form = ChoicesForm(request.POST, pending=pending, user=request.user)
        only = None
        try:
            decisions = read_solutions(request.POST, page, read_decisions(request.POST, listed))
            if asks_for_only(request.POST):
                only = read_only(request.POST, page, pending.only)
        except ValueError:
            form.add_error(None, "no uuid")
        if not form.is_valid():
            raise ChoicesInvalid("invalid-choice", "Choose out of the lists. Nothing was changed.")
        return uploads.decide(pending, form.options, decisions, only=only)

    @method_decorator(require_POST)
    @pass_upload
    def look_again(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Plan again, and show how many items differ."""
        if "mode" in request.POST and self._apply_choices(request, pending):
            messages.info(request, "Planned again with these choices.")
        elif different := uploads.look_again(pending).different_items:
            messages.warning(request, f"Planned again: {len(different)} items are different now.")
        else:
            messages.info(request, "Planned again: nothing is different.")
        return redirect_to_preview(request, pending.pk)

    @method_decorator(require_GET)
    @pass_upload
    def show_item(
        self, request: HttpRequest, pending: PendingImport, *, kind: str, uuid: str
    ) -> HttpResponseBase:
        """Show what one item would change, with graphs."""
        if kind not in set(Kind) or (preview := preview_item(pending, Kind(kind), uuid)) is None:
            raise Http404
        context = {
            **make_walk_context(request, pending, preview.page, preview.item),
            "title": f"{preview.item.kind.capitalize()} {preview.item.name or '(no name)'}",
            "pending": pending,
            "preview": preview,
            "item": preview.item,
            "difference": compare_contents(
                preview.item.kind,
                preview.before,
                preview.after,
                last=preview.last.content if preview.last else None,
            ),
        }
        return render_import_page(self._site, request, "item", context)

    @method_decorator(require_POST)
    @_answer_script
    @pass_upload
    def confirm(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Import what was shown, unless the form has choices that are not in the plan yet."""
        has_choices = "mode" in request.POST and may_decide(pending)
        if has_choices and self._apply_choices(request, pending):
            message = (
                "Some choices were not in the plan yet. Look at what they change, and confirm."
            )
            messages.warning(request, f"{message} Nothing was written.")
            return redirect_to_preview(request, pending.pk)
        confirmed: Any = {
            "shown": request.POST.get("shown", ""),
            "server_name": request.POST.get("server_name", ""),
            "accept": request.POST.getlist("accept"),
        }
        if is_for_worker(pending):
            queue_confirmed(pending, **confirmed)
            return redirect_to_preview(request, pending.pk)
        try:
            record = uploads.confirm(pending, **confirmed)
        except StalePlan as error:
            message = "Nothing was written. This is the new plan: look at it, and confirm it below."
            messages.error(request, f"{error.reason} {message}")
            return redirect(f"{reverse('admin:imports_preview', args=[pending.pk])}?show=news")
        messages.success(request, f"The file {pending.file_name} is imported.")
        if not request.user.has_perm(VIEW_RECORDS):
            return redirect("admin:imports_upload")
        return redirect("admin:imports_importrecord_change", record.pk)

    @method_decorator(require_POST)
    @pass_upload
    def stop(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Call off the import that a worker is to carry out, or has not begun to write."""
        if run := read_progress(pending).run:
            cancel_run(request.user, run)  # type: ignore[arg-type]
            messages.info(request, "The import is called off. Nothing was written.")
        return redirect_to_preview(request, pending.pk)

    @method_decorator(require_POST)
    @pass_upload
    def cancel(self, request: HttpRequest, pending: PendingImport) -> HttpResponseBase:
        """Cancel the upload."""
        uploads.cancel(pending)
        if pending.is_kept:
            messages.info(request, f"The plan {pending.label} is deleted.")
        else:
            messages.info(request, f"The upload of {pending.file_name} is cancelled.")
        return redirect_to_list(is_kept=pending.is_kept)

    @method_decorator(require_GET)
    def show_progress(self, request: HttpRequest, number: int) -> HttpResponseBase:
        """Return how far the import is, as JSON for the waiting page."""
        try:
            user: Any = request.user
            pending = uploads.find_pending(user, number, with_plan=False)
        except UnableToImport as error:
            return JsonResponse({"message": error.message}, status=error.status)
        progress = read_planning_progress(pending) or read_progress(pending)
        response = {
            "running": progress.is_running,
            "phase": progress.phase,
            "done": progress.done,
            "total": progress.total,
            "bytes": progress.size,
            "mayCancel": progress.may_cancel,
            "record": reverse("admin:imports_importrecord_change", args=[progress.record])
            if progress.record
            else None,
        }
        return JsonResponse(response, headers={"Cache-Control": "no-store"})
