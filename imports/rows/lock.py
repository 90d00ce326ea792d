"""Lock existing rows before they are written, and clear the way for renames of secrets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from flows.content.fields import Kind, get_columns
from flows.models import MODELS, Secret
from imports.plans.plan import compute_content_digest
from imports.rows.read import CONTENT_BATCH, split_batches


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedRow:
    """The content digest of a locked row, and whether the row is soft-deleted."""

    digest: str
    is_deleted: bool


def lock_rows(kind: Kind, pks: Sequence[int]) -> Mapping[int, LockedRow]:
    """Lock the rows in order of primary key until the transaction ends; return them by key.

    Rows that no longer exist are left out.
    """
    names = get_columns(kind)
    rows = MODELS[kind]._default_manager.filter(pk__in=pks).order_by("pk").select_for_update()
    return {
        pk: LockedRow(
            digest=compute_content_digest(dict(zip(names, values, strict=True)), names),
            is_deleted=is_deleted,
        )
        for pk, is_deleted, *values in rows.values_list("pk", "is_deleted", *names)
    }


def release_secret_names(pks: Iterable[int]) -> None:
    """Give these secrets temporary names that no secret can have, so that two can swap names."""
    for batch in split_batches(pks, CONTENT_BATCH):
        Secret.objects.filter(pk__in=batch).update(
            name=Concat(Value("-"), Cast(F("pk"), CharField()))
        )
