"""Remove named saves: revisions that hold one save of an item, and nothing of anybody else."""

from collections import defaultdict
from collections.abc import Iterable

from django.contrib.contenttypes.models import ContentType
from django.db import DEFAULT_DB_ALIAS
from reversion.models import Revision, Version

from flows.batches import split_batches
from flows.models import MODELS
from flows.servers import get_current_database

_BATCH = 500  # SQLite takes 999 variables in the oldest build that Django supports


def find_own_revisions(revisions: Iterable[int]) -> list[int]:
    """Return those of the revisions that hold one version, which is of an item.

    Others were made otherwise, and may hold rows of other apps.
    """
    database = get_current_database()
    types = ContentType.objects.db_manager(database).get_for_models(*MODELS.values())
    own = {content_type.pk for content_type in types.values()}
    found: list[int] = []
    for batch in split_batches(sorted(set(revisions)), _BATCH):
        held: defaultdict[int, list[bool]] = defaultdict(list)
        versions = Version.objects.using(database).filter(revision__in=batch).order_by()
        for revision, content_type, alias in versions.values_list(
            "revision_id", "content_type_id", "db"
        ):
            held[revision].append(content_type in own and alias == DEFAULT_DB_ALIAS)
        found += [revision for revision in batch if held.get(revision) == [True]]
    return found


def remove_saves(revisions: Iterable[int]) -> int:
    """Delete those of the revisions that `find_own_revisions` returns; return their number.

    Call it in a transaction. What refers to them elsewhere is treated as Django does.
    """
    own = find_own_revisions(revisions)
    for batch in split_batches(own, _BATCH):
        Revision.objects.using(get_current_database()).filter(pk__in=batch).delete()
    return len(own)
