"""Two real servers, and a command line client of the wire contract that moves flows between them.

Each server is gunicorn with two workers, a database, a name and a backup directory of its own. The
one named development runs with DEBUG on, the one named production without.
"""

import gzip
import hashlib
import json
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database

from tests.support.errors import error_of
from tests.support.importing import (
    backup_files,
    connection,
    export_file,
    flow,
    secret,
    uuid_of,
)
from tests.support.server_process import (
    make_environment,
    manage,
    new_database,
    run_gunicorn,
)
from tests.support.wire_client import Answer, WireClient

PASSWORD = "CANARY-wire-pass-9"
LIMIT = 200_000
PRODUCTION = {
    "DEBUG": "0",
    "SECURE_SSL_REDIRECT": "0",
    "SECRET_KEY": "only-for-the-tests-of-the-wire-contract-0123456789",
    "ZIGGY_ENCRYPTION_KEYS": "b25seS1mb3ItdGhlLXRlc3RzLW9mLXRoZS13aXJlLTE=",
    "ALLOWED_HOSTS": "127.0.0.1",
    "ZIGGY_MAX_IMPORT_BYTES": str(LIMIT),
}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PREPARE = f"""
from datetime import timedelta
from django.contrib.auth.models import Group
from django.core.management import call_command
from accounts.models import ApiToken, User
from accounts.tokens import issue_login_token
call_command("migrate", verbosity=0)
for name, group in (("ada", "Admin"), ("eve", "Editor"), ("otto", "Operator")):
    user = User.objects.create_user(name, name + "@example.org", "{PASSWORD}")
    user.groups.add(Group.objects.get(name=group))
expired = issue_login_token(user)
for token in ApiToken.objects.all():
    token.expiry -= timedelta(days=2)
    token.save()
print(expired)
"""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server, seen from outside."""

    name: str
    port: int
    environment: dict[str, str]
    log: Path
    expired_token: str
    logins: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Token and uuid of the users who have logged in, which takes a while."""

    @property
    def backups(self) -> list[str]:
        directory = Path(self.environment["ZIGGY_BACKUP_DIR"])
        return [path.name for path in backup_files(directory)] if directory.is_dir() else []

    def command(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the JSON of a management command on this server's database."""
        done = manage(self.environment, *arguments)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    one, two = (tmp_path_factory.mktemp(name) for name in ("development", "production"))
    with new_database(one) as development:
        environment = _environment("development", one, development, DEBUG="1")
        expired = _prepare(environment)
        with new_database(two, like=development) as production:
            strict = _environment("production", two, production, **PRODUCTION)
            with _serving(environment, expired) as first, _serving(strict, expired) as second:
                yield {server.name: server for server in (first, second)}


@pytest.fixture
def client(servers: dict[str, Server]) -> Iterator[Callable[..., WireClient]]:
    """`client("production", "otto")`: a session, of ada unless another is named, or nobody's.

    Whatever the test is about, every refusal that its sessions saw must have been JSON.
    """
    sessions: list[WireClient] = []

    def log_in(server: str = "production", user: str | None = "ada") -> WireClient:
        session = WireClient(port=servers[server].port)
        sessions.append(session)
        logins = servers[server].logins
        if user and user not in logins:
            assert session.login(user, PASSWORD).line == "201 Created"
            logins[user] = (session.token, session.user_id)
        if user:
            session.token, session.user_id = logins[user]
            session.password = PASSWORD
        return session

    yield log_in
    for answer in (answer for session in sessions for answer in session.answers):
        if answer.status >= 400:
            assert_refusal(answer)


def assert_refusal(answer: Answer) -> None:
    """The body is `{message, code, issues, requestId}`, and tells nothing of the inside."""
    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    types = {key: type(value) for key, value in body.items()}
    assert types == {"message": str, "code": str, "issues": list, "requestId": str}
    assert body["requestId"] == answer.headers["X-Request-ID"]
    assert body["message"]
    assert not re.search(
        rb"<html|<!doctype|Traceback|/site-packages|\.py\b", answer.body, re.IGNORECASE
    )


def _environment(name: str, directory: Path, url: str, **variables: str) -> dict[str, str]:
    log = str(directory / "server.log")
    return make_environment(name, directory, url, WIRE_LOG=log, **variables)


def _prepare(environment: dict[str, str]) -> str:
    """Migrate and make the users; the token of one that has expired."""
    done = manage(environment, "shell", "--verbosity", "0", "-c", PREPARE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def _serving(environment: dict[str, str], expired_token: str) -> Iterator[Server]:
    """The server on a port that the system chose, stopped and its port free afterwards."""
    log = Path(environment["WIRE_LOG"])
    with run_gunicorn(environment, log) as port:
        yield Server(
            name=environment["ZIGGY_SERVER_NAME"],
            port=port,
            environment=environment,
            log=log,
            expired_token=expired_token,
        )


def move(number: int, *, timeout: int, tag: str, name: str = "Move") -> bytes:
    """A file with a flow, the connection that it uses, and the secret that this one needs."""
    uses = [{"id": "n1", "type": "db", "data": {"connectionUuid": uuid_of("c", number)}}]
    return export_file(
        flow(number, f"{name} {number}", timeout=timeout, tags=[tag, "wire"], nodes=uses),
        connection(
            number, f"Base {number}", type="Postgres", devValue=f"{{p: secrets.KEY_{number}}}"
        ),
        secret(number, f"KEY_{number}"),
    )


def put(session: WireClient, content: bytes) -> None:
    assert session.upload(content, "OVERWRITE", noBackup="true").line == "201 Created"


def told(answer: Answer) -> list[tuple[str, str, str, bool]]:
    """Name, result, match and whether it is done, of every item."""
    return [
        (item["name"], item["result"], item["matchMethod"], item["isProcessed"])
        for items in answer.json().values()
        for item in items
    ]


def timeout_of(session: WireClient, number: int) -> int:
    answer: int = session.get(f"/flow/{uuid_of('f', number)}").json()["timeout"]
    return answer


# Health, login and who one is


@pytest.mark.parametrize("server", ["development", "production"])
def test_health_needs_no_login(client: Any, server: str) -> None:
    anybody = client(server, None)
    health = anybody.get("/health")
    assert health.line == "200 OK"
    assert health.json() == {"status": "ok", "database": "ok", "version": "0.1.0"}
    assert anybody.get("/auth/health").json() == {"status": "ok"}


@pytest.mark.parametrize("name", ["eve", "eve@example.org", "EVE@Example.ORG"])
@pytest.mark.parametrize("header", ["empty", "expired"])
def test_a_login_takes_name_or_email_and_ignores_the_header(
    servers: Any, client: Any, name: str, header: str
) -> None:
    session = client(user=None)
    session.token = servers["production"].expired_token if header == "expired" else ""
    answer = session.login(name, PASSWORD)
    assert answer.line == "201 Created"
    body = answer.json()
    assert re.fullmatch(r"zgy_\S{20,}", body.pop("token"))
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", body.pop("uuid"))
    assert body == {
        "username": "eve",
        "role": "EDITOR",
        "resetPassword": False,
        "passwordWasReset": False,
        "passwordStrengthOk": True,
    }


@pytest.mark.parametrize("name", ["eve", "nobody"])
def test_a_wrong_login_does_not_tell_what_was_wrong(client: Any, name: str) -> None:
    answer = client(user=None).login(name, "not-the-password")
    assert answer.line == "401 Unauthorized"
    assert error_of(answer) == {
        "message": "The user name or the password is wrong.",
        "code": "wrong-credentials",
        "issues": [],
    }


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic YWRhOmE=", "expired", None]
)
def test_a_good_cookie_opens_nothing(servers: Any, client: Any, authorization: str | None) -> None:
    session = client()
    headers = {"Authorization": authorization or ""}
    if authorization == "expired":
        headers = {"Authorization": f"Bearer {servers['production'].expired_token}"}
    answer = session.send("GET", "/flow", **headers)
    assert answer.line == "401 Unauthorized"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert error_of(answer) == {
        "message": "Log in, and send the token as Authorization: Bearer TOKEN.",
        "code": "not-authenticated",
        "issues": [],
    }


def test_a_cookie_of_somebody_else_does_not_change_who_one_is(client: Any) -> None:
    admin, operator = client(), client(user="otto")
    cookie = f"tenantId=default; provider=local; accessToken={admin.token}; userId={admin.user_id}"
    profile = operator.send("GET", "/auth/profile", Cookie=cookie)
    assert profile.json() == {
        "uuid": operator.user_id,
        "username": "otto",
        "email": "otto@example.org",
        "role": "OPERATOR",
    }
    assert operator.send("GET", "/flow/vacuum", Cookie=cookie).line == "403 Forbidden"


def test_a_refreshed_token_takes_the_place_of_the_old_one(client: Any) -> None:
    session = client(user=None)
    session.login("eve", PASSWORD)
    old = session.token
    body = {"token": old, "userId": session.user_id, "provider": "local"}
    answer = session.post("/auth/refresh-token", body)
    assert answer.line == "200 OK"
    assert list(answer.json()) == ["accessToken"]
    assert session.get("/auth/profile").line == "401 Unauthorized"
    session.token = answer.json()["accessToken"]
    assert session.token != old
    assert session.get("/auth/profile").json()["username"] == "eve"


def test_a_logout_ends_its_token_and_no_other(client: Any) -> None:
    session, other = client(user=None), client(user="eve")
    session.login("eve", PASSWORD)
    assert session.get(f"/auth/logout/{session.user_id}").line == "200 OK"
    assert session.get("/auth/profile").line == "401 Unauthorized"
    assert other.get("/auth/profile").line == "200 OK"


def test_the_log_has_the_requests_and_neither_password_nor_token(servers: Any, client: Any) -> None:
    session = client()
    session.login("ada", f"{PASSWORD}-wrong")
    session.get("/flow/logged-marker")
    session.upload(b"{", "OVERWRITE")
    log = servers["production"].log.read_text()
    assert "GET /api/flow/logged-marker" in log
    assert PASSWORD not in log
    assert session.token not in log


# Lists and exports


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Move 11", "Move 12"]),
        ("?search=&flowId=&tags=", ["Move 11", "Move 12"]),
        ("?search=mOVE%2012&flowId=&tags=", ["Move 12"]),
        (f"?search=&flowId={uuid_of('f', 11)}&tags=", ["Move 11"]),
        ("?search=&flowId=&tags=list-a,list-b", ["Move 11", "Move 12"]),
        ("?search=&flowId=&tags=list-b,no-such", ["Move 12"]),
        ("?search=11&flowId=&tags=list-b", []),
    ],
)
def test_a_list_takes_empty_and_other_filters(client: Any, query: str, names: list[str]) -> None:
    session = client("development")
    put(session, move(11, timeout=1, tag="list-a"))
    put(session, move(12, timeout=1, tag="list-b"))
    answer = session.get(f"/flow{query}")
    assert answer.line == "200 OK"
    ours = [row for row in answer.json() if row["name"] in {"Move 11", "Move 12"}]
    assert [row["name"] for row in ours] == names
    keys = {"uuid", "isSubflow", "name", "listenerType", "tags", "updatedAt"}
    assert all(row.keys() == keys for row in ours)


