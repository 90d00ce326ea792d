"""What mentions something: found without reading a stored document."""

from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from flows.batches import split_batches
from flows.content.fields import FIELDS, Kind
from flows.documents.models import Mention, MentionKind

_BATCH = 400


def mentions_any(kind: Kind, mention: MentionKind, targets: Collection[str]) -> Q:
    """Return the condition for rows of the kind that have a document which mentions a target."""
    found = Mention.objects.filter(kind=mention, target__in=targets)
    return _has_one_of(kind, found)


def uses_secrets(kind: Kind) -> Q:
    """Return the condition for rows of the kind that have a document which may use a secret."""
    return _has_one_of(kind, Mention.objects.filter(kind=MentionKind.SECRET_USED))


def find_mentioning(mention: MentionKind, targets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the digest of each document that mentions one of the targets, with the target."""
    for batch in split_batches(targets, _BATCH):
        found = Mention.objects.filter(kind=mention, target__in=batch).order_by()
        yield from found.values_list("digest", "target")


def _has_one_of(kind: Kind, found: QuerySet[Mention]) -> Q:
    digests = found.order_by().values("digest")
    columns = [field.column for field in FIELDS[kind] if field.stored_once]
    return reduce(or_, (Q((f"{column}__in", digests)) for column in columns), Q(pk__in=()))
