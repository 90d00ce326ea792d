"""Who works with the server."""

import uuid
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower


class User(AbstractUser):
    """A person or a service. A model of our own from the start, because swapping it later is hard.

    `uuid` is what callers know a user by. An e-mail address may be used to log in, so no two
    users share one, whatever its case.
    """

    uuid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    class Meta(AbstractUser.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="accounts_user_unique_email",
                violation_error_message="A user with this e-mail address exists already.",
            )
        ]