def test_an_export_by_tags_is_built_and_then_fetched_by_its_caller(client: Any) -> None:
    session, other = client("development"), client("development", "otto")
    put(session, move(21, timeout=1, tag="export"))
    built = session.post("/flow/export-tagged", {"tags": ["export"], "flowUuids": []})
    assert built.line == "201 Created"
    assert {kind: built.json()[kind] for kind in ("flows", "connections", "secrets")} == {
        "flows": 1,
        "connections": 1,
        "secrets": 1,
    }
    document = session.get("/flow/export-tagged")
    assert document.line == "200 OK"
    assert [flow["name"] for flow in document.json()["flows"]] == ["Move 21"]
    assert hashlib.sha256(document.body).hexdigest() == built.json()["sha256"]
    assert other.get("/flow/export-tagged").line == "404 Not Found"
    assert session.send("DELETE", "/flow/tagged-export").line == "204 No Content"
    assert session.get("/flow/export-tagged").line == "404 Not Found"


def test_tags_that_match_nothing_export_nothing_and_none_at_all_everything(client: Any) -> None:
    session = client("development")
    put(session, move(22, timeout=1, tag="full"))
    assert session.post("/flow/export-tagged", {"tags": ["no-such"]}).line == "201 Created"
    document = session.get("/flow/export-tagged").json()
    assert [document[kind] for kind in ("flows", "connections", "secrets")] == [[], [], []]
    assert session.post("/flow/export-tagged", {"tags": [], "flowUuids": []}).status == 201
    names = [flow["name"] for flow in session.get("/flow/export-tagged").json()["flows"]]
    assert "Move 22" in names
    every = session.get("/flow/export-all").json()
    assert "Move 22" in [flow["name"] for flow in every["flows"]]


