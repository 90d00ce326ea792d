"""The app of users."""

from flows import app_config


class AccountsConfig(app_config.ServerAppConfig):
    name = "accounts"

    def ready(self) -> None:
        import accounts.login_events
        import accounts.openapi  # noqa: F401 - what it defines is registered
        from accounts import tokens
        from flows.access import register_issuer

        register_issuer(tokens, name=self.name)
