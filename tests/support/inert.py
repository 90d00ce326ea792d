"""What is decided is inert data: nobody alters it, adds to it, or mixes its fields up by position."""

import inspect
from dataclasses import is_dataclass
from types import ModuleType


def assert_inert(module: ModuleType, *, by_position: tuple[str, ...] = ()) -> None:
    """Every dataclass of the module is frozen, slotted and made by keywords.

    Those named in `by_position` may be made without keywords.
    """
    classes = [
        found
        for found in vars(module).values()
        if inspect.isclass(found) and is_dataclass(found) and found.__module__ == module.__name__
    ]
    assert classes
    for each in classes:
        is_keyword_only = all(field.kw_only for field in each.__dataclass_fields__.values())
        assert (each.__name__, each.__dataclass_params__.frozen) == (each.__name__, True)
        assert (each.__name__, "__slots__" in vars(each)) == (each.__name__, True)
        assert (each.__name__, is_keyword_only) == (each.__name__, each.__name__ not in by_position)
