"""Clients that send and read slowly, on purpose: in headers, in bodies, in answers, in handshakes."""

import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import closing, suppress

from tests.support.deployment import HOST, QUICK, make_tls

SILENT, HEADERS, BODY, READER = "a handshake", "headers", "a body", "an answer"
_PAUSE = 0.3  # seconds between two bytes
_SMALL = 4096


class SlowClients:
    """A connection of each of these kinds, opened again when they are closed, until the block is left.

    They come from several addresses of the loopback network, as many as it takes for none to have
    more connections than one address may. `bytes_read` are those of slow readers.
    """

    def __init__(
        self, port: int, *, kinds: Sequence[str], tls: bool, path: str, token: str
    ) -> None:
        self.failures: list[OSError] = []
        self.bytes_read = 0
        self._port, self._tls = port, make_tls() if tls else None
        self._path, self._token, self._kinds = path, token, kinds
        self._connections: dict[int, socket.socket] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._drip)

    def __enter__(self) -> "SlowClients":
        for number in range(len(self._kinds)):
            self._open(number)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for connection in self._connections.values():
            connection.close()

    def _open(self, number: int) -> None:
        kind = self._kinds[number]
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        connection.settimeout(QUICK)
        connection.bind((f"127.0.1.{1 + number % 10}", 0))
        connection.connect(("127.0.0.1", self._port))
        if self._tls and kind != SILENT:
            connection = self._tls.wrap_socket(connection)
        if kind != SILENT:
            connection.sendall(self._begin(kind).encode())
        self._connections[number] = connection

    def _begin(self, kind: str) -> str:
        common = (
            f"Host: {HOST}\r\nX-Forwarded-Proto: https\r\nAuthorization: Bearer {self._token}\r\n"
        )
        if kind == HEADERS:
            return f"GET /api/health HTTP/1.1\r\n{common}X-Slow: "
        if kind == BODY:
            return (
                f"POST /api/flow/import HTTP/1.1\r\n{common}Content-Type: application/json\r\n"
                "Content-Length: 100000\r\n\r\n{"
            )
        return f"GET {self._path} HTTP/1.1\r\n{common}\r\n"

    def _drip(self) -> None:
        while not self._ended.wait(_PAUSE):
            for number, connection in list(self._connections.items()):
                try:
                    self._send_or_read(number, connection)
                except (OSError, ssl.SSLError):  # the time of its request is over
                    with suppress(OSError), closing(connection):
                        self._open(number)

    def _send_or_read(self, number: int, connection: socket.socket) -> None:
        kind = self._kinds[number]
        if kind in (HEADERS, BODY):
            connection.sendall(b"a")
        elif kind == READER:
            connection.settimeout(0.01)
            with suppress(TimeoutError):
                self.bytes_read += len(connection.recv(16))