# Imports


@pytest.mark.parametrize(
    ("number", "mode", "result", "after"),
    [
        (31, "LEAVE", "SKIP", {"Move 31": 10}),
        (32, "RENAME", "DUPLICATE", {"Move 32": 10, "Move 32 (copy)": 20}),
        (33, "OVERWRITE", "OVERWRITE", {"Move 33": 20}),
    ],
)
def test_an_export_moves_to_the_other_server(
    client: Any, number: int, mode: str, result: str, after: dict[str, int]
) -> None:
    development, production = client("development"), client("production")
    put(production, export_file(flow(number, f"Move {number}", timeout=10)))
    put(development, move(number, timeout=20, tag=f"move-{number}"))
    development.post("/flow/export-tagged", {"tags": [f"move-{number}"], "flowUuids": []})
    document = development.get("/flow/export-tagged").body

    answer = production.upload(document, mode, noBackup="false")

    assert answer.line == "201 Created"
    assert list(answer.json()) == ["flowsProcessed", "connectionsProcessed", "secretsProcessed"]
    assert told(answer) == [
        (f"Move {number}", result, "uuid", True),
        (f"Base {number}", "CREATE", "unmatched", True),
        (f"KEY_{number}", "CREATE", "unmatched", True),
    ]
    found = production.get(f"/flow?search=Move%20{number}&flowId=&tags=").json()
    flows = [production.get(f"/flow/{row['uuid']}").json() for row in found]
    assert {each["name"]: each["timeout"] for each in flows} == after


