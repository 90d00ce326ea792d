"""What the configurations of our apps share."""

from typing import ClassVar

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class ServerAppConfig(AppConfig):
    """An app whose rows each server has in its own database: see `flows.servers`.

    Import this module, not the class, in an `apps.py`: Django takes a class in it for the app's.
    """

    default_auto_field = "django.db.models.BigAutoField"

    needs: ClassVar[str | None] = None
    """The app that must be installed for the models."""
    reason: ClassVar[str] = ""
    """What it is needed for, after the app's own name."""

    def import_models(self) -> None:
        """Import the models. Raises ImproperlyConfigured without the app that they need."""
        if self.needs and not apps.is_installed(self.needs):
            raise ImproperlyConfigured(
                f'The app "{self.label}" {self.reason}: put "{self.needs}" before it in '
                "INSTALLED_APPS."
            )
        super().import_models()
