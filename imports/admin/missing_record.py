"""The page in place of a record that the server does not have, or has no more."""

from http import HTTPStatus

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from imports.models import ImportRecord
from imports.records.missing import explain_missing_record


def render_missing_record(site: AdminSite, request: HttpRequest, number: int) -> HttpResponse:
    """Return the page that says so, with why; its status is 404."""
    context = {
        **site.each_context(request),
        "opts": ImportRecord._meta,
        "title": "No such import",
        "number": number,
        "reason": explain_missing_record(number),
    }
    return TemplateResponse(
        request,
        "admin/imports/importrecord/missing.html",
        context,
        status=HTTPStatus.NOT_FOUND,
    )
