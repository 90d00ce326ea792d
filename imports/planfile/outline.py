"""The items of a file as the page of its plan has them: their uuids and names. Pure."""

from flows.content.fields import Kind
from imports.exportfile.document import ExportDocument
from imports.exportfile.items import FileItem
from imports.planfile.page import PageItem, PlanPage


def find_position(page: PlanPage, item: PageItem) -> int:
    """Return the item's index in its kind's list of the file, from 0."""
    return [each.uuid for each in _list_items(page) if each.kind is item.kind].index(item.uuid)


def make_outline(page: PlanPage, item: FileItem) -> ExportDocument:
    """Return the document with `item` and the page's other items, which have no content."""
    items: dict[Kind, list[FileItem]] = {kind: [] for kind in Kind}
    for each in _list_items(page):
        of_kind = items[each.kind]
        is_read = each.kind is item.kind and len(of_kind) == item.position
        of_kind.append(item if is_read else _make_bare_item(each, len(of_kind)))
    return ExportDocument(
        sha256="", size=0, items={kind: tuple(of_kind) for kind, of_kind in items.items()}
    )


def _list_items(page: PlanPage) -> list[PageItem]:
    """Return the items of the file, without rows that are pruned."""
    return [each for each in page.items if not each.is_pruned]


def _make_bare_item(item: PageItem, position: int) -> FileItem:
    return FileItem(
        kind=item.kind,
        position=position,
        uuid=item.uuid,
        file_uuid=item.uuid,
        name=item.name,
        content={},
        extra="{}",
    )
