"""The page that lists the kept plans; each of them has the page of an upload."""

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from flows.conf import ziggy
from imports.admin.uploads.uploading import render_import_page
from imports.admin.wording import format_counts
from imports.errors import NotPermitted
from imports.models import PendingImport
from imports.permissions import RUN_IMPORT
from imports.uploads.keeping import list_kept

_PLANS_ON_A_PAGE = 50


class KeptPlanViews:
    """The page of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    def show_list(self, request: HttpRequest) -> HttpResponseBase:
        """List the kept plans that the user may see, also those that were applied."""
        try:
            plans = list_kept(request.user)  # type: ignore[arg-type]
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        page = Paginator(plans, _PLANS_ON_A_PAGE).get_page(request.GET.get("page"))
        context = {
            "title": f"Plans kept on {ziggy.SERVER_NAME}",
            "page": page,
            "plans": [{"plan": plan, "state": _describe_state(plan)} for plan in page],
            "may_import": request.user.has_perm(RUN_IMPORT),
        }
        return render_import_page(self._site, request, "plans", context)


def _describe_state(plan: PendingImport) -> str:
    if plan.record_id:
        return "applied"
    if plan.refusal_code:
        return "cannot be applied as it stands"
    return format_counts(plan.counts) or "nothing to do"
