"""The app of flows, connections and secrets."""

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class FlowsConfig(AppConfig):
    name = "flows"
    default_auto_field = "django.db.models.BigAutoField"
    is_of_servers = True
    """Whether each server has the app's rows in its own database: see `flows.servers`."""

    def import_models(self) -> None:
        """Import the models. Raises ImproperlyConfigured without the app that they need."""
        if not apps.is_installed("reversion"):
            raise ImproperlyConfigured(
                'The app "flows" keeps named saves by django-reversion: put "reversion" before it '
                "in INSTALLED_APPS."
            )
        super().import_models()

    def ready(self) -> None:
        from django.core.checks import Tags, register
        from django.db.backends.signals import connection_created

        from flows.checks import check_deployment, check_pg_dump_version, check_settings
        from flows.database.statement_timeout import limit_new_connection
        from flows.fields import EncryptedTextField
        from flows.secrets.canary import check_keys_open
        from flows.secrets.checks import check_databases

        EncryptedTextField.check_keys = check_keys_open
        connection_created.connect(limit_new_connection)
        register(check_settings)
        register(check_deployment, deploy=True)
        register(check_pg_dump_version, Tags.database)
        register(check_databases, Tags.database)
