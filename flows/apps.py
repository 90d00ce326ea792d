"""The app of flows, connections and secrets."""

from django.apps import AppConfig


class FlowsConfig(AppConfig):
    name = "flows"

    def ready(self) -> None:
        from flows.encryption import check_keys

        check_keys()
