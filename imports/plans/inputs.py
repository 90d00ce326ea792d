"""What planning an import has to know of the server. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flows.content.fields import Kind
from flows.destinations.changes import Server
from flows.relations.mentions import Reference
from imports.plans.drift import LastImport, ReadContents, ReadLastWrites
from imports.plans.matching import Row
from imports.plans.place_warnings import ReadNaming


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """What planning has to know of the server."""

    rows: Mapping[Kind, Sequence[Row]]
    read_contents: ReadContents
    read_last_writes: ReadLastWrites
    live_names: Mapping[Kind, Collection[str]] = field(default_factory=dict)
    """All names in use, for duplicates only."""
    dangling: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    """By the path of each item, what it refers to that is neither in the file nor here."""
    secret_names_here: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the path of each item, the secrets that it names which are here, and not in the file."""
    server: Server
    """Which secrets there are, and where they are sent."""
    read_rows: Callable[[Kind, Iterable[str]], Iterable[Row]] = lambda _kind, _uuids: ()
    """Reads the rows of a kind with these uuids."""
    read_naming: ReadNaming = lambda _names: ()
    """Reads the rows that may name one of these secrets."""
    last_imports: Mapping[Kind, Mapping[str, LastImport]] = field(default_factory=dict)
    """By kind and by the uuid of a row, the last import that it came from."""
