"""The limit counts content: no white space between values, however the bytes come in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imports.errors import FileTooLarge
from imports.exportfile import size_limit
from imports.exportfile.directory.archive import read_archive
from imports.exportfile.document import parse
from imports.exportfile.size_limit import (
    MOST_WITH_WHITE_SPACE,
    ContentCounter,
    GatheredFile,
    check_size,
    count_content,
)
from tests.support.archiving import make_tar, make_zip

TEXTS = st.lists(
    st.sampled_from([b'"', b"\\", b" ", b"\n", b"\t", b"\r", b"a", b":", b"\xc3\xa9", b"{", b"\0"])
).map(b"".join)
VALUES = st.recursive(
    st.none() | st.integers() | st.text(' "\\\n\té/', max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
)


def count_slowly(data: bytes) -> int:
    """The same, byte by byte."""
    count = 0
    is_inside = is_escaped = False
    for byte in data:
        char = bytes([byte])
        count += is_inside or char not in b" \t\r\n"
        if char == b'"' and not is_escaped:
            is_inside = not is_inside
        is_escaped = char == b"\\" and not is_escaped
    return count


@given(VALUES, st.sampled_from([None, 0, 1, 4, "\t"]))
def test_a_document_counts_as_it_is_without_white_space(value, indent):
    compact = json.dumps(value, separators=(",", ":")).encode()
    assert count_content(json.dumps(value, indent=indent).encode()) == len(compact)


@given(st.lists(TEXTS))
@example([b'"\\', b'" \\\\', b'" '])
@example([b'"\\', b"", b'\\"  '])
def test_the_pieces_in_which_it_comes_do_not_matter(pieces):
    counter = ContentCounter()
    for piece in pieces:
        counter.add(piece)
    assert counter.size == count_content(b"".join(pieces))


@given(st.text('"\\ ab', max_size=30).map(json.dumps), st.integers(0, 3))
def test_white_space_in_a_string_is_content(string, spaces):
    data = f"[{' ' * spaces}{string}\r\n,{string}]\t".encode()
    assert count_content(data) == len(data) - spaces - 3 == count_slowly(data)


def test_a_long_text_is_counted_in_steps(monkeypatch):
    data = json.dumps([{"a b": ['\\ "', " \\\\"]}] * 50, indent=2).encode()
    counted = count_content(data)
    for step in (1, 2, 3, 7):
        monkeypatch.setattr(size_limit, "_STEP", step)
        assert count_content(data) == counted == count_slowly(data)


def test_an_indented_file_is_taken_where_its_content_is_within_the_limit():
    document = {"flows": [], "x": [[["y z"]] * 100]}
    content = len(json.dumps(document, separators=(",", ":")))
    data = json.dumps(document, indent=1).encode()
    assert len(data) < MOST_WITH_WHITE_SPACE * content
    assert parse(data, max_bytes=content).size == len(data)
    with pytest.raises(FileTooLarge):
        parse(data, max_bytes=content - 1)


def test_all_white_space_together_may_be_three_times_the_limit():
    data = b'{"flows":[]}'
    check_size(data + b" " * 36, 12)
    with pytest.raises(FileTooLarge):
        check_size(data + b" " * 37, 12)


def test_nothing_is_counted_of_a_file_within_the_limit(monkeypatch):
    monkeypatch.setattr(size_limit, "ContentCounter", None)
    check_size(b" " * 100, 100)


@given(TEXTS, st.integers(1, 5), st.integers(0, 40))
def test_a_file_that_is_gathered_is_refused_as_one_that_is_there(data, step, limit):
    gathered = GatheredFile(limit)
    try:
        check_size(data, limit)
    except FileTooLarge:
        with pytest.raises(FileTooLarge):
            add_all(gathered, data, step)
        with pytest.raises(FileTooLarge):  # what was gathered shows it as well
            check_size(gathered.get_bytes(), limit)
    else:
        add_all(gathered, data, step)
        assert gathered.get_bytes() == data


def add_all(gathered: GatheredFile, data: bytes, step: int) -> None:
    for start in range(0, len(data), step):
        gathered.add(data[start : start + step])


def test_files_that_come_after_each_other_count_together():
    first = GatheredFile(10)
    first.add(b'"a"   \n')
    second = GatheredFile(10, before=first)
    second.add(b"  12345 ")
    second.add(b"67")
    with pytest.raises(FileTooLarge):
        second.add(b"8")
    third = GatheredFile(10, before=first)
    with pytest.raises(FileTooLarge):
        third.add(b" " * 34)


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_an_archive_may_have_as_many_bytes_as_a_file_with_white_space(make):
    data = make({"x": b'"\xff\\ ' * 999})
    limit = -(-len(data) // MOST_WITH_WHITE_SPACE)
    for step in (511, len(data)):
        gathered = GatheredFile(limit)
        add_all(gathered, data, step)
        assert gathered.get_bytes() == data
        with pytest.raises(FileTooLarge):
            add_all(GatheredFile(limit - 1), data, step)
    with pytest.raises(FileTooLarge):
        read_archive(data, max_bytes=limit - 1)
    after = GatheredFile(limit + 9, before=gathered)
    after.add(b"123456789")
    with pytest.raises(FileTooLarge):
        after.add(b"0")


def test_real_files_count_as_their_content(shared_data: Path):
    for data in real_files(shared_data):
        value = json.loads(data)
        compact = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        lines = json.dumps(value, indent=2, ensure_ascii=False).encode()
        assert count_content(lines) == count_content(compact) == len(compact)
        assert len(lines) < 2 * len(compact)  # far from what is allowed


def real_files(shared_data: Path) -> Iterator[bytes]:
    for path in sorted(shared_data.glob("real-*.json")):
        yield path.read_bytes()
