"""The rows that ambiguous items of a plan may be, with what helps to choose one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from flows.content import canonical
from flows.content.fields import Content, Kind
from flows.relations.uses import find_users_of_many
from flows.users import User
from imports.importing.prepare import Preview
from imports.permissions import find_visible_kinds
from imports.planfile.page_parts import CandidatesOfItems, PageCandidate, PageUser
from imports.plans.likeness import Parts, compute_share, count_item_parts, count_parts
from imports.plans.matching import Row
from imports.plans.plan import Change
from imports.rows.read import read_contents, read_last_writes

MOST_COMPARED = 1_000
"""The most pairs of an item and a row that are compared."""
_USERS_SHOWN = 3


def read_candidates(preview: Preview, user: User | None) -> CandidatesOfItems:
    """Return the rows that items may be, by item, those first that have most of its content.

    Only of items whose name is ambiguous, or was until a decision. Of very many items and rows the
    first are compared. That the user may see rows of these kinds was checked for the preview.
    """
    seen = find_visible_kinds(user)
    found: CandidatesOfItems = {}
    for kind in Kind:
        changes = [change for change in preview.plan.changes[kind] if change.candidates]
        if changes:
            facts = _Facts(kind, changes)
            facts.read_users(seen)
            found = {
                **found,
                **{(kind, change.item.uuid): facts.rank(change) for change in changes},
            }
    return found


class _Facts:
    """What is known of the candidates of a kind's items."""

    def __init__(self, kind: Kind, changes: Sequence[Change]) -> None:
        self._kind = kind
        self._rows = {row.pk: row for change in changes for row in change.candidates}
        self._writes = read_last_writes(kind, list(self._rows))
        self._users: dict[str, list[PageUser]] = {row.uuid: [] for row in self._rows.values()}
        self._labels: dict[int, tuple[str, ...]] = {}
        self._shares: dict[tuple[str, int], int] = {}
        self._compare(changes)

    def read_users(self, seen: Collection[Kind]) -> None:
        """Read what uses the rows, of the kinds that may be seen."""
        names = {row.uuid: row.name for row in self._rows.values()}
        for kind, uuid, name, used in find_users_of_many({self._kind: names}):
            if kind in seen:
                for _, used_uuid in used:
                    self._users[used_uuid].append(PageUser(kind=kind, uuid=uuid, name=name))

    def rank(self, change: Change) -> tuple[PageCandidate, ...]:
        """Return the item's candidates, the best first."""
        candidates = (
            self._make_candidate(row, self._shares.get((change.item.uuid, row.pk)))
            for row in change.candidates
        )
        return tuple(sorted(candidates, key=_get_rank))

    def _compare(self, changes: Sequence[Change]) -> None:
        """Read the rows' contents, one at a time, and compare each with those of the items."""
        items: dict[int, list[tuple[str, Parts]]] = defaultdict(list)
        for change, rows in _limit_pairs(changes):
            item = change.item
            parts = count_item_parts(self._kind, item.content, item.extra)
            for row in rows:
                items[row.pk].append((item.uuid, parts))
        for pk, content in read_contents(self._kind, list(items)):
            self._labels[pk] = _find_labels(content)
            of_row = count_parts(self._kind, content)
            for uuid, parts in items[pk]:
                self._shares[uuid, pk] = compute_share(parts, of_row)

    def _make_candidate(self, row: Row, share: int | None) -> PageCandidate:
        write = self._writes.get(row.pk)  # None where it was purged just now
        users = sorted(self._users[row.uuid], key=lambda user: (user.kind, user.name, user.uuid))
        return PageCandidate(
            pk=row.pk,
            uuid=row.uuid,
            name=row.name,
            labels=self._labels.get(row.pk, ()),
            changed_at=write.at if write else None,
            changed_by=write.by if write else "",
            users=tuple(users[:_USERS_SHOWN]),
            user_count=len(users),
            share=share,
        )


def _limit_pairs(changes: Iterable[Change]) -> Iterator[tuple[Change, tuple[Row, ...]]]:
    """Yield each item with the rows to compare it with, until there are MOST_COMPARED pairs."""
    left = MOST_COMPARED
    for change in changes:
        rows = change.candidates[:left]
        left -= len(rows)
        if rows:
            yield change, rows


def _find_labels(content: Content) -> tuple[str, ...]:
    """Return the tags of a row; the type of a connection, which has none."""
    if "tags" in content:
        return tuple(str(tag) for tag in canonical.decode(str(content["tags"])) or ())
    return (str(content["type"]),) if content.get("type") else ()


def _get_rank(candidate: PageCandidate) -> tuple[object, ...]:
    """Return a key that puts the best candidate first: most alike, most used, last changed."""
    share = -1 if candidate.share is None else candidate.share
    changed = candidate.changed_at.timestamp() if candidate.changed_at else 0.0
    return (-share, -(candidate.user_count or 0), -changed, candidate.uuid)
