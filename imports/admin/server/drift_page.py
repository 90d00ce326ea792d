"""What was changed here since its last import: a list, the difference of each, and an export."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe

from flows.admin.saves import DIFFERENCE_MEDIA
from flows.content.fields import Kind
from flows.differences.values import compare_contents
from flows.models import MODELS
from imports.admin.filter_fields import make_text_field
from imports.drift.decide import DIFFERENT, DriftedRow, DriftState
from imports.drift.read import find_drifted_row, read_drift
from imports.drift.states import list_changes, read_states
from imports.errors import NotPermitted
from imports.exporting.downloads import make_export_response, pack_export
from imports.exporting.selection import select_rows
from imports.models import ImportRecord
from imports.permissions import VIEW_RECORDS, check_permission, check_sight_of, find_visible_kinds

ROWS_ON_A_PAGE = 100


def list_drift_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages. They must come before those of the records."""
    views = DriftViews(site)
    wrap = site.admin_view
    return [
        path("drift/", wrap(views.show_list), name="imports_drift"),
        path("drift/export/", wrap(views.export), name="imports_drift_export"),
        path("drift/<str:kind>/<uuid:uuid>/", wrap(views.show_row), name="imports_drift_row"),
    ]


class DriftFilter(forms.Form):
    """Which rows the list shows. Invalid values show all."""

    kind = forms.ChoiceField(
        required=False, choices=[("", "all kinds"), *((str(kind), kind.plural) for kind in Kind)]
    )
    q = make_text_field()

    def choose(self, rows: Iterable[DriftedRow]) -> list[DriftedRow]:
        """Return those of the rows that the list shows."""
        self.is_valid()
        kind, text = self.cleaned_data.get("kind"), self.cleaned_data.get("q", "").casefold()
        return [
            row
            for row in rows
            if (not kind or row.kind == kind)
            and any(text in each.casefold() for each in (row.name, row.uuid, row.last_write.by))
        ]


class DriftViews:
    """The pages of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    @method_decorator(require_safe)
    def show_list(self, request: HttpRequest) -> HttpResponseBase:
        """List the rows with who changed them, when, and what."""
        kinds = _find_kinds(request)
        chosen = DriftFilter(request.GET)
        rows = chosen.choose(read_drift(kinds))
        page = Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
        query = request.GET.copy()
        query.pop("page", None)
        context = {
            "title": "Changed here since the last import",
            "filter": chosen,
            "page": page,
            "pages": page.paginator.get_elided_page_range(page.number),
            "lines": _make_lines(list(page.object_list)),
            "number": sum(row.state in DIFFERENT for row in rows),
            "exportable": sum(row.state is not DriftState.DELETED for row in rows),
            "query": query.urlencode(),
        }
        return self._render(request, "list", context)

    @method_decorator(require_POST)
    def export(self, request: HttpRequest) -> HttpResponseBase:
        """Return an export of the chosen rows, or of all that the list shows, and nothing else."""
        rows = DriftFilter(request.POST).choose(read_drift(_find_kinds(request)))
        if "all" not in request.POST:
            ticked = set(request.POST.getlist("row"))
            rows = [row for row in rows if f"{row.kind}:{row.uuid}" in ticked]
        uuids = {kind: [row.uuid for row in rows if row.kind is kind] for kind in Kind}
        packed, statistics = pack_export(partial(select_rows, uuids))
        if not any(statistics.counts.values()):
            messages.error(request, "Nothing that could be exported is chosen: tick some items.")
            return redirect("admin:imports_drift")
        return make_export_response(packed, statistics.size)

    @method_decorator(require_safe)
    def show_row(self, request: HttpRequest, *, kind: str, uuid: Any) -> HttpResponseBase:
        """Show the difference between what was imported last and the row as it is now."""
        if kind not in set(Kind):
            raise Http404
        of_kind = Kind(kind)
        _check_rights(request, of_kind)
        item = MODELS[of_kind]._default_manager.filter(uuid=uuid).first()
        if item is None:
            raise Http404
        row = find_drifted_row(of_kind, str(uuid))
        context = {
            "title": f"Changed since its last import: {item}",
            "item": item,
            "item_url": reverse(f"admin:flows_{kind}_change", args=[item.pk]),
            "row": row,
            **(_make_difference(row) if row else {}),
        }
        return self._render(request, "row", context)

    def _render(self, request: HttpRequest, name: str, context: Mapping[str, Any]) -> HttpResponse:
        page = {
            **self._site.each_context(request),
            "opts": ImportRecord._meta,
            "media": DIFFERENCE_MEDIA,
            **context,
        }
        return TemplateResponse(request, f"admin/imports/drift/{name}.html", page)


def _check_rights(request: HttpRequest, *kinds: Kind) -> None:
    user: Any = request.user
    try:
        check_permission(user, VIEW_RECORDS)
        check_sight_of(user, *kinds)
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None


def _find_kinds(request: HttpRequest) -> list[Kind]:
    """Return the kinds that the user may see. Raises PermissionDenied where there are none."""
    kinds = find_visible_kinds(request.user)  # type: ignore[arg-type]
    _check_rights(request, *(kinds or Kind))
    return kinds


def _make_lines(rows: Sequence[DriftedRow]) -> list[dict[str, Any]]:
    states = read_states(rows)
    lines = []
    for row in rows:
        both = states.get((row.kind, row.uuid))
        changes = list_changes(row.kind, both) if both else None
        lines.append(
            {
                "row": row,
                "key": f"{row.kind}:{row.uuid}",
                "is_kept": changes is not None,
                "changes": changes or (),
                "url": reverse("admin:imports_drift_row", args=[row.kind, row.uuid]),
                "record_url": reverse("admin:imports_importrecord_change", args=[row.record]),
            }
        )
    return lines


def _make_difference(row: DriftedRow) -> dict[str, Any]:
    imported, present = read_states([row]).get((row.kind, row.uuid), (None, None))
    is_known = imported is not None and present is not None
    return {
        "record_url": reverse("admin:imports_importrecord_change", args=[row.record]),
        "difference": compare_contents(row.kind, imported, present) if is_known else None,
    }
