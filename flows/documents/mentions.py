"""Conditions for the rows whose stored documents mention something, without reading a document."""

from collections.abc import Collection
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from flows.content.fields import FIELDS, Kind
from flows.documents.models import Mention, MentionKind


def mentions_any(kind: Kind, mention: MentionKind, targets: Collection[str]) -> Q:
    """Return the condition for rows of the kind that have a document which mentions a target."""
    found = Mention.objects.filter(kind=mention, target__in=targets)
    return _has_one_of(kind, found)


def uses_secrets(kind: Kind) -> Q:
    """Return the condition for rows of the kind that have a document which may use a secret."""
    return _has_one_of(kind, Mention.objects.filter(kind=MentionKind.SECRET_USED))


def _has_one_of(kind: Kind, found: QuerySet[Mention]) -> Q:
    digests = found.order_by().values("digest")
    columns = [field.column for field in FIELDS[kind] if field.stored_once]
    return reduce(or_, (Q((f"{column}__in", digests)) for column in columns), Q(pk__in=()))
