"""The addresses of the API of flows, connections, secrets and named saves, below /api/.

One secret is served by imports.api.secret, which adds the imports that made its destinations.
"""

from django.urls import path

import flows.rest.converters  # noqa: F401 - the words between < and >
from flows.rest import flow_views, save_views, views

urlpatterns = [
    path("flow", flow_views.FlowsView.as_view()),
    path("flow/<anycase_uuid:uuid>", flow_views.FlowView.as_view()),
    path("flow/clone/<anycase_uuid:uuid>", flow_views.CloneFlowView.as_view()),
    path("flow/<anytext:name>/<str:receiver_type>", flow_views.NewFlowView.as_view()),
    path("connection", views.ConnectionsView.as_view()),
    path("connection/<anycase_uuid:uuid>", views.ConnectionView.as_view()),
    path("secret", views.SecretsView.as_view()),
    path("secret/update-secret-value", views.SecretValueView.as_view()),
    path("secret/get-obfuscated-by-name/<anytext:name>", views.MaskedSecretView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>", save_views.NamedSavesView.as_view()),
    path("ziggy/named-saves/<anycase_uuid:uuid>/restore", save_views.RestoredSaveView.as_view()),
    path("ziggy/history-load/<anycase_uuid:uuid>", save_views.LoadedSaveView.as_view()),
    path(
        "ziggy/history-named-save/<anycase_uuid:uuid>/<anytext:name>",
        save_views.NewNamedSaveView.as_view(),
    ),
]
