"""The file of an upload as it is stored while it waits: in zstd, encrypted.

It is packed and encrypted a piece at a time: encrypting a whole file takes several times its
memory.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO

import zstandard

from flows.encryption import decrypt_bytes, encrypt_bytes

_PIECE = 1024 * 1024
_FASTEST = 1
_LENGTH = 4
"""Bytes of the length in front of each piece."""
_ZSTD = b"\x01"
"""How a file begins whose pieces are frames of zstd."""
_WHOLE = b"\x80"
"""How a file begins that an early version stored in one piece. Others have pieces of one stream of
zlib: no length of a piece begins so."""


def pack_file(payload: bytes) -> bytes:
    """Return what is stored of the file."""
    packer = zstandard.ZstdCompressor(level=_FASTEST)
    stored = BytesIO()
    stored.write(_ZSTD)
    clear = memoryview(payload)
    for start in range(0, len(payload), _PIECE):
        token = encrypt_bytes(packer.compress(clear[start : start + _PIECE]))
        stored.write(len(token).to_bytes(_LENGTH, "big"))
        stored.write(token)
    return stored.getvalue()  # of a buffer that is not written to again: no copy


def unpack_file(stored: bytes) -> bytes:
    """Return the file. Raises WrongKeyError where it cannot be decrypted."""
    if stored.startswith(_WHOLE):
        return zlib.decompress(decrypt_bytes(stored))
    if not stored.startswith(_ZSTD):
        return _inflate(_decrypt_pieces(stored, 0))
    unpacker, payload = zstandard.ZstdDecompressor(), BytesIO()
    for packed in _decrypt_pieces(stored, len(_ZSTD)):
        payload.write(unpacker.decompress(packed))
    return payload.getvalue()


def _decrypt_pieces(stored: bytes, start: int) -> Iterator[bytes]:
    while start < len(stored):
        end = start + _LENGTH + int.from_bytes(stored[start : start + _LENGTH], "big")
        yield decrypt_bytes(stored[start + _LENGTH : end])
        start = end


def _inflate(pieces: Iterator[bytes]) -> bytes:
    unpacker, payload = zlib.decompressobj(), BytesIO()
    for piece in pieces:
        packed = piece
        while packed:  # never much at once, however little it was packed in
            payload.write(unpacker.decompress(packed, _PIECE))
            packed = unpacker.unconsumed_tail
    payload.write(unpacker.flush())
    return payload.getvalue()
