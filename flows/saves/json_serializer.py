"""Django's JSON serializer, whose times keep their microseconds.

Django's own cuts them to milliseconds, as JavaScript has them. A named save has to give back what
the row held, to the last digit: `settings.SERIALIZATION_MODULES` puts this one in its place, for
django-reversion too. What was written with milliseconds is read as before.
"""

from datetime import datetime
from typing import Any

from django.core.serializers import json

Deserializer = json.Deserializer


class ExactEncoder(json.DjangoJSONEncoder):
    """Django's encoder, with times as `datetime.isoformat` has them."""

    def default(self, o: Any) -> Any:
        """Return what JSON has in place of the value."""
        if isinstance(o, datetime):
            return o.isoformat().replace("+00:00", "Z")
        return super().default(o)


class Serializer(json.Serializer):
    """Django's serializer with the exact encoder, where the caller names no other."""

    def start_serialization(self) -> None:
        """Begin the list."""
        self.options.setdefault("cls", ExactEncoder)
        super().start_serialization()
