"""The fixtures of background work: only on PostgreSQL, where the queue is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps

from imports.jobs.availability import QUEUE_PACKAGE
from tests.support.queueing import ON_POSTGRESQL, empty_queue, queue_tables


@pytest.fixture(scope="module")
def _queue_tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The tables of the queue, which other modules' tests of the schema do not find."""
    if not ON_POSTGRESQL:
        yield
        return
    with queue_tables(django_db_blocker):
        yield


@pytest.fixture
def queue(db: None, _may_queue: None) -> None:
    """Work may be left to workers, of which there is none."""
    empty_queue()


@pytest.fixture
def shared_queue(transactional_db: None, _may_queue: None) -> None:
    """The same, of which other processes see what is in it."""
    empty_queue()


@pytest.fixture
def _may_queue(_queue_tables: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if not ON_POSTGRESQL:
        pytest.skip("the queue is in PostgreSQL")
    settings.ZIGGY = {**settings.ZIGGY, "BACKGROUND": True}
    # As in the site's settings; here only its tables are there.
    is_installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda name: name == QUEUE_PACKAGE or is_installed(name)
    )
