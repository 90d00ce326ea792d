"""The shipped nginx.conf and gunicorn.conf.py, run as they are shipped: slow clients stop nobody.

nginx and gunicorn run on ports of 127.0.0.1. Of nginx.conf the lines that say EDIT are edited, and
the ports.
"""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from imports.uploads.uploaded_file import FORM_ALLOWANCE, get_longest_body
from tests.support.uploading import BOUNDARY, file_part, form, words

DEPLOY = Path(settings.BASE_DIR, "deploy")
HOST = "ziggy.example.org"
PASSWORD = "a-long-passphrase-of-tests"
SLOW = 50
QUICK = 5  # seconds
PATIENCE = 60


def _nginx() -> str:
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        told = "nginx is not installed: apt-get install nginx"
        if os.environ.get("ZIGGY_REQUIRE_NGINX") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return path


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "ziggy.pem", folder / "ziggy.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


def _site(folder: Path, ports: SimpleNamespace) -> Path:
    """The shipped file with its marked lines and its ports edited, and nothing else."""
    certificate, key = _certificate(folder)
    text = (DEPLOY / "nginx.conf").read_text()
    for old, new in (
        ("/etc/ssl/ziggy.pem", str(certificate)),
        ("/etc/ssl/ziggy.key", str(key)),
        ("127.0.0.1:8000", f"127.0.0.1:{ports.gunicorn}"),
        ("listen 80;", f"listen 127.0.0.1:{ports.http};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{ports.https} ssl;"),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    site = folder / "ziggy.conf"
    site.write_text(text)
    main = folder / "nginx.conf"
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{ worker_connections 1024; }}\n"
        f"http {{\naccess_log off;\n{temporary}include {site};\n}}\n"
    )
    return main


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DEBUG": "0",
        "SECRET_KEY": "s3cr3t-" + "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ"[::-1],
        "ZIGGY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ALLOWED_HOSTS": HOST,
        "BEHIND_TLS_PROXY": "1",
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "ZIGGY_BACKUP_DIR": str(folder / "backups"),
        "ZIGGY_BIND": f"127.0.0.1:{port}",
        "ZIGGY_WORKERS": "1",
        "ZIGGY_THREADS": "4",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONPATH": str(settings.BASE_DIR),
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The service behind nginx, with an account named ada."""
    nginx = _nginx()
    folder = tmp_path_factory.mktemp("deploy")
    ports = SimpleNamespace(gunicorn=_free_port(), http=_free_port(), https=_free_port())
    environment = _environment(folder, ports.gunicorn)
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.org"],
    ):
        _run([sys.executable, "manage.py", *command], environment)
    main = _site(folder, ports)
    with ExitStack() as stack:
        for command in (
            [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py")],
            [nginx, "-p", str(folder), "-c", str(main)],
        ):
            stack.enter_context(_running(command, environment, folder / "output.log"))
        _wait_for(ports.gunicorn)
        _wait_for(ports.https)
        yield SimpleNamespace(ports=ports, main=main, nginx=nginx, folder=folder)


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=settings.BASE_DIR, env=environment, check=True, timeout=PATIENCE)


class _running:  # noqa: N801 - reads as a context
    """A process that is ended, with its children, when the block is left."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=settings.BASE_DIR, env=environment, stdout=output, stderr=output
            )

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self._process

    def __exit__(self, *args: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.1)
    pytest.fail(f"nothing listens at port {port}")


# --- A client, quick or slow


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(site, method, path, body=None, timeout=QUICK, **headers):
    """The status, the headers and the body of an answer."""
    with closing(
        HTTPSConnection("127.0.0.1", site.ports.https, timeout=timeout, context=_tls())
    ) as connection:
        headers = {"Host": HOST, **{key.replace("_", "-"): text for key, text in headers.items()}}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def login(site):
    body = json.dumps({"username": "ada", "password": PASSWORD})
    status, _, content = ask(site, "POST", "/api/auth/login", body, Content_Type="application/json")
    assert status in (200, 201), content
    return json.loads(content)["token"]


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
            connection = _tls().wrap_socket(connection)
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
            token = login(site)
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
        Authorization=f"Bearer {login(site)}",
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
