"""The API's documentation, as a document and as a page."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from flows.rest.endpoint.openapi import extend_schema
from flows.rest.endpoint.view import ApiView
from flows.rest.requests.declared_names import DeclaredNames


class Schema(DeclaredNames, ApiView, SpectacularJSONAPIView):
    """The OpenAPI document."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = SpectacularJSONAPIView.renderer_classes


class Docs(DeclaredNames, ApiView, SpectacularSwaggerSplitView):
    """A page that shows it, and with `script` the page's script.

    That is a file of its own, so that no page needs scripts in its text. No OPTIONS: what that
    answers is data, and a page has no template for it.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = SpectacularSwaggerSplitView.renderer_classes
    http_method_names = ("get", "head")
    template_name = "api_docs.html"

    @extend_schema(exclude=True, parameters=[OpenApiParameter("script")])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]
        return response
