"""The app of users."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import tokens
        from flows.access import register_issuer

        register_issuer(tokens)
