"""The text of a document: the same whichever way it is kept."""

import sys

import pytest

from flows.content.documents import Document

TEXTS = ["[]", '["\N{ROCKET}"]', '["é"]', '["\ud800"]', ""]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_in_utf8_it_is_the_same_document(text):
    document = Document(text)
    document.keep_utf8()
    assert document.has_text
    assert (document.text, document.digest) == (text, Document(text).digest)
    assert document == Document(text)
    document.keep_utf8()
    assert document.text == text


def test_in_utf8_one_emoji_takes_four_bytes_and_no_more():
    document = Document("\N{ROCKET}" + "a" * 10_000)
    document.keep_utf8()
    assert document.text.startswith("\N{ROCKET}a")
    kept = [getattr(document, name) for name in Document.__slots__]
    assert sum(sys.getsizeof(each) for each in kept if isinstance(each, str | bytes)) < 10_200


def test_a_stored_one_that_was_not_read_has_nothing_to_keep():
    document = Document(digest="0" * 64, reader=None)
    document.keep_utf8()
    assert not document.has_text
