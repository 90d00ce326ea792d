"""The words of an import's plan that all its texts share: its counts, and its warnings. Pure."""

from collections import Counter
from collections.abc import Mapping

from flows.counting import format_count
from imports.exportfile.warnings import WarningCode
from imports.plans.plan import Plan, Result

COUNTED: Mapping[Result, str] = {
    Result.CREATE: "to create",
    Result.DUPLICATE: "to duplicate",
    Result.OVERWRITE: "to overwrite",
    Result.PRUNE: "to prune",
    Result.SKIP: "to skip",
    Result.AMBIGUOUS: "ambiguous",
    Result.UNCHANGED: "unchanged",
}
"""The results in the order of the counts."""

OF_SEVERAL: Mapping[str, str] = {
    WarningCode.SECRET_RENAMED_IN_USE: "are renamed while others keep using the old names",
    WarningCode.DANGLING_REFERENCE: "have dangling references",
    WarningCode.INVISIBLE_CHARACTERS: "have characters that are not seen",
    WarningCode.EDITED_HERE: "were edited on this server since their last imports",
    WarningCode.OLDER_FILE: "are older than what was imported last",
    WarningCode.RENAMES: "are renamed",
    WarningCode.SHARED_NAME: "share a name with others",
    WarningCode.BROUGHT_BACK: "are brought back that were deleted",
    WarningCode.LEFTOVER_FILES: "have files in their folders that nothing names",
    WarningCode.NO_NAME: "have no name, so that they are matched by their uuids only",
}
"""The text of a warning that several items have, after their number and their kind."""


def count_results(plan: Plan) -> tuple[Counter[Result], int]:
    """Return how many items have each result, and how many the import leaves out.

    Those that are left out are not counted as skipped.
    """
    counts = plan.counts
    left_out = sum(change.is_left_out for change in plan)
    counts[Result.SKIP] -= left_out
    return counts, left_out


def format_prunable(plan: Plan, *, how: str) -> str:
    """Return a sentence on the rows that the directory lacks and that stay; "" for none.

    Of a plan that prunes, why they are not pruned; of any other, `how` those are that left it.
    """
    count = plan.imported_elsewhere if plan.prune else plan.prunable
    if not count:
        return ""
    rows = format_count(count, "row")
    if not plan.prune:
        are = "is" if count == 1 else "are"
        return f"{rows} that came from this directory {are} not in it any more: {how}."
    it, its, stay = ("it", "its", "stays") if count == 1 else ("them", "their", "stay")
    return (
        f"{rows} that the directory lacks {stay}: {its} last import was from elsewhere, and only "
        f"what came from this directory is pruned. To prune {it}, first import the directory as it "
        f"was when it had {it}; or delete {it} by hand."
    )
