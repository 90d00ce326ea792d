"""The waiting file that a page's address names: found for its user, or an answer instead."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import reverse

from imports.admin.uploads.forms import FilterForm
from imports.errors import NotPermitted, UnableToImport
from imports.uploads import pending as uploads
from imports.uploads.errors import NothingKept, NothingPending

View = Callable[..., HttpResponseBase]


def pass_upload(view: View) -> View:
    """Wrap the view: look the upload up, and show an UnableToImport as a message.

    It redirects to the record if the upload is applied, and responds 403 for NotPermitted.
    """

    @wraps(view)
    def call_with_upload(
        self: Any, request: HttpRequest, number: int, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            pending = uploads.find_pending(request.user, number)  # type: ignore[arg-type]
            if pending.record_id:
                if request.method == "POST":
                    what = "plan" if pending.is_kept else "upload"
                    messages.info(request, f"This {what} is imported already: see its record.")
                return redirect("admin:imports_importrecord_change", pending.record_id)
            return view(self, request, pending, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except NothingPending as error:
            messages.error(request, error.message)
            return redirect_to_list(is_kept=isinstance(error, NothingKept))
        except UnableToImport as error:
            messages.error(request, error.message)
            return redirect_to_preview(request, number)

    return call_with_upload


def redirect_to_list(*, is_kept: bool) -> HttpResponse:
    """Redirect to where such files are listed."""
    return redirect("admin:imports_plans" if is_kept else "admin:imports_upload")


def redirect_to_preview(request: HttpRequest, number: int) -> HttpResponse:
    """Redirect to the preview, at the same page of the list or the one that a button asks for."""
    query = request.GET.copy()
    if "filter" in request.POST:
        query = QueryDict(mutable=True)
        query.update({name: request.POST.get(name, "") for name in FilterForm.base_fields})
    elif page := request.POST.get("page"):
        query["page"] = page
    query_text = f"?{query.urlencode()}" if query else ""
    return redirect(reverse("admin:imports_preview", args=[number]) + query_text)
