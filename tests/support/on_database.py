"""Run the tests that may see which database it is: `make test-database`.

A plugin of pytest: `python -m pytest -p tests.support.on_database`. Left out are pure tests, which
are the same on every database: they ask for none, start no program, are of no server or page, and
are skipped nowhere.
So are those of the documentation, whose pages run on an embedded database of their own.
"""

from pathlib import Path

import pytest

from tests.support.quick import leave_out, starts_programs, uses_database

_ROOT = Path(__file__).parents[1]
_PURE_FOLDERS = {"flows", "imports", "product"}
_OF_THEIR_OWN_DATABASE = {"docs"}
# What makes databases, for tests that ask for none.
_MAKERS = {"tests.support.dumps", "tests.support.local_project"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out every test that is pure."""
    leave_out(config, items, [item for item in items if _is_pure(item)])


def _is_pure(item: pytest.Item) -> bool:
    folder = item.path.relative_to(_ROOT).parts[0]
    if folder in _OF_THEIR_OWN_DATABASE:
        return True
    if folder not in _PURE_FOLDERS or uses_database(item) or starts_programs(item):
        return False
    if item.get_closest_marker("skipif"):  # elsewhere, perhaps: what says so may look at it
        return False
    globals_of_module = vars(getattr(item, "module", None) or object)
    return not _MAKERS & {
        getattr(value, "__module__", None) for value in globals_of_module.values()
    }
