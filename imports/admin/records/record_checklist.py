"""The checklist on a record's page: one table of what is to do, and what is typed in for it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, QueryDict

from flows.admin.destinations import DestinationLine
from flows.content.fields import Kind
from flows.destinations.uses import EVERY
from flows.secrets.stored_destinations import (
    SecretDestination,
    compute_destinations_tag,
    read_destinations,
)
from flows.users import User
from imports.admin.records.record_items import ItemFilter
from imports.admin.wording import RESULT_WORDS
from imports.filling.pasted import LineProblem, ValueEnvironment
from imports.filling.service import CHANGE_SECRET
from imports.permissions import may_see
from imports.records.checklist import (
    Checklist,
    ConnectionPoint,
    PointWarnings,
    SecretPoint,
    read_warnings,
)

CHANGE_CONNECTION = "flows.change_connection"
POINTS_PER_PAGE = 50
_DESTINATIONS_SHOWN = 3
_UNUSED_SHOWN = 200
_LABELS = {"dev_value": "Development value", "prod_value": "Production value"}
_NO_WARNINGS = PointWarnings()
# What of an address says where on the page somebody is.
_OF_PLACE = ("todo", "kind", "find", "check", "page", *ItemFilter.base_fields)


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


class CheckFilter(forms.Form):
    """Which points of the checklist are shown."""

    todo = forms.ChoiceField(
        required=False,
        label="Show",
        choices=[
            ("", "to do"),
            ("unused", "secrets that nothing uses"),
            ("done", "done"),
            ("all", "all"),
        ],
    )
    kind = forms.ChoiceField(
        required=False,
        choices=[
            ("", "secrets and connections"),
            ("secret", "secrets"),
            ("connection", "connections"),
        ],
    )
    find = forms.CharField(required=False, label="Name")


class PasteForm(forms.Form):
    """For which environment pasted values are."""

    environment = forms.ChoiceField(
        label="The values are for",
        choices=[
            (ValueEnvironment.DEVELOPMENT, "development"),
            (ValueEnvironment.PRODUCTION, "production"),
            (ValueEnvironment.BOTH, "both: the same value"),
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was sent to the checklist and is shown again: no value of a secret is in it."""

    fill: FillForm | None = None
    """A form for one secret that was refused."""
    problems: Sequence[LineProblem] = ()
    """Of a pasted text that was refused."""
    names: Sequence[str] = ()
    """Of secrets for which lines without values are begun."""
    environment: str = ValueEnvironment.DEVELOPMENT


NOTHING_TYPED = Typed()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLine:
    """A point of the checklist as one line of the table."""

    kind: Kind
    tick: str
    """What the line's box sends."""
    is_ticked: bool
    secret: SecretPoint | None = None
    connection: ConnectionPoint | None = None
    result: str = ""
    warnings: PointWarnings = _NO_WARNINGS
    places: Sequence[DestinationLine] = ()
    more_places: Sequence[DestinationLine] = ()

    @property
    def point(self) -> SecretPoint | ConnectionPoint | None:
        """Return the point, whatever it is of."""
        return self.secret or self.connection


def get_place(query: QueryDict, *, ticks: Sequence[str] = (), give: str = "") -> str:
    """Return the part of an address that leads back to the same pages, filters and ticks."""
    place = QueryDict(mutable=True)
    for name in _OF_PLACE:
        if query.get(name):
            place[name] = str(query[name])
    if give:
        place["give"] = give
    place.setlist("tick", list(ticks))
    return place.urlencode()


