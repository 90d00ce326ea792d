"""The applications for web servers, used by `wsgi` and `asgi`."""

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.asgi import get_asgi_application
from django.core.handlers.wsgi import LimitedStream
from django.core.wsgi import get_wsgi_application

from ziggy_site.content_type import clean_content_type

_CHUNK = 64 * 1024
_DISCARD_SECONDS = 10

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ziggy_site.settings")

_wsgi = get_wsgi_application()
_asgi = get_asgi_application()


def wsgi_application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Run Django's application without the request's charset; discard the rest of the body."""
    if "CONTENT_TYPE" in environ:
        environ["CONTENT_TYPE"] = clean_content_type(environ["CONTENT_TYPE"])
    body: Any = environ["wsgi.input"]
    length = environ.get("CONTENT_LENGTH")
    # Not every server's stream ends at the end of the body. A body without a length is refused.
    if length or not environ.get("wsgi.input_terminated"):
        body = LimitedStream(body, int(length) if length and length.isdecimal() else 0)
    environ["wsgi.input"] = body
    response = _wsgi(environ, start_response)
    _discard(body)
    return response


def _discard(body: Any) -> None:
    # A server that closes while the client is still sending resets the connection: instead of the
    # refusal of its upload (401, 413) the client would see a broken pipe.
    end = time.monotonic() + _DISCARD_SECONDS
    with suppress(OSError):  # the client has disconnected
        while time.monotonic() < end and body.read(_CHUNK):
            pass


async def asgi_application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Run Django's application without the request's charset."""
    headers = [
        (name, _clean(value) if name.lower() == b"content-type" else value)
        for name, value in scope.get("headers", [])
    ]
    await _asgi({**scope, "headers": headers}, receive, send)


def _clean(value: bytes) -> bytes:
    return clean_content_type(value.decode("latin-1")).encode("latin-1")
