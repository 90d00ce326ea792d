"""What is stored of an upload's file: the same file comes back, and no piece of it is in clear."""

import random
import tracemalloc
import zlib

import pytest
import zstandard
from cryptography.fernet import Fernet

from flows.encryption import WrongKeyError, encrypt_bytes
from imports.uploads.stored_file import pack_file, unpack_file

MEGABYTE = 1024 * 1024


def make_noise(size: int) -> bytes:
    """Bytes that cannot be compressed, so that there are many pieces."""
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b" " * (3 * MEGABYTE),
        *(make_noise(size) for size in (MEGABYTE - 1, MEGABYTE, MEGABYTE + 1, 5 * MEGABYTE + 7)),
    ],
    ids=len,
)
def test_the_same_file_comes_back(payload):
    assert unpack_file(pack_file(payload)) == payload


def test_a_file_that_was_stored_in_one_piece_is_still_read():
    assert unpack_file(encrypt_bytes(zlib.compress(b'{"flows": []}'))) == b'{"flows": []}'


@pytest.mark.parametrize(
    "payload", [b"", b"{}", make_noise(3 * MEGABYTE), b" " * 9 * MEGABYTE], ids=len
)
def test_a_file_that_was_stored_as_one_stream_of_zlib_is_still_read(payload):
    packed = zlib.compress(payload, 1)
    tokens = [encrypt_bytes(packed[at : at + MEGABYTE]) for at in range(0, len(packed), MEGABYTE)]
    stored = b"".join(len(token).to_bytes(4, "big") + token for token in tokens)
    assert unpack_file(stored) == payload


def test_no_piece_is_in_clear():
    line = make_noise(64)
    stored = pack_file(line * 50_000)
    assert line[:8] not in stored
    packed = zstandard.ZstdCompressor(level=1).compress((line * 50_000)[:MEGABYTE])
    assert packed[8:32] not in stored


def test_another_key_opens_nothing(settings):
    stored = pack_file(b"{}")
    settings.ZIGGY = {**settings.ZIGGY, "ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    with pytest.raises(WrongKeyError):
        unpack_file(stored)


def test_it_takes_little_more_memory_than_the_two_files():
    """Encrypted as a whole, it took seven times the packed file, and unpacking five times."""
    payload = make_noise(16 * MEGABYTE)
    for act, given in ((pack_file, payload), (unpack_file, pack_file(payload))):
        tracemalloc.start()
        try:
            act(given)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2.5 * len(payload)
