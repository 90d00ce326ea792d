"""The ticks of the warnings that must be acknowledged before an upload is imported."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from imports.planfile.acknowledgement import PageAcknowledgement, group_by_code
from imports.planfile.page import PlanPage
from imports.plans.acknowledgement import AcknowledgedCode

WORDS: Mapping[str, str] = {
    AcknowledgedCode.SECRET_TO_NEW_DESTINATION: "Stored secrets go to other destinations",
    AcknowledgedCode.CODE_USES_SECRET: "Code uses stored secrets that it did not use",
    AcknowledgedCode.EDITED_HERE: "What was edited on this server is overwritten",
    AcknowledgedCode.OLDER_FILE: "Newer content is overwritten by older",
    AcknowledgedCode.INVISIBLE_CHARACTERS: "Texts have characters that are not seen",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A tick with its words, and the warnings that it acknowledges."""

    words: str
    group: PageAcknowledgement


def list_ticks(plan: PlanPage) -> list[Tick]:
    """Return the ticks of a plan that may be confirmed; none of any other."""
    return list(_make_ticks(plan)) if plan.writes and not plan.refusal else []


def _make_ticks(plan: PlanPage) -> Iterator[Tick]:
    for group in group_by_code(plan.unacknowledged):
        yield Tick(words=WORDS[group.code], group=group)
