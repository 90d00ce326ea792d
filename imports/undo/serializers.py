"""The shapes of what the REST door of undoing takes and answers."""

from typing import Any

from rest_framework import serializers

from flows.content import Kind
from imports.plan import UndoResult
from imports.serializers import ProcessedItemSerializer
from imports.undo.plan import Decision

DECISIONS = [word for decision in Decision for word in (decision.name, decision.value)]


class DecisionSerializer(serializers.Serializer[Any]):
    """What is decided for one row."""

    kind = serializers.ChoiceField([str(kind) for kind in Kind])
    uuid = serializers.UUIDField(help_text="Of the row.")
    decision = serializers.ChoiceField(DECISIONS)


class UndoSerializer(serializers.Serializer[Any]):
    """What is asked for; everything may be left out."""

    dryRun = serializers.BooleanField(default=False, help_text="Tell the plan, write nothing.")
    noBackup = serializers.BooleanField(
        default=False, help_text="Do not back the database up first."
    )
    conflicts = serializers.ChoiceField(
        DECISIONS,
        required=False,
        help_text="For rows that were changed since the import: they are left alone (KEEP), or "
        "become what they were before it all the same (RESTORE). Left out: they are refused.",
    )
    decisions = serializers.ListField(
        child=DecisionSerializer(), default=list, help_text="For single rows."
    )


class UndoneItemSerializer(ProcessedItemSerializer):
    """One row that the import wrote. The last three are there only where they say more."""

    uuid = serializers.CharField(help_text="Of the row.")
    name = serializers.CharField(help_text="Of the row before the undo.")
    result = serializers.ChoiceField([str(result) for result in UndoResult])


class UndoneSerializer(serializers.Serializer[Any]):
    """What an undo did, or a dry run would do, in the order of the import."""

    flowsProcessed = UndoneItemSerializer(many=True)
    connectionsProcessed = UndoneItemSerializer(many=True)
    secretsProcessed = UndoneItemSerializer(many=True)
