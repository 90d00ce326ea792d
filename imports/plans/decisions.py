"""What somebody decided for single items, where the mode of the whole import is not what they want.

Pure. Every door can give them: the preview page by its choices, the command and the API by a file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flows.content.fields import Kind
from imports.errors import Issue
from imports.exportfile.document import ExportDocument
from imports.plans.plan import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided for one item; None leaves it to the import."""

    mode: Mode | None = None
    target_uuid: str | None = None
    """The uuid, in lower case, of the live row that the item is."""


Decisions = Mapping[tuple[Kind, str], Decision]
"""By the kind and the uuid (in lower case) that an item has in the file."""

NO_DECISIONS: Decisions = {}


def decisions_as_list(decisions: Decisions) -> list[dict[str, str | None]]:
    """The decisions as plain values, to be kept."""
    return [
        {
            "kind": kind.value,
            "uuid": uuid,
            "mode": decision.mode.value if decision.mode else None,
            "target": decision.target_uuid,
        }
        for (kind, uuid), decision in decisions.items()
    ]


def decisions_from_list(kept: Iterable[Mapping[str, str | None]]) -> Decisions:
    """The decisions that `decisions_as_list` made plain values of."""
    return {
        (Kind(str(one["kind"])), str(one["uuid"])): Decision(
            mode=Mode(one["mode"]) if one["mode"] else None, target_uuid=one["target"]
        )
        for one in kept
    }


def targets_of(kind: Kind, decisions: Decisions) -> dict[str, str]:
    """By the uuids of a kind's items, the rows that were chosen for them."""
    return {
        uuid: decision.target_uuid
        for (of_kind, uuid), decision in decisions.items()
        if of_kind is kind and decision.target_uuid
    }


def decisions_to_nothing(document: ExportDocument, decisions: Decisions) -> Iterator[Issue]:
    """An issue for each decision on an item that the file does not have: a slip, most likely."""
    known = {(item.kind, item.uuid) for item in document}
    for kind, uuid in decisions:
        if (kind, uuid) not in known:
            yield Issue(
                code="unknown-item",
                message=f"The file has no {kind} {uuid} to decide on.",
                uuid=uuid,
            )
