"""The service as it is deployed: gunicorn with its shipped file, and nginx with its own in front."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
HOST = "ziggy.example.org"
PASSWORD = "a-long-passphrase-of-tests"
QUICK = 5  # seconds
PATIENCE = 60


def find_nginx() -> str:
    """Return the path of nginx; skip the test where it is not installed."""
    path = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        told = "nginx is not installed: apt-get install nginx"
        if os.environ.get("ZIGGY_REQUIRE_NGINX") == "1":
            pytest.fail(told)
        pytest.skip(told)
    return path


def find_free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of HOST and its key, and return their paths."""
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


def write_nginx_files(folder: Path, ports: SimpleNamespace, *, name_server: int = 0) -> Path:
    """Write the shipped files with their marked lines and ports edited, and one that includes them.

    With the port of a name server the service is found as in compose.yaml. Returns the path of the
    file that includes the others.
    """
    certificate, key = write_certificate(folder)
    _write_edited(
        "nginx.conf",
        folder / "ziggy.conf",
        {
            "/etc/ssl/ziggy.pem": str(certificate),
            "/etc/ssl/ziggy.key": str(key),
            "/var/log/nginx/access.log": f"{folder}/access.log",
            "listen 80;": f"listen 127.0.0.1:{ports.http};",
            "listen 443 ssl;": f"listen 127.0.0.1:{ports.https} ssl;",
        },
    )
    if name_server:
        edits = {"127.0.0.11": f"127.0.0.1:{name_server}", "web:8000": f"web:{ports.gunicorn}"}
        _write_edited("nginx-upstream-compose.conf", folder / "ziggy-upstream.conf", edits)
    else:
        edits = {"127.0.0.1:8000": f"127.0.0.1:{ports.gunicorn}"}
        _write_edited("nginx-upstream.conf", folder / "ziggy-upstream.conf", edits)
    main = folder / "nginx.conf"
    temporary = "".join(
        f"{name}_temp_path {folder / name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"error_log {folder}/error.log;\nevents {{ worker_connections 1024; }}\n"
        "http {\ntypes { text/css css; application/json json; }\naccess_log off;\n"
        f"{temporary}include {folder}/ziggy*.conf;\n}}\n"
    )
    return main


def _write_edited(name: str, goal: Path, edits: Mapping[str, str]) -> None:
    text = (DEPLOY / name).read_text()
    for old, new in edits.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    goal.write_text(text)


def make_environment(folder: Path, port: int, **variables: str) -> dict[str, str]:
    """The environment of the service in production, and of commands of its operator."""
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
        "PYTHONPATH": str(ROOT),
        **variables,
    }


def prepare(environment: Mapping[str, str]) -> None:
    """Migrate the database, and make the account ada."""
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--no-input", "--username", "ada", "--email", "ada@example.org"],
    ):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment,
            check=True,
            timeout=PATIENCE,
        )


@contextmanager
def run_process(
    command: list[str], environment: Mapping[str, str], log: Path, *, cwd: Path | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process, which is ended with its children when the block is left."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=cwd or ROOT, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextmanager
def run_service(
    folder: Path, *, with_nginx: bool = True, **variables: str
) -> Iterator[SimpleNamespace]:
    """Run gunicorn on a database of its own, with the account ada, and nginx in front."""
    nginx = find_nginx() if with_nginx else ""
    ports = SimpleNamespace(
        gunicorn=find_free_port(), http=find_free_port(), https=find_free_port()
    )
    environment = make_environment(folder, ports.gunicorn, **variables)
    prepare(environment)
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", str(DEPLOY / "gunicorn.conf.py")]
    log = folder / "output.log"
    with ExitStack() as stack:
        process = stack.enter_context(run_process(gunicorn, environment, log))
        wait_for(ports.gunicorn, log)
        main = None
        if with_nginx:
            main = write_nginx_files(folder, ports)
            in_front = [nginx, "-p", str(folder), "-c", str(main)]
            stack.enter_context(run_process(in_front, environment, log))
            wait_for(ports.https, log)
        yield SimpleNamespace(
            ports=ports,
            main=main,
            nginx=nginx,
            folder=folder,
            process=process,
            log=log,
            environment=environment,
        )


def wait_for(port: int, log: Path) -> None:
    """Wait until something listens at the port; else the test fails with the log."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.1)
    pytest.fail(f"nothing listens at port {port}: {log.read_text()}")


def make_tls() -> ssl.SSLContext:
    """A context that takes any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ask(
    site: Any, method: str, path: str, body: Any = None, timeout: float = QUICK, **headers: str
):
    """The status, the headers and the body of nginx's answer."""
    connection = HTTPSConnection("127.0.0.1", site.ports.https, timeout=timeout, context=make_tls())
    return _ask(connection, method, path, body, headers)


def ask_gunicorn(site: Any, method: str, path: str, body: Any = None, timeout: float = QUICK, **headers: str):  # fmt: skip
    """The same of gunicorn, in nginx's place."""
    connection = HTTPConnection("127.0.0.1", site.ports.gunicorn, timeout=timeout)
    return _ask(connection, method, path, body, {"X_Forwarded_Proto": "https", **headers})


def _ask(connection, method, path, body, headers):
    with closing(connection):
        headers = {"Host": HOST, **{key.replace("_", "-"): text for key, text in headers.items()}}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def log_in(site: Any, *, directly: bool = False) -> str:
    """Log ada in, through nginx unless `directly`, and return her token."""
    body = json.dumps({"username": "ada", "password": PASSWORD})
    status, _, content = (ask_gunicorn if directly else ask)(
        site,
        "POST",
        "/api/auth/login",
        body,
        timeout=PATIENCE,
        Content_Type="application/json",
    )
    assert status in (200, 201), content
    return str(json.loads(content)["token"])
