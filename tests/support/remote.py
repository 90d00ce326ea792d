"""Imports by a deployment's API, through nginx: asked for, left to a worker, polled."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.support.composed import Deployment
from tests.support.deployment import PATIENCE, ask
from tests.support.importing import export_file, flow
from tests.support.uploading import BOUNDARY, file_part, form, words

ENDED = ("succeeded", "refused", "failed", "interrupted", "cancelled")
_EVERY = 0.1  # seconds between two polls, so that nginx's limit of requests leaves room for others


def make_file(count: int, text: str) -> bytes:
    """Return an export file of so many flows, which all say that text."""
    return export_file(*(flow(n, f"Asked for {n}", info=text) for n in range(1, count + 1)))


class Caller:
    """Somebody who imports by the API of a deployment."""

    def __init__(self, deployment: Deployment, token: str) -> None:
        self.deployment = deployment
        self._headers = {"Authorization": f"Bearer {token}"}
        self.unanswered = 0
        """How many polls were answered by a server error, and sent again."""

    def ask(self, payload: bytes, *, key: str) -> int:
        """Ask for an import with a backup before it, and return the number of its record."""
        body = form(file_part(payload), *words(duplicatesMode="OVERWRITE"))
        status, headers, content = ask(
            self.deployment, "POST", "/api/flow/import", body, timeout=PATIENCE, **self._headers,
            Content_Type=f"multipart/form-data; boundary={BOUNDARY}", Prefer="respond-async",
            Idempotency_Key=key,
        )  # fmt: skip
        assert status == 202, content
        record = json.loads(content)
        assert headers["Location"].endswith(f"/api/imports/{record['id']}")
        return int(record["id"])

    def poll(self, number: int) -> dict[str, Any]:
        """Return the record as it is now."""
        while True:
            status, _, content = ask(
                self.deployment, "GET", f"/api/imports/{number}?pageSize=1", timeout=PATIENCE, **self._headers
            )  # fmt: skip
            if status == 200:
                record: dict[str, Any] = json.loads(content)
                return record
            assert status in (500, 503), content
            self.unanswered += 1
            time.sleep(_EVERY)

    def wait(
        self, number: int, *, see: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> dict[str, Any]:
        """Poll until the run has ended, and return its record; `see` gets each state before."""
        deadline = time.monotonic() + PATIENCE * 2
        while (record := self.poll(number))["status"] not in ENDED:
            assert time.monotonic() < deadline, record
            see(record)
            time.sleep(_EVERY)
        return record
