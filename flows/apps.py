"""The app of flows, connections and secrets."""

from flows import app_config


class FlowsConfig(app_config.ServerAppConfig):
    name = "flows"
    needs = "reversion"
    reason = "keeps named saves by django-reversion"

    def ready(self) -> None:
        from django.core.checks import Tags, register
        from django.db.backends.signals import connection_created
        from django.db.models.signals import pre_save
        from reversion.signals import pre_revision_commit

        from flows.checks import check_deployment, check_settings
        from flows.database.statement_timeout import limit_new_connection
        from flows.fields import EncryptedTextField
        from flows.metrics_checks import check_metrics
        from flows.models import Secret
        from flows.pg_dump_checks import check_pg_dump_version
        from flows.saves.reversion_saves import keep_values, store_documents
        from flows.secrets.canary import check_keys_open
        from flows.secrets.checks import check_databases

        EncryptedTextField.check_keys = check_keys_open
        connection_created.connect(limit_new_connection)
        pre_revision_commit.connect(store_documents)
        pre_save.connect(keep_values, sender=Secret)
        register(check_settings)
        register(check_metrics)
        register(check_deployment, deploy=True)
        register(check_pg_dump_version, Tags.database)
        register(check_databases, Tags.database)
