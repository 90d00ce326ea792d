"""Downloads that a user builds first: an export, or a copy of the whole database.

Each user's last one of either is kept for a day. Exports are kept in the database, so that any
process can serve them; copies of the database are files among its backups.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.http import StreamingHttpResponse
from django.utils import timezone

from flows.conf import ziggy
from flows.users import User
from imports.database.backup import Backup, make_backup
from imports.database.one_state import read_one_state
from imports.expiry import drop_expired, get_oldest_kept
from imports.exporting.gzip_stream import FASTEST, GZIP_SUFFIX, open_gzip
from imports.exporting.selection import Selection
from imports.exporting.write import (
    ExportProgress,
    ExportStatistics,
    ignore_progress,
    write_export,
)
from imports.models import BuiltExport, BuiltTransfer

FILE_NAME = "zexport.json"
"""The file name of an export that a browser saves."""

_CHUNK = 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def pack_export(
    select: Callable[[], Selection],
    *,
    is_compact: bool = False,
    progress: ExportProgress = ignore_progress,
) -> tuple[bytes, ExportStatistics]:
    """Return the gzipped export of the rows that `select` chooses in this instance's database.

    What `progress` raises ends it.
    """
    packed = BytesIO()
    with read_one_state(), open_gzip(packed) as file:
        server = ziggy.SERVER_NAME
        statistics = write_export(
            select(), file, server=server, is_compact=is_compact, progress=progress
        )
    return packed.getvalue(), statistics


def unpack_export(packed: bytes) -> Iterator[bytes]:
    """Yield the bytes of the export, in pieces."""
    with gzip.open(BytesIO(packed)) as file:
        while piece := file.read(_CHUNK):
            yield piece


def make_export_response(
    packed: bytes, size: int, *, in_gzip: bool = False
) -> StreamingHttpResponse:
    """Return the response with which a browser saves a packed export, unpacked, as FILE_NAME.

    With `in_gzip` the file that is saved is the packed one. That is no encoding of the response: a
    client does not unpack it, whatever it accepts.
    """
    return StreamingHttpResponse(
        [packed] if in_gzip else unpack_export(packed),
        content_type="application/gzip" if in_gzip else "application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAME}{GZIP_SUFFIX * in_gzip}"',
            "Content-Length": str(len(packed) if in_gzip else size),
        },
    )


def build_export(
    user: User, select: Callable[[], Selection], *, is_compact: bool = False, choice: str = ""
) -> ExportStatistics:
    """Build the user's export, in place of the one before.

    `choice` says in one text what `select` chooses: see imports.exporting.directory_files.
    """
    packed, statistics = pack_export(select, is_compact=is_compact)
    drop_expired()
    BuiltExport.objects.update_or_create(
        user=user,
        defaults={
            "built_at": timezone.now(),
            "content": packed,
            "size": statistics.size,
            "choice": choice,
        },
    )
    return statistics


def find_export(user: User) -> BuiltExport | None:
    """Return the export that the user built last, or None."""
    return BuiltExport.objects.filter(user=user, built_at__gte=get_oldest_kept()).first()


def drop_export(user: User) -> None:
    """Delete the user's export, if there is one."""
    BuiltExport.objects.filter(user=user).delete()


def build_transfer(user: User) -> Backup:
    """Make the user's copy of the database. Raises BackupFailed."""
    backup = make_backup()
    drop_expired()
    BuiltTransfer.objects.update_or_create(
        user=user, defaults={"built_at": timezone.now(), "backup_name": backup.path.name}
    )
    return backup


def find_transfer(user: User) -> Path | None:
    """Return the path of the user's last copy; None if there is none or it was removed."""
    built = BuiltTransfer.objects.filter(user=user, built_at__gte=get_oldest_kept()).first()
    path = Path(ziggy.BACKUP_DIR) / built.backup_name if built else None
    return path if path and path.is_file() else None


def gzip_file(file: BinaryIO) -> Iterator[bytes]:
    """Yield the file in gzip, in pieces, and close it."""
    packer = zlib.compressobj(FASTEST, wbits=_GZIP)
    with file:
        while piece := file.read(_CHUNK):
            yield packer.compress(piece)
        yield packer.flush()
