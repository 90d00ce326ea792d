"""What an import changed in one row: the state before it, compared with the present row."""

from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.urls import reverse
from reversion.models import Version

from flows.content.fields import Content, Kind
from flows.differences.values import compare_contents
from flows.models import MODELS, Item
from flows.saves.saved_states import get_content, get_present_row, read_saved_content
from flows.servers import get_current_database
from imports.admin.wording import RESULT_WORDS
from imports.models import ImportItem
from imports.plans.plan import WRITING_RESULTS

NO_SAVE = "The state before the import is not kept any more, so there is nothing to compare with."
UNFIT_SAVE = "The state before the import does not fit the database any more."


def has_difference(item: ImportItem) -> bool:
    """Return whether the run wrote the item, so that there is a difference to show."""
    return item.result in WRITING_RESULTS


def make_item_context(item: ImportItem) -> dict[str, Any]:
    """Return the context of the page, with the difference or, as `fault`, why there is none."""
    kind = Kind(item.kind)
    model: type[Item] = MODELS[kind]
    row = model._default_manager.filter(uuid=item.target_uuid).first()
    before, saved_at, fault = _read_state_before(item, model)
    after = None if row is None else get_content(kind, get_present_row(row))
    return {
        "title": f"What changed in {item.target_name or item.target_uuid}",
        "item": item,
        "result": RESULT_WORDS[item.result],
        "row": row,
        "row_url": row and reverse(f"admin:flows_{kind}_change", args=[row.pk]),
        "saved_at": saved_at,
        "is_new": before is None,
        "fault": fault,
        "difference": None if fault else compare_contents(kind, before, after),
    }


def _read_state_before(item: ImportItem, model: type[Item]) -> tuple[Content | None, Any, str]:
    """Return the row's content before the import, when it was saved, and a fault or "".

    The content is None if there was no row. The values of a secret are not part of the content.
    """
    if item.named_save_id is None:
        return None, None, "" if item.is_new else NO_SAVE
    version = (
        Version.objects.using(get_current_database())
        .get_for_model(model, model_db=DEFAULT_DB_ALIAS)
        .filter(revision=item.named_save_id)
        .select_related("revision")
        .first()
    )
    if version is None:
        return None, None, NO_SAVE
    before = read_saved_content(model.kind, version)
    if before is None:
        return None, None, UNFIT_SAVE
    return before, version.revision.date_created, ""
