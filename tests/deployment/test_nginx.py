"""The shipped nginx.conf and gunicorn.conf.py, run as they are shipped: slow clients stop nobody.

nginx and gunicorn run on ports of 127.0.0.1. Of nginx.conf the lines that say EDIT are edited, and
the ports.
"""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest
from django.conf import settings

from imports.uploads.uploaded_file import FORM_ALLOWANCE, get_longest_body
from tests.support.deployment import (
    DEPLOY,
    HOST,
    PATIENCE,
    QUICK,
    ask,
    find_free_port,
    find_nginx,
    log_in,
    make_tls,
    run_process,
    run_service,
    wait_for,
    write_nginx_files,
)
from tests.support.name_server import run_name_server
from tests.support.uploading import BOUNDARY, file_part, form, words
from tests.support.waiting import wait_until

pytestmark = pytest.mark.deployment

SLOW = 50


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The service behind nginx, with an account named ada."""
    with run_service(tmp_path_factory.mktemp("deploy")) as running:
        yield running


# --- Slow clients


HEADER_DRIP = f"GET /api/health HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ".encode()
BODY_DRIP = (
    f"POST /api/flow/import HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    "X-Forwarded-Proto: https\r\nContent-Length: 1000\r\n\r\n{"
).encode()


def slow_connections(stack: ExitStack, port: int, *, tls: bool) -> list[socket.socket]:
    """Half of them stop in their header, half in their body."""
    opened = []
    for number in range(SLOW):
        connection: socket.socket = socket.create_connection(("127.0.0.1", port), QUICK)
        if tls:
            connection = make_tls().wrap_socket(connection)
        stack.enter_context(closing(connection))
        connection.sendall(BODY_DRIP if number % 2 else HEADER_DRIP)
        opened.append(connection)
    return opened


def drip(connections: list[socket.socket]) -> None:
    for connection in connections:
        connection.sendall(b"a")


# --- The tests


def test_the_shipped_file_is_sound(site):
    run = subprocess.run(
        [site.nginx, "-t", "-p", str(site.folder), "-c", str(site.main)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert "warn" not in run.stderr


def test_slow_clients_keep_nobody_from_asking_and_logging_in(site):
    with ExitStack() as stack:
        connections = slow_connections(stack, site.ports.https, tls=True)
        for _ in range(3):
            drip(connections)
            start = time.monotonic()
            assert ask(site, "GET", "/api/health")[0] == 200
            token = log_in(site)
            assert ask(site, "GET", "/api/auth/profile", Authorization=f"Bearer {token}")[0] == 200
            assert time.monotonic() - start < QUICK
            time.sleep(0.5)


def test_without_the_proxy_they_would(site):
    """That the slow clients of this test are slow: gunicorn alone answers nobody meanwhile."""
    with ExitStack() as stack:
        slow_connections(stack, site.ports.gunicorn, tls=False)
        time.sleep(0.5)
        asking = stack.enter_context(
            closing(socket.create_connection(("127.0.0.1", site.ports.gunicorn), QUICK))
        )
        asking.settimeout(2)
        asking.sendall(
            f"GET /api/health HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n\r\n".encode()
        )
        with pytest.raises(TimeoutError):
            asking.recv(1)
    end = time.monotonic() + 20
    while time.monotonic() < end and ask(site, "GET", "/api/health", timeout=20)[0] != 200:
        time.sleep(0.2)


def test_a_large_upload_passes(site):
    payload = b'{"flows": []' + b" " * 30_000_000 + b"}"
    body = form(file_part(payload), *words(duplicatesMode="LEAVE", dryRun="true"))
    status, _, content = ask(
        site,
        "POST",
        "/api/flow/import",
        body,
        timeout=PATIENCE,
        Authorization=f"Bearer {log_in(site)}",
        Content_Type=f"multipart/form-data; boundary={BOUNDARY}",
    )
    assert (status, json.loads(content)["flowsProcessed"]) == (200, [])


def test_one_that_is_too_large_is_told_so_in_json(site):
    most = get_longest_body(settings.ZIGGY["MAX_IMPORT_BYTES"])
    status, headers, content = ask(site, "POST", "/api/flow/import", Content_Length=str(most + 1))
    assert status == 413
    assert headers["Content-Type"] == "application/json"
    error = json.loads(content)
    assert list(error) == ["message", "code", "issues", "requestId"]
    assert (error["code"], error["issues"]) == ("too-large", [])
    assert error["requestId"] == headers["X-Request-ID"] != ""


@pytest.mark.parametrize("given", ["run-1795669:7", None, 'no "plain" word'])
def test_a_request_keeps_the_id_that_it_came_with(site, given):
    sent = {} if given is None else {"X_Request_ID": given}
    for path, length in (("/api/health", 0), ("/api/flow/import", 10**12)):
        method = "POST" if length else "GET"
        _, headers, _ = ask(site, method, path, Content_Length=str(length), **sent)
        if given == "run-1795669:7":
            assert headers["X-Request-ID"] == given
        else:
            assert re.fullmatch(r"[0-9a-f]{32}", headers["X-Request-ID"])


def test_what_was_searched_for_is_not_in_the_log_of_addresses(site):
    ask(site, "GET", "/api/secret?search=CANARY-merger")
    ask(site, "GET", "/api/health?name=CANARY-health")
    log = site.folder / "access.log"
    wait_until(lambda: "GET /api/health" in log.read_text())
    assert '"GET /api/secret" 401 ' in log.read_text()
    assert "CANARY" not in log.read_text()


def test_the_limits_are_those_of_the_product():
    text = (DEPLOY / "nginx.conf").read_text()
    [kilobytes] = re.findall(r"client_max_body_size (\d+)k;", text)
    assert int(kilobytes) * 1024 == 4 * 256 * 1024 * 1024 + FORM_ALLOWANCE
    assert text.count("# EDIT") == 4  # the name stands twice


def test_http_leads_to_https(site):
    with closing(socket.create_connection(("127.0.0.1", site.ports.http), QUICK)) as connection:
        connection.sendall(
            f"GET /admin/ HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 301 ")
    assert f"Location: https://{HOST}/admin/" in answer


def test_too_many_logins_are_turned_away_in_json(site):
    answers = [
        ask(site, "POST", "/api/auth/login", "{}", Content_Type="application/json")
        for _ in range(60)
    ]
    status, headers, content = answers[-1]
    assert status == 429
    assert headers["Content-Type"] == "application/json"
    assert headers["Retry-After"] == "10"
    assert json.loads(content)["code"] == "throttled"
    assert ask(site, "GET", "/api/health")[0] == 200


# --- While the service does not run


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """nginx as in compose.yaml, before a service that is somewhere else after each start."""
    folder = tmp_path_factory.mktemp("alone")
    names = ("gunicorn", "http", "https")
    ports = SimpleNamespace(**{name: find_free_port() for name in names})
    with run_name_server({"web": "127.0.0.1"}) as server:
        main = write_nginx_files(folder, ports, name_server=server.port)
        log = folder / "output.log"
        with run_process([find_nginx(), "-p", str(folder), "-c", str(main)], {}, log):
            wait_for(ports.https, log)
            yield SimpleNamespace(ports=ports, names=server)


@contextmanager
def service_at(address: str, port: int) -> Iterator[None]:
    """A service that answers where it is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{address} {self.path}".encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((address, port), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_people_are_told_on_a_page_and_programs_in_json(alone):
    status, headers, content = ask(alone, "GET", "/admin/")
    assert (status, headers["Retry-After"]) == (502, "10")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert b"The service does not run" in content
    assert ask(alone, "GET", "/static/base.css")[1]["Content-Type"] == "text/html; charset=utf-8"
    status, headers, content = ask(alone, "GET", "/api/flow")
    assert (status, headers["Retry-After"]) == (502, "10")
    assert json.loads(content)["code"] == "bad-gateway"
    too_long = str(get_longest_body(settings.ZIGGY["MAX_IMPORT_BYTES"]) + 1)
    status, headers, content = ask(
        alone, "POST", "/admin/imports/importrecord/import/", Content_Length=too_long
    )
    assert (status, headers["Content-Type"]) == (413, "text/html; charset=utf-8")
    assert b"larger than this server takes" in content


def test_a_service_that_has_another_address_is_found_again(alone):
    port = alone.ports.gunicorn
    path = "/live/%2F%20?a=%2F&b=http://x"
    for address in ("127.0.0.1", "127.0.0.2", "127.0.0.1"):  # Docker starts it again
        alone.names.addresses["web"] = address
        with service_at(address, port):
            told = f"{address} {path}".encode()
            wait_until(lambda told=told: ask(alone, "GET", path)[2] == told)
