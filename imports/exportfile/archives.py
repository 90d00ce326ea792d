"""Which archive or packed file other than gzip a file is, known by its first bytes. Pure."""

from flows.strict_json.problems import JSONProblem

# No JSON begins with one of these.
_BEGINNINGS = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "a ZIP archive",  # without a file in it
    b"PK\x07\x08": "a ZIP archive",  # in several parts
    **{b"BZh%d" % size: "a file in bzip2" for size in range(1, 10)},
    b"\xfd7zXZ\x00": "a file in xz",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "a file in zstd",
    b"Rar!\x1a\x07": "a RAR archive",
}
_TAR = b"ustar"
_TAR_AT = 257


def refuse_archive(data: bytes) -> None:
    """Raise JSONProblem (`invalid-encoding`) where the bytes are those of an archive."""
    for beginning, what in _BEGINNINGS.items():
        if data.startswith(beginning):
            raise _make_problem(what)
    # JSON has no U+0000, and a name in an archive is filled up with it.
    if data.startswith(_TAR, _TAR_AT) and b"\0" in data[:_TAR_AT]:
        raise _make_problem("a tar archive")


def _make_problem(what: str) -> JSONProblem:
    return JSONProblem(
        "invalid-encoding",
        f"is {what}. Unpack it: what is read is JSON, or JSON in gzip.",
        subject="The file",
    )
