"""Making the tests' database another one, as far as its identity tells."""

from django.db import connection as database


def make_another_database(first_migration_at: str) -> None:
    """Change when its first migration was applied, which is what databases differ in."""
    with database.cursor() as cursor:
        cursor.execute("SELECT MIN(id) FROM django_migrations")
        [first] = cursor.fetchone()
        cursor.execute(
            "UPDATE django_migrations SET applied = %s WHERE id = %s", [first_migration_at, first]
        )
