"""A backup with its note as one stream: a tar of `NAME.json` and `NAME`, in this order.

Whoever has the stream has all that is needed to check it: the note is first, and has the size and
the SHA-256 of what follows. tar unpacks it into the two files that database_restore takes.

A stream is complete only with the two blocks of zeros that end a tar, and has nothing after them.
They are written last, when all that was read was what was verified: of a failure comes a stream
that no reader takes for a whole one.
"""

import json
import tarfile
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from imports.database.backup import PassingBackup
from imports.database.backup_notes import NOTE_SUFFIX, get_note_path, read_note
from imports.errors import BackupFailed, UnableToImport

_BLOCK = 512
_CHUNK = 1024 * 1024
_LONGEST_NAME = 99
_LARGEST_NOTE = 64 * _CHUNK
_END = bytes(2 * _BLOCK)


class UnsoundArchive(UnableToImport):
    """The stream is no whole backup: it was cut off, changed, or is something else."""

    status = HTTPStatus.CONFLICT


def write_archive(backup: PassingBackup, out: BinaryIO) -> None:
    """Write the backup with its note. Raises BackupFailed; then the stream is not complete."""
    try:
        name = _shorten(backup.name)
        note = json.dumps(backup.note).encode()
        out.write(_make_header(f"{name}{NOTE_SUFFIX}", len(note)))
        out.write(note + _make_padding(len(note)))
        size = backup.note["size"]
        out.write(_make_header(name, size))
        digest = sha256()
        while chunk := backup.file.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
        if digest.hexdigest() != backup.note["sha256"]:
            message = "The copy was not read as it was verified: check the disk of ZIGGY_BACKUP_DIR"
            raise BackupFailed("backup-failed", f"{message}. The stream is not complete.")
        out.write(_make_padding(size) + _END)
        out.flush()
    except OSError as error:
        message = f"The backup could not be written to standard output: {error.strerror}."
        raise BackupFailed("stream-failed", f"{message} The stream is not complete.") from error


def read_stream(stream: BinaryIO, directory: Path) -> Path:
    """Write the backup that a stream holds into the directory, and return its path.

    An archive's note is written beside it. A stream that is no archive is taken for a backup
    without a note. Raises UnsoundArchive, and OSError where the directory cannot be written.
    """
    start = stream.read(_BLOCK)
    if (header := _read_header(start)) is None:
        return _write_plain(start, stream, directory)
    return _Reader(stream).read(header, directory)


def is_archive(path: Path) -> bool:
    """Return whether the file begins as an archive does. Raises OSError."""
    with path.open("rb") as file:
        return _read_header(file.read(_BLOCK)) is not None


class _Reader:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def read(self, header: tarfile.TarInfo, directory: Path) -> Path:
        """Write both files. What is said in the note is compared with what follows it."""
        note, content = self._read_note(header)
        following = _read_header(self._read_exactly(_BLOCK))
        if following is None or f"{following.name}{NOTE_SUFFIX}" != header.name:
            raise _make_error("what follows the note is not its backup")
        if following.size != note.get("size"):
            raise _make_error("the backup is not as long as its note says")
        path = directory / following.name
        with path.open("xb") as file:
            digest = self._copy(following.size, file)
        self._skip_padding(following.size)
        if self._read_exactly(len(_END)) != _END or self._stream.read(1):
            raise _make_error("something follows the backup")
        if digest != note.get("sha256"):
            raise _make_error("its SHA-256 is not the one in its note")
        get_note_path(path).write_bytes(content)
        if read_note(path).tables is None:  # which every archive has
            raise _make_error("its note cannot be read")
        return path

    def _read_note(self, header: tarfile.TarInfo) -> tuple[dict[str, Any], bytes]:
        name = header.name
        if not name.endswith(NOTE_SUFFIX) or "/" in name or header.size > _LARGEST_NOTE:
            raise _make_error("it does not begin with the note of a backup")
        content = self._read_exactly(header.size)
        self._skip_padding(header.size)
        try:
            note = json.loads(content)
        except ValueError:
            raise _make_error("its note cannot be read") from None
        if not isinstance(note, dict):
            raise _make_error("its note cannot be read")
        return note, content

    def _copy(self, size: int, file: BinaryIO) -> str:
        """Write the next bytes into the file; return their SHA-256."""
        digest, left = sha256(), size
        while left:
            chunk = self._read_exactly(min(left, _CHUNK))
            digest.update(chunk)
            file.write(chunk)
            left -= len(chunk)
        return digest.hexdigest()

    def _skip_padding(self, size: int) -> None:
        if self._read_exactly(len(padding := _make_padding(size))) != padding:
            raise _make_error("there is something between its files")

    def _read_exactly(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise _make_error("it was cut off")
        return data


def _write_plain(start: bytes, stream: BinaryIO, directory: Path) -> Path:
    path = directory / "backup"
    with path.open("xb") as file:
        file.write(start)
        while chunk := stream.read(_CHUNK):
            file.write(chunk)
    return path


def _read_header(block: bytes) -> tarfile.TarInfo | None:
    """Return the header of a file in a tar; None where the block is something else."""
    try:
        header = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, UnicodeError):
        return None
    return header if _make_header(header.name, header.size) == block else None


def _make_header(name: str, size: int) -> bytes:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, 0o600
    return header.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")


def _make_padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def _shorten(name: str) -> str:
    """Return the name, without its server where it would not fit into a tar's header."""
    if len(name) + len(NOTE_SUFFIX) <= _LONGEST_NAME:
        return name
    return name.rsplit("-", 2)[1] + "-" + name.rsplit("-", 2)[2]


def _make_error(what: str) -> UnsoundArchive:
    message = f"The stream is no whole backup: {what}."
    return UnsoundArchive("unsound-archive", message)
