"""What is decided of each flow of a sample before its graph is made: its name and its times."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from imports.samples.areas import FLOWS_PER_AREA, Area, make_area
from imports.samples.chance import Chance
from imports.samples.recipes import SUBFLOW, Recipe, pick_recipe
from imports.samples.systems import EDITED_ON

_FIRST_DAY = datetime(2023, 2, 1, 7, tzinfo=UTC)
_DAYS = 760
_SUBFLOW_PLACES = (5, 13)
"""The flows of an area that others call, by their places in it."""
_SHARED_NAMES = ("New flow", "Test", "Untitled", "Copy of flow", "Scratch")
_EMOJI = ("🚚", "📦", "✅", "⚠️", "🧾", "📬", "🔁", "🌙")
_LONG_ENDS = (
    ", with corrections of the previous month and everything that was entered by hand",
    " – includes what the @party@ sent twice, without those that are @state4@",
)
_SUFFIXES = (" v2", " (old)", " (@team@)", ", @partner@", " 2024", " (new)", " (EU)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A flow without its content."""

    index: int
    uuid: str
    name: str
    area: Area
    recipe: Recipe
    created_at: datetime
    updated_at: datetime
    is_edited: bool = False
    """Whether it is one of those that were changed since the sample."""

    @property
    def is_subflow(self) -> bool:
        """Return whether other flows call it."""
        return self.recipe is SUBFLOW


def make_outlines(seed: int, count: int) -> list[Outline]:
    """Return the outlines of so many flows; the first ones of a longer list are the same."""
    names: set[str] = set()
    outlines: list[Outline] = []
    area = make_area(seed, 0)
    for index in range(count):
        number, place = divmod(index, FLOWS_PER_AREA)
        if not place:
            area = make_area(seed, number)
        chance = Chance(seed, "flow", index)
        recipe = SUBFLOW if place in _SUBFLOW_PLACES else pick_recipe(chance)
        name = _make_name(chance, area, recipe, names)
        names.add(name)
        uuid = chance.make_uuid()
        created_at, updated_at = _make_times(chance)
        outlines.append(
            Outline(
                index=index, uuid=uuid, name=name, area=area, recipe=recipe,
                created_at=created_at, updated_at=updated_at,
            )
        )  # fmt: skip
    return outlines


def mark_edited(outline: Outline, seed: int, names: Collection[str], *, rename: bool) -> Outline:
    """Return the outline of a flow that was edited, with a name that no other has if renamed."""
    chance = Chance(seed, "edited", outline.index)
    at = EDITED_ON + timedelta(
        days=chance.pick_number(0, 9), milliseconds=chance.pick_number(0, 36_000_000)
    )
    name = _make_different(chance, outline.area, outline.name, names) if rename else outline.name
    return replace(outline, name=name, updated_at=at, is_edited=True)


def _make_name(chance: Chance, area: Area, recipe: Recipe, names: Collection[str]) -> str:
    if chance.happens(4) and recipe is not SUBFLOW:
        return chance.pick(_SHARED_NAMES)
    name = area.fill(chance.pick(recipe.names))
    if chance.happens(10) and recipe is not SUBFLOW:
        name = f"{chance.pick(area.process.local_names)} {area.site}"
    if chance.happens(5):
        name = f"{chance.pick(_EMOJI)} {name}"
    if chance.happens(4):
        name += area.fill(chance.pick(_LONG_ENDS))
    return _make_different(chance, area, name, names) if name in names else name


def _make_different(chance: Chance, area: Area, name: str, names: Collection[str]) -> str:
    """Return the name with an end that makes it different from all of these."""
    for suffix in chance.pick_several(_SUFFIXES, len(_SUFFIXES)):
        if (longer := name + area.fill(suffix)) not in names:
            return longer
    number = next(number for number in range(3, len(names) + 4) if f"{name} {number}" not in names)
    return f"{name} {number}"


def _make_times(chance: Chance) -> tuple[datetime, datetime]:
    created_at = _FIRST_DAY + timedelta(
        days=chance.pick_number(0, _DAYS), milliseconds=chance.pick_number(0, 39_600_000)
    )
    if chance.happens(55):
        return created_at, created_at
    later = timedelta(days=chance.pick_number(0, 120), minutes=chance.pick_number(1, 600))
    return created_at, created_at + later