@pytest.mark.parametrize(
    ("word", "result"), [("skip", "SKIP"), ("duplicate", "DUPLICATE"), ("overwrite", "OVERWRITE")]
)
def test_the_words_of_the_command_are_taken_for_a_mode(client: Any, word: str, result: str) -> None:
    session = client()
    put(session, export_file(flow(34, "Words", timeout=1)))
    answer = session.upload(export_file(flow(34, "Words", timeout=2)), word, dryRun="true")
    [item] = answer.json()["flowsProcessed"]
    assert (item["result"], item["isProcessed"]) == (result, False)


@pytest.mark.parametrize(("number", "word", "is_made"), [(41, "false", True), (42, "true", False)])
def test_no_backup_as_text_is_taken_at_its_word_and_told_by_the_record(
    servers: Any, client: Any, number: int, word: str, is_made: bool
) -> None:
    session = client()
    content = move(number, timeout=5, tag="backup")
    answer = session.upload(content, "OVERWRITE", noBackup=word)
    assert answer.line == "201 Created"
    location = answer.headers["Location"]
    assert re.fullmatch(r"/api/imports/\d+", location)

    record = session.get(location.removeprefix("/api")).json()

    assert {key: record[key] for key in ("status", "door", "user", "server", "mode")} == {
        "status": "succeeded",
        "door": "api",
        "user": "ada",
        "server": "production",
        "mode": "overwrite",
    }
    assert record["fileName"] == "zexport.json"
    assert record["fileSha256"] == hashlib.sha256(content).hexdigest()
    assert record["counts"] == {"CREATE": 3}
    assert record["withBackup"] is is_made
    assert (record["backup"] is not None) is is_made
    assert not is_made or record["backup"]["name"] in servers["production"].backups


