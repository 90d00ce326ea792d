"""The file of an upload as it is stored while it waits: in zlib, encrypted.

It is packed and encrypted a piece at a time: encrypting a whole file takes several times its
memory.
"""

import zlib
from collections.abc import Iterator
from io import BytesIO

from flows.encryption import decrypt_bytes, encrypt_bytes

_PIECE = 1024 * 1024
_FASTEST = 1
_LENGTH = 4
"""Bytes of the length in front of each piece."""
_WHOLE = b"\x80"
"""How a file begins that an earlier version stored in one piece: no length of a piece does so."""


def pack_file(payload: bytes) -> bytes:
    """Return what is stored of the file."""
    stored = BytesIO()
    for packed in _compress(memoryview(payload)):
        token = encrypt_bytes(packed)
        stored.write(len(token).to_bytes(_LENGTH, "big"))
        stored.write(token)
    return stored.getvalue()  # of a buffer that is not written to again: no copy


def unpack_file(stored: bytes) -> bytes:
    """Return the file. Raises WrongKeyError where it cannot be decrypted."""
    if stored.startswith(_WHOLE):
        return zlib.decompress(decrypt_bytes(stored))
    unpacker, payload = zlib.decompressobj(), BytesIO()
    start = 0
    while start < len(stored):
        end = start + _LENGTH + int.from_bytes(stored[start : start + _LENGTH], "big")
        packed = decrypt_bytes(stored[start + _LENGTH : end])
        while packed:  # never much at once, however little it was packed in
            payload.write(unpacker.decompress(packed, _PIECE))
            packed = unpacker.unconsumed_tail
        start = end
    payload.write(unpacker.flush())
    return payload.getvalue()


def _compress(payload: memoryview) -> Iterator[bytes]:
    packer = zlib.compressobj(_FASTEST)
    for start in range(0, len(payload), _PIECE):
        if packed := packer.compress(payload[start : start + _PIECE]):
            yield packed
    yield packer.flush()
