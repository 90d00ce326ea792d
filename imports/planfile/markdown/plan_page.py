"""A plan as Markdown, for a comment of a pull request. Pure: what it shows of items is read for it.

What decides comes first: the counts, why it is refused, what must be acknowledged. Then the items,
those with warnings first. What does not fit is counted, and the end says where all of it is.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from flows.counting import format_count
from imports.errors import UnableToImport
from imports.planfile.markdown.blocks import (
    MOST_BYTES,
    fit_blocks,
    fit_lines,
    measure,
    measure_blocks,
    share_out,
)
from imports.planfile.markdown.escaping import write_code, write_marker, write_place
from imports.planfile.markdown.item_parts import (
    is_red,
    make_item_blocks,
    measure_heading,
    wrap_details,
    write_heading,
)
from imports.planfile.markdown.refusal_page import write_refusal, write_server
from imports.planfile.markdown.shown_item import ShownItem, summarize_unread
from imports.planfile.markdown.warning_lines import (
    find_serious,
    write_item,
    write_others,
    write_serious,
    write_unacknowledged,
)
from imports.planfile.wording import COUNTED, count_results, format_prunable
from imports.plans.acknowledgement import RedWarning
from imports.plans.plan import Change, Mode, Plan, Result

ReadItems = Callable[[Sequence[Change]], Iterable[ShownItem]]
"""Returns the items of these changes, in their order, each with its two states compared."""

_MOST_COMPARED = 200
_ROOM_OF_PROBLEMS = 16_000
_ROOM_OF_RED = 12_000
_ROOM_OF_OTHERS = 4_000
_ROOM_OF_END = 400
"""Without the place of the whole plan."""
_LEAST_DETAILS = 500
_NOT_IMPORTED = "Decided otherwise: not imported"
_TO_PRUNE = "To prune: not in the directory any more"
_SECTIONS = (Result.OVERWRITE, Result.DUPLICATE, Result.CREATE)


def format_plan_markdown(
    plan: Plan,
    *,
    source: str,
    read_items: ReadItems,
    unacknowledged: Sequence[RedWarning] = (),
    refusal: UnableToImport | None = None,
    whole: str = "",
) -> str:
    """Return the plan as Markdown of at most MOST_BYTES, in which no text of the file acts.

    `source` is what was planned, such as the name of a file: with the server it is in the marker of
    the first line. `read_items` is asked for the items that are shown with their details, as many
    as may fit. `refusal` is why the plan may not be done, and `unacknowledged` what must be
    acknowledged first. `whole` says where the whole plan is: an address, or words.
    """
    serious = find_serious(plan, unacknowledged)
    red = len(unacknowledged) + len(serious)
    top = [
        write_marker(server=plan.server, source=source),
        f"{write_server(plan.server)}: {'refused, ' if refusal else ''}{_format_counts(plan, red)}",
        f"Import of {write_code(source)}, {plan.mode}.",
    ]
    if refusal:
        top += write_refusal(refusal, room=_ROOM_OF_PROBLEMS)
    top += _write_list(
        "To be acknowledged before the import",
        write_unacknowledged(unacknowledged),
        _ROOM_OF_RED,
    )
    top += _write_list("Red warnings", write_serious(serious), _ROOM_OF_RED)
    top += _write_list(_NOT_IMPORTED, _list_decided(plan), _ROOM_OF_OTHERS, noun="item")
    top += _write_list(_TO_PRUNE, _list_pruned(plan), _ROOM_OF_OTHERS, noun="row")
    if hint := format_prunable(plan, how="only an import that prunes deletes what left it"):
        top.append(hint)
    top += _write_list("Other warnings", write_others(plan, unacknowledged), _ROOM_OF_OTHERS)
    room = MOST_BYTES - sum(measure(part) + 2 for part in top)
    room -= _ROOM_OF_END + measure(write_place(whole))
    parts, missing = _write_items(_order_changes(plan), read_items, room)
    return "\n\n".join([*top, *parts, *_write_end(missing, whole)]) + "\n"


def _list_decided(plan: Plan) -> list[str]:
    """Return the items that a decision keeps from being imported as the mode would."""
    return [
        f"- {write_item(change)}: {'left out' if change.is_left_out else 'skipped'}"
        for change in plan
        if change.is_left_out or (change.result is Result.SKIP and plan.mode is not Mode.SKIP)
    ]


def _list_pruned(plan: Plan) -> list[str]:
    return [f"- {write_item(change)}" for change in plan if change.result is Result.PRUNE]


def _format_counts(plan: Plan, red: int) -> str:
    counts, left_out = count_results(plan)
    counted = [f"{counts[one]} {words}" for one, words in COUNTED.items() if counts[one]]
    writing = sum(bool(counts[result]) for result in (*_SECTIONS, Result.PRUNE))
    if left_out:
        counted.append(f"{left_out} left out")
    if red:
        counted.insert(writing, format_count(red, "red warning"))
    return ", ".join(counted) or "nothing in the file"


def _write_list(title: str, lines: Sequence[str], room: int, *, noun: str = "warning") -> list[str]:
    return [f"### {title}", "\n".join(fit_lines(lines, room, noun))] if lines else []


def _order_changes(plan: Plan) -> list[Change]:
    """Return the changes that write, by result: those with a red warning first, then with any."""
    return [
        change
        for result in _SECTIONS
        for change in sorted(
            (change for change in plan if change.result is result),
            key=lambda change: (not is_red(change), not change.all_warnings),
        )
    ]


def _write_items(
    changes: Sequence[Change], read_items: ReadItems, room: int
) -> tuple[list[str], Counter[str]]:
    """Return the sections of the items, and how many items are not there as a whole, by how."""
    room -= sum(measure(f"### {_write_title(result, len(changes))}") + 2 for result in _SECTIONS)
    read, unread = changes[:_MOST_COMPARED], changes[_MOST_COMPARED:]
    headed, room = _take_headings(chain(read_items(read), map(summarize_unread, unread)), room)
    blocks = [make_item_blocks(item) for item, _ in headed]
    shares = _share_room([measure_blocks(each) for each in blocks], room)
    missing: Counter[str] = Counter()
    missing["unlisted"] = len(changes) - len(headed)
    texts: dict[Result, list[str]] = {result: [] for result in _SECTIONS}
    for (item, heading), parts, share in zip(headed, blocks, shares, strict=True):
        size = measure_blocks(parts)
        written = fit_blocks(parts, share) if share >= min(size, _LEAST_DETAILS) else []
        is_unread = item.difference is None and not item.problem
        if size > share or is_unread:
            missing["part" if written and not is_unread else "name"] += 1
        texts[item.change.result].append(wrap_details(heading, written))
    return [*_join_sections(texts, Counter(change.result for change in changes))], missing


def _take_headings(
    items: Iterable[ShownItem], room: int
) -> tuple[list[tuple[ShownItem, str]], int]:
    """Return the items whose headings fit, and the room that is left: details need a third of it.

    No more items are asked for than fit.
    """
    left, headed = room, []
    for item in items:
        heading = write_heading(item)
        if left - measure_heading(heading) < room // 3:
            break
        headed.append((item, heading))
        left -= measure_heading(heading)
    return headed, left


def _share_room(sizes: Sequence[int], room: int) -> list[int]:
    """Return the room for the details of each; where they are too many, the first ones have all."""
    shares = share_out(sizes, room)
    if all(share >= min(size, _LEAST_DETAILS) for size, share in zip(sizes, shares, strict=True)):
        return shares
    served = room // _LEAST_DETAILS
    return [*share_out(sizes[:served], room), *(0 for _ in sizes[served:])]


def _join_sections(texts: dict[Result, list[str]], counts: Counter[Result]) -> Iterator[str]:
    for result, parts in texts.items():
        if counts[result]:
            yield f"### {_write_title(result, counts[result])}"
            yield from parts
            if more := counts[result] - len(parts):
                yield f"... and {more} more"


def _write_title(result: Result, count: int) -> str:
    return f"{count} {COUNTED[result]}"


def _write_end(missing: Counter[str], whole: str) -> Iterator[str]:
    words = [
        f"{missing[key]} {text}"
        for key, text in (
            ("part", "shown in part"),
            ("name", "shown without what changes"),
            ("unlisted", "only counted"),
        )
        if missing[key]
    ]
    place = f" The whole plan: {write_place(whole)}" if whole else ""
    if words:
        yield f"Not all of it fits here: of the items, {', '.join(words)}.{place}"
    elif place:
        yield place.strip()
