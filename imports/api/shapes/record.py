"""The shapes of what the REST door of imports takes and answers, in the contract's words."""

from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from flows.content.fields import Kind
from flows.content.representation import time_text
from imports.api.shapes.warnings import WarningDetailSerializer
from imports.models import RESTORE, UNDO, Door, ImportItem, ImportRecord, Status
from imports.permissions import may_see_paths, message_for
from imports.plans.matching import MatchMethod
from imports.plans.plan import Mode, Result, UndoResult

MAX_PAGE = 100
MAX_ITEM_PAGE = 1000
WARNINGS_SHOWN = 1000
# Of runs that undo others as well.
RECORDED_MODES = [*map(str, Mode), UNDO, RESTORE]
RECORDED_RESULTS = [str(result) for words in (Result, UndoResult) for result in words]


KINDS = [str(kind) for kind in Kind]


class TimeField(serializers.DateTimeField):
    """A point in time as files and the rest of the API have it."""

    def to_representation(self, value: datetime) -> str:
        return time_text(value)


class TextField(serializers.CharField):
    """Text and nothing else: DRF's own field takes numbers for text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class MomentField(serializers.Field[datetime, str, str, datetime]):
    """A day, or a point in time, in ISO 8601 and in UTC unless it names a zone.

    A day stands for its beginning or, with `until`, for its end.
    """

    def __init__(self, *, until: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._days = 1 if until else 0

    def to_internal_value(self, data: str) -> datetime:
        try:
            if day := parse_date(data):
                midnight = datetime.combine(day, time(), UTC)
                return midnight + timedelta(days=self._days)
            if moment := parse_datetime(data):
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            pass
        raise serializers.ValidationError(
            "This must be a day or a time in ISO 8601, such as 2026-03-16 or 2026-03-16T17:10:06Z.",
            code="invalid-time",
        )


class PageQuery(serializers.Serializer[Any]):
    """Which part of a list."""

    page = serializers.IntegerField(min_value=1, default=1)
    pageSize = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=20)


class RecordQuery(PageQuery):
    """Which records."""

    status = serializers.ChoiceField(Status.choices, required=False)
    mode = serializers.ChoiceField(RECORDED_MODES, required=False)
    door = serializers.ChoiceField(Door.choices, required=False)
    user = TextField(required=False, help_text="The name of who imported.")
    dateFrom = MomentField(
        required=False, help_text="Runs that began then or later: a day or a time (ISO 8601, UTC)."
    )
    dateTo = MomentField(
        until=True, required=False, help_text="Runs that began before then; a day is included."
    )
    sha256 = serializers.RegexField(
        "^[0-9a-fA-F]{64}$", required=False, help_text="Of the file, in hexadecimal."
    )
    itemUuid = serializers.UUIDField(
        required=False, help_text="Of an item: as the file has it, or of the row it landed in."
    )


class ItemPageQuery(PageQuery):
    """Which part of a record's items."""

    pageSize = serializers.IntegerField(min_value=1, max_value=MAX_ITEM_PAGE, default=100)


class RecordedPlanSerializer(serializers.Serializer[Any]):
    """The saved plan that a run applied."""

    createdAt = TimeField(source="plan_created_at", allow_null=True)
    createdBy = serializers.CharField(source="plan_created_by", help_text="As the plan has it.")
    checksum = serializers.CharField(source="plan_checksum")


class RecordSerializer(serializers.ModelSerializer[ImportRecord]):
    """One run of an import."""

    startedAt = TimeField(source="started_at")
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
    plan = serializers.SerializerMethodField(help_text="The saved plan that the run applied.")
    counts = serializers.DictField(
        child=serializers.IntegerField(), help_text="Number of items by result."
    )
    code = serializers.CharField(help_text="Why nothing was written; else empty.")
    message = serializers.SerializerMethodField(help_text="The same, for people.")

    class Meta:
        model = ImportRecord
        fields: ClassVar = [
            *("id", "status", "startedAt", "finishedAt", "seconds", "door", "user", "server"),
            *("fileName", "fileSize", "fileSha256", "mode", "undoes", "undoneBy"),
            *("undoDepth", "withBackup", "overrideLocks", "plan", "counts", "code", "message"),
        ]

    @extend_schema_field(RecordedPlanSerializer(allow_null=True))
    def get_plan(self, record: ImportRecord) -> Any:
        return RecordedPlanSerializer(record).data if record.plan_checksum else None

    def get_message(self, record: ImportRecord) -> str:
        return message_for(self.context["user"], record)


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


