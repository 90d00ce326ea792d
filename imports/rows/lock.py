"""Lock existing rows before they are written, and clear the way for renames of secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from flows.batches import split_batches
from flows.content.fields import Kind
from flows.models import MODELS, Secret
from imports.plans.plan import compute_content_digest
from imports.rows.read import CONTENT_BATCH, VERSION, add_versions, read_contents


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRow:
    """A locked row as it is now."""

    digest: str | None
    """The digest of its content; None where the row was not written since it was seen."""
    is_deleted: bool


def lock_rows(
    kind: Kind,
    pks: Sequence[int],
    *,
    is_unchanged: bool,
    versions: Mapping[int, str] = MappingProxyType({}),
) -> Mapping[int, LockedRow]:
    """Lock the rows in order of primary key until the transaction ends; return them by key.

    Rows that no longer exist are left out. A row's content is read, unless the whole database
    `is_unchanged` since it was seen, or the row has the version that it had then.
    """
    rows = MODELS[kind]._default_manager.filter(pk__in=pks).order_by("pk").select_for_update()
    locked = {
        pk: (is_deleted, version)
        for pk, is_deleted, version in add_versions(rows).values_list("pk", "is_deleted", VERSION)
    }
    written = [
        pk
        for pk, (_, version) in locked.items()
        if not is_unchanged and (not version or version != versions.get(pk))
    ]
    digests = {
        pk: compute_content_digest(content, tuple(content))
        for pk, content in read_contents(kind, written)
    }
    return {
        pk: LockedRow(digest=digests.get(pk), is_deleted=is_deleted)
        for pk, (is_deleted, _) in locked.items()
    }


def release_secret_names(pks: Iterable[int]) -> None:
    """Give these secrets temporary names that no secret can have, so that two can swap names."""
    for batch in split_batches(pks, CONTENT_BATCH):
        Secret.objects.filter(pk__in=batch).update(
            name=Concat(Value("-"), Cast(F("pk"), CharField()))
        )