def test_a_dry_run_tells_the_plan_and_writes_nothing(client: Any) -> None:
    session = client()
    records = session.get("/imports").json()["count"]
    answer = session.upload(
        move(43, timeout=5, tag="dry"), "OVERWRITE", noBackup="false", dryRun="true"
    )
    assert answer.line == "200 OK"
    assert told(answer) == [
        ("Move 43", "CREATE", "unmatched", False),
        ("Base 43", "CREATE", "unmatched", False),
        ("KEY_43", "CREATE", "unmatched", False),
    ]
    assert session.get(f"/flow/{uuid_of('f', 43)}").line == "404 Not Found"
    assert session.get("/imports").json()["count"] == records


@pytest.mark.parametrize(("number", "mode"), [(51, "LEAVE"), (52, "OVERWRITE")])
def test_command_and_api_give_the_same_lists_and_records(
    servers: Any, client: Any, tmp_path: Path, number: int, mode: str
) -> None:
    session = client()
    older, newer = (move(number, timeout=timeout, tag="doors") for timeout in (1, 2))
    path = tmp_path / "zexport.json"
    path.write_bytes(newer)
    option = {"LEAVE": "--skip", "OVERWRITE": "--overwrite"}[mode]

    put(session, older)
    code, printed = servers["production"].command(
        *("flow_import", "--server", "production", option, "--no-prompt", "--no-backup"),
        *("--file-path", str(path)),
    )
    [by_command] = session.get("/imports?door=command&pageSize=1").json()["results"]
    put(session, older)
    answer = session.upload(newer, mode, noBackup="true")

    assert (code, printed["status"], printed["statusText"]) == (0, 201, "Created")
    assert told(answer)[0] == (f"Move {number}", {"LEAVE": "SKIP"}.get(mode, mode), "uuid", True)
    assert printed["data"] == answer.json()
    records = [
        session.get(f"/imports/{by_command['id']}").json(),
        session.get(answer.headers["Location"].removeprefix("/api")).json(),
    ]
    assert [(record["door"], record["user"] == "ada") for record in records] == [
        ("command", False),
        ("api", True),
    ]
    for record in records:
        for key in ("id", "door", "user", "startedAt", "finishedAt", "seconds"):
            del record[key]
    assert records[0] == records[1]
    assert len(records[0]["items"]["results"]) == 3


def test_command_and_api_refuse_a_file_for_the_same_reasons(
    servers: Any, client: Any, tmp_path: Path
) -> None:
    content = export_file({"uuid": "f", "name": 5}, secret(1, "not a name"))
    path = tmp_path / "zexport.json"
    path.write_bytes(content)
    code, printed = servers["production"].command(
        *("flow_import", "--server", "production", "--skip", "--no-prompt"),
        *("--file-path", str(path)),
    )
    answer = client().upload(content, "LEAVE", noBackup="false")
    assert (code, printed["status"], answer.status) == (3, 422, 422)
    paths = [issue["path"] for issue in answer.json()["issues"]]
    assert paths == ["flows[0].uuid", "flows[0].name", "secrets[0].name"]
    assert printed["data"]["issues"] == answer.json()["issues"]
    assert printed["data"]["message"] == answer.json()["message"]


# Named saves


def test_named_saves_are_taken_listed_newest_first_loaded_and_restored(client: Any) -> None:
    session = client()
    uuid = uuid_of("f", 61)
    put(session, export_file(flow(61, "Saved", timeout=1)))
    taken = session.post(f"/ziggy/history-named-save/{uuid}/Before%20noon")
    assert taken.line == "201 Created"
    put(session, export_file(flow(61, "Saved", timeout=2)))

    saves = session.get(f"/ziggy/named-saves/{uuid}").json()

    assert [save["saveName"] for save in saves] == ["Pre import", "Before noon"]
    assert saves[1] == taken.json()
    assert saves[0]["createdAt"] > saves[1]["createdAt"]
    assert {(save["flowName"], save["isNamedSave"]) for save in saves} == {("Saved", True)}
    loaded = session.get(f"/ziggy/history-load/{saves[0]['uuid']}").json()
    assert (loaded["uuid"], loaded["timeout"]) == (uuid, 1)
    assert timeout_of(session, 61) == 2
    assert session.post(f"/ziggy/named-saves/{saves[0]['uuid']}/restore").line == "200 OK"
    assert timeout_of(session, 61) == 1


# The database as a whole


