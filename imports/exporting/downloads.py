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
from imports.exporting.selection import Selection
from imports.exporting.write import ExportStatistics, write_export
from imports.models import BuiltExport, BuiltTransfer

FILE_NAME = "zexport.json"
"""The file name of an export that a browser saves."""

_CHUNK = 1024 * 1024
_FASTEST = 1  # flows are repetitive: it packs them to a tenth, slower levels hardly better
_GZIP = 16 + zlib.MAX_WBITS


def pack_export(select: Callable[[], Selection]) -> tuple[bytes, ExportStatistics]:
    """Return the gzipped export of the rows that `select` chooses in this instance's database."""
    packed = BytesIO()
    with (
        read_one_state(),
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=_FASTEST, mtime=0) as file,
    ):
        statistics = write_export(select(), file, server=ziggy.SERVER_NAME)  # type: ignore[arg-type]
    return packed.getvalue(), statistics


def unpack_export(packed: bytes) -> Iterator[bytes]:
    """Yield the bytes of the export, in pieces."""
    with gzip.open(BytesIO(packed)) as file:
        while piece := file.read(_CHUNK):
            yield piece


def make_export_response(packed: bytes, size: int) -> StreamingHttpResponse:
    """Return the response with which a browser saves a packed export, unpacked, as FILE_NAME."""
    return StreamingHttpResponse(
        unpack_export(packed),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            "Content-Length": str(size),
        },
    )


def build_export(user: User, select: Callable[[], Selection]) -> ExportStatistics:
    """Build the user's export, in place of the one before."""
    packed, statistics = pack_export(select)
    drop_expired()
    BuiltExport.objects.update_or_create(
        user=user,
        defaults={"built_at": timezone.now(), "content": packed, "size": statistics.size},
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
    packer = zlib.compressobj(_FASTEST, wbits=_GZIP)
    with file:
        while piece := file.read(_CHUNK):
            yield packer.compress(piece)
        yield packer.flush()
