"""What tests kill in the middle: each works on the database of the tests, without an answer."""

from io import StringIO
from types import SimpleNamespace

from django.apps import apps
from django.core.management import call_command
from django.db import connection

from flows.documents.moving import move_back, move_in
from flows.models import Flow
from imports.importing.service import run_import
from imports.models import ImportRecord, Status
from tests.support.directories import a_directory
from tests.support.importing import flow, request_for

DIRECTORY = (flow(1, "Stays", nodes=[{"id": "now"}]), flow(9, "New"))
"""The items of the directory that `prune` imports."""
PURGED = "To purge"
"""The name of the flow that `item_purge` deletes for good."""
_EDITOR = SimpleNamespace(connection=connection)


def _call(*words: str) -> None:
    call_command(*words, "--no-prompt", stdout=StringIO(), stderr=StringIO())


def _purge() -> None:
    if flow := Flow._default_manager.filter(name=PURGED).first():
        _call("item_purge", "flow", str(flow.uuid))


def _undo() -> None:
    """Undo the newest import, unless that is done."""
    record = ImportRecord.objects.filter(undoes=None).order_by("pk").last()
    if record and record.status != Status.UNDONE:
        _call("import_undo", str(record.pk), "--no-backup")


def _prune() -> None:
    run_import(request_for(a_directory(*DIRECTORY), prune=True))


TASKS = {
    "import_undo": _undo,
    "history_prune": lambda: _call("history_prune", "--days", "100"),
    "database_vacuum": lambda: _call("database_vacuum"),
    "item_purge": _purge,
    "prune": _prune,
    "move_in": lambda: move_in(apps, _EDITOR),
    "move_back": lambda: move_back(apps, _EDITOR),
}
