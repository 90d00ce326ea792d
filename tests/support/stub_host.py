"""A loopback stub of the API of a git host: comments in pages, kept in memory, and what it was asked."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = 100


@dataclass
class StubHost:
    """What the host has, and what was asked of it."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    """Of other paths, by their ends."""
    failing: dict[str, int] = field(default_factory=dict)
    """The status that a method is answered with."""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    escapes_html: bool = False
    own: dict[str, Any] = field(default_factory=dict)
    """What a comment has that was made with the token."""
    address: str = ""

    def answer(self, method: str, target: str, body: dict[str, Any]) -> tuple[int, Any]:
        if status := self.failing.get(method):
            return status, {"message": "It cannot be done."}
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        for end, found in self.answers.items():
            if method == "GET" and path.endswith(end):
                return 200, found
        if method == "GET":
            page, size = int(query["page"][0]), int(query["per_page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if method == "POST":
            comment = {"id": 9_000_000_000 + len(self.comments), **self.own, **body}
            self.comments.append(comment)
            return 201, comment
        number = int(path.rpartition("/")[2])
        comment = next(each for each in self.comments if each["id"] == number)
        comment.update(body)
        return 200, comment


@contextmanager
def stub_host(host: StubHost) -> Iterator[StubHost]:
    """Serve the host on this machine; its address is in it."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host.asked.append((self.command, self.path, dict(self.headers.items())))
            status, found = host.answer(self.command, self.path, json.loads(raw) if raw else {})
            text = json.dumps(found, ensure_ascii=host.escapes_html)
            if host.escapes_html:
                for char in "<>&":
                    text = text.replace(char, f"\\u{ord(char):04x}")
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815

        def log_message(self, *words: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        host.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
