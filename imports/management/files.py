"""Reading and writing the files that a command is given. Their faults are usage errors."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from django.core.management.base import BaseCommand, CommandError

from flows.conf import ziggy
from flows.texts import quote
from imports.errors import FileTooLarge
from imports.exportfile.size_limit import GatheredFile
from imports.management.console import USAGE_ERROR, confirm, require_terminal

_CHUNK = 1024 * 1024


def read_file(path: str, *, hint_for_directory: str = "") -> bytes:
    """Return the file, or as much of it as shows that it is too large.

    Raises CommandError where it cannot be read, with the hint where it is a directory.
    """
    try:
        with Path(path).open("rb") as file:
            return _read(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = hint_for_directory if isinstance(error, IsADirectoryError) else ""
        raise CommandError(
            f"The file {quote(path)} cannot be read: {reason}.{hint}", returncode=USAGE_ERROR
        ) from None


def read_standard_input() -> bytes:
    """Return standard input, or as much of it as shows that it is too large."""
    return _read(sys.stdin.buffer)


def _read(file: BinaryIO) -> bytes:
    limit = ziggy.MAX_IMPORT_BYTES
    data = file.read(limit + 1)
    if len(data) <= limit:
        return data
    gathered = GatheredFile(limit)
    with suppress(FileTooLarge):
        while data:
            gathered.add(data)
            data = file.read(_CHUNK)
    return gathered.get_bytes()


def may_write(command: BaseCommand, path: Path, *, ask: bool) -> bool:
    """Return whether the file may be written; if it exists, the person is asked first.

    Raises CommandError if there is nobody to ask.
    """
    if not (ask and path.exists()):
        return True
    require_terminal()
    return confirm(command, f"{quote(str(path))} exists. Replace it?")


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces the one at the path when it is complete."""
    try:
        # Written beside the file and then renamed: a reader never finds an incomplete one.
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".zexport-", delete=False) as part:
            try:
                yield cast(BinaryIO, part)
                part.flush()
                Path(part.name).chmod(0o644)
                Path(part.name).replace(path)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise CommandError(
            f"The file {quote(str(path))} cannot be written: {error.strerror}.",
            returncode=USAGE_ERROR,
        ) from None


@contextmanager
def refuse_unwritable(directory: Path) -> Iterator[None]:
    """Raise CommandError where the directory, or a file in it, cannot be written."""
    try:
        yield
    except OSError as error:
        raise CommandError(
            f"The directory {quote(str(directory))} cannot be written: {error.strerror}"
            f"{f' ({error.filename})' if error.filename else ''}. Export again to finish it.",
            returncode=USAGE_ERROR,
        ) from None
