"""Connections that an import would make send a stored secret elsewhere: marked in the plan.

A secret's value never travels, so an overwritten or copied connection keeps using the stored one;
whoever changes where the connection goes decides where that value is sent. Pure.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from flows.content import Content, Kind, Value
from flows.references import find_secret_names
from flows.retargeting import retargetings
from imports.plan import Change

_SENDS = "sends the stored "
_WHERE = " to another destination"

ReadContents = Callable[[Kind, Sequence[int]], Iterable[tuple[int, Content]]]


def marked(
    changes: Sequence[Change], valued_secrets: Collection[str], read_contents: ReadContents
) -> tuple[Change, ...]:
    """The connections' changes, each that retargets a secret with a value marked and warned of."""
    marked_changes = list(changes)
    positions = {
        change.row.pk: position
        for position, change in enumerate(changes)
        if valued_secrets and change.result.writes and change.row and not change.row.is_deleted
    }
    for pk, before in read_contents(Kind.CONNECTION, list(positions)):
        change = changes[positions[pk]]
        after = {**before, **(change.content or {})}
        used = sorted(set(_used(after)).intersection(valued_secrets))
        if used and (found := retargetings(before, after)):
            secrets = ", ".join(f"secrets.{name}" for name in used)
            what = ", ".join(map(str, found))
            warning = f"{_SENDS}{secrets}{_WHERE}: {what}"
            marked_changes[positions[pk]] = replace(
                change, retargets=True, warnings=(*change.warnings, warning)
            )
    return tuple(marked_changes)


def is_of_destination(warning: str) -> bool:
    """Whether it is this warning, of a stored secret that would go elsewhere."""
    return warning.startswith(_SENDS)


def without_destination(warning: str) -> str:
    """The warning, without what it tells of hosts."""
    if not is_of_destination(warning):
        return warning
    told, where, _ = warning.partition(_WHERE)
    return told + where


def _used(content: Content) -> Iterator[str]:
    texts: tuple[Value, ...] = (content["dev_value"], content["prod_value"])
    for text in texts:
        yield from find_secret_names(str(text or ""))
