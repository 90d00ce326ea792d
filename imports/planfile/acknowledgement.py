"""The warnings of a plan that must be acknowledged, as its page shows them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from flows.acknowledgeable import MAY_ACKNOWLEDGE
from flows.content.fields import Kind
from imports.plans.acknowledgement import RedWarning


class PageWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A warning with its item: see imports.plans.acknowledgement.RedWarning."""

    code: str
    kind: Kind
    uuid: str
    name: str
    text: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAcknowledgement:
    """The warnings of one code, which are acknowledged together."""

    code: str
    warnings: tuple[PageWarning, ...]

    @property
    def words(self) -> str:
        """Return what they warn of, for people."""
        return MAY_ACKNOWLEDGE[self.code]

    @property
    def items(self) -> int:
        """Return how many items have such a warning."""
        return len({(warning.kind, warning.uuid) for warning in self.warnings})


def make_page_warnings(warnings: Iterable[RedWarning]) -> tuple[PageWarning, ...]:
    """Return the warnings as a page keeps them."""
    return tuple(
        PageWarning(
            code=red.code,
            kind=red.change.item.kind,
            uuid=red.change.item.uuid,
            name=red.change.item.name,
            text=red.text,
            key=red.key,
        )
        for red in warnings
    )


def group_by_code(warnings: Iterable[PageWarning]) -> list[PageAcknowledgement]:
    """Return the warnings by code, the gravest code first."""
    groups: dict[str, list[PageWarning]] = {code: [] for code in MAY_ACKNOWLEDGE}
    for warning in warnings:
        groups[warning.code].append(warning)
    return [
        PageAcknowledgement(code=code, warnings=tuple(group))
        for code, group in groups.items()
        if group
    ]
