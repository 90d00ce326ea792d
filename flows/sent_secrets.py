"""Whether a change of a connection by hand would send stored secrets elsewhere."""

from collections.abc import Callable, Collection

from flows.content import Content
from flows.models import valued_secret_names
from flows.references import find_secret_names
from flows.retargeting import retargetings

# A right of its own, which an import needs for the same.
RETARGET_CONNECTIONS = "imports.retarget_connections"


def secrets_sent_elsewhere(
    before: Content, after: Content, valued: Callable[[], Collection[str]] = valued_secret_names
) -> str | None:
    """What is to be told of it, between two contents of a connection; None where none would be.

    `valued` tells the names of the secrets that have a value, where that is asked for many.
    """
    changes = retargetings(before, after)
    if not changes:
        return None
    used = {
        name
        for column in ("dev_value", "prod_value")
        for name in find_secret_names(str(after[column] or ""))
    }
    if not (used := used.intersection(valued())):
        return None
    secrets = ", ".join(f"secrets.{name}" for name in sorted(used))
    return (
        f"This would send the stored {secrets} to another destination: "
        f"{', '.join(map(str, changes))}."
    )
