"""How a run ended, in words: a file that was refused for a good reason did not fail."""

from imports.models import ImportRecord, Status

# The codes of records whose run ended by an error; every other code is of a refusal.
_FAILURES = {"unexpected-error", "outcome-unknown", "no-lock"}
_OF_DATABASE = "database-"


def get_shown_status(record: ImportRecord) -> Status:
    """Return the status to show: the record's, but REFUSED for a bad file, which it has as FAILED.

    A bad file is a sound refusal, whatever the record calls it: nothing of the server went wrong.
    """
    status = Status(record.status)
    is_failure = record.code in _FAILURES or record.code.startswith(_OF_DATABASE)
    if status is Status.FAILED and record.code and not is_failure:
        return Status.REFUSED
    return status


def describe_outcome(record: ImportRecord, message: str) -> str:
    """Return the status in words, with why; `message` is the record's, as the user may see it."""
    word = get_shown_status(record).label
    return f"{word}: {message}" if message else str(word)
