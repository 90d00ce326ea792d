"""Warnings of secrets that are sent elsewhere: their texts and destinations. Pure."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flows.content.fields import Kind
from flows.destinations.changes import (
    CODE_USES_SECRET,
    SECRET_TO_NEW_DESTINATION,
    NewDestination,
    RowKey,
)
from flows.destinations.labels import make_printable_label
from flows.destinations.uses import EVERY

_NAMES_SHOWN = 3
_HIDDEN_PLACE = " (where, your account may not see)"
_UNSEEN = {
    SECRET_TO_NEW_DESTINATION: f"sends a stored secret to another destination{_HIDDEN_PLACE}",
    CODE_USES_SECRET: f"makes code use a stored value for the first time{_HIDDEN_PLACE}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationWarning:
    """A warning of new destinations, with its code and the destinations."""

    code: str
    text: str
    text_without_hosts: str
    destinations: tuple[NewDestination, ...]

    @property
    def needs_right(self) -> bool:
        """Return whether what it warns of needs the right to retarget connections."""
        return any(new.needs_right for new in self.destinations)

    def find_described_kinds(self, row: RowKey) -> frozenset[Kind]:
        """Return the kinds of the rows that it describes beside the changed row."""
        kinds: set[Kind] = set()
        for new in self.destinations:
            if (new.kind, new.uuid) != row or new.old:
                kinds.add(new.kind)
            if new.secret == EVERY and new.names and new.kind is not Kind.FLOW:
                kinds.add(Kind.SECRET)  # a flow's code needs no right
        return frozenset(kinds)

    def get_text_for(self, visible_kinds: Collection[Kind]) -> str:
        """Return the text for an account that may see rows of these kinds."""
        kinds = {new.kind for new in self.destinations}
        kinds |= {Kind.SECRET for new in self.destinations if new.secret == EVERY}
        return self.text if kinds <= set(visible_kinds) else _UNSEEN[self.code]

    def make_detail_for(self, visible_kinds: Collection[Kind]) -> dict[str, Any]:
        """Return the warning as in the API, for an account that may see rows of these kinds."""
        text = self.get_text_for(visible_kinds)
        return {
            "code": self.code,
            "text": text,
            "isSerious": True,
            "data": [*self.data] if text == self.text else [],
        }

    @property
    def data(self) -> tuple[dict[str, Any], ...]:
        """Return the destinations as plain values, under the keys of the API."""
        return tuple(_make_data(new) for new in self.destinations)


def make_warnings(found: Iterable[NewDestination], *, of: RowKey) -> tuple[DestinationWarning, ...]:
    """Return the warnings of new destinations that a row's change makes, all of them serious.

    Where another row sends the secret, as after a rename of the secret, the text names that row.
    """
    found = sorted(
        found, key=lambda new: (new.secret, new.new, new.kind, new.uuid, new.environments)
    )
    of_connections = [new for new in found if new.code == SECRET_TO_NEW_DESTINATION]
    of_flows = [new for new in found if new.code == CODE_USES_SECRET]
    return (
        *(_warn_of_sending(new, _describe_sender(new, of)) for new in of_connections),
        *_warn_of_code(of_flows, of),
    )


def _warn_of_sending(new: NewDestination, by: str) -> DestinationWarning:
    old = " and ".join(new.old) or "nowhere"
    to = f"{new.new} with other settings" if new.new in new.old else new.new
    start = f"sends the stored secret to another destination{by}"
    return DestinationWarning(
        code=new.code,
        text=f"{start}: {_describe_secret(new)} -> {old} -> {to}{_describe_environment(new)}",
        text_without_hosts=f"{start}: {_describe_secret(new)}{_describe_environment(new)}",
        destinations=(new,),
    )


def _warn_of_code(found: Sequence[NewDestination], of: RowKey) -> Iterator[DestinationWarning]:
    users: dict[str, list[NewDestination]] = {}
    for new in found:
        users.setdefault(new.uuid, []).append(new)
    for each in users.values():
        names = ", ".join(_describe_secret(new) for new in each)
        by = _describe_sender(each[0], of)
        text = f"its code uses for the first time the stored value of {names}{by}"
        yield DestinationWarning(
            code=CODE_USES_SECRET,
            text=text,
            text_without_hosts=text,
            destinations=tuple(each),
        )


def _describe_secret(new: NewDestination) -> str:
    if new.secret != EVERY:
        return f"secrets.{new.secret}"
    more = len(new.names) - _NAMES_SHOWN
    names = ", ".join(f"secrets.{name}" for name in new.names[:_NAMES_SHOWN])
    return f"every secret ({names}{f' and {more} more' if more > 0 else ''})"


def _describe_sender(new: NewDestination, of: RowKey) -> str:
    """Return ` by the KIND "NAME"` of the row that sends it; empty for the changed row."""
    if (new.kind, new.uuid) == of:
        return ""
    return f' by the {new.kind} "{make_printable_label(new.name)}"'


def _describe_environment(new: NewDestination) -> str:
    """Return ` (in ENVIRONMENT)` where there is only one; else empty."""
    return f" (in {new.environments[0]})" if len(new.environments) == 1 else ""


def _make_data(new: NewDestination) -> dict[str, Any]:
    return {
        "secret": new.secret,
        "secretNames": list(new.names),
        "secretUuid": new.secret_uuid or None,
        "kind": new.kind.value,
        "uuid": new.uuid,
        "name": new.name,
        "environments": list(new.environments),
        "oldDestinations": list(new.old),
        "newDestination": None if new.kind is Kind.FLOW else new.new,
    }
