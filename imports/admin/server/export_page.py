"""An export by tags and kinds: what it would have, first in numbers, then to download."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe

from flows.admin.filters import list_tags
from flows.content.fields import Kind
from flows.models import MODELS
from imports.admin.uploads.uploading import render_import_page
from imports.database.one_state import read_one_state
from imports.errors import NotPermitted
from imports.exporting.directory_files import format_choice, make_directory_id
from imports.exporting.directory_zip import make_directory_response
from imports.exporting.downloads import make_export_response, pack_export
from imports.exporting.selection import ChosenExport, Selection, select_chosen
from imports.permissions import check_sight_of

NAMES_SHOWN = 100
"""The most names of a kind on the page."""


def list_export_urls(site: AdminSite) -> list[URLPattern]:
    """Return the URLs of the pages. They must come before those of the records."""
    views = ExportViews(site)
    return [
        path("export/", site.admin_view(views.show), name="imports_export"),
        path("export/file/", site.admin_view(views.download), name="imports_export_file"),
    ]


class ExportChoices(forms.Form):
    """What is chosen: tags of flows, kinds, and for a download the form of the file."""

    kind = forms.MultipleChoiceField(
        required=False,
        choices=[(str(kind), f"All {kind.plural}") for kind in Kind],
        widget=forms.CheckboxSelectMultiple,
    )

    @property
    def kinds(self) -> list[Kind]:
        """Return the chosen kinds; an unknown one chooses nothing."""
        self.is_valid()
        return [Kind(kind) for kind in self.cleaned_data.get("kind", ())]


class ExportViews:
    """The pages of an admin site."""

    def __init__(self, site: AdminSite) -> None:
        self._site = site

    @method_decorator(require_safe)
    def show(self, request: HttpRequest) -> HttpResponseBase:
        """Show what the export of the choices would have, and links to download it."""
        _check_rights(request)
        choices = ExportChoices(request.GET)
        tags = _read_tags(request)
        known = list_tags()
        chosen = None
        if tags or choices.kinds:
            with read_one_state():
                chosen = select_chosen(tags=tags, kinds=choices.kinds)
        context = {
            "title": "Export",
            "choices": choices,
            "tags": tags,
            "unknown": [tag for tag in tags if tag not in known],
            "known": known,
            "groups": _make_groups(chosen) if chosen else [],
            "is_chosen": chosen is not None,
            "number": sum(map(len, chosen.selection.values())) if chosen else 0,
            "kinds": [str(kind) for kind in choices.kinds],
        }
        return render_import_page(self._site, request, "export", context)

    @method_decorator(require_safe)
    def download(self, request: HttpRequest) -> HttpResponseBase:
        """Return the export, for a browser to save."""
        _check_rights(request)
        tags, kinds = _read_tags(request), ExportChoices(request.GET).kinds
        if not tags and not kinds:
            messages.error(request, "Choose tags or kinds first.")
            return redirect("admin:imports_export")
        form = request.GET.get("form", "")
        if form == "dir":
            packed, _ = pack_export(partial(_select, tags, kinds))
            choice = format_choice(uuids=map(str, kinds), tags=tags)
            return make_directory_response(packed, directory_id=make_directory_id(choice))
        packed, statistics = pack_export(
            partial(_select, tags, kinds), is_compact=form in {"compact", "gzip"}
        )
        return make_export_response(packed, statistics.size, in_gzip=form == "gzip")


def _select(tags: list[str], kinds: list[Kind]) -> Selection:
    return select_chosen(tags=tags, kinds=kinds).selection


def _check_rights(request: HttpRequest) -> None:
    """Raise PermissionDenied unless the user may see all that an export may have."""
    try:
        check_sight_of(request.user, *Kind)  # type: ignore[arg-type]
    except NotPermitted as error:
        raise PermissionDenied(error.message) from None


def _read_tags(request: HttpRequest) -> list[str]:
    """Return the tags of the address, each once, in their order."""
    return list(dict.fromkeys(tag for tag in request.GET.getlist("tag") if tag))


def _make_groups(chosen: ChosenExport) -> list[dict[str, Any]]:
    groups = []
    for kind in Kind:
        rows = chosen.selection[kind]
        own = [row for row in rows if row.uuid in chosen.chosen[kind]]
        needed = [row for row in rows if row.uuid not in chosen.chosen[kind]]
        keys = {row.pk: row for row in (*own[:NAMES_SHOWN], *needed[:NAMES_SHOWN])}
        page = f"admin:flows_{kind}_change"
        urls = {pk: reverse(page, args=[pk]) for pk in keys}
        groups.append(
            {
                "plural": MODELS[kind]._meta.verbose_name_plural,
                "number": len(rows),
                "parts": [
                    {
                        "title": title,
                        "number": len(part),
                        "rows": [
                            {"name": row.name, "url": urls[row.pk]} for row in part[:NAMES_SHOWN]
                        ],
                        "more": max(0, len(part) - NAMES_SHOWN),
                    }
                    for title, part in (("chosen", own), ("needed by these", needed))
                    if part
                ],
            }
        )
    return groups
