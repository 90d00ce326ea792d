"""Plan one item of a file without the contents of the others. Pure.

What becomes of an item depends on the uuids and names of others and on the rows that these match,
never on what else they have.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flows.content.documents import read_text
from flows.content.fields import EXTRA, Content, Kind
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.plans.build import make_change, make_content
from imports.plans.comparison import compare
from imports.plans.decisions import Decisions
from imports.plans.drift import ReadContents
from imports.plans.item_destinations import decide_items
from imports.plans.left_out import is_left_out, make_left_out, remove_left_out
from imports.plans.matching import UNKNOWN_TARGET, Row
from imports.plans.place_warnings import DecidedItem
from imports.plans.plan import Change, Mode, Result
from imports.plans.reference_map import LostValue, ReferenceMap, map_references
from imports.plans.relevant_items import RelevantItems


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemInputs:
    """The data of the server from which an item is planned; each part is read when it is needed."""

    read_rows: Callable[[ExportDocument, Decisions], Mapping[Kind, Sequence[Row]]]
    """Reads the rows that the items of a document may match."""
    read_live_names: Callable[[Kind], Collection[str]]
    read_contents: ReadContents


def plan_item(
    item: FileItem, outline: ExportDocument, inputs: ItemInputs, *, mode: Mode, decisions: Decisions
) -> Change | None:
    """Return the item's change as in the plan of the file, but for drift and warnings.

    `outline` has the file's items: `item`, and the others without their contents. None where a
    decision is for a row that is not there: then only the whole plan says what becomes of the item.
    """
    if is_left_out(item, decisions):
        return make_left_out(item)
    relevant = RelevantItems(remove_left_out(outline, decisions), decisions)
    relevant.add_namesakes(item)
    relevant.add_mentioned(_find_texts({**item.content, EXTRA: item.extra}))
    references = ReferenceMap()
    decided: Mapping[Kind, Sequence[DecidedItem]] = {}
    while relevant.has_grown():
        document = relevant.make_document()
        rows = inputs.read_rows(document, decisions)
        names = {kind: inputs.read_live_names(kind) for kind in relevant.whole_kinds}
        decided, issues = decide_items(document, rows, names, mode, decisions)
        if any(issue.code == UNKNOWN_TARGET for issue in issues):
            return None
        references, _ = map_references(
            destination for kind in Kind for _, destination, _ in decided[kind]
        )
        relevant.add_rivals(rows)
        relevant.add_copies(decided)
        relevant.add_mentioned(_find_texts(_rewrite_uuids(item, references)))
    return _make_compared_change(item, decided[item.kind], references, inputs.read_contents)


def _rewrite_uuids(item: FileItem, references: ReferenceMap) -> Content:
    """Return the content in which secrets' names are rewritten: a new uuid can end such a name."""
    try:
        return ReferenceMap(uuids=references.uuids).rewrite_content(item)
    except LostValue:  # then nothing is rewritten
        return item.content


def _find_texts(content: Content) -> Iterator[str]:
    return (text for value in content.values() if isinstance(text := read_text(value), str))


def _make_compared_change(
    item: FileItem,
    decided_items: Sequence[DecidedItem],
    references: ReferenceMap,
    read_contents: ReadContents,
) -> Change:
    own = next(each for each in decided_items if each[0].item is item)
    match, destination, result = own
    content = make_content(item, destination, references, []) if result.writes else None
    change = make_change(match, destination, result, content)
    # Of several items that overwrite a row, which are refused, the last one is compared.
    overwriting = [each for each in decided_items if _overwrites(each, change.row)]
    if change.row and overwriting and overwriting[-1] is own:
        for _, stored in read_contents(item.kind, [change.row.pk]):
            change = compare(change, stored)
    return change


def _overwrites(decided_item: DecidedItem, row: Row | None) -> bool:
    match, _, result = decided_item
    return result is Result.OVERWRITE and match.row == row
