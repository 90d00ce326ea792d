"""The serializers of warnings that must be, or were, acknowledged."""

from typing import Any

from rest_framework import serializers

from flows.acknowledgeable import MAY_ACKNOWLEDGE

ACKNOWLEDGED_CODES = list(MAY_ACKNOWLEDGE)


class UnacknowledgedSerializer(serializers.Serializer[Any]):
    """A code of warnings that must be acknowledged before the import."""

    code = serializers.ChoiceField(ACKNOWLEDGED_CODES)
    items = serializers.IntegerField(help_text="How many items have the warning.")


class AcknowledgedSerializer(serializers.Serializer[Any]):
    """A code of warnings that was acknowledged, and by whom."""

    code = serializers.ChoiceField(ACKNOWLEDGED_CODES)
    by = serializers.CharField(
        help_text="The user of the run, or who accepted it when the saved plan was made."
    )
    items = serializers.IntegerField(help_text="How many items had the warning.")
