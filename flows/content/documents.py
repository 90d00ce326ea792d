"""A JSON document as a value: known by the digest of its text, which is read when it is used.

Flows' nodes and edges are such values. Two documents are equal where their digests are, so that
comparing stored documents reads none of them. Pure: a stored one has a reader that reads it.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

DIGEST_LENGTH = 64
"""Of SHA-256, in hexadecimal digits."""
_ANY_CHARACTER = "surrogatepass"
"""How UTF-8 is written: a text that was typed may have a lone surrogate."""


class DocumentReader(Protocol):
    """Reads stored documents, many at once."""

    def read_texts(self, documents: "Sequence[Document]") -> None:
        """Set the `text` or `utf8` of the documents that have neither."""

    def read_secrets(self, documents: "Sequence[Document]") -> None:
        """Set the `secrets` of the documents that have none."""


class Document:
    """A document: its text, or the digest of a stored one."""

    __slots__ = ("_digest", "_peers", "_reader", "_secrets", "_text", "_utf8")

    def __init__(
        self, text: str | None = None, *, digest: str = "", reader: DocumentReader | None = None
    ) -> None:
        self._text = text
        self._utf8: bytes | None = None
        self._digest = digest
        self._secrets: frozenset[str] | None = None
        self._reader = reader
        self._peers: Sequence[Document] = (self,)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the text in UTF-8, in hexadecimal digits."""
        if not self._digest:
            self._digest = sha256(self.utf8).hexdigest()
        return self._digest

    @property
    def text(self) -> str:
        """Return the text, which is canonical JSON unless something else was stored.

        Reads it, with those of the same group, where it was not read yet. Raises the reader's
        errors.
        """
        if self._text is None:  # not kept beside its UTF-8: it would take as much again, or more
            return self.utf8.decode(errors=_ANY_CHARACTER)
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        self._text = text

    @property
    def utf8(self) -> bytes:
        """Return the text in UTF-8; read as `text` is."""
        if not self.has_text and self._reader:
            self._reader.read_texts(self._peers)
        if self._utf8 is None:  # not kept beside the text: a file's would take as much again
            return (self._text or "").encode(errors=_ANY_CHARACTER)
        return self._utf8

    @utf8.setter
    def utf8(self, utf8: bytes) -> None:
        self._utf8 = utf8

    def keep_utf8(self) -> None:
        """Keep the known text in UTF-8 alone, for documents that are many at once.

        As a str, a text with one emoji takes four bytes for each of its characters.
        """
        if self._text is not None:
            self._utf8 = self._text.encode(errors=_ANY_CHARACTER)
            self._text = None

    @property
    def has_text(self) -> bool:
        """Return whether the text is known without reading it."""
        return self._text is not None or self._utf8 is not None

    @property
    def secrets(self) -> frozenset[str] | None:
        """Return the names of the secrets that it uses (destinations.uses); None if not known."""
        if self._secrets is None and not self.has_text and self._reader:
            self._reader.read_secrets(self._peers)
        return self._secrets

    @secrets.setter
    def secrets(self, names: frozenset[str]) -> None:
        self._secrets = names

    @property
    def has_secrets(self) -> bool:
        """Return whether `secrets` are known without reading them."""
        return self._secrets is not None

    @property
    def reader(self) -> DocumentReader | None:
        """Return what reads it; None for a document that was never stored."""
        return self._reader

    def join(self, peers: "Sequence[Document]") -> None:
        """Make it one of a group that is read together."""
        self._peers = peers

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Document):
            return self.digest == other.digest
        if isinstance(other, str):
            return self.digest == compute_document_digest(other)
        return NotImplemented

    def __hash__(self) -> int:
        # Not that of the text, which need not be known: a set of documents has no texts in it.
        return hash(self.digest)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<Document {self.digest}>"


def compute_document_digest(text: str) -> str:
    """Return the digest of a document's text."""
    return sha256(text.encode(errors=_ANY_CHARACTER)).hexdigest()


def is_document_digest(text: str) -> bool:
    """Return whether the text of a column is a digest, and not a document itself."""
    return len(text) == DIGEST_LENGTH and text.isalnum()


def read_text(value: Any) -> Any:
    """Return the text of a document; any other value as it is."""
    return value.text if isinstance(value, Document) else value


def group_documents(values: "Sequence[Document]") -> None:
    """Let the documents be read together, when one of them is used."""
    groups: dict[int, list[Document]] = {}
    for value in values:
        groups.setdefault(id(value.reader), []).append(value)
    for peers in groups.values():
        for value in peers:
            value.join(peers)


def copy_unread(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a row with copies of the documents that were not read.

    What is then read of the copy is forgotten with it, while a plan is kept as long as its run.
    """
    copies = {
        column: Document(digest=value.digest, reader=value.reader)
        for column, value in content.items()
        if isinstance(value, Document) and value.reader and not value.has_text
    }
    group_documents([*copies.values()])
    return {**content, **copies}
