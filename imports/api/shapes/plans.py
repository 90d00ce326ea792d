"""The requests and the answers of kept plans."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from imports.api.shapes.acknowledgement import ACKNOWLEDGED_CODES, UnacknowledgedSerializer
from imports.api.shapes.answers import ProcessedItemSerializer
from imports.api.shapes.form import FileFormSerializer
from imports.api.shapes.query import PageQuery, TextField, TimeField
from imports.api.shapes.record import RecordedIssueSerializer
from imports.api.shapes.undo import TrueOrFalseField
from imports.models import PendingImport


class PlanFormSerializer(FileFormSerializer):
    """The form of a plan to keep."""

    duplicatesMode = serializers.ChoiceField(
        choices=["LEAVE", "RENAME", "OVERWRITE"],
        help_text="What happens to an item that exists: it is left alone (LEAVE), the file's is "
        "added under another name (RENAME), or it becomes the file's (OVERWRITE). The words skip, "
        "duplicate and overwrite are taken as well, and lower case.",
    )
    key = serializers.CharField(
        required=False,
        help_text="What the plan is known by, such as `repo#42`: your next plan with this key "
        "replaces it. Left out, nothing is replaced.",
    )
    link = serializers.CharField(
        required=False,
        help_text="An address that begins with https:// or http://, such as a pull request's.",
    )
    title = serializers.CharField(required=False, help_text="What people call it.")
    commit = serializers.CharField(required=False, help_text="The state that the file is of.")


class KeptPlanSerializer(serializers.ModelSerializer[PendingImport]):
    """A kept plan, as lists have it."""

    key = serializers.CharField(allow_null=True)
    madeBy = serializers.CharField(source="user.get_username", help_text="Who had it made.")
    createdAt = TimeField(source="created_at")
    plannedAt = TimeField(source="planned_at", help_text="When it was planned last.")
    expiresAt = TimeField(source="expires_at")
    fileName = serializers.CharField(source="file_name", help_text="As the client calls it.")
    fileSize = serializers.IntegerField(source="file_size", help_text="Bytes.")
    fileSha256 = serializers.CharField(source="file_sha256")
    mode = serializers.CharField(help_text="skip, duplicate or overwrite.")
    overrideLocks = serializers.BooleanField(source="override_locks")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Number of items by result."
    )
    refusalCode = serializers.CharField(
        source="refusal_code", help_text="Why it cannot be applied as it stands; else empty."
    )
    record = serializers.IntegerField(
        source="record_id", allow_null=True, help_text="Of the run that applied it."
    )
    url = serializers.SerializerMethodField(help_text="The page of the plan in the admin.")

    class Meta:
        model = PendingImport
        fields: ClassVar = [
            *("id", "key", "link", "title", "commit", "madeBy", "createdAt", "plannedAt"),
            *("expiresAt", "fileName", "fileSize", "fileSha256", "mode"),
            *("overrideLocks", "counts", "refusalCode", "record", "url"),
        ]

    @extend_schema_field(serializers.URLField(allow_null=True))
    def get_url(self, pending: PendingImport) -> str | None:
        url: str | None = self.context["make_url"](pending)
        return url


class KeptRefusalSerializer(serializers.Serializer[Any]):
    """Why a kept plan cannot be applied as it stands."""

    message = serializers.CharField(help_text="For people.")
    code = serializers.CharField(help_text="For programs: stable.")
    issues = RecordedIssueSerializer(many=True)


class KeptPlanDetailSerializer(KeptPlanSerializer):
    """A kept plan with the results of its items, in the form of a dry run."""

    token = serializers.CharField(
        help_text="Stands for this plan: sent when it is applied, nothing else is applied."
    )
    refusal = KeptRefusalSerializer(allow_null=True)
    needsAcknowledgement = UnacknowledgedSerializer(
        many=True, required=False, help_text="Left out where nothing must be acknowledged."
    )
    flowsProcessed = ProcessedItemSerializer(many=True)
    connectionsProcessed = ProcessedItemSerializer(many=True)
    secretsProcessed = ProcessedItemSerializer(many=True)

    class Meta(KeptPlanSerializer.Meta):
        fields: ClassVar = [
            *KeptPlanSerializer.Meta.fields,
            *("token", "refusal", "needsAcknowledgement"),
            *("flowsProcessed", "connectionsProcessed", "secretsProcessed"),
        ]


class KeptPlanPageSerializer(serializers.Serializer[Any]):
    """A part of the list of kept plans."""

    count = serializers.IntegerField(help_text="Of all parts.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = KeptPlanSerializer(many=True)


class KeptPlanQuery(PageQuery):
    """The query of the list of kept plans."""

    key = TextField(required=False, help_text="Only the plan with this key.")


class ApplySerializer(serializers.Serializer[Any]):
    """How a kept plan is applied. Everything may be left out, and the body too."""

    token = TextField(
        required=False,
        help_text="The plan's token as it was looked at: where it was planned anew since, nothing "
        "is applied.",
    )
    accept = serializers.ListField(
        child=serializers.ChoiceField(ACKNOWLEDGED_CODES),
        default=list,
        help_text="The codes of warnings that are acknowledged.",
    )
    noBackup = TrueOrFalseField(default=False, help_text="Do not back the database up first.")
