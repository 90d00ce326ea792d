"""Find what a file has twice and may have only once. Pure."""

from collections.abc import Iterator, Mapping

from flows.content.fields import Kind
from imports.errors import Issue
from imports.exportfile.items import FileItem


def find_repeated(items: Mapping[Kind, tuple[FileItem, ...]]) -> Iterator[Issue]:
    """Yield an issue for each repeated uuid of a kind, and each repeated name of a secret."""
    for kind in Kind:
        first: dict[str, FileItem] = {}
        for item in items[kind]:
            if (other := first.setdefault(item.uuid, item)) is not item:
                yield item.make_issue(
                    "duplicate-uuid",
                    f"{other.path} has the same uuid. Remove one of the two from the file.",
                )
    names: dict[str, FileItem] = {}
    for item in items[Kind.SECRET]:
        if (other := names.setdefault(item.name, item)) is not item:
            yield item.make_issue(
                "duplicate-name",
                f"{other.path} has the same name, and a secret's name is unique. Rename one.",
            )
