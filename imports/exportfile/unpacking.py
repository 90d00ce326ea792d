"""The one-file export of what a door is given: JSON, JSON in gzip, a directory's archive. Pure."""

from imports.errors import FileInvalid
from imports.exportfile.archives import is_archive, is_tar, refuse_archive
from imports.exportfile.directory.archive import read_archive
from imports.exportfile.directory.reading import (
    Directory,
    find_directory,
    join_directory,
    locate_issues,
    make_refusal,
)
from imports.exportfile.gzipped import unpack


def unpack_export(data: bytes, *, max_bytes: int) -> bytes:
    """Return the JSON of a file, which is not read yet; the same bytes where it is JSON already.

    Raises FileTooLarge, JSONProblem where gzip or an archive cannot be unpacked, and FileInvalid
    with every problem of a directory's files.
    """
    content = unpack(data, max_bytes=max_bytes, takes_archives=True)
    if not is_archive(content):
        return content
    if content is not data and not is_tar(content):  # a zip is packed itself
        refuse_archive(content)
    return join_directory(_find_directory(content, max_bytes))


def locate(error: FileInvalid, data: bytes, *, max_bytes: int) -> FileInvalid:
    """Return the refusal of an export with the files and lines of its problems.

    `data` is what it was unpacked from: without an archive, it is the refusal as it was.
    """
    content = unpack(data, max_bytes=max_bytes, takes_archives=True)
    if not is_archive(content):
        return error
    issues = locate_issues(_find_directory(content, max_bytes), error.issues)
    return make_refusal(issues)


def _find_directory(content: bytes, max_bytes: int) -> Directory:
    return find_directory(read_archive(content, max_bytes=max_bytes))