def test_a_backup_is_made_on_the_server(servers: Any, client: Any) -> None:
    answer = client().post("/system/backup-db")
    assert answer.line == "200 OK"
    body = answer.json()
    assert body["localBackupFile"] in servers["production"].backups
    del body["localBackupFile"]
    assert body == {"localBackupStatus": "success", "remoteBackupStatus": "not_configured"}


def test_the_database_is_transferred_as_a_gzip_that_opens(client: Any, tmp_path: Path) -> None:
    session = client()
    put(session, export_file(flow(71, "In the copy")))
    assert session.post("/system/transfer-db").line == "201 Created"
    answer = session.get("/system/download-transfer")
    assert (answer.line, answer.headers["Content-Type"]) == ("200 OK", "application/gzip")
    path = tmp_path / "copy"
    path.write_bytes(gzip.decompress(answer.body))
    if database.vendor == "sqlite":
        with closing(sqlite3.connect(path)) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            names = copy.execute("SELECT name FROM flows_flow").fetchall()
            assert ("In the copy",) in names
        return
    listing = subprocess.run(
        ["pg_restore", "--list", path], capture_output=True, text=True, check=True, timeout=30
    )
    assert re.search(r"TABLE DATA public flows_flow ", listing.stdout)


def test_a_vacuum_purges_what_was_deleted(client: Any) -> None:
    session = client("development")
    put(session, export_file(flow(72, "To be deleted")))
    assert session.send("DELETE", f"/flow/{uuid_of('f', 72)}").status in {200, 204}
    answer = session.get("/flow/vacuum")
    assert answer.line == "200 OK"
    body = answer.json()
    assert (body["flows"], body["connections"], body["secrets"]) == (1, 0, 0)
    assert session.get("/flow/vacuum").json()["flows"] == 0


def test_the_version_has_its_numbers(client: Any) -> None:
    assert client(user="otto").get("/system/version-info").json() == {
        "major": 0,
        "minor": 1,
        "build": 0,
        "info": "Ziggy flow import 0.1.0",
    }


def test_the_schema_is_openapi_3_1_without_a_login(client: Any) -> None:
    schema = client(user=None).get("/schema").json()
    assert schema["openapi"].startswith("3.1")
    assert "/api/flow/import" in schema["paths"]


# Refusals


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/flow/vacuum", "403 Forbidden", "not-permitted"),
        ("POST", "/system/transfer-db", "403 Forbidden", "not-permitted"),
        ("GET", "/system/download-transfer", "403 Forbidden", "not-permitted"),
        ("DELETE", f"/flow/{uuid_of('f', 1)}", "403 Forbidden", "not-permitted"),
        ("GET", f"/flow/{UNKNOWN}", "404 Not Found", "not-found"),
        ("GET", "/no-such-thing", "404 Not Found", "not-found"),
        ("GET", "/flow/", "404 Not Found", "not-found"),
        ("GET", "/imports/999999", "404 Not Found", "not-found"),
        ("GET", f"/ziggy/history-load/{UNKNOWN}", "404 Not Found", "not-found"),
        ("PATCH", "/auth/profile", "405 Method Not Allowed", "method-not-allowed"),
        ("DELETE", "/flow/import", "405 Method Not Allowed", "method-not-allowed"),
    ],
)
def test_an_operator_is_refused_in_json(
    client: Any, method: str, path: str, status: str, code: str
) -> None:
    for server in ("development", "production"):
        answer = client(server, "otto").send(method, path, b"" if method == "POST" else None)
        assert answer.line == status
        assert answer.json()["code"] == code


def test_an_operator_may_read_and_not_import(client: Any) -> None:
    operator = client(user="otto")
    assert operator.get("/flow").line == "200 OK"
    answer = operator.upload(move(81, timeout=1, tag="no"), "LEAVE", noBackup="false")
    assert (answer.line, answer.json()["code"]) == ("403 Forbidden", "not-permitted")
    assert operator.get(f"/flow/{uuid_of('f', 81)}").status == 404


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT, 40 * LIMIT])
def test_a_file_that_is_too_large_is_told_so_and_not_cut_off(client: Any, size: int) -> None:
    answer = client().upload(b"x" * size, "LEAVE", noBackup="false")
    assert (answer.status, answer.json()["code"]) == (413, "too-large")


