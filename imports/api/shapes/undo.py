"""The request and the responses of an undo."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from flows.content.fields import Kind
from imports.api.shapes.answers import ProcessedItemSerializer
from imports.plans.plan import UndoResult
from imports.undo.plans.decision_file import read_decision, read_decisions
from imports.undo.plans.plan import ConflictResolution

DECISIONS = [str(decision) for decision in ConflictResolution]
"""The choices for a conflict. Upper case is accepted too, but only one spelling is documented."""


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
    """Decisions by row, in the form of a file for `import_undo --decisions`."""

    default_error_messages = {"not_a_dict": "This must be an object of decisions by uuid."}  # noqa: RUF012

    def run_child_validation(self, data: Any) -> Any:
        """Return the decisions. Raises ValidationError with every problem, by key."""
        decisions, problems = read_decisions(data)
        if problems:
            raise serializers.ValidationError(
                {
                    key: [ErrorDetail(problem.message, code=problem.code)]
                    for key, problem in problems.items()
                }
            )
        return decisions


class TrueOrFalseField(serializers.BooleanField):
    """A boolean of JSON: DRF's own field accepts texts and numbers too."""

    default_error_messages = {"invalid": "This must be true or false."}  # noqa: RUF012

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class DecisionField(serializers.ChoiceField):
    """A decision by its word, also in upper case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(DECISIONS, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        word = super().to_internal_value(data.lower() if isinstance(data, str) else data)
        return read_decision(word)


class UndoSerializer(serializers.Serializer[Any]):
    """The request of an undo. `dryRun` is required; the rest may be left out."""

    dryRun = TrueOrFalseField(help_text="True: return the plan, write nothing. False: undo.")
    noBackup = TrueOrFalseField(default=False, help_text="Do not back the database up first.")
    conflicts = DecisionField(
        required=False,
        help_text="For rows that were changed since the import: they are left alone (keep), or "
        "become what they were before it all the same (restore). Left out: they are refused.",
    )
    decisions = DecisionsField(
        default=dict,
        help_text="For single rows, by their uuid, preceded by the kind (`flow:UUID`) where "
        "the import wrote that uuid in two kinds.",
    )


class UndoneItemSerializer(ProcessedItemSerializer):
    """One row that the import wrote. The last four keys are left out where empty or repeated."""

    uuid = serializers.CharField(help_text="Of the row.")
    name = serializers.CharField(help_text="Of the row before the undo.")
    result = serializers.ChoiceField([str(result) for result in UndoResult])


class UndoneSerializer(serializers.Serializer[Any]):
    """The results of an undo, or of a dry run, in the order of the import."""

    flowsProcessed = UndoneItemSerializer(many=True)
    connectionsProcessed = UndoneItemSerializer(many=True)
    secretsProcessed = UndoneItemSerializer(many=True)
