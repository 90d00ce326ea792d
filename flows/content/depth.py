"""How deep a JSON value is nested."""

from collections.abc import Iterator
from typing import Any

_CONTAINERS = (dict, list)


def is_deeper(value: Any, most: int) -> bool:
    """Return whether the value is nested deeper than `most`."""
    level = [value] if type(value) in _CONTAINERS else []
    for _ in range(most):
        if not level:
            return False
        level = [child for parent in level for child in _find_containers(parent)]
    return bool(level)


def _find_containers(value: Any) -> Iterator[Any]:
    children = value.values() if isinstance(value, dict) else value
    return (child for child in children if type(child) in _CONTAINERS)
