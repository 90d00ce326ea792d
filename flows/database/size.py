"""How large a database is."""

from django.db.backends.base.base import BaseDatabaseWrapper


def read_database_size(connection: BaseDatabaseWrapper) -> int:
    """Return the size of the connection's database, in bytes."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
        else:
            cursor.execute("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(cursor.fetchone()[0])
