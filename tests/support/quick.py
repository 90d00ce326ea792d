"""Select the quick tests, for `make quick`: those that need no database, no process and no clock.

A plugin of pytest: `python -m pytest -p tests.support.quick`. Left out are the tests that use the
database, those of modules that start other programs, those that measure how long something takes,
and those of the browser and of the documentation.
"""

import re
from pathlib import Path

import pytest

from tests.support.slow import TIMED_MODULES

_ROOT = Path(__file__).parents[1]
_FOLDERS = {"browser", "docs"}
_DATABASE = {"db", "transactional_db", "live_server", "django_db_reset_sequences"}
_TIMED = re.compile(r"(?:long|linear|bounded|takes)_time|time_is_in_proportion")
# Of these modules only a test that starts a program itself is left out.
_FEW_PROGRAMS = {"test_strict_json"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out every test that is not quick."""
    leave_out(config, items, [item for item in items if not _is_quick(item)])


def leave_out(config: pytest.Config, items: list[pytest.Item], left_out: list[pytest.Item]) -> None:
    """Take these tests out of the list in place, and tell pytest that they are not run."""
    config.hook.pytest_deselected(items=left_out)
    kept = set(items) - set(left_out)
    items[:] = [item for item in items if item in kept]


def _is_quick(item: pytest.Item) -> bool:
    if _FOLDERS & set(item.path.relative_to(_ROOT).parts):
        return False
    if uses_database(item):
        return False
    if item.path.stem in TIMED_MODULES or _TIMED.search(item.name):
        return False
    return not starts_programs(item)


def uses_database(item: pytest.Item) -> bool:
    """Return whether the test has the database."""
    fixtures = set(getattr(item, "fixturenames", ()))
    return item.get_closest_marker("django_db") is not None or bool(_DATABASE & fixtures)


def starts_programs(item: pytest.Item) -> bool:
    """Return whether the test starts other programs itself, by what its module imports."""
    if not hasattr(getattr(item, "module", None), "subprocess"):
        return False
    code = getattr(getattr(item, "function", None), "__code__", None)
    return item.path.stem not in _FEW_PROGRAMS or code is None or "subprocess" in code.co_names
