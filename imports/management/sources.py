"""What a command imports or compares: a file, standard input, or a directory of an export."""

import os
import stat
import zipfile
from argparse import ArgumentParser
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from django.core.management.base import CommandError

from flows.conf import ziggy
from flows.content.fields import Kind
from flows.texts import quote
from imports.exportfile.directory.archive import MAX_FILES
from imports.exportfile.directory.form import HEAD_FILE
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE, make_too_large_error
from imports.management.console import USAGE_ERROR
from imports.management.files import read_file, read_standard_input
from imports.management.plan_display import check_file_name

_DATE = (1980, 1, 1, 0, 0, 0)
_FOLDERS = tuple(kind.plural for kind in Kind)


def add_source_arguments(parser: ArgumentParser) -> None:
    """Add the options that say what is read: exactly one is required."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "-fp", "--file-path", metavar="F",
        help="the export file, also in gzip, or a zip or tar of a directory; - reads standard "
        "input",
    )  # fmt: skip
    source.add_argument(
        "--from-dir", metavar="DIR", type=check_file_name,
        help="the directory of flow_export --to-dir",
    )  # fmt: skip


def read_source(*, file_path: str | None, from_dir: str | None) -> tuple[bytes, str]:
    """Return the bytes of what the options name, and its name for the record.

    Raises CommandError where it cannot be read, and FileTooLarge for a directory.
    """
    if from_dir:
        return pack_directory(from_dir), f"{Path(from_dir).resolve().name}/"
    if file_path == "-" or file_path is None:
        return read_standard_input(), "(standard input)"
    return read_file(file_path), Path(file_path).name


def pack_directory(path: str) -> bytes:
    """Return an archive of the directory's files: what is read of it is decided by the service.

    Links are in it as links, which an import refuses. Raises CommandError where the directory
    cannot be read or is none of an export, and FileTooLarge where it is larger than a file may be.
    """
    root = Path(path)
    if not (root / HEAD_FILE).is_file():
        reason = f"it has no {HEAD_FILE}" if root.is_dir() else "there is no such directory"
        raise CommandError(
            f"{quote(path)} is no directory of flow_export --to-dir: {reason}.",
            returncode=USAGE_ERROR,
        )
    try:
        return _pack(root)
    except OSError as error:
        raise CommandError(
            f"The directory {quote(path)} cannot be read: {error.strerror} ({error.filename}).",
            returncode=USAGE_ERROR,
        ) from None


def _pack(root: Path) -> bytes:
    most = MOST_WITH_WHITE_SPACE * ziggy.MAX_IMPORT_BYTES
    packed, size = BytesIO(), 0
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for count, (name, entry) in enumerate(_list_files(root), start=1):
            content = _read(entry)
            size += len(content)
            if size > most or count > MAX_FILES:
                raise make_too_large_error(ziggy.MAX_IMPORT_BYTES)
            info = zipfile.ZipInfo(name, _DATE)
            kind = stat.S_IFLNK if entry.is_symlink() else stat.S_IFREG
            info.external_attr = (kind | 0o644) << 16
            archive.writestr(info, content)
    return packed.getvalue()


def _read(entry: os.DirEntry[str]) -> bytes:
    if entry.is_symlink():
        return os.fsencode(Path(entry.path).readlink())
    with Path(entry.path).open("rb") as file:
        return file.read(MOST_WITH_WHITE_SPACE * ziggy.MAX_IMPORT_BYTES + 1)


def _list_files(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what the form has in the directory: HEAD_FILE, and what is in the folders of items."""
    for entry in _scan(root):
        if entry.name == HEAD_FILE or (entry.name in _FOLDERS and entry.is_symlink()):
            yield entry.name, entry
        elif entry.name in _FOLDERS and entry.is_dir():
            yield from _list_folder(entry, entry.name)


def _list_folder(folder: os.DirEntry[str], name: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    for entry in _scan(folder):
        path = f"{name}/{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _list_folder(entry, path)
        else:
            yield path, entry


def _scan(folder: "Path | os.DirEntry[str]") -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)
