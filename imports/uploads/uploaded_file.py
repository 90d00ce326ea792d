"""A file of a form, counted while it is received and kept in memory as a whole for the import.

Nothing is written to disk, and nothing from a form is used as a path.
"""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler

from imports.exportfile.size_limit import make_too_large_error

FORM_ALLOWANCE = 64 * 1024
"""Bytes that a body may have beyond the largest file, for the other parts and boundaries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePart:
    """A part of a form that is a file."""

    part: str
    name: str
    """The client's name for the file, without directories, truncated."""
    content: bytes = field(repr=False)


class FileCollector(FileUploadHandler):
    """Collects the bytes of files in memory. Raises FileTooLarge at the first beyond the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.complete: list[FilePart] = []
        self._limit = limit
        self._count = 0
        self._bytes = BytesIO()

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._bytes = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._count += len(raw_data)
        if self._count > self._limit:
            raise make_too_large_error(self._limit)
        self._bytes.write(raw_data)

    def file_complete(self, file_size: int) -> None:
        # getvalue() of a buffer that is not written to again makes no copy.
        content, self._bytes = self._bytes.getvalue(), BytesIO()
        self.complete.append(
            FilePart(part=str(self.field_name), name=str(self.file_name), content=content)
        )
