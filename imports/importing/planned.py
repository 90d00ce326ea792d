"""How many items of a file are planned, for whoever waits for the plan."""

from collections.abc import Callable
from itertools import count

from imports.exportfile.document import ExportDocument
from imports.runs.progress import Progress


def count_planned(document: ExportDocument, progress: Progress) -> Callable[[], None]:
    """Return what is called for each item that is planned, and calls `progress`, now for none."""
    total = sum(map(len, document.items.values()))
    numbers = count(1)
    progress(0, total)
    return lambda: progress(next(numbers), total)
