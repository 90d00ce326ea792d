"""The blocks of the export file: the keys of its items."""

import json
from typing import Any

from django.db.models import NOT_PROVIDED

from flows.content.fields import EXECUTION_HISTORY_LEVELS, FIELDS, Kind
from flows.models import MODELS
from tools.reference_blocks.markdown import format_code, format_table
from tools.reference_words import FIELD_NOTES


def list_fields(kind: Kind) -> str:
    """Return the table of the keys of an item of this kind."""
    model = MODELS[kind]
    rows = []
    for field in FIELDS[kind]:
        column: Any = model._meta.get_field(field.column)
        default = "" if field.key == "name" or column.default is NOT_PROVIDED else column.default
        notes = [FIELD_NOTES.get((kind, field.key), column.help_text)]
        notes += ["Left out of an export where it is null."] if field.optional else []
        shown = "" if default == "" else f"`{_format_value(default)}`"
        rows.append((f"`{field.key}`", field.shape.value, shown, " ".join(filter(None, notes))))
    return format_table(["key", "value", "default of a new row", "notes"], rows)


def _format_value(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return str(value)


def list_history_levels() -> str:
    """Return the words that `executionHistoryLevel` takes."""
    return f"`executionHistoryLevel` takes {format_code(EXECUTION_HISTORY_LEVELS)}."
