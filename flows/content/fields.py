"""The fields of a flow, a connection and a secret: one table for the whole project.

Reading a file, comparing, writing rows, exporting and serving all use it, so a field that is
added here is supported everywhere (a test fails for a model field that is missing here).
Source of the rules: the specification of the export file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from flows.content.documents import Document

# The stored value of a column: documents are canonical JSON text (flows.content.canonical), and
# those that are stored once are a Document, or its text.
Value = str | int | bool | Document | None
Content = Mapping[str, Value]
"""Column name to value: the content of an item or of a row."""


class Kind(StrEnum):
    """The three kinds of item, in the order of every report: flows first."""

    FLOW = "flow"
    CONNECTION = "connection"
    SECRET = "secret"  # noqa: S105 - the word, not a value

    @property
    def plural(self) -> str:
        """Return the key of the kind's list in an export file."""
        return f"{self.value}s"


class Shape(Enum):
    """The JSON type of a field; null is allowed for all but NAME."""

    NAME = "text of at most 255 characters"
    TEXT = "text"
    CHOICE = "one of the known words"
    BOOLEAN = "true or false"
    INTEGER = "a whole number"
    STRINGS = "a list of texts"
    OBJECTS = "a list of objects"
    OBJECT = "an object"
    USES = "a list of uuids, or of objects with a uuid"

    @property
    def is_document(self) -> bool:
        """Return whether the column contains canonical JSON text."""
        return self in _DOCUMENTS


_DOCUMENTS = {Shape.STRINGS, Shape.OBJECTS, Shape.OBJECT, Shape.USES}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of content: its key in a file, its column, and the shape of its value."""

    key: str
    column: str
    shape: Shape
    # An optional key is left out of an export where the column is NULL.
    optional: bool = False
    # A document of any length, stored once for all rows and named saves that have it.
    stored_once: bool = False


def _make_field(
    key: str, column: str, shape: Shape, *, optional: bool = False, stored_once: bool = False
) -> Field:
    return Field(key=key, column=column, shape=shape, optional=optional, stored_once=stored_once)


FIELDS: dict[Kind, tuple[Field, ...]] = {
    Kind.FLOW: (
        _make_field("name", "name", Shape.NAME),
        _make_field("info", "info", Shape.TEXT),
        _make_field("tags", "tags", Shape.STRINGS),
        _make_field("listenerType", "listener_type", Shape.TEXT),
        _make_field("isSubflow", "is_subflow", Shape.BOOLEAN),
        _make_field("isCommander", "is_commander", Shape.BOOLEAN),
        _make_field("isValid", "is_valid", Shape.BOOLEAN),
        _make_field("isLocked", "is_locked", Shape.BOOLEAN),
        _make_field("timeout", "timeout", Shape.INTEGER),
        _make_field("numBlocks", "num_blocks", Shape.INTEGER),
        _make_field("executionHistoryLevel", "execution_history_level", Shape.CHOICE),
        _make_field("executionHistoryMins", "execution_history_mins", Shape.INTEGER),
        _make_field("queueUuid", "queue_uuid", Shape.TEXT),
        _make_field("tenantId", "tenant_id", Shape.TEXT, optional=True),
        _make_field("connections", "used_connections", Shape.USES, optional=True),
        _make_field("secrets", "used_secrets", Shape.USES, optional=True),
        _make_field("nodes", "nodes", Shape.OBJECTS, stored_once=True),
        _make_field("edges", "edges", Shape.OBJECTS, stored_once=True),
        _make_field("viewport", "viewport", Shape.OBJECT),
    ),
    Kind.CONNECTION: (
        _make_field("name", "name", Shape.NAME),
        _make_field("type", "type", Shape.TEXT),
        _make_field("description", "description", Shape.TEXT),
        _make_field("isCorePlatform", "is_core_platform", Shape.BOOLEAN, optional=True),
        _make_field("devValue", "dev_value", Shape.TEXT),
        _make_field("prodValue", "prod_value", Shape.TEXT),
    ),
    Kind.SECRET: (
        _make_field("name", "name", Shape.NAME),
        _make_field("description", "description", Shape.TEXT),
        _make_field("type", "type", Shape.TEXT),
        _make_field("group", "group", Shape.TEXT),
        _make_field("tags", "tags", Shape.STRINGS),
    ),
}

# Texts for people, which may mention a secret without using it.
PROSE_KEYS = frozenset({"info", "description"})

# The column of a kind's unknown keys, which are kept and exported again.
EXTRA = "extra"

# Keys with a meaning of their own. They are never content: a difference in them is no change.
UUID_KEY = "uuid"
CREATED_KEY = "createdAt"
UPDATED_KEY = "updatedAt"
DELETED_KEY = "isDeleted"
SECRET_VALUE_KEYS = ("devValue", "prodValue")
"""The keys of a secret's values: always null in a file."""

_VALUE_LIKE = re.compile(
    r"value|secret|plain|cipher|crypt|password|passphrase|token|credential", re.IGNORECASE
)


def is_value_like(key: str) -> bool:
    """Return whether a secret's unknown key may be named for the value: it is never kept."""
    return _VALUE_LIKE.search(key) is not None


def split_unknown_of_secret(
    unknown: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split a secret's unknown keys into those to keep and those that may contain its value.

    Rows and exports contain unknown keys in clear text, and any text or number may be the value,
    alone or inside a list or an object: only null, true, false and empty values are kept.
    """
    kept = {
        key: value
        for key, value in unknown.items()
        if (value is None or isinstance(value, bool) or value in ("", [], {}))
        and not is_value_like(key)
    }
    return kept, {key: unknown[key] for key in unknown if key not in kept}


EXECUTION_HISTORY_LEVELS = (
    "USE_DEFAULT",
    "TIME_LIMITED_ERRORED_WITH_DATA",
    "TIME_LIMITED_ALL_WITH_DATA",
    "ERRORED_WITH_DATA",
    "ERRORED_NO_DATA",
    "ALL",
)

NAME_MAX_LENGTH = 255


STORED_ONCE = frozenset(
    field.column for fields in FIELDS.values() for field in fields if field.stored_once
)
"""The columns whose documents are stored once. No other kind has a column of that name."""


def get_columns(kind: Kind) -> tuple[str, ...]:
    """Return the columns of the kind's content, `extra` last."""
    return (*(field.column for field in FIELDS[kind]), EXTRA)
