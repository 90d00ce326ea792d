"""A body without a length is refused at every door: nobody takes it for an empty one."""

import asyncio
import io
import json
from typing import Any

import pytest
from django.core.asgi import get_asgi_application
from django.test import Client, RequestFactory

from tests.support.digest import all_rows
from tests.support.errors import error_of
from tests.support.factories import FlowFactory
from tests.support.importing import flow, import_items, uuid_of
from tests.support.uploading import caller
from ziggy_site.serving import wsgi_application as application

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
MESSAGE = "Send the body with its Content-Length, and not in chunks."
REFUSAL = {"message": MESSAGE, "code": "length-required", "issues": []}
API_DOORS = ["/api/imports/1/undo", "/api/flow", "/api/flow/import", "/api/auth/login", "/api/docs"]
OTHER_DOORS = ["/", "/admin/login/", "/admin/imports/importrecord/upload/", "/static/x.css", "/no"]

pytestmark = pytest.mark.django_db


def chunked(method, door, *, told_as):
    """The refusal of a body in chunks, in the form that it must have."""
    answer = Client().generic(method, door, HTTP_TRANSFER_ENCODING="chunked")
    assert answer.status_code == 411
    assert answer.headers["Content-Type"] == told_as
    return answer


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("door", API_DOORS)
def test_the_api_refuses_chunks_in_its_own_form(door, method):
    answer = chunked(method, door, told_as="application/json")
    assert method == "HEAD" or error_of(answer) == REFUSAL


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("door", OTHER_DOORS)
def test_every_other_page_refuses_them_in_plain_words(door, method):
    answer = chunked(method, door, told_as="text/plain; charset=utf-8")
    assert method == "HEAD" or answer.content.decode() == f"{MESSAGE}\n"
    assert "Content-Security-Policy" in answer.headers


def test_a_dry_run_in_chunks_undoes_nothing():
    FlowFactory(uuid=uuid_of("f", 1), name="Old")
    record = import_items(flow(1, "New")).record
    ada = caller(admin=True)
    before = all_rows()
    answer = ada.generic(
        "POST",
        f"/api/imports/{record.pk}/undo",
        content_type="application/json",
        HTTP_TRANSFER_ENCODING="chunked",
    )
    assert (answer.status_code, error_of(answer)) == (411, REFUSAL)
    assert all_rows() == before


def through_wsgi(body: bytes, **environ: Any) -> tuple[str, Any, int]:
    """Status, JSON, and how much of the body was left unread."""
    stream = io.BytesIO(body)
    given = RequestFactory().post("/api/imports/1/undo").environ
    given = {key: value for key, value in given.items() if key != "CONTENT_LENGTH"}
    status: list[str] = []
    answer = application(
        {**given, "wsgi.input": stream, **environ}, lambda line, _headers: status.append(line)
    )
    return status[0], json.loads(b"".join(answer)), len(body) - stream.tell()


@pytest.mark.parametrize(
    "environ",
    [
        {"wsgi.input_terminated": True},
        {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""},
        {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_TRANSFER_ENCODING": "chunked"},
        {"HTTP_TRANSFER_ENCODING": "gzip, chunked", "CONTENT_LENGTH": "3"},
    ],
    ids=str,
)
def test_however_a_server_tells_of_a_body_without_a_length(environ):
    status, answer, left = through_wsgi(b'{"dryRun": true}', **environ)
    assert answer.pop("requestId")
    assert (status, answer) == ("411 Length Required", REFUSAL)
    if environ.get("wsgi.input_terminated"):
        assert left == 0  # a client that still sends would not see the answer


@pytest.mark.parametrize("length", ["-1", "+16", "a", "1_6", " 16"])
def test_a_length_that_is_no_number_is_malformed(length):
    status, answer, _ = through_wsgi(b'{"dryRun": true}', CONTENT_LENGTH=length)
    assert (status, answer["code"]) == ("400 Bad Request", "bad-request")
    page = Client().post("/admin/login/", CONTENT_LENGTH=length)
    assert page.status_code == 400
    assert page.content == b"The Content-Length is not a number of bytes.\n"


@pytest.mark.parametrize(
    ("body", "environ"),
    [
        (b"", {"wsgi.input_terminated": True}),
        (b"", {"wsgi.input_terminated": True, "CONTENT_LENGTH": "0"}),
        (b"", {}),
        (b"another request", {}),  # of a server whose stream does not end with the body
        (b"{}", {"CONTENT_LENGTH": "2"}),
    ],
)
def test_a_body_with_a_length_or_none_at_all_gets_through(body, environ):
    assert through_wsgi(body, **environ)[0] == "401 Unauthorized"


def through_asgi(*pieces: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """The status that an asynchronous server gets for a body in these pieces."""
    messages = [
        {"type": "http.request", "body": piece, "more_body": place < len(pieces)}
        for place, piece in enumerate(pieces, start=1)
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/nothing",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers],
        "http_version": "2",
    }
    asyncio.run(get_asgi_application()(scope, receive, send))
    return sent[0]["status"]


@pytest.mark.parametrize(
    ("pieces", "headers", "status"),
    [
        ([b'{"dryRun"', b": true}"], [], 411),
        ([b"{}"], [(b"transfer-encoding", b"chunked")], 411),
        ([b"{}"], [(b"content-length", b"2")], 404),
        ([b""], [], 404),
        ([b""], [(b"content-length", b"0")], 404),
    ],
)
def test_an_asynchronous_server_needs_no_header_to_be_refused(pieces, headers, status):
    assert through_asgi(*pieces, headers=headers) == status
