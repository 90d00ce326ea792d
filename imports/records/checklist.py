"""The checklist after an import: what is left to do by hand, read from the present database.

Exported secrets have no values, and connections have the addresses of another server. A point is
done when the row shows it; only a connection that needs no change is ticked off by hand. Values of
secrets are never read.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from flows.content.fields import Kind, get_columns
from flows.models import Connection, Secret
from flows.secrets import values as secret_values
from flows.secrets.used_secrets import NO_USED_SECRETS, UsedSecrets, read_used_secrets
from flows.servers import get_current_database
from imports.exportfile.warnings import WarningCode
from imports.models import RESTORE, UNDO, ImportItem, ImportRecord, Status
from imports.plans.plan import Result, compute_content_digest, differ
from imports.records.warning_texts import make_condition_of_serious
from imports.rows.read import CONTENT_BATCH

_NEW_ROW = (str(Result.CREATE), str(Result.DUPLICATE))
_WITHOUT_VALUE = Q(dev_value__isnull=True, prod_value__isnull=True)
_WRITING = (*_NEW_ROW, str(Result.OVERWRITE))


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretPoint:
    """A secret that the import created, or that it left without a value."""

    pk: int
    uuid: UUID
    name: str
    is_done: bool
    is_used: bool
    """Whether a connection or a flow uses it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionPoint:
    """A connection that the import wrote, done when it is changed, ticked off or deleted."""

    item_pk: int
    pk: int | None
    """The key of the live row; None if there is none any more."""
    name: str
    result: Result
    has_warnings: bool
    is_retargeted: bool
    """Whether it would send a stored value somewhere new: a serious warning says so."""
    has_dangling_references: bool
    is_changed: bool
    """Whether its content differs from what the import wrote."""
    is_looked_at: bool

    @property
    def is_done(self) -> bool:
        """Return whether it needs no attention any more."""
        return self.pk is None or self.is_changed or self.is_looked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class PointWarnings:
    """The warnings of the import for a connection, as texts."""

    serious: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class PointGoneError(Exception):
    """The checklist has no such point any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """What is to do after an import; both lists begin with what is open."""

    used: UsedSecrets = NO_USED_SECRETS
    """What uses the secrets; by its tag, `fill_pasted` knows what was shown."""
    secrets: tuple[SecretPoint, ...] = ()
    connections: tuple[ConnectionPoint, ...] = ()

    @property
    def open_secrets(self) -> list[SecretPoint]:
        """Return the secrets that need a value."""
        return [point for point in self.secrets if not point.is_done]

    @property
    def open_used_secrets(self) -> list[SecretPoint]:
        """Return the secrets that need a value because something uses them."""
        return [point for point in self.open_secrets if point.is_used]

    @property
    def open_unused_secrets(self) -> list[SecretPoint]:
        """Return the secrets without a value that nothing uses."""
        return [point for point in self.open_secrets if not point.is_used]

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
    names = read_secret_uuids(record)
    used = read_used_secrets(names) if names else NO_USED_SECRETS
    secrets = tuple(_read_secret_points(record, used))
    connections = _read_connection_points(record)
    return Checklist(
        used=used,
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


def count_unfilled(record: ImportRecord) -> int:
    """Return how many secrets of the record's checklist need a value."""
    return _find_secrets(record).filter(_WITHOUT_VALUE).count() if _has_checklist(record) else 0


def tick_off(record: ImportRecord, item_pk: int) -> Connection:
    """Mark a connection of the record's checklist as checked, and return the connection.

    Raises PointGoneError if the record has no such point or the connection is deleted.
    """
    return tick_off_many(record, [item_pk])[0]


def tick_off_many(record: ImportRecord, item_pks: Collection[int]) -> list[Connection]:
    """Mark connections of the record's checklist as checked, all or none, and return them.

    Raises PointGoneError if the record lacks one of the points or a connection is deleted.
    """
    with transaction.atomic(using=get_current_database()):
        written = _find_written_connections(record).filter(pk__in=item_pks)
        items = list(written.select_for_update().order_by("pk"))
        uuids = {item.target_uuid for item in items}
        rows = list(Connection.objects.filter(uuid__in=uuids, is_deleted=False).order_by("pk"))
        is_whole = len(items) == len(set(item_pks)) and len(rows) == len(uuids)
        if record.status != Status.SUCCEEDED or not is_whole:
            raise PointGoneError
        written.filter(looked_at=None).update(looked_at=timezone.now())
    return rows


