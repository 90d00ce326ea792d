"""Secrets without a value that something uses: what flows lack to run."""

from collections.abc import Collection, Iterator
from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q

from flows.batches import split_batches
from flows.content import canonical
from flows.content.fields import Kind, Shape
from flows.documents.models import Mention, MentionKind
from flows.models import MODELS, Flow, Secret
from flows.relations.mentions import find_mentions
from flows.relations.uses import list_searched_fields

_BATCH = 400
_CHUNK = 200
_EMPTY = ("", canonical.EMPTY_LIST, canonical.EMPTY_OBJECT)


def find_unfilled_secrets() -> list[int]:
    """Return the keys of the live secrets without any value that a live item uses.

    Uses in documents are known without reading them. Of an item's own columns only those count
    that have a reference: to a secret by its name, or in a list of what it uses.
    """
    rows = Secret.objects.filter(is_deleted=False, dev_value=None, prod_value=None).order_by()
    secrets = {str(uuid): (pk, name) for pk, uuid, name in rows.values_list("pk", "uuid", "name")}
    if not secrets:
        return []
    uuids = set(_find_mentioned(MentionKind.UUID, secrets))
    names = set(_find_mentioned(MentionKind.SECRET_NAME, {name for _, name in secrets.values()}))
    for kind in (Kind.FLOW, Kind.CONNECTION):
        for found_uuids, found_names in _read_own_mentions(kind):
            uuids |= found_uuids
            names |= found_names
    return [pk for uuid, (pk, name) in secrets.items() if uuid in uuids or name in names]


def _find_mentioned(kind: MentionKind, targets: Collection[str]) -> Iterator[str]:
    """Yield those of the targets that a document of a live flow mentions."""
    live = Flow.objects.filter(is_deleted=False)
    used = Exists(live.filter(nodes=OuterRef("digest"))) | Exists(
        live.filter(edges=OuterRef("digest"))
    )
    for batch in split_batches(targets, _BATCH):
        found = Mention.objects.filter(used, kind=kind, target__in=batch).order_by()
        yield from found.values_list("target", flat=True).distinct()


def _read_own_mentions(kind: Kind) -> Iterator[tuple[set[str], set[str]]]:
    """Yield the uuids and names that the own columns of each live row with a reference mention."""
    specs = list_searched_fields(kind)
    columns = [spec.column for spec in specs]
    conditions = [Q((f"{column}__contains", "secrets.")) for column in columns]
    for spec in specs:
        if spec.shape is Shape.USES and spec.key == Kind.SECRET.plural:
            filled = Q((f"{spec.column}__isnull", False)) & ~Q((f"{spec.column}__in", _EMPTY))
            conditions.append(filled)
    rows = MODELS[kind]._default_manager.filter(reduce(or_, conditions), is_deleted=False)
    for values in rows.order_by().values_list(*columns).iterator(chunk_size=_CHUNK):
        yield find_mentions(kind, dict(zip(columns, values, strict=True)))
