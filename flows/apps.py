"""The app of flows, connections and secrets."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from flows.checks import check_databases
        from flows.encryption import check_keys

        check_keys()
        register(check_databases, Tags.database)
