"""The sessions of Django, which a project keeps in its database or somewhere else."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connections

from flows.servers import get_current_database

_APP = "django.contrib.sessions"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSessions:
    """The sessions that were ended, and where others may be that were not."""

    count: int | None = None
    """How many the database had; None where the project has no table of sessions."""
    kept_by: str = ""
    """The SESSION_ENGINE that keeps sessions outside of the database too; empty for none."""

    def describe_kept(self) -> str:
        """Return what stays valid and how to end it; empty where nothing does."""
        if not self.kept_by:
            return ""
        return (
            f" Sessions outside of the database are kept by {self.kept_by} and stay valid: to end "
            "them, set a new SECRET_KEY, and leave the old one out of SECRET_KEY_FALLBACKS."
        )


def end_sessions() -> EndedSessions:
    """Delete all sessions of the current database, which may lack their table."""
    alias = get_current_database()
    engine, store = settings.SESSION_ENGINE, _get_store()
    is_in_database = issubclass(store, DatabaseStore) and not issubclass(store, CachedStore)
    kept_by = "" if is_in_database else engine
    model = _get_model(store)
    if model is None:
        return EndedSessions(kept_by=kept_by)
    if model._meta.db_table not in connections[alias].introspection.table_names():
        return EndedSessions(count=0, kept_by=kept_by)
    count, _ = model._default_manager.using(alias).all().delete()
    return EndedSessions(count=count, kept_by=kept_by)


def _get_store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _get_model(store: Any) -> type[AbstractBaseSession] | None:
    """Return the model of sessions; None without the app that has it.

    Where the project keeps them elsewhere, it is that of the app: another instance on the same
    database may keep them there.
    """
    is_installed = apps.is_installed(_APP)
    if not issubclass(store, DatabaseStore):
        return apps.get_model("sessions", "Session") if is_installed else None
    is_of_django = store.__module__.startswith(f"{_APP}.")
    if is_of_django and not is_installed:  # to import the model would fail
        return None
    model: type[AbstractBaseSession] = store.get_model_class()
    return model
