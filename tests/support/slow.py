"""Mark the slow tests: those of a browser, of server processes and of the documentation's examples,
those that measure time, and those that build something. `-m "not slow"` leaves them out.
"""

from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[1]
TIMED_MODULES = {"test_linearity"}
"""Modules that measure how time grows, or that it does not."""
_FOLDERS = {"browser", "deployment"}
_MODULES = {
    *(*TIMED_MODULES, "test_preview_speed"),
    *(
        "test_worker_memory",
        "test_wire",
        "test_git_recipe",
        "test_ci_comments",
        "test_openapi",
        "test_generated_client",
        "test_wheel",
        "test_killed_workers",
    ),
    *(
        "test_docs_examples",
        "test_mutants",
        "test_commands_without_database",
        "test_added_field",
        "test_schema_dump",
        "test_upgrade",
        "test_access_in_other_projects",
        "test_start_of_other_projects",
    ),
}


def mark_slow_tests(items: list[pytest.Item]) -> None:
    """Mark each of these tests that is slow."""
    for item in items:
        folders = set(item.path.relative_to(_TESTS).parts)
        if item.path.stem in _MODULES or _FOLDERS & folders:
            item.add_marker(pytest.mark.slow)
