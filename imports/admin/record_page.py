"""The content of a record's page, read in a fixed number of queries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_
from shlex import quote
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.urls import reverse

from flows.admin.destinations import DestinationLine
from flows.conf import ziggy
from flows.content.fields import Kind
from flows.models import MODELS
from flows.secrets.stored_destinations import compute_destinations_tag, read_destinations
from flows.users import User
from imports.admin.item_page import has_difference
from imports.admin.record_warnings import find_warned_items
from imports.admin.wording import RESULT_WORDS, format_duration, format_options
from imports.history.wording import format_pruned
from imports.models import ImportItem, ImportRecord, Status
from imports.permissions import get_record_message, may_see, may_see_paths
from imports.records.checklist import Checklist, read_checklist
from imports.undo.run_names import name_run

CHANGE_CONNECTION = "flows.change_connection"
CHANGE_SECRET = "flows.change_secret"  # noqa: S105 - the word, not a value

ITEMS_PER_PAGE = 100
_RECORDS_SHOWN = 10
_POINTS_SHOWN = 50

_APPLIED = (str(Status.SUCCEEDED), str(Status.UNDONE))
_TRIED = (str(Status.FAILED), str(Status.REFUSED), str(Status.INTERRUPTED))
_LABELS = {"dev_value": "Development value", "prod_value": "Production value"}


class FillForm(forms.Form):
    """The first values of a secret. They are never shown again, not even after an error."""

    def __init__(self, data: Any = None, *, uuid: UUID) -> None:
        super().__init__(data, auto_id=f"secret-{uuid}-%s")
        self.uuid = uuid
        for name, label in _LABELS.items():
            self.fields[name] = forms.CharField(
                label=label,
                required=False,
                strip=False,
                widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
            )

    def clean(self) -> Any:
        if not self.errors and not self.list_given():
            raise forms.ValidationError("Give at least one of the two values.")
        return self.cleaned_data

    def list_given(self) -> list[str]:
        """Return the labels of the given values."""
        return [label for name, label in _LABELS.items() if self.cleaned_data[name]]


class ItemFilter(forms.Form):
    """Which of a record's items are shown."""

    result = forms.ChoiceField(
        required=False,
        choices=[("", "all results"), *((str(word), text) for word, text in RESULT_WORDS.items())],
    )
    text = forms.CharField(required=False, label="Name or uuid")
    warned = forms.BooleanField(required=False, label="Only with warnings")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """An item of the record as one line of the table."""

    item: ImportItem
    result: str
    has_other_uuid: bool
    """Whether the row's uuid differs from the file's."""
    target_url: str | None
    difference_url: str | None
    target_state: str
    """What became of the row; "" if it simply exists."""


def get_record_url(record: ImportRecord) -> str:
    """Return the URL of the record's page."""
    return reverse("admin:imports_importrecord_change", args=[record.pk])


def make_record_context(
    request: HttpRequest, record: ImportRecord, *, refused: FillForm | None
) -> dict[str, Any]:
    """Return the context of the page; `refused` is a form for a secret that was refused."""
    user: Any = request.user
    checklist = read_checklist(record)
    name = name_run(record)
    return {
        "title": f"Import {record.pk}: {name.text}" if name.depth else f"Import {record.pk}",
        "name": name,
        "record": record,
        "record_url": get_record_url(record),
        "message": get_record_message(user, record),
        "undone_by": record.find_undo_in_effect(),
        "duration": format_duration(record.seconds),
        "options": list(format_options(record)),
        "pruned": format_pruned(record.pruned),
        "backup": _describe_backup(record, user),
        "same_file": _find_same_file(record),
        "counts": _count_items(record),
        "warned": find_warned_items(_sort_items(record.items.all())),
        **_make_checklist_context(checklist, user, refused),
        **_make_items_context(request, record),
    }


def _describe_backup(record: ImportRecord, user: User) -> dict[str, str] | None:
    """Return where the backup is and how to restore it; only its name without the right to."""
    path = record.backup_path
    if not path:
        return None
    if not may_see_paths(user):
        return {"path": path.rpartition("/")[2]}
    command = f"python manage.py database_restore {quote(path)}"
    # The run was made from another instance, where this database is a registered server.
    if record.server != ziggy.SERVER_NAME:
        command += f" --server {quote(record.server)}"
    return {"path": path, "command": command}


def _find_same_file(record: ImportRecord) -> dict[str, Any]:
    if not record.file_sha256:  # an undo has no file
        return {}
    others = (
        ImportRecord.objects.filter(file_sha256=record.file_sha256)
        .exclude(pk=record.pk)
        .only("pk", "status", "started_at", "server")
    )
    applied = list(others.filter(status__in=_APPLIED)[:_RECORDS_SHOWN])
    tried = list(others.filter(status__in=_TRIED)[:_RECORDS_SHOWN])
    if not applied and not tried:
        return {}
    every = reverse("admin:imports_importrecord_changelist")
    return {
        "applied": applied,
        "tried": tried,
        "every_url": f"{every}?q={record.file_sha256}",
    }


