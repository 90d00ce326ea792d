"""A model field whose documents are stored once: the column has the digest."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.query_utils import DeferredAttribute

from flows.content.documents import Document, group_documents, is_document_digest
from flows.content.fields import STORED_ONCE
from flows.documents.read import get_reader
from flows.documents.store import KeptDigest, keep_documents
from flows.fields import DocumentField
from flows.servers import get_current_database

DOCUMENT_KEY = "$document"


class _StoredAttribute(DeferredAttribute):
    """The text of the document, which is read when it is used."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        value = super().__get__(instance, cls)
        return value.text if isinstance(value, Document) else value

    # With this the class's attribute comes before the instance's own.
    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class StoredDocumentField(DocumentField):  # type: ignore[type-arg]  # it has none
    """A document as DocumentField has it, stored once for all rows and saves that have it.

    The attribute is the text. A query's values are content.documents.Document, and so are
    assigned values where no text is to be read. Rows can be filtered by the whole document only.
    Serialised it is the text; in a named save of ours, `{"$document": digest}`.
    """

    descriptor_class = _StoredAttribute

    def get_lookup(self, lookup_name: str) -> Any:
        return super().get_lookup(lookup_name) if lookup_name in {"exact", "in", "isnull"} else None

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else _read_column(value, connection.alias)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, Document):
            return value
        if isinstance(value, dict):
            digest = str(value[DOCUMENT_KEY])
            return Document(digest=digest, reader=get_reader(get_current_database()))
        return super().to_python(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        loaded = model_instance.__dict__  # as it is there: a document is not read to be written
        return (
            loaded[self.attname]
            if self.attname in loaded
            else getattr(model_instance, self.attname)
        )

    def get_prep_value(self, value: Any) -> Any:
        if hasattr(value, "resolve_expression"):
            return value
        value = super().get_prep_value(value.digest if isinstance(value, Document) else value)
        return value if value is None or is_document_digest(value) else Document(value).digest

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        if value is None or hasattr(value, "as_sql"):
            return super().get_db_prep_save(value, connection)
        return self.prepare_many([value], connection)[0]

    def prepare_many(self, values: Sequence[Any], connection: BaseDatabaseWrapper) -> Sequence[Any]:
        """Store the documents; return what the column has of each."""
        documents = [_make_document(value) for value in values]
        keep_documents((each for each in documents if isinstance(each, Document)), connection.alias)
        return [each.digest if isinstance(each, Document) else each for each in documents]


def read_columns(item: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of an item's columns; documents that are stored once are not read."""
    loaded = item.__dict__
    row = {name: loaded[name] if name in loaded else getattr(item, name) for name in names}
    documents = {name: _make_document(row[name]) for name in STORED_ONCE if name in row}
    group_documents([each for each in documents.values() if isinstance(each, Document)])
    return row | documents


def _make_document(value: Any) -> Document | KeptDigest | None:
    """Return a document; what needs not be kept, as it is."""
    return value if value is None or isinstance(value, Document | KeptDigest) else Document(value)


def _read_column(value: str, alias: str) -> Document:
    # Until the migration has moved it, a column has the text itself.
    if is_document_digest(value):
        return Document(digest=value, reader=get_reader(alias))
    return Document(value)
