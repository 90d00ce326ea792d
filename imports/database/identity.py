"""Which database a server's is, whatever name it is reached by.

Told from the first migrations that were applied to it, and from when: no two databases have these
in common, unless one is a copy of the other, or was restored from its backup.
"""

from dataclasses import dataclass, field
from hashlib import blake2b, sha256

from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from flows.servers import current_database

# Several, so that their times are too many to be tried out from what is told of them.
_FIRST = 10


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """Equal for equal databases."""

    text: str
    """To be told and compared."""
    _key: bytes = field(repr=False)

    def sign(self, digest: str) -> str:
        """Stands for a digest of content where others may read it.

        It is equal for equal digests in this database, and of no use to whoever guesses content
        and has no access to the database.
        """
        return blake2b(digest.encode(), key=self._key, digest_size=16).hexdigest()


def read_identity() -> ServerIdentity:
    """The identity of the database that queries go to now."""
    connection = connections[current_database()]
    migrations = MigrationRecorder(connection).migration_qs.order_by("id")[:_FIRST]
    told = "".join(f"{one.app} {one.name} {one.applied.isoformat()}\n" for one in migrations)
    return ServerIdentity(
        sha256(f"identity\n{told}".encode()).hexdigest(), sha256(f"key\n{told}".encode()).digest()
    )
