"""The app of users."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
    is_of_servers = True
    """Whether each server has the app's rows in its own database: see `flows.servers`."""

    def ready(self) -> None:
        import accounts.openapi  # noqa: F401 - what it defines is registered
        from accounts import tokens
        from flows.access import register_issuer

        register_issuer(tokens, name=self.name)
