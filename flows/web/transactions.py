"""Views that open their transactions themselves, also in a project with ATOMIC_REQUESTS."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.db import connections, transaction

View = TypeVar("View", bound=Callable[..., Any])


def open_own_transactions(view: View) -> View:
    """Return the view, for which Django opens no transaction in any database.

    A run is one transaction of its own, and its record, also of a refusal, is another.
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    return view
