"""The servers that a run can target: this instance, and those registered in ZIGGY_SERVERS.

A registered server is a database of its own. While one is the target, all queries are sent to it;
otherwise to this instance's database.
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from flows.app_config import ServerAppConfig
from flows.conf import ziggy

QUEUE_APP = "procrastinate"
"""The label of the app that keeps the queue of background work."""

_target: ContextVar[str] = ContextVar("target", default=DEFAULT_DB_ALIAS)


def get_current_database() -> str:
    """Return the alias, in Django's DATABASES, of the database that queries are sent to now."""
    return _target.get()


def list_server_names() -> list[str]:
    """Return the names that a run may give: this instance's first, then the registered servers'."""
    return [ziggy.SERVER_NAME, *ziggy.SERVERS]


def explain_unusable_database(reason: str, server: str) -> str:
    """Return the message for a server whose database cannot be used: why, and what to do."""
    is_here = server == list_server_names()[0]
    migrate = ["manage.py", "migrate", *([] if is_here else ["--database", server])]
    return (
        f"The database cannot be used: {reason}. Is it there, and migrated ({shlex.join(migrate)})?"
    )


@contextmanager
def target_server(server: str) -> Iterator[None]:
    """Send the queries of the block to the server of that name.

    An unknown name changes nothing: the caller checks the name before it writes, so that a refusal
    can be recorded here.
    """
    if server == ziggy.SERVER_NAME:
        database = DEFAULT_DB_ALIAS
    else:
        database = server if server in ziggy.SERVERS else _target.get()
    with target_database(database):
        yield


@contextmanager
def target_database(alias: str) -> Iterator[None]:
    """Send the queries of the block to the database of that alias in Django's DATABASES."""
    token = _target.set(alias)
    try:
        yield
    finally:
        _target.reset(token)


# Django's and django-reversion's whose rows a server has in its own database, as our apps'.
_APPS_OF_SERVERS = frozenset({"auth", "contenttypes", "reversion", "sessions"})


class ServerRouter:
    """Django's database router for projects with registered servers.

    While a server is the target, it sends the queries for users and their rights there. The apps'
    own queries name their database themselves. A project's other models are left to its other
    routers, and so is everything while no server is the target.
    """

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return _get_target_of(model)

    def db_for_write(self, model: Any, **hints: Any) -> str | None:
        return _get_target_of(model)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Keep the queue of background work to this instance's own database."""
        return False if app_label == QUEUE_APP and db != DEFAULT_DB_ALIAS else None

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool | None:
        return True if _is_of_server(obj1) and _is_of_server(obj2) else None


def _get_target_of(model: Any) -> str | None:
    target = get_current_database()
    return target if target != DEFAULT_DB_ALIAS and _is_of_server(model) else None


def _is_of_server(model: Any) -> bool:
    label = model._meta.app_label
    return (
        model._meta.label_lower == settings.AUTH_USER_MODEL.lower()
        or label in _APPS_OF_SERVERS
        or is_of_servers(label)
    )


def is_of_servers(label: str) -> bool:
    """Return whether the app of that label is one of ours: a project may have an `accounts` too."""
    return isinstance(apps.app_configs.get(label), ServerAppConfig)
