"""Which rows an export has: the chosen flows with all that they need, or everything.

Source of the rules: the specification of the export file.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from flows.content import canonical
from flows.content.fields import Kind
from flows.models import MODELS, Flow
from flows.relations.mentions import find_mentions
from imports.rows.read import read_contents


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRow:
    """What is needed of a row to choose and sort it."""

    pk: int
    uuid: str
    name: str
    updated_at: datetime


Selection = Mapping[Kind, Sequence[ExportedRow]]
"""By kind, the rows of an export, sorted by name and uuid."""


class UnknownFlowsError(Exception):
    """Some of the chosen flows are not on the server."""

    def __init__(self, uuids: Collection[str]) -> None:
        super().__init__(f"No flow on this server has the uuid {', '.join(sorted(uuids))}.")
        self.uuids = tuple(sorted(uuids))


def select_everything() -> Selection:
    """Return all live flows, connections and secrets."""
    return {kind: _sort_rows(_read_live_rows(kind).values()) for kind in Kind}


def select_all_flows() -> Selection:
    """Return all live flows, with all that they need."""
    live = {kind: _read_live_rows(kind) for kind in Kind}
    chosen = _find_needed({Kind.FLOW: set(live[Kind.FLOW])}, live)
    return {kind: _sort_rows(live[kind][key] for key in chosen[kind]) for kind in Kind}


def select_flows(*, uuids: Collection[str] = (), tags: Collection[str] = ()) -> Selection:
    """Return the flows with one of the uuids or any of the tags, with all that they need.

    Empty if nothing matches. Raises UnknownFlowsError for a uuid that no live flow has.
    """
    live = {kind: _read_live_rows(kind) for kind in Kind}
    wanted = {_normalize_uuid(uuid) for uuid in uuids}
    if unknown := wanted - live[Kind.FLOW].keys():
        raise UnknownFlowsError(unknown)
    chosen = _find_needed({Kind.FLOW: wanted | _find_tagged(tags)}, live)
    return {kind: _sort_rows(live[kind][key] for key in chosen[kind]) for kind in Kind}


def check_flows_exist(uuids: Collection[str]) -> None:
    """Raise UnknownFlowsError unless each of the uuids is that of a live flow."""
    wanted = {_normalize_uuid(uuid) for uuid in uuids}
    live = _read_live_rows(Kind.FLOW) if wanted else {}
    if unknown := wanted - live.keys():
        raise UnknownFlowsError(unknown)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenExport:
    """The rows of an export, and which of them were chosen themselves."""

    selection: Selection
    chosen: Mapping[Kind, frozenset[str]]
    """By uuid; the others are needed by one of these."""


def select_chosen(*, tags: Collection[str] = (), kinds: Collection[Kind] = ()) -> ChosenExport:
    """Return the flows with any of the tags and all rows of these kinds, with all that they need.

    With tags, the kind of flows adds no others.
    """
    live = {kind: _read_live_rows(kind) for kind in Kind}
    chosen = {kind: set(live[kind]) if kind in kinds else set() for kind in Kind}
    if tags:
        chosen[Kind.FLOW] = _find_tagged(tags) & live[Kind.FLOW].keys()
    needed = _find_needed(chosen, live)
    return ChosenExport(
        selection={kind: _sort_rows(live[kind][key] for key in needed[kind]) for kind in Kind},
        chosen={kind: frozenset(uuids) for kind, uuids in chosen.items()},
    )


def select_rows(uuids: Mapping[Kind, Collection[str]]) -> Selection:
    """Return the live rows with these uuids and nothing else: not what they need."""
    live = {kind: _read_live_rows(kind) if uuids.get(kind) else {} for kind in Kind}
    return {
        kind: _sort_rows(live[kind][uuid] for uuid in uuids.get(kind, ()) if uuid in live[kind])
        for kind in Kind
    }


def _normalize_uuid(uuid: str) -> str:
    try:
        return str(UUID(uuid))
    except ValueError:
        raise UnknownFlowsError([uuid]) from None


def _read_live_rows(kind: Kind) -> dict[str, ExportedRow]:
    rows = MODELS[kind]._default_manager.filter(is_deleted=False).order_by()
    return {
        str(uuid): ExportedRow(pk=pk, uuid=str(uuid), name=name, updated_at=updated_at)
        for pk, uuid, name, updated_at in rows.values_list("pk", "uuid", "name", "updated_at")
    }


def _sort_rows(rows: Iterable[ExportedRow]) -> list[ExportedRow]:
    # By code points, and not by the database, so that SQLite and PostgreSQL agree.
    return sorted(rows, key=lambda row: (row.name, row.uuid))


def _find_tagged(tags: Collection[str]) -> set[str]:
    if not tags:
        return set()
    wanted = set(tags)
    rows = Flow.objects.filter(is_deleted=False).order_by().values_list("uuid", "tags")
    return {str(uuid) for uuid, text in rows if wanted.intersection(_read_tags(text))}


def _read_tags(text: str) -> list[str]:
    """Return the tags of a document of tags that are texts: what was typed by hand may be any."""
    return [tag for tag in canonical.decode(text) or () if isinstance(tag, str)]


def _find_needed(
    wanted: Mapping[Kind, set[str]], live: Mapping[Kind, Mapping[str, ExportedRow]]
) -> dict[Kind, set[str]]:
    """Return the rows, all flows that they call, and the connections and secrets of them all."""
    chosen: dict[Kind, set[str]] = {kind: set() for kind in Kind}
    chosen[Kind.SECRET] |= wanted.get(Kind.SECRET, set())
    secret_names: set[str] = set()
    new = {kind: wanted.get(kind, set()) for kind in (Kind.FLOW, Kind.CONNECTION)}
    while any(new.values()):
        mentioned: set[str] = set()
        for kind, keys in new.items():
            chosen[kind] |= keys
            pks = [live[kind][key].pk for key in keys]
            for _, content in read_contents(kind, pks):
                uuids, names = find_mentions(kind, content)
                mentioned |= uuids
                secret_names |= names
        chosen[Kind.SECRET] |= mentioned & live[Kind.SECRET].keys()
        new = {kind: (mentioned & live[kind].keys()) - chosen[kind] for kind in new}
    chosen[Kind.SECRET] |= {
        uuid for uuid, row in live[Kind.SECRET].items() if row.name in secret_names
    }
    return chosen
