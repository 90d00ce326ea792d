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
from flows.destinations.labels import printable_label
from flows.destinations.uses import EVERY

_KEYS_SHOWN = 5
_NAMES_SHOWN = 3
_NOT_TOLD = " (where, your account may not see)"
_UNSEEN = {
    (SECRET_TO_NEW_DESTINATION, True): f"sends a stored secret to another destination{_NOT_TOLD}",
    (SECRET_TO_NEW_DESTINATION, False): f"names a secret that has no value yet{_NOT_TOLD}",
    (CODE_USES_SECRET, True): f"makes code use a stored value for the first time{_NOT_TOLD}",
    (CODE_USES_SECRET, False): f"makes code name a secret without a value yet{_NOT_TOLD}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationWarning:
    """A warning of new destinations, with its code and the destinations."""

    code: str
    text: str
    text_without_hosts: str
    is_serious: bool
    """Whether it is shown in red: a stored value would be sent."""
    destinations: tuple[NewDestination, ...]

    @property
    def needs_right(self) -> bool:
        """Return whether what it warns of needs the right to retarget connections."""
        return any(new.needs_right for new in self.destinations)

    def tells_of(self, row: RowKey) -> frozenset[Kind]:
        """Return the kinds of the rows that it describes beside the changed row."""
        kinds: set[Kind] = set()
        for new in self.destinations:
            if (new.kind, new.uuid) != row or new.old:
                kinds.add(new.kind)
            if new.secret == EVERY and new.names and new.kind is not Kind.FLOW:
                kinds.add(Kind.SECRET)  # a flow's code needs no right
        return frozenset(kinds)

    def text_for(self, sees: Collection[Kind]) -> str:
        """Return the text for an account that may see rows of these kinds."""
        told = {new.kind for new in self.destinations}
        told |= {Kind.SECRET for new in self.destinations if new.secret == EVERY}
        return self.text if told <= set(sees) else _UNSEEN[self.code, self.is_serious]

    def detail_for(self, sees: Collection[Kind]) -> dict[str, Any]:
        """Return the warning as in the API, for an account that may see rows of these kinds."""
        text = self.text_for(sees)
        return {
            "code": self.code,
            "text": text,
            "isSerious": self.is_serious,
            "data": [*self.data] if text == self.text else [],
        }

    @property
    def data(self) -> tuple[dict[str, Any], ...]:
        """Return the destinations as plain values, under the keys of the API."""
        return tuple(_data(new) for new in self.destinations)


def warnings_of(found: Iterable[NewDestination], *, of: RowKey) -> tuple[DestinationWarning, ...]:
    """Return the warnings of new destinations that a row's change makes, the serious ones first.

    Where another row sends the secret, as after a rename of the secret, the text names that row.
    """
    found = sorted(found, key=lambda new: (new.secret, new.new, new.kind, new.uuid))
    of_connections = [new for new in found if new.code == SECRET_TO_NEW_DESTINATION]
    of_flows = [new for new in found if new.code == CODE_USES_SECRET]
    return (
        *(_sends(new, _by(new, of)) for new in of_connections if new.has_value),
        *_code_uses([new for new in of_flows if new.has_value], of, is_serious=True),
        *_will_send((new for new in of_connections if not new.has_value), of),
        *_code_uses([new for new in of_flows if not new.has_value], of, is_serious=False),
    )


def _sends(new: NewDestination, by: str) -> DestinationWarning:
    old = " and ".join(new.old) or "nowhere"
    start = f"sends the stored secret to another destination{by}"
    return DestinationWarning(
        code=new.code,
        text=f"{start}: {_secret(new)} -> {old} -> {new.new}{_details(new)}",
        text_without_hosts=f"{start}: {_secret(new)}{_details(new)}",
        is_serious=True,
        destinations=(new,),
    )


def _will_send(found: Iterable[NewDestination], of: RowKey) -> Iterator[DestinationWarning]:
    """Yield one warning for all secrets without a value that are sent to the same places."""
    users: dict[str, dict[str, list[NewDestination]]] = {}
    for new in found:
        users.setdefault(new.uuid, {}).setdefault(new.secret, []).append(new)
    for secrets in users.values():
        places: dict[str, list[NewDestination]] = {}
        for each in secrets.values():
            told = " and ".join(map(_place, each))
            places.setdefault(told, []).extend(each)
        for told, each in places.items():
            names = list(dict.fromkeys(map(_secret, each)))
            have = "has" if len(names) == 1 else "have"
            start = f"names {', '.join(names)}, which {have} no value yet{_by(each[0], of)}"
            yield DestinationWarning(
                code=SECRET_TO_NEW_DESTINATION,
                text=f"{start}: a value will be sent to {told}",
                text_without_hosts=start,
                is_serious=False,
                destinations=tuple(each),
            )


def _code_uses(
    found: Sequence[NewDestination], of: RowKey, *, is_serious: bool
) -> Iterator[DestinationWarning]:
    users: dict[str, list[NewDestination]] = {}
    for new in found:
        users.setdefault(new.uuid, []).append(new)
    for each in users.values():
        names = ", ".join(_secret(new) for new in each)
        by = _by(each[0], of)
        text = (
            f"its code uses for the first time the stored value of {names}{by}"
            if is_serious
            else f"its code names {names}, without a value yet{by}"
        )
        yield DestinationWarning(
            code=CODE_USES_SECRET,
            text=text,
            text_without_hosts=text,
            is_serious=is_serious,
            destinations=tuple(each),
        )


def _secret(new: NewDestination) -> str:
    if new.secret != EVERY:
        return f"secrets.{new.secret}"
    more = len(new.names) - _NAMES_SHOWN
    names = ", ".join(f"secrets.{name}" for name in new.names[:_NAMES_SHOWN])
    return f"every secret ({names}{f' and {more} more' if more > 0 else ''})"


def _by(new: NewDestination, of: RowKey) -> str:
    """Return ` by the KIND "NAME"` of the row that sends it; empty for the changed row."""
    if (new.kind, new.uuid) == of:
        return ""
    return f' by the {new.kind} "{printable_label(new.name)}"'


def _environment(new: NewDestination) -> str:
    """Return `in ENVIRONMENT` where there is only one; else empty."""
    return f"in {new.environments[0]}" if len(new.environments) == 1 else ""


def _place(new: NewDestination) -> str:
    return f"{new.new} ({_environment(new)})" if _environment(new) else new.new


def _details(new: NewDestination) -> str:
    """Return, in brackets, the one environment and the changed settings; empty for none."""
    details = [_environment(new)] if _environment(new) else []
    if new.changed:
        more = len(new.changed) - _KEYS_SHOWN
        told = ", ".join(new.changed[:_KEYS_SHOWN]) + (f" and {more} more" if more > 0 else "")
        details.append(f"changed: {told}")
    return f" ({'; '.join(details)})" if details else ""


def _data(new: NewDestination) -> dict[str, Any]:
    return {
        "secret": new.secret,
        "secretNames": list(new.names),
        "secretUuid": new.secret_uuid or None,
        "hasValue": new.has_value,
        "kind": new.kind.value,
        "uuid": new.uuid,
        "name": new.name,
        "environments": list(new.environments),
        "oldDestinations": list(new.old),
        "newDestination": None if new.kind is Kind.FLOW else new.new,
        "changedKeys": list(new.changed),
    }
