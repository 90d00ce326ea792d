"""Read one item of a file from its JSON object, with every problem under its path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flows.content import canonical
from flows.content.documents import read_text
from flows.content.field_values import FieldProblem, read_field, read_time, read_uuid
from flows.content.fields import (
    CREATED_KEY,
    DELETED_KEY,
    EXTRA,
    FIELDS,
    SECRET_VALUE_KEYS,
    UPDATED_KEY,
    UUID_KEY,
    Kind,
    Value,
    is_value_like,
    split_unknown_of_secret,
)
from flows.relations.mentions import Reference, find_references
from flows.texts import make_printable, shorten
from imports.errors import Issue
from imports.exportfile.invisible_characters import warn_of_invisible
from imports.exportfile.warnings import PlanWarning, WarningCode

_NAME_KEY = "name"
_REQUIRED = (UUID_KEY, _NAME_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileItem:
    """One flow, connection or secret of a file."""

    kind: Kind
    position: int
    """The index in the kind's list, from 0."""
    uuid: str
    """In lower case, as in rows."""
    file_uuid: str
    """As in the file."""
    name: str
    content: Mapping[str, Value]
    """Column to value, for the known keys that the item has in the file, always with `name`."""
    extra: str
    """The unknown keys, as a canonical JSON object."""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    own_warnings: tuple[PlanWarning, ...] = ()
    """The warnings due to the file alone."""
    references: tuple[Reference, ...] = ()
    """The certain references of the content: see flows.relations.mentions."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return the texts of the item's own warnings."""
        return tuple(warning.text for warning in self.own_warnings)

    @property
    def path(self) -> str:
        """Return the item's JSON path in the file."""
        return f"{self.kind.plural}[{self.position}]"

    def make_issue(self, code: str, message: str) -> Issue:
        """Return an issue of this item as a whole."""
        return Issue(
            code=code, message=message, path=self.path, uuid=self.file_uuid, name=self.name
        )


def read_item(
    kind: Kind, position: int, value: dict[str, Any], issues: list[Issue]
) -> FileItem | None:
    """Return the item of a JSON object; add its problems to `issues` and return None if wrong."""
    keys = _Keys(kind, f"{kind.plural}[{position}]", value)
    uuid = keys.take(UUID_KEY, read_uuid)
    content: dict[str, Value] = {
        column: keys.take(key, read)
        for key, column, read in _READERS[kind]
        if key in value or key == _NAME_KEY
    }
    created_at, updated_at = (keys.take(key, read_time) for key in (CREATED_KEY, UPDATED_KEY))
    if keys.issues:
        issues += keys.issues
        return None
    unknown, ignored = _split_unknown_keys(kind, value)
    extra = canonical.encode(unknown)
    return FileItem(
        kind=kind,
        position=position,
        uuid=uuid,
        file_uuid=value[UUID_KEY],
        name=value[_NAME_KEY],
        content=content,
        extra=extra,
        created_at=created_at,
        updated_at=updated_at,
        own_warnings=(
            *warn_of_invisible(kind, {**content, EXTRA: extra}),
            *_find_warnings(kind, value, ignored),
        ),
        references=tuple(dict.fromkeys(find_references(kind, content))),
    )


_READERS = {
    kind: [(field.key, field.column, partial(read_field, kind, field)) for field in FIELDS[kind]]
    for kind in Kind
}
_COLUMNS = {kind: {field.key: field.column for field in FIELDS[kind]} for kind in Kind}
_KNOWN_KEYS = {
    kind: {*columns, UUID_KEY, CREATED_KEY, UPDATED_KEY, DELETED_KEY}
    for kind, columns in _COLUMNS.items()
}


def count_colons(item: FileItem, value: Mapping[str, Any]) -> int:
    """Return how many colons the item's JSON object has, counted in what was read of it."""
    columns, content = _COLUMNS[item.kind], item.content
    count = len(value)
    for key, element in value.items():
        count += key.count(":")
        if type(element) is str:
            count += element.count(":")
        elif type(element) in {dict, list}:
            text = read_text(content.get(columns[key])) if key in columns else None
            count += (text if isinstance(text, str) else canonical.encode(element)).count(":")
    return count


class _Keys:
    """The keys of an item's JSON object, read one by one; every problem is added to `issues`."""

    def __init__(self, kind: Kind, path: str, value: dict[str, Any]) -> None:
        self._kind, self._path, self._value = kind, path, value
        self.issues: list[Issue] = []

    def take(self, key: str, read: Callable[[Any], Any]) -> Any:
        """Return the result of `read` for the key's value; None where the value is wrong."""
        try:
            if key in _REQUIRED and key not in self._value:
                message = f"This is missing: a {self._kind} must have a {key}."
                raise FieldProblem("missing-key", message)
            return read(self._value.get(key))
        except FieldProblem as problem:
            self.issues.append(self._make_issue(key, problem))
            return None

    def _make_issue(self, key: str, problem: FieldProblem) -> Issue:
        return Issue(
            code=problem.code,
            message=problem.message,
            path=f"{self._path}.{key}{problem.path}",
            uuid=_read_text_or_none(self._value.get(UUID_KEY)),
            name=_read_text_or_none(self._value.get(_NAME_KEY)),
        )


def _split_unknown_keys(kind: Kind, value: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the unknown keys to keep, and those ignored as possible values of a secret."""
    known = _KNOWN_KEYS[kind]
    unknown = {key: element for key, element in value.items() if key not in known}
    if kind is not Kind.SECRET:
        return unknown, []
    kept, ignored = split_unknown_of_secret(unknown)
    return {key: kept[key] for key in kept if key not in SECRET_VALUE_KEYS}, [*ignored]


def _find_warnings(kind: Kind, value: dict[str, Any], ignored: list[str]) -> list[PlanWarning]:
    warnings = [
        PlanWarning(
            code=WarningCode.VALUE_IGNORED,
            text=f"{make_printable(key)} is ignored: {_explain_ignored_key(key)}",
            data={"key": make_printable(key)},
        )
        for key in ignored
        if value[key] is not None
    ]
    if value.get(DELETED_KEY):
        text = f"{DELETED_KEY} is ignored: an import never deletes"
        data = {"key": DELETED_KEY}
        warnings.append(PlanWarning(code=WarningCode.DELETION_IGNORED, text=text, data=data))
    if not value[_NAME_KEY]:
        text = f"this {kind} has no name, so that it is matched by its uuid only"
        data = {"kind": kind.value}
        warnings.append(PlanWarning(code=WarningCode.NO_NAME, text=text, data=data))
    return warnings


def _explain_ignored_key(key: str) -> str:
    if is_value_like(key):
        return "an import never sets a secret's value"
    return "what is under an unknown key of a secret may be its value"


def _read_text_or_none(value: Any) -> str | None:
    return shorten(value) if isinstance(value, str) else None
