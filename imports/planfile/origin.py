"""Check whether a saved plan is for another file or another server. Pure."""

from collections.abc import Iterator

from flows.texts import quote
from imports.errors import Issue
from imports.planfile.shape import SavedFile, SavedPlan, SavedServer


def find_origin_changes(saved: SavedPlan, *, file: SavedFile, server: SavedServer) -> list[Issue]:
    """Return issues where the plan was made for another file or another server."""
    return list(_find_origin_changes(saved, file, server))


def _find_origin_changes(saved: SavedPlan, file: SavedFile, server: SavedServer) -> Iterator[Issue]:
    if (saved.file.sha256, saved.file.size) != (file.sha256, file.size):
        yield Issue(
            code="other-file",
            message=f"The plan is for another file: {quote(saved.file.name)} of "
            f"{saved.file.size:,} bytes, SHA-256 {saved.file.sha256}. This one has "
            f"{file.size:,} bytes, SHA-256 {file.sha256}.",
        )
    if saved.server.name != server.name:
        yield Issue(
            code="other-server",
            message=f"The plan is for the server {quote(saved.server.name)}, not for "
            f"{quote(server.name)}.",
        )
    elif saved.server.identity != server.identity:
        yield Issue(
            code="other-database",
            message=f"The plan is for another database: the server {quote(server.name)} has "
            "a new one, or another server bears its name.",
        )
