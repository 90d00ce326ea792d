"""Checking the stored documents of a database, or of a backup without restoring it."""

from pathlib import Path

from flows.documents.check import Checked, check_documents, check_references
from flows.models import Flow
from flows.servers import get_current_database
from imports.database.backup_notes import explain_change
from imports.database.backup_tables import UncheckedBackup, open_backup
from imports.database.one_state import read_one_state


def check_database() -> Checked:
    """Read every document of the current database, and look up every reference to one."""
    with read_one_state():
        return check_documents(Flow, get_current_database())


def check_backup(path: Path) -> Checked:
    """Do what `check_database` does with a backup of a server.

    Raises UncheckedBackup, also where the file is not the one of its note.
    """
    with open_backup(path) as tables:
        if message := explain_change(path):
            raise UncheckedBackup("changed-backup", message)
        return check_references(tables.read_bodies(), tables.read_rows(), tables.read_saves())
