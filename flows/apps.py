"""The app of flows, connections and secrets."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from django.core.checks import Tags, register
        from django.db.backends.signals import connection_created

        from flows.checks import check_databases
        from flows.encryption import check_keys
        from flows.statement_timeout import tell_new_connection

        check_keys()
        connection_created.connect(tell_new_connection)
        register(check_databases, Tags.database)
