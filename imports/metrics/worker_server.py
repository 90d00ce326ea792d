"""The metrics of a worker, which serves no site: at an address of its own, for Prometheus alone.

It has what this process counts. The figures of the server are those of the site's `/metrics`, so
that they are there once.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import ThreadingMixIn
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from imports.metrics.counting import begin_with_zero
from imports.metrics.endpoint import answer_metrics
from imports.metrics.instruments import write_counts

PATH = "/metrics"
_PATIENCE = 10
_LARGEST_PORT = 65_535


class WrongBind(ValueError):  # noqa: N818 - the name says what happened
    """The text is no address to listen at."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE  # seconds for a slow client, who holds one thread meanwhile

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - of the base class
        """Log nothing: a line would have the address, in which there may be anything."""


def read_bind(bind: str) -> tuple[str, int]:
    """Return the host and the port of `HOST:PORT`. Raises WrongBind."""
    host, _, port = bind.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > _LARGEST_PORT:
        raise WrongBind(f"{bind!r} is no address: that must be HOST:PORT, such as 127.0.0.1:9109")
    return host, int(port)


@contextmanager
def serve_counts(host: str, port: int) -> Iterator[int]:
    """Serve what this process counts while the block runs; yield the port, which 0 leaves open.

    To those who may read the site's metrics. Raises OSError where the address cannot be used.
    """
    begin_with_zero()
    with make_server(host, port, _answer, server_class=_Server, handler_class=_Handler) as server:
        thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    request = WSGIRequest(environ)
    if request.path == PATH and request.method in ("GET", "HEAD"):
        answer = answer_metrics(request, write_counts)
    else:
        told = "The metrics are at /metrics.\n"
        answer = HttpResponse(told, status=HTTPStatus.NOT_FOUND, content_type="text/plain")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Content-Length"] = str(len(answer.content))
    start_response(f"{answer.status_code} {answer.reason_phrase}", [*answer.items()])
    return [answer.content]
