"""Users, and the tokens of the API."""

import uuid
from hashlib import sha256
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from knox.models import AbstractAuthToken

from accounts.hashing import hold_place_for_hash
from flows.security_events import SecurityEvent, log_security_event_on_commit


class User(AbstractUser):
    """A person or a service. A model of our own from the start, because swapping it later is hard.

    `uuid` identifies a user in the API. An e-mail address may be used to log in, so no two users
    share one, whatever its case.
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and delete an inactive user's tokens, so that none works again later."""
        super().save(*args, **kwargs)
        if not self.is_active:
            count, _ = self.auth_token_set.all().delete()
            if count:
                log_security_event_on_commit(
                    SecurityEvent.KEY_REVOKED,
                    using=self._state.db or DEFAULT_DB_ALIAS,
                    account=self.pk,
                    keys=count,
                )

    def set_password(self, raw_password: str | None) -> None:
        """Set the password, which is not saved. Raises TooManyHashesError."""
        with hold_place_for_hash():
            super().set_password(raw_password)

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether that is the password. Raises TooManyHashesError."""
        before = self.password_stamp
        with hold_place_for_hash():
            is_correct = super().check_password(raw_password)
        if self.password_stamp != before:
            # Django hashed it again, in today's way. It is the same password: tokens stay valid.
            self.auth_token_set.filter(password_stamp=before).update(
                password_stamp=self.password_stamp
            )
        return is_correct

    @property
    def password_stamp(self) -> str:
        """Return a digest that differs for each password that is set, and shows nothing of it."""
        return sha256(self.password.encode()).hexdigest()


class ApiToken(AbstractAuthToken):
    """What a caller of the API sends instead of a password; only its hash is stored.

    Tokens from a login have no name. Those with one are keys for automation, issued in the admin or
    by the command `api_key`. Each is bound to the password that its user had at that time.
    """

    name = models.CharField(max_length=100, blank=True, help_text="What it is for.")
    password_stamp = models.CharField(max_length=64, editable=False)

    token_in_clear = ""
    """Of a key that was just issued, for the page that shows it; never stored."""

    class Meta:
        verbose_name = "API key"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "name"],
                condition=~models.Q(name=""),
                name="accounts_apitoken_unique_name",
                violation_error_message="This user has a key with this name already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name or 'login'} ({self.user})"

    def is_good(self) -> bool:
        """Return whether it is valid: not expired, and the user active with the same password."""
        return (
            (self.expiry is None or self.expiry > timezone.now())
            and self.user.is_active
            and constant_time_compare(self.password_stamp, self.user.password_stamp)
        )