@pytest.mark.parametrize("body", [b"", b'{"file": {"path": "/etc/passwd"}}'])
def test_an_import_that_is_no_form_is_unsupported(client: Any, body: bytes) -> None:
    answer = client().send("POST", "/flow/import", body)
    assert answer.line == "415 Unsupported Media Type"


@pytest.mark.parametrize(
    ("content", "texts", "path"),
    [
        (b'{"flows": [{}]}', {"duplicatesMode": "LEAVE"}, "flows[0].uuid"),
        (b"{}", {"duplicatesMode": "PERHAPS"}, "duplicatesMode"),
        (b"{}", {"duplicatesMode": "LEAVE", "noBackup": "maybe"}, "noBackup"),
    ],
)
def test_a_form_or_a_file_that_is_wrong_is_unprocessable(
    client: Any, content: bytes, texts: dict[str, str], path: str
) -> None:
    texts = dict(texts)
    answer = client().upload(content, texts.pop("duplicatesMode"), **texts)
    assert answer.status == 422
    assert answer.json()["issues"][0]["path"] == path


def test_what_is_no_json_is_malformed(client: Any) -> None:
    session = client()
    assert session.send("POST", "/auth/login", b'{"username": ').line == "400 Bad Request"
    assert session.upload(b"{", "LEAVE").line == "400 Bad Request"


def test_a_token_that_is_dead_is_told_so_after_a_large_upload(client: Any) -> None:
    answer = client(user=None).upload(b" " * 40 * LIMIT, "LEAVE", noBackup="false")
    assert answer.line == "401 Unauthorized"


# Bodies in chunks, which Django would take for none


def in_chunks(
    session: WireClient, method: str, path: str, body: bytes, *, content_type: str
) -> tuple[str, str, bytes]:
    """The answer's line, its media type and its body."""
    raw = HTTPConnection("127.0.0.1", session.port, timeout=30)
    headers = {
        "Authorization": f"Bearer {session.token}",
        "Content-Type": content_type,
        "Transfer-Encoding": "chunked",
    }
    pieces = (body[start : start + 65536] for start in range(0, len(body), 65536))
    try:
        raw.request(method, path, body=pieces, headers=headers, encode_chunked=True)
        answer = raw.getresponse()
        line = f"{answer.status} {answer.reason}"
        return line, answer.headers["Content-Type"], answer.read()
    finally:
        raw.close()


def test_a_dry_run_of_an_undo_in_chunks_undoes_nothing(client: Any) -> None:
    session = client()
    done = session.upload(move(91, timeout=1, tag="chunks"), "OVERWRITE", noBackup="true")
    path = f"{done.headers['Location']}/undo"
    body = json.dumps({"dryRun": True}).encode()
    line, kind, answer = in_chunks(session, "POST", path, body, content_type="application/json")
    assert (line, kind) == ("411 Length Required", "application/json")
    told = json.loads(answer)
    assert told.pop("requestId")
    assert told == {
        "message": "Send the body with its Content-Length, and not in chunks.",
        "code": "length-required",
        "issues": [],
    }
    assert timeout_of(session, 91) == 1
    assert session.get("/imports?mode=undo").json()["count"] == 0


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/api/flow/import", "/api/secret", "/api/auth/login", "/api/no"])
@pytest.mark.parametrize("size", [0, 2, 40 * LIMIT])
def test_a_body_in_chunks_is_refused_whatever_it_is_for(
    client: Any, method: str, path: str, size: int
) -> None:
    content_type = "multipart/form-data; boundary=x" if "import" in path else "application/json"
    told = in_chunks(client(), method, path, b" " * size, content_type=content_type)
    assert told[:2] == ("411 Length Required", "application/json")


@pytest.mark.parametrize("path", ["/admin/login/", "/admin/imports/importrecord/upload/", "/"])
def test_so_it_is_by_the_pages(client: Any, path: str) -> None:
    form = b"username=ada&password=x"
    told = in_chunks(
        client(user=None), "POST", path, form, content_type="application/x-www-form-urlencoded"
    )
    assert told == (
        "411 Length Required",
        "text/plain; charset=utf-8",
        b"Send the body with its Content-Length, and not in chunks.\n",
    )
