"""The form of an import and the response to a dry run, for the description of the API."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from imports.api.shapes.acknowledgement import ACKNOWLEDGED_CODES, UnacknowledgedSerializer
from imports.api.shapes.answers import ProcessedSerializer
from imports.plans.plan import PRUNE_LIMIT


@extend_schema_field(OpenApiTypes.BINARY)
class ExportFileField(serializers.FileField):
    """A file to send; drf-spectacular describes other file fields as the address of a file."""


class FileFormSerializer(serializers.Serializer[Any]):
    """What the forms of an import and of a kept plan share."""

    file = ExportFileField(
        help_text="The export file (.json, .json.gz, .zip, .tar, .tar.gz), with a file name."
    )
    duplicatesMode = serializers.ChoiceField(
        required=False,
        choices=["LEAVE", "RENAME", "OVERWRITE"],
        help_text="What happens to an item that exists: it is left alone (LEAVE), the file's is "
        "added under another name (RENAME), or it becomes the file's (OVERWRITE). Required, but "
        "with a plan. The words skip, duplicate and overwrite are taken as well, and lower case.",
    )
    overrideLocks = serializers.BooleanField(
        default=False, help_text="Overwrite locked flows as well."
    )
    prune = serializers.BooleanField(
        default=False,
        help_text="Soft-delete what came from this directory before and is not in it any more.",
    )
    decisions = serializers.CharField(
        required=False,
        help_text="What else is to happen to single items: JSON, as text or as a file. Keys are "
        "the uuids of items, or kind:uuid; a value is skip, duplicate, overwrite, the uuid of the "
        "row that the item is, create for a new row beside its namesakes, leave-out, or an object "
        "with mode and target.",
    )
    only = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        help_text="Import only this item, by its name or uuid, also as kind:uuid, with what it "
        "uses; all others are left out. It may be sent several times.",
    )
    accept = serializers.CharField(
        required=False,
        help_text="The codes of warnings that are acknowledged, separated by commas; the part may "
        f"be sent several times. Of {', '.join(ACKNOWLEDGED_CODES)}.",
    )


class UploadSerializer(FileFormSerializer):
    """The form of an import."""

    pruneLimit = serializers.IntegerField(
        default=PRUNE_LIMIT, min_value=0, help_text="Refuse to prune more rows than this."
    )
    noBackup = serializers.BooleanField(
        default=False, help_text="Do not back the database up first."
    )
    dryRun = serializers.BooleanField(default=False, help_text="Return the plan, write nothing.")
    withPlan = serializers.BooleanField(
        default=False, help_text="With dryRun: answer the plan as well, to be sent as plan later."
    )
    plan = serializers.CharField(
        required=False,
        help_text="The plan of an earlier dry run, to be done exactly or not at all: JSON, as text "
        "or as a file. Left out are duplicatesMode, overrideLocks, prune, pruneLimit, decisions "
        "and only, which are its own.",
    )


class PlannedSerializer(ProcessedSerializer):
    """The results of a dry run."""

    needsAcknowledgement = UnacknowledgedSerializer(
        many=True, required=False, help_text="Left out where nothing must be acknowledged."
    )

    prunable = serializers.IntegerField(
        required=False,
        help_text="How many rows came from this directory and are not in it any more, where they "
        "are not pruned. Left out for other files.",
    )
    plan = serializers.DictField(
        required=False, help_text="With withPlan: the plan, as flow_import --plan-out writes it."
    )
