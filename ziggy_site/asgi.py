"""The ASGI application that an asynchronous web server loads."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

from ziggy_site.content_type import plain_content_type

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")

_django = get_asgi_application()


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Django's application, which is told no charset."""
    headers = [
        (name, _plain(value) if name.lower() == b"content-type" else value)
        for name, value in scope.get("headers", [])
    ]
    await _django({**scope, "headers": headers}, receive, send)


def _plain(value: bytes) -> bytes:
    return plain_content_type(value.decode("latin-1")).encode("latin-1")
