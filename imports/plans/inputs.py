"""The inputs for planning an import. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from flows.content.fields import Kind
from flows.destinations.changes import Server
from flows.relations.mentions import Reference
from imports.plans.drift import LastImport, ReadContents, ReadLastWrites
from imports.plans.matching import Row
from imports.plans.place_warnings import ReadNaming
from imports.plans.pruning import BroughtRow, FindUsers


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """The data of the server from which an import is planned."""

    rows: Mapping[Kind, Sequence[Row]]
    read_contents: ReadContents
    read_last_writes: ReadLastWrites
    live_names: Mapping[Kind, Collection[str]] = field(default_factory=dict)
    """All names in use; needed only for duplicates."""
    dangling: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    """By the path of each item, its references to what is neither in the file nor on the server."""
    secret_names_here: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By the path of each item, the secrets it names that are on the server and not in the file."""
    server: Server
    """The server's secrets and their destinations."""
    read_rows: Callable[[Kind, Iterable[str]], Iterable[Row]] = lambda _kind, _uuids: ()
    """Reads the rows of a kind with these uuids."""
    read_naming: ReadNaming = lambda _names: ()
    """Reads the rows that may name one of these secrets."""
    last_imports: Mapping[Kind, Mapping[str, LastImport]] = field(default_factory=dict)
    """By kind and by the uuid of a row, its last import."""
    brought: Mapping[Kind, Sequence[BroughtRow]] = field(default_factory=dict)
    """The live rows that came last from the file's directory, and whose uuids it does not have."""
    imported: Mapping[Kind, Set[str]] = field(default_factory=dict)
    """The uuids of the live rows that any import brought, without those that the file has; needed
    only to prune."""
    find_users: FindUsers = lambda _rows: ()
    """Finds what uses rows; needed only to prune."""
    report_planned: Callable[[], None] = lambda: None
    """Called for each item that is planned."""
