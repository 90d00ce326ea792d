"""The base of every endpoint of the API: JSON in and out, errors of one form, no anonymous caller.

Of a project's settings of DRF, those for authentication and throttling count.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from flows.rest.endpoint.errors import answer_error
from flows.rest.endpoint.openapi import ApiSchema
from flows.rest.endpoint.parser import StrictJSONParser
from flows.rest.endpoint.renderer import ApiRenderer
from flows.secrets.checks import check_keys_before_write
from flows.web.transactions import open_own_transactions


class _OneFormat(DefaultContentNegotiation):
    """There is one format, and a parameter `format` has no effect."""

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002 - DRF's word
        return renderers


class ApiView(APIView):
    # No docstring: it would be the description of each endpoint that has none.

    renderer_classes: Any = (ApiRenderer,)
    parser_classes: Any = (StrictJSONParser,)
    permission_classes: Any = (IsAuthenticated,)
    content_negotiation_class = _OneFormat
    versioning_class = None
    schema = ApiSchema()

    may_write_with_wrong_key: ClassVar[bool] = False
    """Whether the endpoint writes nothing that is encrypted."""

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return open_own_transactions(super().as_view(**initkwargs))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise WrongKeyError for a request that may write while the server has a wrong key."""
        if not self.may_write_with_wrong_key:
            check_keys_before_write(str(request.method))
        super().initial(request, *args, **kwargs)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], Response | None]:
        return answer_error
