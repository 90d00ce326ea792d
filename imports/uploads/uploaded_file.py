"""A file of a form, counted while it is received and kept in memory as a whole for the import.

Nothing is written to disk, and nothing from a form is used as a path.
"""

from dataclasses import dataclass, field
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler

from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE, GatheredFile

FORM_ALLOWANCE = 64 * 1024
"""Bytes that a body may have beyond the largest files, for the other parts and boundaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A part of a form that is a file."""

    part: str
    name: str
    """The client's name for the file, without directories, truncated."""
    content: bytes = field(repr=False)


class FileCollector(FileUploadHandler):
    """Collects the bytes of files in memory. Raises FileTooLarge as soon as they are too many.

    The limit is for all files together, and counts their content.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.complete: list[FilePart] = []
        self._limit = limit
        self._file: GatheredFile | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._file = GatheredFile(self._limit, before=self._file)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if self._file:
            self._file.add(raw_data)

    def file_complete(self, file_size: int) -> None:
        content = self._file.get_bytes() if self._file else b""
        self.complete.append(
            FilePart(part=str(self.field_name), name=str(self.file_name), content=content)
        )

    def take_files(self) -> list[FilePart]:
        """Return the files, and keep none.

        Reference cycles keep a request and its handlers alive for a while, and with them the bytes.
        """
        files, self.complete, self._file = self.complete, [], None
        return files


def get_longest_body(limit: int) -> int:
    """Return how many bytes the body of a form may have, for files of this limit."""
    return MOST_WITH_WHITE_SPACE * limit + FORM_ALLOWANCE
