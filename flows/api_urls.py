"""The addresses of the API of flows, connections, secrets and named saves, below /api/."""

from uuid import UUID

from django.urls import path, register_converter

from flows import api


class AnyCaseUUIDConverter:
    """A uuid in upper or lower case, as files have them; Django's own takes lower case only."""

    regex = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"

    def to_python(self, value: str) -> UUID:
        return UUID(value)

    def to_url(self, value: UUID | str) -> str:
        return str(value)


class AnyTextConverter:
    r"""A name: any text, with slashes and line ends, which `path` does not take."""

    regex = r"[\s\S]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(AnyCaseUUIDConverter, "anycase_uuid")
register_converter(AnyTextConverter, "anytext")

urlpatterns = [
    path("flow", api.FlowsView.as_view()),
    path("flow/<anycase_uuid:uuid>", api.FlowView.as_view()),
    path("flow/clone/<anycase_uuid:uuid>", api.CloneFlowView.as_view()),
    path("flow/<anytext:name>/<str:receiver_type>", api.NewFlowView.as_view()),
    path("connection", api.ConnectionsView.as_view()),
    path("connection/<anycase_uuid:uuid>", api.ConnectionView.as_view()),
    path("secret", api.SecretsView.as_view()),
    path("secret/<anycase_uuid:uuid>", api.SecretView.as_view()),
    path("secret/update-secret-value", api.SecretValueView.as_view()),
    path("secret/get-obfuscated-by-name/<anytext:name>", api.MaskedSecretView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>", api.NamedSavesView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>/restore", api.RestoredSaveView.as_view()),
    path("ziggy/history-load/<anycase_uuid:uuid>", api.LoadedSaveView.as_view()),
    path(
        "ziggy/history-named-save/<anycase_uuid:uuid>/<anytext:name>",
        api.NewNamedSaveView.as_view(),
    ),
]
