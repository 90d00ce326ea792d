"""Read the state of a save that is as our own saves are, without an object of the model.

An undo reads thousands of them. Any other save is read by django-reversion, which also says what is
wrong with it: a test holds that both read the same.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.db.models import Model

from flows.content.documents import Document, group_documents
from flows.models import list_saved_fields

_KEYS = {"model", "pk", "fields"}
_Convert = Callable[[Any], Any]


def read_plain_state(text: str, models: Mapping[str, type[Model]]) -> dict[str, Any] | None:
    """Return the columns of a save's text; None where it is not plainly one of our saves.

    `models` has the models that may be saved, by their labels.
    """
    try:
        [state] = msgspec.json.decode(text)
        model, fields = models[state["model"]], state["fields"]
        key, converters = _list_converters(model)
        if state.keys() != _KEYS or fields.keys() != converters.keys():
            return None
        row = {key: model._meta.pk.to_python(state["pk"])}
        for name, (column, convert) in converters.items():
            row[column] = convert(fields[name])
    except (msgspec.DecodeError, ValidationError, ValueError, TypeError, LookupError):
        return None
    except (AttributeError, RecursionError):  # another shape, or deeper than can be read
        return None
    group_documents([value for value in row.values() if isinstance(value, Document)])
    return row


@cache
def _list_converters(model: type[Model]) -> tuple[str, dict[str, tuple[str, _Convert]]]:
    """Return the primary key's name, and by the name of a field its column and its `to_python`."""
    return str(model._meta.pk.attname), {
        field.name: (field.attname, field.to_python) for field in list_saved_fields(model)
    }
