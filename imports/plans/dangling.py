"""Find the references to what is not in the file. Pure."""

from flows.content.fields import Kind
from flows.relations.mentions import Reference
from imports.exportfile.document import ExportDocument


def find_unresolved(document: ExportDocument) -> dict[str, list[Reference]]:
    """Return, by the path of each item, its references to what is not in the file, sorted.

    The caller looks up which of the targets are on the server.
    """
    uuids = {kind: {item.uuid for item in document.items[kind]} for kind in Kind}
    names = {item.name for item in document.items[Kind.SECRET]}
    found: dict[str, list[Reference]] = {}
    for item in document:
        missing = {
            reference
            for reference in item.references
            if reference.target not in (names if reference.by_name else uuids[reference.kind])
        }
        if missing:
            found[item.path] = sorted(missing, key=str)
    return found
