"""The tests of each module, which its mutants are run against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The files in tests/ of which one must fail for each of a module's mutants."""

    tests: tuple[str, ...]
    needs_django: bool = False
    """Whether they need Django's settings or a database. Without, a mutant takes a second."""


ROOMS = {
    "flows.destinations.destinations": Room(
        tests=(
            "flows/destinations/test_destination_settings.py",
            "flows/destinations/test_connection_destinations.py",
        ),
        needs_django=True,
    ),
    "flows.destinations.new": Room(tests=("flows/destinations/test_new_destinations.py",)),
    "flows.content.plain_object": Room(tests=("flows/content/test_plain_object.py",)),
    "flows.destinations.uses": Room(tests=("flows/destinations/test_secret_uses.py",)),
    "imports.planfile.snapshot": Room(tests=("imports/planfile/test_confirmation_token.py",)),
    "imports.plans.comparison": Room(tests=("imports/plans/test_comparison.py",)),
    "imports.plans.decisions": Room(tests=("imports/plans/test_decisions.py",)),
    "imports.plans.reference_map": Room(tests=("imports/plans/test_reference_map.py",)),
    "imports.plans.matching": Room(tests=("imports/plans/test_matching.py",)),
    "imports.plans.plan": Room(tests=("imports/plans/test_plan.py",)),
    "imports.plans.build": Room(
        tests=("imports/plans/test_planning.py", "imports/plans/test_matching.py")
    ),
    "imports.plans.item_destinations": Room(
        tests=("imports/plans/test_planning.py", "imports/plans/test_matching.py")
    ),
    "imports.undo.plans.build": Room(tests=("imports/undo/test_undo_deciding.py",)),
    "imports.undo.plans.kept_rows": Room(tests=("imports/undo/test_undo_deciding.py",)),
}
