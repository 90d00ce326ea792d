"""Say of each item of a plan what changes inside it: the documents before are read in batches."""

from collections.abc import Iterator

from flows.change_summary import summarize_change, summarize_new
from flows.content.documents import copy_unread
from flows.content.fields import Kind
from imports.planfile.snapshot import ItemKey
from imports.plans.plan import Change, Plan, Result
from imports.rows.read import read_contents

Summaries = dict[ItemKey, tuple[str, ...]]

_TOLD = (Kind.FLOW, Kind.CONNECTION)
"""Secrets have nothing inside."""
_INSIDE = frozenset({"nodes", "edges", "devValue", "prodValue"})
"""The keys of fields that the plan tells by their names alone."""


def read_summaries(plan: Plan) -> Summaries:
    """Return, for each item that is written, what is new in it or what differs from its row."""
    return {
        (kind, change.item.uuid): words
        for kind in _TOLD
        for change, words in _summarize_kind(kind, plan.changes[kind])
        if words
    }


def _summarize_kind(
    kind: Kind, changes: tuple[Change, ...]
) -> Iterator[tuple[Change, tuple[str, ...]]]:
    overwriting: dict[int, list[Change]] = {}
    for change in changes:
        if change.content is None:
            continue
        if change.result is not Result.OVERWRITE or change.row is None:
            yield change, summarize_new(kind, change.content)
        elif _INSIDE.intersection(field.key for field in change.fields):
            overwriting.setdefault(change.row.pk, []).append(change)
    for pk, before in read_contents(kind, list(overwriting)):
        for change in overwriting[pk]:
            yield change, summarize_change(kind, before, copy_unread(change.content or {}))
