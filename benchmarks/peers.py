"""Other ways to write the same flows to the same table.

None of them plans or records anything, and only the plain loop keeps what it replaces.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import reversion
import tablib
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from import_export.fields import Field
from import_export.instance_loaders import CachedInstanceLoader
from import_export.resources import ModelResource
from import_export.widgets import Widget

from benchmarks import ours
from benchmarks.measure import ChildOutput, measure
from flows.content.fields import get_columns
from flows.models import Flow

FIXTURE, DATASET = "fixture.json", "dataset.json"


def prepare(path: str, directory: str, flows: int) -> ChildOutput:
    """Import the file, and write the first flows in the form of each peer."""
    ours.run(Path(path).read_bytes())
    rows = list(Flow.objects.order_by("pk")[:flows])
    with (Path(directory) / FIXTURE).open("w") as file:
        serializers.serialize("json", rows, stream=file)
    (Path(directory) / DATASET).write_text(json.dumps([_make_row(flow) for flow in rows]))
    return ChildOutput()


def _make_row(flow: Flow) -> dict[str, Any]:
    return {
        "uuid": str(flow.uuid),
        **{name: getattr(flow, name) for name in get_columns(flow.kind)},
    }


def load_data(directory: str, flows: int) -> ChildOutput:
    """Measure Django's own loaddata: one UPDATE for each row."""
    path = Path(directory) / FIXTURE
    work = lambda: call_command("loaddata", str(path), verbosity=0)  # noqa: E731
    return _measure("loaddata", work, directory, flows)


class _UuidWidget(Widget):
    """Reads a uuid: as a text it would match no row among those that are read at once."""

    def clean(self, value: Any, row: Any = None, **options: Any) -> UUID:
        return UUID(value)


class FlowResource(ModelResource):
    """The fastest settings of django-import-export: bulk queries, no diffs, rows found at once."""

    uuid = Field(attribute="uuid", column_name="uuid", widget=_UuidWidget())

    class Meta:
        model = Flow
        fields = ("uuid", *get_columns(Flow.kind))
        import_id_fields = ("uuid",)
        instance_loader_class = CachedInstanceLoader
        use_bulk = True
        use_transactions = True
        skip_diff = True
        skip_html_diff = True


def import_export(directory: str, flows: int) -> ChildOutput:
    """Measure django-import-export in bulk mode."""

    def work() -> None:
        text = (Path(directory) / DATASET).read_text()
        dataset = tablib.Dataset().load(text, format="json")
        FlowResource().import_data(dataset, raise_errors=True)

    return _measure("django-import-export, bulk", work, directory, flows)


def plain_loop(directory: str, flows: int) -> ChildOutput:
    """Measure a simple loop: get, save a revision, set, save."""

    @transaction.atomic
    def work() -> None:
        for row in json.loads((Path(directory) / DATASET).read_bytes()):
            flow = Flow.objects.get(uuid=row.pop("uuid"))
            with reversion.create_revision():
                reversion.add_to_revision(flow)
                reversion.set_comment("Pre import")
            for name, value in row.items():
                setattr(flow, name, value)
            flow.save()

    return _measure("plain loop with reversion", work, directory, flows)


def _measure(name: str, work: Callable[[], object], directory: str, flows: int) -> ChildOutput:
    reading = measure(work, items=flows)
    wanted = {row["uuid"]: row for row in json.loads((Path(directory) / DATASET).read_bytes())}
    if wanted != dict(_read_stored(wanted)):
        raise SystemExit(f"{name} did not write the flows.")
    return ChildOutput(rows={name: [replace(reading, items=len(wanted))]})


def _read_stored(uuids: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for flow in Flow.objects.iterator(500):
        if str(flow.uuid) in uuids:
            yield str(flow.uuid), _make_row(flow)
