"""The WSGI application that a web server such as gunicorn loads."""

import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

from ziggy_site.content_type import plain_content_type

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")

_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application, which is told no charset."""
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = plain_content_type(environ["CONTENT_TYPE"])
    return _django(environ, start_response)
