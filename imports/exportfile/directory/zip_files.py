"""List the entries of a zip, whose every byte belongs to exactly one of its parts. Pure.

`zipfile` reads the directory at the end; what is checked here is that the rest says the same.
"""

import stat
import struct
import zipfile
from io import BytesIO

from flows.texts import quote
from imports.exportfile.directory.archive_entries import (
    ArchiveEntry,
    make_broken_problem,
    make_problem,
    make_special_problem,
    make_too_many_problem,
)

_LOCAL = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_CENTRAL_MAGIC = b"PK\x01\x02"
_CENTRAL_LENGTH = 46
_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_ZIP64_END = struct.Struct("<4sQ2H2L4Q")
_ZIP64_END_MAGIC = b"PK\x06\x06"
_ZIP64_LOCATOR = struct.Struct("<4sLQL")
_UNKNOWN_32 = 0xFFFFFFFF
_UNKNOWN_16 = 0xFFFF

_ENCRYPTED = 0x1 | 0x40 | 0x2000
_WITH_DESCRIPTOR = 0x8
_IN_UTF8 = 0x800
_KNOWN_FLAGS = 0x2 | 0x4 | _WITH_DESCRIPTOR | _IN_UTF8
_SAME_FLAGS = 0x1 | _WITH_DESCRIPTOR | _IN_UTF8
_METHOD_AES = 99

_UNICODE_PATH = 0x7075

_READING_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    OverflowError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)


def list_zip(data: bytes, *, max_files: int) -> list[ArchiveEntry]:
    """Return the entries of a zip in the order of their bytes. Raises JSONProblem.

    Their paths are as in the archive, and may be any text.
    """
    if data.count(_CENTRAL_MAGIC) > max_files:  # an entry has one; before an object is made of it
        raise make_too_many_problem(max_files)
    try:
        archive = zipfile.ZipFile(BytesIO(data))
        listed = archive.infolist()
    except _READING_ERRORS:
        raise make_broken_problem("its list of files cannot be read") from None
    for info in listed:
        _check_info(info)
    _check_end(data, archive, listed)
    entries = []
    end = 0
    for info in sorted(listed, key=lambda each: each.header_offset):
        if info.header_offset != end:
            what = "files overlap" if info.header_offset < end else "there is more than its files"
            raise make_broken_problem(what)
        entry = _read_local(data, info)
        entries.append(entry)
        end = _find_entry_end(data, info, entry)
    if end != archive.start_dir:
        raise make_broken_problem("there is more than its files, or files overlap")
    return entries


def _check_info(info: zipfile.ZipInfo) -> None:
    """Raise for an entry of which no file may be read."""
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED or info.compress_type == _METHOD_AES:
        raise make_problem(
            "encrypted-archive", f"has {quote(name)} encrypted. Make it without a password."
        )
    if not (info.flag_bits & _IN_UTF8 or name.isascii()):
        raise make_problem(
            "unsafe-path",
            f"has {quote(name)}, a name that does not say that it is in UTF-8. Rename the file.",
        )
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise make_problem(
            "unknown-compression", f"has {quote(name)} packed otherwise than by deflate. Use that."
        )
    if info.flag_bits & ~_KNOWN_FLAGS or info.volume:
        raise make_broken_problem(f"{quote(name)} has flags or parts that no usual zip has")
    _check_kind(name, info)
    _check_extra(name, info.extra)
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise make_broken_problem(f"{quote(name)} has two sizes")


def _check_kind(name: str, info: zipfile.ZipInfo) -> None:
    """Raise for what is no file, no link and no directory."""
    kind = _read_kind(info)
    if name.endswith("/"):
        if info.file_size:
            raise make_broken_problem(f"{quote(name)} is a directory with content")
        allowed = {0, stat.S_IFDIR}
    else:
        allowed = {0, stat.S_IFREG, stat.S_IFLNK}
    if kind not in allowed:
        raise make_special_problem(name)


def _read_kind(info: zipfile.ZipInfo) -> int:
    return stat.S_IFMT(info.external_attr >> 16)


