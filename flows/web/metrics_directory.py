"""The directory in which processes count for the metrics: a file or two for each of them.

What a process has counted stays after its end, so that no counter goes down while others run. Its
files are removed when the service starts anew.
"""

import os
import re
from pathlib import Path

_COUNTS = re.compile(r"(?:counter|histogram|summary|gauge_[a-z]+)_(?P<process>[0-9]+)\.db")


def remove_counts_of_the_gone(directory: Path) -> None:
    """Make the directory where it is missing; remove the counts of processes that are gone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.iterdir():
        match = _COUNTS.fullmatch(file.name)
        if match and not _is_running(int(match["process"])):
            file.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
