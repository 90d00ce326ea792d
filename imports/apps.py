"""The app of imports: matching, planning, applying and recording them."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "imports"

    def ready(self) -> None:
        from flows.rest.requests.idempotency import register_holder
        from imports.runs.idempotency import holds_key

        register_holder(holds_key)
