"""The queries for the rows that a file's items match: the only reader of flows for an import.

Each query is for a batch of keys, so that the number of queries grows only with the batches.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet, TextField, Value
from django.db.models.expressions import RawSQL

from flows.batches import split_batches
from flows.content.fields import Content, Kind, get_columns
from flows.documents.mentions import mentions_any
from flows.documents.models import MentionKind
from flows.documents.read import group_rows
from flows.models import MODELS
from flows.relations.mentions import Reference
from flows.relations.uses import list_searched_fields
from imports.exportfile.document import ExportDocument
from imports.plans.decisions import Decisions, get_targets
from imports.plans.drift import LastWrite
from imports.plans.matching import Row

# SQLite's limit was 999 variables in the oldest build that Django supports; a batch uses up to two
# for each key.
BATCH = 400
# Rows can have 20 kB: a batch of contents is a few megabytes.
CONTENT_BATCH = 200

VERSION = "row_version"


def read_rows(document: ExportDocument, decisions: Decisions) -> dict[Kind, list[Row]]:
    """Return, by kind, each row that an item of the file may match, soft-deleted ones too.

    These are the rows with the uuid or the name of an item, and those chosen by a decision.
    """
    return {
        kind: list(_read_rows(kind, document, get_targets(kind, decisions)).values())
        for kind in Kind
    }


def _read_rows(kind: Kind, document: ExportDocument, targets: Mapping[str, str]) -> dict[int, Row]:
    rows: dict[int, Row] = {}
    asked: set[str] = {""}  # "" matches nothing; each other name is looked up once
    for batch in split_batches(document.items[kind], BATCH):
        wanted = Q(uuid__in={targets.get(item.uuid, item.uuid) for item in batch})
        wanted |= Q(name__in={item.name for item in batch} - asked)
        asked.update(item.name for item in batch)
        rows |= {row.pk: row for row in _find_rows(kind, wanted)}
    return rows


def read_rows_by_uuid(kind: Kind, uuids: Iterable[str]) -> Iterator[Row]:
    """Yield the rows with these uuids, soft-deleted ones too."""
    for batch in split_batches(uuids, BATCH):
        yield from _find_rows(kind, Q(uuid__in=batch))


def _find_rows(kind: Kind, wanted: Q) -> Iterator[Row]:
    names = ["pk", "uuid", "name", "is_deleted"]
    names += ["is_locked"] if kind is Kind.FLOW else []
    rows = add_versions(MODELS[kind]._default_manager.filter(wanted)).order_by()
    for row in rows.values(*names, VERSION):
        yield Row(
            pk=row["pk"],
            uuid=str(row["uuid"]),
            name=row["name"],
            is_deleted=row["is_deleted"],
            is_locked=bool(row.get("is_locked")),
            version=row[VERSION],
        )


def add_versions(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Return the query with a text VERSION of each row; "" where the database tells none."""
    version: Any = Value("", output_field=TextField())
    if connections[rows.db].vendor == "postgresql":
        table = connections[rows.db].ops.quote_name(rows.model._meta.db_table)
        # Another one after each write of the row, by whomever.
        version = RawSQL(f"{table}.xmin::text || {table}.ctid::text", ())  # noqa: S611 - own names
    versioned: QuerySet[Any] = rows.annotate(**{VERSION: version})
    return versioned


def read_contents(kind: Kind, pks: Sequence[int]) -> Iterator[tuple[int, Content]]:
    """Yield primary key and content of the rows, read in batches; in no order."""
    names = get_columns(kind)
    for batch in split_batches(pks, CONTENT_BATCH):
        rows = MODELS[kind]._default_manager.filter(pk__in=batch).order_by()
        for pk, *values in group_rows(rows.values_list("pk", *names)):
            yield pk, dict(zip(names, values, strict=True))


def read_last_writes(kind: Kind, pks: Sequence[int]) -> dict[int, LastWrite]:
    """Return when and by whom the rows were last written, by primary key."""
    found: dict[int, LastWrite] = {}
    for batch in split_batches(pks, BATCH):
        rows = MODELS[kind]._default_manager.filter(pk__in=batch).order_by()
        for pk, at, by in rows.values_list("pk", "updated_at", "updated_by"):
            found[pk] = LastWrite(at=at, by=by)
    return found


def read_live_names(kind: Kind) -> set[str]:
    """Return the names of the live rows of a kind; a copy needs another name."""
    rows = MODELS[kind]._default_manager.filter(is_deleted=False).order_by()
    return set(rows.values_list("name", flat=True))


def read_naming(names: Collection[str]) -> Iterator[tuple[Kind, str, Content]]:
    """Yield kind, uuid and content of live flows and connections that may use these secrets.

    Each contains `secrets.` followed by one of the names; it may still not use that secret.
    """
    if not names:
        return
    for kind in (Kind.FLOW, Kind.CONNECTION):
        held = get_columns(kind)
        rows = MODELS[kind]._default_manager.filter(_may_name(kind, names), is_deleted=False)
        found = rows.order_by().values_list("uuid", *held).iterator(chunk_size=CONTENT_BATCH)
        for uuid, *values in group_rows(found):
            if any(f"secrets.{name}" in text for text in map(str, values) for name in names):
                yield kind, str(uuid), dict(zip(held, values, strict=True))


def _may_name(kind: Kind, names: Collection[str]) -> Q:
    texts = (Q((f"{field.column}__contains", "secrets.")) for field in list_searched_fields(kind))
    return reduce(or_, texts, mentions_any(kind, MentionKind.SECRET_NAME, names))


def read_existing(references: Iterable[Reference]) -> set[Reference]:
    """Return those of the references whose target is a live row."""
    existing: set[Reference] = set()
    wanted = set(references)
    for kind in Kind:
        for key in ("uuid", "name"):
            by_name = key == "name"
            targets = {
                reference.target
                for reference in wanted
                if reference.kind is kind and reference.by_name is by_name
            }
            for batch in split_batches(targets, BATCH):
                rows = MODELS[kind]._default_manager.filter(
                    **{f"{key}__in": batch}, is_deleted=False
                )
                existing.update(
                    Reference(kind, str(value), by_name=by_name)
                    for value in rows.order_by().values_list(key, flat=True)
                )
    return existing
