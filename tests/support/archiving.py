"""Archives as honest programs make them, and as hostile ones do: every field can be a lie."""

import io
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import Any

FILES = {
    "ziggy.json": b'{"version": 1}\n',
    "flows/orders/flow.json": b'{"name": "Orders"}\n' * 20,
    "flows/orders/code/price.js": b"return 1;\n",
}


def make_zip(files: dict[str, bytes] = FILES, **options: Any) -> bytes:
    """A zip as Python makes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", **{"compression": zipfile.ZIP_DEFLATED, **options}) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return out.getvalue()


def make_tar(files: dict[str, bytes] = FILES, **options: Any) -> bytes:
    """A tar as Python makes it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", **options) as archive:
        for path, content in files.items():
            add_to_tar(archive, path, content)
    return out.getvalue()


def add_to_tar(archive: tarfile.TarFile, path: str, content: bytes = b"", **values: Any) -> None:
    """One entry with these values in its header."""
    entry = tarfile.TarInfo(path)
    entry.size = len(content)
    for name, value in values.items():
        setattr(entry, name, value)
    archive.addfile(entry, io.BytesIO(content))


def make_tar_of(
    path: str, content: bytes = b"", tar_format: int = tarfile.DEFAULT_FORMAT, **values: Any
) -> bytes:
    """A tar of an honest file and this entry."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as archive:
        add_to_tar(archive, "ziggy.json", b"{}")
        add_to_tar(archive, path, content, **values)
    return out.getvalue()


def make_header(
    name: bytes = b"a.json", kind: bytes = b"0", size: int | bytes = 0, **fields: bytes
) -> bytes:
    """A header of a tar, with a checksum that is right; `fields` are written where FIELDS says."""
    block = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    number = size if isinstance(size, bytes) else b"%011o\0" % size
    write = {"name": name.ljust(100, b"\0"), "kind": kind, "size": number, **fields}
    for key, value in write.items():
        block[FIELDS[key] : FIELDS[key] + len(value)] = value
    block[148:156] = b" " * 8
    if "checksum" in fields:
        block[148 : 148 + len(fields["checksum"])] = fields["checksum"]
    else:
        block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


FIELDS = {"name": 0, "size": 124, "checksum": 148, "kind": 156, "magic": 257, "prefix": 345}


def make_raw_tar(*parts: bytes, end: int = 1024) -> bytes:
    """A tar of these headers and contents, each filled up to a block, with an end."""
    return b"".join(part + bytes(-len(part) % 512) for part in parts) + bytes(end)


def make_pax(**values: str) -> bytes:
    """The lines of an extended header."""
    return b"".join(make_pax_line(key, value.encode()) for key, value in values.items())


def make_pax_line(key: str, value: bytes) -> bytes:
    """One line, which begins with its own length."""
    rest = b" " + key.encode() + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


@dataclass
class RawEntry:
    """An entry of a zip. What is None follows from the content; `listed` are lies of the list."""

    name: bytes = b"a.json"
    content: bytes = b"{}"
    method: int = 8
    flags: int = 0
    crc: int | None = None
    packed: bytes | None = None
    size: int | None = None
    packed_size: int | None = None
    mode: int = 0
    extra: bytes = b""
    descriptor: bytes = b""
    offset: int | None = None
    disk: int = 0
    listed: dict[str, Any] = field(default_factory=dict)

    def get_packed(self) -> bytes:
        if self.packed is not None:
            return self.packed
        return deflate(self.content) if self.method == 8 else self.content

    def get(self, key: str) -> Any:
        """What the list says."""
        if key in self.listed:
            return self.listed[key]
        value = getattr(self, key)
        if value is None:
            value = {
                "crc": zlib.crc32(self.content),
                "size": len(self.content),
                "packed_size": len(self.get_packed()),
            }[key]
        return value

    def make_local(self) -> bytes:
        lies, self.listed = self.listed, {}
        numbers = [self.get(key) for key in ("crc", "packed_size", "size")]
        self.listed = lies
        head = struct.pack(
            "<4s5H3L2H",
            *(b"PK\x03\x04", 20, self.flags, self.method, 0, 33, *numbers),
            *(len(self.name), len(self.extra)),
        )
        return head + self.name + self.extra + self.get_packed() + self.descriptor

    def make_listed(self, offset: int) -> bytes:
        name, extra = self.get("name"), self.listed.get("extra", b"")
        numbers = [self.get(key) for key in ("crc", "packed_size", "size")]
        head = struct.pack(
            "<4s6H3L5H2L",
            *(b"PK\x01\x02", 20, 20, self.get("flags"), self.get("method"), 0, 33, *numbers),
            *(len(name), len(extra), 0, self.disk, 0, self.mode << 16),
            offset if self.offset is None else self.offset,
        )
        return head + name + extra


def deflate(content: bytes) -> bytes:
    """The content as it is packed in a zip."""
    packer = zlib.compressobj(9, wbits=-15)
    return packer.compress(content) + packer.flush()


def make_raw_zip(
    *entries: RawEntry,
    before: bytes = b"",
    between: bytes = b"",
    count: int | None = None,
    comment: bytes = b"",
    comment_length: int | None = None,
    after: bytes = b"",
) -> bytes:
    """A zip of these entries; `between` lies before the list, `after` behind the end."""
    locals_, listed = before, b""
    for entry in entries:
        listed += entry.make_listed(len(locals_))
        locals_ += entry.make_local()
    locals_ += between
    number = len(entries) if count is None else count
    length = len(comment) if comment_length is None else comment_length
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, number, number, len(listed), len(locals_), length
    )
    return locals_ + listed + end + comment + after
