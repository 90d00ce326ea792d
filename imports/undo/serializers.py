"""The shapes of what the REST door of undoing takes and answers."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from flows.content import Kind
from imports.plan import UndoResult
from imports.serializers import ProcessedItemSerializer
from imports.undo.decisions import decisions_from
from imports.undo.plan import Decision

DECISIONS = [word for decision in Decision for word in (decision.name, decision.value)]


@extend_schema_field(
    {
        "type": "object",
        "propertyNames": {
            "pattern": f"^(({'|'.join(Kind)}):)?"
            "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
        },
        "additionalProperties": {"type": "string", "enum": DECISIONS},
    }
)
class DecisionsField(serializers.DictField):
    """Decisions by row, as a file for `import_undo --decisions` has them."""

    default_error_messages = {"not_a_dict": "This must be an object of decisions by uuid."}  # noqa: RUF012

    def run_child_validation(self, data: Any) -> Any:
        """The decisions. Raises ValidationError with every problem, by key."""
        decisions, problems = decisions_from(data)
        if problems:
            raise serializers.ValidationError(
                {
                    key: [ErrorDetail(problem.message, code=problem.code)]
                    for key, problem in problems.items()
                }
            )
        return decisions


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
    decisions = DecisionsField(
        default=dict,
        help_text="For single rows, by their uuid; the kind stands before it (`flow:UUID`) where "
        "the import wrote that uuid in two kinds.",
    )

    def to_internal_value(self, data: Any) -> Any:
        """The values by key. Raises ValidationError for unknown ones: it may be a dryRun."""
        unknown = data.keys() - self.fields.keys() if isinstance(data, Mapping) else ()
        if unknown:
            known = ", ".join(self.fields)
            message = f"This key is unknown. The keys are {known}."
            raise serializers.ValidationError(
                {key: [ErrorDetail(message, code="unknown-key")] for key in sorted(unknown)}
            )
        return super().to_internal_value(data)


class UndoneItemSerializer(ProcessedItemSerializer):
    """One row that the import wrote. The last four are there only where they say more."""

    uuid = serializers.CharField(help_text="Of the row.")
    name = serializers.CharField(help_text="Of the row before the undo.")
    result = serializers.ChoiceField([str(result) for result in UndoResult])


class UndoneSerializer(serializers.Serializer[Any]):
    """What an undo did, or a dry run would do, in the order of the import."""

    flowsProcessed = UndoneItemSerializer(many=True)
    connectionsProcessed = UndoneItemSerializer(many=True)
    secretsProcessed = UndoneItemSerializer(many=True)
