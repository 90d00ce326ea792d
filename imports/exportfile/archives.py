"""Which archive or packed file other than gzip a file is, known by its first bytes. Pure."""

from flows.strict_json.problems import JSONProblem

_ZIP = "a ZIP archive"
_TAR = "a tar archive"
# No JSON begins with one of these.
_BEGINNINGS = {
    b"PK\x03\x04": _ZIP,
    b"PK\x05\x06": _ZIP,  # without a file in it
    b"PK\x07\x08": _ZIP,  # in several parts
    **{b"BZh%d" % size: "a file in bzip2" for size in range(1, 10)},
    b"\xfd7zXZ\x00": "a file in xz",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a file in zstd",
    b"Rar!\x1a\x07": "a RAR archive",
}
_LONGEST = max(map(len, _BEGINNINGS))
_USTAR = b"ustar"
_USTAR_AT = 257


def is_archive(data: bytes) -> bool:
    """Return whether the bytes are those of a zip or a tar, of which files are read."""
    return find_packed_form(data) in (_ZIP, _TAR)


def is_tar(data: bytes) -> bool:
    """Return whether the bytes are those of a tar."""
    # JSON has no U+0000, and a name in an archive is filled up with it.
    return data.startswith(_USTAR, _USTAR_AT) and b"\0" in data[:_USTAR_AT]


def find_packed_form(data: bytes) -> str:
    """Return what the bytes are, such as "a ZIP archive"; nothing where they are no such file."""
    beginning = data[:_LONGEST]
    for known, what in _BEGINNINGS.items():
        if beginning.startswith(known):
            return what
    return _TAR if is_tar(data) else ""


def refuse_archive(data: bytes, *, takes_archives: bool = False) -> None:
    """Raise JSONProblem (`invalid-encoding`) where the bytes are those of an archive.

    A zip and a tar are refused only where no archives are taken.
    """
    what = find_packed_form(data)
    if not what or (takes_archives and what in (_ZIP, _TAR)):
        return
    taken = ", or a directory in zip or tar" if takes_archives else ""
    raise JSONProblem(
        "invalid-encoding",
        f"is {what}. Unpack it: what is read is JSON, or JSON in gzip{taken}.",
        subject="The file",
    )
