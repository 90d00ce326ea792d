"""The app of imports: matching, planning, applying and recording them."""

from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "imports"
    default_auto_field = "django.db.models.BigAutoField"
    is_of_servers = True
    """Whether each server has the app's rows in its own database: see `flows.servers`."""

    def ready(self) -> None:
        from flows.rest.endpoint.errors import register_answer
        from flows.rest.requests.idempotency import register_holder
        from imports.api.errors import answer_refusal
        from imports.runs.idempotency import holds_key

        register_answer(answer_refusal)
        register_holder(holds_key)
