"""The one-file export of what a door is given: JSON, JSON in gzip, a directory's archive. Pure."""

from imports.errors import FileInvalid
from imports.exportfile.archives import is_archive, is_tar, refuse_archive
from imports.exportfile.directory.archive import read_archive
from imports.exportfile.directory.reading import (
    ExportDirectory,
    LooseFiles,
    find_directory,
    join_directory,
    locate_issues,
    make_refusal,
)
from imports.exportfile.gzipped import unpack


def unpack_export(source: bytes | LooseFiles, *, max_bytes: int) -> bytes:
    """Return the JSON of a file, which is not read yet; the same bytes where it is JSON already.

    Raises FileTooLarge, JSONProblem where gzip or an archive cannot be unpacked, and FileInvalid
    with every problem of a directory's files.
    """
    content = _unpack_gzip(source, max_bytes)
    if isinstance(content, bytes) and not is_archive(content):
        return content
    return join_directory(_find_directory(content, max_bytes))


def locate(error: FileInvalid, source: bytes | LooseFiles, *, max_bytes: int) -> FileInvalid:
    """Return the refusal of an export with the files and lines of its problems.

    `source` is what it was unpacked from: without a directory, it is the refusal as it was.
    """
    content = _unpack_gzip(source, max_bytes)
    if isinstance(content, bytes) and not is_archive(content):
        return error
    return make_refusal(locate_issues(_find_directory(content, max_bytes), error.issues))


def _unpack_gzip(source: bytes | LooseFiles, max_bytes: int) -> bytes | LooseFiles:
    if isinstance(source, LooseFiles):
        return source
    content = unpack(source, max_bytes=max_bytes, takes_archives=True)
    if content is not source and is_archive(content) and not is_tar(content):
        refuse_archive(content)  # a zip is packed itself
    return content


def _find_directory(content: bytes | LooseFiles, max_bytes: int) -> ExportDirectory:
    if not isinstance(content, LooseFiles):
        content = read_archive(content, max_bytes=max_bytes)
    return find_directory(content)
