"""Read the files of a zip or a tar: strictly, and within limits of count, bytes and paths. Pure.

Nothing is written to disk. Two programs must not be able to read one archive in two ways.
"""

from flows.texts import quote
from imports.exportfile.archives import find_packed_form, is_archive, is_tar
from imports.exportfile.directory.archive_entries import make_problem, read_entry
from imports.exportfile.directory.archive_paths import check_all_paths, check_path
from imports.exportfile.directory.reading import LooseFiles
from imports.exportfile.directory.tar_files import list_tar
from imports.exportfile.directory.zip_files import list_zip
from imports.exportfile.gzipped import is_gzip
from imports.exportfile.size_limit import MOST_WITH_WHITE_SPACE, make_too_large_error

__all__ = ["MAX_FILES", "is_archive", "read_archive"]

MAX_FILES = 250_000
"""How many files and directories an archive may have: 10,000 flows are about 80,000."""


def read_archive(data: bytes, *, max_bytes: int, max_files: int = MAX_FILES) -> LooseFiles:
    """Return the files and the links of a zip or a tar, in its order.

    Paths have "/" and no directory above the archive's own. Directories are left out. Raises
    FileTooLarge where the archive or its files have more than some times `max_bytes` together,
    which counts white space too, and else one JSONProblem whose subject is "The archive".
    """
    most = MOST_WITH_WHITE_SPACE * max_bytes
    if len(data) > most:
        raise make_too_large_error(max_bytes)
    entries = (list_tar if is_tar(data) else list_zip)(data, max_files=max_files)
    for entry in entries:
        check_path(entry.path)
    check_all_paths(entry.path for entry in entries)
    if all(entry.is_directory for entry in entries):
        raise make_problem("empty-archive", "has no file in it. Make it of an exported directory.")
    # No entry gives a byte more than it claims: more than this is never unpacked.
    if sum(entry.size for entry in entries) > most:
        raise make_too_large_error(max_bytes)
    contents: dict[str, bytes] = {}
    for entry in entries:
        content = read_entry(data, entry)
        if entry.is_directory or entry.is_link:
            continue
        if is_gzip(content) or find_packed_form(content):
            raise make_problem(
                "nested-archive",
                f"has {quote(entry.path)}, which is packed itself. Put its files in, unpacked.",
            )
        contents[entry.path] = content
    return LooseFiles(files=contents, links=[entry.path for entry in entries if entry.is_link])
