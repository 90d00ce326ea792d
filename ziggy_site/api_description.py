"""What drf-spectacular is told: the title, the version and the words of the API's description."""

from typing import Any

from flows import __version__

SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Ziggy flow import",
    "DESCRIPTION": "Flows, connections and secrets, and their way from one server to another.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api",
    "SERVE_INCLUDE_SCHEMA": False,
    # A PATCH needs every key of its body here, as any other method does.
    "COMPONENT_SPLIT_PATCH": False,
    "SERVE_AUTHENTICATION": [],
    # A key has other words elsewhere, or two keys of one body have the same words.
    "ENUM_NAME_OVERRIDES": {
        "KindEnum": "imports.api.shapes.record.KINDS",
        "SenderKind": "imports.api.shapes.warnings.SENDER_KINDS",
        "AcknowledgedCodeEnum": "imports.api.shapes.acknowledgement.ACKNOWLEDGED_CODES",
        "RecordedResultEnum": "imports.api.shapes.record.RECORDED_RESULTS",
        "RunStatusEnum": "imports.models.Status",
        "ExportStatusEnum": "imports.models.ExportStatus",
        "ConflictDecision": "imports.api.shapes.undo.DECISIONS",
    },
    # All files of the documentation's page are served from here.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
