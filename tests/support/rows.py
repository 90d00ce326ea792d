"""What the database holds, in tests."""

from io import BytesIO
from typing import Any

from imports.exporting.selection import select_everything
from imports.exporting.write import write_export


def row_of(item: Any, *without: str) -> dict[str, Any]:
    """Every column of an item's row but these."""
    row = type(item).objects.filter(pk=item.pk).values().get()
    return {column: value for column, value in row.items() if column not in without}


def exported() -> bytes:
    """The export of everything."""
    stream = BytesIO()
    write_export(select_everything(), stream, server="local")
    return stream.getvalue()
