"""The app of imports: matching, planning, applying and recording them."""

from flows import app_config


class ImportsConfig(app_config.ServerAppConfig):
    name = "imports"
    needs = "flows"
    reason = 'writes the rows of the app "flows"'

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from flows.conf import ziggy
        from flows.rest.endpoint.errors import register_answer
        from flows.rest.requests.idempotency import register_holder
        from flows.saves.edits import register_keeper
        from flows.wrong_settings import find_wrong_settings
        from imports.api.errors import answer_refusal
        from imports.drift.edits import keep_imported_state
        from imports.jobs.checks import (
            check_background_settings,
            check_queue_migrations,
            check_shared_backups,
        )
        from imports.overview.database_checks import check_database
        from imports.runs.idempotency import holds_key

        register_answer(answer_refusal)
        register_holder(holds_key)
        register_keeper(keep_imported_state)
        register(check_background_settings)
        register(check_shared_backups, Tags.database)
        register(check_queue_migrations, Tags.database)
        register(check_database, Tags.database, deploy=True)
        if not find_wrong_settings() and ziggy.METRICS:  # wrong ones are refused by the checks
            _start_metrics()


def _start_metrics() -> None:
    from django.core.exceptions import ImproperlyConfigured

    try:
        from imports.metrics.counting import start_counting

        start_counting()
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(
            f"METRICS in ZIGGY needs the extra `metrics`, of which {error.name} is missing: see "
            "docs/how-to/monitor.md."
        ) from None
    except OSError as error:
        raise ImproperlyConfigured(
            f"The process cannot count in PROMETHEUS_MULTIPROC_DIR: {error.strerror}. Make that "
            "directory, for the user of this process."
        ) from None
