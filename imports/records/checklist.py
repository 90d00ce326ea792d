"""The checklist after an import: what is left to do by hand, read from the present database.

Exported secrets have no values, and connections have the addresses of another server. A point is
done when the row shows it; only a connection that needs no change is ticked off by hand. Values of
secrets are never read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from flows.content.fields import Kind, get_columns
from flows.models import Connection, Secret
from flows.secrets import values as secret_values
from flows.servers import get_current_database
from imports.exportfile.warnings import WarningCode
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.plans.plan import Result, compute_content_digest, differ
from imports.rows.read import CONTENT_BATCH

_NEW_ROW = (str(Result.CREATE), str(Result.DUPLICATE))
_WRITING = tuple(str(result) for result in Result if result.writes)


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPoint:
    """A secret that the import created, or that it left without a value."""

    pk: int
    uuid: UUID
    name: str
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPoint:
    """A connection that the import wrote, done when it is changed, ticked off or deleted."""

    item_pk: int
    pk: int | None
    """The key of the live row; None if there is none any more."""
    name: str
    result: Result
    warnings: tuple[str, ...]
    is_retargeted: bool
    has_dangling_references: bool
    is_changed: bool
    """Whether its content differs from what the import wrote."""
    is_looked_at: bool

    @property
    def is_done(self) -> bool:
        """Return whether it needs no attention any more."""
        return self.pk is None or self.is_changed or self.is_looked_at


class PointGoneError(Exception):
    """The checklist has no such point any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """What is to do after an import; both lists begin with what is open."""

    secrets: tuple[SecretPoint, ...] = ()
    connections: tuple[ConnectionPoint, ...] = ()

    @property
    def open_secrets(self) -> list[SecretPoint]:
        """Return the secrets that need a value."""
        return [point for point in self.secrets if not point.is_done]

    @property
    def open_connections(self) -> list[ConnectionPoint]:
        """Return the connections that were neither changed nor ticked off since."""
        return [point for point in self.connections if not point.is_done]

    @property
    def is_open(self) -> bool:
        """Return whether anything is left to do."""
        return bool(self.open_secrets or self.open_connections)


def read_checklist(record: ImportRecord) -> Checklist:
    """Return the record's checklist: empty unless it is of an import that is still in effect."""
    if not _has_checklist(record):
        return Checklist()
    secrets = tuple(_read_secret_points(record))
    connections = _read_connection_points(record)
    return Checklist(
        secrets=tuple(sorted(secrets, key=attrgetter("is_done", "name"))),
        connections=tuple(sorted(connections, key=_get_urgency)),
    )


@sensitive_variables()
def fill_secret(
    record: ImportRecord, uuid: UUID, *, dev_value: str, prod_value: str, user_name: str, shown: str
) -> Secret:
    """Set the first values of a secret of the record's checklist, and return the secret.

    Raises what flows.secrets.values.fill_secret raises, and SecretGoneError if the secret is not
    one of the record's; then nothing is written.
    """
    with transaction.atomic(using=get_current_database()):
        if (
            record.status != Status.SUCCEEDED
            or not _find_secrets(record).filter(uuid=uuid).exists()
        ):
            raise secret_values.SecretGoneError
        return secret_values.fill_secret(
            uuid, dev_value=dev_value, prod_value=prod_value, user_name=user_name, shown=shown
        )


def read_secret_uuids(record: ImportRecord) -> dict[str, UUID]:
    """Return the live secrets of the record's items, by name: none if it is not in effect."""
    if not _has_checklist(record):
        return {}
    return dict(_find_secrets(record).order_by("name").values_list("name", "uuid"))


def tick_off(record: ImportRecord, item_pk: int) -> Connection:
    """Mark a connection of the record's checklist as checked, and return the connection.

    Raises PointGoneError if the record has no such point or the connection is deleted.
    """
    with transaction.atomic(using=get_current_database()):
        item = _find_written_connections(record).filter(pk=item_pk).select_for_update().first()
        if record.status != Status.SUCCEEDED or item is None:
            raise PointGoneError
        row = Connection.objects.filter(uuid=item.target_uuid, is_deleted=False).first()
        if row is None:
            raise PointGoneError
        item.looked_at = item.looked_at or timezone.now()
        item.save(update_fields=["looked_at"])
    return row


def _has_checklist(record: ImportRecord) -> bool:
    return record.status == Status.SUCCEEDED and record.mode not in {UNDO, RESTORE}


def _find_items(record: ImportRecord, kind: Kind) -> QuerySet[ImportItem]:
    return ImportItem.objects.filter(record=record, kind=str(kind)).order_by()


def _find_secrets(record: ImportRecord) -> QuerySet[Secret]:
    targets = _find_items(record, Kind.SECRET).values("target_uuid")
    return Secret.objects.filter(uuid__in=targets, is_deleted=False)


def _read_secret_points(record: ImportRecord) -> Iterator[SecretPoint]:
    made = _find_items(record, Kind.SECRET).filter(
        target_uuid=OuterRef("uuid"), result__in=_NEW_ROW
    )
    without_value = Q(dev_value__isnull=True, prod_value__isnull=True)
    valued = _find_secrets(record).exclude(without_value).filter(Exists(made))
    for is_done, secrets in ((False, _find_secrets(record).filter(without_value)), (True, valued)):
        for pk, uuid, name in secrets.order_by().values_list("pk", "uuid", "name"):
            yield SecretPoint(pk=pk, uuid=uuid, name=name, is_done=is_done)


def _find_written_connections(record: ImportRecord) -> QuerySet[ImportItem]:
    return _find_items(record, Kind.CONNECTION).filter(result__in=_WRITING)


def _read_connection_points(record: ImportRecord) -> Iterator[ConnectionPoint]:
    items = _find_written_connections(record)
    rows = _read_live_connections(items)
    written = items.order_by("position").only(
        *("target_uuid", "target_name", "result", "warnings", "warning_details"),
        *("content_digest", "looked_at"),
    )
    for item in written:
        pk, name, digest = rows.get(item.target_uuid, (None, item.target_name, ""))
        yield ConnectionPoint(
            item_pk=item.pk,
            pk=pk,
            name=name,
            result=Result(item.result),
            warnings=tuple(item.warnings),
            is_retargeted=any(detail["isSerious"] for detail in item.warning_details),
            has_dangling_references=any(
                detail["code"] == WarningCode.DANGLING_REFERENCE for detail in item.warning_details
            ),
            is_changed=differ(digest, item.content_digest),
            is_looked_at=item.looked_at is not None,
        )


def _read_live_connections(items: QuerySet[ImportItem]) -> dict[UUID, tuple[int, str, str]]:
    """Return, by uuid, each row's key, its name, and the digest of its content."""
    names = get_columns(Kind.CONNECTION)
    live = Connection.objects.filter(uuid__in=items.values("target_uuid"), is_deleted=False)
    # Only the digests are kept in memory; the texts are read a batch at a time.
    rows = live.order_by().values_list("uuid", "pk", *names).iterator(chunk_size=CONTENT_BATCH)
    found = {}
    for uuid, pk, *values in rows:
        content = dict(zip(names, values, strict=True))
        found[uuid] = (pk, str(content["name"]), compute_content_digest(content, names))
    return found


def _get_urgency(point: ConnectionPoint) -> tuple[bool, ...]:
    """Return the sort key: open points first, then by the severity of the warnings."""
    return (
        point.is_done,
        not point.is_retargeted,
        not point.has_dangling_references,
        not point.warnings,
    )
