"""The REST API of the database as a whole: backup, copy, vacuum; and the version."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response

from flows import __version__
from flows.rest.bodies.schema import answer_header
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.idempotency import answer_once
from flows.security_events import SecurityEvent, log_security_event
from flows.web.api_paths import make_api_address
from flows.web.throttling import Limit, TooManyAttempts, TooManyAttemptsError, give_back, take
from imports.api.checks import NothingThere, check_is_intended, get_caller, require_permissions
from imports.api.file_view import FileView
from imports.api.prefer import PREFER, PREFERENCE_APPLIED, WaitsForLock
from imports.api.runs import EXAMPLE_REQUEST_ID, NO_BACKUP
from imports.api.shapes.answers import (
    BackupAnswerSerializer,
    FailedBackupSerializer,
    TransferSerializer,
    VacuumSerializer,
    VersionSerializer,
)
from imports.database.backup import make_backup
from imports.database.vacuum import vacuum_database
from imports.errors import BackupFailed
from imports.exporting.downloads import build_transfer, find_transfer, gzip_file
from imports.permissions import BACK_UP_DATABASE, TRANSFER_DATABASE, VACUUM_DATABASE

logger = logging.getLogger(__name__)

# The keys that clients read, and those of every error.
_FAILED: dict[str, Any] = {
    "localBackupStatus": "failed",
    "localBackupFile": None,
    "remoteBackupStatus": "not_configured",
    "message": "The database was not backed up. The server's log says more.",
    "code": "backup-failed",
    "issues": [],
}


_TOO_MANY = OpenApiResponse(
    description="The account asked for more than ZIGGY_BACKUPS_PER_DAY backups, copies to fetch "
    "among them; see Retry-After."
)


@contextmanager
def _count_backup(request: Request) -> Iterator[None]:
    """Count the backup that the caller asks for, unless the block raises.

    Raises TooManyAttempts if the account has reached its limit of the day: each backup takes room
    on the disk and causes older ones to be removed.
    """
    limits = [Limit("backup", str(get_caller(request).pk), what="backups")]
    try:
        take(limits)
    except TooManyAttemptsError as error:
        raise TooManyAttempts(error) from None
    try:
        yield
    except BaseException:
        give_back(limits)
        raise


class BackUp(ApiView):
    permission_classes = require_permissions(BACK_UP_DATABASE)

    @extend_schema(
        operation_id="back_up_database",
        summary="Back the database up",
        description="The copy stays on the server, where it was read through as a restore would.",
        request=None,
        responses={
            200: OpenApiResponse(
                BackupAnswerSerializer,
                examples=[
                    OpenApiExample(
                        "Done",
                        {
                            "localBackupStatus": "success",
                            "localBackupFile": "default-20260316T171006-000000Z.sqlite3",
                            "remoteBackupStatus": "not_configured",
                        },
                    )
                ],
            ),
            429: _TOO_MANY,
            503: OpenApiResponse(
                FailedBackupSerializer,
                description="There is no backup.",
                examples=[OpenApiExample("Failed", {**_FAILED, "requestId": EXAMPLE_REQUEST_ID})],
            ),
        },
    )
    @answer_once(in_transaction=False)
    def post(self, request: Request) -> Response:
        try:
            with _count_backup(request):
                backup = make_backup()
        except BackupFailed as error:
            logger.exception("The backup failed")
            return Response({**_FAILED, "code": error.code}, status=error.status)
        return Response(
            {
                "localBackupStatus": "success",
                "localBackupFile": backup.path.name,
                "remoteBackupStatus": "not_configured",
            }
        )


class Transfer(ApiView):
    permission_classes = require_permissions(TRANSFER_DATABASE)

    @extend_schema(
        operation_id="build_transfer",
        summary="Make a copy of the database to fetch",
        description="A backup of the database, which the caller can fetch for a day, as long as "
        "newer backups do not push it out. For administrators only: it holds everything, with the "
        "secrets encrypted.",
        request=None,
        parameters=[answer_header("Location", "Where the copy is.", status=HTTPStatus.CREATED)],
        responses={
            201: OpenApiResponse(
                TransferSerializer,
                examples=[
                    OpenApiExample(
                        "Made",
                        {
                            "file": "default-20260316T171006-000000Z.sqlite3.gz",
                            "size": 303104,
                            "sha256": "c0535e4be2b79ffd93291305436bf889314e4a3faec05ecffcbb7df3"
                            "1ad9e51a",
                        },
                    )
                ],
            ),
            429: _TOO_MANY,
            503: NO_BACKUP,
        },
    )
    @answer_once(in_transaction=False)
    def post(self, request: Request) -> Response:
        with _count_backup(request):
            backup = build_transfer(get_caller(request))
        return Response(
            {"file": f"{backup.path.name}.gz", "size": backup.size, "sha256": backup.sha256},
            status=HTTPStatus.CREATED,
            headers={"Location": make_api_address(request, "download-transfer")},
        )


class DownloadTransfer(FileView):
    permission_classes = require_permissions(TRANSFER_DATABASE)
    # No HEAD: it would open the file, and nothing would close it.
    http_method_names = ("get", "options")

    @extend_schema(
        operation_id="download_transfer",
        summary="The copy of the database that the caller made last, in gzip",
        responses={
            (200, "application/gzip"): OpenApiTypes.BINARY,
            404: OpenApiResponse(description="The caller has made none in the last day."),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        path = find_transfer(get_caller(request))
        if path is None:
            message = "There is no copy of yours. Make one with POST /api/system/transfer-db."
            raise NothingThere("no-transfer", message)
        log_security_event(SecurityEvent.DATABASE_FETCHED, account=get_caller(request).pk)
        return StreamingHttpResponse(
            gzip_file(path.open("rb")),
            content_type="application/gzip",
            headers={"Content-Disposition": f'attachment; filename="{path.name}.gz"'},
        )


class VersionInfo(ApiView):
    @extend_schema(
        operation_id="version_info",
        summary="The release that runs here",
        responses=VersionSerializer,
        examples=[
            OpenApiExample(
                "A release", {"major": 0, "minor": 1, "build": 0, "info": "Ziggy flow import 0.1.0"}
            )
        ],
    )
    def get(self, request: Request) -> Response:
        major, minor, build = map(int, re.findall("[0-9]+", __version__)[:3])
        info = f"Ziggy flow import {__version__}"
        return Response({"major": major, "minor": minor, "build": build, "info": info})


class Vacuum(WaitsForLock):
    permission_classes = require_permissions(VACUUM_DATABASE)
    # No HEAD: unlike other GETs, this one changes something.
    http_method_names = ("get", "options")

    @extend_schema(
        operation_id="vacuum_database",
        summary="Purge deleted items and reorganise the database",
        description="What was deleted is gone for good; its named saves and the records of imports "
        "stay. Others wait for the tables meanwhile.",
        parameters=[PREFER, PREFERENCE_APPLIED],
        responses={
            200: VacuumSerializer,
            409: OpenApiResponse(description="An import runs, or others use the database."),
        },
        examples=[
            OpenApiExample(
                "Done",
                {
                    "flows": 3,
                    "connections": 1,
                    "secrets": 0,
                    "documents": 8,
                    "sizeBefore": 3031040,
                    "sizeAfter": 303104,
                },
                response_only=True,
                status_codes=[str(HTTPStatus.OK.value)],
            )
        ],
    )
    def get(self, request: Request) -> Response:
        check_is_intended(request)
        return Response(vacuum_database(lock_wait=self.read_lock_wait(request)).as_dict())
