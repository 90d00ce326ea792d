"""Check that every document is there and whole, and name what a damaged one touches."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.documents.models import StoredDocument
from flows.documents.packing import DamagedDocumentError, unpack
from flows.documents.references import find_references_of_rows, find_references_of_saves

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class DamagedDocument:
    """A document that cannot be read, with the flows and named saves that have it."""

    digest: str
    is_missing: bool
    """Whether it is not there, and not only damaged."""
    flows: tuple[str, ...]
    """The uuids of the flows whose present state has it."""
    saves: tuple[tuple[int, str], ...]
    """The number and the name of the item of each named save that has it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, and what is wrong."""

    documents: int
    references: int
    damaged: tuple[DamagedDocument, ...]


def check_documents(flows: Any, alias: str) -> Checked:
    """Read every document of the database, and look up every reference of the model `flows`."""
    whole: set[str] = set()
    damaged: set[str] = set()
    for digest, is_whole in _read_all(alias):
        (whole if is_whole else damaged).add(digest)
    references = 0
    rows: dict[str, list[Any]] = {digest: [] for digest in damaged}
    saves: dict[str, list[tuple[int, str]]] = {digest: [] for digest in damaged}
    for pk, digest in find_references_of_rows(flows, alias):
        references += 1
        if digest not in whole:
            rows.setdefault(digest, []).append(pk)
    for version, digest in find_references_of_saves(flows, alias):
        references += 1
        if digest not in whole:
            saves.setdefault(digest, []).append((version.pk, version.object_repr))
    uuids = _read_uuids(flows, alias, {pk for pks in rows.values() for pk in pks})
    return Checked(
        documents=len(whole) + len(damaged),
        references=references,
        damaged=tuple(
            DamagedDocument(
                digest=digest,
                is_missing=digest not in damaged,
                flows=tuple(sorted({uuids[pk] for pk in rows.get(digest, ())})),
                saves=tuple(sorted(saves.get(digest, ()))),
            )
            for digest in sorted(rows.keys() | saves.keys())
        ),
    )


def _read_all(alias: str) -> Iterator[tuple[str, bool]]:
    rows = StoredDocument.objects.using(alias).order_by().values_list("digest", "body")
    for digest, body in rows.iterator(chunk_size=_CHUNK):
        try:
            unpack(bytes(body), digest)
        except DamagedDocumentError:
            yield digest, False
        else:
            yield digest, True


def _read_uuids(flows: Any, alias: str, pks: set[Any]) -> dict[Any, str]:
    found = flows._default_manager.using(alias).filter(pk__in=pks).order_by()
    return {pk: str(uuid) for pk, uuid in found.values_list("pk", "uuid")}
