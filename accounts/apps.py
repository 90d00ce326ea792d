"""The app of users."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
