"""A value for a secret that has none yet: given once, never overwritten, never read."""

from uuid import UUID

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from flows.models import Secret
from flows.servers import current_database


class SecretGoneError(Exception):
    """There is no live secret with that uuid any more."""


class HasValueError(Exception):
    """The secret has a value already: somebody else gave it one meanwhile."""


@sensitive_variables()
def fill_secret(uuid: UUID, *, dev_value: str, prod_value: str, user_name: str) -> Secret:
    """Give a live secret without a value its values; an empty text is none. The secret.

    Nothing but the values, and the name of who gave them, is written. Raises SecretGoneError, and
    HasValueError where the secret has a value in either environment, which then stays as it is.
    """
    with transaction.atomic(using=current_database()):
        secret = Secret.objects.select_for_update().filter(uuid=uuid, is_deleted=False).first()
        if secret is None:
            raise SecretGoneError
        if secret.has_value:
            raise HasValueError
        # Sealed as the row is saved.
        secret.dev_value, secret.prod_value = dev_value, prod_value
        secret.updated_by = user_name
        secret.save(update_fields=["dev_value", "prod_value"])
    return secret
