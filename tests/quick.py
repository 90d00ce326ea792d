"""Select the quick tests, for `make quick`: those that need no database, no process and no clock.

A plugin of pytest: `python -m pytest -p tests.quick`. Left out are the tests that use the
database, those of modules that start other programs, those that measure how long something takes,
and those of the browser and of the documentation.
"""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent
_FOLDERS = {"browser", "docs"}
_DATABASE = {"db", "transactional_db", "live_server", "django_db_reset_sequences"}
# What they measure is how time grows, or that it does not.
_TIMED_MODULES = {"test_growth", "test_linearity", "test_pattern_growth"}
_TIMED = re.compile(r"(?:long|linear|bounded|takes)_time|time_is_in_proportion")
# They use databases of their own, without a fixture that says so.
_OWN_DATABASES = {"test_accounts_roles", "test_generated_client", "test_server_identity"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out every test that is not quick."""
    left_out = [item for item in items if not _is_quick(item)]
    config.hook.pytest_deselected(items=left_out)
    kept = set(items) - set(left_out)
    items[:] = [item for item in items if item in kept]


def _is_quick(item: pytest.Item) -> bool:
    if _FOLDERS & set(item.path.relative_to(_ROOT).parts):
        return False
    if item.get_closest_marker("django_db") or _DATABASE & set(getattr(item, "fixturenames", ())):
        return False
    if item.path.stem in _TIMED_MODULES | _OWN_DATABASES or _TIMED.search(item.name):
        return False
    return not hasattr(getattr(item, "module", None), "subprocess")
