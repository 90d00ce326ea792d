"""Move the documents of rows and named saves into their own table, and back: for a migration.

In windows of rows, each in its own transaction, so that an interrupted migration goes on where it
ended: a document that is moved already stays as it is. With migrations' historical models and plain
SQL, as the tables of that time are what it works on.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps.registry import Apps
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError
from django.utils import timezone

from flows.content.documents import Document, is_document_digest
from flows.documents.packing import DamagedDocumentError, pack, unpack
from flows.documents.store import find_mentioned

_COLUMNS = ("nodes", "edges")
_KEY = "$document"
_WINDOW = 200
_TELL_EVERY = 2000

Convert = Callable[[Iterable[Any]], Mapping[Any, Any]]
"""Returns the new values by the old ones; those that stay are not in it."""


def move_in(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Store each document once; leave the digests in rows and named saves."""
    tables = _Tables(apps, schema_editor.connection)
    _convert_rows(tables, tables.store)
    _convert_saves(tables, tables.store, wrap=lambda digest: {_KEY: digest})


def move_back(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Write the texts into rows and named saves. Raises DamagedDocumentError."""
    tables = _Tables(apps, schema_editor.connection)
    _convert_rows(tables, tables.read)
    _convert_saves(tables, tables.read, wrap=lambda text: text)


def refuse_damage(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Raise IrreversibleError where `move_back` would meet a damaged document; write nothing."""
    tables = _Tables(apps, schema_editor.connection)

    def read_only(values: Iterable[Any]) -> Mapping[Any, Any]:
        tables.read(values)
        return {}

    try:
        _convert_rows(tables, read_only)
        _convert_saves(tables, read_only, wrap=lambda text: text)
    except DamagedDocumentError as error:
        raise IrreversibleError(
            f"{error} So the migrations of documents are not taken back, and no data was changed. "
            "database_check names all that is damaged, and with --backup FILE tells whether a "
            "backup is whole. Mend it, and try again; or go on with `migrate`."
        ) from error


@dataclass(frozen=True, slots=True)
class _Tables:
    apps: Apps
    connection: BaseDatabaseWrapper

    def get_rows(self, app: str, model: str) -> Any:
        """Return all rows of a model of the migration's time."""
        return self.apps.get_model(app, model)._default_manager.using(self.connection.alias)

    def store(self, values: Iterable[str]) -> dict[str, str]:
        """Store the texts among the values; return their digests."""
        texts = {value: Document(value) for value in values if not is_document_digest(value)}
        documents, now = self.get_rows("flows", "StoredDocument"), timezone.now()
        digests = [each.digest for each in texts.values()]
        known = set(documents.filter(digest__in=digests).values_list("digest", flat=True))
        new = {each.digest: each for each in texts.values() if each.digest not in known}
        documents.bulk_create(
            [
                documents.model(
                    digest=digest, body=pack(each.utf8), size=len(each.utf8), kept_at=now
                )
                for digest, each in new.items()
            ],
            ignore_conflicts=True,
        )
        mentions = self.get_rows("flows", "Mention")
        mentions.bulk_create(
            [
                mentions.model(digest=digest, kind=kind, target=target)
                for digest, each in new.items()
                for kind, target in find_mentioned(each)
            ],
            batch_size=_WINDOW,
        )
        return {text: document.digest for text, document in texts.items()}

    def read(self, values: Iterable[str]) -> dict[str, str]:
        """Return the texts of the digests among the values."""
        digests = [value for value in values if is_document_digest(value)]
        found = self.get_rows("flows", "StoredDocument").filter(digest__in=digests)
        texts = {
            digest: unpack(bytes(body), digest).decode(errors="surrogatepass")
            for digest, body in found.values_list("digest", "body")
        }
        if missing := set(digests) - texts.keys():
            raise DamagedDocumentError(min(missing), "is not there any more")
        return texts


def _convert_rows(tables: _Tables, convert: Convert) -> None:
    connection = tables.connection
    table, key = connection.ops.quote_name("flows_flow"), connection.ops.quote_name("id")
    done = last = 0
    while True:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, nodes, edges FROM {table} WHERE {key} > %s "  # noqa: S608
                f"ORDER BY {key} LIMIT {_WINDOW}{_lock(connection)}",
                [last],
            )
            rows = cursor.fetchall()
            if not rows:
                break
            new = convert({value for _, *values in rows for value in values})
            changed = [
                (new.get(nodes, nodes), new.get(edges, edges), pk)
                for pk, nodes, edges in rows
                if nodes in new or edges in new
            ]
            statement = f"UPDATE {table} SET nodes = %s, edges = %s WHERE {key} = %s"  # noqa: S608
            cursor.executemany(statement, changed)
        last, done = rows[-1][0], _report_progress(done, len(rows), "flows")


def _lock(connection: BaseDatabaseWrapper) -> str:
    return " FOR UPDATE" if connection.features.has_select_for_update else ""


def _convert_saves(tables: _Tables, convert: Convert, *, wrap: Callable[[str], Any]) -> None:
    types = tables.get_rows("contenttypes", "ContentType")
    content_type = types.filter(app_label="flows", model="flow").first()
    if content_type is None:
        return
    of_flows = tables.get_rows("reversion", "Version").filter(
        content_type_id=content_type.pk, format="json"
    )
    done = last = 0
    while True:
        with transaction.atomic(using=tables.connection.alias):
            window = of_flows.filter(pk__gt=last).order_by("pk")[:_WINDOW]
            versions = list(window.only("serialized_data"))
            if not versions:
                break
            states = {version: _read_state(version.serialized_data) for version in versions}
            new = convert({value for state in states.values() for value in _list_values(state)})
            changed = [
                version
                for version, state in states.items()
                if state is not None and _replace(version, state, new, wrap)
            ]
            of_flows.bulk_update(changed, ["serialized_data"])
        last, done = versions[-1].pk, _report_progress(done, len(versions), "named saves")


def _read_state(text: str) -> Any:
    """Return the saved state; None where it is none, and could not be restored before either."""
    try:
        states = json.loads(text)
        return states if isinstance(states[0]["fields"], dict) else None
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _list_values(state: Any) -> Iterator[str]:
    for column in _COLUMNS if state is not None else ():
        value = _unwrap(state[0]["fields"].get(column))
        if isinstance(value, str):
            yield value


def _unwrap(value: Any) -> Any:
    return value.get(_KEY) if isinstance(value, dict) else value


def _replace(version: Any, state: Any, new: Mapping[str, str], wrap: Callable[[str], Any]) -> bool:
    """Replace the values in the version's text; return whether any was."""
    fields, changed = state[0]["fields"], False
    for column in _COLUMNS:
        value = _unwrap(fields.get(column))
        if isinstance(value, str) and value in new:
            fields[column], changed = wrap(new[value]), True
    if changed:
        version.serialized_data = json.dumps(state, ensure_ascii=False)
    return changed


def _report_progress(done: int, more: int, what: str) -> int:
    """Report progress on stderr, for `migrate` has begun a line on stdout; return the sum."""
    if (done + more) // _TELL_EVERY > done // _TELL_EVERY:
        sys.stderr.write(f"\n    {done + more:,} {what} read, their documents too.")
    return done + more
