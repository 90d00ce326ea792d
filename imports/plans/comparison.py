"""Compare an item's content with its row's, key by key, for an overwrite. Pure.

It is done after references are rewritten, for the keys that the item has in the file: an absent key
changes nothing. Documents are canonical text, so that equal JSON values are equal texts.
"""

from collections.abc import Iterator
from dataclasses import replace

from flows.content import canonical
from flows.content.fields import EXTRA, FIELDS, Content, Field, Kind, Shape, Value, get_columns
from flows.content.known_keys import find_cleared_fields, remove_known_keys
from flows.texts import make_printable, quote
from imports.plans.plan import Change, FieldChange, Result, compute_content_digest

_SHOWN_LENGTH = 60
_SHOWN_SHAPES = {Shape.NAME, Shape.CHOICE, Shape.BOOLEAN, Shape.INTEGER, Shape.TEXT}
# May contain a credential: shown as changed, without the values.
_DELICATE = {"devValue", "prodValue"}


def compare(change: Change, stored: Content) -> Change:
    """Return the overwrite with the fields that it changes; UNCHANGED where there are none."""
    kind, content = change.item.kind, change.content or {}
    fields = (
        *_find_field_changes(kind, stored, content),
        *(FieldChange(key=spec.key) for spec in find_cleared_fields(kind, stored, content)),
    )
    before = compute_content_digest(stored, get_columns(kind))
    if not fields:
        return replace(change, result=Result.UNCHANGED, content=None, after=before)
    before_extra = remove_known_keys(kind, str(stored[EXTRA]), content)
    content = {**content, EXTRA: _merge_extra(before_extra, content[EXTRA])}
    return replace(
        change,
        fields=fields,
        before=before,
        after=compute_content_digest({**stored, **content}, get_columns(kind)),
        content=content,
    )


def find_differences(kind: Kind, before: Content, after: Content) -> tuple[FieldChange, ...]:
    """Return every field that differs between two whole contents of a row."""
    if before == after:
        return ()
    old, new = _decode_extra(before[EXTRA]), _decode_extra(after[EXTRA])
    gone = (FieldChange(key=make_printable(key)) for key in old if key not in new)
    return (*_find_field_changes(kind, before, after), *gone)


def _find_field_changes(kind: Kind, before: Content, after: Content) -> Iterator[FieldChange]:
    """Yield the changes of the keys that `after` has."""
    for spec in FIELDS[kind]:
        if spec.column in after and after[spec.column] != before[spec.column]:
            yield _make_field_change(spec, before[spec.column], after[spec.column])
    if before[EXTRA] != after[EXTRA]:
        old, new = _decode_extra(before[EXTRA]), _decode_extra(after[EXTRA])
        for key in new:
            if key not in old or canonical.encode(old[key]) != canonical.encode(new[key]):
                yield FieldChange(key=make_printable(key))


def _make_field_change(spec: Field, before: Value, after: Value) -> FieldChange:
    if spec.shape in _SHOWN_SHAPES and spec.key not in _DELICATE:
        shown = _format_value(before), _format_value(after)
        if None not in shown:
            return FieldChange(key=spec.key, before=shown[0], after=shown[1])
    return FieldChange(key=spec.key)


def _format_value(value: Value) -> str | None:
    if isinstance(value, str):
        return quote(value) if len(value) <= _SHOWN_LENGTH else None
    return canonical.encode(value)


def _merge_extra(before: Value, after: Value) -> str:
    return canonical.encode({**_decode_extra(before), **_decode_extra(after)})


def _decode_extra(extra: Value) -> dict[str, object]:
    return dict(canonical.decode(str(extra)))
