"""Clients of the service: one connection each, from an address of its own on the loopback net."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from http.client import HTTPException, HTTPSConnection
from itertools import cycle
from typing import Any, NamedTuple, Self

from tests.support.composed import Deployment
from tests.support.deployment import HOST, PASSWORD, make_tls

_BOUNDARY = "part-of-a-benchmark"
_TIMEOUT = 900
_ADDRESSES = 8
"""deploy/nginx.conf takes 50 requests a second from one."""
NO_ANSWER = 0
"""In place of a status, where the connection was closed or refused."""


class Request(NamedTuple):
    """One request: when it began and what it took, in seconds of the same clock."""

    name: str
    status: int
    start: float
    seconds: float


class Client(AbstractContextManager["Client"]):
    """A person or a pipeline. Every request becomes one of `samples`."""

    def __init__(self, site: Deployment, number: int, token: str = "") -> None:
        """Ask from some addresses of its own in turn, so that no limit by address is met."""
        self.connections = cycle(
            HTTPSConnection(
                "127.0.0.1",
                site.ports.https,
                timeout=_TIMEOUT,
                context=make_tls(),
                source_address=(f"127.{1 + lane}.{1 + number // 250}.{1 + number % 250}", 0),
            )
            for lane in range(_ADDRESSES)
        )
        self.token = token
        self.samples: list[Request] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for _ in range(_ADDRESSES):
            next(self.connections).close()

    def log_in(self) -> str:
        """Log in as the deployment's account, and return the token."""
        body = json.dumps({"username": "ada", "password": PASSWORD}).encode()
        answer = self.ask("login", "POST", "/api/auth/login", body, "application/json")
        self.token = str(json.loads(answer)["token"])
        return self.token

    def ask(
        self, name: str, method: str, path: str, body: bytes | None = None, kind: str = "",
        **headers: str,
    ) -> bytes:  # fmt: skip
        """Return the body of the answer, read to its end."""
        sent = {"Host": HOST, **{key.replace("_", "-"): text for key, text in headers.items()}}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if kind:
            sent["Content-Type"] = kind
        connection = next(self.connections)
        start = time.perf_counter()
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            content, status = answer.read(), answer.status
        except (OSError, HTTPException):
            connection.close()
            content, status = b"", NO_ANSWER
        self.samples.append(Request(name, status, start, time.perf_counter() - start))
        return content

    def send_file(
        self, name: str, path: str, file: bytes, fields: Mapping[str, str], **headers: str
    ) -> dict[str, Any]:
        """Post the file with those fields, as a form, and return the answer's object."""
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        body = _make_form(file, fields)
        answer: dict[str, Any] = json.loads(
            self.ask(name, "POST", path, body, kind, **headers) or "{}"
        )
        return answer


def _make_form(file: bytes, fields: Mapping[str, str]) -> bytes:
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields.items()
    ]
    head = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="flows.json"\r\n'
        "Content-Type: application/json\r\n\r\n"
    ).encode()
    return b"".join([*parts, head, file, f"\r\n--{_BOUNDARY}--\r\n".encode()])


def run_clients(
    site: Deployment,
    token: str,
    count: int,
    seconds: float,
    act: Callable[[Client, int], None],
    *,
    has_ended: Callable[[], bool] = lambda: False,
) -> list[Request]:
    """Let so many clients act again and again for that time, or until it `has_ended`.

    Returns the samples of all.
    """
    end = time.perf_counter() + seconds
    found: list[Request] = []

    def live(number: int) -> None:
        with Client(site, number, token) as client:
            turn = number
            while time.perf_counter() < end and not has_ended():
                act(client, turn)
                turn += 1
            found.extend(client.samples)

    threads = [threading.Thread(target=live, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found
