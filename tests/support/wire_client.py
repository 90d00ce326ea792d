"""A command line client of the wire contract: plain http.client, with the headers it always sends.

It knows nothing of the server's code. What it sends looks untidy on purpose: a JSON content type
without a body, a cookie with a login's data, an Authorization header while logging in.
"""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPMessage
from typing import Any
from urllib.parse import quote

BOUNDARY = "----clientFormBoundary7MA4YWxkTrZu0gW"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, with the reason phrase that clients print."""

    status: int
    reason: str
    headers: HTTPMessage
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.status} {self.reason}"

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(kw_only=True)
class WireClient:
    """One session with one server; `token` and `user_id` are set by `login`."""

    port: int
    token: str = ""
    user_id: str = ""
    password: str = ""
    answers: list[Answer] = field(default_factory=list)

    def login(self, username: str, password: str) -> Answer:
        """Log in with the Authorization header present: empty, or with the token held so far."""
        body = {"username": username, "password": password}
        self.password = password
        answer = self.post("/auth/login", body)
        if answer.status == 201:
            self.token, self.user_id = answer.json()["token"], answer.json()["uuid"]
        return answer

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None) -> Answer:
        return self.send("POST", path, b"" if body is None else json.dumps(body).encode())

    def upload(self, content: bytes, mode: str, **texts: str) -> Answer:
        """POST /flow/import; booleans travel as the texts true and false."""
        fields = {"duplicatesMode": mode, **texts}
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
            for name, text in fields.items()
        ]
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; '
            'filename="zexport.json"\r\nContent-Type: application/json\r\n\r\n'
        )
        body = head.encode() + content + b"\r\n" + "".join(parts).encode()
        body += f"--{BOUNDARY}--\r\n".encode()
        return self.send(
            "POST", "/flow/import", body, content_type=f"multipart/form-data; boundary={BOUNDARY}"
        )

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        content_type: str = "application/json",
        **headers: str,
    ) -> Answer:
        """One request as it goes over the wire; keyword arguments replace or add headers."""
        sent = {
            "Accept": "application/json, text/plain, */*",
            "Authorization": f"Bearer {self.token}" if self.token else "",
            "Content-Type": content_type,
            "Cookie": self._cookie(),
            **headers,
        }
        if body is not None:
            sent["Content-Length"] = str(len(body))
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, f"/api{path}", body=body, headers=sent)
            response = connection.getresponse()
            answer = Answer(
                status=response.status,
                reason=response.reason,
                headers=response.headers,
                body=response.read(),
            )
        finally:
            connection.close()
        self.answers.append(answer)
        return answer

    def _cookie(self) -> str:
        values = {
            "tenantId": "default",
            "provider": "local",
            "accessToken": self.token,
            "userId": self.user_id,
            "password": self.password,
        }
        return "; ".join(f"{name}={quote(value)}" for name, value in values.items())
