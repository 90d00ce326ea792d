"""The addresses of the API, for `include` at any place. They have no trailing slash.

Those of imports come before those of flows, whose `flow/{name}/{type}` would match some of them.
"""

from django.urls import URLPattern, URLResolver, include, path

import flows.rest.converters  # noqa: F401 - the words between < and >
from flows.web.api_paths import API
from imports.api.background import CancelImport
from imports.api.background_exports import BackgroundExportFile, BackgroundExportView
from imports.api.exports import BuiltExportView, FullExport, TaggedExport
from imports.api.health import Health
from imports.api.importing import ImportFlows
from imports.api.item_history import ItemHistory
from imports.api.plans import ApplyPlan, KeptPlan, KeptPlans
from imports.api.records import Record, Records
from imports.api.secret import SecretWithDestinationsView
from imports.api.system import BackUp, DownloadTransfer, Transfer, Vacuum, VersionInfo
from imports.api.undo import UndoImport

app_name = API

urlpatterns: list[URLPattern | URLResolver] = [
    path("health", Health.as_view(), name="health"),
    path("flow/import", ImportFlows.as_view(), name="flow-import"),
    path("flow/export-tagged", TaggedExport.as_view(), name="export-tagged"),
    path("flow/tagged-export", BuiltExportView.as_view(), name="tagged-export"),
    path("flow/export-all", FullExport.as_view(), name="export-all"),
    path("exports/<int:pk>", BackgroundExportView.as_view(), name="background-export"),
    path("exports/<int:pk>/file", BackgroundExportFile.as_view(), name="background-export-file"),
    path("flow/vacuum", Vacuum.as_view(), name="flow-vacuum"),
    path("imports", Records.as_view(), name="imports"),
    path("imports/<int:pk>", Record.as_view(), name="import-record"),
    path(
        "imports/items/<kind:kind>/<anycase_uuid:uuid>",
        ItemHistory.as_view(),
        name="item-imports",
    ),
    path("imports/<int:pk>/undo", UndoImport.as_view(), name="import-undo"),
    path("imports/<int:pk>/cancel", CancelImport.as_view(), name="import-cancel"),
    path("plans", KeptPlans.as_view(), name="plans"),
    path("plans/<int:pk>", KeptPlan.as_view(), name="plan"),
    path("plans/<int:pk>/apply", ApplyPlan.as_view(), name="plan-apply"),
    path("secret/<anycase_uuid:uuid>", SecretWithDestinationsView.as_view()),
    path("system/backup-db", BackUp.as_view(), name="backup-db"),
    path("system/transfer-db", Transfer.as_view(), name="transfer-db"),
    path("system/download-transfer", DownloadTransfer.as_view(), name="download-transfer"),
    path("system/version-info", VersionInfo.as_view(), name="version-info"),
    path("", include("flows.rest.urls")),
]
