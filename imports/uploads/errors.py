"""Refusals of requests for an upload, beside those of its import."""

from http import HTTPStatus

from imports.errors import UnableToImport


class NothingPending(UnableToImport):
    """The user has no such upload: it was cancelled, or is more than a day old."""

    status = HTTPStatus.NOT_FOUND

    def __init__(self) -> None:
        super().__init__(
            "nothing-pending",
            "This upload is not there any more: it was imported or cancelled, or is more than a "
            "day old. See the records, or upload the file again.",
        )


class UploadRefused(UnableToImport):
    """This cannot be done with the upload now."""

    status = HTTPStatus.CONFLICT


class NotPlanned(UploadRefused):
    """A worker has not planned the upload yet, or could not."""

    def __init__(self) -> None:
        super().__init__("not-planned", "There is no plan of this upload yet.")


class NothingKept(NothingPending):
    """There is no such kept plan: it was replaced or deleted, or has expired."""

    def __init__(self) -> None:
        super(NothingPending, self).__init__(
            "not-found",
            "There is no such plan on this server: it was replaced or deleted, or has expired. "
            "Plan again.",
        )
