"""Check that every document is there and whole, and name what a damaged one touches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from flows.documents.models import StoredDocument
from flows.documents.packing import is_whole
from flows.documents.references import find_references_of_rows, find_references_of_saves

_CHUNK = 200


@dataclass(frozen=True, slots=True)
class DamagedDocument:
    """A document that cannot be read, with the flows and named saves that have it."""

    digest: str
    is_missing: bool
    """Whether it is not there, and not only damaged."""
    flows: tuple[tuple[str, str], ...]
    """The uuid and the name of each flow whose present state has it."""
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
    rows = flows._default_manager.using(alias).order_by().values_list("pk", "uuid", "name")
    known = {pk: (str(uuid), name) for pk, uuid, name in rows}
    return check_references(
        _read_bodies(alias),
        ((*known[pk], digest) for pk, digest in find_references_of_rows(flows, alias)),
        (
            (version.pk, version.object_repr, digest)
            for version, digest in find_references_of_saves(flows, alias)
        ),
    )


def check_references(
    bodies: Iterable[tuple[str, bytes]],
    rows: Iterable[tuple[str, str, str]],
    saves: Iterable[tuple[int, str, str]],
) -> Checked:
    """Unpack all bodies, and look up the digest of each row and save.

    A row is given by its uuid and name, a save by its number and the name of its item.
    """
    whole = {digest: is_whole(body, digest) for digest, body in bodies}
    references = 0
    of_flows: dict[str, set[tuple[str, str]]] = {}
    of_saves: dict[str, set[tuple[int, str]]] = {}
    for uuid, name, digest in rows:
        references += 1
        if not whole.get(digest):
            of_flows.setdefault(digest, set()).add((uuid, name))
    for number, name, digest in saves:
        references += 1
        if not whole.get(digest):
            of_saves.setdefault(digest, set()).add((number, name))
    unused = {digest for digest, is_good in whole.items() if not is_good}
    return Checked(
        documents=len(whole),
        references=references,
        damaged=tuple(
            DamagedDocument(
                digest=digest,
                is_missing=digest not in whole,
                flows=tuple(sorted(of_flows.get(digest, ()))),
                saves=tuple(sorted(of_saves.get(digest, ()))),
            )
            for digest in sorted(of_flows.keys() | of_saves.keys() | unused)
        ),
    )


def _read_bodies(alias: str) -> Iterator[tuple[str, bytes]]:
    rows = StoredDocument.objects.using(alias).order_by().values_list("digest", "body")
    yield from ((digest, bytes(body)) for digest, body in rows.iterator(chunk_size=_CHUNK))
