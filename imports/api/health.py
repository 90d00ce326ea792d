"""Monitoring: whether the server and its database respond."""

import logging
from http import HTTPStatus

from django.db import ProgrammingError, connection
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from flows import __version__
from flows.rest.endpoint.errors import make_error_body
from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.secrets.canary import check_keys_open

logger = logging.getLogger(__name__)


class Health(ApiView):
    """For monitoring: whether the server and its database answer, and the keys open its secrets."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        summary="Whether the service and its database answer",
        responses={
            200: inline_serializer(
                "Health",
                {
                    "status": serializers.CharField(),
                    "database": serializers.CharField(),
                    "version": serializers.CharField(),
                },
            ),
            503: OpenApiResponse(
                description="The database does not answer or is not migrated "
                "(`database-unavailable`), or the configured keys do not open its secrets "
                "(`wrong-encryption-key`)."
            ),
        },
        examples=[
            OpenApiExample(
                "Both do",
                {"status": "ok", "database": "ok", "version": __version__},
                response_only=True,
                status_codes=["200"],
            )
        ],
    )
    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        try:
            check_keys_open(may_write=False)
        except ProgrammingError:
            logger.exception("The database is not migrated")
            status = HTTPStatus.SERVICE_UNAVAILABLE
            return Response(make_error_body(status, code="database-unavailable"), status=status)
        return Response({"status": "ok", "database": "ok", "version": __version__})
