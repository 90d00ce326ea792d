"""Set the first value of a secret: once, never overwritten, never read."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from flows.batches import split_batches
from flows.models import Secret
from flows.secrets.stored_destinations import is_sent_where_shown, lock_destinations
from flows.secrets.used_secrets import read_used_secrets
from flows.servers import get_current_database

_BATCH = 400


class SecretGoneError(Exception):
    """There is no live secret with that uuid any more."""


class HasValueError(Exception):
    """The secret has a value already: it was set meanwhile."""


class GoesElsewhereError(Exception):
    """A value would be sent to another destination than was shown to the user who sets it."""


@sensitive_variables()
def fill_secret(
    uuid: UUID, *, dev_value: str, prod_value: str, user_name: str, shown: str
) -> Secret:
    """Set the values of a live secret without a value, and return it; an empty text is none.

    `shown` is the destinations_tag of the destinations that were shown to the user. Writes only the
    values and the user's name. Raises SecretGoneError, HasValueError where the
    secret has a value in either environment, which is kept, and GoesElsewhereError where the
    destinations have changed.
    """
    with transaction.atomic(using=get_current_database()):
        lock_destinations()  # before the row, as imports do
        secret = Secret.objects.select_for_update().filter(uuid=uuid, is_deleted=False).first()
        if secret is None:
            raise SecretGoneError
        if secret.has_value:
            raise HasValueError
        if not is_sent_where_shown(secret.name, shown):
            raise GoesElsewhereError
        # Sealed as the row is saved.
        secret.dev_value, secret.prod_value = dev_value, prod_value
        secret.updated_by = user_name
        secret.save(update_fields=["dev_value", "prod_value"])
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstValue:
    """The first values of a secret; an empty text is none. They are in no representation."""

    uuid: UUID
    dev_value: str = field(default="", repr=False)
    prod_value: str = field(default="", repr=False)


class NotAllEmptyError(Exception):
    """Some of the secrets are gone or have a value already; `gone` and `valued` are their uuids."""

    def __init__(self, gone: Sequence[UUID], valued: Sequence[UUID]) -> None:
        super().__init__(f"{len(gone)} secrets are gone, {len(valued)} have a value")
        self.gone = frozenset(gone)
        self.valued = frozenset(valued)


@sensitive_variables()
def fill_secrets(
    values: Sequence[FirstValue], *, user_name: str, shown: str, shown_names: Sequence[str]
) -> list[Secret]:
    """Set the values of many live secrets without a value, all or none; return them in that order.

    Writes what `fill_secret` writes of each. `shown` is the tag that `read_used_secrets` had for
    `shown_names` when the user was shown where the values go. Raises NotAllEmptyError, and
    GoesElsewhereError where that has changed.
    """
    with transaction.atomic(using=get_current_database()):
        lock_destinations()  # before the rows, as imports do
        secrets = _lock_secrets([value.uuid for value in values])
        gone = [value.uuid for value in values if value.uuid not in secrets]
        valued = [secret.uuid for secret in secrets.values() if secret.has_value]
        if gone or valued:
            raise NotAllEmptyError(gone, valued)
        if read_used_secrets(shown_names).tag != shown:
            raise GoesElsewhereError
        for value in values:
            secret = secrets[value.uuid]
            secret.dev_value, secret.prod_value = value.dev_value, value.prod_value
            secret.updated_by = user_name
            secret.save(update_fields=["dev_value", "prod_value"])
    return [secrets[value.uuid] for value in values]


def _lock_secrets(uuids: Sequence[UUID]) -> dict[UUID, Secret]:
    found: dict[UUID, Secret] = {}
    for batch in split_batches(sorted(uuids), _BATCH):
        rows = Secret.objects.select_for_update().filter(uuid__in=batch, is_deleted=False)
        found |= {secret.uuid: secret for secret in rows.order_by("pk")}
    return found
