"""What was removed of the history, in words for people. Pure."""

from collections.abc import Mapping
from typing import Any

from flows.counting import format_count
from imports.history.decide import KeptOlderRuns

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


def format_kept_older(kept: KeptOlderRuns | None) -> str:
    """Return in words why older runs stay, or why none is old; "" where no older run stays."""
    if kept is None:
        return "ZIGGY_HISTORY_DAYS keeps all history; say --days to remove some of it."
    reasons = []
    if kept.by_keep_runs:
        reasons.append(
            f"{len(kept.by_keep_runs)} because the newest {kept.keep_runs} stay whatever their age "
            "(ZIGGY_HISTORY_KEEP_RUNS, or --keep-runs)"
        )
    if kept.by_undo:
        reasons.append(
            f"{len(kept.by_undo)} because what undoes them, or what they undo, is not old yet"
        )
    if not reasons:
        return ""
    runs = format_count(len(kept.by_keep_runs) + len(kept.by_undo), "older run")
    verb = "stays" if runs.startswith("1 ") else "stay"
    return f"{runs} {verb}: {', and '.join(reasons)}."
