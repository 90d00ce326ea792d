"""An uploaded file compared with this server: what `flow_status` says, on a page.

The file is read for this one answer and not kept, and nothing is written.
"""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from flows.batches import split_batches
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.models import MODELS
from imports.admin.uploads.receiving import start_receiving
from imports.admin.uploads.uploading import render_import_page
from imports.errors import NotPermitted, UnableToImport
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE
from imports.importing.request import ImportRequest
from imports.models import Door
from imports.permissions import check_sight_of, find_visible_kinds
from imports.plans.plan import Mode
from imports.status.decide import FileStatus, ItemStatus, SyncState
from imports.status.service import read_status
from imports.uploads.uploaded_file import FileCollector, FilePart

ITEMS_SHOWN = 500
"""The most items of one state on the page, which is made once and has no second one."""
_BATCH = 400

_WORDS = {
    SyncState.IN_SYNC: "In sync",
    SyncState.CHANGED_HERE: "Changed here: the file has what was imported last",
    SyncState.CHANGED_IN_FILE: "Changed in the file: here it is as it was imported last",
    SyncState.BOTH: "Changed here and in the file",
    SyncState.ONLY_HERE: "Only here",
    SyncState.ONLY_IN_FILE: "Only in the file: an import would create it",
    SyncState.DIFFERS: "Differs, and no known import shows which side changed",
    SyncState.AMBIGUOUS: "Ambiguous: the name does not say which row it is",
}
_ORDER = (
    *(SyncState.AMBIGUOUS, SyncState.BOTH, SyncState.CHANGED_HERE, SyncState.DIFFERS),
    *(SyncState.CHANGED_IN_FILE, SyncState.ONLY_IN_FILE, SyncState.ONLY_HERE, SyncState.IN_SYNC),
)


def list_compare_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URL of the page. It must come before those of the records."""
    view = site.admin_view(CompareViews(site).compare)
    return [path("compare/", view, name="imports_compare")]


class CompareViews:
    """The page of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    # See start_receiving: _compare checks the token.
    @method_decorator(csrf_exempt)
    def compare(self, request: HttpRequest) -> HttpResponseBase:
        """Show the form; for a file that is sent, show how it compares with this server."""
        _check_rights(request)
        try:
            return self._compare(request, start_receiving(request))
        except NotPermitted as error:
            raise PermissionDenied(error.message) from None
        except UnableToImport as error:
            return self._render_page(request, status=error.status, error=error)

    @method_decorator(csrf_protect)
    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def _compare(self, request: HttpRequest, collector: FileCollector) -> HttpResponseBase:
        if request.method != "POST":
            return self._render_page(request)
        is_selection = "is_selection" in request.POST  # which reads the files too
        files = collector.take_files()
        if len(files) != 1:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return self._render_page(request, status=status, fault="Choose one export file.")
        [file] = files
        found = read_status(_make_request(request, file), with_only_here=not is_selection)
        return self._render_page(
            request,
            found=found,
            file_name=file.name,
            is_selection=is_selection,
            groups=list(_make_groups(found)),
        )

    def _render_page(
        self, request: HttpRequest, *, status: HTTPStatus = HTTPStatus.OK, **context: Any
    ) -> HttpResponse:
        limit = ziggy.MAX_IMPORT_BYTES
        page = {
            "title": f"Compare {ziggy.SERVER_NAME} with a file",
            "limit": limit,
            "longest": MOST_WITH_WHITE_SPACE * limit,
            **context,
        }
        return render_import_page(self._site, request, "compare", page, status=status)


def _check_rights(request: HttpRequest) -> None:
    user: Any = request.user
    try:
        check_sight_of(user, *(find_visible_kinds(user) or Kind))
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None


def _make_request(request: HttpRequest, file: FilePart) -> ImportRequest:
    user: Any = request.user
    return ImportRequest(
        payload=file.content,
        file_name=file.name,
        server=ziggy.SERVER_NAME,
        mode=Mode.OVERWRITE,
        door=Door.ADMIN,
        user=user,
        user_name=user.get_username(),
        override_locks=True,  # a row's lock does not affect its status
    )


def _make_groups(status: FileStatus) -> Iterator[dict[str, Any]]:
    """Yield the states that some item has, what needs a look first, each with its items."""
    by_state: dict[SyncState, list[ItemStatus]] = {state: [] for state in _ORDER}
    for item in status.items:
        by_state[item.state].append(item)
    listed = {
        state: [] if state is SyncState.IN_SYNC else items[:ITEMS_SHOWN]
        for state, items in by_state.items()
    }
    urls = _find_urls(item for items in listed.values() for item in items)
    for state, items in by_state.items():
        if items:
            shown = listed[state]
            yield {
                "state": state,
                "title": _WORDS[state],
                "number": len(items),
                "lines": [_make_line(item, urls) for item in shown],
                "more": len(items) - len(shown) if shown else 0,
            }


def _make_line(item: ItemStatus, urls: dict[tuple[Kind, str], str]) -> dict[str, Any]:
    drifts = item.state in {SyncState.CHANGED_HERE, SyncState.BOTH}
    uuid = item.row_uuid or ""
    return {
        "item": item,
        "url": urls.get((item.kind, uuid), ""),
        "drift_url": reverse("admin:imports_drift_row", args=[item.kind, uuid]) if drifts else "",
        "has_other_uuid": uuid not in {"", item.uuid},
    }


def _find_urls(items: Iterable[ItemStatus]) -> dict[tuple[Kind, str], str]:
    """Return the addresses of the rows of these items, by kind and uuid."""
    uuids: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    for item in items:
        if item.row_uuid:
            uuids[item.kind].add(item.row_uuid)
    found: dict[tuple[Kind, str], str] = {}
    for kind, wanted in uuids.items():
        page = f"admin:flows_{kind}_change"
        for batch in split_batches(wanted, _BATCH):
            rows = MODELS[kind]._default_manager.filter(uuid__in=batch).order_by()
            for uuid, pk in rows.values_list("uuid", "pk"):
                found[kind, str(uuid)] = reverse(page, args=[pk])
    return found
