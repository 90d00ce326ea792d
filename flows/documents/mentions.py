"""What mentions something: found without reading a stored document."""

from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from flows.batches import split_batches
from flows.content.fields import FIELDS, Kind
from flows.documents.models import Mention, MentionKind

_BATCH = 400


def list_mentioning(kind: Kind, mention: MentionKind, targets: Collection[str]) -> list[Q]:
    """Return a condition for each column of documents: that its document mentions a target.

    Rows of the kind that meet one of them have a document which does.
    """
    return _list_conditions(kind, Mention.objects.filter(kind=mention, target__in=targets))


def mentions_any(kind: Kind, mention: MentionKind, targets: Collection[str]) -> Q:
    """Return the condition for rows of the kind that have a document which mentions a target."""
    return reduce(or_, list_mentioning(kind, mention, targets), Q(pk__in=()))


def uses_secrets(kind: Kind) -> Q:
    """Return the condition for rows of the kind that have a document which may use a secret."""
    conditions = _list_conditions(kind, Mention.objects.filter(kind=MentionKind.SECRET_USED))
    return reduce(or_, conditions, Q(pk__in=()))


def find_mentioning(mention: MentionKind, targets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the digest of each document that mentions one of the targets, with the target."""
    for batch in split_batches(targets, _BATCH):
        found = Mention.objects.filter(kind=mention, target__in=batch).order_by()
        yield from found.values_list("digest", "target")


def _list_conditions(kind: Kind, found: QuerySet[Mention]) -> list[Q]:
    digests = found.order_by().values("digest")
    columns = [field.column for field in FIELDS[kind] if field.stored_once]
    return [Q((f"{column}__in", digests)) for column in columns]