class RecordDetailSerializer(RecordSerializer):
    """One run of an import, with all that is known of it."""

    issues = RecordedIssueSerializer(many=True, help_text="The first 1,000 problems of the file.")
    warnings = serializers.SerializerMethodField(
        help_text="The first 1,000 items that have warnings."
    )
    backup = serializers.SerializerMethodField(help_text="Null where none was made.")
    items = serializers.SerializerMethodField()

    class Meta(RecordSerializer.Meta):
        fields: ClassVar = [
            *RecordSerializer.Meta.fields, "issues", "warnings", "backup", "items"
        ]  # fmt: skip

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


class ProcessedItemSerializer(serializers.Serializer[Any]):
    """One item of the file. The last four are there only where they say something more."""

    uuid = serializers.CharField(help_text="As the file has it.")
    name = serializers.CharField(help_text="As the file has it.")
    result = serializers.ChoiceField([str(result) for result in Result])
    matchMethod = serializers.ChoiceField([str(method) for method in MatchMethod])
    isProcessed = serializers.BooleanField(help_text="False on a dry run.")
    targetUuid = serializers.CharField(
        required=False,
        help_text="Of the row. Not of a copy that is yet to be made, in a dry run.",
    )
    targetName = serializers.CharField(required=False)
    warnings = serializers.ListField(child=serializers.CharField(), required=False)
    warningDetails = WarningDetailSerializer(
        many=True, required=False, help_text="The warnings, each with its code."
    )


class ProcessedSerializer(serializers.Serializer[Any]):
    """What an import did, or a dry run would do, in the file's order."""

    flowsProcessed = ProcessedItemSerializer(many=True)
    connectionsProcessed = ProcessedItemSerializer(many=True)
    secretsProcessed = ProcessedItemSerializer(many=True)


class ExportRequestSerializer(serializers.Serializer[Any]):
    """Which flows: those with any of the tags or one of the uuids; without both, all."""

    tags = serializers.ListField(
        child=TextField(allow_blank=True, trim_whitespace=False),
        allow_null=True, default=list,
    )  # fmt: skip
    flowUuids = serializers.ListField(child=serializers.UUIDField(), allow_null=True, default=list)


class ExportStatisticsSerializer(serializers.Serializer[Any]):
    """What the export holds."""

    flows = serializers.IntegerField()
    connections = serializers.IntegerField()
    secrets = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField()
    warnings = serializers.ListField(child=serializers.CharField())


class BackupAnswerSerializer(serializers.Serializer[Any]):
    """How the backup went."""

    localBackupStatus = serializers.ChoiceField(["success", "failed"])
    localBackupFile = serializers.CharField(allow_null=True, help_text="Its name.")
    remoteBackupStatus = serializers.ChoiceField(["not_configured"])


class FailedBackupSerializer(BackupAnswerSerializer):
    """That there is no backup: an error's body as well."""

    message = serializers.CharField()
    code = serializers.CharField()
    issues = RecordedIssueSerializer(many=True)
    requestId = serializers.CharField()


class TransferSerializer(serializers.Serializer[Any]):
    """The copy of the database that can be fetched now."""

    file = serializers.CharField(help_text="The name of what will be fetched, in gzip.")
    size = serializers.IntegerField(help_text="Bytes, unpacked.")
    sha256 = serializers.CharField(help_text="Unpacked.")


class VersionSerializer(serializers.Serializer[Any]):
    """The release that runs here."""

    major = serializers.IntegerField()
    minor = serializers.IntegerField()
    build = serializers.IntegerField()
    info = serializers.CharField()


class VacuumSerializer(serializers.Serializer[Any]):
    """How many deleted rows were purged, and the database's size."""

    flows = serializers.IntegerField()
    connections = serializers.IntegerField()
    secrets = serializers.IntegerField()
    sizeBefore = serializers.IntegerField(help_text="Bytes.")
    sizeAfter = serializers.IntegerField(help_text="Bytes.")
