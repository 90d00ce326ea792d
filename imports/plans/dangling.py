"""References to what is neither in the file nor on the server: worth a warning. Pure."""

from flows.content.fields import Kind
from flows.relations.mentions import Reference, find_references
from imports.exportfile.document import ExportDocument


def unresolved(document: ExportDocument) -> dict[str, list[Reference]]:
    """By the path of each item, what it refers to that is not in the file, sorted.

    Which of it the server has is for the caller to look up.
    """
    uuids = {kind: {item.uuid for item in document.items[kind]} for kind in Kind}
    names = {item.name for item in document.items[Kind.SECRET]}
    found: dict[str, list[Reference]] = {}
    for item in document:
        missing = {
            reference
            for reference in find_references(item.kind, item.content)
            if reference.target not in (names if reference.by_name else uuids[reference.kind])
        }
        if missing:
            found[item.path] = sorted(missing, key=str)
    return found
