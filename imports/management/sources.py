"""What a command imports or compares: a file, standard input, or a directory of an export."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from flows.conf import ziggy
from flows.texts import quote
from imports.exportfile.directory.archive import MAX_FILES
from imports.exportfile.directory.form import HEAD_FILE
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE, make_too_large_error
from imports.exporting.directory_on_disk import list_files
from imports.management.console import USAGE_ERROR
from imports.management.files import read_file, read_standard_input
from imports.management.plan_display import check_file_name


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


def read_source(*, file_path: str | None, from_dir: str | None) -> dict[str, Any]:
    """Return what the options name, as the fields of an ImportRequest that are made from it.

    Raises CommandError where it cannot be read, and FileTooLarge for a directory.
    """
    name = name_source(file_path=file_path, from_dir=from_dir)
    if from_dir:
        return {"packed": read_directory(from_dir), "file_name": name}
    if file_path == "-" or file_path is None:
        return {"payload": read_standard_input(), "file_name": name}
    payload = read_file(file_path, hint_for_directory=" A directory is given with --from-dir.")
    return {"payload": payload, "file_name": name}


def name_source(*, file_path: str | None, from_dir: str | None) -> str:
    """Return the name of what the options name, for the record and for messages."""
    if from_dir:
        return f"{Path(from_dir).resolve().name}/"
    return "(standard input)" if file_path in ("-", None) else Path(file_path or "").name


def read_directory(path: str) -> LooseFiles:
    """Return the files of a directory of the form: HEAD_FILE, and what is in the items' folders.

    Raises CommandError where the directory cannot be read or is none of an export, and FileTooLarge
    where it is larger than a file may be.
    """
    root = Path(path)
    if not (root / HEAD_FILE).is_file():
        reason = f"it has no {HEAD_FILE}" if root.is_dir() else "there is no such directory"
        if root.is_file():
            reason = "it is a file, which --file-path takes"
        raise CommandError(
            f"{quote(path)} is no directory of flow_export --to-dir: {reason}.",
            returncode=USAGE_ERROR,
        )
    try:
        return _read(root)
    except OSError as error:
        raise CommandError(
            f"The directory {quote(path)} cannot be read: {error.strerror} ({error.filename}).",
            returncode=USAGE_ERROR,
        ) from None


def _read(root: Path) -> LooseFiles:
    most = MOST_WITH_WHITE_SPACE * ziggy.MAX_IMPORT_BYTES
    files: dict[str, bytes] = {}
    links: list[str] = []
    size = 0
    for name, entry in list_files(root):
        if entry.is_symlink():
            links.append(name)
            continue
        size += entry.stat().st_size
        if size > most or len(files) >= MAX_FILES:
            raise make_too_large_error(ziggy.MAX_IMPORT_BYTES)
        with open(entry.path, "rb", buffering=0) as file:  # noqa: PTH123 - of very many
            files[name] = file.readall()
    return LooseFiles(files=files, links=links)
