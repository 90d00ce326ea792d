"""The app of imports: matching, planning, applying and recording them."""

from flows import app_config


class ImportsConfig(app_config.ServerAppConfig):
    name = "imports"
    needs = "flows"
    reason = 'writes the rows of the app "flows"'

    def ready(self) -> None:
        from flows.rest.endpoint.errors import register_answer
        from flows.rest.requests.idempotency import register_holder
        from flows.saves.edits import register_keeper
        from imports.api.errors import answer_refusal
        from imports.drift.edits import keep_imported_state
        from imports.runs.idempotency import holds_key

        register_answer(answer_refusal)
        register_holder(holds_key)
        register_keeper(keep_imported_state)
