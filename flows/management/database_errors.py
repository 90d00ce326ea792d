"""What a command says of a database that it cannot use."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import Error as DatabaseFault

from flows.servers import explain_unusable_database, list_server_names
from flows.texts import get_first_line


@contextmanager
def explain_database_errors() -> Iterator[None]:
    """Raise CommandError, with what to do, for an error of the database that the block raises."""
    try:
        yield
    except DatabaseFault as error:
        server, *_ = list_server_names()
        reason = get_first_line(error).rstrip(".")
        raise CommandError(explain_unusable_database(reason, server)) from error
