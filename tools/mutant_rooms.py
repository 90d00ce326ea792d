"""Which tests are those of a module: what a mutant of it is run against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The files in tests/ that a module's mutants must fail."""

    tests: tuple[str, ...]
    needs_django: bool = False
    """Whether they need its settings, or a database. Without it, a mutant takes a second."""


ROOMS = {
    "flows.destinations.destinations": Room(
        tests=("test_destination_settings.py", "test_connection_destinations.py")
    ),
    "flows.destinations.new": Room(tests=("test_new_destinations.py",)),
    "flows.content.plain_object": Room(tests=("test_plain_object.py",)),
    "flows.destinations.uses": Room(tests=("test_secret_uses.py",)),
    "imports.plans.comparison": Room(tests=("test_comparison.py",)),
    "imports.plans.decisions": Room(tests=("test_decisions.py",)),
    "imports.plans.landing": Room(tests=("test_landing.py",)),
    "imports.plans.matching": Room(tests=("test_matching.py",)),
    "imports.plans.plan": Room(tests=("test_plan.py",)),
    "imports.plans.build": Room(tests=("test_planning.py", "test_matching.py")),
    "imports.undo.plans.build": Room(tests=("test_undo_deciding.py",)),
}
