"""List the entries of a tar: one archive from its first byte to its last, of plain files. Pure.

`tarfile` reads each header; what is in the headers that extend others is read here, within limits.
"""

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from flows.texts import quote
from imports.exportfile.directory.archive_entries import (
    ArchiveEntry,
    make_broken_problem,
    make_problem,
    make_special_problem,
    make_too_many_problem,
)
from imports.exportfile.directory.archive_paths import MAX_PATH_BYTES

_BLOCK = tarfile.BLOCKSIZE
_END = bytes(2 * _BLOCK)
_MAGIC = b"ustar"
_MAGIC_AT = 257
_NAME = slice(100)
_MOST_EXTENDED = 64 * 1024
_TOP_DIRECTORY = "./"
_PAX_LENGTH = re.compile(rb"([1-9][0-9]{0,9}) ")
_UTF8_OF_PAX = "ISO-IR 10646 2000 UTF-8"
_PATH_KEYS = ("path", "size")
"""What may be said of one file, and never of all."""
_DIRECTORY = tarfile.DIRTYPE
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_LINKS = (tarfile.SYMTYPE, tarfile.LNKTYPE)
_LONG_NAME = tarfile.GNUTYPE_LONGNAME
_LONG_TARGET = tarfile.GNUTYPE_LONGLINK
_PAX = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_PAX_OF_ALL = tarfile.XGLTYPE


@dataclass(slots=True)
class _Extension:
    """What the headers before an entry's own say of it."""

    is_given: bool = False
    values: Mapping[str, str] = field(default_factory=dict)


def list_tar(data: bytes, *, max_files: int) -> list[ArchiveEntry]:
    """Return the entries of a tar in its order, without the "./" that some begin with.

    Raises JSONProblem. Their paths may be any text. The archive's top directory is left out.
    """
    entries: list[ArchiveEntry] = []
    extension = _Extension()
    at = 0
    while not data.startswith(_END, at):
        header = _read_header(data, at)
        start, end = at + _BLOCK, at + _BLOCK + header.size
        if header.size < 0 or end > len(data):
            raise make_broken_problem("it stops before its end, or has a size that cannot be")
        if header.type in (*_PAX, _PAX_OF_ALL, _LONG_NAME, _LONG_TARGET):
            extension = _read_extension(
                header, data[start : min(end, start + _MOST_EXTENDED)], extension
            )
        else:
            if len(entries) == max_files:
                raise make_too_many_problem(max_files)
            entry = _make_entry(header, start, extension.values)
            if entry.path != _TOP_DIRECTORY:
                entries.append(entry)
            extension = _Extension()
        at = start + -(-header.size // _BLOCK) * _BLOCK
    if extension.is_given or data.count(0, at) != len(data) - at:
        raise make_broken_problem("there is more behind its end, or less than there should be")
    return entries


def _read_header(data: bytes, at: int) -> tarfile.TarInfo:
    block = data[at : at + _BLOCK]
    if len(block) < _BLOCK or not block.startswith(_MAGIC, _MAGIC_AT):
        raise make_broken_problem("it stops before its end, or a header is no header of a tar")
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        raise make_broken_problem("the checksum or a number of a header is wrong") from None
    if block[_NAME].partition(b"\0")[2].strip(b"\0"):
        raise make_problem(
            "unsafe-path", f"has {quote(header.name)} with more behind its end. Rename the file."
        )
    return header


def _read_extension(header: tarfile.TarInfo, content: bytes, before: _Extension) -> _Extension:
    """Return what the header, whose content it is, and the one before it say of the next entry."""
    if header.size > _MOST_EXTENDED:
        raise make_broken_problem(f"what it says of {quote(header.name)} is too long")
    if header.type == _LONG_TARGET:
        return before  # no link is followed
    if header.type == _PAX_OF_ALL:
        values = _read_pax(content)
        if any(key in values for key in _PATH_KEYS):
            raise make_broken_problem("it says one path or size of all its files")
        return before
    if before.is_given:
        raise make_broken_problem("it says the name of one file twice")
    if header.type == _LONG_NAME:
        name, end, rest = content.partition(b"\0")
        if not end or rest.strip(b"\0"):
            raise make_broken_problem("a long name has no end, or more behind it")
        values = {"path": name[: MAX_PATH_BYTES + 1].decode(errors="surrogateescape")}
    else:
        values = _read_pax(content)
    return _Extension(is_given=True, values=values)


def _read_pax(content: bytes) -> dict[str, str]:
    """Return the values of an extended header: lines of `LENGTH KEY=VALUE`."""
    values: dict[str, str] = {}
    at = 0
    while at < len(content):
        length = _PAX_LENGTH.match(content, at)
        end = at + int(length[1]) if length else 0
        if not length or not length.end() < end <= len(content) or content[end - 1] != ord("\n"):
            raise make_broken_problem("an extended header cannot be read")
        key, equals, value = (
            content[length.end() : end - 1].decode(errors="surrogateescape").partition("=")
        )
        if not equals or key in values:
            raise make_broken_problem("an extended header cannot be read")
        values[key] = value
        at = end
    if values.get("hdrcharset", _UTF8_OF_PAX) != _UTF8_OF_PAX:
        raise make_problem("unsafe-path", "has names that are not in UTF-8. Make it with such.")
    if any(key.startswith("GNU.sparse") for key in values):
        raise make_special_problem(values.get("GNU.sparse.name", values.get("path", "")))
    return values


def _make_entry(header: tarfile.TarInfo, start: int, values: Mapping[str, str]) -> ArchiveEntry:
    path = values.get("path", header.name)
    if header.type not in (*_FILES, *_LINKS, _DIRECTORY):
        raise make_special_problem(path)
    is_directory = header.type == _DIRECTORY
    if values.get("size", str(header.size)) != str(header.size) or (is_directory and header.size):
        raise make_broken_problem(f"{quote(path)} has two sizes, or is a directory with content")
    if is_directory:
        path = path.removesuffix("/") + "/"
    elif path.endswith("/"):
        raise make_broken_problem(f"{quote(path)} is named as a directory, but is a file")
    if path != _TOP_DIRECTORY:
        path = path.removeprefix(_TOP_DIRECTORY)
    return ArchiveEntry(
        path=path,
        start=start,
        packed_size=header.size,
        size=header.size,
        is_link=header.type in _LINKS,
    )
