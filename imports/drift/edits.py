"""Keep what an import left of a row when somebody edits it, so that both can be compared."""

from flows.content.fields import get_columns
from flows.models import Item
from flows.saves import named_saves
from flows.saves.edits import PRE_EDIT
from flows.users import User
from imports.plans.plan import compute_content_digest
from imports.records.last_imports import read_last_imports


def keep_imported_state(row: Item, user: User) -> None:
    """Take a named save of the row, if its content is still what its last import left."""
    uuid = str(row.uuid)
    last = read_last_imports(row.kind, [uuid]).get(uuid)
    if last and last.digest == compute_content_digest(row.content, get_columns(row.kind)):
        named_saves.take_rows(type(row), [row.pk], PRE_EDIT, user=user)
