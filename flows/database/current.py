"""Models whose queries go to the current database, whatever routers a project has.

`flows.servers` has the current database: that of the server which a run targets, else the default.
"""

from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet

from flows.servers import get_current_database

_Row = TypeVar("_Row", bound=models.Model)


class CurrentDatabaseManager(models.Manager[_Row]):
    """Django's manager, with the current database unless a query names another (`using`)."""

    def get_queryset(self) -> QuerySet[_Row]:
        return super().get_queryset().using(self._db or get_current_database())


class CurrentDatabaseModel(models.Model):
    """Base of the models that each server has in its own database."""

    objects = CurrentDatabaseManager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, to the current database unless `using` names another."""
        super().save(*args, **{**kwargs, "using": kwargs.get("using") or get_current_database()})