def _has_checklist(record: ImportRecord) -> bool:
    return record.status == Status.SUCCEEDED and record.mode not in {UNDO, RESTORE}


def _find_items(record: ImportRecord, kind: Kind) -> QuerySet[ImportItem]:
    return ImportItem.objects.filter(record=record, kind=str(kind)).order_by()


def _find_secrets(record: ImportRecord) -> QuerySet[Secret]:
    targets = _find_items(record, Kind.SECRET).values("target_uuid")
    return Secret.objects.filter(uuid__in=targets, is_deleted=False)


def _read_secret_points(record: ImportRecord, used: UsedSecrets) -> Iterator[SecretPoint]:
    made = _find_items(record, Kind.SECRET).filter(
        target_uuid=OuterRef("uuid"), result__in=_NEW_ROW
    )
    valued = _find_secrets(record).exclude(_WITHOUT_VALUE).filter(Exists(made))
    for is_done, secrets in ((False, _find_secrets(record).filter(_WITHOUT_VALUE)), (True, valued)):
        for pk, uuid, name in secrets.order_by().values_list("pk", "uuid", "name"):
            yield SecretPoint(pk=pk, uuid=uuid, name=name, is_done=is_done, is_used=used.has(name))


def _find_written_connections(record: ImportRecord) -> QuerySet[ImportItem]:
    return _find_items(record, Kind.CONNECTION).filter(result__in=_WRITING)


def _read_connection_points(record: ImportRecord) -> Iterator[ConnectionPoint]:
    items = _find_written_connections(record)
    rows = _read_live_connections(items)
    # The texts of the warnings are read for those alone that are shown: to decode all takes long.
    written = items.order_by("position").annotate(
        text=Cast("warning_details", TextField()),
        is_serious=make_condition_of_serious("text"),
        is_dangling=Q(text__contains=f'"{WarningCode.DANGLING_REFERENCE}"'),
        has_warnings=~Q(warnings=[]),
    )
    for item_pk, uuid, name, result, written_digest, looked_at, *flags in written.values_list(
        *("pk", "target_uuid", "target_name", "result", "content_digest", "looked_at"),
        *("is_serious", "is_dangling", "has_warnings"),
    ):
        pk, present_name, digest = rows.get(uuid, (None, name, ""))
        yield ConnectionPoint(
            item_pk=item_pk,
            pk=pk,
            name=present_name,
            result=Result(result),
            is_retargeted=flags[0],
            has_dangling_references=flags[1],
            has_warnings=flags[2],
            is_changed=differ(digest, written_digest),
            is_looked_at=looked_at is not None,
        )


def read_warnings(points: Iterable[ConnectionPoint]) -> dict[int, PointWarnings]:
    """Return the warnings of the points, by `item_pk`."""
    items = ImportItem.objects.filter(pk__in=[point.item_pk for point in points]).order_by()
    found = {}
    for pk, warnings, details in items.values_list("pk", "warnings", "warning_details"):
        serious = tuple(each["text"] for each in details if each["isSerious"])
        others = tuple(each for each in warnings if each not in serious)
        found[pk] = PointWarnings(serious=serious, others=others)
    return found


def _read_live_connections(
    items: QuerySet[ImportItem],
) -> dict[UUID, tuple[int | None, str, str]]:
    """Return, by uuid, each row's key, its name, and the digest of its content."""
    names = get_columns(Kind.CONNECTION)
    live = Connection.objects.filter(uuid__in=items.values("target_uuid"), is_deleted=False)
    # Only the digests are kept in memory; the texts are read a batch at a time.
    rows = live.order_by().values_list("uuid", "pk", *names).iterator(chunk_size=CONTENT_BATCH)
    found: dict[UUID, tuple[int | None, str, str]] = {}
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
        not point.has_warnings,
    )
