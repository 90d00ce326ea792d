"""What was removed of the history, in words for people. Pure."""

from collections.abc import Mapping
from typing import Any

from flows.counting import format_count

NOT_PRUNED = "history-not-pruned"
"""The code in a record where pruning after its run failed."""


def format_pruned(pruned: Mapping[str, Any]) -> str:
    """Return in words what a record has of it, or PrunedHistory.as_dict(); "" for nothing."""
    if pruned.get("code") == NOT_PRUNED:
        return "could not be pruned: the server's log says why"
    if not any(pruned.values()):
        return ""
    counts = [
        format_count(pruned["records"], "record"),
        format_count(pruned["items"], "item"),
        format_count(pruned["saves"], "named save"),
    ]
    kept = format_count(pruned["reduced"], "more record")
    stay = f"; {kept} cannot be undone any more" if pruned["reduced"] else ""
    return f"removed {', '.join(counts)}{stay}"
