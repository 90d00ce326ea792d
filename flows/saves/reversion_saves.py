"""What django-reversion does by itself is made the same as what our own saves and restores do."""

import json
from collections.abc import Iterable
from typing import Any

from reversion.models import Version

from flows.content.documents import Document
from flows.documents.field import DOCUMENT_KEY
from flows.documents.references import COLUMNS
from flows.documents.store import keep_documents
from flows.models import Flow, Secret
from flows.servers import get_current_database


def store_documents(versions: Iterable[Version], **_kwargs: Any) -> None:
    """Put digests in place of the documents of flows; receives `pre_revision_commit`."""
    for version in versions:
        if version.format == "json" and version._model is Flow:
            _store_documents_of(version)


def keep_values(instance: Secret, *, raw: bool, using: str, **_kwargs: Any) -> None:
    """Put the stored values where a saved state has none; receives `pre_save`."""
    stored = Secret.objects.using(using).filter(pk=instance.pk).first() if raw else None
    if stored is not None:
        instance.dev_value = instance.dev_value or stored.dev_value
        instance.prod_value = instance.prod_value or stored.prod_value


def _store_documents_of(version: Version) -> None:
    states = json.loads(version.serialized_data)
    fields = states[0]["fields"]
    documents = {
        column: Document(fields[column])
        for column in COLUMNS
        if isinstance(fields.get(column), str)
    }
    keep_documents(documents.values(), get_current_database())
    fields |= {column: {DOCUMENT_KEY: each.digest} for column, each in documents.items()}
    version.serialized_data = json.dumps(states, ensure_ascii=False)
