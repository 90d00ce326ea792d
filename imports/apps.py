"""The app of imports: matching, planning, applying and recording them."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "imports"
