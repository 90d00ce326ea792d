"""Why a record may be missing: the records of old runs are removed with their history."""

from imports.models import ImportRecord


def explain_missing_record(number: int) -> str:
    """Return why the server may have no record of that number any more; "" where it had none.

    Numbers are given in order, so that one below the newest was probably a record's once.
    """
    if number < 1 or not ImportRecord.objects.filter(pk__gt=number).exists():
        return ""
    return (
        "It may have been removed with the old history (ZIGGY_HISTORY_DAYS, "
        "ZIGGY_HISTORY_KEEP_RUNS), and cannot be undone then."
    )
