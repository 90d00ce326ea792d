"""Which documents the rows and the named saves of a database refer to."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from django.contrib.contenttypes.models import ContentType
from reversion.models import Version

from flows.content.fields import FIELDS, Kind
from flows.documents.field import DOCUMENT_KEY

_IN_SAVE = re.compile(rf'"{re.escape(DOCUMENT_KEY)}"\s*:\s*"([0-9a-f]{{64}})"')
_CHUNK = 1000
COLUMNS = tuple(field.column for field in FIELDS[Kind.FLOW] if field.stored_once)


def find_references_of_rows(flows: Any, alias: str) -> Iterator[tuple[Any, str]]:
    """Yield each flow's primary key with a digest that it has, of the model `flows`."""
    rows = flows._default_manager.using(alias).order_by()
    for pk, *documents in rows.values_list("pk", *COLUMNS).iterator(chunk_size=_CHUNK):
        for document in documents:
            yield pk, document.digest


def find_references_to(flows: Any, alias: str, digests: Collection[str]) -> set[str]:
    """Return those of the digests that a flow has."""
    found: set[str] = set()
    for column in COLUMNS:
        rows = flows._default_manager.using(alias).filter(**{f"{column}__in": digests}).order_by()
        found.update(each.digest for each in rows.values_list(column, flat=True))
    return found


def find_references_of_saves(
    flows: Any, alias: str, *, after: int = 0
) -> Iterator[tuple[Version, str]]:
    """Yield each named save of a flow (its key, and which row it is of) with a digest in it.

    Only those whose number is higher than `after`.
    """
    content_type = ContentType.objects.db_manager(alias).get_for_model(flows)
    saves = Version.objects.using(alias).filter(content_type=content_type, pk__gt=after).order_by()
    for version in saves.only("object_id", "object_repr", "serialized_data").iterator(_CHUNK):
        for digest in find_digests_in_save(version.serialized_data):
            yield version, digest


def find_digests_in_save(text: str) -> list[str]:
    """Return the digests in the text of a named save."""
    return _IN_SAVE.findall(text)
