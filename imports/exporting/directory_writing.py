"""Writing an export into a directory: only what changed, and wherever it stops, nothing is lost.

The files of an item that are gone are removed first, then its JSON file is replaced as a whole,
then what that names is written: whenever the export is killed, the JSON file names all files of the
item, so that the next export finds and finishes it.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path, PurePosixPath

from flows.content.fields import Kind
from flows.counting import format_list
from flows.texts import quote
from imports.errors import UnableToImport
from imports.exportfile.directory.form import HEAD_FILE, JSON_SUFFIX, make_root_files
from imports.exporting.directory_files import make_item_files, name_files
from imports.exporting.directory_on_disk import read_directory_on_disk
from imports.exporting.selection import Selection

_UNFINISHED = ".ziggy-unfinished"
_NAMES_SHOWN = 20
_FEW_ITEMS = 10
"""So many may leave a directory at once, whatever else is in it."""


class ForeignFiles(UnableToImport):
    """Files of the directory are somebody's own: an export into it would replace them."""

    status = HTTPStatus.CONFLICT


class MostItemsLeave(UnableToImport):
    """Most items of the directory are not in the export: it is likely of another choice."""

    status = HTTPStatus.CONFLICT


@dataclass(slots=True, kw_only=True)
class DirectoryStatistics:
    """What an export into a directory did."""

    directory_id: str
    counts: dict[Kind, int]
    written: int = 0
    """Files; so are the next two."""
    removed: int = 0
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)


def write_directory(
    selection: Selection,
    root: Path,
    *,
    make_id: Callable[[], str],
    may_empty: bool = False,
) -> DirectoryStatistics:
    """Write the export of the selected rows of the current server.

    The directory is made where there is none; `make_id` gives a new one its id. Raises ForeignFiles
    before anything is written, MostItemsLeave unless `may_empty`, and OSError.
    """
    paths = name_files(selection)
    item_files = {path for of_kind in paths.values() for path in of_kind.values()}
    before = read_directory_on_disk(root)
    if foreign := before.find_foreign(item_files):
        raise _make_refusal(root, foreign)
    leaving = before.items.keys() - item_files
    if len(leaving) > max(_FEW_ITEMS, len(before.items) - len(leaving)) and not may_empty:
        raise _make_leaving_refusal(root, leaving=len(leaving), count=len(before.items))
    statistics = DirectoryStatistics(
        directory_id=before.directory_id or make_id(),
        counts={kind: len(selection[kind]) for kind in Kind},
    )
    writer = _DirectoryWriter(root, before.present, statistics)
    writer.make_heads()
    items = make_item_files(selection, paths, statistics.warnings)
    # One thread writes an item while this one reads and splits the next.
    with ThreadPoolExecutor(max_workers=1) as pool:
        running: Future[None] | None = None
        for path, files in items:
            if running:
                running.result()
            running = pool.submit(writer.write_item, path, files, before.items.get(path, ()))
        if running:
            running.result()
    for path in leaving:
        writer.remove(before.items[path])
    return statistics


class _DirectoryWriter:
    """Replaces and removes files, and counts what it did."""

    def __init__(
        self, root: Path, present: Collection[str], statistics: DirectoryStatistics
    ) -> None:
        self._root = root
        self._present = present
        self._statistics = statistics
        self._folders: set[str] = set()

    def make_heads(self) -> None:
        """Write what tells of the directory; what people may have changed is left as it is."""
        heads = make_root_files(self._statistics.directory_id)
        for name, content in heads.items():
            if name != HEAD_FILE and (self._root / name).exists():
                continue
            self.write(name, content, may_be_present=True)

    def write_item(self, path: str, files: Mapping[str, bytes], before: Iterable[str]) -> None:
        """Replace the files of an item, whose JSON file is at the path, and remove others of it."""
        self.remove(name for name in before if name not in files)
        self.write(path, files[path])
        for name, content in files.items():
            if name != path:
                self.write(name, content)

    def write(self, name: str, content: bytes, *, may_be_present: bool = False) -> None:
        """Replace the file, unless it has this content."""
        path = f"{self._root}/{name}"
        if (may_be_present or name in self._present) and _read(path) == content:
            self._statistics.unchanged += 1
            return
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            Path(folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        # A JSON file says which files there are, so that there is never half of one.
        if name.endswith(JSON_SUFFIX):
            unfinished = f"{self._root}/{_UNFINISHED}"
            _put(unfinished, content)
            Path(unfinished).replace(path)
        else:
            _put(path, content)
        self._statistics.written += 1

    def remove(self, names: Iterable[str]) -> None:
        """Remove the files that there are, and their folders where those are empty then."""
        for name in names:
            path = self._root / name
            if not path.is_file():
                continue
            path.unlink()
            self._statistics.removed += 1
            for folder in list(PurePosixPath(name).parents)[:-1]:
                with suppress(OSError):  # not empty
                    (self._root / folder).rmdir()
                    self._folders.discard(f"{self._root}/{folder}")


def _put(path: str, content: bytes) -> None:
    """Write a file. There are very many of them: without what Python's own files do besides."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - of very many
            return file.readall()
    except FileNotFoundError:
        return None


def _make_refusal(root: Path, foreign: list[str]) -> ForeignFiles:
    shown = [quote(path) for path in foreign[:_NAMES_SHOWN]]
    return ForeignFiles(
        "foreign-files",
        f"The directory {quote(str(root))} has files that this export would replace, and that are "
        f"no part of one: {format_list(shown, more=len(foreign) - len(shown))}. Nothing was "
        "written. Move them away, or export into another directory.",
    )


def _make_leaving_refusal(root: Path, *, leaving: int, count: int) -> MostItemsLeave:
    return MostItemsLeave(
        "most-items-leave",
        f"Of the {count:,} items in the directory {quote(str(root))}, {leaving:,} are not in this "
        "export, and their files would be removed. Nothing was written. Export into another "
        "directory, or give --no-prompt where this is meant.",
    )
