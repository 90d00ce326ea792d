"""The warnings of a plan that must be acknowledged, as its page shows them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from flows.content.fields import Kind
from imports.plans.acknowledgement import AcknowledgedCode, RedWarning


class PageWarning(msgspec.Struct, frozen=True, kw_only=True):
    """A warning with its item: see imports.plans.acknowledgement.RedWarning."""

    code: AcknowledgedCode
    kind: Kind
    uuid: str
    name: str
    text: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAcknowledgement:
    """The warnings of one code, which are acknowledged together."""

    code: AcknowledgedCode
    warnings: tuple[PageWarning, ...]

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
    groups: dict[AcknowledgedCode, list[PageWarning]] = {code: [] for code in AcknowledgedCode}
    for warning in warnings:
        groups[warning.code].append(warning)
    return [
        PageAcknowledgement(code=code, warnings=tuple(group))
        for code, group in groups.items()
        if group
    ]
