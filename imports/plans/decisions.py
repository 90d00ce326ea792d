"""The decisions for single items of an import, which override its mode. Pure.

The preview page makes them from its choices, the command and the API from a file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from flows.content.fields import Kind
from imports.errors import Issue
from imports.exportfile.document import ExportDocument
from imports.plans.plan import Mode


class ItemAction(StrEnum):
    """What is done with an item, in place of matching it by its name."""

    CREATE = "create"
    """It becomes a new row, beside the rows that have its name."""
    LEAVE_OUT = "leave-out"
    """The import is planned as if the file did not have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemDecision:
    """The decision for one item; None is for what the import's mode and matching decide."""

    mode: Mode | None = None
    target_uuid: str | None = None
    """The uuid, in lower case, of the live row that the item is matched with."""
    action: ItemAction | None = None
    """Never together with a target."""

    def __bool__(self) -> bool:
        """Return whether anything is decided."""
        return bool(self.mode or self.target_uuid or self.action)


Decisions = Mapping[tuple[Kind, str], ItemDecision]
"""By the kind and the uuid (in lower case) of the item in the file."""

NO_DECISIONS: Decisions = {}


def convert_decisions(decisions: Decisions) -> list[dict[str, str | None]]:
    """Return the decisions as plain values for storage."""
    return [
        {
            "kind": kind.value,
            "uuid": uuid,
            "mode": decision.mode.value if decision.mode else None,
            "target": decision.target_uuid,
            # Left out where there is none, as by earlier releases: what is stored is compared.
            **({"action": decision.action.value} if decision.action else {}),
        }
        for (kind, uuid), decision in decisions.items()
    ]


def read_decision_list(kept: Iterable[Mapping[str, str | None]]) -> Decisions:
    """Return the decisions from the values of `convert_decisions`."""
    return {
        (Kind(str(one["kind"])), str(one["uuid"])): ItemDecision(
            mode=Mode(one["mode"]) if one["mode"] else None,
            target_uuid=one["target"],
            action=ItemAction(action) if (action := one.get("action")) else None,
        )
        for one in kept
    }


def get_targets(kind: Kind, decisions: Decisions) -> dict[str, str]:
    """Return the uuids of the rows chosen for a kind's items, by the uuid of the item."""
    return {
        uuid: decision.target_uuid
        for (of_kind, uuid), decision in decisions.items()
        if of_kind is kind and decision.target_uuid
    }


def find_decided_on(kind: Kind, action: ItemAction, decisions: Decisions) -> set[str]:
    """Return the uuids of a kind's items for which this action is decided."""
    return {
        uuid
        for (of_kind, uuid), decision in decisions.items()
        if of_kind is kind and decision.action is action
    }


def find_decisions_to_nothing(document: ExportDocument, decisions: Decisions) -> Iterator[Issue]:
    """Yield an issue for each decision on an item that the file does not have."""
    known = {(item.kind, item.uuid) for item in document}
    for kind, uuid in decisions:
        if (kind, uuid) not in known:
            yield Issue(
                code="unknown-item",
                message=f"The file has no {kind} {uuid} to decide on.",
                uuid=uuid,
            )
