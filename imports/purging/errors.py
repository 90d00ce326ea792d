"""Why an item is not deleted for good."""

from http import HTTPStatus

from imports.errors import UnableToImport


class NothingToPurge(UnableToImport):
    """There is no such item, and nothing is left of it."""

    status = HTTPStatus.NOT_FOUND
    exit_code = 2


class PurgeRefused(UnableToImport):
    """Live items use what would be deleted; `issues` has each."""

    status = HTTPStatus.CONFLICT
    exit_code = 3
