"""What an export is to hold, as it is asked for through the API."""

from dataclasses import dataclass

from imports.exporting.directory_files import format_choice
from imports.exporting.selection import (
    Selection,
    select_all_flows,
    select_everything,
    select_flows,
)

_ALL_FLOWS = "flows"
"""The label of all flows, which is not that of everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChoice:
    """Chosen flows with all that they need; without tags and uuids all flows; or everything."""

    tags: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()
    has_everything: bool = False
    """Whether it also has the connections and secrets that no flow needs."""
    is_compact: bool = False

    @property
    def label(self) -> str:
        """One text for what is chosen, of which a directory's id is made."""
        if self.has_everything:
            return format_choice()
        if self.tags or self.uuids:
            return format_choice(uuids=self.uuids, tags=self.tags)
        return _ALL_FLOWS

    def select(self) -> Selection:
        """Return the rows. Raises UnknownFlowsError for a uuid that no live flow has."""
        if self.has_everything:
            return select_everything()
        if self.tags or self.uuids:
            return select_flows(uuids=self.uuids, tags=self.tags)
        return select_all_flows()