def make_checklist_context(
    request: HttpRequest, checklist: Checklist, typed: Typed
) -> dict[str, Any]:
    """Return the context of the checklist, for the page and the filter of the address."""
    user: Any = request.user
    asked = CheckFilter(request.GET)
    conditions = asked.cleaned_data if asked.is_valid() else {}
    points = list(_filter_points(_sort_points(checklist), **conditions))
    page = Paginator(points, POINTS_PER_PAGE).get_page(request.GET.get("check"))
    names = [each.name for each in page if isinstance(each, SecretPoint) and not each.is_done]
    destinations = read_destinations([*names, EVERY] if names else [], checklist.used)
    ticks = set((request.POST if request.method == "POST" else request.GET).getlist("tick"))
    may_fill = user.has_perm(CHANGE_SECRET)
    return {
        "checklist": checklist,
        "check_filter": asked,
        "is_check_filtered": any(conditions.values()),
        "check_page": page,
        "check_pages": page.paginator.get_elided_page_range(page.number),
        "check_lines": list(_make_lines(page, destinations, ticks, user)),
        "places_of_all": _make_places(destinations.get(EVERY, ()), user),
        "to_do": len(checklist.open_used_secrets) + len(checklist.open_connections),
        "unused": checklist.open_unused_secrets[:_UNUSED_SHOWN],
        "hidden_unused": len(checklist.open_unused_secrets[_UNUSED_SHOWN:]),
        "may_fill": may_fill,
        "may_tick_off": user.has_perm(CHANGE_CONNECTION),
        "links": {kind.value: may_see(user, kind) for kind in Kind},
        "place": get_place(request.GET),
        "typed": typed,
        "paste": PasteForm(initial={"environment": typed.environment}),
        "giving": _make_giving(request, checklist, typed) if may_fill else None,
        "other_place": [(name, request.GET[name]) for name in _OF_PLACE if request.GET.get(name)],
    }


def _sort_points(checklist: Checklist) -> list[SecretPoint | ConnectionPoint]:
    """Return all points: red ones first, then used secrets, other connections, and the rest."""

    def get_urgency(point: SecretPoint | ConnectionPoint) -> tuple[bool, int]:
        if isinstance(point, SecretPoint):
            return point.is_done, 1 if point.is_used else 3
        return point.is_done, 0 if point.is_retargeted else 2

    return sorted((*checklist.secrets, *checklist.connections), key=get_urgency)


def _filter_points(
    points: Sequence[SecretPoint | ConnectionPoint], todo: str = "", kind: str = "", find: str = ""
) -> Iterator[SecretPoint | ConnectionPoint]:
    part = find.casefold()
    for point in points:
        is_secret = isinstance(point, SecretPoint)
        is_unused = isinstance(point, SecretPoint) and not point.is_used
        fits = {
            "": not point.is_done and not is_unused,
            "unused": not point.is_done and is_unused,
            "done": point.is_done,
        }.get(todo, True)
        if (
            fits
            and kind in {"", "secret" if is_secret else "connection"}
            and (part in point.name.casefold())
        ):
            yield point


def _make_lines(
    page: Page[SecretPoint | ConnectionPoint],
    destinations: Mapping[str, Sequence[SecretDestination]],
    ticks: set[str],
    user: User,
) -> Iterator[CheckLine]:
    warnings = read_warnings(each for each in page if isinstance(each, ConnectionPoint))
    for point in page:
        if isinstance(point, SecretPoint):
            found = destinations.get(point.name, ())
            # Where every secret goes is said once, above the table.
            own = [each for each in found if each not in destinations[EVERY]]
            places = _make_places(own, user)
            yield _make_secret_line(point, ticks, places)
        else:
            tick = f"connection:{point.item_pk}"
            yield CheckLine(
                kind=Kind.CONNECTION,
                tick=tick,
                is_ticked=tick in ticks,
                connection=point,
                result=RESULT_WORDS[point.result],
                warnings=warnings.get(point.item_pk, _NO_WARNINGS),
            )


def _make_secret_line(
    point: SecretPoint, ticks: set[str], places: Sequence[DestinationLine]
) -> CheckLine:
    tick = f"secret:{point.uuid}"
    return CheckLine(
        kind=Kind.SECRET,
        tick=tick,
        is_ticked=tick in ticks,
        secret=point,
        places=places[:_DESTINATIONS_SHOWN],
        more_places=places[_DESTINATIONS_SHOWN:],
    )


def _make_places(destinations: Sequence[SecretDestination], user: User) -> list[DestinationLine]:
    return [
        DestinationLine(destination=each, may_view=may_see(user, each.kind))
        for each in destinations
    ]


def _make_giving(request: HttpRequest, checklist: Checklist, typed: Typed) -> dict[str, Any] | None:
    """Return the form for one secret, with where a value goes; None where none is asked for."""
    asked = str(typed.fill.uuid) if typed.fill else request.GET.get("give", "")
    point = next((each for each in checklist.open_secrets if str(each.uuid) == asked), None)
    if point is None:
        return None
    user: Any = request.user
    destinations = read_destinations([point.name])[point.name]
    return {
        "point": point,
        "form": typed.fill or FillForm(uuid=point.uuid),
        "shown": compute_destinations_tag(destinations),
        "places": _make_places(destinations, user),
    }
