"""The app of imports: matching, planning, applying and recording them."""

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class ImportsConfig(AppConfig):
    name = "imports"
    default_auto_field = "django.db.models.BigAutoField"
    is_of_servers = True
    """Whether each server has the app's rows in its own database: see `flows.servers`."""

    def import_models(self) -> None:
        """Import the models. Raises ImproperlyConfigured without the app that they need."""
        if not apps.is_installed("flows"):
            raise ImproperlyConfigured(
                'The app "imports" writes the rows of the app "flows": put "flows" before it in '
                "INSTALLED_APPS."
            )
        super().import_models()

    def ready(self) -> None:
        from flows.rest.endpoint.errors import register_answer
        from flows.rest.requests.idempotency import register_holder
        from imports.api.errors import answer_refusal
        from imports.runs.idempotency import holds_key

        register_answer(answer_refusal)
        register_holder(holds_key)
