"""Clients that send and read slowly, on purpose: in headers, in bodies, in answers, in handshakes."""

import multiprocessing
import socket
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from multiprocessing.synchronize import Event
from typing import Any

from tests.support.deployment import HOST, PATIENCE, QUICK, make_tls

SILENT, HEADERS, BODY, READER = "a handshake", "headers", "a body", "an answer"
_PAUSE = 0.3  # seconds between two bytes
_SMALL = 4096


class SlowClients:
    """A connection of each of these kinds, opened again when they are closed, until the block is left.

    They come from several addresses of the loopback network, as many as it takes for none to have
    more connections than one address may; and from a process of their own, for what they do must
    not keep the process waiting that measures meanwhile.
    """

    def __init__(
        self, port: int, *, kinds: Sequence[str], tls: bool, path: str, token: str
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._opened, self._ended = context.Event(), context.Event()
        self._bytes_read = context.Value("q", 0)
        connections = _Connections(port, kinds, tls, path, token)
        shared = self._opened, self._ended, self._bytes_read
        self._process = context.Process(target=connections.run, args=shared, daemon=True)

    @property
    def bytes_read(self) -> int:
        """Those that slow readers have read."""
        return int(self._bytes_read.value)

    def __enter__(self) -> "SlowClients":
        self._process.start()
        if not self._opened.wait(PATIENCE):
            self._process.kill()
            raise TimeoutError("the slow clients have no connections")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.is_alive(), "the slow clients came to an end before"
        self._ended.set()
        self._process.join(PATIENCE)


class _Connections:
    """The connections, in the process that they are of."""

    def __init__(self, port: int, kinds: Sequence[str], tls: bool, path: str, token: str) -> None:
        self._port, self._with_tls = port, tls
        self._tls: ssl.SSLContext | None = None
        self._path, self._token, self._kinds = path, token, kinds
        self._connections: dict[int, socket.socket] = {}

    def run(self, opened: Event, ended: Event, bytes_read: Any) -> None:
        """Open all, then send and read until it is ended: one after another, never all at once."""
        self._tls = make_tls() if self._with_tls else None
        for number in range(len(self._kinds)):
            self._open(number)
        opened.set()
        while True:
            for number, connection in list(self._connections.items()):
                if ended.wait(_PAUSE / len(self._kinds)):
                    return
                try:
                    bytes_read.value += self._send_or_read(number, connection)
                except (OSError, ssl.SSLError):  # the time of its request is over
                    with suppress(OSError), closing(connection):
                        self._open(number)

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

    def _send_or_read(self, number: int, connection: socket.socket) -> int:
        """Return how many bytes were read."""
        kind = self._kinds[number]
        if kind in (HEADERS, BODY):
            connection.sendall(b"a")
        elif kind == READER:
            connection.setblocking(False)
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                return len(connection.recv(16))
        return 0
