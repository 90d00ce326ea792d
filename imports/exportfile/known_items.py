"""What is known of an item from its bytes alone, packed, so that they need not be read again. Pure.

A flow that was read once is found by the digest of its slice of the file: its fields, the digests
of its documents, its warnings and its references, all of which are a function of the slice. Only
flows without a problem are packed. A document's text is read from the slice, should it be needed.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from flows.content.documents import Document
from flows.content.fields import FIELDS, Kind, Value
from flows.destinations.uses import find_secrets_used_by
from flows.relations.mentions import Reference
from imports.exportfile.items import FileItem, read_item
from imports.exportfile.warnings import PlanWarning, WarningCode

RULES = 3
"""Raised with every change of what is read of a flow. A test holds what it is for the samples."""

_FIELDS_OF_FLOW = repr(FIELDS[Kind.FLOW]).encode()


class _Packed(msgspec.Struct, array_like=True, gc=False):
    uuid: str
    file_uuid: str
    name: str
    content: dict[str, str | int | bool | None]
    documents: dict[str, tuple[str, list[str]]]
    """By column, the digest and the secrets that the document uses."""
    extra: str
    created_at: datetime | None
    updated_at: datetime | None
    warnings: list[tuple[str, str, Any, bool]]
    references: list[tuple[str, str, bool]]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Packed)


def compute_slice_digests(slices: Iterable[bytes | msgspec.Raw], *, depth: int) -> list[str]:
    """Return the digests by which items are known, of their slices at that depth of the file.

    They differ where the rules of reading do.
    """
    of_rules = sha256(b"%d %d " % (RULES, depth) + _FIELDS_OF_FLOW)
    digests = []
    for each in slices:
        digest = of_rules.copy()
        digest.update(each)
        digests.append(digest.hexdigest())
    return digests


def pack_item(item: FileItem) -> bytes:
    """Return what is known of a flow that has no problem."""
    documents = {c: v for c, v in item.content.items() if isinstance(v, Document)}
    return _encoder.encode(
        _Packed(
            uuid=item.uuid,
            file_uuid=item.file_uuid,
            name=item.name,
            content={c: v for c, v in item.content.items() if not isinstance(v, Document)},
            documents={
                column: (document.digest, sorted(find_secrets_used_by(document)))
                for column, document in documents.items()
            },
            extra=item.extra,
            created_at=item.created_at,
            updated_at=item.updated_at,
            warnings=[
                (each.code, each.text, each.data, each.is_serious) for each in item.own_warnings
            ],
            references=[(each.kind, each.target, each.by_name) for each in item.references],
        )
    )


def unpack_item(packed: bytes, position: int, text: msgspec.Raw) -> FileItem:
    """Return the flow at that position of a file, which has this text."""
    known = _decoder.decode(packed)
    return FileItem(
        kind=Kind.FLOW,
        position=position,
        uuid=known.uuid,
        file_uuid=known.file_uuid,
        name=known.name,
        content=_unpack_content(known, text),
        extra=known.extra,
        created_at=known.created_at,
        updated_at=known.updated_at,
        own_warnings=tuple(
            PlanWarning(code=WarningCode(code), text=warning, data=data, is_serious=is_serious)
            for code, warning, data, is_serious in known.warnings
        ),
        references=tuple(
            Reference(Kind(kind), target, by_name=by_name)
            for kind, target, by_name in known.references
        ),
    )


def _unpack_content(known: _Packed, text: msgspec.Raw) -> Mapping[str, Value]:
    reader = _SliceReader(text)
    content: dict[str, Value] = {}
    documents = []
    for column in _COLUMNS:
        if column in known.documents:
            digest, secrets = known.documents[column]
            document = Document(digest=digest, reader=reader)
            document.secrets = frozenset(secrets)
            documents.append(document)
            content[column] = document
        elif column in known.content:
            content[column] = known.content[column]
    for document in documents:
        document.join(documents)
    return content


_COLUMNS = [field.column for field in FIELDS[Kind.FLOW]]


class _SliceReader:
    """Reads a flow's documents from its slice of the file: a DocumentReader."""

    def __init__(self, text: msgspec.Raw) -> None:
        self._text = text

    def read_texts(self, documents: Sequence[Document]) -> None:
        """Set the text of the documents that have none."""
        item = read_item(Kind.FLOW, 0, msgspec.json.decode(self._text), [])
        texts = {
            value.digest: value.text
            for value in (item.content.values() if item else ())
            if isinstance(value, Document)
        }
        for document in documents:
            if not document.has_text:
                document.text = texts[document.digest]

    def read_secrets(self, documents: Sequence[Document]) -> None:
        """Do nothing: they are known."""
