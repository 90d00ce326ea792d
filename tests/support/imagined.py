"""A file and a server that exist in memory only, for tests of what is decided without a database."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flows.content.fields import Content, Kind
from flows.destinations.changes import SecretState, SecretUser
from flows.destinations.destinations import find_secret_uses
from flows.relations.mentions import Reference
from imports.exportfile.document import ExportDocument, parse
from imports.plans.build import build_plan
from imports.plans.inputs import PlanInputs
from imports.plans.matching import Row
from imports.plans.plan import Mode, Plan
from tests.support.ordinary import ordinary_columns, ordinary_item
from tests.support.uuids import ONE, THREE, TWO

# What a row holds that was made by hand and left alone; written down here once more, so that a
# test's stored content does not come from the code under test.
DEFAULTS: dict[Kind, dict[str, Any]] = {
    Kind.FLOW: {
        "name": "",
        "info": "",
        "tags": "[]",
        "listener_type": "",
        "is_subflow": False,
        "is_commander": False,
        "is_valid": False,
        "is_locked": False,
        "timeout": 60,
        "num_blocks": 0,
        "execution_history_level": "USE_DEFAULT",
        "execution_history_mins": 1440,
        "queue_uuid": None,
        "tenant_id": None,
        "used_connections": None,
        "used_secrets": None,
        "nodes": "[]",
        "edges": "[]",
        "viewport": "{}",
        "extra": "{}",
    },
    Kind.CONNECTION: {
        "name": "",
        "type": "",
        "description": "",
        "is_core_platform": None,
        "dev_value": "",
        "prod_value": "",
        "extra": "{}",
    },
    Kind.SECRET: {
        "name": "",
        "description": "",
        "type": "",
        "group": "",
        "tags": "[]",
        "extra": "{}",
    },
}

_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """A row of the imagined server with its content."""

    kind: Kind
    row: Row
    content: dict[str, Any]
    has_value: bool = False
    """Whether a secret has a value."""


def stored(
    kind: Kind,
    uuid: str,
    name: str,
    *,
    is_deleted: bool = False,
    is_locked: bool = False,
    has_value: bool = False,
    **columns: Any,
) -> StoredItem:
    """A row: what is not given of its graph or its value is ordinary, the rest has its defaults."""
    content = {**DEFAULTS[kind], **ordinary_columns(kind, columns), "name": name}
    if is_locked:
        content["is_locked"] = True
    row = Row(pk=next(_numbers), uuid=uuid, name=name, is_deleted=is_deleted, is_locked=is_locked)
    return StoredItem(kind=kind, row=row, content=content, has_value=has_value)


@dataclass
class Server:
    """Rows in memory. It keeps which contents were asked for."""

    items: Sequence[StoredItem] = ()
    read: list[int] = field(default_factory=list)

    def as_stored(self, dangling: Mapping[str, Sequence[Reference]] | None = None) -> PlanInputs:
        return PlanInputs(
            rows={kind: [item.row for item in self._of(kind)] for kind in Kind},
            read_contents=self._read_contents,
            read_last_writes=lambda _kind, _pks: {},
            live_names={
                kind: {item.row.name for item in self._of(kind) if not item.row.is_deleted}
                for kind in Kind
            },
            dangling=dangling or {},
            read_naming=self._read_naming,
            server=self,
        )

    def read_secrets(self) -> dict[str, SecretState]:
        """Of flows.destinations.new.Server, as the three below."""
        return {
            item.row.uuid: SecretState(name=item.row.name, has_value=item.has_value)
            for item in self._of(Kind.SECRET)
            if not item.row.is_deleted
        }

    def read_valued_secrets(self) -> set[str]:
        return {item.row.uuid for item in self._of(Kind.SECRET) if item.has_value}

    def read_connections(self) -> Iterator[SecretUser]:
        return self._users(Kind.CONNECTION)

    def read_flows(self) -> Iterator[SecretUser]:
        return self._users(Kind.FLOW)

    def _users(self, kind: Kind) -> Iterator[SecretUser]:
        for item in self._of(kind):
            uses = find_secret_uses(kind, item.row.uuid, item.content)
            if uses and not item.row.is_deleted:
                yield SecretUser(kind=kind, uuid=item.row.uuid, name=item.row.name, uses=uses)

    def _read_naming(self, _names: Collection[str]) -> Iterator[tuple[Kind, str, Content]]:
        for item in self.items:
            if item.kind is not Kind.SECRET and not item.row.is_deleted:
                yield item.kind, item.row.uuid, item.content

    def _of(self, kind: Kind) -> list[StoredItem]:
        return [item for item in self.items if item.kind is kind]

    def _read_contents(self, kind: Kind, pks: Sequence[int]) -> Iterator[tuple[int, Content]]:
        wanted = set(pks)
        for item in reversed(self._of(kind)):  # a database promises no order either
            if item.row.pk in wanted:
                self.read.append(item.row.pk)
                yield item.row.pk, item.content


def a_file(
    *,
    flows: Iterable[dict[str, Any]] = (),
    connections: Iterable[dict[str, Any]] = (),
    secrets: Iterable[dict[str, Any]] = (),
) -> ExportDocument:
    """The document of an export file with these items, which have at least a graph and a value."""
    lists = {
        "flows": [ordinary_item("flow", item) for item in flows],
        "connections": [ordinary_item("connection", item) for item in connections],
        "secrets": [*secrets],
    }
    return parse(json.dumps(lists).encode(), max_bytes=10**9)


FILE_OF_FOUR = a_file(
    flows=[{"uuid": TWO, "name": "B"}, {"uuid": ONE, "name": "A", "info": "new"}],
    connections=[{"uuid": ONE, "name": "Twilio"}],
    secrets=[{"uuid": THREE, "name": "TOKEN"}],
)


def planned(
    document: ExportDocument,
    *items: StoredItem,
    mode: Mode,
    override_locks: bool = False,
    dangling: Mapping[str, Sequence[Reference]] | None = None,
) -> Plan:
    """What an import of the document into a server with these rows would do."""
    return build_plan(
        document,
        Server(items).as_stored(dangling),
        server="production",
        mode=mode,
        override_locks=override_locks,
    )
