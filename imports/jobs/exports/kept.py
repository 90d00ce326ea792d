"""The exports that a user left to workers: found, fetched, and called off or forgotten."""

from http import HTTPStatus

import msgspec
from django.db import transaction

from flows.servers import get_current_database
from flows.users import User
from imports.errors import UnableToImport
from imports.expiry import is_export_unexpired
from imports.exporting.choice import ExportChoice
from imports.jobs.exports.asking import UNFINISHED
from imports.jobs.queue import cancel_in_queue
from imports.models import BackgroundExport, ExportStatus
from imports.uploads.stored_file import unpack_file


class NoSuchExport(UnableToImport):
    """The user has no export of that number, or none any more."""

    status = HTTPStatus.NOT_FOUND


class NoFileYet(UnableToImport):
    """The export has no file: it is not built yet, or was not built."""

    status = HTTPStatus.CONFLICT


def find_background_export(user: User, number: int) -> BackgroundExport:
    """Return the user's export of that number, without its file. Raises NoSuchExport."""
    own = BackgroundExport.objects.filter(is_export_unexpired(), user=user)
    export = own.defer("content").filter(pk=number).first()
    if export is None:
        raise NoSuchExport("no-export", f"You have no export {number}. They are kept for a day.")
    return export


def read_packed_export(export: BackgroundExport) -> bytes:
    """Return the file, in gzip. Raises NoFileYet, and WrongKeyError where the keys are others."""
    if export.status in UNFINISHED:
        why = f"Export {export.pk} is not built yet."
        raise NoFileYet("not-built", why, remedy="Look at it again later.")
    if export.status != ExportStatus.SUCCEEDED:
        raise NoFileYet("not-built", f"Export {export.pk} was not built: it is {export.status}.")
    return unpack_file(bytes(export.content or b""))


def read_choice(export: BackgroundExport) -> ExportChoice:
    """Return what the export was asked to hold."""
    return msgspec.convert(export.choice, ExportChoice)


def forget_background_export(user: User, number: int) -> None:
    """Delete the user's export; one that is queued or being built is called off.

    Raises NoSuchExport.
    """
    with transaction.atomic(using=get_current_database()):
        export = find_background_export(user, number)
        if export.status in UNFINISHED and export.queue_number is not None:
            cancel_in_queue(export.queue_number)
        BackgroundExport.objects.filter(pk=export.pk).delete()
