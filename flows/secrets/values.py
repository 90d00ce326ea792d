"""Set the first value of a secret: once, never overwritten, never read."""

from uuid import UUID

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from flows.models import Secret
from flows.secrets.stored_destinations import is_sent_where_shown, lock_destinations
from flows.servers import get_current_database


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
