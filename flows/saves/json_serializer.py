"""Django's JSON serializer, with microseconds in its times.

Django's own cuts times to milliseconds, as JavaScript has them. A named save must restore a row
to the last digit: `settings.SERIALIZATION_MODULES` replaces Django's with this one, for
django-reversion too. Times with milliseconds are read as before.
"""

from datetime import datetime
from typing import Any

from django.core.serializers import json

Deserializer = json.Deserializer


class ExactEncoder(json.DjangoJSONEncoder):
    """Django's encoder, with times as `datetime.isoformat` has them."""

    def default(self, o: Any) -> Any:
        """Return the value as JSON has it."""
        if isinstance(o, datetime):
            return o.isoformat().replace("+00:00", "Z")
        return super().default(o)


class Serializer(json.Serializer):
    """Django's serializer with the exact encoder, where the caller names no other."""

    def start_serialization(self) -> None:
        """Begin the list."""
        self.options.setdefault("cls", ExactEncoder)
        super().start_serialization()
