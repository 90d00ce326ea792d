"""The responses of imports, exports and the upkeep of a server."""

from typing import Any

from rest_framework import serializers

from flows.content.fields import Kind
from imports.api.shapes.acknowledgement import AcknowledgedSerializer
from imports.api.shapes.query import TextField
from imports.api.shapes.record import RecordedIssueSerializer
from imports.api.shapes.warnings import WarningDetailSerializer
from imports.plans.matching import MatchMethod
from imports.plans.plan import Result


class ProcessedItemSerializer(serializers.Serializer[Any]):
    """One item of the file. The last four keys are left out where empty or repeated."""

    uuid = serializers.CharField(help_text="As the file has it.")
    name = serializers.CharField(help_text="As the file has it.")
    result = serializers.ChoiceField(
        [str(result) for result in Result if result is not Result.PRUNE]
    )
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


class PrunedRowSerializer(ProcessedItemSerializer):
    """A row that is pruned, in the form of an item of the file."""

    kind = serializers.ChoiceField([str(kind) for kind in Kind])
    result = serializers.ChoiceField([str(Result.PRUNE)])


class ProcessedSerializer(serializers.Serializer[Any]):
    """The results of an import, or of a dry run, in the file's order."""

    flowsProcessed = ProcessedItemSerializer(many=True)
    connectionsProcessed = ProcessedItemSerializer(many=True)
    secretsProcessed = ProcessedItemSerializer(many=True)
    pruned = PrunedRowSerializer(
        many=True, required=False, help_text="With prune: the rows that left the directory."
    )
    acknowledged = AcknowledgedSerializer(
        many=True, required=False, help_text="Left out where nothing was acknowledged."
    )


class ExportRequestSerializer(serializers.Serializer[Any]):
    """Which flows: those with any of the tags or one of the uuids; without both, all."""

    tags = serializers.ListField(
        child=TextField(allow_blank=True, trim_whitespace=False),
        allow_null=True, default=list,
    )  # fmt: skip
    flowUuids = serializers.ListField(child=serializers.UUIDField(), allow_null=True, default=list)


class CompactQuery(serializers.Serializer[Any]):
    """The query of what builds an export."""

    compact = serializers.BooleanField(
        default=False, help_text="The same document without indentation."
    )


DIRECTORY = "dir"


class GzipQuery(serializers.Serializer[Any]):
    """The query of what sends an export."""

    gzip = serializers.BooleanField(
        default=False,
        help_text="The file in gzip, as `application/gzip`. `Accept-Encoding` changes nothing.",
    )
    # Any other word has no effect, as before there was this one.
    format = serializers.CharField(
        required=False,
        default="",
        help_text=f"`{DIRECTORY}`: the directory for git, as `application/zip`; `gzip` and "
        "`compact` change nothing of it.",
    )


class ExportQuery(CompactQuery, GzipQuery):
    """The query of what builds an export and sends it."""


class ExportStatisticsSerializer(serializers.Serializer[Any]):
    """The numbers of an export."""

    flows = serializers.IntegerField()
    connections = serializers.IntegerField()
    secrets = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes, before it is packed.")
    sha256 = serializers.CharField(help_text="Before it is packed.")
    warnings = serializers.ListField(child=serializers.CharField())


class BackupAnswerSerializer(serializers.Serializer[Any]):
    """The result of a backup."""

    localBackupStatus = serializers.ChoiceField(["success", "failed"])
    localBackupFile = serializers.CharField(allow_null=True, help_text="Its name.")
    remoteBackupStatus = serializers.ChoiceField(["not_configured"])


class FailedBackupSerializer(BackupAnswerSerializer):
    """The result of a backup that failed, which is also the body of an error."""

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
    documents = serializers.IntegerField(
        help_text="Stored documents that nothing referred to any more."
    )
    sizeBefore = serializers.IntegerField(help_text="Bytes.")
    sizeAfter = serializers.IntegerField(help_text="Bytes.")
