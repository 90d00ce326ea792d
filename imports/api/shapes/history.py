"""The serializers of an item's imports, in the contract's words."""

from typing import Any

from rest_framework import serializers

from flows.rest.bodies.save_uuids import make_save_uuid
from imports.api.shapes.query import (
    MAX_PAGE,
    RECORDED_MODES,
    RECORDED_RESULTS,
    PageQuery,
    TimeField,
)
from imports.api.shapes.warnings import WarningDetailSerializer
from imports.models import Door, Status
from imports.records.kept_states import Kept, KeptState


class ItemHistoryQuery(PageQuery):
    """The query of a part of an item's imports."""

    pageSize = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=50)


class KeptStateSerializer(serializers.Serializer[KeptState]):
    """Where a state of the item is kept."""

    kept = serializers.ChoiceField(
        [str(kept) for kept in Kept],
        help_text="There was no such item (nothing), a named save holds it (save), the item is in "
        "it now (now), the import wrote nothing (untouched), or it is not kept any more (lost).",
    )
    namedSave = serializers.SerializerMethodField(help_text="The save that holds it.")

    def get_namedSave(self, state: KeptState) -> str | None:  # noqa: N802 - the field's name
        return None if state.save is None else str(make_save_uuid(state.save))


class ItemImportSerializer(serializers.Serializer[Any]):
    """The result of one import for the item."""

    importId = serializers.IntegerField(source="item.record_id")
    status = serializers.ChoiceField(Status.choices, source="item.record.status")
    startedAt = TimeField(source="item.record.started_at")
    finishedAt = TimeField(source="item.record.finished_at", allow_null=True)
    door = serializers.ChoiceField(Door.choices, source="item.record.door")
    user = serializers.CharField(source="item.record.user_name")
    mode = serializers.ChoiceField(RECORDED_MODES, source="item.record.mode")
    fileName = serializers.CharField(source="item.record.file_name")
    name = serializers.CharField(source="item.target_name", help_text="What it was called then.")
    result = serializers.ChoiceField(RECORDED_RESULTS, source="item.result")
    changedKeys = serializers.ListField(child=serializers.CharField(), source="item.changed_keys")
    warnings = serializers.ListField(child=serializers.CharField(), source="item.warnings")
    warningDetails = WarningDetailSerializer(
        many=True, source="item.warning_details", help_text="The warnings, each with its code."
    )
    before = KeptStateSerializer()
    after = KeptStateSerializer()


class ItemHistoryPageSerializer(serializers.Serializer[Any]):
    """A part of the list of an item's imports, newest first."""

    count = serializers.IntegerField(help_text="Of all parts.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ItemImportSerializer(many=True)
