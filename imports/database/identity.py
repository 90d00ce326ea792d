"""The identity of a server's database, whatever name it is reached by.

It is derived from the first migrations that were applied to the database, and their times. Two
databases have these in common only if one is a copy of the other, or was restored from its backup.
"""

from dataclasses import dataclass, field
from hashlib import blake2b, sha256

from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from flows.servers import get_current_database

# Several, so that their times cannot be guessed from the identity.
_FIRST = 10


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The identity of a database: equal for equal databases."""

    text: str
    """To be shown and compared."""
    _key: bytes = field(repr=False)

    def sign(self, digest: str) -> str:
        """Return a keyed digest of a digest of content, which may be shown to anyone.

        It is equal for equal digests in this database, and cannot be used to test guesses of the
        content without access to the database.
        """
        return blake2b(digest.encode(), key=self._key, digest_size=16).hexdigest()


def read_identity() -> ServerIdentity:
    """Return the identity of the current database."""
    connection = connections[get_current_database()]
    migrations = MigrationRecorder(connection).migration_qs.order_by("id")[:_FIRST]
    migration_texts = "".join(
        f"{one.app} {one.name} {one.applied.isoformat()}\n" for one in migrations
    )
    return ServerIdentity(
        sha256(f"identity\n{migration_texts}".encode()).hexdigest(),
        sha256(f"key\n{migration_texts}".encode()).digest(),
    )