def _check_extra(name: str, extra: bytes) -> None:
    """Raise where the fields of an entry have a second name of it, which some programs read."""
    at = 0
    while at + 4 <= len(extra):
        field, length = struct.unpack_from("<2H", extra, at)
        if field == _UNICODE_PATH:
            raise make_problem(
                "unsafe-path", f"has a second name for {quote(name)}. Rename the file, in ASCII."
            )
        at += 4 + length


def _check_end(data: bytes, archive: zipfile.ZipFile, listed: list[zipfile.ZipInfo]) -> None:
    """Raise where the list of files is not followed by the end, and the end by nothing."""
    at = archive.start_dir + sum(
        _CENTRAL_LENGTH + len(_encode_name(info)) + len(info.extra) + len(info.comment)
        for info in listed
    )
    counts = [len(listed)]
    if data.startswith(_ZIP64_END_MAGIC, at):
        if len(data) < at + _ZIP64_END.size:
            raise make_broken_problem("it stops before its end")
        zip64 = _ZIP64_END.unpack_from(data, at)
        counts += zip64[6:8]
        at += _ZIP64_END.size + _ZIP64_LOCATOR.size
    if not data.startswith(_END_MAGIC, at) or len(data) < at + _END.size:
        raise make_broken_problem("there is more than its files")
    end = _END.unpack_from(data, at)
    if at + _END.size + end[-1] != len(data):
        raise make_broken_problem("it stops before its end, or goes on behind it")
    counts += [count for count in end[3:5] if not (len(counts) > 1 and count == _UNKNOWN_16)]
    if any(end[1:3]) or set(counts) != {len(listed)}:
        raise make_broken_problem("it claims another number of files than it has")


def _read_local(data: bytes, info: zipfile.ZipInfo) -> ArchiveEntry:
    """Return the entry whose own header, before its bytes, says the same as the list of files."""
    name = _encode_name(info)
    at = info.header_offset
    if len(data) < at + _LOCAL.size:
        raise make_broken_problem("it stops before its end")
    magic, _, flags, method, _, _, crc, packed_size, size, name_length, extra_length = (
        _LOCAL.unpack_from(data, at)
    )
    claims = [(info.CRC, crc), (info.compress_size, packed_size), (info.file_size, size)]
    is_same = (
        magic == _LOCAL_MAGIC
        and data[at + _LOCAL.size : at + _LOCAL.size + name_length] == name
        and method == info.compress_type
        and not (flags ^ info.flag_bits) & _SAME_FLAGS
        and (flags & _WITH_DESCRIPTOR or all(one in (other, _UNKNOWN_32) for other, one in claims))
    )
    if not is_same:
        raise make_broken_problem(f"{quote(info.orig_filename)} is listed otherwise than it is")
    start = at + _LOCAL.size + name_length + extra_length
    _check_extra(info.orig_filename, data[start - extra_length : start])
    return ArchiveEntry(
        path=info.orig_filename,
        start=start,
        packed_size=info.compress_size,
        size=info.file_size,
        is_packed=method == zipfile.ZIP_DEFLATED,
        crc=info.CRC,
        is_link=_read_kind(info) == stat.S_IFLNK,
    )


def _find_entry_end(data: bytes, info: zipfile.ZipInfo, entry: ArchiveEntry) -> int:
    """Return where the entry ends: behind what repeats its sizes, where it was streamed."""
    end = entry.start + entry.packed_size
    if not info.flag_bits & _WITH_DESCRIPTOR:
        return end
    sizes = (entry.packed_size, entry.size)
    for layout in ("<L2L", "<L2Q"):
        if layout == "<L2L" and max(sizes) > _UNKNOWN_32:
            continue
        descriptor = struct.pack(layout, info.CRC, *sizes)
        for expected in (_DESCRIPTOR_MAGIC + descriptor, descriptor):
            follows = end + len(expected)
            # Of an empty file, the short form is the beginning of the long one.
            if data.startswith(expected, end) and data.startswith(b"PK", follows):
                return follows
    raise make_broken_problem(f"{quote(entry.path)} is listed otherwise than it is")


def _encode_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode()  # in ASCII where the archive does not say UTF-8
