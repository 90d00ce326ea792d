"""The addresses of the API of flows, connections, secrets and named saves, below /api/."""

from uuid import UUID

from django.urls import path, register_converter

from flows.rest import views


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
    path("flow", views.FlowsView.as_view()),
    path("flow/<anycase_uuid:uuid>", views.FlowView.as_view()),
    path("flow/clone/<anycase_uuid:uuid>", views.CloneFlowView.as_view()),
    path("flow/<anytext:name>/<str:receiver_type>", views.NewFlowView.as_view()),
    path("connection", views.ConnectionsView.as_view()),
    path("connection/<anycase_uuid:uuid>", views.ConnectionView.as_view()),
    path("secret", views.SecretsView.as_view()),
    path("secret/<anycase_uuid:uuid>", views.SecretView.as_view()),
    path("secret/update-secret-value", views.SecretValueView.as_view()),
    path("secret/get-obfuscated-by-name/<anytext:name>", views.MaskedSecretView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>", views.NamedSavesView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>/restore", views.RestoredSaveView.as_view()),
    path("ziggy/history-load/<anycase_uuid:uuid>", views.LoadedSaveView.as_view()),
    path(
        "ziggy/history-named-save/<anycase_uuid:uuid>/<anytext:name>",
        views.NewNamedSaveView.as_view(),
    ),
]
