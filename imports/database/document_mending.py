"""Mending the damaged and missing documents of a database from an export or a backup.

A document is known by its digest, so that whatever file has one of that digest has the right one.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from django.db import transaction

from flows.conf import ziggy
from flows.content.documents import Document
from flows.content.fields import Kind
from flows.documents.mending import mend_documents
from flows.documents.packing import DamagedDocumentError, unpack
from flows.servers import get_current_database
from imports.database.backup_tables import open_backup
from imports.database.lock import LockHeld, hold_import_lock
from imports.errors import ImportLocked
from imports.exportfile.document import parse


def read_documents_of_export(data: bytes, digests: Collection[str]) -> list[Document]:
    """Return the documents of an export that have one of the digests.

    Raises FileTooLarge, FileUnreadable and FileInvalid.
    """
    flows = parse(data, max_bytes=ziggy.MAX_IMPORT_BYTES).items[Kind.FLOW]
    documents = [value for flow in flows for value in flow.content.values()]
    found = (value for value in documents if isinstance(value, Document))
    return list({each.digest: each for each in found if each.digest in digests}.values())


def read_documents_of_backup(path: Path, digests: Collection[str]) -> list[Document]:
    """Return the documents of a backup that have one of the digests and are whole there.

    Raises UncheckedBackup.
    """
    found = []
    with open_backup(path) as tables:
        for digest, body in tables.read_bodies():
            if digest in digests and (document := _unpack_document(digest, body)):
                found.append(document)
    return found


def _unpack_document(digest: str, body: bytes) -> Document | None:
    document = Document(digest=digest)
    try:
        document.utf8 = unpack(body, digest)
    except DamagedDocumentError:
        return None
    return document


def mend_database(documents: Sequence[Document]) -> list[str]:
    """Write those of the documents that the current database lacks or has damaged.

    Returns their digests. Waits ZIGGY_LOCK_WAIT for a running import, and raises ImportLocked. Call
    it outside a transaction.
    """
    try:
        with (
            hold_import_lock(wait=ziggy.LOCK_WAIT) as lock,
            transaction.atomic(using=get_current_database(), durable=True),
        ):
            lock.keep_others_out()
            mended = mend_documents(documents, get_current_database())
            lock.check()
            return mended
    except LockHeld:
        message = "An import is running on this database: mend documents when it has finished."
        raise ImportLocked("import-locked", message) from None
