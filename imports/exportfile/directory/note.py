"""What the one-file export of a directory has beside its items. Pure.

So nothing of the directory itself is needed where its export is planned again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flows.counting import format_list
from flows.texts import make_printable, quote
from imports.exportfile.directory.form import ID_KEY, is_directory_id
from imports.exportfile.warnings import PlanWarning, WarningCode

LEFTOVERS_KEY = "directoryLeftovers"
NOTE_KEYS = frozenset({ID_KEY, LEFTOVERS_KEY})

_SHOWN = 5
_LEFTOVER = msgspec.json.Decoder(tuple[int, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryNote:
    """The directory that an export was read from."""

    directory_id: str = ""
    """Empty for a file that is none."""
    leftovers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By the position of a flow, the files in its folder that nothing names."""


def format_note(directory_id: str, leftovers: Iterable[tuple[int, str]]) -> dict[str, Any]:
    """Return what an export has under NOTE_KEYS."""
    return {ID_KEY: directory_id, LEFTOVERS_KEY: [[at, name] for at, name in leftovers]}


def read_note(values: Mapping[str, Any]) -> DirectoryNote:
    """Return the note of the values under NOTE_KEYS, lists as raw texts; any may be of no note."""
    directory_id = values.get(ID_KEY, "")
    raws = values.get(LEFTOVERS_KEY)
    leftovers: dict[int, tuple[str, ...]] = {}
    for raw in raws if isinstance(raws, list) else ():
        try:
            at, name = _LEFTOVER.decode(raw)
        except msgspec.MsgspecError:  # the key of another file, which is ignored
            continue
        leftovers[at] = (*leftovers.get(at, ()), name)
    return DirectoryNote(
        directory_id=directory_id if is_directory_id(directory_id) else "",
        leftovers=leftovers,
    )


def make_leftovers_warning(names: Sequence[str]) -> PlanWarning:
    """Return the warning about what lies beside a flow's files and belongs to nothing."""
    shown = names[:_SHOWN]
    more = len(names) - len(shown)
    return PlanWarning(
        code=WarningCode.LEFTOVER_FILES,
        text=f"nothing in the flow names {format_list([*map(quote, shown)], more=more)} of its "
        "folder, which is ignored: remove it, or name it in flow.json",
        data={"files": [*map(make_printable, shown)], "more": more},
    )
