"""A backup that is not the one in its note is refused, before anything is changed."""

import json
import sqlite3
from contextlib import closing

import pytest
from django.conf import settings

from flows.models import Flow
from imports.database.backup import make_backup
from imports.database.backup_notes import get_note_path
from imports.database.backup_tables import UncheckedBackup
from imports.database.document_check import check_backup
from imports.database.restore import RestoreFailed, restore_backup
from tests.support.factories import FlowFactory

pytestmark = pytest.mark.django_db(transaction=True)

ON_POSTGRESQL = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")


@pytest.fixture
def changed():
    """A backup that is sound, but is not what was verified."""
    FlowFactory(name="Backed up")
    path = make_backup().path
    if ON_POSTGRESQL:
        note = get_note_path(path)
        note.write_text(json.dumps({**json.loads(note.read_text()), "sha256": "0" * 64}))
    else:
        with closing(sqlite3.connect(path, isolation_level=None)) as backup:
            backup.execute("UPDATE flows_flow SET name = 'Changed'")
    Flow.objects.update(name="Now")
    return path


def test_it_is_not_restored(changed):
    with pytest.raises(RestoreFailed) as raised:
        restore_backup(changed)
    assert raised.value.code == "changed-backup"
    assert raised.value.message == (
        f"{changed} was changed after it was verified: its SHA-256 is not the one in its note "
        f"{get_note_path(changed).name}. Use another backup; to use this one all the same, move "
        "the note away. Nothing was changed."
    )
    assert Flow.objects.get().name == "Now"


def test_the_command_refuses_it_before_it_backs_up(changed, run_command, backup_directory):
    before = sorted(backup_directory.iterdir())
    done = run_command("database_restore", str(changed), "--no-prompt")
    assert (done.code, json.loads(done.out)["data"]["code"]) == (1, "changed-backup")
    assert sorted(backup_directory.iterdir()) == before


def test_it_is_not_checked(changed):
    with pytest.raises(UncheckedBackup, match="move the note away") as raised:
        check_backup(changed)
    assert raised.value.code == "changed-backup"


def test_without_its_note_it_is_taken(changed):
    get_note_path(changed).unlink()
    assert check_backup(changed).damaged == ()
    restore_backup(changed)
    assert Flow.objects.get().name == ("Backed up" if ON_POSTGRESQL else "Changed")


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"sha256": null}'])
def test_a_note_that_is_none_says_nothing(changed, note):
    get_note_path(changed).write_text(note)
    assert check_backup(changed).damaged == ()
