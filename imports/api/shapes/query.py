"""The query of a list of records, and its fields."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from flows.content.representation import format_time
from imports.models import RESTORE, UNDO, Door, Status
from imports.plans.plan import Mode, Result, UndoResult

MAX_PAGE = 100
MAX_ITEM_PAGE = 1000
# Of runs that undo others as well.
RECORDED_MODES = [*map(str, Mode), UNDO, RESTORE]
RECORDED_RESULTS = [str(result) for words in (Result, UndoResult) for result in words]


class TimeField(serializers.DateTimeField):
    """A point in time, in the form of files and of the rest of the API."""

    def to_representation(self, value: datetime) -> str:
        return format_time(value)


class TextField(serializers.CharField):
    """Text only: DRF's own field accepts numbers too."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class MomentField(serializers.Field[datetime, str, str, datetime]):
    """A day, or a point in time, in ISO 8601 and in UTC unless it names a zone.

    A day is its beginning or, with `until`, its end.
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
    """The query of a part of a list."""

    page = serializers.IntegerField(min_value=1, default=1)
    pageSize = serializers.IntegerField(min_value=1, max_value=MAX_PAGE, default=20)


class RecordQuery(PageQuery):
    """The query of a list of records."""

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
    """The query of a part of a record's items."""

    pageSize = serializers.IntegerField(min_value=1, max_value=MAX_ITEM_PAGE, default=100)
