"""What of a plan is acknowledged, by the request or at the approval of its saved plan."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from flows.conf import ziggy
from flows.counting import format_count, format_list
from imports.database.identity import read_identity
from imports.errors import NeedsAcknowledgement
from imports.importing.request import ImportRequest
from imports.planfile.shape import SavedAcknowledgement
from imports.plans.acknowledgement import (
    Acknowledged,
    RedWarning,
    count_items,
    filter_codes,
    find_red_warnings,
)
from imports.plans.plan import Plan

NEEDS_ACKNOWLEDGEMENT = "needs-acknowledgement"


def find_unacknowledged(plan: Plan, request: ImportRequest) -> list[RedWarning]:
    """Return the warnings that must be acknowledged before the plan is done, and are not yet."""
    asked = filter_codes(find_red_warnings(plan), ziggy.MUST_ACKNOWLEDGE)
    return [red for red, by in _find_acknowledging(asked, request) if by is None]


def make_refusal(missing: Sequence[RedWarning]) -> NeedsAcknowledgement:
    """Return the refusal of a plan with these warnings, with what to do at each door."""
    counts = count_items(missing)
    codes = ",".join(counts)
    first = {red.code: red for red in reversed(missing)}
    told = format_list(
        [
            f"{code} of {format_count(count, 'item')}, first of {first[code].describe_place()}"
            for code, count in counts.items()
        ]
    )
    return NeedsAcknowledgement(
        NEEDS_ACKNOWLEDGEMENT,
        f"These warnings must be acknowledged first: {told}.",
        [red.issue for red in missing],
        remedy="Nothing was written. Look at each. If all are right, import again with "
        f"--accept {codes} (the command), accept={codes} (a part of the API's form) or the ticks "
        "of the import page in the admin.",
    )


def list_acknowledged(plan: Plan, request: ImportRequest) -> list[dict[str, Any]]:
    """Return which codes of the plan's warnings were acknowledged, by whom, for the record."""
    found: dict[tuple[str, str], list[RedWarning]] = defaultdict(list)
    for red, by in _find_acknowledging(find_red_warnings(plan), request):
        if by is not None:
            found[red.code, by].append(red)
    return [
        Acknowledged(code=code, by=by, items=count_items(warnings)[code]).as_dict()
        for (code, by), warnings in found.items()
    ]


def make_saved_acknowledgements(
    plan: Plan, request: ImportRequest
) -> Iterator[SavedAcknowledgement]:
    """Yield what the request acknowledges of the plan, in the form of a plan's file.

    The keys of the warnings are signed: a key is of a secret and a host, which could be guessed.
    """
    warnings = filter_codes(find_red_warnings(plan), request.accept)
    identity = read_identity() if warnings else None
    for code in count_items(warnings):
        keys = [red.key for red in warnings if red.code == code]
        yield SavedAcknowledgement(
            code=code,
            by=request.user_name,
            warnings=tuple(identity.sign(key) for key in keys) if identity else (),
        )


def _find_acknowledging(
    warnings: Iterable[RedWarning], request: ImportRequest
) -> Iterator[tuple[RedWarning, str | None]]:
    """Yield each warning with the name of who acknowledged it; None for nobody."""
    saved = request.saved_plan.accepted if request.saved_plan else ()
    identity = read_identity() if saved else None
    approved = {(each.code, key): each.by for each in saved for key in each.warnings}
    shown = request.accept_shown
    for red in warnings:
        by = approved.get((red.code, identity.sign(red.key))) if identity else None
        if by is None and red.code in request.accept and (shown is None or red.key in shown):
            by = request.user_name
        yield red, by


def accept_shown(request: ImportRequest, plan: Plan, codes: Sequence[str]) -> ImportRequest:
    """Return the request with these codes acknowledged as well, all of them for what was shown."""
    shown = frozenset(red.key for red in find_red_warnings(plan))
    return replace(request, accept=(*request.accept, *codes), accept_shown=shown)
