"""The page for uploading a file to import."""

from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from flows.conf import ziggy
from imports.admin.scripts import is_script
from imports.admin.uploads.forms import UploadForm
from imports.admin.uploads.receiving import start_receiving
from imports.errors import NotPermitted, UnableToImport
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE
from imports.jobs.planning.asking import stage_upload
from imports.models import ImportRecord
from imports.permissions import RUN_IMPORT, check_permission, may_see_records
from imports.uploads import pending as uploads
from imports.uploads.uploaded_file import FileCollector


class UploadViews:
    """The page of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    # See start_receiving: _upload makes the check.
    @method_decorator(csrf_exempt)
    def upload(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form, or stage the file that is sent."""
        _check_may_import(request)
        try:
            return self._upload(request, start_receiving(request))
        except UnableToImport as error:
            return self._render_page(request, error=error)

    @method_decorator(csrf_protect)
    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def _upload(self, request: HttpRequest, collector: FileCollector) -> HttpResponseBase:
        if request.method != "POST":
            return self._render_page(request)
        fields = request.POST  # which reads the files too
        files = collector.take_files()
        form = UploadForm(fields, user=request.user, files_given=len(files))
        if not form.is_valid():
            return self._render_page(request, form=form)
        (file,) = files
        try:
            pending = stage_upload(
                request.user,  # type: ignore[arg-type]
                payload=file.content,
                file_name=file.name,
                options=form.options,
            )
        except UnableToImport as error:
            return self._render_page(request, form=form, error=error, file_name=file.name)
        if is_script(request):
            return JsonResponse({"url": reverse("admin:imports_preview", args=[pending.pk])})
        return redirect("admin:imports_preview", pending.pk)

    def _render_page(
        self,
        request: HttpRequest,
        *,
        form: UploadForm | None = None,
        error: UnableToImport | None = None,
        file_name: str = "",
    ) -> HttpResponse:
        context = {
            "title": f"Import flows into {ziggy.SERVER_NAME}",
            "form": form or UploadForm(user=request.user),
            "error": error,
            "file_name": file_name,
            "waiting": uploads.list_waiting_uploads(request.user),  # type: ignore[arg-type]
            "may_see_plans": may_see_records(request.user),  # type: ignore[arg-type]
            "limit": ziggy.MAX_IMPORT_BYTES,
            "longest": MOST_WITH_WHITE_SPACE * ziggy.MAX_IMPORT_BYTES,
        }
        status = error.status if error else HTTPStatus.OK
        return render_import_page(self._site, request, "upload", context, status=status)


def render_import_page(
    site: AdminSite,
    request: HttpRequest,
    name: str,
    context: dict[str, Any],
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """Render one of the pages of an import, by the name of its template."""
    context = {
        **site.each_context(request),
        "opts": ImportRecord._meta,
        "server": ziggy.SERVER_NAME,
        **context,
    }
    return TemplateResponse(request, f"admin/imports/importing/{name}.html", context, status=status)


def _check_may_import(request: HttpRequest) -> None:
    try:
        check_permission(request.user, RUN_IMPORT)  # type: ignore[arg-type]
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None