def _count_items(record: ImportRecord) -> dict[str, Any]:
    """Return the number of items by kind and result, without zero rows and columns."""
    found = {
        (row["kind"], row["result"]): row["number"]
        for row in record.items.order_by().values("kind", "result").annotate(number=Count("pk"))
    }
    results = [result for result in RESULT_WORDS if any(str(result) == key[1] for key in found)]
    rows = [
        (kind.plural, [found.get((str(kind), str(result)), 0) for result in results])
        for kind in Kind
        if any(str(kind) == key[0] for key in found)
    ]
    return {"results": [RESULT_WORDS[result] for result in results], "rows": rows}


def _make_checklist_context(
    checklist: Checklist, user: User, refused: FillForm | None
) -> dict[str, Any]:
    may_fill = user.has_perm(CHANGE_SECRET)
    lines = []
    points = _cut_points(checklist.secrets, keep=refused.uuid if refused else None)
    destinations = read_destinations(point.name for point in points if not point.is_done)
    for point in points:
        form = None
        if may_fill and not point.is_done:
            is_refused = refused is not None and refused.uuid == point.uuid
            form = refused if is_refused else FillForm(uuid=point.uuid)
        places = [
            DestinationLine(destination=each, may_view=may_see(user, each.kind))
            for each in destinations.get(point.name, ())
        ]
        lines.append(
            (point, form, places, compute_destinations_tag(destinations.get(point.name, ())))
        )
    return {
        "checklist": checklist,
        "refused": refused,
        "may_fill": may_fill,
        "may_tick_off": user.has_perm(CHANGE_CONNECTION),
        "secret_lines": lines,
        "connection_lines": [
            (point, RESULT_WORDS[point.result]) for point in checklist.connections[:_POINTS_SHOWN]
        ],
        "hidden_secrets": len(checklist.secrets) - len(lines),
        "hidden_connections": max(0, len(checklist.connections) - _POINTS_SHOWN),
        "links": {kind.value: may_see(user, kind) for kind in Kind},
    }


def _cut_points(points: Sequence[Any], *, keep: UUID | None) -> list[Any]:
    """Return the first points, and the one with the uuid `keep`."""
    return [
        point for number, point in enumerate(points) if number < _POINTS_SHOWN or point.uuid == keep
    ]


def _make_items_context(request: HttpRequest, record: ImportRecord) -> dict[str, Any]:
    asked = ItemFilter(request.GET)
    items = _sort_items(record.items.all())
    if asked.is_valid():
        items = _filter_items(items, asked.cleaned_data)
    page = Paginator(items, ITEMS_PER_PAGE).get_page(request.GET.get("page"))
    return {
        "item_filter": asked,
        "is_filtered": any(request.GET.get(name) for name in asked.fields),
        "page": page,
        "pages": page.paginator.get_elided_page_range(page.number),
        "groups": list(_group_items(page, request.user)),
    }


def _filter_items(items: QuerySet[ImportItem], asked: dict[str, Any]) -> QuerySet[ImportItem]:
    if asked["result"]:
        items = items.filter(result=asked["result"])
    if asked["warned"]:
        items = items.exclude(warnings=[])
    if text := asked["text"]:
        items = items.filter(make_search_condition(text))
    return items


def make_search_condition(text: str) -> Q:
    """Return the condition that an item's name or uuid, in the file or here, contains the text."""
    names = ("name", "target_name", "uuid", "target_uuid")
    return reduce(or_, (Q((f"{name}__icontains", text)) for name in names))


def _sort_items(items: QuerySet[ImportItem]) -> QuerySet[ImportItem]:
    """Sort by kind (flows, connections, secrets), then by the file's order."""
    order = [When(kind=str(kind), then=Value(number)) for number, kind in enumerate(Kind)]
    return items.order_by(Case(*order, output_field=IntegerField()), "position", "pk")


def _group_items(page: Page[ImportItem], user: Any) -> Iterator[tuple[str, list[ItemLine]]]:
    for word, items in groupby(page, key=lambda item: item.kind):
        kind = Kind(word)
        yield kind.plural, list(_make_lines(kind, list(items), user))


def _make_lines(kind: Kind, items: Sequence[ImportItem], user: User) -> Iterator[ItemLine]:
    rows = MODELS[kind]._default_manager.filter(uuid__in={item.target_uuid for item in items})
    found = {
        uuid: (pk, is_deleted)
        for uuid, pk, is_deleted in rows.order_by().values_list("uuid", "pk", "is_deleted")
    }
    sees_kind = may_see(user, kind)
    for item in items:
        pk, is_deleted = found.get(item.target_uuid, (None, False))
        url = reverse(f"admin:flows_{kind}_change", args=[pk]) if pk and sees_kind else None
        yield ItemLine(
            item=item,
            result=RESULT_WORDS[item.result],
            has_other_uuid=str(item.target_uuid) != item.uuid.lower(),
            target_url=url,
            target_state="gone" if pk is None else "deleted" if is_deleted else "",
            difference_url=_get_difference_url(item) if sees_kind else None,
        )


def _get_difference_url(item: ImportItem) -> str | None:
    if not has_difference(item):
        return None
    return reverse("admin:imports_importrecord_item", args=[item.record_id, item.pk])
