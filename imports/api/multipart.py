"""Reading the parts of a form: every name of a file, and how much was read."""

import re
from typing import IO

from django.http.multipartparser import MultiPartParser

_LONGEST_FILE_NAME = 255


class EveryNameParser(MultiPartParser):
    """Django's parser, which drops files with some names; here every file name is accepted."""

    def sanitize_file_name(self, file_name: str) -> str:
        name = re.split(r"[/\\]", file_name)[-1]
        return name[:_LONGEST_FILE_NAME] or "(no name)"


class CountedStream:
    """A stream that counts what was read: Django accepts a body that was cut off."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self.count += len(data)
        return data
