"""The serializers of records, in the contract's words."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from flows.content.fields import Kind
from imports.api.shapes.acknowledgement import AcknowledgedSerializer
from imports.api.shapes.query import RECORDED_MODES, RECORDED_RESULTS, TimeField
from imports.api.shapes.warnings import WarningDetailSerializer
from imports.models import Door, ImportItem, ImportRecord, Status
from imports.permissions import get_record_message, may_see_paths
from imports.plans.matching import MatchMethod
from imports.runs.progress import Phase
from imports.uploads.progress import read_run_progress

WARNINGS_SHOWN = 1000
KINDS = [str(kind) for kind in Kind]


class RecordedPlanSerializer(serializers.Serializer[Any]):
    """The saved plan that a run applied."""

    createdAt = TimeField(source="plan_created_at", allow_null=True)
    createdBy = serializers.CharField(source="plan_created_by", help_text="As the plan has it.")
    checksum = serializers.CharField(source="plan_checksum")


class OriginSerializer(serializers.Serializer[Any]):
    """The kept plan that a run applied, and what it was made for."""

    plan = serializers.IntegerField(help_text="The plan's id.")
    key = serializers.CharField(help_text="May be empty, as the others.")
    link = serializers.CharField()
    title = serializers.CharField()
    commit = serializers.CharField()


class PrunedSerializer(serializers.Serializer[Any]):
    """What of the old history was removed after a run."""

    records = serializers.IntegerField(required=False)
    reduced = serializers.IntegerField(
        required=False, help_text="Records that stay, and cannot be undone any more."
    )
    items = serializers.IntegerField(required=False)
    saves = serializers.IntegerField(required=False, help_text="Named saves.")
    code = serializers.CharField(
        required=False, help_text="`history-not-pruned` where it failed: the log says why."
    )


class RecordSerializer(serializers.ModelSerializer[ImportRecord]):
    """One run of an import."""

    queuedAt = TimeField(
        source="queued_at",
        allow_null=True,
        help_text="When it was asked for; null where no worker carried it out.",
    )
    startedAt = TimeField(source="started_at", help_text="While it is queued, as `queuedAt`.")
    finishedAt = TimeField(source="finished_at", allow_null=True)
    seconds = serializers.FloatField(allow_null=True, help_text="How long it took.")
    status = serializers.ChoiceField(Status.choices)
    door = serializers.ChoiceField(Door.choices)
    user = serializers.CharField(source="user_name")
    fileName = serializers.CharField(source="file_name", help_text="As the client calls it.")
    fileSize = serializers.IntegerField(source="file_size", help_text="Bytes.")
    fileSha256 = serializers.CharField(source="file_sha256")
    mode = serializers.ChoiceField(RECORDED_MODES)
    undoes = serializers.IntegerField(
        source="undoes_id", allow_null=True, help_text="The import that this run took back."
    )
    undoneBy = serializers.IntegerField(
        source="undone_by_id", allow_null=True, help_text="The undo that took this run back."
    )
    undoDepth = serializers.IntegerField(
        source="undo_depth",
        help_text="0 for an import, 1 for its undo, 2 for the redo, which undoes that, and so on.",
    )
    withBackup = serializers.BooleanField(source="with_backup")
    overrideLocks = serializers.BooleanField(source="override_locks")
    directoryId = serializers.CharField(
        source="directory_id", help_text="Of the directory that the file was; else empty."
    )
    prune = serializers.BooleanField(help_text="Whether what left the directory was pruned.")
    plan = serializers.SerializerMethodField(help_text="The saved plan that the run applied.")
    origin = serializers.SerializerMethodField(
        help_text="The kept plan that the run applied, and what it was made for."
    )
    acknowledged = AcknowledgedSerializer(
        many=True, help_text="The warnings that were acknowledged before the import."
    )
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Number of items by result."
    )
    code = serializers.CharField(help_text="Why nothing was written; else empty.")
    message = serializers.SerializerMethodField(help_text="The same, for people.")
    pruned = serializers.SerializerMethodField(
        help_text="What of the old history was removed after the run; null for nothing."
    )
    historyPrunedAt = TimeField(
        source="history_pruned_at",
        allow_null=True,
        help_text="When the run's own history was removed: it cannot be undone any more.",
    )

    class Meta:
        model = ImportRecord
        fields: ClassVar = [
            *(
                "id",
                "status",
                "queuedAt",
                "startedAt",
                "finishedAt",
                "seconds",
                "door",
                "user",
                "server",
            ),
            *("fileName", "fileSize", "fileSha256", "mode", "undoes", "undoneBy"),
            *(
                "undoDepth",
                "withBackup",
                "overrideLocks",
                "directoryId",
                "prune",
                "plan",
                "origin",
                "acknowledged",
                "counts",
                "code",
                "message",
            ),
            *("pruned", "historyPrunedAt"),
        ]

    @extend_schema_field(RecordedPlanSerializer(allow_null=True))
    def get_plan(self, record: ImportRecord) -> Any:
        return RecordedPlanSerializer(record).data if record.plan_checksum else None

    @extend_schema_field(OriginSerializer(allow_null=True))
    def get_origin(self, record: ImportRecord) -> Any:
        return OriginSerializer(record.origin).data if record.origin else None

    @extend_schema_field(PrunedSerializer(allow_null=True))
    def get_pruned(self, record: ImportRecord) -> Any:
        return record.pruned or None

    def get_message(self, record: ImportRecord) -> str:
        return get_record_message(self.context["user"], record)


class RecordedIssueSerializer(serializers.Serializer[Any]):
    """One problem of the file."""

    code = serializers.CharField()
    path = serializers.CharField()
    uuid = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True)
    message = serializers.CharField()


class RecordedItemSerializer(serializers.ModelSerializer[ImportItem]):
    """What happened to one item of the file."""

    kind = serializers.ChoiceField(KINDS)
    result = serializers.ChoiceField(RECORDED_RESULTS)
    matchMethod = serializers.ChoiceField(
        [str(method) for method in MatchMethod], source="match_method"
    )
    targetUuid = serializers.UUIDField(source="target_uuid")
    targetName = serializers.CharField(source="target_name")
    changedKeys = serializers.ListField(child=serializers.CharField(), source="changed_keys")
    warnings = serializers.ListField(child=serializers.CharField())
    warningDetails = WarningDetailSerializer(
        many=True, source="warning_details", help_text="The warnings, each with its code."
    )

    class Meta:
        model = ImportItem
        fields: ClassVar = [
            *("kind", "position", "uuid", "name", "result", "matchMethod"),
            *("targetUuid", "targetName", "changedKeys", "warnings", "warningDetails"),
        ]


class RecordedWarningsSerializer(serializers.ModelSerializer[ImportItem]):
    """An item that has warnings."""

    kind = serializers.ChoiceField(KINDS)
    warnings = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ImportItem
        fields: ClassVar = ["kind", "position", "uuid", "name", "warnings"]


class BackupSerializer(serializers.Serializer[Any]):
    """The backup that was made before."""

    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    path = serializers.CharField(
        required=False, help_text="Where it is, for those who may back the database up."
    )


class RecordPageSerializer(serializers.Serializer[Any]):
    """A part of the list of records."""

    count = serializers.IntegerField(help_text="Of all parts.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RecordSerializer(many=True)


class ItemPageSerializer(serializers.Serializer[Any]):
    """A part of the list of a record's items, in the file's order."""

    count = serializers.IntegerField(help_text="Of all parts.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = RecordedItemSerializer(many=True)


class ProgressSerializer(serializers.Serializer[Any]):
    """How far a run is."""

    phase = serializers.ChoiceField([str(phase) for phase in Phase], source="code")
    done = serializers.IntegerField(help_text="Items that are written.")
    total = serializers.IntegerField(help_text="Items to write; 0 before that begins.")
    bytes = serializers.IntegerField(source="size", help_text="Of the file.")
    mayCancel = serializers.BooleanField(
        source="may_cancel", help_text="Whether it can still be called off."
    )


class RecordDetailSerializer(RecordSerializer):
    """One run of an import, with all details of its record."""

    progress = serializers.SerializerMethodField(
        help_text="How far it is; null where it has ended, or its process died."
    )
    issues = RecordedIssueSerializer(many=True, help_text="The first 1,000 problems of the file.")
    warnings = serializers.SerializerMethodField(
        help_text="The first 1,000 items that have warnings."
    )
    backup = serializers.SerializerMethodField(help_text="Null where none was made.")
    items = serializers.SerializerMethodField()

    class Meta(RecordSerializer.Meta):
        fields: ClassVar = [
            *RecordSerializer.Meta.fields, "progress", "issues", "warnings", "backup", "items"
        ]  # fmt: skip

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, record: ImportRecord) -> Any:
        if record.status not in {Status.QUEUED, Status.RUNNING}:
            return None
        progress = read_run_progress(record)
        return ProgressSerializer(progress).data if progress.is_running else None

    @extend_schema_field(RecordedWarningsSerializer(many=True))
    def get_warnings(self, record: ImportRecord) -> Any:
        items = record.items.exclude(warnings=[])[:WARNINGS_SHOWN]
        return RecordedWarningsSerializer(items, many=True).data

    @extend_schema_field(BackupSerializer(allow_null=True))
    def get_backup(self, record: ImportRecord) -> dict[str, Any] | None:
        if not record.backup_path:
            return None
        name = record.backup_path.rpartition("/")[2]
        backup = {"name": name, "size": record.backup_size, "sha256": record.backup_sha256}
        sees_path = may_see_paths(self.context["user"])
        return {**backup, "path": record.backup_path} if sees_path else backup

    @extend_schema_field(ItemPageSerializer)
    def get_items(self, record: ImportRecord) -> Any:
        return self.context["items"]
